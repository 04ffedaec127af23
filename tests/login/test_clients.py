#!/usr/bin/python3
"""ssh's other clients, each the real one: the number is seen, and Enter after the approval opens; or the client fails at once, with a message, where it cannot ask."""
import os
import time

import common
import pexpect
import sandbox

sandbox.enter()
world = common.World()
test = sandbox.Tests()
PORT = str(world.sshd.port)
QUIET = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "PubkeyAuthentication=no"]


def spawn(program, *argv):
    term = pexpect.spawn(program, list(argv), encoding="utf-8", codec_errors="replace", timeout=15, dimensions=(24, 200))
    term.delaybeforesend = None
    return term


def sign_in(term, password="assword: ?$"):
    """Password, number, approval, Enter."""
    term.expect(password)
    term.sendline(sandbox.PASSWORD)
    term.expect(r"Number (\d\d)\. Approve on Pixel 8[^\r\n]*: ?")
    world.phone.approve(int(term.match.group(1)))
    term.sendline("")


def ended(term, status=0):
    term.expect(pexpect.EOF)
    term.close()
    assert term.exitstatus == status, (term.exitstatus, term.before)
    return term.before


@test("plink (PuTTY)")
def plink():
    key = sandbox.sh("ssh-keygen", "-lf", "/etc/ssh/ssh_host_ed25519_key.pub").stdout.split()[1]
    term = spawn("plink", "-P", PORT, "-hostkey", key, "-no-antispoof", "alice@127.0.0.1", "echo in as $(id -un)")
    sign_in(term)
    term.expect("in as alice")


@test("dbclient (Dropbear)")
def dbclient():
    term = spawn("dbclient", "-y", "-y", "-p", PORT, "alice@127.0.0.1", "echo in as $(id -un)")
    sign_in(term)
    term.expect("in as alice")


@test("scp and sftp, with OpenSSH's prompts")
def copies():
    sandbox.write("/tmp/file", "here\n")
    sign_in(term := spawn("scp", "-P", PORT, *QUIET, "/tmp/file", "alice@127.0.0.1:/tmp/file2"))
    ended(term)
    assert sandbox.read("/tmp/file2") == "here\n"
    sign_in(term := spawn("sftp", "-P", PORT, *QUIET, "alice@127.0.0.1"))
    term.expect("sftp> ")
    term.sendline("bye")
    ended(term)


@test("rsync and git over ssh")
def over_ssh():
    ssh = f"ssh -p {PORT} " + " ".join(QUIET)
    sign_in(term := spawn("rsync", "-e", ssh, "/tmp/file", "alice@127.0.0.1:/tmp/file3"))
    ended(term)
    assert sandbox.read("/tmp/file3") == "here\n"
    sandbox.sh("setpriv", "--reuid=alice", "--regid=alice", "--clear-groups", "--reset-env", "git", "init", "-q", "--bare", "/home/alice/repo.git")
    os.environ["GIT_SSH_COMMAND"] = ssh
    sign_in(term := spawn("git", "ls-remote", "alice@127.0.0.1:repo.git"))
    ended(term)


@test("ControlMaster, as ansible uses it: one approval, and the next commands ask nobody")
def control_master():
    options = [*QUIET, "-o", "ControlMaster=auto", "-o", "ControlPath=/tmp/control", "-o", "ControlPersist=30"]
    sign_in(term := spawn("ssh", "-p", PORT, *options, "alice@127.0.0.1", "echo in as $(id -un)"))
    term.expect("in as alice")
    before = world.requests()
    assert "in as alice" in sandbox.sh("ssh", "-p", PORT, *options, "alice@127.0.0.1", "echo in as $(id -un)", timeout=10).stdout
    assert world.requests() == before
    sandbox.sh("ssh", "-p", PORT, *options, "-O", "exit", "alice@127.0.0.1", check=False)


@test("paramiko: the number comes to its handler, and an answer after the approval opens")
def paramiko_client():
    term = spawn("/usr/bin/python3", "-c", f"""
import paramiko
transport = paramiko.Transport(("127.0.0.1", {PORT}))
transport.connect()
def handler(title, instructions, prompts):
    return [input(text) for text, echo in prompts]
transport.auth_interactive("alice", handler)
channel = transport.open_session()
channel.exec_command("echo in as $(id -un)")
print(channel.recv(100).decode())
transport.close()
""")
    sign_in(term)
    term.expect("in as alice")


@test("BatchMode, and a client with password authentication only, fail at once with a message, and ring no phone")
def cannot_ask():
    before = world.requests()
    start = time.monotonic()
    done = sandbox.sh("ssh", "-p", PORT, *QUIET, "-o", "BatchMode=yes", "alice@127.0.0.1", "true", check=False, timeout=10)
    assert done.returncode == 255 and "Permission denied" in done.stdout, done.stdout
    done = sandbox.sh("ssh", "-p", PORT, *QUIET, "-o", "PreferredAuthentications=password", "alice@127.0.0.1", "true", check=False, timeout=10)
    assert done.returncode == 255 and "Permission denied" in done.stdout, done.stdout
    assert time.monotonic() - start < 4 and world.requests() == before


@test("`ssh host command` with neither terminal nor askpass fails at once")
def no_terminal():
    start = time.monotonic()
    done = sandbox.sh("setsid", "ssh", "-p", PORT, *QUIET, "alice@127.0.0.1", "true", check=False, timeout=10, env={"DISPLAY": "", "SSH_ASKPASS": ""})
    assert done.returncode == 255 and time.monotonic() - start < 8, done.stdout


test.run(world.logs)
