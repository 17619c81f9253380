"""The list of 10,000 runs: `python -m tests.benchmarks.run_list`.

Says how long `list` and the Runs page's first answer take with and without the rows that an earlier
process kept, how long until the browser has painted the page and drawn the first line, and how
much of one core a dashboard with the page open needs while nothing happens.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import sync_playwright

from tests.benchmarks.many_runs import make_many
from tests.browser.conftest import CHROMIUM_FLAGS, Dashboard, free_port

RUNS, QUICK_RUNS = 10_000, 500
QUIET = 20.0  # seconds of which the dashboard's work is measured


def main(quick: bool = False) -> None:
    """Measure and print."""
    count = QUICK_RUNS if quick else RUNS
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        make_many(home / "runs", count)
        print(f"{count:,} runs, in seconds:")
        measure_list(home)
        measure_page(home, "nothing kept", fresh=True)
        measure_page(home, "rows kept", fresh=False, quiet=3.0 if quick else QUIET)


def measure_list(home: Path) -> None:
    """Print how long the command `list` takes, and how long its process computes."""
    for title in ("nothing kept", "rows kept", "rows kept"):
        started, before = time.perf_counter(), os.times()
        words = [sys.executable, "-m", "segengine", "list", "--runs-dir", str(home / "runs")]
        env = {**os.environ, "SEGLAB_CACHE": str(home / "cache-of-list")}
        subprocess.run(words, env=env, stdout=subprocess.DEVNULL, check=True)
        after = os.times()
        computed = after.children_user + after.children_system
        computed -= before.children_user + before.children_system
        taken = time.perf_counter() - started
        print(f"  list, {title}: {taken:.2f} (of which {computed:.2f} on a core)")


def measure_page(home: Path, title: str, *, fresh: bool, quiet: float = 0.0) -> None:
    """Print how long a new dashboard's page takes, opened for the first and the second time."""
    if fresh:
        shutil.rmtree(home / "cache", ignore_errors=True)
    served = Dashboard(free_port(), home / "runs", home / "cache", home / "dashboard.log").start()
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path="/usr/bin/chromium", args=CHROMIUM_FLAGS
            )
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            for time_of in ("first", "second"):
                painted, answered, drawn = _open(page, served)
                print(
                    f"  page, {title}, {time_of} time: first paint {painted:.2f}, "
                    f"answer took {answered:.2f}, first line drawn {drawn:.2f}"
                )
            _wait_until_read(served)
            if quiet:
                share = _share_of_a_core(served, quiet)
                print(f"  quiet, page open: {share:.1f} % of one core")
            browser.close()
    finally:
        served.kill()


def _open(page: Any, served: Dashboard) -> tuple[float, float, float]:
    """Seconds until the first contentful paint, of the first answer, until the first line."""
    started = time.perf_counter()
    page.goto(f"{served.url}/runs")
    page.locator("tr[data-run]").first.wait_for(timeout=60_000)
    drawn = time.perf_counter() - started
    painted = page.evaluate(
        "() => performance.getEntriesByName('first-contentful-paint')[0].startTime"
    )
    answers = page.evaluate(
        """() => performance.getEntriesByType("resource")
            .filter((entry) => entry.name.includes("/api/runs?"))
            .map((entry) => entry.duration)"""
    )
    return painted / 1000, answers[0] / 1000, drawn


def _wait_until_read(served: Dashboard) -> None:
    """Until every run was read and its disk use counted."""
    while True:
        with urllib.request.urlopen(f"{served.url}/api/runs?count=1") as reply:
            text = reply.read().decode()
        if '"unread":0' in text and '"disk":"over' not in text:
            return
        time.sleep(0.2)


def _share_of_a_core(served: Dashboard, seconds: float) -> float:
    """What the dashboard's process works in that time, in percent of one core."""
    assert served.process
    process = psutil.Process(served.process.pid)
    time.sleep(3.0)
    before = process.cpu_times()
    time.sleep(seconds)
    after = process.cpu_times()
    return 100 * (after.user + after.system - before.user - before.system) / seconds


if __name__ == "__main__":
    main("--quick" in sys.argv)
