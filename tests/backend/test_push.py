#!/usr/bin/python3
"""Pushes of the real approve-server to a push service of the tests' own (S1, S12, S17, S20, D4; I11)."""
import re
import sys
import time
import traceback

from peers import Host, LIMITS, Later, Phone, Server, decode, sandbox
from push_service import Answer, Busy, PushService, Redirect, Silence

CODE_ONLY = ["code"]


class Browser(Phone):
    """A phone that runs the web app: with a subscription, or None."""

    def __init__(self, server, push=None, **more):
        self.push = push
        super().__init__(server, **more)

    def call(self, name, /, **members):
        if name == "enroll":
            members |= {"platform": "web"} | ({"push": self.push.json} if self.push else {})
        return super().call(name, **members)

    @property
    def about(self):
        return self.call("device").json


class Setting:
    """A push service, a server that uses it, a host."""

    def __init__(self, conf="", services=None, private="yes"):
        self.service = PushService()
        self.service.__enter__()
        self.server = Server(f"{LIMITS}\n[push]\nservices = {services or self.service.host}\ncertificates = {self.service.ca_file}\n"
                             f"private_addresses = {private}\ntimeout = 5\n{conf}\n")
        self.server.cli("user", "add", "alice")
        self.host = Host(self.server)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.stop()
        log = open(self.server.log, encoding="utf-8").read()
        self.server.__exit__()
        self.service.__exit__()
        assert not self.service.faults, self.service.faults
        assert "Sanitizer" not in log, log
        assert "/push/" not in log, f"an endpoint is a secret: {log}"

    def phone(self, answers=201, **more):
        return Browser(self.server, self.service.subscribe(answers), **more)

    def ask(self, **more):
        login = self.host.ask(**more)
        assert login.answer.status == 200, login.answer
        return login


def unreached(login, within=1.0):
    """Asks for the token; how long it took until the server said that no phone can be reached."""
    start = time.monotonic()
    answer = login.token()
    took = time.monotonic() - start
    assert answer.error == "authorization_pending" and answer.json.get("methods") == CODE_ONLY, answer
    assert took < within * sandbox.slower(), took
    return took


def stays_held(call, seconds=0.5):
    call.join(seconds)
    assert call.is_alive(), call.get()


def test_push_carries_the_request():
    """S1: a push carries the request, encrypted, padded, for as long as the request lives."""
    with Setting() as s:
        phone = s.phone()
        s.service.vapid_key = phone.enrolled.json["vapid"]
        login = s.ask(life=40)
        push = phone.push.wait()
        assert push.data["type"] == "request" and push.data["request"] == login.request, push.data
        assert decode(push.data["details"]) == login.details
        assert abs(push.data["expires"] - time.time() - 40) < 3
        assert set(push.data) == {"type", "request", "details", "expires"}
        assert 37 <= push.ttl <= 40 and push.urgency == "high" and len(push.topic) == 32
        assert push.text_len % 1024 == 0
        assert login.request not in push.topic
        assert phone.about["push_ok"] is phone.call("requests", wait=0, seen="").json["push_ok"] is True
        stays_held(login.hold())


def test_long_details_fit():
    """The largest details that a host may send fit into a push."""
    with Setting() as s:
        phone = s.phone()
        login = s.ask(rhost="h" * 256, command="c" * 256, tty="t" * 64, host_name="n" * 128, service="s" * 64)
        assert decode(phone.push.wait().data["details"]) == login.details


def test_all_phones_are_asked_and_told_of_the_end():
    """S12: a request goes to all phones; the others close it when one has answered."""
    with Setting() as s:
        phones = [s.phone(name=f"phone {i}") for i in range(3)]
        login = s.ask()
        for phone in phones:
            assert phone.push.wait().data["request"] == login.request
        held = login.hold()
        assert phones[1].decide(login).status == 200
        assert held.get().status == 200
        for phone in phones[0], phones[2]:
            over = phone.push.wait_type("over")
            assert over.data == {"type": "over", "request": login.request}
            assert over.topic == phone.push.pushes[0].topic
        assert phones[1].push.wait_type("over", seconds=0.5) is None


def ends(end):
    """Whatever ends a request, the phone that showed it is told."""
    with Setting() as s:
        phone = s.phone()
        login = s.ask(life=10)
        assert phone.push.wait()
        held = login.hold()
        end(login, phone)
        over = phone.push.wait_type("over", seconds=15)
        assert over and over.data["request"] == login.request
        held.get()


def test_over_after_cancel():
    """A request that its host cancelled is closed on the phone."""
    ends(lambda login, phone: login.cancel())


