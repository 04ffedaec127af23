#!/usr/bin/python3
"""approve-helper: who may ask, what host.conf says, and what a module may send."""
import os
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import BUILD, Client, Setting, main, number_in, test  # noqa: E402
from jose import Phone  # noqa: E402


# --- host.conf ---

@test("no configuration, a wrong one, an untrusted one: refused with the reason in the log, and good again without a restart")
def _():
    with Setting(start=False) as s:
        os.rename(s.conf, s.conf + ".away")
        s.start()
        client = s.client(service="sudo")
        assert "host.conf" in client.done("bad_config").log
        assert client.texts() == ["Approval is not set up correctly on this host. Ask your administrator."]
        for text, mode, owner, reason in (
                (s.text + "[service sudo]\nnumbr = off\n", 0o644, 0, "host.conf:10"), (s.text + "[defaults]\nask = no\n", 0o644, 0, "host.conf:10"),
                (s.text + "[defaults]\nlife = 5\n", 0o644, 0, "host.conf:10"), (s.text + "[defaults]\nexcept_networks = 10.0.0.1/8\n", 0o644, 0, "10.0.0.1/8"),
                (s.text.replace("id = web1\n", ""), 0o644, 0, "[host] id is missing"), (s.text.replace("http://", "http://evil."), 0o644, 0, "host.conf:6"),
                (s.text, 0o666, 0, "mode 0666"), (s.text, 0o644, 1234, "must belong to uid 0"), (s.text + "provider = ciba\ntrust = pinned\n", 0o644, 0, "pinned")):
            s.write("host.conf", text, mode)
            os.chown(s.conf, owner, 0)
            log = s.client(service="sudo").done("bad_config").log
            assert reason in log, (reason, log)
        s.write("host.conf", s.text)
        s.client(service="sudo").until("I")
        s.write("host.key", s.key.pem(), 0o644)
        assert "host.key" in s.client(service="sudo").done("bad_config").log
        s.write("host.key", "nonsense", 0o640)
        assert "host.key" in s.client(service="sudo").done("bad_config").log
        s.write("host.key", s.key.pem(), 0o640)
        s.client(service="sudo").until("I")


@test("ask = no, and users, groups and networks that are excepted, are not asked; all others are")
def _():
    conf = "[service cron]\nask = no\n[service su]\nexcept = games ghost @daemon\nexcept_networks = 192.0.2.0/24, 2001:db8::/32\n[defaults]\nexcept = sys\n"
    with Setting(conf) as s:
        for start, excepted in (
                ({"service": "cron"}, True), ({"service": "su", "user": "games", "rhost": ""}, True),
                ({"service": "su", "user": "daemon", "rhost": ""}, True), ({"service": "su", "user": "bin", "rhost": ""}, False),
                ({"service": "su", "user": "ghost", "rhost": ""}, False), ({"service": "su", "user": "sys", "rhost": ""}, False),
                ({"service": "sudo", "user": "sys"}, True), ({"service": "sudo", "user": "games"}, False),
                ({"service": "su", "rhost": "192.0.2.200"}, True), ({"service": "su", "rhost": "::ffff:192.0.2.1"}, True),
                ({"service": "su", "rhost": "192.0.3.1"}, False), ({"service": "su", "rhost": "2001:db8:1::1"}, True),
                ({"service": "su", "rhost": "2001:db9::1"}, False), ({"service": "su", "rhost": "192.0.2.1.example.org"}, False),
                ({"service": "su", "rhost": "192.0.2.1 "}, False), ({"service": "sudo", "rhost": "192.0.2.1"}, False)):
            before = len(s.backend.requests)
            client = s.client(**start)
            if excepted:
                client.done("not_asked")
            else:
                client.until("I")
            assert len(s.backend.requests) == before + (not excepted), start
            client.close()


