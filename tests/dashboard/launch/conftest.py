"""The form that the tests of the Launch page start from."""

from __future__ import annotations

import pytest

from dashboard.launch.fields import FormEntries
from dashboard.launch.form import to_entries
from segengine.config.presets import DEFAULT, PRESETS


@pytest.fixture
def quick_look() -> FormEntries:
    """The form as a new person finds it."""
    return to_entries(PRESETS[DEFAULT].config())
