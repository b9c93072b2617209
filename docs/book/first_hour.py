#!/usr/bin/env python3
"""Follows the chapter "A first hour" as a reader would, and compares what is printed.

Every `sh` block is run, every Rust block that is preceded by `<!-- file: NAME -->` is written to that file, and a `text`
block after a command is what the command must print. In it, a line `…` stands for any lines.

Nothing of this machine is there but what the chapter asks for. The folder is new, and so are the home directory with
Cargo's, and the caches. The checkout is a copy of the files that git knows. The only programs are Rust, Python, a C
compiler, git and those of `COREUTILS`. Of the environment, only what reaches a registry through a proxy or by another
certificate is kept. So everything is downloaded and compiled, which takes many minutes.

    python3 docs/book/first_hour.py [--cache DIR] [--target-dir DIR]

`--cache` names a cache of plugins and programs, `--target-dir` a folder where Cargo may find dependencies that are
compiled already. With either, less is tried.
"""

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CHAPTER = ROOT / "docs/book/src/first-hour.md"
BLOCK = re.compile(r"(?:<!-- file: (?P<file>\S+) -->\n)?```(?P<kind>[a-z,_]+)\n(?P<body>.*?)```", re.S)
COREUTILS = "cat chmod cp cut dirname basename env head ls mkdir mktemp mv pwd rm sort tail tr uname wc".split()
NETWORK = re.compile(r"(?i)(https?|all|no)_proxy|SSL_CERT_.*|PIP_.*|CARGO_(HTTP|NET)_.*")


def matches(expected, printed):
    """Whether the printed text is the expected one, in which a line `…` stands for any lines."""
    parts = [re.escape(line) + r"\n" if line != "…" else r"(?:.*\n)*?" for line in expected.splitlines()]
    return re.fullmatch("".join(parts), printed if printed.endswith("\n") else printed + "\n") is not None


def checkout(folder):
    """Copies the files that git knows."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)


def tools(folder):
    """Makes a folder with the programs, each a script that calls the one of this machine."""
    # The compiler itself, and not what selects one: that would need the settings of the home directory.
    sysroot = subprocess.run(["rustc", "--print", "sysroot"], cwd=folder.parent, check=True, capture_output=True, text=True)
    programs = {name: Path(sysroot.stdout.strip()) / "bin" / name for name in ("cargo", "rustc", "rustdoc")}
    programs["python3"] = Path(sys.executable)
    programs |= {name: shutil.which(name) for name in ["cc", "as", "ld", "ar", "git", "bash", "sh", *COREUTILS]}
    folder.mkdir()
    for name, program in programs.items():
        if program is None:
            sys.exit(f"there is no program {name} on this machine")
        (folder / name).write_text(f'#!/bin/sh\nexec {shlex.quote(str(program))} "$@"\n')
        (folder / name).chmod(0o755)


def environment(folder):
    env = {name: value for name, value in os.environ.items() if NETWORK.fullmatch(name)}
    home = folder / "home"
    for place in (home, folder / "tmp"):
        place.mkdir()
    # `cargo install` installs into Cargo's home directory, and the installer of Rust puts that into the path.
    env |= {"HOME": str(home), "TMPDIR": str(folder / "tmp"), "PATH": f"{folder / 'tools'}:{home / '.cargo/bin'}"}
    return env


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--cache", help="the cache of plugins and programs; a new one by default")
    options.add_argument("--target-dir", help="the target folder of Cargo; a new one by default")
    options = options.parse_args()

    with tempfile.TemporaryDirectory(prefix="first-hour-") as folder:
        folder = Path(folder)
        checkout(folder / "cotangent")
        tools(folder / "tools")
        env = environment(folder)
        if options.cache:
            env["COTANGENT_CACHE_DIR"] = str(Path(options.cache).resolve())
        if options.target_dir:
            env["CARGO_TARGET_DIR"] = str(Path(options.target_dir).resolve())
            env["CARGO_PROFILE_DEV_DEBUG"] = "false"

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
                    [folder / "tools/bash", "-ec", f"exec 3>&1 1>&2\n{{ {body}}} 1>&3 2>&1\npwd >'{folder}/where'"],
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
