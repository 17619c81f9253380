"""Everything that the pages and the command line read of a runs folder, without their layout."""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

from dashboard.launch.encoder_runs import encoder_sources
from dashboard.masks.listing import images_of
from dashboard.masks.models import together
from dashboard.masks.scene import scene_of
from dashboard.runs.listing import Query, listing
from dashboard.runs.rows import choices_for
from dashboard.server.stream import Feed
from dashboard.shared.run_names import data_of, label_of
from dashboard.shared.run_store import all_runs, log_of, look_at_runs, row_of
from dashboard.shared.selection import first_choice
from segengine.cli.main import main
from segengine.config import RunConfig
from segengine.errors import UserError
from segengine.results.comparison.compare import compare, entrants_of
from segengine.results.comparison.report import to_json
from segengine.results.masks.sets import classes_of, mask_set, mismatch
from segengine.results.series import as_csv, series_of
from segengine.results.status import tail
from segengine.results.table import changes, facts, read_config


@contextlib.contextmanager
def serving(runs_dir: Path) -> Iterator[None]:
    """The dashboard's functions see this runs folder."""
    before = os.environ.get("SEGLAB_RUNS")
    os.environ["SEGLAB_RUNS"] = str(runs_dir)
    try:
        yield
    finally:
        if before is None:
            del os.environ["SEGLAB_RUNS"]
        else:
            os.environ["SEGLAB_RUNS"] = before


def read_list() -> str:
    """`list`."""
    return _printed("list")


def read_show() -> str:
    """`show`, of every run."""
    return "".join(_printed("show", run.id) for run in all_runs())


def read_runs_page() -> str:
    """The Runs page: its table, its buttons and what it tells of each run."""
    look = look_at_runs(math.inf)
    rows = look.rows
    answer = listing(Query(count=400), look)
    choices_for(rows)
    for row in rows:
        facts(row.run, log_of(row.run))
        tail(row.run.output_file)
        if row.config:
            changes(row.config)
    return _sent([answer])


def read_curves_page() -> str:
    """The Curves page: the picker, the stream's first messages and the CSV file."""
    runs = all_runs()
    first_choice(runs)
    names = [[run.id, label_of(run), data_of(run)] for run in runs]
    news = [feed.news() for run in runs for feed in (Feed(run), Feed(run, 0), Feed(run, 700))]
    series = {run.id: series_of(log_of(run)) for run in runs}
    thin = [asdict(series_of(log_of(run), 20)) for run in runs]
    return _sent([names, news, as_csv(series), thin])


def read_masks_page() -> str:
    """The Masks page: the sets of masks, their images, their order, classes and ground truth."""
    told: list[object] = []
    for run in all_runs():
        log, config = log_of(run), read_config(run)
        masks = mask_set(run, log)
        data = [config.data] if config else []
        told.append([asdict(info) for info in classes_of(log)])
        told.append(mismatch([classes_of(log)], data))
        if masks is None:
            continue
        models = together([masks])
        images = images_of(models, "mean", "", "")
        told += [run.id, masks.caption, images]
        told += [scene_of(models, name) for name in images["names"][:1]]
    return _sent(told)


def read_launch_page() -> str:
    """The Launch page: the runs whose encoder a new one can start from."""
    return _sent(encoder_sources(RunConfig().flat()))


def read_compare() -> str:
    """`compare`, of all runs."""
    runs = all_runs()
    ids = [run.id for run in runs]
    logs = [log_of(run) for run in runs]
    rows = [row_of(run) for run in runs]
    try:
        return _sent([ids, to_json(compare(entrants_of(rows, logs, ids)))])
    except UserError as problem:  # fewer than two, or too many
        return _sent([ids, str(problem)])


READERS: dict[str, Callable[[], str]] = {
    "list": read_list,
    "show": read_show,
    "Runs": read_runs_page,
    "Curves": read_curves_page,
    "Masks": read_masks_page,
    "Launch": read_launch_page,
    "compare": read_compare,
}


def _printed(*words: str) -> str:
    """What a command prints to a terminal of UTF-8."""
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with contextlib.redirect_stdout(out):
        code = main([*words, "--runs-dir", os.environ["SEGLAB_RUNS"]])
        out.flush()
    assert code == 0, f"{words} ended with {code}"
    return out.buffer.getvalue().decode()  # type: ignore[attr-defined]


def _sent(value: object) -> str:
    """What the browser gets: strict JSON in UTF-8."""
    return json.dumps(value, allow_nan=False, ensure_ascii=False).encode().decode()
