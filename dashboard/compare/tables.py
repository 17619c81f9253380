"""The tables of the Compare page as HTML; all that SegLab did not write is escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from dashboard.shared.browser_words import in_browser_words
from segengine.results.comparison.compare import Comparison
from segengine.results.comparison.pairs import Pair, win_words
from segengine.results.comparison.report import cells, heads

Colors = Mapping[str, str]  # name of a group or a run -> CSS color


def leaderboard_table(comparison: Comparison, colors: Colors) -> str:
    """One row per group, best first."""
    shown = [title for title in heads(comparison) if not title.startswith("IoU ")]
    head = [title if title == "mIoU" else title[:1].upper() + title[1:] for title in shown]
    rows = []
    for line in comparison.lines:
        told = dict(zip(heads(comparison), cells(line), strict=True))
        first, *others = (told[title] for title in shown)
        rows.append([_named(first, colors), *map(_with_spread_below, others)])
    return _table([escape(title) for title in head], rows, numbers=True)


def _with_spread_below(cell: str) -> str:
    """ "0.513 ± 0.003" in two lines, so that more columns are in sight."""
    mean, sign, spread = escape(cell).partition(" ± ")
    return f"{mean}<br><span class='quiet'>± {spread}</span>" if sign else mean


def class_table(comparison: Comparison, colors: Colors) -> str:
    """IoU per class and group, with the images and pixels that hold the class."""
    head = [
        "Class",
        "Images",
        "Pixels",
        *(_named(line.group.name, colors) for line in comparison.lines),
    ]
    rows = []
    for label, name in enumerate(comparison.shared.classes):
        images, pixels = comparison.class_counts[label]
        ious = [float(line.iou[label]) for line in comparison.lines]
        best = max((iou for iou in ious if iou == iou), default=None)
        words = [_iou(iou, iou == best and len(ious) > 1) for iou in ious]
        rows.append([escape(name), f"{images:,}", f"{pixels:,}", *words])
    return _table(head, rows, numbers=True)


def differing_table(comparison: Comparison, colors: Colors) -> str:
    """The settings, versions and devices that are not the same for all."""
    head = ["Different", *(_named(group.name, colors) for group in comparison.groups)]
    rows = [
        [escape(one.title), *map(_setting, one.by_group(comparison.groups))]
        for one in comparison.differing
    ]
    return _table(head, rows)


def _setting(word: str) -> str:
    return escape(in_browser_words(word)) or "–"


def rank_table(comparison: Comparison, colors: Colors) -> str:
    """In which share of the resamples each group is first, second, ..."""
    assert comparison.ranks is not None
    head = [
        "Share of resamples of the images in which it is, with these seeds,",
        *(f"{n}." for n in range(1, len(comparison.lines) + 1)),
    ]
    rows = [
        [_named(line.group.name, colors), *(f"{100 * share:.1f} %" for share in shares)]
        for line, shares in zip(comparison.lines, comparison.ranks, strict=True)
    ]
    return _table(head, rows, numbers=True)


def verdicts(pairs: Sequence[Pair]) -> str:
    """The sentence of each pair, and on which share of the images each wins."""
    items = [
        f"<li>{escape(pair.sentence)} <span class='quiet'>{escape(win_words(pair))}.</span></li>"
        for pair in pairs
    ]
    return f"<ul class='seglab-verdicts'>{''.join(items)}</ul>"


def _iou(value: float, is_best: bool) -> str:
    if value != value:
        return "–"
    return f"<strong>{value:.3f}</strong>" if is_best else f"{value:.3f}"


def _named(name: str, colors: Colors) -> str:
    """A name with its dot before it."""
    if name not in colors:
        return escape(name)
    return f"<span class='dot' style='background:{escape(colors[name])}'></span>{escape(name)}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: bool = False) -> str:
    kind = "seglab-table seglab-table--numbers" if numbers else "seglab-table"
    top = "".join(f"<th scope='col'>{cell}</th>" for cell in head)
    body = "".join(
        f"<tr><th scope='row'>{first}</th>{''.join(f'<td>{cell}</td>' for cell in others)}</tr>"
        for first, *others in rows
    )
    return (
        "<div class='seglab-scroll' tabindex='0' role='region' aria-label='Table'>"
        f"<table class='{kind}'><thead><tr>{top}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )
