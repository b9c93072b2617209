"""Writes docs/benchmarks-gpu.md from the results of run.py on a machine with a GPU.

    python3 report.py RESULTS… [--write PAGE]

RESULTS is results.json, of one run or of several of the same binaries: a part or a benchmark case counts as in the last run
that has it. Without --write, the part of the page is printed. With it, the part replaces that of PAGE, and a row
for each case goes into gpu.csv in the folder of CSV files, docs/benchmarks for docs/benchmarks-gpu.md.
"""

import argparse
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "vs_jax"))
from bench_vs_jax import number, quartiles, ratio, seconds, table, write_csv, write_part  # noqa: E402

PART = "a run on a GPU"

# The largest ratio of the time in Cotangent to the time in JAX.
RATIO = {"call/scalar": 0.7, "call/scalar-dispatch": 0.7}
RATIO |= {name: 1.0 for name in ("mlp/adam", "conv/adam", "transformer/adam", "gpt/1e7", "gpt/1e8", "gpt/1e8-bf16")}
# The least floating-point operations per second, and the least share of the measured peak.
FLOPS = {"matmul/large-bf16": 700e12}
SHARE = {"memory/copy": 0.9}

# The kinds of products that have a peak.
PEAKS = ("bf16", "f16", "tf32", "f32")

COLUMNS = ["case", "unit", "cotangent_s", "cotangent_q1_s", "cotangent_q3_s", "jax_s", "jax_q1_s", "jax_q3_s"]
COLUMNS += ["ratio", "ratio_of_fastest", "flops_per_s", "bytes_per_s", "share_of_peak"]


def peak_of(case, peaks):
    """The peak that bounds a case, in operations or bytes per second: the larger of what PyTorch and JAX measured."""
    name = case.get("peak")
    if not name:
        return None
    kind = "copy" if name == "memory/copy" else name.split("-")[-1]
    return max((found.get(kind) or 0 for found in peaks), default=0) or None


def row(case, peaks):
    """The line of gpu.csv."""
    samples = case["samples"]
    time = case.get("ours")
    amount = case["flops"] or case["bytes"]
    peak = peak_of(case, peaks)
    per_second = [case[what] / time if case[what] and time else None for what in ("flops", "bytes")]
    share = amount / time / peak if amount and time and peak else None
    line = [case["case"], case["unit"], *quartiles(samples.get("ours")), *quartiles(samples.get("jax"))]
    line += [number(case.get("ratio")), number(case.get("ratio_of_fastest")), *map(number, per_second), number(share)]
    return dict(zip(COLUMNS, line))


def rate(line):
    if line["flops_per_s"]:
        return f"{float(line['flops_per_s']) / 1e12:.3g} TFLOP/s"
    return f"{float(line['bytes_per_s']) / 1e9:.4g} GB/s" if line["bytes_per_s"] else ""


def share(line):
    return f"{float(line['share_of_peak']):.0%}" if line["share_of_peak"] else ""


def judged(lines):
    """Each target, what was found, and whether it is met."""
    kinds = [
        (RATIO, "ratio", "time divided by JAX's", lambda line: ratio(float(line["ratio"])), lambda wanted: f"{wanted:g}"),
        (FLOPS, "flops_per_s", "operations per second", rate, lambda wanted: f"{wanted / 1e12:g} TFLOP/s"),
        (SHARE, "share_of_peak", "share of the measured bandwidth", share, lambda wanted: f"{wanted:.0%}"),
    ]
    for targets, column, what, shown, aim in kinds:
        for name, wanted in targets.items():
            line = lines.get(name, {})
            found = float(line[column]) if line.get(column) else None
            met = None if found is None else (found <= wanted if targets is RATIO else found >= wanted)
            verdict = {None: "not measured", True: "met", False: "**missed**"}[met]
            yield [f"`{name}`: {what}", aim(wanted), "" if met is None else shown(line), verdict]


def what_failed(parts):
    for name, part in parts.items():
        if "why" in part:
            yield f"{name}: {part['why'].splitlines()[-1]}"
        failures = part.get("failures", [])
        items = failures.items() if isinstance(failures, dict) else [(None, text) for text in failures]
        for case, text in items:
            text = text[0] if isinstance(text, list) else text
            yield f"{name}: " + (f"`{case}`: " if case else "") + text.splitlines()[0][:240]
        for case in part.get("unfinished", []):
            yield f"{name}: `{case}` did not finish"
        for case in part.get("cases", []) if name == "benchmarks" else []:
            for side, text in case.get("failures", {}).items():
                yield f"{name}: `{case['case']}` in {'Cotangent' if side == 'ours' else 'JAX'}: {text.splitlines()[0]}"
            if case.get("differs"):
                yield f"{name}: `{case['case']}` has other results than JAX: {case['differs']}"


