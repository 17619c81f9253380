"""What the form holds, kept by the browser: it survives a reload and a restart of the server.

The browser keeps it in a cookie, which comes back with the first request of a new session: so the
form is right the first time that it is drawn. A cookie is foreign text: what does not fit the form
is left out.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import streamlit as st
from streamlit import config as streamlit_config

from dashboard.launch.fields import FormEntries, specs
from dashboard.launch.form import to_entries
from dashboard.launch.sweep.varied import Varied, from_plain, to_plain
from dashboard.shared.component import load_component
from segengine.config.presets import DEFAULT, PRESETS

_ROOM = 3800  # letters in a cookie of at most 4,096 bytes, its name and attributes among them
_component = load_component(__file__)


@dataclass(frozen=True)
class Draft:
    """A form as the browser keeps it.

    Attributes:
        preset: the preset that it was filled from; "" where it was another source.
        run: the id of the run that it was filled from; "" where it was another source.
        changes: the entries that are not those of the default preset.
        varied: what is varied, where the form makes several runs.
    """

    preset: str
    run: str
    changes: FormEntries = field(default_factory=dict)
    varied: Varied | None = None

    def entries(self) -> FormEntries:
        """All entries."""
        return {**_default_entries(), **self.changes}


def draft_of(preset: str, run: str, entries: FormEntries, varied: Varied | None = None) -> Draft:
    """The draft of a form with these entries."""
    usual = _default_entries()
    changes = {name: entry for name, entry in entries.items() if entry != usual[name]}
    return Draft(preset, run, changes, varied)


def encode(draft: Draft) -> str:
    """The draft in letters that a cookie may hold; "" where a cookie has no room for it."""
    content = {"preset": draft.preset, "run": draft.run, "changes": draft.changes}
    if draft.varied:
        content["varied"] = to_plain(draft.varied)
    text = json.dumps(content, separators=(",", ":"))
    code = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
    return code if len(code) <= _ROOM else ""


def decode(code: str) -> Draft | None:
    """The draft behind a cookie's letters; None where they hold none."""
    try:
        content = json.loads(base64.urlsafe_b64decode(code + "=" * (-len(code) % 4)))
        preset, run, changes = content["preset"], content["run"], content["changes"]
        changes = {name: entry for name, entry in changes.items() if _fits(name, entry)}
        varied = from_plain(content.get("varied"))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    if preset not in PRESETS and not (isinstance(run, str) and run):
        return None
    known = preset in PRESETS
    return Draft(preset if known else "", "" if known else run, changes, varied)


def remembered() -> Draft | None:
    """What this browser's form held last; None where it knows of none."""
    return decode(_cookies().get(_cookie(), ""))


def draw_memory(draft: Draft) -> None:
    """Have the browser keep the draft, and do what else only the browser can do for the form."""
    help_by_title = {spec.title: spec.help for spec in specs()}
    varied = len(draft.varied.fields) if draft.varied else 0
    keeping = {"cookie": _cookie(), "draft": encode(draft)}
    data = {**keeping, "help": help_by_title, "varied": varied}
    _component(data=data, key="launch_memory", height=0)


def _cookies() -> Mapping[str, str]:
    """What the browser sent with the first request of this session."""
    return st.context.cookies


def _cookie() -> str:
    """The cookie's name: a browser gives the cookies of one port to all others, too."""
    return f"seglab_launch_{streamlit_config.get_option('server.port')}"


def _default_entries() -> FormEntries:
    return to_entries(PRESETS[DEFAULT].config())


def _fits(name: str, entry: Any) -> bool:
    """Whether an entry is one that the form of this version can hold."""
    usual = _default_entries()
    spec = next((spec for spec in specs() if spec.name == name), None)
    if name in ("weights_run", "weights_file"):
        return isinstance(entry, str)
    if name == "weights_from":
        return entry in ("imagenet", "run", "file")
    if spec and spec.kind == "several":
        return isinstance(entry, list) and set(map(str, entry)) <= spec.options.keys()
    if spec and spec.kind == "choice":
        return isinstance(entry, str) and entry in spec.options
    return name in usual and isinstance(entry, type(usual[name]))
