"""The real parts, started in the sandbox as README.md says: server, host (helper), sshd, phone, people. For the tests and `make demo`.

A test program begins with `sandbox.enter()`, which runs it again inside tests/sandbox/enter. From there on it is process 1 of a machine of its own.
"""
import atexit
import functools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import pexpect

from pace import slower  # noqa: F401 (for the tests)

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
B = os.path.join(TOP, os.environ.get("B", "build"))
LOGS = "/var/log/approve-tests"
PASSWORD = "correct horse"
LOOKS, LOOK_SECONDS = 5, 0.02  # of wait_for
SANITIZER_OPTIONS = ("ASAN_OPTIONS", "UBSAN_OPTIONS")


def enter(net=True):
    """Runs this program again in the sandbox, unless it is there already."""
    if os.environ.get("PAM_APPROVE_SANDBOX") == "inside":
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        os.makedirs(LOGS, exist_ok=True)
        sanitizer_reports()
        return
    argv = [os.path.join(TOP, "tests/sandbox/enter")] + (["--net"] if net else []) + ["/usr/bin/python3"] + sys.argv
    sys.stdout.flush()
    os.chdir(TOP)
    os.execv(argv[0], argv)


@functools.cache
def sanitizer_reports():
    """The folder where programs that were built with sanitizers write what they find; None where these were not. To be called before they are started."""
    if os.environ.get("SANITIZE") != "1":
        return None
    folder = tempfile.mkdtemp(prefix="approve-sanitizer-")
    atexit.register(shutil.rmtree, folder)
    os.chmod(folder, 0o1777)
    for name in SANITIZER_OPTIONS:
        os.environ[name] = f"log_path={folder}/report:print_stacktrace=1"
    return folder


def sh(*argv, text=None, check=True, user=None, timeout=60, env=None):
    """Runs a program to its end; its output (both streams) in .stdout."""
    if user:
        argv = ("setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--reset-env") + argv
    done = subprocess.run(argv, input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout, check=False,
                          env=dict(os.environ, **(env or {})))
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(argv)}: exit {done.returncode}\n{done.stdout}")
    return done


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)
    os.chmod(path, mode)


def read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as text:
            return text.read()
    except FileNotFoundError:
        return ""


def asan_with(option):
    """ASAN_OPTIONS for a program that runs with one more: its reports still go where the others' go."""
    return f"{os.environ.get('ASAN_OPTIONS', '')}:{option}"


def strace(*argv):
    """The argv of strace, below which LeakSanitizer does not work."""
    return ["strace", "-E", f"ASAN_OPTIONS={asan_with('detect_leaks=0')}", *argv]


