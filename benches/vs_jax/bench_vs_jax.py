"""Times Cotangent and JAX on the same work, in turns, and prints a table in Markdown.

    JAX_PYTHON=VENV/bin/python python3 bench_vs_jax.py RUST_BINARY [--processes N]

JAX_PYTHON is an interpreter with `pip install jax==0.10.2`; without it, the one that runs this file. RUST_BINARY is
the example `vs_jax`, built with --release. The two sides run alternately, so that other work on the machine falls
on both. Only ratios of one run mean something.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time

LOOPS = ["polynomial, 200 steps", "likelihood, 300 steps", "gold, 300 steps"]
WARM_RUNS = 2


def jax_loops(runs):
    """The three loops of the notebook, as written there."""
    import jax.numpy as np
    from jax import grad, random
    from jax.scipy.stats import norm

    data = random.normal(random.PRNGKey(44), shape=(1000,)) * np.exp(np.log(2.0)) - 3.0
    data.block_until_ready()

    def polynomial():
        dpolynomial = grad(lambda x: 3 * x**2 + 4 * x - 3)
        start = 3.0
        for _ in range(200):
            start -= dpolynomial(start) * 0.01
        return [start]

    def likelihood():
        def neglogp(mu, log_sigma, data):
            return -np.sum(norm.logpdf(data, loc=mu, scale=np.exp(log_sigma)))

        dneglogp = grad(neglogp, argnums=(0, 1))
        mu, log_sigma = -6.0, np.log(2.0)
        for _ in range(300):
            dmu, dlog_sigma = dneglogp(mu, log_sigma, data)
            mu -= dmu * 0.0001
            log_sigma -= dlog_sigma * 0.0001
        return [mu, log_sigma]

    def gold():
        df = grad(lambda x, y: (2 * x**2) - (4 * x * y) + (y**4 + 2), argnums=(0, 1))
        x, y = 0.1, -0.1
        for _ in range(300):
            dx, dy = df(x, y)
            x -= dx * 0.01
            y -= dy * 0.01
        return [x, y]

    for _ in range(runs):
        times = []
        for loop in (polynomial, likelihood, gold):
            start = time.perf_counter()
            for result in loop():
                result.block_until_ready()
            times.append(time.perf_counter() - start)
        print(*times)


def jax_first_gradient():
    from jax import grad

    print(grad(lambda x: 3 * x + 1)(4.0))


def jax_first_program():
    from jax import grad

    print(grad(lambda x: 3 * x**2 + 4 * x - 3)(3.0))


def run(command, env):
    """Seconds a process takes, and what it prints."""
    start = time.perf_counter()
    result = subprocess.run(command, env=os.environ | env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if result.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{result.stderr}")
    return time.perf_counter() - start, result.stdout


# Our programs are kept on disk; without that, each process compiles its own, as JAX does by default.
NO_DISK = {"COTANGENT_COMPILE_CACHE": "0"}
FIRST = [("3x + 1, whose gradient is a constant", "first-gradient", 3.0), ("3x² + 4x − 3", "first-program", 22.0)]


def compare(rust, python, processes):
    """Seconds by side and work. `kept` is our side with the programs of earlier processes on disk."""
    jax = [python, os.path.abspath(__file__), "--worker"]
    sides = {"rust": ([rust], NO_DISK), "kept": ([rust], {}), "jax": (jax, {})}
    times = {}

    def note(side, work, seconds):
        times.setdefault((side, work), []).append(seconds)

    for turn in range(processes + 1):  # the first turn fills caches: the plugin's, Python's byte code, the disk's
        for side, (command, env) in sides.items():
            for what, work, expected in FIRST:
                seconds, printed = run(command + [work], env)
                assert float(printed) == expected, printed
                if turn:
                    note(side, what, seconds)
            _, printed = run(command + ["loops", str(1 + WARM_RUNS)], env)
            for i, line in enumerate(printed.splitlines()):
                for loop, seconds in zip(LOOPS, line.split()):
                    if turn:
                        note(side, (loop, "warm" if i else "cold"), float(seconds))
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rust", help="the example vs_jax, built with --release")
    parser.add_argument("--processes", type=int, default=5, help="how many processes of each side (5)")
    args = parser.parse_args()
    python = os.environ.get("JAX_PYTHON", sys.executable)
    version = run([python, "-c", "import jax; print(jax.__version__)"], {})[1].strip()
    times = compare(args.rust, python, args.processes)

    print(f"Medians of {args.processes} processes each, in turns; {os.cpu_count()} processors.\n")
    print(f"| work | Cotangent | … programs on disk | JAX {version} | ratio | … |")
    print("|---|---|---|---|---|---|")

    def row(title, work):
        rust, kept, jax = (statistics.median(times[side, work]) for side in ("rust", "kept", "jax"))
        cells = [f"{rust * 1e3:.1f} ms", f"{kept * 1e3:.1f} ms", f"{jax * 1e3:.0f} ms"]
        print(f"| {title} | {' | '.join(cells)} | 1/{jax / rust:.1f} | 1/{jax / kept:.1f} |")

    for what, _, _ in FIRST:
        row(f"process start to first gradient: {what}", what)
    for loop in LOOPS:
        row(f"un-jitted loop, first time in a process: {loop}", (loop, "cold"))
    for loop in LOOPS:
        row(f"the same again: {loop}", (loop, "warm"))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        if sys.argv[2] == "loops":
            jax_loops(int(sys.argv[3]))
        elif sys.argv[2] == "first-program":
            jax_first_program()
        else:
            jax_first_gradient()
    else:
        main()
