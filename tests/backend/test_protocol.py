#!/usr/bin/python3
"""The server's protocols, by hosts and phones written from docs/: every answer, limit and race that a host or a phone can meet."""
import base64
import json
import os
import signal
import sqlite3
import sys
import threading
import time

import peers
from peers import Host, Later, Phone, Server, sandbox, token

server = Server()
server.cli("user", "add", "alice")
server.cli("user", "add", "bob")
server.cli("user", "add", "nophone")
web1, web2 = Host(server, "web1"), Host(server, "web2")
phone, other, bobs = Phone(server), Phone(server, name="Laptop"), Phone(server, "bob", name="Bob's")
test = sandbox.Tests()
ENTER = {"mode": "enter"}


def refused(answer, status, error, **members):
    assert answer.status == status and answer.error == error, answer
    for name, value in members.items():
        assert answer.json.get(name) == value, answer
    return answer


def ended(phone_, login, state, result, seconds=2):
    return sandbox.wait_for(f"{state}, {result}; the phone shows {phone_.shown(login)}",
                            lambda: (lambda r: r and (r["state"], r["result"]) == (state, result) and r)(phone_.shown(login)), seconds)


def row(login, columns="state, result, method"):
    with sqlite3.connect(f"file:{server.data}/store.db?mode=ro", uri=True) as store:
        return store.execute(f"SELECT {columns} FROM requests WHERE id = ?", (login.id,)).fetchone()


# --- what hosts read first -------------------------------------------------------------------------------------------

@test("discovery has every member of docs/backend-protocol.md, and endpoints below the issuer")
def discovery():
    answer = server.call("GET", "/.well-known/openid-configuration")
    assert answer.status == 200 and answer.headers["Content-Type"] == "application/json", answer.headers
    found = answer.json
    assert found["issuer"] == server.url
    for member, value in {"backchannel_token_delivery_modes_supported": ["poll"], "grant_types_supported": [peers.GRANT],
                          "token_endpoint_auth_methods_supported": ["private_key_jwt"], "id_token_signing_alg_values_supported": ["ES256"],
                          "token_endpoint_auth_signing_alg_values_supported": ["ES256"], "subject_types_supported": ["public"],
                          "authorization_details_types_supported": ["pam_approve_login"], "response_types_supported": [],
                          "backchannel_user_code_parameter_supported": False, "scopes_supported": ["openid"]}.items():
        assert found[member] == value, member
    for member in ("jwks_uri", "token_endpoint", "backchannel_authentication_endpoint", "pam_approve_cancel_endpoint",
                   "pam_approve_code_endpoint", "pam_approve_host_endpoint"):
        assert found[member].startswith(server.url + "/"), member
    keys = server.call("GET", "/jwks").json["keys"]
    assert len(keys) == 1 and keys[0]["use"] == "sig" and keys[0]["alg"] == "ES256" and "d" not in keys[0], keys
    assert server.call("GET", "/healthz").json == {"status": "ok"}


# --- the whole way -----------------------------------------------------------------------------------------------------

def whole_way(mode, number):
    login = web1.ask(number=mode)
    answer = login.answer
    assert answer.status == 200 and answer.headers["Cache-Control"] == "no-store", answer
    assert answer.json == {"auth_req_id": login.id, "expires_in": 60, "interval": 2, "device": "Pixel 8", "devices": 2,
                           "methods": ["phone", "code"]}, answer
    held = login.hold()
    shown = phone.shown(login)
    assert base64.urlsafe_b64decode(shown["details"] + "==") == login.details, "the details' bytes stay as they are"
    assert shown["state"] == "open" and shown["result"] == "" and shown["by"] == "" and 50 < shown["expires_in"] <= 60, shown
    start = time.monotonic()
    decided = phone.decide(login, number=number)
    assert decided.status == 200 and decided.json["state"] == "approved" and decided.json["result"] == "", decided
    decision = login.approval(held.get())
    assert held.ended - start < 0.5 and decision["number"] == number, decision
    assert login.claims(held.get())["device"] == "Pixel 8" and login.claims(held.get())["cnf"]["jwk"] == phone.key.jwk
    by = ended(phone, login, "used", "signed_in")["by"], ended(other, login, "used", "signed_in")["by"]
    assert by == ("this", "Pixel 8"), by
    return login


