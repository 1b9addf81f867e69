"""Why a person was not let in. Each says what happened and the remedy, and never which part was
nearly right.

    AccessRefused
    ├── WrongCredentials   password or setup code is wrong
    ├── LockedOut          too many failed tries; ``wait_s`` says for how long
    ├── SetupNeeded        no password has been set on this box yet
    ├── SetupClosed        a password is set; the setup code is used up
    └── WeakPassword       the new password is too short or too long
"""

from __future__ import annotations

import math

from banksman.errors import BanksmanError


class AccessRefused(BanksmanError, PermissionError):
    """The root. ``remedy`` tells the person what to do."""

    remedy = "Log in as the operator."


class WrongCredentials(AccessRefused):
    """Password or setup code is wrong."""

    remedy = (
        "Check the spelling. A forgotten password is removed on the box itself: see the manual."
    )


class LockedOut(AccessRefused):
    """Too many failed tries from here, or from everywhere; ``wait_s`` seconds are left."""

    def __init__(self, wait_s: float) -> None:
        self.wait_s = wait_s
        super().__init__("too many failed tries")
        self.remedy = f"Wait {math.ceil(wait_s)} s, then try again."


class SetupNeeded(AccessRefused):
    """No password has been set on this box yet."""

    remedy = "Set a password with the one-time code that the console showed at the last start."


class SetupClosed(AccessRefused):
    """A password is set already, so the setup code is used up."""

    remedy = "Log in with the password. To start over, remove the password file on the box."


class WeakPassword(AccessRefused):
    """The new password is too short or too long."""

    remedy = "Choose 10 to 128 characters; a few words in a row do well."
