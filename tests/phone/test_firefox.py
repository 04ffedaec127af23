#!/usr/bin/python3
"""The phone app in Debian's Firefox, with its own pushManager.subscribe, its own keys and its own decryption: `dom.push.serverURL` names a push service of the
tests' own (autopush.py), which passes on what the server pushes, encrypted as it is."""
import sys

from deck import Deck, run  # first: it goes into the sandbox
from autopush import AutoPush


class FirefoxDeck(Deck):
    def push_server(self):
        return self.pushes.url

    def pushed(self):
        """How many messages the browser has acknowledged."""
        return self.pushes.acknowledged


with AutoPush() as pushes:
    status = run(pushes, FirefoxDeck(pushes), "firefox.mjs", sys.argv[1:])
sys.exit(status)
