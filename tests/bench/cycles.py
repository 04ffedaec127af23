#!/usr/bin/python3
"""Full sign-ins: asked by a host, approved by a phone, collected as an ID token, each durable in SQLite; without and with the push. Prints JSON.

The load is tests/bench/load.c: many connections, on the other core. In the same run, in turns: npm's oidc-provider with private_key_jwt, in memory; and what
`openssl speed` gives for the signatures of one sign-in of ours (four verified, one made). All are for a second of the server's processor time; `wall` is what
the whole gives a second where the machine has nothing else to do. `poller`: milliseconds from an approval to the token for a client that polls.
"""
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import crowd  # noqa: E402
from crowd import TOP, cpu_seconds, peers, pinned  # noqa: E402
from push_service import PushService  # noqa: E402

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
COUNT, USERS, AT_ONCE = 600, 450, 128  # a user's requests stay below the server's own limits
PUSHED, PUSHED_AT_ONCE = 300, 64  # the tests' push service is Python, and decrypts all
LINES = "[limits]\nconnections_per_address = 1000\n"  # two for each sign-in under way
VERIFIED, MADE = 4, 1
PEER_COUNT = 300
UNIT = re.search(r"^Environment=(.*)$", peers.sandbox.read(f"{TOP}/conf/systemd/approve-server.service"), re.M)


class OidcProvider:
    """npm's oidc-provider, on the server's core."""

    def __init__(self):
        subprocess.run([f"{TOP}/tests/install-npm", "bench"], check=True)
        self.node = f"{TOP}/build/npm-bench/node_modules/.bin/node"
        self.folder = tempfile.TemporaryDirectory(prefix="approve-bench.")
        self.at = [str(peers.sandbox.free_port()), f"{self.folder.name}/keys"]
        self.child = subprocess.Popen(pinned(0) + [self.node, f"{TOP}/tests/bench/oidc.mjs", "serve", *self.at], stdout=subprocess.PIPE,
                                      stderr=subprocess.DEVNULL, text=True)
        while self.child.stdout.readline().strip() != "ready":
            assert self.child.poll() is None, "oidc-provider ended"

    def __enter__(self):
        self.seconds()  # warm
        return self

    def __exit__(self, *_):
        self.child.kill()
        self.child.wait()
        self.child.stdout.close()
        self.folder.cleanup()

    def client(self, *words):
        """A client's output."""
        return float(subprocess.run(pinned(1) + [self.node, f"{TOP}/tests/bench/oidc.mjs", words[0], *self.at, *map(str, words[1:])], stdout=subprocess.PIPE,
                                    text=True, check=True, timeout=60).stdout)

    def seconds(self):
        before = cpu_seconds(self.child.pid)
        self.client("load", PEER_COUNT, 32)
        return cpu_seconds(self.child.pid) - before


def signatures():
    """Sign-ins a second that the signatures alone would allow."""
    out = subprocess.run(pinned(0) + ["openssl", "speed", "-seconds", "1", "ecdsap256"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                         check=True).stdout
    sign, verify = map(float, re.search(r"ecdsa.*?\s([\d.]+)\s+([\d.]+)\s*$", out, re.M).groups())
    return 1 / (VERIFIED / verify + MADE / sign)


def main():
    found = {name: [] for name in ("limit", "plain", "held", "wall", "pushed", "oidc_provider", "poller")}
    os.environ.update([UNIT.group(1).split("=", 1)] if UNIT else [])  # as the service is run
    with PushService() as service:
        browsers = []

        def subscribe():
            browsers.append(service.subscribe())
            return browsers[-1].json
        push = f"[push]\nservices = {service.host}\ncertificates = {service.ca_file}\nprivate_addresses = yes\n"
        with crowd.Crowd(USERS, LINES) as plain, crowd.Crowd(USERS // 2, LINES + push, push=subscribe) as pushed, OidcProvider() as peer:
            plain.seconds("cycles", COUNT, AT_ONCE)  # warm, as the peer is
            for _ in range(ROUNDS):
                found["limit"].append(signatures())
                wall, cpu = plain.seconds("cycles", COUNT, AT_ONCE)
                found["wall"].append(COUNT / wall)
                found["plain"].append(COUNT / cpu)
                found["held"].append(COUNT / plain.seconds("held", COUNT, AT_ONCE)[1])
                before = cpu_seconds(pushed.child.pid)
                pushed.seconds("cycles", PUSHED, PUSHED_AT_ONCE)
                time.sleep(1)  # for the last pushes
                found["pushed"].append(PUSHED / (cpu_seconds(pushed.child.pid) - before))
                found["oidc_provider"].append(PEER_COUNT / peer.seconds())
            pushes = sum(len(browser.pushes) for browser in browsers)
            assert pushes >= PUSHED * ROUNDS * 9 // 10 and not service.faults, (pushes, service.faults)
            found["poller"].append(peer.client("poll", 21))
    print(json.dumps({name: statistics.median(values) for name, values in found.items()}))


if __name__ == "__main__":
    main()
