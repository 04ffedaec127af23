#!/usr/bin/python3
"""approve-helper with a backend that lies. Each row is one lie in an answer that is right in all else, so that nothing but the lie refuses it."""
import hashlib
import hmac
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import time

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tls  # noqa: E402
from harness import BUILD, Setting, main, number_in, slower, test, tests  # noqa: E402
from jose import Key, Phone, b64, unb64  # noqa: E402

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


def repeated():
    """The ID token of a login that was begun a moment ago: its request is another one."""
    kept = []

    def compact(token):
        kept.append(token)
        return kept[0]
    return compact


def payload(change):
    """The claims' text, changed before it is signed."""
    return {"claims": lambda claims: change(json.dumps(claims)).encode()}


def twice(phone, compact):
    """The same decision with its first member twice."""
    head, body, _ = compact.split(".")
    text = unb64(body).decode()
    return phone.sign(json.loads(unb64(head)), ('{"decision":"approve",' + text[1:]).encode())


def pem(jwk):
    """What a library that takes HS256 with any key would use as the secret."""
    numbers = ec.EllipticCurvePublicNumbers(*(int.from_bytes(unb64(jwk[name]), "big") for name in "xy"), ec.SECP256R1())
    return numbers.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


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
    ("HS256 over the public key", forged({"alg": "HS256", "typ": "JWT"}, lambda key, text: hmac_by(json.dumps(key).encode())(key, text)), "no JWS that we accept"),
    ("HS256 over the public key as PEM", forged({"alg": "HS256", "typ": "JWT"}, lambda key, text: hmac_by(pem(key))(key, text)), "no JWS that we accept"),
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
    ("a claim twice", payload(lambda t: '{"sub":"root",' + t[1:]), "no JWS that we accept"),
    ("claims nested 5,000 deep", payload(lambda t: '{"pad":' + "[" * 5000 + "]" * 5000 + "," + t[1:]), "no JWS that we accept"),
    ("claims that are broken JSON", payload(lambda t: t[:-1]), "no JWS that we accept"),
    ("approval missing", {"approval": lambda _b, _r: None}, "approval is missing"),
    ("approval for other details", approval(details=b'{"v":1}'), "approval:"),
    ("approval for these details and a blank", {"approval": lambda b, r: b.phone.decide(r.raw + b" ", number=r.number)}, "approval:"),
    ("approval for another number than was asked for", {"approval": lambda b, r: b.phone.decide(r.raw.replace(b'"enter"', b'"off"'), number=None)}, "approval:"),
    ("approval for another host", {"approval": lambda b, r: b.phone.decide(r.raw.replace(b'"web1"', b'"web2"'), number=r.number)}, "approval:"),
    ("approval for another user", {"approval": lambda b, r: b.phone.decide(r.raw.replace(b'"alice"', b'"bob"'), number=r.number)}, "approval:"),
    ("approval with a member twice", {"approval": lambda b, r: twice(b.phone, b.phone.decide(r.raw, number=r.number))}, "approval:"),
    ("approval by another key", {"approval": lambda _b, r: stranger.decide(r.raw, number=r.number)}, "approval:"),
    ("approval by another key that says it is the phone's",
     {"approval": lambda b, r: stranger.decide(r.raw, number=r.number, jkt=b.phone.thumbprint, header={"kid": b.phone.thumbprint})}, "approval:"),
    ("approval of another type", approval(header={"typ": "JWT"}), "approval:"),
    ("approval with a phone call's type", approval(header={"typ": "pam-approve-phone+jws"}), "approval:"),
    ("approval with crit", approval(header={"crit": ["b64"], "b64": False}), "approval:"),
    ("approval with alg none",
     {"approval": lambda b, r: b64(b'{"alg":"none","typ":"pam-approve-decision+jws"}') + "." + b.phone.decide(r.raw, number=r.number).split(".")[1] + "."}, "approval:"),
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


@test("ID token: the whole token of the login before")
def _():
    with Setting("[defaults]\nnumber = off\n", hooks={"compact": repeated()}) as s:
        for user, outcome in (("alice", "approved"), ("alice", "invalid_approval")):
            client = s.client(service="sudo", user=user)
            client.until("I")
            s.backend.finish("approved")
            client.done(outcome)
        assert s.logged("another request")


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
    if handler.path == "/ciba/code":  # the code is not taken, or the token would let in
        return {"pad": "x" * 8}
    with handler.server.backend.lock:
        return handler.server.backend.answer(handler.path, handler.parameters)[1] or {"pad": "x" * 8}


