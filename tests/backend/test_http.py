#!/usr/bin/python3
"""What the server takes for a request, how long it waits, and who may connect: raw sockets against the real approve-server."""
import concurrent.futures
import json
import os
import re
import select
import shutil
import signal
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
import warnings

import peers
import sandbox

warnings.simplefilter("ignore", DeprecationWarning)  # of old TLS versions, which are to be refused
test = sandbox.Tests()
LIMITS = peers.LIMITS + "connections_per_address = 2000\n"


class TlsServer(peers.Server):
    """The same with TLS and the private certificate of `init`."""

    def __init__(self, listen="127.0.0.1", conf=LIMITS):
        self.folder = tempfile.mkdtemp(prefix="approve-server.")
        self.port = sandbox.free_port()
        self.url = f"https://localhost:{self.port}"
        self.conf, self.data, self.log = f"{self.folder}/server.conf", f"{self.folder}/data", f"{self.folder}/log"
        os.mkdir(self.data, 0o700)
        sandbox.write(self.conf, f"[server]\nurl = {self.url}\nlisten = {listen}:{self.port}\ndata = {self.data}\n"
                                 f"admin_socket = {self.folder}/admin.sock\n{conf}\n", 0o600)
        self.child = None
        self.cli("init")
        self.start()


plain = peers.Server(LIMITS + "[requests]\ntoken_hold = 13\n")
tls = TlsServer()
plain.cli("user", "add", "alice")
host = peers.Host(plain)
ok = f"GET /healthz HTTP/1.1\r\nHost: localhost:{plain.port}\r\n\r\n".encode()


def connect(server=plain, source="127.0.0.1"):
    line = socket.create_connection(("127.0.0.1", server.port), timeout=30, source_address=(source, 0))
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return line


def receive(line, seconds=5.0):
    """One whole answer: status, header text, body. None where the server closed without one."""
    line.settimeout(seconds)
    data = b""
    while b"\r\n\r\n" not in data:
        more = line.recv(65536)
        if not more:
            assert not data, data
            return None
        data += more
    head, body = data.split(b"\r\n\r\n", 1)
    length = int(re.search(rb"Content-Length: (\d+)", head).group(1))
    while len(body) < length:
        body += line.recv(65536)
    return int(head.split()[1]), head.decode(), body[:length]


def closed(line, seconds=1.0):
    """False where a byte came instead."""
    line.settimeout(seconds)
    try:
        return line.recv(1) == b""
    except ConnectionResetError:
        return True


def stays(line):
    return not select.select([line], [], [], 0)[0]


def status_of(request, ends=False):
    """The status of the answer to raw bytes, which must come at once; `ends`: and the connection with it."""
    with connect() as line:
        line.sendall(request)
        answer = receive(line, 3)
        assert answer is not None, "closed without an answer"
        if ends:
            assert "Connection: close" in answer[1] and closed(line), answer
        return answer[0]


def token_request(body, length=None, path="/ciba/token", extra=""):
    return (f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n{extra}"
            f"Content-Length: {len(body) if length is None else length}\r\n\r\n").encode() + body


def connections():
    return plain.json("status")["connections"] - 1  # without the one that asks


def held_request(there=None):
    """A token request that waits: its connection, and the login."""
    there = there or host
    login = there.ask()
    form = peers.urllib.parse.urlencode({
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "client_assertion": there.assertion(),
        "grant_type": peers.GRANT, "auth_req_id": login.id}).encode()
    line = connect(there.server)
    line.sendall(token_request(form))
    time.sleep(0.2 * sandbox.slower())
    return line, login


# --- what a request is ------------------------------------------------------------------------------------------------

@test("a plain request is answered, ten on one connection, in order also when all are sent at once")
def keep_alive():
    with connect() as line:
        for _ in range(3):
            line.sendall(ok)
            status, head, body = receive(line)
            assert status == 200 and json.loads(body) == {"status": "ok"} and "Connection: close" not in head, head
        line.sendall(ok * 4 + ok.replace(b"/healthz", b"/nothing.here") + ok * 2)
        text = b""
        while text.count(b"HTTP/1.1") < 5:
            text += line.recv(65536)
        assert re.findall(rb"HTTP/1.1 (\d+)", text)[:5] == [b"200"] * 4 + [b"404"], text


