"""What a person does at a greeter and sees of it, in a root of its own (tests/desktop/root) inside the tests' sandbox. lightdm.py and gdm.py start one each.

The root is the lower layer of an overlay, so that nothing changes it; `make install` has gone into it. /run/approve is the sandbox's: server, helper and phone
run outside, the greeter and the module within.
"""
import difflib
import os
import re
import shutil
import subprocess

import container
import sandbox

WIDTH, HEIGHT = 1024, 768
SCALE = 3  # of the picture that is read
PATH = "PATH=/usr/sbin:/usr/bin:/sbin:/bin"


def pipe(argv, data):
    return subprocess.run(argv, input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, env={"PATH": os.environ["PATH"], "OMP_THREAD_LIMIT": "1"}).stdout


class Word:
    """A word on the screen, and its middle."""

    def __init__(self, text, x, y):
        self.text, self.x, self.y = text, x, y


class Greeter:
    """A subclass gives the members below, enter (argv that runs a command inside), start(), stop(), and what cases.py asks of a greeter."""

    kind = ""  # of tests/desktop/root
    service = ""  # of PAM
    worker = ""  # the command line of the process in which PAM runs
    french = ""  # what host.conf must say, where the program does not tell its language
    box = (0, 0, WIDTH, HEIGHT)  # left, top, width, height: where its texts are

    def __init__(self):
        self.root = self.make_root()
        self.enter = []
        arch = sandbox.sh("gcc", "-print-multiarch").stdout.strip()
        sandbox.sh(f"{sandbox.TOP}/conf/install", env={"PREFIX": "/usr", "DESTDIR": self.root, "SYSCONFDIR": "/etc", "PAMDIR": f"/usr/lib/{arch}/security", "B": sandbox.B})
        shutil.copy(f"{self.root}/usr/share/doc/pam_approve/examples/pam.d/{self.service}", f"{self.root}/etc/pam.d/{self.service}")
        sandbox.write(f"{self.root}/etc/default/locale", "LANG=fr_FR.UTF-8\n")
        sandbox.write(f"{self.root}/usr/share/xsessions/probe.desktop", "[Desktop Entry]\nType=Application\nName=Probe\nExec=/usr/local/bin/probe-session\n")
        sandbox.write(f"{self.root}/usr/local/bin/probe-session", "#!/bin/sh\necho \"$(id -un) $(date +%s.%N)\" >> /var/tmp/sessions\n", 0o755)
        sandbox.write(f"{self.root}/var/tmp/sessions", "", 0o666)
        self.people = []
        self.seen = 0  # sessions
        self.folder = None  # for pictures

    def make_root(self):
        return container.overlay(self.kind)

    def x_server(self, path, more=""):
        """In the place of a real X server one without hardware, with those of its options that it knows."""
        sandbox.write(f"{self.root}{path}", f"""#!/bin/sh
keep=
while [ $# -gt 0 ]; do
    case $1 in -displayfd | -auth) keep="$keep $1 $2"; shift ;; :[0-9]*) keep="$keep $1" ;; esac
    shift
done
exec /usr/bin/Xvfb $keep -screen 0 {WIDTH}x{HEIGHT}x24 -nolisten tcp -noreset {more}
""", 0o755)

    def person(self, name):
        """The same account as in the sandbox, where the helper looks it up."""
        uid = sandbox.sh("id", "-u", name).stdout.strip()
        sandbox.sh("chroot", self.root, "useradd", "--create-home", "--uid", uid, "--shell", "/bin/bash", name)
        sandbox.sh("chroot", self.root, "chpasswd", text=f"{name}:{sandbox.PASSWORD}\n")
        self.people.append(name)

    # --- hands ---

    def inside(self, *argv, check=True):
        return sandbox.sh(*self.enter, *argv, check=check)

    def key(self, *keys):
        self.inside("xdotool", "key", *keys)

    def type(self, text):
        self.inside("xdotool", "type", "--delay", "15", text)

    def answer(self, text=""):
        if text:
            self.type(text)
        self.key("Return")

    def click(self, word):
        self.inside("xdotool", "mousemove", str(word.x), str(word.y), "click", "1", "mousemove", "1", str(HEIGHT - 2))

    # --- eyes ---

    def picture(self):
        """The screen as a portable pixmap."""
        shot = subprocess.run(self.enter + ["xwd", "-root", "-silent"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout
        return pipe(["xwdtopnm", "-quiet"], shot)

    def recognize(self, kind):
        left, top, width, height = self.box
        part = pipe(["pamcut", f"-left={left}", f"-top={top}", f"-width={width}", f"-height={height}"], self.picture())
        # of its red: white words on blue stand out there as well as white or black ones on grey
        large = pipe(["pamtopnm"], pipe(["pamscale", "-filter=catrom", str(SCALE)], pipe(["pamchannel", "0", "-tupletype", "GRAYSCALE"], part)))
        return pipe(["tesseract", "-", "-", "--psm", "11", "-l", "eng", kind], large).decode("utf-8", "replace")

    def text(self):
        """What a person reads in the login box (OCR), in one line."""
        try:
            return " ".join(self.recognize("txt").split())
        except subprocess.CalledProcessError:  # between two X servers
            return ""

    def words(self):
        """The words in the login box, with their places on the screen."""
        found = []
        for row in self.recognize("tsv").split("\n")[1:]:
            cells = row.split("\t")
            if len(cells) > 11 and cells[11].strip():
                x, y, width, height = (int(cell) for cell in cells[6:10])
                found.append(Word(cells[11], self.box[0] + (x + width // 2) // SCALE, self.box[1] + (y + height // 2) // SCALE))
        return found

    def reads(self, pattern, seconds=8.0):
        """Waits until the login box shows text that matches; returns the match."""
        last = [""]

        def look():
            last[0] = self.text()
            return re.search(pattern, last[0])
        return sandbox.wait_for(lambda: f"{pattern!r} on the screen; it shows: {last[0]}", look, seconds)

    def says(self, sentence, seconds=8.0):
        """The same for a whole sentence, in which OCR may take some letters for others."""
        wanted = sentence.replace(" ", "")
        last = [""]

        def look():
            last[0] = self.text()
            blocks = difflib.SequenceMatcher(None, wanted, last[0].replace(" ", ""), autojunk=False).get_matching_blocks()
            return sum(block.size for block in blocks if block.size > 2) > 0.8 * len(wanted)
        sandbox.wait_for(lambda: f"{sentence!r} on the screen; it shows: {last[0]}", look, seconds)

    def finds(self, *texts, seconds=5.0):
        """Waits for one of these words on the screen."""
        last = [""]

        def look():
            words = self.words()
            last[0] = " ".join(word.text for word in words)
            for text in texts:
                near = difflib.get_close_matches(text, [word.text for word in words], 1)
                if near:
                    return next(Word(text, word.x, word.y) for word in words if word.text == near[0])
            return None
        return sandbox.wait_for(lambda: f"one of {texts} on the screen; it shows: {last[0]}", look, seconds)

    def number(self):
        return int(self.reads(r"pprove (\d\d) on Pixel").group(1))

    def keep(self, name):
        """With --screenshots: the login box and something around it as a PNG of few colours."""
        if self.folder:
            left, top, width, height = self.box
            part = pipe(["pamcut", f"-left={left - 60}", f"-top={top - 30}", f"-width={width + 120}", f"-height={height + 60}"], self.picture())
            with open(f"{self.folder}/{self.kind}-{name}.png", "wb") as out:
                out.write(pipe(["pnmtopng", "-quiet", "-compression=9"], pipe(["pnmquant", "-quiet", "32"], part)))

    # --- what follows ---

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
        """The processes that hold a conversation with PAM for somebody who wants in."""
        return self.inside("pgrep", "-f", self.worker, check=False).stdout.split()
