#!/usr/bin/python3
"""sudo and su on a terminal, with the real programs: the number as a text, a wait, a key for a code, Ctrl-C, Deny."""
import os
import re
import shutil
import time

import common
import sandbox
from terminal import Terminal, processes
from terminal import approved as terminal_approved

sandbox.enter()
world = common.World()
test = sandbox.Tests()
for service in ("sudo", "su"):
    shutil.copy(f"{sandbox.TOP}/conf/pam.d/{service}", f"/etc/pam.d/{service}")
SUDOERS = "Defaults timestamp_timeout=0\nDefaults !lecture\nalice ALL=(ALL) ALL\nbob ALL=(ALL) ALL\n"
sandbox.write("/etc/sudoers.d/tests", SUDOERS, 0o440)


def approved(terminal, number, word):
    terminal_approved(world.phone, terminal, number, word)


@test("D2: sudo shows the number at once, the phone shows host, service and command; after Approve the command runs, with no key pressed")
def sudo():
    terminal = Terminal("sudo -u root id -un").password()
    start = time.monotonic()
    number = terminal.number()
    assert time.monotonic() - start < sandbox.slower()
    request = sandbox.wait_for("the request", world.phone.open)[0]
    assert (request["service"], request["command"], request["user"]) == ("sudo", "id", "alice"), request
    assert re.match(r"/dev/pts/|pts/", request["tty"]), request
    approved(terminal, number, "root")
    assert terminal.ended()[1] == 0


@test("D2: command = full shows its arguments, off shows none")
def command():
    for setting, shown in (("full", "id -un"), ("off", "")):
        world.host.conf(f"[service sudo]\ncommand = {setting}")
        terminal = Terminal("sudo id -un").password()
        number = terminal.number()
        assert sandbox.wait_for("the request", world.phone.open)[0]["command"] == shown
        approved(terminal, number, "root")
        terminal.ended()
    world.host.conf("")


@test("D2: arguments that are made to look like another command: the phone shows the one that runs, or none")
def forged():
    long = "x" * 300
    world.host.conf("[service sudo]\ncommand = full")
    for command, shown in (("exec -a 'sudo /usr/bin/apt' sudo id -un", "id -un"), ("sudo -p 'x /usr/bin/apt password: ' id -un", "id -un"),
                           ("sudo -uroot id -un", "id -un"), ("sudo --pro 'x password: ' id -un", "id -un"), ("sudo -p '' id -un", "id -un"),
                           ("sudo echo root ''", "echo root ''"),
                           (f"sudo -p '{long} password: ' id -un", "(not known)")):
        terminal = Terminal(f'bash -c "{command}"')
        if "-p ''" in command:  # no prompt to wait for
            time.sleep(1)
            terminal.send(sandbox.PASSWORD)
        else:
            terminal.password()
        number = terminal.number()
        request = sandbox.wait_for("the request", world.phone.open)[0]
        assert request["command"] == shown, (command, request)
        approved(terminal, number, "root")
        terminal.ended()
    world.host.conf("")


@test("D2 S18: a key brings the code prompt, and the code opens")
def key():
    terminal = Terminal("sudo id -un").password()
    terminal.number()
    terminal.expect("press a key")
    terminal.send()
    terminal.expect("Code: ")
    terminal.send(world.phone.fresh_code())
    terminal.expect("root")
    assert terminal.ended()[1] == 0


@test("D2: what was typed ahead, before the code prompt is there, is its answer")
def typed_ahead():
    terminal = Terminal("sudo id -un", user="bob").password()
    terminal.number()
    terminal.send(world.phones["bob"].fresh_code())
    terminal.expect("Code: ")
    terminal.expect("root")
    assert terminal.ended()[1] == 0


@test("D2: the number is shown though sudo sets PAM_SILENT")
def silent():
    terminal = Terminal("strace -f -u alice -e trace=sendto,sendmsg,write -s 4096 -o /tmp/sudo.trace sudo id -un", user="root").password()
    approved(terminal, terminal.number(), "root")
    terminal.ended()
    assert "silent=1" in sandbox.read("/tmp/sudo.trace"), sandbox.read("/tmp/sudo.trace")[-3000:]


