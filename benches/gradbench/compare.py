"""Runs GradBench with Cotangent, JAX and `manual`, hand-written C++, in turns, and prints what derivatives cost in each.

    JAX_PYTHON=VENV/bin/python python3 compare.py CHECKOUT COTANGENT [--evals EVAL …] [--threads one|all|both]
        [--results DIR] [--write FILE]

CHECKOUT is one of github.com/gradbench/gradbench after `make -C cpp` and `make -C tools/manual`; COTANGENT the
command-line tool, built with --release. JAX_PYTHON is an interpreter with what GradBench's evals and its tool for JAX
need, `pip install numpy pydantic dataclasses-json jax==0.10.2`; without it, the one that runs this file. Evals have
their default sizes, as far as their data are there, and every tool is asked for at least three runs of each, as the
first of JAX's includes compiling. Nobody else may run `manual` in that checkout meanwhile: it is built again each time.

A whole run takes more than an hour. With --results, DIR keeps what was measured, and evals found there are not run again:
so a run can be broken off and gone on with, and an eval measured anew after its file is removed.
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
from bench_vs_jax import machine, ratio, seconds, table, write_part  # noqa: E402

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

# Time in Cotangent by time in the other tool: the geometric mean over sizes, and that of any size, at most.
TARGETS = {
    JAX: {eval: (0.8, 1.1) for eval in OF[JAX]},
    MANUAL: {
        **{eval: (2.0, math.inf) for eval in ("ba", "det", "ht", "llsq", "lse", "lstm", "particle", "saddle")},
        **{eval: (1.0, math.inf) for eval in ("gmm", "kmeans")},
    },
}


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
        if eval == "ht":  # where the data end, so does the eval, with an exception
            files = (self.checkout / "evals/ht/data/complicated_big").glob("hand*_*.txt")
            options += f" --max {max(int(file.name[4:].split('_')[0]) for file in files)}"
        return options

    def run(self, eval, tool, threads, cap):
        """What a run logged, and whether it was cut short."""
        command = self.tools[tool] + (" --multithreaded" if threads == "all" else "")
        paths = [self.checkout / "python/gradbench", *filter(None, [os.environ.get("PYTHONPATH")])]
        # GradBench's `gradbench` looks for what it builds in the checkout.
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
    """Ends a process and all that it started."""
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
    """The median time of each evaluation, and whether it was found valid, by function and how many came before."""

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
        # Hello runs each function once, and the first time JAX compiles it.
        return [key for key in wanted if self.eval != "hello" or key[1] > 0]

    def label(self, key):
        return f"{key[0]} {self.rounds[0][OURS].labels[key]}"

    def median(self, tool, key):
        times = [logs[tool].times[key] for logs in self.rounds if tool in logs and key in logs[tool].times]
        return statistics.median(times) if times else None

    def ratio(self, key, tool):
        """In turns, so the ratio is that of neighbours."""
        both = [(logs[OURS].times, logs[tool].times) for logs in self.rounds if tool in logs]
        found = [ours[key] / theirs[key] for ours, theirs in both if key in ours and key in theirs]
        return statistics.median(found) if found else None

    def ratios(self, tool):
        found = {key: self.ratio(key, tool) for key in self.keys(derivatives=True)}
        return {key: value for key, value in found.items() if value is not None}

    def validity(self):
        logs = [logs[OURS] for logs in self.rounds]
        every = [log.valid.get(key, False) for log in logs for key in log.labels]
        good = sum(every)
        text = "all" if every and good == len(every) else f"**{good} of {len(every)}**"
        return text + (", cut short" if OURS in self.cut else "")

    def against(self, tool):
        """The geometric mean, the worst size, and what is to be said of the target."""
        target, ratios = TARGETS[tool].get(self.eval), self.ratios(tool)
        if not ratios:
            return ["", "", "" if self.eval in OF[tool] or not target else f"{target[0]:g} — not in {tool}"]
        mean = math.exp(statistics.fmean(map(math.log, ratios.values())))
        worst = max(ratios, key=ratios.get)
        wanted = ""
        if target:
            met = mean <= target[0] and ratios[worst] <= target[1]
            limit = f"{target[0]:g}" + (f", each {target[1]:g}" if math.isfinite(target[1]) else "")
            wanted = f"{limit} {'met' if met else '**missed**'}"
        return [ratio(mean), f"{ratio(ratios[worst])} ({self.label(worst)})", wanted]

    def row(self):
        sizes = len(self.keys(derivatives=True))
        return [f"`{self.eval}`", str(sizes), self.validity(), *self.against(JAX), *self.against(MANUAL)]

    def details(self):
        for key in self.keys(derivatives=True) + self.keys(derivatives=False):
            medians = [self.median(tool, key) for tool in (OURS, JAX, MANUAL)]
            found = [self.ratio(key, tool) for tool in (JAX, MANUAL)]
            shown = ["" if m is None else seconds(m) for m in medians] + ["" if r is None else ratio(r) for r in found]
            yield [f"`{self.eval}` {self.label(key)}", *shown]


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
    """As in the directory of results, if there is one and it has the eval."""
    file = args.results and args.results / f"{eval}-{threads}.json"
    if file and file.exists():
        return Result.load(json.loads(file.read_text()))
    result = measure(harness, eval, threads, args.rounds, args.cap)
    if file:
        file.write_text(json.dumps(result.dump()))
    return result


def turns(results):
    """How often each tool ran an eval."""
    evals = {}
    for rows in results.values():
        for result in rows:
            evals.setdefault(len(result.rounds), set()).add(f"`{result.eval}`")
    usual = max(evals, key=lambda rounds: len(evals[rounds]))

    def times(rounds):
        return "once" if rounds == 1 else f"{rounds} times"

    others = [f"{', '.join(sorted(names))} {times(rounds)}" for rounds, names in sorted(evals.items()) if rounds != usual]
    median = "; of several rounds' ratios the table has the median" if max(evals) > 1 else ""
    return "; ".join([f"{times(usual)} each", *others]) + median


def page(results):
    parts = [
        "## GradBench\n",
        "[GradBench](https://github.com/gradbench/gradbench)'s evals at their default sizes with Cotangent, with GradBench's\n"
        "tools for JAX and with `manual`, its hand-written C++, by `just bench-gradbench`, which wrote this part. A time is the\n"
        "median of the runs that an eval asks for, three at least; a ratio is Cotangent's time by the other's, below 1 where\n"
        f"Cotangent is faster. The tools ran one after the other, {turns(results)}.\n"
        "A mean is the geometric one over the sizes of the derivatives. GradBench found valid what is so called. Of `hello` the\n"
        "first input is left out: at it JAX compiles.\n",
        f"Machine: {machine()}.\n",
    ]
    head = ["eval", "sizes", "valid", "by JAX: mean", "worst size", "target", "by manual: mean", "worst size", "target"]
    titles = {"one": "One thread", "all": "All processors"}
    for threads, rows in results.items():
        parts += [f"### {titles[threads]}\n", table(head, [result.row() for result in rows])]
        detail = [line for result in rows for line in result.details()]
        parts += ["#### Size by size\n", table(["function and size", OURS, JAX, MANUAL, "by JAX", "by manual"], detail)]
    return "\n".join(parts)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", type=Path, help="of GradBench, with `manual` built")
    parser.add_argument("cotangent", type=Path, help="the command-line tool, built with --release")
    parser.add_argument("--evals", nargs="+", choices=EVALS, default=EVALS, metavar="EVAL", help="which evals (all)")
    parser.add_argument("--threads", choices=["one", "all", "both"], default="both", help="how many threads (both)")
    parser.add_argument("--rounds", type=int, default=2, help="how often each tool runs an eval (2)")
    parser.add_argument("--cap", type=float, default=600.0, help="seconds for a run of an eval with a tool (600)")
    parser.add_argument("--cli", type=Path, help="GradBench's own command-line tool (`gradbench` in the checkout, which builds it)")
    parser.add_argument("--results", type=Path, metavar="DIR", help="where to keep results, and take those that are there")
    parser.add_argument("--write", metavar="FILE", help="the page to put it into; it is printed as well")
    args = parser.parse_args()
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
            print(" | ".join(rows[-1].row()), file=sys.stderr, flush=True)
    text = page(results)
    print(text)
    if args.write and args.evals == EVALS:  # a part with some evals is none
        write_part(args.write, "GradBench", text)


if __name__ == "__main__":
    main()
