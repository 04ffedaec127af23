#!/usr/bin/python3
"""approvectl protect, keep, unprotect, revert, with the real sshd: what is written is whole, is put back when nobody confirms it, and an edit survives."""
import glob
import os
import re
import shutil
import subprocess
import time

import common
import pexpect
import sandbox
from terminal import Terminal

sandbox.enter()
HELPER = "/run/approve/helper.sock"
STACK, DROP_IN, STATE = "/etc/pam.d/sshd", "/etc/ssh/sshd_config.d/00-pam_approve.conf", "/var/lib/approve-host"
DEBIAN = "".join(open(STACK, encoding="utf-8"))  # as Debian ships it, before the harness writes ours
world = common.World(conf="[service sshd]\nexcept = root", people=("alice", "bob"))
test = sandbox.Tests()
OURS = sandbox.read("/usr/share/pam_approve/pam.d/sshd")
os.unlink("/etc/ssh/sshd_config.d/pam_approve.conf")
sandbox.write(STACK, DEBIAN, 0o640)  # a mode of its own, to be kept
os.makedirs("/root/.ssh", exist_ok=True)
shutil.copy("/home/alice/.ssh/id_ed25519.pub", "/root/.ssh/authorized_keys")
with open("/etc/ssh/sshd_config", "a", encoding="utf-8") as config:
    config.write("PermitRootLogin yes\n")  # else sshd lets root pass no PAM prompt, excepted or not
world.sshd.daemon.send(1)
time.sleep(0.5)


def ctl(*words, check=True):
    return sandbox.sh("approvectl", *words, check=check)


def refused(*words, code=1):
    """The command fails, and says why."""
    done = ctl(*words, check=False)
    assert done.returncode == code, (done.returncode, done.stdout)
    return done.stdout


def is_old():
    return sandbox.read(STACK) == DEBIAN and not os.path.exists(DROP_IN)


def is_new():
    return sandbox.read(STACK) == OURS and os.path.exists(DROP_IN)


def back(seconds=5):
    sandbox.wait_for("the old stack", is_old, seconds)
    sandbox.wait_for("the record to go", lambda: not os.path.exists(f"{STATE}/sshd.json"), 5)
    assert os.stat(STACK).st_mode & 0o777 == 0o640
    assert no_rests(), no_rests()


def no_rests():
    return not glob.glob("/etc/pam.d/*.new") and not glob.glob("/etc/ssh/sshd_config.d/*.new")


def as_before():
    """A login by the password alone."""
    sandbox.wait_for("sshd to listen", lambda: sandbox.listening(world.sshd.port))
    ssh = world.ssh()
    ssh.password()
    ssh.signed_in()


def nobody_waits():
    sandbox.wait_for("nobody to wait any more", lambda: not sandbox.sh("pgrep", "-f", "approvectl revert", check=False).stdout, 5)


def at_first():
    """Whatever a failed test has left."""
    world.host.stop()
    world.host.start()
    sandbox.sh("approvectl", "unprotect", "--force", "sshd", check=False)
    sandbox.write(STACK, DEBIAN, 0o640)


def approved():
    ssh = world.ssh()
    number = ssh.number()
    world.phone.approve(number)
    ssh.send()
    ssh.signed_in()


def root(command, *options):
    """A new login of root's, by a key; root is excepted."""
    argv = ["ssh", "-p", str(world.sshd.port), "-i", "/home/alice/.ssh/id_ed25519", "-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=no",
            "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", *options, "root@127.0.0.1", command]
    return subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=30, check=False)


@test("protect from a login; `keep` there is refused, also over the same connection; from a new login it keeps; unprotect puts all back")
def whole_way():
    as_before()
    shared = ["-o", "ControlPath=/tmp/shared"]
    master = subprocess.Popen(["ssh", "-p", str(world.sshd.port), "-i", "/home/alice/.ssh/id_ed25519", "-o", "StrictHostKeyChecking=no",
                               "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-MN", *shared, "root@127.0.0.1"])
    sandbox.wait_for("the first login", lambda: os.path.exists("/tmp/shared"))
    done = root("approvectl protect sshd --revert-after 1h", *shared)
    assert done.returncode == 0 and "approvectl keep sshd" in done.stdout, done.stdout
    assert "sshd: public key or password, then approval" in done.stdout and "root is excepted" in done.stdout, done.stdout
    assert is_new() and os.stat(STACK).st_mode & 0o777 == 0o640
    assert "sshd (35" in ctl("check", check=False).stdout  # it waits, so many seconds
    older = root("approvectl keep sshd", *shared)
    assert older.returncode == 1 and "is older than the change" in older.stdout, older.stdout
    assert "not started from a login through sshd" in refused("keep")
    approved()
    newer = root("approvectl keep")
    assert newer.returncode == 0 and f"kept: {STACK}" in newer.stdout and f"kept: {DROP_IN}" in newer.stdout, newer.stdout
    nobody_waits()
    assert "No change waits" in refused("keep")
    assert "protected already" in refused("protect", "sshd")
    master.terminate()
    master.wait()
    ctl("unprotect", "sshd")
    back()
    as_before()
    assert "did not protect sshd" in refused("unprotect", "sshd")