def redirect(handler):
    handler.reply(302, right_answer(handler), headers=[("Location", handler.server.backend.url + "/elsewhere")])


def portal(handler):
    right_answer(handler)
    handler.reply(302, b"<html>Sign in to this network</html>", "text/html", [("Location", handler.server.backend.url + "/elsewhere")])


def status(code):
    return lambda handler: handler.reply(code, right_answer(handler), headers=[("Retry-After", "1")])


def silence(handler):
    right_answer(handler)
    time.sleep(6)
    handler.close_connection = True


def head_of_answer(handler):
    """The right answer's head, whole; returns its body, of which the caller sends what it likes."""
    data = json.dumps(right_answer(handler)).encode()
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    return data


def drip(handler):
    data = head_of_answer(handler)
    for i in range(6):
        handler.wfile.write(data[i:i + 1])
        handler.wfile.flush()
        time.sleep(1)
    handler.close_connection = True


def drip_all(handler):
    right_answer(handler)
    for byte in b"HTTP/1.1":
        handler.wfile.write(bytes([byte]))
        handler.wfile.flush()
        time.sleep(1)
    handler.close_connection = True


def cut(handler):
    handler.wfile.write(head_of_answer(handler)[:-1])
    handler.close_connection = True


def noise(handler):
    right_answer(handler)
    handler.wfile.write(os.urandom(64).hex().encode() + b"\r\n\r\n")
    handler.close_connection = True


def headers(handler):
    handler.reply(200, right_answer(handler), headers=[(f"X-{i}", "x" * 1000) for i in range(3000)])


def text(change, content_type="application/json"):
    return lambda handler: handler.reply(200, change(json.dumps(right_answer(handler))).encode(), content_type)


# What is done, and what the log says of it.
WAYS = {
    "a redirect": (redirect, "status 302"),
    "a captive portal": (portal, "status 302"),
    "status 500": (status(500), "status 500"),
    "status 429": (status(429), "status 429.*1 s"),
    "status 204": (status(204), "status 204|HTTP/0.9"),  # its body is taken for the next answer
    "silence": (silence, "timed out"),
    "one byte a second": (drip, "timed out"),
    "one byte a second, from the status line on": (drip_all, "timed out"),
    "half an answer, and the end": (cut, "transfer closed|bytes"),
    "no HTTP": (noise, "HTTP/0.9|HTTP"),
    "3 MB": (text(lambda t: '{"pad":"' + "x" * 3000000 + '",' + t[1:]), "more than 262144 bytes"),
    "3 MB of header": (headers, "header|too large"),
    "broken JSON": (text(lambda t: t[:-1]), "JSON"),
    "JSON and more": (text(lambda t: t + "{}"), "JSON"),
    "a member twice": (text(lambda t: t[:-1] + "," + t[1:]), "twice|JSON"),
    "deep nesting": (text(lambda t: '{"pad":' + "[" * 20000 + "]" * 20000 + "," + t[1:]), "nested|JSON"),
    "a list": (text(lambda t: "[" + t + "]"), "JSON"),
    "a web page's type": (text(lambda t: t, "text/html"), "application/json|text/html"),
}
PATHS = {"/.well-known/openid-configuration": {"status 429": "busy"}, "/jwks": {"status 429": "busy"},
         "/ciba/backchannel": {"a redirect": "backend_refused", "status 204": "backend_refused|no_backend", "status 429": "busy"},
         "/ciba/token": {"a redirect": "backend_refused", "status 204": "backend_refused|no_backend", "status 429": "prompt",
                         "silence": "prompt", "one byte a second": "prompt", "one byte a second, from the status line on": "prompt"},
         "/ciba/code": {"a redirect": "backend_refused", "status 429": "busy"}}
HELD = "timed out|no answer until the request was over"  # the request ends before a held call may


