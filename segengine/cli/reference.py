"""The guide's reference pages, made from the declarations: `make guide` writes them.

Nothing in them is written by hand, so that they cannot say something else than the code does.
"""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import tyro
from pydantic.fields import FieldInfo
from typing_extensions import NotRequired, is_typeddict

from segengine.cli.main import commands
from segengine.config import KnownName, RunConfig
from segengine.config.encoders import ALL, COMMON, known_encoder
from segengine.config.messages import limits_in_words, literal_choices
from segengine.config.presets import PRESETS
from segengine.config.section import GIVEN, OPTION, conditions
from segengine.registry import Kind, entries
from segengine.run import events, lineage
from segengine.run.rundir import RunDir

GUIDE = Path(__file__).resolve().parents[2] / "assets" / "guide"
_MADE = "<!-- Made from the code by `make guide`: change the declarations, not this page. -->"


def pages() -> dict[str, str]:
    """File name -> Markdown of every page."""
    return {
        "reference-config.md": config_page(),
        "reference-cli.md": cli_page(),
        "reference-events.md": events_page(),
        "reference-run-folder.md": run_folder_page(),
    }


def config_page() -> str:
    """Every field of RunConfig, the registered names and the presets."""
    parts = [
        _MADE,
        "# Reference: config",
        "A run is decided by one RunConfig. The form asks for these fields, the command line takes "
        "them as flags (`batch_size` is `--batch-size`), and `config.json` of a run holds them by "
        "section.",
    ]
    for section, holder in RunConfig.sections().items():
        rows = [_field_row(name, info) for name, info in holder.model_fields.items()]
        heads = ("field", "on the form", "default", "may be", "only with", "what it does")
        parts += [f"## {section}", _table(heads, rows)]
    kinds: tuple[Kind, ...] = get_args(Kind)
    for kind in kinds:
        rows = [
            (f"`{name}`", entry.label, ", ".join(f"`{option}`" for option in entry.options) or "–")
            for name, entry in entries(kind).items()
        ]
        parts += [f"## {kind.capitalize()}", _table(("name", "what", "options it takes"), rows)]
    rows = [(f"`{name}`", each.label, each.description) for name, each in PRESETS.items()]
    parts += ["## Presets", _table(("`--preset`", "on the form", "what for"), rows)]
    return _page(parts)


def cli_page() -> str:
    """Every command with its arguments."""
    parts = [
        _MADE,
        "# Reference: command line",
        "`python -m segengine COMMAND`, in the project folder. Every command has `--help`. Exit "
        "codes: 0 done, 1 failed, 2 wrong usage (one sentence per problem, nothing was changed).",
    ]
    for name, command in commands(RunConfig()).items():
        summary, told = _docstring(command)
        rows = list(_argument_rows(command, told))
        parts += [f"## {name}", summary, _table(("argument", "default", "what"), rows)]
        if "flags" in told:
            taken = get_args(command.__annotations__["flags"])[0].__dataclass_fields__
            every = len(taken) == len(RunConfig.declarations())
            flags = "every field" if every else ", ".join(f"`--{_dashed(flag)}`" for flag in taken)
            parts.append(f"Flags: {flags} of [the config](reference-config.md).")
    return _page(parts)


def events_page() -> str:
    """Every event of the log, field by field."""
    parts = [
        _MADE,
        "# Reference: events",
        "`events.jsonl` is a run's log: one JSON object per line, appended only, by one writer. "
        "Numbers that are not finite are null, and `non_finite` names them. Every line begins with "
        "`v`, `seq` and `time`.",
        _record_table(events.Head),
    ]
    kinds = [kind for kind in get_args(events.Event) if is_typeddict(kind)]
    for kind in kinds:
        (name,) = get_args(typing.get_type_hints(kind)["event"])
        parts += [f"## {name}", inspect.getdoc(kind) or "", _record_table(kind, events.Head)]
    parts.append("# Records inside events")
    records = (events.ClassRecord, events.ParameterRecord, events.TrainRecord, events.ValRecord)
    for record in (*records, lineage.Lineage, lineage.Ancestor):
        parts += [f"## {record.__name__}", inspect.getdoc(record) or "", _record_table(record)]
    return _page(parts)


def run_folder_page() -> str:
    """Every file of a run folder."""
    run = RunDir(Path("RUN"))
    rows = []
    for name, member in vars(RunDir).items():
        place: Any = None
        if isinstance(member, property):
            place = member.fget(run) if member.fget else None
        elif name == "masks":
            place = run.masks(7)
        elif name.startswith("evaluation"):
            place = getattr(run, name)("DATASET", "SPLIT")
        if isinstance(place, Path):
            inside = place.relative_to(run.path).as_posix()
            rows.append((f"`{inside}`", " ".join((inspect.getdoc(member) or "").split())))
    return _page(
        [
            _MADE,
            "# Reference: run folder",
            f"A run is a folder `runs/<id>/`. Its id: {RunDir.id.__doc__} Every page is a view of "
            "such folders, and nothing else is kept: copy one anywhere, open it years later.",
            _table(("file", "what"), rows),
        ]
    )


