"""Runs GradBench with Cotangent, JAX and `manual`, hand-written C++, in turns, and writes the cost of derivatives \
   in each.

    JAX_PYTHON=VENV/bin/python python3 compare.py CHECKOUT COTANGENT [--evals EVAL …] [--threads one|all|both]
        [--results DIR] [--write PAGE]
    python3 compare.py --from-csv --write PAGE

CHECKOUT is a checkout of github.com/gradbench/gradbench after `make -C cpp` and `make -C tools/manual`. COTANGENT is the
command-line tool, built with --release. JAX_PYTHON is an interpreter with what GradBench's evals and its tool for JAX
need, `pip install numpy pydantic dataclasses-json jax==0.10.2`; the default is the one that runs this file. Evals have
their default sizes, as far as their data are available. Every tool is asked for at least three runs of each, because the
first run of JAX's includes compilation. Nobody else may run `manual` in that checkout meanwhile: it is built again each time.

A whole run takes more than an hour. With --results, DIR keeps the measurements, and evals found there are not run again.
An interrupted run can be continued, and an eval is measured again after its file is removed.

With --write, the summary replaces its part of PAGE, and the row of each size goes into gradbench.csv in the folder beside
PAGE, docs/benchmarks for docs/benchmarks.md. --from-csv writes the summary of the rows that are there, and measures
nothing.
"""

import argparse
import json
import math
import os
import signal
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "vs_jax"))
from bench_vs_jax import kept_introduction, machine, mean, number, ratio, read_csv, table  # noqa: E402
from bench_vs_jax import write_csv, write_part  # noqa: E402

OURS, JAX, MANUAL = "Cotangent", "JAX", "manual"

# The functions of each eval that compute derivatives.
DERIVATIVES = {
    **{eval: ["jacobian"] for eval in ("ba", "gmm", "ht", "lstm")},
    **{eval: ["gradient"] for eval in ("det", "llsq", "lse", "ode")},
    **{eval: ["ff", "fr", "rf", "rr"] for eval in ("particle", "saddle")},
    "hello": ["double"],
    "kmeans": ["dir"],
}
EVALS = sorted(DERIVATIVES)
OF = {
    OURS: set(EVALS),
    JAX: {"gmm", "hello", "kmeans", "llsq", "lse", "ode"},
    MANUAL: set(EVALS) - {"particle", "saddle"},
}

# The largest ratio of the time in Cotangent to the time in the other tool: the geometric mean over sizes, and any size.
TARGETS = {
    JAX: {eval: (0.8, 1.1) for eval in OF[JAX]},
    MANUAL: {
        **{eval: (2.0, math.inf) for eval in ("ba", "det", "ht", "llsq", "lse", "lstm", "particle", "saddle")},
        **{eval: (1.0, math.inf) for eval in ("gmm", "kmeans")},
    },
}


# The columns of gradbench.csv: medians in seconds, and ratios of Cotangent to the other tools.
COLUMNS = ["threads", "eval", "function", "size", "derivative", "valid", "complete"]
COLUMNS += ["cotangent_s", "jax_s", "manual_s", "ratio_to_jax", "ratio_to_manual"]
RATIOS = {JAX: "ratio_to_jax", MANUAL: "ratio_to_manual"}


