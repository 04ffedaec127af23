#!/usr/bin/python3
"""1,000 logins of one approve-helper under valgrind: nothing read that was not written, nothing leaked, and no growth from one login to the next."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import BUILD, Setting, main, number_in, test  # noqa: E402

LOGINS = 1000
CHECKED = f"{BUILD}/valgrind"  # without the filter of system calls, under which valgrind can't translate
# Not "possibly lost": so it calls what the threads of look-ups, which wait for work to the end, have of glibc and of NSS modules.
VALGRIND = ["valgrind", "-q", "--leak-check=full", "--show-leak-kinds=definite,indirect", "--errors-for-leak-kinds=definite,indirect", "--error-exitcode=9"]


def approved(s, client):
    number = number_in(client.until("I").text)
    s.backend.finish("approved", number)
    client.done("approved")


def denied(s, client):
    client.until("I")
    s.backend.finish("denied")
    client.done("denied")


def wrong_number(s, client):
    number = number_in(client.until("I").text)
    s.backend.finish("approved", 10 + (number - 9) % 90)
    client.done("wrong_number")


def left(_s, client):
    client.until("W")


def code(s, client):
    client.until("I")
    client.until("W")
    client.send("K")
    client.prompt()
    client.answer("000000")
    client.prompt()
    client.answer(s.backend.code)
    client.done("code")


def junk(_s, client):
    client.until("I")
    client.send_raw(b"\xff" * 300)
    while client.socket.recv(8192):
        pass


def rss(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4


@test(f"{LOGINS} logins of one helper: valgrind finds no error and no leak")
def _():
    subprocess.run(["make", "-s", f"B={CHECKED}", "CPPFLAGS=-DWITHOUT_SECCOMP_FILTER", f"{CHECKED}/approve-helper"], check=True, stdout=subprocess.DEVNULL)
    ends = [approved, denied, wrong_number, left, code, junk, approved, approved]
    with Setting(program=VALGRIND + [f"{CHECKED}/approve-helper"], timeout=20) as s:
        sizes = []
        for index in range(LOGINS):
            # A denial is remembered for a minute: each login is another user's, as the helper sees it.
            client = s.client(service="sudo", keys="1", user=f"user{index}")
            try:
                ends[index % len(ends)](s, client)
            except Exception as trouble:
                raise AssertionError(f"login {index}, {ends[index % len(ends)].__name__}: {client.frames}") from trouble
            client.close()
            if index % 100 == 99:
                sizes.append(rss(s.process.pid))
        assert sizes[-1] - sizes[2] < 4096, f"KiB after each hundred: {sizes}"


main()
