#!/usr/bin/python3
"""approvectl check as installed: each finding from a host that has that fault, its text, its JSON, its exit status; pam-auth-update's and authselect's stacks."""
import glob
import json
import os
import re
import shutil
import socket

import common
import pexpect
import sandbox

sandbox.enter()
DEBIAN = {name: sandbox.read(f"/etc/pam.d/{name}") for name in os.listdir("/etc/pam.d")}
EXCEPT = "[service sshd]\nexcept = root @breakglass\n[service sudo]\nexcept = root"
world = common.World(conf=EXCEPT, people=("alice",))
test = sandbox.Tests()
OURS = sandbox.read("/etc/pam.d/sshd")
CONFIG = sandbox.read("/etc/ssh/sshd_config").replace("PermitRootLogin", "#PermitRootLogin") + "PermitRootLogin no\n"
sandbox.write("/etc/ssh/sshd_config", CONFIG)
shutil.copy("/usr/share/pam_approve/pam.d/sudo", "/etc/pam.d/sudo")
RULES = {m.group(1): m.group(2) == "FAILURE" for name in glob.glob(f"{sandbox.TOP}/approvectl/check_*.c")
         for m in re.finditer(r'^    \{"([a-z-]+)", CHECK_(FAILURE|WARNING), \w+', sandbox.read(name), re.M)}
seen = set()
LEFT = sorted(set(os.listdir("/usr/share/pam_approve/pam.d")) & (set(DEBIAN) | set(os.listdir("/usr/lib/pam.d"))) - {"sshd", "sudo"})  # installed, and ask nobody


def check(*words, env=None):
    """What `check --json` says: (exit status, {(id, service)}, all of it)."""
    done = sandbox.sh("approvectl", "check", "--json", *words, check=False, env=env)
    said = json.loads(done.stdout)
    found = {(f["id"], f["about"]) for f in said["findings"]}
    assert said["ok"] == (said["failures"] == 0) and done.returncode == (0 if said["ok"] else 1), said
    for finding in said["findings"]:
        assert (finding["severity"] == "failure") == RULES[finding["id"]] and finding["text"] and finding["mend"], finding
    assert said["failures"] + said["warnings"] == len(said["findings"])
    return done.returncode, found, said


def finds(rule, about="", env=None, also=()):
    """This finding is there, and all others are as in the good state, but for some."""
    status, found, said = check(env=env)
    assert (rule, about) in found, (rule, said["findings"])
    rest = {f for f in found if f not in good and f != (rule, about) and f[0] not in also}
    assert not rest, rest
    assert status == (1 if RULES[rule] or any(RULES[i] for i, _ in found) else 0)
    seen.add(rule)
    text = sandbox.sh("approvectl", "check", check=False, env=env)
    finding = [f for f in said["findings"] if f["id"] == rule][0]
    assert text.returncode == status and finding["text"] in text.stdout and finding["mend"] in text.stdout, text.stdout


good = check()[1]


@test("a good host: no failure, status 0, and every service in words")
def well():
    status, found, said = check()
    assert status == 0 and found == {("unprotected", "")}, found
    words = {s["service"]: (s["protected"], s["asks"]) for s in said["services"]}
    assert words["sshd"] == (True, "public key or password, then approval on the phone, which is given the number; a code can be typed in the number's place; "
                             "root and group breakglass are excepted"), words["sshd"]
    assert words["su"] == (False, "password; no approval"), words["su"]
    assert words["sudo"][1].startswith("password, then approval") and words["sudo"][1].endswith("root is excepted")
    assert "common-auth" not in words and "other" not in words
    text = sandbox.sh("approvectl", "check").stdout
    assert "  su: password; no approval\n" in text and "no way round the approval" in text and "0 failed, 1 warnings" in text, text
    assert "these services are installed, and ask nobody: " + " ".join(LEFT) + "\n" in text, text
    assert {"su", "su-l", "sudo-i"} <= set(LEFT)
    seen.add("unprotected")
    assert sandbox.sh("approvectl", "check", "--nonsense", check=False).returncode == 2


