#!/usr/bin/python3
"""approvectl protect on a Debian with a systemd of its own: the unit that puts back, the end of the administrator's session, a power cut."""
import os
import re
import shutil
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "sandbox"))
import sandbox  # noqa: E402
from container import Container, cached  # noqa: E402

cached("server")
sandbox.enter()
test = sandbox.Tests()
machine = Container("server")
STACK, DROP_IN, STATE = "/etc/pam.d/sshd", "/etc/ssh/sshd_config.d/00-pam_approve.conf", "/var/lib/approve-host"
UNIT = "approve-revert.service"


def inside(path):
    return sandbox.read(machine.root + path)


def has(path):
    return os.path.exists(machine.root + path)


DEBIAN = inside(STACK)


def is_old():
    return inside(STACK) == DEBIAN and not has(DROP_IN) and not has(f"{STATE}/sshd.json")


def is_new():
    return inside(STACK) == inside("/usr/share/pam_approve/pam.d/sshd") and has(DROP_IN)


def methods():
    """What the sshd that runs asks a client for, not what its files say."""
    said = machine.run("ssh -o StrictHostKeyChecking=no -o BatchMode=yes -o PubkeyAuthentication=no alice@127.0.0.1 true 2>&1", check=False).stdout
    return re.search(r"\(([a-z,-]*)\)", said).group(1)


def power_cut():
    os.kill(machine.leader, signal.SIGKILL)
    machine.daemon.stop(signal.SIGKILL)


@test("protect sshd: its unit waits, and puts all back in time; sshd that runs is told of both")
def in_time():
    arch = sandbox.sh("gcc", "-print-multiarch").stdout.strip()
    sandbox.sh(f"{sandbox.TOP}/conf/install", env={"PREFIX": "/usr", "DESTDIR": machine.root, "SYSCONFDIR": "/etc",
                                                  "PAMDIR": f"/usr/lib/{arch}/security", "B": sandbox.B})
    sandbox.sh("chroot", machine.root, "useradd", "--create-home", "--shell", "/bin/bash", "alice")
    sandbox.sh("chroot", machine.root, "chpasswd", text=f"alice:{sandbox.PASSWORD}\n")
    machine.boot()
    machine.run("systemd-sysusers && systemd-tmpfiles --create && approve-server init --url https://localhost:8443 && systemctl enable --now approve-server")
    machine.run("approve-server user add alice")
    url, token = sandbox.join_command(machine.run("approve-server host add web1").stdout)
    machine.run(f"echo {token} | approvectl join {url}")
    machine.run("systemctl enable --now approve-helper.socket")
    assert "publickey,password" in methods()
    machine.run("systemd-run --wait --quiet approvectl protect sshd --revert-after 10s")  # a session of its own, over when it returns
    assert is_new() and methods() == "publickey,keyboard-interactive", methods()
    assert machine.run(f"systemctl is-active {UNIT}", check=False).stdout.strip() == "active"
    sandbox.wait_for("the old stack", is_old, 15)
    assert "publickey,password" in methods()
    sandbox.wait_for("the unit's end", lambda: machine.run(f"systemctl is-active {UNIT}", check=False).stdout.strip() == "inactive", 10)
    assert "no new login confirmed" in machine.run(f"journalctl --no-pager -u {UNIT}").stdout
    assert machine.run("systemctl --failed --plain --no-legend").stdout == ""


@test("killed, the one that waits is started again, and puts back in time")
def killed():
    machine.run("approvectl protect sshd --revert-after 12s")
    machine.run(f"systemctl kill --signal=KILL {UNIT}")
    assert is_new()
    sandbox.wait_for("the old stack", is_old, 20)


@test("a power cut while it waits: after the start what is not due waits on, and is put back in time")
def not_due():
    start = time.monotonic()
    machine.run("approvectl protect sshd --revert-after 30s")
    machine.run("sync")
    power_cut()
    machine.boot()
    assert time.monotonic() - start < 28, "this machine is too slow for this test"
    assert is_new() and methods() == "publickey,keyboard-interactive"
    sandbox.wait_for("the old stack", is_old, 35)
    assert time.monotonic() - start > 25
    assert "publickey,password" in methods()


@test("a power cut, and the machine is off until it is due: put back at the start, before sshd and logins are")
def due():
    machine.run("approvectl protect sshd --revert-after 10s")
    power_cut()
    time.sleep(11)
    assert is_new()
    machine.boot()
    assert is_old() and "publickey,password" in methods()
    order = machine.run(f"systemctl show -P ActiveEnterTimestampMonotonic ssh.service; systemctl show -P ActiveEnterTimestampMonotonic {UNIT}").stdout.split()
    assert int(order[1]) < int(order[0]), order
    assert machine.run("systemctl --failed --plain --no-legend").stdout == ""


@test("keep: nothing is put back, also after a start; unprotect puts back")
def kept():
    machine.run("approvectl protect sshd --revert-after 10s && approvectl keep sshd --force")
    time.sleep(11)
    machine.stop()
    machine.boot()
    assert is_new() and machine.run("systemctl --failed --plain --no-legend").stdout == ""
    machine.run("approvectl unprotect sshd")
    assert is_old() and "publickey,password" in methods()


def logs():
    return machine.run(f"journalctl --no-pager -n 40 -u {UNIT} -u ssh", check=False).stdout if machine.enter else ""


shutil.rmtree("/run/log", ignore_errors=True)
try:
    test.run(logs)
finally:
    if machine.enter:
        machine.stop()
