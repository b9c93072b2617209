"""stats_of_data.json: the functions of jax.scipy.stats that belong to no distribution, and gaussian_kde."""

import warnings

from function_cases import *

from jax.scipy import stats

warnings.simplefilter("ignore")
nan, inf = float("nan"), float("inf")
P = "jax.scipy.stats."
TIED = np.array([[2, 1, 2, 3, 1, 2], [3, 1, 3, 0, 1, 3], [1, 2, 2, 3, 1, 2]])
SPECIAL = np.array([1.0, nan, -0.0, 0.0, inf, nan, -inf, 1.0])


def on(fn, how, f, *specs):
    """A case in the dtype of its first argument."""
    dtype = specs[0][0] if isinstance(specs[0], tuple) else name_of(specs[0].dtype)
    case(P + fn, how, f, *specs, x64=dtype in ("f64", "s64"))


def mode(**options):
    """Counts are i32 here, also where JAX has 64-bit types."""
    def f(x):
        found = stats.mode(x, **options)
        return [found.mode, found.count if x.size == 0 else found.count.astype("int32")]
    return f


axes = {"0": 0, "1": 1, "-1": -1, "None": None}
# Without ties, the mode is the least number, and smooth.
for how, axis in axes.items():
    on("mode", how, mode(axis=axis), ("f64", (3, 4)))
for d in ("s32", "f32", "f64", "f16", "bf16", "u8"):
    for how, axis in axes.items():
        on("mode", how, mode(axis=axis), TIED.astype(DTYPES[d]))
on("mode", "1 keepdims", partial(stats.mode, axis=1, keepdims=True), TIED.astype("float32"))
on("mode", "None keepdims", partial(stats.mode, axis=None, keepdims=True), TIED.astype("float32"))
on("mode", "0", stats.mode, TIED.reshape(3, 2, 3).astype("float32"))
on("mode", "0", stats.mode, SPECIAL.astype("float32"))
on("mode", "0", stats.mode, np.array(3.0, "float32"))
on("mode", "0", stats.mode, np.zeros((0, 2), "float32"))
on("mode", "0", stats.mode, np.zeros((0,), "int32"))
on("mode", "0", stats.mode, np.array([True, False, True]))

for ties in ("average", "min", "max", "dense", "ordinal"):
    for d in ("s32", "f32", "f64", "f16", "u8"):
        on("rankdata", f"{ties} None", partial(stats.rankdata, method=ties), TIED.astype(DTYPES[d]))
    for axis in (0, -1):
        on("rankdata", f"{ties} {axis}", partial(stats.rankdata, method=ties, axis=axis), TIED.astype("float32"))
    on("rankdata", f"{ties} None", partial(stats.rankdata, method=ties), SPECIAL[[0, 2, 3, 4, 6, 7]].astype("float32"))
    on("rankdata", f"{ties} None", partial(stats.rankdata, method=ties), SPECIAL.astype("float32"))
    on("rankdata", f"{ties} None", partial(stats.rankdata, method=ties), np.array(2.0, "float32"))
on("rankdata", "average -1", partial(stats.rankdata, axis=-1), np.where(TIED == 0, nan, TIED).astype("float32"))
on("rankdata", "average None", stats.rankdata, np.zeros((0,), "float32"))

for d in ("f64", "f32", "f16", "bf16"):
    for how, axis in axes.items():
        on("sem", how, partial(stats.sem, axis=axis), (d, (3, 4)))
    on("sem", "0 ddof=0", partial(stats.sem, ddof=0), (d, (5,)))
    on("sem", "1 keepdims", partial(stats.sem, axis=1, keepdims=True), (d, (3, 4)))
    on("sem", "1 omit", partial(stats.sem, axis=1, nan_policy="omit"), (d, (3, 4)))
holes = np.array([[1.0, nan, 3.0, 5.0], [nan, 2.0, nan, nan], [nan] * 4, [1.0, inf, 2.0, 3.0]])
for how in ("propagate", "omit"):
    f = partial(stats.sem, axis=1, nan_policy=how)
    on("sem", "1" if how == "propagate" else "1 omit", f, holes.astype("float32"))
on("sem", "0", stats.sem, np.array([[1, 5], [2, 5], [4, 5]], "int32"))
on("sem", "0", stats.sem, np.array([1.0], "float32"))
on("sem", "0", stats.sem, np.array([], "float32"))

METHODS = {"scott": None, "silverman": "silverman", "0.5": 0.5}
SHAPES = {1: ((7,), (4,)), 2: ((2, 7), (2, 4)), 3: ((3, 9), (3,))}


def kde(how, f, *specs):
    on("gaussian_kde", how, f, *specs)


for d in ("f64", "f32"):
    for method, bw in METHODS.items():
        kde(f"{method} fields", lambda x: jax.tree.leaves(stats.gaussian_kde(x, bw)), (d, (2, 7)))
    for size, (data, points) in SHAPES.items():
        for fn in ("evaluate", "pdf", "logpdf"):
            kde(f"scott {fn}", lambda x, y: getattr(stats.gaussian_kde(x), fn)(y), (d, data), (d, points))
    for method, bw in METHODS.items():
        kde(f"{method} weights", lambda x, w, y: stats.gaussian_kde(x, bw, weights=jnp.abs(w) + 0.5).logpdf(y),
            (d, (2, 7)), (d, (7,)), (d, (2, 3)))
    # JAX's derivative of a Cholesky factor is that for symmetric matrices.
    kde("scott integrate_gaussian", lambda x, m, c: stats.gaussian_kde(x).integrate_gaussian(m, (c + c.T) / 2),
        (d, (2, 7)), (d, (2,)), (d, (2, 2), "positive"))
    kde("scott integrate_gaussian", lambda x, m, c: stats.gaussian_kde(x).integrate_gaussian(m, c),
        (d, (7,)), (d, ()), (d, (1, 1), "positive"))
    kde("scott integrate_box_1d", lambda x, a, b: stats.gaussian_kde(x).integrate_box_1d(a, b), (d, (7,)), (d, ()), (d, ()))
    kde("scott integrate_kde", lambda x, y: stats.gaussian_kde(x).integrate_kde(stats.gaussian_kde(y)), (d, (2, 7)), (d, (2, 5)))
    kde("scott integrate_kde", lambda x, y: stats.gaussian_kde(x).integrate_kde(stats.gaussian_kde(y)), (d, (5,)), (d, (6,)))
    for shape in ((), (3,)):
        kde(f"scott resample {','.join(map(str, shape))}", lambda x: stats.gaussian_kde(x).resample(jax.random.key(1), shape),
            (d, (2, 7)))
far = np.array([0.0, -40.0, inf, nan], "float32")
for fn in ("pdf", "logpdf"):
    kde(f"scott {fn}", lambda x, y: getattr(stats.gaussian_kde(x), fn)(y), ("f32", (7,)), far)
kde("scott pdf", lambda x, y: stats.gaussian_kde(x).pdf(y), np.array([1, 2, 4, 8], "int32"), np.array([2, 3], "int32"))
kde("scott pdf", lambda x, y: stats.gaussian_kde(x).pdf(y), np.array([1.0, 1.0, 1.0], "float32"), np.array([1.0], "float32"))
kde("scott pdf", lambda x, y: stats.gaussian_kde(x).pdf(y), ("f32", (7,)), np.zeros((0,), "float32"))

write(__file__, {"cases": cases})
