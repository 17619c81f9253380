"""What all tests share: real pets, caches of their own, and nothing skipped where that is asked."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:  # several processes share the cores
    os.environ.setdefault("OMP_NUM_THREADS", "1")

REAL_PETS = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Decoded images go to a folder of this test session, which later tests may use again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEGLAB_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def _own_main(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streamlit's AppTest leaves its script as `__main__`, and worker processes would run that."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.fixture(scope="session")
def real_pets() -> Path:
    """A root with real Oxford-IIIT Pet images in the official layout."""
    root = Path(os.environ.get("SEGLAB_PETS", REAL_PETS))
    if not (root / "oxford-iiit-pet").is_dir():
        pytest.skip(
            f"no real pets in {root}: download Oxford-IIIT Pet (the Launch page does it) and set "
            "SEGLAB_PETS to the folder that holds oxford-iiit-pet/"
        )
    return root


@pytest.fixture
def signal_handlers() -> Iterator[None]:
    """The test process has its own signal handlers back after a test that let a run take them.

    SIGHUP is not ignored during the test, as it is where `nohup` started the tests.
    """
    before = {
        number: signal.getsignal(number)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    }
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.set_wakeup_fd(-1)
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """With SEGLAB_NO_SKIPS=1 (our CI) a skipped test is a failed one."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if report.skipped and os.environ.get("SEGLAB_NO_SKIPS") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped where nothing may be: {report.longrepr}"
