"""Reading Oxford-IIIT Pet: the real files, what may be wrong with them, and getting them."""

from __future__ import annotations

import hashlib
import shutil
import tarfile
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torchvision.datasets import OxfordIIITPet

from segengine.config import DataConfig
from segengine.datasets import (
    SegDataset,
    Split,
    chosen_names,
    open_dataset,
    prepare_dataset,
    split_sizes,
)
from segengine.datasets.sample_pets import write_sample_pets
from segengine.errors import UserError
from tests import tiny

OFFICIAL: dict[Split, str] = {"train": "trainval", "val": "test"}


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """A fresh folder of tiny pets, to be damaged."""
    return tiny.write_pets(tmp_path / "data")


def opened(root: Path, split: Split = "train", **values: object) -> SegDataset:
    return open_dataset(DataConfig(root=str(root), **values), split)


def trimap(root: Path, name: str) -> Path:
    return root / "oxford-iiit-pet" / "annotations" / "trimaps" / f"{name}.png"


def nothing(phase: str, done: int, total: int) -> None:
    """Progress that nobody watches."""


@pytest.mark.parametrize("split", OFFICIAL)
def test_real_pets_are_those_of_torchvision_with_labels_from_zero(
    real_pets: Path, split: Split
) -> None:
    ours = opened(real_pets, split)
    theirs = OxfordIIITPet(real_pets, split=OFFICIAL[split], target_types="segmentation")

    assert list(ours.names) == [path.stem for path in theirs._images]
    for index in range(0, len(theirs), 25):
        image, target = theirs[index]
        found, mask = ours.pair(ours.names[index])
        assert np.array_equal(mask, np.asarray(target).astype(int) - 1)
        assert np.array_equal(found, np.asarray(image))


@pytest.mark.parametrize("split", OFFICIAL)
def test_every_real_mask_holds_all_three_classes_and_nothing_else(
    real_pets: Path, split: Split
) -> None:
    dataset = opened(real_pets, split)
    for name in dataset.names:
        mask = dataset.mask(name)
        assert set(np.unique(mask)) == {0, 1, 2}, name
        assert mask.dtype == np.int64
        with Image.open(dataset.files(name)[0]) as image:
            assert mask.shape == image.size[::-1], name


def test_the_pet_is_class_0_and_lies_inside_the_background(real_pets: Path) -> None:
    dataset = opened(real_pets)
    assert [info.name for info in dataset.classes] == ["pet", "background", "border"]
    masks = [dataset.mask(name) for name in dataset.names[:20]]
    corners = np.concatenate([mask[[0, 0, -1, -1], [0, -1, 0, -1]] for mask in masks])
    centres = np.array([mask[mask.shape[0] // 2, mask.shape[1] // 2] for mask in masks])
    assert (corners == 1).mean() > 0.5
    assert (centres == 0).mean() > 0.5


def test_sample_pets_are_read_by_the_same_loader(tmp_path: Path) -> None:
    write_sample_pets(tmp_path / "drawn-pets", train=2, val=1)
    sample = opened(tmp_path, dataset="sample_pets")
    real = opened(tmp_path / "drawn-pets")
    assert type(sample) is type(real) and sample.names == real.names and len(real.names) == 2
    image, mask = sample.pair(sample.names[0])
    stored = np.asarray(Image.open(trimap(tmp_path / "drawn-pets", sample.names[0])))
    assert np.array_equal(mask, stored.astype(int) - 1)
    assert image.shape == (*mask.shape, 3)


def test_void_stays_void(pets: Path) -> None:
    dataset = opened(pets)
    stored = np.asarray(Image.open(trimap(pets, dataset.names[0])))
    mask = dataset.mask(dataset.names[0])
    assert (stored == 255).any()
    assert np.array_equal(mask == 255, stored == 255)
    assert np.array_equal(mask[stored < 255], stored[stored < 255] - 1)


def test_a_mask_saved_with_a_palette_is_read_by_its_indices(pets: Path) -> None:
    path = trimap(pets, "trainval_0")
    expected = opened(pets).mask("trainval_0")
    painted = Image.open(path)
    painted.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255] + [90] * 756)
    assert painted.mode == "P"
    painted.save(path)
    assert np.array_equal(opened(pets).mask("trainval_0"), expected)


@pytest.mark.parametrize(
    ("mode", "kind", "color"),
    [("RGBA", "PNG", (10, 200, 30, 128)), ("P", "GIF", 7), ("L", "JPEG", 90), ("CMYK", "JPEG", 0)],
)
def test_images_of_other_kinds_named_jpg_are_read_as_rgb(
    pets: Path, mode: str, kind: str, color: int | tuple[int, ...]
) -> None:
    path = pets / "oxford-iiit-pet" / "images" / "trainval_0.jpg"
    Image.new(mode, (52, 40), color).save(path, format=kind)
    image, mask = opened(pets).pair("trainval_0")
    assert image.shape == (40, 52, 3) and image.dtype == np.uint8
    assert mask.shape == (40, 52)
    if mode == "RGBA":
        assert tuple(image[0, 0]) == (10, 200, 30)


def test_stray_files_are_no_images(pets: Path) -> None:
    (pets / "oxford-iiit-pet" / "images" / "stray.mat").write_bytes(b"matlab")
    (pets / "oxford-iiit-pet" / "images" / "unlisted.jpg").write_bytes(b"")
    trimap(pets, "._trainval_0").write_bytes(b"mac")
    assert len(opened(pets).names) == tiny.TRAIN


def test_limits_take_the_first_for_training_and_spread_for_validation(tmp_path: Path) -> None:
    root = tiny.write_pets(tmp_path, train=5, val=9)
    config = DataConfig(root=str(root), train_limit=2, val_limit=3)
    train = chosen_names(open_dataset(config, "train"), config, "train")
    val = chosen_names(open_dataset(config, "val"), config, "val")
    assert train == ("trainval_0", "trainval_1")
    assert val == ("test_0", "test_3", "test_6")
    assert split_sizes(config) == {"train": 2, "val": 3}
    assert split_sizes(DataConfig(root=str(root), train_limit=99)) == {"train": 5, "val": 9}


def test_a_missing_folder_says_which_file_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"No Oxford-IIIT Pet in .*trainval\.txt is missing") as e:
        opened(tmp_path / "nowhere")
    assert "oxford-iiit-pet/" in str(e.value) and "download" in str(e.value)
    assert e.value.field == "root"


