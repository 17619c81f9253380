"""Published weight files: taken from the usual caches, or downloaded into them once."""

from __future__ import annotations

import re
import socket
import urllib.request
from pathlib import Path
from urllib.parse import urlparse

import torch

from segengine.errors import UserError, one_line
from segengine.files import sha256_of


def from_url(url: str) -> Path:
    """A file of torch's download site, kept in torch hub's folder.

    Args:
        url: ends in `-<first digits of the sha256>.pth`, as all files there do; they are checked.

    Raises:
        UserError: it cannot be downloaded, or the file in the folder is not the published one.
    """
    name = Path(urlparse(url).path).name
    path = Path(torch.hub.get_dir()) / "checkpoints" / name
    digits = path.stem.rpartition("-")[2]
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            torch.hub.download_url_to_file(url, str(path), digits, progress=True)
        except (OSError, RuntimeError) as error:  # no network; wrong hash
            raise _unreachable(url, path, error) from error
    elif not sha256_of(path).startswith(digits):
        raise UserError(
            f"{path} is not the published file (its sha256 does not begin with {digits}): "
            f"delete it, and it is downloaded again.",
            field="weights",
        )
    return path


def from_hub(repo: str, revision: str, name: str = "model.safetensors") -> Path:
    """A file of the Hugging Face hub, kept in its cache.

    Args:
        repo: owner/name.
        revision: the full commit hash, or a branch; a cached file is used without a request.
        name: path in the repository.

    Raises:
        UserError: it cannot be downloaded, or the file in the cache is not the published one.
    """
    from huggingface_hub import constants, hf_hub_download, hf_hub_url  # slow to import

    folder = Path(constants.HF_HUB_CACHE) / f"models--{repo.replace('/', '--')}"
    branch = folder / "refs" / revision
    commit = branch.read_text().strip() if branch.is_file() else revision
    path = folder / "snapshots" / commit / name
    if not path.exists():
        url = hf_hub_url(repo, name, revision=revision)
        try:
            if not constants.HF_HUB_OFFLINE:
                _check_reachable(url)
            path = Path(hf_hub_download(repo, name, revision=revision))
        except Exception as error:  # of the hub, its HTTP library or the system: no common class
            raise _unreachable(url, path, error) from error
    _check_blob(path)
    return path


def _check_reachable(url: str) -> None:
    """OSError where no server answers: the hub's client would go on trying for 20 seconds."""
    address = urlparse(url)
    if urllib.request.getproxies():  # then only the proxy knows
        return
    port = address.port or (80 if address.scheme == "http" else 443)
    socket.create_connection((address.hostname, port), timeout=10).close()


def _check_blob(path: Path) -> None:
    """UserError where a file in the hub's cache does not have the sha256 that the hub gave it."""
    blob = path.resolve()  # the hub names large files by their sha256; others cannot be checked
    if re.fullmatch("[0-9a-f]{64}", blob.name) and sha256_of(blob) != blob.name:
        raise UserError(
            f"{blob} is not the published file (its sha256 is not its name): delete it and {path}, "
            "and it is downloaded again.",
            field="weights",
        )


def _unreachable(url: str, path: Path, error: Exception) -> UserError:
    cause: BaseException = error
    while cause.__cause__ is not None:  # the first cause says most: no network, no such file
        cause = cause.__cause__
    return UserError(
        f"The ImageNet weights could not be downloaded ({one_line(cause)}): fetch {url} where "
        f"there is a network and put it at {path}, or pass it as --weights FILE.",
        field="weights",
    )
