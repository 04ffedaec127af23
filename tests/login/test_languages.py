#!/usr/bin/python3
"""The programs' languages (S21): the catalogues are whole, and the real programs speak the language of each login."""
import glob
import json
import os
import re
import shutil

import common
import sandbox
from terminal import Terminal, approved

for name in ("LC_ALL", "LANGUAGE", "LANG"):
    os.environ.pop(name, None)
os.environ["LC_CTYPE"] = "C.UTF-8"  # for ssh: in the C locale it shows accents as numbers in a prompt too
sandbox.enter()
world = common.World()
test = sandbox.Tests()
sandbox.write("/etc/sudoers.d/tests", "Defaults timestamp_timeout=0\nDefaults !lecture\nalice ALL=(ALL) ALL\nbob ALL=(ALL) ALL\n", 0o440)
for service in ("sudo", "su"):
    sandbox.write(f"/etc/pam.d/{service}", sandbox.read(f"{sandbox.TOP}/conf/pam.d/{service}"))
CATALOGUES = sorted(glob.glob(f"{sandbox.TOP}/po/*.po"))
FRENCH = {"LANG": "fr_FR.UTF-8"}
NNBSP, NBSP = "\u202f", "\u00a0"


def messages(path):
    """[(msgid, msgstr)] of a catalogue, without its header."""
    found = []
    for block in sandbox.read(path).split("\n\n")[1:]:
        both = re.search(r'^msgid ((?:".*"\n?)+)msgstr ((?:".*"\n?)+)', block, re.M)
        if both:
            found.append(tuple("".join(json.loads(line) for line in part.strip().split("\n")) for part in both.groups()))
    return found


def directives(text):
    return re.findall(r"%[-0-9.]*(?:hh|h|ll|l|z)?[a-z%]", text)


@test("S21: every catalogue has every text of the sources, none untranslated, none fuzzy, none left over, and msgfmt finds no fault")
def complete():
    assert any(path.endswith("/fr.po") for path in CATALOGUES)
    sandbox.sh("make", "-s", "-C", sandbox.TOP, f"B={sandbox.B}", f"{sandbox.B}/pam_approve.pot")
    for path in CATALOGUES:
        said = sandbox.sh("msgfmt", "--check", "--statistics", "-o", "/dev/null", path, env={"LC_ALL": "C"}).stdout
        assert re.fullmatch(r"\d+ translated messages\.\n", said), (path, said)
        said = sandbox.sh("msgcmp", path, f"{sandbox.B}/pam_approve.pot", check=False).stdout
        assert said == "", (path, said)
        assert len(messages(path)) == int(re.match(r"\d+", sandbox.sh("msgfmt", "--statistics", "-o", "/dev/null", path).stdout).group()), path


@test("S21: a translation takes the same values in the same order, and has the same blanks and line ends about it")
def formats():
    for path in CATALOGUES:
        for text, translated in messages(path):
            assert directives(text) == directives(translated), (text, translated)
            assert bool(re.search(r"\n$", text)) == bool(re.search(r"\n$", translated)), (text, translated)
            assert (text[-1] == " ") == (translated[-1] == " ") and (text[0] == " ") <= (translated[0] in " ,"), (text, translated)


@test("S21: French has its spaces, apostrophes and quotation marks")
def typography():
    for _, text in messages(f"{sandbox.TOP}/po/fr.po"):
        words = re.sub(r"`[^`]*`|\[y/N\]|https?:\S*|unix:\S*|\b(?:ADDRESS|HOST|PORT|mailto|\[IPV6\]):\S*|:pam\b|HOST\[:PORT\]", "", text)
        assert "'" not in words and '"' not in words, text
        assert not re.search(rf"(?<!{NNBSP})[;!?](?=[\s,)]|$)", words), text
        assert not re.search(rf"(?<!{NBSP})[:»](?=[\s,)]|$)", words), text
        assert not re.search(rf"«(?!{NBSP})|\.\.\.\w", words), text


