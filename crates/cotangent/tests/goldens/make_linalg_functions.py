"""linalg_functions.json: functions of matrices in jax.numpy, jax.scipy.linalg and jax.scipy.sparse.linalg."""

from function_cases import *

from jax.scipy import linalg
from jax.scipy.sparse import linalg as sparse

MODULES = {"jax.numpy": jnp, "jax.numpy.linalg": jnp.linalg, "jax.scipy.linalg": linalg, "jax.scipy.sparse.linalg": sparse}


def named(fn, **kwargs):
    module, _, name = fn.rpartition(".")
    return partial(getattr(MODULES[module], name), **kwargs)


ALL = ("f64", "c128", "f32", "c64", "f16", "bf16")
inf, nan = float("inf"), float("nan")

# Products.
L = "jax.numpy.linalg."
N = "jax.numpy."
for fn in (N + "cross", L + "cross"):
    over(fn, "", named(fn), (2, 3), (3,), dtypes=ALL)
    over(fn, "axis=0", named(fn, axis=0), (3, 2), (3, 2), dtypes=("f64",))
    case(fn, "", named(fn), ("s32", (3,), "integer"), ("s32", (3,), "integer"))
over(N + "cross", "", named(N + "cross"), (2, 2), (2, 3), dtypes=("f64",))
over(N + "cross", "", named(N + "cross"), (4, 2), (2,), dtypes=("f64", "c128"))
over(N + "cross", "axes 0 -1 0", named(N + "cross", axisa=0, axisb=-1, axisc=0), (3, 2), (2, 3), dtypes=("f64",))
for fn in (N + "vecdot", L + "vecdot"):
    over(fn, "", named(fn), (2, 3), (3,), dtypes=ALL)
    over(fn, "axis=0", named(fn, axis=0), (3, 1), (3, 2), dtypes=("f64", "c128"))
    over(fn, "", named(fn), (2, 0), (2, 0), dtypes=("f64",))
    case(fn, "", named(fn), ("s32", (3,), "integer"), ("s32", (3,), "integer"))
over(N + "matvec", "", named(N + "matvec"), (2, 3), (4, 3), dtypes=ALL)
over(N + "matvec", "", named(N + "matvec"), (4, 2, 3), (3,), dtypes=("f64", "c128"))
over(N + "vecmat", "", named(N + "vecmat"), (4, 2), (2, 3), dtypes=ALL)
over(N + "vecmat", "", named(N + "vecmat"), (2,), (4, 2, 3), dtypes=("f64", "c128"))
for fn in (N + "matrix_transpose", L + "matrix_transpose"):
    over(fn, "", named(fn), (2, 3, 4), dtypes=("f64", "c128", "f16"))
over(L + "outer", "", named(L + "outer"), (3,), (2,))
over(L + "tensordot", "2", named(L + "tensordot", axes=2), (2, 3, 4), (3, 4, 2))
over(L + "matmul", "", named(L + "matmul"), (2, 3, 4), (4, 2))
over(N + "kron", "", named(N + "kron"), (2, 3), (2,))
over(L + "diagonal", "0", named(L + "diagonal"), (2, 3, 4))
over(L + "diagonal", "-1", named(L + "diagonal", offset=-1), (2, 3, 4), dtypes=("f64",))
over(L + "trace", "0", named(L + "trace"), (2, 3, 4), dtypes=ALL)
over(L + "trace", "1", named(L + "trace", offset=1), (2, 3, 4), dtypes=("f64", "c128"))
many = lambda *a: jnp.linalg.multi_dot(a)
over(L + "multi_dot", "", many, (2, 3), (3, 1), (1, 4), (4, 2))
over(L + "multi_dot", "", many, (3,), (3, 2), (2, 4), (4,), dtypes=("f64", "c128"))
over(L + "multi_dot", "", many, (2, 3), (3, 0), dtypes=("f64",))
case(L + "multi_dot", "", many, ("s32", (2, 3), "integer"), ("f32", (3, 2)))
for how, kw in (("4", {"N": 4}), ("4 increasing", {"N": 4, "increasing": True}), ("0", {"N": 0})):
    over(N + "vander", how, named(N + "vander", **kw), (3,), dtypes=("f64", "f32"))
case(N + "vander", "4", named(N + "vander", N=4), ("s32", (3,), "integer"))
for k in (0, 2, -1):
    over(N + "diagflat", str(k), named(N + "diagflat", k=k), (2, 2), dtypes=("f64", "c64"))

