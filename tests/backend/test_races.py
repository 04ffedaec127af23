#!/usr/bin/python3
"""What happens at the same time, and across the end of the server (I6); secrets at rest (I7)."""
import base64
import json
import os
import signal
import sqlite3
import threading
import time

import peers
from peers import Later, Phone, sandbox
from world import excused, other, phone, refused, row, run, server, test, web1, web2, with_time


def at_the_same_time(*calls):
    """Runs the calls from as many threads that start together; their results."""
    gate = threading.Barrier(len(calls))

    def run(call):
        gate.wait()
        return call()
    return [later.get(15) for later in [Later(run, call) for call in calls]]


@test("I6: approve, deny, cancel, code and collect at the same time: exactly one end, and everyone was told so")
def races():
    ends = set()
    mine = Phone(server, name="Racer")
    for _ in range(25):
        login = web1.ask()
        first, second, denied, cancelled, coded, got = at_the_same_time(
            lambda: phone.decide(login), lambda: other.decide(login), lambda: phone.decide(login, "deny"), login.cancel,
            lambda: login.code(mine.code()), login.token)
        state, result, method = row(login)
        ends.add(state)
        approvals = [first.status, second.status, coded.status].count(200)
        assert approvals <= 1, (first, second, coded)
        assert (denied.status == 200) == (state == "denied"), (denied, state)
        assert cancelled.status == 200 and state in ("used", "denied", "cancelled"), state
        if got.status == 200:
            assert state == "used" and approvals == 1, (got, state)
            assert login.claims(got)["amr"] == (["otp"] if coded.status == 200 else ["swk"]) and method == ("code" if coded.status == 200 else "phone")
        else:
            assert state != "used" and got.error in ("access_denied", "authorization_pending"), (got, state, result)
        assert row(login) == (state, result, method)
    assert len(ends) > 1, f"the races always ended alike: {ends}"
    mine.call("remove")


@test("I6: of two hosts' calls that collect at once, and of many of one host's, one approval comes out")
def collect_races():
    for _ in range(5):
        login = web1.ask()
        phone.decide(login)
        answers = at_the_same_time(*[login.token] * 4, lambda: web2.token(login.id))
        assert [a.status for a in answers[:4]] == [200] * 4 and answers[4].error == "invalid_grant"
        assert len({json.dumps(login.approval(a), sort_keys=True) for a in answers[:4]}) == 1


@test("I6: approve, code, cancel and collect in the moment that the time is up: one end, no token after it, and what is over stays over")
def expiry_races():
    mine = Phone(server, name="Late")
    peers.calm()
    logins = [web1.ask(life=10) for _ in range(24)]
    ends = [row(login, "ends")[0] / 1000 for login in logins]
    gate = threading.Barrier(len(logins) * 2)

    def at(place, offset, call):
        gate.wait()
        time.sleep(max(0.0, ends[place] + offset - time.time()))
        return call(), time.time()
    calls = [lambda login=login, n=n: phone.decide(login) if n % 3 == 0 else login.cancel() if n % 3 == 1 else login.code(mine.code())
             for n, login in enumerate(logins)]
    first = [Later(at, n, (n - 16) * 0.02, call) for n, call in enumerate(calls)]
    then = [Later(at, n, (n - 16) * 0.02 + 0.002, login.token) for n, login in enumerate(logins)]
    states = set()
    for login, acted, asked, end in zip(logins, first, then, ends):
        (answer, _), (got, when) = acted.get(20), asked.get(20)
        state, result, _ = row(login)
        states.add(state)
        assert state in ("used", "expired", "cancelled", "approved", "open"), (state, result)
        assert (got.status == 200) == (state == "used"), (got, state)
        if state == "used":
            assert answer.status == 200 and row(login, "used")[0] / 1000 <= end, (answer, row(login, "used"), end, when)
        if state in ("approved", "open"):  # the sweep is on its way
            refused(login.token(), 400, "expired_token")
    assert "expired" in states and len(states) > 1, states
    sandbox.wait_for("the sweep", lambda: not {row(login)[0] for login in logins} & {"open", "approved"})
    for login in logins:
        before = row(login)
        refused(phone.decide(login), 409, "over")
        refused(login.code("000000"), 400, "invalid_grant")
        login.cancel()
        assert row(login) == before
    mine.call("remove")


@test("I6: kill -9 and a restart keep all that was acknowledged: requests, approvals, denials, used codes, seen ids, devices")
def restart():
    mine = Phone(server, name="Restart")
    peers.calm()
    opened, approved, denied, coded = (web1.ask() for _ in range(4))
    mine.decide(approved)
    mine.decide(denied, "deny")
    code = mine.code()
    assert coded.code(code).status == 200
    coded.claims(coded.token())
    message = mine.message("requests", wait=0, seen="")
    revision = mine.send("requests", message).json["revision"]
    assertion = web1.assertion()
    web1.token(denied.id, assertion)
    held = opened.hold()
    server.stop(signal.SIGKILL)
    try:
        held.get()
        raise AssertionError("the held call was answered by a dead server")
    except OSError:
        pass
    except Exception as fault:
        assert "closed" in str(fault) or "Disconnected" in type(fault).__name__, repr(fault)
    server.start()
    assert mine.call("requests", wait=20, seen=revision).json["revision"] != revision, "a phone hears of a restart at once"
    refused(mine.send("requests", message), 400, "replayed")
    refused(web1.token(denied.id, assertion), 401, "invalid_client")
    approved.approval(approved.token())
    refused(denied.token(), 400, "access_denied", reason="denied")
    refused(web1.ask().code(code), 400, "pam_approve_invalid_code")
    held = opened.hold()
    mine.decide(opened)
    opened.approval(held.get())
    mine.call("remove")


@test("requests that ended while the server was down are over when it is back")
def ended_while_down():
    login = web1.ask()
    phone.decide(login)
    with_time(login, "ends = made + 1")
    refused(login.token(), 400, "expired_token")
    sandbox.wait_for("the sweep", lambda: row(login)[:2] == ("expired", "no_answer"))


@test("a store that cannot commit: 503 to hosts and phones, nothing is kept, and all goes on when it can")
def no_commit():
    excused.append("BEGIN IMMEDIATE: database is locked")
    login = web1.ask()
    with sqlite3.connect(f"{server.data}/store.db", isolation_level=None) as blocker:
        blocker.execute("BEGIN IMMEDIATE")
        answer = refused(web1.ask().answer, 503, "temporarily_unavailable")
        assert int(answer.headers["Retry-After"]) > 0
        refused(login.token(), 503, "temporarily_unavailable")
        refused(phone.decide(login), 503, "unavailable")
        assert server.call("GET", "/healthz").status == 503
        blocker.execute("ROLLBACK")
    assert row(login)[0] == "open"
    assert phone.decide(login).status == 200
    login.approval(login.token())


@test("I7: no code secret is in the store as it is, none in the log")
def secrets():
    raw = base64.b32decode(phone.secret)
    kept = b"".join(open(f"{server.data}/{name}", "rb").read() for name in os.listdir(server.data) if name.startswith("store.db"))
    assert kept.count(phone.device.encode()) > 0, "the store was looked at"
    for text in (raw, phone.secret.encode(), peers.encode(raw).encode(), raw.hex().encode()):
        assert text not in kept
    log = sandbox.read(server.log)
    assert "request for alice" in log and phone.secret not in log and phone.code() not in log


run()
