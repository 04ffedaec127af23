#!/usr/bin/python3
"""ssh's other clients, each the real one: the number is seen, and Enter after the approval opens; or the client fails at once, with a message, where it cannot ask."""
import json
import os
import re
import time

import common
import pexpect
import sandbox

if os.environ.get("PAM_APPROVE_SANDBOX") != "inside":
    sandbox.sh(f"{sandbox.TOP}/tests/install-npm", timeout=300)
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


@test("ControlMaster: one approval, and the next commands ask nobody")
def control_master():
    options = [*QUIET, "-o", "ControlMaster=auto", "-o", "ControlPath=/tmp/control", "-o", "ControlPersist=30"]
    sign_in(term := spawn("ssh", "-p", PORT, *options, "alice@127.0.0.1", "echo in as $(id -un)"))
    term.expect("in as alice")
    before = world.requests()
    assert "in as alice" in sandbox.sh("ssh", "-p", PORT, *options, "alice@127.0.0.1", "echo in as $(id -un)", timeout=10).stdout
    assert world.requests() == before
    sandbox.sh("ssh", "-p", PORT, *options, "-O", "exit", "alice@127.0.0.1", check=False)


@test("ansible: over a connection that was opened by hand, as docs/callers.md says, it works and asks nobody; "
      "without one the host is unreachable at once, and no phone rings")
def ansible():
    os.makedirs("/root/.ssh", mode=0o700, exist_ok=True)
    sandbox.write("/tmp/inventory", f"web1 ansible_host=127.0.0.1 ansible_port={PORT} ansible_user=alice ansible_python_interpreter=/usr/bin/python3\n")
    sandbox.write("/tmp/play.yml", "- hosts: web1\n  gather_facts: no\n  tasks:\n    - command: id -un\n      register: who\n    - debug: var=who.stdout\n")
    env = {"ANSIBLE_SSH_CONTROL_PATH": "~/.ssh/ansible-%%h-%%p-%%r", "ANSIBLE_HOST_KEY_CHECKING": "no", "ANSIBLE_NOCOLOR": "1", "LC_ALL": "C.UTF-8", "HOME": "/root"}

    def play(status):
        done = sandbox.sh("ansible-playbook", "-i", "/tmp/inventory", "/tmp/play.yml", check=False, env=env)
        assert done.returncode == status, done.stdout
        return done.stdout

    before = world.requests()
    start = time.monotonic()
    assert re.search("UNREACHABLE.*Permission denied", play(4))
    assert time.monotonic() - start < 8 * sandbox.slower() and world.requests() == before
    control = ["-o", "ControlPath=/root/.ssh/ansible-%h-%p-%r", "-p", PORT, "alice@127.0.0.1"]
    sign_in(term := spawn("sh", "-c", 'ssh "$@" && echo opened && read -r _', "sh", "-M", "-N", "-f", *QUIET, *control))
    term.expect("opened")
    before = world.requests()
    for _ in range(2):
        assert '"who.stdout": "alice"' in play(0)
    assert world.requests() == before
    sandbox.sh("ssh", "-O", "exit", *control)


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


SSH2 = """
const { Client } = require(process.env.SSH2);
const lines = require("readline").createInterface({ input: process.stdin, output: process.stdout, terminal: false });
const client = new Client();
client.on("keyboard-interactive", async (name, instructions, language, prompts, finish) => {
    const answers = [];
    for (const { prompt } of prompts) answers.push(await new Promise((done) => lines.question(prompt, done)));
    finish(answers);
});
client.on("ready", () => client.exec("echo in as $(id -un)", (error, stream) => {
    stream.on("data", (text) => process.stdout.write(text)).on("close", () => process.exit(0));
}));
client.on("error", (error) => { console.log("error: " + error.message); process.exit(1); });
client.connect({ host: "127.0.0.1", port: Number(process.env.PORT), username: "alice", readyTimeout: 60000, ...JSON.parse(process.env.OPTIONS) });
"""


def ssh2(options):
    os.environ.update(SSH2=f"{sandbox.TOP}/build/npm/node_modules/ssh2", PORT=PORT, OPTIONS=json.dumps(options))
    return spawn("node", "-e", SSH2)


@test("ssh2 (npm): the number comes to its keyboard-interactive handler, and an answer after the approval opens")
def ssh2_client():
    term = ssh2({"tryKeyboard": True})
    sign_in(term)
    term.expect("in as alice")
    ended(term)


@test("ssh2 and paramiko with a password only, plink -batch: refused at once with a message, and no phone rings")
def password_only():
    before = world.requests()
    start = time.monotonic()
    assert "All configured authentication methods failed" in ended(ssh2({"password": sandbox.PASSWORD}), 1)
    term = spawn("/usr/bin/python3", "-c", f"""
import paramiko
transport = paramiko.Transport(("127.0.0.1", {PORT}))
transport.connect()
transport.auth_password("alice", "{sandbox.PASSWORD}", fallback=False)
""")
    assert "Bad authentication type" in ended(term, 1)
    key = sandbox.sh("ssh-keygen", "-lf", "/etc/ssh/ssh_host_ed25519_key.pub").stdout.split()[1]
    done = sandbox.sh("plink", "-batch", "-P", PORT, "-hostkey", key, "alice@127.0.0.1", "true", check=False, timeout=15)
    assert done.returncode != 0 and done.stdout.strip(), done.stdout
    assert time.monotonic() - start < 8 and world.requests() == before


@test("BatchMode, and a client with password authentication only, fail at once with a message, and ring no phone")
def cannot_ask():
    before = world.requests()
    start = time.monotonic()
    done = sandbox.sh("ssh", "-p", PORT, *QUIET, "-o", "BatchMode=yes", "alice@127.0.0.1", "true", check=False, timeout=10)
    assert done.returncode == 255 and "Permission denied" in done.stdout, done.stdout
    done = sandbox.sh("ssh", "-p", PORT, *QUIET, "-o", "PreferredAuthentications=password", "alice@127.0.0.1", "true", check=False, timeout=10)
    assert done.returncode == 255 and "Permission denied" in done.stdout, done.stdout
    assert time.monotonic() - start < 4 and world.requests() == before


@test("`ssh host command` with neither terminal nor askpass fails by itself with a message, after its three empty passwords, and rings no phone")
def no_terminal():
    before = world.requests()
    start = time.monotonic()
    done = sandbox.sh("setsid", "ssh", "-p", PORT, *QUIET, "alice@127.0.0.1", "true", check=False, timeout=10, env={"DISPLAY": "", "SSH_ASKPASS": ""})
    assert done.returncode == 255 and "Permission denied (" in done.stdout and time.monotonic() - start < 8, done.stdout
    assert world.requests() == before


test.run(world.logs)