@test("ask = caller: the phone of PAM_RUSER's user, whose exceptions count; nobody named, an unknown name or one that cannot be shown is refused, and nobody is asked")
def _():
    with Setting("[service su]\nask = caller\nexcept = daemon\n[service su-l]\nask = target\n") as s:
        client = s.client(service="su", user="root", ruser="bin", command="su root -c id")
        client.until("I")
        details = s.backend.last().details
        assert (details["user"], details["command"]) == ("bin", "su root: id"), details
        client.close()
        s.client(service="su", user="root", ruser="daemon").done("not_asked")
        s.client(service="su", user="daemon", ruser="bin").until("I")  # the target's exception is not the caller's
        assert s.backend.last().details["user"] == "bin"
        before = len(s.backend.requests)
        for start in ({}, {"ruser": ""}, {"ruser": "nobody-of-that-name"}, {"ruser": "b\x1bin"}, {"ruser": "b" * 200}):
            s.client(service="su", user="root", **start).done("not_allowed")
        assert len(s.backend.requests) == before
        s.client(service="su-l", user="sys", ruser="bin").until("I")
        assert s.backend.last().details["user"] == "sys"
    with Setting("[service sshd]\nask = caller\n") as s:
        assert "does not say who calls" in s.client(service="sshd", ruser="bin").done("bad_config").log


@test("a misspelt [service] opens no door, and is named in the log")
def _():
    with Setting("[service sudoo]\nask = no\n") as s:
        s.client(service="sudo").until("I")
        assert s.logged("[service sudoo]")


# --- what may be sent ---

@test("frames that break the protocol close the connection")
def _():
    good = b"Sversion=1\0service=sudo\0user=alice\0"
    with Setting() as s:
        for sent in ([b"Sversion=1\0service=sudo\0"], [b"Sversion=2\0service=sudo\0user=a\0"], [b"Sversion=1\0service=\0user=a\0"],
                     [b"X"], [b"A"], [b"K"], [b"Atext=1\0"], [good + b"user=bob\0"], [good[:-1]], [good + b"UPPER=1\0"], [good + b"novalue\0"],
                     [good + b"keys=2\0"], [good + b"".join(b"a%c=1\0" % c for c in range(97, 122))], [good + b"x=" + b"y" * 5000 + b"\0"],
                     [good, good], [good, b"K"], [good, b"Atext=123456\0"], [b"D"]):
            client = Client(s.socket)
            for data in sent:
                client.send_raw(data)
            while True:
                try:
                    frame = client.receive()
                except ConnectionResetError:
                    break
                if frame is None:
                    break
                assert frame.type in "WI", (sent, frame)
            client.close()
        s.client(service="sudo", unknown="field").until("I")


@test("no START within five seconds: closed")
def _():
    with Setting() as s:
        client = Client(s.socket)
        started = time.monotonic()
        assert client.receive() is None and 4 < time.monotonic() - started < 7


@test("names that cannot be shown are refused; what else is long or has control characters is cut and cleaned")
def _():
    with Setting() as s:
        for start in ({"user": "al\x1bice"}, {"user": "a" * 129}, {"service": "s" * 65}, {"user": "al\u202eice"}):
            s.client(**({"service": "sudo"} | start)).done("not_allowed")
        s.client(service="su", rhost="h\x07" * 400, tty="t" * 200, command="su -c " + "c" * 900, user="é" * 64).until("I")
        d = s.backend.last().details
        assert d["rhost"].startswith("h?h?") and len(d["rhost"]) == 256 and len(d["tty"]) == 64
        assert d["command"] == "c" * 253 + "…", d["command"]


@test("nothing is sent while a prompt is open")
def _():
    with Setting(life=1) as s:
        client = s.client()
        client.prompt()
        client.socket.settimeout(4)
        try:
            raise AssertionError(client.receive())
        except TimeoutError:
            pass
        client.answer("")
        client.prompt()


# --- who may ask ---

CONNECT = "import socket,sys; s=socket.socket(socket.AF_UNIX,socket.SOCK_SEQPACKET); s.connect(sys.argv[1]); " \
          "socket.send_fds(socket.socket(fileno=3),[b'x'],[s.fileno()])"