def add_way_row(path, way, expected):
    make, log = WAYS[way]

    @test(f"{path}: {way}")
    def _():
        # only what is about time need end soon: a slow machine is not to look like a slow backend
        with Setting(hooks={"raw": {path: make}}, timeout=1 if log == "timed out" else 5, life=0 if path == "/ciba/code" else 1) as s:
            client = s.client(service="sudo", keys="1")
            if path == "/ciba/token":
                s.backend.finish("approved", number_in(client.until("I").text))
            elif path == "/ciba/code":
                client.until("I")
                client.until("W")
                client.send("K")
                client.prompt()
                client.answer("123456")
            started = time.monotonic()
            end = client.until("P", "D")
            outcome = end.outcome if end.type == "D" else "prompt"
            assert outcome in expected.split("|"), client.frames
            if path in ("/ciba/code", "/ciba/token") and outcome in ("busy", "backend_refused"):
                assert s.backend.wait_for(lambda: s.backend.requests[0].cancelled == "not_needed"), "phones still show it"
            assert time.monotonic() - started < 6 * slower()
            assert s.backend.count("/elsewhere") == 0
            if way == "status 500" and path == "/ciba/backchannel":
                assert s.backend.count(path) == 2
            words = HELD if path == "/ciba/token" and log == "timed out" else log
            where = s.backend.url if path != "/.well-known/openid-configuration" else s.backend.url.rstrip("/")
            assert s.logged_match(f"{re.escape(where)}.*({words})"), s.log


def add_cancel_row(way):
    make, log = WAYS[way]

    @test(f"/ciba/cancel: {way}: the caller is gone all the same, the log says it, and the next login works")
    def _():
        with Setting(hooks={"raw": {"/ciba/cancel": make}}, timeout=1) as s:
            client = s.client(service="sudo")
            client.until("I")
            client.close()
            assert s.logged_match(f"a request could not be withdrawn: {re.escape(s.backend.url)}/ciba/cancel.*({log})", 4), s.log
            assert s.backend.count("/ciba/cancel") == 1 and s.backend.count("/elsewhere") == 0
            client = s.client(service="sudo", user="bob")
            s.backend.finish("approved", number_in(client.until("I").text))
            client.done("approved")