def test_over_comes_last():
    """A request that ends while its push is on its way: the phone hears of the end after it, not before."""
    with Setting() as s:
        phone = s.phone(Answer(201, after=0.5))
        login = s.ask()
        assert phone.push.wait_attempts(1)
        login.cancel()
        assert phone.push.wait_type("over")
        assert [push.data["type"] for push in phone.push.pushes] == ["request", "over"]


def test_no_over_for_the_phone_that_answered():
    """A phone that answered before its push arrived is not told what it knows."""
    with Setting() as s:
        phone = s.phone(Answer(201, after=0.7))
        login = s.ask()
        assert phone.push.wait_attempts(1)
        held = login.hold()
        assert phone.decide(login).status == 200
        login.approval(held.get())
        time.sleep(1.5)
        assert [push.data["type"] for push in phone.push.pushes] == ["request"]


def test_no_over_for_a_phone_that_got_nothing():
    """A request that ends while its push is tried again: it is not tried on, and there is nothing to close."""
    with Setting() as s:
        phone = s.phone([500, 500, 201])
        login = s.ask()
        assert phone.push.wait_attempts(2)
        login.cancel()
        time.sleep(3)
        assert phone.push.attempts == 2 and not phone.push.pushes


def test_over_after_code():
    """A request that a code answered is closed on the phone, though the code was its own."""
    ends(lambda login, phone: login.code(phone.code()))


def test_over_after_expiry():
    """A request that nobody answered is closed on the phone."""
    ends(lambda login, phone: None)


def gone(status):
    with Setting() as s:
        phone = s.phone(status)
        login = s.ask()
        unreached(login)
        stays_held(login.hold())
        assert phone.about["push_ok"] is False
        assert phone.push.attempts == 1
        time.sleep(0.2)
        unreached(s.ask())
        assert phone.push.attempts == 1, "the subscription is dropped"
        assert phone.call("requests", wait=0, seen="").json["push_ok"] is False


def test_404_drops_the_subscription():
    """A subscription that the push service knows no more is dropped, and the login is told at once (D4)."""
    gone(404)


def test_410_drops_the_subscription():
    """The same for 410."""
    gone(410)


def test_new_subscription_survives_the_old_ones_end():
    """A phone that subscribed anew while a push to the old subscription failed keeps the new one."""
    with Setting() as s:
        phone = s.phone(Answer(410, after=0.7))
        login = s.ask()
        assert phone.push.wait_attempts(1)
        new = s.service.subscribe()
        assert phone.call("device", push=new.json).json["push_ok"] is True
        time.sleep(1)
        assert phone.about["push_ok"] is True
        login.cancel()
        s.ask()
        assert new.wait()


def test_one_of_two_is_enough():
    """A request that one of two phones got is reached."""
    with Setting() as s:
        s.phone(410), s.phone(name="other")
        login = s.ask()
        stays_held(login.hold(), 1.0)


def test_too_large_is_sent_shorter():
    """A push service that takes small bodies only gets the request without its details."""
    with Setting() as s:
        phone = s.phone(Answer(lambda size: 413 if size > 1200 else 201))
        login = s.ask(rhost="h" * 256, command="c" * 256)
        push = phone.push.wait()
        assert set(push.data) == {"type", "request", "expires"} and push.data["request"] == login.request, push.data
        assert phone.push.attempts == 2
        stays_held(login.hold())


def test_always_too_large():
    """One that takes nothing at all is not asked for ever."""
    with Setting() as s:
        phone = s.phone(413)
        unreached(s.ask())
        assert phone.push.attempts == 2


def test_error_is_tried_again():
    """A push service's passing error is tried again, and the login is not bothered with it."""
    with Setting() as s:
        phone = s.phone([500, 201])
        login = s.ask()
        held = login.hold()
        push = phone.push.wait()
        assert push and phone.push.attempts == 2
        stays_held(held)
        assert phone.about["push_ok"] is True


def test_accepted_is_taken():
    """RFC 8030: 202, of a push service that delivers later, is as good as 201."""
    with Setting() as s:
        phone = s.phone(202)
        login = s.ask()
        held = login.hold()
        assert phone.push.wait()
        stays_held(held, 1.5)
        assert phone.push.attempts == 1
        assert phone.about["push_ok"] is True
        assert phone.decide(login).status == 200
        login.approval(held.get())


def test_errors_make_it_late():
    """Two errors: the login is told, the push is tried on, and the phone can still approve."""
    with Setting() as s:
        phone = s.phone([503, 503, 201])
        login = s.ask()
        unreached(login, 2.0)
        assert phone.push.wait(seconds=8)
        held = login.hold()
        stays_held(held)
        assert phone.decide(login).status == 200
        login.approval(held.get())


