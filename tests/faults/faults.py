"""What the machine under a real program does wrong (shim.c): a clock that jumps, files that cannot be made durable."""
import os
import struct
import sys

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path += [os.path.join(TOP, "tests", folder) for folder in ("login", "sandbox", "backend")]
import sandbox  # noqa: E402

SHIM = "/tmp/approve-faults.so"


class Machine:
    """The machine of one or more programs; those that `env` starts are on it."""

    def __init__(self, name):
        if not os.path.exists(SHIM):
            sandbox.sh("gcc", "-O1", "-shared", "-fPIC", "-U_FORTIFY_SOURCE", "-o", SHIM, f"{TOP}/tests/faults/shim.c", "-D_GNU_SOURCE")
        self.path = f"/tmp/approve-faults-{name}"
        self.seconds, self.no_sync = 0, False
        self.write()
        self.env = ["env", f"LD_PRELOAD={SHIM}", f"FAULTS={self.path}"]

    def write(self):
        # in place: the programs have it mapped
        with open(self.path, "r+b" if os.path.exists(self.path) else "w+b") as file:
            file.write(struct.pack("qq", self.seconds, self.no_sync))
        os.chmod(self.path, 0o644)

    def clock(self, seconds):
        self.seconds = seconds
        self.write()

    def sync(self, works):
        self.no_sync = not works
        self.write()
