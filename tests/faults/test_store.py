#!/usr/bin/python3
"""I6: a full disk and files that cannot be made durable, under the real server while logins wait: 503, nothing is acknowledged,
and all goes on when the fault is over."""
import http.client
import os
import sqlite3
import ssl
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import faults  # noqa: E402
import sandbox  # noqa: E402

sandbox.enter()
import common  # noqa: E402

DATA = "/var/lib/approve"
test = sandbox.Tests()
machine = faults.Machine("server")
sandbox.install()  # for the user that owns it
os.makedirs(DATA, exist_ok=True)
sandbox.sh("mount", "-t", "tmpfs", "-o", "size=3m,mode=700,uid=approve-server,gid=approve-server", "small", DATA)
world = common.World()
world.server.daemon.argv[0:0] = machine.env
world.server.stop()
world.server.start()


def fill():
    """No byte is left; the file that takes them."""
    path = f"{DATA}/ballast"
    with open(path, "wb", buffering=0) as file:
        size = 1 << 20
        while size:
            try:
                file.write(b"x" * size)
            except OSError:
                size //= 2
    return path


def rows(sql, *values):
    with sqlite3.connect(f"file:{DATA}/store.db?mode=ro", uri=True) as store:
        return store.execute(sql, values).fetchall()


def health():
    """What a supervisor sees."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    line = http.client.HTTPSConnection("localhost", world.server.port, context=context, timeout=10)
    line.request("GET", "/healthz")
    return line.getresponse().status


def refused_by_phone(ssh, request, decision, number):
    """A decision that the server cannot keep: approve-phone says so, and the request is as open as it was."""
    argv = ["approve", "--request", request, "--number", str(number)] if decision == "approve" else ["deny", "--request", request]
    answer = world.phone.cli(*argv, check=False)
    assert answer.returncode != 0 and rows("SELECT state FROM requests WHERE request = ?", request) == [("open",)], answer.stdout
    return answer.stdout


def broken_store(begin, end, kill):
    """Two logins wait; the store breaks; nothing can be decided, no login begins, nobody gets in; the store is well again, or the server is killed
    first: the two end as their phone says."""
    world.forget_denials()
    count = rows("SELECT count(*) FROM requests")[0][0]
    assert health() == 200
    waiting = [world.ssh(), world.ssh()]
    numbers = [ssh.number() for ssh in waiting]
    requests = [rows("SELECT request FROM requests ORDER BY rowid LIMIT 1 OFFSET ?", count + n)[0][0] for n in range(2)]
    begin()
    try:
        for ssh, request, decision, number in zip(waiting, requests, ("approve", "deny"), numbers):
            refused_by_phone(ssh, request, decision, number)
        assert health() == 503
        start, mark = time.monotonic(), world.syslog.mark()
        late = [world.ssh(user).password() for user in (["alice"] if kill else ["alice", "carol"])]
        for ssh in late:
            ssh.expect("Server unreachable. Code for web1: ", timeout=20)
            ssh.send()
            shown = ssh.refused(timeout=20)
            assert "cannot be reached" in shown and time.monotonic() - start < 15, shown
        assert "status 503: temporarily_unavailable (the store did not commit)" in world.syslog.since(mark), world.syslog.since(mark)
        assert rows("SELECT count(*) FROM requests")[0][0] == count + 2, "a request that was refused is there"
        assert world.server.daemon.running()
        if kill:
            world.server.stop(9)
    finally:
        end()
    if kill:
        world.server.start()
    sandbox.wait_for("the server to say that it is well", lambda: health() == 200, 2)
    assert rows("PRAGMA integrity_check") == [("ok",)]
    # every open request is one that was acknowledged
    for ssh, request, decision, number in zip(waiting, requests, ("approve", "deny"), numbers):
        world.phone.cli(decision, "--request", request, *(["--number", str(number)] if decision == "approve" else []))
        ssh.send()
        if decision == "approve":
            ssh.signed_in(timeout=30)
        else:
            assert "denied" in ssh.refused(timeout=30)
    if kill:
        return
    world.forget_denials()
    again = world.ssh()
    world.phone.approve(again.number())
    again.send()
    again.signed_in()


for ends_by_kill in (False, True):
    more = ", also over a kill -9" if ends_by_kill else ""

    @test(f"the disk is full: nothing is acknowledged and nobody gets in; with space again all goes on{more}")
    def disk_full(kill=ends_by_kill):
        ballast = []
        broken_store(lambda: ballast.append(fill()), lambda: os.unlink(ballast[0]), kill)

    @test(f"fsync and fdatasync fail (EIO): the same{more}")
    def no_sync(kill=ends_by_kill):
        broken_store(lambda: machine.sync(False), lambda: machine.sync(True), kill)


test.run(world.logs)
