"""`make bench`, or `python -m bench [FIGURE ...]`: prints a table of figures with their targets.

Servers and their load share this machine; nothing else should use it meanwhile. Absolute rates
are this machine's; the ratios are what to compare between machines.
"""

import argparse
import os
import platform
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench import browser, console, figures, importing, sdk, segments
from bench.figures import Line, Plan

FIGURES: dict[str, Callable[[Plan], list[Line]]] = {
    "singles": figures.single_events,
    "browser": browser.browser,
    "batches": figures.batches,
    "projecting": figures.projecting,
    "delay": figures.delay,
    "footprint": figures.footprint,
    "sdk": sdk.calls,
    "importing": importing.importing,
    "console": console.console,
    "segments": segments.segments,
}
#: What issue and documentation speak of.
_CORES = 2


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("figures", nargs="*", choices=[*FIGURES, []], help="default: all")
    parser.add_argument("--runs", type=int, default=3, help="of each, the median counts")
    parser.add_argument("--seconds", type=float, default=5, help="of load in each run, about")
    parser.add_argument("--known", type=int, default=10_000_000, help="event keys known beforehand")
    parser.add_argument("--folder", default=None, help="on the disk to measure")
    arguments = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))[:_CORES]
    os.sched_setaffinity(0, cores)  # children inherit it
    print(f"{platform.machine()}, {len(cores)} cores, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        for name in arguments.figures or FIGURES:
            plan = Plan(Path(folder), arguments.runs, arguments.seconds, arguments.known)
            for line in FIGURES[name](plan):
                print(_shown(line), flush=True)


def _shown(line: Line) -> str:
    verdict = {None: "", True: "meets", False: "falls short"}[line.meets]
    return (
        f"{line.figure:<66} {line.value:>12}  {line.ratio:<34} {line.target:<10} {verdict}".rstrip()
    )


if __name__ == "__main__":
    main()
