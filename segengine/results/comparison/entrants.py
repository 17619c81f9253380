"""What is compared: runs with what their logs say, and groups of those that differ in the seed."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from segengine.config import RunConfig
from segengine.config.wording import value_label
from segengine.results.runlog import RunLog
from segengine.results.table import RunRow, telling_fields

_DATA = {  # of the log: what it is called
    "train": "Fingerprint of the training images",
    "val": "Fingerprint of the validation images",
    "test": "Fingerprint of the test images",
}
MOST = 8  # runs, or groups of seeds, side by side


@dataclass(frozen=True)
class Entrant:
    """A run that is compared.

    Attributes:
        name: what it is called on every page.
    """

    name: str
    row: RunRow
    log: RunLog

    @property
    def id(self) -> str:
        """The run's id."""
        return self.row.run.id

    @property
    def config(self) -> RunConfig | None:
        """None where it cannot be read."""
        return self.row.config

    @property
    def seed(self) -> int | None:
        """None where the config cannot be read."""
        return self.config.train.seed if self.config else None

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes in label order; none before it has started."""
        return tuple(one["name"] for one in self.log.started["classes"]) if self.log.started else ()


@dataclass(frozen=True)
class Group:
    """Runs whose settings are equal but for the seed; most often one run.

    Attributes:
        name: that of its run, or what its runs' names have in common and how many they are.
        members: positions among the entrants, ascending by seed.
    """

    name: str
    members: tuple[int, ...]


@dataclass(frozen=True)
class Differing:
    """A setting in which entrants differ.

    Attributes:
        words: of each entrant, in order; "" where the setting has no meaning for it.
    """

    title: str
    words: tuple[str, ...]

    def by_group(self, groups: Sequence[Group]) -> list[str]:
        """The words of each group: of a setting in which its members differ, all of them."""
        return [
            ", ".join(dict.fromkeys(self.words[place] for place in group.members))
            for group in groups
        ]


def groups_of(entrants: Sequence[Entrant]) -> list[Group]:
    """The groups in the order of their first runs; runs of one seed twice stay apart."""
    by_settings: dict[tuple[str, int], list[int]] = {}
    for place, entrant in enumerate(entrants):
        key = _settings_but_seed(entrant)
        twin = 0
        while any(
            entrants[other].seed == entrant.seed for other in by_settings.get((key, twin), ())
        ):
            twin += 1
        by_settings.setdefault((key, twin), []).append(place)
    groups = [
        sorted(places, key=lambda place: entrants[place].seed or 0)
        for places in by_settings.values()
    ]
    names = [_group_name([entrants[place].name for place in members]) for members in groups]
    return [
        Group(_told_apart(name, names, entrants[members[0]]), tuple(members))
        for name, members in zip(names, groups, strict=True)
    ]


def each_by_itself(entrants: Sequence[Entrant]) -> list[Group]:
    """A group per run."""
    return [Group(entrant.name, (place,)) for place, entrant in enumerate(entrants)]


def differing(entrants: Sequence[Entrant]) -> list[Differing]:
    """The settings, the versions and the devices in which entrants differ, in the form's order."""
    declared = RunConfig.declarations()
    settings = [entrant.row.settings for entrant in entrants]
    found = []
    for name in telling_fields(settings):
        info = declared[name]
        own = [value_label(one[name], info) if name in one else "" for one in settings]
        found.append(Differing(str(info.title), tuple(own)))
    started = [entrant.log.started for entrant in entrants]
    versions = [event["versions"] if event else {} for event in started]
    for package in dict.fromkeys(name for one in versions for name in one):
        words = tuple(one.get(package, "") for one in versions)
        title = "Commit of SegLab" if package == "commit" else f"Version of {package}"
        found.append(Differing(title, words))
    marks = [event.get("data", {}) if event else {} for event in started]
    for role, title in _DATA.items():
        words = tuple(one.get(role, "") for one in marks)
        if all(words):  # logs of older versions have none
            found.append(Differing(title, words))
    found.append(Differing("Ran on", tuple(event["device"] if event else "" for event in started)))
    return [one for one in found if len(set(one.words)) > 1]


def _settings_but_seed(entrant: Entrant) -> str:
    if entrant.config is None:
        return entrant.id
    return json.dumps({**entrant.config.flat(), "seed": None}, sort_keys=True, default=str)


def _group_name(names: Sequence[str]) -> str:
    """The name of a run, or what the names of several have in common, and how many they are."""
    if len(names) == 1:
        return names[0]
    first, last = min(names), max(names)
    length = next((i for i, letter in enumerate(first) if last[i : i + 1] != letter), len(first))
    common = first[:length]
    common = re.sub(r"[\s,;:(=_-]*(seed)?[\s,;:(=_-]*$", "", common, flags=re.IGNORECASE)
    return f"{common or names[0]}, {len(names)} seeds"


def _told_apart(name: str, names: Sequence[str], first: Entrant) -> str:
    return name if names.count(name) == 1 else f"{name} ({first.id[-4:]}, ...)"
