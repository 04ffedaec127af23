"""Runs the real approve-helper and plays the module's part (docs/helper-protocol.md) over its socket."""
import concurrent.futures
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

from backend import Backend
from jose import Key
from tls import pinned_context

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "sandbox"))
from pace import slower  # noqa: E402, F401 (for the tests)

BUILD = os.path.abspath(os.environ.get("B", "build"))
UNPRIVILEGED = 1234  # the helper's uid and gid in these tests


class Frame:
    def __init__(self, data):
        self.type = data[:1].decode()
        fields = data[1:].split(b"\0")
        assert len(data) <= 4096 and (fields[-1] == b"" or data[1:] == b""), data
        self.fields = dict(f.decode().split("=", 1) for f in fields[:-1])
        assert len(self.fields) == len(fields) - 1, "a field twice"

    def __getattr__(self, name):
        return self.fields[name]

    def __repr__(self):
        return f"{self.type}{self.fields}"


class Client:
    """One authentication."""

    def __init__(self, path, **start):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(40)
        self.socket.connect(path)
        self.frames = []
        if start:
            self.send("S", **({"version": "1", "service": "sshd", "user": "alice", "rhost": "192.0.2.7", "tty": "ssh"} | start))

    def send(self, kind, **fields):
        self.socket.send(kind.encode() + b"".join(f"{k}={v}".encode() + b"\0" for k, v in fields.items()))

    def send_raw(self, data):
        self.socket.send(data)

    def receive(self):
        """The next frame, None where the helper closed."""
        data = self.socket.recv(8192)
        if not data:
            return None
        self.frames.append(Frame(data))
        return self.frames[-1]

    def until(self, *kinds):
        """The next frame of one of these types; others are kept in frames."""
        while True:
            frame = self.receive()
            assert frame is not None, f"the helper closed after {self.frames}"
            if frame.type in kinds:
                return frame
            assert frame.type != "D", f"ended early: {self.frames}"

    def prompt(self):
        return self.until("P").text

    def answer(self, text):
        self.send("A", text=text)

    def done(self, outcome):
        frame = self.until("D")
        assert frame.outcome == outcome, f"{outcome} expected: {self.frames}"
        return frame

    def texts(self):
        return [f.text for f in self.frames if f.type in "IE"]

    def close(self):
        self.socket.close()


def number_in(text):
    match = re.search(r"\b([1-9][0-9])\b", text)
    assert match, f"no number in {text!r}"
    return int(match.group(1))


