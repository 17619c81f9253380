"""The state of a run, decided from its log, its job and requests: with logs made by hand."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from segengine.launchers import local
from segengine.results.status import SILENCE, RunStatus, read_status, tail
from segengine.run.rundir import RunDir
from tests import made_events
from tests.made_runs import alive, config_for, make_run

T0 = 1_700_000_000.0  # seconds since 1970 at which the logs below begin


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    """A run folder with nothing but its config: 4 epochs."""
    return RunDir.create(tmp_path, config_for(epochs=4))


def write_events(run: RunDir, *events: tuple[float, dict[str, Any]]) -> None:
    """Append events that happened at T0 + so many seconds."""
    with open(run.events_file, "a") as file:
        for after, fields in events:
            file.write(json.dumps({"v": 1, "seq": 0, "time": T0 + after, **fields}) + "\n")


def started(
    after: float, epoch: int = 1, step: int = 0, val_every: int = 1
) -> tuple[float, dict[str, Any]]:
    """4 epochs of 10 steps of 8 images begin, or are resumed; 40 images validate."""
    images = {"train_images": 80, "val_images": 40, "val_every": val_every}
    return after, made_events.started(epoch, step, steps_per_epoch=10, **images)


def step(after: float, number: int) -> tuple[float, dict[str, Any]]:
    return after, made_events.step(number, (number - 1) // 10 + 1)


def epoch(after: float, number: int, miou: float | None) -> tuple[float, dict[str, Any]]:
    return after, made_events.epoch(number, miou, step=10 * number)


def progress(after: float, phase: str, done: int) -> tuple[float, dict[str, Any]]:
    """So many of 40 images are done."""
    return after, made_events.progress(phase, done, 40)


def one_epoch(after: float) -> list[tuple[float, dict[str, Any]]]:
    """10 steps of 2 s each, a validation of 6 s, and 1 s to save: 27 s."""
    saved = {"event": "checkpoint", "epoch": 1, "kind": "last", "path": "x", "sha256": "0"}
    return [
        started(after),
        step(after + 10, 5),
        progress(after + 20, "Validating", 0),
        progress(after + 23, "Validating", 20),
        epoch(after + 26, 1, 0.25),
        (after + 27, saved),
    ]


def dead(run: RunDir) -> RunDir:
    """A job whose process is gone: our own pid, but started in another century."""
    run.write_job("local", {**local.handle_of(os.getpid()), "started": 1.0})
    run.job_file.write_text(json.dumps({**run.job(), "submitted": T0}))
    return run


def at_work(run: RunDir) -> RunDir:
    """A job whose process lives since before T0."""
    alive(run)
    run.job_file.write_text(json.dumps({**run.job(), "submitted": T0 - 5}))
    return run


def elsewhere(run: RunDir) -> RunDir:
    """A job on another machine, with a pid that exists here too."""
    job = {**alive(run).job(), "host": "another-machine", "boot": "another", "submitted": T0}
    run.job_file.write_text(json.dumps(job))
    return run


def status_after(run: RunDir, seconds: float) -> RunStatus:
    """The status so many seconds after T0."""
    return read_status(run, now=T0 + seconds)


def test_a_new_run_waits_however_long_it_takes_until_a_process_has_it(run: RunDir) -> None:
    """Waiting is a record on disk, not an age."""
    for after in (0.0, 1e6):
        status = read_status(run, now=time.time() + after)
        assert (status.state, status.active, status.seconds_left) == ("waiting", True, None)


def test_a_run_without_any_record_of_a_process_has_crashed(run: RunDir) -> None:
    run.job_file.unlink()
    status = read_status(run)
    assert status.state == "crashed"
    assert "ended without a word" in status.message


def test_a_resumed_run_waits_again_until_its_process_is_there(run: RunDir) -> None:
    write_events(run, started(0), step(2, 5), (3, made_events.stopped()))
    run.write_job("local")
    assert read_status(run).state == "waiting"


def test_a_waiting_run_that_was_asked_to_stop_is_stopped(run: RunDir) -> None:
    run.request_file.write_text(json.dumps({"want": "stop", "time": T0}))
    assert read_status(run).state == "stopped"


def test_a_process_that_has_not_logged_yet_is_starting(run: RunDir) -> None:
    status = read_status(alive(run))
    assert (status.state, status.active, status.activity) == ("starting", True, "")
    assert (status.progress, status.epoch, status.best_miou) == (0.0, 0, None)


def test_what_a_run_does_before_its_first_step_is_said(run: RunDir) -> None:
    at_work(run)
    write_events(run, (0, made_events.progress("Reading images", 1200, 3680)))
    status = status_after(run, 1)
    assert status.activity == "Reading images 1,200 of 3,680"
    assert (status.state, status.seconds_left) == ("running", None)


def test_time_left_is_that_of_steps_validations_and_the_final_prediction(run: RunDir) -> None:
    """3 epochs of 20 + 7 s, then a prediction that takes as long as a validation: 88 s.

    Of 27 + 88 s, 27 are done.
    """
    at_work(run)
    write_events(run, *one_epoch(0))
    status = status_after(run, 27)
    assert (status.state, status.epoch, status.epochs) == ("running", 1, 4)
    assert status.seconds_left == pytest.approx(88)
    assert status.progress == pytest.approx(27 / 115)
    assert status_after(run, 31).seconds_left == pytest.approx(84)  # 4 s have passed
    assert (status.best_miou, status.best_epoch, status.activity) == (0.25, 1, "")


def test_a_validation_under_way_counts_by_what_it_still_takes(run: RunDir) -> None:
    """5 of 7 s are spent on the second one: 2, 2 epochs of 27 s and 7 s of prediction are left."""
    at_work(run)
    write_events(run, *one_epoch(0), step(37, 15), progress(47, "Validating", 0))
    write_events(run, progress(52, "Validating", 30))
    status = status_after(run, 52)
    assert status.activity == "Validating 30 of 40"
    assert status.seconds_left == pytest.approx(2 + 2 * 27 + 7)
    assert status.progress == pytest.approx(52 / 115)


def test_until_the_first_validation_its_pace_is_a_guess_and_then_measured(run: RunDir) -> None:
    """A step of 8 images takes 2 s, so 40 images forward about 3.3 s."""
    at_work(run)
    write_events(run, started(0), step(10, 5))
    guess = 40 * 2 / 8 / 3
    assert status_after(run, 10).seconds_left == pytest.approx(35 * 2 + 5 * guess)
    write_events(run, progress(20, "Validating", 0), progress(24, "Validating", 10))
    assert status_after(run, 24).seconds_left == pytest.approx(30 * 2 + 5 * 16 - 4)


def test_the_first_step_which_warms_up_is_no_measure_of_the_others(run: RunDir) -> None:
    """5 s for the first one, 2 s for the next: 38 steps of 2 s are left."""
    at_work(run)
    write_events(run, started(0), step(5, 1))
    assert status_after(run, 5).seconds_left is None
    write_events(run, step(7, 2))
    guess = 40 * 2 / 8 / 3
    assert status_after(run, 7).seconds_left == pytest.approx(38 * 2 + 5 * guess)


def test_epochs_of_one_step_are_measured_by_what_there_is(run: RunDir) -> None:
    """A step of 8 s and a validation of 2 s; then a step of 3 s."""
    at_work(run)
    write_events(run, (0, made_events.started(steps_per_epoch=1, val_images=40)), step(8, 1))
    write_events(run, progress(8, "Validating", 0), (10, made_events.epoch(1, 0.3, step=1)))
    assert status_after(run, 10).seconds_left == pytest.approx(3 * 8 + 4 * 2)
    write_events(run, (13, made_events.step(2, 2)))
    assert status_after(run, 13).seconds_left == pytest.approx(2 * 3 + 4 * 2)


def test_the_test_split_is_scored_at_the_end_and_takes_as_long_as_its_images(run: RunDir) -> None:
    """200 test images: five validations of 7 s, until some of them are measured."""
    at_work(run)
    (after, start), *rest = one_epoch(0)
    write_events(run, (after, {**start, "test_images": 200}), *rest)
    assert status_after(run, 27).seconds_left == pytest.approx(88 + 35)
    write_events(run, progress(29, "Predicting", 40), progress(33, "Evaluating", 10))
    assert status_after(run, 33).seconds_left == pytest.approx(12)
    assert status_after(run, 33).progress == pytest.approx(33 / 45)


def test_the_final_prediction_is_work_too(run: RunDir) -> None:
    """10 of 40 images took 4 s after all epochs: 12 s are left, and the bar is not full."""
    at_work(run)
    write_events(run, *one_epoch(0))
    for number in (2, 3, 4):
        write_events(
            run, progress(27 * number - 7, "Validating", 0), epoch(27 * number, number, 0.3)
        )
    assert status_after(run, 108).seconds_left == pytest.approx(7)
    write_events(run, progress(112, "Predicting", 10))
    status = status_after(run, 112)
    assert status.seconds_left == pytest.approx(12)
    assert status.progress == pytest.approx(112 / 124)


def test_after_an_early_stop_only_the_prediction_is_left(run: RunDir) -> None:
    at_work(run)
    write_events(run, *one_epoch(0), progress(29, "Predicting", 20))
    status = status_after(run, 29)
    assert status.seconds_left == pytest.approx(2)
    assert status.progress == pytest.approx(29 / 31)


def test_validations_that_are_not_due_are_not_waited_for(run: RunDir) -> None:
    """Every third of 4 epochs, and the last: two validations and a prediction."""
    at_work(run)
    write_events(run, started(0, val_every=3), step(10, 5), epoch(20, 1, None))
    guess = 40 * 2 / 8 / 3
    assert status_after(run, 20).seconds_left == pytest.approx(30 * 2 + 3 * guess)


def test_whole_epochs_count_where_steps_are_sparse(run: RunDir) -> None:
    """At most five steps per second are logged. 2 epochs are 20 steps in 8 s, so 8 s are left."""
    at_work(run)
    write_events(run, started(0, val_every=9), step(1, 3), epoch(4, 1, None), epoch(8, 2, None))
    guess = 2 * 40 * 0.4 / 8 / 3  # the last validation and the prediction
    assert status_after(run, 8).seconds_left == pytest.approx(8 + guess)
    assert status_after(run, 8).progress == pytest.approx(8 / (16 + guess))


def test_time_left_is_never_negative(run: RunDir) -> None:
    at_work(run)
    write_events(run, started(0), step(10, 39))
    assert status_after(run, 100).seconds_left == 0


def test_time_left_of_a_resumed_run_counts_this_session_only(run: RunDir) -> None:
    """Resumed after a night at step 20: 5 steps in 10 s are 2 s per step.

    Before it trains again, the bar stands where the last session's pace puts it.
    """
    at_work(run)
    night = 40_000
    write_events(run, started(0), epoch(500, 1, None), epoch(1000, 2, None), step(1050, 21))
    write_events(run, started(night, epoch=3, step=20))
    assert status_after(run, night + 1).seconds_left is None
    per_step, guess = 50, 40 * 50 / 8 / 3
    whole = 40 * per_step + 5 * guess
    assert status_after(run, night + 1).progress == pytest.approx(20 * per_step / whole)
    write_events(run, step(night + 10, 25))
    guess = 40 * 2 / 8 / 3
    assert status_after(run, night + 10).seconds_left == pytest.approx(15 * 2 + 5 * guess)


def test_a_crashed_run_that_is_resumed_claims_no_time_left_before_it_trains(run: RunDir) -> None:
    """Its process starts and reads data: the last session's speed says nothing yet."""
    write_events(run, started(0), step(10, 20))
    alive(run)
    now = time.time()
    status = read_status(run, now=now)
    assert (status.state, status.seconds_left) == ("running", None)


