"""One epoch with validation on real pets at 64 px: a run of ours against the course's loop.

Ours is a real run (log, metrics, film of masks, checkpoints); the peer neither logs nor saves. The
first epoch of both does not count: ours decodes the images before it, the peer in every epoch.
"""

from __future__ import annotations

import torch

from tests.benchmarks.course_loop import CLASSES, CourseLoop
from tests.benchmarks.measure import alternate
from tests.benchmarks.ours import OurRun, real_pets, workplace
from tests.benchmarks.peers import PEERS

# (ours, peer, ratio wanted at batch 64, number of pairs)
CASES = [("segformer_b0", "SMP", 2.2, 7), ("fcn_resnet50", "torchvision", 1.15, 3)]
BATCHES, SIZE = (64, 16), 64


def main(quick: bool = False) -> None:
    """Measure and print."""
    root = real_pets()
    print(f"An epoch with validation, real pets at {SIZE} px, {torch.get_num_threads()} threads")
    for arch, name, wanted, pairs in CASES:
        for batch in BATCHES:
            if quick and (arch, batch) != ("segformer_b0", 64):
                continue
            with workplace() as runs:
                ours = OurRun(runs, arch=arch, root=str(root), batch_size=batch, device="cpu")
                theirs = CourseLoop(PEERS[arch][name](CLASSES), root, SIZE, batch, "cpu")
                timed = alternate(ours.epoch, theirs.epoch, 1 if quick else pairs)
            timed.say(f"{arch}, batch {batch}", f"course loop over {name}", wanted)


if __name__ == "__main__":
    main()