def text(results):
    parts = results["parts"]
    machine, measured = parts.get("machine", {}), parts.get("benchmarks", {})
    card, plugin = machine.get("card") or {}, machine.get("plugin") or {}
    peaks = [found for name, found in parts.get("peaks", {}).items() if name in ("torch", "jax") and isinstance(found, dict)]
    rows = [row(case, peaks) for case in measured.get("cases", [])]
    lines = {line["case"]: line for line in rows}
    built = results["built"]
    about = [
        f"Card: {card.get('name')}, {card.get('memory.total')}, driver {card.get('driver_version')}.",
        f"Plugin: {plugin.get('package')} {plugin.get('version')}. JAX {(measured.get('jax') or {}).get('version') or machine.get('jax')}.",
        f"Cotangent at {built['commit']}{', changed' if built['changed'] else ''}, {built['profile']}, of {built['date']}.",
    ]
    status = [
        [name, part["about"], part["status"], *(str(part.get(key, "")) for key in ("passed", "failed", "excused")), f"{part['elapsed']:.0f} s"]
        for name, part in parts.items()
        if "elapsed" in part
    ]
    out = ["## Results\n", "\n".join(about) + "\n"]
    out += ["### Parts\n", table(["part", "what it does", "outcome", "passed", "failed", "excused", "took"], status)]
    out += ["### Targets\n", table(["what", "target", "found", ""], list(judged(lines)))]
    if peaks:
        kinds = [("copy", 1e9, "GB/s"), *((kind, 1e12, "TFLOP/s") for kind in PEAKS)]
        measured_by = [(name, parts["peaks"][name]) for name in ("torch", "jax") if name in parts["peaks"]]
        cells = [
            [kind, *(f"{found[kind] / scale:.4g} {unit}" if kind in found else "" for _, found in measured_by)]
            for kind, scale, unit in kinds
        ]
        head = ["peak", *({"torch": "PyTorch", "jax": "JAX"}[name] for name, _ in measured_by)]
        out += ["### Peaks\n", "The larger of each row is the denominator of the shares below.\n", table(head, cells)]
    if rows:
        def time(line, side):
            return seconds(float(line[f"{side}_s"])) if line[f"{side}_s"] else ""

        body = [
            [f"`{line['case']}`", line["unit"] or "", time(line, "cotangent"), time(line, "jax"),
             ratio(float(line["ratio"])) if line["ratio"] else "", rate(line), share(line)]
            for line in rows
        ]
        out += ["### Cases\n", table(["case", "for each", "Cotangent", "JAX", "ratio", "rate", "share of peak"], body)]
        if measured.get("not_reached"):
            out.append("The time did not suffice for " + ", ".join(f"`{name}`" for name in measured["not_reached"]) + ".\n")
    soak = parts.get("soak", {})
    if soak.get("steps"):
        growth = {place: soak[f"{place}_growth"] for place in ("host", "card") if f"{place}_growth" in soak}
        grown = ", ".join(f"{place} memory grew by {bytes / 1e6:.1f} MB" for place, bytes in growth.items())
        grown = f" After the first third, {grown}." if grown else ""
        out += ["### Soak\n", f"{soak['steps']} steps in {soak['seconds']:.0f} s.{grown}\n"]
    failed = list(what_failed(parts))
    if failed:
        out += [f"### What failed\n\n{len(failed)} in all.\n", "\n".join(f"* {line}" for line in failed[:40]) + "\n"]
    return "\n".join(out), rows


def merged(runs):
    """The results of several runs as those of one."""
    whole = runs[0]
    for run in runs[1:]:
        if run["built"] != whole["built"]:
            raise SystemExit(f"the runs are of different binaries: {whole['built']}, {run['built']}")
        old, new = whole["parts"].get("benchmarks"), run["parts"].get("benchmarks")
        if old and new:
            again = {case["case"] for case in new["cases"]}
            new["cases"] = [case for case in old["cases"] if case["case"] not in again] + new["cases"]
            new["not_reached"] = sorted(set(old["not_reached"]) - again | set(new["not_reached"]))
        old, new = whole["parts"].get("demos"), run["parts"].get("demos")
        if old and new:
            of_others = {key: text for key, text in old["failures"].items() if key.split("/")[0] not in new["seconds"]}
            new["failures"] = of_others | new["failures"]
            for what in ("passed_of_each", "seconds"):
                new[what] = old[what] | new[what]
            new["passed"], new["failed"] = sum(new["passed_of_each"].values()), len(new["failures"])
        whole["parts"] |= run["parts"]
    return whole


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, nargs="+")
    parser.add_argument("--write", metavar="PAGE", type=Path)
    args = parser.parse_args()
    results = merged([json.loads(path.read_text()) for path in args.results])
    page, rows = text(results)
    if not args.write:
        print(page)
        return
    if results["device"] != "cuda":
        parser.error("these are not the results of a GPU")
    if rows:
        write_csv(args.write.parent / "benchmarks" / "gpu.csv", rows)
    write_part(args.write, PART, page)


if __name__ == "__main__":
    main()