@pytest.mark.parametrize(
    ("end", "state", "message"),
    [
        ("run_finished", "finished", ""),
        ("run_stopped", "stopped", "Stopped on request."),
        ("run_failed", "failed", "Loss became NaN at step 17."),
    ],
)
def test_an_ended_run_says_how(tmp_path: Path, end: str, state: str, message: str) -> None:
    run = make_run(tmp_path, epochs_done=3, end=end)
    for job in (lambda made: made, dead, elsewhere):
        status = read_status(job(run))
        assert (status.state, status.message, status.active) == (state, message, False)
        assert (status.seconds_left, status.activity) == (None, "")
    assert (status.progress == 1.0) == (state == "finished")


def test_an_early_stopped_run_that_finished_is_all_done(tmp_path: Path) -> None:
    status = read_status(make_run(tmp_path, epochs_done=2, end="run_finished"))
    assert (status.progress, status.epoch, status.epochs) == (1.0, 2, 6)


def test_a_killed_trainer_shows_as_crashed_with_the_end_of_its_output(run: RunDir) -> None:
    dead(run)
    write_events(run, started(0), step(2, 5))
    run.output_file.write_text("line\n" * 50 + "RuntimeError: out of luck\n")
    status = status_after(run, 3)
    assert (status.state, status.active, status.seconds_left) == ("crashed", False, None)
    assert 0 < status.progress < 5 / 40
    lines = status.message.splitlines()
    assert len(lines) == 12
    assert lines[-1] == "RuntimeError: out of luck"


