"""GDM under a systemd of its own (systemd-nspawn), with GNOME Shell's greeter on Xvfb. It is up after twelve seconds, ten of which GDM waits for a graphical seat."""
import os
import re
import time

import greeter
import sandbox
from container import Container
from screen import GreeterLost

QUIET = ("systemd-networkd systemd-resolved systemd-timesyncd ModemManager wpa_supplicant avahi-daemon bluetooth packagekit colord cups geoclue bolt "
         "power-profiles-daemon switcheroo-control udisks2").split()


class Gdm(greeter.Greeter):
    kind = "gdm"
    service = "gdm-password"
    worker = r"gdm-session-worker \[pam/gdm-password\]"
    box = (302, 200, 420, 380)

    def make_root(self):
        # GDM's worker opens /dev/tty0 and a free terminal for a login at the seat
        self.machine = Container("gdm", ["--bind=/run/approve", *[f"--bind=/dev/tty{n}" for n in range(8)]])
        return self.machine.root

    def __init__(self):
        super().__init__()
        self.x_server("/usr/lib/xorg/Xorg.wrap", "+extension GLX +extension RANDR")  # /usr/bin/Xorg runs it where there is one
        sandbox.write(f"{self.root}/etc/gdm3/daemon.conf", "[daemon]\nWaylandEnable=false\n[debug]\nEnable=true\n")
        # The shell is all that a greeter needs; any other required part that dies ends the whole in "Oh no!"
        for name in ("gnome-login", "desk"):
            sandbox.write(f"{self.root}/usr/share/gnome-session/sessions/{name}.session", f"[GNOME Session]\nName={name}\nRequiredComponents=org.gnome.Shell;\n")
        # It speaks French to the module, and English on its screen: the root has no catalogues
        sandbox.sh("localedef", f"--prefix={self.root}", "-i", "fr_FR", "-f", "UTF-8", "fr_FR.UTF-8")
        for unit in QUIET:
            os.symlink("/dev/null", f"{self.root}/etc/systemd/system/{unit}.service")
        default = f"{self.root}/etc/systemd/system/default.target"
        if os.path.lexists(default):
            os.remove(default)
        os.symlink("/lib/systemd/system/graphical.target", default)

    def start(self):
        self.machine.start()
        try:
            self.ready(60)
        except GreeterLost:  # as after a session
            self.restart()

    def stop(self):
        self.machine.stop()

    def see(self, user):
        """Looks at the display of this user's shell, which changes with each; False where none runs."""
        pid = self.machine.run(f"pgrep -n -u {user} -x gnome-shell", check=False).stdout.strip()
        environ = self.machine.run(f"tr '\\0' '\\n' < /proc/{pid}/environ", check=False).stdout if pid.isdigit() else ""
        values = dict(re.findall(r"^(DISPLAY|XAUTHORITY)=(.*)$", environ, re.M))
        if "DISPLAY" not in values:
            return False
        self.enter = self.machine.enter + [f"{name}={value}" for name, value in values.items()]
        return True

    def ready(self, seconds=20):
        """A greeter is up when it lists the people. Without a graphics card GDM now and then brings up none after a session."""
        try:
            sandbox.wait_for("GDM's greeter", lambda: self.see("Debian-gdm") and self.listed(), seconds)
        except AssertionError as late:
            raise GreeterLost(f"{late}; the screen shows {self.text() if self.enter else 'nothing'}") from late

    def restart(self):
        self.machine.run("systemctl restart gdm3")
        self.ready(60)

    def desktop(self, user):
        """Waits for the GNOME Shell of a session; leave() ends it."""
        log = f"journalctl --no-pager -o cat _UID=$(id -u {user})"
        sandbox.wait_for("the desktop", lambda: self.see(user) and "GNOME Shell started" in self.machine.run(log).stdout, 30)

    def locked(self):
        return "yes" in self.machine.run("loginctl show-session --value -p LockedHint $(loginctl list-sessions --no-legend | awk '{print $1}')", check=False).stdout

    def with_desktop(self, on):
        """Whether the next session is a GNOME Shell, or over at once."""
        sandbox.write(f"{self.root}/var/tmp/desktop", "#!/bin/sh\nexport XDG_CURRENT_DESKTOP=GNOME GNOME_SHELL_SESSION_MODE=user\n"
                      "exec gnome-session --builtin --session=desk\n", 0o755 if on else 0o644)

    def lock(self):
        self.machine.run("loginctl lock-sessions")
        sandbox.wait_for("the lock", self.locked)
        self.raise_curtain()

    def raise_curtain(self):
        """Escape raises it, and lowers it again; a letter would be typed into the entry, whose hint says when it can be used."""
        def shown():
            if "assword" in self.text():
                return True
            self.key("Escape")
            for _ in range(8):  # it is drawn step by step
                time.sleep(0.5)
                if "assword" in self.text():
                    return True
            return False
        sandbox.wait_for(lambda: f"the unlock screen; it shows {self.text()}", shown, 30)

    def unlocked(self):
        sandbox.wait_for(lambda: f"the screen to be unlocked; it shows {self.text()}", lambda: not self.locked())

    def leave(self, user):
        self.machine.run(f"pkill -KILL -u {user}", check=False)
        self.ready()

    def listed(self):
        return "Not listed" in self.text()

    # --- what cases.py asks of a greeter ---

    def log(self):
        return self.machine.run("journalctl --no-pager -n 40 -o cat -t gdm-password] -t gdm3 -t gnome-shell", check=False).stdout

    def auth_log(self, _place):
        return self.machine.run("journalctl --no-pager -o cat -t gdm-password]", check=False).stdout

    def choose(self, user):
        if not self.listed():
            shown = self.text()
            if user in shown and "assword" in shown:
                return
            self.home()
        self.click(self.finds(user))
        self.reads("assword")

    def home(self):
        """Back to the list of people."""
        self.key("Escape")
        sandbox.wait_for("the list of people", self.listed)

    def failed(self):
        """Waits until GDM says that a login has failed, and asks for the password anew or lists the people."""
        self.reads("did.?n.t work|Not listed", 12)

    def opened(self, user, seconds=8.0):
        begun = super().opened(user, seconds)
        self.ready()
        return begun

    def give_up(self):
        self.key("Escape")

    def kill_worker(self):
        self.inside("pkill", "-KILL", "-n", "-f", self.worker)

    def recover(self):
        sandbox.wait_for("the list of people or the password's prompt", lambda: self.listed() or "assword" in self.text(), 15)
