"""Measures the cases of crates/bench in Cotangent and in JAX, for docs/benchmarks.md.

    JAX_PYTHON=VENV/bin/python python3 bench_vs_jax.py COTANGENT [FILTER …] [--samples N] [--write PAGE]
    python3 bench_vs_jax.py --from-csv --write PAGE
    OPENBLAS_NUM_THREADS=1 … python3 bench_vs_jax.py COTANGENT --linear-algebra

JAX_PYTHON is an interpreter with `pip install jax==0.10.2`; the default is the one that runs this file. COTANGENT is the
command-line tool, built with --release. Each case has one process per side, set up and warm. The processes take samples
in turns, one at a time, so that other work on the machine affects both. Only ratios of one run are meaningful. The
results of both sides are compared before they are timed. A FILTER selects cases by a part of their names.

With --write, the summary replaces its part of PAGE, and the row of each case goes into a CSV file in the folder beside
PAGE: vs_jax.csv and within_cotangent.csv in docs/benchmarks for docs/benchmarks.md. --from-csv writes the summary of the
rows that are there, and measures nothing. --linear-algebra measures the cases of that group alone, and prints tables of the
times and residuals by routine and size.
"""

import argparse
import csv
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import targets

HERE = Path(__file__).resolve().parent
# After PATIENCE seconds, FEWEST samples are enough; after TOO_LONG seconds, one is.
PATIENCE, FEWEST, TOO_LONG = 12.0, 3, 60.0
OURS, WARM, JAX, JAX_WARM, OTHER = "ours", "warm", "jax", "jax-warm", "other"

# Compilation is measured, not a cache hit from an earlier run, unless the column says otherwise.
NO_CACHE = {"COTANGENT_COMPILE_CACHE": "0"}

# The compile caches of a process from start to end: the sides that are compared, and the name.
CACHES = ((OURS, JAX, "none"), (WARM, JAX, "warm in Cotangent"), (WARM, JAX_WARM, "warm in both"))

# The columns of vs_jax.csv: medians and quartiles in seconds, ratios of Cotangent to JAX, peak memory in MB.
COLUMNS = ["group", "case", "about", "unit", "cache"]
COLUMNS += ["cotangent_s", "cotangent_q1_s", "cotangent_q3_s", "jax_s", "jax_q1_s", "jax_q3_s"]
COLUMNS += ["ratio", "ratio_of_fastest", "target", "cotangent_mb", "jax_mb"]


class Worker:
    """A process that measures a case, by the protocol of `cotangent bench --worker`."""

    def __init__(self, command, env):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self.command = [str(word) for word in command]
        self.process = subprocess.Popen(self.command, env=os.environ | env, text=True, **pipes)
        self.output = []

    def object(self, member):
        for line in self.process.stdout:
            self.output.append(line)
            value = parsed(line)
            if isinstance(value, dict) and member in value:
                self.said = value
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
        """Lets the process end, and returns its peak memory."""
        self.process.stdin.close()
        peak = self.object("peak_memory")
        if self.process.wait() != 0:
            raise SystemExit(f"{' '.join(self.command)} failed")
        return peak


# The residuals of both sides by case.
RESIDUALS = {}


def parsed(line):
    try:
        return json.loads(line)
    except ValueError:
        return None


def differ(ours, theirs, tolerance):
    """Whether two results, numbers or lists of numbers, differ."""
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) != len(theirs) or any(differ(a, b, tolerance) for a, b in zip(ours, theirs))
    return abs(ours - theirs) > tolerance * (1e-3 + abs(theirs))


def compare(case, ours, theirs):
    # A training step amplifies differences in the last bits.
    if ours and differ(ours, theirs, 2e-3 if case.startswith(("mlp", "conv", "transformer")) else 2e-5):
        raise SystemExit(f"{case}: Cotangent computes {ours}, JAX {theirs}")


def compare_residuals(case, ours, theirs):
    """Ours may be at most twice theirs."""
    if ours is not None and theirs is not None:
        RESIDUALS[case] = (ours, theirs)
        verdict = "" if ours <= 2 * theirs else ", TOO LARGE"
        print(f"{case:26} residuals: Cotangent {ours:.2e}, JAX {theirs:.2e}{verdict}", file=sys.stderr)


def enough(samples, elapsed):
    return elapsed > PATIENCE and samples >= FEWEST or elapsed > TOO_LONG and samples >= 1


