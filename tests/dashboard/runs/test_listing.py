"""What the table shows: filtered, sorted with numbers as numbers, grouped, only what changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboard.runs.columns import Sorting, catalog, cell, natural, usual_columns
from dashboard.runs.listing import Listing, Query, listing, matching_ids
from segengine.config import RunConfig
from segengine.errors import UserError
from segengine.results.index import Look
from segengine.results.status import RunStatus
from segengine.results.table import RunFacts, RunRow
from segengine.run.records import Notes
from segengine.run.rundir import RunDir

VERSION = iter(range(10_000, 20_000))  # each made look is another one


def row(
    number: int, miou: float | None = None, notes: Notes | None = None, **config: object
) -> RunRow:
    arch = config.get("arch", "segformer_b0")
    run = RunDir(Path(f"/runs/20260101-00{number:02d}00-{arch}-scratch-{number:04x}"))
    read = RunConfig.from_flat({"val_split": "official", **config})
    facts = RunFacts(val_images=1_000 * number, train_seconds=134.0)
    status = RunStatus("finished", best_miou=miou, best_epoch=1 if miou else None)
    return RunRow(run, read, status, notes or Notes(), facts)


def look(*rows: RunRow, unread: int = 0) -> Look:
    return Look(sorted(rows, key=lambda row: row.run.id, reverse=True), unread, next(VERSION))


def numbers(found: Listing | None) -> list[int]:
    """The numbers of the runs in the answer's lines."""
    assert found
    return [int(line["id"][-4:], 16) for line in found["lines"] if "id" in line]


def by(key: str, descending: bool = False) -> Query:
    return Query(sorting=Sorting(key, descending))


ROWS = (
    row(1, 0.5, Notes(name="Run 10"), lr=0.1, image_size="64"),
    row(2, None, Notes(name="Run 2", tags=["b"]), lr=0.02, image_size="64x96"),
    row(3, 0.75, Notes(name="run 1", tags=["b"]), lr=0.3, image_size="128"),
    row(4, 0.5, Notes(archived=True), arch="unet", base_width=8),
)


def test_the_newest_run_comes_first_and_archived_ones_are_hidden() -> None:
    runs = look(*ROWS)
    found = listing(Query(), runs)
    assert numbers(found) == [3, 2, 1]
    assert found and (found["total"], found["matched"], found["hidden"]) == (3, 3, 1)
    assert numbers(listing(Query(archived=True), runs)) == [4, 3, 2, 1]


@pytest.mark.parametrize(
    ("key", "rising", "falling"),
    [
        ("best_miou", [1, 3, 2], [3, 1, 2]),  # those without a value are last both ways
        ("name", [3, 2, 1], [1, 2, 3]),
        ("lr", [2, 1, 3], [3, 1, 2]),
        ("image_size", [1, 2, 3], [3, 2, 1]),  # by pixels
        ("tag", [3, 2, 1], [3, 2, 1]),  # equal ones stay newest first
        ("started", [1, 2, 3], [3, 2, 1]),
        ("val_images", [1, 2, 3], [3, 2, 1]),
    ],
)
def test_numbers_are_sorted_as_numbers(key: str, rising: list[int], falling: list[int]) -> None:
    assert numbers(listing(by(key), look(*ROWS))) == rising
    assert numbers(listing(by(key, descending=True), look(*ROWS))) == falling


def test_only_what_is_in_sight_is_sent() -> None:
    runs = look(*(row(number) for number in range(50)))
    found = listing(Query(start=10, count=5), runs)
    assert numbers(found) == [39, 38, 37, 36, 35]
    assert found and (found["start"], found["count"], found["matched"]) == (10, 50, 50)
    assert numbers(listing(Query(start=48, count=5), runs)) == [1, 0]
    assert numbers(listing(Query(start=60, count=5), runs)) == []


