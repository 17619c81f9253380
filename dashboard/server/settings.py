"""How the dashboard may be served: to this machine only, telling nobody, hiding tracebacks.

The settings are in `dashboard/.streamlit/config.toml`, which Streamlit finds beside `app.py`. A
script started through a link, a flag or a variable can still take their place: hence this check.
"""

from __future__ import annotations

import ipaddress
from pathlib import Path

from streamlit import config as streamlit_config

APP = Path(__file__).resolve().parents[1] / "app.py"
_REQUIRED = {"browser.gatherUsageStats": "false", "client.showErrorDetails": "none"}


def refusal() -> str | None:
    """One sentence where the dashboard must not be served as it was started; None where it may."""
    option = streamlit_config.get_option
    if not option("server.address") or not option("server.allowedHosts"):
        return (
            "The dashboard was not started, since it would be open to every machine: its settings "
            "(server.address, server.allowedHosts) were not read or are empty. Start it by its own "
            f"path: streamlit run {APP}"
        )
    for name, needed in _REQUIRED.items():
        given = str(option(name)).lower()
        if given != needed:
            return (
                f"The dashboard was not started: {name} is {given} and must be {needed}. Start it "
                f"without that flag or variable: streamlit run {APP}"
            )
    return None


def exposure() -> str | None:
    """One sentence where a person chose to serve other machines too; None otherwise."""
    address = str(streamlit_config.get_option("server.address"))
    if _is_loopback(address):
        return None
    return (
        f"The dashboard listens on {address}: whoever reaches it can start and stop runs and see "
        "this machine's images, without a password. From another machine a tunnel is safer: "
        "ssh -L 8501:127.0.0.1:8501 you@this-machine"
    )


def _is_loopback(address: str) -> bool:
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