def _field_row(name: str, info: FieldInfo) -> Sequence[str]:
    default = " ".join(info.default) if isinstance(info.default, tuple) else str(info.default)
    return (
        f"`{name}`",
        str(info.title),
        f"`{default}`" if default else "–",
        _allowed(info),
        "; ".join(_condition(*item) for item in conditions(info).items()) or "–",
        str(info.description),
    )


def _allowed(info: FieldInfo) -> str:
    """What a field may hold, in words."""
    for item in info.metadata:
        validator = getattr(item, "func", None)
        if isinstance(validator, KnownName):
            return f"a name under [{validator.kind}](#{validator.kind})"
        if validator is known_encoder:
            return f"{', '.join(f'`{each}`' for each in COMMON)} or any of {len(ALL)} encoders"
    if choices := literal_choices(info.annotation):
        return ", ".join(f"`{choice}`" for choice in choices)
    kinds: dict[Any, str] = {int: "whole number", float: "number", bool: "true or false"}
    return ", ".join(filter(None, [kinds.get(info.annotation, "text"), limits_in_words(info)]))


def _condition(chooser: str, wanted: Any) -> str:
    if wanted == OPTION:
        return f"a `{chooser}` that takes it"
    if wanted == GIVEN:
        return f"`{chooser}` not 0"
    return f"`{chooser}` {' or '.join(wanted) or 'none'}"


def _docstring(command: Callable[..., Any]) -> tuple[str, dict[str, str]]:
    """(what it does, argument -> what it is) from a docstring in Google's style."""
    text, _, arguments = (inspect.getdoc(command) or "").partition("Args:\n")
    told = re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", arguments, flags=re.MULTILINE)
    return text.strip(), {name: " ".join(words.split()) for name, words in told}


def _argument_rows(command: Callable[..., Any], told: dict[str, str]) -> Iterator[Sequence[str]]:
    hints = typing.get_type_hints(command, include_extras=True)
    for name, parameter in inspect.signature(command).parameters.items():
        if name == "flags":
            continue
        notes = get_args(hints[name])
        positional = any(note is tyro.conf.Positional for note in notes)
        shown = name.upper() if positional else f"--{_dashed(name)}"
        default = parameter.default
        empty = default is inspect.Parameter.empty
        words = "needed" if empty else "–" if default in ("", None, ()) else f"`{default}`"
        yield f"`{shown}`", words, told.get(name, "")


def _record_table(record: Any, without: Any = None) -> str:
    hidden = set(without.__annotations__) | {"event"} if without else set()
    hints = typing.get_type_hints(record, include_extras=True)
    rows = [
        (f"`{name}`", *_field_of_record(hint)) for name, hint in hints.items() if name not in hidden
    ]
    return _table(("field", "type", "what"), rows)


def _field_of_record(hint: Any) -> tuple[str, str]:
    """(type, what it says) of a declared field."""
    optional = get_origin(hint) is NotRequired
    annotated = get_args(hint)[0] if optional else hint
    kind, what = get_args(annotated)
    return _type_name(kind), what + (" (older logs lack it)" if optional else "")


def _type_name(kind: Any) -> str:
    if kind is type(None):
        return "null"
    arguments = get_args(kind)
    if get_origin(kind) is Literal:
        return " or ".join(f'"{choice}"' for choice in arguments)
    if get_origin(kind) in (types.UnionType, typing.Union):
        return " or ".join(map(_type_name, arguments))
    if get_origin(kind) is list:
        return f"list of {_type_name(arguments[0])}"
    if get_origin(kind) is dict:
        return "object"
    if is_typeddict(kind):
        return f"[{kind.__name__}](#{kind.__name__.lower()})"
    return {int: "integer", float: "number", str: "text", bool: "true or false"}[kind]


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    cells = (" | ".join(cell.replace("|", "\\|") for cell in line) for line in lines)
    return "\n".join(f"| {line} |" for line in cells)


def _page(parts: Sequence[str]) -> str:
    return "\n\n".join(filter(None, parts)) + "\n"


def _dashed(name: str) -> str:
    return name.replace("_", "-")


if __name__ == "__main__":
    for file, text in pages().items():
        (GUIDE / file).write_text(text, encoding="utf-8")
        print(GUIDE / file)