@test("D2: a wrong code asks again")
def wrong_code():
    terminal = Terminal("sudo id -un").password()
    number = terminal.number()
    terminal.send()
    terminal.expect("Code: ")
    terminal.send("000000")
    terminal.expect("not right")
    terminal.expect("Code: ")
    terminal.send()  # an empty answer looks at the phone again
    approved(terminal, number, "root")
    terminal.ended()


@test("D2: Ctrl-C ends within 0.2 s, sudo does not ask again, and the phone shows that it is over")
def interrupted():
    terminal = Terminal("sudo id -un").password()
    terminal.number()
    sandbox.wait_for("the request", world.phone.open)
    before = world.requests()
    took, shown = terminal.interrupt()
    assert took < 0.3 * sandbox.slower() and terminal.term.exitstatus != 0, (took, terminal.term.exitstatus)  # the 0.2 s, and sudo's own end
    assert "[sudo] password" not in shown and world.requests() == before, shown
    world.phone.ended("caller_gone", sandbox.slower())
    sandbox.wait_for("sudo to end", lambda: not processes("sudo"), 2)


@test("D4: Deny ends without a code prompt and without two more requests, though sudo tries three times")
def denied():
    terminal = Terminal("sudo id -un").password()
    terminal.number()
    sandbox.wait_for("the request", world.phone.open)
    before = world.requests()
    world.phone.deny()
    terminal.expect("denied on the phone")
    for _ in range(2):  # sudo's own tries: the password, and no request
        terminal.password()
        terminal.expect("a moment ago")
    shown, status = terminal.ended(15)
    assert status != 0 and "ode:" not in shown, shown
    assert world.requests() == before
    world.forget_denials()


@test("a wrong password rings no phone, with sudo as with su")
def wrong_password():
    before = world.requests()
    for command, user, words in (("sudo id -un", "alice", "try again"), ("su alice -c 'id -un'", "bob", "Authentication failure")):
        terminal = Terminal(command, user=user).password(text="wrong")
        assert terminal.expect(words, "Approve", "root", timeout=15) == 0
        terminal.close()
        assert world.requests() == before, command


@test("D2: sudo -S, its password from a pipe, shows the number and waits; what else is in the pipe is left alone meanwhile, and Approve opens")
def from_pipe():
    terminal = Terminal(f"printf '%s\\n%s\\n' '{sandbox.PASSWORD}' 000000 | sudo -S -p '' sh -c 'id -un; echo \"left: $(cat)\"'")
    number = terminal.number()
    assert terminal.expect("Code: ", common.TIMEOUT, timeout=1) == 1
    approved(terminal, number, "root")
    terminal.expect("left: 000000")
    assert terminal.ended()[1] == 0


@test("D2: sudo -S when the wait is over: the code prompt reads the next line of the pipe; a right code opens, a wrong one does not")
def code_from_pipe():
    world.host.conf("[service sudo]\nwait = 5")
    for code in (world.phone.fresh_code(), "000000"):
        terminal = Terminal(f"printf '%s\\n%s\\n' '{sandbox.PASSWORD}' {code} | sudo -S id -un")
        terminal.number()
        terminal.expect("Code: ", timeout=8)
        assert terminal.expect("root", "not right") == (1 if code == "000000" else 0)
        shown, status = terminal.ended(15)
        assert (status == 0) == (code != "000000") and "root" not in shown, (code, status, shown)
    world.host.conf("")


