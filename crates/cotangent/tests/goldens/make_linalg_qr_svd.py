"""linalg_qr_svd.json: the QR and singular value decompositions and what follows from them, with gradients."""

import warnings

from common import *

jax.config.update("jax_enable_x64", True)
warnings.simplefilter("ignore")

import jax.numpy as jnp
import jax.scipy.linalg as sl
from jax._src.lax import linalg as internal
from jax.lax import linalg as ll

cases = []


def matrix(shape, dtype="f64", seed=1):
    """sin of multiples of the golden ratio: the test has the same formula."""
    k = np.arange(1, np.prod(shape, dtype=int) + 1)
    x = np.round(np.sin(seed * 0.618 * k * k), 3)
    if dtype[0] == "c":
        x = x + 1j * np.round(np.cos(seed * 0.618 * k * k), 3)
    return x.reshape(shape).astype(DTYPES[dtype])


def loss(f):
    def total(*args):
        parts = [y for y in jax.tree.leaves(f(*args)) if jnp.issubdtype(y.dtype, jnp.inexact)]
        # Each element has a weight of its own.
        weights = lambda y: jnp.cos(1 + jnp.arange(y.size)).reshape(y.shape)
        return sum(jnp.sum(weights(y) * jnp.sin(jnp.real(y * jnp.conj(y)))) for y in parts)
    return total


def case(fn, f, args, grads=True):
    out = {"fn": fn, "args": [array(a) for a in args]}
    out["outputs"] = [array(np.asarray(y)) for y in jax.tree.leaves(f(*args))]
    if grads and np.asarray(args[0]).dtype in (np.float64, np.complex128):
        where = tuple(i for i, a in enumerate(args) if np.issubdtype(np.asarray(a).dtype, np.inexact))
        g = jax.grad(loss(f), argnums=where)(*args)
        out["grads"] = [array(np.asarray(x)) for x in g]
    cases.append(out)


def invariant(u, s, vh):
    """What does not depend on the phases of singular vectors."""
    k = s.shape[-1]
    return s, jnp.real(u * u.conj())[..., :k], jnp.real(vh * vh.conj())[..., :k, :], (u[..., :k] * s[..., None, :]) @ vh[..., :k, :]