@test("host.conf, the key, the server, the clock, the helper, pins")
def host():
    os.rename("/etc/approve/host.conf", "/etc/approve/host.conf.away")
    finds("host-conf", also=("way-round", "unprotected"))
    os.rename("/etc/approve/host.conf.away", "/etc/approve/host.conf")
    sandbox.sh("chgrp", "root", "/etc/approve/host.key")
    finds("host-key", also=("helper",))
    sandbox.sh("chgrp", "approve-helper", "/etc/approve/host.key")
    world.server.stop()
    finds("server")
    world.server.start()
    world.host.stop()
    finds("helper")
    world.host.start()
    sandbox.write("/tmp/clock.c", """#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t id, struct timespec *now)
{
    int result = (int)syscall(SYS_clock_gettime, id, now);
    if (id == CLOCK_REALTIME)
        now->tv_sec += atol(getenv("AHEAD"));
    return result;
}
time_t time(time_t *out)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out)
        *out = now.tv_sec;
    return now.tv_sec;
}
""")
    sandbox.sh("gcc", "-shared", "-fPIC", "-o", "/tmp/clock.so", "/tmp/clock.c")
    for ahead, rule in (("120", "clock"), ("-120", "clock"), ("30", "clock-close")):
        finds(rule, env={"LD_PRELOAD": "/tmp/clock.so", "AHEAD": ahead, "ASAN_OPTIONS": sandbox.asan_with("verify_asan_link_order=0")}, also=("server-key",))
    pinned = sandbox.read("/etc/approve/host.conf")
    sandbox.write("/etc/approve/host.conf", pinned.replace("url = https", "url = http"))
    finds("server-proven", also=("server",))
    sandbox.write("/etc/approve/pinned", "# nobody\n")
    sandbox.write("/etc/approve/host.conf", pinned.replace("[backend]", "[backend]\ntrust = pinned\npinned = /etc/approve/pinned", 1))
    finds("pins")
    sandbox.write("/etc/approve/host.conf", pinned)


@test("sections that do nothing, nobody excepted, nobody asked, changes that wait or were edited")
def services():
    world.host.conf(EXCEPT + "\n[service nosuch]\nnumber = choose")
    finds("sections")
    world.host.conf("")
    finds("way-round")
    world.host.conf("[service sudo]\nexcept_networks = 10.0.0.0/8")  # sudo tells no address, so it leaves nobody out
    finds("way-round")
    world.host.conf("[service sshd]\nexcept_networks = 10.0.0.0/8")
    assert check()[1] == good, check()[1]
    world.host.conf(EXCEPT + "\nwait = 280")
    assert check()[1] == good, check()[1]
    shutil.copy("/usr/share/pam_approve/pam.d/login", "/etc/pam.d/login")
    world.host.conf(EXCEPT + "\n[service login]\nwait = 56")
    finds("wait-limit", "login")
    assert "wait in host.conf is longer than this program lets anybody wait, and is cut: 55 s\n" in sandbox.sh("approvectl", "check").stdout
    world.host.conf(EXCEPT + "\n[service login]\nwait = 55")
    assert check()[1] == good, check()[1]
    sandbox.write("/etc/pam.d/login", DEBIAN["login"])
    world.host.conf(EXCEPT + "".join(f"\n[service {name}]\nask = no" for name in LEFT))
    assert not check()[1], check()[1]  # what is said not to ask is not missed
    world.host.conf(EXCEPT)
    sandbox.sh("approvectl", "protect", "su", "--revert-after", "10s")
    finds("waits", also=("unprotected",))
    with open("/etc/pam.d/su", "a", encoding="utf-8") as out:
        out.write("# mine\n")
    sandbox.wait_for("the end of its time", lambda: '"edited"' in sandbox.read("/var/lib/approve-host/su.json"), 15)
    finds("edited")
    sandbox.sh("approvectl", "unprotect", "--force", "su")
    assert sandbox.read("/etc/pam.d/su") == DEBIAN["su"]
    for service in ("sshd", "sudo"):
        sandbox.write(f"/etc/pam.d/{service}", DEBIAN[service])
    finds("services", also=("sections", "unprotected"))
    restore()


@test("stacks beside a protected one that let in without asking: named, unless they refuse, ask, or may")
def siblings():
    shutil.rmtree("/tmp/pam.d", ignore_errors=True)
    shutil.copytree("/etc/pam.d", "/tmp/pam.d")
    words = ("--pam-dir", "/tmp/pam.d")
    for service, names in (("gdm-password", "gdm-autologin gdm-fingerprint gdm-smartcard"), ("lightdm", "lightdm-autologin"), ("sddm", "sddm-autologin"),
                           ("kde", "kde-fingerprint kde-smartcard")):
        def said():
            return [f["detail"] for f in check(*words)[2]["findings"] if f["id"] == "siblings" and f["about"] == service]
        for name in names.split():
            sandbox.write(f"/tmp/pam.d/{name}", "auth requisite pam_nologin.so\nauth required pam_permit.so\naccount required pam_permit.so\n")
        sandbox.write(f"/tmp/pam.d/{service}", UNIX)
        assert not said()  # nobody is asked by the screen itself
        shutil.copy(f"/usr/share/pam_approve/pam.d/{service}", f"/tmp/pam.d/{service}")
        assert said() == [names], said()
        seen.add("siblings")
        world.host.conf(EXCEPT + "".join(f"\n[service {name}]\nask = no" for name in names.split()))
        assert not said()
        world.host.conf(EXCEPT)
        for name in names.split():
            sandbox.write(f"/tmp/pam.d/{name}", "auth required pam_deny.so\nauth required pam_permit.so\n")
        assert not said()
        for name in names.split():
            sandbox.write(f"/tmp/pam.d/{name}", "auth requisite pam_fprintd.so\n" + ASK + PERMIT)
        assert not said()
    shutil.rmtree("/tmp/pam.d")


@test("more services than it can follow: a failure, and protect refuses")
def too_many():
    names = [f"/etc/pam.d/zz{i}" for i in range(129)]
    for name in names:
        sandbox.write(name, "auth required pam_permit.so\n")
    finds("all-read", also=("services", "sections", "way-round", "unprotected"))
    done = sandbox.sh("approvectl", "protect", "su", check=False)
    assert done.returncode == 1 and "not all was looked at" in done.stdout and sandbox.read("/etc/pam.d/su") == DEBIAN["su"], done
    for name in names:
        os.unlink(name)
    assert check()[1] == good


