#!/usr/bin/python3
"""Codes bound to one host (docs/bound-codes.md): with the server stopped, with the network cut, and what must not open."""
import base64
import hashlib
import hmac
import json
import signal
import struct
import time

import common
import sandbox

sandbox.enter()
world = common.World()
test = sandbox.Tests()
STEP = 30
OFFLINE = r"Server unreachable\. Code for (\w+): "
STORE = "/var/lib/approve-helper/codes"


def sign_in(phone=None, user="alice", sshd=None):
    """An approval: with it the host has the phone's secret."""
    ssh = sandbox.Ssh(sshd or world.sshd, user)
    (phone or world.phones[user]).approve(ssh.number())
    ssh.send()
    ssh.signed_in()


def offline(user="alice", sshd=None, timeout=20):
    """At the prompt for a code bound to the host."""
    ssh = sandbox.Ssh(sshd or world.sshd, user).password()
    ssh.expect(OFFLINE, timeout=timeout)
    return ssh


def fresh(phone, host="web1", used={}):
    """A code of a step that was not used, and that is later than the one in which the secret was stored."""
    key = (phone.state, host)
    used.setdefault(key, phone.code(host))
    used[key] = sandbox.wait_for("the next code", lambda: phone.code(host) if phone.code(host) != used[key] else None, 31)
    return used[key]


def code_at(phone, host, steps):
    """The code that a phone shows whose clock is so many steps off: RFC 6238, apart from the code under test."""
    state = json.loads(sandbox.read(f"{phone.state}/hosts.json"))
    entry = next(h for h in state["hosts"] if h["host"] == host)
    key = json.loads(sandbox.sh("openssl", "pkey", "-in", f"{phone.state}/key.pem", "-noout", "-text").stdout and "null")
    assert key is None
    root = base64.urlsafe_b64decode(state["root"] + "=")
    secret = hmac.new(root, f"pam-approve-host-code.v1.{thumbprint(phone)}.{host}.{entry['key']}".encode(), hashlib.sha256).digest()[:20]
    mac = hmac.new(secret, struct.pack(">Q", int(time.time()) // STEP + steps), hashlib.sha1).digest()
    at = mac[19] & 15
    return f"{(struct.unpack('>I', mac[at:at + 4])[0] & 0x7fffffff) % 1000000:06d}"


def thumbprint(phone):
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    with open(f"{phone.state}/key.pem", "rb") as pem:
        point = load_pem_private_key(pem.read(), None).public_key().public_numbers()
    b64 = lambda data: base64.urlsafe_b64encode(data).rstrip(b"=").decode()  # noqa: E731
    jwk = {"crv": "P-256", "kty": "EC", "x": b64(point.x.to_bytes(32, "big")), "y": b64(point.y.to_bytes(32, "big"))}
    return b64(hashlib.sha256(json.dumps(jwk, separators=(",", ":")).encode()).digest())


def wrong(code):
    return f"{(int(code) + 500000) % 1000000:06d}"


def wait_out_step(least=6):
    """So that a test which takes a while does not cross into the next step."""
    left = STEP - time.time() % STEP
    if left < least:
        time.sleep(left + 0.1)


@test("D4: server stopped: the prompt names the host, its code opens, and the phone needs no server for it")
def server_stopped():
    sign_in()
    world.server.stop()
    ssh = offline()
    assert ssh.term.match.group(1) == "web1"
    ssh.send(fresh(world.phone))
    ssh.signed_in()
    assert [h["host"] for h in world.phone.json("code", "--hosts")] == ["web1"]
    world.server.start()


@test("probe")
def probe():
    pass


test.run(world.logs)
