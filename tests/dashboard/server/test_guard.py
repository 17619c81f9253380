"""Who may reach the server, and what every answer says of frames, types and scripts."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.datastructures import Headers
from streamlit import config as streamlit_config

from dashboard.server.guard import refusal
from tests.dashboard.server.conftest import get, get_headers
from tests.made_runs import make_run

HOST = "127.0.0.1:8501"


def refused(host: str = HOST, origin: str | None = None) -> bool:
    """Whether a request with these headers is refused."""
    headers = {"host": host} | ({"origin": origin} if origin is not None else {})
    return refusal(Headers(headers)) is not None


@pytest.mark.parametrize("path", ["/api/events", "/api/series.csv", "/api/plotly.min.js", "/x"])
def test_other_sites_cannot_reach_the_routes(port: int, runs_dir: Path, path: str) -> None:
    run = make_run(runs_dir, epochs_done=1)
    where = f"{path}?runs={run.id}"
    assert get(port, where, Host="evil.example")[0] == 403
    assert get(port, where, Host="127.0.0.1.evil.example")[0] == 403
    assert get(port, where, Origin="http://evil.example")[0] == 403
    assert get(port, where, Origin=f"http://127.0.0.1:{port + 1}")[0] == 403


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        (HOST, None),  # no browser, or a page that a person opened
        (HOST, "http://127.0.0.1:8501"),
        ("localhost:9000", "http://localhost:9000"),  # through an ssh tunnel
        ("[::1]:8501", "http://[::1]:8501"),
        ("LocalHost", "http://localhost"),
        ("localhost:443", "https://localhost"),  # behind a proxy that speaks TLS
        ("localhost", "https://localhost"),
    ],
)
def test_own_pages_are_let_in_under_every_name_of_this_machine(
    host: str, origin: str | None
) -> None:
    assert not refused(host, origin)


@pytest.mark.parametrize(
    "origin",
    [
        "http://127.0.0.1:8502",
        "http://127.0.0.1",
        "http://localhost:8501",
        "https://evil.example",
        "http://127.0.0.1:8501.evil.example",
        "http://127.0.0.1:8501@evil.example",
        "http://127.0.0.1:99999999",
        "null",
        "",
        "file://",
        "chrome-extension://127.0.0.1:8501",
    ],
)
def test_a_page_of_another_origin_is_refused(origin: str) -> None:
    assert refused(HOST, origin)


@pytest.mark.parametrize("host", ["", "evil.example", "[::1", "127.0.0.1@evil.example", ":8501"])
def test_a_host_that_is_not_this_machine_is_refused(host: str) -> None:
    assert refused(host)


def test_names_and_origins_that_a_person_allowed_are_let_in() -> None:
    streamlit_config.set_option("server.allowedHosts", ["lab.example", "*.uni.example"])
    assert not refused("lab.example", "https://lab.example")
    assert not refused("gpu3.uni.example:8501")
    assert refused("uni.example") and refused("127.0.0.1")
    streamlit_config.set_option("server.corsAllowedOrigins", ["https://hub.example"])
    assert not refused("lab.example", "https://hub.example")
    assert refused("lab.example", "http://hub.example")
    streamlit_config.set_option("server.allowedHosts", [])
    assert refused("127.0.0.1"), "no list must not mean everybody"


@pytest.mark.parametrize("host", ["127.0.0.1", "evil.example"])
def test_every_answer_forbids_frames_and_foreign_content(port: int, host: str) -> None:
    headers = get_headers(port, "/api/plotly.min.js", Host=host)
    policy = headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "default-src 'self'" in policy and "object-src 'none'" in policy
    scripts = next(part for part in policy.split("; ") if part.startswith("script-src"))
    assert "unsafe" not in scripts and "http" not in scripts
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"
