#!/usr/bin/python3
"""I6: kill -9 of the server, the helper, a phone and the callers while logins wait in every state of docs/backend-protocol.md and decisions are on their way:
nobody gets in without an approval, no acknowledged approval is lost, what is over stays over, and each login goes on or ends. And kill -9 of the server at
each step of one sign-in."""
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import faults  # noqa: E402, F401 - the way to the other folders
import sandbox  # noqa: E402

sandbox.enter()
import common  # noqa: E402

STATES = ("open", "approved", "used", "denied", "expired", "cancelled")
RACING = 4
OTHERS = ("bob", "carol", "erin", "frank")
CROWD = 24  # logins of the others
test = sandbox.Tests()
world = common.World(people=("alice", *OTHERS), phones=("alice", *OTHERS), server_conf=common.LIMITS + "[requests]\ntoken_hold = 1\n")


class Login:
    """A real ssh from an address of its own, and its request in the store."""

    def __init__(self, kind, address, user="alice"):
        self.kind, self.address, self.phone, self.number, self.request = kind, address, world.phones[user], 0, ""
        self.ssh = sandbox.Ssh(world.sshd, user, options=[f"BindAddress={address}"])
        self.ssh.password()

    def asked(self):
        self.number = self.ssh.number(timeout=20)
        self.request = self.column("request")
        return self

    def column(self, name):
        with sqlite3.connect("file:/var/lib/approve/store.db?mode=ro", uri=True) as store:
            return store.execute(f"SELECT {name} FROM requests WHERE rhost = ? ORDER BY rowid LIMIT 1", (self.address,)).fetchone()[0]

    def state(self):
        return self.column("state")

    def argv(self, decision):
        return ["approve-phone", "--state", self.phone.state, decision, "--request", self.request] + (["--number", str(self.number)] if decision == "approve" else [])

    def decide(self, decision="approve"):
        done = sandbox.sh(*self.argv(decision), check=False)
        return done.returncode == 0

    def begin_approval(self):
        return subprocess.Popen(self.argv("approve"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def becomes(self, *states, seconds=5):
        sandbox.wait_for(f"{self.kind} to become {states}; it is {self.state()}", lambda: self.state() in states, seconds)

    def gets_in(self):
        self.ssh.send()
        self.ssh.signed_in(timeout=30)

    def is_refused(self, seconds=10):
        """Ends without a shell; Enter is typed where it still can be."""
        if self.ssh.term.isalive():
            self.ssh.send()
        return self.ssh.refused(timeout=seconds)


class Crowd:
    """Logins of the others, all asked before the fault; from go() on they are answered while it happens: one by a code, the others by their phones, again and
    again until it is told."""

    def __init__(self, turn):
        with ThreadPoolExecutor(4) as pool:
            begun = list(pool.map(lambda place: Login("crowd", f"127.1.{turn}.{place + 1}", OTHERS[place % len(OTHERS)]), range(CROWD)))
        self.logins = [login.asked() for login in begun]
        self.by_code = self.logins[turn % len(OTHERS)]  # another user's each time: a code counts once
        self.answering = []
        self.under_way = threading.Event()

    def go(self):
        pool = ThreadPoolExecutor(3)
        self.answering = [pool.submit(self.answer, login) for login in self.logins]
        pool.shutdown(wait=False)
        assert self.under_way.wait(10)

    def answer(self, login):
        if login is self.by_code:
            login.ssh.send(login.phone.code())
            return
        sandbox.wait_for("an approval to be told", lambda: login.decide() or login.state() in ("approved", "used"), 20)
        self.under_way.set()
        login.ssh.send()

    def is_busy(self):
        """True while answers are still on their way."""
        return not all(answer.done() for answer in self.answering)

    def gets_in(self):
        for login, answer in zip(self.logins, self.answering):
            answer.result(30)
            login.ssh.signed_in(timeout=30)
        assert self.by_code.column("result") == "signed_in", "by its code"

    def is_refused(self):
        for login, answer in zip(self.logins, self.answering):
            answer.result(30)
            login.ssh.refused(timeout=20)


def stage(turn):
    """A crowd, and logins in every state, one that nobody ever approves, and some whose approval will be on its way. The helper is stopped, so that what is
    approved is not collected."""
    world.host.helper.send(signal.SIGCONT)  # where a test before this one failed
    world.host.conf("[service sshd]\nlife = 10")
    logins = {"expired": Login("expired", f"127.0.{turn}.1").asked()}
    world.host.conf("")
    crowd = Crowd(turn)
    others = ["open", "approved", "used", "denied", "cancelled", "nobody"] + [f"racing{n}" for n in range(RACING)]
    begun = [Login(kind, f"127.0.{turn}.{place}") for place, kind in enumerate(others, 2)]
    logins |= {login.kind: login.asked() for login in begun}
    assert logins["used"].decide()
    logins["used"].becomes("used")
    assert logins["denied"].decide("deny")
    logins["denied"].becomes("denied")
    logins["cancelled"].ssh.kill()
    logins["cancelled"].becomes("cancelled")
    logins["expired"].becomes("expired", seconds=12)
    world.host.helper.send(signal.SIGSTOP)
    time.sleep(1.2)  # token_hold: no call is held any more that could collect
    assert logins["approved"].decide()
    for kind in STATES:
        assert logins[kind].state() == kind, (kind, logins[kind].state())
    return crowd, logins, {kind: (logins[kind].state(), logins[kind].column("result")) for kind in ("used", "denied", "expired", "cancelled")}


def settled(logins, final, opened, mark):
    """What was over is as it was; so many shells were opened, and no other."""
    for kind, was in final.items():
        assert (logins[kind].state(), logins[kind].column("result")) == was, (kind, was, logins[kind].state())
        assert not logins[kind].decide(), f"{kind} was approved afterwards"
    shells = world.syslog.since(mark).count("session opened for user alice")
    assert shells == opened, f"{shells} shells, {opened} approvals"


def go_on(logins, acknowledged):
    """The way on where the host lives: each login ends as its phone says. `acknowledged`: of those that were racing; returns how many shells that makes."""
    shells = 3
    assert logins["open"].state() == "open" and logins["open"].decide()
    for kind in ("open", "approved", "used"):
        logins[kind].gets_in()
    for kind, told in acknowledged.items():
        state = logins[kind].state()
        assert state in ("approved", "used") or (state == "open" and not told), (kind, told, state)
        if state == "open":
            assert logins[kind].decide(), f"{kind} can't be approved any more"
        logins[kind].gets_in()
        shells += 1
    assert "denied" in logins["denied"].is_refused()
    for kind in ("expired", "nobody"):
        logins[kind].ssh.send()
        time.sleep(0.3)
        logins[kind].ssh.kill()
        assert "in as" not in (logins[kind].ssh.term.before or "")
    logins["nobody"].becomes("cancelled")
    return shells


def approvals(logins):
    return {f"racing{n}": logins[f"racing{n}"].begin_approval() for n in range(RACING)}


def works_again():
    login = Login("afterwards", f"127.0.{random.randrange(100, 200)}.{random.randrange(1, 250)}").asked()
    assert login.decide()
    login.gets_in()


@test("kill -9 of the server, with approvals on their way: those acknowledged let in, others can be given again, the rest ends as it was")
def server():
    mark = world.syslog.mark()
    crowd, logins, final = stage(1)
    crowd.go()
    running = approvals(logins)
    time.sleep(random.uniform(0, 0.04))
    world.server.stop(9)
    assert crowd.is_busy()
    world.server.start()
    acknowledged = {kind: child.wait(30) == 0 for kind, child in running.items()}
    world.host.helper.send(signal.SIGCONT)
    settled(logins, final, go_on(logins, acknowledged), mark)
    crowd.gets_in()


@test("kill -9 of a phone at any moment of its approval: it counts or does not, and the phone can go on; no other login hears of it")
def phone():
    mark = world.syslog.mark()
    crowd, logins, final = stage(2)
    crowd.go()
    running = approvals(logins)
    for place, child in enumerate(running.values()):
        time.sleep(place * 0.008)
        child.kill()
    assert crowd.is_busy()
    acknowledged = {kind: child.wait() == 0 for kind, child in running.items()}
    world.host.helper.send(signal.SIGCONT)
    settled(logins, final, go_on(logins, acknowledged), mark)
    crowd.gets_in()


@test("kill -9 of the helper: every login on it is refused at once, whatever its state, and the next one works")
def helper():
    mark = world.syslog.mark()
    crowd, logins, final = stage(3)
    crowd.go()
    running = approvals(logins)
    world.host.stop(9)
    assert crowd.is_busy()
    for child in running.values():
        child.wait(30)
    start = time.monotonic()
    for kind, login in logins.items():
        if kind != "cancelled":
            login.ssh.send()
    for kind, login in logins.items():
        if kind != "cancelled":
            login.is_refused(15)
    assert time.monotonic() - start < 15
    crowd.is_refused()
    assert logins["approved"].state() == "approved" and logins["open"].state() == "open", "nobody took it back, and its time ends it"
    world.host.start()
    settled(logins, final, 0, mark)
    works_again()


def ssh_processes():
    """Those of logins: (process, its title)."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        title = sandbox.read(f"/proc/{pid}/cmdline").replace("\0", " ")
        if title.startswith("sshd: alice"):
            found.append((int(pid), title))
    return found


@test("kill -9 of the callers, sshd's processes of each login: nobody of theirs gets in, open requests are withdrawn at once, "
      "a late approval is refused, no process is left; the others get in")
def callers():
    mark = world.syslog.mark()
    crowd, logins, final = stage(4)
    targets = [pid for pid, title in ssh_processes() if "[pam]" in title]
    assert len(targets) >= len(logins) - 1, ssh_processes()
    crowd.go()
    for pid in targets[::2] + [pid for pid, title in ssh_processes() if "[priv]" in title][1::2]:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    world.host.helper.send(signal.SIGCONT)
    for pid, _ in ssh_processes():
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    assert crowd.is_busy()
    for kind, login in logins.items():
        if kind != "cancelled":
            login.is_refused()
    for kind, login in logins.items():
        if kind not in final:
            login.becomes("cancelled", "used" if kind == "approved" else "cancelled", seconds=3)
            assert not login.decide(), kind
    sandbox.wait_for("sshd's processes to end", lambda: not ssh_processes(), 3)
    settled(logins, final, 0, mark)
    crowd.gets_in()
    works_again()


class KilledAt:
    """The server, which is killed before the call of this name whose number it is, counted from now on, and started again."""

    def __init__(self, call, number):
        argv = sandbox.strace("-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={number}", "-p", str(world.server.daemon.child.pid))
        self.tracer = subprocess.Popen(argv, stderr=subprocess.PIPE, text=True)
        assert "attached" in self.tracer.stderr.readline()
        self.happened = False
        self.watch = threading.Thread(target=self.start_again)
        self.watch.start()

    def start_again(self):
        self.tracer.wait()
        if not world.server.daemon.running():
            self.happened = True
            world.server.start()

    def end(self):
        self.tracer.terminate()
        self.watch.join()
        return self.happened


def sign_in_killed(call, number, address):
    """True where the server was killed in this sign-in, False where it made fewer calls."""
    mark = world.syslog.mark()
    killed = KilledAt(call, number)
    login = Login(f"{call} {number}", address)
    asked = login.ssh.expect([r"unreachable[^\r\n]*: ", r"Number (\d\d)\.[^\r\n]*: "], timeout=30)
    if asked:
        login.number, login.request = int(login.ssh.term.match.group(1)), login.column("request")
        sandbox.wait_for("an approval to be told", lambda: login.decide() or login.state() in ("approved", "used"), 20)
        login.gets_in()
    else:
        login.ssh.kill()
    happened = killed.end()
    with sqlite3.connect("/var/lib/approve/store.db") as store:
        assert store.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        rows = store.execute("SELECT state FROM requests WHERE rhost = ?", (address,)).fetchall()
    assert rows == [("used",)] if asked else rows in ([], [("open",)], [("cancelled",)]), (login.kind, rows)
    assert world.syslog.since(mark).count("session opened for user alice") == asked, login.kind
    return happened


@test("kill -9 of the server before each answer, each sync and every fifth write to the store in one sign-in: it gets in by its approval, once, "
      "or, where its host heard nothing of the request, says that the server is unreachable")
def each_write():
    for place, (call, step, least) in enumerate((("write", 1, 8), ("fdatasync", 1, 4), ("pwrite64", 5, 6))):
        kills = 0
        while sign_in_killed(call, 1 + kills * step, f"127.2.{place}.{kills + 1}"):
            kills += 1
        print(f"# killed {kills} times before {call}")
        assert kills >= least


test.run(world.logs)
