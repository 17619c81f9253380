"""From the log to the screen, in milliseconds: `python -m tests.benchmarks.live_latency`.

Starts a dashboard of its own and opens Curves in headless Chromium with 1, 8 and 10 growing runs
(the last with 20 lines of epochs and 10 of steps in one panel). Says how many DOM changes happen
while nothing is written, then the median and the 95th percentile of the time from an event's write
to the frame after the last change of the page: of one event at a time, as runs write them, and of
one event of every run in the same moment. Then it opens 50 runs of 10,000 steps.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from segengine.run.event_log import EventLog
from segengine.run.rundir import RunDir
from tests import made_runs
from tests.browser.conftest import CHROMIUM_FLAGS, Dashboard, free_port

SIZE = {"width": 1440, "height": 900}
MANY, LONG = 50, 10_000  # runs, steps of each
STEPS = 40  # measured per number of runs
DONE, PLANNED = 2, 50  # epochs of the growing runs
WATCH = """() => {
  window.changes = 0; window.frames = [];
  const root = document.querySelector('.live-chart');
  new MutationObserver((list) => {
    window.changes += list.length;
    requestAnimationFrame(() => requestAnimationFrame(() => window.frames.push(Date.now())));
  }).observe(root, { subtree: true, childList: true, attributes: true, characterData: true });
}"""
SEEN_SINCE = "(t) => window.frames.some((f) => f >= t)"
DRAWN = f"""() => {{
  const plot = document.querySelector('[data-panel=miou] .live-panel__figure');
  const loss = document.querySelector('[data-panel=loss] .live-panel__figure');
  const drawn = (figure, end) => (figure?.data ?? []).filter(
      (trace) => trace.uid.endsWith(end) && trace.x.length > 5).length;
  return drawn(plot, 'val_miou') === {MANY} && drawn(loss, 'steps-loss') === {MANY};
}}"""
FRAMES_SINCE = "(t) => window.frames.filter((f) => f >= t)"


def main(quick: bool = False) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        home = Path(folder)
        served = Dashboard(free_port(), home / "runs", home / "cache", home / "dashboard.log")
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=CHROMIUM_FLAGS
        )
        try:
            served.start()
            for count in (1, 8, 10):
                page = browser.new_page(viewport=SIZE, bypass_csp=True)
                measure(page, served, count, 5 if quick else STEPS)
            open_many(browser.new_page(viewport=SIZE, bypass_csp=True), served)
        finally:
            browser.close()
            served.kill()


def measure(page: Any, served: Dashboard, count: int, steps: int) -> None:
    """Print the latencies with `count` runs on the page."""
    runs = [
        made_runs.make_run(served.runs_dir, epochs_done=DONE, end=None, seed=n, epochs=PLANNED)
        for n in range(count)
    ]
    for run in runs:
        made_runs.alive(run)
    logs = [EventLog(run.events_file) for run in runs]
    page.goto(f"{served.url}/curves?runs={','.join(run.id for run in runs)}")
    page.wait_for_selector(".live-panel .main-svg")
    page.wait_for_timeout(2500)
    page.evaluate(WATCH)
    page.wait_for_timeout(5000)
    idle = page.evaluate("window.changes")
    print(f"{count} run(s): DOM changes in 5 quiet seconds: {idle}")
    done = DONE * made_runs.STEPS_PER_EPOCH
    for words, at_once in (("one event", 1), ("an event of each", count))[: min(count, 2)]:
        delays = []
        for _ in range(steps):
            done += 1
            writers = [logs[(done + other) % count] for other in range(at_once)]
            delays.append(delay(page, writers, done))
        p95 = statistics.quantiles(delays, n=20)[-1]
        print(
            f"{count} run(s), {words}: median {statistics.median(delays):.0f} ms, "
            f"p95 {p95:.0f} ms, max {max(delays):.0f} ms"
        )
    for log in logs:
        log.close()
    page.close()


def delay(page: Any, logs: list[EventLog], step: int) -> float:
    """Milliseconds from the write of a step in each of these logs until all of it is drawn."""
    page.wait_for_timeout(random.uniform(0, 100))  # events know nothing of the browser's frames
    fields = {"loss": 1 / step, "lr": 0.001, "images_per_second": 9.0}
    written = time.time()
    for log in logs:
        log.write({"event": "step", "epoch": DONE + 1, "step": step, **fields})
    page.wait_for_function(SEEN_SINCE, arg=written * 1000)
    page.wait_for_timeout(400)  # with several runs their points may come in several messages
    frames: list[float] = page.evaluate(FRAMES_SINCE, written * 1000)
    return frames[-1] - written * 1000


def open_many(page: Any, served: Dashboard) -> None:
    """Print how long it takes until the curves of many long runs stand on the page.

    At first nobody has read their logs; a dashboard that was started again has a moment to do so.
    """
    runs = [long_run(served, seed) for seed in range(MANY)]
    address = f"{served.url}/curves?panels=loss,miou&runs={','.join(run.id for run in runs)}"
    for words in ("logs that nobody read", "again", "10 s after a restart of the dashboard"):
        if "restart" in words:
            served.kill()
            served.start()
            time.sleep(10)
        begin = time.monotonic()
        page.goto(address)
        page.wait_for_function(DRAWN, timeout=60_000)
        print(f"{MANY} runs of {LONG:,} steps, {words}: {time.monotonic() - begin:.2f} s")
    page.close()


def long_run(served: Dashboard, seed: int) -> RunDir:
    """A finished run of LONG steps in ten epochs."""
    run = made_runs.make_run(served.runs_dir, epochs_done=0, end=None, seed=seed, epochs=10)
    with EventLog(run.events_file) as log:
        for epoch in range(1, 11):
            for step in range((epoch - 1) * LONG // 10 + 1, epoch * LONG // 10 + 1):
                fields = {"loss": 1 + 50 / step + seed / 99, "lr": 0.001, "images_per_second": 9.0}
                log.write({"event": "step", "epoch": epoch, "step": step, **fields})
            log.write({"event": "epoch", **made_runs.epoch_fields(epoch, seed)})
        log.write({"event": "run_finished", "best_epoch": 10, "best_miou": 0.6, "seconds": 1.0})
    return run


if __name__ == "__main__":
    main()