class Setting:
    """A directory with host.conf and key, a backend, the helper. `conf`: more lines of host.conf; `backend`: settings and hooks; `bound`: with a state
    folder, and so with codes bound to this host. `tls`: a function of tls.py. Where it made an authority, that is the only one that the helper's
    machine knows."""

    def __init__(self, conf="", hooks=None, tls=False, trust="", provider="", timeout=2, start=True, backend=None, program=(), bound=False, **settings):
        self.directory = tempfile.mkdtemp(prefix="approve-helper-")
        os.chmod(self.directory, 0o755)
        for name, mode in (("run", 0o755), ("state", 0o700)):
            os.mkdir(f"{self.directory}/{name}", mode)
            os.chown(f"{self.directory}/{name}", UNPRIVILEGED, UNPRIVILEGED)
        self.state = f"{self.directory}/state" if bound else f"{self.directory}/nowhere"
        self.program = list(program) or [f"{BUILD}/approve-helper"]
        self.key = Key()
        context, self.pin = (pinned_context if tls is True else tls)(self.directory) if tls else (None, "")
        self.backend = backend or Backend(self.key, hooks, context, directory=self.directory, **settings)
        self.socket, self.conf, self.process, self.log = f"{self.directory}/run/socket", f"{self.directory}/host.conf", None, []
        self.write("host.key", self.key.pem(), 0o640)
        lines = f"server_key = {self.pin}\n" if self.pin else ""
        lines += f"trust = {trust}\npinned = {self.directory}/pinned\n" if trust else ""
        lines += f"provider = {provider}\n" if provider else ""
        self.text = (f"[host]\nid = web1\nname = Web One\nkey = {self.directory}/host.key\n"
                     f"[backend]\nurl = {self.backend.url}\ntimeout = {timeout}\n{lines}{conf}\n")
        self.write("host.conf", self.text)
        if start:
            try:
                self.start()
            except BaseException:
                self.__exit__(AssertionError, None, None)
                raise

    def write(self, name, text, mode=0o644):
        path = f"{self.directory}/{name}"
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path + ".new", mode)
        os.chown(path + ".new", 0, UNPRIVILEGED if mode == 0o640 else 0)
        os.rename(path + ".new", path)

    def start(self):
        self.log.clear()
        trust = []
        if os.path.exists(f"{self.directory}/ca.pem"):
            trust = ["unshare", "--mount", "--propagation=private", "sh", "-c", 'mount --bind "$0" /etc/ssl/certs/ca-certificates.crt && exec "$@"',
                     f"{self.directory}/ca.pem"]
        self.process = subprocess.Popen(
            trust + ["setpriv", f"--reuid={UNPRIVILEGED}", f"--regid={UNPRIVILEGED}", "--clear-groups", *self.program,
              "--listen", self.socket, "--config", self.conf, "--state", self.state], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True, errors="replace")
        self.reader = threading.Thread(target=lambda: self.log.extend(self.process.stderr), daemon=True)
        self.reader.start()
        deadline = time.monotonic() + 10
        while not any("is ready" in line for line in self.log):
            assert time.monotonic() < deadline and self.process.poll() is None, f"the helper did not start: {self.log}"
            time.sleep(0.01)

    def client(self, **start):
        return Client(self.socket, **({"service": "sshd"} | start))

    def logged(self, text, seconds=3):
        return self.logged_match(re.escape(text), seconds)

    def logged_match(self, pattern, seconds=3):
        """The same for a regular expression."""
        deadline = time.monotonic() + seconds
        while True:
            late = time.monotonic() > deadline
            if any(re.search(pattern, line) for line in self.log):
                return True
            if late:
                return False
            time.sleep(0.02)

    def __enter__(self):
        return self

    def __exit__(self, kind, _error, _traceback):
        status = 0
        try:
            if self.process is not None:
                self.process.terminate()
                status = self.process.wait(10)
                self.reader.join(5)
        finally:
            self.backend.close()
            shutil.rmtree(self.directory)
        if kind is not None:
            print("".join("# helper: " + line for line in self.log[-20:]), end="", file=sys.stderr)
            print(f"# backend: {[c for c in self.backend.calls if c[0] == 'error']}", file=sys.stderr)
        else:
            assert status == 0, f"the helper ended with {status}: {self.log[-30:]}"


tests = []


def test(name):
    def register(function):
        tests.append((name, function))
        return function
    return register


def main(workers=4):
    """Runs all tests side by side (most of their time is waiting), and prints TAP."""
    if os.geteuid() != 0:
        os.execvp("unshare", ["unshare", "-r", "--map-auto", sys.executable] + sys.argv)
    words = sys.argv[1:]
    chosen = [t for t in tests if not words or any(w in t[0] for w in words)]
    failed = 0

    def run(function):
        try:
            function()
            return None
        except Exception:
            return traceback.format_exc()

    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(run, function) for _, function in chosen]
        for index, ((name, _), future) in enumerate(zip(chosen, futures), 1):
            trouble = future.result()
            failed += trouble is not None
            if trouble:
                print("".join(f"# {line}\n" for line in trouble.splitlines()), end="")
            print(f"{'not ok' if trouble else 'ok'} {index} - {name}", flush=True)
    print(f"1..{len(chosen)}")
    sys.exit(1 if failed else 0)
