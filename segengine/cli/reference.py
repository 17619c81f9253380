"""The guide's reference pages, made from the declarations: `make guide` writes them.

Nothing in them is written by hand, so that they say what the code does.
"""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import tyro
from pydantic.fields import FieldInfo
from typing_extensions import NotRequired, is_typeddict

from segengine.cli.main import COMMANDS, load_command
from segengine.config import KnownName, RunConfig
from segengine.config.encoders import ALL, COMMON, known_encoder
from segengine.config.messages import limits_in_words, literal_choices, number_text
from segengine.config.presets import PRESETS
from segengine.config.section import GIVEN, OPTION, conditions, defaults_by_choice
from segengine.registry import Kind, entries
from segengine.results.filter import fields as filter_fields
from segengine.run import events, lineage
from segengine.run.rundir import RunDir
from segengine.studies.sweepdir import SweepDir

GUIDE = Path(__file__).resolve().parents[2] / "assets" / "guide"
_NOTICE = "<!-- Made from the code by `make guide`: change the declarations, not this page. -->"


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
        "# Reference: config",
        "One RunConfig decides what a run computes. The form asks for these fields, the command "
        "line takes them as flags (`batch_size` is `--batch-size`), and a run's `config.json` "
        "holds them by section. Without what *only with* names, a field has no meaning.",
    ]
    for section_name, section in RunConfig.sections().items():
        rows = [_field_row(name, info) for name, info in section.model_fields.items()]
        heads = ("field", "on the form", "default", "may be", "only with", "what it does")
        parts += [f"## Section {section_name}", inspect.getdoc(section) or "", _table(heads, rows)]
    kinds: tuple[Kind, ...] = get_args(Kind)
    for kind in kinds:
        names = [
            (f"`{name}`", entry.label, _code_list(entry.options) or "–")
            for name, entry in entries(kind).items()
        ]
        table = _table(("name", "on the form", "options that it takes"), names)
        parts += [f"## {kind.capitalize()}", table]
    presets = [(f"`{name}`", preset.label, preset.description) for name, preset in PRESETS.items()]
    parts += ["## Presets", _table(("`--preset`", "on the form", "what it is for"), presets)]
    return _page(parts)


def cli_page() -> str:
    """Every command with its arguments."""
    parts = [
        "# Reference: command line",
        "`python -m segengine COMMAND`, in the project folder. Every command has `--help`. Exit "
        "codes: 0 done, 1 failed, 2 wrong usage (one sentence per problem, nothing was changed).",
    ]
    for name in COMMANDS:
        command = load_command(name, RunConfig())
        summary, texts = _docstring(command)
        rows = list(_argument_rows(command, texts))
        parts += [f"## {name}", summary, _table(("argument", "default", "what it is"), rows)]
        if "flags" in texts:
            fields = get_args(command.__annotations__["flags"])[0].__dataclass_fields__
            every = len(fields) == len(RunConfig.declarations())
            flags = (
                "every field" if every else _code_list(f"--{_dashed(field)}" for field in fields)
            )
            parts.append(f"Further flags: {flags} of [the config](reference-config.md).")
    return _page([*parts, *_filter_parts()])


def _filter_parts() -> list[str]:
    """What `list --filter` and the filter box of the Runs page understand."""
    rows = [
        (f"`{name}`", field.title, field.kind, _code_list(field.operators))
        for name, field in filter_fields.fields().items()
        if field.info is None
    ]
    return [
        "## Filters",
        "`list --filter` and the filter box of the Runs page take words and conditions. A word "
        "must be in the run's id, name, tags, notes, state, model, strategy or dataset. What "
        "stands side by side must all hold, as with `and`; `or`, `not` and parentheses work as "
        'usual, and what holds blanks stands between quotes: `"week 2"`. `~` means "contains"; '
        "`none` finds runs without a value; times count as far as they are given, so that "
        "`started = 2026-11` is the whole month. For example: "
        "`arch = segformer_b0 and best_miou > 0.6 and not tag = old`.",
        _table(("field", "on the page", "is", "compared by"), rows),
        "All fields of [the config](reference-config.md) can be asked for by their names, too.",
    ]