def measure_calls(case, sides, samples):
    """Samples and peak memory by side."""
    workers, checks, residuals = {}, {}, {}
    for side, (command, name, env) in sides.items():  # one after the other, so that compilations do not disturb each other
        workers[side] = Worker([*command, "--worker", name], env)
        checks[side] = workers[side].object("check")
        residuals[side] = workers[side].said.get("residual")
    if JAX in sides:
        compare(case, checks[OURS], checks[JAX])
        compare_residuals(case, residuals[OURS], residuals[JAX])
    times, begin = {side: [] for side in sides}, time.monotonic()
    while (n := len(times[OURS])) < samples and not enough(n, time.monotonic() - begin):
        for side, worker in workers.items():
            times[side].append(worker.sample())
    return times, {side: worker.finish() for side, worker in workers.items()}


def measure_process(case, sides, samples):
    """Samples and peak memory by side, where a sample is the whole life of a process."""
    times, peaks, results = {side: [] for side in sides}, {}, {}
    begin = time.monotonic()
    for turn in range(samples + 1):  # the first turn fills caches: disk, plugin, Python byte code
        if enough(turn - 1, time.monotonic() - begin):
            break
        for side, (command, name, env) in sides.items():
            start = time.perf_counter()
            worker = Worker([*command, "--worker", name], env)
            checked = worker.object("check")
            peaks[side] = worker.finish()
            if turn:
                times[side].append(time.perf_counter() - start)
            cells = [parsed(line) for line in worker.output]
            results[side] = [c["value"] for c in cells if isinstance(c, dict) and "cell" in c] or checked
    compare(case, results[OURS], results[JAX])
    return times, peaks


def sides_of(case, names, cotangent, jax, folder):
    """The processes of a case: command, case name and environment by side."""
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


def number(value):
    return "" if value is None else f"{value:.4g}"


def quartiles(samples):
    """The median and the quartiles, as columns."""
    if not samples:
        return ["", "", ""]
    low, middle, high = statistics.quantiles(samples, n=4, method="inclusive") if len(samples) > 1 else samples * 3
    return [number(middle), number(low), number(high)]


class Row:
    def __init__(self, case, times, peaks):
        self.name, self.about, self.unit = case["case"], case["about"], case["unit"]
        self.times, self.peaks = times, peaks
        self.median = {side: statistics.median(samples) for side, samples in times.items()}

    def ratio(self, side=OURS, to=JAX):
        """The median over the turns, so the ratio is that of neighboring samples."""
        if to not in self.times:
            return None
        return statistics.median(a / b for a, b in zip(self.times[side], self.times[to]))

    def fastest(self, side=OURS, to=JAX):
        """The ratio of the fastest samples, which other work disturbs least."""
        return min(self.times[side]) / min(self.times[to]) if to in self.times else None

    def records(self):
        """The lines of vs_jax.csv: one, or one for each state of the caches."""
        whole = self.unit == "process"
        for ours, theirs, cache in CACHES if whole else ((OURS, JAX, ""),):
            target = targets.PROCESS.get((self.name, ours)) if whole else targets.RATIO.get(self.name)
            peaks = [f"{self.peaks[side] / 1e6:.0f}" if side in self.peaks else "" for side in (ours, theirs)]
            found = [self.ratio(ours, theirs), self.fastest(ours, theirs)]
            line = [self.name.split("/")[0], self.name, self.about, self.unit, cache]
            line += [*quartiles(self.times[ours]), *quartiles(self.times.get(theirs)), *map(number, found)]
            judged = theirs == JAX and found[0] is not None
            yield dict(zip(COLUMNS, [*line, number(target if judged else None), *peaks]))


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)]) + "\n"


def mean(values):
    """The geometric mean."""
    return math.exp(statistics.fmean(map(math.log, values)))


def missed(record):
    return bool(record["ratio"] and record["target"]) and float(record["ratio"]) > float(record["target"])


def summary(records):
    """A line for each group: the mean over its cases, and the case with the largest ratio."""
    groups = {}
    for record in records:
        if record["ratio"]:
            groups.setdefault((record["group"], record["cache"]), []).append(record)
    head = ["group", "cases", "ratio, mean", "largest ratio", "Cotangent", "JAX", "ratio", "targets met", "memory, mean"]
    lines = []
    for (group, cache), members in groups.items():
        title = targets.TITLES.get(group, group) + (f"; compile cache: {cache}" if cache else "")
        worst = max(members, key=lambda record: float(record["ratio"]))
        times = [f"{seconds(float(worst[side]))}" for side in ("cotangent_s", "jax_s")]
        wanted = [record for record in members if record["target"]]
        met = f"{sum(not missed(record) for record in wanted)} of {len(wanted)}" if wanted else ""
        memory = mean(float(record["cotangent_mb"]) / float(record["jax_mb"]) for record in members)
        ratios = [ratio(mean(float(record["ratio"]) for record in members)), ratio(float(worst["ratio"]))]
        lines.append([title, str(len(members)), ratios[0], f"`{worst['case']}`", *times, ratios[1], met, ratio(memory)])
    return table(head, lines)


