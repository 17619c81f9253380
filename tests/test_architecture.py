"""The layers of the design, in a fresh interpreter and over the import statements."""

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
CONTRACT = (
    *("config", "registry", "rundir", "events", "files", "errors", "problems", "order"),
    *("preflight", "presets", "start", "cli", "stopping", "terminal", "scores"),
    *("encoders", "schedule", "class_weights", "checking", "lineage", "allocator"),
)
NEEDS_A_SESSION = ("dashboard.navigation", "dashboard.views")

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


def within(module: str, *packages: str) -> bool:
    """Whether a module is one of the packages or inside one."""
    return any(module == package or module.startswith(package + ".") for package in packages)


def type_checking_only(tree: ast.Module) -> set[ast.AST]:
    """The nodes below `if TYPE_CHECKING:`, which never run."""
    guards = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.If)
        and isinstance(node.test, ast.Name)
        and node.test.id == "TYPE_CHECKING"
    ]
    return {inner for guard in guards for child in guard.body for inner in ast.walk(child)}


def imported(statement: ast.AST) -> Iterator[str]:
    """The modules that an import statement names ("from a import b" may name a.b)."""
    if isinstance(statement, ast.Import):
        yield from (alias.name for alias in statement.names)
    elif isinstance(statement, ast.ImportFrom):
        assert statement.level == 0 and statement.module, "relative imports hide where they lead"
        yield statement.module
        yield from (f"{statement.module}.{alias.name}" for alias in statement.names)


def imports_of(path: Path, *, at_import: bool = False) -> set[str]:
    """Every module that a file imports anywhere, or only those it needs to be imported itself."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    never_run = type_checking_only(tree)
    nodes = [node for node in ast.walk(tree) if node not in never_run]
    if at_import:
        functions = [n for n in nodes if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))]
        later = {inner for function in functions for inner in ast.walk(function)}
        nodes = [node for node in nodes if node not in later]
    return {name for node in nodes for name in imported(node)}


@cache
def torch_side() -> frozenset[str]:
    """The engine's modules that cannot be imported without torch, directly or through others."""
    wants = {
        name: imports_of(path, at_import=True)
        for name, path in sources().items()
        if within(name, "segengine")
    }
    found: set[str] = set()
    while True:
        more = {
            name
            for name, wanted in wants.items()
            if name not in found and any(within(one, *HEAVY) or one in found for one in wanted)
        }
        if not more:
            return frozenset(found)
        found |= more


def imported_in_a_fresh_interpreter(modules: list[str]) -> dict[str, list[str]]:
    """Module -> heavy ones that its import brought in."""
    words = [sys.executable, "-c", _IMPORT_AND_WATCH, json.dumps([modules, HEAVY])]
    done = subprocess.run(words, cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


def test_the_torch_side_is_found() -> None:
    """The oracle of the tests below sees direct and indirect imports, and not too much."""
    assert {
        "segengine.training.session",
        "segengine.models.segformer",
        "segengine.metrics.seg_metrics",
    } <= torch_side()
    assert {"segengine.inference.evaluate", "segengine.training.dry_run"} <= torch_side()
    assert not {"segengine.cli.main", "segengine.models", "segengine.losses"} & torch_side()


def test_pages_contract_launchers_and_results_load_without_torch() -> None:
    packages = ("segengine.results", "segengine.launchers", "segengine.datasets", "dashboard")
    modules = [f"segengine.{name}" for name in CONTRACT]
    modules += [name for name in sources() if within(name, *packages)]
    modules = [name for name in modules if not within(name, *NEEDS_A_SESSION)]
    assert {"segengine.datasets.oxford_pets", "segengine.datasets.sample_pets"} <= set(modules)
    assert {"segengine.datasets.decoded", "segengine.results.status"} <= set(modules)
    assert imported_in_a_fresh_interpreter(modules) == {}


def test_the_watch_for_torch_would_see_it() -> None:
    found = imported_in_a_fresh_interpreter(["segengine.config", "segengine.metrics.seg_metrics"])
    assert found == {"segengine.metrics.seg_metrics": ["torch"]}


def test_importing_the_engine_is_free() -> None:
    """Nothing outside the standard library is loaded by `import segengine`."""
    code = (
        "import sys; before = set(sys.modules); import segengine; "
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}; "
        "print(sorted(new - set(sys.stdlib_module_names)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True)
    assert done.stdout.strip() == "['segengine']", done.stderr


def test_the_dashboard_never_imports_torch_or_what_computes_with_it() -> None:
    forbidden = (*HEAVY, *torch_side())
    guilty = {
        name: sorted(one for one in imports_of(path) if within(one, *forbidden))
        for name, path in sources().items()
        if within(name, "dashboard")
    }
    assert {name: found for name, found in guilty.items() if found} == {}


def test_what_computes_knows_neither_pages_nor_launchers() -> None:
    guilty = {
        name: sorted(
            one
            for one in imports_of(sources()[name])
            if within(one, "dashboard", "streamlit", "segengine.launchers")
        )
        for name in torch_side()
    }
    assert {name: found for name, found in guilty.items() if found} == {}


def test_launchers_and_results_know_the_contract_only() -> None:
    forbidden = (*HEAVY, "dashboard", "streamlit", *torch_side())
    guilty = {
        name: sorted(one for one in imports_of(path) if within(one, *forbidden))
        for name, path in sources().items()
        if within(name, "segengine.launchers", "segengine.results")
    }
    assert {name: found for name, found in guilty.items() if found} == {}


def test_the_engine_never_imports_the_dashboard() -> None:
    guilty = [
        name
        for name, path in sources().items()
        if within(name, "segengine")
        and any(within(one, "dashboard", "streamlit") for one in imports_of(path))
    ]
    assert guilty == []


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
    """400 lines a file, 60 a function: the limits that keep the code readable."""
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
