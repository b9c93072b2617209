"""Counts the instructions of cases of `cotangent bench`. Other work on the machine does not affect them.

    python3 instructions.py COTANGENT CASE [CASE …] [--calls N] [--top N]

COTANGENT is the command-line tool, built with --release --features bench. valgrind must be installed. Each case runs twice, with N and
with 2N calls. The difference is the cost of N calls, without the set-up of the case. The functions with the largest
own cost are listed.
"""

import argparse
import os
import re
import subprocess
import tempfile
from pathlib import Path

LINE = re.compile(r"^\s*([\d,]+) \([^)]*\)\s+(.*)$")


def counts(cotangent, case, calls, folder):
    """The instructions of one run, by function."""
    out = Path(folder, f"{calls}.out")
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", cotangent, "bench"]
    command += ["--worker", case, "--calls", str(calls)]
    run = subprocess.run(command, input="\n", text=True, capture_output=True)
    if run.returncode != 0:
        raise SystemExit(f"{case}: {run.stderr[-2000:]}")
    text = subprocess.run(
        ["callgrind_annotate", "--threshold=100", "--auto=no", str(out)], check=True, text=True, capture_output=True
    ).stdout
    found = {}
    for line in text.splitlines():
        if match := LINE.match(line):
            # The name after the file, without the object and the hash.
            name = re.sub(r"( \[[^\]]*\])+$", "", match[2]).split(":", 1)[-1]
            name = re.sub(r"::h[0-9a-f]{16}$", "", name)
            found[name] = found.get(name, 0) + int(match[1].replace(",", ""))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cotangent")
    parser.add_argument("cases", nargs="+")
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--top", type=int, default=12)
    args = parser.parse_args()
    os.environ.setdefault("COTANGENT_COMPILE_CACHE", "0")
    for case in args.cases:
        with tempfile.TemporaryDirectory() as folder:
            once = counts(args.cotangent, case, args.calls, folder)
            twice = counts(args.cotangent, case, 2 * args.calls, folder)
        each = {name: (twice[name] - once.get(name, 0)) / args.calls for name in twice}
        total = each.pop("PROGRAM TOTALS")
        print(f"\n{case}: {total:,.0f} instructions a call")
        for name, n in sorted(each.items(), key=lambda item: -item[1])[: args.top]:
            print(f"{n:14,.0f} {n / total:6.1%}  {name[:110]}")


main()
