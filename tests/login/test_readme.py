#!/usr/bin/python3
"""README.md's "Five minutes to a protected ssh", command by command as it is written there, on a Debian with a systemd of its own.

That has no network and no compiler: what `apt install` and `make deps` would bring is there before, and for `make && make install` what was built here is
installed into its root before it boots.
"""
import os
import re
import shutil
import sys
import time

import pexpect

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "sandbox"))
import sandbox  # noqa: E402
from container import Container, cached  # noqa: E402

cached("server")
sandbox.enter()
test = sandbox.Tests()
machine = Container("server")
found = {}  # what a person would copy: the line that joins the host, the link


def commands(step):
    """The indented lines of a numbered step."""
    section = re.search(r"## Five minutes.*?(?=\n## )", sandbox.read(f"{sandbox.TOP}/README.md"), re.S).group(0)
    return re.findall(r"^    (\S.*)$", re.search(rf"\*\*{step}\. .*?(?=\n\*\*\d\. |\Z)", section, re.S).group(0), re.M)


def follow(step, instead=None):
    """Runs a step's commands; instead: {start of a command: function(command)} for those that a person must do something for."""
    listed = commands(step)
    assert listed, f"step {step} has no commands"
    for command in listed:
        special = [what for start, what in (instead or {}).items() if command.startswith(start)]
        if special:
            special[0](command)
        else:
            found[command] = machine.run(command).stdout


def there(_command):
    """What the command would bring is there."""


def install():
    """`make install`, into the container's root; what it was built with is on this machine."""
    arch = sandbox.sh("gcc", "-print-multiarch").stdout.strip()
    sandbox.sh(f"{sandbox.TOP}/conf/install", env={"PREFIX": "/usr", "DESTDIR": machine.root, "SYSCONFDIR": "/etc",
                                                  "PAMDIR": f"/usr/lib/{arch}/security", "B": sandbox.B})


def phone(command):
    """A command of the phone's, in a terminal of its own."""
    return machine.terminal(command)


def answer(number):
    """The phone that watches: what the person does there."""
    watching = found["watch"]
    watching.expect("Number on the sign-in screen")
    watching.sendline(str(number))
    watching.expect("signed in")


@test("1: installed, its units load, and the machine has no unit that failed")
def installed():
    with open(f"{machine.root}/etc/hosts", "w", encoding="utf-8") as hosts:
        hosts.write("127.0.0.1 localhost approve.example.org web1.example.org\n")
    install()
    machine.boot()
    follow(1, {"apt install": there, "make deps": there})
    assert machine.run("systemctl --failed --plain --no-legend").stdout == ""


@test("2: the server is up when `systemctl enable --now` returns")
def server():
    follow(2)
    assert "active" in machine.run("systemctl is-active approve-server").stdout
    found["join"] = sandbox.join_command("\n".join(found.values()))


@test("3: the host joins, and the helper is there when it is asked for")
def host():
    url, token = found["join"]

    def join(command):
        assert command == f"approvectl join {url}", "README's line and what host add prints are not the same"
        term = phone(command)
        term.expect("Token: ")
        term.sendline(token)
        term.expect("Joined: this host is web1")
        assert token not in term.before, "the token was shown"
        term.expect(pexpect.EOF)

    def new_user(command):
        term = phone(command)
        for _ in "new", "again":
            term.expect("ew password: ")
            term.sendline(sandbox.PASSWORD)
        while term.expect([r"\[\]: ", r"correct\? \[Y/n\] "]) == 0:  # name, room, telephone
            term.sendline("")
        term.sendline("y")
        term.expect(pexpect.EOF)
        term.close()
        assert term.exitstatus == 0, term.before
    follow(3, {"approvectl join": join, "apt install": there, "adduser": new_user})