@test("D2: sudo -A, its password from another program: the number is shown on the terminal, and Approve opens; after a key that program is asked for the code")
def askpass():
    sandbox.write("/usr/local/bin/askpass", f"#!/bin/sh\ncase $1 in *Code:*) cat /tmp/code ;; *) echo '{sandbox.PASSWORD}' ;; esac\n", 0o755)
    terminal = Terminal("SUDO_ASKPASS=/usr/local/bin/askpass sudo -A id -un")
    approved(terminal, terminal.number(), "root")
    assert terminal.ended()[1] == 0
    terminal = Terminal("SUDO_ASKPASS=/usr/local/bin/askpass sudo -A id -un", user="bob")
    terminal.number()
    sandbox.write("/tmp/code", world.phones["bob"].fresh_code() + "\n")
    terminal.send()
    terminal.expect("root")
    assert terminal.ended()[1] == 0


@test("I1: the helper stopped: sudo is refused, with the reason in syslog")
def helper_stopped():
    world.host.stop()
    mark = world.syslog.mark()
    assert Terminal("sudo id -un").password().term.expect(["try again", "root"]) == 0
    assert "no helper answers" in world.syslog.since(mark)
    world.host.start()


@test("D2: sudo -n is refused at once: it may ask nothing")
def not_interactive():
    before = world.requests()
    start = time.monotonic()
    _, status = Terminal("sudo -n id -un").ended()
    assert status != 0 and time.monotonic() - start < 2 and world.requests() == before


@test("D2: noninteractive_auth: sudo -n runs the stack, which asks for a password that nobody gives: refused at once, and no phone rings")
def noninteractive_auth():
    sandbox.write("/etc/sudoers.d/noninteractive", "Defaults noninteractive_auth\n", 0o440)
    before = world.requests()
    start = time.monotonic()
    shown, status = Terminal("sudo -n id -un").ended()
    assert status != 0 and time.monotonic() - start < 5 and world.requests() == before, shown
    os.remove("/etc/sudoers.d/noninteractive")


@test("D2: noninteractive_auth where the approval alone is asked for: the number is shown, and Approve opens")
def noninteractive_alone():
    stack = sandbox.read("/etc/pam.d/sudo")
    sandbox.write("/etc/sudoers.d/noninteractive", "Defaults noninteractive_auth\n", 0o440)
    sandbox.write("/etc/pam.d/sudo", stack.replace("auth    requisite   pam_unix.so", ""))
    terminal = Terminal("sudo -n id -un")
    approved(terminal, terminal.number(), "root")
    assert terminal.ended()[1] == 0
    sandbox.write("/etc/pam.d/sudo", stack)
    os.remove("/etc/sudoers.d/noninteractive")


@test("D2: as a background job, its password from a pipe: the number is shown, keys on the terminal are not its own, and Approve opens")
def background():
    terminal = Terminal(f"set -m; echo '{sandbox.PASSWORD}' | sudo -S -p '' id -un & read line; echo \"line $line\"; wait")
    number = terminal.number()
    terminal.send("hello")
    terminal.expect("line hello")
    approved(terminal, number, "root")
    assert terminal.ended()[1] == 0


@test("D2: as a background job whose password would come from the terminal: it stops before the approval, and rings no phone")
def background_stopped():
    before = world.requests()
    terminal = Terminal("set -m; sudo id -un & sleep 1; echo waited; fg")
    terminal.expect("waited")
    assert world.requests() == before
    shown, _ = terminal.ended()  # sudo gives up in the foreground
    assert "root" not in shown and world.requests() == before, shown


@test("D2: a background job of an interactive bash: `sudo id &` stops before the approval, rings no phone, and gives up in the foreground; "
      "with the password from a pipe it shows the number, leaves the keys to bash, and Approve opens")
def background_of_shell():
    before = world.requests()
    terminal = Terminal("exec bash --norc -i")
    terminal.expect("[$] ")
    terminal.send("sudo id -un &")
    time.sleep(1)
    terminal.send()  # bash tells of its jobs before the next prompt
    terminal.expect(r"\[1\]\+  Stopped +sudo id -un")
    terminal.send("fg")
    terminal.expect("a password is required")
    assert world.requests() == before
    terminal.send(f"echo '{sandbox.PASSWORD}' | sudo -S -p '' id -un &")
    number = terminal.number()
    terminal.send("echo keys for $((40 + 2))")
    terminal.expect("keys for 42")
    approved(terminal, number, "root\r")
    terminal.send("exit")
    terminal.ended()