def connect_as(setting, uid, **start):
    """A connection that a process of that uid made."""
    ours, theirs = socket.socketpair()
    subprocess.run(["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "bash", "-c", f"exec 3<&{theirs.fileno()}; exec \"$@\"", "sh",
                    "/usr/bin/python3", "-c", CONNECT, setting.socket], pass_fds=[theirs.fileno()], check=True)
    _data, fds, _flags, _address = socket.recv_fds(ours, 1, 1)
    client = Client.__new__(Client)
    client.socket, client.frames = socket.socket(fileno=fds[0]), []
    client.socket.settimeout(20)
    ours.close()
    theirs.close()
    client.send("S", **({"version": "1", "rhost": "192.0.2.1", "tty": "pts/1", "command": "x"} | start))
    return client


@test("a user may ask for himself, for a locker; where from is not his to say")
def _():
    with Setting() as s:
        client = connect_as(s, 1, service="xscreensaver", user="daemon")
        client.prompt()
        d = s.backend.last().details
        assert (d["user"], d["rhost"], d["tty"], d["command"]) == ("daemon", "", "", "")
        for uid, service, user in ((1, "xscreensaver", "root"), (1, "xscreensaver", "nosuchuser"), (1, "sshd", "daemon"), (1, "other", "daemon"),
                                   (1, "gdm-password", "daemon"), (65534, "xscreensaver", "nobody")):
            done = connect_as(s, uid, service=service, user=user).done("not_allowed")
            assert done.log == "this caller may not ask for this user or service"
        assert len(s.backend.requests) == 1


@test("a user has 32 connections at most, and root is not among those counted")
def _():
    with Setting() as s:
        held = [connect_as(s, 1, service="xscreensaver", user="daemon") for _ in range(32)]
        connect_as(s, 1, service="xscreensaver", user="daemon").done("busy")
        s.client(service="sudo").until("I")
        held.pop().close()
        time.sleep(0.2)
        connect_as(s, 1, service="xscreensaver", user="daemon").prompt()


LOOP = """
import os, select, socket, sys, time
path, seconds, service = sys.argv[1], float(sys.argv[2]), sys.argv[3]
start = b"".join(f + b"\\0" for f in (b"Sversion=1", b"service=" + service.encode(), b"user=daemon"))
end, live = time.monotonic() + seconds, {}
while time.monotonic() < end:
    while len(live) < 30:
        c = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            c.connect(path)
            c.send(start)
        except OSError:
            c.close()
            break
        live[c.fileno()] = [c, 0]
    for fd in select.select(list(live), [], [], 0.01)[0]:
        try:
            data = live[fd][0].recv(4096)
        except OSError:
            data = b""
        if data[:1] == b"W":
            live[fd][1] = time.monotonic()
        elif data[:1] not in (b"I", b"P", b"E"):
            live.pop(fd)[0].close()
    for fd, (c, since) in list(live.items()):
        if since and time.monotonic() - since > 0.002:
            live.pop(fd)[0].close()
"""


@test("a user who asks and goes away in a loop: few calls to the server, few lines of log, and others sign in")
def _():
    def silent(_handler):
        time.sleep(1.5)
        return NotImplemented

    for hooks in ({}, {"raw": {"/ciba/backchannel": silent}}):
        with Setting(hooks=hooks, timeout=3) as s:
            s.client(service="su").until("I").text  # discovery is done
            most = lambda: len(os.listdir(f"/proc/{s.process.pid}/fd"))  # noqa: E731
            attack = subprocess.Popen(["setpriv", "--reuid=1", "--regid=1", "--clear-groups", "/usr/bin/python3", "-c", LOOP, s.socket, "4", "xscreensaver"])
            seen = []
            for _ in range(3):
                time.sleep(0.7)
                seen.append(most())
                s.client(service="sudo", user="alice").until("I")
            assert attack.wait(20) == 0
            calls = s.backend.count("/ciba/backchannel")
            assert 10 < calls <= 1 + 3 + 40 + 4, calls
            assert max(seen) < 150, seen
            assert len(s.log) < 150, len(s.log)
            time.sleep(4.1)
            connect_as(s, 1, service="xscreensaver", user="daemon").prompt()
            assert s.logged("lines about uid 1 were left out"), s.log


