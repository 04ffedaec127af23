#!/usr/bin/python3
"""approve-helper with a backend that lies. Each row is one lie in an answer that is right in all else, so that nothing but the lie refuses it."""
import hashlib
import hmac
import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import Setting, main, number_in, test, tests  # noqa: E402
from jose import Key, Phone, b64  # noqa: E402

REQ = "urn:openid:params:jwt:claim:auth_req_id"


# --- lies in the ID token and in the phone's approval: (what, hooks, what the log says) ---

def claim(**changes):
    return {"claims": lambda claims: {k: v for k, v in (claims | changes).items() if v is not None}}


def header(**changes):
    return {"header": lambda h: {k: v for k, v in (h | changes).items() if v is not None}}


def forged(make_header, sign, more_keys=lambda document: document):
    """A token whose header and signature are made by hand; sign(backend's key, signed text) gives bytes."""
    keys = []

    def compact(token):
        body = token.split(".")[1]
        text = b64(json.dumps(make_header).encode()) + "." + body
        return text + "." + b64(sign(keys[0], text.encode()))

    def jwks(document):
        keys.append(document["keys"][0])
        make_header.setdefault("kid", document["keys"][0]["kid"])
        return more_keys(document)

    return {"compact": compact, "jwks": jwks}


def approval(**arguments):
    """The phone signs something else: arguments of Phone.decide."""
    def make(backend, request):
        return backend.phone.decide(**({"details": request.raw, "number": request.number} | arguments))
    return {"approval": make}


def replayed():
    """The approval of the first login, again."""
    kept = []

    def make(backend, request):
        kept.append(backend.phone.decide(request.raw, number=request.number))
        return kept[0]
    return make


def oct_key(document):
    return {"keys": document["keys"] + [{"kty": "oct", "kid": "shared", "alg": "HS256", "k": b64(b"shared secret")}]}


other, stranger = Key(), Phone()
hmac_by = lambda secret: lambda _key, text: hmac.new(secret, text, hashlib.sha256).digest()  # noqa: E731
now = int(time.time())

