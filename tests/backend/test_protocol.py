#!/usr/bin/python3
"""Hosts and the server: asking, waiting, collecting, every end of a request, and who may ask (docs/backend-protocol.md)."""
import base64
import json
import sqlite3
import time

import peers
import sandbox
from peers import Host, Later, Phone, Server, token
from world import ended, other, phone, refused, row, run, server, test, web1, web2, with_time

ENTER = {"mode": "enter"}


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
        assert 0.9 < held.took < 1 + 0.6 * sandbox.slower(), held.took
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
    token_, shown = login.token(), phone.shown(login)
    assert shown["state"] == "approved", "used shows after a pause of 300 ms"
    assert login.approval(token_)["number"] == 43
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
    time.sleep(0.3)  # the other one was made a little later
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


@test("wrong requests are refused: parameters, details, times")
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
    form = "application/x-www-form-urlencoded"
    for body in ("scope=openid&scope=openid", "scope", "scope=%zz", "scope=%00", "=x", "&".join(f"p{i}=1" for i in range(40))):
        refused(server.call("POST", "/ciba/backchannel", body, form), 400, "invalid_request")
    assert server.call("POST", "/ciba/backchannel", "a=" + "x" * 17000, form).status == 413
    assert server.call("POST", "/ciba/backchannel", "{}", "application/json").status == 415
    refused(web1.post("/ciba/token", grant_type="client_credentials", auth_req_id="x"), 400, "unsupported_grant_type")


@test("the same details again, as the first answer was lost: the request that there is, for as long as it is open or approved; nobody else gets it")
def asked_again():
    login = web1.ask()
    before = len(phone.list())
    again = web1.ask(details=login.details).answer
    assert again.status == 200 and 58 <= again.json.pop("expires_in") <= 60, again
    assert again.json == {key: value for key, value in login.answer.json.items() if key != "expires_in"}, again
    assert len(phone.list()) == before
    changed = json.dumps({**json.loads(login.details), "command": "id"}).encode()
    refused(web1.ask(details=changed).answer, 400, "invalid_authorization_details")
    theirs = json.dumps({**json.loads(login.details), "host": "web2"}).encode()
    refused(web2.ask(details=theirs).answer, 400, "invalid_authorization_details")
    phone.decide(login)
    assert web1.ask(details=login.details).id == login.id
    login.approval(login.token())
    refused(web1.ask(details=login.details).answer, 400, "invalid_authorization_details")
    late = web1.ask()
    with_time(late, "ends = made + 1")
    refused(web1.ask(details=late.details).answer, 400, "invalid_authorization_details")


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


@test("when a host and a phone were last seen is kept to ten seconds: calls in between write nothing")
def last_seen():
    with Server() as small:
        small.cli("user", "add", "alice")
        host, mine = Host(small), peers.Phone(small)

        def seen():
            assert host.ask().answer.status == 200 and mine.call("activity", limit=1).status == 200
            with sqlite3.connect(f"file:{small.data}/store.db?mode=ro", uri=True) as store:
                return store.execute("SELECT (SELECT seen FROM hosts), (SELECT seen FROM devices)").fetchone()

        first = seen()
        assert all(abs(at / 1000 - time.time()) < 5 for at in first), first
        time.sleep(0.01)
        assert seen() == first
        small.stop()
        with sqlite3.connect(f"{small.data}/store.db") as store:
            store.execute("UPDATE hosts SET seen = seen - 10001")
            store.execute("UPDATE devices SET seen = seen - 10001")
        small.start()
        assert all(at > before for at, before in zip(seen(), first))


@test("one host may have so many open requests; more are refused for now, others' are not")
def open_per_host():
    with Server("[limits]\nopen_per_host = 3\n") as small:
        one, two = Host(small, "web1"), Host(small, "web2")
        logins = [one.ask(user=f"u{i}") for i in range(3)]
        answer = refused(one.ask().answer, 429, "pam_approve_too_many_requests")
        assert int(answer.headers["Retry-After"]) > 0
        assert two.ask().answer.status == 200
        logins[0].cancel()
        assert one.ask().answer.status == 200


@test("one host may have so many open requests for one user, known or not; other users' and other hosts' are not refused, and one that ends makes room")
def open_per_user():
    with Server(peers.LIMITS + "open_per_user = 3\n") as small:
        small.cli("user", "add", "alice")
        one, two, mine = Host(small, "web1"), Host(small, "web2"), peers.Phone(small)
        for user in ("alice", "unknown"):
            logins = [one.ask(user=user, rhost=f"198.51.100.{i}") for i in range(3)]
            for extra in ({}, {"methods": "code"}):
                refused(one.ask(user=user, extra=extra).answer, 429, "pam_approve_too_many_requests")
                assert two.ask(user=user, extra=extra).answer.status == 200, "a host cannot fill another's"
            assert one.ask(user=user + "2").answer.status == 200
            logins[0].cancel()
            logins[2] = one.ask(user=user)
            refused(one.ask(user=user).answer, 429, "pam_approve_too_many_requests")
            if user == "alice":
                mine.decide(logins[1])
                refused(one.ask().answer, 429, "pam_approve_too_many_requests")
                logins[1].approval(logins[1].token())
                assert one.ask().answer.status == 200


@test("held: of the devices that a host names, those that are gone are named back, whoever is asked about; and a decision's host_secret passes as it is")
def held():
    gone = Phone(server, "bob", name="Old")
    named = [phone.key.thumbprint, "A" * 43, gone.key.thumbprint]
    answer = web1.ask(extra={"held": " ".join(named)}).answer
    assert answer.json["gone"] == ["A" * 43] and answer.json["devices"] == 2, answer
    gone.call("remove")
    for user in ("alice", "nophone", "unknown"):
        assert web1.ask(user=user, extra={"held": " ".join(named)}).answer.json["gone"] == ["A" * 43, gone.key.thumbprint]
    assert "gone" not in web1.ask(extra={"held": phone.key.thumbprint}).answer.json
    assert "gone" not in web1.ask().answer.json
    assert len(web1.ask(extra={"held": " ".join(["B" * 43] * 32)}).answer.json["gone"]) == 32
    for wrong in ("x", "A" * 42, "A" * 44, "A" * 43 + " ", " " + "A" * 43, "A" * 43 + "  " + "A" * 43, "A" * 43 + ",", "A" * 42 + "+"):
        refused(web1.ask(extra={"held": wrong}).answer, 400, "invalid_request")
    login = web1.ask()
    sealed = "no seal at all, and none of the server's business"
    assert phone.decide(login, host_secret=sealed).status == 200
    assert login.approval(login.token())["host_secret"] == sealed


run()