@test("S21: no text is put together of pieces that a catalogue cannot know (a macro within _() or N_())")
def pieces():
    for path in glob.glob(f"{sandbox.TOP}/[a-oq-z]*/*.[ch]") + glob.glob(f"{sandbox.TOP}/phone/terminal/*.[ch]"):
        if "/tests/" not in path:
            for piece in re.findall(r'\bN?_\(\s*((?:"(?:[^"\\]|\\.)*"\s*)+)([^)\s"])', sandbox.read(path)):
                raise AssertionError((path, piece))


@test("S21: with LANG=fr_FR.UTF-8 the help of every program is in French alone, where the system has C.UTF-8 only")
def help_texts():
    english = [text for text, translated in messages(f"{sandbox.TOP}/po/fr.po") if len(text) > 12 and text != translated and "%" not in text]
    assert "fr_FR" not in sandbox.sh("locale", "-a").stdout
    for program, words in (("approvectl", "approbation des connexions"), ("approve-phone", "approuver une demande"), ("approve-server", "faire tourner le serveur")):
        pages = [sandbox.sh(program, "--help", env=FRENCH).stdout]
        assert words in pages[0], pages[0]
        pages += [sandbox.sh(program, *command, "--help", env=FRENCH, check=False).stdout
                  for command in (("join",), ("test",), ("enroll",), ("watch",), ("init",), ("host", "add"))]
        for text in english:
            assert not any(text in page for page in pages), (program, text)
    options = sandbox.sh("approve-server", "--help-options", env=FRENCH).stdout
    assert "Le dossier de la base et des clés." in options and not any(text in options for text in english), options


@test("S21: English where no catalogue fits, in the C locales, and before LANGUAGE's second choice")
def which():
    for env, french in (({"LANG": "de_DE.UTF-8"}, False), ({"LANG": "C.UTF-8", "LANGUAGE": "fr"}, False), ({"LC_ALL": "C", "LANG": "fr_FR.UTF-8"}, False),
                        ({"LANG": "de_DE.UTF-8", "LANGUAGE": "de:fr"}, True), ({"LANG": "fr_FR.UTF-8", "LANGUAGE": "en"}, False), ({"LANG": "fr_CA.UTF-8"}, True),
                        ({"LANG": "fr_FR.ISO-8859-1"}, False), ({"LANG": "../../../tmp/fr"}, False), ({"LC_MESSAGES": "fr_FR.UTF-8", "LANG": "en_US.UTF-8"}, True)):
        shown = sandbox.sh("env", "-u", "LC_ALL", "-u", "LANG", "-u", "LANGUAGE", *[f"{k}={v}" for k, v in env.items()], "approve-phone", "--help").stdout
        assert ("approuver une demande" in shown) == french, (env, shown)


@test("S21: a language that is added needs its file alone")
def added():
    sandbox.write("/usr/share/locale/eo/LC_MESSAGES/x", "")
    shutil.copy("/usr/share/locale/fr/LC_MESSAGES/pam_approve.mo", "/usr/share/locale/eo/LC_MESSAGES/pam_approve.mo")
    assert "approuver une demande" in sandbox.sh("approve-phone", "--help", env={"LANG": "eo"}).stdout
    with open("/usr/share/locale/eo/LC_MESSAGES/pam_approve.mo", "r+b") as broken:
        broken.truncate(5000)
    assert "approve a request" in sandbox.sh("approve-phone", "--help", env={"LANG": "eo"}).stdout
    world.host.conf("[service sshd]\nlanguage = eo")
    assert world.ssh().number() > 9
    world.host.conf("")


@test("S21: approve-phone in French: the request, the question, the refusal")
def phone():
    world.host.conf("")
    terminal = Terminal("sudo id -un").password()
    number = terminal.number()
    sandbox.wait_for("the request", world.phone.open)
    shown = world.phone.cli("list", env=FRENCH).stdout
    assert "sudo" in shown and "attend une réponse, encore" in shown, shown
    shown = world.phone.cli("approve", "--number", "7", env=FRENCH, check=False).stdout
    assert "Le nombre a deux chiffres, de 10 à 99." in shown, shown
    shown = world.phone.cli("approve", "--number", str(number), env=FRENCH).stdout
    assert "connecté" in shown, shown
    terminal.expect("root")
    terminal.ended()
    shown = world.phone.cli("approve", env=FRENCH, check=False).stdout
    assert "Aucune demande n’est en attente." in shown, shown


