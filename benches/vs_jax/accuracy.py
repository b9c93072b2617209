"""Compares the accuracy of decompositions with that of JAX's LAPACK, on matrices of many kinds.

    VENV/bin/python accuracy.py COTANGENT [ROUTINE …] [--sizes 8,17,33,100] [--dtypes f32,f64] [--matrices 4]

VENV has `pip install jax==0.10.2`. COTANGENT is the command-line tool, built with the feature `bench`. Each side decomposes
the same matrices: random ones, those with given singular values or eigenvalues, and those of extreme size. Measured in
doubles are the residual, as ‖A − rebuilt‖/‖A‖, and the loss of orthogonality, as ‖I − QᴴQ‖/√n. The ratio is Cotangent's
number divided by JAX's, which counts as a quarter of the machine epsilon at least. A kind of matrices is listed if the
median ratio of its matrices is above two.
"""

import argparse
import statistics
import subprocess
import tempfile
import zlib
from pathlib import Path

import jax

jax.config.update("jax_enable_x64", True)

import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402

DTYPES = {"f32": np.float32, "f64": np.float64, "c64": np.complex64, "c128": np.complex128}


def wide(x):
    return x.astype(np.complex128 if x.dtype.kind == "c" else np.float64)


def adjoint(x):
    return np.swapaxes(x, -1, -2).conj()


def norm(x):
    return np.sqrt((abs(x) ** 2).sum((-1, -2)))


def normal(rng, n, dtype):
    g = rng.standard_normal((n, n))
    return g + 1j * rng.standard_normal((n, n)) if np.dtype(dtype).kind == "c" else g


def unitary(rng, n, dtype):
    q, r = np.linalg.qr(normal(rng, n, dtype))
    return q * (np.diagonal(r) / abs(np.diagonal(r)))


# Singular values or eigenvalues, where i counts from zero to one.
VALUES = {
    "graded": lambda i, eps, rng: eps**i,
    "steeply graded": lambda i, eps, rng: eps ** (2.5 * i),
    "arithmetic": lambda i, eps, rng: 1 - i * (1 - eps),
    "one large": lambda i, eps, rng: np.where(i == 0, 1, eps),
    "rank one": lambda i, eps, rng: np.where(i == 0, 1.0, 0.0),
    "one small": lambda i, eps, rng: np.where(i == 1, eps, 1),
    "equal": lambda i, eps, rng: np.ones_like(i),
    "nearly equal": lambda i, eps, rng: 1 + 4 * eps * rng.standard_normal(i.size),
    "close": lambda i, eps, rng: 1 + np.sqrt(eps) * rng.standard_normal(i.size),
    "two clusters": lambda i, eps, rng: np.where(i < 0.75, 1.0, 1e-3),
    "three values": lambda i, eps, rng: np.round(2 * i) + 1,
    "half rank": lambda i, eps, rng: np.where(i < 0.5, 1 + i, 0),
    "logarithmic": lambda i, eps, rng: eps ** rng.random(i.size),
}
MATRICES = {
    "normal": lambda n, dtype, rng: normal(rng, n, dtype),
    "tiny": lambda n, dtype, rng: normal(rng, n, dtype) * (8 * float(np.finfo(dtype).tiny)),
    "huge": lambda n, dtype, rng: normal(rng, n, dtype) * (float(np.finfo(dtype).max) / 64),
    "triangular": lambda n, dtype, rng: np.tril(normal(rng, n, dtype)),
    "ones": lambda n, dtype, rng: np.ones((n, n)),
    "second differences": lambda n, dtype, rng: 2.0 * np.eye(n) - np.eye(n, k=1) - np.eye(n, k=-1),
}


def general(kind, n, dtype, rng):
    if kind in MATRICES:
        return MATRICES[kind](n, dtype, rng)
    values = VALUES[kind](np.arange(n) / max(n - 1, 1), float(np.finfo(dtype).eps), rng)
    return (unitary(rng, n, dtype) * values) @ adjoint(unitary(rng, n, dtype))


def hermitian(kind, n, dtype, rng):
    if kind in MATRICES:
        a = MATRICES[kind](n, dtype, rng)
    else:
        values = VALUES[kind](np.arange(n) / max(n - 1, 1), float(np.finfo(dtype).eps), rng)
        q = unitary(rng, n, dtype)
        a = (q * (values * rng.choice([-1, 1], n))) @ adjoint(q)
    return a / 2 + adjoint(a) / 2


def positive(kind, n, dtype, rng):
    if kind in MATRICES:
        g = normal(rng, n, dtype)
        return g @ adjoint(g) / n + 0.01 * np.eye(n)
    eps = float(np.finfo(dtype).eps)
    q = unitary(rng, n, dtype)
    a = (q * np.maximum(VALUES[kind](np.arange(n) / max(n - 1, 1), eps**0.8, rng), 4 * n * eps)) @ adjoint(q)
    return (a + adjoint(a)) / 2


def loss(q):
    return norm(adjoint(q) @ q - np.eye(q.shape[-1])) / np.sqrt(q.shape[-1])


def residual(a, rebuilt):
    return norm(rebuilt - a) / norm(a)


