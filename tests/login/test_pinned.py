#!/usr/bin/python3
"""trust = pinned: only the phones that this host's administrator pinned open it, whatever the server says (I4)."""
import subprocess

import common
import sandbox

sandbox.enter()
world = common.World(people=("alice", "bob"))
test = sandbox.Tests()
PINNED = "/etc/approve/pinned"


def ctl(*argv):
    return sandbox.sh("approvectl", *argv, check=False)


def trust_pinned():
    conf = sandbox.read("/etc/approve/host.conf")
    if "trust = pinned" not in conf:
        ctl("pin", *world.phone.cli("key").stdout.split())
        sandbox.write("/etc/approve/host.conf", conf.replace("[backend]", "[backend]\ntrust = pinned", 1))


@test("`approve-phone key` says the line that `approvectl pin` takes; pinned twice is pinned once")
def pin():
    user, thumbprint = world.phone.cli("key").stdout.split()
    assert user == "alice" and world.phone.json("key") == {"user": "alice", "thumbprint": thumbprint}
    for words in ("counts where", "already"):
        done = ctl("pin", user, thumbprint)
        assert done.returncode == 0 and words in done.stdout, done.stdout
    assert sandbox.read(PINNED) == f"alice {thumbprint}\n"


@test("`approvectl pin` takes no junk, and leaves a file that it does not understand as it is")
def junk():
    before = sandbox.read(PINNED)
    for user, thumbprint in (("alice", "short"), ("alice", "x" * 44), ("al ice", "x" * 43), ("", "x" * 43), ("alice\nroot", "x" * 43)):
        assert ctl("pin", user, thumbprint).returncode != 0 and sandbox.read(PINNED) == before
    sandbox.write(PINNED, before + "who is this\n")
    done = ctl("pin", "bob", "x" * 43)
    assert done.returncode == 1 and f"{PINNED}:2" in done.stdout and sandbox.read(PINNED) == before + "who is this\n"
    sandbox.write(PINNED, before)


@test("of many `approvectl pin` at once none loses another's line")
def at_once():
    before = sandbox.read(PINNED)
    lines = [f"bob {number:02}{'x' * 41}" for number in range(5)]
    slowly = sandbox.strace("-o", "/dev/null", "-e", "inject=rename:delay_enter=400000")  # so that they meet
    running = [subprocess.Popen([*slowly, "approvectl", "pin", *line.split()], stdout=subprocess.DEVNULL) for line in lines]
    assert [one.wait(20) for one in running] == [0] * len(lines)
    after = sandbox.read(PINNED)
    sandbox.write(PINNED, before)
    assert after.startswith(before) and sorted(after[len(before):].splitlines()) == lines


@test("I4: the pinned phone's approval opens the session")
def approved():
    trust_pinned()
    ssh = world.ssh()
    world.phone.approve(ssh.number())
    ssh.send()
    ssh.signed_in()


@test("I4: another phone of hers, which the server vouches for, opens nothing")
def not_pinned():
    trust_pinned()
    world.phone.cli("device", "--off")
    other = sandbox.Phone(world.server, "alice", "Stolen")
    ssh = world.ssh()
    other.approve(ssh.number(), check=False)
    ssh.send()
    ssh.refused()
    world.phone.cli("device", "--on")
    other.remove()
    world.forget_denials()


@test("I4: a code of the server's opens nothing; the host asks for its own")
def code():
    trust_pinned()
    ssh = world.ssh()
    ssh.number()
    assert "or type the code for web1" in ssh.term.after, ssh.term.after
    ssh.send(world.phone.code())
    ssh.expect("That code is not right")
    ssh.kill()


@test("I4: bob, of whom no phone is pinned, does not get in")
def nobody():
    trust_pinned()
    ssh = world.ssh("bob")
    world.phones["bob"].approve(ssh.number(), check=False)
    ssh.send()
    ssh.refused()


test.run(world.logs)