def test_an_empty_list_is_an_empty_dataset(pets: Path) -> None:
    path = pets / "oxford-iiit-pet" / "annotations" / "test.txt"
    path.write_text("# nothing\n\n")
    with pytest.raises(UserError, match=rf"{path} lists no images"):
        opened(pets, "val")


@pytest.mark.parametrize(
    ("count", "words"),
    [(1, "1 mask is missing in"), (3, "3 masks are missing in")],
)
def test_missing_masks_are_counted_and_the_first_is_named(
    pets: Path, count: int, words: str
) -> None:
    for index in range(2, 2 + count):
        trimap(pets, f"trainval_{index}").unlink()
    with pytest.raises(UserError, match=words) as info:
        opened(pets)
    assert "trainval_2.png" in str(info.value)
    assert ("and 2 more" in str(info.value)) == (count == 3)


@pytest.mark.parametrize("folder", ["images", "annotations/trimaps"])
def test_a_missing_folder_of_files_is_all_of_them_missing(pets: Path, folder: str) -> None:
    shutil.rmtree(pets / "oxford-iiit-pet" / folder)
    with pytest.raises(UserError, match=rf"{tiny.TRAIN} \w+ are missing .* and 6 more"):
        opened(pets)


@pytest.mark.parametrize("content", [b"", b"no picture at all", "truncated"])
@pytest.mark.parametrize("what", [0, 1])
def test_a_file_that_cannot_be_decoded_is_named(
    pets: Path, content: bytes | str, what: int
) -> None:
    path = opened(pets).files("trainval_1")[what]
    path.write_bytes(path.read_bytes()[:60] if isinstance(content, str) else content)
    with pytest.raises(UserError, match="cannot be decoded as an image") as info:
        opened(pets).pair("trainval_1")
    assert str(path) in str(info.value) and "replace it or remove it" in str(info.value)


@pytest.mark.parametrize("value", [0, 4, 38, 254])
def test_a_label_out_of_range_is_named_with_its_file_and_what_is_allowed(
    pets: Path, value: int
) -> None:
    path = trimap(pets, "trainval_0")
    labels = np.full((40, 52), 2, np.uint8)
    labels[39, 51] = value
    Image.fromarray(labels).save(path)
    with pytest.raises(
        UserError, match=rf"holds the label {value}, but allowed are 1 \(pet\)"
    ) as e:
        opened(pets).mask("trainval_0")
    assert str(path) in str(e.value) and "3 (border)" in str(e.value)


def test_an_image_and_a_mask_of_different_size_give_both_sizes(pets: Path) -> None:
    Image.fromarray(np.full((40, 50), 2, np.uint8)).save(trimap(pets, "trainval_0"))
    with pytest.raises(UserError, match=r"is 52x40 pixels but its mask .* is 50x40"):
        opened(pets).pair("trainval_0")


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
    prepare_dataset(config, nothing)
    assert split_sizes(config) == {"train": tiny.TRAIN, "val": tiny.VAL}
    original = opened(tmp_path / "made")
    for name in original.names:
        ours, theirs = opened(Path(config.root)).pair(name), original.pair(name)
        assert np.array_equal(ours[0], theirs[0]) and np.array_equal(ours[1], theirs[1])


@pytest.mark.usefixtures("archives")
def test_nothing_is_downloaded_unasked_or_twice(
    tmp_path: Path, pets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare_dataset(DataConfig(root=str(tmp_path / "other")), nothing)
    assert not (tmp_path / "other").exists()
    serve_from(monkeypatch, "http://127.0.0.1:9")
    prepare_dataset(DataConfig(root=str(pets), download=True), nothing)
    assert len(opened(pets).names) == tiny.TRAIN


def test_without_a_network_the_sentence_says_what_to_get_and_where_to_put_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_from(monkeypatch, "http://127.0.0.1:9")  # nobody listens there
    config = DataConfig(root=str(tmp_path), download=True)
    for _ in range(2):  # trying again says the same
        assert split_sizes(config)["train"] == 3680
        with pytest.raises(UserError, match="could not be downloaded") as info:
            prepare_dataset(config, nothing)
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
        prepare_dataset(config, nothing)
    monkeypatch.setattr(OxfordIIITPet, "_RESOURCES", good)
    prepare_dataset(config, nothing)
    assert len(opened(Path(config.root)).names) == tiny.TRAIN


def test_a_stop_ends_a_download_at_once(
    tmp_path: Path, archives: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_from(monkeypatch, f"{archives}/hang")

    def stop(phase: str, done: int, total: int) -> None:
        assert phase == "Downloading megabytes" and done == 0 and total == 773
        raise InterruptedError("stop")

    with pytest.raises(InterruptedError):
        prepare_dataset(DataConfig(root=str(tmp_path), download=True), stop)
    assert not Served.hanging.is_set()  # it was still waiting for the server
