#!/usr/bin/python3
"""What a login costs with the real module, helper and server, in the sandbox. Prints JSON: times in milliseconds, sizes in bytes.

- added: what one login takes longer than over an empty stack, when the phone answers at once (pamtester, TLS on loopback, median), and the same of Debian's
  libpam-duo, whose service answers at once too.
- answer: from the phone's answer to pam_authenticate's return.
- helper: the helper's own memory for a login that waits.
- left: threads, children and descriptors that the module leaves in the program.
- sshd: memory of sshd's PAM process at the module's prompt, less that at another module's prompt; and its threads and children there.
"""
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "sandbox"), os.path.join(HERE, "..", "backend")]
import sandbox  # noqa: E402

sandbox.enter()
import crowd  # noqa: E402
from crowd import peers, pem, resident  # noqa: E402

COUNT = int(os.environ.get("BENCH_COUNT", "40"))
PARKED = 400
PAM_TIME, PHONE = (os.path.join(crowd.BUILD, "tests/bench", name) for name in ("pam_time", "phone"))
LIMITS = "[limits]\npushes_per_source = 1000\npushes_per_user = 1000\nopen_per_user = 10000\nopen_per_host = 10000\nrequests_per_host = 1000000\n"


class Enrolled(peers.Server):
    """The sandbox's server, as peers.Phone wants it."""

    def __init__(self, server):  # pylint: disable=super-init-not-called
        self.url, self.port = server.url, server.port


def start_phone(server):
    """A phone that answers at once (tests/bench/phone.c); its output is when it did."""
    phone = peers.Phone(Enrolled(server), link=server.link("alice").split("#")[1].split(".")[0])
    sandbox.write("/tmp/world.json", json.dumps({"issuer": server.url, "port": server.port, "hosts": [], "phones": [{"user": "alice", "key": pem(phone.key)}]}))
    child = subprocess.Popen([PHONE, "/tmp/world.json", "tls"], stdout=subprocess.PIPE, text=True)
    time.sleep(0.3)
    assert child.poll() is None
    return child


def start_duo():
    port = sandbox.free_port()
    sandbox.sh("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost", "-addext",
               "subjectAltName=DNS:localhost", "-days", "2", "-keyout", "/tmp/duo.key", "-out", "/tmp/duo.crt")
    sandbox.Daemon("duo", [os.path.join(HERE, "duo_mock.py"), str(port), "/tmp/duo.crt", "/tmp/duo.key"]).start()
    sandbox.wait_for("the mock of Duo's service", lambda: sandbox.listening(port))
    sandbox.write("/etc/security/pam_duo.conf", f"[duo]\nhost = localhost:{port}\nikey = DIXXXXXXXXXXXXXXXXXX\nskey = {'x' * 40}\ncafile = /tmp/duo.crt\n"
                                           "failmode = secure\nautopush = yes\nprompts = 1\n", 0o600)


def stack(name, *lines):
    sandbox.write(f"/etc/pam.d/{name}", "".join(f"auth required {line}\n" for line in lines) + "account required pam_permit.so\n")


def pamtester(service):
    start = time.monotonic()
    sandbox.sh("pamtester", "-I", "rhost=192.0.2.1", service, "alice", "authenticate")
    return (time.monotonic() - start) * 1000


def added():
    stack("bench", "pam_approve.so")
    stack("bench-duo", "pam_duo.so")
    stack("bench-empty", "pam_permit.so")
    times = {name: [] for name in ("bench", "bench-duo", "bench-empty")}
    for number in range(COUNT + 3):
        for name, took in times.items():
            if name != "bench-duo" or number % 4 == 0:
                took.append(pamtester(name))
    ours, duo, empty = (statistics.median(took[1:]) for took in times.values())
    return ours - empty, duo - empty


def answer(phone):
    """In one process, so that its start is not in it."""
    lines = sandbox.sh(PAM_TIME, "bench", "alice", str(COUNT)).stdout.split("\n")
    returned = [int(line) for line in lines[:COUNT]]
    answered = [int(phone.stdout.readline()) for _ in range(COUNT)]
    left = dict(zip(("threads", "children", "descriptors"), map(int, lines[COUNT].split())))
    return statistics.median((end - start) / 1e6 for start, end in zip(answered, returned)), left


def park(count):
    """Logins that wait, as the module speaks to the helper."""
    lines = []
    for number in range(count):
        line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        line.connect("/run/approve/helper.sock")
        line.send(f"Sversion=1\0service=bench\0user=carol\0rhost=192.0.2.{number % 250 + 1}\0".encode())
        lines.append(line)
    for line in lines:
        frame = line.recv(4096)
        while frame[:1] == b"I":
            frame = line.recv(4096)
        assert frame[:1] == b"W", frame
    return lines


def child_of(pid, name):
    """The one process of this name below pid."""
    out = sandbox.sh("ps", "-e", "-o", "pid=,ppid=,args=").stdout
    rows = [line.split(None, 2) for line in out.splitlines()]
    below, found = {str(pid)}, None
    for _ in rows:
        below |= {row[0] for row in rows if row[1] in below}
    for row in rows:
        if row[0] in below and re.search(name, row[2]):
            found = int(row[0])
    assert found, out
    return found


def at_prompt(sshd, pattern):
    """Memory, threads and children of sshd's PAM process while a prompt is open."""
    ssh = sandbox.Ssh(sshd)
    ssh.expect(pattern)
    pid = child_of(sshd.daemon.child.pid, r"\[pam\]")
    status = sandbox.read(f"/proc/{pid}/status")
    found = resident(pid), int(re.search(r"^Threads:\s+(\d+)", status, re.M).group(1)), sandbox.read(f"/proc/{pid}/task/{pid}/children").split()
    ssh.kill()
    return found


def in_sshd():
    """At pam_unix's prompt, without and with our module in front of it: there at our prompt."""
    sizes, threads, children = {}, 0, 0
    for name, pattern, lines in (("unix", "[Pp]assword: ", ["pam_unix.so"]), ("approve", r"Number \d\d\.", ["pam_approve.so", "pam_unix.so"])):
        stack("bench-sshd", *lines)
        sshd = sandbox.Sshd(name=f"sshd-{name}", pam="/etc/pam.d/bench-sshd")
        found = [at_prompt(sshd, pattern) for _ in range(3)]
        sizes[name] = statistics.median(size for size, _, _ in found)
        threads, children = max(threads for _, threads, _ in found), max(len(children) for _, _, children in found)
        sshd.daemon.stop()
    return {"memory": sizes["approve"] - sizes["unix"], "threads": threads - 1, "children": children}


def main():
    syslog = sandbox.Syslog()
    sandbox.install()
    for name in ("alice", "carol"):
        sandbox.person(name)
    server = sandbox.Server(conf=LIMITS)
    for name in ("alice", "carol"):
        server.cli("user", "add", name)
    sandbox.Phone(server, "carol")
    host = sandbox.Host(server, conf="[service bench]\nnumber = off\n")
    start_duo()
    phone = start_phone(server)
    found = {}
    try:
        found["added"], found["added_duo"] = added()
        for _ in range(COUNT + 3):
            phone.stdout.readline()
        found["answer"], found["left"] = answer(phone)
        helper = host.helper.child.pid
        first = park(100)
        before = resident(helper)
        more = park(PARKED)
        found["helper"] = (resident(helper) - before) / PARKED
        for line in first + more:
            line.close()
        phone.kill()
        found["sshd"] = in_sshd()
    except Exception:
        print("\n".join(syslog.lines[-20:]) + sandbox.tails(server.daemon, host.helper), file=sys.stderr)
        raise
    print(json.dumps(found))


main()