@test("a stack that locks everybody out, which no check can see, is put back by itself, though its administrator's session is dead; the next login works")
def reverts():
    at_first()
    first = "auth    requisite                   pam_unix.so"
    wrong = OURS.replace(first, f"{first}\nauth    requisite  pam_listfile.so item=user sense=allow file=/etc/none onerr=fail")
    assert wrong != OURS
    sandbox.write("/usr/share/pam_approve/pam.d/sshd-none", wrong)
    child = subprocess.Popen(["setsid", "sh", "-c", "approvectl protect sshd --from sshd-none --revert-after 10s; sleep 60"])
    sandbox.wait_for("all to be written", lambda: '"waits"' in sandbox.read(f"{STATE}/sshd.json"))
    assert sandbox.read(STACK) == wrong
    os.killpg(child.pid, 9)
    child.wait()
    started = time.monotonic()
    ssh = world.ssh()
    ssh.password()
    ssh.refused(15)
    mark = world.syslog.mark()
    back(12)
    assert time.monotonic() - started > 5, "not before its time"
    as_before()
    sandbox.wait_for("a line in syslog", lambda: "no new login confirmed the change" in world.syslog.since(mark))


@test("what would lock people out is refused, and nothing is written: no helper, no host.conf, a fault in the stack, no number to be seen; --force tries")
def refuses():
    at_first()
    world.host.stop()
    assert "helper does not answer" in refused("protect", "sshd") and is_old()
    ctl("protect", "sshd", "--force", "--revert-after", "1h")
    assert is_new()
    ctl("unprotect", "sshd")
    world.host.start()
    sandbox.sh("mv", "/etc/approve/host.conf", "/etc/approve/host.conf.away")
    assert "host.conf" in refused("protect", "sshd") and is_old()
    sandbox.sh("mv", "/etc/approve/host.conf.away", "/etc/approve/host.conf")
    rows = [("auth    requisite                   pam_unix.so", "auth required pam_unix.so", "phone rings all the same"),
            ("auth    requisite                   pam_unix.so", "auth sufficient pam_unix.so", "leads past the approval"),
            ("auth    requisite                   pam_unix.so", "auth [success=ok default=1] pam_unix.so", "leads past the approval"),
            ("auth    required                    pam_approve.so", "account required pam_approve.so", "where it does nothing"),
            ("auth    requisite                   pam_unix.so", "auth requisite pam_not_there.so", "not where libpam looks"),
            ("@include common-account", "@include common-nothing", "cannot be read")]
    for line, instead, finding in rows:
        sandbox.write("/usr/share/pam_approve/pam.d/sshd-bad", OURS.replace(line, instead, 1))
        said = refused("protect", "sshd", "--from", "sshd-bad")
        assert finding in said and "Nothing was changed" in said, said
        assert is_old() and not os.path.exists(f"{STATE}/sshd.json")
    sandbox.write("/etc/pam.d/swaylock", "auth include login\n")
    assert "number = off" in refused("protect", "swaylock")
    world.host.conf("[service swaylock]\nnumber = off\n[service sshd]\nexcept = root")
    ctl("protect", "swaylock", "--revert-after", "1h")
    ctl("unprotect", "swaylock")
    assert sandbox.read("/etc/pam.d/swaylock") == "auth include login\n"
    world.host.conf("[service sshd]\nexcept = root")


@test("wrong calls: no such stack, no such service here, names and times that are none, not root")
def wrong_calls():
    assert "sshd-password" in refused("protect", "telnet")
    assert "no such service" in refused("protect", "cockpit")
    refused("protect", "../sshd", code=2)
    refused("unprotect", "../sshd", code=2)
    for wrong in ("5", "9s", "25h", "m", "5x", "-5m", "99999999999999999999h"):
        refused("protect", "sshd", f"--revert-after={wrong}", code=2)
    alice = sandbox.sh("/usr/sbin/approvectl", "protect", "sshd", user="alice", check=False)
    assert alice.returncode == 1 and "Only root" in alice.stdout, alice.stdout
    assert is_old()


