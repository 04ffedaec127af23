#!/usr/bin/python3
"""The administration as its administrator sees it: init, every command, and what it does to hosts and phones that are at work."""
import json
import os
import re
import shutil
import socket
import sqlite3
import ssl
import stat
import subprocess
import tempfile
import time

import pexpect
from pyzbar import pyzbar

import peers
import sandbox

test = sandbox.Tests()
server = peers.Server(peers.LIMITS + "[requests]\ntoken_hold = 20\n")


def run(*argv, conf=None, stdin=None):
    """A command: exit status and both streams apart."""
    done = subprocess.run([peers.SERVER, "--config", conf or server.conf, *argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          input=stdin, timeout=20, check=False)
    return done.returncode, done.stdout, done.stderr


def refused(wanted, *argv, conf=None, status=1):
    code, out, err = run(*argv, conf=conf)
    assert code == status and out == "" and wanted in err and err.count("\n") == 1, (code, out, err)


def new_user(name):
    server.cli("user", "add", name)
    return name


class Folder:
    """A server.conf and data folder for `init`, without a server."""

    def __init__(self, conf=None):
        self.path = tempfile.mkdtemp(prefix="approve-admin.")
        self.conf, self.data = f"{self.path}/server.conf", f"{self.path}/data"
        if conf is not None:
            self.write(conf)

    def write(self, conf):
        sandbox.write(self.conf, f"[server]\ndata = {self.data}\nadmin_socket = {self.path}/admin.sock\n{conf}\n", 0o600)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path)


# --- init and serve ---------------------------------------------------------------------------------------------------

@test("init makes the folder, keys, store and certificate, for the server's eyes only; again it changes nothing")
def init():
    with Folder("url = https://approve.example.org:8443") as here:
        code, out, err = run("init", conf=here.conf)
        assert code == 0 and err == "" and "browser" in out and "approve-server user add" in out, (out, err)
        files = sorted(os.listdir(here.data))
        assert files == ["box.key", "certificate.key", "certificate.pem", "issuer.key", "push.key", "store.db", "store.db.lock"], files
        assert stat.S_IMODE(os.stat(here.data).st_mode) == 0o700
        contents = {}
        for name in files:
            assert stat.S_IMODE(os.stat(f"{here.data}/{name}").st_mode) == 0o600, name
            with open(f"{here.data}/{name}", "rb") as data:
                contents[name] = data.read()
            assert name == "store.db" or contents[name] == b"" or contents[name].decode().strip() not in out, f"{name} was printed"
        names = sandbox.sh("openssl", "x509", "-in", f"{here.data}/certificate.pem", "-noout", "-ext", "subjectAltName,basicConstraints").stdout
        assert "DNS:approve.example.org" in names and "CA:FALSE" in names, names
        sandbox.sh("openssl", "x509", "-in", f"{here.data}/certificate.pem", "-noout", "-checkend", str(9 * 365 * 86400))
        code, out, _ = run("init", conf=here.conf)
        assert code == 0 and "made" not in out, out
        for name in files:
            with open(f"{here.data}/{name}", "rb") as data:
                assert data.read() == contents[name], name
        # a new certificate keeps the key, which hosts and phones know
        os.unlink(f"{here.data}/certificate.pem")
        assert run("init", conf=here.conf)[0] == 0
        with open(f"{here.data}/certificate.key", "rb") as data:
            assert data.read() == contents["certificate.key"]


