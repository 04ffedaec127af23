"""approve-server in a folder of its own, and hosts and phones that know it from docs/ only: nothing here is shared with the programs' own code."""
import base64
import hashlib
import hmac
import http.client
import json
import os
import re
import shutil
import signal
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path.insert(0, os.path.join(TOP, "tests", "sandbox"))
import sandbox  # noqa: E402

SERVER = os.path.join(TOP, os.environ.get("B", "build"), "approve-server")
GRANT = "urn:openid:params:grant-type:ciba"
CLAIM_ID = "urn:openid:params:jwt:claim:auth_req_id"
LIMITS = """
[limits]
pushes_per_source = 1000
pushes_per_user = 1000
codes_wrong_user = 100
codes_wrong_host = 100
"""


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def token(size=16):
    return encode(os.urandom(size))


def sha256(data):
    return encode(hashlib.sha256(data).digest())


class Key:
    """A P-256 key, its JWK and thumbprint (RFC 7638), and compact JWS with it."""

    def __init__(self):
        self.private = ec.generate_private_key(ec.SECP256R1())
        numbers = self.private.public_key().public_numbers()
        self.jwk = {"kty": "EC", "crv": "P-256", "x": encode(numbers.x.to_bytes(32, "big")), "y": encode(numbers.y.to_bytes(32, "big"))}
        self.thumbprint = sha256(json.dumps(self.jwk, sort_keys=True, separators=(",", ":")).encode())

    def sign(self, typ, payload, **header):
        header = {"alg": "ES256", "typ": typ, "kid": self.thumbprint, **header}
        text = encode(json.dumps(header).encode()) + "." + encode(json.dumps(payload).encode())
        r, s = utils.decode_dss_signature(self.private.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
        return text + "." + encode(r.to_bytes(32, "big") + s.to_bytes(32, "big"))


def verify(compact, jwk):
    """Header and payload of a JWS whose ES256 signature is right; else an error."""
    head, body, signature = compact.split(".")
    raw = decode(signature)
    assert len(raw) == 64
    numbers = ec.EllipticCurvePublicNumbers(int.from_bytes(decode(jwk["x"]), "big"), int.from_bytes(decode(jwk["y"]), "big"), ec.SECP256R1())
    numbers.public_key().verify(utils.encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")),
                                f"{head}.{body}".encode(), ec.ECDSA(hashes.SHA256()))
    header = json.loads(decode(head))
    assert header["alg"] == "ES256"
    return header, json.loads(decode(body))


def totp(secret, at=None):
    """RFC 6238 for a base32 secret."""
    mac = hmac.new(base64.b32decode(secret + "=" * (-len(secret) % 8)), struct.pack(">Q", int(time.time() if at is None else at) // 30), "sha1").digest()
    return f"{(struct.unpack('>I', mac[mac[19] & 15:][:4])[0] & 0x7fffffff) % 1000000:06d}"


def calm():
    """Waits where a step of the codes' clock is about to end, so that the codes of a test stay what they are."""
    left = 30 - time.time() % 30
    if left < 4:
        time.sleep(left + 0.05)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers = status, headers
        self.json = json.loads(body) if body else {}
        self.error = self.json.get("error") if isinstance(self.json, dict) else None

    def __repr__(self):
        return f"{self.status} {self.json}"


class Later(threading.Thread):
    """A call in a thread of its own; .get() is its result, .took how long it took."""

    def __init__(self, call, *args, **more):
        super().__init__(daemon=True)
        self.call, self.args, self.more = call, args, more
        self.result = self.fault = None
        self.took = 0.0
        self.ended = 0.0
        self.start()

    def run(self):
        start = time.monotonic()
        try:
            self.result = self.call(*self.args, **self.more)
        except Exception as fault:  # raised again where the result is asked for
            self.fault = fault
        self.ended = time.monotonic()
        self.took = self.ended - start

    def get(self, seconds=10):
        self.join(seconds)
        assert not self.is_alive(), f"no answer within {seconds} s"
        if self.fault:
            raise self.fault
        return self.result


class Server:
    """approve-server on loopback, run by `prefix`. As a context it is stopped and its folder removed at the end."""

    prefix = []

    def __init__(self, conf=LIMITS, prefix=(), scheme="http"):
        self.prefix = list(prefix)
        self.folder = tempfile.mkdtemp(prefix="approve-server.")
        self.port = sandbox.free_port()
        self.url = f"{scheme}://localhost:{self.port}"
        self.conf, self.data = f"{self.folder}/server.conf", f"{self.folder}/data"
        self.log = f"{self.folder}/log"
        os.mkdir(self.data, 0o700)
        os.mkdir(f"{self.folder}/phone", 0o755)
        sandbox.write(self.conf, f"[server]\nurl = {self.url}\nname = Example Org\ndata = {self.data}\n"
                                 f"admin_socket = {self.folder}/admin.sock\nphone_files = {self.folder}/phone\n{conf}\n", 0o600)
        self.child = None
        self.cli("init")
        self.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder)

    def start(self):
        sandbox.sanitizer_reports()
        with open(self.log, "ab") as out:
            self.child = subprocess.Popen(self.prefix + [SERVER, "--config", self.conf, "serve"], stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        sandbox.wait_for(f"approve-server to listen\n{sandbox.read(self.log)}",
                         lambda: sandbox.listening(self.port) and os.path.exists(f"{self.folder}/admin.sock") or self.child.poll() is not None)
        assert self.child.poll() is None, sandbox.read(self.log)

    def stop(self, number=signal.SIGTERM):
        if self.child and self.child.poll() is None:
            self.child.send_signal(number)
            status = self.child.wait(10)
            assert number != signal.SIGTERM or status == 0, f"approve-server ended with {status}\n{sandbox.read(self.log)[-3000:]}"

    def cli(self, *argv):
        return sandbox.sh(SERVER, "--config", self.conf, *argv).stdout

    def json(self, *argv):
        return json.loads(self.cli(*argv, "--json"))

    def activity(self, user):
        return self.json("activity", "--user", user)

    def connect(self, timeout=40):
        """A connection; the certificate is the server's own, and nobody asks for it."""
        if self.url.startswith("http:"):
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout, context=ssl._create_unverified_context())  # pylint: disable=protected-access

    def call(self, method, path, body=None, content_type=None, timeout=40):
        line = self.connect(timeout)
        try:
            headers = {"Host": f"localhost:{self.port}"}
            if content_type:
                headers["Content-Type"] = content_type
            line.request(method, path, body, headers)
            answer = line.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            line.close()


class Host:
    """A host: joined with a key of its own."""

    def __init__(self, server, ident="web1"):
        self.server, self.ident, self.key = server, ident, Key()
        secret = sandbox.join_command(server.cli("host", "add", ident, "--name", f"{ident}.example.org"))[1]
        joined = self.join(secret)
        assert joined.status == 200 and joined.json == {"host": ident, "issuer": server.url}, joined

    def join(self, secret):
        body = json.dumps({"token": secret.split(".")[0], "key": self.key.jwk, "name": f"{self.ident}.example.org"})
        return self.server.call("POST", "/host/join", body, "application/json")

    def assertion(self, key=None, **claims):
        now = int(time.time())
        return (key or self.key).sign("JWT", {"iss": self.ident, "sub": self.ident, "aud": self.server.url, "jti": token(), "iat": now,
                                              "exp": now + 60, **claims})

    def post(self, path, _assertion=None, **parameters):
        parameters = {"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                      "client_assertion": _assertion or self.assertion(), **parameters}
        return self.server.call("POST", path, urllib.parse.urlencode(parameters), "application/x-www-form-urlencoded")

    def details(self, user="alice", **members):
        now = int(time.time())
        return json.dumps({"v": 1, "request": token(), "iss": self.server.url, "host": self.ident, "host_name": f"{self.ident}.example.org",
                           "service": "sshd", "user": user, "rhost": "192.0.2.7", "tty": "ssh", "command": "", "number": {"mode": "enter"},
                           "iat": now, "exp": now + 60, "host_key": None, **members}).encode()

    def ask(self, user="alice", details=None, hint=None, life=60, _assertion=None, extra=None, **members):
        """The backchannel call; its answer is a Login with the details' bytes."""
        details = details or self.details(user, **members)
        listed = json.dumps([{"type": "pam_approve_login", "details": encode(details)}])
        answer = self.post("/ciba/backchannel", _assertion, **{"scope": "openid", "login_hint": hint or user, "requested_expiry": life,
                                                               "authorization_details": listed, **(extra or {})})
        return Login(self, details, answer)

    def token(self, ident, _assertion=None):
        return self.post("/ciba/token", _assertion, grant_type=GRANT, auth_req_id=ident)


class Login:
    """One request, as its host sees it."""

    def __init__(self, host, details, answer):
        self.host, self.details, self.answer = host, details, answer
        self.request = json.loads(details)["request"]
        self.id = answer.json.get("auth_req_id", "")

    def token(self):
        return self.host.token(self.id)

    def hold(self):
        """A token call that is held; it has reached the server when this returns."""
        call = Later(self.token)
        time.sleep(0.15 * sandbox.slower())
        return call

    def cancel(self, reason="caller_gone"):
        return self.host.post("/ciba/cancel", auth_req_id=self.id, reason=reason)

    def code(self, code):
        return self.host.post("/ciba/code", auth_req_id=self.id, code=code)

    def claims(self, answer):
        """Checks an ID token as docs/backend-protocol.md tells the helper to; its claims."""
        assert answer.status == 200 and answer.json["token_type"] == "Bearer" and answer.json["access_token"], answer
        server = self.host.server
        keys = {key["kid"]: key for key in server.call("GET", "/jwks").json["keys"]}
        kid = json.loads(decode(answer.json["id_token"].split(".")[0]))["kid"]
        header, claims = verify(answer.json["id_token"], keys[kid])
        now = time.time()
        assert header["typ"] == "JWT" and claims["iss"] == server.url and claims["aud"] == self.host.ident, claims
        assert claims[CLAIM_ID] == self.id and claims["iat"] - 2 <= now <= claims["exp"] and claims["exp"] - claims["iat"] == 60, claims
        assert claims["sub"] == json.loads(self.details)["user"] and now - 60 < claims["auth_time"] <= now, claims
        return claims

    def approval(self, answer):
        """The same for an approval by phone; the payload of the phone's own signature."""
        claims = self.claims(answer)
        assert claims["amr"] == ["swk"], claims
        header, decision = verify(claims["pam_approve_approval"], claims["cnf"]["jwk"])
        assert header["typ"] == "pam-approve-decision+jws", header
        assert decision["details_sha256"] == sha256(self.details) and decision["decision"] == "approve", decision
        return decision


class Phone:
    """A phone: enrolled by a link."""

    def __init__(self, server, user="alice", name="Pixel 8", link=None, platform="terminal", **members):
        self.server, self.key, self.app = server, Key(), "1.0"
        link = link or re.search(r"/enroll#([^\s.]+)", server.cli("enroll", user)).group(1)
        self.enrolled = self.call("enroll", new=True, token=link, name=name, platform=platform, **members)
        self.device, self.secret = self.enrolled.json.get("device"), self.enrolled.json.get("secret")

    def message(self, name, /, new=False, key=None, header=None, **members):
        payload = {"url": f"{self.server.url}/phone/v1/{name}", "iat": int(time.time()), "jti": token(), "app": self.app, **members}
        header = {**({"jwk": self.key.jwk} if new else {}), **(header or {})}
        return (key or self.key).sign("pam-approve-phone+jws", payload, **header)

    def send(self, name, message):
        answer = self.server.call("POST", f"/phone/v1/{name}", message, "application/jose")
        assert abs(answer.json["now"] - time.time()) < 5, answer
        return answer

    def call(self, name, /, **members):
        return self.send(name, self.message(name, **members))

    def list(self):
        answer = self.call("requests", wait=0, seen="")
        assert answer.status == 200, answer
        return answer.json["requests"]

    def shown(self, login):
        """This login's request in the list, or None."""
        return next((r for r in self.list() if r["request"] == login.request), None)

    def decision(self, details, decision="approve", number=None, key=None, **members):
        key = key or self.key
        return key.sign("pam-approve-decision+jws", {"details_sha256": sha256(details), "decision": decision, "number": number,
                                                     "iat": int(time.time()), "jkt": key.thumbprint, **members})

    def decide(self, login, decision="approve", number=42, **members):
        signed = self.decision(login.details, decision, number if decision == "approve" else None, **members)
        return self.call("decide", request=login.request, decision=signed)

    def code(self, shift=0):
        return totp(self.secret, time.time() + 30 * shift)
