"""What Cotangent does on the GPU of this machine: results, speed beside JAX, and memory, as one JSON file and a log.

    python3 run.py [--device cuda|cpu] [--out DIR] [--seconds N] [PART …]

`just gpu-prepare` writes this script and its payload into a folder. Without PART, all run but demos and libraries, which take
a run of their own. The folder is all that a machine needs besides Python,
JAX with CUDA, and the driver: no network, no Rust, and no other source of expected values. The parts run in the order of
PARTS, each within a time limit of its own and all within N seconds. A part that fails does not stop the next one.
results.json is replaced after each part, so that a run that is killed loses only the part that was running.
OUT in the environment is the default of --out; otherwise it is `out`. The exit code is 0 if results.json is complete,
whatever the results are.
"""

import argparse
import importlib.metadata
import importlib.util
import json
import os
import platform
import re
import selectors
import shutil
import signal
import statistics
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
# The name of each part, and its limit in seconds.
LIMITS = {
    "machine": 30,
    "notebook": 25,
    "primitives": 125,
    "random": 30,
    "programs": 35,
    "gradbench": 30,
    "benchmarks": 100,
    "peaks": 30,
    "soak": 70,
    "demos": 150,
    "libraries": 150,
}
# The limit of the whole run: under seven minutes, with the time to unpack and to end.
SECONDS = 400
# What is kept for a part, however long those before it take. Time that they leave goes to the benchmarks.
KEPT = {"benchmarks": 40, "peaks": 20, "soak": 66}
# How long the soak is, after its start.
SOAK = 60

# The cases that are measured, the most important ones first: the time may not suffice for all.
CASES = """
call/scalar call/scalar-dispatch matmul/large-bf16 memory/copy mlp/adam conv/adam transformer/adam gpt/1e7 gpt/1e8
gpt/1e8-bf16 attention/cudnn-bf16 attention/cudnn-bf16-gradient attention/long-bf16 matmul/large-tf32 matmul/large-f16
matmul/large-f32 eager/binary scan/64 scan/64-gradient
numerics/sort numerics/normals numerics/fft transfer/in transfer/out memory/add memory/sum call/arguments-100
call/host-to-host numerics/cumsum numerics/softmax numerics/gather numerics/scatter-add mlp/backward conv/backward
transformer/backward attention/long-f32 attention/long-f16 attention/short-f32 attention/short-bf16 attention/short-f16
matmul/medium-f32 matmul/medium-tf32 matmul/medium-bf16 matmul/medium-f16 scan/1 eager/gradient numerics/n-body
""".split()
# Samples of a case on each side. After PATIENCE seconds, FEWEST are enough.
SAMPLES, FEWEST, PATIENCE = 11, 3, 1.5


def started(command, **options):
    """A process in a group of its own, with the compilers that it starts."""
    return subprocess.Popen(command, start_new_session=True, **options)


def end_all(process):
    """Ends a process and those that it has started, which would keep its pipes open."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # it has ended by itself


class Failure(Exception):
    """Why a part has no result."""


class Run:
    """The parts' common state: where things are, the results so far, and the log."""

    def __init__(self, args):
        self.device, self.out = args.device, Path(args.out)
        self.seconds, self.begin = args.seconds, time.monotonic()
        self.deadline = self.begin + args.seconds
        self.out.mkdir(parents=True, exist_ok=True)
        self.log_file = open(self.out / "log.txt", "w")
        self.results = {"device": self.device, "parts": {}, "complete": False}
        self.work = Path(tempfile.mkdtemp(prefix="cotangent-gpu-"))
        self.part_deadline = self.deadline
        self.environment = {}
        self.jax_python = os.environ.get("JAX_PYTHON", sys.executable)

    def log(self, text):
        self.log_file.write(f"{time.monotonic() - self.begin:7.1f} {text.rstrip()}\n")
        self.log_file.flush()

    def flush(self):
        """Replaces the file of results at once."""
        new = self.out / "results.json.new"
        with open(new, "w") as file:
            json.dump(self.results, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, self.out / "results.json")

    def left(self):
        """The seconds that the running part still has."""
        return self.part_deadline - time.monotonic()

    def path(self, *names):
        return str(self.work.joinpath(*names))

    def command(self, command, environment=None, limit=None):
        """Runs a command within the time of the part, logs what it writes to stderr, and returns its exit code and output."""
        limit = max(min(self.left(), limit or 1e9), 1)
        self.log("$ " + " ".join(command))
        pipe, environment = subprocess.PIPE, os.environ | self.environment | (environment or {})
        try:
            process = started(command, stdout=pipe, stderr=pipe, text=True, errors="replace", env=environment)
        except OSError as error:
            self.log(f"  {error}")
            return 127, "", str(error)
        try:
            output, errors = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            end_all(process)
            output, errors = process.communicate()
            errors += f"\nstopped after {limit:.0f} s"
        for line in errors.splitlines()[-60:]:
            self.log("  " + line)
        return process.returncode, output, errors

    def ours(self, *arguments, limit=None):
        """The output of a command of `cotangent`, which must succeed."""
        code, output, errors = self.command([self.path("bin", "cotangent"), *arguments], limit=limit)
        if code != 0:
            raise Failure(f"`cotangent {' '.join(arguments)}` ended with {code}: {last_lines(errors)}")
        return output