@test("init writes server.conf where there is none, and a person decides where it says something else")
def init_conf():
    with Folder() as here:
        os.mkdir(here.path + "/x")
        conf = here.path + "/x/y/server.conf"
        code, out, err = run("init", "--url", "https://a_b.example", conf=conf)
        assert code == 1 and "--url" in err and not os.path.exists(conf), err
        code, out, err = run("init", "--url", "http://approve.example.org", conf=conf)
        assert code == 1 and "https://approve.example.org" in err, err
        code, out, err = run("init", "--url", "https://x.example", "--name", "a\nurl = http://localhost", conf=conf)
        assert code == 1 and "--name" in err and not os.path.exists(conf), err
        # the default data folder is not this machine's: a file system of its own stands there
        inside = f"mount -t tmpfs none /var/lib && {peers.SERVER} --config {conf} init --url https://x.example:8443 --name 'Example Org' && ls /var/lib/approve"
        made = sandbox.sh("unshare", "--mount", "sh", "-c", inside).stdout
        assert "certificate.pem" in made and f"made {conf}" in made, made
        written = [line for line in sandbox.read(conf).splitlines() if not line.startswith("#")]
        assert written == ["[server]", "url = https://x.example:8443", "name = Example Org"], written
        assert stat.S_IMODE(os.stat(conf).st_mode) == 0o644
    with Folder("url = https://a.example\nname = A") as here:
        for option in (("--url", "https://b.example"), ("--name", "B")):
            code, out, err = run("init", *option, conf=here.conf)
            assert code == 1 and option[1] in err and here.conf in err and not os.path.exists(here.data), err
        assert run("init", "--url", "https://a.example", "--name", "A", conf=here.conf)[0] == 0


@test("init by root writes a server.conf that root owns, and gives the data to the user who will run the server")
def init_user():
    if os.geteuid() != 0:
        raise AssertionError("this test needs root")
    with Folder() as here:
        os.chmod(here.path, 0o755)
        here.write("url = http://localhost:1")
        os.chmod(here.conf, 0o644)
        code, out, err = run("init", "--user", "nobody", conf=here.conf)
        assert code == 0 and "nobody" in out, (out, err)
        for name in ("", "/box.key", "/store.db"):
            assert os.stat(here.data + name).st_uid == 65534, name
        code, out, err = run("serve", conf=here.conf)
        assert code == 1 and "belongs to nobody" in err, err
        code, out, err = run("init", "--user", "no-such-user", conf=here.conf)
        assert code == 1 and "no-such-user" in err, err


@test("a server.conf that is wrong, or written by others, keeps the server from starting, and says where and what")
def wrong_conf():
    cases = {
        "url = http://approve.example.org": "localhost only",
        "url = https://approve.example.org/path": "nothing behind it",
        "url = https://Approve.example.org": "lower case",
        "url = https://user@approve.example.org": "nothing behind it",
        "url = https://approve.example.org:99999": "nothing behind it",
        "url = ftp://approve.example.org": "https://HOST",
        "listen = 0.0.0.0:8700": "plain http beyond this machine",
        "listen = [::]:8700": "plain http beyond this machine",
        "listen = 8700": "ADDRESS:PORT",
        "listen = example.org:8700": "ADDRESS:PORT",
        "listen = unix:relative": "unix:/PATH",
        "admin_socket = relative.sock": "from / on",
        "colour = red": "colour",
        "[limits]\nconnections_per_address = 0": "connections_per_address",
        "[requests]\ntoken_hold = 61": "token_hold",
        "[requests]\nnumber = maybe": "off, choose, enter",
        "[phone]\nminimum = new": "MAJOR.MINOR",
        "[push]\nservices = https://push.example": "*.DOMAIN",
        "[push]\nsubject = me@example.org": "mailto:",
        "[nonsense]\nx = 1": "nonsense",
    }
    with Folder("url = http://localhost:1") as here:
        assert run("init", conf=here.conf)[0] == 0
        wrong = {}
        for conf, wanted in cases.items():
            sandbox.write(here.conf, f"[server]\ndata = {here.data}\n{conf}\n", 0o600)
            code, out, err = run("serve", conf=here.conf)
            if code != 1 or wanted not in err or "approve-server" not in err:
                wrong[conf] = (code, err)
        assert not wrong, wrong
        sandbox.write(here.conf, f"[server]\ndata = {here.data}\n", 0o622)
        code, out, err = run("serve", conf=here.conf)
        assert code == 1 and here.conf in err and "chmod" in err, err
        code, out, err = run("serve", conf=f"{here.path}/none.conf")
        assert code == 1 and "none.conf" in err, err