HOST = "Host: localhost\r\n"
POST = "POST /ciba/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
MALFORMED = {  # what it is, and the bytes
    "two Content-Length": POST + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "two different Content-Length": POST + "Content-Length: 3\r\ncontent-length: 30\r\n\r\nabc",
    "Content-Length in a list": POST + "Content-Length: 3, 3\r\n\r\nabc",
    "Content-Length with a sign": POST + "Content-Length: +3\r\n\r\nabc",
    "Content-Length below zero": POST + "Content-Length: -1\r\n\r\n",
    "Content-Length in hex": POST + "Content-Length: 0x3\r\n\r\nabc",
    "Content-Length without digits": POST + "Content-Length: \r\n\r\n",
    "Content-Length beyond 64 bits": POST + "Content-Length: 18446744073709551617\r\n\r\na",
    "two Transfer-Encoding": POST + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "length and chunks": POST + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and length": POST + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "another coding": POST + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "identity coding": POST + "Transfer-Encoding: identity\r\n\r\n",
    "chunked, after a blank": POST + "Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    "a coding in HTTP/1.0": POST.replace("1.1", "1.0") + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a blank before the colon": POST + "Content-Length : 3\r\n\r\nabc",
    "a name that is no token": f"GET / HTTP/1.1\r\n{HOST}Na(me: x\r\n\r\n",
    "no name": f"GET / HTTP/1.1\r\n{HOST}: x\r\n\r\n",
    "a line without colon": f"GET / HTTP/1.1\r\n{HOST}nonsense\r\n\r\n",
    "no Host": "GET /healthz HTTP/1.1\r\n\r\n",
    "no Host in HTTP/1.0": "GET /healthz HTTP/1.0\r\n\r\n",
    "two Hosts": f"GET /healthz HTTP/1.1\r\n{HOST}{HOST}\r\n",
    "an empty Host": "GET /healthz HTTP/1.1\r\nHost:\r\n\r\n",
    "a Host with a path": "GET /healthz HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "a Host with a user": "GET /healthz HTTP/1.1\r\nHost: a@b\r\n\r\n",
    "bare LF": f"GET /healthz HTTP/1.1\nHost: localhost\n\n",
    "one bare LF": f"GET /healthz HTTP/1.1\r\nHost: localhost\nX: y\r\n\r\n",
    "bare CR": f"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: a\rb\r\n\r\n",
    "a folded line": f"GET /healthz HTTP/1.1\r\n{HOST}X: a\r\n b\r\n\r\n",
    "a folded first line": f"GET /healthz HTTP/1.1\r\n {HOST}\r\n",
    "NUL in a value": f"GET /healthz HTTP/1.1\r\n{HOST}X: a\0b\r\n\r\n",
    "NUL in the path": f"GET /he\0althz HTTP/1.1\r\n{HOST}\r\n",
    "another control character": f"GET /healthz HTTP/1.1\r\n{HOST}X: a\x1b[2Jb\r\n\r\n",
    "DEL": f"GET /healthz HTTP/1.1\r\n{HOST}X: \x7f\r\n\r\n",
    "two Content-Type": POST + "Content-Type: application/json\r\nContent-Length: 0\r\n\r\n",
    "an empty line in front": f"\r\nGET /healthz HTTP/1.1\r\n{HOST}\r\n",
    "two blanks": f"GET  /healthz HTTP/1.1\r\n{HOST}\r\n",
    "a blank in the path": f"GET /heal thz HTTP/1.1\r\n{HOST}\r\n",
    "a tab for a blank": f"GET\t/healthz\tHTTP/1.1\r\n{HOST}\r\n",
    "no version": f"GET /healthz\r\n{HOST}\r\n",
    "a version of one digit": f"GET /healthz HTTP/1\r\n{HOST}\r\n",
    "a version of more digits": f"GET /healthz HTTP/1.10\r\n{HOST}\r\n",
    "the version in lower case": f"GET /healthz http/1.1\r\n{HOST}\r\n",
    "a whole URL": f"GET http://localhost/healthz HTTP/1.1\r\n{HOST}\r\n",
    "CONNECT's form": f"CONNECT localhost:22 HTTP/1.1\r\n{HOST}\r\n",
    "the asterisk": f"OPTIONS * HTTP/1.1\r\n{HOST}\r\n",
    "a method that is no token": f"G/T /healthz HTTP/1.1\r\n{HOST}\r\n",
    "bytes above ASCII in the path": f"GET /\xe9 HTTP/1.1\r\n{HOST}\r\n",
    "a fragment": f"GET /healthz#x HTTP/1.1\r\n{HOST}\r\n",
}


@test("refused with 400: whatever two servers could read in two ways")
def malformed():
    wrong = {}
    for name, request in MALFORMED.items():
        try:
            status = status_of(request.encode("latin-1"), ends=True)
        except Exception as fault:  # named below, with all others
            status = repr(fault)
        if status != 400:
            wrong[name] = status
    assert not wrong, wrong
    assert status_of(f"GET /healthz HTTP/2.0\r\n{HOST}\r\n".encode(), ends=True) == 505
    assert status_of(ok) == 200


@test("a second request that is hidden in the first is not answered: behind a length and chunks, behind two lengths, behind a chunk's extension")
def smuggling():
    hidden = ok.decode()
    for head in (f"Content-Length: {len(hidden) + 5}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
                 f"Content-Length: 0\r\nContent-Length: {len(hidden)}\r\n\r\n", "Content-Length : 5\r\n\r\n", "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
                 "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n0;x\n\r\n\r\n", "Content-Length: 0\n\r\n",
                 "X: y\r\n Content-Length: 0\r\n\r\n"):
        with connect() as line:
            line.sendall((POST + head + hidden).encode())
            said = b""
            line.settimeout(3)
            while more := line.recv(65536):
                said += more
            assert said.count(b"HTTP/1.1 ") == 1 and said.startswith(b"HTTP/1.1 400"), (head, said)


