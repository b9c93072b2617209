"""library_edges.json: the functions of jax.scipy.special, stats, signal, fft and ndimage and of jax.image where
special.json, norm.json, stats.json and signals.json do not look: narrow floats, integers, empty arrays, scalars,
subnormal numbers, infinities and NaN. `elementwise` has the functions whose cases are tested as one program. Among the
other `cases`, those in f64 have gradients, so that second derivatives and batches are tested as well."""

import warnings

from function_cases import *

import jax.image
import jax.scipy.fft as fft
import jax.scipy.ndimage as ndimage
import jax.scipy.signal as signal
import jax.scipy.special as special
from jax.scipy import stats

warnings.simplefilter("ignore")
inf, nan = float("inf"), float("nan")
DIGITS = {"f32": 8, "c64": 8, "f64": 14, "c128": 14, "f16": 5, "bf16": 4}


def short(x):
    """The numbers with as many digits as the test compares."""
    near = lambda v: [near(w) for w in v] if isinstance(v, list) else v if isinstance(v, str) else float(f"{v:.{DIGITS[x['dtype']]}g}")
    return x | {"data": near(x["data"])} if x["dtype"] in DIGITS else x


def on(fn, how, f, dtype, *specs, grad=False):
    """A case, unless JAX refuses the dtype."""
    try:
        case(fn, how, f, *specs, grad=grad, x64=dtype in ("f64", "c128"))
    except (NotImplementedError, TypeError, ValueError, ZeroDivisionError) as error:
        print(fn, how, dtype, type(error).__name__, str(error).splitlines()[0][:100])
        return
    entry = cases[-1]
    entry |= {key: [short(x) for x in entry[key]] for key in ("outputs", "grads") if key in entry}


TINY = {"f32": 1e-40, "f16": 1e-6, "bf16": 1e-40}
ALL = ("f16", "bf16", "edges", "s32", "empty", "scalar")


def edges(fn, f, points, *others, inside=0.75, integers=(-1, 0, 1, 3), place=0, only=ALL):
    """The argument at `place` takes the points in narrow floats, with subnormal numbers; infinities and NaN; integers; it is
    empty; and a scalar, inside of the domain."""
    def at(d, x, name):
        if name in only:
            args = [np.asarray(p, DTYPES["f32" if d == "s32" else d]) for p in others]
            args.insert(place, np.asarray(x, DTYPES[d]))
            on(fn, "", f, d, *args)

    for d in ("f16", "bf16"):
        at(d, [*points, TINY[d], -TINY[d]], d)
    at("f32", [inf, -inf, nan, TINY["f32"], -TINY["f32"], -0.0], "edges")
    at("s32", list(integers), "s32")
    at("f32", [], "empty")
    at("f32", inside, "scalar")


# Functions of one number, and of several.
P = "jax.scipy.special."
REAL, POSITIVE, UNIT = [-3.0, -0.75, -0.0, 0.25, 1.0, 2.5, 9.0], [0.0, 0.25, 0.5, 1.0, 2.5, 7.0], [0.0, 0.125, 0.5, 0.875, 1.0]
for fn in ("i0", "i0e", "i1", "i1e", "erf", "erfc", "expit", "log_ndtr", "ndtr"):
    edges(P + fn, getattr(special, fn), REAL)
for fn in ("gamma", "gammaln", "digamma"):
    edges(P + fn, getattr(special, fn), [-2.5, -0.75, 0.25, 1.0, 2.5, 7.0], integers=(1, 2, 5))
edges(P + "gammasgn", special.gammasgn, REAL)
edges(P + "factorial", special.factorial, POSITIVE, integers=(0, 1, 5))
edges(P + "entr", special.entr, [-1.0, *POSITIVE])
for fn in ("erfinv", "logit", "ndtri"):
    edges(P + fn, getattr(special, fn), [-0.5, *UNIT, 1.5], inside=0.25, integers=(-1, 0, 1, 2))
for fn in ("gammainc", "gammaincc"):
    for place in (0, 1):
        edges(P + fn, getattr(special, fn), POSITIVE[1:], 1.5, place=place, integers=(1, 3))
