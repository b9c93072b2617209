"""The titles of the groups of cases, the targets, and what is compared within Cotangent, for bench_vs_jax.py."""

TITLES = {
    "start": "Whole processes",
    "notebook": "Notebook loops, without `jit`",
    "call": "Calls of jitted functions",
    "eager": "Calls without `jit`",
    "threads": "Threads",
    "trace": "Tracing",
    "grad": "Tracing a gradient",
    "vmap": "Tracing a `vmap`",
    "lower": "Lowering to StableHLO",
    "compile": "First calls, mostly compilation",
    "mlp": "Perceptron",
    "conv": "Convolutional network",
    "transformer": "Transformer block",
    "scan": "Scans",
    "numerics": "Large arrays",
    "linalg": "Linear algebra",
}

# Cases that are measured in the turns of another case, with which they are compared.
BESIDE = {"threads/two": "threads/one", "threads/two-short": "threads/one-short"}

# The largest ratio of the time in Cotangent to the time in JAX.
RATIO = {
    "call/scalar": 0.7,
    "eager/binary": 0.6,
    "eager/binary-scalars": 0.05,
    "eager/gradient": 0.02,
    "eager/gradient-host": 0.02,
    **{f"trace/{n}": 0.03 for n in (100, 1000, 10000, 100000)},
    **{f"grad/{n}": 0.03 for n in (100, 1000, 10000, 100000)},
    **{f"lower/{n}": 0.05 for n in (100, 1000, 10000, 100000)},
    "compile/100": 1.0,
    "compile/1000": 1.0,
    "compile/10000": 0.5,
    "mlp/adam-first-call": 1.0,
    **{f"{model}/{what}": 1.0 for model in ("mlp", "conv", "transformer") for what in ("forward", "backward", "adam")},
    "scan/64": 0.3,
    "scan/64-gradient": 0.3,
    **{
        f"linalg/{routine}-{size}-{dtype}": target
        for target, routines in (
            (1.0, ("cholesky", "triangular", "lu", "solve", "qr")),
            (1.3, ("svd", "eigh", "eig")),
        )
        for routine in routines
        for size in ("7", "8", "64", "256", "1000", "batch")
        for dtype in ("f32", "f64")
    },
}

# The same for whole processes, without and with compiled programs on disk.
PROCESS = {
    ("start/first-gradient", "ours"): 0.2,
    ("start/first-gradient", "warm"): 0.12,
    ("start/first-program", "ours"): 0.2,
    ("start/first-program", "warm"): 0.12,
    ("start/notebook", "ours"): 0.12,
    ("start/notebook", "warm"): 0.04,
}
# The largest ratio of peak memory.
MEMORY = 0.7


def derived(rows):
    """Lines of what is compared, the value found, and the target."""

    def verdict(met):
        return "met" if met else "**missed**"

    def microseconds(value):
        return f"{value * 1e6:.3f} µs"

    def over(name):
        """The overhead of a call over the bare execution, in the same turns."""
        ours, bare = rows[name].times["ours"], rows[name].times["other"]
        differences = sorted(a - b for a, b in zip(ours, bare))
        return differences[len(differences) // 2]

    if "call/scalar" in rows:
        extra = over("call/scalar")
        yield "scalar call: overhead over the bare execution", microseconds(extra), f"0.5 µs {verdict(extra <= 0.5e-6)}"
    if "call/host-to-host" in rows:
        whole = rows["call/host-to-host"].median["ours"]
        yield "host scalar in, result read back", microseconds(whole), f"4 µs {verdict(whole <= 4e-6)}"
        yield "host scalar in, result read back: overhead over the bare execution", microseconds(over("call/host-to-host")), ""
    if {"call/arguments-1", "call/arguments-1000"} <= rows.keys():
        each = (over("call/arguments-1000") - over("call/arguments-1")) / 999
        yield "each further argument: overhead over the bare execution", microseconds(each), f"0.05 µs {verdict(each <= 5e-8)}"
    for name in ("threads/two", "threads/two-short"):
        if name in rows:
            gain = rows[name].ratio("other", "ours")
            target = f"1.8 {verdict(gain >= 1.8)}" if name == "threads/two" else ""
            yield f"`{name}`: calls, as a multiple of those of one thread", f"{gain:.2f}", target
    for kind in ("trace", "grad", "vmap", "lower"):
        names = [f"{kind}/10000", f"{kind}/100000"]
        if set(names) <= rows.keys():
            growth = rows[names[1]].median["ours"] / rows[names[0]].median["ours"]
            yield f"`{kind}`: time per equation, 100,000 equations divided by 10,000", f"{growth:.2f}", f"1.5 {verdict(growth <= 1.5)}"
    pairs = [(row.name, row.peaks["ours"] / row.peaks["jax"]) for row in rows.values() if "jax" in row.peaks]
    if pairs:
        worst = max(pairs, key=lambda pair: pair[1])
        yield f"peak memory divided by JAX's, largest (`{worst[0]}`)", f"{worst[1]:.2f}", f"{MEMORY:g} {verdict(worst[1] <= MEMORY)}"
