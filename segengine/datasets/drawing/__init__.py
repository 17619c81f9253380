"""The offline samples: pictures of pets and of streets, drawn by our own generators.

Nothing here is a photograph. The pictures exist so that SegLab can be tried without a download, and
they are drawn to be a real exercise: colours and textures alone tell little.
"""

from segengine.datasets.drawing.sample_pets import write_sample_pets
from segengine.datasets.drawing.sample_streets import write_sample_streets

__all__ = ["write_sample_pets", "write_sample_streets"]
