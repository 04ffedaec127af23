#!/usr/bin/python3
"""Screen lockers, which run as their user: i3lock and swaylock, which show no text, and xscreensaver, whose prompts can be long."""
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
from place import CANCEL_SECONDS, Rows, slower  # noqa: E402

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
        self.stack("i3lock", "swaylock")

    def start(self):
        sandbox.write(f"{self.root}/home/alice/.xscreensaver", "mode: blank\nfade: False\nunfade: False\n")
        self.run_inside(f"Xvfb :0 -screen 0 {screen.WIDTH}x{screen.HEIGHT}x24 -nolisten tcp -noreset -ac",
                        "DISPLAY=:0", "HOME=/home/alice", "USER=alice", "XDG_RUNTIME_DIR=/tmp/alice")
        sandbox.wait_for("the X server", lambda: self.inside("xdotool", "getdisplaygeometry", check=False).returncode == 0)
        self.inside("install", "-d", "-m", "700", "-o", "alice", "/tmp/alice")

    def as_alice(self, command):
        return self.inside("setpriv", "--reuid=alice", "--regid=alice", "--init-groups", "sh", "-c", command, check=False).stdout

    def i3lock(self):
        self.as_alice("i3lock -c 202020 > /tmp/i3lock 2>&1")

    def swaylock(self):
        """On a compositor of its own, with no screen and no keyboard; each time a new one, which stays locked when its locker is killed."""
        self.as_alice("rm -f /tmp/alice/*; env -u DISPLAY WLR_BACKENDS=headless WLR_RENDERER=pixman WLR_LIBINPUT_NO_DEVICES=1 sway -c /dev/null > /tmp/sway 2>&1 &")
        sandbox.wait_for("sway", lambda: os.path.exists(f"/proc/{self.leader()}/root/tmp/alice/wayland-1"))
        self.as_alice("WAYLAND_DISPLAY=wayland-1 swaylock -f -c 202020 > /tmp/swaylock 2>&1")

    def lock(self, service):
        self.service = service
        getattr(self, service)()
        sandbox.wait_for("the lock", self.locked)

    def password(self):
        if self.service == "swaylock":  # a keyboard that swaylock must see before its first key comes
            self.as_alice(f"WAYLAND_DISPLAY=wayland-1 wtype -s 500 '{sandbox.PASSWORD}' -k Return -s 200")
        else:
            self.answer(sandbox.PASSWORD)

    def xscreensaver(self):
        self.as_alice("xscreensaver -no-splash > /tmp/xscreensaver 2>&1 &")
        sandbox.wait_for("xscreensaver", lambda: self.as_alice("xscreensaver-command -time").startswith("XScreenSaver"))
        self.as_alice("xscreensaver-command -lock")

    def leader(self):
        return self.enter[1].split("=")[1]

    def dialog(self):
        """The first key brings it, where the locker has the keyboard already."""
        def shown():
            self.key("space")
            return "assword" in self.text()
        sandbox.wait_for(lambda: f"xscreensaver's dialog; the screen shows: {self.text()}", shown)
        self.key("BackSpace", "BackSpace", "BackSpace", "BackSpace", "BackSpace")

    def runs(self, name):
        """Zombies do not count."""
        return self.inside("pgrep", "-r", "D,R,S", name, check=False).returncode == 0

    def locked(self):
        if self.service == "xscreensaver":
            return "locked" in self.as_alice("xscreensaver-command -time")
        return self.runs(self.service)

    def unlocked(self, seconds=5.0):
        sandbox.wait_for(lambda: f"the screen to be unlocked; it shows: {self.text()}", lambda: not self.locked(), seconds)

    def home(self):
        """No locker."""
        for program in ("i3lock", "swaylock", "sway", "xscreensaver"):
            self.inside("pkill", "-KILL", program, check=False)
        sandbox.wait_for("the locker to be gone", lambda: not self.runs("i3lock|sway|xs"))

    def log(self):
        return "".join(self.inside("sh", "-c", "tail -n 5 /tmp/i3lock /tmp/sway /tmp/swaylock /tmp/xscreensaver", check=False).stdout)


def stays_locked(place):
    """Time enough to open, if something wanted to."""
    time.sleep(0.3)
    assert place.screen.locked()


def ask_blindly(place, locker):
    """As far as the request on the phone."""
    place.screen.lock(locker)
    place.conf("number = off")
    place.screen.password()
    return sandbox.wait_for("the request", place.phone.open)[0]


def blind(place, locker):
    request = ask_blindly(place, locker)
    assert (request["service"], request["user"], request["number"]["mode"]) == (locker, "alice", "off"), request
    place.phone.approve()
    place.screen.unlocked()


def blind_number(place, locker):
    before = place.requests()
    place.screen.lock(locker)
    place.screen.password()
    sandbox.wait_for("the reason in the log", lambda: f"say number = off in [service {locker}]" in sandbox.read(place.host.helper.log))
    assert place.requests() == before
    stays_locked(place)


def blind_denied(place, locker):
    ask_blindly(place, locker)
    place.phone.deny()
    sandbox.wait_for("the refusal in syslog", lambda: f"service={locker} rhost=-: denied" in place.syslog.since(0))
    stays_locked(place)


def blind_killed(place, locker):
    ask_blindly(place, locker)
    place.screen.inside("pkill", "-KILL", "-x", locker)
    place.phone.ended("caller_gone", CANCEL_SECONDS * slower())


def blind_helper_down(place, locker):
    place.conf("number = off")
    place.screen.lock(locker)
    mark = place.syslog.mark()
    place.host.stop()
    place.screen.password()
    sandbox.wait_for("the reason in syslog", lambda: "no helper answers" in place.syslog.since(mark))
    stays_locked(place)


def blind_excepted(place, locker):
    before = place.requests()
    place.screen.lock(locker)
    place.conf("except = alice")
    place.screen.password()
    place.screen.unlocked()
    assert place.requests() == before


BLIND = (
    (blind, "D3: {} with `number = off`: the phone asks without a number, Approve unlocks"),
    (blind_number, "D3 I1: {} where a number is asked for: nobody is asked, the screen stays locked, the helper's log says what to do"),
    (blind_denied, "D3 S16: {}: Deny leaves the screen locked"),
    (blind_killed, "D3: {} is killed while it waits: the phone shows it within a second"),
    (blind_helper_down, "I1: {} with the helper down: the screen stays locked"),
    (blind_excepted, "S9: {}: a user in `except` unlocks with the password alone"),
)


def add_blind(locker):
    for function, words in BLIND:
        def row(place, function=function):
            function(place, locker)
            place.screen.home()
        row.__name__ = f"{function.__name__}_{locker}"
        case(words.format(locker), 15)(row)


add_blind("i3lock")
add_blind("swaylock")


@case("D3: xscreensaver: the number in the dialog; Enter after the approval unlocks", 25)
def number(place):
    place.screen.lock("xscreensaver")
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
    place.screen.lock("xscreensaver")
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
    place.screen.lock("xscreensaver")
    place.screen.dialog()
    place.screen.answer(sandbox.PASSWORD)
    place.screen.reads(r"Number \d\d")
    place.screen.key("Escape")
    place.phone.ended("caller_gone", CANCEL_SECONDS * slower())
    assert place.screen.locked()
    place.screen.home()


case.run(Desk)
