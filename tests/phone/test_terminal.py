#!/usr/bin/python3
"""approve-phone: the real program against the real server and helper, and against a server that lies."""
import base64
import contextlib
import hashlib
import hmac
import http.client
import http.server
import json
import os
import re
import signal
import socket
import ssl
import stat
import struct
import subprocess
import sys
import threading
import time

import pexpect

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "sandbox"))
import sandbox  # noqa: E402

sandbox.enter()
test = sandbox.Tests()
LIMITS = "[limits]\npushes_per_source = 500\npushes_per_user = 500\n"
sandbox.Syslog()
sandbox.install()
server = sandbox.Server(conf=LIMITS)
PEOPLE = ["alice", "bob", "carol", "dora", "emil", "fred", "gina", "hans"]
for person in PEOPLE:
    sandbox.person(person)
    server.cli("user", "add", person)
host = sandbox.Host(server)


def sh(*argv, **more):
    return sandbox.sh(*argv, check=False, **more)


class Login:
    """A login that asks: approvectl test, on a terminal of its own."""

    def __init__(self, user):
        self.term = pexpect.spawn("approvectl", ["test", user], encoding="utf-8", timeout=10, dimensions=(24, 120))
        self.term.delaybeforesend = None
        self.number = None

    def shown(self):
        """The number, or None where there is none."""
        self.term.expect(r"Approve (?:(\d\d) )?on|(\d\d)[^\r\n]* on")
        found = self.term.match.group(1) or self.term.match.group(2)
        self.number = int(found) if found else None
        return self.number

    def end(self, code, timeout=10):
        self.term.expect(pexpect.EOF, timeout=timeout)
        text = self.term.before
        self.term.close()
        assert self.term.exitstatus == code, f"exit {self.term.exitstatus}, not {code}: {text}"
        return text

    def gone(self):
        self.term.close(force=True)


class Watch:
    """approve-phone watch, on a terminal."""

    def __init__(self, phone, *argv):
        self.term = pexpect.spawn("approve-phone", ["--state", phone.state, "watch", *argv], encoding="utf-8", timeout=10,
                                  dimensions=(40, 120), env=dict(os.environ, NO_COLOR="1"))
        self.term.delaybeforesend = None
        self.term.expect("Ctrl-C ends it")

    def expect(self, pattern, timeout=10):
        self.term.expect(pattern, timeout=timeout)
        return self.term.before + self.term.after

    def send(self, line):
        self.term.sendline(line)

    def stop(self):
        self.term.sendintr()
        self.term.expect(pexpect.EOF)
        rest = self.term.before
        self.term.close()
        assert self.term.exitstatus == 0, f"exit {self.term.exitstatus}, signal {self.term.signalstatus}: {rest}"
        return rest


def forget_denials():
    host.stop()
    host.start()


@contextlib.contextmanager
def policy(text):
    """host.conf with this text, for a while."""
    host.conf(text)
    try:
        yield
    finally:
        host.conf("")


def private_files(folder):
    names = sorted(os.listdir(folder))
    for name in names:
        mode = stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode)
        assert mode == 0o600, f"{name} has mode {mode:o}"
    return names


phones = {name: sandbox.Phone(server, name) for name in ("alice", "bob", "carol")}
alice = phones["alice"]


# --- enrolment -------------------------------------------------------------------------------------------------------

@test("S7: enroll shows who invites and whom, takes no for an answer, and then the link still works")
def enroll_asks():
    link, state = server.link("dora"), "/var/lib/phones/dora/deeper"
    for answer, code in (("n", 1), ("", 1), ("y", 0)):
        term = pexpect.spawn("approve-phone", ["--state", state, "enroll", link], encoding="utf-8", timeout=10)
        term.expect(r"Example Org \(" + re.escape(server.url) + r"\) invites this device to approve sign-ins of dora")
        term.expect(r"\[y/N\]")
        term.sendline(answer)
        term.expect(pexpect.EOF)
        term.close()
        assert term.exitstatus == code, term.before
        assert os.path.exists(state) == (code == 0)
    assert "now receives sign-in requests of dora" in term.before
    assert private_files(state) == ["key.pem", "phone.json"] and stat.S_IMODE(os.stat(state).st_mode) == 0o700


@test("without a terminal nothing is enrolled unless --yes says so")
def enroll_unattended():
    done = sh("approve-phone", "--state", "/tmp/unattended", "enroll", server.link("emil"), text="y\n")
    assert done.returncode == 1 and "--yes" in done.stdout and not os.path.exists("/tmp/unattended"), done.stdout


@test("the link can come on standard input, and stays off the command line")
def enroll_stdin():
    done = sh("approve-phone", "--state", "/var/lib/phones/stdin", "enroll", "--yes", text=server.link("emil") + "\n")
    assert done.returncode == 0 and "sign-in requests of emil" in done.stdout, done.stdout


@test("on a terminal the link is asked for and not shown; echo is back afterwards, also after Ctrl-C")
def enroll_asked():
    link = server.link("emil")
    for interrupted in (True, False):
        term = pexpect.spawn("sh", ["-c", "trap : INT; approve-phone --state /var/lib/phones/asked enroll --yes; echo ended; read word; echo \"got $word\""],
                             encoding="utf-8", timeout=10)
        term.expect("Link: ")
        assert not term.getecho()
        if interrupted:
            term.sendintr()
        else:
            term.sendline(link)
        term.expect("ended")
        assert "#" not in term.before and ("sign-in requests of emil" in term.before) != interrupted, term.before
        assert term.getecho()
        term.sendline("back")
        term.expect("got back")
        term.close()


