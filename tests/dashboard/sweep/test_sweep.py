"""The words and figures of a sweep's page."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboard.shared.fact_table import Link
from dashboard.sweep.actions import best_first
from dashboard.sweep.figures import LIGHT, field_figure, means_of, parallel_figure
from dashboard.sweep.words import best_words, header_html, runs_table, settings_rows
from segengine.run.rundir import RunDir
from segengine.studies.outcomes import Outcome, dimensions, scored, settings
from segengine.studies.plan import plan_sweep
from segengine.studies.state import SweepStatus, read_status
from segengine.studies.sweepdir import SweepDir
from tests.made_runs import config_for

FOUND = [
    Outcome("a", {"lr": 0.1, "stem": "small", "seed": 0}, "finished", 0.30),
    Outcome("b", {"lr": 0.1, "stem": "small", "seed": 1}, "finished", 0.50),
    Outcome("c", {"lr": 0.001, "stem": "paper", "seed": 0}, "running", 0.60),
    Outcome("", {"lr": 0.001, "stem": "paper", "seed": 1}, "planned"),
]


@pytest.fixture
def sweep(tmp_path: Path) -> SweepDir:
    vary = {"lr": ["0.1", "0.001"], "seed": ["0", "1"]}
    return SweepDir.create(tmp_path / "runs", plan_sweep(config_for(), vary))


def test_the_header_says_what_is_varied_and_how_far_it_is(sweep: SweepDir) -> None:
    html = header_html(sweep, read_status(sweep), sweep.record())
    for said in ("planned", "0 of 4 runs ended", "every combination", "Learning rate 0.1, 0.001"):
        assert said in html
    gone = header_html(sweep, SweepStatus("unreadable", message="<b>"), None)
    assert "unreadable" in gone and "<b>" not in gone


def test_settings_are_ranked_by_the_mean_of_their_finished_runs() -> None:
    ranked = settings(FOUND)
    words = "Learning rate 0.1, Stem Small, 5x5"
    assert settings_rows(ranked) == [("1.", words, "2", "0.400", "0.141")]
    assert best_words(ranked) == f"0.400, mean of 2 seeds: {words}"
    assert best_words([]) == ""


def test_every_planned_run_has_a_line(sweep: SweepDir) -> None:
    record = sweep.record()
    run = RunDir.create(sweep.runs_dir, config_for())
    found = [
        Outcome(run.id, {"lr": 0.1, "seed": 0}, "finished", 0.5),
        Outcome(RunDir.new_id(config_for()), {"lr": 0.1, "seed": 1}, "deleted"),
        Outcome("", {"lr": 0.001, "seed": 0}, "planned"),
    ]
    titles, (first, second, third) = runs_table(record, found, sweep)
    assert titles == ["Run", "Learning rate", "Seed", "State", "Best mIoU"]
    assert isinstance(first[0], Link) and first[0].address == f"/run?id={run.id}"
    assert first[1:] == ["0.1", "0", "finished", "0.500"]
    assert isinstance(second[0], str) and second[3] == "deleted"
    assert third[0] == third[4] == "–"
    failed = Outcome("", {"lr": 0.1, "seed": 0}, "refused", problem="Trace\nNo folder x.")
    titles, (row,) = runs_table(record, [failed], sweep)
    assert (titles[-1], row[-1]) == ("What happened", "No folder x.")


def test_runs_are_opened_best_first() -> None:
    assert best_first([*FOUND, Outcome("d", {}, "starting"), Outcome("e", {}, "deleted", 0.9)]) == [
        *("c", "b", "a", "d")
    ]


def test_a_panel_per_field_and_the_mean_at_each_value() -> None:
    runs = scored(FOUND)
    figure = field_figure(dimensions(runs), runs, LIGHT)
    points = [trace for trace in figure.data if trace.customdata]
    assert [list(trace.x) for trace in points] == [[0.1, 0.1, 0.001], [0, 0, 1], [0, 1, 0]]
    assert all(list(trace.y) == [0.3, 0.5, 0.6] for trace in points)
    assert list(points[0].customdata) == ["a", "b", "c"]
    assert figure.layout.xaxis.type == "log" and list(figure.layout.xaxis2.ticktext) == [
        *("small", "paper")
    ]
    assert means_of([0.1, 0.1, 0.001], [0.3, 0.5, 0.6]) == ([0.001, 0.1], [0.6, pytest.approx(0.4)])


def test_parallel_coordinates_take_logarithms_and_words() -> None:
    more = [*FOUND, Outcome("d", {"lr": 0.01, "stem": "paper", "seed": 1}, "finished", 0.45)]
    runs = scored(more)
    figure = parallel_figure(dimensions(runs), runs, LIGHT)
    lines = [trace for trace in figure.data if trace.mode == "lines+markers" and trace.x]
    heights = sorted(y[:4] for trace in lines for y in zip(*[iter(trace.y)] * 5, strict=True))
    # lr by its logarithm, stem small or paper, seed, mIoU
    by_hand = [(0, 1, 0, 1), (0.5, 1, 1, 0.5), (1, 0, 0, 0), (1, 0, 1, 2 / 3)]
    assert heights == [pytest.approx(one) for one in by_hand]
    assert "Learning rate 0.001, Stem Paper, 7x7" in lines[-1].text[0]  # the best is on top
    words = [note.text for note in figure.layout.annotations]
    assert words == [
        *("<b>Learning rate</b>", "0.001", "0.01", "0.1", "<b>Stem</b>", "small", "paper"),
        *("<b>Seed</b>", "0", "1", "<b>Best mIoU</b>", "0.300", "0.600"),
    ]