def test_a_process_that_dies_before_its_log_begins_shows_as_crashed(run: RunDir) -> None:
    dead(run)
    run.output_file.write_text("ModuleNotFoundError: No module named 'torch'\n")
    status = read_status(run)
    assert status.state == "crashed"
    assert "No module named 'torch'" in status.message


def test_a_process_that_obeys_a_stop_without_a_word_is_stopped(run: RunDir) -> None:
    """SIGTERM while Python itself still starts."""
    dead(run)
    run.request_file.write_text(json.dumps({"want": "stop", "time": T0}))
    assert read_status(run).state == "stopped"


def test_a_living_process_that_is_silent_is_unresponsive(run: RunDir) -> None:
    at_work(run)
    write_events(run, started(0), step(2, 1))
    assert status_after(run, 2 + SILENCE - 1).state == "running"
    late = status_after(run, 2 + SILENCE + 1)
    assert (late.state, late.active) == ("unresponsive", True)


def test_a_run_that_was_just_resumed_is_not_called_silent(run: RunDir) -> None:
    """Its last event is of yesterday, its process of now."""
    write_events(run, started(0), step(2, 1))
    assert read_status(alive(run)).state == "running"


def test_a_run_of_another_machine_is_judged_by_its_log(run: RunDir) -> None:
    elsewhere(run)
    assert status_after(run, 1).state == "starting"
    assert status_after(run, SILENCE + 1).state == "unresponsive"  # it never said a word
    write_events(run, started(0), step(2, 1))
    assert status_after(run, 10).state == "running"
    assert status_after(run, 2 + SILENCE + 1).state == "unresponsive"
    write_events(run, (400, made_events.finished()))
    assert status_after(run, 401).state == "finished"


