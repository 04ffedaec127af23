#!/usr/bin/python3
"""Who can be told apart, how often phones ring, and one-time codes with their limits (I5, I8, I9)."""
import signal
import sqlite3
import time

import peers
from pace import slower
from peers import Host, Later, Phone, Server
from world import bobs, ended, other, phone, refused, row, run, sandbox, server, test, web1, web2


# --- I8, I9: who can be told apart, and how often phones ring ---------------------------------------------------------

@test("I8: an unknown user, one without a device and one with requests off get the same answer, and wait and end alike")
def unknown_user():
    carol = Phone(server, "bob", name="Second")
    for each in (bobs, carol):
        assert each.call("device", enabled=False).json["enabled"] is False
    answers = {}
    for user in ("nobody-here", "nophone", "bob"):
        login = web1.ask(user=user)
        answers[user] = sorted((k, v if k != "auth_req_id" else len(v)) for k, v in login.answer.json.items())
        assert login.answer.json["methods"] == ["code"] and login.answer.json["device"] == "" and login.answer.json["devices"] == 0
        held = login.hold()
        assert held.is_alive()
        refused(login.code("000000"), 400, "pam_approve_invalid_code")
        assert login.cancel().status == 200
        refused(held.get(), 400, "access_denied", reason="cancelled")
    assert answers["nobody-here"] == answers["nophone"] == answers["bob"], answers
    login = web1.ask(user="bob")
    assert bobs.list() == []
    refused(bobs.decide(login), 404, "not_found")
    assert login.code(bobs.code()).status == 200, "codes count with requests off"
    assert login.claims(login.token())["amr"] == ["otp"]
    bobs.call("device", enabled=True)
    assert web1.ask(user="bob").answer.json["devices"] == 1
    carol.call("remove")


@test("methods=code: no phone shows it, a code answers it")
def code_only():
    peers.calm()
    login = web1.ask(extra={"methods": "code"})
    assert login.answer.json["methods"] == ["code"] and phone.shown(login) is None
    refused(phone.decide(login), 404, "not_found")
    assert login.code(other.code(-1)).status == 200
    login.claims(login.token())


@test("I9: so many requests from one source and to one user in the window, then code only; not_me mutes the source at once")
def push_limits():
    with Server("[limits]\npushes_per_source = 2\npushes_per_user = 5\npush_window = 600\n") as limited:
        for user in ("alice", "bob"):
            limited.cli("user", "add", user)
        host, mine = Host(limited), Phone(limited)
        Phone(limited, "bob")

        web2 = Host(limited, "web2")

        def asked(source, user="alice", host=host):
            login = host.ask(user=user, rhost=source)
            return login, login.answer.json["devices"] == 1

        mute, rings = asked("192.0.2.9")
        assert rings
        assert mine.decide(mute, "not_me").status == 200
        assert not asked("192.0.2.9")[1], "muted"
        assert asked("192.0.2.9", "bob")[1], "for this user only"
        limited.stop()  # a request of the longest life, denied at its end, and "it wasn't me" only ten minutes later
        with sqlite3.connect(f"{limited.data}/store.db") as store:
            store.execute("UPDATE requests SET made = made - 1500000, ends = ends - 1500000 WHERE result = 'not_me'")
        limited.start()
        assert not asked("192.0.2.9")[1], "muted from when it was said"
        limited.stop()  # and the mute is over
        with sqlite3.connect(f"{limited.data}/store.db") as store:
            store.execute("UPDATE requests SET result = 'denied', made = made + 1500000, ends = ends + 1500000 WHERE result = 'not_me'")
        limited.start()
        assert [asked("192.0.2.1")[1] for _ in range(3)] == [True, True, False]
        assert [asked("", host=web2)[1] for _ in range(3)] == [True, True, False], "a local login's source is its host"
        last, rings = asked("192.0.2.2")
        assert not rings, "five for the user"
        assert asked("192.0.2.1", "bob")[1]
        assert last.code(mine.code()).status == 200, "I5: a limit on pushes never blocks codes"
        assert last.claims(last.token())["amr"] == ["otp"]
        assert not mine.shown(last)


