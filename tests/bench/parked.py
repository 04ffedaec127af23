#!/usr/bin/python3
"""Logins that wait: memory of the server for each, plain and with TLS, and an approval with none and with 10,000 of them parked. Prints JSON."""
import json
import os
import statistics
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import crowd  # noqa: E402

PARKED = int(os.environ.get("BENCH_PARKED", "10000"))
MEASURED = 1000  # for memory
SIGN_INS, ROUNDS = 40, 3
USERS = 250
CONF = """
[requests]
token_hold = 60
max_life = 600
[limits]
pushes_per_source = 1000
pushes_per_user = 1000
open_per_host = 100000
requests_per_host = 1000000
open_per_user = 100000
connections = 20000
connections_per_address = 20000
"""


class Parked:
    """Logins that wait; more can be signed in beside them."""

    def __init__(self, server, count):
        self.child = subprocess.Popen(server.load("park", count), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.child.stdout.readline() == "parked\n", "the logins were not parked"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.stdin.close()
        assert self.child.wait(30) == 0

    def median(self):
        """From the phone's answer to the host's token, in milliseconds."""
        self.child.stdin.write(f"{SIGN_INS}\n")
        self.child.stdin.flush()
        return float(self.child.stdout.readline()) / 1000


def memory(server):
    """Bytes of the server's own for each login that waits; what it had before counts not."""
    with Parked(server, 200):
        before = crowd.resident(server.child.pid)
        with Parked(server, MEASURED):
            return (crowd.resident(server.child.pid) - before) / MEASURED


def main():
    found = {}
    with crowd.Crowd(USERS, CONF, "https") as server:
        found["tls"] = memory(server)
    with crowd.Crowd(USERS, CONF) as server:
        found["plain"] = memory(server)
        with crowd.Crowd(USERS, CONF) as other, Parked(server, PARKED) as many, Parked(other, 0) as none:
            rounds = [(many.median(), none.median()) for _ in range(ROUNDS)]
    found |= {"many": statistics.median(many for many, _ in rounds), "none": statistics.median(none for _, none in rounds),
              "ratio": statistics.median(many / none for many, none in rounds), "count": PARKED}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