@test("a user who is refused in a loop fills no log")
def _():
    with Setting() as s:
        subprocess.run(["setpriv", "--reuid=1", "--regid=1", "--clear-groups", "/usr/bin/python3", "-c", LOOP, s.socket, "1", "sshd"], check=True)
        assert 40 <= len(s.log) < 60, len(s.log)


@test("names of languages that nobody speaks leave nothing behind in the helper")
def _():
    def memory(s):
        return int([line for line in open(f"/proc/{s.process.pid}/status", encoding="ascii") if line.startswith("VmRSS")][0].split()[1])

    with Setting() as s:
        for count, most in ((500, 1 << 30), (5000, 1024)):
            before = memory(s)
            for i in range(count):
                client = s.client(service="sshd", user="a\x01", locale=f"x{i % 97:02d}_{i:05d}.UTF-8@m{count:06d}")
                client.done("not_allowed")
                client.close()
            if not os.environ.get("SANITIZE"):  # which keeps what was freed
                assert memory(s) - before < most, (before, memory(s))


# --- programs of other kinds ---

@test("a locker that shows nothing: refused where a number is asked for; without one it is approved, and never prompted")
def _():
    with Setting() as s:
        assert "number = off in [service swaylock]" in s.client(service="swaylock").done("bad_config").log
    with Setting("[service swaylock]\nnumber = off\nwait = 5\n") as s:
        client = s.client(service="swaylock")
        client.until("I")
        s.backend.finish("approved")
        client.done("approved")
        s.client(service="swaylock", user="bob").done("no_answer")
        assert s.backend.wait_for(lambda: s.backend.requests[1].cancelled == "not_needed")
    with Setting("[service swaylock]\nnumber = off\n", number_required="enter") as s:
        s.client(service="swaylock").done("backend_refused")


@test("a service where nobody is: refused, with what to do in the log; ask = no leaves it out")
def _():
    with Setting("[service atd]\nask = no\n") as s:
        assert "nobody is there to answer for cron" in s.client(service="cron").done("bad_config").log
        s.client(service="atd").done("not_asked")
        assert not s.backend.requests


@test("a greeter: short texts, the prompt Code:, the last word as a text with time to read it")
def _():
    with Setting("[service lightdm]\nwait = 5\n") as s:
        client = s.client(service="lightdm", rhost="")
        text = client.until("I").text
        assert text == f"Approve {number_in(text)} on Pixel 8"
        assert client.prompt() == "Code:"
        client.answer("000000")
        assert client.prompt() == "Code:"
        client.answer("")
        assert client.until("I").text == text, "an answer took the number off the screen"
        assert client.prompt() == "Code:"
        s.backend.finish("denied", reason="denied")
        time.sleep(0.3)
        client.answer("")
        done = client.done("denied")
        assert (done.greeter, done.delay) == ("1", "2000") and client.frames[-2].type == "I"
        assert all(len(line) <= 60 for t in client.texts() for line in t.split("\n")), client.texts()


@test("GDM drops a text that it has not drawn when it is refused: there the last word is an error")
def _():
    with Setting() as s:
        client = s.client(service="gdm-password", rhost="")
        client.until("I")
        s.backend.finish("denied", reason="denied")
        done = client.done("denied")
        assert (done.greeter, done.delay) == ("1", "2000") and client.frames[-2].type == "E"


@test("code_first: the number and the code prompt at once")
def _():
    with Setting("[service sudo]\ncode_first = yes\n") as s:
        client = s.client(service="sudo")
        assert client.prompt() == "Code: "
        s.backend.finish("approved", number_in(client.texts()[0]))
        time.sleep(0.2)
        client.answer("")
        client.done("approved")


