"""How the dashboard may be served, wherever and however it is started."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from streamlit import config as streamlit_config

from dashboard.server import settings
from tests.browser.conftest import Dashboard, free_port
from tests.dashboard.server.conftest import get


def test_started_from_another_folder_it_still_serves_this_machine_only(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / ".streamlit").mkdir(parents=True)
    (elsewhere / ".streamlit" / "config.toml").write_text('[server]\naddress = "0.0.0.0"\n')
    served = Dashboard(
        free_port(), tmp_path / "runs", tmp_path / "cache", tmp_path / "log", folder=elsewhere
    )
    try:
        process = psutil.Process(served.start().process.pid)
        listening = [
            place.laddr.ip
            for place in process.net_connections("inet")
            if place.status == psutil.CONN_LISTEN
        ]
        assert listening == ["127.0.0.1"]
        assert get(served.port, "/_stcore/health")[0] == 200
        assert get(served.port, "/_stcore/health", Host="evil.example")[0] == 403
    finally:
        served.kill()


def test_started_through_a_link_it_refuses_in_one_sentence(tmp_path: Path) -> None:
    """Streamlit looks for the settings beside the link, where there are none."""
    link = tmp_path / "app.py"
    link.symlink_to(settings.APP)
    command = [sys.executable, "-m", "streamlit", "run", str(link)]
    command += ["--server.port", str(free_port()), "--server.headless", "true"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert f"streamlit run {settings.APP}" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_settings_of_the_project_are_accepted() -> None:
    assert settings.refusal() is None
    assert settings.exposure() is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("server.address", None),
        ("server.address", ""),
        ("server.allowedHosts", []),
        ("browser.gatherUsageStats", True),
        ("client.showErrorDetails", "full"),
    ],
)
def test_a_setting_that_would_open_the_dashboard_is_refused(name: str, value: Any) -> None:
    streamlit_config.set_option(name, value)
    assert name in (settings.refusal() or "")


@pytest.mark.parametrize(
    ("address", "open_to_others"),
    [("127.0.0.1", False), ("::1", False), ("localhost", False), ("0.0.0.0", True), ("gpu3", True)],
)
def test_an_address_for_other_machines_is_a_choice_that_is_told(
    address: str, open_to_others: bool
) -> None:
    streamlit_config.set_option("server.address", address)
    assert settings.refusal() is None
    assert bool(settings.exposure()) == open_to_others