# Structured matrices.
S = "jax.scipy.linalg."
over(S + "block_diag", "", linalg.block_diag, (2, 3), (2,), (), (0, 2))
case(S + "block_diag", "", linalg.block_diag, ("s32", (2, 1), "integer"), ("f32", (1, 2)))
over(S + "toeplitz", "", linalg.toeplitz, (4,), dtypes=ALL)
over(S + "toeplitz", "", linalg.toeplitz, (2, 3), (4,))
over(S + "toeplitz", "", linalg.toeplitz, (), dtypes=("f64",))
over(S + "toeplitz", "", linalg.toeplitz, (1,), (3,), dtypes=("f64",))
over(S + "toeplitz", "", linalg.toeplitz, (3,), (1,), dtypes=("f64",))
over(S + "toeplitz", "", linalg.toeplitz, (0,), (3,), dtypes=("f64",), grad=False)
over(S + "hankel", "", linalg.hankel, (4,))
over(S + "hankel", "", linalg.hankel, (2, 3), (4,), dtypes=("f64", "c128"))
case(S + "hankel", "", linalg.hankel, ("s32", (3,), "integer"))
over(S + "circulant", "", linalg.circulant, (4,))
over(S + "circulant", "", linalg.circulant, (2, 3), dtypes=("f64", "c128"))
over(S + "circulant", "", linalg.circulant, (0,), dtypes=("f64",), grad=False)
over(S + "leslie", "", linalg.leslie, (3,), (2,))
over(S + "leslie", "", linalg.leslie, (2, 3), (2,), dtypes=("f64", "c128"))
over(S + "companion", "", linalg.companion, (4,))
over(S + "companion", "", linalg.companion, (2, 2), dtypes=("f64", "c128"))
case(S + "companion", "", linalg.companion, ("s32", (3,), "integer"), x64=False)
over(S + "fiedler", "", linalg.fiedler, (4,))
over(S + "fiedler", "", linalg.fiedler, (2, 3), dtypes=("f64",))
for n in (1, 2, 3, 5, 6):
    over(S + "fiedler_companion", "", linalg.fiedler_companion, (n,), dtypes=("f64", "c64"), grad=n > 1)
over(S + "fiedler_companion", "", linalg.fiedler_companion, (2, 4), dtypes=("f64", "c128"))
for mode in ("full", "same", "valid"):
    for m, n in ((3, 4), (4, 2), (2, 2)):
        over(S + "convolution_matrix", f"{n} {mode}", partial(linalg.convolution_matrix, n=n, mode=mode), (m,), dtypes=("f64", "c64"))
over(S + "convolution_matrix", "3 same", partial(linalg.convolution_matrix, n=3, mode="same"), (2, 2), dtypes=("f64",))

# Matrices of a given size. Those that JAX computes by lgamma or in the wrong precision are checked against SciPy.
import scipy.linalg

def fixed(fn, how, f, truth=None):
    for x64 in (False, True):
        with jax.enable_x64(x64):
            y = f()
        if truth is not None:
            close(y, truth, rtol=2e-3, atol=1e-3, what=fn)
            y = np.asarray(truth).astype(y.dtype)
        cases.append({"fn": S + fn, "how": how, "args": [], "outputs": [array(y)]})

for n in (0, 1, 4):
    fixed("hilbert", str(n), lambda: linalg.hilbert(n))
    if n:
        fixed("invhilbert", str(n), lambda: linalg.invhilbert(n), scipy.linalg.invhilbert(n))
        for full in (False, True):
            fixed("helmert", f"{n} {full}", lambda: linalg.helmert(n, full))
        for kind in ("symmetric", "lower", "upper"):
            fixed("pascal", f"{n} {kind}", lambda: linalg.pascal(n, kind), scipy.linalg.pascal(n, kind))
            fixed("invpascal", f"{n} {kind}", lambda: linalg.invpascal(n, kind), scipy.linalg.invpascal(n, kind))
        fixed("hadamard", str(n), lambda: linalg.hadamard(n))
for n in (1, 4, 5):
    for scale in (None, "sqrtn", "n"):
        fixed("dft", f"{n} {scale}", lambda: linalg.dft(n, scale), scipy.linalg.dft(n, scale))

# Iterative solvers.
K = "jax.scipy.sparse.linalg."
for fn in ("cg", "bicgstab", "gmres"):
    f = getattr(sparse, fn)
    kind = "positive" if fn == "cg" else "dominant"
    # JAX's tolerance for a cotangent depends on that of b, so that all tolerances are small.
    loose = {"f64": 1e-13, "c128": 1e-13, "f32": 1e-6, "c64": 1e-6}
    for d, tol in loose.items():
        real = d[0] == "f"
        case(K + fn, f"tol={tol}", lambda a, b: f(a, b, tol=tol)[0], (d, (4, 4), kind), (d, (4,)), grad=real or fn != "cg")
    case(K + fn, "tol=1e-13 x0 jacobi", lambda a, b, x0: f(a, b, x0, tol=1e-13, M=lambda r: r / jnp.diag(a))[0],
         ("f64", (4, 4), kind), ("f64", (4,)), ("f64", (4,)))
    case(K + fn, "tol=1e-13", lambda a, b: f(a, b, tol=1e-13)[0], ("f64", (1, 1), kind), ("f64", (1,)))
    case(K + fn, "tol=1e-13 maxiter=1", lambda a, b: f(a, b, tol=1e-13, maxiter=1)[0], ("f64", (4, 4), kind), ("f64", (4,)), grad=False)
    case(K + fn, "tol=1e-13 zero", lambda a: f(a, jnp.zeros(4), tol=1e-13)[0], ("f64", (4, 4), kind), grad=False)
for method in ("batched", "incremental"):
    g = lambda a, b, n, **kw: sparse.gmres(a, b, tol=1e-13, restart=n, solve_method=method, **kw)[0]
    case(K + "gmres", f"tol=1e-13 restart=2 {method} maxiter=1", partial(g, n=2, maxiter=1), ("f64", (5, 5), "dominant"), ("f64", (5,)), grad=False)
    case(K + "gmres", f"tol=1e-13 restart=3 {method}", partial(g, n=3), ("f64", (5, 5), "dominant"), ("f64", (5,)), grad=False)
    case(K + "gmres", f"tol=1e-13 restart=9 {method}", partial(g, n=9), ("c128", (4, 4), "dominant"), ("c128", (4,)), grad=False)

# Norms.
ORDERS = {"inf": inf, "-inf": -inf, "fro": "fro", "nuc": "nuc"}


def norms(fn, how, shape, dtypes=("f64", "c128"), **kw):
    words = dict(w.partition("=")[::2] for w in how.split())
    options = {"keepdims": True} if "keep" in words else {}
    if "ord" in words:
        options["ord"] = ORDERS.get(words["ord"]) or float(words["ord"])
    if "axes" in words:
        axes = tuple(int(a) for a in words["axes"].split(","))
        options["axis"] = axes if len(axes) > 1 else axes[0]
    over(L + fn, how, named(L + fn, **options), shape, dtypes=dtypes, **kw)


HALF = ("f64", "f32", "f16", "bf16", "c64")
norms("norm", "", (2, 3), ALL), norms("norm", "axes=1", (2, 3), HALF), norms("norm", "axes=0 keep", (2, 3)), norms("norm", "axes=2,0", (2, 3, 4))
norms("norm", "axes=-2,-1 keep", (2, 3, 4)), norms("norm", "", ()), norms("norm", "", (0,)), norms("norm", "axes=0", (2, 0))
for order in ("inf", "-inf", "0", "1", "-1", "2", "-2", "3", "1.5", "0.5", "-3"):
    norms("norm", f"ord={order}", (4,), ALL if order in ("inf", "0", "3") else ("f64", "c128", "f32"))
    norms("norm", f"ord={order} axes=0", (3, 2), ("f64",))
    norms("norm", f"ord={order} axes=-1 keep", (2, 3), ("c128",))
    norms("vector_norm", f"ord={order}", (2, 3), ("f64", "c128"))
    norms("vector_norm", f"ord={order} axes=0,2 keep", (2, 2, 3), ("f64",))
    for x in ([1.0, nan], [inf, -1.0], [-0.0, 0.0]):
        case(L + "norm", f"ord={order}", named(L + "norm", ord=ORDERS.get(order) or float(order)), np.array(x), grad=False)
    if float(order) > -1 and order != "-inf":
        norms("norm", f"ord={order}", (0,), ("f32",))
norms("vector_norm", "", (2, 3), ALL), norms("vector_norm", "axes=1", (2, 3))
for order in ("fro", "nuc", "1", "-1", "2", "-2", "inf", "-inf"):
    norms("norm", f"ord={order}", (3, 2), ("f64", "c128", "f32", "c64") + (() if order in ("nuc", "2", "-2") else ("f16", "bf16")))
    norms("norm", f"ord={order} axes=2,0 keep", (2, 3, 3), ("f64", "c128"))
    norms("norm", f"ord={order} axes=0,2", (2, 3, 3), ("f64",))
    norms("matrix_norm", f"ord={order}", (2, 3, 3), ("f64", "c128"))
    norms("matrix_norm", f"ord={order} keep", (2, 2, 3), ("f32",))
    if order in ("fro", "nuc", "1", "2", "inf"):
        norms("norm", f"ord={order}", (0, 3), ("f32",)), norms("norm", f"ord={order}", (3, 0), ("f32",))
norms("matrix_norm", "", (2, 3, 2)), norms("matrix_norm", "keep", (2, 3, 2), ("f64",))
case(L + "norm", "", named(L + "norm"), ("s32", (3,), "integer"), x64=False)
case(L + "norm", "ord=1", named(L + "norm", ord=1), ("s32", (2, 2), "integer"), x64=False)

write(__file__, {"cases": cases})