@test("I9: an IPv6 /64 is one source, however its addresses are written, and an IPv4 address in IPv6 is itself")
def source_network():
    with Server("[limits]\npushes_per_source = 2\n") as limited:
        limited.cli("user", "add", "alice")
        host, mine = Host(limited), Phone(limited)
        rings = [host.ask(rhost=rhost).answer.json["devices"] for rhost in
                 ("2001:db8:1:1::1", "2001:0DB8:1:1:ffff::2", "2001:db8:1:1::3%eth0", "2001:db8:1:2::1", "192.0.2.1", "::ffff:192.0.2.1", "::ffff:c000:201")]
        assert rings == [1, 1, 0, 1, 1, 1, 0], rings
        limited.cli("user", "add", "bob")
        bob = Phone(limited, "bob")
        first = host.ask(user="bob", rhost="2001:db8:1:1::1")
        assert bob.decide(first, "not_me").status == 200
        assert [host.ask(user="bob", rhost=f"2001:db8:1:1::{i:x}").answer.json["devices"] for i in range(1, 4)] == [0, 0, 0], "muted"
        assert not mine.shown(first)


@test("I9: after not_me only sources that the user has signed in from ring; new ones get a code, on every host, and other users' ring")
def mute_new_sources():
    with Server("[limits]\npush_window = 600\n") as limited:
        for user in ("alice", "bob"):
            limited.cli("user", "add", user)
        one, two, mine = Host(limited, "web1"), Host(limited, "web2"), Phone(limited)
        Phone(limited, "bob")
        home = one.ask(rhost="2001:db8:7:7::1")
        assert mine.decide(home).status == 200
        home.approval(home.token())
        denied = one.ask(rhost="192.0.2.50")
        assert mine.decide(denied, "deny").status == 200
        assert mine.decide(one.ask(rhost="198.51.100.1"), "not_me").status == 200
        for host in (one, two):
            new = host.ask(rhost="198.51.100.2")
            assert new.answer.json["methods"] == ["code"] and new.answer.json["device"] == "", "as if the user had no phone"
            assert host.ask(rhost="192.0.2.50").answer.json["devices"] == 0, "denied from there, never signed in"
        assert two.ask(rhost="2001:db8:7:7::2").answer.json["devices"] == 1, "known"
        assert one.ask(user="bob", rhost="198.51.100.2").answer.json["devices"] == 1
        peers.calm()
        assert new.code(mine.code()).status == 200, "codes count"
        new.claims(new.token())
        assert two.ask(rhost="198.51.100.2").answer.json["devices"] == 1, "signed in from, with a code"


@test("one host may make so many requests in an hour, over or not; then it waits, and others do not")
def requests_per_host():
    with Server("[limits]\nrequests_per_host = 100\n") as limited:
        one, two = Host(limited, "web1"), Host(limited, "web2")
        for i in range(100):
            login = one.ask(user=f"u{i}")
            assert login.answer.status == 200 and login.cancel().status == 200
        late = refused(one.ask().answer, 429, "pam_approve_too_many_requests")
        assert 1 <= int(late.headers["Retry-After"]) <= 36, late.headers
        assert two.ask().answer.status == 200


@test("one user who asks again and again on a host waits alone: for others there, and for this user elsewhere, is as much as before")
def requests_per_user():
    with Server("[limits]\nrequests_per_host = 95\n") as limited:
        one, two = Host(limited, "web1"), Host(limited, "web2")
        for _ in range(10):
            assert one.ask(user="eve").cancel().status == 200
        for _ in range(200):
            refused(one.ask(user="eve").answer, 429, "pam_approve_too_many_requests")
        for i in range(85):
            assert one.ask(user=f"u{i}").cancel().status == 200
        refused(one.ask(user="bob").answer, 429, "pam_approve_too_many_requests")
        assert two.ask(user="eve").answer.status == 200


