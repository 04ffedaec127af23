"""A Debian 12 with a systemd of its own, in the sandbox (systemd-nspawn): for what only a booted machine shows. Its root (tests/desktop/root) is the lower
layer of an overlay, so that nothing changes it; it has a loopback of its own and no other network.
"""
import os
import signal
import subprocess

import pexpect
import sandbox

POWER_OFF = 38  # SIGRTMIN+4, to systemd
PATH = "PATH=/usr/sbin:/usr/bin:/sbin:/bin"


def cached(kind):
    """The root's folder. To be called before sandbox.enter() too: it is built with the machine's own network, and stays."""
    return subprocess.run([f"{sandbox.TOP}/tests/desktop/root", kind], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def overlay(kind):
    """The cached root with a writable layer over it; its path."""
    lower = cached(kind)
    top, root = f"/mnt/{kind}", f"/mnt/{kind}/root"
    os.makedirs(root)
    sandbox.sh("mount", "-t", "tmpfs", "-o", "mode=755", kind, top)
    for folder in ("root", "upper", "work"):
        os.makedirs(f"{top}/{folder}", exist_ok=True)
    sandbox.sh("mount", "-t", "overlay", "-o", f"lowerdir={lower},upperdir={top}/upper,workdir={top}/work", kind, root)
    return root


class Container:
    """One booted machine. `root` is its tree, which may be changed before boot()."""

    def __init__(self, kind, options=()):
        self.kind = kind
        self.root = overlay(kind)
        sandbox.write(f"{self.root}/etc/machine-id", "0123456789abcdef0123456789abcdef\n")
        self.daemon = sandbox.Daemon(kind, ["systemd-nspawn", "--quiet", f"--directory={self.root}", "--register=no", "--keep-unit", f"--machine={kind}",
                                            "--private-network", "--console=pipe", *options, "--boot"])
        self.enter = []

    def start(self):
        """Returns when systemd runs."""
        self.daemon.start()
        # of its children the one that has become systemd; others come and go before it
        leader = sandbox.wait_for("the container", lambda: sandbox.sh("pgrep", "-P", str(self.daemon.child.pid), "-x", "systemd", check=False).stdout.split(), 10)[0]
        self.leader = int(leader)
        self.enter = ["nsenter", f"--target={leader}", "--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wd", "--",
                      "env", "-i", PATH, "HOME=/root", "LANG=C.UTF-8"]

    def boot(self, seconds=30):
        """Returns when systemd has nothing more to start."""
        self.start()
        sandbox.wait_for("systemd to be up", lambda: self.run("systemctl is-system-running", check=False).stdout.strip() in ("running", "degraded"), seconds)

    def run(self, command, **more):
        """A line of shell, as root."""
        return sandbox.sh(*self.enter, "TERM=dumb", "sh", "-c", command, **more)

    def terminal(self, command, timeout=10):
        """A line of shell on a terminal."""
        term = pexpect.spawn(self.enter[0], self.enter[1:] + ["TERM=xterm", "sh", "-c", command], encoding="utf-8", codec_errors="replace", timeout=timeout,
                             dimensions=(40, 140))
        term.delaybeforesend = None
        return term

    def stop(self):
        os.kill(self.leader, POWER_OFF)
        try:
            self.daemon.child.wait(20)
        except subprocess.TimeoutExpired:
            self.daemon.stop(signal.SIGKILL)
