"""The plan of the house: which folder may import which, and which stay free of torch.

`python -m pytest tests/test_architecture.py -s` prints how many rooms, floors and arrows there are.
A room is a folder of `segengine` or a file that lies loose in it; the dashboard is one room. An
arrow is a room that imports another; a room's floor is one above the highest room that it imports.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from segengine.registry import Kind, entries

PROJECT = Path(__file__).resolve().parents[1]
HEAVY = ("torch", "torchvision", "segmentation_models_pytorch", "timm")

# Room -> the rooms that it may import. Top to bottom: each only those that stand below it.
MAY_IMPORT: dict[str, str] = {
    "__main__": "cli",
    "dashboard": "studies launchers results datasets config run files registry errors",
    "cli": "studies training inference launchers results datasets config run registry errors",
    "studies": "results launchers datasets config run registry files errors",
    "training": "inference batches weights metrics losses models datasets run config device files"
    " errors",
    "results": "launchers datasets run config statistics files registry errors",
    "inference": "batches weights metrics losses models datasets run config device files errors",
    "launchers": "models losses datasets run config registry files errors",
    "batches": "models datasets config device",
    "weights": "models run config files errors",
    "metrics": "datasets statistics files",
    "losses": "datasets config registry errors",
    "models": "config registry files errors",
    "datasets": "drawing config registry files errors",
    "run": "config statistics files errors",
    "config": "registry files errors",
    "registry": "errors",
    "files": "errors",
    "device": "errors",
    "statistics": "",
    "drawing": "",
    "errors": "",
}
# A promise of whole rooms. (A model or a loss is a file with torch in it; their names are not.)
TORCH_FREE = (
    *("dashboard", "cli", "studies", "results", "launchers", "datasets", "drawing", "run"),
    *("config", "statistics", "registry", "files", "errors"),
)
NEEDS_A_SESSION = ("dashboard.navigation", "dashboard.app")  # and the pages: page.py
MOST_FILES = 14  # Python files in a folder, its __init__ not counted

# Imports module after module and prints those after which a heavy one was there.
_IMPORT_AND_WATCH = """
import importlib, json, sys
modules, watched = json.loads(sys.argv[1])
guilty = {}
for name in modules:
    importlib.import_module(name)
    new = [heavy for heavy in watched if heavy in sys.modules]
    if new:
        guilty[name] = new
        break