def old_requests(store, count, days, user, host="web9", **more):
    """Puts requests that are over into the store: no phone saw them, but for what `more` says."""
    at = int((time.time() - days * 86400) * 1000)
    values = {"host_id": host, "host_name": host, "user_name": user, "service": "sshd", "rhost": "192.0.2.99", "source": "192.0.2.99", "details": "x" * 2000,
              "shown": 0, "state": "cancelled", "result": "cancelled", "ends": at, "changed": at} | more
    store.executemany(f"INSERT INTO requests (id, request, made, {', '.join(values)}) VALUES (?, ?, ?{', ?' * len(values)})",
                      ((f"{user}{days}{i}{more}", f"{days}{i}{more}", at - i, *values.values()) for i in range(count)))


@test("what hosts asked before and no phone saw, however much it is, makes no request and no answer slow")
def many_that_are_over():
    def fastest(what):
        took = []
        for _ in range(5):
            start = time.monotonic()
            assert what().status == 200
            took.append(time.monotonic() - start)
        return min(took)

    with Server(peers.LIMITS) as limited:
        limited.cli("user", "add", "alice")
        host, mine = Host(limited), Phone(limited)
        each = {"ask": lambda: host.ask().answer, "list": lambda: mine.call("requests", wait=0, seen=""), "activity": lambda: mine.call("activity", limit=20)}
        before = {name: fastest(what) for name, what in each.items()}
        limited.stop()
        with sqlite3.connect(f"{limited.data}/store.db") as store:
            old_requests(store, 150000, 0, "alice", "web1")
        limited.start()
        after = {name: fastest(what) for name, what in each.items()}
        print(f"# {before} before, {after} after")
        assert all(after[name] < before[name] + 0.03 * slower() for name in each), (before, after)


@test("requests that no phone saw and by which nobody got in are kept for 7 days, others for 90")
def kept():
    with Server("") as limited:
        limited.stop()
        by_code = {"state": "used", "result": "signed_in", "method": "code", "decided": 1, "used": 1}
        with sqlite3.connect(f"{limited.data}/store.db") as store:
            for days in (6, 8, 89, 91):
                for user, more in (("nobody", {}), ("code", by_code), ("phone", {"shown": 1})):
                    old_requests(store, 1, days, user, **more)
        limited.start()

        def left():
            with sqlite3.connect(f"file:{limited.data}/store.db?mode=ro", uri=True) as store:
                now = time.time() * 1000
                return sorted((user, round((now - made) / 86400000)) for user, made in store.execute("SELECT user_name, made FROM requests"))
        sandbox.wait_for(lambda: f"the sweep; there is {left()}", lambda: left() == [
            ("code", 6), ("code", 8), ("code", 89), ("nobody", 6), ("phone", 6), ("phone", 8), ("phone", 89)], 5)


@test("I9: one host cannot spend a user's whole budget of pushes, nor fill the user's requests on another host, with phones or codes")
def host_share():
    with Server("") as limited:
        limited.cli("user", "add", "alice")
        one, two = Host(limited, "web1"), Host(limited, "web2")
        Phone(limited)
        rings = [two.ask(rhost=f"198.51.100.{i}").answer.json.get("devices") for i in range(105)]
        assert rings == [1] * 7 + [0] * 93 + [None] * 5, rings
        assert one.ask(rhost="192.0.2.1").answer.json["devices"] == 1
        code = one.ask(extra={"methods": "code"}).answer
        assert code.status == 200, code
        assert [one.ask(rhost=f"192.0.2.{i}").answer.json["devices"] for i in range(2, 5)] == [1, 1, 0], "ten in all"


@test("a name with blanks is one word in the log")
def log_words():
    user = "eve by web2, service sshd, from 192.0.2.66: phones asked"
    login = web1.ask(user=user, service="s by x", rhost="192.0.2.8 really")
    refused(login.code("000000"), 400, "pam_approve_invalid_code")
    log = sandbox.read(server.log)
    assert "request for eve_by_web2,_service_sshd,_from_192.0.2.66:_phones_asked by web1, service s_by_x, from 192.0.2.8_really: code only" in log
    assert "wrong code for eve_by_web2,_service_sshd,_from_192.0.2.66:_phones_asked on web1" in log and user not in log


