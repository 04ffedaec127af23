#!/usr/bin/python3
"""Codes bound to one host (docs/bound-codes.md): with the server stopped or silent, with trust = pinned, and what must not open."""
import base64
import hashlib
import hmac
import json
import os
import re
import signal
import struct
import time

from cryptography.hazmat.primitives.serialization import load_pem_private_key

import common
import sandbox

sandbox.enter()
world = common.World()
test = sandbox.Tests()
STEP = 30
OFFLINE = r"Server unreachable\. Code for web\d: "
WRONG = "That code is not right"
STATE = "/var/lib/approve-helper"
spent = {}  # by phone and host: the last step whose code was used, or in which the secret came


def now_step():
    return int(time.time()) // STEP


def sign_in(phone=None, user="alice", sshd=None, host="web1"):
    """An approval: with it the host has the phone's secret, which counts from the next step on."""
    phone = phone or world.phones[user]
    ssh = sandbox.Ssh(sshd or world.sshd, user)
    phone.approve(ssh.number())
    ssh.send()
    ssh.signed_in()
    spent.setdefault((phone.state, host), now_step())


def offline(user="alice", sshd=None, timeout=20):
    """At the prompt for a code bound to the host."""
    ssh = sandbox.Ssh(sshd or world.sshd, user).password()
    ssh.expect(OFFLINE, timeout=timeout)
    return ssh


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def thumbprint(phone):
    with open(f"{phone.state}/key.pem", "rb") as pem:
        point = load_pem_private_key(pem.read(), None).public_key().public_numbers()
    jwk = {"crv": "P-256", "kty": "EC", "x": b64(point.x.to_bytes(32, "big")), "y": b64(point.y.to_bytes(32, "big"))}
    return b64(hashlib.sha256(json.dumps(jwk, separators=(",", ":")).encode()).digest())


def code_of(phone, step, host="web1"):
    """The code of any step, by the protocol's text and apart from the code under test: what a phone shows whose clock is off."""
    state = json.loads(sandbox.read(f"{phone.state}/hosts.json"))
    entry = next(h for h in state["hosts"] if h["host"] == host)
    root = base64.urlsafe_b64decode(state["root"] + "=")
    secret = hmac.new(root, f"pam-approve-host-code.v1.{thumbprint(phone)}.{host}.{entry['key']}".encode(), hashlib.sha256).digest()[:20]
    mac = hmac.new(secret, struct.pack(">Q", step), hashlib.sha1).digest()
    at = mac[19] & 15
    return f"{(struct.unpack('>I', mac[at:at + 4])[0] & 0x7fffffff) % 1000000:06d}"


def settle(least=8):
    """Not so near to the end of a step that a login would cross it."""
    left = STEP - time.time() % STEP
    if left < least:
        time.sleep(left + 0.1)


def fresh(phone, host="web1"):
    """A code of a step later than the last one used: what approve-phone shows, or where its clock is a step ahead."""
    settle()
    sandbox.wait_for("the next step", lambda: now_step() >= spent[phone.state, host], 61)
    step = spent[phone.state, host] = max(now_step(), spent[phone.state, host] + 1)
    return phone.code(host) if step == now_step() else code_of(phone, step, host)


def up():
    if not world.server.daemon.running():
        world.server.start()


def configure(section, lines):
    """host.conf with more lines in a section that join wrote; world.host.conf("") puts it back."""
    world.host.conf("")
    text = sandbox.read("/etc/approve/host.conf")
    sandbox.write("/etc/approve/host.conf", text.replace(f"[{section}]\n", f"[{section}]\n{lines}\n", 1))


def pardon():
    """Forgets wrong codes, so that one test does not lock another's user."""
    world.host.stop()
    kept = "".join(line for line in sandbox.read(f"{STATE}/codes").splitlines(True) if not line.startswith(("wrong ", "past ")))
    with open(f"{STATE}/codes", "w", encoding="utf-8") as out:
        out.write(kept)
    world.host.start()


def spare(count=iter(range(100))):
    """Another phone of alice's, whose secret came just now: its next code need not be waited for."""
    up()
    phone = sandbox.Phone(world.server, "alice", f"Spare {next(count)}")
    sign_in(phone)
    return phone


def wrong(phone):
    """A code of no step around, nor of another phone's with any likelihood."""
    around = {code_of(phone, now_step() + i) for i in range(-3, 4)}
    return next(c for c in (f"{i:06d}" for i in range(123456, 123999)) if c not in around)


@test("D4: server stopped: the prompt names the host, its code opens, and the phone asks no server for it")
def server_stopped():
    sign_in()
    assert os.stat(f"{STATE}/codes").st_mode & 0o7777 == os.stat(f"{STATE}/codes.key").st_mode & 0o7777 == 0o600
    world.server.stop()
    ssh = offline()
    assert "web1" in ssh.term.after
    sandbox.wait_for("the next step", lambda: now_step() > spent[world.phone.state, "web1"], 31)
    code = fresh(world.phone)
    assert code == code_of(world.phone, now_step())
    ssh.send(code)
    ssh.signed_in()
    assert "bound to this host" in sandbox.read(world.host.helper.log)
    assert [(h["host"], h["host_name"]) for h in world.phone.json("code", "--hosts")][0][0] == "web1"
    missing = world.phone.cli("code", "--host", "web9", check=False)
    assert missing.returncode == 1 and "no code for this host" in missing.stdout, missing.stdout