TOKENS = [
    ("issuer", claim(iss="https://evil.example"), "another issuer"),
    ("issuer missing", claim(iss=None), "another issuer"),
    ("audience", claim(aud="web2"), "another host"),
    ("audience missing", claim(aud=None), "another host"),
    ("audience of two", claim(aud=["web1", "web2"]), "another host"),
    ("made in the future", claim(iat=now + 3600), "in the future"),
    ("made before the request", claim(iat=now - 3600), "before the request"),
    ("time as text", claim(iat=str(now)), "times are missing"),
    ("over", claim(exp=now - 600), "is over"),
    ("no end", claim(exp=None), "times are missing"),
    ("another request", claim(**{REQ: "req-other"}), "another request"),
    ("no request", claim(**{REQ: None}), "another request"),
    ("another user", claim(sub="root"), "another user"),
    ("no user", claim(sub=None), "another user"),
    ("a user that is no text", claim(sub=["alice"]), "another user"),
    ("a code that nobody typed", claim(amr=["otp"], cnf=None, pam_approve_approval=None), "none was sent from here"),
    ("no method", claim(amr=None), "no method"),
    ("two methods", claim(amr=["swk", "otp"]), "no method"),
    ("an unknown method", claim(amr=["pwd"]), "no method"),
    ("another key's signature under a known kid", {"signer": other}, "signature is wrong"),
    ("a kid that the issuer does not have", {"signer": other} | header(kid=other.thumbprint), "no such key"),
    ("its own key in the header", {"signer": other} | header(kid=None, jwk=other.jwk), "no such key"),
    ("no kid", header(kid=None), "no such key"),
    ("crit", header(crit=["exp"], exp=now + 60), "no JWS that we accept"),
    ("crit, empty", header(crit=[]), "no JWS that we accept"),
    ("another type", header(typ="at+jwt"), "another type"),
    ("a phone's type", header(typ="pam-approve-decision+jws"), "another type"),
    ("alg none", forged({"alg": "none", "typ": "JWT"}, lambda _key, _text: b""), "no JWS that we accept"),
    ("alg none, with a signature", forged({"alg": "none", "typ": "JWT"}, lambda _key, _text: b"x" * 64), "no JWS that we accept"),
    ("HS256 over the public key", forged({"alg": "HS256", "typ": "JWT"}, lambda key, text: hmac.new(json.dumps(key).encode(), text, hashlib.sha256).digest()), "no JWS that we accept"),
    ("HS256 with a key of the JWKS", forged({"alg": "HS256", "typ": "JWT", "kid": "shared"}, hmac_by(b"shared secret"), oct_key), "no JWS that we accept"),
    ("ES256 with a signature of zeros", forged({"alg": "ES256", "typ": "JWT"}, lambda _key, _text: bytes(64)), "signature is wrong"),
    ("ES256 without a signature", forged({"alg": "ES256", "typ": "JWT"}, lambda _key, _text: b""), "no JWS that we accept|signature is wrong"),
    ("a changed signature", {"compact": lambda t: t[:-4] + ("AAAA" if t[-4:] != "AAAA" else "BBBB")}, "no JWS that we accept|signature is wrong"),
    ("padding", {"compact": lambda t: t + "="}, "no JWS that we accept"),
    ("a fourth part", {"compact": lambda t: t + ".AAAA"}, "no JWS that we accept"),
    ("not a JWS", {"compact": lambda _t: "hello"}, "no JWS that we accept"),
    ("not text", {"compact": lambda _t: 17}, "missing"),
    ("null", {"compact": lambda _t: None}, "missing"),
    ("20 KB", {"compact": lambda t: t + "A" * 20000}, "missing"),
    ("approval missing", {"approval": lambda _b, _r: None}, "approval is missing"),
    ("approval for other details", approval(details=b'{"v":1}'), "approval:"),
    ("approval for these details and a blank", {"approval": lambda b, r: b.phone.decide(r.raw + b" ", number=r.number)}, "approval:"),
    ("approval by another key", {"approval": lambda _b, r: stranger.decide(r.raw, number=r.number)}, "approval:"),
    ("approval by another key that says it is the phone's", {"approval": lambda b, r: stranger.decide(r.raw, number=r.number, jkt=b.phone.thumbprint, header={"kid": b.phone.thumbprint})}, "approval:"),
    ("approval of another type", approval(header={"typ": "JWT"}), "approval:"),
    ("approval with a phone call's type", approval(header={"typ": "pam-approve-phone+jws"}), "approval:"),
    ("approval with crit", approval(header={"crit": ["b64"], "b64": False}), "approval:"),
    ("approval with alg none", {"approval": lambda b, r: b64(b'{"alg":"none","typ":"pam-approve-decision+jws"}') + "." + b.phone.decide(r.raw, number=r.number).split(".")[1] + "."}, "approval:"),
    ("approval with another thumbprint", approval(jkt=stranger.thumbprint), "approval:"),
    ("approval with one member more", approval(extra=1), "approval:"),
    ("approval made long ago", approval(iat=now - 7200), "approval:"),
    ("approval made in the future", approval(iat=now + 7200), "approval:"),
    ("approval with a number that is text", approval(number="42"), "approval:"),
    ("approval with a number of three digits", approval(number=420), "approval:"),
    ("a denial inside an approved token", approval(decision="deny", number=None), "decision is"),
    ("it wasn't me inside an approved token", approval(decision="not_me", number=None), "decision is"),
    ("an unknown decision", approval(decision="yes"), "approval:"),
    ("no key of a phone", claim(cnf=None), "phone's key"),
    ("a phone's key that is private", claim(cnf={"jwk": stranger.jwk | {"d": b64(b"1" * 32)}}), "phone's key"),
    ("a phone's key off the curve", claim(cnf={"jwk": stranger.jwk | {"x": b64(bytes(32))}}), "phone's key"),
    ("a phone's key that is RSA", claim(cnf={"jwk": {"kty": "RSA", "e": "AQAB", "n": b64(b"\xc1" * 256)}}), "phone's key"),
]


def add_token_row(what, hooks, log):
    @test(f"ID token: {what}")
    def _():
        with Setting(hooks=hooks) as s:
            client = s.client(service="sudo")
            s.backend.finish("approved", number_in(client.until("I").text))
            client.done("invalid_approval")
            assert any(s.logged(word, 0.5) for word in log.split("|")), s.log
            assert s.backend.wait_for(lambda: s.backend.requests[0].cancelled == "invalid_approval")
            assert s.backend.count("/jwks") == 1