def events_page() -> str:
    """Every event of the log, field by field."""
    parts = [
        "# Reference: events",
        "`events.jsonl` is a run's log: one JSON object per line, only ever appended to, by one "
        "writer. `event` says which event a line is; below is a section for each. Every event also "
        "has these fields:",
        _record_table(events.Head),
    ]
    for event in get_args(events.Event):
        (name,) = get_args(typing.get_type_hints(event)["event"])
        parts += [f"## {name}", inspect.getdoc(event) or "", _record_table(event, events.Head)]
    parts += ["## Records inside events", "Objects that the fields above hold."]
    records = (
        *(events.ClassRecord, events.ParameterRecord, events.NormalizationRecord),
        *(events.TrainRecord, events.ValRecord, events.TestRecord),
    )
    for record in (*records, lineage.Lineage, lineage.Ancestor):
        parts += [f"### {record.__name__}", inspect.getdoc(record) or "", _record_table(record)]
    return _page(parts)


def run_folder_page() -> str:
    """Every file of a run folder."""
    run = RunDir(Path("RUN"))
    rows = []
    for name, member in vars(RunDir).items():
        path: Any = getattr(run, name)
        if name == "masks":
            path = run.masks(epoch=7)
        elif name == "probabilities":
            path = run.probabilities("IMAGE")
        elif name.startswith("evaluation"):
            path = path("DATASET", "SPLIT")
        elif name.startswith("evaluating"):
            path = path("KEY")
        if isinstance(path, Path):
            place = path.relative_to(run.path).as_posix() + ("" if "." in path.name else "/")
            rows.append((f"`{place}`", inspect.getdoc(member) or ""))
    parts = [
        "# Reference: run folder",
        f"A run is a folder `runs/<id>/`. Its id: {RunDir.id.__doc__} Every page is a view of such "
        "folders, and nothing else is kept: copy one anywhere, open it years later. The fields of "
        "`config.json` are in [the config](reference-config.md), those of `events.jsonl` in "
        "[the events](reference-events.md).",
        _table(("file", "what it holds"), rows),
        "## Sweeps",
        f"A sweep is a folder `runs/sweeps/<id>/` beside its runs. Its id: {SweepDir.id.__doc__}",
        _table(("file", "what it holds"), list(_sweep_files())),
    ]
    return _page(parts)


def _sweep_files() -> Iterator[Sequence[str]]:
    sweep = SweepDir(Path("runs/sweeps/SWEEP"))
    for name, member in vars(SweepDir).items():
        path = getattr(sweep, name)
        if isinstance(path, Path) and path.parent == sweep.path:
            yield f"`{path.name}`", inspect.getdoc(member) or ""


def _defaults(info: FieldInfo) -> str:
    """The default, and those beside certain choices: "true (`optimizer` adam: false)"."""
    others = [
        f"`{chooser}` {choice}: {_default(value)}"
        for chooser, by_choice in defaults_by_choice(info).items()
        for choice, value in by_choice.items()
    ]
    return _default(info.default) + (f" ({'; '.join(others)})" if others else "")


def _field_row(name: str, info: FieldInfo) -> Sequence[str]:
    choosers = {**conditions(info), **conditions(info, "shown_if")}
    return (
        f"`{name}`",
        str(info.title),
        _defaults(info),
        _allowed(info),
        "; ".join(_condition(*item) for item in choosers.items()) or "–",
        str(info.description),
    )