@test("sshd's other lines stand against ours: seen before sshd is told of it, and all is as it was")
def contradiction():
    at_first()
    config = sandbox.read("/etc/ssh/sshd_config")
    for line, finding in (("UsePAM no", "does not use PAM"), ("KbdInteractiveAuthentication no", "Disabled method"), ("Nonsense yes", "Nothing was changed")):
        sandbox.write("/etc/ssh/sshd_config", f"{line}\n{config}")
        done = ctl("protect", "sshd", check=False)
        sandbox.write("/etc/ssh/sshd_config", config)
        assert done.returncode == 1
        said = done.stdout
        assert finding in said and ("All is as it was before" in said or "Nothing was changed" in said), said
        back()
    as_before()


@test("an edit meanwhile survives: unprotect and the revert say so and leave it; keep takes it; --force puts back and keeps it aside")
def edited():
    at_first()
    mine = OURS + "# mine\n"
    ctl("protect", "sshd", "--revert-after", "10s")
    sandbox.write(STACK, mine)
    said = refused("unprotect", "sshd")
    assert "was edited" in said and f"{STATE}/sshd.pam.d" in said, said
    mark = world.syslog.mark()
    sandbox.wait_for("the revert to say so", lambda: "was edited" in world.syslog.since(mark), 15)
    assert sandbox.read(STACK) == mine and os.path.exists(DROP_IN)
    assert '"id":"edited"' in ctl("check", "--json", check=False).stdout
    assert "kept, as edited" in ctl("keep", "sshd", "--force").stdout
    refused("unprotect", "sshd")
    ctl("unprotect", "sshd", "--force")
    assert sandbox.read(f"{STATE}/sshd.sshd.edited") == mine
    sandbox.sh("chmod", "640", STACK)
    back()
    sandbox.write(STACK, "# a link's target\n")
    os.rename(STACK, "/etc/pam.d/sshd-real")
    os.symlink("sshd-real", STACK)
    assert "symbolic link" in refused("protect", "sshd")
    os.unlink(STACK)
    os.unlink("/etc/pam.d/sshd-real")
    sandbox.write(STACK, DEBIAN, 0o640)


def calls_of(log):
    return re.findall(r"^(\w+)\(", sandbox.read(log), re.M)


@test("killed at each step of the writing, the old file or the new one is there, whole; and the old ones come back at once")
def killed():
    at_first()
    traced = ["rename", "fsync", "fchmod", "fchown", "write", "unlink", "flock"]
    argv = ["approvectl", "protect", "sshd", "--revert-after", "1h"]
    sandbox.sh(*sandbox.strace("-o", "/tmp/calls", "-e", "trace=" + ",".join(traced), *argv))
    calls = calls_of("/tmp/calls")
    assert calls.count("rename") >= 5 and calls.count("fsync") >= 10, calls  # copy, record, two files, record
    ctl("unprotect", "sshd")
    drop_in = sandbox.read("/usr/share/pam_approve/sshd_config.d/pam_approve.conf")
    seen, tries = set(), 0
    for name in traced:
        for number in range(1, calls.count(name) + 1):
            done = sandbox.sh(*sandbox.strace("-o", "/dev/null", "-e", f"trace={name}", "-e", f"inject={name}:signal=KILL:when={number}", *argv), check=False)
            tries += 1
            found = (sandbox.read(STACK), sandbox.read(DROP_IN))
            assert found[0] in (DEBIAN, OURS) and found[1] in ("", drop_in), (name, number)
            seen.add((found[0] == OURS, found[1] == drop_in))
            if done.returncode == 0:  # a count that differs by one
                ctl("unprotect", "sshd")
                continue
            if '"waits"' in sandbox.read(f"{STATE}/sshd.json"):  # killed after all was done
                assert is_new(), (name, number)
                ctl("unprotect", "sshd")
            sandbox.wait_for(f"the old files after {name} {number}", is_old, 5)
            ctl("revert")
            back()
    assert tries == len(calls)
    assert seen == {(False, False), (False, True), (True, True)}, seen  # the stack last
    as_before()
    print(f"# killed {tries} times; (new stack, new sshd_config) seen: {sorted(seen)}")