@test("S21: ssh does not tell its language before the login: host.conf's language speaks, with the number; the refusal too, without accents")
def ssh():
    world.host.conf("[service sshd]\nlanguage = fr")
    login = world.ssh().password()
    login.expect(rf"Nombre (\d\d)\. Approuvez sur Pixel 8, puis appuyez sur Entrée, ou saisissez un code{NBSP}: ")
    world.phone.approve(int(login.term.match.group(1)))
    login.send()
    login.signed_in()
    login = world.ssh().password()
    login.expect(rf"saisissez un code{NBSP}: ")
    world.phone.deny()
    login.send()
    shown = login.refused()
    assert "La demande a ete refusee sur le telephone." in shown, shown  # OpenSSH's client shows such a text's accents as \\303\\251
    world.forget_denials()
    world.host.conf("")
    assert world.ssh().number() > 9


@test("S21: sudo and su with LANG=fr_FR.UTF-8, where the system has that locale, speak French: number, code prompt, wrong code; log and others stay English")
def sudo():
    sandbox.sh("localedef", "-i", "fr_FR", "-f", "UTF-8", "fr_FR.UTF-8")
    terminal = Terminal("sudo id -un", env=FRENCH)
    terminal.password("alice[^:]*: ")
    terminal.expect(r"Approuvez (\d\d) sur Pixel 8, ou appuyez sur une touche pour saisir un code\.")
    number = int(terminal.term.match.group(1))
    other = Terminal("sudo id -un", user="bob").password()
    other_number = other.number()
    terminal.send()
    terminal.expect(f"Code{NBSP}: ")
    terminal.send("000000")
    terminal.expect(r"Ce code n’est pas le bon\. Saisissez-en un autre\.")
    terminal.expect(f"Code{NBSP}: ")
    terminal.send()
    approved(world.phone, terminal, number, "root")
    approved(world.phones["bob"], other, other_number, "root")
    assert terminal.ended()[1] == 0 and other.ended()[1] == 0
    terminal = Terminal("su alice -c 'id -un'", user="bob", env=FRENCH).password("[Mm]ot de passe[^:]*: ")
    terminal.expect(r"Approuvez (\d\d) sur Pixel 8")
    world.phone.deny()
    terminal.expect("La demande a été refusée sur le téléphone.")
    terminal.ended(15)
    assert "denied on the phone" in "\n".join(world.syslog.lines) and "refusée" not in "\n".join(world.syslog.lines) + sandbox.read(world.host.helper.log)
    world.forget_denials()


@test("S21: who tells a language that is spoken here hears it, whatever host.conf says; who tells none hears host.conf's")
def both():
    sandbox.sh("localedef", "-i", "en_US", "-f", "UTF-8", "en_US.UTF-8")
    world.host.conf("[service sudo]\nlanguage = fr")
    for env, words in (({"LANG": "en_US.UTF-8"}, "Approve"), ({"LANG": "C"}, "Approuvez"), ({}, "Approuvez"), ({"LANG": "C.UTF-8"}, "Approuvez")):
        terminal = Terminal("sudo id -un", env=env).password()
        terminal.expect(rf"{words} (\d\d)")
        approved(world.phone, terminal, int(terminal.term.match.group(1)), "root")
        terminal.ended()
    world.host.conf("[service sudo]\nlanguage = xx")
    terminal = Terminal("sudo id -un").password()
    terminal.number()
    terminal.close()
    world.host.conf("")


@test("S21: approvectl check says what is asked in French, and refuses a language that is a path")
def check():
    shown = world.host.run("approvectl", "check", env=FRENCH, check=False).stdout
    assert "un mauvais mot de passe ne fait sonner aucun téléphone" in shown and f"sur le téléphone, où l’on tape le nombre{NNBSP};" in shown, shown
    world.host.conf("[service sudo]\nlanguage = ../fr")
    shown = world.host.run("approvectl", "check", env=FRENCH, check=False).stdout
    assert "language" in shown and "ÉCHEC" in shown, shown
    world.host.conf("")


test.run(world.logs)
