"""What the tests of desktops share: server, helper and phone in the sandbox, a screen in a root of its own, and cases as rows with a bound each."""
import json
import os
import signal
import ssl
import sys
import types
import urllib.error
import urllib.request

sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", part) for part in ("sandbox", "login", "backend")]
import common  # noqa: E402
import peers  # noqa: E402
import push_service  # noqa: E402
import sandbox  # noqa: E402
from pace import slower  # noqa: E402
from screen import GreeterLost  # noqa: E402

CANCEL_SECONDS = 1.0  # until the phone shows that nobody waits any more
FRENCH = "/usr/share/locale/fr/LC_MESSAGES/pam_approve.mo"


class Web:
    """The server, as a phone of peers.py calls it."""

    def __init__(self, server):
        self.url, self.cli = server.url, server.cli

    def call(self, method, path, body, content_type):
        asked = urllib.request.Request(self.url + path, body.encode(), {"Content-Type": content_type}, method=method)
        try:
            with urllib.request.urlopen(asked, context=ssl._create_unverified_context(), timeout=10) as answer:
                return types.SimpleNamespace(status=answer.status, json=json.load(answer))
        except urllib.error.HTTPError as refused:
            raise AssertionError(refused.read()) from refused


class Place:
    """Everything up, and the people who sign in."""

    def __init__(self, make_screen):
        self.syslog = sandbox.Syslog()
        sandbox.install()
        self.pushes = push_service.PushService()
        self.pushes.__enter__()
        os.chmod(self.pushes.folder, 0o755)  # the server reads the authority's certificate there
        self.server = sandbox.Server(conf=f"{common.LIMITS}\n[push]\nservices = {self.pushes.host}\ncertificates = {self.pushes.ca_file}\nprivate_addresses = yes\n")
        self.screen = make_screen()
        for name in ("alice", "bob"):
            sandbox.person(name)
            self.screen.person(name)
            self.server.cli("user", "add", name)
        self.host = sandbox.Host(self.server)
        self.phone = sandbox.Phone(self.server, "alice")
        self.phones = []  # further ones
        self.speak_french(False)

    def conf(self, text):
        """What host.conf says of the service in this case."""
        self.host.conf(f"[service {self.screen.service}]\n{text}" if text else "")

    def sign_in(self, user="alice", password=sandbox.PASSWORD):
        self.screen.choose(user)
        self.screen.answer(password)

    def asked(self):
        """Signs in as far as the number; returns it, read off the screen."""
        self.sign_in()
        number = self.screen.number()
        sandbox.wait_for("the request", self.phone.open)
        return number

    def requests(self):
        return len(self.server.activity("alice"))

    def fresh_code(self):
        """A code works once, and another comes only after half a minute: so of another phone each time."""
        self.phones.append(sandbox.Phone(self.server, "alice", f"Phone {len(self.phones)}"))
        return self.phones[-1].code()

    def browser(self, answers):
        """A phone with the web app, whose push service answers so."""
        return peers.Phone(Web(self.server), "alice", "Pixel 9", platform="web", push=self.pushes.subscribe(answers).json)

    def speak_french(self, on):
        """GDM runs in French throughout; the helper speaks it where the catalogue is there."""
        there, not_there = (FRENCH, FRENCH + ".away") if on else (FRENCH + ".away", FRENCH)
        if os.path.exists(not_there):
            os.rename(not_there, there)
        self.host.stop()
        self.host.start()

    def works(self):
        """Whatever happened before, the next login is a good one."""
        self.phone.approve(self.asked())
        self.screen.opened("alice")

    def reset(self):
        """A refusal is remembered for a minute, in the helper's memory only."""
        self.speak_french(False)
        while self.phones:
            self.phones.pop().remove()
        self.conf("")

    def logs(self):
        return sandbox.tails(self.server.daemon, self.host.helper) + "\n--- syslog\n" + "\n".join(self.syslog.lines[-8:]) + "\n--- screen\n" + self.screen.log()[-1500:]


def bounded(function, seconds, place):
    """A test that fails when it takes longer; on a busy machine it has up to three times as long."""
    def late(*_):
        raise AssertionError(f"took longer than {seconds} s, or as much more as the machine is busy")

    def once():
        signal.signal(signal.SIGALRM, late)
        signal.setitimer(signal.ITIMER_REAL, seconds * slower())
        try:
            function(place)
        except GreeterLost:
            raise
        except Exception:
            place.screen.home()
            raise
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            place.reset()

    def test():
        try:
            once()
        except GreeterLost as lost:
            print(f"# once more, with a greeter that was started anew: {lost}")
            place.screen.restart()
            once()
    test.__name__ = function.__name__
    return test


class Rows:
    """Cases: words, the seconds that each may take, a function of the place."""

    def __init__(self):
        self.rows = []

    def __call__(self, words, seconds):
        def take(function):
            self.rows.append((words, seconds, function))
            return function
        return take

    def run(self, make_screen):
        """Prints TAP. --screenshots FOLDER puts pictures of the screen there; other words pick rows."""
        folder = None
        if "--screenshots" in sys.argv:
            at = sys.argv.index("--screenshots")
            folder = os.path.abspath(sys.argv[at + 1])
            del sys.argv[at:at + 2]
            os.makedirs(folder, exist_ok=True)
        place = Place(make_screen)
        place.screen.folder = folder
        test = sandbox.Tests()
        for words, seconds, function in self.rows:
            test(words)(bounded(function, seconds, place))
        place.screen.start()
        try:
            test.run(place.logs)
        finally:
            place.screen.stop()
            place.pushes.__exit__()
