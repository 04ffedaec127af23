#!/usr/bin/python3
"""Who can be told apart, how often phones ring, and one-time codes with their limits (I5, I8, I9)."""
import signal
import time

import peers
from peers import Host, Later, Phone, Server
from world import bobs, ended, other, phone, refused, row, run, server, test, web1, web2


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

        def asked(source, user="alice"):
            login = host.ask(user=user, rhost=source)
            return login, login.answer.json["devices"] == 1

        mute, rings = asked("192.0.2.9")
        assert rings
        assert mine.decide(mute, "not_me").status == 200
        assert not asked("192.0.2.9")[1], "muted"
        assert asked("192.0.2.9", "bob")[1], "for this user only"
        assert [asked("192.0.2.1")[1] for _ in range(3)] == [True, True, False]
        assert [asked("")[1] for _ in range(3)] == [True, True, False], "a local login's source is its host"
        last, rings = asked("192.0.2.2")
        assert not rings, "five for the user"
        assert asked("192.0.2.1", "bob")[1]
        assert last.code(mine.code()).status == 200, "I5: a limit on pushes never blocks codes"
        assert last.claims(last.token())["amr"] == ["otp"]
        assert not mine.shown(last)


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
        start = time.monotonic()
        locked.stop(signal.SIGKILL)
        locked.start()
        login = one.ask()
        wait = refused(login.code(mine.code()), 400, "pam_approve_code_locked").json["retry_after"]
        assert mine.decide(login).status == 200
        login.approval(login.token())
        time.sleep(max(0.0, wait - (time.monotonic() - start) + 0.5))
        assert two.ask().code(mine.code()).status == 200, "the lock ended when it said"


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
