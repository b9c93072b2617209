"""special_more.json: functions of jax.scipy.special that make_special.py leaves out, in f64 and f32, with derivatives of
the sum of the results in the last argument where JAX has them. """

from common import *

jax.config.update("jax_enable_x64", True)
import jax.numpy as jnp
import jax.scipy.special as special
import scipy.special as truth

cases = []
NAN, INF = np.nan, np.inf
LINE = [-30.0, -7.0, -3.5, -1.0, -0.2, 0.2, 0.7, 1.0, 1.8, 2.3, 3.7, 5.0, 9.0, 20.0, 50.0]


def case(name, f, *args, grad=True, at=None):
    for dtype in ("f64", "f32"):
        xs = [np.asarray(a, DTYPES[dtype] if np.asarray(a).dtype.kind == "f" else np.asarray(a).dtype) for a in args]
        out = f(*xs)
        # With 64-bit types on, JAX's owens_t returns f64 for f32.
        outputs = [np.asarray(o, DTYPES[dtype]) for o in (out if isinstance(out, tuple) else [out])]
        entry = {"fn": name, "args": [array(x) for x in xs], "outputs": [array(x) for x in outputs]}
        if grad and dtype == "f64":
            ys = xs if at is None else xs[:-1] + [np.asarray(at)]
            total = lambda y: sum(jnp.sum(o.real) for o in jax.tree.leaves(f(*ys[:-1], y)))
            entry |= {"at": array(ys[-1]), "grad": array(jax.grad(total)(ys[-1]))}
        cases.append(entry)


case("expi", special.expi, LINE + [0.0, INF, NAN], at=LINE)
case("exp1", special.exp1, [0.0, 0.1, 0.5, 1.0, 1.5, 4.0, 30.0, INF, NAN, -1.0], grad=False)
case("expn", special.expn, [0.0, 1.0, 2.0, 3.0, 6.0, 1.0, 5000.0], [1.5, 0.3, 0.8, 2.5, 1.0, 7.0, 0.5], grad=False)
case("sici", special.sici, LINE + [0.0, INF], at=LINE)
case("dawsn", special.dawsn, LINE + [0.0, INF], at=LINE)
case("erfcx", special.erfcx, [-3.0, -0.5, 0.0, 1.0, 5.0, 12.0, 40.0, 1e5], at=[-1.0, 0.5, 3.0, 12.0, 40.0])
case("spence", special.spence, [0.0, 0.1, 0.4, 0.6, 1.0, 1.4, 1.7, 2.5, 30.0, -1.0], grad=False)
case("fresnel", special.fresnel, LINE + [0.0, INF, 5e4], at=[0.2, 0.7, 1.8, 2.3, 5.0])
case("bessel_jn", lambda z: special.bessel_jn(z, v=3), [-4.0, -0.5, 0.2, 1.0, 3.0, 8.0], at=[0.5, 2.0])
case("owens_t", special.owens_t, [0.0, 0.5, -1.2, 3.0, 0.3, 2.0, NAN], [0.7, 1.0, 3.0, -0.5, -8.0, 0.1, 1.0], grad=False)
case("hyp1f1", special.hyp1f1, [1.0, 0.5, -2.0, 3.5, 0.0, 2.0], [2.0, 1.5, 3.0, 1.25, 1.0, 2.0], [0.5, -3.0, 2.0, 8.0, 1.0, 3.0], grad=False)
# The last two: the transformation to 1 - x, for integers c - a - b.
case(
    "hyp2f1",
    special.hyp2f1,
    [1.0, 0.5, -3.0, 2.0, 0.0, 1.5, 1.0, 0.5, 0.5],
    [1.0, 1.5, 2.5, 3.0, 1.0, 2.0, 0.5, 0.5, 1.5],
    [2.0, 2.25, 1.5, 1.75, 1.0, 1.5, 2.5, 2.0, 4.0],
    [0.5, -0.7, 0.6, 0.3, 0.2, 0.4, 1.0, 0.95, 0.93],
    grad=False,
)
z = np.array([0.5 + 1.0j, -2.3 + 0.4j, 3.0 - 2.0j, 0.1 - 0.3j])
for name in ("wofz", "loggamma", "erfcx"):
    f = getattr(special, name)
    cases.append({"fn": name, "args": [array(z)], "outputs": [array(f(z))]})
case("loggamma", special.loggamma, [-1.5, 0.0, 0.5, 3.0, 30.0], grad=False)
n, m = np.array([0, 1, 2, 3, 4, 4, 3]), np.array([0, -1, 1, 2, -3, 0, 3])
theta = np.array([0.3, 1.0, 1.5, 2.0, 0.7, 3.0, 0.1])
phi = np.array([0.1, 2.0, -1.0, 4.0, 0.5, 6.0, 3.0])
for dtype in ("f64", "f32"):
    t, p = theta.astype(DTYPES[dtype]), phi.astype(DTYPES[dtype])
    out = special.sph_harm_y(n.astype(np.int32), m.astype(np.int32), t, p, n_max=4)
    cases.append({"fn": "sph_harm_y", "args": [array(x) for x in (n.astype(np.int32), m.astype(np.int32), t, p)], "outputs": [array(np.asarray(out, np.complex64 if dtype == "f32" else np.complex128))]})
with jax.enable_x64(False):
    cases.append({"fn": "bernoulli", "args": [], "outputs": [array(special.bernoulli(20))]})

# Where JAX returns NaN and SciPy does not, the value is SciPy's. All others are SciPy's too, but for rounding.
for entry in cases:
    f, args = getattr(truth, entry["fn"], None), entry["args"]
    if entry["fn"] in ("bessel_jn", "bernoulli", "sph_harm_y"):
        continue
    value = lambda x: np.asarray([complex(*v) if isinstance(v, list) else float(v) for v in x["data"]])
    exact = f(*[value(a) for a in args])
    for out, right in zip(entry["outputs"], exact if isinstance(exact, tuple) else [exact]):
        tolerance = 3e-5 if out["dtype"] in ("f32", "c64") else 1e-9
        for i, (a, b) in enumerate(zip(value(out), right)):
            if np.isnan(a) and not np.isnan(b):
                out["data"][i] = real(b)
            else:
                assert np.isclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True), (entry["fn"], a, b)

write(__file__, {"cases": cases})
