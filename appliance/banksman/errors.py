"""The family of errors that reach a person. Each says what happened, to what, and the remedy.

    BanksmanError
    ├── ConfigError       the config or rules file is wrong: every problem at once
    ├── NotArmable        outputs may not be armed on this machine as it is
    ├── StoreError        the local store cannot be used
    ├── PageError         the status page cannot be served as configured
    ├── IdentityError     this box cannot show its endpoint who it is
    ├── SyncUnavailable   records cannot be sent up as configured
    ├── TraceUnreadable   a recorded link trace is none
    ├── RecordingUnreadable   a recorded vibration is none, or too short
    ├── ShelfRefused      an alarm may not be shelved, or not for so long
    ├── ResetRefused      a trip may not be reset now, or not in this way
    └── NotReachable      a running daemon was asked and did not answer

Driver and inference errors have trees of their own (``banksman_drivers.ports``,
``banksman_inference.ports``), because those packages import nothing of ours.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec


class BanksmanError(Exception):
    """The root. ``exit_code`` is what the command line ends with."""

    exit_code = 1


class Problem(msgspec.Struct, frozen=True):
    """One thing wrong in a file: where, what, and what would be right."""

    file: str
    line: int | None
    key: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        text = f"{where}: {self.key}: {self.message}" if self.key else f"{where}: {self.message}"
        text = f"{text} ({self.hint})" if self.hint else text
        # Parts of it come from the file, and a terminal obeys control characters.
        return text if text.isprintable() else "".join(c if c.isprintable() else "?" for c in text)


class ConfigError(BanksmanError, ValueError):
    """Every problem of a file at once."""

    exit_code = 2

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class SyncUnavailable(BanksmanError, RuntimeError):
    """The uplink cannot work on this installation."""

    exit_code = 2


class IdentityError(BanksmanError, RuntimeError):
    """No certificate, a damaged one, or one that could not be got; the message says what to do."""


class TraceUnreadable(BanksmanError, ValueError):
    """A link trace cannot be simulated."""

    exit_code = 2


class RecordingUnreadable(BanksmanError, ValueError):
    """A file cannot be analysed as a recording; the message says why and what would be right."""

    exit_code = 2


class NotArmable(BanksmanError, PermissionError):
    """Armed mode was asked for, and this machine may not drive real outputs."""

    exit_code = 3


class StoreError(BanksmanError, OSError):
    """The local store cannot be used; the message says which file and what to do."""

    exit_code = 4


class PageError(BanksmanError, OSError):
    """The status page cannot be served; the message says where, why and which option to change."""


class ShelfRefused(BanksmanError, ValueError):
    """An alarm may not be shelved, or not for so long; the message says why."""


class VersionRefused(BanksmanError, ValueError):
    """No such normal of a machine is kept, or it does not fit what is configured now."""


class ResetRefused(BanksmanError, PermissionError):
    """The trip stays latched; the message says which cause holds or which way is allowed."""

    exit_code = 5


class NotReachable(BanksmanError, ConnectionError):
    """No running daemon answered; the message says where it was sought and how to start it."""

    exit_code = 6
