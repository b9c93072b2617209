"""Measures functions that JAX exported, imported in Cotangent and in JAX itself, for docs/benchmarks.md.

    JAX_PYTHON=VENV/bin/python python3 benches/imports/compare.py COTANGENT [NAME …] [--rounds N] [--samples N] [--write PAGE]

JAX_PYTHON is an interpreter with `pip install jax==0.10.2`; the default is the one that runs this file. COTANGENT is the
command-line tool, built with --release and the feature `bench`. The functions are in programs.py. Each runs in three kinds of
process, set up and warm, with the default threads of XLA: Cotangent, JAX, and JAX with the plugin that Cotangent uses. The XLA in
that is another version than jaxlib's, and what it gains or loses is no part of the import's.

A process takes its samples while no other one is alive, because the caches and the threads of one that waits disturb the one that
is measured: taking samples in turns, as vs_jax does for long calls, gave 1.06 to 1.52 for two sides that are equal. So a round
starts a process of each kind, one after the other, and its ratio is that of the medians of the samples. The table has the median
over the rounds. The C library decides once in the life of a process whether it keeps the memory of large results or asks the system
for it at each call, and that is worth more than all else here. All processes have it keep the memory. Results are compared before they
are timed. Processor time is that of all threads of a process during its samples.
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
# Bytes from which the C library asks the system for memory, and returns it.
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(1 << 30), "MALLOC_TRIM_THRESHOLD_": str(1 << 30)}


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


def shown(value):
    return "" if value is None else ratio(value)


def measure(name, cotangent, plugin, python, folder, rounds, samples):
    """A line of the table, and its ratios."""
    artifact = folder / f"{name}.jax"
    worker = [python, HERE / "programs.py", "--worker", name]
    kinds = [([cotangent, "bench", "--import", artifact], NO_CACHE), (worker, {})]
    if LAPACK not in artifact.read_bytes():
        kinds.append((worker, {"PJRT_CPU_PLUGIN": plugin}))
    runs = []
    for n in range(rounds):
        sides = [None] * len(kinds)
        for k in range(n, n + len(kinds)):
            command, env = kinds[k % len(kinds)]
            side = sides[k % len(kinds)] = Side(command, env | KEEP_MEMORY)
            for _ in range(samples):
                side.sample()
            side.worker.finish()
        if differ(sides[0].check, sides[1].check):
            raise SystemExit(f"{name}: Cotangent computes {sides[0].check}, JAX {sides[1].check}")
        runs.append([(statistics.median(side.times), statistics.median(side.work)) for side in sides])
    times = [statistics.median(run[side][0] for run in runs) for side in (0, 1)]
    ratios = [
        statistics.median(run[0][what] / run[side][what] for run in runs) if side < len(kinds) else None
        for side in (1, 2)
        for what in (0, 1)
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
