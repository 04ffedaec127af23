"""One server, one host, one sshd and the people that the login tests share."""
import os
import sys

from pexpect import EOF, TIMEOUT  # noqa: F401 (for the tests)

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "sandbox"))
import sandbox  # noqa: E402

LIMITS = """
[limits]
pushes_per_source = 500
pushes_per_user = 500
codes_wrong_user = 100
codes_wrong_host = 100
"""


class World:
    """Everything up: alice (in the server, with a phone), bob (the same), carol (no phone), dave (unknown to the server)."""

    def __init__(self, conf="", server_conf=LIMITS, people=("alice", "bob", "carol", "dave"), phones=("alice", "bob"),
                 server_name="localhost"):
        self.syslog = sandbox.Syslog()
        sandbox.install()
        for name in people:
            sandbox.person(name)
        self.server = sandbox.Server(conf=server_conf, name=server_name)
        for name in people:
            if name != "dave":
                self.server.cli("user", "add", name)
        self.host = sandbox.Host(self.server, conf=conf)
        self.sshd = sandbox.Sshd()
        self.phones = {name: sandbox.Phone(self.server, name) for name in phones if name in people}
        self.phone = self.phones["alice"]

    def ssh(self, user="alice", **more):
        return sandbox.Ssh(self.sshd, user, **more)

    def requests(self, user="alice"):
        """How many requests the server has seen for this user."""
        return len(self.server.activity(user))

    def forget_denials(self):
        """A refusal is remembered for 60 s, in the helper's memory only."""
        self.host.stop()
        self.host.start()

    def logs(self):
        return sandbox.tails(self.server.daemon, self.host.helper, self.sshd.daemon) + "\n--- syslog\n" + "\n".join(self.syslog.lines[-12:])