def _default(value: Any) -> str:
    if value in ("", None, ()):
        return "–"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{number_text(value) if isinstance(value, float) else value}`"


def _allowed(info: FieldInfo) -> str:
    """What a field may hold, in words."""
    for item in info.metadata:
        validator = getattr(item, "func", None)
        if isinstance(validator, KnownName):
            return f"a name under [{validator.kind}](#{validator.kind})"
        if validator is known_encoder:
            return f"{_code_list(COMMON)} or any of {len(ALL)} encoders"
    if choices := _code_list(literal_choices(info.annotation)):
        return f"any of {choices}" if isinstance(info.default, tuple) else choices
    kinds: dict[Any, str] = {int: "whole number", float: "number", bool: "true or false"}
    return ", ".join(filter(None, [kinds.get(info.annotation, "text"), limits_in_words(info)]))


def _condition(chooser: str, wanted: Any) -> str:
    if wanted == OPTION:
        kind = "model" if chooser == "arch" else "dataset"
        return f"a [{kind}](#{kind}s) that takes it"
    if wanted == GIVEN:
        return f"`{chooser}` not 0"
    return f"`{chooser}` {' or '.join(wanted) or 'none'}"


def _docstring(command: Callable[..., Any]) -> tuple[str, dict[str, str]]:
    """(what it does, argument -> what it is) from a docstring in Google's style."""
    text, _, arguments = (inspect.getdoc(command) or "").partition("Args:\n")
    described = re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", arguments, flags=re.MULTILINE)
    return text.strip(), dict(described)


def _argument_rows(command: Callable[..., Any], texts: dict[str, str]) -> Iterator[Sequence[str]]:
    hints = typing.get_type_hints(command, include_extras=True)
    for name, parameter in inspect.signature(command).parameters.items():
        if name == "flags":
            continue
        positional = tyro.conf.Positional in get_args(hints[name])
        argument = name.upper() if positional else f"--{_dashed(name)}"
        required = parameter.default is parameter.empty
        default = "required" if required else _default(parameter.default)
        yield f"`{argument}`", default, texts[name]


def _record_table(record: Any, without: Any = None) -> str:
    hidden = set(without.__annotations__) | {"event"} if without else set()
    hints = typing.get_type_hints(record, include_extras=True)
    rows = [
        (f"`{name}`", *_field_of_record(hint)) for name, hint in hints.items() if name not in hidden
    ]
    return _table(("field", "type", "what it holds"), rows)


def _field_of_record(hint: Any) -> tuple[str, str]:
    """(type, what it holds) of a declared field."""
    optional = get_origin(hint) is NotRequired
    annotated = get_args(hint)[0] if optional else hint
    kind, *_, what = get_args(annotated)
    return _type_name(kind), what + (" (missing in older logs)" if optional else "")


def _type_name(kind: Any, plural: str = "") -> str:
    """A type in words, such as "list of numbers, or null"; `plural` is "s" inside a list."""
    arguments = get_args(kind)
    if get_origin(kind) is Annotated:  # with limits, which the page leaves out
        return _type_name(arguments[0], plural)
    if get_origin(kind) is Literal:
        return " or ".join(f'"{choice}"' for choice in arguments)
    if get_origin(kind) in (types.UnionType, typing.Union):
        comma = "," if get_origin(arguments[0]) is list else ""
        return f"{comma} or ".join(_type_name(argument, plural) for argument in arguments)
    if get_origin(kind) is list:
        return f"list{plural} of {_type_name(arguments[0], 's')}"
    if get_origin(kind) is dict:
        return f"object{plural} of {_type_name(arguments[1], 's')}"
    if is_typeddict(kind):
        return f"[{kind.__name__}](#{kind.__name__.lower()})"
    names = {int: "integer", float: "number", str: "string", bool: "boolean", type(None): "null"}
    return names[kind] + plural


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, without the columns that are empty in every row."""
    lines = [heads, ["---"] * len(heads), *rows]
    used = [i for i in range(len(heads)) if any(row[i] != "–" for row in rows)]
    return "\n".join(f"| {' | '.join(_cell(line[i]) for i in used)} |" for line in lines)


def _cell(text: str) -> str:
    """On one line, with the characters escaped that mean something in a table or as HTML."""
    text = " ".join(text.split()).replace("|", "\\|")
    return re.sub(r"(`[^`]*`)|<", lambda match: match[1] or "&lt;", text)


def _code_list(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _page(parts: Sequence[str]) -> str:
    return "\n\n".join([_NOTICE, *filter(None, parts)]) + "\n"


def _dashed(name: str) -> str:
    return name.replace("_", "-")


if __name__ == "__main__":
    for file, text in pages().items():
        (GUIDE / file).write_text(text, encoding="utf-8")
        print(GUIDE / file)
