#!/usr/bin/python3
"""A break-in into a daemon finds no way on: what it could call is filtered. A debugger makes the calls in the real helper and server, from inside."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "login"))
import common
import sandbox

sandbox.enter()
world = common.World()
test = sandbox.Tests()

EXECVE, UNSHARE, MOUNT, GETPID = 59, 272, 165, 39
if os.uname().machine == "aarch64":
    EXECVE, UNSHARE, MOUNT, GETPID = 221, 97, 40, 172


def call(pid, number, *arguments):
    """What one system call gives inside that process, or the signal that ended it."""
    words = ", ".join(str(a) for a in (number,) + arguments)
    said = subprocess.run(["gdb", "-q", "-nx", "-batch", "-p", str(pid), "-ex", "set unwindonsignal off", "-ex", f"print ((long(*)())syscall)({words})"],
                          capture_output=True, text=True, timeout=60, check=False)
    return said.stdout + said.stderr


def killed(daemon, number, *arguments):
    said = call(daemon.child.pid, number, *arguments)
    assert "SIGSYS" in said, said
    sandbox.wait_for("it to end", lambda: not daemon.running())
    assert daemon.child.returncode == -31, daemon.child.returncode


def works():
    ssh = world.ssh()
    world.phone.approve(ssh.number())
    ssh.send()
    ssh.signed_in()


@test("both daemons run under a filter, without new privileges")
def filtered():
    works()  # the socket's first connection starts the helper
    for daemon in (world.server.daemon, world.host.helper):
        said = sandbox.read(f"/proc/{daemon.child.pid}/status")
        assert "Seccomp:\t2" in said and "NoNewPrivs:\t1" in said, said


@test("an ordinary call passes, in a daemon that goes on")
def ordinary():
    for daemon in (world.server.daemon, world.host.helper):
        assert f"= {daemon.child.pid}" in call(daemon.child.pid, GETPID)
    works()


@test("approve-helper: a forbidden call kills; after a restart logins go on")
def helper():
    for number in (EXECVE, UNSHARE, MOUNT):
        killed(world.host.helper, number, 0, 0, 0)
        world.ssh().password().refused()
        world.host.stop()
        world.host.start()
        works()


@test("approve-server: a forbidden call kills; after a restart logins go on")
def server():
    killed(world.server.daemon, EXECVE, 0, 0, 0)
    world.server.stop()
    world.server.start()
    works()


test.run(world.logs)
