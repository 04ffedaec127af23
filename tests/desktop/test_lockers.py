#!/usr/bin/python3
"""Screen lockers, which run as their user: i3lock, which shows no text, and xscreensaver, whose prompts can be long."""
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "sandbox")]
import container  # noqa: E402
import sandbox  # noqa: E402

container.cached("lightdm")
sandbox.enter()

import screen  # noqa: E402
from place import CANCEL_SECONDS, Rows, load  # noqa: E402

case = Rows()


class Desk(screen.Screen):
    """alice's screen, with no session on it but a locker."""

    kind = "lightdm"
    box = (400, 230, 500, 370)  # xscreensaver's dialog
    frame = (96, 217, 833, 406)
    album = "xscreensaver"
    colour = 1  # its errors are red

    def __init__(self):
        super().__init__()
        self.service = "i3lock"
        for service in ("i3lock", "xscreensaver"):
            self.stack(service)

    def start(self):
        sandbox.write(f"{self.root}/home/alice/.xscreensaver", "mode: blank\nfade: False\nunfade: False\n")
        self.run_inside(f"Xvfb :0 -screen 0 {screen.WIDTH}x{screen.HEIGHT}x24 -nolisten tcp -noreset -ac", "DISPLAY=:0", "HOME=/home/alice", "USER=alice")
        sandbox.wait_for("the X server", lambda: self.inside("xdotool", "getdisplaygeometry", check=False).returncode == 0)

    def as_alice(self, command):
        return self.inside("setpriv", "--reuid=alice", "--regid=alice", "--init-groups", "sh", "-c", command, check=False).stdout

    def i3lock(self):
        self.service = "i3lock"
        self.as_alice("i3lock -c 202020 > /tmp/i3lock 2>&1")
        sandbox.wait_for("the lock", self.locked)

    def xscreensaver(self):
        self.service = "xscreensaver"
        self.as_alice("xscreensaver -no-splash > /tmp/xscreensaver 2>&1 &")
        sandbox.wait_for("xscreensaver", lambda: self.as_alice("xscreensaver-command -time").startswith("XScreenSaver"))
        self.as_alice("xscreensaver-command -lock")
        sandbox.wait_for("the lock", self.locked)

    def dialog(self):
        """The first key brings it, where the locker has the keyboard already."""
        def shown():
            self.key("space")
            return "assword" in self.text()
        sandbox.wait_for(lambda: f"xscreensaver's dialog; the screen shows: {self.text()}", shown)
        self.key("BackSpace", "BackSpace", "BackSpace", "BackSpace", "BackSpace")

    def runs(self, name):
        """Zombies do not count."""
        return self.inside("pgrep", "-r", "D,R,S", name, check=False).stdout != ""

    def locked(self):
        if self.service == "i3lock":
            return self.runs("i3lock")
        return "locked" in self.as_alice("xscreensaver-command -time")

    def unlocked(self, seconds=5.0):
        sandbox.wait_for(lambda: f"the screen to be unlocked; it shows: {self.text()}", lambda: not self.locked(), seconds)

    def home(self):
        """No locker."""
        for program in ("i3lock", "xscreensaver"):
            self.inside("pkill", "-KILL", program, check=False)
        sandbox.wait_for("the locker to be gone", lambda: not self.runs("i3lock|xscreen"))

    def log(self):
        return sandbox.read(f"{self.root}/tmp/xscreensaver")


def ask_blindly(place):
    """i3lock, as far as the request on the phone."""
    place.screen.i3lock()
    place.conf("number = off")
    place.screen.answer(sandbox.PASSWORD)
    return sandbox.wait_for("the request", place.phone.open)[0]


@case("D3: i3lock with `number = off`: the phone asks without a number, Approve unlocks", 15)
def blind(place):
    request = ask_blindly(place)
    assert (request["service"], request["user"], request["number"]["mode"]) == ("i3lock", "alice", "off"), request
    place.phone.approve()
    place.screen.unlocked()


def stays_locked(place):
    """Time enough to open, if something wanted to."""
    time.sleep(0.3)
    assert place.screen.locked()
    place.screen.home()


@case("D3 I1: i3lock where a number is asked for: nobody is asked, the screen stays locked, the helper's log says what to do", 15)
def blind_number(place):
    before = place.requests()
    place.screen.i3lock()
    place.screen.answer(sandbox.PASSWORD)
    sandbox.wait_for("the reason in the log", lambda: "say number = off in [service i3lock]" in sandbox.read(place.host.helper.log))
    assert place.requests() == before
    stays_locked(place)


@case("D3 S16: i3lock: Deny leaves the screen locked", 15)
def blind_denied(place):
    ask_blindly(place)
    place.phone.deny()
    sandbox.wait_for("the refusal in syslog", lambda: "service=i3lock rhost=-: denied" in place.syslog.since(0))
    stays_locked(place)


@case("D3: i3lock is killed while it waits: the phone shows it within a second", 15)
def blind_killed(place):
    ask_blindly(place)
    place.screen.home()
    place.phone.ended("caller_gone", CANCEL_SECONDS * load())


@case("I1: i3lock with the helper down: the screen stays locked", 15)
def blind_helper_down(place):
    place.conf("number = off")
    place.screen.i3lock()
    place.host.stop()
    place.screen.answer(sandbox.PASSWORD)
    sandbox.wait_for("the reason in syslog", lambda: "no helper answers" in place.syslog.since(0))
    stays_locked(place)


@case("S9: i3lock: a user in `except` unlocks with the password alone", 15)
def blind_excepted(place):
    place.conf("except = alice")
    before = place.requests()
    place.screen.i3lock()
    place.conf("except = alice")
    place.screen.answer(sandbox.PASSWORD)
    place.screen.unlocked()
    assert place.requests() == before


@case("D3: xscreensaver: the number in the dialog; Enter after the approval unlocks", 25)
def number(place):
    place.screen.xscreensaver()
    place.screen.dialog()
    place.screen.answer(sandbox.PASSWORD)
    place.screen.says("Approve on Pixel 8, then press Enter, or type a code:")
    place.screen.keep("number")
    place.phone.approve(int(place.screen.reads(r"Number (\d\d)").group(1)))
    place.screen.answer()
    place.screen.unlocked()
    place.screen.home()


@case("D3 S18: xscreensaver: a code unlocks, after a wrong one", 30)
def code(place):
    place.screen.xscreensaver()
    place.screen.dialog()
    place.screen.answer(sandbox.PASSWORD)
    place.screen.reads(r"Number \d\d")
    place.screen.answer("000000")
    place.screen.says("That code is not right.")
    place.screen.answer()
    place.screen.reads(r"Number \d\d")
    place.screen.answer(place.fresh_code())
    place.screen.unlocked()
    place.screen.home()


@case("D3 S16: xscreensaver: Escape closes the dialog; the phone shows it within a second, the screen stays locked", 25)
def escaped(place):
    place.screen.xscreensaver()
    place.screen.dialog()
    place.screen.answer(sandbox.PASSWORD)
    place.screen.reads(r"Number \d\d")
    place.screen.key("Escape")
    place.phone.ended("caller_gone", CANCEL_SECONDS * load())
    assert place.screen.locked()
    place.screen.home()


case.run(Desk)