@test("ID token: the approval of the login before")
def _():
    with Setting("[defaults]\nnumber = off\n", hooks={"approval": replayed()}) as s:
        for user, outcome in (("alice", "approved"), ("bob", "invalid_approval"), ("alice", "invalid_approval")):
            client = s.client(service="sudo", user=user)
            client.until("I")
            s.backend.finish("approved")
            client.done(outcome)


for name, value in (("none", None), ("another", "other")):
    @test(f"the number: {name} given where one is asked for")
    def _(value=value):
        with Setting() as s:
            client = s.client(service="sudo")
            right = number_in(client.until("I").text)
            s.backend.finish("approved", value and 10 + (right + 44) % 90)
            client.done("wrong_number")


# --- lies in how an answer is given: the answer itself is the right one ---

def right_answer(handler):
    with handler.server.backend.lock:
        return handler.server.backend.answer(handler.path, handler.parameters)[1]


def redirect(handler):
    handler.reply(302, right_answer(handler), headers=[("Location", handler.server.backend.url + "/elsewhere")])


def status(code):
    return lambda handler: handler.reply(code, right_answer(handler), headers=[("Retry-After", "1")])


def silence(handler):
    right_answer(handler)
    time.sleep(6)
    handler.close_connection = True


def drip(handler):
    data = json.dumps(right_answer(handler)).encode()
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    for i in range(6):
        handler.wfile.write(data[i:i + 1])
        handler.wfile.flush()
        time.sleep(1)
    handler.close_connection = True


def text(change, content_type="application/json"):
    return lambda handler: handler.reply(200, change(json.dumps(right_answer(handler))).encode(), content_type)


WAYS = {
    "a redirect": redirect,
    "status 500": status(500),
    "status 429": status(429),
    "status 204": status(204),
    "silence": silence,
    "one byte a second": drip,
    "3 MB": text(lambda t: '{"pad":"' + "x" * 3000000 + '",' + t[1:]),
    "broken JSON": text(lambda t: t[:-1]),
    "JSON and more": text(lambda t: t + "{}"),
    "a member twice": text(lambda t: t[:-1] + "," + t[1:]),
    "deep nesting": text(lambda t: '{"pad":' + "[" * 20000 + "]" * 20000 + "," + t[1:]),
    "a list": text(lambda t: "[" + t + "]"),
    "a web page's type": text(lambda t: t, "text/html"),
}
PATHS = {"/.well-known/openid-configuration": {}, "/jwks": {},
         "/ciba/backchannel": {"a redirect": "backend_refused", "status 204": "backend_refused|no_backend"},
         "/ciba/token": {"a redirect": "backend_refused", "status 204": "backend_refused|no_backend", "status 429": "prompt",
                         "silence": "prompt", "one byte a second": "prompt"}}


def add_way_row(path, way, expected):
    @test(f"{path}: {way}")
    def _():
        with Setting(hooks={"raw": {path: WAYS[way]}}, timeout=1, life=1) as s:
            client = s.client(service="sudo")
            if path == "/ciba/token":
                s.backend.finish("approved", number_in(client.until("I").text))
            started = time.monotonic()
            end = client.until("P", "D")
            assert (end.outcome if end.type == "D" else "prompt") in expected.split("|"), client.frames
            assert time.monotonic() - started < 6
            assert s.backend.count("/elsewhere") == 0
            if way == "status 500" and path == "/ciba/backchannel":
                assert s.backend.count(path) == 2


# --- lies in what discovery says ---

DOCUMENTS = [
    ("another issuer", lambda d: d | {"issuer": "https://evil.example"}),
    ("the issuer with a slash", lambda d: d | {"issuer": d["issuer"] + "/"}),
    ("no issuer", lambda d: {k: v for k, v in d.items() if k != "issuer"}),
    ("no phones here", lambda d: d | {"authorization_details_types_supported": ["payment"]}),
] + [(f"{name} {what}", lambda d, name=name, change=change: d | {name: change(d[name])})
     for name in ("token_endpoint", "backchannel_authentication_endpoint", "jwks_uri", "pam_approve_cancel_endpoint", "pam_approve_code_endpoint")
     for what, change in (("elsewhere", lambda u: "https://evil.example/x"), ("on another port", lambda u: u.replace("127.0.0.1:", "127.0.0.1:1")),
                          ("behind a user part", lambda u: u.replace("//", "//127.0.0.1:80@")), ("that is a file", lambda u: "file:///etc/passwd"),
                          ("missing", lambda u: None))]