def test_groups_have_a_head_with_their_best_and_can_be_closed() -> None:
    found = listing(Query(group="tag"), look(*ROWS[:3]))
    assert found
    heads = [line for line in found["lines"] if "group" in line]
    assert heads == [
        {"group": "b", "runs": "2 runs", "best": "best mIoU 0.750", "closed": False},
        {"group": "–", "runs": "1 run", "best": "best mIoU 0.500", "closed": False},
    ]
    assert numbers(found) == [3, 2, 1]
    closed = Query(group="tag", closed=frozenset({"b"}))
    folded = listing(closed, look(*ROWS[:3]))
    assert numbers(folded) == [1]
    assert folded and (folded["count"], folded["matched"]) == (3, 3)
    ids = [row.run.id for row in ROWS]
    assert matching_ids(closed, look(*ROWS[:3])) == [ids[2], ids[1], ids[0]]


def test_a_filter_that_makes_no_sense_has_its_sentence_and_place() -> None:
    found = listing(Query(filter="arch = unet and best_mio > 1"), look(*ROWS))
    assert found
    assert "no field 'best_mio'" in found["problem"]
    assert found["place"] == (16, 24)
    found = listing(Query(filter="best_miou > 0.6"), look(*ROWS))
    assert numbers(found) == [3]
    assert found and (found["problem"], found["total"], found["matched"]) == ("", 3, 1)


def test_a_quiet_folder_is_answered_by_nothing() -> None:
    runs = look(*ROWS)
    first = listing(Query(), runs)
    assert first
    assert listing(Query(), runs, first["token"]) is None
    assert listing(Query(), look(*ROWS), first["token"]) is not None
    active = Look([RunRow(ROWS[0].run, ROWS[0].config, RunStatus("running"))], 0, next(VERSION))
    first = listing(Query(), active)
    assert first and listing(Query(), active, first["token"]) is not None  # its clock runs


def test_ids_can_be_asked_for_among_the_selected_ones() -> None:
    runs = look(*ROWS)
    ids = [row.run.id for row in ROWS]
    query = Query(filter="best_miou >= 0.5")
    assert matching_ids(query, runs) == [ids[2], ids[0]]
    assert matching_ids(query, runs, [ids[0], ids[1], "gone"]) == [ids[0]]


@pytest.mark.parametrize(
    "query", [Query(columns=("lr", "nonsense")), by("nonsense"), Query(group="nonsense")]
)
def test_unknown_columns_are_refused_with_the_known_ones(query: Query) -> None:
    with pytest.raises(UserError, match="nonsense"):
        listing(query, look(*ROWS))


def test_cells_are_said_as_on_the_form() -> None:
    pets = row(7, dataset="sample_pets", augment=["hflip"], val_split="honest")
    assert cell(pets, "dataset") == {"value": "Sample pets", "note": "synthetic sample"}
    assert cell(pets, "augment")["value"] == "Mirror (hflip)"
    assert cell(pets, "val_images")["value"] == "7,000"
    assert cell(pets, "train_seconds")["value"] == "2 min 14 s"
    assert cell(pets, "base_width")["value"] == "–"
    assert cell(pets, "test_miou")["value"] == "–"
    assert cell(pets, "disk")["value"] == "0 bytes"


def test_every_column_can_be_shown_sorted_and_grouped_by() -> None:
    bare = RunRow(ROWS[0].run, None, RunStatus("unreadable"))
    for rows in (ROWS, (bare,)):
        for key in catalog():
            found = listing(Query(columns=(key,), sorting=Sorting(key)), look(*rows))
            assert found and len(found["columns"]) == 1
            if catalog()[key]["groups"]:
                assert listing(Query(group=key), look(*rows))


def test_usual_columns_are_those_in_which_runs_differ() -> None:
    assert usual_columns(ROWS[:3]) == [
        *("tag", "arch", "strategy", "dataset", "image_size", "lr", "disk", "notes")
    ]


def test_text_with_numbers_is_sorted_by_the_numbers() -> None:
    texts = ["run 10", "Run 2", "run", "2b", "run 2b", ""]
    assert sorted(texts, key=natural) == ["", "2b", "run", "Run 2", "run 2b", "run 10"]
