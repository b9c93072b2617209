"""special.json: the functions of jax.scipy.special around gamma, beta, Bessel functions and divergences, in f64, with the
gradient of the sum of the results by each argument that `grads` does not leave out as null."""

from common import *

jax.config.update("jax_enable_x64", True)
import jax.numpy as jnp
import jax.scipy.special as special

cases = []


def case(fn, *args, by=None):
    f = getattr(special, fn)
    xs = [np.asarray(a, np.float64) for a in args]
    by = tuple(range(len(xs))) if by is None else by
    grads = jax.grad(lambda *xs: jnp.sum(f(*xs)), argnums=by)(*xs) if by else ()
    full = [None] * len(xs)
    for i, g in zip(by, grads):
        full[i] = g
    cases.append({"fn": fn, "args": [array(x) for x in xs], "outputs": [array(f(*xs))], "grads": [array(g) for g in full]})


POS = [0.25, 0.5, 1.0, 1.75, 3.5, 6.0]
case("gammainc", POS, [0.5, 0.25, 2.0, 1.5, 9.0, 5.0])
case("gammaincc", POS, [0.5, 0.25, 2.0, 1.5, 9.0, 5.0])
case("gammainc", [[0.5], [2.0]], [0.25, 1.0, 4.0])
case("betainc", POS, POS[::-1], [0.1, 0.25, 0.5, 0.75, 0.9, 0.6], by=(2,))
case("zeta", [2.0, 3.5, 1.5], [1.0, 0.5, 4.0], by=(1,))
for f in ("i0", "i0e", "i1", "i1e"):
    case(f, [-12.0, -3.0, -0.5, 0.25, 1.0, 7.5, 20.0])
case("gamma", [-2.5, -0.5, 0.5, 1.5, 4.0])
case("gammasgn", [-2.5, -2.0, -1.5, -0.0, 0.0, 2.0, np.nan], by=())
case("factorial", [0.0, 1.0, 2.5, 6.0, -1.0], by=())
case("comb", [5.0, 6.5, 3.0, 2.0], [2.0, 1.5, 4.0, -1.0], by=())
case("betaln", POS, POS[::-1])
case("beta", [0.5, 2.0, -0.5], [1.5, 3.0, 2.25])
case("poch", [0.5, 2.0, 3.0], [1.5, 3.0, 0.0], by=())
case("rel_entr", [0.5, 0.0, 1.0, 2.0, -1.0], [0.25, 1.0, 0.0, 3.0, 1.0], by=())
case("rel_entr", [0.5, 2.0], [0.25, 3.0])
case("kl_div", [0.5, 2.0, 0.0], [0.25, 3.0, 1.0])
case("boxcox", [0.5, 2.0, 3.0], [0.5, 0.0, -1.5], by=(0,))
case("boxcox1p", [0.5, 2.0, 1e-9], [0.5, 0.0, -1.5], by=(0,))
for d in (1, 3):
    a = np.array([2.5, 4.0])
    f = lambda a: special.multigammaln(a, d)
    cases.append({"fn": f"multigammaln({d})", "args": [array(a)], "outputs": [array(f(a))],
                  "grads": [array(jax.grad(lambda a: jnp.sum(f(a)))(a))]})
x = np.array([0.5, 2.0, 6.0])
cases.append({"fn": "polygamma(2)", "args": [array(x)], "outputs": [array(special.polygamma(2, x))],
              "grads": [array(jax.grad(lambda x: jnp.sum(special.polygamma(2, x)))(x))]})

write(__file__, {"cases": cases})
