"""Measures functions that JAX exported, imported in Cotangent and in JAX itself, for docs/benchmarks.md.

    JAX_PYTHON=VENV/bin/python python3 benches/imports/compare.py COTANGENT [NAME …] [--rounds N] [--samples N] [--write PAGE]

JAX_PYTHON is an interpreter with `pip install jax==0.10.2`; the default is the one that runs this file. COTANGENT is the
command-line tool, built with --release and the feature `bench`. The functions are in programs.py. Each has a process per side,
set up and warm, with the default threads of XLA. A third process runs the function in JAX with the plugin that Cotangent uses: the
XLA in it is another version than that in jaxlib, and what it gains or loses is no part of the import's. The processes take
samples in turns, and the ratio of a round is the median over the turns. Whether the C library keeps the memory of large results or
asks the system for it at each call is decided once in the life of a process. So there are several rounds with processes of their
own, and the table has the median of their ratios. Results are compared before they are timed. Processor time is that of all threads
of a process during its samples.
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


def measure(name, cotangent, plugin, python, folder, rounds, samples):
    """A line of the table, and its ratios."""
    artifact = folder / f"{name}.jax"
    worker, runs = [python, HERE / "programs.py", "--worker", name], []
    for _ in range(rounds):
        ours, theirs, same = Side([cotangent, "bench", "--import", artifact], NO_CACHE), Side(worker, {}), None
        if LAPACK not in artifact.read_bytes():
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
        runs.append((ours, theirs, same))
    times = [statistics.median(x for run in runs for x in run[side].times) for side in (0, 1)]
    pairs = [(side, what) for side in (1, 2) for what in ("times", "work")]
    ratios = [
        statistics.median(median_ratio(getattr(run[0], what), getattr(run[side], what)) for run in runs) if runs[0][side] else None
        for side, what in pairs
    ]
    return [f"`{name}`", *map(seconds, times), *map(shown, ratios)], ratios


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cotangent", help="the command-line tool, built with --release and the feature `bench`")
    parser.add_argument("names", nargs="*", metavar="NAME", help="functions of programs.py (all)")
    parser.add_argument("--rounds", type=int, default=5, help="processes of each function on each side (5)")
    parser.add_argument("--samples", type=int, default=15, help="samples of each process (15)")
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
            row, ratios = measure(name, args.cotangent, plugin, python, Path(folder), args.rounds, args.samples)
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
