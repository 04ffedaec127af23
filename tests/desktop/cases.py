"""What a person does and sees at a login screen: one table of cases, for test_lightdm.py and test_gdm.py."""
import gettext
import re
import time

import sandbox
from place import CANCEL_SECONDS, FRENCH, Rows, slower

SESSION_SECONDS = 0.5  # from the decision on the phone to the session
case = Rows()


@case("D3 S1: the password, the number on the screen, Approve on the phone: the session begins within 0.5 s", 30)
def approved(place):
    took = []
    for name in ("number", None):  # twice: the first session's programs come from the disk
        number = place.asked()
        request = place.phone.last()
        assert (request["service"], request["user"], request["rhost"]) == (place.screen.service, "alice", ""), request
        if name:
            place.screen.keep(name)
        decided = time.time()
        place.phone.cli("approve", "--number", str(number), "--request", request["request"])
        took.append(place.screen.opened("alice") - decided)
        place.phone.ended("signed_in")
    print(f"# the sessions began {took[0]:.2f} s and {took[1]:.2f} s after the decision")
    assert min(took) < SESSION_SECONDS * slower() and max(took) < 4 * SESSION_SECONDS * slower(), took


@case("a wrong password rings no phone", 20)
def wrong_password(place):
    before = place.requests()
    place.sign_in(password="wrong")
    place.screen.failed()
    assert place.requests() == before


@case("D3 S18: no phone can be asked: the code prompt at once, and the code opens", 20)
def no_phone(place):
    place.phone.cli("device", "--off")
    try:
        place.sign_in()
        place.screen.says("No phone can be asked now. Type a one-time code")
        place.screen.answer(place.fresh_code())
        place.screen.opened("alice")
    finally:
        place.phone.cli("device", "--on")


@case("D3 S18: the push service refuses: the number, then one text that no phone could be reached; a code opens", 30)
def unreached(place):
    place.phone.cli("device", "--off")
    browser = place.browser(410)
    try:
        place.sign_in()
        place.screen.says("No phone could be reached. Type a code, or press Enter to look again")
        place.screen.answer(browser.code())
        place.screen.opened("alice")
    finally:
        place.server.cli("device", "remove", browser.device)
        place.phone.cli("device", "--on")


@case("D3: nobody answers in time: one text says what to type; an empty answer shows the number again and waits for the phone", 30)
def no_answer(place):
    place.conf("wait = 5")
    number = place.asked()
    place.screen.says("No answer yet. Type a code, or press Enter to look again")
    place.screen.keep("code")
    place.screen.answer()
    assert place.screen.number() == number
    place.phone.approve(number)
    place.screen.opened("alice")


@case("D3: code_first: number and prompt at once; a wrong code asks again, the right one opens", 25)
def wrong_code(place):
    place.conf("code_first = yes")
    place.sign_in()
    place.screen.says("then press Enter, or type a code")
    place.screen.answer("000000")
    place.screen.says("That code is not right. Type another one")
    place.screen.answer(place.fresh_code())
    place.screen.opened("alice")


@case("D3: code_first: Enter after the approval opens", 20)
def code_first(place):
    place.conf("code_first = yes")
    number = place.asked()
    place.phone.approve(number)
    place.screen.answer()
    place.screen.opened("alice")


@case("D3 S16: Deny: the screen says so, long enough to be read, and asks for no code; the greeter is not stuck", 25)
def denied(place):
    place.asked()
    start = time.monotonic()
    place.phone.deny()
    place.screen.says("The request was denied on the phone")
    place.screen.failed()
    assert time.monotonic() - start > 0.9, "the words were gone at once"
    place.host.stop()
    place.host.start()
    place.works()


@case("D3 S16: the person gives up while it waits: the phone shows it within a second, nothing is left, the greeter works", 25)
def given_up(place):
    place.asked()
    worker = place.screen.workers()[-1]
    place.screen.give_up()
    place.phone.ended("caller_gone", CANCEL_SECONDS * slower())
    sandbox.wait_for("the worker to be gone", lambda: worker not in place.screen.workers(), 3)  # the greeter begins another at once
    place.works()


@case("D3: the greeter's worker is killed while it waits: the phone shows it within a second, the greeter works", 30)
def killed(place):
    place.asked()
    worker = place.screen.workers()[-1]
    place.screen.kill_worker()
    place.phone.ended("caller_gone", CANCEL_SECONDS * slower())
    sandbox.wait_for("the worker to be gone", lambda: worker not in place.screen.workers(), 3)
    place.screen.recover()
    place.works()


@case("S9: a user in `except` signs in with the password alone", 20)
def excepted(place):
    place.conf("except = bob")
    place.sign_in("bob")
    place.screen.opened("bob")
    assert not place.server.activity("bob")


@case("D4: the server is down: the screen asks for a code of this host; Enter alone lets nobody in, the code opens", 75)
def server_down(place):
    place.works()
    sealed = time.time() // 30  # codes of this host count from the next step on
    place.server.stop()
    try:
        place.sign_in()
        place.screen.says("Server unreachable. Type the code for web1", 12)
        place.screen.answer()
        place.screen.says("The approval server cannot be reached. Try again later, or ask your administrator.", 12)
        place.screen.failed()
        place.sign_in()
        place.screen.says("Server unreachable. Type the code for web1", 12)
        sandbox.wait_for("the next code", lambda: time.time() // 30 > sealed, 31)
        place.screen.answer(place.phone.code("web1"))
        place.screen.opened("alice")
    finally:
        place.server.start()
    place.works()


@case("I1: the helper is down: nobody gets in, and the log says why", 30)
def helper_down(place):
    place.host.stop()
    before = len(place.screen.sessions())
    try:
        place.sign_in()
        place.screen.says("Approval does not work on this computer. Tell your administrator.")
        place.screen.failed()
        assert "no helper answers" in place.screen.auth_log(place)
    finally:
        place.host.start()
    assert len(place.screen.sessions()) == before
    place.works()


def in_french(text, *values):
    """A text of the catalogue, with what stands for %d and %s."""
    with open(FRENCH, "rb") as catalogue:
        french = gettext.GNUTranslations(catalogue).gettext(text)
    assert french != text, text
    for value in values:
        french = re.sub(r"%(\d\$)?[ds]", str(value), french, count=1)
    return french


@case("S21: a greeter that runs in French: number, code prompt and a wrong code in French", 40)
def french(place):
    place.speak_french(True)
    place.conf(f"wait = 5\n{place.screen.french}")
    place.sign_in()
    number = int(place.screen.reads(r"\b(\d\d) \w+ Pixel").group(1))
    place.screen.says(in_french("Approve %d on %s", number, "Pixel 8"))
    place.screen.says(in_french("No answer yet. Type a code, or press Enter to look again"))
    place.screen.answer("000000")
    place.screen.says(in_french("That code is not right. Type another one"))
    place.phone.approve(number)
    place.screen.answer()
    place.screen.opened("alice")


