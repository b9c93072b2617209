"""Serves one model by examples/serve and by JAX in Python (jax_server.py), in turns, and prints a table: throughput, latency,
resident memory, and the time from the start of the process to its first good answer.

    python3 benches/serve/compare.py FOLDER

FOLDER holds the binaries `serve` and `load` of `cargo build --release -p serve`. JAX_PYTHON is a Python with
`pip install jax==0.10.2 starlette uvicorn uvloop httptools orjson`."""

import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).parent
EXAMPLE = HERE.parents[1] / "examples/serve"
STORED = json.loads((EXAMPLE / "request.json").read_text())
BODY = json.dumps(STORED["request"])
ROUNDS = int(os.environ.get("ROUNDS", "5"))
SECONDS = float(os.environ.get("SECONDS", "4"))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def memory(pid, name):
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) / 1024


def processor_time(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Server:
    def __init__(self, command, environment):
        port = free_port()
        start = time.perf_counter()
        self.process = subprocess.Popen(command(port), env={**os.environ, **environment}, stderr=subprocess.DEVNULL)
        self.address = f"127.0.0.1:{port}"
        request = urllib.request.Request(f"http://{self.address}/predict", BODY.encode())
        while True:
            try:
                answer = json.load(urllib.request.urlopen(request))["output"]
                break
            except OSError:
                if self.process.poll() is not None or time.perf_counter() - start > 60:
                    raise
                time.sleep(0.001)
        self.started = time.perf_counter() - start
        self.worked = processor_time(self.process.pid)
        assert all(abs(a - b) < 1e-5 for a, b in zip(answer, STORED["answer"])), answer

    def load(self, binary, connections):
        command = [binary, self.address, BODY, "--connections", str(connections), "--seconds", str(SECONDS)]
        return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)


def main():
    folder = Path(sys.argv[1])
    python = os.environ.get("JAX_PYTHON", sys.executable)
    ours = lambda port: [folder / "serve", EXAMPLE / "model.jax", "--listen", f"127.0.0.1:{port}"]
    with tempfile.TemporaryDirectory() as caches:
        own_cache, jax_cache = Path(caches) / "own", Path(caches) / "jax"
        compiled = Path(caches) / "model.compiled"
        ahead = lambda port: [*ours(port), "--compiled", compiled]
        jax = lambda port: [python, HERE / "jax_server.py", "--port", str(port), "--cache", jax_cache]
        # The plugin is in the user's cache directory, and so are compiled programs: their part of it is removed for cold starts.
        contenders = {"cotangent": (ours, {"COTANGENT_CACHE_DIR": str(own_cache)}), "jax": (jax, {})}
        plugins = Path(os.environ.get("COTANGENT_CACHE_DIR", Path.home() / ".cache/cotangent"))
        own_cache.mkdir()
        for entry in plugins.iterdir():
            if entry.name != "compiled" and not entry.name.startswith("programs"):
                (own_cache / entry.name).symlink_to(entry)
        found = {name: {} for name in contenders}

        def note(name, key, value):
            found[name].setdefault(key, []).append(value)

        before = set(own_cache.iterdir())
        for _ in range(ROUNDS):
            for name, (command, environment) in contenders.items():
                shutil.rmtree(jax_cache, ignore_errors=True)
                for made in set(own_cache.iterdir()) - before:
                    shutil.rmtree(made) if made.is_dir() else made.unlink()
                with Server(command, environment) as server:
                    note(name, "start_cold", server.started)
                    note(name, "work_cold", server.worked)
                if name == "cotangent":
                    # Programs that were compiled ahead of time are a file beside the model: no cache has anything.
                    without = environment | {"COTANGENT_COMPILE_CACHE": "0"}
                    if not compiled.exists():
                        Server(ahead, without).__exit__()
                    with Server(ahead, without) as server:
                        note(name, "start_ahead", server.started)
                        note(name, "work_ahead", server.worked)
                with Server(command, environment) as server:
                    note(name, "start_warm", server.started)
                    note(name, "work_warm", server.worked)
                    note(name, "idle_rss", memory(server.process.pid, "Rss"))
                    note(name, "idle_own", memory(server.process.pid, "Anonymous"))
                    for connections in [1, 64]:
                        result = server.load(folder / "load", connections)
                        for key in ["per_second", "p50_ms", "p99_ms"]:
                            note(name, f"{key}_{connections}", result[key])
                    note(name, "rss", memory(server.process.pid, "Rss"))
                    note(name, "own", memory(server.process.pid, "Anonymous"))
    rows = [
        ("start, a file of programs beside the model; JAX compiles (s)", "start_ahead", 3),
        ("its processor time (s)", "work_ahead", 2),
        ("start, programs in the cache (s)", "start_warm", 3), ("its processor time (s)", "work_warm", 2),
        ("start, nothing compiled before (s)", "start_cold", 3), ("its processor time (s)", "work_cold", 2),
        ("memory after the start (MiB)", "idle_rss", 0), ("without pages of files (MiB)", "idle_own", 0),
        ("memory after the load (MiB)", "rss", 0), ("without pages of files (MiB)", "own", 0),
        ("requests per second, 1 connection", "per_second_1", 0), ("p50, 1 connection (ms)", "p50_ms_1", 2),
        ("p99, 1 connection (ms)", "p99_ms_1", 2),
        ("requests per second, 64 connections", "per_second_64", 0), ("p50, 64 connections (ms)", "p50_ms_64", 2),
        ("p99, 64 connections (ms)", "p99_ms_64", 2),
    ]
    print("| | Cotangent | JAX, Starlette, uvicorn | ratio |\n|---|---|---|---|")
    for title, key, digits in rows:
        found["jax"].setdefault(key, found["jax"].get(key.replace("ahead", "cold")))
        own, other = (statistics.median(found[name][key]) for name in contenders)
        print(f"| {title} | {own:,.{digits}f} | {other:,.{digits}f} | {own / other:.2f} |")


if __name__ == "__main__":
    main()