def test_backoff_is_bounded():
    """A push service that always fails is not hammered, and no longer tried when the request is over."""
    with Setting() as s:
        phone = s.phone(500)
        login = s.ask(life=10)
        unreached(login, 2.0)
        time.sleep(11)
        attempts = phone.push.attempts
        assert 3 <= attempts <= 6, attempts
        time.sleep(2)
        assert phone.push.attempts == attempts
        assert phone.about["push_ok"] is False


def test_retry_after_is_heeded():
    """429 with Retry-After: not before that time."""
    with Setting() as s:
        phone = s.phone([Busy(3), 201])
        start = time.monotonic()
        login = s.ask()
        unreached(login)
        push = phone.push.wait(seconds=8)
        assert push and push.at - start >= 3, push and push.at - start


def test_retry_after_the_requests_end():
    """429 with a Retry-After beyond the request's life: given up at once."""
    with Setting() as s:
        phone = s.phone(Busy(600))
        unreached(s.ask())
        time.sleep(1)
        assert phone.push.attempts == 1


def test_refusal_is_final():
    """403: not tried again; the phone learns that its pushes do not arrive (S20)."""
    with Setting() as s:
        phone = s.phone(403)
        unreached(s.ask())
        time.sleep(1)
        assert phone.push.attempts == 1
        assert phone.about["push_ok"] is False
        phone.push.answers = [201]
        s.ask()
        assert phone.push.wait()
        sandbox.wait_for("push_ok", lambda: phone.about["push_ok"])


def test_redirects_are_not_followed():
    """I11: a redirect is a refusal, wherever it leads."""
    with Setting() as s:
        other = s.service.subscribe()
        for code in (301, 302, 303, 307, 308):
            phone = s.phone(Answer(code, {"Location": other.json["endpoint"]}), name=str(code))
            login = s.ask()
            unreached(login)
            assert phone.call("remove").status == 200
        assert other.attempts == 0


def test_silence_is_noticed():
    """A push service that says nothing: the login is told after 2 s, and the request stays open."""
    with Setting() as s:
        phone = s.phone(Silence(20))
        login = s.ask()
        took = unreached(login, 3.0)
        assert took > 1.5, took
        held = login.hold()
        assert phone.decide(login).status == 200
        login.approval(held.get())


def test_nobody_listens():
    """A push service that is down: the login is told at once."""
    with Setting(services="localhost:1") as s:
        subscription = s.service.subscribe()
        subscription.service = type("Dead", (), {"host": "localhost:1"})
        Browser(s.server, subscription)
        unreached(s.ask(), 2.0)


def test_private_addresses_are_refused():
    """I11: no connection to an address that is not public, whatever name leads to it."""
    with Setting(private="no") as s:
        phone = s.phone()
        unreached(s.ask())
        time.sleep(0.2)
        assert not s.service.connections and phone.push.attempts == 0
        assert phone.about["push_ok"] is False
        assert "not public" in open(s.server.log, encoding="utf-8").read()


def test_bad_endpoints_are_refused():
    """I11: a phone cannot name an endpoint outside the list, or one that is no plain https URL."""
    with Setting() as s:
        phone = s.phone()
        port = s.service.port
        for endpoint in (f"http://localhost:{port}/push/x", f"https://127.0.0.1:{port}/push/x", "https://localhost/push/x",
                         f"https://user@localhost:{port}/push/x", f"https://localhost:{port + 1}/push/x", "https://fcm.googleapis.com/x",
                         f"https://localhost:{port}", f"https://localhost:{port}/x#y", "file:///etc/passwd", "x" * 4000, "", 7, None):
            bad = phone.push.json | {"endpoint": endpoint}
            answer = phone.call("device", push=bad)
            assert answer.status == 400 and answer.error == "bad_message", (endpoint, answer)
        for keys in ({}, {"p256dh": "AAAA", "auth": "AAAA"}, None, [], phone.push.json["keys"] | {"auth": 1}):
            assert phone.call("device", push=phone.push.json | {"keys": keys}).error == "bad_message"
        assert phone.about["push_ok"] is True
        s.ask()
        assert phone.push.wait()


def test_certificate_is_checked():
    """I11: a push service with a certificate of another authority gets nothing."""
    with PushService() as stranger, Setting(services=f"{stranger.host}") as s:
        subscription = stranger.subscribe()
        Browser(s.server, subscription)
        unreached(s.ask(), 2.0)
        assert subscription.attempts == 0


def test_name_in_the_certificate_is_checked():
    """I11: the certificate must be of the host in the endpoint."""
    with PushService("127.0.0.1") as service:  # its certificate is for localhost
        server = Server(f"{LIMITS}\n[push]\nservices = {service.host}\ncertificates = {service.ca_file}\nprivate_addresses = yes\n")
        with server:
            server.cli("user", "add", "alice")
            phone = Browser(server, service.subscribe())
            unreached(Host(server).ask(), 2.0)
            assert phone.push.attempts == 0


