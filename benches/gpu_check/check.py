"""Compiles everything there is for a GPU that this machine need not have, and compares with what compiled before.

    python3 check.py COTANGENT PRIMITIVES [--target h100] [--every-dtype] [--only TEXT] [--bless] [--write PAGE] [--out DIR]

COTANGENT is the command-line tool, with the examples built beside it. PRIMITIVES is a directory with the programs of
the primitives, as `RULES_EXPORT_TO=DIR cargo test -p cotangent --test rules lowers` writes them. Every demo, example,
benchmark case and GradBench program runs once on the CPU, and each program that it compiles there is compiled for the
GPU, with one process per processor. A process that ends or hangs costs one program. What has been compiled is
remembered in DIR, so that an interrupted check continues.

Fewer programs than in baseline.json, or another failure than those listed there, fail the check; --bless writes the
file. --write replaces the section of the target in a page.
"""

import argparse
import collections
import concurrent.futures
import datetime
import hashlib
import json
import os
import re
import select
import subprocess
import sys
import threading
import time
from pathlib import Path

HERE = Path(__file__).parent
BASELINE = HERE / "baseline.json"
# Seconds for one program.
PATIENCE = 300


def digest(*parts):
    sha = hashlib.sha256()
    for part in parts:
        sha.update(len(part).to_bytes(8, "little"))
        sha.update(part)
    return sha.hexdigest()[:32]


def group(name, demos, examples):
    if name in demos:
        return "demos"
    if name in examples:
        return "examples"
    return "GradBench" if name.startswith("gradbench/") else "benchmark cases"


def without_locations(text):
    """A program without the lines of its source, which change nothing."""
    text = re.sub(r" loc\((#\w+|\"[^\"]*\"[^)]*)\)", "", text)
    return "\n".join(line for line in text.splitlines() if not line.startswith("#loc"))


def collect(cotangent, out, only):
    """The programs of everything that has a name: a list of (group, name, file)."""
    names = subprocess.run([cotangent, "compile"], check=True, text=True, capture_output=True).stdout.split()
    listed = subprocess.run([cotangent, "demo", "list"], check=True, text=True, capture_output=True).stdout
    demos = {line.split()[0] for line in listed.splitlines() if line and not line.startswith(" ")}
    examples = {path.name for path in (Path(cotangent).parent / "examples").glob("*")}

    def one(name):
        folder = out / "programs" / name.replace("/", "-")
        done = folder / "done"
        if not done.exists():
            for old in folder.glob("*"):
                old.unlink()
            folder.mkdir(parents=True, exist_ok=True)
            run = subprocess.run([cotangent, "compile", name, "--collect", folder], text=True, capture_output=True)
            if run.returncode != 0 and "compiles no program" not in run.stderr:
                return [(group(name, demos, examples), name, None, run.stderr.strip().splitlines()[-1:])]
            done.touch()
        files = sorted(path for path in folder.iterdir() if path.suffix in (".mlir", ".error"))
        return [(group(name, demos, examples), f"{name}#{i}", path, None) for i, path in enumerate(files, 1)]

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(one, [name for name in names if only in name])
        return [program for programs in found for program in programs]


class Worker:
    """A process that compiles one file after another."""

    def __init__(self, cotangent, target, log):
        self.command = [cotangent, "compile", "--target", target, "--worker"]
        self.log, self.child = log, None

    def compile(self, path):
        if self.child is None or self.child.poll() is not None:
            self.child = subprocess.Popen(
                self.command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log
            )
        try:
            self.child.stdin.write(f"{path}\n")
            self.child.stdin.flush()
        except BrokenPipeError:
            pass
        ready, _, _ = select.select([self.child.stdout], [], [], PATIENCE)
        line = self.child.stdout.readline() if ready else ""
        if line:
            return json.loads(line)
        reason = "the compiler ended the process" if ready else f"it did not compile within {PATIENCE} s"
        self.child.kill()
        self.child.wait()
        return {"error": reason}

    def end(self):
        if self.child is not None:
            self.child.stdin.close()
            self.child.wait()


def short(error):
    """The first line of an error, without what differs from program to program."""
    lines = [line.strip() for line in error.splitlines() if line.strip()]
    return re.sub(r"/\S*/(?=[\w-]+\.(mlir|error))", "", lines[0])[:300] if lines else "no message"


def table(results, names):
    rows = collections.OrderedDict()
    for kind, name, key in names:
        row = rows.setdefault(kind, [0, 0])
        row[0] += 1
        row[1] += results[key].get("error") is None
    rows["all"] = [sum(row[i] for row in rows.values()) for i in range(2)]
    return rows


def plugin(cotangent):
    """The package of the plugin for CUDA, by the hash of its library, or that hash."""
    run = subprocess.run([cotangent, "doctor", "--device", "cuda", "--json"], text=True, capture_output=True)
    sha256 = (json.loads(run.stdout).get("plugin") or {}).get("sha256") or "unknown"
    entries = (HERE / "../../third_party/plugins.lock").read_text().split("[[")
    entry = next((entry for entry in entries if f'library_sha256 = "{sha256}"' in entry), "")
    name = re.search(r'^package = "(.*)"$', entry, re.M), re.search(r'^version = "(.*)"$', entry, re.M)
    return f"{name[0][1]} {name[1][1]}" if all(name) else f"with the SHA-256 {sha256[:16]}"


SECTION = """## Compiled for {about}, not run

{date}, plugin {plugin}. {passed} of {all} programs compile, {different} of them different; `just gpu-check --target
{target}` repeats it. The times are those of the compiler, beside other work. A kernel in the body of a loop counts once.

| programs | compiled | of | kernels | code | compile time, median | longest |
|---|---|---|---|---|---|---|
{rows}
{failures}"""