def wait_for(what, condition, seconds=5.0):
    """The first true value of condition(), or an error that names what was waited for (words, or a function that gives them then). It looks LOOKS times at
    least, and a time in which this program did not run does not count."""
    end, looks = time.monotonic() + seconds, 0
    while True:
        value = condition()
        if value:
            return value
        looks += 1
        start = time.monotonic()
        if start > end and looks >= LOOKS:
            raise AssertionError(f"waited {seconds} s for {what() if callable(what) else what}")
        time.sleep(LOOK_SECONDS)
        late = time.monotonic() - start - LOOK_SECONDS
        end += late if late > 0.2 else 0


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listening(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Daemon:
    """A program in the background; its output is in log."""
    all = []

    def __init__(self, name, argv, prefix=()):
        self.name, self.argv, self.prefix = name, list(argv), list(prefix)
        self.log = f"{LOGS}/{name}.log"
        self.child = None
        Daemon.all.append(self)

    def start(self):
        with open(self.log, "ab") as out:
            self.child = subprocess.Popen(self.prefix + self.argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)
        return self

    def running(self):
        return self.child is not None and self.child.poll() is None

    def send(self, number):
        os.kill(self.child.pid, number)

    def stop(self, number=signal.SIGTERM):
        if self.running():
            self.send(number)
            try:
                self.child.wait(10)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait(10)
        self.child = None


class Syslog(threading.Thread):
    """/dev/log, into a list of lines."""

    def __init__(self):
        super().__init__(daemon=True)
        self.lines = []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("/dev/log")
        os.chmod("/dev/log", 0o666)
        self.start()

    def run(self):
        while True:
            line = self.socket.recv(65536).decode("utf-8", "replace").rstrip("\n\0")
            self.lines.append(re.sub(r"^<\d+>\w+ +\d+ [\d:]+ ", "", line))

    def mark(self):
        return len(self.lines)

    def since(self, mark):
        return "\n".join(self.lines[mark:])


def install():
    """make install, sysusers and tmpfiles, into the sandbox's own /usr and /etc."""
    arch = sh("gcc", "-print-multiarch").stdout.strip()
    sh(f"{TOP}/conf/install", env={"PREFIX": "/usr", "DESTDIR": "", "SYSCONFDIR": "/etc", "PAMDIR": f"/usr/lib/{arch}/security", "B": B})
    sh("systemd-sysusers", "/usr/lib/sysusers.d/approve.conf")
    sh("systemd-tmpfiles", "--create", "/usr/lib/tmpfiles.d/approve.conf")


def person(name, password=PASSWORD, groups=()):
    """An account that exists in the sandbox only, with an ssh key of its own."""
    sh("useradd", "--create-home", "--shell", "/bin/bash", *(["--groups", ",".join(groups)] if groups else []), name)
    sh("chpasswd", text=f"{name}:{password}\n")
    home = f"/home/{name}"
    os.makedirs(f"{home}/.ssh", mode=0o700, exist_ok=True)
    sh("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{home}/.ssh/id_ed25519")
    shutil.copy(f"{home}/.ssh/id_ed25519.pub", f"{home}/.ssh/authorized_keys")
    sh("chown", "-R", f"{name}:{name}", home)


class Server:
    """approve-server, as its own user."""

    def __init__(self, scheme="https", conf="", name="localhost"):
        self.port = free_port()
        self.url = f"{scheme}://{name}:{self.port}"
        os.makedirs("/run/approve-server", exist_ok=True)
        shutil.chown("/run/approve-server", "approve-server", "approve-server")
        sh("approve-server", "init", "--url", self.url, "--name", "Example Org")
        if conf:
            with open("/etc/approve/server.conf", "a", encoding="utf-8") as out:
                out.write("\n" + conf + "\n")
        self.daemon = Daemon("approve-server", ["approve-server", "serve"],
                             ["setpriv", "--reuid=approve-server", "--regid=approve-server", "--clear-groups"])
        self.start()

    def start(self):
        self.daemon.start()
        wait_for("approve-server to listen", lambda: listening(self.port) and os.path.exists("/run/approve-server/admin.sock"))

    def stop(self, number=signal.SIGTERM):
        self.daemon.stop(number)

    def cli(self, *argv, check=True):
        return sh("approve-server", *argv, check=check).stdout

    def json(self, *argv):
        return json.loads(self.cli(*argv, "--json"))

    def link(self, user):
        return re.search(r"https?://\S+/enroll#\S+", self.cli("enroll", user)).group(0)

    def activity(self, user):
        return self.json("activity", "--user", user)


def join_command(text):
    """The URL and the token in what `approve-server host add` printed."""
    return re.search(r"^  approvectl join (\S+)$.*^  (\S+)$", text, re.M | re.S).groups()


class Host:
    """A host: its key, host.conf, and approve-helper with the socket and the state folder that systemd would make. A second host lives in mounts of its own."""

    def __init__(self, server, ident="web1", own_mounts=False, conf=""):
        self.ident, self.prefix = ident, []
        if own_mounts:
            keeper = subprocess.Popen(["unshare", "--mount", "sh", "-c", f"""
                mkdir -p /mnt/{ident}/etc /mnt/{ident}/run /mnt/{ident}/state /var/lib/approve-helper && mount --bind /mnt/{ident}/etc /etc/approve &&
                mount --bind /mnt/{ident}/run /run/approve && mount --bind /mnt/{ident}/state /var/lib/approve-helper && echo ready && exec sleep infinity"""],
                                      stdout=subprocess.PIPE)
            assert keeper.stdout.readline() == b"ready\n"
            self.prefix = ["nsenter", f"--target={keeper.pid}", "--mount", f"--wd={TOP}"]
        url, token = join_command(server.cli("host", "add", ident, "--name", f"{ident}.example.org"))
        self.run("approvectl", "join", url, text=token + "\n")
        self.conf("", append=conf)
        self.run("install", "-d", "-m", "0700", "-o", "approve-helper", "-g", "approve-helper", "/var/lib/approve-helper")
        kept = [f"--setenv={name}" for name in SANITIZER_OPTIONS if name in os.environ]
        self.helper = Daemon(f"approve-helper-{ident}",
                             ["systemd-socket-activate", "--seqpacket", "-l", "/run/approve/helper.sock", *kept,
                              "setpriv", "--reuid=approve-helper", "--regid=approve-helper", "--clear-groups", "approve-helper"], self.prefix)
        self.start()

    def run(self, *argv, **more):
        return sh(*self.prefix, *argv, **more)

    def start(self):
        self.run("rm", "-f", "/run/approve/helper.sock")
        self.helper.start()
        wait_for("the helper's socket", lambda: self.run("test", "-S", "/run/approve/helper.sock", check=False).returncode == 0)
        self.run("chmod", "666", "/run/approve/helper.sock")

    def stop(self, number=signal.SIGTERM):
        self.helper.stop(number)

    def conf(self, text, append=""):
        """Puts text in the place of all but the parts that join wrote, or appends. Back to join's own with neither."""
        joined = self.run("sh", "-c", "test -e /etc/approve/host.conf.joined || cp /etc/approve/host.conf /etc/approve/host.conf.joined;"
                          "cat /etc/approve/host.conf.joined").stdout
        self.run("sh", "-c", "cat > /etc/approve/host.conf.new && mv /etc/approve/host.conf.new /etc/approve/host.conf",
                 text=joined + "\n" + text + "\n" + append + "\n")


SSHD_PAM = f"{TOP}/conf/pam.d/sshd"


class Sshd:
    """The real sshd with conf/'s snippets for it and for PAM, on a port of its own."""

    def __init__(self, name="sshd", prefix=(), config="", pam=None):
        self.port = free_port()
        self.name = name
        if not os.path.exists("/etc/ssh/ssh_host_ed25519_key"):
            sh("ssh-keygen", "-A")
        shutil.copy(f"{TOP}/conf/sshd_config.d/pam_approve.conf", "/etc/ssh/sshd_config.d/pam_approve.conf")
        shutil.copy(pam or SSHD_PAM, "/etc/pam.d/sshd")
        argv = ["/usr/sbin/sshd", "-D", "-e", "-p", str(self.port), "-o", "ListenAddress=127.0.0.1", "-o", f"PidFile=/run/{name}.pid",
                "-o", "MaxStartups=100", "-o", "LogLevel=VERBOSE"]
        for option in config.splitlines():
            if option.strip():
                argv += ["-o", option.strip()]
        self.daemon = Daemon(name, argv, prefix)
        self.daemon.start()
        wait_for("sshd to listen", lambda: listening(self.port))


class Ssh:
    """The real ssh client on a terminal."""

    def __init__(self, sshd, user="alice", key=False, command="echo in as $(id -un)", options=(), client=()):
        argv = ["-p", str(sshd.port), "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
                "-o", "NumberOfPasswordPrompts=1"]
        argv += ["-i", f"/home/{user}/.ssh/id_ed25519", "-o", "IdentitiesOnly=yes"] if key else ["-o", "PubkeyAuthentication=no"]
        for option in options:
            argv += ["-o", option]
        argv = [*client, "ssh", *argv, f"{user}@127.0.0.1", command]
        self.term = pexpect.spawn(argv[0], argv[1:], encoding="utf-8", codec_errors="replace", timeout=10,
                                  dimensions=(24, 100))
        self.term.delaybeforesend = None
        self.key = key
        self.user = user
        self.first_factor = 0.0

    def password(self, password=PASSWORD):
        self.term.expect("[Pp]assword: ")
        self.term.sendline(password)
        self.first_factor = time.monotonic()
        return self

    def number(self, timeout=10):
        """The number at the prompt, once it is whole."""
        if not self.key and not self.first_factor:
            self.password()
        self.term.expect(r"Number (\d\d)\.[^\r\n]*: ", timeout=timeout)
        return int(self.term.match.group(1))

    def expect(self, pattern, timeout=10):
        return self.term.expect(pattern, timeout=timeout)

    def send(self, line=""):
        self.term.sendline(line)

    def signed_in(self, timeout=10):
        self.term.expect(f"in as {self.user}", timeout=timeout)
        self.term.expect(pexpect.EOF, timeout=timeout)
        self.term.close()
        assert self.term.exitstatus == 0, f"ssh ended with {self.term.exitstatus}"

    def refused(self, timeout=10):
        """Waits for the end; returns what was shown before it."""
        self.term.expect(pexpect.EOF, timeout=timeout)
        shown = self.term.before
        self.term.close()
        assert self.term.exitstatus == 255 and "in as" not in shown, f"ssh ended with {self.term.exitstatus}: {shown!r}"
        return shown

    def kill(self):
        self.term.close(force=True)


class Phone:
    """approve-phone with a state folder of its own."""

    def __init__(self, server, user="alice", name="Pixel 8"):
        self.state = f"/var/lib/phones/{user}-{name.replace(' ', '-').replace('/', '-')}-{os.urandom(3).hex()}"
        self.cli("enroll", "--name", name, "--yes", text=server.link(user) + "\n")

    def remove(self):
        self.cli("remove", "--yes")

    def cli(self, *argv, check=True, **more):
        return sh("approve-phone", "--state", self.state, *argv, check=check, **more)

    def json(self, *argv):
        return json.loads(self.cli(*argv, "--json").stdout)

    def requests(self):
        return self.json("list")

    def open(self):
        return [r for r in self.requests() if r["state"] == "open"]

    def approve(self, number=None, wait=5, check=True):
        """The newest open request; a helper that was killed leaves older ones behind."""
        if check:
            wait_for("an open request", self.open, wait)
        newest = self.open()[:1]
        return self.cli("approve", "--wait", str(wait), *(["--number", str(number)] if number is not None else []),
                        *(["--request", newest[0]["request"]] if newest else []), check=check)

    def deny(self, not_me=False, wait=5):
        return self.cli("deny", "--wait", str(wait), *(["--not-me"] if not_me else []))

    def code(self, host=None):
        return self.json("code", *(["--host", host] if host else []))["code"]

    def fresh_code(self):
        """One that was not used yet: a code counts once."""
        used = getattr(self, "used_code", None)
        self.used_code = wait_for("a new code", lambda: (code := self.code()) != used and code, 32)
        return self.used_code

    def last(self):
        """The newest request as the phone shows it."""
        found = self.requests()
        return found[0] if found else None

    def ended(self, result, seconds=5):
        return wait_for(f"the phone to show {result}; it shows {self.last()}", lambda: (self.last() or {}).get("result") == result, seconds)


class Tests:
    """Collects test functions and runs them as TAP. `only`: words on the command line pick some by name."""

    def __init__(self):
        self.tests = []

    def __call__(self, words):
        def take(function):
            self.tests.append((words, function))
            return function
        return take

    def run(self, on_failure=None):
        import traceback
        chosen = [t for t in self.tests if not sys.argv[1:] or any(w in t[1].__name__ for w in sys.argv[1:])]
        sanitize = sanitizer_reports() is not None
        print(f"1..{len(chosen) + sanitize}")
        failed = 0
        for number, (words, function) in enumerate(chosen, 1):
            start = time.monotonic()
            try:
                function()
                print(f"ok {number} - {words}", flush=True)
            except Exception:  # every fault of a test is that test's failure
                failed += 1
                print(f"not ok {number} - {words}")
                trouble = traceback.format_exc() + (on_failure() if on_failure else "")
                print("\n".join("# " + line for line in trouble.splitlines()), flush=True)
            print(f"# {function.__name__}: {time.monotonic() - start:.2f} s", flush=True)
        if sanitize:
            failed += not self.sanitizers_are_content(len(chosen) + 1)
        sys.exit(1 if failed else 0)

    @staticmethod
    def sanitizers_are_content(number):
        """Ends the daemons, which then look for leaks, and shows what the sanitizers of all programs wrote."""
        for daemon in Daemon.all:
            daemon.stop()
        folder = sanitizer_reports()
        reports = [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
        print(f"{'not ' if reports else ''}ok {number} - no sanitizer has anything to say of the programs", flush=True)
        for report in reports:
            print("\n".join("# " + line for line in read(report).splitlines()[:60]), flush=True)
        return not reports


def tails(*daemons, lines=12):
    """The ends of some logs, to be shown with a failure."""
    return "".join(f"\n--- {d.name}\n" + "\n".join(read(d.log).splitlines()[-lines:]) for d in daemons)
