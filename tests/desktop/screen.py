"""A screen that a test looks at and types into: an X server in a root of its own (tests/desktop/root), inside the tests' sandbox.

The root is the lower layer of an overlay, so that nothing changes it; `make install` has gone into it. /run/approve is the sandbox's: server, helper and phone
run outside, the program that asks and the module within.
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
    return subprocess.run(argv, input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True,
                          env={"PATH": os.environ["PATH"], "OMP_THREAD_LIMIT": "1"}).stdout


class GreeterLost(AssertionError):
    """The greeter did not come back after a session: nothing that the login before had a part in."""


class Word:
    """A word on the screen, and its middle."""

    def __init__(self, text, x, y):
        self.text, self.x, self.y = text, x, y


class Screen:
    """A subclass sets enter: the argv that runs a command inside, on the display."""

    kind = ""  # of tests/desktop/root
    box = (0, 0, WIDTH, HEIGHT)  # left, top, width, height: where its texts are
    frame = (240, 180, 544, 400)  # of a picture that is kept
    album = ""  # what such pictures are called after, where it is not the kind
    colour = 0  # that it is read by: in red (0) white words on blue stand out as well as white or black ones on grey

    def __init__(self):
        self.root = self.make_root()
        self.enter = []
        self.keeper = None
        self.people = []
        self.folder = None  # for pictures
        arch = sandbox.sh("gcc", "-print-multiarch").stdout.strip()
        sandbox.sh(f"{sandbox.TOP}/conf/install", env={"PREFIX": "/usr", "DESTDIR": self.root, "SYSCONFDIR": "/etc",
                                                      "PAMDIR": f"/usr/lib/{arch}/security", "B": sandbox.B})

    def make_root(self):
        return container.overlay(self.kind)

    def stack(self, name, service=None):
        """The stack that conf/pam.d has for a service."""
        shutil.copy(f"{self.root}/usr/share/pam_approve/pam.d/{name}", f"{self.root}/etc/pam.d/{service or name}")

    def person(self, name):
        """The same account as in the sandbox, where the helper looks it up."""
        uid = sandbox.sh("id", "-u", name).stdout.strip()
        sandbox.sh("chroot", self.root, "useradd", "--create-home", "--uid", uid, "--shell", "/bin/bash", name)
        sandbox.sh("chroot", self.root, "chpasswd", text=f"{name}:{sandbox.PASSWORD}\n")
        self.people.append(name)

    def run_inside(self, command, *variables):
        """Runs a line of shell in the root, with processes of its own, below a shell: LightDM would wait for its X server for ever as process 1."""
        script = f"""
            cd {self.root}
            mount -t proc proc proc; mount -t tmpfs -o mode=755 run run; mount -t tmpfs -o mode=1777 tmp tmp
            mount --rbind /dev dev
            mount --bind dev/null dev/tty0 # LightDM switches the machine's consoles there, and GDM in another test follows
            mkdir -p run/dbus run/user run/approve; mount --bind /run/approve run/approve
            echo ready
            exec chroot . /bin/sh -c '{command}; exit $?'"""
        self.keeper = subprocess.Popen(["unshare", "--mount", "--pid", "--fork", "--kill-child=KILL", "sh", "-c", script],
                                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)
        assert self.keeper.stdout.readline() == b"ready\n"
        inner = sandbox.wait_for("the root", lambda: sandbox.sh("pgrep", "-P", str(self.keeper.pid), check=False).stdout.split())[0]
        self.enter = ["nsenter", f"--target={inner}", "--mount", "--pid", "--root", "--wd", "--", "env", "-i", PATH, *variables]

    def stop(self):
        self.keeper.kill()
        self.keeper.wait(10)

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
        return pipe(["pamdepth", "-quiet", "255"], pipe(["xwdtopnm", "-quiet"], shot))

    def recognize(self, kind):
        left, top, width, height = self.box
        part = pipe(["pamcut", f"-left={left}", f"-top={top}", f"-width={width}", f"-height={height}"], self.picture())
        large = pipe(["pamtopnm"], pipe(["pamscale", "-filter=catrom", str(SCALE)], pipe(["pamchannel", str(self.colour), "-tupletype", "GRAYSCALE"], part)))
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
        """With --screenshots: a PNG of few colours."""
        if self.folder:
            left, top, width, height = self.frame
            part = pipe(["pamcut", f"-left={left}", f"-top={top}", f"-width={width}", f"-height={height}"], self.picture())
            with open(f"{self.folder}/{self.album or self.kind}-{name}.png", "wb") as out:
                out.write(pipe(["pnmtopng", "-quiet", "-compression=9"], pipe(["pnmquant", "-quiet", "32"], part)))