@test("serve does not start on a folder that is missing, not its own or in use, nor with a key that others can read")
def wrong_data():
    with Folder("url = http://localhost:1") as here:
        code, out, err = run("serve", conf=here.conf)
        assert code == 1 and "approve-server init" in err, err
        assert run("init", conf=here.conf)[0] == 0
        for name in ("issuer.key", "box.key", "store.db"):
            os.chmod(f"{here.data}/{name}", 0o640)
            code, out, err = run("serve", conf=here.conf)
            assert code == 1 and name in err and "chmod" in err, (name, err)
            os.chmod(f"{here.data}/{name}", 0o600)
            os.rename(f"{here.data}/{name}", f"{here.data}/away")
            code, out, err = run("serve", conf=here.conf)
            assert code == 1 and name in err and "init" in err, (name, err)
            sandbox.write(f"{here.data}/{name}", "x" * 200, 0o600)
            code, out, err = run("serve", conf=here.conf)
            assert code == 1 and name in err, (name, err)
            os.rename(f"{here.data}/away", f"{here.data}/{name}")
        here.write(f"url = http://localhost:{server.port}")
        code, out, err = run("serve", conf=here.conf)
        assert code == 1 and f"{server.port}" in err and "in use" in err, err  # the port
        sandbox.write(here.conf, f"[server]\nurl = http://localhost:{sandbox.free_port()}\ndata = {server.data}\nadmin_socket = {here.path}/a\n", 0o600)
        code, out, err = run("serve", conf=here.conf)
        assert code == 1 and "in use by another approve-server" in err, err
        sandbox.write(here.conf, f"[server]\nurl = http://localhost:{sandbox.free_port()}\ndata = {here.data}\nadmin_socket = {server.folder}/admin.sock\n", 0o600)
        code, out, err = run("serve", conf=here.conf)
        assert code == 1 and "admin.sock" in err, err
        assert server.json("status")["url"] == server.url  # and the one that has it still does
        assert run("init")[0] == 0  # while the server runs