@test("404, 405 with Allow, 415, 417, and paths that lead nowhere else")
def routes():
    with connect() as line:
        line.sendall(ok.replace(b"GET", b"POST"))
        status, head, _ = receive(line)
        assert status == 405 and "Allow: GET" in head, head
    with connect() as line:
        line.sendall(ok.replace(b"/healthz", b"/ciba/token"))
        status, head, _ = receive(line)
        assert status == 405 and "Allow: POST" in head, head
    for method in (b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"get"):
        assert status_of(ok.replace(b"GET", method)) == 405, method
    for path in ("/nothing", "/healthz/", "//healthz", "/lang/../../server.conf", "/lang/..", "/lang/.", "/lang/", "/lang/.hidden", "/lang/a%2fb",
                 "/lang/a/b", "/%2e%2e/x", "/phone/v1/", "/phone/v1/none", "/admin/v1/status", "/.well-known/other"):
        assert status_of(ok.replace(b"/healthz", path.encode())) == 404, path
    assert status_of(ok.replace(b"/healthz", b"/healthz?x=1")) == 200
    for kind in ("text/plain", "application/json", "application/x-www-form-urlencodedx", ""):
        request = token_request(b"a=b").replace(b"application/x-www-form-urlencoded", kind.encode())
        assert status_of(request) == 415, kind
    assert status_of(token_request(b"a=b").replace(b"urlencoded", b"URLencoded; charset=utf-8")) != 415
    assert status_of(token_request(b"a=b").replace(b"Content-Type: application/x-www-form-urlencoded\r\n", b"")) == 415
    assert status_of(token_request(b"a=b", extra="Expect: 200-ok\r\n")) == 417


@test("431 above 16 KiB of header or 64 fields, 413 above the route's body, by length and by chunks, and the client gets to read it")
def caps():
    fits = b"X: " + b"a" * 15000 + b"\r\n"
    assert status_of(ok[:-2] + fits + b"\r\n") == 200
    assert status_of(ok[:-2] + fits + b"Y: " + b"b" * 2000 + b"\r\n\r\n") == 431
    assert status_of(b"GET /" + b"a" * 17000) == 431
    assert status_of(b"a" * 17000) == 431
    assert status_of(ok[:-2] + b"X: y\r\n" * 63 + b"\r\n") == 200
    assert status_of(ok[:-2] + b"X: y\r\n" * 64 + b"\r\n") == 431
    assert status_of(token_request(b"", 16385)) == 413  # before any of it came
    assert status_of(token_request(b"", 10 ** 14)) == 413
    assert status_of(token_request(b"x" * 16384)) in (400, 401)
    assert status_of(ok[:-2] + b"Content-Length: 1\r\n\r\nx") == 413  # GET has none
    chunked = b"POST /ciba/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert status_of(chunked + b"1000\r\n" + b"x" * 4096 + b"\r\n0\r\n\r\n") in (400, 401)
    assert status_of(chunked + (b"1000\r\n" + b"x" * 4096 + b"\r\n") * 5) == 413
    with connect() as line:  # goes on sending: the answer must not be lost to a reset
        line.sendall(token_request(b"", 500000))
        for _ in range(40):
            line.sendall(b"x" * 10000)
            time.sleep(0.005)
        assert receive(line)[0] == 413


@test("chunked bodies: in any pieces, and broken ones refused")
def chunks():
    head = b"POST /ciba/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n"
    whole = head + b"3\r\na=b\r\n00A\r\n&c=dddddd\n\r\n0\r\n\r\n"
    with connect() as line:
        for byte in whole:
            line.sendall(bytes([byte]))
        answer = receive(line)
        assert answer[0] in (400, 401) and b"client_assertion" in answer[2] or b"invalid" in answer[2], answer
        line.sendall(ok)  # and the connection is still in step
        assert receive(line)[0] == 200
    for name, body in {"no size": b"\r\n", "no hex": b"g\r\n", "a sign": b"-1\r\n", "0x": b"0x3\r\nabc\r\n", "nine digits": b"000000003\r\nabc\r\n",
                       "an extension": b"3;a=b\r\nabc\r\n0\r\n\r\n", "bare LF": b"3\nabc\r\n0\r\n\r\n", "more than the size": b"3\r\nabcd\r\n0\r\n\r\n",
                       "a trailer": b"0\r\nX: y\r\n\r\n", "a blank": b"3 \r\nabc\r\n0\r\n\r\n"}.items():
        with connect() as line:
            line.sendall(head + body)
            answer = receive(line, 3)
            assert answer[0] == 400 and b"Bad Request" in answer[2], (name, answer)