@test("a helper that is stopped, its backlog full: check and status say so in time")
def full_backlog():
    path = "/tmp/full.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(path)
        listener.listen(0)
        crowd = []
        while True:
            crowd.append(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
            crowd[-1].setblocking(False)
            try:
                crowd[-1].connect(path)
            except BlockingIOError:
                break
        for command in ("check", "status"):
            done = sandbox.sh("timeout", "20", "approvectl", command, "--socket", path, check=False)
            assert done.returncode in (1, 3) and f"{path}: something listens, and does not answer" in done.stdout, done
        for one in crowd:
            one.close()
    os.unlink(path)


@test("approvectl test ended by Ctrl-C: nothing is left in /tmp, no request is open, and the terminal shows the typing again")
def interrupted():
    term = pexpect.spawn("approvectl", ["test", "alice"], encoding="utf-8", timeout=10)
    term.expect(r"Approve (\d\d)")
    term.sendintr()
    term.expect(pexpect.EOF)
    term.close()
    assert term.exitstatus != 0 and not glob.glob("/tmp/approvectl.*"), (term.exitstatus, glob.glob("/tmp/approvectl.*"))
    sandbox.wait_for("the request withdrawn", lambda: not world.phone.open())
    term = pexpect.spawn("sh", ["-c", "trap : INT; approvectl test --service sudo alice; stty -a; echo END"], encoding="utf-8", timeout=10)
    term.expect("assword: ")
    assert term.waitnoecho(5)
    term.sendintr()
    term.expect("END")
    assert re.search(r"[^-]\becho\b", term.before) and "-echo " not in term.before, term.before
    term.expect(pexpect.EOF)
    term.close()


def restore():
    sandbox.write("/etc/pam.d/sshd", OURS)
    shutil.copy("/usr/share/pam_approve/pam.d/sudo", "/etc/pam.d/sudo")


UNIX, ASK, PERMIT = "auth requisite pam_unix.so\n", "auth required pam_approve.so\n", "auth required pam_permit.so\n"
STACKS = [  # of sudo
    ("pam-ways", UNIX + ASK + PERMIT + 12 * "auth optional pam_succeed_if.so uid >= 0\n", ()),
    ("pam-syntax", UNIX + ASK + PERMIT + "auth perhaps pam_unix.so\n", ("pam-opens",)),
    ("pam-syntax", "@include nowhere\n" + UNIX + ASK + PERMIT, ()),
    ("pam-phase", UNIX + ASK + PERMIT + "account required pam_approve.so\n", ()),
    ("pam-asks", UNIX + PERMIT + "session required pam_approve.so\n", ("pam-phase",)),
    ("pam-module", "auth requisite pam_nothing.so\n" + ASK + PERMIT, ()),
    ("pam-module", UNIX + "auth required /lib/elsewhere/pam_approve.so\n" + PERMIT, ()),
    ("pam-opens", UNIX + ASK + "auth required pam_deny.so\n", ()),
    ("pam-first-factor", ASK + PERMIT, ()),
    ("pam-factor-counts", "auth optional pam_unix.so\n" + ASK + PERMIT, ("pam-factor-ends",)),
    ("pam-factor-ends", "auth required pam_unix.so\n" + ASK + PERMIT, ()),
    ("pam-factor-ends", "auth substack common-auth\n" + ASK + PERMIT, ()),
    ("pam-refusal-counts", UNIX + "auth optional pam_approve.so\n", ()),
    ("pam-skipped", "auth sufficient pam_unix.so\n" + ASK + PERMIT, ("pam-factor-counts", "pam-factor-ends")),
    ("pam-skipped", "auth [success=1 default=ignore] pam_unix.so\n" + ASK + PERMIT, ("pam-factor-counts", "pam-factor-ends")),
    ("pam-skipped", "auth [success=ok default=1] pam_unix.so\n" + ASK + PERMIT, ()),
    ("pam-skipped", "auth [success=ignore default=2] pam_succeed_if.so uid < 1000\n" + UNIX + ASK + PERMIT, ()),
    ("pam-skipped", "auth sufficient pam_permit.so\n" + UNIX + ASK + PERMIT, ("pam-opens",)),
    ("pam-condition", "auth sufficient pam_succeed_if.so user = bob\n" + UNIX + ASK + PERMIT, ()),
    ("pam-exempt", UNIX + "auth [success=ok default=die] pam_approve.so\n", ()),
    ("pam-once", UNIX + ASK + ASK + PERMIT, ()),
    ("pam-probe", "auth [success=1 default=ignore] pam_approve.so check=publickey\n" + UNIX + ASK + PERMIT, ()),
]


@test("stacks: a first factor that does not end, lines that jump over the approval, the wrong phase, other files, modules that are missing")
def stacks():
    for rule, text, also in STACKS:
        sandbox.write("/etc/pam.d/sudo", text)
        finds(rule, "sudo", also=also)
        assert rule != "pam-skipped" or "sudo: no way round the approval" not in sandbox.sh("approvectl", "check", check=False).stdout, text
    sandbox.write("/etc/pam.d/sudo", "@include common-auth\n" + ASK)
    assert check()[1] == good
    restore()
    sandbox.write("/etc/pam.d/swaylock", UNIX + ASK + PERMIT)
    finds("pam-number", "swaylock", also=("way-round",))
    os.unlink("/etc/pam.d/swaylock")


SSHD = [
    ("sshd-config", "Nonsense yes", ()),
    ("sshd-pam", "UsePAM no", ()),
    ("sshd-prompts", "KbdInteractiveAuthentication no\nAuthenticationMethods any\nPasswordAuthentication yes", ("sshd-methods", "sshd-password")),
    ("sshd-methods", "AuthenticationMethods publickey keyboard-interactive:pam", ()),
    ("sshd-methods", "AuthenticationMethods any", ()),
    ("sshd-password", "AuthenticationMethods publickey,password\nPasswordAuthentication yes", ()),
    ("sshd-root", "PermitRootLogin prohibit-password", ()),
    ("sshd-time", "LoginGraceTime 30", ()),
]


@test("sshd: no PAM, no prompts, keys that ask nobody, plain passwords, root, time, Match")
def sshd():
    for rule, lines, also in SSHD:
        sandbox.write("/etc/ssh/sshd_config", lines + "\n" + CONFIG)
        finds(rule, "sshd", also=also)
    root = "PermitRootLogin prohibit-password\n" + CONFIG + "\nMatch User root\nAuthenticationMethods publickey\n"
    sandbox.write("/etc/ssh/sshd_config", root)
    finds("sshd-match", "sshd")  # and not sshd-root: root's way asks nobody
    sandbox.write("/etc/ssh/sshd_config", CONFIG)


@test("pam-auth-update: the profile puts the approval into common-auth, check understands it, a login works with it, and it can be taken out")
def pam_auth_update():
    sandbox.write("/etc/pam.d/sshd", DEBIAN["sshd"])
    sandbox.write("/etc/pam.d/sudo", DEBIAN["sudo"])
    sandbox.sh("pam-auth-update", "--package", "--enable", "pam_approve", env={"DEBIAN_FRONTEND": "noninteractive"})
    common_auth = sandbox.read("/etc/pam.d/common-auth")
    assert re.search(r"^auth\s+required\s+pam_approve.so", common_auth, re.M), common_auth
    status, found, said = check()
    assert status == 0 and not {i for i, _ in found} - {"way-round", "unprotected"}, found
    asks = {s["service"]: s["asks"] for s in said["services"]}
    for service in ("sshd", "sudo", "sudo-i", "su", "su-l", "login"):
        assert asks[service].startswith("password, then approval"), (service, asks[service])
    ssh = world.ssh()
    number = ssh.number()
    world.phone.approve(number)
    ssh.send()
    ssh.signed_in()
    before = world.requests()
    ssh = world.ssh()
    ssh.password("wrong")
    ssh.refused(15)
    assert world.requests() == before
    assert "asks for an approval already" in sandbox.sh("approvectl", "protect", "sudo", check=False).stdout
    sandbox.sh("pam-auth-update", "--package", "--remove", "pam_approve", env={"DEBIAN_FRONTEND": "noninteractive"})
    assert "pam_approve" not in sandbox.read("/etc/pam.d/common-auth")
    restore()


@test("every stack that comes with pam_approve: no fault but the number that some programs cannot show")
def snippets():
    services = {m.group(1) for m in re.finditer(r'^PROFILE\("([^"]+)"(?!.*PROFILE_NOBODY)', sandbox.read(f"{sandbox.TOP}/helper/profile.def"), re.M)} - {"other"}
    assert services <= set(os.listdir("/usr/share/pam_approve/pam.d")), services  # each service whose program is known has one
    for name in os.listdir("/usr/share/pam_approve/pam.d"):
        shutil.rmtree("/tmp/pam.d", ignore_errors=True)
        shutil.copytree("/etc/pam.d", "/tmp/pam.d", ignore=lambda _, names: [n for n in names if n in ("sshd", "sudo")])
        shutil.copy(f"/usr/share/pam_approve/pam.d/{name}", f"/tmp/pam.d/{name}")
        _, found, said = check("--pam-dir", "/tmp/pam.d")
        faults = {i for i, about in found if about == name and RULES[i]} - {"pam-module"}  # modules of packages that are not here
        assert faults <= ({"pam-number"} if name in ("swaylock", "i3lock", "xrdp-sesman") else set()), (name, faults)
        asks = [s["asks"] for s in said["services"] if s["service"] == name][0]
        assert "password" in asks and "then approval" in asks, (name, asks)


@test("the authselect feature's text, filled in: check finds no fault with it, with the feature off nobody is asked")
def authselect():
    def fill(features):
        lines = []
        for line in sandbox.read("/usr/share/pam_approve/authselect/system-auth").splitlines():
            wanted = re.search(r'\{(include|exclude) if "([a-z-]+)"\}', line)
            if wanted and (wanted.group(2) in features) != (wanted.group(1) == "include"):
                continue
            lines.append(re.sub(r'\{if not "[a-z-]+":(\w+)\}', r"\1", re.sub(r'\{(include|exclude) if "[a-z-]+"\}', "", line)))
        return "\n".join(lines) + "\n"
    shutil.rmtree("/tmp/pam.d", ignore_errors=True)
    for features in (["with-approve"], ["with-approve", "with-faillock"]):
        sandbox.write("/tmp/pam.d/system-auth", fill(features))
        sandbox.write("/tmp/pam.d/sudo", "auth include system-auth\n")
        _, found, said = check("--pam-dir", "/tmp/pam.d")
        assert not {i for i, about in found if about}, found
        assert said["services"][0]["asks"].startswith("password, then approval"), said["services"]
    sandbox.write("/tmp/pam.d/system-auth", fill([]))
    assert check("--pam-dir", "/tmp/pam.d")[2]["services"][0]["asks"] == "password; no approval"


@test("a host that the server has revoked; and every rule of check's tables was found by one of these tests")
def all_rules():
    world.server.cli("host", "revoke", "web1")
    finds("server-key")
    assert seen == set(RULES), set(RULES) - seen


test.run(world.logs)
