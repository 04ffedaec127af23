#!/usr/bin/python3
"""Full sign-ins: asked by a host, approved by a phone, collected as an ID token, each durable in SQLite; without and with the push. Prints JSON.

The clients are Python and slower than the server, so what counts is the processor time that the server used, read from /proc. Beside it, in the same run: what
`openssl speed` gives for the signatures of one sign-in (four verified, one made).
"""
import http.client
import json
import multiprocessing
import os
import re
import statistics
import subprocess
import sys
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "backend"))
import peers  # noqa: E402
from push_service import PushService  # noqa: E402

CYCLES = int(os.environ.get("BENCH_COUNT", "1500"))
WORKERS = 8
VERIFIED, MADE = 4, 1


class Line:
    """A kept connection, as helper and phone keep theirs."""

    def __init__(self, server):
        self.line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        self.host = f"localhost:{server.port}"

    def call(self, _method, path, body=None, content_type=None, timeout=None):
        self.line.request("POST", path, body, {"Host": self.host, "Content-Type": content_type})
        answer = self.line.getresponse()
        return peers.Answer(answer.status, answer.headers, answer.read())


def work(server, host, phone, user, count, results):
    line = Line(server)
    took = []
    for _ in range(count):
        details = host.details(user)
        listed = json.dumps([{"type": "pam_approve_login", "details": peers.encode(details)}])

        def post(path, **parameters):
            parameters |= {"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "client_assertion": host.assertion()}
            return line.call("POST", path, urllib.parse.urlencode(parameters), "application/x-www-form-urlencoded")
        asked = post("/ciba/backchannel", scope="openid", login_hint=user, requested_expiry=60, authorization_details=listed)
        signed = phone.decision(details, "approve", 42)
        request = json.loads(details)["request"]
        decided = line.call("POST", "/phone/v1/decide", phone.message("decide", request=request, decision=signed), "application/jose")
        start = time.monotonic()
        token = post("/ciba/token", grant_type=peers.GRANT, auth_req_id=asked.json["auth_req_id"])
        took.append(time.monotonic() - start)
        assert asked.status == decided.status == token.status == 200, (asked, decided, token)
    results.put(took)


def cpu_seconds(pid):
    fields = peers.sandbox.read(f"/proc/{pid}/stat").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(conf, push=None):
    """Sign-ins for each second of the server's processor time."""
    with peers.Server(peers.LIMITS + conf) as server:
        host, users = peers.Host(server), [f"user{number}" for number in range(WORKERS)]
        for user in users:
            server.cli("user", "add", user)
        phones = [peers.Phone(server, user, **({"push": push()} if push else {})) for user in users]
        results = multiprocessing.Queue()
        before = cpu_seconds(server.child.pid)
        workers = [multiprocessing.Process(target=work, args=(server, host, phone, user, CYCLES // WORKERS, results)) for phone, user in zip(phones, users)]
        for worker in workers:
            worker.start()
        for _ in workers:
            results.get(timeout=120)
        for worker in workers:
            worker.join()
        time.sleep(0.5)
        return CYCLES // WORKERS * WORKERS / (cpu_seconds(server.child.pid) - before)


def signatures():
    """Sign-ins a second that the signatures alone would allow."""
    out = subprocess.run(["openssl", "speed", "-seconds", "1", "ecdsap256"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True).stdout
    sign, verify = map(float, re.search(r"ecdsa.*?\s([\d.]+)\s+([\d.]+)\s*$", out, re.M).groups())
    return 1 / (VERIFIED / verify + MADE / sign)


def main():
    limit = statistics.median(signatures() for _ in range(3))
    plain = measure("")
    with PushService() as service:
        browsers = []

        def subscribe():
            browsers.append(service.subscribe())
            return browsers[-1].json
        pushed = measure(f"[push]\nservices = {service.host}\ncertificates = {service.ca_file}\nprivate_addresses = yes\n", subscribe)
        count = sum(len(browser.pushes) for browser in browsers)
        assert count >= CYCLES // WORKERS * WORKERS * 9 // 10 and not service.faults, (count, service.faults)
    print(json.dumps({"limit": limit, "plain": plain, "pushed": pushed}))


if __name__ == "__main__":
    main()
