"""Tries prepare.py, run.py and report.py on the CPU with a few cases and tight limits, and checks what they write.

    python3 smoke.py

One expected value is falsified and one benchmark case does not exist: both must be found, and nothing else may fail. Takes
about a minute when the binaries are built. JAX_PYTHON names a Python that has JAX; without one, the comparison with JAX must
say why it could not run.
"""

import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import report  # noqa: E402

PARTS = ["machine", "notebook", "primitives", "random", "programs", "gradbench", "benchmarks", "peaks", "soak"]
SELECTED = {"RULES": "sin,sort,threefry2x32,dot_general", "PROGRAMS": "kalman,euler"}
CASES = ["call/scalar", "memory/copy", "matmul/medium-bf16", "no/such"]


def check(holds, what):
    if not holds:
        raise SystemExit(f"FAILED: {what}")


def falsified(payload):
    """Changes the first number of the first expected result, and returns the case that it belongs to."""
    with tarfile.open(payload) as old:
        members = [(member, old.extractfile(member).read() if member.isfile() else None) for member in old]
    with tarfile.open(payload, "w:xz", preset=0) as new:
        for member, data in members:
            if member.name.endswith("primitives.jsonl"):
                first, *rest = data.decode().splitlines()
                line = json.loads(first)
                result = next(iter(line["results"].values()))
                result["data"][0] = result["data"][0] * 2 + 1
                data = "\n".join([json.dumps(line), *rest]).encode()
                member.size, case = len(data), line["case"]
            new.addfile(member, io.BytesIO(data) if data is not None else None)
    return case


def run(folder, out, *options, wanted=PARTS):
    command = [sys.executable, folder / "run.py", "--device", "cpu", "--out", out, *options]
    subprocess.run(command, check=True, env=os.environ | SELECTED)
    check((out / "log.txt").stat().st_size > 0, "there is a log")
    results = json.loads((out / "results.json").read_text())
    check(results["complete"] and list(results["parts"]) == wanted, f"every part is there: {list(results['parts'])}")
    for name, part in results["parts"].items():
        check({"status", "about", "elapsed"} <= part.keys(), f"{name} has an outcome: {part}")
        check(part["status"] != "could not run" or part.get("why"), f"{name} says why it could not run")
    return results


def main():
    with tempfile.TemporaryDirectory() as temporary:
        try:
            attempt(Path(temporary))
        except SystemExit:
            for log in sorted(Path(temporary).glob("*/log.txt")):
                print(f"{log.parent.name}/log.txt:", *log.read_text().splitlines()[-60:], sep="\n")
            raise
    print("The run for a GPU works on the CPU.")


def attempt(temporary):
    folder, out = temporary / "gpu-run", temporary / "out"
    prepare = [sys.executable, HERE / "prepare.py", folder, "--profile", "dev", "--gradbench", "hello", "saddle"]
    subprocess.run(prepare, check=True, env=os.environ | SELECTED)
    wrong = falsified(folder / "payload.tar.xz")
    # Generous: other work may slow the machine down.
    limits = [word for part in PARTS for word in ("--limit", f"{part}={180 if part != 'soak' else 8}")]
    results = run(folder, out, *limits, "--seconds", "900", "--cases", *CASES)
    parts = results["parts"]
    for name in ("machine", "notebook", "random", "programs", "gradbench", "soak"):
        check(parts[name]["status"] == "ok", f"{name}: {parts[name]}")
    check(parts["notebook"]["passed"] >= 15 and parts["programs"]["passed"] == 2, "values are compared")
    check(parts["gradbench"]["passed"] == 2, "derivatives are compared")
    found = parts["primitives"]
    check(list(found["failures"]) == [wrong], f"the falsified value is found, and no other: {found['failures']}")
    check(found["passed"] > 20 and found["groups"].keys() == set(SELECTED["RULES"].split(",")), "primitives run")
    measured = parts["benchmarks"]
    check([case["case"] for case in measured["cases"]] == CASES, f"the cases are measured in order: {measured}")
    failed = [case["case"] for case in measured["cases"] if "failures" in case]
    check(failed == ["no/such"], f"only the case that does not exist fails: {measured['cases']}")
    check(all(case["ours"] > 0 for case in measured["cases"][:-1]), "a case has a time")
    if "error" not in measured["jax"]:
        different = [case["case"] for case in measured["cases"] if case.get("differs")]
        check(different == [] and all(case["ratio"] > 0 for case in measured["cases"][:-1]), f"JAX agrees: {measured}")
        check(parts["peaks"]["status"] == "ok" and parts["peaks"]["jax"]["copy"] > 0, f"peaks: {parts['peaks']}")
    else:
        check(measured["jax"]["error"] and parts["peaks"]["status"] == "could not run", f"no JAX, no peaks: {parts['peaks']}")
    soak = parts["soak"]
    check(soak["steps"] > 0 and "host_growth" in soak, f"memory is recorded: {soak}")
    page, rows = report.text(results)
    check(len(rows) == len(CASES) and f"`{wrong}`" in page and "`no/such`" in page, f"the page has it all:\n{page}")
    # What takes a run of its own, and its results beside those of the first.
    options = ["demos", "libraries", "--demos", "gradient-optimization", "--tests", "nn::attention_of_f64"]
    more = run(folder, temporary / "more", *options, wanted=["machine", "demos", "libraries"])
    for name in ("demos", "libraries"):
        check(more["parts"][name]["status"] == "ok" and more["parts"][name]["passed"] > 0, f"{name}: {more['parts'][name]}")
    check(set(report.merged([results, more])["parts"]) == {*PARTS, "demos", "libraries"}, "the parts of both runs are there")
    # With no time at all, every part says so.
    late = run(folder, temporary / "late", "--seconds", "1")
    check(all(part["status"] == "could not run" for part in late["parts"].values()), "nothing runs without time")


if __name__ == "__main__":
    main()