@test("I5: the same code a second time is refused, also after the helper was killed, and by another helper's memory of nothing")
def same_code():
    used = fresh(world.phone)
    ssh = offline()
    ssh.send(used)
    ssh.signed_in()
    again = offline()
    again.send(used)
    again.expect(WRONG)
    again.kill()
    world.host.stop(signal.SIGKILL)
    world.host.start()
    again = offline()
    again.send(used)
    again.expect(WRONG)
    again.expect("Code for web1: ")
    again.send(fresh(world.phone))
    again.signed_in()


@test("a code of one host does not open another, and each host has codes of its own")
def another_host():
    up()
    second = sandbox.Host(world.server, "web2", own_mounts=True)
    sshd = sandbox.Sshd("sshd-web2", second.prefix)
    sign_in(sshd=sshd, host="web2")
    world.server.stop()
    one, two = world.phone.code("web1"), world.phone.code("web2")
    assert one != two
    ssh = offline(sshd=sshd)
    assert "web2" in ssh.term.after
    ssh.send(code_of(world.phone, now_step(), "web1"))
    ssh.expect(WRONG)
    ssh.send(fresh(world.phone, "web2"))
    ssh.signed_in()
    assert [h["host"] for h in world.phone.json("code", "--hosts")] == ["web2", "web1"]
    second.stop()
    sshd.daemon.stop()


@test("D4: the server is silent: the same prompt within 20 s, and the code opens")
def silent():
    phone = spare()
    world.server.daemon.send(signal.SIGSTOP)
    try:
        start = time.monotonic()
        ssh = offline()
        assert time.monotonic() - start < 20
        ssh.send(fresh(phone))
        ssh.signed_in()
    finally:
        world.server.daemon.send(signal.SIGCONT)
    phone.remove()


@test("D4: the server is lost while the login waits: a code of the server's that cannot be sent is asked for again, of the host's")
def lost_meanwhile():
    phone = spare()
    ssh = world.ssh()
    ssh.number()
    server_code = world.phone.code()
    world.server.stop()
    ssh.send(server_code)
    ssh.expect(OFFLINE, timeout=20)
    ssh.send(fresh(phone))
    ssh.signed_in()
    up()
    phone.remove()


@test("a phone's clock one step off is taken, to either side; three steps off is not")
def clock_skew():
    up()
    sign_in(user="bob")
    world.server.stop()
    phone = world.phones["bob"]
    settle()
    sandbox.wait_for("two steps", lambda: now_step() > spent[phone.state, "web1"] + 1, 91)
    for shift in (-3, 3):
        ssh = offline("bob")
        ssh.send(code_of(phone, now_step() + shift))
        ssh.expect(WRONG)
        ssh.kill()
    settle(12)
    for shift in (-1, 1):
        ssh = offline("bob")
        ssh.send(code_of(phone, now_step() + shift))
        ssh.signed_in()
    spent[phone.state, "web1"] = now_step() + 1


@test("I5: five wrong codes lock this user's codes for this host, the text says how long, a restart does not end it, and alice is not locked")
def locked():
    phone = world.phones["bob"]  # two wrong ones are there from the test before
    ssh = offline("bob")
    for _ in range(3):
        ssh.send(wrong(phone))
        ssh.expect(WRONG + "|Too many wrong codes")
    world.host.stop(signal.SIGKILL)
    world.host.start()
    ssh = offline("bob")
    ssh.send(fresh(phone))
    assert re.search(r"Too many wrong codes.*Codes count again in (9|10) min\.", ssh.refused())
    ssh = offline()
    ssh.send(fresh(world.phone))
    ssh.signed_in()


@test("the lock on codes bound to the host locks no approval")
def approval_while_locked():
    up()
    sign_in(user="bob")


@test("I8: no device, unknown to the server, or nobody's secret: the same prompt, the same refusal, at the same time as for one with a code")
def all_alike():
    world.server.stop()
    shown, times = [], []
    for user in ("alice", "carol", "dave"):
        ssh = offline(user)
        start = time.monotonic()
        ssh.send(wrong(world.phone))
        ssh.expect(WRONG + r"[^\r\n]*\r\n[^\r\n]*: ")
        times.append(time.monotonic() - start)
        shown.append(ssh.term.before.replace(user, "USER") + ssh.term.after.replace(user, "USER"))
        ssh.kill()
    assert shown[0] == shown[1] == shown[2], shown
    assert max(times) - min(times) < 0.3 * sandbox.slower(), times