@test("what a server says reaches no terminal of root's as it is: approvectl status and check")
def _():
    with Setting(hooks={"discovery": lambda d: d | {"token_endpoint": "https://x/\x1b]0;owned\x07\x1b[2J\u009b2J\u202e"}}) as s:
        for words in (["status"], ["check"], ["check", "--json"], ["status", "--json"]):
            done = subprocess.run([f"{BUILD}/approvectl", words[0], "--config", s.conf, "--socket", s.socket, *words[1:]],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
            assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", done.stdout), done
            assert words[-1] == "--json" or "owned" in done.stdout, done


# --- lies in what discovery says ---

DOCUMENTS = [
    ("another issuer", lambda d: d | {"issuer": "https://evil.example"}, "of another issuer: https://evil.example"),
    ("the issuer with a slash", lambda d: d | {"issuer": d["issuer"] + "/"}, "of another issuer"),
    ("no issuer", lambda d: {k: v for k, v in d.items() if k != "issuer"}, "of another issuer: (none)"),
    ("no phones here", lambda d: d | {"authorization_details_types_supported": ["payment"]}, "it is no approve-server"),
] + [(f"{name} {what}", lambda d, name=name, change=change: d | {name: change(d[name])}, f"its {name} is elsewhere" if what != "missing" else f"has no {name}")
     for name in ("token_endpoint", "backchannel_authentication_endpoint", "jwks_uri", "pam_approve_cancel_endpoint", "pam_approve_code_endpoint")
     for what, change in (("elsewhere", lambda u: "https://evil.example/x"), ("on another port", lambda u: u.replace("127.0.0.1:", "127.0.0.1:1")),
                          ("behind a user part", lambda u: u.replace("//", "//127.0.0.1:80@")), ("that is a file", lambda u: "file:///etc/passwd"),
                          ("missing", lambda u: None))]


def add_document_row(what, change, log):
    @test(f"discovery: {what}")
    def _():
        with Setting(hooks={"discovery": change}) as s:
            s.client(service="sudo").done("no_backend")
            assert s.backend.count("/ciba/backchannel") == 0
            assert s.logged(log), s.log


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
    ("an interval of 10^18", lambda a: a | {"interval": 10 ** 18}, "approved"),
    ("an interval below zero", lambda a: a | {"interval": -1}, "approved"),
    ("an interval of 0", lambda a: a | {"interval": 0}, "approved"),
    ("an interval as text", lambda a: a | {"interval": "now"}, "approved"),
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
            if expected == "backend_refused":
                assert s.logged("the server's answer has no auth_req_id or expires_in"), s.log


# --- lies in the certificate: all else is as it must be, and an authority that the helper trusts signed it where nothing is said ---

CERTIFICATES = [
    ("that is good", {}, None),
    ("that is over", {"days": (-10, -1)}, "certificate has expired"),
    ("that begins tomorrow", {"days": (1, 10)}, "certificate is not yet valid"),
    ("of another name", {"name": "evil.example"}, "no alternative certificate subject name matches"),
    ("of another address", {"address": "127.0.0.2"}, "no alternative certificate subject name matches"),
    ("that is self-signed", {"signer": "itself"}, "self-signed certificate"),
    ("of an unknown authority", {"signer": "stranger"}, "unable to get local issuer certificate"),
    ("signed by another server's certificate", {"signer": "server"}, "invalid CA certificate"),
    ("for clients only", {"purpose": "client"}, "purpose"),
    ("whose signature is wrong", {"signer": "forged"}, "SSL connect error|certificate signature failure"),
]


def add_certificate_row(what, lies, log):
    @test(f"TLS: a certificate {what}")
    def _():
        with Setting(tls=lambda directory: tls.context(directory, **lies)) as s:
            client = s.client(service="sudo")
            if log is None:
                s.backend.finish("approved", number_in(client.until("I").text))
                client.done("approved")
                return
            started = time.monotonic()
            done = client.done("no_backend")
            assert time.monotonic() - started < 4 and not s.backend.calls, s.backend.calls
            assert re.search(log, done.log) and s.backend.url in done.log and s.logged_match(log), done.log


for row in TOKENS:
    add_token_row(*row)
for path_name, exceptions in PATHS.items():
    for way_name in WAYS:
        add_way_row(path_name, way_name, exceptions.get(way_name, "no_backend"))
for way_name in WAYS:
    add_cancel_row(way_name)
for row in DOCUMENTS:
    add_document_row(*row)
for row in ASKED:
    add_asked_row(*row)
for row in CERTIFICATES:
    add_certificate_row(*row)


@test("TLS: another key than the one that is pinned")
def _():
    with Setting(tls=True) as s:
        s.write("host.conf", s.text.replace(s.pin, b64(hashlib.sha256(b"another").digest())))
        assert "public key does not match pinned public key" in s.client(service="sudo").done("no_backend").log


@test("TLS: the certificate changes between two calls of a login")
def _():
    def swap(handler):
        tls.load(contexts[0], f"{handler.server.backend.directory}", signer="itself")
        handler.close_connection = True
        return NotImplemented

    def end_line(handler):
        handler.close_connection = True
        return NotImplemented

    contexts = []

    def make(directory):
        made = tls.context(directory)
        contexts.append(made[0])
        return made
    with Setting(tls=make, hooks={"raw": {"/jwks": swap, "/ciba/backchannel": end_line}}) as s:
        done = s.client(service="sudo").done("no_backend")
        assert "self-signed certificate" in done.log and s.backend.count("/ciba/backchannel") == 0, done.log


@test("TLS: an endpoint in plain http below an issuer in https; TLS 1.1; plain http where TLS should be; a handshake without end")
def _():
    with Setting(tls=tls.context, hooks={"discovery": lambda d: d | {"token_endpoint": d["token_endpoint"].replace("https", "http")}}) as s:
        s.client(service="sudo").done("no_backend")
        assert s.logged("its token_endpoint is elsewhere: http:"), s.log
    with Setting(tls=lambda directory: tls.context(directory, newest=ssl.TLSVersion.TLSv1_1)) as s:
        assert "version" in s.client(service="sudo").done("no_backend").log
    with Setting() as s:
        s.write("host.conf", s.text.replace("http://", "https://"))
        assert "wrong version number" in s.client(service="sudo").done("no_backend").log
    with socket.create_server(("127.0.0.1", 0)) as silent, Setting(timeout=1) as s:
        s.write("host.conf", re.sub("url = .*", f"url = https://127.0.0.1:{silent.getsockname()[1]}", s.text))
        started = time.monotonic()
        assert "timed out" in s.client(service="sudo").done("no_backend").log and time.monotonic() - started < 3


# --- a server that wants us to wait ---

def answers(code, seconds, times=10 ** 6):
    """This status with Retry-After, the first times; then what is right."""
    left = [times]

    def answer(handler):
        left[0] -= 1
        if left[0] < 0:
            return NotImplemented
        handler.reply(code, {"error": "temporarily_unavailable"}, headers=[("Retry-After", str(seconds))])
        return None
    return answer


for busy in (429, 503):
    @test(f"Retry-After with {busy} is heeded by the one who waits for an approval, and the approval is not lost")
    def _(busy=busy):
        with Setting(hooks={"raw": {"/ciba/token": answers(busy, 3, 1)}}) as s:
            client = s.client(service="sudo")
            started = time.monotonic()
            s.backend.finish("approved", number_in(client.until("I").text))
            client.done("approved")
            assert 2.9 < time.monotonic() - started < 5 and s.backend.count("/ciba/token") == 2
            assert s.logged(f"status {busy}: temporarily_unavailable, to be asked again in 3 s"), s.log

    @test(f"Retry-After of a year with {busy} holds up nobody: the request ends by its own clock, a login by what it may wait")
    def _(busy=busy):
        with Setting(hooks={"raw": {"/ciba/token": answers(busy, 31536000)}}, life=1) as s:
            client = s.client(service="sudo")
            started = time.monotonic()
            s.backend.finish("approved", number_in(client.until("I").text))
            client.until("P", "D")
            assert time.monotonic() - started < 5 * slower() and s.backend.count("/ciba/token") <= 5  # once a second, and of the request for a code
        with Setting(hooks={"raw": {"/ciba/backchannel": answers(busy, 80000)}}) as s:
            started = time.monotonic()
            assert f"status {busy}" in s.client(service="sudo").done("busy" if busy == 429 else "no_backend").log
            assert time.monotonic() - started < 2 * slower() and s.backend.count("/ciba/backchannel") == 1


@test("Retry-After of a second when a request is made: asked once more after it, and the login goes on")
def _():
    with Setting(hooks={"raw": {"/ciba/backchannel": answers(503, 1, 1)}}) as s:
        client = s.client(service="sudo")
        started = time.monotonic()
        s.backend.finish("approved", number_in(client.until("I").text))
        client.done("approved")
        assert 0.9 < time.monotonic() - started < 3


@test("slow_down without end: asked once a second until the request is over, then the code prompt; the log says it once")
def _():
    with Setting(hold=0, life=3, hooks={"token_error": lambda e: e | {"error": "slow_down"}}) as s:
        started = time.monotonic()
        s.client(service="sudo").prompt()
        assert 2 < time.monotonic() - started < 8 and s.backend.count("/ciba/token") <= 7, s.backend.count("/ciba/token")
        assert sum("/ciba/token: status 400: slow_down" in line for line in s.log) == 1, s.log


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


for interval in (0, -1, None, 10 ** 9):
    @test(f"provider = ciba: an interval of {interval} is not taken as leave to spin")
    def _(interval=interval):
        with Setting(provider="ciba", hold=0, life=4, hooks={"asked": lambda a: a | {"interval": interval}, "claims": lambda c: c}) as s:
            client = s.client(service="sudo")
            client.done("no_answer")
            assert s.backend.count("/ciba/token") <= 6, s.backend.count("/ciba/token")


@test("provider = ciba: an interval of a minute is kept, though the request ends before the first poll")
def _():
    with Setting(provider="ciba", hold=0, life=32, hooks={"asked": lambda a: a | {"interval": 60}}) as s:
        s.client(service="sudo").done("no_answer")
        assert s.backend.count("/ciba/token") == 0, s.backend.count("/ciba/token")


@test("provider = ciba: slow_down is heeded, and RS256, alg none and another issuer are as they must be")
def _():
    with Setting(provider="ciba", hold=0, life=9, hooks={"token_error": lambda e: e | {"error": "slow_down"}}) as s:
        s.client(service="sudo").done("no_answer")
        assert s.backend.count("/ciba/token") == 2 and s.logged("slow_down")
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
