"""Downloading Oxford-IIIT Pet: from a local server, cut off, stopped, and without a network."""

from __future__ import annotations

import hashlib
import tarfile
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from torchvision.datasets import OxfordIIITPet

from segengine.config import DataConfig
from segengine.datasets import SegDataset, open_dataset, prepare_dataset, split_sizes
from segengine.errors import UserError
from tests import tiny


def training_split(root: Path) -> SegDataset:
    return open_dataset(DataConfig(root=str(root)), "train")


class Served(SimpleHTTPRequestHandler):
    """Files of a folder; `/hang` never answers."""

    hanging = threading.Event()

    def do_GET(self) -> None:
        if self.path.startswith("/hang"):
            self.hanging.wait(8)
            return
        super().do_GET()

    do_HEAD = do_GET  # noqa: N815 - the base class calls it by this name

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def archives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The official archives of tiny pets on a web server of this machine; its address."""
    pets = tiny.write_pets(tmp_path / "made") / "oxford-iiit-pet"
    (tmp_path / "web").mkdir()
    resources = []
    for name in ("images", "annotations"):
        path = tmp_path / "web" / f"{name}.tar.gz"
        with tarfile.open(path, "w:gz") as tar:
            tar.add(pets / name, arcname=name)
        resources.append((path.name, hashlib.md5(path.read_bytes()).hexdigest()))

    def handler(*args: object) -> Served:
        return Served(*args, directory=str(tmp_path / "web"))  # type: ignore[arg-type]

    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,)).start()
        address = f"http://127.0.0.1:{server.server_port}"
        serve_from(monkeypatch, address, resources)
        yield address
        Served.hanging.set()
        server.shutdown()
    Served.hanging.clear()


def serve_from(
    monkeypatch: pytest.MonkeyPatch, address: str, resources: list[tuple[str, str]] | None = None
) -> None:
    """torchvision gets the archives from `address`, as it does from the official site."""
    given = resources or [(url.rpartition("/")[2], md5) for url, md5 in OxfordIIITPet._RESOURCES]
    monkeypatch.setattr(
        OxfordIIITPet, "_RESOURCES", tuple((f"{address}/{name}", md5) for name, md5 in given)
    )


@pytest.mark.usefixtures("archives")
def test_a_download_makes_a_dataset_that_can_be_read(tmp_path: Path) -> None:
    config = DataConfig(root=str(tmp_path / "new" / "data"), download=True)
    assert split_sizes(config) == {"train": 3680, "val": 3669}  # before: what will be there
    prepare_dataset(config, tiny.no_progress)
    assert split_sizes(config) == {"train": tiny.TRAIN, "val": tiny.VAL}
    original = training_split(tmp_path / "made")
    for name in original.names:
        ours, theirs = training_split(Path(config.root)).pair(name), original.pair(name)
        assert np.array_equal(ours[0], theirs[0]) and np.array_equal(ours[1], theirs[1])


@pytest.mark.usefixtures("archives")
def test_nothing_is_downloaded_unasked_or_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pets = tiny.write_pets(tmp_path / "data")
    prepare_dataset(DataConfig(root=str(tmp_path / "other")), tiny.no_progress)
    assert not (tmp_path / "other").exists()
    serve_from(monkeypatch, "http://127.0.0.1:9")
    prepare_dataset(DataConfig(root=str(pets), download=True), tiny.no_progress)
    assert len(training_split(pets).names) == tiny.TRAIN


def test_without_a_network_the_sentence_says_what_to_get_and_where_to_put_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_from(monkeypatch, "http://127.0.0.1:9")  # nobody listens there
    config = DataConfig(root=str(tmp_path), download=True)
    for _ in range(2):  # trying again says the same
        assert split_sizes(config)["train"] == 3680
        with pytest.raises(UserError, match="could not be downloaded") as info:
            prepare_dataset(config, tiny.no_progress)
        for words in ("images.tar.gz", "annotations.tar.gz", "www.robots.ox.ac.uk"):
            assert words in str(info.value)
        assert str(tmp_path / "oxford-iiit-pet") in str(info.value)
        assert info.value.field == "download"


def test_a_download_that_was_cut_off_is_taken_up_again(
    tmp_path: Path, archives: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = DataConfig(root=str(tmp_path / "data"), download=True)
    good = OxfordIIITPet._RESOURCES
    monkeypatch.setattr(OxfordIIITPet, "_RESOURCES", (good[0], (f"{archives}/lost", good[1][1])))
    with pytest.raises(UserError, match="could not be downloaded"):
        prepare_dataset(config, tiny.no_progress)
    monkeypatch.setattr(OxfordIIITPet, "_RESOURCES", good)
    prepare_dataset(config, tiny.no_progress)
    assert len(training_split(Path(config.root)).names) == tiny.TRAIN


class EndOfWaiting(Exception):
    """What a progress function raises to end the wait."""


def test_a_stop_ends_a_download_at_once(
    tmp_path: Path, archives: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_from(monkeypatch, f"{archives}/hang")

    def stop(phase: str, done: int, total: int) -> None:
        assert phase == "Downloading megabytes" and done == 0 and total == 773
        raise EndOfWaiting

    with pytest.raises(EndOfWaiting):
        prepare_dataset(DataConfig(root=str(tmp_path), download=True), stop)
    assert not Served.hanging.is_set()  # it was still waiting for the server
