#!/usr/bin/python3
"""Sign-ins at GDM with GNOME Shell's greeter, as a person does them. See cases.py."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "sandbox")]
import container  # noqa: E402
import sandbox  # noqa: E402

container.cached("gdm")
sandbox.enter()

import cases  # noqa: E402
from gdm import Gdm  # noqa: E402
from place import CANCEL_SECONDS, slower  # noqa: E402


@cases.case("D3: GNOME's unlock screen: the number, Approve unlocks; Escape withdraws the request; without the phone a code unlocks", 90)
def unlock_screen(place):
    screen = place.screen
    screen.with_desktop(True)
    try:
        number = place.asked()
        place.phone.approve(number)
        screen.desktop("alice")
        screen.seen += 1
        screen.lock()
        screen.answer(sandbox.PASSWORD)
        place.phone.approve(screen.number())
        screen.unlocked()
        screen.lock()
        screen.answer(sandbox.PASSWORD)
        screen.number()
        screen.key("Escape")
        place.phone.ended("caller_gone", CANCEL_SECONDS * slower())
        place.conf("code_first = yes")
        screen.raise_curtain()
        screen.answer(sandbox.PASSWORD)
        screen.says("then press Enter, or type a code")
        screen.answer(place.fresh_code())
        screen.unlocked()
    finally:
        screen.with_desktop(False)
        screen.leave("alice")


cases.case.run(Gdm)
