"""stats.json: the distributions of jax.scipy.stats other than `norm`, with gradients of the sum of the values in f64."""

import jax.numpy as jnp
from jax.scipy import stats

from common import *

cases = []
INF, NAN = np.inf, np.nan
POINTS = [-INF, -30.0, -2.0, -0.5, 0.0, 0.2, 0.5, 1.0, 1.7, 2.5, 3.0, 6.0, 30.0, INF, NAN]
INSIDE = [0.7, 1.0, 1.7, 2.2]
COUNTS = [-1.0, 0.0, 1.0, 2.0, 2.5, 5.0, 10.0, 11.0]
QUANTILES = [-0.1, 0.0, 1e-6, 0.1, 0.5, 0.9, 1.0, 1.1, NAN]
LS = [(0.0, 1.0), (0.5, 2.0)]
FLAT = {name: LS for name in ("expon", "uniform", "laplace", "logistic", "cauchy", "gumbel_r", "gumbel_l")}
CONTINUOUS = FLAT | {
    "gamma": [(0.5, 0.0, 1.0), (2.5, 0.5, 2.0), (30.0, 0.0, 0.1)],
    "chi2": [(1.0, 0.0, 1.0), (3.0, 0.5, 2.0)],
    "beta": [(2.0, 3.0, 0.0, 1.0), (0.5, 0.7, 0.5, 2.0), (1.0, 1.0, 0.0, 3.0)],
    "pareto": [(1.5, 0.0, 1.0), (3.0, 0.5, 0.1)],
    "t": [(1.0, 0.0, 1.0), (3.0, 0.5, 2.0)],
    "gennorm": [(1.0,), (1.5,), (4.0,)],
    "wrapcauchy": [(0.4,), (0.9,)],
    "vonmises": [(0.5,), (20.0,)],
    "truncnorm": [(-1.0, 2.0, 0.0, 1.0), (1.0, 3.0, 0.5, 2.0), (-8.0, -5.0, 0.0, 1.0)],
}
DISCRETE = {
    "bernoulli": [(0.3, 0.0), (0.3, 1.0)],
    "binom": [(10.0, 0.3, 0.0), (10.0, 0.3, 1.0), (10.0, 1.0, 0.0)],
    "geom": [(0.3, 0.0), (0.9, 1.0)],
    "nbinom": [(3.0, 0.3, 0.0), (2.5, 0.8, 1.0)],
    "poisson": [(3.0, 0.0), (0.5, 1.0)],
    "betabinom": [(10.0, 2.0, 3.0, 0.0), (10.0, 0.5, 0.5, 0.0)],
}


# Limits, for which JAX's formula has the form ∞ − ∞.
LIMITS = {f"gumbel_{side}.{fn}": (end, value) for side, end in (("r", -np.inf), ("l", np.inf))
          for fn, value in (("logpdf", -np.inf), ("pdf", 0.0))}


def case(name, f, args, grad_at=None):
    for dtype in ("f64", "f32"):
        given = [jnp.asarray(np.asarray(x, DTYPES[dtype])) for x in args]
        out = f(*given)
        if name in LIMITS:
            end, value = LIMITS[name]
            out = jnp.where(given[0] == end, value, out).astype(out.dtype)
        if np.isnan(args[0]).any() and not np.isnan(out[-1]):
            # JAX's value is that of a point inside or outside of the support.
            given[0], out = given[0][:-1], out[:-1]
        entry = {"fn": name, "args": [array(x) for x in given], "output": array(out)}
        if dtype == "f64" and grad_at is not None:
            at = [jnp.asarray(np.asarray(x, DTYPES[dtype])) for x in grad_at]
            try:
                grads = jax.grad(lambda *a: f(*a).sum(), argnums=tuple(range(len(at))))(*at)
            except (TypeError, ValueError):
                # Not in JAX: the gradients of `gumbel_l`, `gumbel_r`, and of `betainc` in its first arguments.
                grads = [NAN]
            if all(np.isfinite(g).all() for g in grads):
                entry |= {"at": [array(x) for x in at], "grads": [array(g) for g in grads]}
        cases.append(entry)


with jax.enable_x64(True):
    for name, parameters in (CONTINUOUS | DISCRETE).items():
        module = getattr(stats, name)
        functions = ("logpdf", "pdf", "cdf", "logcdf", "sf", "logsf", "ppf", "isf", "logpmf", "pmf")
        for fn in [f for f in functions if hasattr(module, f)]:
            if name == "bernoulli" and fn in ("cdf", "ppf"):
                case(f"{name}.{fn}", getattr(module, fn), [QUANTILES if fn == "ppf" else COUNTS, 0.3])
                continue
            for p in parameters:
                q = fn in ("ppf", "isf")
                points = QUANTILES if q else COUNTS if name in DISCRETE else POINTS
                inside = [0.1, 0.5, 0.9] if q else [1.0, 2.0] if name in DISCRETE else INSIDE
                case(f"{name}.{fn}", getattr(module, fn), [points, *p], None if p[-2:] == (1.0, 0.0) else [inside, *p])
    simplex = np.array([[0.2, 0.1, 0.5], [0.3, 0.6, 0.5], [0.5, 0.3, 0.5]])
    case("dirichlet.logpdf", stats.dirichlet.logpdf, [simplex, [1.0, 2.0, 3.0]], None)
    case("dirichlet.logpdf", stats.dirichlet.logpdf, [simplex[:, 0], [0.5, 2.0, 3.0]], [simplex[:, 0], [0.5, 2.0, 3.0]])
    case("dirichlet.logpdf", stats.dirichlet.logpdf, [simplex[:2, 0], [0.5, 2.0, 3.0]], None)
    case("dirichlet.pdf", stats.dirichlet.pdf, [simplex, [1.0, 2.0, 3.0]], None)
    mean, cov = np.array([1.0, -1.0]), np.array([[2.0, 0.5], [0.5, 1.0]])
    x = np.array([[0.0, 0.0], [1.0, -1.0], [3.0, 2.0]])
    mvn = stats.multivariate_normal
    for fn in ("logpdf", "pdf"):
        f = getattr(mvn, fn)
        case(f"multivariate_normal.{fn}", f, [x, mean, cov], [x, mean, cov])
        case(f"multivariate_normal.{fn}", f, [x[0], mean, cov], [x[0], mean, cov])
        case(f"multivariate_normal.{fn}", f, [x, mean, np.stack([cov, 2 * cov, 3 * cov])], [x, mean, np.stack([cov, 2 * cov, 3 * cov])])
        case(f"multivariate_normal.{fn}", f, [x, mean, 2.0], [x, mean, 2.0])
        case(f"multivariate_normal.{fn}", f, [1.5, 0.5, 2.0], [1.5, 0.5, 2.0])

write(__file__, {"cases": cases})
