#!/usr/bin/python3
"""Codes bound to one host (docs/bound-codes.md), with a backend that lies and phones that seal what they should not."""
import hashlib
import hmac
import json
import os
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import Setting, main, number_in, test  # noqa: E402
from jose import Key, Phone, b64, seal  # noqa: E402

SECRET = bytes(range(20))
STEP = 30
OFFLINE = "Server unreachable. Code for web1: "


def code(steps=1, secret=SECRET):
    """Of the next step: a secret counts from then on, and a clock may be one step ahead."""
    mac = hmac.new(secret, struct.pack(">Q", int(time.time()) // STEP + steps), hashlib.sha1).digest()
    at = mac[19] & 15
    return f"{(struct.unpack('>I', mac[at:at + 4])[0] & 0x7fffffff) % 1000000:06d}"


def settle():
    left = STEP - time.time() % STEP
    if left < 5:
        time.sleep(left + 0.1)


def sealing(make=None, **changes):
    """The phone's approval, with host_secret as make(backend, request) gives it."""
    def approve(backend, request):
        own = make(backend, request) if make else seal(request.details["host_key"], request.raw, backend.phone.thumbprint, SECRET)
        return backend.phone.decide(request.raw, number=request.number, host_secret=own, **changes)
    return {"approval": approve}


def log_in(s, outcome="approved", user="alice", service="sudo"):
    client = s.client(service=service, user=user)
    s.backend.finish("approved", number_in(client.until("I").text))
    return client.done(outcome)


def unplug(s):
    """From now on every call is cut off without an answer."""
    def hang_up(handler):
        handler.close_connection = True
    s.backend.hooks["raw"] = {path: hang_up for path in ("/.well-known/openid-configuration", "/jwks", "/ciba/backchannel", "/ciba/token",
                                                         "/ciba/cancel", "/ciba/code")}


def offline(s, typed, outcome, user="alice", service="sudo"):
    client = s.client(service=service, user=user)
    assert client.prompt() == OFFLINE, client.frames
    client.answer(typed)
    if outcome != "wrong":
        return client.done(outcome)
    assert client.prompt() == "Code for web1: " and "That code is not right." in client.texts(), client.frames
    client.close()
    return None


@test("the details have the host's own key for codes, which is not the one of its assertions; a sealed secret opens offline, once")
def _():
    with Setting(hooks=sealing(), bound=True) as s:
        log_in(s)
        details = s.backend.last().details
        assert details["host_key"]["x"] != s.key.jwk["x"]
        assert s.backend.last().parameters.get("held") is None
        log_in(s)
        assert s.backend.last().details["host_key"] == details["host_key"]
        assert s.backend.last().parameters["held"] == s.backend.phone.thumbprint
        unplug(s)
        settle()
        right = code()
        offline(s, right, "code")
        offline(s, right, "wrong")


def elsewhere(backend, request):
    return seal(Key().jwk, request.raw, backend.phone.thumbprint, SECRET)


def changed(text):
    return text[:-2] + ("B" if text[-2] == "A" else "A") + text[-1]


SEALS = [
    ("for another host", elsewhere),
    ("of another login", lambda b, r: seal(r.details["host_key"], r.raw + b" ", b.phone.thumbprint, SECRET)),
    ("of another device", lambda b, r: seal(r.details["host_key"], r.raw, Phone().thumbprint, SECRET)),
    ("with a changed byte", lambda b, r: changed(seal(r.details["host_key"], r.raw, b.phone.thumbprint, SECRET))),
    ("a byte short", lambda b, r: seal(r.details["host_key"], r.raw, b.phone.thumbprint, SECRET[:19])),
    ("a byte long", lambda b, r: seal(r.details["host_key"], r.raw, b.phone.thumbprint, SECRET + b"x")),
    ("that is junk", lambda b, r: "A" * 135),
    ("that is no base64url", lambda b, r: "+" * 135),
    ("that is empty", lambda b, r: ""),
    ("of 256 bytes", lambda b, r: "A" * 256),
    ("with a point off the curve", lambda b, r: b64(b"\x04" + bytes(64) + bytes(36))),
    ("with the point at infinity", lambda b, r: b64(bytes(101))),
]


def add_seal_row(what, make):
    @test(f"a seal {what}: the login is approved as without one, and no code opens")
    def _():
        with Setting(hooks=sealing(make), bound=True) as s:
            log_in(s)
            assert what == "that is empty" or s.logged("does not open"), s.log
            unplug(s)
            settle()
            for steps in (0, 1):
                offline(s, code(steps), "wrong")


for row in SEALS:
    add_seal_row(*row)


REFUSED = [
    ("host_secret that is no text", {"host_secret": {"epk": 1}}),
    ("host_secret of 257 bytes", {"host_secret": "A" * 257}),
    ("host_secret of null", {"host_secret": None}),
]


def add_refused_row(what, changes):
    @test(f"{what}: no decision, and the login is refused")
    def _():
        def approve(backend, request):
            return backend.phone.decide(request.raw, number=request.number, **changes)
        with Setting(hooks={"approval": approve}, bound=True) as s:
            log_in(s, "invalid_approval")


for row in REFUSED:
    add_refused_row(*row)


@test("host_key swapped on the way to the phone: the phone's signature is over other details, the login is refused, and nothing is kept")
def _():
    stranger = Key()

    def approve(backend, request):
        swapped = json.dumps(request.details | {"host_key": stranger.jwk}, separators=(",", ":")).encode()
        return backend.phone.decide(swapped, number=request.number, host_secret=seal(stranger.jwk, swapped, backend.phone.thumbprint, SECRET))
    with Setting(hooks={"approval": approve}, bound=True) as s:
        log_in(s, "invalid_approval")
        unplug(s)
        settle()
        offline(s, code(), "wrong", user="bob")
        offline(s, code(), "wrong")


def sealed(request, phone):
    """What the phone seals for this host, as it should be."""
    return seal(request.details["host_key"], request.raw, phone.thumbprint, SECRET)


BAD_APPROVALS = [
    ("a wrong number", lambda b, r: b.phone.decide(r.raw, number=10 + (r.number + 44) % 90, host_secret=sealed(r, b.phone)), "wrong_number"),
    ("another key's signature", lambda b, r: Phone().decide(r.raw, number=r.number, host_secret=sealed(r, b.phone)), "invalid_approval"),
    ("a denial inside", lambda b, r: b.phone.decide(r.raw, "deny", host_secret=sealed(r, b.phone)), "invalid_approval"),
]


def add_bad_approval_row(what, approve, outcome):
    @test(f"{what}: its seal is not even looked at")
    def _():
        with Setting(hooks={"approval": approve}, bound=True) as s:
            log_in(s, outcome)
            assert not os.path.exists(f"{s.state}/codes")
            unplug(s)
            settle()
            offline(s, code(), "wrong", service="su")


for row in BAD_APPROVALS:
    add_bad_approval_row(*row)


@test("trust = pinned: a device that is not pinned leaves nothing; a pinned one's code opens, with the server up and down")
def _():
    with Setting(hooks=sealing(), bound=True, trust="pinned", start=False) as s:
        s.write("pinned", "")
        s.start()
        log_in(s, "invalid_approval")
        assert not os.path.exists(f"{s.state}/codes")
        s.write("pinned", f"alice {s.backend.phone.thumbprint}\n")
        log_in(s)
        settle()
        client = s.client(service="sshd")
        assert client.prompt().endswith(", then press Enter, or type the code for web1: ")
        client.answer(s.backend.code)  # the server would take it
        assert client.prompt().endswith("or type the code for web1: ")
        assert s.backend.count("/ciba/code") == 0
        client.answer(code())
        client.done("code")
        assert s.backend.wait_for(lambda: s.backend.last().cancelled == "not_needed")
        s.write("pinned", "")
        unplug(s)
        while int(time.time()) % STEP:  # the next step
            time.sleep(0.2)
        offline(s, code(), "wrong")


@test("a server that says no phone and no code are there: with trust = pinned the prompt is for a code of this host")
def _():
    with Setting(hooks=sealing(), bound=True, trust="pinned", start=False, methods=[]) as s:
        s.write("pinned", "")
        s.start()
        client = s.client(service="sudo")
        assert client.prompt() == "No phone can be asked now. Code for web1: ", client.frames


GONE = [
    ("a list of others", ["x", 7, None, "A" * 43], True),
    ("no list", "everything", True),
    ("an object", {"0": "x"}, True),
]


def add_gone_row(what, gone, stays):
    @test(f"`gone` is {what}: the secrets {'stay' if stays else 'go'}")
    def _():
        with Setting(hooks=sealing() | {"asked": lambda a: a | {"gone": gone}}, bound=True) as s:
            log_in(s)
            log_in(s)
            unplug(s)
            settle()
            offline(s, code(), "code" if stays else "wrong")


for row in GONE:
    add_gone_row(*row)


@test("`gone` names the device: its secret goes before anything else, though the request is another user's")
def _():
    with Setting(bound=True) as s:
        s.backend.hooks.update(sealing())
        log_in(s)
        s.backend.hooks["asked"] = lambda a: a | {"gone": [s.backend.phone.thumbprint]}
        client = s.client(service="sudo", user="bob")
        client.until("I")
        assert s.backend.last().parameters["held"] == s.backend.phone.thumbprint
        client.close()
        unplug(s)
        settle()
        offline(s, code(), "wrong")


WAYS = {
    "status 500": lambda h: h.reply(500, {}),
    "status 503": lambda h: h.reply(503, {"error": "temporarily_unavailable"}),
    "no JSON": lambda h: h.reply(200, b"<html>", "text/html"),
    "an error that is no JSON": lambda h: h.reply(502, b"<html>", "text/html"),
    "silence": lambda h: time.sleep(6),
}


def add_way_row(what, way):
    @test(f"the server answers with {what}: the prompt for a code of this host, in a greeter in two parts")
    def _():
        with Setting(hooks={"raw": {"/.well-known/openid-configuration": way}}, bound=True, timeout=1) as s:
            client = s.client(service="sudo", user="nobody")
            assert client.prompt() == OFFLINE
            client = s.client(service="gdm-password", user="nobody")
            assert client.prompt() == "Code:"
            assert "Server unreachable. Type the code for web1." in client.texts(), client.frames
            client.answer("")
            client.done("no_backend")


for name, each in WAYS.items():
    add_way_row(name, each)


@test("a hundred wrong codes in a row lock them without an end that a text could name; an approval by phone on this host ends it")
def _():
    with Setting(hooks=sealing(), bound=True) as s:
        log_in(s)
        s.process.terminate()
        s.process.wait()
        begin = int(time.time()) - 80 * 86400  # five a day since then
        with open(f"{s.state}/codes", "a", encoding="utf-8") as out:
            out.write("".join(f"wrong {begin + i * 17280} alice\n" for i in range(100)))
        s.start()
        server = s.backend.hooks.pop("raw", {})
        unplug(s)
        settle()
        client = s.client(service="sudo")
        client.prompt()
        client.answer(code())
        client.done("code_locked")
        assert client.texts()[-1] == "Too many wrong codes. Approve on the phone, or try again later.", client.frames
        s.backend.hooks["raw"] = server
        log_in(s)
        unplug(s)
        settle()
        offline(s, code(), "code")


def too_many(own):
    """429, ours or a proxy's."""
    def answer(handler):
        if own:
            handler.reply(429, {"error": "pam_approve_too_many_requests"}, headers=[("Retry-After", "1")])
        else:
            handler.reply(429, b"<html>", "text/html")
    return answer


def add_busy_row(path, own):
    @test(f"{path} answers 429, {'ours' if own else 'a web page'}: the server can be reached, and there is no prompt for a code of this host")
    def _():
        with Setting(bound=True, timeout=5) as s:
            s.backend.hooks["raw"] = {path: too_many(own)}
            client = s.client()
            if path == "/ciba/code":
                client.prompt()
                client.answer(s.backend.code)
            assert "status 429" in client.done("busy").log, client.frames
            assert s.backend.count(path) == 1 and OFFLINE not in client.texts(), client.frames
            if own and "ciba" in path:
                assert s.logged("status 429: pam_approve_too_many_requests"), s.log
            s.backend.hooks["raw"] = {}
            client = s.client()
            number = number_in(client.prompt())
            s.backend.finish("approved", number)
            client.answer("")
            client.done("approved")


for name in ("/.well-known/openid-configuration", "/jwks", "/ciba/backchannel", "/ciba/code"):
    for each in (True, False):
        add_busy_row(name, each)


@test("429 from the token endpoint until the request is over: asked again, then no prompt for a code of this host")
def _():
    with Setting(bound=True, timeout=1, life=1) as s:
        s.backend.hooks["raw"] = {"/ciba/token": too_many(False)}
        client = s.client(service="sudo")
        assert OFFLINE != client.prompt(), client.frames


@test("a host that the server refuses gets no prompt, and neither does a service that shows nothing, nor another vendor's provider")
def _():
    refuse = {"raw": {"/ciba/backchannel": lambda h: h.reply(401, {"error": "invalid_client"})}}
    with Setting(hooks=refuse, bound=True) as s:
        s.client(service="sudo").done("backend_refused")
    with Setting("[defaults]\nnumber = off\n", bound=True) as s:
        unplug(s)
        s.client(service="i3lock").done("no_backend")
    with Setting(provider="ciba", bound=True) as s:
        unplug(s)
        s.client(service="sudo").done("no_backend")


@test("the state folder is missing, belongs to root, or is open to others: no key in the details, no prompt, logins as ever")
def _():
    def refused(change):
        with Setting(bound=True, start=False) as s:
            change(s)
            s.start()
            assert s.logged("no codes bound to this host"), s.log
            log_in(s)
            assert s.backend.last().details["host_key"] is None
            unplug(s)
            s.client(service="sudo").done("no_backend")
    refused(lambda s: os.chmod(s.state, 0o750))
    refused(lambda s: os.chown(s.state, 0, 0))
    refused(lambda s: os.rmdir(s.state))


if __name__ == "__main__":
    main(8)
