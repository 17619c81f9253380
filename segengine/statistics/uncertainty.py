"""How unsure a model is of each pixel, whatever the truth."""

from __future__ import annotations

import numpy as np

from segengine.statistics.scores import Floats


def entropy(probabilities: Floats) -> Floats:
    """(classes, h, w) probabilities that add up to 1, to (h, w): 0 sure, 1 all classes alike.

    It is divided by log(classes): so it has no unit, and runs of different numbers of classes can
    be compared.
    """
    classes = len(probabilities)
    if classes < 2:
        return np.zeros(probabilities.shape[1:])
    values = np.asarray(probabilities, np.float64)
    logs = np.log(values, out=np.zeros(values.shape), where=values > 0)  # 0 log 0 is 0
    return np.asarray(np.abs((values * logs).sum(axis=0)) / np.log(classes))
