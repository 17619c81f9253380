"""`python -m tests.faults`: every probe, with the counts of faults; see `--help`.

Ends with 1 where there were any. The same seed makes the same damage.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tests.faults import probes

KINDS = ("files", "fields", "logs")


def main() -> int:
    """Run all probes and print what they found."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--mutations", type=int, default=2000, help="of a log")
    parser.add_argument("--kinds", nargs="+", default=KINDS, choices=KINDS)
    parser.add_argument("--show", type=int, default=10, help="faults to print whole")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        base = probes.make_base(Path(folder))
        damages = {
            "files": probes.file_damage(),
            "fields": probes.field_damage(base),
            "logs": probes.log_damage(random.Random(given.seed), given.mutations),
        }
        faults = [fault for kind in given.kinds for fault in _run(kind, base, damages[kind])]
    for fault in faults[: given.show]:
        print(f"\n{fault}")
    print(f"{len(faults)} faults (seed {given.seed}).")
    return 1 if faults else 0


def _run(title: str, base: probes.Base, damages: Iterable[probes.Damage]) -> list[probes.Fault]:
    """The faults of one kind of damage; prints their counts."""
    count, hit, faults = 0, 0, []
    for harm in damages:
        found = probes.probe(base, base.runs_dir.with_name(f"probe-{title}-{count}"), harm)
        count, hit, faults = count + 1, hit + bool(found), [*faults, *found]
    by_reader = ", ".join(f"{name} {n}" for name, n in Counter(f.reader for f in faults).items())
    words = f"{title}: {hit} of {count:,} probes brought out faults"
    print(f"{words} ({by_reader})" if faults else words, flush=True)
    return faults


if __name__ == "__main__":
    sys.exit(main())