def of_lu(a, lu, permutation):
    lower = np.tril(lu, -1) + np.eye(a.shape[-1])
    return {"residual": residual(np.take_along_axis(a, permutation[..., None].astype(int), -2), lower @ np.triu(lu))}


# The matrices, JAX's function, and what is measured of the matrices, scaled to size one, and of the results.
ROUTINES = {
    "cholesky": (positive, lambda a: [jnp.linalg.cholesky(a)], 0.5, lambda a, l: {"residual": residual(a, l @ adjoint(l))}),
    "lu": (general, lambda a: [x for i, x in enumerate(jax.lax.linalg.lu(a)) if i != 1], 1, of_lu),
    "qr": (general, jnp.linalg.qr, 1, lambda a, q, r: {"residual": residual(a, q @ r), "Q": loss(q)}),
    "svd": (
        general,
        lambda a: jnp.linalg.svd(a, full_matrices=False),
        1,
        lambda a, u, s, vh: {"residual": residual(a, (u * s[..., None, :]) @ vh), "U": loss(u), "V": loss(adjoint(vh))},
    ),
    "eigh": (
        hermitian,
        jnp.linalg.eigh,
        1,
        lambda a, w, v: {"residual": residual(a, (v * w[..., None, :]) @ adjoint(v)), "V": loss(v)},
    ),
    "eig": (general, jnp.linalg.eig, 1, lambda a, w, v: {"residual": norm(a @ v - v * w[..., None, :]) / norm(a)}),
    "schur": (
        general,
        lambda a: jax.lax.linalg.schur(a, compute_schur_vectors=True),
        1,
        lambda a, t, q: {"residual": residual(a, q @ t @ adjoint(q)), "Q": loss(q)},
    ),
}
# The place of the result that has the size of the matrix.
SIZED = {"cholesky": 0, "lu": 0, "qr": 1, "svd": 1, "eigh": 0, "eig": 0, "schur": 0}


def measured(routine, a, results):
    _, _, power, measure = ROUTINES[routine]
    size = abs(a).max((-1, -2), keepdims=True).astype(np.float64)
    results = [wide(np.asarray(x)) if np.asarray(x).dtype.kind in "fc" else np.asarray(x) for x in results]
    scaled = results[SIZED[routine]]
    scale = size if scaled.ndim == a.ndim else size[..., 0]
    if routine == "lu":  # only U has the size of the matrix
        scaled = np.tril(scaled, -1) + np.triu(scaled) / scale
    else:
        scaled = scaled / scale**power
    results[SIZED[routine]] = scaled
    return measure(wide(a) / size, *results)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cotangent", help="the command-line tool, built with the feature `bench`")
    parser.add_argument("routines", nargs="*", metavar="ROUTINE", help=f"of {', '.join(ROUTINES)} (all)")
    parser.add_argument("--sizes", default="8,16,17,24,32,33,48,64,100")
    parser.add_argument("--dtypes", default="f32,f64,c64,c128")
    parser.add_argument("--matrices", type=int, default=4, help="matrices of each kind (4)")
    args = parser.parse_args()
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    ours = subprocess.Popen([args.cotangent, "bench", "--decompose"], **pipes)
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "a.npz", Path(folder) / "results.npz"
        for routine in args.routines or ROUTINES:
            matrices, theirs = ROUTINES[routine][:2]
            ratios, above = [], []
            for dtype in args.dtypes.split(","):
                eps = float(np.finfo(DTYPES[dtype]).eps)
                for n in map(int, args.sizes.split(",")):
                    for kind in [*VALUES, *MATRICES]:
                        rng = np.random.default_rng(zlib.crc32(f"{kind} {n} {dtype}".encode()))
                        a = np.stack([matrices(kind, n, DTYPES[dtype], rng) for _ in range(args.matrices)])
                        a = a.astype(DTYPES[dtype])
                        np.savez(source, a=a)
                        ours.stdin.write(f"{routine}\t{source}\t{target}\n")
                        ours.stdin.flush()
                        if ours.stdout.readline() != "done\n":
                            raise SystemExit(f"{routine} of {kind} matrices in {dtype} failed")
                        with np.load(target) as saved:
                            found = measured(routine, a, [saved[str(i)] for i in range(len(saved.files))])
                        wanted = measured(routine, a, theirs(a))
                        for what, values in found.items():
                            each = values / np.maximum(wanted[what], eps / 4)
                            ratios.extend(each)
                            if not np.median(each) <= 2:
                                numbers = [np.median(x) / eps for x in (values, wanted[what])]
                                above.append((float(np.median(each)), what, kind, n, dtype, *numbers))
            share = sum(not x <= 2 for x in ratios) / len(ratios)
            mean = statistics.geometric_mean(max(float(x), 1e-3) for x in ratios)
            print(f"{routine}: {len(ratios)} numbers, mean ratio {mean:.2f}, above two {share:.1%}", flush=True)
            for ratio, what, kind, n, dtype, found, wanted in sorted(above, reverse=True):
                print(f"  {what}, {kind}, n = {n}, {dtype}: ratio {ratio:.2f}, {found:.1f} ε and {wanted:.1f} ε")
    ours.stdin.close()
    ours.wait()


if __name__ == "__main__":
    main()
