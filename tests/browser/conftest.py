"""Browser tests: a real dashboard of one's own, and a page in headless Chromium."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from segengine import launchers
from segengine.run.rundir import RunDir

PROJECT = Path(__file__).resolve().parents[2]
APP = PROJECT / "dashboard" / "app.py"
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
START_SECONDS = 60.0


@dataclass
class Dashboard:
    """A dashboard process that serves its own runs folder.

    Attributes:
        url: where it is served, without a slash at the end.
        runs_dir: the runs folder (not made by the fixture: the dashboard makes it).
        output: its stdout and stderr.
        folder: where it is started from.
        script: what Streamlit runs.
    """

    port: int
    runs_dir: Path
    cache_dir: Path
    output: Path
    env: dict[str, str] = field(default_factory=dict)
    folder: Path = PROJECT
    script: Path = APP
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Dashboard:
        """Start it (again), on the same port, and wait until it answers."""
        command = [sys.executable, "-m", "streamlit", "run", str(self.script)]
        command += ["--server.port", str(self.port), "--server.headless", "true"]
        env = {
            **os.environ,
            "SEGLAB_RUNS": str(self.runs_dir),
            "SEGLAB_CACHE": str(self.cache_dir),
            **self.env,
        }
        with open(self.output, "ab") as output:
            self.process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=env,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"The dashboard did not start:\n{self.output.read_text()}")
            time.sleep(0.1)
        return self

    def kill(self, number: int = signal.SIGKILL) -> None:
        """End the process (by kill -9, unless another signal is given) and wait for that."""
        if self.process:
            if self.process.poll() is None:
                self.process.send_signal(number)
            self.process.wait(timeout=15)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2) as reply:
                return bool(reply.status == 200)
        except OSError:
            return False


def free_port() -> int:
    """A port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


_SUM_OF_BOXES = """() => {
    const all = [document];
    for (const root of all) {
        for (const element of root.querySelectorAll('*')) {
            if (element.shadowRoot) all.push(element.shadowRoot);
        }
    }
    let sum = 0;
    for (const element of all.flatMap((root) => [...root.querySelectorAll('*')])) {
        const { x, y, width, height } = element.getBoundingClientRect();
        sum += x + 3 * y + 7 * width + 13 * height;
    }
    return sum;
}"""


def is_drawn(page: Any) -> None:
    """Wait until the page's script has come to its end."""
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()


def stand_still(page: Any) -> None:
    """Wait until nothing on the page has moved for half a second: fonts come, columns settle."""
    before, same = None, 0
    while same < 3:
        page.wait_for_timeout(180)
        now = page.evaluate(_SUM_OF_BOXES)
        same = same + 1 if now == before else 0
        before = now


def end_runs(runs_dir: Path) -> None:
    """Kill what still trains: runs outlive their dashboard, but not their test."""
    for run in RunDir.all(runs_dir):
        job = run.job()
        if job and job.get("pid") != os.getpid() and launchers.state(job) == "alive":
            os.kill(job["pid"], signal.SIGKILL)


@pytest.fixture
def dashboard(tmp_path: Path) -> Iterator[Dashboard]:
    """A running dashboard with a runs folder of its own; killed afterwards."""
    served = Dashboard(
        free_port(), tmp_path / "runs", tmp_path / "cache", tmp_path / "dashboard.log"
    )
    try:
        yield served.start()
    finally:
        served.kill()
        end_runs(served.runs_dir)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Headless Chromium for the whole session (playwright's Browser)."""
    sync_api = pytest.importorskip(
        "playwright.sync_api",
        reason="playwright is missing: pip install -r tests/requirements.txt",
    )
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    path = path or shutil.which("google-chrome")
    if not path:
        pytest.skip("Chromium is missing: apt-get install chromium (or your system's package)")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    """A page in a fresh browser context of 1440x900; `page.errors` lists console errors.

    Our content policy forbids the evaluation of text, by which playwright waits for a condition:
    here it does not hold. tests/browser/test_strangers.py opens every page under it.
    """
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, bypass_csp=True)
    context.set_default_timeout(15_000)
    yield watch_errors(context.new_page())
    context.close()


def watch_errors(page: Any) -> Any:
    """The page, with its console errors in `page.errors` from now on."""
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("console", lambda line: _is_error(line) and page.errors.append(line.text))
    return page


def _is_error(line: Any) -> bool:
    """Whether a console message tells of an error of ours.

    Streamlit looks for its server under a page's own path first, which gives two harmless 404s.
    """
    return line.type == "error" and "/_stcore/" not in line.location.get("url", "")


@pytest.fixture
def opened(dashboard: Dashboard, page: Any) -> Callable[..., None]:
    """Opens Curves with these runs and waits until it is drawn."""

    def open_curves(*runs: RunDir, more: str = "") -> None:
        page.goto(f"{dashboard.url}/curves?runs={','.join(run.id for run in runs)}{more}")
        page.wait_for_selector(".live-panel .main-svg")
        page.get_by_text("Download CSV").wait_for()

    return open_curves