class Harness:
    """GradBench's command-line tool in a checkout."""

    def __init__(self, checkout, cli, python, cotangent):
        self.checkout, self.cli, self.python = checkout, cli, python
        code = "python/gradbench/gradbench"
        self.evals = f"{python} {code}/evals"
        self.tools = {
            OURS: f"{cotangent} gradbench",
            JAX: f"{python} {HERE / 'jax_waiting.py'} {code}/tools/jax/run.py",
            MANUAL: f"{python} {code}/cpp.py manual",
        }

    def options(self, eval):
        if eval == "hello":
            return ""
        options = " --min-runs 3"
        if eval == "ht":  # the eval ends with an exception where the data end
            files = (self.checkout / "evals/ht/data/complicated_big").glob("hand*_*.txt")
            options += f" --max {max(int(file.name[4:].split('_')[0]) for file in files)}"
        return options

    def run(self, eval, tool, threads, cap):
        """The log of a run, and whether it was cut short."""
        command = self.tools[tool] + (" --multithreaded" if threads == "all" else "")
        paths = [self.checkout / "python/gradbench", *filter(None, [os.environ.get("PYTHONPATH")])]
        # GradBench's `gradbench` looks for its build in the checkout.
        env = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths)), "CARGO_TARGET_DIR": "target"}
        with tempfile.NamedTemporaryFile() as log:
            call = [self.cli, "run", "--eval", f"{self.evals}/{eval}/run.py{self.options(eval)}"]
            call += ["--tool", command, "--output", log.name]
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            process = subprocess.Popen(call, cwd=self.checkout, env=env, **quiet)
            try:
                process.wait(cap)
            except subprocess.TimeoutExpired:
                end(process)
                return Log.read(log.name), True
            return Log.read(log.name), False