def test_phone_without_subscription():
    """D4: a phone that has no subscription is not reached, and the login knows at once."""
    with Setting() as s:
        Browser(s.server)
        unreached(s.ask(), 0.5)


def test_phone_that_asks_is_reached():
    """One that asks for requests by itself is."""
    with Setting() as s:
        phone = Browser(s.server)
        phone.list()
        stays_held(s.ask().hold())


def test_terminal_is_reached():
    """approve-phone has no push; who uses it looks by hand."""
    with Setting() as s:
        Phone(s.server)
        stays_held(s.ask().hold())


def test_disabled_phone_gets_nothing():
    """S10: a phone whose requests are off gets no push."""
    with Setting() as s:
        off, on = s.phone(name="off"), s.phone(name="on")
        assert off.call("device", enabled=False).status == 200
        s.ask()
        assert on.push.wait()
        time.sleep(0.3)
        assert off.push.attempts == 0


def test_other_users_phones_get_nothing():
    """A push goes to the user's own phones."""
    with Setting() as s:
        s.server.cli("user", "add", "bob")
        alice, bob = s.phone(), s.phone(user="bob")
        s.ask()
        assert alice.push.wait()
        time.sleep(0.3)
        assert bob.push.attempts == 0


def test_removed_subscription_gets_nothing():
    """A phone that took its subscription back gets no push."""
    with Setting() as s:
        phone = s.phone()
        assert phone.call("device", push=None).json["push_ok"] is False
        unreached(s.ask())
        assert phone.push.attempts == 0


def test_test_push():
    """S20: the app sends itself a test, not more often than every 5 s."""
    with Setting() as s:
        phone, without = s.phone(), Browser(s.server)
        assert phone.call("test").status == 200
        assert phone.push.wait().data == {"type": "test"}
        limited = phone.call("test")
        assert limited.error == "limited" and limited.json["retry_after"] == 5, limited
        assert without.call("test").error == "bad_message"


def test_test_push_shows_what_is_wrong():
    """S20: after a test that was not taken, push_ok is false."""
    with Setting() as s:
        phone = s.phone(410)
        assert phone.about["push_ok"] is True
        assert phone.call("test").status == 200
        sandbox.wait_for("push_ok to be false", lambda: phone.about["push_ok"] is False)


def test_no_push_at_all():
    """[push] enabled = no: no key for phones, a subscription is refused, and no login is told that its phone is out of reach."""
    with Setting("enabled = no") as s:
        phone = Browser(s.server)
        assert "vapid" not in phone.enrolled.json and "vapid" not in phone.about
        assert phone.call("device", push=s.service.subscribe().json).error == "bad_message"
        assert phone.call("test").error == "bad_message"
        stays_held(s.ask().hold())


def test_key_stays_the_same():
    """The key that phones subscribed with outlives a restart, and so do subscriptions."""
    with Setting() as s:
        phone = s.phone()
        key = phone.about["vapid"]
        s.server.stop()
        s.server.start()
        assert phone.about["vapid"] == key == phone.enrolled.json["vapid"]
        s.ask()
        assert phone.push.wait()


def test_connections_and_tokens_are_kept():
    """Many pushes, one connection, one VAPID token."""
    with Setting() as s:
        phone = s.phone()
        for i in range(10):
            login = s.ask()
            assert phone.push.wait_type("request", i)
            login.cancel()
            assert phone.push.wait_type("over", i)
        assert len(s.service.connections) <= 2, s.service.connections
        assert len(s.service.tokens) == 1


def test_many_at_once():
    """A hundred logins at once: every push arrives, over few connections."""
    with Setting() as s:
        phone = s.phone()
        logins = [Later(s.ask) for _ in range(100)]
        wanted = {login.get(30).request for login in logins}
        assert phone.push.wait(99, 30)
        assert {push.data["request"] for push in phone.push.pushes} == wanted
        assert len(s.service.connections) <= 16, len(s.service.connections)


def test_stop_while_pushing():
    """The server ends at once, though a push service keeps it waiting."""
    with Setting() as s:
        phone = s.phone(Silence(20))
        s.ask()
        assert phone.push.wait_attempts(1)
        start = time.monotonic()
        s.server.stop()
        assert time.monotonic() - start < 2 and s.server.child.returncode == 0


def main():
    tests = [test for name, test in globals().items() if name.startswith("test_") and re.search("|".join(sys.argv[1:]), name)]
    print(f"1..{len(tests)}", flush=True)
    failed = 0
    for number, test in enumerate(tests, 1):
        try:
            test()
            print(f"ok {number} - {test.__doc__}", flush=True)
        except Exception:
            failed += 1
            print(f"not ok {number} - {test.__name__}: {test.__doc__}", flush=True)
            print("# " + traceback.format_exc().replace("\n", "\n# "), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
