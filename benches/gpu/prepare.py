"""Makes the folder that a machine with a GPU needs for `run.py`: binaries, stored cases, and expected values.

    python3 prepare.py FOLDER [--profile release|dev] [--gradbench NAME …]

Builds the command-line tool and the test binaries that check stored cases on a device. Records on the CPU what primitives
and GradBench's derivatives should compute. RULES and PROGRAMS in the environment select primitives and programs, as for the
tests. FOLDER then has run.py and payload.tar.xz, which holds all that it needs, in 64 MB at most.
"""

import argparse
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
GOLDENS = ROOT / "crates/cotangent/tests/goldens"
# The test binaries that check stored cases on a device.
TESTS = ("rules", "programs", "libraries")
LIMIT = 64 * 10**6
CARGO = os.environ.get("CARGO", "cargo")


def built(profile):
    """The executables, by name."""
    # One command for the workspace, so that the library is built once, with the features that its tests need.
    command = [CARGO, "build", "--profile", profile, "--workspace", "--all-features", "--bin", "cotangent"]
    command += [word for test in TESTS for word in ("--test", test)] + ["--message-format", "json"]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT).stdout
    found = {}
    for message in map(json.loads, output.splitlines()):
        # Other crates have tests of the same names.
        ours = message.get("executable") and Path(message["target"]["src_path"]).relative_to(ROOT).parts[1]
        if ours in ("cotangent", "cli"):
            found[message["target"]["name"]] = Path(message["executable"])
    return {name: found[name] for name in ("cotangent", *TESTS)}


def stripped(binary, to):
    shutil.copy(binary, to)
    strip = shutil.which("strip")
    if strip:
        subprocess.run([strip, to], check=True)


def record_primitives(rules, file):
    """The results of every stored case on the CPU, with the allowed differences."""
    raw = file.with_suffix(".raw")
    raw.unlink(missing_ok=True)
    order = {"COTANGENT_DEVICE": "cpu", "COTANGENT_TEST_RESULTS": str(raw), "COTANGENT_TEST_GOLDENS": str(GOLDENS)}
    test = "device::results_of_one_device_are_checked_on_another"
    subprocess.run([rules, test, "--exact", "--quiet"], check=True, env=os.environ | order, stdout=subprocess.DEVNULL)
    count, errors = 0, []
    with open(raw) as lines, open(file, "w") as out:
        for line in map(json.loads, lines):
            if "error" in line:
                errors.append(f"{line['case']}: {line['error']}")
            elif "case" in line:
                out.write(json.dumps({"case": line["case"], "results": line["results"]}, separators=(",", ":")) + "\n")
                count += 1
    raw.unlink()
    if errors:
        raise SystemExit("cases without a result on the CPU:\n" + "\n".join(errors))
    return count


def record_gradbench(cotangent, names, file):
    """The sums of GradBench's derivatives on the CPU."""
    listing = subprocess.run([cotangent, "bench", "--list", "--json"], check=True, stdout=subprocess.PIPE, text=True)
    cases = [case["case"] for case in map(json.loads, listing.stdout.splitlines())]
    cases = [case for case in cases if case.startswith("gradbench/") and (not names or case.split("/")[1] in names)]
    asked = "".join(case + "\n" for case in cases)
    served = subprocess.run([cotangent, "bench", "--serve"], input=asked, check=True, stdout=subprocess.PIPE, text=True)
    checks = {}
    for case, line in zip(cases, map(json.loads, served.stdout.splitlines())):
        if "error" in line:
            raise SystemExit(f"{case}: {line['error']}")
        checks[case] = line["check"]
    file.write_text(json.dumps(checks))
    return len(checks)


def about(profile):
    def said(*command):
        found = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT)
        return found.stdout.strip() or None

    commit = said("git", "rev-parse", "--short=12", "HEAD")
    changed = bool(said("git", "status", "--porcelain", "--untracked-files=no"))
    date = time.strftime("%Y-%m-%d", time.gmtime())
    return {"commit": commit, "changed": changed, "date": date, "profile": profile, "rustc": said("rustc", "--version")}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--profile", choices=["release", "dev"], default="release")
    parser.add_argument("--gradbench", nargs="*", default=[], metavar="NAME", help="evals of GradBench (all)")
    args = parser.parse_args()
    binaries = built(args.profile)
    args.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        for part in ("bin", "goldens", "expected", "vs_jax", "demos"):
            (work / part).mkdir()
        for name, binary in binaries.items():
            stripped(binary, work / "bin" / name)
        for file in sorted(GOLDENS.glob("*.json*")):
            shutil.copy(file, work / "goldens")
        shutil.copy(ROOT / "crates/cli/tests/reference.json", work)
        for file in (ROOT / "crates/cli/tests/demos").glob("*.json"):
            shutil.copy(file, work / "demos")
        shutil.copy(ROOT / "benches/vs_jax/cases.py", work / "vs_jax")
        shutil.copy(HERE / "peaks.py", work)
        cases = record_primitives(work / "bin/rules", work / "expected/primitives.jsonl")
        evals = record_gradbench(work / "bin/cotangent", args.gradbench, work / "expected/gradbench.json")
        (work / "built.json").write_text(json.dumps(about(args.profile) | {"cases": cases, "evals": evals}))
        # A release is carried to another machine; other binaries are tried on this one.
        preset = 6 if args.profile == "release" else 0
        with tarfile.open(args.folder / "payload.tar.xz", "w:xz", preset=preset) as payload:
            payload.add(work, ".")
    shutil.copy(HERE / "run.py", args.folder)
    size = sum(file.stat().st_size for file in args.folder.iterdir() if file.is_file())
    print(f"{args.folder}: {cases} cases of primitives, {evals} evals of GradBench, {size / 1e6:.1f} MB")
    if size > LIMIT and args.profile == "release":
        raise SystemExit(f"the folder has {size / 1e6:.0f} MB; at most {LIMIT / 1e6:.0f} MB can be carried")


if __name__ == "__main__":
    main()