@test("4: the link of `enroll` makes a phone of a terminal")
def enrolled():
    link = re.search(r"https://\S+/enroll#\S+", machine.run("approve-server enroll alice").stdout).group(0)

    def enroll(command):
        term = phone(command)
        term.expect("Link: ")
        term.sendline(link)
        term.expect("Enrol")
        assert link not in term.before, "the link was shown"
        term.sendline("y")
        term.expect("receives sign-in requests")
        term.expect(pexpect.EOF)

    def watch(command):
        found["watch"] = phone(command)
        found["watch"].expect("Waiting for sign-in requests")
    follow(4, {"approve-phone enroll": enroll, "approve-phone watch": watch})


@test("5: `approvectl test` asks the phone, and tells how it went")
def tried():
    def ask(command):
        term = machine.terminal(command)
        term.expect(r"(\d\d)")
        answer(term.match.group(1))
        term.expect(pexpect.EOF)
        term.close()
        assert term.exitstatus == 0, term.before
    follow(5, {"approvectl test": ask})


@test("6: protected, sshd asks: the number, the phone, the session; there `keep` keeps, and `check` finds no fault")
def protected():
    def sign_in(command):
        ssh = machine.terminal(command.replace("ssh ", "ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null ", 1))
        ssh.expect("assword: ")
        ssh.sendline(sandbox.PASSWORD)
        ssh.expect(r"Number (\d\d)\.[^\r\n]*: ")
        answer(ssh.match.group(1))
        ssh.sendline("")
        ssh.expect(r"alice@\S+\$ ")
        found["session"] = ssh

    def keep(command):
        session = found["session"]
        session.sendline(command)
        session.expect("password for alice: ")
        session.sendline(sandbox.PASSWORD)
        session.expect("kept: /etc/pam.d/sshd")
        session.expect(r"alice@\S+\$ ")
        session.sendline("exit")
        session.expect(pexpect.EOF)
    follow(6, {"ssh ": sign_in, "sudo approvectl keep": keep})
    machine.run("approvectl check")
    assert machine.run("systemctl --failed --plain --no-legend").stdout == ""


@test("with the server stopped sshd asks for a code of this host, which the phone shows; what the helper keeps is closed to others")
def offline():
    shown = machine.run("stat -c '%U %a' /var/lib/approve-helper /var/lib/approve-helper/codes /var/lib/approve-helper/codes.key").stdout
    assert shown.split("\n")[:3] == ["approve-helper 700", "approve-helper 600", "approve-helper 600"], shown
    machine.run("systemctl stop approve-server")
    ssh = machine.terminal("ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null alice@web1.example.org 'echo in as $(id -un)'")
    ssh.expect("assword: ")
    ssh.sendline(sandbox.PASSWORD)
    ssh.expect("Server unreachable. Code for web1: ", timeout=20)
    first = time.monotonic()
    while True:
        term = phone("approve-phone code --host web1")
        term.expect(r"(\d{3}) (\d{3}) +\((\d+) s left")
        code, left = term.match.group(1) + term.match.group(2), int(term.match.group(3))
        if time.monotonic() - first > 30 and left > 3:  # a secret counts from the step after the one in which it came
            break
        time.sleep(min(left, 5) + 0.5)
    ssh.sendline(code)
    ssh.expect("in as alice")
    machine.run("systemctl start approve-server")


@test("the daemons start again however often they crash, and a login works then; a process of theirs has bounds")
def crashed():
    for unit in ("approve-helper", "approve-server"):
        for _ in range(7):
            machine.run(f"systemctl kill --kill-whom=main --signal=KILL {unit}; until systemctl is-active --quiet {unit}; do systemctl show -p ActiveState {unit} | "
                        "grep -q failed && exit 1; sleep 0.1; done")
    machine.run("systemctl is-active approve-helper.socket && for i in $(seq 50); do approvectl status && exit 0; sleep 0.2; done; exit 1")
    shown = machine.run("systemctl show -p MemoryMax -p TasksMax approve-helper approve-server").stdout
    assert "infinity" not in shown and shown.count("Max=") == 4, shown


def logs():
    if not machine.enter:
        return ""
    return machine.run("journalctl --no-pager -n 40 -u approve-server -u approve-helper -u ssh", check=False).stdout


shutil.rmtree("/run/log", ignore_errors=True)
try:
    test.run(logs)
finally:
    if machine.enter:
        machine.stop()
