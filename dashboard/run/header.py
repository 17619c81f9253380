"""The row above a run's page: its color, name and state, how far it is, and how it ended."""

from __future__ import annotations

from html import escape
from typing import Literal, NamedTuple

from dashboard.shared.browser_words import in_browser_words
from dashboard.shared.colors import STATE_LOOKS
from dashboard.shared.formats import (
    format_count,
    format_epochs,
    format_miou,
    format_time_left,
)
from dashboard.shared.run_names import creation_time
from dashboard.shared.selection import ChosenRun
from segengine.results.status import tail
from segengine.results.table import RunRow


def header_html(choice: ChosenRun, row: RunRow) -> str:
    """The row as HTML; all text in it is escaped."""
    shape, color = STATE_LOOKS[row.status.state]
    status = row.status
    parts = [
        f'<span class="run-dot" style="background:{choice.color}"></span>',
        f'<h1 title="{escape(choice.run.id)}">{escape(choice.label)}</h1>',
        f'<span class="head-shape" style="color:{color}">{shape}</span>'
        f"<span>{escape(status.state)}</span>",
    ]
    if status.active or status.progress < 1:
        parts.append(_progress(row, color))
    return (
        f'<div class="head run-head-{status.state}">{"".join(parts)}</div>'
        f'<div class="head-facts">{escape(facts_line(choice, row))}</div>'
    )


def facts_line(choice: ChosenRun, row: RunRow) -> str:
    """ "Oxford-IIIT Pet, 64 px · epoch 7 of 30 · best mIoU 0.697 (epoch 7, held out)"."""
    status = row.status
    planned = status.epochs or (row.config.train.epochs if row.config else 0)
    best = ""
    if status.best_miou is not None:
        epoch = format_count(status.best_epoch)
        best = f"best mIoU {format_miou(status.best_miou)} (epoch {epoch}, {status.best_note})"
    words = [
        choice.data,
        f"epoch {format_epochs(status.epoch, planned)}",
        best,
        f"made {creation_time(choice.run.id)}",
        choice.run.id,
    ]
    return " · ".join(filter(None, words))


def _progress(row: RunRow, color: str) -> str:
    percent = round(100 * row.status.progress, 1)
    left = ""
    if row.status.state == "running" and row.status.seconds_left is not None:
        left = f"{format_time_left(row.status.seconds_left)} left"
    words = ", ".join(filter(None, [f"{percent:.0f} %", row.status.activity, left]))
    return (
        f'<span class="head-track"><span style="width:{percent}%;background:{color}"></span></span>'
        f'<span class="head-left">{escape(words)}</span>'
    )


class Ending(NamedTuple):
    """What is to be said of a run that did not end well; `output` is the end of what it printed."""

    kind: Literal["error", "warning", "info"]
    sentence: str
    output: str = ""


def ending(row: RunRow) -> Ending | None:
    """Why a run is not at work any more, and what to do; None where there is nothing to say."""
    status = row.status
    if status.state == "failed":
        sentences = status.problems or (status.message,)
        return Ending("error", " ".join(in_browser_words(sentence) for sentence in sentences))
    if status.state == "crashed":
        output = tail(row.run.output_file)
        said = "The end of its output:" if output else status.message
        sentence = (
            f"The process ended before its log did. Resume goes on from its last checkpoint. {said}"
        )
        return Ending("error", sentence, output)
    if status.state == "unresponsive":
        return Ending(
            "warning",
            "The process is there, but its log has not moved for over five minutes. Stop it and "
            "resume it if that does not change.",
        )
    if status.state == "unreadable":
        return None  # `row.problem` says why
    return Ending("info", status.message) if status.message else None
