#!/usr/bin/python3
"""One-time codes at the ssh prompt, and what happens where no phone can be asked."""
import re
import time

import common
import sandbox

sandbox.enter()
world = common.World()
test = sandbox.Tests()


def fresh_code(phone, last=[None]):
    """A code that was not used yet: a code works once."""
    code = sandbox.wait_for("the next code", lambda: phone.code() if phone.code() != last[0] else None, 31)
    last[0] = code
    return code


@test("S6 S18: a code at the prompt while the request waits: in, and the phone shows that the request is over")
def code():
    ssh = world.ssh()
    ssh.number()
    sandbox.wait_for("the request", world.phone.open)
    ssh.send(fresh_code(world.phone))
    ssh.signed_in()
    assert not world.phone.open()
    world.phone.ended("signed_in")
    assert world.server.activity("alice")[0]["method"] == "code"


@test("I5: the same code again is refused, here and on another host; the right one still opens there")
def same_code():
    used = fresh_code(world.phone)
    ssh = world.ssh()
    ssh.number()
    ssh.send(used)
    ssh.signed_in()
    again = world.ssh()
    again.number()
    again.send(used)
    again.expect("not accepted|wrong|not right")
    again.kill()
    other = sandbox.Host(world.server, "web2", own_mounts=True)
    sshd = sandbox.Sshd("sshd-web2", other.prefix)
    elsewhere = sandbox.Ssh(sshd, "alice")
    elsewhere.number()
    elsewhere.send(used)
    elsewhere.expect("not accepted|wrong|not right")
    elsewhere.expect(": $")
    elsewhere.send(fresh_code(world.phone))
    elsewhere.signed_in()


@test("three wrong codes: refused, and the request is over on the phone")
def three_wrong():
    ssh = world.ssh()
    ssh.number()
    right = world.phone.code()
    for attempt in range(3):
        ssh.send(f"{(int(right) + 1 + attempt) % 1000000:06d}")
        if attempt < 2:
            ssh.expect("not accepted|wrong|not right")
            ssh.expect(": $")
    assert "Too many wrong codes" in ssh.refused()
    world.phone.ended("code_refused")
    world.forget_denials()


@test("D4 I8: no device, and a user that the server does not know: the same code prompt, at once")
def no_device():
    prompts = []
    for user in ("carol", "dave"):
        ssh = world.ssh(user).password()
        ssh.expect(r"[^\r\n]*one-time code: ")
        assert time.monotonic() - ssh.first_factor < sandbox.slower()
        prompts.append(ssh.term.after.replace(user, "USER"))
        ssh.send("000000")
        ssh.expect("not accepted|wrong|not right")
        ssh.kill()
    assert prompts[0] == prompts[1] and "Number" not in prompts[0], prompts


@test("D4: no answer in time: the code prompt, and the code opens; the phone says that nobody answered")
def no_answer():
    world.host.conf("[service sshd]\nlife = 10")
    ssh = world.ssh()
    ssh.number()
    ssh.send()
    ssh.expect(r"No answer in time[^\r\n]*: ", timeout=15)
    assert [r for r in world.phone.requests() if r["result"] == "no_answer"]
    ssh.send(fresh_code(world.phone))
    ssh.signed_in()
    world.host.conf("")


@test("D4: sign-in requests turned off on the only phone: the code prompt at once, and its code opens")
def turned_off():
    world.phone.cli("device", "--off")
    ssh = world.ssh().password()
    ssh.expect(r"[^\r\n]*one-time code: ")
    assert "Number" not in ssh.term.before + ssh.term.after
    ssh.send(fresh_code(world.phone))
    ssh.signed_in()
    world.phone.cli("device", "--on")


@test("S18: another device of the user's can answer, and a removed one cannot")
def another_device():
    second = sandbox.Phone(world.server, "alice", "Tablet")
    ssh = world.ssh()
    number = ssh.number()
    second.approve(number)
    ssh.send()
    ssh.signed_in()
    sandbox.wait_for("the first phone to see it over", lambda: not world.phone.open())
    second.remove()
    assert second.cli("list", check=False).returncode != 0


@test("I1 D4: backend stopped: the prompt says so, the server's code does not open, and Enter is refused with a message")
def backend_stopped():
    world.server.stop()
    start = time.monotonic()
    ssh = world.ssh().password()
    ssh.expect("Server unreachable. Code for web1: ", timeout=20)
    assert time.monotonic() - start < 15
    ssh.send(world.phone.code())
    ssh.expect("not right")
    ssh.expect("Code for web1: ")
    ssh.send()
    shown = ssh.refused()
    assert "cannot be reached" in shown, shown
    assert "backend cannot be reached" in world.syslog.since(0)
    world.server.start()
    ssh = world.ssh()
    world.phone.approve(ssh.number())
    ssh.send()
    ssh.signed_in()


@test("I1 D4: backend stopped while the login waits: the prompt for a code of this host when the request's life is over")
def backend_stopped_later():
    world.host.conf("[service sshd]\nlife = 10")
    ssh = world.ssh()
    ssh.number()
    world.server.stop()
    ssh.send()
    ssh.expect("Server unreachable. Code for web1: ", timeout=30)
    ssh.send()
    shown = ssh.refused()
    assert "cannot be reached" in shown, shown
    world.server.start()
    world.host.conf("")


@test("I6: the server restarted while the login waits: it goes on")
def backend_restarted():
    ssh = world.ssh()
    number = ssh.number()
    world.server.stop(9)
    world.server.start()
    world.phone.approve(number)
    ssh.send()
    ssh.signed_in(timeout=30)


@test("I5: too many wrong codes: the next one is not looked at, the user reads when codes count again, also after a restart of the server, and the phone opens")
def locked():
    bobs = world.phones["bob"]  # whose wrong codes no other test made
    sandbox.write("/etc/approve/server.conf", sandbox.read("/etc/approve/server.conf").replace("codes_wrong_host = 100", "codes_wrong_host = 2"), 0o644)
    world.server.stop()
    world.server.start()
    wrong = f"{(int(bobs.code()) + 1) % 1000000:06d}"
    ssh = world.ssh("bob")
    ssh.number()
    for _ in range(2):
        ssh.send(wrong)
        ssh.expect("not right")
        ssh.expect(": $")
    ssh.send(fresh_code(bobs))
    shown = ssh.refused()
    assert "Approve on the phone" in shown and re.search(r"Codes\s+count\s+again\s+in\s+(9|10)\s+min", shown), shown
    world.server.stop(9)
    world.server.start()
    ssh = world.ssh("bob")
    number = ssh.number()
    bobs.approve(number)
    ssh.send()
    ssh.signed_in()
    ssh = world.ssh("bob")
    ssh.number()
    ssh.send(fresh_code(bobs))
    assert "again" in ssh.refused()


test.run(world.logs)
