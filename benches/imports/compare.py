"""Measures functions that JAX exported, imported in Cotangent and in JAX itself, for docs/benchmarks.md.

    JAX_PYTHON=VENV/bin/python python3 benches/imports/compare.py COTANGENT [NAME …] [--samples N] [--write PAGE]

JAX_PYTHON is an interpreter with `pip install jax==0.10.2`; the default is the one that runs this file. COTANGENT is the
command-line tool, built with --release and the feature `bench`. The functions are in programs.py. Each has a process per side,
set up and warm, with the default threads of XLA. A third process runs the function in JAX with the plugin that Cotangent uses: the
XLA in it is another version than that in jaxlib, and what it gains or loses is no part of the import's. The processes take
samples in turns; ratios are medians over the turns. Results are compared before they are timed. Processor time is that of all
threads of a process during its samples.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "vs_jax"))
from bench_vs_jax import NO_CACHE, Worker, machine, mean, ratio, seconds, table, write_part  # noqa: E402


def processor_seconds(pid):
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


# Functions that call jaxlib's kernels of LAPACK do not run in JAX with another plugin.
LAPACK = b"lapack_"


class Side:
    def __init__(self, command, env):
        self.worker = Worker(command, env)
        self.check = self.worker.object("check")
        self.calls = self.worker.said["calls"]
        self.times, self.work = [], []

    def sample(self):
        before = processor_seconds(self.worker.process.pid)
        self.times.append(self.worker.sample())
        self.work.append((processor_seconds(self.worker.process.pid) - before) / self.calls)


def differ(ours, theirs):
    """Whether sums over results differ by more than rounding; the third of three is of magnitudes."""
    sizes = [theirs[i - i % 3 + 2] for i in range(len(theirs))]
    return len(ours) != len(theirs) or any(not abs(a - b) <= 1e-4 * (1e-3 + n) for a, b, n in zip(ours, theirs, sizes))


def median_ratio(ours, theirs):
    return statistics.median(a / b for a, b in zip(ours, theirs))


def shown(value):
    return "" if value is None else ratio(value)


def measure(name, cotangent, plugin, python, folder, samples):
    """A line of the table, and its ratios."""
    ours = Side([cotangent, "bench", "--import", folder / f"{name}.jax"], NO_CACHE)
    worker = [python, HERE / "programs.py", "--worker", name]
    theirs, same = Side(worker, {}), None
    if LAPACK not in (folder / f"{name}.jax").read_bytes():
        same = Side(worker, {"PJRT_CPU_PLUGIN": plugin})
    if differ(ours.check, theirs.check):
        raise SystemExit(f"{name}: Cotangent computes {ours.check}, JAX {theirs.check}")
    sides = [side for side in (ours, theirs, same) if side]
    for turn in range(samples):
        first = turn % len(sides)
        for side in sides[first:] + sides[:first]:
            side.sample()
    for side in sides:
        side.worker.finish()
    times = [statistics.median(side.times) for side in (ours, theirs)]
    pairs = [(to, what) for to in (theirs, same) for what in ("times", "work")]
    ratios = [median_ratio(getattr(ours, what), getattr(to, what)) if to else None for to, what in pairs]
    return [f"`{name}`", *map(seconds, times), *map(shown, ratios)], ratios


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cotangent", help="the command-line tool, built with --release and the feature `bench`")
    parser.add_argument("names", nargs="*", metavar="NAME", help="functions of programs.py (all)")
    parser.add_argument("--samples", type=int, default=41, help="samples of each function on each side (41)")
    parser.add_argument("--write", metavar="PAGE", type=Path, help="the page to write the table to, if no name is given")
    args = parser.parse_args()
    python = os.environ.get("JAX_PYTHON", sys.executable)
    found = subprocess.run([args.cotangent, "doctor", "--json"], capture_output=True, text=True).stdout
    plugin = json.loads(found)["plugin"]["path"]
    programs = [python, HERE / "programs.py"]
    listed = subprocess.run([*programs, "--list"], check=True, capture_output=True, text=True).stdout.split()
    rows, all_ratios = [], []
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([*programs, "--export", folder], check=True)
        for name in args.names or listed:
            row, ratios = measure(name, args.cotangent, plugin, python, Path(folder), args.samples)
            rows.append(row)
            all_ratios.append(ratios)
            print(*row, file=sys.stderr, flush=True)
    rows.append(["geometric mean", "", "", *(ratio(mean([x for x in column if x])) for column in zip(*all_ratios))])
    head = ["function", "imported", "JAX", "ratio to JAX", "of processor times", "ratio to JAX on the same XLA", "of processor times"]
    text = table(head, rows)
    print(text)
    if args.write and not args.names:
        write_part(args.write, "imports", f"Machine: {machine()}.\n\n{text}")


if __name__ == "__main__":
    main()
