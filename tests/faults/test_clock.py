#!/usr/bin/python3
"""Clocks that jump by an hour, of the server, of the host, and of both: no approval counts after its end, nothing hangs, what was used up stays used up."""
import os
import sqlite3
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import faults  # noqa: E402
import sandbox  # noqa: E402

sandbox.enter()
import common  # noqa: E402
import peers  # noqa: E402

HOUR = 3600
test = sandbox.Tests()
ours, theirs = faults.Machine("server"), faults.Machine("host")
world = common.World(conf="[service sshd]\nlife = 10")
for daemon, machine in ((world.server.daemon, ours), (world.host.helper, theirs)):
    where = daemon.argv.index("approve-helper") if "approve-helper" in daemon.argv else 0
    daemon.argv[where:where] = machine.env
for part in (world.host, world.server):
    part.stop()
for part in (world.server, world.host):
    part.start()


def set_clocks(server=0, host=0):
    ours.clock(server)
    theirs.clock(host)


def phone(*argv, check=True):
    """approve-phone, by the server's clock."""
    return sandbox.sh(*ours.env, "approve-phone", "--state", world.phone.state, *argv, check=check)


def state():
    """Of the newest request, as the server has it."""
    with sqlite3.connect("file:/var/lib/approve/store.db?mode=ro", uri=True) as store:
        return store.execute("SELECT state FROM requests ORDER BY rowid DESC").fetchone()[0]


def works_again():
    """With right clocks: a login, approved and opened."""
    set_clocks()
    world.forget_denials()
    ssh = world.ssh()
    world.phone.approve(ssh.number())
    ssh.send()
    ssh.signed_in()


def jump(server, host):
    """A login waits, the clocks jump, the phone tries to approve, the user presses Enter: what the user saw at the end, and how long all of it took."""
    set_clocks()
    world.forget_denials()
    ssh = world.ssh()
    number = ssh.number()
    request = sandbox.wait_for("the request", world.phone.open)[0]["request"]
    mark, start = world.syslog.mark(), time.monotonic()
    set_clocks(server, host)
    tried = phone("approve", "--request", request, "--number", str(number), check=False)
    ssh.send()
    return ssh, tried, start, mark


def ends(ssh, start, seconds):
    """No shell: refused, or a prompt for a code that nobody has."""
    where = ssh.term.expect([r"one-time code: |Code: ", sandbox.pexpect.EOF], timeout=seconds)
    text = ssh.term.before
    assert "in as" not in text, text
    ssh.kill()
    assert time.monotonic() - start < seconds
    return "code" if where == 0 else text


@test("the server's clock jumps an hour ahead: the request is over, and is refused by both; logins made meanwhile are refused, and the log names the clocks")
def server_ahead():
    ssh, tried, start, _ = jump(HOUR, 0)
    assert tried.returncode != 0, tried.stdout
    ends(ssh, start, 30)
    assert state() in ("open", "expired", "cancelled"), state()
    world.forget_denials()
    mark = world.syslog.mark()
    world.ssh().password().refused()
    assert "compare the clocks" in world.syslog.since(mark), world.syslog.since(mark)
    works_again()


@test("the server's clock jumps an hour back: the host ends the login by its own clock, and an approval lets nobody in")
def server_back():
    ssh, _, start, _ = jump(-HOUR, 0)
    ends(ssh, start, 30)
    assert state() in ("open", "approved", "cancelled"), state()
    works_again()


@test("the host's clock jumps an hour, either way: refused, the log names the clocks, and the server says that the request is over or nobody collects it")
def host_jumps():
    for hours in (1, -1):
        ssh, _, start, mark = jump(0, hours * HOUR)
        ends(ssh, start, 30)
        assert "clock" in world.syslog.since(mark) + sandbox.read(world.host.helper.log), world.syslog.since(mark)
        works_again()


@test("all clocks jump an hour ahead: the open request is over at once, the phone can't approve it, the login ends or goes on with a code")
def all_ahead():
    ssh, tried, start, _ = jump(HOUR, HOUR)
    assert tried.returncode != 0, tried.stdout
    ends(ssh, start, 30)
    assert state() in ("open", "expired", "cancelled"), state()
    works_again()


@test("all clocks jump an hour back: by its own clock the host ends the login in time and withdraws the request, which would stay open "
      "for an hour; a late approval is refused")
def all_back():
    set_clocks()
    world.forget_denials()
    ssh = world.ssh()
    number = ssh.number()
    request = sandbox.wait_for("the request", world.phone.open)[0]["request"]
    set_clocks(-HOUR, -HOUR)
    sandbox.wait_for("the host to withdraw it", lambda: state() == "cancelled", 16)
    late = phone("approve", "--request", request, "--number", str(number), check=False)
    assert late.returncode != 0, late.stdout
    ssh.send()
    assert ends(ssh, time.monotonic(), 10) == "code"
    works_again()


@test("I5: a code, a phone's message and an assertion that were used stay used up when the clock is set an hour ahead, "
      "the server starts there, and the clock is set back; so do locks")
def used_up():
    machine = faults.Machine("other")
    with peers.Server("[limits]\ncodes_wrong_host = 3\ncodes_wrong_user = 3\n", prefix=machine.env) as server:
        for user in ("alice", "bob"):
            server.cli("user", "add", user)
        host, mine = peers.Host(server), peers.Phone(server)
        peers.calm()
        login, code = host.ask(), mine.code()
        assert login.code(code).status == 200 and login.token().status == 200
        message, assertion = mine.message("requests", wait=0, seen=""), host.assertion()
        assert mine.send("requests", message).status == 200 and host.token(login.id, assertion).status == 200
        locked = host.ask(user="bob")
        for _ in range(3):
            assert locked.code("000000").error == "pam_approve_invalid_code"
        server.stop()
        machine.clock(HOUR)
        server.start()  # sweeps at once
        time.sleep(0.3)
        machine.clock(0)
        for name, answer in (("message", mine.send("requests", message)), ("assertion", host.token(login.id, assertion)), ("code", host.ask().code(code))):
            assert answer.error in ("replayed", "invalid_client", "pam_approve_invalid_code"), (name, answer)
        locked = host.ask(user="bob")
        assert locked.code("000001").error == "pam_approve_code_locked"
        machine.clock(-HOUR)
        host_back = host.assertion(iat=int(time.time()) - HOUR, exp=int(time.time()) - HOUR + 60)
        answer = host.post("/ciba/code", host_back, auth_req_id=locked.id, code="000001")
        assert answer.error == "pam_approve_code_locked" and answer.json["retry_after"] > 0, answer


test.run(world.logs)