print(json.dumps(guilty))
"""


def module_name(path: Path) -> str:
    """segengine/models/__init__.py -> segengine.models."""
    parts = path.relative_to(PROJECT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def sources() -> dict[str, Path]:
    """Module name -> file, of the engine and the dashboard."""
    files = [path for top in ("segengine", "dashboard") for path in (PROJECT / top).rglob("*.py")]
    return {module_name(path): path for path in sorted(files)}


def room_of(module: str) -> str | None:
    """The room that a module stands in; None for what is not ours."""
    top, _, rest = module.partition(".")
    if top == "dashboard":
        return top
    room = rest.partition(".")[0]
    return room if top == "segengine" and room else None


def within(module: str, *packages: str) -> bool:
    """Whether a module is one of the packages or inside one."""
    return any(module == package or module.startswith(package + ".") for package in packages)


def imported_by(path: Path) -> Iterator[str]:
    """Every module that a file imports, inside functions too ("from a import b" may name a.b)."""
    for statement in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(statement, ast.Import):
            yield from (alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom):
            assert statement.level == 0 and statement.module, "relative imports hide where they go"
            yield statement.module
            yield from (f"{statement.module}.{alias.name}" for alias in statement.names)


@cache
def arrows() -> dict[tuple[str, str], list[str]]:
    """(room, room that it imports) -> the imports, as "module -> module"."""
    drawn: dict[tuple[str, str], list[str]] = {}
    for name, path in sources().items():
        room = room_of(name)
        for target in set(imported_by(path)) & sources().keys():
            other = room_of(target)
            if room and other and room != other:
                drawn.setdefault((room, other), []).append(f"{name} -> {target}")
    return drawn


@cache
def floor(room: str) -> int:
    """1 for a room that imports no other, else one above the highest that it imports."""
    return 1 + max((floor(below) for above, below in arrows() if above == room), default=0)


def test_rooms_import_only_what_stands_below_them() -> None:
    for room, below in MAY_IMPORT.items():
        order = list(MAY_IMPORT)
        assert all(order.index(other) > order.index(room) for other in below.split()), room
    forbidden = {
        imports[0]
        for (room, other), imports in arrows().items()
        if other not in MAY_IMPORT[room].split()
    }
    assert forbidden == set()


def test_the_plan_allows_no_more_than_is_used() -> None:
    """An arrow that nothing needs any more is taken off the plan."""
    allowed = {(room, other) for room, below in MAY_IMPORT.items() for other in below.split()}
    assert allowed - arrows().keys() == set()


def test_the_house_is_small_enough_to_be_remembered() -> None:
    rooms = {room for name in sources() if (room := room_of(name))}
    assert rooms == MAY_IMPORT.keys()
    floors: dict[int, list[str]] = {}
    for room in MAY_IMPORT:
        floors.setdefault(floor(room), []).append(room)
    print(f"\n{len(rooms)} rooms on {len(floors)} floors, {len(arrows())} arrows between them")
    for number, there in sorted(floors.items(), reverse=True):
        print(f"{number}  {' '.join(there)}")
    assert len(rooms) <= 22 and len(floors) <= 10 and len(arrows()) <= 102


def test_no_folder_is_crowded() -> None:
    folders: dict[Path, int] = {}
    for path in sources().values():
        if path.name != "__init__.py":
            folders[path.parent] = folders.get(path.parent, 0) + 1
    assert {str(place): count for place, count in folders.items() if count > MOST_FILES} == {}


def imported_in_a_fresh_interpreter(modules: list[str]) -> dict[str, list[str]]:
    """Module -> heavy ones that its import brought in."""
    words = [sys.executable, "-c", _IMPORT_AND_WATCH, json.dumps([modules, HEAVY])]
    done = subprocess.run(words, cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


def test_torch_free_rooms_load_without_torch_in_a_fresh_interpreter() -> None:
    modules = [name for name in sources() if room_of(name) in TORCH_FREE]
    pages = [name for name in modules if name.endswith(".page") or name in NEEDS_A_SESSION]
    assert len(pages) >= 6
    modules += ["segengine.models", "segengine.losses"]  # names are listed without torch
    assert imported_in_a_fresh_interpreter(sorted(set(modules) - set(pages))) == {}


def test_the_watch_for_torch_would_see_it() -> None:
    found = imported_in_a_fresh_interpreter(["segengine.config", "segengine.metrics.seg_metrics"])
    assert found == {"segengine.metrics.seg_metrics": ["torch"]}


def test_the_dashboard_names_no_heavy_package_not_even_inside_a_function() -> None:
    guilty = {
        name: [heavy for heavy in imported_by(path) if within(heavy, *HEAVY)]
        for name, path in sources().items()
        if room_of(name) == "dashboard"
    }
    assert {name: heavy for name, heavy in guilty.items() if heavy} == {}


def test_the_engine_knows_nothing_of_streamlit() -> None:
    guilty = [
        name
        for name, path in sources().items()
        if room_of(name) != "dashboard"
        and any(within(target, "dashboard", "streamlit") for target in imported_by(path))
    ]
    assert guilty == []


def test_drawing_needs_numpy_and_pillow_only() -> None:
    allowed = {"numpy", "PIL", "segengine", *sys.stdlib_module_names}
    for name, path in sources().items():
        if room_of(name) == "drawing":
            assert {target.partition(".")[0] for target in imported_by(path)} <= allowed, name


def test_importing_the_engine_is_free() -> None:
    """Nothing outside the standard library is loaded by `import segengine`."""
    code = (
        "import sys; before = set(sys.modules); import segengine; "
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}; "
        "print(sorted(new - set(sys.stdlib_module_names)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True)
    assert done.stdout.strip() == "['segengine']", done.stderr


@pytest.mark.parametrize(
    ("kind", "offers"),
    [
        ("models", ("build", "imagenet_file")),
        ("datasets", ("classes", "open_split", "sizes", "prepare")),
        ("losses", ("build",)),
    ],
)
def test_every_registered_name_has_a_label_and_a_file_that_loads(
    kind: Kind, offers: tuple[str, ...]
) -> None:
    registered = entries(kind)
    assert registered
    for name, entry in registered.items():
        assert entry.name == name
        assert entry.label.strip()
        module = entry.load()
        assert name in module.ENTRIES
        wanted = [offer for offer in offers if offer != "imagenet_file" or entry.imagenet]
        assert all(callable(getattr(module, offer, None)) for offer in wanted), entry.module


def test_files_and_functions_stay_short() -> None:
    """400 lines per file, 60 per function: the limits that keep the code readable."""
    long = []
    for name, path in sources().items():
        text = path.read_text(encoding="utf-8")
        if text.count("\n") > 400:
            long.append(name)
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > 60:
                    long.append(f"{name}.{node.name} ({lines} lines)")
    assert long == []
