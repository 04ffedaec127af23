#!/usr/bin/python3
"""Logins that end in the middle, many at once, on two hosts, and a host that is revoked."""
import os
import time

import common
import sandbox

sandbox.enter()
world = common.World()
other = sandbox.Host(world.server, "web2", own_mounts=True)
other_sshd = sandbox.Sshd("sshd-web2", other.prefix)
test = sandbox.Tests()


def processes(*names):
    """Live processes by name (a zombie is not one)."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        stat = sandbox.read(f"/proc/{pid}/stat")
        if stat and stat[stat.index("(") + 1:stat.rindex(")")] in names and stat[stat.rindex(")") + 2] != "Z":
            found.append(int(pid))
    return found


@test("ssh killed while it waits: cancelled on the phone within 1 s, no process is left, a late approval changes nothing (S17)")
def killed():
    before = processes("sshd")
    ssh = world.ssh()
    number = ssh.number()
    request = sandbox.wait_for("the request", world.phone.open)[0]
    ssh.kill()
    world.phone.ended("caller_gone", sandbox.slower())
    late = world.phone.cli("approve", "--request", request["request"], "--number", str(number), check=False)
    assert late.returncode != 0 and world.phone.last()["result"] == "caller_gone", late.stdout
    sandbox.wait_for("sshd's processes to end", lambda: set(processes("sshd")) <= set(before), 3)


@test("ssh killed while the module waits after Enter: cancelled within 1 s, no process is left")
def killed_waiting():
    before = processes("sshd")
    ssh = world.ssh()
    ssh.number()
    ssh.send()
    time.sleep(0.5)
    ssh.kill()
    world.phone.ended("caller_gone", sandbox.slower())
    sandbox.wait_for("sshd's processes to end", lambda: set(processes("sshd")) <= set(before), 3)


@test("ten logins at once, two users, every second on another host: each gets its own answer (I2)")
def ten_at_once():
    plan = [("alice", "approve"), ("alice", "wrong"), ("bob", "deny"), ("bob", "approve"), ("alice", "deny"),
            ("alice", "approve"), ("bob", "wrong"), ("bob", "approve"), ("alice", "approve"), ("bob", "deny")]
    logins = [(sandbox.Ssh((other_sshd, world.sshd)[place % 2], user, options=[f"BindAddress=127.0.1.{place}"]), user, action, f"127.0.1.{place}")
              for place, (user, action) in enumerate(plan, 1)]
    numbers = [ssh.number(timeout=20) for ssh, _, _, _ in logins]
    asked = {user: sandbox.wait_for("the requests", lambda user=user: len(found := world.phones[user].open()) == 5 and found) for user in world.phones}
    for place, ((ssh, user, action, address), number) in enumerate(zip(logins, numbers), 1):
        phone = world.phones[user]
        request = next(r for r in asked[user] if r["rhost"] == address)
        assert request["host"] == ("web2", "web1")[place % 2], request
        if action == "deny":
            phone.cli("deny", "--request", request["request"])
        else:
            phone.cli("approve", "--request", request["request"], "--number", str(number if action == "approve" else 10 + (number - 9) % 90), check=False)
    for (ssh, user, action, address), _ in zip(logins, numbers):
        ssh.send()
        if action == "approve":
            ssh.signed_in()
        else:
            shown = ssh.refused()
            assert ("denied" if action == "deny" else "not the right one") in shown, (action, shown)


@test("two hosts, each with its own key and helper; revoking one refuses its parked login at once, the other goes on (I10)")
def revoked():
    here, there = world.ssh("bob"), sandbox.Ssh(other_sshd, "alice")
    number_here, number_there = here.number(), there.number()
    sandbox.wait_for("both requests", lambda: world.phone.open() and world.phones["bob"].open())
    assert world.phone.open()[0]["host"] == "web2" and world.phones["bob"].open()[0]["host"] == "web1"
    there.send()
    time.sleep(0.3)
    mark = world.syslog.mark()
    world.server.cli("host", "revoke", "web2")
    # then pam_unix's own delay for failures, two seconds or so, before ssh hears of it
    sandbox.wait_for("the module to refuse", lambda: "pam_approve(sshd:auth): user=alice service=sshd rhost=127.0.0.1: revoked" in world.syslog.since(mark), 0.5)
    shown = there.refused()
    assert "no longer" in shown, shown
    assert world.phone.approve(number_there, wait=1, check=False).returncode != 0
    world.phones["bob"].approve(number_here)
    here.send()
    here.signed_in()
    sandbox.Ssh(other_sshd, "alice").password().refused()


@test("I6: the helper killed while a login waits: refused, the next login works")
def helper_killed():
    world.forget_denials()
    ssh = world.ssh()
    ssh.number()
    world.host.stop(9)
    ssh.send()
    ssh.refused()
    world.host.start()
    again = world.ssh()
    world.phone.approve(again.number())
    again.send()
    again.signed_in()


@test("I6: the server killed after an approval was acknowledged: the login still opens")
def server_killed():
    ssh = world.ssh()
    number = ssh.number()
    world.host.helper.send(19)
    world.phone.approve(number)
    world.server.stop(9)
    world.server.start()
    world.host.helper.send(18)
    ssh.send()
    ssh.signed_in(timeout=30)


test.run(world.logs)
