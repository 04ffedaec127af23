#!/usr/bin/python3
"""The network between host and server is cut: the helper reaches the server over a cable of its own, on which packets are lost, or which is pulled."""
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import faults  # noqa: E402, F401 (for the path of what follows)
import sandbox  # noqa: E402

sandbox.enter()
import common  # noqa: E402

NAME = "approve.example.org"
SERVER, HOST = "192.0.2.1", "192.0.2.2"  # of RFC 5737
OFFLINE = r"Server unreachable\. Code for web1: "
STEP = 30  # seconds of a code
TIMEOUT = 5  # of a call, by default
test = sandbox.Tests()


class Cable:
    """From here to a network in which the helper is alone, where the server's name stands for this end."""

    def __init__(self):
        self.keeper = subprocess.Popen(["unshare", "--net", "--mount", "sh", "-c", f"""
            echo '{SERVER} {NAME}' > /tmp/hosts && mount --bind /tmp/hosts /etc/hosts && echo ready && exec sleep infinity"""], stdout=subprocess.PIPE)
        assert self.keeper.stdout.readline() == b"ready\n"
        self.there = ["nsenter", f"--target={self.keeper.pid}", "--net", "--mount", f"--wd={sandbox.TOP}"]
        sandbox.sh("ip", "link", "add", "server", "type", "veth", "peer", "name", "host", "netns", str(self.keeper.pid))
        self.ends = ([], "server"), (self.there, "host")
        for (prefix, name), address in zip(self.ends, (SERVER, HOST)):
            sandbox.sh(*prefix, "ip", "address", "add", f"{address}/24", "dev", name)
            sandbox.sh(*prefix, "ip", "link", "set", name, "up")

    def pull(self):
        sandbox.sh("ip", "link", "set", "server", "down")

    def lose(self, answers_only=False):
        """Every packet is lost, either way, or those from the server; nobody is told."""
        for prefix, name in self.ends[:1 if answers_only else 2]:
            sandbox.sh(*prefix, "tc", "qdisc", "add", "dev", name, "root", "pfifo", "limit", "0")

    def mend(self):
        sandbox.sh("ip", "link", "set", "server", "up")
        for prefix, name in self.ends:
            sandbox.sh(*prefix, "tc", "qdisc", "del", "dev", name, "root", check=False)


sandbox.write("/etc/hosts", f"127.0.0.1 localhost {NAME}\n")
world = common.World(server_name=NAME)
cable = Cable()
world.host.stop()
world.host.helper.prefix = cable.there
world.host.start()


def code_of_host():
    """Of another phone of alice's, whose first approval brings the host its secret; its codes count from the next step on."""
    cable.mend()
    world.forget_denials()
    phone = sandbox.Phone(world.server, "alice", "Spare")
    sign_in(phone)
    sealed = time.time() // STEP

    def code():
        sandbox.wait_for("the next step", lambda: time.time() // STEP > sealed and time.time() % STEP < STEP - 5, STEP + 6)
        return phone.code("web1")
    return code


def sign_in(phone=None):
    ssh = world.ssh()
    (phone or world.phone).approve(ssh.number())
    ssh.send()
    ssh.signed_in()


def prompt_comes(seconds):
    """The prompt for the host's own code, within so many seconds."""
    ssh = world.ssh().password()
    ssh.expect(OFFLINE, timeout=seconds)
    print(f"# the prompt came after {time.monotonic() - ssh.first_factor:.2f} s")
    return ssh


@test("over the cable a sign-in is approved as ever")
def works():
    sign_in()
    assert HOST in sandbox.sh("ss", "-Htn", "state", "established", "dst", HOST).stdout, "the helper took another way"


for words, cut in (("packets are lost", cable.lose), ("the cable is pulled", cable.pull)):
    @test(f"D4: {words}: the prompt for the host's own code within 20 s, the code opens; once all is well again the phone rings")
    def unreachable(cut=cut):
        code = code_of_host()
        cut()
        ssh = prompt_comes(20)
        ssh.send(code())
        ssh.signed_in()
        cable.mend()
        sign_in()


@test("D4: packets are lost while a login waits: what it is answered with is asked for again, of the host's own; that opens")
def lost_meanwhile():
    code = code_of_host()
    ssh = world.ssh()
    ssh.number()
    cable.lose()
    ssh.send(world.phone.code())
    ssh.expect(OFFLINE, timeout=20)
    ssh.send(code())
    ssh.signed_in()


@test("I6: approved while packets are lost: the approval is there once they come through, and Enter opens")
def approved_meanwhile():
    cable.mend()
    ssh = world.ssh()
    number = ssh.number()
    cable.lose()
    world.phone.approve(number)
    time.sleep(3)
    cable.mend()
    ssh.send()
    ssh.signed_in(20)


@test("only the server's answers are lost, for longer than a call takes: asked again, the phone shows one request, and its approval opens")
def answers_lost():
    cable.mend()
    sign_in()  # a connection is kept, and used again
    before = world.requests()
    cable.lose(answers_only=True)
    ssh = world.ssh().password()
    sandbox.wait_for("the request", lambda: world.requests() > before)
    time.sleep(TIMEOUT)
    cable.mend()
    number = ssh.number()
    assert world.requests() == before + 1
    world.phone.approve(number)
    ssh.send()
    ssh.signed_in()


@test("S17: a call that was given up while the cable was pulled rings no phone once it is back")
def given_up():
    cable.mend()
    sign_in()  # a connection is kept, and used again
    before = world.requests()
    cable.pull()
    prompt_comes(20).kill()
    cable.mend()
    time.sleep(10)
    assert world.requests() == before


@test("I1: the cable is pulled and nobody approves: refused at the request's end")
def refused():
    cable.mend()
    world.host.conf("[service sshd]\nlife = 10")
    ssh = world.ssh()
    ssh.number()
    cable.pull()
    ssh.send()
    ssh.expect(OFFLINE, timeout=25)
    ssh.send()
    assert "cannot be reached" in ssh.refused(20)
    cable.mend()


try:
    test.run(world.logs)
finally:
    cable.keeper.kill()
