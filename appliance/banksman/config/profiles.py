"""``profile = "name"`` of a device: the profile's points become the device's own, before checks.

Rules of this file
- Profiles are sought beside the config first (``profiles/NAME.toml``), then among those shipped,
  so a plant may put right or narrow what we ship.
- A profile's points stand before those of the config, which add to it. A name that both have is
  a problem: nobody could tell which register is meant.
- What is wrong names the profile; the device's points then count as undecided, so that one slip
  is told once and not again by every rule that names a point.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import msgspec

from banksman.config.explain import Finding
from banksman_drivers.modbus_profile import (
    TEXT_CHARS_MAX,
    Profile,
    ProfileError,
    Table,
    choose,
    read_profile,
    unknown_profile,
)

FOLDER = "profiles"
# A name becomes a file's name, and must not lead anywhere else.
NAME = re.compile(r"[a-z0-9][a-z0-9_]{0,63}")


class Shelf:
    """The profiles that a config in ``folder`` may name; files are read when asked for."""

    def __init__(self, folder: Path | None = None) -> None:
        self._own: dict[str, Traversable] = {} if folder is None else _files(folder / FOLDER)
        shipped = _files(resources.files("banksman_drivers").joinpath(FOLDER))
        self._files: Mapping[str, Traversable] = {**shipped, **self._own}

    @property
    def names(self) -> list[str]:
        """Every profile, by name."""
        return sorted(self._files)

    def is_own(self, name: str) -> bool:
        """Whether it lies beside the config rather than in the package."""
        return name in self._own

    def read(self, name: str) -> Profile:
        """The checked profile. Raises ProfileError with every problem."""
        file = self._files.get(name)
        if file is None:
            raise unknown_profile(name, self._files)
        try:
            with file.open("rb") as opened:
                raw = opened.read(TEXT_CHARS_MAX * 4 + 1)
            return read_profile(name, raw.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise ProfileError([f"profile {name} is not UTF-8 text"], "save it as UTF-8") from error
        except OSError as error:
            remedy = "may this user read it?"
            raise ProfileError(
                [f"profile {name} cannot be read: {error.strerror}"], remedy
            ) from error


class Expanded(msgspec.Struct, frozen=True):
    """A config's tables with every profile's points in place, and what was wrong with them."""

    data: dict[str, Any]
    findings: list[Finding]
    undecided: set[str]


def expand(data: dict[str, Any], folder: Path) -> Expanded:
    """The tables of a config file in ``folder`` with the points that profiles stand for.

    ``data`` is left as it is. What has the wrong shape is passed on for the schema to refuse.
    """
    devices = data.get("device")
    if not isinstance(devices, list) or not any(_names_profile(each) for each in devices):
        return Expanded(data, [], set())
    shelf = Shelf(folder)
    findings: list[Finding] = []
    undecided: set[str] = set()
    expanded: list[Any] = []
    for index, device in enumerate(devices):
        if not _names_profile(device):
            expanded.append(device)
            continue
        try:
            expanded.append(_with_points(device, shelf))
        except ProfileError as error:
            path = ("device", index, "profile")
            findings += [Finding(path, problem, error.remedy) for problem in error.problems]
            undecided.add(str(device.get("id")))
            expanded.append(device)
    return Expanded({**data, "device": expanded}, findings, undecided)


def _names_profile(device: Any) -> bool:
    """Whether it is a Modbus device with a profile; other drivers may mean else by the word."""
    return (
        isinstance(device, dict)
        and str(device.get("driver", "")).startswith("modbus_")
        and isinstance(device.get("profile"), str)
    )


def _with_points(device: Table, shelf: Shelf) -> Table:
    own = device.get("point", [])
    chosen = device.get("profile_points")
    if chosen is not None and not _is_texts(chosen):
        return device
    profile = shelf.read(device["profile"])
    tables = choose(profile, chosen)
    if not isinstance(own, list):
        return device
    names = {each.get("name") for each in own if isinstance(each, dict)}
    both = [table["name"] for table in tables if table["name"] in names]
    if both:
        raise ProfileError(
            [
                f"profile {profile.name} has a point {name}, as the device itself has"
                for name in both
            ],
            "rename the device's own, or leave it out with profile_points",
        )
    return {**device, "point": [*tables, *own]}


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _files(folder: Traversable) -> dict[str, Traversable]:
    """The profile files of a folder by name; none where there is no such folder."""
    if not folder.is_dir():
        return {}
    stems = ((each.name.removesuffix(".toml"), each) for each in folder.iterdir())
    return {
        stem: each
        for stem, each in stems
        if NAME.fullmatch(stem) and each.name == f"{stem}.toml" and each.is_file()
    }