# --- codes ------------------------------------------------------------------------------------------------------------

@test("I5: a right code approves, with amr otp and no key of a phone; the same code opens nothing again, on no host")
def codes():
    mine = Phone(server, name="Code")
    peers.calm()
    login = web1.ask()
    held = login.hold()
    code = mine.code()
    assert login.code(f"{code[:3]} {code[3:]}").status == 200
    claims = login.claims(held.get())
    assert claims["amr"] == ["otp"] and not {"cnf", "device", "pam_approve_approval"} & set(claims), claims
    ended(phone, login, "used", "signed_in")
    assert row(login) == ("used", "signed_in", "code")
    for host in (web1, web2):
        second = host.ask()
        refused(second.code(code), 400, "pam_approve_invalid_code")
        assert row(second)[0] == "open"
    assert second.code(mine.code(1)).status == 200, "the next step's"
    third = web1.ask()
    refused(third.code(mine.code(-3)), 400, "pam_approve_invalid_code")
    refused(third.code(mine.code(3)), 400, "pam_approve_invalid_code")
    refused(third.code(bobs.code()), 400, "pam_approve_invalid_code")
    assert third.code(mine.code(-1)).status == 200
    refused(third.code(phone.code()), 400, "invalid_grant")
    for wrong in ("12345", "1234567", "12345x", "١٢٣٤٥٦"):
        refused(web1.ask().code(wrong), 400, "invalid_request")
    mine.call("remove")
    refused(web1.ask().code(mine.code(1)), 400, "pam_approve_invalid_code")


@test("I5: wrong codes lock, per host first, then per user; the lock says when it ends, survives a restart, and blocks no approval")
def lock():
    with Server("[limits]\ncodes_wrong_host = 3\ncodes_wrong_user = 4\ncodes_window = 10\n" + "pushes_per_source = 100\npushes_per_user = 100\n") as locked:
        locked.cli("user", "add", "alice")
        one, two, mine = Host(locked, "web1"), Host(locked, "web2"), Phone(locked)
        peers.calm()
        assert one.ask().code(mine.code(-1)).status == 200, "a right code does not count"
        for user in ("alice", "unknown"):
            first = one.ask(user=user)
            for _ in range(3):
                refused(first.code("000000" if mine.code() != "000000" else "000001"), 400, "pam_approve_invalid_code")
            answer = refused(first.code(mine.code()), 400, "pam_approve_code_locked")
            assert 1 <= answer.json["retry_after"] <= 10, answer
            second = two.ask(user=user)
            refused(second.code("000000" if mine.code() != "000000" else "000001"), 400, "pam_approve_invalid_code")
            refused(second.code(mine.code()), 400, "pam_approve_code_locked")
        locked.stop(signal.SIGKILL)
        locked.start()
        login = one.ask()
        wait = refused(login.code(mine.code()), 400, "pam_approve_code_locked").json["retry_after"]
        start = time.monotonic()
        assert mine.decide(login).status == 200
        login.approval(login.token())
        time.sleep(max(0.0, wait - (time.monotonic() - start) + 0.5))
        assert two.ask().code(mine.code()).status == 200, "the lock ended when it said"


def aged(server_, seconds):
    """Wrong codes so much older, without waiting."""
    server_.stop()
    with sqlite3.connect(f"{server_.data}/store.db") as store:
        store.execute("UPDATE code_attempts SET made = made - ?", (seconds * 1000,))
    server_.start()


def guess(mine, login):
    """A code that is wrong, and counts as such."""
    refused(login.code("000000" if mine.code() != "000000" else "000001"), 400, "pam_approve_invalid_code")