for place in (0, 1, 2):
    edges(P + "betainc", special.betainc, UNIT[1:-1] if place == 2 else POSITIVE[1:], *([1.5, 0.375] if place < 2 else [1.5, 2.5]),
          place=place, inside=0.25, integers=(1, 1) if place == 2 else (1, 3))
edges(P + "zeta", special.zeta, [1.5, 2.0, 4.0], 1.5, integers=(2, 3))
edges(P + "comb", special.comb, POSITIVE, 2.0, integers=(0, 3, 5), inside=2.5)
for fn in ("betaln", "beta", "rel_entr", "kl_div"):
    for place in (0, 1):
        edges(P + fn, getattr(special, fn), POSITIVE[1:], 1.5, place=place, integers=(1, 3))
edges(P + "poch", special.poch, POSITIVE[1:], 1.5, integers=(1, 3))
for fn in ("boxcox", "boxcox1p"):
    for place in (0, 1):
        edges(P + fn, getattr(special, fn), POSITIVE, 1.5, place=place, integers=(1, 3))
for fn in ("xlogy", "xlog1py"):
    for place in (0, 1):
        edges(P + fn, getattr(special, fn), POSITIVE, 1.5, place=place, integers=(0, 1, 3))
for d in (1, 3):
    edges(P + f"multigammaln({d})", lambda a: special.multigammaln(a, d), [1.5, 2.5, 7.0], inside=2.25, integers=(2, 5), only=("f16", "bf16", "s32", "empty", "scalar"))
edges(P + "polygamma(2)", lambda x: special.polygamma(2, x), [0.5, 1.0, 2.5], integers=(1, 3))

# Distributions: a set of parameters, of numbers that all floats have.
FUNCTIONS = ("logpdf", "pdf", "cdf", "logcdf", "sf", "logsf", "ppf", "isf", "logpmf", "pmf")
LS = (0.5, 2.0)
FLAT = {name: LS for name in ("norm", "expon", "uniform", "laplace", "logistic", "cauchy", "gumbel_r", "gumbel_l")}
CONTINUOUS = FLAT | {
    "gamma": (2.5, *LS), "chi2": (3.0, *LS), "beta": (2.0, 3.0, *LS), "pareto": (1.5, -0.5, 0.5), "t": (3.0, *LS), "gennorm": (1.5,),
    "wrapcauchy": (0.375,), "vonmises": (0.5,), "truncnorm": (-1.0, 2.0, *LS),
}
DISCRETE = {
    "bernoulli": (0.25, 0.0), "binom": (5.0, 0.25, 0.0), "geom": (0.25, 0.0), "nbinom": (3.0, 0.25, 0.0), "poisson": (3.0, 0.0),
    "betabinom": (5.0, 2.0, 3.0, 0.0),
}
for name, parameters in (CONTINUOUS | DISCRETE).items():
    for fn in FUNCTIONS:
        f = getattr(getattr(stats, name), fn, None)
        if f is None:
            continue
        p = parameters[:1] if name == "bernoulli" and fn in ("cdf", "ppf") else parameters
        q = fn in ("ppf", "isf")
        points = UNIT if q else [-1.0, 0.0, 1.0, 2.0, 5.0] if name in DISCRETE else [-2.0, 0.25, 0.5, 1.0, 1.75, 6.0]
        inside = 0.25 if q else 1.0 if name in DISCRETE else 0.75
        edges(f"jax.scipy.stats.{name}.{fn}", f, points, *p, inside=inside, integers=(0, 1) if q else (0, 1, 3))

elementwise, cases[:] = cases[:], []
edges(P + "logsumexp", special.logsumexp, REAL, only=("f16", "bf16", "s32", "scalar"))
simplex = np.array([0.25, 0.25, 0.5])
for d in ("f16", "bf16"):
    on("jax.scipy.stats.dirichlet.logpdf", "", stats.dirichlet.logpdf, d, simplex.astype(DTYPES[d]), np.array([1.0, 2.0, 3.0], DTYPES[d]))