SHAPES = {"f64": [(4, 3), (3, 3), (3, 4), (2, 3, 2), (1, 3), (3, 1)], "c128": [(4, 3), (3, 3), (3, 4)], "f32": [(4, 3)], "c64": [(3, 4)]}
for dtype, shape in [(dtype, shape) for dtype, shapes in SHAPES.items() for shape in shapes]:
    a = matrix(shape, dtype)
    m, n = shape[-2:]
    batch = shape[:-2]
    for full in (True, False):
        case(f"qr {full}", lambda a: ll.qr(a, full_matrices=full), [a])
        # JAX fails to differentiate the pivoted decomposition of a batch, and that of a wide matrix is wrong: it does
        # not exchange the columns on the right.
        case(f"qr_pivoting {full}", lambda a: ll.qr(a, pivoting=True, full_matrices=full), [a], grads=not batch and m >= n)
        case(f"svd {full}", lambda a: invariant(*ll.svd(a, full_matrices=full)), [a], grads=m == n or not full)
    case("singular_values", lambda a: ll.svd(a, compute_uv=False), [a])
    case("geqrf", internal.geqrf, [a], grads=False)
    case("geqp3", internal.geqp3, [a, np.arange(n, dtype=np.int32) % 2 * np.ones(batch + (n,), np.int32)], grads=False)
    packed, taus = (np.asarray(x) for x in internal.geqrf(a))
    if m >= n:
        case("householder_product", ll.householder_product, [packed, taus], grads=False)
    for left in (True, False):
        c = matrix(batch + ((m, 2) if left else (2, m)), dtype, 3)
        for transpose in (True, False):
            f = lambda a, t, c: ll.ormqr(a, t, c, left=left, transpose=transpose)
            case(f"ormqr {left} {transpose}", f, [packed, taus, c], grads=False)

    if dtype in ("f32", "c64") or shape in ((1, 3), (3, 1)):
        continue
    case("np.pinv", jnp.linalg.pinv, [a])
    case("np.matrix_rank", jnp.linalg.matrix_rank, [a], grads=False)
    case("np.cond", jnp.linalg.cond, [a])
    case("np.cond_p -2", lambda a: jnp.linalg.cond(a, -2), [a])
    if m == n:
        for p in ("1", "-1", "inf", "-inf"):
            case(f"np.cond_p {p}", lambda a: jnp.linalg.cond(a, float(p)), [a])
        case("np.cond_frobenius", lambda a: jnp.linalg.cond(a, "fro"), [a])
        case("np.cond_nuclear", lambda a: jnp.linalg.cond(a, "nuc"), [a])
        h = a + np.conj(np.swapaxes(a, -1, -2))
        case("np.svd_hermitian", lambda a: invariant(*jnp.linalg.svd(a, hermitian=True)), [h], grads=False)
        case("np.pinv_hermitian", lambda a: jnp.linalg.pinv(a, hermitian=True), [h])
        case("np.matrix_rank_hermitian", lambda a: jnp.linalg.matrix_rank(a, hermitian=True), [h], grads=False)
    for side in ("right", "left"):
        case(f"polar {side} svd", lambda a: sl.polar(a, side, method="svd"), [a], grads=m == n)
        if (m >= n) == (side == "right"):
            case(f"polar {side} qdwh", lambda a: sl.polar(a, side, method="qdwh"), [a], grads=False)
    if m >= n and not batch:
        case("qdwh", lambda a: ll.qdwh(a)[:2], [a], grads=False)
    if batch:
        continue
    for mode in ("reduced", "complete", "r", "raw"):
        case(f"np.qr {mode}", lambda a: jnp.linalg.qr(a, mode), [a], grads=False)
    for mode in ("full", "economic", "r"):
        for pivoting in (False, True):
            f = lambda a: sl.qr(a, mode=mode, pivoting=pivoting)
            case(f"scipy.qr{'_pivoting' if pivoting else ''} {mode}", f, [a], grads=False)
    b = [matrix((m,), dtype, 2), matrix((m, 2), dtype, 2)]
    for b_ in b:
        case("np.lstsq", jnp.linalg.lstsq, [a, b_], grads=False)
        case("np.lstsq x", lambda a, b: jnp.linalg.lstsq(a, b)[:1], [a, b_])
    case("np.lstsq rcond", lambda a, b: jnp.linalg.lstsq(a, b, 0.5), [a, b[0]], grads=False)
    case("np.lstsq numpy", lambda a, b: jnp.linalg.lstsq(a, b, numpy_resid=True), [a, b[0]], grads=False)
    k = min(m, n)
    for mode in ("left", "right"):
        for pivoting in (False, True):
            for conjugate in (False, True):
                vector = conjugate == pivoting
                c = ((k,) if vector else (k, 2)) if mode == "left" else ((m,) if vector else (2, m))
                f = lambda a, c: sl.qr_multiply(a, c, mode, pivoting=pivoting, conjugate=conjugate)
                case(f"qr_multiply{'_pivoting' if pivoting else ''} {mode} {conjugate}", f, [a, matrix(c, dtype, 5)], grads=False)

# Deficient in rank, and a column that is zero.
low = np.array([[1.0, 2, 3], [2, 4, 6], [1, 0, 1], [0, 1, 1]])
flat = np.array([[0.0, 1, 2], [0, 3, 4], [0, 5, 7]])
for a in (low, flat, low.T, np.zeros((3, 2))):
    case("singular_values", lambda a: ll.svd(a, compute_uv=False), [a], grads=False)
    case("np.matrix_rank", jnp.linalg.matrix_rank, [a], grads=False)
    case("np.pinv", jnp.linalg.pinv, [a])
    case("np.lstsq", jnp.linalg.lstsq, [a, np.arange(1.0, len(a) + 1)], grads=False)
case("geqrf", internal.geqrf, [flat], grads=False)
case("qr False", lambda a: ll.qr(a, full_matrices=False), [flat], grads=False)
# The derivative of JAX is wrong where a singular value is cut that is not zero.
case("np.pinv_rtol 0.3", lambda a: jnp.linalg.pinv(a, 0.3), [matrix((4, 3))], grads=False)

write(__file__, {"cases": cases})
