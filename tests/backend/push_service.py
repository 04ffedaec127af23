#!/usr/bin/python3
"""A push service of the tests' own: RFC 8030 over TLS, with a certificate authority of its own.

It does what a real one and the browser behind it do: it checks the sender's VAPID token (RFC 8292), the headers and the size, and it decrypts each push
(RFC 8188, RFC 8291) with the subscription's key. What it finds wrong stands in `faults`. How it answers is chosen for each subscription.

    with PushService() as service:
        phone = service.subscribe()             # or subscribe([500, 201]), subscribe(410), subscribe(Silence(3)) …
        phone.json                              # what PushSubscription.toJSON() gives
        push = phone.wait()                     # push.data is the JSON that was sent
        service.ca_file, service.host           # for [push] ca_file and services
"""
import base64
import datetime
import http.server
import json
import os
import re
import shutil
import ssl
import struct
import tempfile
import threading
import time

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.x509.oid import NameOID

BODY_MAX = 4096


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text):
    if not re.fullmatch(r"[A-Za-z0-9_-]*", text):
        raise ValueError("not base64url")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def point_of(key):
    return key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


class Fault(Exception):
    """What the sender did wrong."""


class Answer:
    """A status, with a header where it needs one, after a pause."""

    def __init__(self, status, headers=None, after=0.0):
        self.status, self.headers, self.after = status, headers or {}, after


def Redirect(to):
    return Answer(307, {"Location": to})


def Busy(retry_after):
    return Answer(429, {"Retry-After": str(retry_after)})


def Silence(seconds):
    """Holds the request without an answer, then closes the connection."""
    return Answer(0, after=seconds)


class Push:
    def __init__(self, data, text_len, headers, status, at):
        self.data, self.text_len, self.headers, self.status, self.at = data, text_len, headers, status, at
        self.ttl = int(headers["TTL"])
        self.topic = headers.get("Topic")
        self.urgency = headers.get("Urgency")


