"""Where an encoder's published ImageNet weights lie, and whether they are here already. No torch.

`models.download` gets them; this file only looks, so that a form can say beforehand what a start
will do.
"""

from __future__ import annotations

import os
import socket
import time
import urllib.request
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlparse

from segengine.config import ModelConfig
from segengine.config.encoder_sizes import PARAMETERS
from segengine.config.encoders import is_timms
from segengine.models.timm_files import timm_file
from segengine.registry import find

_TORCHVISION = {  # model -> file of torch's download site
    "fcn_resnet50": "https://download.pytorch.org/models/resnet50-0676ba61.pth"
}
_HUB_FILE = "model.safetensors"
_PROBE_SECONDS = 2.0  # for a connection; a machine without a network answers at once
_VALID_SECONDS = 30.0  # after which a host is tried again

_tried: dict[str, tuple[float, bool]] = {}  # host -> (when on the monotonic clock, the answer)


@dataclass(frozen=True)
class Published:
    """One file of ImageNet weights.

    Attributes:
        url: where it is downloaded from.
        place: where it must lie, to be found without a network.
        cached: whether it lies there.
        megabytes: its size, from the number of parameters.
        offline: whether a person told the hub's client to stay off the network.
        training: the training that the weights are of, where it has a name of its own, such as
            "in12k_ft_in1k" of timm: it then saw more than ImageNet.
    """

    url: str
    place: Path
    cached: bool
    megabytes: float
    offline: bool = False
    training: str = ""

    @property
    def host(self) -> str:
        """The site that has it."""
        return urlparse(self.url).netloc

    def reachable(self) -> bool:
        """Whether the site answers. Behind a proxy only a download can tell: True."""
        return not self.offline and (bool(urllib.request.getproxies()) or _answers(self.host))


def published_imagenet(config: ModelConfig) -> Published:
    """The file that weights `imagenet` stand for. The encoder is one that has such weights."""
    encoder = config.encoder or find("models", config.arch).encoder
    if config.arch in _TORCHVISION:
        url = _TORCHVISION[config.arch]
        place = _torch_hub() / "checkpoints" / Path(urlparse(url).path).name
        return Published(url, place, place.is_file(), 4 * PARAMETERS[encoder] / 1e6)
    if is_timms(encoder):
        file = timm_file(encoder)
        of_hub = _of_hub(f"timm/{encoder.removeprefix('tu-')}.{file.tag}", 4 * file.millions)
        return replace(of_hub, training=file.tag)
    return _of_hub(f"smp-hub/{encoder}.imagenet", 4 * PARAMETERS[encoder] / 1e6)


def _of_hub(repo: str, megabytes: float) -> Published:
    from huggingface_hub import constants, hf_hub_url

    snapshots = Path(constants.HF_HUB_CACHE) / f"models--{repo.replace('/', '--')}" / "snapshots"
    found = sorted(snapshots.glob(f"*/{_HUB_FILE}"))
    place = found[0] if found else snapshots / "main" / _HUB_FILE
    url = hf_hub_url(repo, _HUB_FILE)
    return Published(url, place, bool(found), megabytes, constants.HF_HUB_OFFLINE)


def _torch_hub() -> Path:
    """As torch.hub.get_dir() has it."""
    caches = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    return Path(os.environ.get("TORCH_HOME", f"{caches}/torch")).expanduser() / "hub"


def _answers(host: str) -> bool:
    """Whether a host takes a connection; remembered for half a minute."""
    when, answer = _tried.get(host, (-_VALID_SECONDS, False))
    if time.monotonic() - when < _VALID_SECONDS:
        return answer
    name, _, port = host.partition(":")
    try:
        socket.create_connection((name, int(port or 443)), timeout=_PROBE_SECONDS).close()
        answer = True
    except OSError:
        answer = False
    _tried[host] = (time.monotonic(), answer)
    return answer