@test("ask, wait, approve, collect: with enter, choose and off; the phone's own signature reaches the host as it came")
def approve():
    whole_way(ENTER, 42)
    whole_way({"mode": "choose", "of": [12, 47, 83]}, 47)
    whole_way({"mode": "off"}, None)


@test("a decision ends the held token call at once: within 50 ms of the phone's call")
def at_once():
    took = []
    for _ in range(5):
        login = web1.ask()
        held = login.hold()
        start = time.monotonic()
        phone.decide(login)
        login.approval(held.get())
        took.append(held.ended - start)
    assert sorted(took)[2] < 0.05, took


@test("an approval collected is given again for 10 s to the same host, and to no other")
def again():
    login = web1.ask()
    phone.decide(login)
    first, second = login.approval(login.token()), login.approval(login.token())
    assert first == second
    refused(web2.token(login.id), 400, "invalid_grant")
    with_time(login, "used = used - 10001")
    refused(login.token(), 400, "invalid_grant")


def with_time(login, change):
    """Changes a row's times while the server is down: ten seconds ago without waiting for them."""
    server.stop()
    with sqlite3.connect(f"{server.data}/store.db") as store:
        store.execute(f"UPDATE requests SET {change} WHERE id = ?", (login.id,))
    server.start()


@test("the token call is held, then says authorization_pending; a second one beside it gets slow_down")
def pending():
    with Server("[requests]\ntoken_hold = 1\n" + peers.LIMITS) as short:
        short.cli("user", "add", "alice")
        host = Host(short)
        Phone(short).list()
        login = host.ask()
        held = login.hold()
        beside = Later(login.token)
        refused(beside.get(), 400, "slow_down")
        assert beside.took < 0.5
        refused(held.get(), 400, "authorization_pending")
        assert 0.9 < held.took < 1.6, held.took
        refused(login.token(), 400, "authorization_pending")


@test("a host that hangs up frees its place at once: the next token call is held, and collects")
def hung_up():
    login = web1.ask()
    line = server_line("/ciba/token", grant_type=peers.GRANT, auth_req_id=login.id)
    time.sleep(0.2)
    line.close()
    time.sleep(0.3)
    held = login.hold()
    phone.decide(login)
    login.approval(held.get())