@test("killed at each step of putting back, the next one goes on")
def killed_back():
    at_first()
    for name, most in (("rename", 3), ("fsync", 5), ("unlink", 4)):
        for number in range(1, most):
            ctl("protect", "sshd", "--revert-after", "1h")
            sandbox.sh(*sandbox.strace("-o", "/dev/null", "-e", f"trace={name}", "-e", f"inject={name}:signal=KILL:when={number}",
                                       "approvectl", "unprotect", "sshd"), check=False)
            assert sandbox.read(STACK) in (DEBIAN, OURS), (name, number)
            if os.path.exists(f"{STATE}/sshd.json"):
                ctl("unprotect", "sshd")
            back()


@test("a restart: what waits for its time is left, what is due is put back by `approvectl revert`; a clock that is behind counts as due")
def restarted():
    at_first()
    def restart(seconds):
        """The one that waited is gone, this is another boot, and so much time has gone by."""
        ctl("protect", "sshd", "--revert-after", "1h")
        pid = sandbox.wait_for("the one that waits", lambda: sandbox.sh("pgrep", "-f", "approvectl revert --wait", check=False).stdout.split())[0]
        os.kill(int(pid), 9)
        text = sandbox.read(f"{STATE}/sshd.json")
        changed = re.sub(r'"(begun|due)":(\d+)', lambda m: f'"{m.group(1)}":{int(m.group(2)) - seconds}', text)
        changed = re.sub(r'"boot":"[^"]*"', '"boot":"00000000-0000-0000-0000-000000000000"', changed)
        sandbox.write(f"{STATE}/sshd.json", changed, 0o600)
        ctl("revert")
    restart(1800)
    assert is_new()
    ctl("unprotect", "sshd")
    restart(3601)
    back()
    restart(-7200)
    back()


@test("a service whose stack comes in /usr/lib/pam.d: protect writes one in /etc, unprotect removes it")
def vendor():
    sandbox.write("/usr/lib/pam.d/vendored", "auth required pam_unix.so\naccount required pam_unix.so\n")
    shutil.copy("/usr/share/pam_approve/pam.d/sudo", "/usr/share/pam_approve/pam.d/vendored")
    ctl("protect", "vendored", "--revert-after", "1h")
    assert sandbox.read("/etc/pam.d/vendored") == sandbox.read("/usr/share/pam_approve/pam.d/vendored")
    assert "not started from a login" in refused("keep", "vendored")
    assert "removed: /etc/pam.d/vendored" in ctl("unprotect", "vendored").stdout
    assert not os.path.exists("/etc/pam.d/vendored")


@test("a record that is damaged or not root's alone is said, and nothing is done by it")
def damaged():
    at_first()
    for text, mode in (("{}", 0o600), ("", 0o600), ('{"state":"waits"}', 0o600), (None, 0o644)):
        ctl("protect", "sshd", "--revert-after", "1h")
        record = sandbox.read(f"{STATE}/sshd.json")
        sandbox.write(f"{STATE}/sshd.json", record if text is None else text, mode)
        for words in (("unprotect", "sshd"), ("protect", "sshd")):
            assert f"{STATE}/sshd.json" in refused(*words)
        mark = world.syslog.mark()
        ctl("revert", check=False)
        sandbox.wait_for("a line in syslog", lambda: f"{STATE}/sshd.json" in world.syslog.since(mark))
        assert is_new()
        sandbox.write(f"{STATE}/sshd.json", record, 0o600)
        ctl("unprotect", "sshd")
        back()


@test("su -: protected alone, the real program asks the phone of whom one becomes")
def su_l():
    ctl("protect", "su-l", "--revert-after", "1h")
    term = pexpect.spawn("setpriv", ["--reuid=bob", "--regid=bob", "--init-groups", "--reset-env", "su", "-", "alice", "-c", "id -un"], encoding="utf-8", timeout=10)
    term.expect("assword: ")
    term.sendline(sandbox.PASSWORD)
    term.expect(r"Approve (\d\d) on Pixel 8")
    world.phone.approve(int(term.match.group(1)))
    term.expect("alice")
    term.expect(pexpect.EOF)
    ctl("unprotect", "su-l")


@test("--revert-after never: kept at once")
def never():
    ctl("protect", "su", "--revert-after", "never")
    assert '"kept"' in sandbox.read(f"{STATE}/su.json") and "No change waits" in refused("keep")
    ctl("unprotect", "su")


SUDOERS = "Defaults !lecture\nalice ALL=(ALL) ALL\nroot ALL=(ALL) NOPASSWD: ALL\n"


def asked_nobody(done):
    assert done.returncode == 1 and "so that you are asked" in done.stdout, done.stdout


