"""`make bench`: all measurements, each in a process of its own.

`python -m tests.benchmarks [NAME ...] [--quick]`: those of that name, with --quick in few repeats
(a trial of the code; its figures mean little).
"""

from __future__ import annotations

import argparse
import subprocess
import sys

NAMES = (
    *("training_step", "epoch", "frozen", "overhead", "memory", "augmentation"),
    *("gpu", "profile_step", "live_latency", "coverage", "run_list"),
)
_RUN = "import sys, importlib; importlib.import_module(sys.argv[1]).main(sys.argv[2] == 'quick')"


def main() -> int:
    """Run the chosen ones; returns 0 where all of them ran to their end."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("name", nargs="*", help=f"any of {', '.join(NAMES)}; all if left out")
    parser.add_argument("--quick", action="store_true", help="few repeats: a trial of the code")
    given = parser.parse_args()
    unknown = [name for name in given.name if name not in NAMES]
    if unknown:
        parser.error(f"unknown {', '.join(unknown)}: choose from {', '.join(NAMES)}")
    failed = []
    for name in given.name or NAMES:
        print(f"== {name}", flush=True)
        words = [f"tests.benchmarks.{name}", "quick" if given.quick else "full"]
        if subprocess.run([sys.executable, "-c", _RUN, *words]).returncode:
            failed.append(name)
    if failed:
        print(f"Ended early: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
