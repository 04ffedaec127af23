"""A server with a crowd: many users with a phone each, and some hosts; and tests/bench/load.c, which signs them in. For the measurements."""
import http.client
import json
import os
import re
import socket
import subprocess
import sys

from cryptography.hazmat.primitives import serialization

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "backend"))
import peers  # noqa: E402

TOP, BUILD = peers.TOP, os.path.join(peers.TOP, os.environ.get("B", "build"))
LOAD = os.path.join(BUILD, "tests/bench/load")
HOSTS = 19  # no divisor of the users: each user signs in on several, which share what may ring a phone


class AdminSocket(http.client.HTTPConnection):
    """The admin socket, for thousands of calls: a command each would take minutes."""

    def __init__(self, path):
        super().__init__("localhost", timeout=30)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)

    def call(self, name, /, **members):
        self.request("POST", f"/admin/v1/{name}", json.dumps(members), {"Content-Type": "application/json"})
        answer = self.getresponse()
        body = answer.read()
        assert answer.status == 200, body
        return json.loads(body)


def pem(key):
    return key.private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()


class Crowd(peers.Server):
    """approve-server on one core of its own (where there are two), with its people."""

    def __init__(self, users, conf="", scheme="http", push=None):
        super().__init__(conf, pinned(0), scheme)
        self.signed_in = 0
        self.world = f"{self.folder}/world.json"
        try:
            self.settle(users, push)
        except BaseException:
            self.__exit__()
            raise

    def settle(self, users, push):
        """Hosts join, phones enrol; their keys go to the load."""
        admin = AdminSocket(f"{self.folder}/admin.sock")
        hosts = [peers.Host(self, f"host{number}") for number in range(HOSTS)]
        phones = []
        for number in range(users):
            admin.call("user_add", name=f"user{number}")
            link = re.search(r"/enroll#(\S+)", json.dumps(admin.call("enroll", user=f"user{number}"))).group(1).rstrip('"},')
            phones.append((f"user{number}", peers.Phone(self, f"user{number}", link=link.split(".")[0], **({"push": push()} if push else {}))))
        admin.close()
        peers.sandbox.write(self.world, json.dumps({"issuer": self.url, "port": self.port,
                                                    "hosts": [{"id": host.ident, "key": pem(host.key)} for host in hosts],
                                                    "phones": [{"user": user, "key": pem(phone.key)} for user, phone in phones]}), 0o600)

    def load(self, command, count, *words):
        first, self.signed_in = self.signed_in, self.signed_in + count
        return pinned(1) + [LOAD, command, self.world, str(first), str(count), *map(str, words)] + (["tls"] if self.url.startswith("https:") else [])

    def seconds(self, *words):
        """Wall-clock seconds that a load (tests/bench/load.c) takes, and the server's processor time in it."""
        before = cpu_seconds(self.child.pid)
        out = subprocess.run(self.load(*words), stdout=subprocess.PIPE, text=True, check=True, timeout=120).stdout
        return float(out), cpu_seconds(self.child.pid) - before


def pinned(core):
    return ["taskset", "-c", str(core)] if os.cpu_count() > 1 else []


def cpu_seconds(pid):
    """Of all threads, to the nanosecond: /proc/PID/stat counts in hundredths."""
    return sum(int(peers.sandbox.read(f"/proc/{pid}/task/{task}/schedstat").split()[0]) for task in os.listdir(f"/proc/{pid}/task")) / 1e9


def resident(pid):
    """Bytes of memory that are the process's own."""
    return sum(int(size) for size in re.findall(r"^(?:Private_Clean|Private_Dirty): +(\d+) kB", peers.sandbox.read(f"/proc/{pid}/smaps_rollup"), re.M)) * 1024
