#!/usr/bin/python3
"""The phone app in Debian's chromium, driven by playwright. The push service decrypts what arrives there, as a browser would, and the tests hand that to the app's
service worker: chromium's own way of subscribing needs its maker's push service."""
import sys

from deck import Deck, PushService, run

with PushService() as pushes:
    status = run(pushes, Deck(pushes), "all.mjs", sys.argv[1:])
sys.exit(status)