@test("D2: without a terminal it is bounded: the phone is asked, and nobody hangs; a code in the input opens")
def no_terminal():
    world.host.conf("[service sudo]\nwait = 5")
    for user, code in (("alice", ""), ("bob", world.phones["bob"].fresh_code() + "\n")):
        before, start = world.requests(user), time.monotonic()
        done = sandbox.sh("setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "--reset-env", "setsid", "--wait", "sudo", "-S", "-p", "", "id", "-un",
                          text=sandbox.PASSWORD + "\n" + code, check=False, timeout=30)
        assert ("root" in done.stdout.split()) == (done.returncode == 0) == bool(code) and time.monotonic() - start < 20, done.stdout
        assert "Approve" in done.stdout and world.requests(user) == before + 1, done.stdout
    world.host.conf("")


@test("D2: su asks the phone of the user that one becomes")
def su():
    terminal = Terminal("su alice -c 'id -un'", user="bob").password()
    number = terminal.number()
    request = sandbox.wait_for("the request", world.phone.open)[0]
    assert (request["service"], request["user"], request["command"]) == ("su", "alice", "id"), request
    approved(terminal, number, "alice")
    assert terminal.ended()[1] == 0


@test("D2: su with ask = caller asks the phone of the user who calls, and says whom he becomes; his exceptions count, not the target's")
def su_caller():
    world.host.conf("[service su]\nask = caller")
    before = world.requests("alice")
    terminal = Terminal("su alice -c 'id -un'", user="bob").password()
    number = terminal.number()
    request = sandbox.wait_for("the request", world.phones["bob"].open)[0]
    assert (request["service"], request["user"], request["command"]) == ("su", "bob", "su alice: id"), request
    terminal_approved(world.phones["bob"], terminal, number, "alice")
    assert terminal.ended()[1] == 0 and world.requests("alice") == before
    assert "the phone is that of the user who calls" in world.host.run("approvectl", "check", check=False).stdout
    for excepted, asks in (("alice", True), ("bob", False)):
        world.host.conf(f"[service su]\nask = caller\nexcept = {excepted}")
        terminal = Terminal("su alice -c 'id -un'", user="bob").password()
        assert terminal.expect("Approve", "\nalice") == (0 if asks else 1)
        terminal.close()
    world.host.conf("")


@test("D2: su with ask = caller: Deny on the caller's phone refuses, and a caller whom the server does not know gets no further than a code")
def su_caller_refused():
    world.host.conf("[service su]\nask = caller")
    terminal = Terminal("su alice -c 'id -un'", user="bob").password()
    terminal.number()
    world.phones["bob"].deny()
    terminal.expect("denied on the phone")
    assert terminal.ended(15)[1] != 0
    before = world.requests("alice")
    terminal = Terminal("su alice -c 'id -un'", user="dave").password()
    assert terminal.expect("Code: |one-time code|cannot|refused", "\nalice") == 0
    terminal.close()
    assert world.requests("alice") == before
    world.host.conf("")
    world.forget_denials()


@test("S9: an excepted user's sudo is as before")
def excepted():
    world.host.conf("[service sudo]\nexcept = alice")
    before = world.requests()
    terminal = Terminal("sudo id -un").password()
    terminal.expect("root")
    assert terminal.ended()[1] == 0 and world.requests() == before
    world.host.conf("")


@test("D2: code_first: the number and the prompt for a code at once")
def code_first():
    world.host.conf("[service sudo]\ncode_first = yes")
    terminal = Terminal("sudo id -un").password()
    number = terminal.number()
    terminal.expect("Code: ")
    world.phone.approve(number)
    terminal.send()
    terminal.expect("root")
    terminal.ended()
    world.host.conf("")


test.run(world.logs)
