"""When a box renews its certificate, and when people must know. Pure; time is an argument.

    issued |---------- good -------|..|- due -----|- short ---|
           0                spread -'  2/3         5/6         end
                                   '-- tried, with back-off -----'  alarm from 5/6 on

Rules of this file
- Of 90 days that is day 60 at the latest: whoever lost its network just before had 30 days left
  and still renews on its return, and none that is online comes near the end.
- Boxes that were enrolled together do not come back together: each comes up to a sixtieth of the
  life sooner, drawn from its serial number. Sooner, for later would take from the 30 days.
- A clock that stands before the certificate's beginning is wrong, and nothing follows from it.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from banksman.security.identity import Identity

RENEW_AT = 2 / 3
SPREAD = 1 / 60
SHARES = 1000
SHORT_AT = 5 / 6
CLOCK_SLACK_S = 86_400.0

Age = Literal["good", "due", "short", "ended", "clock"]


class Life(msgspec.Struct, frozen=True):
    """How far on a certificate is. ``renew_s``: when it is due, seconds since 1970 UTC."""

    age: Age
    renew_s: float
    left_s: float


def life_of(identity: Identity, now_s: float) -> Life:
    """Judge it by the wall clock."""
    whole_s = identity.ends_s - identity.begins_s
    share = (1 + int(identity.serial, 16) % SHARES) / SHARES
    renew_s = identity.begins_s + whole_s * (RENEW_AT - SPREAD * share)
    left_s = identity.ends_s - now_s
    age: Age = "good"
    if now_s < identity.begins_s - CLOCK_SLACK_S:
        age = "clock"
    elif left_s <= 0:
        age = "ended"
    elif now_s >= identity.begins_s + whole_s * SHORT_AT:
        age = "short"
    elif now_s >= renew_s:
        age = "due"
    return Life(age, renew_s, left_s)
