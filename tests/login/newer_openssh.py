#!/usr/bin/python3
"""sshd and ssh of Debian testing (10.3 or later), which show a PAM text at once: the default, and `show = wait`.
`make check-newer-openssh`; not in `make check`, as testing moves."""
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "sandbox"))
import container
import sandbox

if os.environ.get("PAM_APPROVE_SANDBOX") != "inside":
    container.cached("testing")
import common

sandbox.enter()
world = common.World()
test = sandbox.Tests()
ROOT = container.overlay("testing")


def prepare():
    """People, module and configuration, in testing's root."""
    for folder in ("dev", "home", "proc", "run"):
        sandbox.sh("mount", "--rbind", f"/{folder}", f"{ROOT}/{folder}")
    for name in ("passwd", "shadow", "group"):
        own = [line for line in sandbox.read(f"/etc/{name}").splitlines() if line.split(":")[0] in ("alice", "bob", "carol", "dave")]
        with open(f"{ROOT}/etc/{name}", "a", encoding="utf-8") as out:
            out.write("\n".join(own) + "\n")
    module = sandbox.sh("sh", "-c", "echo /usr/lib/*/security/pam_approve.so").stdout.strip()
    shutil.copy(module, ROOT + module)
    shutil.copy(f"{sandbox.TOP}/conf/pam.d/sshd", f"{ROOT}/etc/pam.d/sshd")
    shutil.copy(f"{sandbox.TOP}/conf/sshd_config.d/pam_approve.conf", f"{ROOT}/etc/ssh/sshd_config.d/pam_approve.conf")
    sandbox.sh("chroot", ROOT, "ssh-keygen", "-A")


prepare()
sshd = sandbox.Sshd("sshd-testing", prefix=["chroot", ROOT])
version = sandbox.sh("chroot", ROOT, "ssh", "-V").stdout.split()[0]
print(f"# {version}")


def sign_in(client):
    return sandbox.Ssh(sshd, "alice", client=client)


def waits(client, more=""):
    """A sign-in under `show = wait`, after its password."""
    world.host.conf("[service sshd]\nshow = wait" + more)
    return sign_in(client).password()


def number_in_text(ssh):
    ssh.expect(r"Approve (\d\d) on ", timeout=3)
    return int(ssh.term.match.group(1))


for client, words in (((), "Debian 12's ssh"), (("chroot", ROOT), "its own ssh")):
    @test(f"{version}, {words}: the number in a prompt, Enter after the approval")
    def prompt(client=client):
        world.host.conf("")
        ssh = sign_in(client)
        world.phone.approve(ssh.number())
        ssh.send()
        ssh.signed_in()

    @test(f"{version}, {words}: show = wait: the number as a text, and the session opens by itself")
    def wait(client=client):
        ssh = waits(client)
        world.phone.approve(number_in_text(ssh))
        ssh.signed_in()

    @test(f"{version}, {words}: show = wait: no answer in time brings the prompt for a code")
    def code(client=client):
        ssh = waits(client, "\nwait = 5")
        ssh.expect("Code", timeout=12)
        ssh.send(world.phone.fresh_code())
        ssh.signed_in()

    @test(f"{version}, {words}: show = wait: Deny ends it")
    def deny(client=client):
        ssh = waits(client)
        number_in_text(ssh)
        world.phone.deny()
        ssh.refused()
        world.forget_denials()


test.run(world.logs)