@test("HTTP/1.0 and `Connection: close` end the connection; `Expect: 100-continue` is told to go on")
def closing():
    for request in (ok.replace(b"1.1", b"1.0"), ok[:-2] + b"Connection: keep-alive, Close\r\n\r\n"):
        with connect() as line:
            line.sendall(request)
            status, head, _ = receive(line)
            assert status == 200 and "Connection: close" in head and closed(line), head
    with connect() as line:
        line.sendall(token_request(b"", 3, extra="Expect: 100-continue\r\n"))
        line.settimeout(3)
        assert line.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        line.sendall(b"a=b")
        assert receive(line)[0] in (400, 401)


@test("every answer has its length, a date, nosniff, and JSON ones are not stored")
def answers():
    with connect() as line:
        line.sendall(ok)
        head = receive(line)[1]
        for field in ("Content-Length: ", "Date: ", "X-Content-Type-Options: nosniff", "Cache-Control: no-store", "Content-Type: application/json"):
            assert field in head, (field, head)


# --- how long it waits ------------------------------------------------------------------------------------------------

def drip(text, seconds, first=b""):
    """Sends a byte every half second; returns how long the server took to end it, and what it said."""
    start = time.monotonic()
    with connect() as line:
        line.sendall(first)
        line.settimeout(0.5)
        for byte in text:
            try:
                line.sendall(bytes([byte]))
                said = line.recv(1000)
                return time.monotonic() - start, said
            except TimeoutError:
                if time.monotonic() - start > seconds:
                    return None, b""
            except OSError:
                return time.monotonic() - start, b""
    return None, b""


@test("a deadline for header, body and silence, however a client drips; meanwhile a held request is not ended by any")
def deadlines():
    slow_head = ok[:-2] + b"X: " + b"a" * 60
    slow_body = token_request(b"", 60)
    held, login = held_request()
    start = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        head = pool.submit(drip, slow_head, 20, slow_head[:50])
        body = pool.submit(drip, b"a" * 60, 20, slow_body)
        chunk = pool.submit(drip, b"0" * 60, 20, slow_body.replace(b"Content-Length: 60", b"Transfer-Encoding: chunked") + b"1\r\n")

        def silence():
            with connect() as line:
                begin = time.monotonic()
                assert closed(line, 20)
                return time.monotonic() - begin
        quiet = pool.submit(silence)
        for name, one in (("head", head), ("body", body)):
            took, said = one.result()
            assert took and 8 < took < 13 and b" 408 " in said, (name, took, said)
        took, said = chunk.result()
        assert took and took < 13 and (b" 408 " in said or b" 400 " in said), (took, said)
        assert 8 < quiet.result() < 13, quiet.result()
    status, _, answer = receive(held, 10)
    assert 12 < time.monotonic() - start < 15 and status == 400 and json.loads(answer)["error"] == "authorization_pending", answer
    held.close()
    login.cancel()