def add_document_row(what, change):
    @test(f"discovery: {what}")
    def _():
        with Setting(hooks={"discovery": change}) as s:
            s.client(service="sudo").done("no_backend")
            assert s.backend.count("/ciba/backchannel") == 0


# --- lies in the answer that opens a request ---

ASKED = [
    ("no auth_req_id", lambda a: a | {"auth_req_id": None}, "backend_refused"),
    ("an empty auth_req_id", lambda a: a | {"auth_req_id": ""}, "backend_refused"),
    ("an auth_req_id of 3 KB", lambda a: a | {"auth_req_id": "x" * 3000}, "backend_refused"),
    ("no end", lambda a: a | {"expires_in": None}, "backend_refused"),
    ("an end in the past", lambda a: a | {"expires_in": -1}, "backend_refused"),
    ("an end as text", lambda a: a | {"expires_in": "60"}, "backend_refused"),
    ("an end in 30 years", lambda a: a | {"expires_in": 10 ** 9}, "approved"),
    ("an interval of 30 years", lambda a: a | {"interval": 10 ** 9}, "approved"),
    ("an interval below zero", lambda a: a | {"interval": -5}, "approved"),
    ("methods that are no list", lambda a: a | {"methods": "phone"}, "no_answer"),
    ("methods that are no text", lambda a: a | {"methods": [1, None, {}]}, "no_answer"),
]


def add_asked_row(what, change, expected):
    @test(f"the opening answer: {what}")
    def _():
        with Setting(hooks={"asked": change}) as s:
            client = s.client(service="sudo")
            if expected == "approved":
                s.backend.finish("approved", number_in(client.until("I").text))
            client.done(expected)


for row in TOKENS:
    add_token_row(*row)
for path_name, exceptions in PATHS.items():
    for way_name in WAYS:
        add_way_row(path_name, way_name, exceptions.get(way_name, "no_backend"))
for row in DOCUMENTS:
    add_document_row(*row)
for row in ASKED:
    add_asked_row(*row)


@test("a device's name with control characters, bidirectional marks and 300 letters is made safe and short")
def _():
    with Setting(device="\x1b[31mP\u202eixel\n8" + "é" * 300) as s:
        line = s.client(service="sudo").until("I").text
        assert "\x1b" not in line and "\u202e" not in line and "\n" not in line and len(line.encode()) < 60, line


@test("a token endpoint that never holds the request is asked about once a second, not more")
def _():
    with Setting(hold=0, life=3) as s:
        s.client(service="sudo").prompt()
        assert 3 <= s.backend.count("/ciba/token") <= 7, s.backend.count("/ciba/token")


for interval in (0, -5, None):
    @test(f"provider = ciba: an interval of {interval} is not taken as leave to spin")
    def _(interval=interval):
        with Setting(provider="ciba", hold=0, life=4, hooks={"asked": lambda a: a | {"interval": interval}, "claims": lambda c: c}) as s:
            client = s.client(service="sudo")
            client.done("no_answer")
            assert s.backend.count("/ciba/token") <= 6, s.backend.count("/ciba/token")


@test("provider = ciba: slow_down is heeded, and RS256, alg none and another issuer are as they must be")
def _():
    with Setting(provider="ciba", hold=0, life=9, hooks={"token_error": lambda e: e | {"error": "slow_down"}}) as s:
        s.client(service="sudo").done("no_answer")
        assert s.backend.count("/ciba/token") == 2
    with Setting(provider="ciba", hooks=claim(iss="https://evil.example")) as s:
        client = s.client(service="sudo")
        client.until("I")
        s.backend.finish("approved")
        client.done("invalid_approval")


@test("an unknown kid does not make the helper fetch the keys more than once a minute; after it, the new keys count")
def _():
    new = Key()
    with Setting(hooks={}) as s:
        def login(user, outcome):
            client = s.client(service="sudo", user=user)
            s.backend.finish("approved", number_in(client.until("I").text))
            client.done(outcome)
        login("alice", "approved")
        s.backend.key = new
        login("bob", "invalid_approval")
        assert s.backend.count("/jwks") == 1
        time.sleep(61)
        login("carol", "approved")
        assert s.backend.count("/jwks") == 2


tests.insert(0, tests.pop())  # the one that waits a minute

if __name__ == "__main__":
    main(8)
