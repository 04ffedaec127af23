"""LightDM with its GTK greeter, on Xvfb, with no systemd."""
import re

import greeter
import sandbox


class Lightdm(greeter.Greeter):
    kind = service = "lightdm"
    worker = "lightdm --session-child"
    french = "language = fr"
    box = (300, 280, 424, 240)
    frame = (300, 250, 424, 270)

    def __init__(self):
        super().__init__()
        sandbox.write(f"{self.root}/etc/lightdm/lightdm.conf", """[LightDM]
logind-check-graphical=false
minimum-vt=7
[Seat:*]
xserver-command=/usr/local/bin/x-without-hardware
greeter-session=lightdm-gtk-greeter
greeter-hide-users=false
session-wrapper=/usr/bin/env
user-session=probe
""")
        # exec keeps the ignored SIGUSR1 by which LightDM asks its X server to say when it is ready
        self.x_server("/usr/local/bin/x-without-hardware")
        self.mark = 0  # of the log: what is looked for comes after it

    def start(self):
        self.run_inside("mkdir -p /run/lightdm /var/lib/lightdm/data; dbus-uuidgen --ensure; dbus-daemon --system --fork; "
                        ". /etc/default/locale; export LANG; lightdm --debug",
                        "DISPLAY=:0", "XAUTHORITY=/run/lightdm/root/:0")
        self.logged("Prompt greeter", 20)

    # --- what cases.py asks of a greeter ---

    def log(self):
        return sandbox.read(f"{self.root}/var/log/lightdm/lightdm.log")

    def auth_log(self, place):
        return place.syslog.since(0)

    def logged(self, pattern, seconds):
        """Waits for a line of the log after self.mark."""
        sandbox.wait_for(f"{pattern!r} in LightDM's log", lambda: re.search(pattern, self.log()[self.mark:], re.S), seconds)

    def choose(self, user):
        """The greeter asks for the password of whoever is chosen."""
        shown = self.finds(*self.people)
        if shown.text != user:
            self.mark = len(self.log())
            self.click(shown)
            self.click(self.finds(user))
            self.logged("Prompt greeter", 5)
        self.mark = len(self.log())

    def failed(self):
        """Waits until a login has failed and the greeter asks for the password anew."""
        self.logged("Authenticate result[^\n]*failure.*Prompt greeter", 10)

    def opened(self, user, seconds=8.0):
        """Waits for the session, and for the next greeter."""
        begun = super().opened(user, seconds)
        self.logged("Greeter closed.*Prompt greeter", 20)
        return begun

    def give_up(self):
        """Escape does nothing here while it waits: another user is chosen."""
        self.choose("bob")

    def home(self):
        """Back to a password prompt from wherever a case that failed left it."""
        self.choose("bob")
        self.choose("alice")

    def kill_worker(self):
        self.mark = len(self.log())
        self.inside("pkill", "-KILL", "-n", "-f", self.worker)

    def recover(self):
        """LightDM says to its greeter that the login has failed."""
        self.logged("Prompt greeter", 10)
