"""A login screen: lightdm.py and gdm.py start one each."""
import sandbox
import screen


class Greeter(screen.Screen):
    """A subclass gives the members below, start(), and what cases.py asks of a greeter."""

    service = ""  # of PAM
    worker = ""  # the command line of the process in which PAM runs
    french = ""  # what host.conf must say, where the program does not tell its language

    def __init__(self):
        super().__init__()
        self.seen = 0  # sessions
        self.stack(self.service)
        sandbox.write(f"{self.root}/etc/default/locale", "LANG=fr_FR.UTF-8\n")
        sandbox.write(f"{self.root}/usr/share/xsessions/probe.desktop", "[Desktop Entry]\nType=Application\nName=Probe\nExec=/usr/local/bin/probe-session\n")
        sandbox.write(f"{self.root}/usr/local/bin/probe-session", 
                      "#!/bin/sh\necho \"$(id -un) $(date +%s.%N)\" >> /var/tmp/sessions\n[ ! -x /var/tmp/desktop ] || exec /var/tmp/desktop\n", 0o755)
        sandbox.write(f"{self.root}/var/tmp/sessions", "", 0o666)

    def x_server(self, path, more=""):
        """In the place of a real X server one without hardware, with those of its options that it knows."""
        sandbox.write(f"{self.root}{path}", f"""#!/bin/sh
keep=
while [ $# -gt 0 ]; do
    case $1 in -displayfd | -auth) keep="$keep $1 $2"; shift ;; :[0-9]*) keep="$keep $1" ;; esac
    shift
done
exec /usr/bin/Xvfb $keep -screen 0 {screen.WIDTH}x{screen.HEIGHT}x24 -nolisten tcp -noreset {more}
""", 0o755)

    def sessions(self):
        """(user, time) of the sessions that were opened."""
        lines = sandbox.read(f"{self.root}/var/tmp/sessions").split("\n")
        return [(line.split()[0], float(line.split()[1])) for line in lines if " " in line]

    def opened(self, user, seconds=8.0):
        """Waits for a new session; returns when it began (time.time())."""
        sandbox.wait_for(lambda: f"a session of {user}; the screen shows: {self.text()}", lambda: len(self.sessions()) > self.seen, seconds)
        self.seen += 1
        assert self.sessions()[-1][0] == user
        return self.sessions()[-1][1]

    def workers(self):
        """The processes that hold a conversation with PAM; the one for whoever wants in now is the last."""
        return self.inside("pgrep", "-f", self.worker, check=False).stdout.split()