HEAD = "# Benchmarks on a GPU\n"


def write(page, target, names, results, rows, reasons, plugin):
    """Replaces the section of the target."""
    lines = []
    for kind, (all_, passed) in rows.items():
        keys = {key for of, _, key in names if kind in (of, "all") and results[key].get("error") is None}
        done = [results[key] for key in keys]
        seconds = sorted(result["seconds"] for result in done) or [0]
        kernels, code = sum(result["kernels"] for result in done), sum(result["code"] for result in done)
        median = seconds[len(seconds) // 2]
        lines.append(
            f"| {kind} | {passed} | {all_} | {kernels:,} | {code / 1e6:.1f} MB | {median:.1f} s | {seconds[-1]:.0f} s |"
        )
    failed = [f"\n* {reason}: {', '.join(of)}" for reason, of in reasons.items()]
    text = SECTION.format(
        about=target.upper().replace("RTX4090", "RTX 4090"), target=target, plugin=plugin,
        date=datetime.date.today().isoformat(), passed=rows["all"][1], all=rows["all"][0],
        different=len({key for _, _, key in names}), rows="\n".join(lines),
        failures="\nThese do not compile:\n" + "".join(failed) + "\n" if failed else "",
    )
    old = page.read_text() if page.exists() else HEAD
    parts = re.split(r"(?m)^(?=## )", old)
    head = text.split("\n", 1)[0]
    parts = [part.rstrip() + "\n" for part in parts if not part.startswith(head + "\n")] + [text.rstrip() + "\n"]
    page.write_text("\n".join(parts))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cotangent")
    parser.add_argument("primitives", type=Path)
    parser.add_argument("--target", default="h100")
    parser.add_argument("--only", default="", help="compile only what has this in its name; compares with nothing")
    parser.add_argument("--every-dtype", action="store_true", help="every primitive with all dtypes, not one")
    parser.add_argument("--bless", action="store_true")
    parser.add_argument("--write", type=Path)
    parser.add_argument("--out", type=Path, default=Path("target/gpu-check"))
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    start = time.time()
    programs = collect(args.cotangent, args.out, args.only)
    paths = [path for path in sorted(args.primitives.glob("*.mlir")) if args.only in path.stem]
    chosen = [path for path in paths if args.every_dtype or path.stem.count("-") == 1]
    programs += [("primitives", path.stem, path, None) for path in chosen]
    print(f"{len(programs)} programs collected in {time.time() - start:.0f} s", flush=True)

    memory = args.out / f"{args.target}.jsonl"
    results = {}
    binary = digest(Path(args.cotangent).read_bytes()).encode()
    if memory.exists():
        for line in memory.read_text().splitlines():
            result = json.loads(line)
            results[result["key"]] = result
    names, waiting = [], {}
    for kind, name, path, failed in programs:
        text = without_locations(path.read_text()) if path else name
        key = digest(binary, args.target.encode(), text.encode())
        names.append((kind, name, key))
        if failed is not None:
            results[key] = {"error": "it does not run on the CPU: " + "".join(failed)}
        elif key not in results:
            waiting.setdefault(key, path)
    print(f"{len({key for _, _, key in names})} of them are different, {len(waiting)} are to be compiled", flush=True)
    queue, lock = list(reversed(waiting.items())), threading.Lock()

    def work():
        with (args.out / "compiler.log").open("a") as log:
            worker = Worker(args.cotangent, args.target, log)
            while True:
                with lock:
                    if not queue:
                        break
                    key, path = queue.pop()
                result = {**worker.compile(path), "key": key}
                with lock:
                    results[key] = result
                    with memory.open("a") as file:
                        file.write(json.dumps(result) + "\n")
            worker.end()

    threads = [threading.Thread(target=work) for _ in range(os.cpu_count())]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    rows = table(results, names)
    print(f"\n{'for ' + args.target:20}{'programs':>10}{'compiled':>10}{'failed':>10}")
    for kind, (all_, passed) in rows.items():
        print(f"{kind:20}{all_:>10}{passed:>10}{all_ - passed:>10}")
    failures = {name: short(results[key]["error"]) for _, name, key in names if results[key].get("error") is not None}
    reasons = collections.defaultdict(list)
    for name, reason in failures.items():
        reasons[reason].append(name)
    for reason, of in sorted(reasons.items(), key=lambda item: -len(item[1])):
        print(f"\n{len(of)} × {reason}\n    {', '.join(of)}")
    print(f"\n{time.time() - start:.0f} s")
    if args.only or args.every_dtype:
        return 0

    baseline = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
    before = baseline.get(args.target, {"compiled": 0, "failures": {}})
    passed = rows["all"][1]
    worse = [name for name in failures if name not in before["failures"]]
    if args.bless:
        baseline[args.target] = {
            "programs": rows["all"][0], "compiled": passed, "failures": dict(sorted(failures.items()))
        }
        BASELINE.write_text(json.dumps(baseline, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
    if args.write:
        write(args.write, args.target, names, results, rows, reasons, plugin(args.cotangent))
    if args.bless:
        return 0
    if passed < before["compiled"]:
        print(f"FAILED: {passed} programs compiled, {before['compiled']} did before")
    if worse:
        print(f"FAILED: these compiled before: {', '.join(worse)}")
    return int(passed < before["compiled"] or bool(worse))


if __name__ == "__main__":
    sys.exit(main())
