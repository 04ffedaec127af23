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

cases.case.run(Gdm)
