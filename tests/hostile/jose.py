"""Keys and compact JWS in Python, apart from the C code that is under test."""
import base64
import hashlib
import json
import time

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Key:
    """A P-256 key."""

    def __init__(self):
        self.private = ec.generate_private_key(ec.SECP256R1())
        point = self.private.public_key().public_numbers()
        self.jwk = {"kty": "EC", "crv": "P-256", "x": b64(point.x.to_bytes(32, "big")), "y": b64(point.y.to_bytes(32, "big"))}
        text = json.dumps(self.jwk, sort_keys=True, separators=(",", ":"))
        self.thumbprint = b64(hashlib.sha256(text.encode()).digest())

    def pem(self):
        return self.private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                          serialization.NoEncryption()).decode()

    def sign(self, header, payload):
        """A compact JWS over exactly this header; payload may be bytes."""
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        text = b64(json.dumps(header).encode()) + "." + b64(body)
        r, s = decode_dss_signature(self.private.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
        return text + "." + b64(r.to_bytes(32, "big") + s.to_bytes(32, "big"))

    def verify(self, compact):
        """Returns header and payload; raises where the signature is wrong."""
        head, body, signature = compact.split(".")
        raw = unb64(signature)
        der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        self.private.public_key().verify(der, f"{head}.{body}".encode(), ec.ECDSA(hashes.SHA256()))
        return json.loads(unb64(head)), json.loads(unb64(body))


class Phone(Key):
    """Signs decisions as docs/phone-protocol.md says; `changes` and `header` make it lie."""

    def decide(self, details, decision="approve", number=None, header=None, **changes):
        payload = {"details_sha256": b64(hashlib.sha256(details).digest()), "decision": decision, "number": number,
                   "iat": int(time.time()), "jkt": self.thumbprint}
        payload.update(changes)
        return self.sign({"alg": "ES256", "typ": "pam-approve-decision+jws", "kid": self.thumbprint} | (header or {}), payload)


def seal(host_jwk, details, jkt, secret, sender=None):
    """`host_secret` of docs/bound-codes.md: secret (bytes) for the host with this public key."""
    sender = sender or ec.generate_private_key(ec.SECP256R1())
    point = sender.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    host = ec.EllipticCurvePublicNumbers(*(int.from_bytes(unb64(host_jwk[c]), "big") for c in "xy"), ec.SECP256R1()).public_key()
    info = ".".join(("pam-approve-host-secret.v1", b64(hashlib.sha256(details).digest()), jkt, b64(point)))
    keys = HKDF(hashes.SHA256(), 44, None, info.encode()).derive(sender.exchange(ec.ECDH(), host))
    return b64(point + AESGCM(keys[:32]).encrypt(keys[32:], secret, None))