@test("I7: a link or a token among the arguments is overwritten there, and `-` means standard input")
def arguments_overwritten():
    link = server.link("emil")
    term = pexpect.spawn("approve-phone", ["--state", "/tmp/overwritten", "enroll", link], encoding="utf-8", timeout=10)
    term.expect(r"\[y/N\]")
    shown = sandbox.read(f"/proc/{term.pid}/cmdline")
    assert "enroll" in shown and "#" not in shown and link[-20:] not in shown, shown
    term.sendline("n")
    term.expect(pexpect.EOF)
    term.close()
    for words in (["enroll", "-"], ["enroll"]):
        done = sh("approve-phone", "--state", "/tmp/dash", *words, text=link + "\n")
        assert "invites this device" in done.stdout, done.stdout
    # A server that is slow: the token is gone from the arguments while the call is on its way.
    with socket.create_server(("127.0.0.1", 0)) as slow:
        url = f"http://127.0.0.1:{slow.getsockname()[1]}"
        for words, text in ((["T" * 22], None), (["-"], "T" * 22 + "\n")):
            with subprocess.Popen(["approvectl", "--config", "/tmp/joining/host.conf", "join", url, *words], stdin=subprocess.PIPE, text=True,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as join:
                if text:
                    join.stdin.write(text)
                    join.stdin.flush()
                peer = slow.accept()[0]
                shown = sandbox.read(f"/proc/{join.pid}/cmdline")
                assert "T" * 22 in peer.recv(65536).decode() and "join" in shown and "TTT" not in shown, shown
                peer.close()


@test("a link works once; a second device in one directory is refused before the link is used up")
def enroll_once():
    link = server.link("emil")
    taken = sh("approve-phone", "--state", alice.state, "enroll", link, "--yes")
    assert taken.returncode == 1 and "has an enrolment already" in taken.stdout, taken.stdout
    assert sh("approve-phone", "--state", "/var/lib/phones/once", "enroll", link, "--yes").returncode == 0
    again = sh("approve-phone", "--state", "/var/lib/phones/again", "enroll", link, "--yes")
    assert again.returncode == 4 and "used up" in again.stdout and not os.path.exists("/var/lib/phones/again"), again.stdout


@contextlib.contextmanager
def moved():
    """The server listens at another port for a while: yields it. Whoever stands at its own one is before it."""
    conf = sandbox.read("/etc/approve/server.conf")
    behind = sandbox.free_port()
    server.stop()
    sandbox.write("/etc/approve/server.conf", re.sub(r"^url = .*$", rf"\g<0>\nlisten = 0.0.0.0:{behind}", conf, flags=re.M))
    server.daemon.start()
    sandbox.wait_for("approve-server to listen", lambda: sandbox.listening(behind))
    try:
        yield behind
    finally:
        server.stop()
        sandbox.write("/etc/approve/server.conf", conf)
        server.start()


@contextlib.contextmanager
def relayed():
    """A relay in front of the server. Yields an event: while it is set, the server's answers are lost, and their connections."""
    losing = threading.Event()

    def pump(source, target, lossy):
        with contextlib.suppress(OSError):
            while (data := source.recv(65536)) and not (lossy and losing.is_set()):
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def serve(front, behind):
        with contextlib.suppress(OSError):
            while True:
                phone = front.accept()[0]
                far = socket.create_connection(("127.0.0.1", behind))
                for ends in ((phone, far, False), (far, phone, True)):
                    threading.Thread(target=pump, args=ends, daemon=True).start()

    with moved() as behind, socket.create_server(("127.0.0.1", server.port)) as front:
        threading.Thread(target=serve, args=(front, behind), daemon=True).start()
        yield losing
        front.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def proxied(busy):
    """A proxy in front of the server, with its certificate, that answers 429 by itself at the path `busy`."""
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, kind, text = 429, "text/plain", b"busy"
            if self.path != busy:
                far = http.client.HTTPSConnection("127.0.0.1", behind, context=ssl._create_unverified_context())
                far.request(self.command, self.path, body, {"Content-Type": self.headers["Content-Type"]} if body else {})
                said = far.getresponse()
                status, kind, text = said.status, said.headers["Content-Type"], said.read()
                far.close()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(text)

        do_GET = do_POST = answer

        def log_message(self, *_):
            pass

    with moved() as behind:
        front = http.server.ThreadingHTTPServer(("127.0.0.1", server.port), Handler)
        front.daemon_threads = True
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(f"/var/lib/approve/certificate.pem", f"/var/lib/approve/certificate.key")
        front.socket = context.wrap_socket(front.socket, server_side=True)
        threading.Thread(target=front.serve_forever, daemon=True).start()
        try:
            yield
        finally:
            front.shutdown()
            front.server_close()


@test("the answer to enroll is lost: the key is kept, and with the same link it becomes the one device")
def enroll_lost():
    state, other = "/var/lib/phones/lost", "/var/lib/phones/lost-other"
    with relayed() as losing:
        link = server.link("emil")
        term = pexpect.spawn("approve-phone", ["--state", state, "enroll", link, "--name", "Lost answer"], encoding="utf-8", timeout=10)
        term.expect(r"\[y/N\]")
        losing.set()
        term.sendline("y")
        term.expect("try again with the same link")
        term.expect(pexpect.EOF)
        term.close()
        assert term.exitstatus == 3, term.before
        assert server.cli("device", "list", "emil").count("Lost answer") == 1
        assert private_files(state) == ["key.pem", "link.sha256"]
        away = sh("approve-phone", "--state", state, "enroll", link, "--yes")
        assert away.returncode == 3 and private_files(state) == ["key.pem", "link.sha256"], away.stdout
        losing.clear()
        stolen = sh("approve-phone", "--state", other, "enroll", link, "--yes")
        assert stolen.returncode == 4 and not os.path.exists(other), stolen.stdout
        done = sh("approve-phone", "--state", state, "enroll", link, "--yes")
    assert done.returncode == 0 and private_files(state) == ["key.pem", "phone.json"], done.stdout
    assert server.cli("device", "list", "emil").count("Lost answer") == 1
    assert sh("approve-phone", "--state", state, "list").returncode == 0


@test("a key that was kept is for its link alone")
def enroll_lost_other():
    state = "/var/lib/phones/lost-two"
    os.mkdir(state, 0o700)
    for name, text in (("key.pem", sandbox.read(f"{alice.state}/key.pem")), ("link.sha256", "A" * 43)):
        sandbox.write(f"{state}/{name}", text, 0o600)
    done = sh("approve-phone", "--state", state, "enroll", server.link("emil"), "--yes")
    assert done.returncode == 0, done.stdout
    assert private_files(state) == ["key.pem", "phone.json"] and sandbox.read(f"{state}/key.pem") != sandbox.read(f"{alice.state}/key.pem")


@test("a server with another key than the link's is refused, and learns no secret")
def enroll_pin():
    link = server.link("emil")
    other = re.sub(r"\.(.)", lambda m: ".B" if m.group(1) == "A" else ".A", link.rsplit("#")[1], count=1)
    done = sh("approve-phone", "--state", "/tmp/pin", "enroll", link.split("#")[0] + "#" + other, "--yes")
    assert done.returncode == 3 and not os.path.exists("/tmp/pin"), done.stdout
    assert sh("approve-phone", "--state", "/var/lib/phones/pin", "enroll", link, "--yes").returncode == 0, "the link was used up"


@test("what is no link is refused with a word on what one looks like")
def enroll_nonsense():
    secret = "A" * 22
    for link in ("", "hello", f"https://x/enroll?#{secret}", f"https://x#{secret}", "https://x/enroll#short", f"https://x/enroll#{secret}.pin",
                 f"http://example.org/enroll#{secret}", f"ftp://x/enroll#{secret}", f"https://a@x/enroll#{secret}", f"https://x/enroll#{secret}\x1b[31m",
                 "https://x/enroll#" + "A" * 600):
        done = sh("approve-phone", "--state", "/tmp/none", "enroll", link, "--yes")
        assert done.returncode == 2 and "\x1b" not in done.stdout and not os.path.exists("/tmp/none"), (link, done.stdout)


# --- watch -----------------------------------------------------------------------------------------------------------

@test("S3 S4: watch shows host, service, user, origin and time; the number that is typed signs in, and it says so")
def watch_enter():
    watch, login = Watch(alice), Login("alice")
    number = login.shown()
    shown = watch.expect(r"Number on the sign-in screen[^>]*> ")
    for line in (r"host +\S+ \(web1\)", r"service +approvectl", r"user +alice", r"from +the host itself", r"terminal +/dev/pts/\d+",
                 r"time +(5\d|60) s left"):
        assert re.search(line, shown), (line, shown)
    assert str(number) not in re.findall(r"\b\d\d\b", shown.replace(f"{number} s", "")), "the right number is not on the phone"
    watch.send(str(number))
    watch.expect("Approved. Waiting for the host")
    login.end(0)
    assert "did not match" not in watch.expect("signed in")
    watch.stop()


@test("S4: a wrong number ends the request, and watch says that it did not match")
def watch_wrong():
    watch, login = Watch(alice), Login("alice")
    number = login.shown()
    watch.expect("> ")
    watch.send("10" if number != 10 else "11")
    assert "signed in" not in watch.expect("refused: the number did not match")
    login.end(4)
    watch.stop()
    forget_denials()


@test("S4: number = choose: the three are shown, another is not taken")
def watch_choose():
    with policy("[service approvectl]\nnumber = choose"):
        watch, login = Watch(alice), Login("alice")
        number = login.shown()
        of = [int(n) for n in re.search(r"show: (\d\d), (\d\d) or (\d\d)\?", watch.expect("> ")).groups()]
        assert number in of and len(set(of)) == 3, (number, of)
        watch.send(str(next(n for n in range(10, 100) if n not in of)))
        watch.expect("two digits[^>]*> ")
        watch.send(str(number))
        watch.expect("signed in")
        login.end(0)
        watch.stop()


@test("S5: number = off: y approves; Enter, a number and other words are no consent")
def watch_off():
    with policy("[service approvectl]\nnumber = off"):
        watch, login = Watch(alice), Login("alice")
        watch.expect("Approve. y: approve[^>]*> ")
        for word in ("", "42", "yes please", "Y" * 300):
            watch.send(word)
            watch.expect("> ")
        assert login.term.isalive() and alice.open()
        watch.send("y")
        watch.expect("signed in")
        login.end(0)
        watch.stop()


@test("S16: n denies, x says that it wasn't me; watch and the activity tell them apart")
def watch_deny():
    phone = sandbox.Phone(server, "gina")  # not alice: after "it wasn't me" her phone would be left in peace for a while
    for key, words, result in (("n", "denied", "denied"), ("x", "it wasn't you", "not_me")):
        watch, login = Watch(phone), Login("gina")
        login.shown()
        watch.expect("> ")
        watch.send(key)
        watch.expect(words)
        login.end(4)
        watch.stop()
        assert phone.json("activity", "--limit", "1")[0]["result"] == result
        forget_denials()


@test("a request that ends while its prompt stands takes the prompt back; what was typed for it goes nowhere")
def watch_withdrawn():
    with policy("[service approvectl]\nnumber = off"):
        watch, login = Watch(alice), Login("alice")
        watch.expect("Approve. y: approve[^>]*> ")
        watch.term.send("y")  # no Enter: still in the terminal's line
        login.gone()
        watch.expect("cancelled: whoever was signing in went away")
        second = Login("alice")
        watch.expect("Approve. y: approve[^>]*> ")
        watch.send("")
        watch.expect("> ")
        assert alice.open(), "the y was meant for the other request"
        watch.send("n")
        watch.expect("denied")
        second.end(4)
        watch.stop()
    forget_denials()


@test("S17: nobody answers in time: watch says so, and a late approval approves nothing")
def watch_timeout():
    with policy("[service approvectl]\nlife = 10\nwait = 10"):
        watch, login = Watch(alice), Login("alice")
        number = login.shown()
        request = sandbox.wait_for("the request", alice.open)[0]["request"]
        watch.expect("nobody answered in time", timeout=15)
        late = alice.cli("approve", "--request", request, "--number", str(number), check=False)
        assert late.returncode == 4 and "nobody answered in time" in late.stdout, late.stdout
        login.gone()
        watch.stop()


@test("two requests at once: one at a time, the newest first; the other is named meanwhile")
def watch_two():
    first = Login("alice")
    first.shown()
    sandbox.wait_for("the first", alice.open)
    time.sleep(1.1)
    second = Login("alice")
    second.shown()
    sandbox.wait_for("both", lambda: len(alice.open()) == 2)
    watch = Watch(alice)
    watch.expect("> ")
    third = Login("alice")
    third.shown()
    watch.expect("Another request waits: [^>]*> ")
    watch.send(str(second.number))
    second.end(0)
    watch.expect("> ")
    watch.send(str(third.number))
    third.end(0)
    watch.expect("> ")
    watch.send(str(first.number))
    first.end(0)
    watch.expect("signed in")
    watch.stop()


@test("an answer on another device is seen here, with that device's name, and takes the prompt back")
def watch_other_device():
    other = sandbox.Phone(server, "alice", "Tablet")
    watch, login = Watch(alice), Login("alice")
    number = login.shown()
    watch.expect("> ")
    other.approve(number)
    watch.expect(r"signed in \(on Tablet\)")
    login.end(0)
    watch.stop()
    other.cli("remove", "--yes")


@test("watch rides out a server that is away, and says when it is back; the prompt stays, and its answer counts")
def watch_outage():
    watch, login = Watch(alice), Login("alice")
    number = login.shown()
    watch.expect("Number on the sign-in screen[^>]*> ")
    server.stop()
    watch.expect("did not answer", timeout=15)
    watch.expect("Number on the sign-in screen[^>]*> ")
    server.start()
    watch.expect("answers again", timeout=10)
    watch.expect("Number on the sign-in screen[^>]*> ")
    watch.send(str(number))
    watch.expect("signed in")
    login.end(0)
    watch.stop()


@test("a removed device: watch ends with 4 and says what to do")
def watch_removed():
    phone = sandbox.Phone(server, "fred", "Old")
    watch = Watch(phone)
    server.cli("device", "remove", phone.json("device")["device"])
    watch.expect("was removed")
    watch.term.expect(pexpect.EOF)
    watch.term.close()
    assert watch.term.exitstatus == 4
    again = phone.cli("list", check=False)
    assert again.returncode == 4 and "approve-phone remove" in again.stdout, again.stdout
    assert phone.cli("remove", "--yes").returncode == 0 and not os.path.exists(phone.state)


@test("watch --auto warns, approves where no number is asked for, and takes numbers from --number or standard input")
def watch_auto():
    with policy("[service approvectl]\nnumber = off"):
        watch = Watch(alice, "--auto")
        login = Login("alice")
        login.end(0)
        watch.expect("signed in")
        watch.stop()
    child = subprocess.Popen(["approve-phone", "--state", alice.state, "watch", "--auto", "--json"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
    login = Login("alice")
    child.stdin.write(f"{login.shown()}\n")
    child.stdin.flush()
    login.end(0)
    events = [json.loads(child.stdout.readline()) for _ in range(2)]
    while events[-1]["event"] != "end":
        events.append(json.loads(child.stdout.readline()))
    child.send_signal(2)
    assert child.wait(5) == 0
    assert [events[0]["event"], events[-1]["event"]] == ["request", "end"] and events[-1]["request"]["result"] == "signed_in", events
    assert "WARNING" in child.stderr.read()
    assert sh("approve-phone", "--state", alice.state, "watch", "--number", "42").returncode == 2


# --- one call --------------------------------------------------------------------------------------------------------

@test("approve waits for a request, gives the number, and its exit code says how it ended")
def approve():
    login = Login("alice")
    number = login.shown()
    assert "signed in" in alice.approve(number).stdout
    login.end(0)
    login = Login("alice")
    number = login.shown()
    for wrong, code in (("7", 2), ("100", 2), ("4x", 2)):
        assert alice.approve(wrong, check=False).returncode == code
    assert alice.approve(check=False).returncode == 2, "without a number, and without a terminal"
    refused = alice.approve(10 if number != 10 else 11, check=False)
    assert refused.returncode == 4 and "did not match" in refused.stdout, refused.stdout
    login.end(4)
    assert alice.approve(42, wait=0, check=False).returncode == 1, "no request is open"
    start = time.monotonic()
    assert alice.approve(42, wait=1, check=False).returncode == 1 and time.monotonic() - start < 3
    forget_denials()


@test("with several open, approve and deny want to be told which")
def several():
    phone = sandbox.Phone(server, "hans")
    first, second = Login("hans"), Login("hans")
    first.shown()
    second.shown()
    requests = sandbox.wait_for("both", lambda: phone.open() if len(phone.open()) == 2 else None)
    for command in (["approve", "--number", str(first.number)], ["deny"]):
        done = phone.cli(*command, check=False)
        assert done.returncode == 2 and all(r["request"] in done.stdout for r in requests), done.stdout
    assert len(phone.open()) == 2
    assert phone.cli("deny", "--request", "A" * 22, check=False).returncode == 1
    phone.cli("deny", "--request", requests[0]["request"])
    newest = phone.json("list")[0]
    assert (newest["request"], newest["state"], newest["result"]) == (requests[0]["request"], "denied", "denied"), newest
    phone.cli("deny", "--not-me", "--request", requests[1]["request"])
    assert phone.json("list")[1]["result"] == "not_me"
    first.end(4)
    second.end(4)
    forget_denials()


@test("list --json has what the host said of the login, and no more than this user's requests")
def list_json():
    login = Login("bob")
    login.shown()
    request = sandbox.wait_for("the request", phones["bob"].open)[0]
    assert set(request) == {"request", "state", "result", "by", "host", "host_name", "service", "user", "rhost", "tty", "command",
                            "seconds_left", "number"}
    assert (request["host"], request["service"], request["user"], request["number"]) == ("web1", "approvectl", "bob", {"mode": "enter"})
    assert 50 <= request["seconds_left"] <= 60
    assert not alice.open() and not phones["carol"].requests()
    login.gone()


@test("S6: code is RFC 6238's, without any network; code --json says how long it holds")
def code():
    with open(f"{alice.state}/phone.json", encoding="utf-8") as state:
        secret = base64.b32decode(json.load(state)["secret"])
    done = sh("unshare", "--net", "approve-phone", "--state", alice.state, "code", "--json")
    now = time.time()
    answer = json.loads(done.stdout)
    wanted = []
    for step in (int(now) // 30 - 1, int(now) // 30):
        digest = hmac.new(secret, struct.pack(">Q", step), hashlib.sha1).digest()
        wanted.append(f"{(struct.unpack_from('>I', digest, digest[19] & 15)[0] & 0x7fffffff) % 10**6:06d}")
    assert answer["code"] in wanted and 1 <= answer["seconds_left"] <= 30, (answer, wanted)
    assert re.fullmatch(r"\d{3} \d{3}   \(\d+ s left\)\n", alice.cli("code").stdout)


@test("S10: requests off and on, another name; device lists all devices of the user")
def device():
    phone = phones["carol"]
    assert phone.json("device")["devices"][0]["this"] is True
    off = json.loads(phone.cli("device", "--off", "--name", "Büro", "--json").stdout)
    assert off["enabled"] is False and off["name"] == "Büro"
    assert "receives no sign-in requests" in phone.cli("device").stdout
    assert phone.json("device", "--on")["enabled"] is True
    assert phone.cli("device", "--on", "--off", check=False).returncode == 2
    assert phone.cli("device", "--name", "", check=False).returncode == 2


@test("S14: activity lists when, where, what and how, newest first")
def activity():
    login = Login("carol")
    phones["carol"].approve(login.shown())
    login.end(0)
    newest = phones["carol"].json("activity")[0]
    assert (newest["host"], newest["service"], newest["result"], newest["method"], newest["device"]) == (
        "web1", "approvectl", "signed_in", "phone", "Büro"), newest
    assert abs(newest["at"] - time.time()) < 60
    assert re.search(r"approvectl, the host itself: signed in \(phone on Büro\)", phones["carol"].cli("activity", "--limit", "1").stdout)
    assert phones["carol"].cli("activity", "--limit", "0", check=False).returncode == 2


@test("S11: remove asks, removes on the server, and forgets the key")
def remove():
    phone = sandbox.Phone(server, "fred", "Short")
    assert phone.cli("remove", check=False).returncode == 1 and os.path.exists(phone.state)
    phone.cli("remove", "--yes")
    assert not os.path.exists(phone.state) and "Short" not in server.cli("device", "list", "fred")


@test("a server that is away: exit 3, in words, with the address; the key stays")
def unreachable():
    server.stop()
    try:
        for command in (["list"], ["device"], ["activity"], ["approve", "--number", "42"], ["remove", "--yes"]):
            done = phones["bob"].cli(*command, check=False)
            assert done.returncode == 3 and server.url in done.stdout, done.stdout
        assert phones["bob"].cli("code").returncode == 0
    finally:
        server.start()
    assert phones["bob"].cli("list").returncode == 0


@test("a clock that is off: put right by the server's, for the calls and for the decision")
def clock():
    sandbox.write("/tmp/clock.c", """
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <stdlib.h>
        #include <time.h>
        int clock_gettime(clockid_t id, struct timespec *now)
        {
            int (*real)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");
            int result = real(id, now);
            if (id == CLOCK_REALTIME)
                now->tv_sec += atol(getenv("CLOCK_AHEAD"));
            return result;
        }
        time_t time(time_t *out)
        {
            struct timespec now;
            clock_gettime(CLOCK_REALTIME, &now);
            return out ? (*out = now.tv_sec) : now.tv_sec;
        }
        """)
    sandbox.sh("gcc", "-shared", "-fPIC", "-o", "/tmp/clock.so", "/tmp/clock.c", "-ldl")
    for ahead in ("7200", "-7200"):
        login = Login("alice")
        number = login.shown()
        done = sh("approve-phone", "--state", alice.state, "approve", "--wait", "5", "--number", str(number),
                  env={"LD_PRELOAD": "/tmp/clock.so", "CLOCK_AHEAD": ahead})
        assert done.returncode == 0 and "signed in" in done.stdout, done.stdout
        login.end(0)


@test("files that others could read or change are refused, and named")
def loose_files():
    for name in ("key.pem", "phone.json"):
        path = f"{phones['bob'].state}/{name}"
        os.chmod(path, 0o640)
        done = phones["bob"].cli("list", check=False)
        os.chmod(path, 0o600)
        assert done.returncode == 1 and path in done.stdout, done.stdout
    for name, text in (("key.pem", "nonsense"), ("phone.json", "{}"), ("phone.json", "")):
        path = f"{phones['bob'].state}/{name}"
        kept = sandbox.read(path)
        sandbox.write(path, text, 0o600)
        done = phones["bob"].cli("list", check=False)
        sandbox.write(path, kept, 0o600)
        assert done.returncode == 1 and path in done.stdout, done.stdout


@test("I7: approve-phone and approvectl leave no core dump, and nobody but root can look into them")
def no_dumps():
    for name, words, prompt in (("approve-phone", ["--state", "/home/alice/dumps", "enroll"], "Link: "),
                                ("approvectl", ["--config", "/home/alice/host.conf", "join", "https://localhost:1"], "Token: ")):
        term = pexpect.spawn("setpriv", ["--reuid=alice", "--regid=alice", "--clear-groups", name, *words], encoding="utf-8", timeout=10)
        term.expect(prompt)
        assert re.search(r"^Max core file size +0 +0 ", sandbox.read(f"/proc/{term.pid}/limits"), re.M), name
        assert os.stat(f"/proc/{term.pid}/environ").st_uid == 0, f"{name} is dumpable"  # proc(5): else it belongs to the process's user
        term.close(force=True)


@test("I7: no command but code shows a secret, and none is on a command line")
def no_secrets():
    with open(f"{alice.state}/phone.json", encoding="utf-8") as state:
        secret = json.load(state)["secret"]
    key = "".join(sandbox.read(f"{alice.state}/key.pem").splitlines()[1:-1])
    shown = "".join(alice.cli(*command, check=False).stdout for command in (
        ["list"], ["list", "--json"], ["activity"], ["device"], ["device", "--json"], ["code"], ["--help"], ["approve"]))
    assert secret not in shown and key[:40] not in shown
    assert secret not in sandbox.read(server.daemon.log)


@test("a login that ends by a proxy's 429 to its code is withdrawn: the phone sees it, and cannot approve it")
def withdrawn_after_busy():
    with proxied(busy="/ciba/code"):
        login = Login("alice")
        number, request = str(login.shown()), sandbox.wait_for("the request", alice.open)[0]["request"]
        login.term.sendline("")
        login.term.expect("Code: ")
        login.term.sendline("123456")
        login.end(3)
        shown = sandbox.wait_for("the end", lambda: [r for r in alice.requests() if r["request"] == request and r["state"] != "open"])
        assert (shown[0]["state"], shown[0]["result"]) == ("cancelled", "not_needed"), shown
        late = alice.cli("approve", "--request", request, "--number", number, check=False)
        assert late.returncode == 4 and "not needed" in late.stdout, late.stdout


# --- a server that lies ----------------------------------------------------------------------------------------------

class Liar:
    """A server that answers each call with what `answers` has for it, and keeps what it was asked."""

    def __init__(self):
        liar = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                name = self.path.rsplit("/", 1)[1]
                liar.asked.append((name, json.loads(unpad(body.split(".")[1]))))
                answer = liar.answers.get(name, (404, {"error": "not_found"}))
                status, answer = answer() if callable(answer) else answer
                text = answer if isinstance(answer, bytes) else json.dumps(dict({"now": int(time.time())}, **answer)).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.asked, self.answers = [], {}
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        self.answers["invitation"] = (200, {"server": EVIL, "user": "alice", "expires_in": 60})
        self.answers["enroll"] = (200, {"server": EVIL, "user": "alice", "device": "d1", "secret": "A" * 32})
        self.state = f"/var/lib/phones/liar-{os.urandom(3).hex()}"
        self.enrolled = self.cli("enroll", f"{self.url}/enroll#{'S' * 22}", "--yes")

    def cli(self, *argv):
        return sh("approve-phone", "--state", self.state, *argv)

    def details(self, **changes):
        now = int(time.time())
        return dict({"v": 1, "request": "A" * 22, "iss": self.url, "host": "web1", "host_name": "web1.example.org", "service": "sshd",
                     "user": "alice", "rhost": "192.0.2.7", "tty": "ssh", "command": "", "number": {"mode": "off"}, "iat": now - 1,
                     "exp": now + 59, "host_key": None}, **changes)

    @staticmethod
    def entry(details, **changes):
        return dict({"request": "A" * 22, "state": "open", "result": "", "expires_in": 50, "by": "",
                     "details": base64.urlsafe_b64encode(json.dumps(details).encode()).decode().rstrip("=")}, **changes)

    def offer(self, details, **changes):
        self.answers["requests"] = (200, {"revision": "1", "requests": [self.entry(details, **changes)]})

    def count(self, name):
        return [call for call, _ in self.asked].count(name)

    def lists(self, more=3):
        """Waits until the phone has asked for its list so many times more."""
        before = self.count("requests")
        sandbox.wait_for("the phone to ask again", lambda: self.count("requests") >= before + more)


EVIL = "Evil\x1b[2J\x07\u202egro\x9b1m"


def unpad(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def is_clean(text):
    return not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)


@test("control characters and direction marks from a server never reach the terminal")
def liar_controls():
    liar = Liar()
    assert liar.enrolled.returncode == 0 and is_clean(liar.enrolled.stdout), repr(liar.enrolled.stdout)
    liar.offer(liar.details(), by=EVIL, state="approved")
    liar.answers["device"] = (200, {"device": "d1", "name": EVIL, "enabled": True, "user": EVIL, "server": EVIL, "devices": [
        {"device": "d1", "name": EVIL, "platform": EVIL, "enabled": True, "this": True}]})
    liar.answers["activity"] = (200, {"activity": [dict.fromkeys(
        ("host", "host_name", "service", "rhost", "state", "result", "method", "device"), EVIL) | {"at": 1}]})
    liar.answers["decide"] = (400, {"error": EVIL, "message": EVIL})
    for command in (["list"], ["list", "--json"], ["device"], ["device", "--json"], ["activity"], ["activity", "--json"], ["deny"]):
        done = liar.cli(*command)
        assert is_clean(done.stdout) and done.stdout, (command, repr(done.stdout))
        assert command == ["deny"] or "Evil" in done.stdout or command[0] == "list", done.stdout


@test("I2: details of another user, server, request or version, or with anything amiss, are not shown and cannot be approved")
def liar_details():
    liar = Liar()
    liar.offer(liar.details())
    assert len(json.loads(liar.cli("list", "--json").stdout)) == 1, "the good one is shown"
    right = liar.details()
    missing = {k: v for k, v in right.items() if k != "rhost"}
    for details in ({"user": "root"}, {"iss": "https://elsewhere.example"}, {"request": "Q" * 22}, {"v": 2}, {"more": 1}, {"host_name": EVIL},
                    {"rhost": "a\nb"}, {"number": {"mode": "none"}}, {"number": {"mode": "choose", "of": [11, 11, 12]}}, {"exp": right["iat"] + 5000}, missing):
        liar.offer(details if details is missing else liar.details(**details))
        done = liar.cli("list", "--json")
        assert done.stdout.startswith("[]") and "left out" in done.stdout, (details, done.stdout)
        before = len(liar.asked)
        assert liar.cli("approve").returncode == 1
        assert "decide" not in [name for name, _ in liar.asked[before:]]


@test("the signed decision is over the bytes that were shown, with the number that was given")
def liar_decision():
    liar = Liar()
    liar.offer(liar.details(number={"mode": "choose", "of": [12, 34, 56]}))
    liar.answers["decide"] = (200, {"state": "approved", "result": ""})
    assert liar.cli("approve", "--number", "13").returncode == 2
    liar.cli("approve", "--number", "34")
    name, sent = [call for call in liar.asked if call[0] == "decide"][0]
    header, payload = (json.loads(unpad(part)) for part in sent["decision"].split(".")[:2])
    raw = unpad(liar.answers["requests"][1]["requests"][0]["details"])
    digest = base64.urlsafe_b64encode(hashlib.sha256(raw).digest()).decode().rstrip("=")
    assert header["typ"] == "pam-approve-decision+jws" and header["alg"] == "ES256" and header["kid"] == payload["jkt"]
    assert (payload["details_sha256"], payload["decision"], payload["number"]) == (digest, "approve", 34)
    assert set(payload) == {"details_sha256", "decision", "number", "iat", "jkt"}


@test("I2: details that change after watch has shown them take the prompt back, and are never approved, the old ones neither")
def liar_other_details():
    liar = Liar()
    liar.answers["decide"] = (200, {"state": "approved", "result": ""})
    for mode in ({"mode": "off"}, {"mode": "enter"}):
        right = liar.details(number=mode)
        liar.offer(right)
        watch = Watch(liar)
        assert "192.0.2.7" in watch.expect("(Approve|Number on the sign-in screen)[^>]*> ")
        liar.offer(dict(right, host="db1", rhost="203.0.113.66"))
        watch.expect("WARNING: the server changed what a request says")
        watch.send("y" if mode["mode"] == "off" else "42")
        liar.lists()
        liar.offer(right)
        liar.lists()
        rest = watch.stop()
        assert liar.count("decide") == 0 and "WARNING" not in rest and "> " not in rest, rest


@test("I2: a request that is listed twice is not shown with the one's details and approved with the other's")
def liar_twice():
    liar = Liar()
    right = liar.details()
    entries = [liar.entry(dict(right, host="db1"), state="denied", result="denied"), liar.entry(right)]
    for order in (entries, entries[::-1]):
        liar.answers["requests"] = (200, {"revision": "1", "requests": order})
        watch = Watch(liar)
        watch.expect("A request was left out")
        liar.lists()
        watch.send("y")
        liar.lists()  # Ctrl-C would throw away what was typed
        watch.stop()
        signed = [unpad(call["decision"].split(".")[1]) for name, call in liar.asked if name == "decide"]
        digest = base64.urlsafe_b64encode(hashlib.sha256(unpad(order[0]["details"])).digest()).rstrip(b"=")
        assert len(signed) == (order[0]["state"] == "open") and all(digest in text for text in signed), signed


@test("I2: approve shows the details that it signs, whatever the server says later; with --json on standard error")
def liar_approve_shows():
    liar = Liar()
    right = liar.details(command="reboot")
    other = liar.entry(dict(right, host="db1", host_name="db1", rhost="203.0.113.66"), state="used", result="signed_in")

    def decided():
        liar.answers["requests"] = (200, {"revision": "2", "requests": [other]})
        return 200, {"state": "approved", "result": ""}
    liar.answers["decide"] = decided
    for words in ([], ["--json"]):
        liar.offer(right)
        done = subprocess.run(["approve-phone", "--state", liar.state, "approve", "--request", "A" * 22, *words], capture_output=True, text=True, check=True)
        shown = done.stderr if words else done.stdout
        for line in (r"host +web1.example.org \(web1\)", r"service +sshd", r"user +alice", r"from +192\.0\.2\.7", r"command +reboot"):
            assert re.search(line, shown), (line, shown)
        if words:
            ended = json.loads(done.stdout)
            assert (ended["host"], ended["rhost"], ended["result"]) == ("web1", "192.0.2.7", "signed_in"), ended
        assert "signed" in done.stdout and "db1" not in done.stdout + done.stderr, done
    liar.offer(right)
    liar.answers["decide"] = (503, {"error": "unavailable"})
    done = liar.cli("approve")
    assert done.returncode == 3 and "web1.example.org (web1)" in done.stdout, "what was signed is said without the server, too"


@test("a list that cannot be read, while lines are typed at the prompt: watch ends, and says why")
def liar_unreadable():
    liar = Liar()
    liar.offer(liar.details())
    good, told = liar.answers["requests"], threading.Event()

    def bad():
        told.wait(10)
        return 200, {"revision": 1}

    def first():
        liar.answers["requests"] = bad
        return good
    liar.answers["requests"] = first
    watch = Watch(liar)
    watch.expect("Approve. y: approve[^>]*> ")
    sandbox.wait_for("the held call", lambda: liar.count("requests") == 2)
    os.kill(watch.term.pid, signal.SIGSTOP)
    for _ in range(9):  # a terminal hands out one line at a time: some are read before the answer is, and some after
        watch.send("zz")
    told.set()
    time.sleep(0.5)
    os.kill(watch.term.pid, signal.SIGCONT)
    watch.expect("list of requests cannot be read")
    watch.term.expect(pexpect.EOF)
    watch.term.close()
    assert watch.term.exitstatus == 1, f"exit {watch.term.exitstatus}, signal {watch.term.signalstatus}"


@test("each error has its exit code and says what to do; a clock is put right once, not for ever")
def liar_errors():
    liar = Liar()
    for status, error, more, code, words in (
            (400, "stale", {}, 1, "clock"), (400, "replayed", {}, 1, "Try again"), (400, "bad_message", {}, 1, "update"),
            (401, "unknown_device", {}, 4, "approve-phone remove"), (426, "app_too_old", {"minimum": "9.7"}, 4, "9.7"),
            (429, "limited", {"retry_after": 30}, 3, "30"), (503, "unavailable", {}, 3, "Try again"),
            (418, "teapot", {"message": "short and stout"}, 1, "short and stout")):
        liar.answers["requests"] = (status, dict({"error": error}, **more))
        before = len(liar.asked)
        done = liar.cli("list")
        assert done.returncode == code and words in done.stdout and f"status {status}" in done.stdout, done.stdout
        assert len(liar.asked) - before == (2 if error == "stale" else 1)
    ids = [payload["jti"] for _, payload in liar.asked]
    assert len(set(ids)) == len(ids), "each message has an id of its own"
    assert all(payload["url"] == f"{liar.url}/phone/v1/{name}" for name, payload in liar.asked)


@test("answers that are no answers, or without end, are refused")
def liar_garbage():
    liar = Liar()
    for body in (b"", b"[]", b"{", b"<html>", b'{"now":1,"now":2}', b'{"requests":{}}', b'{"revision":"1","requests":"x"}',
                 b'{"revision":1,"requests":[]}', b"{" + b" " * 400000 + b"}", b'{"x":' + b"[" * 100000):
        liar.answers["requests"] = (200, body)
        done = liar.cli("list")
        assert done.returncode in (1, 3) and len(done.stdout) < 2000, done.stdout[:300]
    liar.answers["requests"] = (200, {"revision": "1", "requests": [17, None, {}, []]})
    assert liar.cli("list", "--json").stdout.startswith("[]")


@test("a sign-in that was collected a moment ago, which phones are not told yet, is none that can be denied")
def deny_too_late():
    login = Login("alice")
    number, request = str(login.shown()), alice.open()[0]["request"]
    approve = subprocess.Popen(["approve-phone", "--state", alice.state, "approve", "--request", request, "--number", number], stdout=subprocess.DEVNULL)
    sandbox.wait_for("the host to collect", lambda: [r for r in alice.requests() if r["request"] == request and r["state"] != "open" and r["seconds_left"] == 0])
    done = sh("approve-phone", "--state", alice.state, "deny")
    assert done.returncode == 1 and "No request is open" in done.stdout, done.stdout
    approve.wait(10)
    login.term.sendline("")
    login.end(0)


test.run(lambda: sandbox.tails(server.daemon, host.helper))
