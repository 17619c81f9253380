"""RunConfig: everything that decides what a run computes, declared once, one file per section.

The form's labels, help and limits, the command line's flags and the JSON of a run folder are all
read from the declarations. Field names are unique across sections, so that flags are flat.
"""

from segengine.config.data import DataConfig
from segengine.config.model import ModelConfig
from segengine.config.optim import OptimConfig
from segengine.config.run import InvalidConfig, RunConfig
from segengine.config.section import STORED, KnownName, Section
from segengine.config.train import TrainConfig

__all__ = [
    "STORED",
    "DataConfig",
    "InvalidConfig",
    "KnownName",
    "ModelConfig",
    "OptimConfig",
    "RunConfig",
    "Section",
    "TrainConfig",
]