def last_lines(text, count=4):
    lines = [line for line in text.splitlines() if line.strip() and not line[:5].rstrip("0123456789") in ("I", "W")]
    return " / ".join(lines[-count:])


def parsed(line):
    try:
        return json.loads(line)
    except ValueError:
        return None


def lines_of(path):
    if not os.path.exists(path):
        return []
    with open(path, errors="replace") as file:
        return [value for value in map(parsed, file) if isinstance(value, dict)]


# The machine


def version(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def plugin_of_jax():
    """The CUDA plugin of the installed JAX: its path, and the package that it comes from."""
    for cuda in ("cuda13", "cuda12"):
        try:
            spec = importlib.util.find_spec(f"jax_plugins.xla_{cuda}")
        except ModuleNotFoundError:
            continue
        for folder in (spec and spec.submodule_search_locations) or []:
            for path in Path(folder).glob("xla_cuda_plugin.so"):
                return path, f"jax-{cuda}-pjrt"
    return None, None


def libraries_of_jax():
    """NVIDIA's packages beside JAX, with their versions."""
    found = {}
    for distribution in importlib.metadata.distributions():
        name = (distribution.metadata["Name"] or "").lower()
        if name.startswith(("nvidia-", "jax", "torch", "cupy")):
            found[name] = distribution.version
    return dict(sorted(found.items()))


def open_device(run, plugin):
    """Opens the device as Cotangent finds it and, if that fails, with the environment saying where everything is. Returns how."""
    command = [run.path("bin", "cotangent"), "devices", "--device", run.device, "--json"]
    code, output, errors = run.command(command)
    if code == 0:
        return {"devices": parsed(output), "found": "by itself"}
    why = (parsed(output) or {}).get("error") or last_lines(errors)
    if plugin is None or run.device == "cpu":
        raise Failure(why)
    point_at_cuda(run, plugin)
    code, output, errors = run.command(command)
    if code != 0:
        raise Failure((parsed(output) or {}).get("error") or last_lines(errors))
    return {"devices": parsed(output), "found": "with PJRT_CUDA_PLUGIN and LD_LIBRARY_PATH", "by itself": why}


def point_at_cuda(run, plugin):
    """Says where the plugin, NVIDIA's libraries and its compiler are."""
    site = plugin.parents[2]
    run.environment["PJRT_CUDA_PLUGIN"] = str(plugin)
    folders = sorted({str(path.parent) for path in site.glob("nvidia/**/lib/*.so*")})
    folders += [folder for folder in os.environ.get("LD_LIBRARY_PATH", "").split(":") if folder]
    run.environment["LD_LIBRARY_PATH"] = ":".join(folders)
    for folder in (site / "nvidia/cu13", site / "nvidia/cuda_nvcc", Path("/usr/local/cuda")):
        if (folder / "bin/ptxas").exists():
            flags = os.environ.get("XLA_FLAGS", "")
            run.environment["XLA_FLAGS"] = f"{flags} --xla_gpu_cuda_data_dir={folder}".strip()
            break


def card():
    """What the driver says of the first card."""
    fields = ["name", "driver_version", "memory.total", "power.limit", "clocks.max.sm", "clocks.max.mem", "compute_cap"]
    query = ["nvidia-smi", f"--query-gpu={','.join(fields)}", "--format=csv,noheader"]
    try:
        found = subprocess.run(query, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired) as error:
        return {"error": str(error)}
    if found.returncode != 0:
        return {"error": (found.stdout + found.stderr).strip()}
    return dict(zip(fields, map(str.strip, found.stdout.splitlines()[0].split(","))))


def machine(run):
    """Device query: card, driver, plugin, CUDA libraries, JAX."""
    found = {
        "python": platform.python_version(),
        "system": platform.platform(),
        "processors": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "libraries": libraries_of_jax(),
        "jax": version("jax"),
    }
    plugin = None
    if run.device == "cuda":
        plugin, package = plugin_of_jax()
        found["card"] = card()
        found["plugin"] = {"path": plugin and str(plugin), "package": package, "version": package and version(package)}
    else:
        with open("/proc/cpuinfo") as lines:
            model = next((line for line in lines if line.startswith("model name")), ":")
        found["card"] = {"name": model.split(":")[1].strip()}
    yield found
    found["cotangent"] = open_device(run, plugin)
    yield found
    code, output, errors = run.command([run.path("bin", "cotangent"), "doctor", "--device", run.device, "--json"], limit=10)
    found["doctor"] = parsed(output) or {"error": last_lines(errors)}
    yield found


# Results


def close(cell, ours, jax):
    """As crates/cli/tests/cli.rs compares: bits differ by at most one, and loops absolutely."""
    if cell == "raw_normal_bits_first8":
        return abs(ours - jax) <= 1
    if cell in ("cell01_df", "cell02_dpolynomial", "key", "cell08_df", "cell10_shape"):
        return ours == jax
    if cell in ("cell03_minimum", "cell07_mu", "cell07_sigma", "cell09_minimum"):
        return abs(ours - jax) <= 1e-4
    return abs(ours - jax) <= 1e-5 * abs(jax)


def flat(value):
    return [number for item in value for number in flat(item)] if isinstance(value, list) else [value]


def notebook(run):
    """The notebook, against JAX's values of reference.json."""
    reference = json.loads(Path(run.path("reference.json")).read_text())
    reference.pop("jax_version", None)
    output = run.ours("demo", "run", "optimized-learning", "--json", "--device", run.device)
    cells = {object["cell"]: object["value"] for object in map(parsed, output.splitlines()) if object}
    failures = []
    for cell, expected in reference.items():
        ours, jax = flat(cells.get(cell, [])), flat(expected)
        if len(ours) != len(jax) or not all(close(cell, a, b) for a, b in zip(ours, jax)):
            failures.append(f"{cell}: {cells.get(cell)} instead of {expected}")
    yield {"passed": len(reference) - len(failures), "failed": len(failures), "failures": failures}


# The numbers of a demo may differ by this fraction of the largest one in their cell, unless its file allows more: sums and
# functions of a GPU are in other orders and by other methods than those of the CPU.
WITHIN = 1e-4


def shape(value):
    return [len(value), *(shape(value[0]) if value else [])] if isinstance(value, list) else []


def different(ours, jax, within):
    """How the value of a cell differs from JAX's, as crates/cli/tests/demos.rs compares them, or None."""
    if shape(ours) != shape(jax):
        return f"shape {shape(ours)} instead of {shape(jax)}"
    ours, jax = flat(ours), flat(jax)
    largest = max((abs(y) for y in jax if isinstance(y, float)), default=0.0)
    for x, y in zip(ours, jax):
        floats = isinstance(x, (int, float)) and isinstance(y, float)
        if not (abs(x - y) <= within * largest if floats else x == y):
            return f"{x} instead of {y}" + (f", {abs(x - y) / largest:.1e} of the largest" if floats and largest else "")
    return None


def demos(run):
    """Every demo, cell by cell, against JAX's stored values, with products in full precision."""
    names = run.demos or sorted(path.stem for path in Path(run.path("demos")).glob("*.json"))
    files = iter([Path(run.path("demos", f"{name}.json")) for name in names])
    passed, failures, seconds = {}, {}, {}
    precise = {"COTANGENT_DEFAULT_MATMUL_PRECISION": "highest", "COTANGENT_CUDA_PREALLOCATE": "false"}

    def check(name, stored):
        command = [run.path("bin", "cotangent"), "demo", "run", name, "--json", "--device", run.device]
        code, output, errors = run.command(command, precise)
        if code != 0:
            failures[name] = f"ended with {code}: {last_lines(errors)}"
            return
        cells = {line["cell"]: line["value"] for line in map(parsed, output.splitlines()) if line}
        passed[name] = 0
        for cell, jax in stored["cells"].items():
            within = max(stored["within"].get(cell, [0.0])[0], WITHIN)
            difference = different(cells[cell], jax, within) if cell in cells else "is missing"
            if difference:
                failures[f"{name}/{cell}"] = difference
            else:
                passed[name] += 1

    def work():
        for file in files:  # which the workers share
            begin, stored = time.monotonic(), json.loads(file.read_text())
            if run.left() > 1:
                check(file.stem, stored)
            else:
                failures[file.stem] = "there was no time left"
            seconds[file.stem] = round(time.monotonic() - begin, 2)

    yield from in_parallel(min(4, os.cpu_count()), work, lambda: {
        "passed": sum(passed.values()),
        "failed": len(failures),
        "failures": dict(failures),
        "passed_of_each": dict(passed),
        "seconds": dict(seconds),
    })


def in_parallel(count, work, found):
    """Runs `work` in several threads, and yields what was found after each has ended."""
    workers = [threading.Thread(target=work, daemon=True) for _ in range(count)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        yield found()


# The tests of the library that depend on the device: attention by cuDNN, and decompositions by cuSOLVER. The device has
# nothing for general eigenvalues, what JAX calls of LAPACK is for the CPU, and only the CPU computes singular values of f32 in
# f64.
TESTS = "nn::cudnn nn::attention nn::dot_product linalg_kernels linalg_lu linalg_qr_svd linalg_eigen::eigh".split()
TESTS += "linalg_eigen::a_part linalg_eigen::only_one --skip from_jax_run --skip of_jax_runs --skip large_and_extreme".split()
TESTS += "--skip programs_for_a_gpu --skip lapack --skip lowered_for_a_gpu".split()


def library_tests(run, names, environment, expected=()):
    """The outcomes of tests of the library, of which those expected must be among them."""
    command = [run.path("bin", "libraries"), *names, "--nocapture", "--test-threads", str(os.cpu_count())]
    code, output, errors = run.command(command, environment | {"COTANGENT_TEST_GOLDENS": run.path("goldens")})
    found = dict(re.findall(r"^test (\S+) \.\.\. (ok|FAILED)", output, re.MULTILINE))
    outcomes = dict.fromkeys(expected, f"it did not finish: the process ended with {code}") | found
    said = re.split(r"^thread '([^']+)'.* panicked at .*$", errors, flags=re.MULTILINE)
    said = dict(zip(said[1::2], said[2::2]))
    failures = {name: said.get(name, outcome).strip()[:2000] for name, outcome in outcomes.items() if outcome != "ok"}
    if code != 0 and not failures or code < 0:
        failures["all"] = f"the process ended with {code}: {last_lines(errors)}"
    return {"passed": sum(outcome == "ok" for outcome in outcomes.values()), "failed": len(failures), "failures": failures}


def libraries(run):
    """Tests of attention and of linear algebra, with products in full precision."""
    yield library_tests(run, run.tests or TESTS, {"COTANGENT_DEFAULT_MATMUL_PRECISION": "highest"})


def stored_cases(run, binary, test, name, environment):
    """Runs a test binary on the device until each case has run, without the cases that ended its process."""
    results = run.out / f"{name}.jsonl"
    results.unlink(missing_ok=True)
    environment |= {"COTANGENT_TEST_RESULTS": str(results), "COTANGENT_TEST_GOLDENS": run.path("goldens")}
    ends, code = [], None
    while run.left() > 2 and len(ends) < 20:
        code, _, errors = run.command([run.path("bin", binary), test, "--exact", "--nocapture"], environment)
        yield ended(results, ends)
        if code == 0:
            break
        ends.append(f"ended with {code}: {last_lines(errors)}")
    summary = ended(results, ends)
    summary["complete"] = code == 0
    if name == "primitives":
        summary["stored"] = run.results["built"]["cases"]
    yield summary


def ended(results, ends):
    """What the lines of a file of results say."""
    lines = lines_of(results)
    started = {line["start"] for line in lines if "start" in line}
    done = [line for line in lines if "case" in line]
    failed = {line["case"]: line.get("error") or line["failures"] for line in done if line.get("error") or line["failures"]}
    groups = {}
    for line in done:
        group = groups.setdefault(line.get("primitive", "programs"), {"passed": 0, "failed": 0, "worst": 0.0})
        group["failed" if line["case"] in failed else "passed"] += 1
        if isinstance(line.get("worst"), float):
            group["worst"] = max(group["worst"], line["worst"])
    return {
        "cases": len(started),
        "passed": len(done) - len(failed),
        "failed": len(failed),
        "results": sum(line.get("results", 0) for line in done),
        "unfinished": sorted(started - {line["case"] for line in done}),
        "excused": len({line["case"] for line in done if line.get("excused")}),
        "failures": failed,
        "process_ends": ends,
        "groups": groups,
    }


def primitives(run):
    """Every stored case of every primitive: values against JAX, first derivatives against this library on the CPU."""
    expected = {"COTANGENT_TEST_EXPECTED": run.path("expected", "primitives.jsonl")}
    test = "device::results_of_one_device_are_checked_on_another"
    yield from stored_cases(run, "rules", test, "primitives", expected)


RANDOM = [
    f"random::{name}_equal_jax"
    for name in (
        "keys_and_bits", "uniform_numbers", "integers", "permutations", "choices", "normal_numbers", "other_distributions",
    )
]


def random(run):
    """Random bits, integers and uniform numbers, bit for bit as in JAX, and other distributions within two units."""
    yield library_tests(run, [*RANDOM, "--exact"], {}, RANDOM)


def programs(run):
    """The programs of tests/programs: value, jvp and vjp, against JAX."""
    yield from stored_cases(run, "programs", "device::programs_agree_with_jax_on_a_device", "programs", {})


class Server:
    """A process that measures many cases: `--serve` of `cotangent bench` and of cases.py."""

    def __init__(self, run, command, environment=None):
        self.run, self.arguments, self.environment, self.process = run, command, environment or {}, None

    def start(self):
        self.run.log("$ " + " ".join(self.arguments))
        pipe = subprocess.PIPE
        environment = os.environ | self.run.environment | self.environment
        try:
            self.process = started(self.arguments, stdin=pipe, stdout=pipe, stderr=pipe, env=environment)
        except OSError as error:
            raise Failure(str(error))
        os.set_blocking(self.process.stdout.fileno(), False)
        self.pending, self.errors = b"", []
        threading.Thread(target=self.drain, args=(self.process,), daemon=True).start()

    def drain(self, process):
        for line in process.stderr:
            self.errors.append(line.decode(errors="replace").rstrip())
            self.run.log("  " + self.errors[-1])

    def send(self, line):
        """Asks for a sample with an empty line, and for another case with its name."""
        if self.process is None or self.process.poll() is not None:
            self.start()
        try:
            self.process.stdin.write(line.encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise Failure(self.end())

    def line(self, limit):
        """The next line of its answers, as a value."""
        deadline = time.monotonic() + limit
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while True:
                while b"\n" in self.pending:
                    line, _, self.pending = self.pending.partition(b"\n")
                    value = parsed(line)
                    if isinstance(value, dict) and "error" in value:
                        raise Failure(value["error"])
                    if value is not None and not (isinstance(value, dict) and "cell" in value):
                        return value
                if time.monotonic() > deadline:
                    self.stop()
                    raise Failure(f"no answer within {limit:.0f} s")
                if selector.select(max(deadline - time.monotonic(), 0)):
                    chunk = self.process.stdout.read(1 << 16)
                    if chunk == b"":
                        raise Failure(self.end())
                    self.pending += chunk or b""

    def end(self):
        """Why the process ended."""
        code = self.process.wait()
        self.process = None
        return f"its process ended with {code}: {last_lines(chr(10).join(self.errors))}"

    def stop(self):
        if self.process is not None:
            end_all(self.process)
            self.process.wait()
            self.process = None


def ours_serving(run):
    size = "full" if run.device == "cuda" else "small"
    command = [run.path("bin", "cotangent"), "bench", "--serve", "--device", run.device, "--size", size]
    return Server(run, command, {"COTANGENT_COMPILE_CACHE": "0"})


def far(ours, theirs, tolerance):
    """The largest difference relative to the largest number, if it is not allowed."""
    if len(ours) != len(theirs):
        return f"{len(ours)} numbers instead of {len(theirs)}"
    size = max((abs(x) for x in theirs), default=0.0)
    difference = max((abs(a - b) for a, b in zip(ours, theirs)), default=0.0)
    return None if difference <= tolerance * size else f"{ours} instead of {theirs}"


def gradbench(run):
    """GradBench's derivatives, as sums of their numbers, against this library on the CPU."""
    expected = json.loads(Path(run.path("expected", "gradbench.json")).read_text())
    names, failures, seconds = iter(list(expected)), {}, {}

    def work():
        """Checks one case after the other in a process. Most of the time goes into compiling."""
        server = ours_serving(run)
        server.environment |= {"COTANGENT_CUDA_PREALLOCATE": "false"}
        for name in names:  # which the processes share
            begin, different = time.monotonic(), None
            try:
                if run.left() < 1:
                    raise Failure("there was no time left")
                server.send(name)
                different = far(server.line(run.left())["check"], expected[name], 1e-7)
            except Failure as failure:
                different = str(failure)
            if different:
                failures[name] = different
            seconds[name] = round(time.monotonic() - begin, 2)
        server.stop()

    yield from in_parallel(min(4, os.cpu_count()), work, lambda: {
        "passed": len(seconds) - len(failures),
        "failed": len(failures),
        "failures": dict(failures),
        "seconds": dict(seconds),
    })


# Speed


def tolerance(name):
    """The allowed difference from JAX: products in TF32, bf16 and f16 have 8 to 11 bits, and training amplifies."""
    coarse = ("matmul/", "attention/", "gpt/", "mlp/", "conv/", "transformer/")
    return 3e-2 if name.startswith(coarse) else 1e-4


def measure(run, name, sides):
    """Samples of a case on each side in turns, and what the sides said of it."""
    found, failures, about = {"case": name}, {}, {}
    for side, server in sides.items():  # both set up at the same time
        try:
            server.send(name)
        except Failure as failure:
            failures[side] = str(failure)
    for side, server in sides.items():
        if side not in failures:
            try:
                about[side] = server.line(max(min(run.left(), 40), 1))
            except Failure as failure:
                failures[side] = str(failure)
    if {"ours", "jax"} <= about.keys():
        found["differs"] = far(about["ours"]["check"], about["jax"]["check"], tolerance(name))
    found |= {key: about.get("ours", {}).get(key) for key in ("unit", "flops", "bytes", "peak")}
    times, begin = {side: [] for side in about}, time.monotonic()
    while times and all(len(samples) < SAMPLES for samples in times.values()):
        enough = time.monotonic() - begin > PATIENCE and all(len(samples) >= FEWEST for samples in times.values())
        if enough or run.left() < 0:
            break
        for side in list(times):
            try:
                sides[side].send("")
                times[side].append(sides[side].line(max(min(run.left(), 20), 1)))
            except Failure as failure:
                failures[side] = str(failure)
                times.pop(side)
    found["samples"] = {side: [float(f"{x:.4g}") for x in samples] for side, samples in times.items() if samples}
    for side, samples in found["samples"].items():
        found[side] = statistics.median(samples)
    if {"ours", "jax"} <= found["samples"].keys():
        pairs = list(zip(found["samples"]["ours"], found["samples"]["jax"]))
        found["ratio"] = statistics.median(a / b for a, b in pairs)
        found["ratio_of_fastest"] = min(a for a, _ in pairs) / min(b for _, b in pairs)
    if failures:
        found["failures"] = failures
    return found


def jax_environment(run):
    # Two processes share the card, so neither takes most of its memory in advance.
    return {"JAX_PLATFORMS": "cpu" if run.device == "cpu" else "cuda", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}


def jax_version(run):
    """The version of JAX, and the kind of its device; or why there is none."""
    code = "import jax; print(jax.__version__); print(jax.devices()[0].device_kind)"
    status, output, errors = run.command([run.jax_python, "-c", code], jax_environment(run), limit=40)
    lines = output.split("\n")
    return {"version": lines[0], "device": lines[1]} if status == 0 else {"error": last_lines(errors, 1)}


def benchmarks(run):
    """The cases of crates/bench beside the same work in JAX on the same card, in turns."""
    size = "full" if run.device == "cuda" else "small"
    found = {"size": size, "jax": jax_version(run), "cases": [], "not_reached": []}
    sides = {"ours": ours_serving(run)}
    sides["ours"].environment |= {"COTANGENT_CUDA_PREALLOCATE": "false"}
    if "error" not in found["jax"]:
        command = [run.jax_python, run.path("vs_jax", "cases.py"), "--serve", "--size", size]
        sides["jax"] = Server(run, command, jax_environment(run))
    wanted = run.cases or CASES
    for at, name in enumerate(wanted):
        if run.left() < 4:
            found["not_reached"] = wanted[at:]
            break
        case = measure(run, name, sides)
        found["cases"].append(case)
        run.log(f"{name}: " + json.dumps({key: case.get(key) for key in ("ours", "jax", "ratio", "differs", "failures")}))
        yield found
    for server in sides.values():
        server.stop()
    found["failed"] = sum("failures" in case or bool(case.get("differs")) for case in found["cases"])
    yield found


def peaks(run):
    """What the card does at best, in programs of others: the denominators of all fractions."""
    code, output, errors = run.command([run.jax_python, run.path("peaks.py"), run.device], jax_environment(run))
    found = {}
    for line in map(parsed, output.splitlines()):
        found |= line or {}
    yield found
    if all("error" in measured for measured in found.values()):
        raise Failure(f"neither PyTorch nor JAX measured a peak; peaks.py ended with {code}: {last_lines(errors, 1)}")


# Memory


def resident(pid):
    with open(f"/proc/{pid}/status") as status:
        line = next((line for line in status if line.startswith("VmRSS:")), "0 0")
    return int(line.split()[1]) * 1024


def on_card(run):
    """Bytes in use on the card, of all processes."""
    if run.device != "cuda":
        return None
    query = ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits"]
    try:
        found = subprocess.run(query, capture_output=True, text=True, timeout=10)
        return int(found.stdout.split()[0]) * 2**20
    except (OSError, ValueError, IndexError, subprocess.TimeoutExpired):
        return None


def soak(run):
    """A mixture of training steps, calls without `jit` and new programs, while memory is recorded."""
    server = ours_serving(run)
    server.environment |= {"COTANGENT_CUDA_PREALLOCATE": "false"}
    server.send("soak/mixed")
    server.line(run.left())
    found = {"seconds": 0.0, "steps": 0, "memory": []}
    begin, next_look = time.monotonic(), 0.0
    step_times = []
    while run.left() > 1 and time.monotonic() - begin < SOAK:
        for _ in range(20):
            server.send("")
            step_times.append(server.line(max(run.left(), 1)))
        found["steps"] = len(step_times)
        found["seconds"] = round(time.monotonic() - begin, 1)
        if found["seconds"] >= next_look:
            next_look = found["seconds"] + 2.0
            memory = {"at": found["seconds"], "host": resident(server.process.pid), "card": on_card(run)}
            found["memory"].append(memory)
            yield found
    server.stop()
    half = len(step_times) // 2
    found["median_step"] = {"first half": statistics.median(step_times[:half]), "second half": statistics.median(step_times[half:])}
    # What grows after the first third is a leak; before that, caches fill.
    third = found["memory"][len(found["memory"]) // 3 :]
    for place in ("host", "card"):
        if third and third[0][place] is not None:
            found[f"{place}_growth"] = third[-1][place] - third[0][place]
    yield found


PARTS = [machine, notebook, primitives, random, programs, gradbench, benchmarks, peaks, soak, demos, libraries]
# The parts of a run of their own, for which the time of the others does not suffice.
NAMED = ("demos", "libraries")


def limit_of(run, name, later):
    """The seconds that a part may take, before those that come later."""
    left, limit = run.deadline - time.monotonic(), run.limits[name]
    if name == "benchmarks":
        limit = max(limit, left - sum(run.limits[part] for part in later))
    kept = sum(min(KEPT.get(part, 0), run.limits[part]) for part in later)
    return min(limit, left - kept * min(run.seconds / SECONDS, 1))


def carry_out(run, part, later):
    name, begin = part.__name__, time.monotonic()
    limit = limit_of(run, name, later)
    result = {"status": "running", "about": part.__doc__.splitlines()[0]}
    run.results["parts"][name] = result
    run.flush()
    run.log(f"== {name}, at most {limit:.0f} s")
    run.part_deadline = begin + limit
    try:
        if limit < 3:
            raise Failure("the time of the whole run was used up")
        for found in part(run):
            result |= found
            run.flush()
        bad = result.get("failed") or result.get("complete") is False or result.get("not_reached")
        result["status"] = "failures" if bad else "ok"
    except Failure as failure:
        result |= {"status": "could not run", "why": str(failure)}
    except Exception:  # a mistake of this script costs one part
        result |= {"status": "could not run", "why": traceback.format_exc(limit=3)}
    result["elapsed"] = round(time.monotonic() - begin, 1)
    run.flush()
    run.log(f"== {name}: {result['status']}" + (f", {result['why']}" if "why" in result else ""))
    counts = ", ".join(f"{result[key]} {key}" for key in ("passed", "failed", "excused") if key in result)
    print(f"{name:12} {result['status']:14} {result['elapsed']:6.1f} s  {counts or result.get('why', '')}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"the parts to run, of {', '.join(LIMITS)} (all but {' and '.join(NAMED)})")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--out", default=os.environ.get("OUT") or "out")
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"the limit of the whole run ({SECONDS})")
    parser.add_argument("--limit", action="append", default=[], metavar="PART=SECONDS", help="another limit of a part")
    parser.add_argument("--cases", nargs="+", help="the benchmark cases to measure")
    parser.add_argument("--demos", nargs="+", help="the demos to run (all)")
    parser.add_argument("--tests", nargs="+", help="the tests of the library to run, by parts of their names")
    args = parser.parse_args()
    unknown = [name for name in args.parts if name not in LIMITS]
    if unknown:
        parser.error(f"no such part: {', '.join(unknown)}")
    run = Run(args)
    run.cases, run.demos, run.tests = args.cases, args.demos, args.tests
    run.limits = LIMITS | {name: float(limit) for name, _, limit in (word.partition("=") for word in args.limit)}
    try:
        with tarfile.open(HERE / "payload.tar.xz") as payload:
            payload.extractall(run.work, filter="data")
        run.environment |= {"COTANGENT_OFFLINE": "1", "COTANGENT_CACHE_DIR": run.path("cache"), "RUST_BACKTRACE": "0"}
        run.environment["COTANGENT_DEVICE"] = run.device
        if run.device == "cuda":
            run.environment["COTANGENT_COMPILE_CACHE"] = "0"
        else:
            # The plugin for the CPU is not part of the payload: it is where the library finds it otherwise.
            del run.environment["COTANGENT_CACHE_DIR"]
        run.results["built"] = json.loads(Path(run.path("built.json")).read_text())
        run.results["environment"] = run.environment
        # The first part finds the plugin for the others.
        wanted = ["machine", *args.parts] if args.parts else [part for part in LIMITS if part not in NAMED]
        parts = [part for part in PARTS if part.__name__ in wanted]
        for at, part in enumerate(parts):
            carry_out(run, part, [later.__name__ for later in parts[at + 1 :]])
        run.results["complete"] = True
        run.results["elapsed"] = round(time.monotonic() - run.begin, 1)
        run.flush()
    finally:
        shutil.rmtree(run.work, ignore_errors=True)


if __name__ == "__main__":
    main()
