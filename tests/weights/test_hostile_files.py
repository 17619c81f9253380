"""Weights files that would fill the memory or the time: refused before they are unpacked."""

from __future__ import annotations

import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch

from segengine.errors import UserError
from segengine.run.weights_container import LEGACY_START
from segengine.weights.tensor_file import load_tensors
from tests.weights.filling import saved

LIMIT = 300_000_000  # bytes
_READ = (
    "import resource, sys; from pathlib import Path\n"
    "from segengine.errors import UserError\n"
    "from segengine.weights.tensor_file import load_tensors\n"
    "import torch\n"
    "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024\n"
    "before = peak()\n"
    "try: load_tensors(Path(sys.argv[1])); print('read')\n"
    "except UserError as error: print(error)\n"
    "print(peak() - before)"
)


def compressed(path: Path) -> None:
    """100 MB of zeros in a file of 100 kB: a checkpoint that was packed with deflate."""
    torch.save({"weight": torch.zeros(25_000_000)}, path.with_suffix(".plain"))
    with (
        zipfile.ZipFile(path.with_suffix(".plain")) as plain,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for name in plain.namelist():
            packed.writestr(name, plain.read(name))


def overlapping(path: Path) -> None:
    """Records that are said to be larger than the file, though not compressed."""
    torch.save({"weight": torch.zeros(1000)}, path)
    content = path.read_bytes()
    central = content.rindex(b"PK\x01\x02")
    size = content.rindex((4000).to_bytes(4, "little") * 2, 0, len(content))
    assert size > 0 and central > 0
    large = (400_000_000).to_bytes(4, "little") * 2
    path.write_bytes(content.replace((4000).to_bytes(4, "little") * 2, large))


class MakesRoom:
    def __reduce__(self) -> tuple[object, ...]:
        return bytearray, (2_000_000_000,)


def room(path: Path) -> None:
    """A pickle of some bytes that asks for 2 GB of zeros."""
    torch.save({"weight": torch.zeros(1), "more": MakesRoom()}, path)


def room_in_a_legacy_file(path: Path) -> None:
    content = {"weight": torch.zeros(1), "more": MakesRoom()}
    torch.save(content, path, _use_new_zipfile_serialization=False)


def objects(path: Path) -> None:
    """Five million empty dictionaries, one byte each."""
    pickled = b"\x80\x02](" + b"}" * 5_000_000 + b"e."
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
        archive.writestr("archive/version", "3\n")


def objects_in_a_legacy_file(path: Path) -> None:
    begin = LEGACY_START + pickle.dumps(1001, 2) + pickle.dumps({"little_endian": True}, 2)
    path.write_bytes(begin + b"\x80\x02](" + b"}" * 5_000_000 + b"e.")


def header(path: Path) -> None:
    """safetensors whose names would be 3 GB long."""
    path.write_bytes((3_000_000_000).to_bytes(8, "little") + b"{}" + b" " * 100)


BOMBS = {
    compressed: "unpacks to 100 MB; PyTorch does not compress",
    overlapping: "unpacks to 400 MB",
    room: "more Python objects than weights have",
    room_in_a_legacy_file: "more Python objects than weights have",
    objects: "more Python objects than weights have",
    objects_in_a_legacy_file: "more Python objects than weights have",
    header: "its header would be 3,000 MB long",
}


@pytest.mark.parametrize("bomb", BOMBS, ids=lambda bomb: bomb.__name__)
def test_a_file_that_would_fill_the_memory_is_refused(tmp_path: Path, bomb: object) -> None:
    assert callable(bomb)
    path = tmp_path / ("bomb.safetensors" if bomb is header else "bomb.pt")
    bomb(path)
    words = [sys.executable, "-c", _READ, str(path)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    sentence, taken = done.stdout.splitlines()
    assert BOMBS[bomb] in sentence and str(path) in sentence  # type: ignore[index]
    assert int(taken) < LIMIT


def test_a_number_that_stands_for_many_is_not_copied_before_its_shape_is_compared(
    tmp_path: Path,
) -> None:
    """One stored value, said to be a tensor of 40 GB, in a layout whose parts would be joined."""
    from tests.weights.filling import fill_nothing, started_from

    huge = torch.zeros(1).expand(100_000, 100_000)
    block = "segformer.encoder.block.0.0.attention.self."
    given = {f"{block}{name}.weight": huge for name in ("query", "key", "value")}
    given["segformer.encoder.patch_embeddings.0.proj.weight"] = huge
    with pytest.raises(UserError, match="keys are missing"):
        fill_nothing(started_from(saved(tmp_path, given)), tmp_path)


def test_dictionaries_that_hold_each_other_many_times_are_looked_into_once(tmp_path: Path) -> None:
    from tests.weights.filling import fill_nothing, started_from

    content: dict[str, object] = {"weight": torch.zeros(1)}
    for _ in range(60):
        content = {f"part {number}": content for number in range(50)}
    with pytest.raises(UserError, match=r"hold no tensors|names are unknown"):
        fill_nothing(started_from(saved(tmp_path, content)), tmp_path)


def test_a_plain_file_is_read_whole(tmp_path: Path) -> None:
    content = {"weight": torch.arange(5.0), "names": ["a"] * 1000}
    read = load_tensors(saved(tmp_path, content))
    assert torch.equal(read["weight"], content["weight"])  # type: ignore[arg-type]