@test("I5: whoever goes on after a lock is locked for a day, per host first, then per user, known or not")
def lock_of_a_day():
    with Server("[limits]\ncodes_wrong_host = 2\ncodes_wrong_user = 3\n") as locked:
        locked.cli("user", "add", "alice")
        one, two, mine = Host(locked, "web1"), Host(locked, "web2"), Phone(locked)
        peers.calm()
        for user in ("alice", "unknown"):
            def wait(host, user=user):
                return refused(host.ask(user=user).code(mine.code()), 400, "pam_approve_code_locked").json["retry_after"]
            for last in (600, 86400):
                guess(mine, one.ask(user=user))
                guess(mine, one.ask(user=user))
                assert last - 60 * 12 < wait(one) <= last, wait(one)
                if last == 600:
                    aged(locked, 601)
            guess(mine, two.ask(user=user))
            assert wait(two) <= 600, "three within ten minutes"
            aged(locked, 601)
            guess(mine, two.ask(user=user))
            assert wait(two) > 80000, "six within a day"
            aged(locked, 86401)
        assert two.ask().code(mine.code()).status == 200, "the lock ended"


@test("I5: codes that were wrong in a row lock until an approval by phone or an administrator, over a restart, known or not; a right code ends the row")
def lock_in_row():
    with Server("[limits]\ncodes_wrong_in_row = 4\n") as locked:
        locked.cli("user", "add", "alice")
        host, mine = Host(locked), Phone(locked)
        peers.calm()

        def row_of(count, user="alice"):
            for _ in range(count):
                guess(mine, host.ask(user=user, extra={"methods": "code"}))

        def locked_for(user="alice"):
            answer = refused(host.ask(user=user, extra={"methods": "code"}).code(mine.code()), 400, "pam_approve_code_locked")
            return answer.json.get("retry_after")

        row_of(4, "unknown")
        assert locked_for("unknown") is None
        row_of(3)
        assert host.ask().code(mine.code(-1)).status == 200
        aged(locked, 601)
        row_of(3)
        aged(locked, 2 * 86400)
        row_of(1)
        assert locked_for() is None, "no time ends it"
        aged(locked, 80 * 86400)
        time.sleep(0.3)  # it sweeps at its start
        assert locked_for() is None
        mine.decide(host.ask(rhost="192.0.2.20"), "deny")
        assert locked_for() is None, "a refusal ends nothing"
        login = host.ask(rhost="192.0.2.21")
        assert mine.decide(login).status == 200, "I5: a lock blocks no approval"
        login.approval(login.token())
        assert host.ask().code(mine.code()).status == 200
        row_of(4)
        assert locked_for() is None
        locked.cli("user", "unlock", "alice")
        assert host.ask().code(mine.code(1)).status == 200
        assert locked_for("unknown") is None
        unknown = sandbox.sh(peers.SERVER, "--config", locked.conf, "user", "unlock", "nobody", check=False)
        assert unknown.returncode != 0 and "user" in unknown.stdout, unknown


@test("I5: parallel guesses cannot pass the limit together, and of parallel right ones exactly one opens")
def parallel_codes():
    with Server("[limits]\ncodes_wrong_host = 5\ncodes_wrong_user = 5\n") as locked:
        locked.cli("user", "add", "alice")
        host, mine = Host(locked), Phone(locked)
        right = {mine.code(shift) for shift in (-2, -1, 0, 1, 2)}
        guesses = [str(n) for n in range(100000, 100020) if str(n) not in right]
        login = host.ask()
        answers = [call.get() for call in [Later(login.code, guess) for guess in guesses]]
        wrong = [a.error for a in answers].count("pam_approve_invalid_code")
        assert wrong == 5 and len(answers) - wrong == [a.error for a in answers].count("pam_approve_code_locked"), answers
    mine = Phone(server, name="Parallel")
    logins = [host.ask() for host in (web1, web2) for _ in range(4)]
    code = mine.code()
    answers = [call.get() for call in [Later(login.code, code) for login in logins]]
    assert [a.status for a in answers].count(200) == 1, answers
    assert [row(login)[0] for login in logins].count("approved") == 1
    mine.call("remove")


run()