@test("a client that leaves a held request is noticed at once, by close and by reset, and half a close counts")
def leaving():
    before = connections()

    def left(how):
        line, login = held_request()
        assert connections() == before + 1
        how(line)
        sandbox.wait_for("the server to notice", lambda: connections() == before, 3)
        line.close()
        again = login.hold()  # another may wait in its place: nothing of the first is left
        login.cancel()
        assert again.get().json.get("reason") == "cancelled", again.get()
    left(lambda line: line.close())
    left(lambda line: (line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0"), line.close()))
    left(lambda line: line.shutdown(socket.SHUT_WR))


@test("a client that floods a held request is cut off")
def flood():
    line, login = held_request()
    try:
        for _ in range(200):
            line.sendall(b"x" * 4096)
        assert closed(line)
    except ConnectionError:
        pass
    line.close()
    login.cancel()
    assert connections() < 5


@test("clients that do not read their answers hold up nobody, cost little memory, and are ended")
def not_reading():
    with Files() as server:
        lines = []
        for _ in range(150):
            line = socket.socket()
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            line.connect(("127.0.0.1", server.port))
            line.sendall(ok.replace(b"/healthz", b"/large.js"))
            lines.append(line)
        time.sleep(0.3)
        start = time.monotonic()
        with connect(server) as line:
            line.sendall(ok.replace(b"/healthz", b"/large.js"))
            assert receive(line)[2] == Files.LARGE and time.monotonic() - start < 2
        rss = int(sandbox.sh("ps", "-o", "rss=", "-p", str(server.child.pid)).stdout)
        assert rss < 60000, f"{rss} KiB for 150 answers of 1.9 MB that nobody reads"
        assert receive(lines[0], 10)[2] == Files.LARGE  # one that begins to read gets all of it
        for line in lines:
            line.close()
        sandbox.wait_for("the server to let them go", lambda: server.json("status")["connections"] == 1, 10)


class Files(peers.Server):
    """With a large file of the app."""
    LARGE = os.urandom(950000).hex().encode()

    def start(self):
        os.makedirs(f"{self.folder}/phone", mode=0o755, exist_ok=True)
        with open(f"{self.folder}/phone/large.js", "wb") as out:
            out.write(self.LARGE)
        super().start()


def idle_after_held(there):
    """A login that is held and then answered; how long its connection may be silent after it, and whether it served between."""
    line, login = held_request(there)
    login.cancel()
    first = receive(line)
    line.sendall(ok)
    second, start = receive(line), time.monotonic()
    assert first[0] == 400 and second[0] == 200, (first, second)
    assert closed(line, 70)
    return time.monotonic() - start


def never_reads(there):
    """How long the server keeps an answer for a client that takes none of it."""
    with socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.connect(("127.0.0.1", there.port))
        line.sendall(ok.replace(b"/healthz", b"/large.js"))
        start = time.monotonic()
        sandbox.wait_for("the connection", lambda: there.json("status")["connections"] == 2)  # and the one that asks
        while there.json("status")["connections"] > 1:
            assert time.monotonic() - start < 80
            time.sleep(2)
        return time.monotonic() - start


# They take a minute, and begin before all others: see `patience`.
lasting, large = peers.Server(LIMITS), Files(LIMITS)
lasting.cli("user", "add", "alice")
sandbox.wait_for("the probes' places", lambda: large.json("status")["connections"] == 1)
lasting_calls = [peers.Later(idle_after_held, peers.Host(lasting)), peers.Later(never_reads, large)]


@test("300 clients that send a byte a second: others are answered at once meanwhile, and they cost little memory")
def slow_crowd():
    lines = []
    for _ in range(300):
        line = connect()
        line.sendall(ok[:20])
        lines.append(line)
    slowest = 0.0
    for byte in ok[20:24]:
        for line in lines:
            line.sendall(bytes([byte]))
        time.sleep(1)
        start = time.monotonic()
        login = host.ask()
        assert status_of(ok) == 200 and login.answer.status == 200
        slowest = max(slowest, time.monotonic() - start)
        login.cancel()
    assert slowest < sandbox.slower(), slowest
    assert int(sandbox.sh("ps", "-o", "rss=", "-p", str(plain.child.pid)).stdout) < 60000
    for line in lines:
        line.sendall(ok[24:])
    assert all(receive(line)[0] == 200 for line in lines), "slow is not wrong, within the deadline"
    for line in lines:
        line.close()
    sandbox.wait_for("the server to let them go", lambda: connections() < 5, 3)


# --- connections ------------------------------------------------------------------------------------------------------

@test("600 connections at once find room while the server is busy: the backlog is no 128")
def backlog():
    plain.child.send_signal(signal.SIGSTOP)
    lines = []
    try:
        for _ in range(600):
            line = socket.socket()
            line.setblocking(False)
            line.connect_ex(("127.0.0.1", plain.port))
            lines.append(line)
        end, waiting = time.monotonic() + 1.0, set(lines)
        while waiting and time.monotonic() < end:
            waiting -= set(select.select([], list(waiting), [], 0.1)[1])
        assert not waiting, f"{len(waiting)} of 600 not connected"
    finally:
        plain.child.send_signal(signal.SIGCONT)
        for line in lines:
            line.close()
    sandbox.wait_for("the server to let them go", lambda: connections() < 5, 3)


@test("descriptors are as many as the system gives")
def descriptors():
    line = next(l for l in sandbox.read(f"/proc/{plain.child.pid}/limits").splitlines() if l.startswith("Max open files"))
    soft, hard = line.split()[3:5]
    assert soft == hard, line
    assert re.search(r"Max core file size\s+0\s+0", sandbox.read(f"/proc/{plain.child.pid}/limits"))


@test("one address has so many connections without a signature: the oldest gives way to a new one, another address's stay")
def per_address():
    with peers.Server(peers.LIMITS + "connections_per_address = 5\n") as small:
        sandbox.wait_for("the probes' places", lambda: small.json("status")["connections"] == 1)
        with connect(small, "127.0.0.9") as elsewhere:
            lines = [connect(small) for _ in range(7)]
            assert closed(lines[0], 2) and closed(lines[1], 2)
            for line in lines[2:] + [elsewhere]:
                line.sendall(ok)
                assert receive(line)[0] == 200
            assert small.json("status")["connections"] == 7, "five, one of elsewhere, and the one that asks"
        lines.pop().close()
        sandbox.wait_for("a free place", lambda: small.json("status")["connections"] == 5)
        lines.append(connect(small))
        for line in lines[2:]:
            line.sendall(ok)
            assert receive(line)[0] == 200, "nobody had to go"
        for line in lines:
            line.close()
        assert sandbox.read(small.log).count("as many as one address may have") == 1


@test("a login that waits is not pushed out by its address's other connections; what is signed counts for its host or phone, which has so many")
def signed_connections():
    with peers.Server(peers.LIMITS + "connections_per_address = 5\nopen_per_host = 3\n") as small:
        small.cli("user", "add", "alice")
        mine, there = peers.Host(small), peers.Phone(small)
        sandbox.wait_for("the calls' places", lambda: small.json("status")["connections"] == 1)

        def signed(body, path, content_type):
            line = connect(small)
            line.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
            return line

        def of_host():  # a code for a request that is none: refused, but signed
            body = urllib.parse.urlencode({"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                                           "client_assertion": mine.assertion(), "auth_req_id": "none", "reason": "not_needed"})
            return signed(body, "/ciba/cancel", "application/x-www-form-urlencoded")

        def served(line):
            answer = receive(line)
            assert answer[0] in (200, 400) and b"invalid_client" not in answer[2] and b"bad_message" not in answer[2], answer
            return line

        held, login = held_request(mine)
        hosts = [served(of_host()) for _ in range(4)]  # two count for web1, two still for the address
        phones = [served(signed(there.message("requests", wait=0, seen=""), "/phone/v1/requests", "application/jose")) for _ in range(10)]
        crowd = [connect(small) for _ in range(12)]
        assert small.json("status")["connections"] == 3 + 8 + 5 + 1
        assert all(stays(line) for line in [held, *hosts[:2]]) and all(closed(line, 1) for line in hosts[2:])
        assert all(stays(line) for line in phones[:8]) and all(closed(line, 1) for line in phones[8:])
        assert all(closed(line, 1) for line in crowd[:7]) and all(stays(line) for line in crowd[7:])
        for _ in range(10):
            assert mine.ask(extra={"methods": "code"}, life=10).cancel().status == 200
        there.decide(login)
        assert receive(held)[0] == 200
        for line in [held, *hosts, *phones, *crowd]:
            line.close()
        sandbox.wait_for("their places", lambda: small.json("status")["connections"] == 1)


@test("a process that holds and renews idle connections from a host's own address keeps no login of it out")
def idle_crowd():
    with peers.Server("") as small:
        small.cli("user", "add", "alice")
        mine = peers.Host(small)
        program = ("import socket, sys, time\ncs = []\nprint(flush=True)\n"
                   "while True:\n"
                   "    while len(cs) < 260:\n"
                   "        c = socket.create_connection(('127.0.0.1', int(sys.argv[1])))\n        c.setblocking(False)\n        cs.append(c)\n"
                   "    for c in list(cs):\n"
                   "        try:\n            gone = c.recv(1) == b''\n"
                   "        except BlockingIOError:\n            gone = False\n"
                   "        except OSError:\n            gone = True\n"
                   "        if gone:\n            c.close()\n            cs.remove(c)\n"
                   "    time.sleep(0.02)\n")
        crowd = subprocess.Popen([sys.executable, "-c", program, str(small.port)], stdout=subprocess.PIPE)
        try:
            crowd.stdout.readline()
            sandbox.wait_for("the crowd", lambda: small.json("status")["connections"] >= 200)
            for i in range(40):
                login = mine.ask(user=f"u{i}", life=10)
                assert login.answer.status == 200, login.answer
                time.sleep(0.02)
        finally:
            crowd.kill()
            crowd.wait()
            crowd.stdout.close()


@test("whoever fills the server from many addresses keeps nobody out: the oldest without a signature gives way, whoever has it, and the log says so")
def many_addresses():
    with peers.Server(peers.LIMITS + "connections = 20\nconnections_per_address = 5\n") as small:
        small.cli("user", "add", "alice")
        mine, there = peers.Host(small), peers.Phone(small)
        sandbox.wait_for("the calls' places", lambda: small.json("status")["connections"] == 1)

        def served(source):
            line = connect(small, source)
            line.sendall(ok)
            assert receive(line)[0] == 200
            return line

        held, login = held_request(mine)
        crowd = [served(f"127.0.0.{source}") for source in (2, 3, 4, 5) for _ in range(6)]  # a sixth is too many for its address
        assert all(closed(line) for line in crowd[::6]) and closed(crowd[1]), "one more in all, with the one that waits"
        for line in (crowd[2], crowd[7]):
            line.sendall(ok)
            assert receive(line)[0] == 200
        elsewhere = [served("127.0.0.9") for _ in range(5)]
        assert all(closed(crowd[i]) for i in (3, 4, 5, 8, 9)), "the longest quiet ones, whoever has them"
        assert all(stays(line) for line in [held, *elsewhere, crowd[2], crowd[7], *crowd[10:12], *crowd[13:18], *crowd[19:]])
        for i in range(30):
            assert mine.ask(user=f"u{i}", life=10).answer.status == 200
            served("127.0.0.10")
        there.decide(login)
        assert receive(held)[0] == 200
        log = sandbox.read(small.log)
        assert log.count("as many as one address may have") == 1 and log.count("connections ended: 20 are open") == 1 and "refused" not in log, log
        for line in [held, *crowd, *elsewhere]:
            line.close()


@test("the cap on all connections ends none that was signed, and leaves the admin socket free; running out of descriptors is survived")
def in_all():
    with peers.Server(LIMITS + "connections = 10\n") as small:
        small.cli("user", "add", "alice")
        mine = peers.Host(small)
        sandbox.wait_for("the probes' places", lambda: small.json("status")["connections"] == 1)
        lines = [held_request(mine)[0] for _ in range(10)]
        with connect(small) as line:
            assert closed(line, 2)
        assert all(stays(line) for line in lines) and "connections refused: 10 are open" in sandbox.read(small.log)
        assert small.json("status")["connections"] == 11
        for line in lines:
            line.close()
        # no descriptors: accepting fails, and works again when there are some. The soft limit alone, which anyone may raise again.
        pid = f"--pid={small.child.pid}"
        sandbox.sh("prlimit", pid, "--nofile=3:")
        with connect(small) as line:
            line.sendall(ok)
            time.sleep(1.5)
            refusals = sandbox.read(small.log).count("could not be accepted")
            assert 1 <= refusals < 20, f"{refusals} tries: it spins"
            sandbox.sh("prlimit", pid, "--nofile=200:")
            assert receive(line, 3)[0] == 200


@test("a system that allows few descriptors: the server says how many connections that leaves, keeps some for itself, and serves")
def few_descriptors():
    with peers.Server(LIMITS, prefix=("prlimit", "--nofile=100:100")) as small:
        assert "36 connections at most" in sandbox.read(small.log), sandbox.read(small.log)
        lines = [connect(small) for _ in range(60)]
        sandbox.wait_for("the server to end some", lambda: "connections ended: 36 are open" in sandbox.read(small.log))
        # and the one that asks; of the 36 one may have been the probe for the server's start, which has ended since
        sandbox.wait_for("36 or 37 connections", lambda: small.json("status")["connections"] in (36, 37))
        small.cli("user", "add", "alice")
        phone, login = peers.Phone(small), peers.Host(small).ask()
        assert phone.decide(login).status == 200
        login.approval(login.token())
        for line in lines:
            line.close()
        assert "could not be accepted" not in sandbox.read(small.log)


@test("unix:/PATH serves a reverse proxy; the socket of a server that was killed is no obstacle")
def unix_socket():
    folder = tempfile.mkdtemp()
    try:
        with UnixServer(folder) as server:
            for _ in range(2):
                with socket.socket(socket.AF_UNIX) as line:
                    line.connect(f"{folder}/http.sock")
                    line.sendall(ok)
                    assert receive(line)[0] == 200
                    line.sendall(ok.replace(b"/healthz", b"/admin/v1/status"))
                    assert receive(line)[0] == 404
                server.stop(signal.SIGKILL)
                assert os.path.exists(f"{folder}/http.sock")
                server.start()
            server.stop()
            assert not os.path.exists(f"{folder}/http.sock") and not os.path.exists(f"{server.folder}/admin.sock")
    finally:
        shutil.rmtree(folder)


class UnixServer(peers.Server):
    """https in the URL, but no TLS of its own: loopback and a Unix socket, for a proxy."""

    def __init__(self, folder):
        self.folder = tempfile.mkdtemp(prefix="approve-server.")
        self.port = sandbox.free_port()
        self.url = "https://approve.example.org"
        self.conf, self.data, self.log = f"{self.folder}/server.conf", f"{self.folder}/data", f"{self.folder}/log"
        os.mkdir(self.data, 0o700)
        sandbox.write(self.conf, f"[server]\nurl = {self.url}\nlisten = unix:{folder}/http.sock, 127.0.0.1:{self.port}\ndata = {self.data}\n"
                                 f"admin_socket = {self.folder}/admin.sock\n", 0o600)
        self.child = None
        made = self.cli("init")
        assert "certificate" not in made, made
        self.start()


@test("the admin socket: its calls are nowhere else, others' calls are not on it, and only root or the server's own user gets in")
def admin_socket():
    path = f"{plain.folder}/admin.sock"
    assert os.stat(path).st_mode & 0o777 == 0o600
    body = b"{}"
    call = b"POST /admin/v1/status HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"

    def ask(request):
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(path)
            line.sendall(request)
            return receive(line)
    status, _, body = ask(call)
    assert status == 200 and json.loads(body)["pid"] == plain.child.pid
    assert ask(ok)[0] == 404
    assert status_of(call) == 404
    os.chmod(plain.folder, 0o755)
    os.chmod(path, 0o666)
    try:
        script = f"import socket; s = socket.socket(socket.AF_UNIX); s.connect({path!r}); s.sendall({call!r}); print(s.recv(1000))"
        said = sandbox.sh("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/python3", "-c", script, check=False).stdout
        assert "200 OK" not in said and ("b''" in said or "reset" in said.lower() or "pipe" in said.lower()), said
    finally:
        os.chmod(path, 0o600)
        os.chmod(plain.folder, 0o700)


# --- TLS --------------------------------------------------------------------------------------------------------------

def tls_context(**settings):
    context = ssl.create_default_context(cafile=f"{tls.data}/certificate.pem")
    for name, value in settings.items():
        setattr(context, name, value)
    return context


def tls_connect(context=None, session=None):
    return (context or tls_context()).wrap_socket(connect(tls), server_hostname="localhost", session=session)


@test("TLS: the certificate names the URL's host, ALPN says http/1.1, 1.2 and 1.3 only")
def tls_versions():
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = tls_context(minimum_version=version, maximum_version=version)
        context.set_alpn_protocols(["h2", "http/1.1"])
        with tls_connect(context) as line:
            assert line.selected_alpn_protocol() == "http/1.1" and line.version() == version.name.replace("_", ".")
            line.sendall(ok)
            assert receive(line)[0] == 200
    for settings in ({"minimum_version": ssl.TLSVersion.TLSv1, "maximum_version": ssl.TLSVersion.TLSv1_1},):
        context = tls_context(**settings)
        context.set_ciphers("ALL:@SECLEVEL=0")
        try:
            tls_connect(context).close()
            raise AssertionError("TLS 1.1 was taken")
        except ssl.SSLError as fault:
            assert "ersion" in str(fault) or "alert" in str(fault).lower(), fault
    context = tls_context()
    context.set_alpn_protocols(["h2"])
    try:
        tls_connect(context).close()
        raise AssertionError("h2 alone was taken")
    except ssl.SSLError as fault:
        assert "no application protocol" in str(fault).lower(), fault


@test("TLS: a session is resumed by its ticket")
def tls_tickets():
    context = tls_context(maximum_version=ssl.TLSVersion.TLSv1_2)
    with tls_connect(context) as line:
        line.sendall(ok)
        receive(line)
        session = line.session
    assert session.has_ticket
    with tls_connect(context, session) as line:
        assert line.session_reused


@test("TLS: a second answer right behind the first takes a few milliseconds, not Nagle's 40")
def no_delay():
    with tls_connect() as line:
        times = []
        for turn in range(40):
            start = time.monotonic()
            line.sendall(ok * (2 if turn > 20 else 1))
            text = b""
            while text.count(b'"ok"') < (2 if turn > 20 else 1):
                text += line.recv(65536)
            if turn > 20:
                times.append(time.monotonic() - start)
            time.sleep(0.005)
    assert sorted(times)[len(times) // 2] < 0.03, times


@test("TLS: plain HTTP, noise and a client that never finishes its handshake are ended; others are served meanwhile")
def tls_noise():
    with connect(tls) as line:
        line.sendall(ok)
        said = b""
        while not closed(line):
            said += b"?"
        assert len(said) < 10, "an answer to plain http"
    with connect(tls) as line:
        line.sendall(os.urandom(2000))
        while not closed(line):
            pass
    with connect(tls) as half:
        start = time.monotonic()
        half.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        with tls_connect() as line:
            line.sendall(ok)
            assert receive(line)[0] == 200
        half.settimeout(15)
        while half.recv(1000):
            pass
        assert 8 < time.monotonic() - start < 13


@test("TLS: a client that leaves a held connection without a word is noticed")
def tls_leaving():
    count = lambda: tls.json("status")["connections"]  # noqa: E731
    before = count()
    line = tls_connect()
    line.sendall(ok)
    assert receive(line)[0] == 200 and count() == before + 1
    os.close(line.detach())
    sandbox.wait_for("the server to notice", lambda: count() == before, 3)


@test("the pin in tokens and links is the SHA-256 of the certificate's public key")
def pin():
    tls.cli("user", "add", "bob")
    wanted = subprocess.run(f"openssl x509 -in {tls.data}/certificate.pem -noout -pubkey | openssl pkey -pubin -outform DER | openssl dgst -sha256 -binary",
                            shell=True, check=True, stdout=subprocess.PIPE).stdout
    wanted = peers.encode(wanted)
    assert sandbox.join_command(tls.cli("host", "add", "web1"))[1].split(".")[1] == wanted
    assert re.search(r"/enroll#[\w-]{22}\.(\S+)", tls.cli("enroll", "bob")).group(1) == wanted
    assert re.fullmatch(r"[\w-]{22}", sandbox.join_command(plain.cli("host", "add", "web9"))[1])


@test("a connection that was held is as any other after it: it serves, and a minute's silence ends it; so does a client that takes none of its answer")
def patience():
    silent, unread = (call.get(90) for call in lasting_calls)
    assert 55 < silent < 66 and 50 < unread < 75, (silent, unread)
    assert large.call("GET", "/healthz").status == 200


# --- the process ------------------------------------------------------------------------------------------------------

@test("SIGTERM ends it cleanly and at once, with calls held; the data stays in order")
def ending():
    with peers.Server(LIMITS) as server:
        server.cli("user", "add", "alice")
        there = peers.Host(server)
        login = there.ask()
        held = login.hold()
        start = time.monotonic()
        server.child.send_signal(signal.SIGTERM)
        assert server.child.wait(5) == 0 and time.monotonic() - start < sandbox.slower()
        try:
            held.get()
            raise AssertionError("answered")
        except (OSError, peers.http.client.HTTPException):
            pass
        server.start()
        assert login.cancel().status == 200
        assert server.activity("alice")[0]["result"] == "caller_gone"


if __name__ == "__main__":
    try:
        test.run(lambda: "\n--- server\n" + sandbox.read(plain.log)[-2000:])
    finally:
        for one in (plain, tls, lasting, large):
            one.stop()
            shutil.rmtree(one.folder, ignore_errors=True)