# Signals and pictures: formulas, and vectors with numbers that are not finite.
special_vector = lambda d: np.array([1.0, nan, -2.0, inf, 0.5, TINY.get(d, 0.0)], DTYPES[d])
KINDS = ("f64", "f32", "f16", "bf16", "s32", "u8")


def kind(d):
    return ("integer",) if d[0] in "su" else ()


def signals(fn, how, f, *shapes, dtypes=KINDS, vector=True):
    for d in dtypes:
        if d == "u8":
            on(fn, how, f, d, *[np.asarray(np.arange(np.prod(s)).reshape(s) * 37 % 256, "uint8") for s in shapes])
        else:
            on(fn, how, f, d, *[(d, s, *kind(d)) for s in shapes], grad=d == "f64")
    if vector:
        on(fn, how, f, "f32", special_vector("f32"), *[np.array([0.5, 2.0, -1.0], "float32") for _ in shapes[1:]])


G, F, D, J = "jax.scipy.signal.", "jax.scipy.fft.", "jax.scipy.ndimage.", "jax.image."
for mode in ("full", "same", "valid"):
    for fn in ("convolve", "correlate"):
        signals(G + fn, mode, partial(getattr(signal, fn), mode=mode), (5,), (3,))
signals(G + "fftconvolve", "same", partial(signal.fftconvolve, mode="same"), (5,), (3,), dtypes=("f64", "f32", "s32"), vector=False)
signals(G + "convolve2d", "same", partial(signal.convolve2d, mode="same"), (3, 4), (2, 2), vector=False)
for how in ("constant", "linear"):
    signals(G + "detrend", how, partial(signal.detrend, type=how), (6,), dtypes=("f64", "f32"))
for fn in ("dct", "idct", "dctn", "idctn"):
    signals(F + fn, "", getattr(fft, fn), (2, 4), dtypes=("f64", "f32"), vector=False)
signals(G + "welch", "", lambda x: signal.welch(x, nperseg=8)[1], (20,), dtypes=("f64", "f32"), vector=False)
for order in (0, 1):
    for mode in ("constant", "nearest", "wrap", "mirror", "reflect"):
        f = lambda x, c: ndimage.map_coordinates(x, [c], order, mode=mode, cval=1.0)
        for d in ("f64", "f32", "f16", "s32", "u8"):
            # Where gradients are taken, no place is at a kink.
            places = [-0.75, 0.25, 2.875 if d == "f64" else 3.0, 4.625, nan, inf]
            places = np.array(places[: None if d == "f32" else 4], DTYPES[d if d[0] == "f" else "f32"])
            on(D + "map_coordinates", f"{order} {mode}", f, d, np.array([3, 0, 7, 250, 9], DTYPES[d]), places, grad=d == "f64" and order == 1)
for method in ("nearest", "linear", "cubic", "lanczos3"):
    signals(J + "resize", f"7,3 {method}", lambda x: jax.image.resize(x, (7, 3), method), (4, 5), vector=False)
    for shape in ((4,), (9,)):
        on(J + "resize", f"{shape[0]} {method}", lambda x: jax.image.resize(x, shape, method), "f32", special_vector("f32"))
    on(J + "resize", f"0 {method}", lambda x: jax.image.resize(x, (0,), method), "f32", special_vector("f32"))
    on(J + "resize", f"3,0 {method}", lambda x: jax.image.resize(x, (3, 0), method), "f32", ("f32", (4, 0)))
    on(J + "resize", f" {method}", lambda x: jax.image.resize(x, (), method), "f32", ("f32", ()))
shift = lambda x: [jnp.asarray([v], x.dtype if x.dtype == "float64" else "float32") for v in (1.25, 0.5)]
signals(J + "scale_and_translate", "linear", lambda x: jax.image.scale_and_translate(x, (5,), (0,), *shift(x), "linear"), (4,))