def details(records):
    """A line for each case."""
    head = ["case", "compile cache", "for each", "Cotangent", "JAX", "ratio", "of the fastest", "target", "memory"]

    def time(record, side):
        middle, low, high = (record[f"{side}{part}_s"] for part in ("", "_q1", "_q3"))
        return f"{seconds(float(middle))} ({seconds(float(low))}–{seconds(float(high))})" if middle else ""

    def line(record):
        wanted = record["target"] and f"{record['target']} {'**missed**' if missed(record) else 'met'}"
        memory = " / ".join(record[side] for side in ("cotangent_mb", "jax_mb") if record[side]) + " MB"
        found = [ratio(float(record[part])) if record[part] else "" for part in ("ratio", "ratio_of_fastest")]
        name = f"`{record['case']}`: {record['about']}"
        return [name, record["cache"], record["unit"], *(time(record, s) for s in ("cotangent", "jax")), *found, wanted, memory]

    return table(head, [line(record) for record in records])


def misses(records):
    """The cases that missed their targets."""
    head = ["case", "Cotangent", "JAX", "ratio", "ratio of the fastest samples", "target"]
    return table(head, [
        [
            f"`{record['case']}`: {record['about']}" + (f"; compile cache: {record['cache']}" if record["cache"] else ""),
            *(seconds(float(record[side])) for side in ("cotangent_s", "jax_s")),
            *(ratio(float(record[part])) for part in ("ratio", "ratio_of_fastest")),
            record["target"],
        ]
        for record in records
        if missed(record)
    ])


def machine():
    """The machine, without names."""
    info = Path("/proc/cpuinfo").read_text() if os.path.exists("/proc/cpuinfo") else ""
    model = next((line.split(":")[1].strip() for line in info.splitlines() if line.startswith("model name")), os.uname().machine)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} processors ({model}), {memory:.0f} GiB, {os.uname().sysname}; other work ran on it"


def introduction(version):
    return (
        "## Compared with JAX\n\n"
        f"The same work in Cotangent and in JAX {version}, measured by `just bench-vs-jax`, which writes this part. \
          Each side has\n"
        "a process that is set up and warm; the two take samples in turns. A time is the median, for one call, step, \
         loop or\n"
        "equation, as `unit` states in the CSV file. A ratio is Cotangent's time divided by JAX's, as the median \
         over the turns:\n"
        "below 1, Cotangent is faster. Only ratios of one run are meaningful.\n"
        "Memory is the peak of a process, Cotangent's divided by JAX's. The results of both sides are compared \
         before they are\n"
        "timed. A mean is geometric.\n\n"
        "[vs_jax.csv](benchmarks/vs_jax.csv) has a row for each case and size, with quartiles and the ratio of the \
         fastest samples,\n"
        "which other work disturbs least. The cases are in `crates/bench` and `benches/vs_jax/cases.py`.\n\n"
        f"Machine: {machine()}.\n\n"
    )


def tables(records, within):
    parts = ["### Summary\n", summary(records)]
    if any(map(missed, records)):
        parts += ["### Missed targets\n", misses(records)]
    if within:
        parts += ["### Within Cotangent\n", table(list(within[0]), [list(line.values()) for line in within])]
    return "\n".join(parts)


ROUTINES = {
    "cholesky": "Cholesky",
    "triangular": "triangular system, n right-hand sides",
    "lu": "LU",
    "solve": "linear system, one right-hand side",
    "qr": "QR",
    "svd": "singular values and vectors",
    "eigh": "eigenvalues and vectors, Hermitian",
    "eig": "eigenvalues and vectors",
}
SIZES = {"7": "7", "8": "8", "64": "64", "256": "256", "1000": "1000", "batch": "10,000 of 8"}


