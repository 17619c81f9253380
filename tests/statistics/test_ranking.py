"""How often each run comes first."""

from __future__ import annotations

import numpy as np
import pytest

from segengine.statistics.ranking import rank_shares


def test_shares_of_ranks_by_hand() -> None:
    resampled = np.array([[0.9, 0.5, 0.1], [0.5, 0.9, 0.1], [0.9, 0.5, 0.1], [0.9, 0.1, 0.5]])
    assert rank_shares(resampled).tolist() == [[0.75, 0.25, 0], [0.25, 0.5, 0.25], [0, 0.25, 0.75]]


def test_equal_runs_share_their_ranks() -> None:
    shares = rank_shares(np.array([[0.5, 0.5, 0.1], [0.2, 0.2, 0.9]]))
    assert shares[0] == pytest.approx([0.25, 0.5, 0.25])
    assert shares.sum(axis=0) == pytest.approx(1) and shares.sum(axis=1) == pytest.approx(1)
