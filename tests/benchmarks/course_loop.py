"""The training loop that people write in a course, over public packages only.

torchvision's dataset, transforms per image, a DataLoader with two workers, and scores per batch in
a loop over the classes.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import OxfordIIITPet
from torchvision.transforms import InterpolationMode

from tests.benchmarks.measure import seconds_of
from tests.benchmarks.peers import IGNORE_INDEX, adamw

CLASSES, WORKERS = 3, 2


class CourseLoop:
    """A model in training on Oxford-IIIT Pet, validated on its test split after each epoch."""

    def __init__(self, model: nn.Module, root: Path, size: int, batch: int, device: str) -> None:
        self.model = model.to(device)
        self.device = device
        self.train_loader = DataLoader(
            pets(root, "trainval", size), batch, shuffle=True, num_workers=WORKERS
        )
        self.val_loader = DataLoader(pets(root, "test", size), batch, num_workers=WORKERS)
        self.criterion = nn.CrossEntropyLoss(ignore_index=IGNORE_INDEX)
        self.optimizer = adamw(model, fused=False)
        self.scheduler = torch.optim.lr_scheduler.ExponentialLR(self.optimizer, gamma=0.98)

    def epoch(self) -> float:
        """Train and validate once over the data; returns the seconds."""
        return seconds_of(self._epoch)

    def _epoch(self) -> None:
        train = self._pass(self.train_loader, training=True)
        val = self._pass(self.val_loader, training=False)
        self.scheduler.step()
        self.history = {"train": train, "val": val}

    def _pass(self, loader: DataLoader, *, training: bool) -> tuple[float, float]:
        """(mean loss, mean mIoU) over the batches."""
        self.model.train(training)
        losses, scores = [], []
        with torch.set_grad_enabled(training):
            for images, masks in loader:
                images, masks = images.to(self.device), masks.to(self.device)
                logits = self.model(images)
                loss = self.criterion(logits, masks)
                if training:
                    self.optimizer.zero_grad()
                    loss.backward()
                    self.optimizer.step()
                losses.append(loss.item())
                scores.append(mean_iou(logits, masks))
        return sum(losses) / len(losses), sum(scores) / len(scores)


def mean_iou(logits: Tensor, masks: Tensor) -> float:
    """The mean over classes of a batch's IoU."""
    predicted = logits.argmax(dim=1)
    known = masks != IGNORE_INDEX
    ious = []
    for label in range(CLASSES):
        ours, theirs = (predicted == label) & known, (masks == label) & known
        union = (ours | theirs).sum().item()
        if union:
            ious.append((ours & theirs).sum().item() / union)
    return sum(ious) / len(ious)


def pets(root: Path, split: str, size: int) -> OxfordIIITPet:
    """Normalized images (3, size, size) and masks (size, size) of classes 0 to 2."""
    image = transforms.Compose(
        [
            transforms.Resize((size, size)),
            transforms.ToTensor(),
            transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ]
    )
    mask = transforms.Compose(
        [
            transforms.Resize((size, size), InterpolationMode.NEAREST),
            transforms.PILToTensor(),
            _to_classes,
        ]
    )
    return OxfordIIITPet(
        str(root), split, "segmentation", transform=image, target_transform=mask, download=False
    )


def _to_classes(trimap: Tensor) -> Tensor:
    return trimap.squeeze(0).long() - 1
