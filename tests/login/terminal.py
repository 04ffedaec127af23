"""A command on a terminal of its own, as a person runs it. For the tests of sudo, su, login and the others."""
import time

import pexpect
import sandbox


class Terminal:
    """A command of a person's on a terminal of their own."""

    def __init__(self, command, user="alice", env=None):
        words = [f"{name}={value}" for name, value in (env or {}).items()]
        self.term = pexpect.spawn("setpriv", [f"--reuid={user}", f"--regid={user}", "--init-groups", "--reset-env", "env", *words, "sh", "-c", command],
                                  encoding="utf-8", codec_errors="replace", timeout=10, dimensions=(24, 120))
        self.term.delaybeforesend = None

    def password(self, pattern="assword[^:]*: ", text=sandbox.PASSWORD):
        self.term.expect(pattern)
        self.term.waitnoecho(2)  # pkttyagent turns it off after its prompt, and what was typed before is lost
        self.term.sendline(text)
        return self

    def number(self):
        self.term.expect(r"Approve (\d\d) on Pixel 8")
        return int(self.term.match.group(1))

    def expect(self, *patterns, timeout=-1):
        return self.term.expect(list(patterns), timeout=timeout)

    def send(self, text=""):
        self.term.sendline(text)

    def interrupt(self):
        """Ctrl-C; the seconds until the end, and what was shown."""
        start = time.monotonic()
        self.term.sendintr()
        shown, _ = self.ended()
        return time.monotonic() - start, shown

    def ended(self, timeout=10):
        """Waits for the end; what was shown, and the exit status (None after a signal)."""
        self.term.expect(pexpect.EOF, timeout=timeout)
        self.term.close()
        return self.term.before, self.term.exitstatus

    def close(self):
        self.term.close(force=True)


def approved(phone, terminal, number, word):
    """Approve on the phone, and without Enter the terminal goes on to show this word."""
    phone.approve(number)
    start = time.monotonic()
    terminal.expect(word)
    assert time.monotonic() - start < sandbox.slower(), "it goes on when the phone has answered, without Enter"


def processes(*names):
    """The processes that run one of these programs."""
    shown = [line.split() for line in sandbox.sh("ps", "-eo", "stat=,comm=").stdout.splitlines()]
    return [words[1] for words in shown if words[1] in names and not words[0].startswith("Z")]  # init of the sandbox does not reap
