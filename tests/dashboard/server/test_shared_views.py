"""What many streams of one run share is worked out once, and never out of date."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboard.server import shared_views
from dashboard.server.stream import Feed
from segengine.run.event_log import EventLog
from segengine.run.stopping import request_stop
from tests.made_runs import alive, make_run, write_epoch


def test_curves_are_thinned_once_however_many_pages_look_at_a_run(
    runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    thinned = []
    original = shared_views.series_of
    monkeypatch.setattr(
        shared_views, "series_of", lambda *given: thinned.append(1) or original(*given)
    )
    run = alive(make_run(runs_dir, epochs_done=2, end=None))
    news = [Feed(run).news() or {} for _ in range(5)]
    assert len(thinned) == 1
    assert all(one["epochs"] == news[0]["epochs"] for one in news)
    with EventLog(run.events_file) as log:
        write_epoch(log, 3)
    assert (Feed(run).news() or {})["epochs"]["epoch"] == [1.0, 2.0, 3.0]
    assert len(thinned) == 2


def test_a_request_is_in_the_status_at_once(
    runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_views, "STATUS_SECONDS", 1e9)
    read = []
    original = shared_views.live_status
    monkeypatch.setattr(
        shared_views, "live_status", lambda run, log: read.append(1) or original(run, log)
    )
    run = alive(make_run(runs_dir, epochs_done=1, end=None))
    for _ in range(3):
        Feed(run).news()
    assert len(read) == 1
    request_stop(run)
    Feed(run).news()
    assert len(read) == 2