def linear_algebra(records):
    """Tables of ratios, f32 / f64: of the times of the fastest samples, and of the residuals."""
    found = {record["case"]: record for record in records}

    def cell(case, member, bar):
        value = float(found[case][member]) if case in found and found[case][member] else None
        text = "" if value is None else ratio(value)
        return f"**{text}**" if value is not None and value > bar(found[case]) else text

    def lines(member, bar):
        for name, title in ROUTINES.items():
            cases = [[f"linalg/{name}-{size}-{dtype}" for dtype in ("f32", "f64")] for size in SIZES]
            yield [title, *(" / ".join(cell(case, member, bar) for case in pair) for pair in cases)]

    head = ["routine", *SIZES.values()]
    times = table(head, list(lines("ratio_of_fastest", lambda record: float(record["target"]))))
    residuals = table(head, list(lines("residual_ratio", lambda _: 2.0)))
    return "Times:\n\n" + times + "\nResiduals:\n\n" + residuals


def read_csv(file):
    with open(file, newline="") as lines:
        return list(csv.DictReader(lines))


def write_csv(file, records):
    file.parent.mkdir(exist_ok=True)
    with open(file, "w", newline="") as lines:
        writer = csv.DictWriter(lines, list(records[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(records)


def part_of(file, name):
    """The page before, in and after the part of that name."""
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    before, found, rest = Path(file).read_text().partition(begin)
    part, closed, after = rest.partition(end)
    if not found or not closed:
        raise SystemExit(f"{file} has no part between {begin.strip()} and {end.strip()}")
    return before + begin, part, end + after


def write_part(file, name, text):
    """Replaces the part of that name, and leaves the rest of the page as it is."""
    before, _, after = part_of(file, name)
    Path(file).write_text(before + text.rstrip() + "\n" + after)


def kept_introduction(file, name):
    """What a part of the page says before its tables: the version and the machine of the run that made its rows."""
    return part_of(file, name)[1].partition("### ")[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cotangent", nargs="?", help="the command-line tool, built with --release")
    parser.add_argument("filters", nargs="*", metavar="FILTER", help="a part of the names of cases (all)")
    parser.add_argument("--samples", type=int, default=25, help="samples of each case on each side (25)")
    parser.add_argument("--write", metavar="PAGE", type=Path, help="the page to write the summary to, if no filter \
                                                                    is given")
    parser.add_argument("--from-csv", action="store_true", help="summarize the CSV files beside PAGE, and measure \
                                                                 nothing")
    parser.add_argument("--linear-algebra", action="store_true", help="measure that group, and print its tables")
    args = parser.parse_args()
    if args.linear_algebra:
        args.filters = ["linalg/"]
    if args.from_csv:
        if args.write is None:
            parser.error("--from-csv needs --write PAGE")
        records, within = (read_csv(args.write.with_suffix("") / name) for name in ("vs_jax.csv", "within_cotangent.csv"))
        write_part(args.write, "beside JAX", kept_introduction(args.write, "beside JAX") + tables(records, within))
        return
    if args.cotangent is None:
        parser.error("COTANGENT is needed to measure")
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
                continue  # measured in the turns of the case that it is compared with
            if name.startswith("gradbench/"):
                continue  # measured by benches/gradbench/compare.py
            if case["sized"] or name.startswith("soak/"):
                continue  # for GPUs: benches/gpu
            measure = measure_process if case["unit"] == "process" else measure_calls
            row = Row(case, *measure(name, sides_of(case, names, args.cotangent, jax, folder), args.samples))
            rows.append(row)
            medians = ", ".join(f"{side} {seconds(value)}" for side, value in row.median.items())
            found = row.ratio()
            print(f"{name:26} {medians}" + ("" if found is None else f", ratio {ratio(found)}"), file=sys.stderr, flush=True)
    records = [record for row in rows for record in row.records()]
    keys = ("what", "found", "target")
    within = [dict(zip(keys, line)) for line in targets.derived({row.name: row for row in rows})]
    text = tables(records, within)
    print(details(records), text, sep="\n")
    if args.linear_algebra:
        for record in records:
            ours, theirs = RESIDUALS.get(record["case"], (None, None))
            record["cotangent_residual"], record["jax_residual"] = number(ours), number(theirs)
            record["residual_ratio"] = number(ours / theirs if theirs else None)
        print(linear_algebra(records))
    if args.write and not args.filters:  # the page has all cases
        write_csv(args.write.with_suffix("") / "vs_jax.csv", records)
        write_csv(args.write.with_suffix("") / "within_cotangent.csv", within)
        write_part(args.write, "beside JAX", introduction(version.stdout.strip()) + text)


if __name__ == "__main__":
    main()
