#!/usr/bin/env python3
"""Runs the notebooks from start to end without a browser, and fails if a cell does.

It installs what it needs into a folder of its own, once: evcxr's kernel for Jupyter with Cargo, and nbclient with pip
into a virtual environment.

    python3 notebooks/run.py [NAME ...]         # runs the notebooks of these names, or all of them
    python3 notebooks/run.py --write            # and stores their outputs in them
    python3 notebooks/run.py --html DIR         # and writes them as pages for a browser

A cell with the tag `raises-exception` must panic, and no other may.
"""

import argparse
import os
import re
import subprocess
import sys
import time
import venv
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parent
PACKAGES = ["nbclient", "nbconvert", "nbformat"]
KERNEL = "evcxr_jupyter"


def install(tools):
    """Installs the kernel and the packages, unless they are there, and returns the interpreter that has them."""
    environment = tools / "venv"
    python = environment / "bin/python"
    if not python.exists():
        venv.create(environment, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
    kernel = tools / "bin" / KERNEL
    if not kernel.exists():
        # The kernel is built in a target folder of its own: the lock file and the profile are its own as well.
        env = {name: value for name, value in os.environ.items() if name != "CARGO_TARGET_DIR"}
        subprocess.run(["cargo", "install", "--locked", KERNEL, "--root", tools], check=True, env=env, cwd=tools)
    share = environment / "share/jupyter"
    subprocess.run([kernel, "--install"], check=True, env=os.environ | {"JUPYTER_PATH": str(share)},
                   stdout=subprocess.DEVNULL)
    return python


# What Cargo and the library report on standard error while all is well.
PROGRESS = re.compile(r"\s*(Adding|Blocking|Compiling|Downloaded|Downloading|Locking|Updating|cotangent:) ?.*")


def panics(cell):
    """The panics of a cell. evcxr keeps the variables after one, and does not report an error."""
    streams = [out.text for out in cell.outputs if out.output_type == "stream" and out.name == "stderr"]
    lines = [line for text in streams for line in text.splitlines() if line and not PROGRESS.fullmatch(line)]
    shown = [out.data for out in cell.outputs if "data" in out]
    return lines + [data["text/plain"] for data in shown if "cotangent-error" in data.get("text/html", "")]


def faults(cell):
    """What went wrong in a cell, or `None`."""
    errors = ["\n".join(out.traceback) or out.evalue for out in cell.outputs if out.output_type == "error"]
    expected = "raises-exception" in cell.metadata.get("tags", [])
    if expected and not panics(cell):
        return "\n".join(errors) or "the cell should panic, but it did not"
    if not expected and (errors or panics(cell)):
        return "\n".join(errors + panics(cell))
    return None


def tidy(cell):
    """Removes from a cell what differs from run to run."""
    cell.metadata.pop("execution", None)
    cell.outputs = [out for out in cell.outputs if out.get("name") != "stderr"]


def run(path, options):
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=3600, kernel_name="rust", allow_errors=True,
                            resources={"metadata": {"path": str(FOLDER)}})
    # What a cell writes to standard error may arrive with the next one, so there is one more, which is not kept.
    notebook.cells.append(nbformat.v4.new_code_cell("();"))
    failed = False
    with client.setup_kernel():
        for index, cell in enumerate(notebook.cells):
            if cell.cell_type != "code":
                continue
            start = time.time()
            client.execute_cell(cell, index, execution_count=client.code_cells_executed + 1)
            fault = faults(cell)
            print(f"{path.name} [{cell.execution_count}] {time.time() - start:.1f} s", flush=True)
            if fault:
                print(f"{cell.source}\n\n{fault}", flush=True)
                failed = True
                break
    notebook.cells.pop()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            tidy(cell)
    if options.html:
        from nbconvert import HTMLExporter

        for theme in ["light", "dark"]:
            body, _ = HTMLExporter(theme=theme).from_notebook_node(notebook)
            Path(options.html, f"{path.stem}-{theme}.html").write_text(body)
    if options.write and not failed:
        nbformat.write(notebook, path)
    return not failed


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("names", nargs="*", help="notebooks, without the extension; all by default")
    options.add_argument("--write", action="store_true", help="store the outputs in the notebooks")
    options.add_argument("--html", metavar="DIR", help="write pages for a browser, light and dark, into a directory")
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    options.add_argument("--tools", type=Path, default=target / "notebooks", help="where the kernel is installed")
    options = options.parse_args()
    options.tools.mkdir(parents=True, exist_ok=True)
    python = install(options.tools.resolve())
    if Path(sys.prefix) != python.parent.parent:
        os.execv(python, [str(python), *sys.argv])
    if options.html:
        Path(options.html).mkdir(parents=True, exist_ok=True)
    os.environ["JUPYTER_PATH"] = str(Path(sys.prefix, "share/jupyter"))
    paths = [FOLDER / f"{name}.ipynb" for name in options.names] or sorted(FOLDER.glob("*.ipynb"))
    results = [run(path, options) for path in paths]
    if not all(results):
        sys.exit("a notebook failed")
    print(f"{len(results)} notebooks, without a failure")


if __name__ == "__main__":
    main()