# Where JAX is wrong, the right values, and why.
SERIES = "the limit; the formula has the form 0/0 or ∞ − ∞"
IGNORES = "NaN is compared with the ends of the support, and no comparison holds"
# Where the compiler decides, nothing is compared.
FLUSH = "the compiler of the CPU takes a subnormal number of f32 for zero in some programs"
RIGHT = [
    (P + "gammainc", "f32", {("inf", "1.5"): 0.0}, SERIES),
    (P + "gammaincc", "f32", {("inf", "1.5"): 1.0}, SERIES),
    (P + "comb", "f16", {("7.0", "2.0"): 21.0}, "a logarithm of 3 digits"),
    ("jax.scipy.stats.betabinom.pmf", "bf16", {("0.0",): 1 / 6, ("2.0",): 5 / 21, ("tiny",): 1 / 6, ("-tiny",): 1 / 6},
     "logarithms of 3 digits"),
    (P + "gammaincc", "f32", {("1.5", "-tiny"): None}, FLUSH),
    (P + "boxcox", "f32", {("-tiny", "1.5"): None}, FLUSH),
    (P + "xlogy", "f32", {("1.5", "tiny"): None, ("1.5", "-tiny"): None}, FLUSH),
    (P + "zeta", "f32", {("inf", "1.5"): 0.0}, "each term is zero"),
    (P + "betaln", "f32", {("inf", "1.5"): -inf, ("1.5", "inf"): -inf}, SERIES),
    (P + "beta", "f32", {("inf", "1.5"): 0.0, ("1.5", "inf"): 0.0}, SERIES),
    (P + "rel_entr", "f32", {("inf", "1.5"): inf}, SERIES),
    (P + "poch", "f32", {("inf", "1.5"): inf}, SERIES),
    (P + "boxcox", "f32", {("-0.0", "1.5"): -2 / 3}, "the power of -0 is 0"),
    (P + "boxcox", "f16", {("1.5", "tiny"): np.log(1.5), ("1.5", "-tiny"): np.log(1.5)}, "the difference cancels"),
    (P + "polygamma(2)", "f32", {("inf",): 0.0, ("tiny",): -inf, ("-tiny",): inf, ("-0.0",): inf}, "-2/x³ at small x"),
    (P + "polygamma(2)", "bf16", {("tiny",): -inf, ("-tiny",): inf}, "-2/x³ at small x"),
    ("jax.scipy.stats.poisson.cdf", "f32", {("inf", "3.0", "0.0"): 1.0}, SERIES),
    *(("jax.scipy.stats." + name, "f32", {("nan",): nan}, IGNORES) for name in (
        "uniform.cdf", "gamma.logpdf", "gamma.pdf", "wrapcauchy.logpdf", "wrapcauchy.pdf", "truncnorm.cdf", "truncnorm.logcdf",
        "truncnorm.sf", "truncnorm.logsf", "binom.logpmf", "binom.pmf", "poisson.logpmf", "poisson.pmf")),
    *((f"jax.scipy.stats.gumbel_{side}.{fn}", "f32", {(end,): value}, SERIES)
      for side, end in (("r", "-inf"), ("l", "inf")) for fn, value in (("logpdf", -inf), ("pdf", 0.0))),
]


def word(v):
    v = float(str(v).replace("Infinity", "inf"))
    return str(v) if v == 0 or abs(v) > 1e-5 or v != v else "tiny" if v > 0 else "-tiny"


def correct(cases):
    for fn, dtype, values, why in RIGHT:
        found = set()
        for entry in cases:
            if entry["fn"] != fn or any(x["dtype"] != dtype for x in entry["args"]):
                continue
            data = entry["outputs"][0]["data"]
            for i in range(len(data)):
                at = tuple(word(x["data"][i if x["shape"] else 0]) for x in entry["args"])
                for key, value in values.items():
                    if at[: len(key)] == key:
                        found.add(key)
                        entry["why"] = why
                        if value is None:
                            entry.setdefault("free", []).append(i)
                            continue
                        assert data[i] != real(value), (fn, at, data[i])
                        data[i] = real(float(f"{value:.8g}"))
        assert found == set(values), (fn, set(values) - found)


correct(elementwise)
write(__file__, {"elementwise": elementwise, "cases": cases})