# --- the daemon ---

@test("systemd's socket is taken; a wrong one is not")
def _():
    for kind, good in ((socket.SOCK_SEQPACKET, True), (socket.SOCK_STREAM, False)):
        with Setting(start=False) as s:
            listening = socket.socket(socket.AF_UNIX, kind)
            listening.bind(s.socket)
            listening.listen()
            child = subprocess.Popen(["bash", "-c", f"exec 3<&{listening.fileno()}; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$@\"", "sh",
                                      f"{BUILD}/approve-helper", "--config", s.conf], pass_fds=[listening.fileno()],
                                     stderr=subprocess.PIPE, text=True)
            try:
                if good:
                    s.client(service="sudo").until("I")
                else:
                    code, said = child.wait(5), child.stderr.read()
                    assert code == 1 and "ListenSequentialPacket" in said, said
            finally:
                child.terminate()
                child.wait(10)
                child.stderr.close()
            assert os.path.exists(s.socket)


@test("a second helper does not take the first one's socket; a left-over socket is replaced")
def _():
    with Setting() as s:
        second = subprocess.run([f"{BUILD}/approve-helper", "--config", s.conf, "--listen", s.socket], stderr=subprocess.PIPE, text=True, timeout=10)
        assert second.returncode == 1 and "another approve-helper" in second.stderr, second.stderr
        s.process.kill()
        s.process.wait()
        s.start()
        s.client(service="sudo").until("I")


# --- the backend that is set ---

@test("SIGTERM: requests are withdrawn, the socket is removed, status 0")
def _():
    with Setting() as s:
        client = s.client()
        client.prompt()
        s.process.send_signal(signal.SIGTERM)
        assert s.process.wait(5) == 0 and not os.path.exists(s.socket)
        assert s.backend.requests[0].cancelled == "caller_gone" and client.receive() is None


@test("TLS with a private certificate: by its pin, and not without")
def _():
    with Setting(tls=True) as s:
        client = s.client(service="sudo")
        s.backend.finish("approved", number_in(client.until("I").text))
        client.done("approved")
        for line in ("", "server_key = " + "A" * 43 + "\n"):
            s.write("host.conf", s.text.replace(f"server_key = {s.pin}\n", line))
            s.client(service="sudo", user="bob").done("no_backend")


@test("trust = pinned: only a phone of this user that is pinned here, and no code of the server's")
def _():
    with Setting(trust="pinned", start=False) as s:
        pin = s.backend.phone.thumbprint
        s.write("pinned", f"# phones\nalice {pin}\nbob {Phone().thumbprint}\n")
        s.start()
        for user, outcome in (("alice", "approved"), ("bob", "invalid_approval"), ("carol", "invalid_approval")):
            client = s.client(user=user)
            text = client.prompt()
            assert text.endswith("then press Enter: "), text
            s.backend.finish("approved", number_in(text))
            time.sleep(0.2)
            client.answer("")
            client.done(outcome)
        client = s.client(user="dave")
        client.prompt()
        s.backend.finish("approved", method="code")
        time.sleep(0.2)
        client.answer("")
        client.done("invalid_approval")


@test("provider = ciba: a binding message, no details, the interval, user_claim, no phone's signature")
def _():
    with Setting("user_claim = preferred_username\n", provider="ciba", hold=0, user_claim="preferred_username",
                 hooks={"header": lambda h: {"alg": "ES256", "kid": h["kid"]},
                        "claims": lambda c: {k: v for k, v in c.items() if not k.startswith("urn:")} | {"aud": ["web1"]}}) as s:
        client = s.client(service="sudo")
        number = number_in(client.until("I").text)
        p = s.backend.last().parameters
        assert p["binding_message"] == str(number) and "authorization_details" not in p and p["login_hint"] == "alice"
        s.backend.finish("approved")
        client.done("approved")
        assert s.backend.count("/ciba/cancel") == 0


if __name__ == "__main__":
    main()
