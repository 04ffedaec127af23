#!/usr/bin/python3
"""Phones and the server: messages, decisions, the list that waits, enrolment, devices, activity (docs/phone-protocol.md)."""
import base64
import sqlite3
import time

import peers
import sandbox
from peers import Later, Phone, Server, token
from world import bobs, other, phone, refused, run, server, test, web1, web2


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
    assert 0.9 < time.monotonic() - start < 1 + 0.6 * sandbox.slower() and same.json["revision"] == first
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


@test("a link enrols one phone, by POST only; a used or wrong one gets one answer for both")
def invitation():
    link = server.cli("enroll", "bob").split("/enroll#")[1].split()[0]
    new = Phone(server, "bob", "New", link=link)
    assert new.enrolled.json["user"] == "bob" and new.enrolled.json["server"] == "Example Org", new.enrolled
    assert len(base64.b32decode(new.secret)) == 20 and new.call("requests", wait=0, seen="").status == 200
    refused(Phone(server, link=link).enrolled, 403, "invitation_over")
    refused(Phone(server, link=token()).enrolled, 403, "invitation_over")
    refused(Phone.call(other, "invitation", new=True, token=link), 403, "invitation_over")
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


@test("a link lives for `invitation_life`; an expired one gets the same answer, and stays unused")
def invitation_ends():
    with Server("[phone]\ninvitation_life = 60\n") as short:
        short.cli("user", "add", "alice")
        link = short.cli("enroll", "alice").split("/enroll#")[1].split()[0]
        late = Phone(short, link=token())
        refused(late.enrolled, 403, "invitation_over")
        assert 55 < late.call("invitation", new=True, token=link).json["expires_in"] <= 60

        def pass_by(seconds):
            with sqlite3.connect(f"{short.data}/store.db") as store:
                assert store.execute("UPDATE invitations SET ends = ends - ? WHERE used IS NULL", (seconds * 1000,)).rowcount == 1

        pass_by(50)
        shown = late.call("invitation", new=True, token=link)
        assert shown.status == 200 and 0 < shown.json["expires_in"] <= 10, shown
        pass_by(10)
        refused(late.call("invitation", new=True, token=link), 403, "invitation_over")
        refused(Phone(short, link=link).enrolled, 403, "invitation_over")
        assert short.cli("device", "list", "alice").count("Pixel 8") == 0
        pass_by(-60)
        assert Phone(short, link=link).enrolled.status == 200, "it was its time alone"


@test("the answer to enroll was lost: the same link and key get it again, and change nothing; another key, a replay, a removed device, an expired link get none")
def enrolled_again():
    def ask(by=None, call="enroll"):
        return Phone.call(by or new, call, new=True, token=link, name="Again", platform="web")

    link = server.cli("enroll", "bob").split("/enroll#")[1].split()[0]
    new = Phone(server, "bob", "Lost", link=link)
    first = {**new.enrolled.json, "now": 0}
    shown = ask(call="invitation")
    assert shown.status == 200 and shown.json["user"] == "bob", shown
    for _ in range(2):
        assert {**ask().json, "now": 0} == first
    racing = [Later(ask) for _ in range(8)]
    assert [{**r.get().json, "now": 0} for r in racing] == [first] * 8
    names = [d["name"] for d in new.call("device").json["devices"]]
    assert names.count("Lost") == 1 and "Again" not in names, names
    message = new.message("enroll", header={"jwk": new.key.jwk}, token=link, name="Again", platform="web")
    assert new.send("enroll", message).status == 200
    refused(new.send("enroll", message), 400, "replayed")
    for call in ("enroll", "invitation"):
        refused(ask(by=other, call=call), 403, "invitation_over")
        refused(ask(by=bobs, call=call), 403, "invitation_over")
    with sqlite3.connect(f"{server.data}/store.db") as store:
        store.execute("UPDATE invitations SET ends = ends - 3600000")
    refused(ask(), 403, "invitation_over")
    with sqlite3.connect(f"{server.data}/store.db") as store:
        store.execute("UPDATE invitations SET ends = ends + 3600000")
    assert ask().status == 200
    new.call("remove")
    refused(ask(), 403, "invitation_over")


@test("of one link's eight calls with one key at once all get the same device")
def enrolled_at_once():
    link = server.cli("enroll", "bob").split("/enroll#")[1].split()[0]
    new = Phone(server, link=token())
    answers = [r.get() for r in [Later(Phone.call, new, "enroll", new=True, token=link, name="Once", platform="web") for _ in range(8)]]
    assert {(a.status, a.json.get("secret")) for a in answers} == {(200, answers[0].json["secret"])}, answers
    assert [d["name"] for d in new.call("device").json["devices"]].count("Once") == 1
    new.call("remove")


@test("a request that was denied is listed for 10 minutes, as \"it wasn't me\" may be said of it; one that ended otherwise for 2")
def listed_over():
    denied, given_up, reported = web1.ask(), web1.ask(), web1.ask()
    phone.decide(denied, "deny")
    given_up.cancel()
    phone.decide(reported, "not_me")

    def age(seconds):
        with sqlite3.connect(f"{server.data}/store.db") as store:
            store.execute("UPDATE requests SET made = made - ?1, ends = ends - ?1, changed = changed - ?1", (seconds * 1000,))
        return [bool(phone.shown(login)) for login in (denied, given_up, reported)]

    assert age(100) == [True, True, True]
    assert age(30) == [True, False, False]
    assert age(460) == [True, False, False]
    phone.call("decide", request=denied.request, decision=phone.decision(denied.details, "not_me"))
    assert phone.shown(denied)["result"] == "not_me"
    assert age(601) == [False, False, False]


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


run()
