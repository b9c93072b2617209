"""Times the cases of crates/bench in Cotangent and in JAX, in turns, for docs/benchmarks.md.

    JAX_PYTHON=VENV/bin/python python3 bench_vs_jax.py COTANGENT [FILTER …] [--samples N] [--write FILE]

JAX_PYTHON is an interpreter with `pip install jax==0.10.2`; without it, the one that runs this file. COTANGENT is the
command-line tool, built with --release. Each case has a process on each side, set up and warm; then they take samples
in turns, one at a time, so that other work on the machine falls on all. Only ratios of one run mean something. What
both compute is compared. FILTERs choose cases by a part of their names.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import targets

HERE = Path(__file__).resolve().parent
# Fewer samples will do where so many seconds have passed, and one where far more have.
PATIENCE, FEWEST, TOO_LONG = 12.0, 3, 60.0
OURS, WARM, JAX, JAX_WARM, OTHER = "ours", "warm", "jax", "jax-warm", "other"

# What is measured is compiling, not finding what an earlier run compiled, unless the column says so.
NO_CACHE = {"COTANGENT_COMPILE_CACHE": "0"}


class Worker:
    """A process that measures a case; the protocol is that of `cotangent bench --worker`."""

    def __init__(self, command, case, env):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self.command = [*command, "--worker", case]
        self.process = subprocess.Popen(self.command, env=os.environ | env, text=True, **pipes)
        self.output = []

    def object(self, member):
        for line in self.process.stdout:
            self.output.append(line)
            value = parsed(line)
            if isinstance(value, dict) and member in value:
                return value[member]
        raise SystemExit(f"{' '.join(self.command)} failed:\n{self.process.stderr.read()}")

    def sample(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{' '.join(self.command)} failed:\n{self.process.stderr.read()}")
        return float(line)

    def finish(self):
        """Lets it come to its end: the most memory that it had."""
        self.process.stdin.close()
        peak = self.object("peak_memory")
        if self.process.wait() != 0:
            raise SystemExit(f"{' '.join(self.command)} failed")
        return peak


def parsed(line):
    try:
        return json.loads(line)
    except ValueError:
        return None


def differ(ours, theirs, tolerance):
    """Whether two results, numbers or lists of such, are not the same."""
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) != len(theirs) or any(differ(a, b, tolerance) for a, b in zip(ours, theirs))
    return abs(ours - theirs) > tolerance * (1e-3 + abs(theirs))


def compare(case, ours, theirs):
    # A step of training multiplies what the last bits differ by.
    if ours and differ(ours, theirs, 2e-3 if case.startswith(("mlp", "conv", "transformer")) else 2e-5):
        raise SystemExit(f"{case}: Cotangent computes {ours}, JAX {theirs}")


def enough(samples, elapsed):
    return elapsed > PATIENCE and samples >= FEWEST or elapsed > TOO_LONG and samples >= 1


def measure_calls(case, sides, samples):
    """Samples by side, and the most memory."""
    workers, checks = {}, {}
    for side, (command, name, env) in sides.items():  # one after the other: what one compiles must not hinder another
        workers[side] = Worker(command, name, env)
        checks[side] = workers[side].object("check")
    if JAX in sides:
        compare(case, checks[OURS], checks[JAX])
    times, begin = {side: [] for side in sides}, time.monotonic()
    while (n := len(times[OURS])) < samples and not enough(n, time.monotonic() - begin):
        for side, worker in workers.items():
            times[side].append(worker.sample())
    return times, {side: worker.finish() for side, worker in workers.items()}


def measure_process(case, sides, samples):
    """The same where a sample is the whole life of a process."""
    times, peaks, results = {side: [] for side in sides}, {}, {}
    begin = time.monotonic()
    for turn in range(samples + 1):  # the first turn fills caches: the disk's, the plugin's, Python's byte code
        if enough(turn - 1, time.monotonic() - begin):
            break
        for side, (command, name, env) in sides.items():
            start = time.perf_counter()
            worker = Worker(command, name, env)
            checked = worker.object("check")
            peaks[side] = worker.finish()
            if turn:
                times[side].append(time.perf_counter() - start)
            cells = [parsed(line) for line in worker.output]
            results[side] = [c["value"] for c in cells if isinstance(c, dict) and "cell" in c] or checked
    compare(case, results[OURS], results[JAX])
    return times, peaks


def sides_of(case, names, cotangent, jax, folder):
    """The processes of a case: command, name and environment by side."""
    name = case["case"]
    ours = ([cotangent, "bench"], name, NO_CACHE)
    sides = {OURS: ours}
    if case["unit"] == "process":
        kept = {"JAX_COMPILATION_CACHE_DIR": folder, "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
        kept |= {"JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "0"}
        return sides | {WARM: (ours[0], name, {}), JAX: (jax, name, {}), JAX_WARM: (jax, name, kept)}
    for other in (name + "-bare", targets.BESIDE.get(name)):
        if other in names:
            sides[OTHER] = (ours[0], other, NO_CACHE)
    if name in jax_cases(jax):
        sides[JAX] = (jax, name, {})
    return sides


_jax_cases = []


def jax_cases(jax):
    if not _jax_cases:
        _jax_cases.extend(subprocess.run([*jax, "--list"], check=True, capture_output=True, text=True).stdout.split())
    return _jax_cases


def seconds(value):
    for factor, unit in ((1e9, "ns"), (1e6, "µs"), (1e3, "ms")):
        if value * factor < 1000:
            return f"{value * factor:.3g} {unit}"
    return f"{value:.3g} s"


def ratio(value):
    return f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"


def cell(samples):
    """The median, and the quartiles around it."""
    if not samples:
        return ""
    low, _, high = statistics.quantiles(samples, n=4, method="inclusive") if len(samples) > 1 else samples * 3
    return f"{seconds(statistics.median(samples))} ({seconds(low)}–{seconds(high)})"


class Row:
    def __init__(self, case, times, peaks):
        self.name, self.about, self.unit = case["case"], case["about"], case["unit"]
        self.times, self.peaks = times, peaks
        self.median = {side: statistics.median(samples) for side, samples in times.items()}

    def ratio(self, side=OURS, to=JAX):
        """In turns, so the ratio is that of neighbours."""
        if to not in self.times:
            return None
        return statistics.median(a / b for a, b in zip(self.times[side], self.times[to]))

    def best(self, side=OURS, to=JAX):
        """The least by the least: what the work takes when nothing disturbs it."""
        return min(self.times[side]) / min(self.times[to]) if to in self.times else None

    def memory(self):
        if JAX not in self.peaks:
            return f"{self.peaks[OURS] / 1e6:.0f} MB"
        return f"{self.peaks[OURS] / 1e6:.0f} / {self.peaks[JAX] / 1e6:.0f} MB = {self.peaks[OURS] / self.peaks[JAX]:.2f}"

    def cells(self):
        found, target = self.ratio(), targets.RATIO.get(self.name)
        shown = ["", ""] if found is None else [ratio(found), ratio(self.best())]
        wanted = "" if target is None or found is None else f"{target:g} {'met' if found <= target else '**missed**'}"
        times = [cell(self.times[OURS]), cell(self.times.get(JAX))]
        return [f"`{self.name}`: {self.about}", self.unit, *times, *shown, wanted, self.memory()]


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)]) + "\n"


def processes(rows):
    head = ["a process from start to end", "compile cache", "Cotangent", "JAX", "ratio", "target", "memory"]
    cells = []
    for row in rows:
        for ours, theirs, cache in ((OURS, JAX, "none"), (WARM, JAX, "warm, JAX without"), (WARM, JAX_WARM, "both warm")):
            found = row.ratio(ours, theirs)
            target = targets.PROCESS.get((row.name, ours)) if theirs == JAX else None
            wanted = "" if target is None else f"{target:g} {'met' if found <= target else '**missed**'}"
            peaks = f"{row.peaks[ours] / 1e6:.0f} / {row.peaks[theirs] / 1e6:.0f} MB = {row.peaks[ours] / row.peaks[theirs]:.2f}"
            times = [cell(row.times[ours]), cell(row.times[theirs])]
            cells.append([f"`{row.name}`: {row.about}", cache, *times, ratio(found), wanted, peaks])
    return table(head, cells)


def machine():
    """The machine, without names."""
    info = Path("/proc/cpuinfo").read_text() if os.path.exists("/proc/cpuinfo") else ""
    model = next((line.split(":")[1].strip() for line in info.splitlines() if line.startswith("model name")), os.uname().machine)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} processors ({model}), {memory:.0f} GiB, {os.uname().sysname}; other work ran on it"


def page(rows, version, command):
    rows = {row.name: row for row in rows}
    groups = {}
    for row in rows.values():
        groups.setdefault(row.name.split("/")[0], []).append(row)
    parts = [
        "## Beside JAX\n",
        "The same work in Cotangent and in JAX "
        + f"{version}, by `{command}`, which wrote this part. A process of each side is set up and warm, then they\n"
        "take samples in turns. A cell is the median, with the quartiles; the ratio is the median over the turns, and\n"
        "below 1 where Cotangent is faster; beside it is the ratio of the fastest samples, which other work disturbs least.\n"
        "Only ratios of one run mean something. Memory is the most that the process\n"
        "of each side ever had. What both sides compute is compared before it is timed. The cases stand in\n"
        "`crates/bench` and `benches/vs_jax/cases.py`; `cotangent bench` runs ours alone.\n",
        f"Machine: {machine()}.\n",
    ]
    if "start" in groups:
        parts += ["### Whole processes\n", processes(groups.pop("start"))]
    head = ["case", "for each", "Cotangent", "JAX", "ratio", "of the best", "target", "memory"]
    for group, members in groups.items():
        parts += [f"### {targets.TITLES.get(group, group)}\n", table(head, [row.cells() for row in members])]
    derived = [[what, found, target] for what, found, target in targets.derived(rows)]
    if derived:
        parts += ["### Within Cotangent\n", table(["what", "found", "target"], derived)]
    return "\n".join(parts)


def write_part(file, name, text):
    """Puts a text where the page has a part of that name, and leaves the rest of it as it is."""
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    before, found, rest = Path(file).read_text().partition(begin)
    after = rest.partition(end)
    if not found or not after[1]:
        raise SystemExit(f"{file} has no part between {begin.strip()} and {end.strip()}")
    Path(file).write_text(before + begin + text.rstrip() + "\n" + end + after[2])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cotangent", help="the command-line tool, built with --release")
    parser.add_argument("filters", nargs="*", metavar="FILTER", help="a part of the names of cases (all)")
    parser.add_argument("--samples", type=int, default=25, help="samples of each case on each side (25)")
    parser.add_argument("--write", metavar="FILE", help="the page to put all cases into; they are printed as well")
    args = parser.parse_args()
    python = os.environ.get("JAX_PYTHON", sys.executable)
    jax = [python, str(HERE / "cases.py")]
    version = subprocess.run([python, "-c", "import jax; print(jax.__version__)"], check=True, capture_output=True, text=True)
    listing = subprocess.run([args.cotangent, "bench", "--list", "--json"], check=True, capture_output=True, text=True)
    cases = [json.loads(line) for line in listing.stdout.splitlines()]
    names = {case["case"] for case in cases}
    beside = {name + "-bare" for name in names} | set(targets.BESIDE.values())
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for case in cases:
            name = case["case"]
            if name.endswith("-bare") and name in beside or args.filters and not any(f in name for f in args.filters):
                continue  # what is measured beside another case is so in that case's turns
            if name.startswith("gradbench/"):
                continue  # GradBench has a tool for JAX, and a page of its own
            measure = measure_process if case["unit"] == "process" else measure_calls
            row = Row(case, *measure(name, sides_of(case, names, args.cotangent, jax, folder), args.samples))
            rows.append(row)
            medians = ", ".join(f"{side} {seconds(value)}" for side, value in row.median.items())
            found = row.ratio()
            print(f"{name:26} {medians}" + ("" if found is None else f", ratio {ratio(found)}"), file=sys.stderr, flush=True)
    text = page(rows, version.stdout.strip(), "just bench-vs-jax")
    print(text)
    if args.write and not args.filters:  # a page of some cases is none
        write_part(args.write, "beside JAX", text)


if __name__ == "__main__":
    main()