def server_line(path, **parameters):
    """A call whose answer is not waited for; the connection."""
    import http.client
    import urllib.parse
    line = http.client.HTTPConnection("127.0.0.1", server.port)
    body = urllib.parse.urlencode({"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                                   "client_assertion": web1.assertion(), **parameters})
    line.request("POST", path, body, {"Content-Type": "application/x-www-form-urlencoded", "Host": f"localhost:{server.port}"})
    return line


# --- other ends --------------------------------------------------------------------------------------------------------

@test("deny and not_me end the held call as access_denied with the reason, for both phones")
def deny():
    for decision in ("deny", "not_me"):
        login = web1.ask(rhost=f"198.51.100.{len(decision)}")
        held = login.hold()
        result = "denied" if decision == "deny" else "not_me"
        answer = phone.decide(login, decision)
        assert answer.status == 200 and (answer.json["state"], answer.json["result"]) == ("denied", result), answer
        refused(held.get(), 400, "access_denied", reason=result)
        refused(login.token(), 400, "access_denied", reason=result)
        assert ended(other, login, "denied", result)["by"] == "Pixel 8"
        refused(phone.decide(login), 409, "over", state="denied", result=result)


@test("deny after approve wins while the approval was not collected; after that it is over")
def deny_after_approve():
    login = web1.ask()
    phone.decide(login)
    assert other.decide(login, "deny").json["state"] == "denied"
    refused(login.token(), 400, "access_denied", reason="denied")
    login = web1.ask()
    phone.decide(login)
    login.approval(login.token())
    refused(other.decide(login, "deny"), 409, "over")
    assert row(login) == ("used", "signed_in", "phone")


@test("approve twice is over, from either phone, and says that it is approved")
def approve_twice():
    login = web1.ask()
    phone.decide(login)
    refused(phone.decide(login), 409, "over", state="approved", result="")
    refused(other.decide(login), 409, "over", state="approved")
    login.approval(login.token())


@test("a wrong number: the host corrects signed_in to wrong_number within 10 s; phones never say signed in before")
def wrong_number():
    login = web1.ask()
    watch = Later(phone.call, "requests", wait=5, seen=phone.call("requests", wait=0, seen="").json["revision"])
    phone.decide(login, number=43)
    watch.get()
    assert login.approval(login.token())["number"] == 43
    assert phone.shown(login)["state"] == "approved", "used shows after a pause of 300 ms"
    assert login.cancel("wrong_number").status == 200
    assert (lambda r: (r["state"], r["result"]))(phone.shown(login)) == ("used", "wrong_number")
    refused(login.token(), 400, "invalid_grant")
    late = web1.ask()
    phone.decide(late)
    late.approval(late.token())
    with_time(late, "used = used - 10001")
    assert late.cancel("wrong_number").status == 200 and row(late)[:2] == ("used", "signed_in")


@test("cancel: 200 in every state, only open and approved change; the held call ends, and another host's id is invalid_grant")
def cancel():
    for reason in ("caller_gone", "wrong_number", "code_refused", "not_needed", "invalid_approval"):
        login = web1.ask()
        held = login.hold()
        refused(web2.post("/ciba/cancel", auth_req_id=login.id, reason=reason), 400, "invalid_grant")
        assert phone.shown(login)["state"] == "open"
        answer = login.cancel(reason)
        assert answer.status == 200 and answer.json == {}, answer
        refused(held.get(), 400, "access_denied", reason="cancelled")
        assert ended(phone, login, "cancelled", reason)["expires_in"] == 0
        refused(phone.decide(login), 409, "over", state="cancelled", result=reason)
        assert login.cancel("caller_gone").status == 200 and row(login)[1] == reason
    approved = web1.ask()
    phone.decide(approved)
    approved.cancel()
    refused(approved.token(), 400, "access_denied", reason="cancelled")
    used = web1.ask()
    phone.decide(used)
    used.approval(used.token())
    assert used.cancel("caller_gone").status == 200 and row(used)[:2] == ("used", "signed_in")
    refused(web1.post("/ciba/cancel", auth_req_id=used.id, reason="because"), 400, "invalid_request")


@test("expiry: a held call and a held phone hear of it at the second; an approval not collected expires too")
def expiry():
    start = time.monotonic()
    login, approved = web1.ask(life=10), web1.ask(life=10)
    assert login.answer.json["expires_in"] == 10
    phone.decide(approved)
    held = login.hold()
    revision = phone.call("requests", wait=0, seen="").json["revision"]
    watch = Later(phone.call, "requests", wait=25, seen=revision)
    refused(held.get(12), 400, "expired_token")
    assert 9.9 < held.ended - start < 11, held.ended - start
    watch.get(2)
    refused(approved.token(), 400, "expired_token")
    ended(phone, login, "expired", "no_answer")
    ended(phone, approved, "expired", "no_answer")
    assert phone.shown(login)["expires_in"] == 0
    refused(phone.decide(login), 409, "over", state="expired", result="no_answer")
    refused(login.code(phone.code()), 400, "invalid_grant")
    assert login.cancel().status == 200 and row(login)[1] == "no_answer"


# --- who asks ------------------------------------------------------------------------------------------------------------

@test("an assertion counts once, for every endpoint")
def replayed_assertion():
    once = web1.assertion()
    login = web1.ask(_assertion=once)
    assert login.answer.status == 200
    refused(web1.ask(_assertion=once).answer, 401, "invalid_client")
    refused(web1.token(login.id, once), 401, "invalid_client")
    for path, more in (("/ciba/cancel", {"reason": "caller_gone"}), ("/ciba/code", {"code": "123456"})):
        refused(web1.post(path, once, auth_req_id=login.id, **more), 401, "invalid_client")
    assert phone.shown(login)["state"] == "open"


@test("wrong assertions are refused: key, audience, times, ids, types")
def wrong_assertions():
    now = int(time.time())
    stranger = peers.Key()
    wrong = {
        "another key": web1.assertion(stranger), "another host's key": web1.assertion(web2.key),
        "unknown host": web1.assertion(iss="web9", sub="web9"), "iss is not sub": web1.assertion(iss="web2"),
        "audience": web1.assertion(aud="https://elsewhere.example"), "audience is a list": web1.assertion(aud=[server.url]),
        "too long a life": web1.assertion(exp=now + 121), "over": web1.assertion(iat=now - 180, exp=now - 61),
        "from the future": web1.assertion(iat=now + 70, exp=now + 100), "ends before it begins": web1.assertion(exp=now - 1),
        "no jti": web1.assertion(jti=""), "short jti": web1.assertion(jti="x"), "times are text": web1.assertion(iat=str(now)),
        "typ": web1.key.sign("at+jwt", json.loads(peers.decode(web1.assertion().split(".")[1]))),
        "crit": web1.key.sign("JWT", json.loads(peers.decode(web1.assertion().split(".")[1])), crit=["exp"]),
        "alg none": peers.encode(b'{"alg":"none","typ":"JWT","kid":"x"}') + "." + web1.assertion().split(".")[1] + ".",
        "cut": web1.assertion()[:-2], "empty": ".",
    }
    for what, assertion in wrong.items():
        answer = web1.ask(_assertion=assertion).answer
        assert answer.status == 401 and answer.error == "invalid_client", (what, answer)
    refused(web1.ask(extra={"client_id": "web2"}).answer, 401, "invalid_client")
    assert web1.ask(extra={"client_id": "web1"}).answer.status == 200
    refused(web1.ask(extra={"client_assertion_type": "other"}).answer, 401, "invalid_client")


@test("another host's auth_req_id opens, cancels and takes nothing; an unknown one looks the same")
def other_host():
    login = web1.ask()
    phone.decide(login)
    for ident in (login.id, token()):
        refused(web2.token(ident), 400, "invalid_grant")
        refused(web2.post("/ciba/cancel", auth_req_id=ident, reason="caller_gone"), 400, "invalid_grant")
        refused(web2.post("/ciba/code", auth_req_id=ident, code=phone.code()), 400, "invalid_grant")
    assert row(login)[0] == "approved"
    login.approval(login.token())


@test("wrong requests are refused: parameters, details, times, and details used before")
def wrong_requests():
    now = int(time.time())
    good = web1.details()
    both = json.loads(good)
    cases = [
        ("invalid_request", {"extra": {"scope": "openid profile"}}), ("invalid_request", {"extra": {"login_hint": ""}}),
        ("invalid_request", {"life": 9}), ("invalid_request", {"life": 601}), ("invalid_request", {"life": "60s"}),
        ("invalid_request", {"extra": {"methods": "phone"}}),
        ("invalid_authorization_details", {"hint": "bob"}),
        ("invalid_authorization_details", {"details": web2.details()}),
        ("invalid_authorization_details", {"details": web1.details(iss="https://elsewhere.example")}),
        ("invalid_authorization_details", {"details": web1.details(iat=now - 900, exp=now - 400)}),
        ("invalid_authorization_details", {"details": web1.details(v=2)}),
        ("invalid_authorization_details", {"details": web1.details(more=1)}),
        ("invalid_authorization_details", {"details": web1.details(number={"mode": "choose", "of": [12, 12, 13]})}),
        ("invalid_authorization_details", {"details": web1.details(rhost="a\nb")}),
        ("invalid_authorization_details", {"details": good[:-1] + b', "request": "' + both["request"].encode() + b'"}'}),
        ("invalid_authorization_details", {"extra": {"authorization_details": "[]"}}),
        ("invalid_authorization_details", {"extra": {"authorization_details": '[{"type":"other","details":"e30"}]'}}),
        ("invalid_authorization_details", {"extra": {"authorization_details": "no JSON"}}),
        ("invalid_request", {"extra": {"authorization_details": ""}}),
    ]
    for error, more in cases:
        answer = web1.ask(**more).answer
        assert answer.status == 400 and answer.error == error, (more, answer)
    assert web1.ask(details=good).answer.status == 200
    refused(web1.ask(details=good).answer, 400, "invalid_authorization_details")
    form = "application/x-www-form-urlencoded"
    for body in ("scope=openid&scope=openid", "scope", "scope=%zz", "scope=%00", "=x", "&".join(f"p{i}=1" for i in range(40))):
        refused(server.call("POST", "/ciba/backchannel", body, form), 400, "invalid_request")
    assert server.call("POST", "/ciba/backchannel", "a=" + "x" * 17000, form).status == 413
    assert server.call("POST", "/ciba/backchannel", "{}", "application/json").status == 415
    refused(web1.post("/ciba/token", grant_type="client_credentials", auth_req_id="x"), 400, "unsupported_grant_type")


@test("a stricter number mode is asked for where server.conf wants one")
def number_required():
    with Server("[requests]\nnumber = choose\n" + peers.LIMITS) as strict:
        host = Host(strict)
        refused(host.ask(number={"mode": "off"}).answer, 400, "pam_approve_number_required", number="choose")
        assert host.ask(number={"mode": "choose", "of": [12, 47, 83]}).answer.status == 200
        assert host.ask(number=ENTER).answer.status == 200


@test("a revoked host: its held call is answered at once, its requests are over, and it may do nothing more")
def revoked():
    host = Host(server, "web3")
    login, approved = host.ask(), host.ask()
    phone.decide(approved)
    held = login.hold()
    start = time.monotonic()
    server.cli("host", "revoke", "web3")
    refused(held.get(), 400, "access_denied", reason="revoked")
    assert held.ended - start < 2
    ended(phone, login, "cancelled", "revoked")
    ended(phone, approved, "cancelled", "revoked")
    refused(approved.token(), 401, "invalid_client")
    refused(host.ask().answer, 401, "invalid_client")


@test("one host may have so many open requests; more are refused for now, others' are not")
def open_per_host():
    with Server("[limits]\nopen_per_host = 3\n") as small:
        one, two = Host(small, "web1"), Host(small, "web2")
        logins = [one.ask(user=f"u{i}") for i in range(3)]
        answer = refused(one.ask().answer, 503, "temporarily_unavailable")
        assert int(answer.headers["Retry-After"]) > 0
        assert two.ask().answer.status == 200
        logins[0].cancel()
        assert one.ask().answer.status == 200


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


# --- phones -----------------------------------------------------------------------------------------------------------

@test("a phone's message counts once, for its time, its URL and its key")
def wrong_messages():
    login = web1.ask()
    decide = phone.message("decide", request=login.request, decision=phone.decision(login.details, "approve", 42))
    assert phone.send("decide", decide).status == 200
    refused(phone.send("decide", decide), 400, "replayed")
    listed = phone.message("requests", wait=0, seen="")
    assert phone.send("requests", listed).status == 200
    refused(phone.send("requests", listed), 400, "replayed")
    now = int(time.time())
    for iat in (now - 62, now + 62, "now"):
        refused(phone.call("requests", wait=0, seen="", iat=iat), 400, "stale")
    stranger = peers.Key()
    bad = {
        "another call's URL": phone.message("activity", wait=0, seen=""),
        "another server's": phone.message("requests", wait=0, seen="", url="http://elsewhere/phone/v1/requests"),
        "no jti": phone.message("requests", wait=0, seen="", jti=""), "no app": phone.message("requests", wait=0, seen="", app="new"),
        "another key with its kid": phone.message("requests", key=stranger, header={"kid": phone.key.thumbprint}, wait=0, seen=""),
        "wait too long": phone.message("requests", wait=26, seen=""), "no seen": phone.message("requests", wait=0),
        "another typ": phone.key.sign("pam-approve-decision+jws", {}), "no JWS": "x.y.z", "empty": "",
    }
    for what, message in bad.items():
        answer = phone.send("requests", message)
        assert (answer.status, answer.error) == (400, "bad_message"), (what, answer)
    refused(phone.send("requests", phone.message("requests", key=stranger, wait=0, seen="")), 401, "unknown_device")
    assert server.call("POST", "/phone/v1/requests", "{}", "application/json").status == 415
    assert server.call("POST", "/phone/v1/nothing", "{}", "application/jose").status == 404


@test("decisions that do not fit are refused and leave the request open: other details, key, members, times; another user's request")
def wrong_decisions():
    login, second = web1.ask(), web1.ask()
    now = int(time.time())
    for decision in (phone.decision(second.details, "approve", 42), phone.decision(login.details, "maybe", 42),
                     phone.decision(login.details, "approve", 9), phone.decision(login.details, "deny", 42),
                     phone.decision(login.details, "approve", 42, more=1), phone.decision(login.details, "approve", 42, iat=now + 900),
                     phone.decision(login.details, "approve", 42, key=other.key), phone.decision(login.details, "approve", 42, jkt=other.key.thumbprint),
                     phone.message("decide"), "x"):
        refused(phone.call("decide", request=login.request, decision=decision), 400, "bad_message")
    refused(bobs.call("decide", request=login.request, decision=bobs.decision(login.details, "approve", 42)), 404, "not_found")
    refused(phone.call("decide", request=token(), decision=phone.decision(login.details, "approve", 42)), 404, "not_found")
    assert bobs.shown(login) is None and phone.shown(login)["state"] == "open"


@test("requests: held until something changes, answered within 50 ms of it; else after `wait` with the same revision")
def long_poll():
    first = phone.call("requests", wait=0, seen="").json["revision"]
    start = time.monotonic()
    same = phone.call("requests", wait=1, seen=first)
    assert 0.9 < time.monotonic() - start < 1.6 and same.json["revision"] == first
    took = {"new": [], "over": []}
    revision = first
    for _ in range(3):
        watch = Later(phone.call, "requests", wait=20, seen=revision)
        time.sleep(0.2)
        start = time.monotonic()
        login = web1.ask()
        answer = watch.get()
        took["new"].append(watch.ended - start)
        assert answer.json["revision"] != revision
        assert [r["request"] for r in answer.json["requests"]][0] == login.request
        watch = Later(phone.call, "requests", wait=20, seen=answer.json["revision"])
        time.sleep(0.2)
        start = time.monotonic()
        login.cancel()
        revision = watch.get().json["revision"]
        took["over"].append(watch.ended - start)
    assert min(took["new"]) < 0.05 and min(took["over"]) < 0.05, took
    start = time.monotonic()
    assert phone.call("requests", wait=20, seen="").json["revision"] == revision and time.monotonic() - start < 1
    asleep = Later(bobs.call, "requests", wait=1, seen=bobs.call("requests", wait=0, seen="").json["revision"])
    web1.ask()
    assert asleep.get().json["requests"] == bobs.list() and asleep.took > 0.9, "another user's phones sleep on"


@test("a link enrols one phone, by POST only; a used, wrong or expired one gets one answer for all")
def invitation():
    link = server.cli("enroll", "bob").split("/enroll#")[1].split()[0]
    new = Phone(server, "bob", "New", link=link)
    assert new.enrolled.json["user"] == "bob" and new.enrolled.json["server"] == "Example Org", new.enrolled
    assert len(base64.b32decode(new.secret)) == 20 and new.call("requests", wait=0, seen="").status == 200
    refused(Phone(server, link=link).enrolled, 403, "invitation_over")
    refused(Phone(server, link=token()).enrolled, 403, "invitation_over")
    refused(new.call("invitation", new=True, token=link), 403, "invitation_over")
    link = server.cli("enroll", "bob").split("/enroll#")[1].split()[0]
    for _ in range(2):
        shown = new.call("invitation", new=True, token=link)
        assert shown.status == 200 and shown.json["user"] == "bob" and 3500 < shown.json["expires_in"] <= 3600, shown
    for members in ({"name": ""}, {"name": "x" * 65}, {"platform": "toaster"}, {"push": {"endpoint": "http://localhost/"}}):
        answer = Phone.call(new, "enroll", new=True, **{"token": link, "name": "N", "platform": "web", **members})
        refused(answer, 400, "bad_message")
    refused(Phone.call(new, "enroll", new=True, token=link, name="Twice", platform="web"), 403, "invitation_over")
    racing = [Later(Phone, server, "bob", f"R{i}", link) for i in range(8)]
    assert [r.get().enrolled.status for r in racing].count(200) == 1, "of many at once exactly one"
    stranger = peers.Key()
    refused(new.send("enroll", new.message("enroll", key=stranger, header={"jwk": new.key.jwk}, token=link, name="N", platform="web")), 400, "bad_message")
    for device in new.call("device").json["devices"]:
        if device["name"].startswith("R"):
            server.cli("device", "remove", device["device"])
    new.call("remove")


@test("a device's names are made safe to show")
def hostile_name():
    hostile = Phone(server, "bob", "Pix\x1b]0;x\x07\u202e8")
    assert hostile.call("device").json["name"] == "Pix?]0;x??8"
    hostile.call("remove")


@test("device: its own data, changes of name and enabled; all of the user's devices; remove ends every call")
def device():
    mine = Phone(server, "bob", "Mine")
    shown = mine.call("device").json
    assert shown["device"] == mine.device and shown["name"] == "Mine" and shown["enabled"] is True and shown["user"] == "bob", shown
    assert shown["server"] == "Example Org" and shown["push_ok"] is False and shown["minimum"] == "0.1", shown
    names = {d["name"]: d for d in shown["devices"]}
    assert set(names) == {"Bob's", "Mine"} and names["Mine"]["this"] is True and names["Bob's"]["this"] is False, names
    assert names["Mine"]["platform"] == "terminal" and abs(names["Mine"]["added"] - time.time()) < 5
    assert mine.call("device", name="Renamed").json["name"] == "Renamed"
    login = web1.ask(user="bob")
    assert login.answer.json["devices"] == 2
    watch = Later(mine.call, "requests", wait=20, seen=mine.call("requests", wait=0, seen="").json["revision"])
    time.sleep(0.2)
    assert mine.call("device", enabled=False).json["enabled"] is False
    assert watch.get().json["requests"] == []
    refused(mine.decide(login), 404, "not_found")
    assert mine.call("device", enabled=True).json["enabled"] is True and mine.shown(login)
    for wrong in ({"name": 1}, {"name": ""}, {"enabled": "yes"}, {"push": "x"}):
        refused(mine.call("device", **wrong), 400, "bad_message")
    mine.decide(login)
    watch = Later(mine.call, "requests", wait=20, seen=mine.call("requests", wait=0, seen="").json["revision"])
    time.sleep(0.2)
    assert mine.call("remove").status == 200
    refused(watch.get(), 401, "unknown_device")
    refused(mine.call("device"), 401, "unknown_device")
    refused(login.token(), 400, "access_denied", reason="secured")
    assert web1.ask(user="bob").answer.json["devices"] == 1


@test("activity: newest first, with host, service, source, end, method and device")
def activity():
    login = web2.ask(user="bob", service="sudo", rhost="203.0.113.5")
    bobs.decide(login, "deny")
    by_code = web2.ask(user="bob", extra={"methods": "code"}, rhost="")
    coder = Phone(server, "bob", "Coder")
    assert by_code.code(coder.code()).status == 200
    by_code.claims(by_code.token())
    time.sleep(0.35)
    found = bobs.call("activity", limit=2).json["activity"]
    assert abs(found[0].pop("at") - time.time()) < 10 and found[1].pop("at")
    assert found[1] == {"host": "web2", "host_name": "web2.example.org", "service": "sudo", "rhost": "203.0.113.5", "state": "denied",
                        "result": "denied", "method": "phone", "device": "Bob's"}, found[1]
    assert (found[0]["method"], found[0]["state"], found[0]["result"], found[0]["rhost"]) == ("code", "used", "signed_in", ""), found[0]
    assert found[0]["device"] == "Coder"
    for limit in (0, 101, "2"):
        refused(bobs.call("activity", limit=limit), 400, "bad_message")
    coder.call("remove")


@test("S8: an app older than the minimum is told which version is needed")
def app_too_old():
    with Server("[phone]\nminimum = 1.2\n") as newer:
        newer.cli("user", "add", "alice")
        mine = Phone(newer)
        refused(mine.enrolled, 426, "app_too_old", minimum="1.2")
        link = newer.cli("enroll", "alice").split("/enroll#")[1].split()[0]
        mine.app = "1.10"
        assert mine.call("enroll", new=True, token=link, name="N", platform="web").status == 200
        for version, status in (("1.1", 426), ("1.2", 200), ("2.0", 200), ("0.9", 426)):
            mine.app = version
            assert mine.call("requests", wait=0, seen="").status == status, version


# --- races and restarts -----------------------------------------------------------------------------------------------

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


@test("I7: no code secret is in the store as it is, none in the log")
def secrets():
    raw = base64.b32decode(phone.secret)
    kept = b"".join(open(f"{server.data}/{name}", "rb").read() for name in os.listdir(server.data) if name.startswith("store.db"))
    assert kept.count(phone.device.encode()) > 0, "the store was looked at"
    for text in (raw, phone.secret.encode(), peers.encode(raw).encode(), raw.hex().encode()):
        assert text not in kept
    log = sandbox.read(server.log)
    assert "request for alice" in log and phone.secret not in log and phone.code() not in log


@test("nothing goes wrong in the server's own eyes: no error and no statement that failed in its log")
def quiet_log():
    log = sandbox.read(server.log)
    assert not [line for line in log.splitlines() if "store:" in line or "rror" in line], log[-2000:]


if __name__ == "__main__":
    try:
        test.run(lambda: "\n--- log\n" + "\n".join(sandbox.read(server.log).splitlines()[-15:]))
    finally:
        server.__exit__()
        sys.stdout.flush()
