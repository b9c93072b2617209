"""linalg_invariants.json: eigenvalues, Schur forms and reductions, by what the results determine, with gradients."""

import warnings

from common import *

jax.config.update("jax_enable_x64", True)
warnings.simplefilter("ignore")

import jax.numpy as jnp
import jax.scipy.linalg as sl
from jax.lax import linalg as ll

cases = []
adjoint = lambda x: jnp.conj(x.mT)


def matrix(shape, dtype, seed=1):
    """sin and cos of multiples of the golden ratio, with three digits: the test has the same formula."""
    k = np.arange(1, np.prod(shape, dtype=int) + 1)
    x = np.round(np.sin(seed * 0.618 * k * k), 3)
    if dtype[0] == "c":
        x = x + 1j * np.round(np.cos(seed * 0.618 * k * k), 3)
    return x.reshape(shape).astype(DTYPES[dtype])


def hermitian(shape, dtype):
    a = matrix(shape, dtype)
    return a + np.conj(a.swapaxes(-1, -2))


# The eigenvalues 1, 1, 4; the eigenvalue 1 with two vectors, and 2; the identity; a pair of conjugate eigenvalues.
MATRICES = {
    "equal": [[2, 1, 1], [1, 2, 1], [1, 1, 2]],
    "skew": [[1, 0, 5], [0, 1, 7], [0, 0, 2]],
    "unit": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "turn": [[0, 2, 0], [-2, 0, 0], [0, 0, 1]],
}


def given(kind, dtype, shape):
    if kind in MATRICES:
        return np.array(MATRICES[kind]).astype(DTYPES[dtype])
    return {"general": matrix, "hermitian": hermitian}[kind](shape, dtype)


def sums(w):
    """What does not depend on the order of eigenvalues."""
    return jnp.stack([(w**k).sum(-1) for k in (1, 2, 3)] + [jnp.exp(0.3 * w).sum(-1)])


def of_hermitian(w, v):
    """The eigenvalues, and a function of the matrix, which does not depend on the vectors of equal ones."""
    return w, (v * jnp.cos(0.7 * w)[..., None, :]) @ adjoint(v)


def of_general(w, v):
    return sums(w), (v * jnp.cos(0.7 * w)[..., None, :]) @ jnp.linalg.inv(v)


def of_left(w, u):
    return sums(w), jnp.linalg.inv(adjoint(u)) @ (jnp.cos(0.7 * w)[..., None] * adjoint(u))


def of_form(t, z):
    return sums(jnp.diagonal(t, axis1=-2, axis2=-1)), z @ t @ adjoint(z)


def sylvester(a):
    n = a.shape[-1]
    return sl.solve_sylvester(a, a.mT + 9 * jnp.eye(n, dtype=a.dtype), matrix((n, n), name_of(a.dtype), 3))


HERMITIAN = {
    "jax.numpy.linalg.eigh": lambda a: of_hermitian(*jnp.linalg.eigh(a)),
    "jax.numpy.linalg.eigvalsh": jnp.linalg.eigvalsh,
    "jax.scipy.linalg.eigh": lambda a: of_hermitian(*sl.eigh(a)),
    "jax.lax.linalg.eigh": lambda a: of_hermitian(*ll.eigh(a)[::-1]),
    "jax.lax.linalg.eigh upper": lambda a: of_hermitian(*ll.eigh(a, lower=False, symmetrize_input=False)[::-1]),
    "jax.lax.linalg.tridiagonal": lambda a: ll.tridiagonal(a, lower=True),
    "jax.lax.linalg.tridiagonal upper": lambda a: ll.tridiagonal(a, lower=False),
    "jax.scipy.linalg.cho_factor": lambda a: jnp.tril(sl.cho_factor(a @ adjoint(a) + jnp.eye(a.shape[-1]).astype(a.dtype), lower=True)[0]),
}
GENERAL = {
    "jax.numpy.linalg.eig": lambda a: of_general(*jnp.linalg.eig(a)),
    "jax.numpy.linalg.eigvals": lambda a: sums(jnp.linalg.eigvals(a)),
    "jax.lax.linalg.eig": lambda a: of_left(*ll.eig(a, compute_right_eigenvectors=False)),
    "jax.lax.linalg.schur": lambda a: of_form(*ll.schur(a)),
    "jax.scipy.linalg.schur": lambda a: of_form(*sl.schur(a, output="complex")),
    "jax.scipy.linalg.rsf2csf": lambda a: of_form(*sl.rsf2csf(*sl.schur(a))),
    "jax.lax.linalg.hessenberg": ll.hessenberg,
    "jax.scipy.linalg.hessenberg": lambda a: sl.hessenberg(a, calc_q=True),
    "jax.scipy.linalg.solve_sylvester": sylvester,
}
# Without batches in JAX.
SINGLE = ("jax.scipy.linalg.rsf2csf", "jax.scipy.linalg.solve_sylvester", "jax.scipy.linalg.cho_factor")
SLOPES = ("eigh", "eigvalsh", "eigvals")


def loss(f):
    def total(a):
        parts = [y for y in jax.tree.leaves(f(a))]
        weights = lambda y: jnp.cos(1 + jnp.arange(y.size)).reshape(y.shape)
        return sum(jnp.sum(weights(y) * jnp.sin(jnp.real(y * jnp.conj(y)))) for y in parts)
    return total


def short(x):
    """The array with as many digits as the test compares."""
    x = np.asarray(x)
    digits = 7 if name_of(x.dtype) in ("f32", "c64") else 13
    near = lambda v: float(f"{v:.{digits - 1}e}")
    flat = [complex(near(v.real), near(v.imag)) if x.dtype.kind == "c" else near(v) for v in x.ravel().tolist()]
    return np.array(flat, dtype=x.dtype).reshape(x.shape)


def case(fn, f, kind, dtype, shape=(3, 3), slopes=False):
    a = jnp.asarray(given(kind, dtype, shape))
    out = {"fn": fn, "kind": kind, "dtype": dtype, "shape": list(shape)}
    out["outputs"] = [array(short(y)) for y in jax.tree.leaves(f(a))]
    if slopes:
        out["grads"] = array(short(jax.grad(loss(f))(a)))
    cases.append(out)


for functions, kind in [(HERMITIAN, "hermitian"), (GENERAL, "general")]:
    for fn, f in functions.items():
        name = fn.split(" ")[0].rsplit(".", 1)[1]
        # JAX's slope of a matrix of which one triangle is read is that of another function.
        slopes = name in SLOPES and "upper" not in fn
        for dtype in ("f32", "f64", "c64", "c128"):
            case(fn, f, kind, dtype, slopes=slopes and dtype in ("f64", "c128"))
        if fn not in SINGLE:
            case(fn, f, kind, "f64", (2, 2, 2), slopes)
        special = ("equal", "unit") if functions is HERMITIAN else ("skew", "unit", "turn")
        for other in special:
            # Slopes of single eigenvalues that are equal depend on the vectors.
            case(fn, f, other, "f64", slopes=name == "eigvals")
d, e = matrix((5,), "f64"), matrix((4,), "f64", 2)
for select, options in [("a", None), ("i", (1, 3))]:
    w = sl.eigh_tridiagonal(d, e, eigvals_only=True, select=select, select_range=options)
    cases.append({"fn": f"jax.scipy.linalg.eigh_tridiagonal {select}", "outputs": [array(short(np.round(w, 9)))]})

write(__file__, {"cases": cases})
