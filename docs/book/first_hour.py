#!/usr/bin/env python3
"""Follows the chapter "A first hour" as a reader would, and compares what is printed.

Every `sh` block is run, every Rust block that is preceded by `<!-- file: NAME -->` is written to that file, and a `text`
block after a command is what the command must print. In it, a line `…` stands for any lines. The folder is new, and so
are the home directory and the cache, unless `--cache` names one. `--target-dir` names a folder where Cargo may find
dependencies that are compiled already.

    python3 docs/book/first_hour.py [--cache DIR] [--target-dir DIR]
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CHAPTER = ROOT / "docs/book/src/first-hour.md"
BLOCK = re.compile(r"(?:<!-- file: (?P<file>\S+) -->\n)?```(?P<kind>[a-z,_]+)\n(?P<body>.*?)```", re.S)


def matches(expected, printed):
    """Whether the printed text is the expected one, in which a line `…` stands for any lines."""
    parts = [re.escape(line) + r"\n" if line != "…" else r"(?:.*\n)*?" for line in expected.splitlines()]
    return re.fullmatch("".join(parts), printed if printed.endswith("\n") else printed + "\n") is not None


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--cache", help="the cache of plugins and programs; a new one by default")
    options.add_argument("--target-dir", help="the target folder of Cargo; a new one by default")
    options = options.parse_args()

    with tempfile.TemporaryDirectory(prefix="first-hour-") as folder:
        folder = Path(folder)
        (folder / "cotangent").symlink_to(ROOT)
        env = {name: os.environ[name] for name in ("PATH", "HTTPS_PROXY", "https_proxy", "SSL_CERT_FILE") if name in os.environ}
        env |= {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "CARGO_HTTP", "CARGO_NET"))}
        env["HOME"] = str(folder / "home")
        # The toolchain and Cargo's downloads are those of the machine; `rustup` finds them through these variables.
        home = Path(os.environ.get("HOME", "/"))
        env["CARGO_HOME"] = os.environ.get("CARGO_HOME", str(home / ".cargo"))
        env["RUSTUP_HOME"] = os.environ.get("RUSTUP_HOME", str(home / ".rustup"))
        env["COTANGENT_CACHE_DIR"] = options.cache or str(folder / "home/cache")
        if options.target_dir:
            env["CARGO_TARGET_DIR"] = str(Path(options.target_dir).resolve())
            env["CARGO_PROFILE_DEV_DEBUG"] = "false"
        Path(env["HOME"]).mkdir()

        where, last, count = folder, None, 0
        for block in BLOCK.finditer(CHAPTER.read_text()):
            kind, body = block["kind"].split(","), block["body"]
            if kind[0] == "rust" and block["file"]:
                (where / block["file"]).write_text(body)
            elif kind[0] == "sh":
                start = time.time()
                print(f"$ {body.strip()}".replace("\n", "\n$ "), flush=True)
                # The folder that the commands end in is the folder of the next ones.
                run = subprocess.run(
                    ["bash", "-ec", f"exec 3>&1 1>&2\n{{ {body}}} 1>&3 2>&1\npwd >'{folder}/where'"],
                    cwd=where, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                last, count = run.stdout + run.stderr, count + 1
                if (run.returncode != 0) != ("fails" in kind):
                    sys.exit(f"{last}\nthe command returned {run.returncode}")
                if run.returncode == 0:
                    where = Path((folder / "where").read_text().strip())
                print(f"  {time.time() - start:.1f} s", flush=True)
            elif kind[0] == "text":
                if last is None or not matches(body, last):
                    sys.exit(f"expected\n\n{body}\nbut the command printed\n\n{last}")
        print(f"{count} commands, as printed")


if __name__ == "__main__":
    main()
