"""How stable a ranking is: in which share of resamples each run comes first, second, ...

Source: Wiesenfarth et al., 2021, Methods and open-source toolkit for analyzing and visualizing
challenge results, Scientific Reports 11 (challengeR).
"""

from __future__ import annotations

import numpy as np

from segengine.statistics.scores import Floats


def rank_shares(resampled: Floats) -> Floats:
    """(runs, ranks): the share of resamples in which each run has each rank.

    Runs with equal scores share the ranks that they hold together, so that rows and columns sum to
    one.

    Args:
        resampled: (resamples, runs) scores, higher is better.
    """
    runs = resampled.shape[1]
    better = (resampled[:, None, :] > resampled[:, :, None]).sum(axis=2)  # than each run
    equal = (resampled[:, None, :] == resampled[:, :, None]).sum(axis=2)  # with itself
    shares = np.zeros((runs, runs))
    for rank in range(runs):
        holds = (better <= rank) & (rank < better + equal)
        shares[:, rank] = (holds / equal).mean(axis=0)
    return shares
