#!/usr/bin/python3
"""From a host's request to its push in the push service's hands, on loopback: median, beside the host's own answer. Ours is in it: one verification of the
host's signature, a durable insert, the encryption, and TLS to the push service on a kept connection; the time of the clients, which are Python, is too."""
import os
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "backend"))
from peers import Host, LIMITS, Phone, Server  # noqa: E402
from push_service import PushService  # noqa: E402

COUNT = int(os.environ.get("BENCH_COUNT", "200"))


def main():
    with PushService() as service, Server(f"{LIMITS}\n[push]\nservices = {service.host}\ncertificates = {service.ca_file}\nprivate_addresses = yes\n") as server:
        server.cli("user", "add", "alice")
        browser = service.subscribe()
        Phone(server, push=browser.json)
        host = Host(server)
        answers, pushes = [], []
        for i in range(COUNT + 10):
            details, assertion = host.details(), host.assertion()
            start = time.monotonic()
            login = host.ask(details=details, _assertion=assertion)
            answers.append(time.monotonic() - start)
            push = browser.wait_type("request", i)
            pushes.append(push.at - start)
            login.cancel()
            time.sleep(0.005)
        assert not service.faults, service.faults
    answer, push = (statistics.median(times[10:]) * 1000 for times in (answers, pushes))
    print(f"host's request to its answer, median of {COUNT}: {answer:.2f} ms; to the push handed over: {push:.2f} ms")


if __name__ == "__main__":
    main()
