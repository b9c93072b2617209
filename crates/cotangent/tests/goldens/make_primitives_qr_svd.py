"""primitives_qr_svd.json: the QR and singular value decompositions and Householder reflections."""

from primitive_cases import *

from jax._src.lax.linalg import geqp3_p, geqrf_p, householder_product_p, ormqr_p, qr_p, svd_p


def matrix(shape, dtype="f64", also=()):
    """A matrix, and other arrays."""
    def make(r):
        def one(s):
            return np.round(r.uniform(-1, 1, s) + (1j * r.uniform(-1, 1, s) if dtype[0] == "c" else 0), 3).astype(DTYPES[dtype])
        return [one(shape)] + [one(s) for s in also]
    return make


for full in (True, False):
    for pivoting in (True, False):
        f = lambda a: qr_p.bind(a, pivoting=pivoting, full_matrices=full, use_magma=None)
        name = f"{'full' if full else 'thin'}{'_pivoting' if pivoting else ''}"
        case("qr", f"f64_4x2_{name}", f, matrix((4, 2)))
        case("qr", f"f64_3x3_{name}", f, matrix((3, 3)))
        if not pivoting:
            # JAX does not exchange the columns of a wide matrix in its rule, and fails over a batch.
            case("qr", f"f64_2x4_{name}", f, matrix((2, 4)))
            case("qr", f"f64_2x3x2_{name}", f, matrix((2, 3, 2)))
        case("qr", f"c128_3x2_{name}", f, matrix((3, 2), "c128"))
        case("qr", f"f32_3x2_{name}", f, matrix((3, 2), "f32")(rng("f32")))
for dtype in ("f64", "c128", "f32"):
    take = (lambda make: make(rng("f32"))) if dtype == "f32" else (lambda make: make)
    for shape in ((3, 2), (2, 2), (2, 3)):
        name = f"{dtype}_{'x'.join(map(str, shape))}"
        case("geqrf", name, geqrf_p.bind, take(matrix(shape, dtype)))
        numbers = np.zeros(shape[1], np.int32)
        case("geqp3", name, lambda a, p: geqp3_p.bind(a, p, use_magma=None), take(lambda r: matrix(shape, dtype)(r) + [numbers]))
        f = lambda a: svd_p.bind(a, full_matrices=False, compute_uv=False, subset_by_index=None, algorithm=None)
        case("svd", name, f, take(matrix(shape, dtype)))
    case("householder_product", f"{dtype}_3x2", householder_product_p.bind, take(matrix((3, 2), dtype, [(2,)])))
    case("householder_product", f"{dtype}_3x2_of_one", householder_product_p.bind, take(matrix((3, 2), dtype, [(1,)])))
    for left in (True, False):
        for transpose in (True, False):
            name = f"{dtype}_{'left' if left else 'right'}{'_adjoint' if transpose else ''}"
            f = lambda a, t, c: ormqr_p.bind(a, t, c, left=left, transpose=transpose)
            case("ormqr", name, f, take(matrix((3, 2), dtype, [(2,), (3, 2) if left else (2, 3)])))

finish(__file__)