def end(process):
    """Ends a process and all its descendants."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue  # it has ended
        parents.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    family = [process.pid]
    for member in family:
        family += parents.get(member, [])
    for member in family:
        try:
            os.kill(member, signal.SIGKILL)
        except ProcessLookupError:
            pass
    process.wait()


class Log:
    """The median time of each evaluation, and whether it was valid, by function and index."""

    def __init__(self):
        self.times, self.valid, self.labels = {}, {}, {}

    @classmethod
    def read(cls, file):
        self, asked, count = cls(), {}, {}
        for line in Path(file).read_text().splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                break  # it was cut short
            if message := entry.get("message"):
                if message["kind"] == "evaluate":
                    function = message["function"]
                    nth = count.setdefault(function, 0)
                    count[function] += 1
                    asked[message["id"]] = function, nth
                    self.labels[function, nth] = message.get("description") or str(message["input"])[:20]
                elif message["kind"] == "analysis":
                    self.valid[asked[message["of"]]] = message["valid"]
            elif (response := entry.get("response", {})).get("success") and response["id"] in asked:
                times = [t["nanoseconds"] / 1e9 for t in response["timings"] if t["name"] == "evaluate"]
                self.times[asked[response["id"]]] = statistics.median(times)
        return self

    def dump(self):
        return {name: [[*key, value] for key, value in table.items()] for name, table in vars(self).items()}

    @classmethod
    def load(cls, tables):
        self = cls()
        for name, rows in tables.items():
            getattr(self, name).update(((function, nth), value) for function, nth, value in rows)
        return self


class Result:
    """The rounds of an eval: a log by tool in each."""

    def __init__(self, eval, rounds, cut):
        self.eval, self.rounds, self.cut = eval, rounds, cut

    def dump(self):
        rounds = [{tool: log.dump() for tool, log in logs.items()} for logs in self.rounds]
        return {"eval": self.eval, "rounds": rounds, "cut": sorted(self.cut)}

    @classmethod
    def load(cls, kept):
        rounds = [{tool: Log.load(tables) for tool, tables in logs.items()} for logs in kept["rounds"]]
        return cls(kept["eval"], rounds, set(kept["cut"]))

    def keys(self, derivatives):
        first = self.rounds[0][OURS]
        wanted = [key for key in first.labels if (key[0] in DERIVATIVES[self.eval]) == derivatives]
        # `hello` runs each function once, and JAX compiles it the first time.
        return [key for key in wanted if self.eval != "hello" or key[1] > 0]

    def median(self, tool, key):
        times = [logs[tool].times[key] for logs in self.rounds if tool in logs and key in logs[tool].times]
        return statistics.median(times) if times else None

    def ratio(self, key, tool):
        """The median over the rounds, so the ratio is that of neighboring runs."""
        both = [(logs[OURS].times, logs[tool].times) for logs in self.rounds if tool in logs]
        found = [ours[key] / theirs[key] for ours, theirs in both if key in ours and key in theirs]
        return statistics.median(found) if found else None

    def valid(self, key):
        """Whether all rounds found it valid, and the first input that `hello` leaves out as well."""
        shown = [*self.keys(derivatives=True), *self.keys(derivatives=False)]
        keys = [key, *(k for k in self.rounds[0][OURS].labels if k[0] == key[0] and k not in shown)]
        return all(logs[OURS].valid.get(k, False) for logs in self.rounds for k in keys)

    def records(self, threads):
        """The lines of gradbench.csv."""
        for derivatives in (True, False):
            for key in self.keys(derivatives):
                line = [threads, self.eval, key[0], self.rounds[0][OURS].labels[key], "yes" if derivatives else "no"]
                line += ["yes" if self.valid(key) else "no", "no" if OURS in self.cut else "yes"]
                line += [number(self.median(tool, key)) for tool in (OURS, JAX, MANUAL)]
                yield dict(zip(COLUMNS, [*line, *(number(self.ratio(key, tool)) for tool in (JAX, MANUAL))]))


def against(eval, records, tool):
    """The geometric mean, the worst size, and the verdict on the target."""
    target, column = TARGETS[tool].get(eval), RATIOS[tool]
    records = [record for record in records if record[column]]
    if not records:
        return ["", "", ""]
    middle = mean(float(record[column]) for record in records)
    worst = max(records, key=lambda record: float(record[column]))
    wanted = ""
    if target:
        met = middle <= target[0] and float(worst[column]) <= target[1]
        limit = f"{target[0]:g}" + (f", each {target[1]:g}" if math.isfinite(target[1]) else "")
        wanted = f"{limit} {'met' if met else '**missed**'}"
    return [ratio(middle), f"{ratio(float(worst[column]))} ({worst['function']} {worst['size']})", wanted]


def row(eval, records):
    """The line of an eval in the summary."""
    valid = [record["valid"] == "yes" for record in records]
    text = "all" if valid and all(valid) else f"**{sum(valid)} of {len(valid)}**"
    text += "" if all(record["complete"] == "yes" for record in records) else ", cut short"
    derivatives = [record for record in records if record["derivative"] == "yes"]
    return [f"`{eval}`", str(len(derivatives)), text, *against(eval, derivatives, JAX), *against(eval, derivatives, MANUAL)]


def measure(harness, eval, threads, rounds, cap):
    tools, logs, cut = [tool for tool in OF if eval in OF[tool]], [], set()
    for _ in range(rounds):
        logs.append({})
        for tool in tools:
            logs[-1][tool], short = harness.run(eval, tool, threads, cap)
            if short:
                cut.add(tool)
    return Result(eval, logs, cut)


def measure_once(harness, eval, threads, args):
    """The result from the directory of results, if it has the eval."""
    file = args.results and args.results / f"{eval}-{threads}.json"
    if file and file.exists():
        return Result.load(json.loads(file.read_text()))
    result = measure(harness, eval, threads, args.rounds, args.cap)
    if file:
        file.write_text(json.dumps(result.dump()))
    return result


def turns(results):
    """How many times each tool ran an eval, in words."""
    evals = {}
    for rows in results.values():
        for result in rows:
            evals.setdefault(len(result.rounds), set()).add(f"`{result.eval}`")
    usual = max(evals, key=lambda rounds: len(evals[rounds]))

    def times(rounds):
        return "once" if rounds == 1 else f"{rounds} times"

    others = [f"{', '.join(sorted(names))} {times(rounds)}" for rounds, names in sorted(evals.items()) if rounds != usual]
    median = ". The ratio of several rounds is their median" if max(evals) > 1 else ""
    return "; ".join([f"{times(usual)} each", *others]) + median


def introduction(results):
    return (
        "## GradBench\n\n"
        "[GradBench](https://github.com/gradbench/gradbench)'s evals at their default sizes with Cotangent, with \
         GradBench's\n"
        "tools for JAX, and with `manual`, its hand-written C++, measured by `just bench-gradbench`, which writes \
         this part. A\n"
        "time is the median of the runs that an eval asks for, at least three. A ratio is Cotangent's time divided \
         by the\n"
        "other's: below 1, Cotangent is faster. A mean is the geometric mean over the sizes of the derivatives. A \
         cell is empty\n"
        "where a tool lacks the eval. `valid` is GradBench's verdict. The first input of `hello` is left out, \
         because JAX\n"
        f"compiles it. The tools ran one after the other, {turns(results)}.\n\n"
        "[gradbench.csv](benchmarks/gradbench.csv) has a row for each function and size.\n\n"
        f"Machine: {machine()}.\n\n"
    )


def tables(records):
    head = ["eval", "sizes", "valid", "ratio to JAX, mean", "largest", "target", "ratio to `manual`, mean", "largest", "target"]
    parts = []
    for threads, title in (("one", "One thread"), ("all", "All processors")):
        evals = {}
        for record in records:
            if record["threads"] == threads:
                evals.setdefault(record["eval"], []).append(record)
        if evals:
            parts += [f"### {title}\n", table(head, [row(eval, lines) for eval, lines in evals.items()])]
    return "\n".join(parts)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", type=Path, nargs="?", help="a checkout of GradBench, with `manual` built")
    parser.add_argument("cotangent", type=Path, nargs="?", help="the command-line tool, built with --release")
    parser.add_argument("--evals", nargs="+", choices=EVALS, default=EVALS, metavar="EVAL", help="which evals (all)")
    parser.add_argument("--threads", choices=["one", "all", "both"], default="both", help="how many threads (both)")
    parser.add_argument("--rounds", type=int, default=2, help="how many times each tool runs an eval (2)")
    parser.add_argument("--cap", type=float, default=600.0, help="seconds for a run of an eval with a tool (600)")
    parser.add_argument("--cli", type=Path, help="GradBench's own command-line tool (`gradbench` in the checkout, \
                                                  which builds it)")
    parser.add_argument("--results", type=Path, metavar="DIR", help="where to keep results, and to reuse those that \
                                                                     are there")
    parser.add_argument("--write", metavar="PAGE", type=Path, help="the page to write the summary to, if all evals \
                                                                    are run")
    parser.add_argument("--from-csv", action="store_true", help="summarize gradbench.csv beside PAGE, and measure \
                                                                 nothing")
    args = parser.parse_args()
    if args.from_csv:
        if args.write is None:
            parser.error("--from-csv needs --write PAGE")
        records = read_csv(args.write.with_suffix("") / "gradbench.csv")
        write_part(args.write, "GradBench", kept_introduction(args.write, "GradBench") + tables(records))
        return
    if args.cotangent is None:
        parser.error("CHECKOUT and COTANGENT are needed to measure")
    if args.results:
        args.results.mkdir(parents=True, exist_ok=True)
    checkout = args.checkout.resolve()
    cli = (args.cli or checkout / "gradbench").resolve()
    harness = Harness(checkout, cli, os.environ.get("JAX_PYTHON", sys.executable), args.cotangent.resolve())
    results = {}
    for threads in ["one", "all"] if args.threads == "both" else [args.threads]:
        rows = results.setdefault(threads, [])
        for eval in args.evals:
            rows.append(measure_once(harness, eval, threads, args))
            print(" | ".join(row(eval, list(rows[-1].records(threads)))), file=sys.stderr, flush=True)
    records = [record for threads, rows in results.items() for result in rows for record in result.records(threads)]
    print(tables(records))
    if args.write and args.evals == EVALS and args.threads == "both":  # the page has all evals
        write_csv(args.write.with_suffix("") / "gradbench.csv", records)
        write_part(args.write, "GradBench", introduction(results) + tables(records))


if __name__ == "__main__":
    main()