@test("sudo: `keep` wants one that asked after the change: not root's own, not one within alice's timestamp, not an approval before the change; "
      "after a real one it keeps")
def sudo():
    at_first()
    sandbox.write("/etc/sudoers.d/tests", SUDOERS, 0o440)
    old = sandbox.read("/etc/pam.d/sudo")
    shell = Terminal("PS1='$ ' exec sh -i")
    shell.expect(r"\$ ")
    shell.send("sudo true; echo status=$?")
    shell.password()
    shell.expect(r"status=0\r")
    ctl("protect", "sudo", "--revert-after", "1h")
    assert "through sudo" in refused("keep", "sudo")
    time.sleep(0.1)
    asked_nobody(sandbox.sh("sudo", "approvectl", "keep", "sudo", check=False))
    shell.send("sudo approvectl keep sudo; echo status=$?")  # the timestamp of the old stack
    shell.expect("so that you are asked")
    shell.expect(r"status=1\r")
    shell.send("sudo -k; sudo approvectl keep sudo; echo status=$?")
    number = shell.password().number()
    refused("keep", "sudo")  # asked is not yet approved
    asked_nobody(sandbox.sh("sudo", "approvectl", "keep", "sudo", check=False))
    world.phone.approve(number)
    shell.expect("kept: /etc/pam.d/sudo")
    shell.expect(r"status=0\r")
    ctl("unprotect", "sudo")
    assert sandbox.read("/etc/pam.d/sudo") == old
    ctl("protect", "sudo", "--revert-after", "1h")
    time.sleep(0.1)  # the kernel counts a process's start in 10 ms
    done = sandbox.sh("sudo", "approvectl", "keep", "sudo", check=False)
    assert "since its stack was changed" in done.stdout, done.stdout
    asked_nobody(done)
    ctl("unprotect", "sudo")
    shell.close()


@test("su: root's own asks nobody, and so keeps nothing")
def su_of_root():
    at_first()
    ctl("protect", "su", "--revert-after", "1h")
    time.sleep(0.1)
    asked_nobody(sandbox.sh("su", "-c", "approvectl keep su", check=False))
    assert '"waits"' in sandbox.read(f"{STATE}/su.json")
    ctl("unprotect", "su")


@test("only root hears from the helper who passed; a helper that was restarted knows nothing, and `keep` is refused")
def who_passed():
    at_first()
    query = f"""import socket
helper = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
helper.settimeout(5)
helper.connect({HELPER!r})
helper.send(b"Lservice=sshd\\0")
print(helper.recv(4096))"""
    ctl("protect", "sshd", "--revert-after", "1h")
    approved()
    assert "b'Tage=" in sandbox.sh("python3", "-c", query).stdout
    assert sandbox.sh("python3", "-c", query, user="alice", check=False).stdout.strip() == "b''"
    world.host.stop()
    world.host.start()
    assert sandbox.sh("python3", "-c", query).stdout.strip() == "b'T'"
    ctl("unprotect", "sshd")


@test("what cannot be put back is tried again later and later, and said once")
def tries_again():
    at_first()
    nobody_waits()  # each one would try, and say so
    ctl("protect", "sshd", "--revert-after", "10s")
    config = sandbox.read("/etc/ssh/sshd_config")
    mark = world.syslog.mark()
    sandbox.write("/etc/ssh/sshd_config", f"Nonsense yes\n{config}")
    pid = sandbox.wait_for("the one that waits", lambda: sandbox.sh("pgrep", "-f", "approvectl revert --wait", check=False).stdout.split())[0]
    sandbox.wait_for("the first try", lambda: "Nonsense" in world.syslog.since(mark), 15)
    tracer = subprocess.Popen(["strace", "-f", "-p", pid, "-e", "trace=execve", "-o", "/tmp/tries"], stderr=subprocess.DEVNULL)
    time.sleep(8)
    tracer.terminate()
    tracer.wait()
    tries = len(re.findall(r"execve\(.*\) = 0$", sandbox.read("/tmp/tries"), re.M))
    assert 1 <= tries <= 3, tries  # after 1, 3 and 7 seconds
    assert sandbox.read(STACK) == DEBIAN and world.syslog.since(mark).count("Nonsense") == 1, world.syslog.since(mark)
    sandbox.write("/etc/ssh/sshd_config", config)
    sandbox.wait_for("the next try", lambda: not os.path.exists(f"{STATE}/sshd.json"), 20)
    back()
    as_before()


test.run(world.logs)
