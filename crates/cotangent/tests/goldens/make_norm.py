"""norm.json: jax.scipy.stats.norm and jax.scipy.special, with gradients, tails and special values."""

import warnings

from common import *

jax.config.update("jax_enable_x64", True)
warnings.simplefilter("ignore")

import jax.numpy as jnp
import jax.scipy.special as special
import scipy.special
import scipy.stats
from jax.scipy.stats import norm

nan, inf = np.nan, np.inf
cases = []


def case(fn, f, args, where=None, reference=None):
    """f64 with the gradient of the sum of f, in each argument (or those in `where`); and f32."""
    for d in ("f64", "f32"):
        with jax.enable_x64(d == "f64"):  # with 64-bit types on, ppf of an f32 is an f64
            xs = [jnp.asarray(np.asarray(a, DTYPES[d])) for a in args]
            y = f(*xs)
            out = {"fn": fn, "args": [array(x) for x in xs], "outputs": [array(y)]}
            if d == "f64":
                where = tuple(range(len(xs))) if where is None else where
                g = jax.grad(lambda *xs: jnp.sum(f(*xs)), argnums=where)(*xs)
                out["grads"] = [array(g[where.index(i)]) if i in where else None for i in range(len(xs))]
                if reference is not None:
                    want = reference(*map(np.asarray, xs))
                    ok = np.isfinite(want) & np.isfinite(np.asarray(y))
                    np.testing.assert_allclose(np.asarray(y)[ok], want[ok], rtol=2e-6, atol=1e-300, err_msg=fn)
            cases.append(out)


X = [0.0, -0.0, 1e-8, -1e-8, 0.3, -0.7, 1.0, -1.0, 2.5, -2.5, 5.0, -5.0, 10.0, -10.0, 40.0, -40.0, inf, -inf, nan]
P = [0.0, 1e-300, 1e-20, 1e-8, 0.001, 0.02425, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97575, 0.999, 1 - 1e-8, 1.0, -0.1, 1.1, nan]

for n in ("logpdf", "pdf", "cdf", "logcdf", "sf", "logsf", "ppf", "isf"):
    f = getattr(norm, n)
    grid, other = (P, [0.2, 0.5, 0.9]) if n in ("ppf", "isf") else (X, [-1.5, 0.25, 2.0])
    ref = getattr(scipy.stats.norm, n)
    case("norm." + n, f, [grid], reference=ref)
    case("norm." + n, f, [grid, 0.5, 2.0], reference=ref)
    case("norm." + n, f, [other, [[-1.0], [0.5]], 1.5], reference=ref)
    case("norm." + n, f, [0.6, [-1.0, 0.0, 1.0], [0.5, 1.0, 3.0]], reference=ref)
    case("norm." + n, f, [other, 0.0, [0.0, -1.0, inf]])

for n, grid in {
    "log_ndtr": X, "ndtr": X, "erf": X, "erfc": X, "expit": X + [800.0, -800.0], "ndtri": P,
    "logit": P, "entr": [0.0, -0.0, 1e-300, 0.2, 0.5, 1.0, 3.0, -1.0, inf, nan],
    "gammaln": [0.0, -0.0, 0.1, 0.5, 1.0, 1.5, 2.0, 3.7, 10.0, 100.0, 1e10, -0.5, -1.0, -2.5, inf, -inf, nan],
    "digamma": [0.1, 0.5, 1.0, 1.5, 2.0, 3.7, 10.0, 100.0, 1e10, -0.5, -2.5, inf, nan],
    "erfinv": [0.0, 1e-8, 0.1, -0.5, 0.9, 0.99, -0.999999, 1.0, -1.0, 1.1, nan],
}.items():
    case(n, getattr(special, n), [grid], reference=getattr(scipy.special, n))
for n in ("xlogy", "xlog1py"):
    f, ref = getattr(special, n), getattr(scipy.special, n)
    case(n, f, [[0.5, 2.0, -1.0, 3.0], [0.1, 2.0, 0.7, 10.0]], reference=ref)
    case(n, f, [[0.0, 0.0, 0.0, 1.0, 0.0, nan, 1.0], [0.0, 1.0, inf, 0.0, nan, 1.0, -2.0]])
    case(n, f, [[[0.5], [2.0]], [0.1, 2.0, 0.7]], reference=ref)

def lse(**kw):
    return lambda x: special.logsumexp(x, **kw)
m = [[0.5, -1.0, 2.0], [1.5, 0.0, -3.0]]
case("logsumexp", lse(), [[0.1, 0.2, 0.3]])
case("logsumexp", lse(), [[1000.0, 1000.5, -1000.0]])
case("logsumexp", lse(), [[-inf, 0.0, 1.0]])
case("logsumexp", lse(), [[-inf, -inf]])
case("logsumexp", lse(), [[inf, 0.0]])
case("logsumexp", lse(), [[nan, 0.0]])
case("logsumexp", lse(), [1.5])
case("logsumexp", lse(), [m])
case("logsumexp(axis=0)", lse(axis=0), [m])
case("logsumexp(axis=-1)", lse(axis=-1), [m])
case("logsumexp(axis=-1,keepdims=True)", lse(axis=-1, keepdims=True), [m])
case("logsumexp(b)", lambda x, b: special.logsumexp(x, b=b), [[0.1, 0.2, 0.3], [1.0, 2.0, 0.5]])

write(__file__, {"cases": cases})
