"""How fast this machine is now, for bounds on wall-clock time. tests/run gives it to programs in other languages as SLOWER."""
import hashlib
import os
import time

WORK_SECONDS = 0.006  # of work(), on a processor of 2020
MOST = 3.0


def work():
    """Seconds that a fixed piece of work takes."""
    start = time.monotonic()
    hashlib.pbkdf2_hmac("sha256", b"", b"", 20000)
    return time.monotonic() - start


def slower():
    """How many times longer things may take than on an idle machine of 2020, 1 to MOST: programs that want to run, for each processor, and the processor's own pace."""
    with open("/proc/loadavg", encoding="ascii") as file:
        minute, _, _, now, _ = file.read().split()
    waiting = max(float(minute), float(now.split("/")[0])) / (os.cpu_count() or 1)
    return min(MOST, max(1.0, waiting) * max(1.0, min(work() for _ in range(3)) / WORK_SECONDS))
