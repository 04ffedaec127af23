"""A greeter in a root of its own (tests/desktop/root), inside the tests' sandbox: started, typed into, and read off its screen.

The root is the lower layer of an overlay, so that nothing changes it. /run/approve is the sandbox's: only the module is in the root, the helper is outside.
"""
import os
import re
import shutil
import subprocess
import time

import sandbox

DESKTOP = os.path.dirname(os.path.abspath(__file__))
SHOTS = os.path.join(sandbox.B, "screenshots", "desktop")


def overlay(kind):
    """The cached root with a writable layer over it; its path."""
    lower = subprocess.run([f"{DESKTOP}/root", kind], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    top, root = f"/mnt/{kind}", f"/mnt/{kind}/root"
    os.makedirs(root)
    sandbox.sh("mount", "-t", "tmpfs", "-o", "mode=755", kind, top)
    for folder in ("root", "upper", "work"):
        os.makedirs(f"{top}/{folder}", exist_ok=True)
    sandbox.sh("mount", "-t", "overlay", "-o", f"lowerdir={lower},upperdir={top}/upper,workdir={top}/work", kind, root)
    return root


def pipe(argv, data):
    return subprocess.run(argv, input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout


class Greeter:
    """What both greeters share. A subclass gives service, box (where the login box is on the screen), start() and enter (argv that runs a command inside)."""

    service = ""
    box = (0, 0, 1024, 768)

    def __init__(self, kind):
        os.makedirs(SHOTS, exist_ok=True)
        self.root = overlay(kind)
        self.kind = kind
        arch = sandbox.sh("gcc", "-print-multiarch").stdout.strip()
        shutil.copy(f"{sandbox.B}/pam_approve.so", f"{self.root}/usr/lib/{arch}/security/")
        shutil.copy(f"{sandbox.TOP}/conf/pam.d/{self.service}", f"{self.root}/etc/pam.d/{self.service}")
        self.session = f"{self.root}/usr/share/xsessions/probe.desktop"
        sandbox.write(self.session, "[Desktop Entry]\nType=Application\nName=Probe\nExec=/usr/local/bin/probe-session\n")
        sandbox.write(f"{self.root}/usr/local/bin/probe-session", "#!/bin/sh\necho \"$(id -un) $(date +%s.%N)\" >> /var/tmp/sessions\nsleep 1\n", 0o755)
        os.makedirs(f"{self.root}/run/approve", exist_ok=True)

    def person(self, name):
        uid = sandbox.sh("id", "-u", name).stdout.strip()
        sandbox.sh("chroot", self.root, "useradd", "--create-home", "--uid", uid, "--shell", "/bin/bash", name)
        sandbox.sh("chroot", self.root, "chpasswd", text=f"{name}:{sandbox.PASSWORD}\n")

    def key(self, *keys):
        self.inside("xdotool", "key", *keys)

    def type(self, text):
        self.inside("xdotool", "type", "--delay", "20", text)

    def picture(self):
        """The screen as a portable pixmap."""
        shot = subprocess.run(self.enter + ["xwd", "-root", "-silent"], stdout=subprocess.PIPE, check=True).stdout
        return pipe(["xwdtopnm", "-quiet"], shot)

    def shot(self, name):
        """Keeps a screenshot for docs/desktop.md."""
        with open(f"{SHOTS}/{self.kind}-{name}.png", "wb") as out:
            out.write(pipe(["pnmtopng", "-quiet"], self.picture()))

    def text(self):
        """What a person would read on the screen (OCR)."""
        left, top, width, height = self.box
        large = pipe(["pamscale", "3"], pipe(["pamcut", f"-left={left}", f"-top={top}", f"-width={width}", f"-height={height}"], self.picture()))
        return pipe(["tesseract", "-", "-", "--psm", "6", "-l", "eng"], large).decode("utf-8", "replace")

    def reads(self, pattern, seconds=10):
        """Waits until the screen shows text that matches; returns the match."""
        last = [""]

        def look():
            last[0] = self.text()
            return re.search(pattern, last[0])
        try:
            return sandbox.wait_for(f"{pattern!r} on the screen", look, seconds)
        except AssertionError as fault:
            raise AssertionError(f"{fault}; it shows: {' / '.join(last[0].split())}") from None

    def inside(self, *argv, check=True):
        return sandbox.sh(*self.enter, *argv, check=check)

    def sessions(self):
        """(user, time) of the sessions that were opened."""
        lines = sandbox.read(f"{self.root}/var/tmp/sessions").split("\n")
        return [(line.split()[0], float(line.split()[1])) for line in lines if line]

    def opened(self, user, before, seconds=5):
        """Waits for one session more than `before`; returns when it began."""
        sandbox.wait_for(f"a session of {user}", lambda: len(self.sessions()) > before, seconds)
        assert self.sessions()[-1][0] == user
        return self.sessions()[-1][1]


class Lightdm(Greeter):
    """LightDM with the GTK greeter, on Xvfb, with no systemd."""

    service = "lightdm"
    box = (300, 280, 424, 240)

    def __init__(self):
        super().__init__("lightdm")
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
        sandbox.write(f"{self.root}/usr/local/bin/x-without-hardware", """#!/bin/sh
keep=
while [ $# -gt 0 ]; do
    case $1 in -auth) keep="$keep $1 $2"; shift ;; :[0-9]*) keep="$keep $1" ;; esac
    shift
done
exec /usr/bin/Xvfb $keep -screen 0 1024x768x24 -nolisten tcp -noreset
""", 0o755)
        self.keeper = None
        self.enter = []

    def start(self):
        """LightDM must not be process 1 of its namespace, or it waits for its X server for ever: a shell is."""
        shutil.rmtree(f"{self.root}/var/lib/lightdm/.cache", ignore_errors=True)
        shutil.rmtree(f"{self.root}/var/log/lightdm", ignore_errors=True)
        script = f"""
            cd {self.root}
            mount -t proc proc proc; mount -t tmpfs -o mode=755 run run; mount -t tmpfs -o mode=1777 tmp tmp
            mount --rbind /dev dev
            mkdir -p run/dbus run/lightdm run/user run/approve; mount --bind /run/approve run/approve
            echo ready
            exec chroot . /bin/sh -c 'dbus-uuidgen --ensure; mkdir -p /var/lib/lightdm/data; dbus-daemon --system --fork; lightdm --debug; exit $?'"""
        self.keeper = subprocess.Popen(["unshare", "--mount", "--pid", "--fork", "--kill-child=KILL", "sh", "-c", script],
                                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)
        assert self.keeper.stdout.readline() == b"ready\n"
        inner = sandbox.wait_for("LightDM", lambda: sandbox.sh("pgrep", "-P", str(self.keeper.pid), check=False).stdout.split())[0]
        self.enter = ["nsenter", f"--target={inner}", "--mount", "--pid", "--root", "--wd", "--", "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                      "DISPLAY=:0", "XAUTHORITY=/run/lightdm/root/:0"]
        self.ready(1)

    def log(self):
        return sandbox.read(f"{self.root}/var/log/lightdm/lightdm.log")

    def ready(self, prompts):
        """Waits until the greeter has shown so many password prompts since the start."""
        sandbox.wait_for("the greeter's prompt", lambda: self.log().count("Prompt greeter") >= prompts, 20)
        time.sleep(0.3)

    def stop(self):
        self.keeper.kill()
        self.keeper.wait(10)


class Gdm(Greeter):
    """GDM under a systemd of its own (systemd-nspawn), its X server replaced by Xvfb. Boot to greeter takes 12 s, so: boot once, run many cases."""

    service = "gdm-password"
    box = (302, 200, 420, 380)
    quiet = ("systemd-networkd systemd-resolved systemd-timesyncd ModemManager wpa_supplicant avahi-daemon bluetooth packagekit colord cups geoclue bolt "
             "power-profiles-daemon switcheroo-control udisks2").split()

    def __init__(self):
        super().__init__("gdm")
        # /usr/bin/Xorg runs Xorg.wrap where there is one. Only the options that Xvfb knows are kept.
        sandbox.write(f"{self.root}/usr/lib/xorg/Xorg.wrap", """#!/bin/sh
keep=
while [ $# -gt 0 ]; do
    case $1 in -displayfd | -auth) keep="$keep $1 $2"; shift ;; :[0-9]*) keep="$keep $1" ;; esac
    shift
done
exec /usr/bin/Xvfb $keep -screen 0 1024x768x24 -nolisten tcp -noreset +extension GLX +extension RANDR
""", 0o755)
        sandbox.write(f"{self.root}/etc/gdm3/daemon.conf", "[daemon]\nWaylandEnable=false\n[debug]\nEnable=true\n")
        # The shell is all that a greeter needs; any other required part that dies ends the whole in "Oh no!"
        sandbox.write(f"{self.root}/usr/share/gnome-session/sessions/gnome-login.session",
                      "[GNOME Session]\nName=Display Manager\nRequiredComponents=org.gnome.Shell;\n")
        for unit in self.quiet:
            os.symlink("/dev/null", f"{self.root}/etc/systemd/system/{unit}.service")
        default = f"{self.root}/etc/systemd/system/default.target"
        if os.path.lexists(default):
            os.remove(default)
        os.symlink("/lib/systemd/system/graphical.target", default)
        sandbox.write(f"{self.root}/etc/machine-id", "0123456789abcdef0123456789abcdef\n")
        self.boot = sandbox.Daemon("gdm", ["systemd-nspawn", "--quiet", f"--directory={self.root}", "--register=no", "--keep-unit", "--machine=greeter",
                                           "--private-network", "--console=pipe", "--bind=/run/approve:/srv/approve",
                                           *[f"--bind=/dev/tty{n}" for n in range(8)], "--boot"])
        self.enter = []

    def start(self):
        self.boot.start()
        leader = sandbox.wait_for("the container", lambda: sandbox.sh("pgrep", "-P", str(self.boot.child.pid), check=False).stdout.split(), 10)[0]
        self.outside = ["nsenter", f"--target={leader}", "--mount", "--uts", "--ipc", "--net", "--pid", "--", "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                        "LANG=C.UTF-8"]
        self.greeter()

    def greeter(self, seconds=40):
        """The display changes with each greeter: it is read from the running shell. Up: the login box has something in it."""
        def up():
            pid = sandbox.sh(*self.outside, "pgrep", "-n", "-u", "Debian-gdm", "-x", "gnome-shell", check=False).stdout.strip()
            if not pid.isdigit():
                return False
            environ = sandbox.sh(*self.outside, "cat", f"/proc/{pid}/environ", check=False).stdout
            values = dict(pair.split("=", 1) for pair in environ.split("\0") if "=" in pair)
            if "DISPLAY" not in values:
                return False
            self.enter = self.outside + [f"DISPLAY={values['DISPLAY']}", f"XAUTHORITY={values['XAUTHORITY']}"]
            try:
                return len(self.text().strip()) > 2
            except subprocess.CalledProcessError:
                return False
        sandbox.wait_for("GDM's greeter", up, seconds)

    def stop(self):
        leader = self.outside[1].split("=")[1]
        os.kill(int(leader), 38)  # SIGRTMIN+4: systemd powers off
        self.boot.child.wait(20)