@test("Enter without a code ends it, with a message; three wrong ones do too")
def ends():
    ssh = offline("carol")
    ssh.send()
    assert "cannot be reached" in ssh.refused()
    ssh = offline("carol")
    for _ in range(2):
        ssh.send("000000")
        ssh.expect("Code for web1: ")
    ssh.send("000000")
    assert "Too many wrong codes" in ssh.refused()


@test("D4: after Deny there is no prompt for a code, and none when the server is gone then")
def denied():
    up()
    ssh = world.ssh()
    ssh.number()
    world.phone.deny()
    ssh.send()
    assert "denied" in ssh.refused()
    world.server.stop()
    shown = world.ssh().password().refused()
    assert "refused a moment ago" in shown and "Code for" not in shown, shown
    world.forget_denials()


@test("a device that was removed: its secret goes at the host's next contact, though another user's; the other device's stays")
def removed_device():
    tablet = spare()
    gone = thumbprint(tablet)
    assert gone in sandbox.read(f"{STATE}/codes")
    settle(12)
    code = fresh(tablet)
    tablet.remove()
    assert not os.path.exists(f"{tablet.state}/hosts.json")
    ssh = world.ssh("bob")
    ssh.number()
    assert gone not in sandbox.read(f"{STATE}/codes") and thumbprint(world.phone) in sandbox.read(f"{STATE}/codes")
    ssh.kill()
    world.server.stop()
    ssh = offline()
    ssh.send(code)
    ssh.expect(WRONG)
    ssh.expect("Code for web1: ")
    ssh.send(fresh(world.phone))
    ssh.signed_in()


@test("trust = pinned: the prompt takes codes of this host while the server runs; the server's codes and other devices' do not count")
def pinned():
    pardon()
    other, phone = spare(), spare()
    sandbox.write("/etc/approve/pinned", f"alice {thumbprint(phone)}\n")
    configure("backend", "trust = pinned\npinned = /etc/approve/pinned")
    ssh = world.ssh().password()
    ssh.expect(r"Number \d\d\.[^\r\n]*or type the code for web1: ")
    for code in (phone.code(), fresh(other)):
        ssh.send(code)
        ssh.expect(WRONG)
        ssh.expect("code for web1: ")
    ssh.send(fresh(phone))
    ssh.signed_in()
    assert not phone.open()
    world.server.stop()
    ssh = offline()
    ssh.send(fresh(phone))
    ssh.signed_in()
    world.host.conf("")
    up()
    other.remove()
    phone.remove()


@test("a damaged store is as none: no code opens, approvals do, and with one the codes come back; a used one does not")
def damaged():
    pardon()
    phone = spare()
    world.server.stop()
    used = fresh(phone)
    ssh = offline()
    ssh.send(used)
    ssh.signed_in()
    world.host.stop()
    text = sandbox.read(f"{STATE}/codes")
    with open(f"{STATE}/codes", "w", encoding="utf-8") as out:
        out.write(text[:-1])
    world.host.start()
    ssh = offline()
    ssh.send(code_of(world.phone, now_step()))
    ssh.expect(WRONG)
    ssh.kill()
    assert "damaged" in sandbox.read(world.host.helper.log)
    up()
    sandbox.wait_for("the step of the code", lambda: now_step() >= spent[phone.state, "web1"], 31)
    settle()
    sign_in(phone)
    world.server.stop()
    ssh = offline()
    ssh.send(used)
    ssh.expect(WRONG)
    ssh.expect("Code for web1: ")
    ssh.send(code_of(phone, now_step() + 1))
    ssh.signed_in()
    up()
    phone.remove()


@test("bound_codes = no, or no state folder: refused with a message when the server is down, as without such codes")
def turned_off():
    configure("host", "bound_codes = no")
    world.server.stop()
    shown = world.ssh().password().refused(timeout=20)
    assert "cannot be reached" in shown and "Code for" not in shown, shown
    world.host.conf("")
    world.host.stop()
    os.chmod(STATE, 0o755)
    world.host.start()
    shown = world.ssh().password().refused(timeout=20)
    assert "cannot be reached" in shown and "Code for" not in shown, shown
    assert "must be a directory" in sandbox.read(world.host.helper.log)
    world.host.stop()
    os.chmod(STATE, 0o700)
    world.host.start()
    up()


@test("I7: no secret and no code is in any log")
def logs():
    text = "".join(sandbox.read(f"{sandbox.LOGS}/{name}") for name in os.listdir(sandbox.LOGS)) + "\n".join(world.syslog.lines)
    state = json.loads(sandbox.read(f"{world.phone.state}/hosts.json"))
    assert state["root"] not in text
    for line in sandbox.read(f"{STATE}/codes").splitlines()[1:]:
        assert line.split(" ")[2] not in text or line.startswith(("wrong ", "past ")), line
    for step in range(now_step() - 30, now_step() + 1):
        assert f" {code_of(world.phone, step)}" not in text


test.run(world.logs)