@pytest.mark.parametrize("end", ["run_stopped", "run_failed"])
def test_an_ended_run_that_is_taken_up_again_is_starting_then_running(
    run: RunDir, end: str
) -> None:
    write_events(run, started(0), epoch(4, 1, 0.5), (5, made_events.ENDS[end]()))
    alive(run)
    again = read_status(run)
    assert (again.state, again.message, again.epoch) == ("starting", "", 1)
    now = time.time() - T0
    write_events(run, (now, made_events.progress("Reading images", 1, 2)))
    assert read_status(run).state == "running"


def test_a_continuation_that_dies_at_once_leaves_the_old_end(run: RunDir) -> None:
    write_events(run, started(0), (5, made_events.stopped()))
    dead(run)
    assert read_status(run).state == "stopped"


def test_a_zombie_is_not_at_work(run: RunDir) -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    try:
        while psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)
        run.write_job("local", local.handle_of(pid))
        assert read_status(run).state == "crashed"
    finally:
        os.waitpid(pid, 0)


def test_the_end_of_an_output_looks_as_on_a_terminal(tmp_path: Path) -> None:
    path = tmp_path / "output.log"
    assert tail(path) == ""
    path.write_bytes(
        b"Run begins\r\n\n"
        b"\rReading:  10%|#  | 1/10\rReading:  50%|## | 5/10\rReading: 100%|###| 10/10\r\n"
        b"\xff broken bytes\n"
        b"Training: 3/9\rTraining: 4/9"
    )
    assert tail(path).splitlines() == [
        "Run begins",
        "Reading: 100%|###| 10/10",
        "\ufffd broken bytes",
        "Training: 4/9",
    ]
    assert tail(path, lines=1) == "Training: 4/9"


def test_the_end_of_a_huge_output_is_its_end(tmp_path: Path) -> None:
    path = tmp_path / "output.log"
    path.write_text("".join(f"line {number}\n" for number in range(100_000)))
    assert tail(path, lines=2) == "line 99998\nline 99999"