class Subscription:
    """One browser. `answers` is a status or an Answer, or a list of them: the last one stays."""

    def __init__(self, service, answers):
        self.service = service
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.auth = os.urandom(16)
        self.name = encode(os.urandom(24))
        self.answers = list(answers) if isinstance(answers, list) else [answers]
        self.pushes = []
        self.attempts = 0
        self.changed = threading.Condition()

    @property
    def json(self):
        return {"endpoint": f"https://{self.service.host}/push/{self.name}", "expirationTime": None,
                "keys": {"p256dh": encode(point_of(self.key.public_key())), "auth": encode(self.auth)}}

    def next_answer(self):
        with self.changed:
            self.attempts += 1
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            self.changed.notify_all()
        return answer if isinstance(answer, Answer) else Answer(answer)

    def add(self, push):
        with self.changed:
            self.pushes.append(push)
            self.changed.notify_all()

    def wait(self, index=0, seconds=10, what=lambda push: True):
        """The push with this index among those that fit; None when it does not come."""
        with self.changed:
            found = lambda: [p for p in self.pushes if what(p)]
            self.changed.wait_for(lambda: len(found()) > index, seconds)
            return found()[index] if len(found()) > index else None

    def wait_type(self, name, index=0, seconds=10):
        return self.wait(index, seconds, lambda push: push.data["type"] == name)

    def wait_attempts(self, count, seconds=10):
        with self.changed:
            return self.changed.wait_for(lambda: self.attempts >= count, seconds)

    def decrypt(self, body):
        """RFC 8188 with one record, keys by RFC 8291. Returns the text without padding, and the padded length."""
        if len(body) < 21 + 65 + 17:
            raise Fault(f"a body of {len(body)} bytes")
        salt, record, id_len = body[:16], struct.unpack(">I", body[16:20])[0], body[20]
        if id_len != 65:
            raise Fault(f"a key id of {id_len} bytes")
        sender, sealed = body[21:86], body[86:]
        if record < 18 or len(sealed) > record:
            raise Fault(f"more than one record: {len(sealed)} bytes, record size {record}")
        shared = self.key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender))

        def derive(key, key_salt, info, length):
            return HKDF(hashes.SHA256(), length, key_salt, info).derive(key)

        ikm = derive(shared, self.auth, b"WebPush: info\0" + point_of(self.key.public_key()) + sender, 32)
        key = derive(ikm, salt, b"Content-Encoding: aes128gcm\0", 16)
        nonce = derive(ikm, salt, b"Content-Encoding: nonce\0", 12)
        padded = AESGCM(key).decrypt(nonce, sealed, None)
        text = padded.rstrip(b"\0")
        if text[-1:] != b"\2":
            raise Fault("no delimiter of a last record")
        return text[:-1], len(padded) - 1


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def do_POST(self):
        service = self.server.service
        self.at = time.monotonic()
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with service.lock:
            service.connections.add(self.client_address)
            phone = service.subscriptions.get(self.path.removeprefix("/push/"))
        try:
            if phone is None:
                self.reply(Answer(404))
                return
            self.take(service, phone, body)
        except Fault as fault:
            service.faults.append(str(fault))
            self.reply(Answer(400))
        except Exception as error:  # a test must see it
            service.faults.append(repr(error))
            self.reply(Answer(500))

    def take(self, service, phone, body):
        self.check_headers(service)
        if len(body) > BODY_MAX:
            raise Fault(f"a body of {len(body)} bytes")
        text, padded = phone.decrypt(body)
        answer = phone.next_answer()
        if callable(answer.status):
            answer = Answer(answer.status(len(body)))
        push = Push(json.loads(text), padded, self.headers, answer.status, self.at)
        if 200 <= answer.status < 300:
            phone.add(push)
        time.sleep(answer.after)
        self.reply(answer)

    def check_headers(self, service):
        if not re.fullmatch(r"[0-9]+", self.headers.get("TTL", "")):
            raise Fault("no TTL")
        if self.headers.get("Content-Encoding") != "aes128gcm":
            raise Fault("Content-Encoding")
        if not re.fullmatch(r"[A-Za-z0-9_-]{0,32}", self.headers.get("Topic", "")):
            raise Fault("Topic")
        if self.headers.get("Urgency") not in (None, "very-low", "low", "normal", "high"):
            raise Fault("Urgency")
        if len(self.headers.get_all("Authorization", [])) != 1:
            raise Fault("Authorization")
        service.check_vapid(self.headers["Authorization"])

    def reply(self, answer):
        if answer.status == 0:
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status == 201:
            self.send_header("Location", f"https://{self.server.service.host}/message/{encode(os.urandom(9))}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_args):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, _request, _address):
        pass  # connections that are cut


class PushService:
    def __init__(self, host="localhost"):
        self.folder = tempfile.mkdtemp(prefix="push_service.")
        self.ca_file = os.path.join(self.folder, "ca.pem")
        self.lock = threading.Lock()
        self.subscriptions, self.faults, self.connections = {}, [], set()
        self.vapid_key = None  # when set: the only application server that may push
        self.tokens = set()    # that were seen
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.service = self
        self.port = self.server.server_address[1]
        self.host = f"{host}:{self.port}"
        self.make_certificates()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.path.join(self.folder, "leaf.pem"))
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_error):
        self.server.shutdown()
        self.server.server_close()
        shutil.rmtree(self.folder)

    def subscribe(self, answers=201):
        phone = Subscription(self, answers)
        with self.lock:
            self.subscriptions[phone.name] = phone
        return phone

    def make_certificates(self):
        now = datetime.datetime.utcnow()
        key = {name: ec.generate_private_key(ec.SECP256R1()) for name in ("ca", "leaf")}
        names = {n: x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"push test {n}")]) for n in key}

        def sign(name, *extensions):
            builder = x509.CertificateBuilder(
                names["ca"], names[name], key[name].public_key(), x509.random_serial_number(),
                now - datetime.timedelta(hours=1), now + datetime.timedelta(days=2))
            for extension, critical in extensions:
                builder = builder.add_extension(extension, critical)
            return builder.sign(key["ca"], hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

        with open(self.ca_file, "wb") as out:
            out.write(sign("ca", (x509.BasicConstraints(ca=True, path_length=0), True)))
        with open(os.path.join(self.folder, "leaf.pem"), "wb") as out:
            out.write(key["leaf"].private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                                serialization.NoEncryption()))
            out.write(sign("leaf", (x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)))

    def check_vapid(self, authorization):
        match = re.fullmatch(r"vapid t=([\w-]+)\.([\w-]+)\.([\w-]+), ?k=([\w-]+)", authorization)
        if not match:
            raise Fault(f"Authorization: {authorization}")
        header, claims = json.loads(decode(match[1])), json.loads(decode(match[2]))
        signature, key = decode(match[3]), decode(match[4])
        if header.get("alg") != "ES256" or header.get("typ") != "JWT" or len(signature) != 64:
            raise Fault(f"VAPID header {header}")
        if self.vapid_key and match[4] != self.vapid_key:
            raise Fault("VAPID key of another server")
        number = [int.from_bytes(signature[i:i + 32], "big") for i in (0, 32)]
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key)
        try:
            public.verify(utils.encode_dss_signature(*number), f"{match[1]}.{match[2]}".encode(),
                          ec.ECDSA(hashes.SHA256()))
        except InvalidSignature as error:
            raise Fault("VAPID signature") from error
        if claims.get("aud") != f"https://{self.host}":
            raise Fault(f"VAPID aud {claims.get('aud')}")
        if not time.time() < claims["exp"] <= time.time() + 86400:
            raise Fault(f"VAPID exp {claims['exp']}")
        if not re.match(r"(mailto|https?):", claims.get("sub", "")):
            raise Fault(f"VAPID sub {claims.get('sub')}")
        with self.lock:
            self.tokens.add(authorization)  # a signature is another one each time
