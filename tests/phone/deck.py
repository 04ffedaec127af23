"""Everything but the browser, for the tests of the phone app in tests/phone/app: the real server, helper, sshd and ssh, and a push service of the tests' own.

The tests run under node's test runner, and call the methods of `Deck` over HTTP on loopback.
"""
import http.server
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "sandbox"), os.path.join(HERE, "..", "backend"), os.path.join(HERE, "..", "login")]
import sandbox  # noqa: E402

if os.environ.get("PAM_APPROVE_SANDBOX") != "inside":
    subprocess.run([os.path.join(HERE, "..", "install-npm")], stdout=subprocess.DEVNULL, check=True)
sandbox.enter()
from common import LIMITS  # noqa: E402
from pace import slower  # noqa: E402
from push_service import PushService  # noqa: E402
from terminal import Terminal  # noqa: E402

APP = "/usr/share/approve/phone"
RELEASE = "/tmp/release"


class Deck:
    """What a test can ask for. Each public method is one call; its arguments and its result are JSON."""

    def __init__(self, pushes):
        self.pushes = pushes
        os.chmod(pushes.folder, 0o755)  # approve-server reads its certificate
        self.syslog = sandbox.Syslog()
        sandbox.install()
        for name in ("alice", "bob", "carol"):
            sandbox.person(name)
        push = f"[push]\nservices = {pushes.host}\ncertificates = {pushes.ca_file}\nprivate_addresses = yes\n"
        self.conf = LIMITS + push
        self.server = sandbox.Server(scheme="http", conf=self.conf)
        for name in ("alice", "bob", "carol"):
            self.server.cli("user", "add", name)
        self.host = sandbox.Host(self.server)
        self.sshd = sandbox.Sshd()
        self.logins, self.subscriptions, self.phones, self.terminal = {}, {}, {}, None

    def slower(self):
        return slower()

    # --- the server's administrator ---
    def url(self):
        return self.server.url

    def cli(self, *argv):
        return self.server.cli(*argv)

    def link(self, user):
        return self.server.link(user)

    def activity(self, user):
        return self.server.activity(user)

    def server_conf(self, more):
        """server.conf with more lines, and a restart."""
        self.server.stop()
        text = sandbox.read("/etc/approve/server.conf").split("\n# of a test")[0]
        sandbox.write("/etc/approve/server.conf", text + "\n# of a test\n" + more + "\n")
        self.server.start()

    def server_stop(self):
        self.server.stop()

    def server_start(self):
        self.server.start()

    def expire_invitations(self):
        """Those that were not used yet ended a moment ago; their rows are still there."""
        with sqlite3.connect("/var/lib/approve/store.db") as store:
            store.execute("UPDATE invitations SET ends = made WHERE used IS NULL")

    def details(self, request, details):
        """The server lies: it shows other details than the host sent."""
        with sqlite3.connect("/var/lib/approve/store.db") as store:
            assert store.execute("UPDATE requests SET details = ? WHERE request = ?", (details, request)).rowcount == 1

    def release(self, version, words):
        """A new version of the app's files with other words for some keys, made as a release is, installed over the old one; the server is started again."""
        shutil.rmtree(RELEASE, ignore_errors=True)
        shutil.copytree(f"{sandbox.TOP}/phone", f"{RELEASE}/phone", ignore=shutil.ignore_patterns("terminal"))
        os.makedirs(f"{RELEASE}/tests/phone")
        shutil.copy(f"{HERE}/list_files.mjs", f"{RELEASE}/tests/phone")
        number, english = f"{RELEASE}/phone/version.js", f"{RELEASE}/phone/lang/en.json"
        sandbox.write(number, re.sub(r"'[\d.]+'", f"'{version}'", sandbox.read(number)))
        sandbox.write(english, json.dumps(json.loads(sandbox.read(english)) | words))
        sandbox.sh("node", f"{RELEASE}/tests/phone/list_files.mjs")
        self.server.stop()
        shutil.copytree(f"{RELEASE}/phone", APP, dirs_exist_ok=True)
        self.server.start()

    # --- the host's administrator ---
    def host_conf(self, text):
        self.host.conf(text)

    def host_name(self, name):
        """The host's name for people; "" puts join's back."""
        path = "/etc/approve/host.conf"
        text = re.sub(r"^name = .*\n", "", sandbox.read(path), flags=re.M)
        sandbox.write(path, text.replace("[host]\n", f"[host]\nname = {name}\n", 1) if name else text)

    def forget_denials(self):
        self.host.stop()
        self.host.start()

    def mute_over(self):
        """After "it wasn't me" no new source rings for ten minutes: it was said ten minutes ago."""
        self.server.stop()
        with sqlite3.connect("/var/lib/approve/store.db") as store:
            store.execute("UPDATE requests SET changed = changed - 600000 WHERE result = 'not_me'")
        self.server.start()

    def age_requests(self, seconds):
        """Everything that was asked, was asked and ended so much earlier."""
        self.server.stop()
        with sqlite3.connect("/var/lib/approve/store.db") as store:
            store.execute("UPDATE requests SET made = made - ?1, ends = ends - ?1, changed = changed - ?1", (seconds * 1000,))
        self.server.start()

    def stored_push(self, user):
        """The subscription that the server has of the user's device."""
        with sqlite3.connect("file:/var/lib/approve/store.db?mode=ro", uri=True) as store:
            return store.execute("SELECT push FROM devices WHERE user_name = ? ORDER BY added DESC", (user,)).fetchone()[0]

    # --- the push service ---
    def subscribe(self, status=201):
        """A browser's subscription: what `PushSubscription.toJSON()` gives."""
        subscription = self.pushes.subscribe(status)
        self.subscriptions[subscription.name] = subscription
        return subscription.json

    def push_count(self, endpoint, kind):
        return len([p for p in self._subscription(endpoint).pushes if p.data["type"] == kind])

    def push(self, endpoint, kind, index):
        """The decrypted text of the push with this index among those of its type."""
        found = self._subscription(endpoint).wait_type(kind, index)
        return json.dumps(found.data) if found else None

    def push_status(self, endpoint, status):
        self._subscription(endpoint).answers = [status]

    def _subscription(self, endpoint):
        return self.subscriptions[endpoint.rsplit("/", 1)[1]]

    # --- the person at the keyboard ---
    def ssh(self, user="alice", ident="1", address=""):
        """Types the password and waits for the number, which it returns; None where none is shown."""
        login = sandbox.Ssh(self.sshd, user, options=[f"BindAddress={address}"] if address else ())
        self.logins[ident] = login
        login.password()
        login.expect(r"(?:Approve on|[Cc]ode)[^\r\n]*: ", timeout=20)
        found = re.search(r"Number (\d\d)\. ", login.term.before + login.term.after)
        return int(found.group(1)) if found else None

    def shown(self, ident="1"):
        return self.logins[ident].term.before + self.logins[ident].term.after

    def ssh_send(self, text="", ident="1"):
        self.logins[ident].send(text)

    def signed_in(self, ident="1"):
        self.logins.pop(ident).signed_in()

    def refused(self, ident="1"):
        return self.logins.pop(ident).refused(timeout=20)

    def ssh_kill(self, ident="1"):
        self.logins.pop(ident).kill()

    def sudo(self, command):
        """alice types it on a terminal of her own, and her password; the terminal's name and the number there."""
        shutil.copy(f"{sandbox.TOP}/conf/pam.d/sudo", "/etc/pam.d/sudo")
        sandbox.write("/etc/sudoers.d/tests", "Defaults !lecture\nalice ALL=(ALL) ALL\n", 0o440)
        self.terminal = Terminal(f"tty; sudo {command}")
        self.terminal.expect(r"(/dev/pts/\d+)")
        tty = self.terminal.term.match.group(1)
        self.terminal.password().expect(r"Approve (\d\d) on")
        return [tty, int(self.terminal.term.match.group(1))]

    def sudo_ended(self):
        """What was shown, and the exit status."""
        return self.terminal.ended()

    # --- another phone ---
    def phone(self, user, name):
        self.phones[name] = sandbox.Phone(self.server, user, name)

    def phone_approve(self, name, number):
        self.phones[name].approve(number)

    def phone_deny(self, name):
        self.phones[name].deny()

    def phone_remove(self, name):
        self.phones.pop(name).remove()

    def logs(self):
        return sandbox.tails(self.server.daemon, self.host.helper, self.sshd.daemon)


class Control(http.server.BaseHTTPRequestHandler):
    deck = None

    def do_POST(self):
        name = urllib.parse.urlparse(self.path).path.strip("/")
        args = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        try:
            assert not name.startswith("_")
            status, answer = 200, getattr(self.deck, name)(*args)
        except Exception as fault:  # the test tells it
            status, answer = 500, f"{type(fault).__name__}: {fault}"[:4000]
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        """An empty page, in which a test looks at the clipboard."""
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.send_header("Content-Type", "text/html")
        self.end_headers()

    def log_message(self, *_args):
        pass


def run(pushes, deck, test, names=()):
    """Runs tests/phone/app/TEST with the deck at hand; ends this program as they end."""
    Control.deck = deck
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Control)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    done = subprocess.run(["node", "--test-reporter=tap", "--test-concurrency=1", *[f"--test-name-pattern={name}" for name in names],
                           os.path.join(HERE, "app", test)], check=False, env=dict(os.environ, DECK=f"http://127.0.0.1:{server.server_address[1]}"))
    if pushes.faults:
        print("# push service:", pushes.faults)
    if done.returncode:
        print("\n".join("# " + line for line in deck.logs().splitlines()))
    return done.returncode or (1 if pushes.faults else 0)
