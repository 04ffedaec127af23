"""One server, with two hosts and the phones of alice (two) and bob (one), and what the protocol tests share. `nophone` is a user without a phone."""
import sqlite3
import sys

from peers import Host, Phone, Server, sandbox

server = Server()
for name in ("alice", "bob", "nophone"):
    server.cli("user", "add", name)
web1, web2 = Host(server, "web1"), Host(server, "web2")
phone, other, bobs = Phone(server), Phone(server, name="Laptop"), Phone(server, "bob", name="Bob's")
test = sandbox.Tests()
excused = []  # what a test made the server complain of


def refused(answer, status, error, **members):
    assert answer.status == status and answer.error == error, answer
    for name, value in members.items():
        assert answer.json.get(name) == value, answer
    return answer


def ended(phone_, login, state, result, seconds=2):
    return sandbox.wait_for(f"{state}, {result}; the phone shows {phone_.shown(login)}",
                            lambda: (lambda r: r and (r["state"], r["result"]) == (state, result) and r)(phone_.shown(login)), seconds)


def row(login, columns="state, result, method"):
    with sqlite3.connect(f"file:{server.data}/store.db?mode=ro", uri=True) as store:
        return store.execute(f"SELECT {columns} FROM requests WHERE id = ?", (login.id,)).fetchone()


def with_time(login, change):
    """Changes a row's times while the server is down: ten seconds ago without waiting for them."""
    server.stop()
    with sqlite3.connect(f"{server.data}/store.db") as store:
        store.execute(f"UPDATE requests SET {change} WHERE id = ?", (login.id,))
    server.start()


def run():
    """Runs the tests, and stops the server after the last one, whose log must say that nothing went wrong."""
    @test("nothing went wrong in the server's own eyes: no error and no statement that failed in its log; it ends when it is told to")
    def quiet_log():
        server.stop()
        log = [line for line in sandbox.read(server.log).splitlines() if not any(text in line for text in excused)]
        faults = [line for line in log if "store:" in line or "rror" in line]
        assert log and not faults, faults

    try:
        test.run(lambda: "\n--- log\n" + "\n".join(sandbox.read(server.log).splitlines()[-15:]))
    finally:
        server.__exit__()
        sys.stdout.flush()