@test("a certificate of one's own: used where it is named, no pin where another signed it; a wrong one says so")
def certificates():
    with Folder() as here:
        made = ("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=ca 2>&1 &&"
                "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout leaf.key -out leaf.csr -subj /CN=localhost 2>&1 &&"
                "openssl x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out leaf.pem -days 2 2>&1")
        subprocess.run(made, shell=True, check=True, cwd=here.path, stdout=subprocess.DEVNULL)
        port = sandbox.free_port()
        own = f"url = https://localhost:{port}\ncertificate = {here.path}/leaf.pem\ncertificate_key = {here.path}/"
        here.write(own + "leaf.key")
        code, out, err = run("init", conf=here.conf)
        assert code == 0 and "certificate" not in out and not os.path.exists(f"{here.data}/certificate.pem"), out
        child = subprocess.Popen([peers.SERVER, "--config", here.conf, "serve"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            sandbox.wait_for("the server", lambda: sandbox.listening(port))
            context = ssl.create_default_context(cafile=f"{here.path}/ca.pem")
            context.check_hostname = False  # openssl req puts no alternative name in
            with context.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="localhost") as line:
                assert line.getpeercert()["issuer"] == ((("commonName", "ca"),),)
            code, out, err = run("host", "add", "web1", conf=here.conf)
            assert re.fullmatch(r"[\w-]{22}", sandbox.join_command(out)[1]), out
        finally:
            child.terminate()
            assert child.wait(5) == 0
        here.write(own + "ca.key")
        code, out, err = run("serve", conf=here.conf)
        assert code == 1 and "ca.key" in err and "mismatch" in err, err
        here.write(own + "none.key")
        code, out, err = run("serve", conf=here.conf)
        assert code == 1 and "none.key" in err, err


# --- commands ---------------------------------------------------------------------------------------------------------

@test("without a server every command says so, and how to start it")
def not_running():
    with Folder("url = http://localhost:1") as here:
        for argv in (["user", "add", "alice"], ["user", "list"], ["host", "list"], ["device", "list"], ["enroll", "alice"], ["activity"], ["status"]):
            refused("systemctl start approve-server", *argv, conf=here.conf, status=3)
        with socket.socket(socket.AF_UNIX) as stale:
            stale.bind(f"{here.path}/admin.sock")
        refused("systemctl start approve-server", "status", conf=here.conf, status=3)


@test("a wrong call says what would be right")
def usage():
    for argv in ([], ["user"], ["user", "add"], ["user", "add", "a", "b"], ["users"], ["user", "list", "--yaml"], ["enroll"], ["activity", "--limit", "0"],
                 ["activity", "--limit", "ten"], ["host", "add"]):
        code, out, err = run(*argv)
        assert code == 2 and err, (argv, code, out, err)
    out = subprocess.run([peers.SERVER, "--help"], stdout=subprocess.PIPE, text=True, check=True).stdout
    for command in ("init", "serve", "user add NAME", "host revoke ID", "device remove DEVICE", "enroll USER", "activity", "status"):
        assert command in out, command
    out = subprocess.run([peers.SERVER, "--help-options"], stdout=subprocess.PIPE, text=True, check=True).stdout
    assert "connections_per_address" in out and "token_hold" in out
    assert "*token" in subprocess.run([peers.SERVER, "--help-options-scdoc"], stdout=subprocess.PIPE, text=True, check=True).stdout


@test("users: added, listed, removed; names that are no names refused")
def users():
    assert "There are no" in run("user", "list")[1]
    assert server.json("user", "list") == []
    server.cli("user", "add", "carol", "--display", "Carol Réz")
    refused("already", "user", "add", "carol")
    for name in ("", "a\nb", "a\x1b[2Jb", "x" * 129, "\u202egpj.exe"):
        refused("1 to 128", "user", "add", name)
    for argv in (["user", "remove"], ["device", "list"]):
        refused("no user", *argv, "nobody-here")
    for argv in (["device", "list", "carol"], ["activity", "--user", "carol"]):
        assert "this user" in run(*argv)[1].lower(), argv
    listed = server.json("user", "list")
    assert len(listed) == 1 and abs(listed[0].pop("added") - time.time()) < 5, listed
    assert listed == [{"user": "carol", "name": "Carol Réz", "enabled": True, "devices": 0}], listed
    lines = run("user", "list")[1].splitlines()
    assert len(lines) == 2 and lines[0].index("REQUESTS") == lines[1].index("on "), lines
    server.cli("user", "remove", "carol")
    assert server.json("user", "list") == []


@test("enroll: a link that works once, of which the store knows the hash alone; an unknown user has none; a QR code on a terminal")
def enroll():
    user = new_user("dora")
    refused("no user", "enroll", "nobody-here")
    answer = server.json("enroll", user)
    assert answer["life"] == 3600 and re.fullmatch(re.escape(server.url) + r"/enroll#[\w-]{22}", answer["link"]), answer
    secret = answer["link"].split("#")[1]
    phone = peers.Phone(server, link=secret)
    assert phone.enrolled.status == 200 and phone.enrolled.json["user"] == user, phone.enrolled
    assert peers.Phone(server, link=secret).enrolled.error == "invitation_over"
    fresh = server.json("enroll", user)["link"].split("#")[1]
    token = sandbox.join_command(server.cli("host", "add", "hash1"))[1]
    for name in os.listdir(server.data):
        with open(f"{server.data}/{name}", "rb") as data:
            stored = data.read()
        assert fresh.encode() not in stored and token.encode() not in stored and secret.encode() not in stored, name
    assert fresh not in sandbox.read(server.log) and token not in sandbox.read(server.log)
    child = pexpect.spawn(peers.SERVER, ["--config", server.conf, "enroll", user], encoding="utf-8", dimensions=(80, 120))
    child.expect(pexpect.EOF)
    link = re.search(r"http://\S+/enroll#[\w-]{22}", child.before).group(0)
    assert read_qr(child.before) == link, "the QR code does not say what the link says"
    assert "█" not in run("enroll", user)[1]


def read_qr(text):
    """What a camera reads from the half blocks: their picture, eight pixels a module, given to zbar."""
    rows = []
    for line in re.findall(r"\x1b\[40;97m(.*?)\x1b\[0m", text):
        for light in ("█▀", "█▄"):
            rows += [b"".join((b"\xff" if c in light else b"\0") * 8 for c in line)] * 8
    found = pyzbar.decode((b"".join(rows), len(rows[0]), len(rows)))
    return found[0].data.decode() if found else None


@test("hosts: a token joins once, within its hour, and again only with --again, which replaces the key")
def hosts():
    host = peers.Host(server, "web1")
    listed = {h["host"]: h for h in server.json("host", "list")}["web1"]
    assert listed["state"] == "joined" and listed["name"] == "web1.example.org" and listed["seen"] is None, listed
    refused("--again", "host", "add", "web1")
    refused("a-z", "host", "add", "web 1")
    refused("a-z", "host", "add", "x" * 65)
    refused("no host", "host", "add", "never", "--again")
    refused("no host", "host", "revoke", "never")

    token = server.json("host", "add", "web2")["token"]
    assert {h["host"]: h["state"] for h in server.json("host", "list")}["web2"] == "waiting"
    key = peers.Key()

    def join(**members):
        body = {"token": token, "key": key.jwk, "name": "web2.example.org", **members}
        return server.call("POST", "/host/join", json.dumps({k: v for k, v in body.items() if v is not None}), "application/json")
    for wrong in ({"token": None}, {"name": None}, {"name": ""}, {"name": "a\u202eb"}, {"name": "x" * 129}, {"key": None}, {"key": {}}, {"key": "x"},
                  {"key": {**key.jwk, "d": key.jwk["x"]}}, {"key": {**key.jwk, "y": key.jwk["x"]}}, {"key": {"kty": "OKP", "crv": "Ed25519", "x": key.jwk["x"]}},
                  {"token": 1}, {"token": "x" * 65}):
        answer = join(**wrong)
        assert answer.status == 400 and answer.error == "invalid_request", (wrong, answer)
    assert server.call("POST", "/host/join", "[]", "application/json").status == 400
    for wrong in (peers.token(), token[:-1], token + "x", token.swapcase()):
        answer = join(token=wrong)
        assert answer.status == 403 and answer.error == "pam_approve_token_used", answer
    answer = join()
    assert answer.status == 200 and answer.json == {"host": "web2", "issuer": server.url}, answer
    assert join().error == "pam_approve_token_used"
    assert {h["host"]: h for h in server.json("host", "list")}["web2"]["name"] == "web2.example.org"  # its own, as none was given

    first, second = (server.json("host", "add", "web1", "--again")["token"] for _ in range(2))
    assert host.ask().answer.status == 200  # until it joins, the old key is good
    assert join(token=first).error == "pam_approve_token_used"  # the newer token has made it worthless
    assert join(token=second).json["host"] == "web1"
    assert host.ask().answer.error == "invalid_client"
    host.key = key
    assert host.ask().answer.status == 200

    late = server.json("host", "add", "web3")["token"]
    with sqlite3.connect(f"{server.data}/store.db") as db:  # an hour later
        db.execute("UPDATE host_tokens SET ends = ? WHERE host_id = 'web3'", (int(time.time() * 1000) - 1,))
    db.close()
    assert join(token=late).error == "pam_approve_token_used"


@test("I10: revoking a host refuses its waiting logins at once, and it can ask no more; --again lets it in again")
def revoke():
    user = new_user("erin")
    phone = peers.Phone(server, user)
    host, other = peers.Host(server, "gone"), peers.Host(server, "stays")
    waiting, elsewhere, approved = host.ask(user), other.ask(user), host.ask(user)
    assert phone.decide(approved).status == 200
    held = waiting.hold()
    kept = elsewhere.hold()
    start = time.monotonic()
    server.cli("host", "revoke", "gone")
    answer = held.get(2)
    assert held.ended - start < 0.5 * sandbox.slower(), held.ended - start
    assert answer.error in ("access_denied", "invalid_client"), answer
    if answer.error == "access_denied":
        assert answer.json["reason"] == "revoked", answer
    assert approved.token().error == "invalid_client"
    for call in (host.ask(user).answer, waiting.token(), waiting.cancel(), waiting.code("123456")):
        assert call.status == 401 and call.error == "invalid_client", call
    states = {(a["host"], a["result"]) for a in server.activity(user)}
    assert states == {("gone", "revoked"), ("stays", "")}, states
    assert phone.decide(elsewhere).status == 200 and kept.get().status == 200
    server.cli("host", "revoke", "gone")  # twice is no harm
    assert {h["host"]: h["state"] for h in server.json("host", "list")}["gone"] == "revoked"
    refused("--again", "host", "add", "gone")
    secret = server.json("host", "add", "gone", "--again")["token"]
    assert host.ask(user).answer.status == 401
    assert host.join(secret).status == 200
    assert host.ask(user).answer.status == 200
    # a token that was given out before the revocation joins nothing
    secret = server.json("host", "add", "gone", "--again")["token"]
    server.cli("host", "revoke", "gone")
    assert host.join(secret).error == "pam_approve_token_used"


@test("removing a user refuses the waiting logins at once, and the phones are gone; the activity stays")
def remove_user():
    user = new_user("frank")
    phone = peers.Phone(server, user)
    link = server.json("enroll", user)["link"].split("#")[1]
    host = peers.Host(server, "web5")
    login = host.ask(user)
    held, listing = login.hold(), None
    revision = phone.call("requests", wait=0, seen="").json["revision"]
    listing = peers.Later(phone.call, "requests", wait=20, seen=revision)
    time.sleep(0.2)
    start = time.monotonic()
    server.cli("user", "remove", user)
    answer = held.get(2)
    assert held.ended - start < 0.5 * sandbox.slower() and answer.error == "access_denied" and answer.json["reason"] == "secured", answer
    listing.get(2)
    assert listing.ended - start < 0.5 * sandbox.slower()
    assert phone.call("requests", wait=0, seen="").error == "unknown_device"
    assert peers.Phone(server, link=link).enrolled.error == "invitation_over"
    assert server.activity(user)[0]["result"] == "secured"
    quiet = peers.Phone(server, new_user("frida"))  # with nothing open, the phone that listens is told as well
    revision = quiet.call("requests", wait=0, seen="").json["revision"]
    listing = peers.Later(quiet.call, "requests", wait=20, seen=revision)
    time.sleep(0.2)
    server.cli("user", "remove", "frida")
    listing.get(5)
    again = host.ask(user).answer
    assert again.status == 200 and again.json["methods"] == ["code"] and again.json["devices"] == 0, again


@test("S11: a phone that is removed is told so at once, its approvals and codes count no more, another one stays")
def devices():
    user = new_user("grace")
    lost, kept = peers.Phone(server, user, "Lost"), peers.Phone(server, user, "Kept")
    host = peers.Host(server, "web6")
    listed = server.json("device", "list", user)
    assert [(d["device"], d["user"], d["name"], d["platform"], d["enabled"], d["key"]) for d in listed] == [
        (p.device, user, n, "terminal", True, p.key.thumbprint) for p, n in ((lost, "Lost"), (kept, "Kept"))], listed
    assert {d["user"] for d in server.json("device", "list")} > {user}
    assert "Lost" in run("device", "list", user)[1]
    approved, waiting = host.ask(user), host.ask(user)
    assert lost.decide(approved).status == 200
    revision = lost.call("requests", wait=0, seen="").json["revision"]
    listing = peers.Later(lost.call, "requests", wait=20, seen=revision)
    time.sleep(0.2)
    start = time.monotonic()
    server.cli("device", "remove", lost.device)
    listing.get(2)
    assert listing.ended - start < 0.5 * sandbox.slower()
    assert lost.call("requests", wait=0, seen="").error == "unknown_device"
    answer = approved.token()
    assert answer.error == "access_denied" and answer.json["reason"] == "secured", answer
    assert waiting.code(lost.code()).error == "pam_approve_invalid_code"
    held = waiting.hold()
    assert kept.decide(waiting).status == 200 and held.get().status == 200
    refused("no such device", "device", "remove", lost.device)


@test("S14: activity: newest first, of one user or all, with a limit, safe to show; status counts")
def activity():
    user = new_user("heidi")
    phone = peers.Phone(server, user, "He\u202eidi's")
    host = peers.Host(server, "web7")
    for decision in ("approve", "deny", "not_me"):
        login = host.ask(user, rhost="198.51.100.9")
        assert phone.decide(login, decision).status == 200
        if decision == "approve":
            assert login.token().status == 200
    sandbox.wait_for("the correction's time to be over", lambda: server.activity(user)[2]["state"] == "used")
    listed = server.activity(user)
    assert [a["result"] for a in listed] == ["not_me", "denied", "signed_in"], listed
    assert listed[2] == {"at": listed[2]["at"], "user": user, "host": "web7", "host_name": "web7.example.org", "service": "sshd", "rhost": "198.51.100.9",
                         "method": "phone", "device": listed[2]["device"], "state": "used", "result": "signed_in"}, listed[2]
    assert len(server.json("activity", "--user", user, "--limit", "2")) == 2
    assert len(server.json("activity")) > 3 and server.json("activity", "--user", "nobody-here") == []
    out = run("activity", "--user", user)[1]
    assert "198.51.100.9" in out and "\u202e" not in out and "\x1b" not in out and len(out.splitlines()) == 4, out
    status = server.json("status")
    assert status["users"] == len(server.json("user", "list")) and status["devices"] == len(server.json("device", "list"))
    assert status["hosts"] == sum(h["state"] == "joined" for h in server.json("host", "list")) and status["version"]
    assert server.url in run("status")[1]


@test("what the admin socket takes: JSON objects of its calls alone")
def admin_calls():
    def call(name, body, kind="application/json"):
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(f"{server.folder}/admin.sock")
            line.sendall(f"POST /admin/v1/{name} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
            line.settimeout(5)
            text = b""
            while b"}" not in text:
                text += line.recv(65536)
            return int(text.split()[1]), json.loads(text.split(b"\r\n\r\n")[1])["error"]
    assert call("none", "{}") == (404, "no_such_call")
    for body in ("", "[]", "{", '{"name": 1}', '{"name": "a", "name": "b"}', '{"name": ""}', '{"name": null}', "{} x"):
        assert call("user_add", body) == (400, "bad_member"), body
    for name, body in {"device_list": '{"user": 1}', "activity": '{"limit": 0}', "host_add": '{"id": "a", "name": 1}', "enroll": "{}"}.items():
        assert call(name, body) == (400, "bad_member"), name
    assert call("status", "{}", "text/plain")[0] == 415


if __name__ == "__main__":
    try:
        test.run(lambda: "\n--- server\n" + sandbox.read(server.log)[-2000:])
    finally:
        server.stop()
        shutil.rmtree(server.folder, ignore_errors=True)
