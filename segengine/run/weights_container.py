"""What a weights file may be, by its first bytes and its table of contents. No torch.

Sizes are looked at first: what would fill the memory is refused before any of it is unpacked.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

from segengine.errors import UserError

# A pickle of the number with which PyTorch began its files before version 1.6.
LEGACY_START = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
MAX_HEADER = 32_000_000  # bytes; safetensors' names and shapes: 300,000 tensors
_LEAST_TENSORS = 8  # bytes of the header's length


def is_legacy(path: Path) -> bool:
    """Whether the file is of the kind that PyTorch wrote before version 1.6, no zip."""
    with open(path, "rb") as file:
        return file.read(len(LEGACY_START)) == LEGACY_START


def check_container(path: Path) -> None:
    """Refuse a file that is neither safetensors nor PyTorch's, or unpacks to more than it holds.

    Raises:
        UserError: it is so, or cannot be read.
    """
    try:
        if path.suffix == ".safetensors":
            _check_safetensors(path)
        elif zipfile.is_zipfile(path):
            _check_zip(path)
        elif not is_legacy(path):
            raise _damaged(path)
    except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError):
        raise _damaged(path) from None
    except OSError as error:
        raise UserError(
            f"{path} cannot be read: {error.strerror or error}. Give a file that you may read.",
            field="weights",
        ) from None


def _check_zip(path: Path) -> None:
    """PyTorch stores its records as they are, so that all of them together are in the file."""
    with zipfile.ZipFile(path) as archive:
        records = archive.infolist()
    size, unpacked = path.stat().st_size, sum(record.file_size for record in records)
    packed = any(record.compress_type != zipfile.ZIP_STORED for record in records)
    if packed or unpacked > size:
        raise UserError(
            f"{path} is a compressed file of {_megabytes(size)} that unpacks to "
            f"{_megabytes(unpacked)}; PyTorch does not compress its files. Unpack it, and give the "
            "file that torch.save wrote.",
            field="weights",
        )


def _check_safetensors(path: Path) -> None:
    with open(path, "rb") as file:
        header = int.from_bytes(file.read(_LEAST_TENSORS), "little")
    if header > min(MAX_HEADER, path.stat().st_size - _LEAST_TENSORS):
        raise UserError(
            f"{path} cannot be read as weights: it is damaged or something else (its header would "
            f"be {_megabytes(header)} long). Download or save it again.",
            field="weights",
        )


def _damaged(path: Path) -> UserError:
    return UserError(
        f"{path} is not a whole PyTorch checkpoint: it is truncated, or something else. Give a "
        "whole .pt, .pth or .safetensors file.",
        field="weights",
    )


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB" if size >= 1_000_000 else f"{size:,} bytes"
