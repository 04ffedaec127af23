#!/usr/bin/python3
"""Fail closed (I1): whatever is missing, wrong or silent, nobody is let in, in bounded time, and syslog says why. And who is not asked (S9)."""
import os
import time

import common
import sandbox

sandbox.enter()
world = common.World()
test = sandbox.Tests()
CONF = "/etc/approve/host.conf"
# What is measured is the module's time: pam_unix asks for a delay of 1 to 3 s where the whole fails.
sandbox.write("/etc/pam.d/sshd", sandbox.read("/etc/pam.d/sshd").replace("pam_unix.so\n", "pam_unix.so nodelay\n", 1))
assert "nodelay" in sandbox.read("/etc/pam.d/sshd")


def refused_with(reason, bound, user="alice"):
    mark = world.syslog.mark()
    start = time.monotonic()
    world.ssh(user).password().refused(timeout=bound + 5)
    assert time.monotonic() - start < bound * sandbox.slower(), f"took {time.monotonic() - start:.1f} s, bound {bound} s"
    said = world.syslog.since(mark)
    assert reason in said, f"no {reason!r} in syslog:\n{said}"


def works():
    ssh = world.ssh()
    world.phone.approve(ssh.number())
    ssh.send()
    ssh.signed_in()


@test("helper stopped: refused")
def helper_stopped():
    world.host.stop()
    refused_with("helper", 4)
    world.host.start()
    works()


@test("helper does not answer (SIGSTOP): refused within the module's deadline")
def helper_silent():
    works()
    world.host.helper.send(19)
    refused_with("helper", 9)
    world.host.helper.send(18)
    works()


@test("helper not installed: refused")
def helper_missing():
    world.host.stop()
    os.remove("/run/approve/helper.sock")
    refused_with("/run/approve/helper.sock", 4)
    world.host.start()


@test("host.conf missing: refused")
def conf_missing():
    os.rename(CONF, CONF + ".away")
    refused_with("host.conf", 4)
    os.rename(CONF + ".away", CONF)
    works()


@test("host.conf malformed: refused, with file, line and what is allowed in the helper's log")
def conf_malformed():
    world.host.conf("[service sshd]\nnumber = maybe")
    refused_with("host.conf", 4)
    log = sandbox.read(world.host.helper.log)
    assert f"{CONF}:" in log and "enter" in log and "choose" in log, log
    world.host.conf("")
    works()


@test("host.conf with an unknown key: refused")
def conf_unknown_key():
    world.host.conf("[service sshd]\nnumbr = off")
    refused_with("host.conf", 4)
    world.host.conf("")


@test("host.conf writable by others: refused")
def conf_writable():
    os.chmod(CONF, 0o666)
    refused_with("host.conf", 4)
    os.chmod(CONF, 0o644)
    works()


@test("the host's key missing: refused")
def key_missing():
    os.rename("/etc/approve/host.key", "/etc/approve/host.key.away")
    world.host.stop()
    world.host.start()
    refused_with("host", 4)
    os.rename("/etc/approve/host.key.away", "/etc/approve/host.key")
    works()


@test("the module not installed: sshd's stack refuses")
def module_missing():
    module = [p for p in (f"/usr/lib/{a}/security/pam_approve.so" for a in os.listdir("/usr/lib")) if os.path.exists(p)][0]
    os.rename(module, module + ".away")
    refused_with("pam_approve", 6)
    os.rename(module + ".away", module)
    works()


@test("S9: a user in `except` signs in as before, another is asked")
def except_user():
    world.host.conf("[service sshd]\nexcept = bob")
    world.ssh("bob").password().signed_in()
    works()
    world.host.conf("")


@test("S9: a group in `except` signs in as before; a group that does not exist excepts nobody")
def except_group():
    sandbox.sh("groupadd", "-f", "breakglass")
    sandbox.sh("usermod", "-aG", "breakglass", "bob")
    world.host.conf("[service sshd]\nexcept = @breakglass @nosuchgroup")
    before = world.requests("bob")
    world.ssh("bob").password().signed_in()
    assert world.requests("bob") == before
    works()
    world.host.conf("")


@test("S9: ask = no leaves a service out; a wrong password is still refused")
def ask_no():
    world.host.conf("[service sshd]\nask = no")
    world.ssh().password().signed_in()
    world.ssh().password("wrong").refused()
    world.host.conf("")


@test("S9: except_networks leaves a network out, and only that")
def except_network():
    world.host.conf("[service sshd]\nexcept_networks = 127.0.9.0/24")
    sandbox.Ssh(world.sshd, "alice", options=["BindAddress=127.0.9.7"]).password().signed_in()
    works()
    world.host.conf("")


@test("a misspelt service section opens no door")
def misspelt():
    world.host.conf("[service sshdd]\nask = no")
    works()
    world.host.conf("")


test.run(world.logs)
