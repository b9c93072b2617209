"""primitives_linalg_lu.json: LU decompositions, pivots and tridiagonal systems."""

from primitive_cases import *

from jax._src.lax.linalg import lu_p, lu_pivots_to_permutation_p, tridiagonal_solve_p


def numbers(r, shape, dtype):
    return r.uniform(-1, 1, shape) + (1j * r.uniform(-1, 1, shape) if dtype[0] == "c" else 0)


# --- LU decompositions --------------------------------------------------------------------------

def matrix(shape, dtype="f64"):
    """A matrix whose leading minors are well away from zero, with rows in an order that must be changed."""
    def make(r):
        a = numbers(r, shape, dtype)
        m, n = shape[-2:]
        a = a + 2 * np.eye(m, n)[np.roll(np.arange(m), 1)]
        return [np.round(a, 3).astype(DTYPES[dtype])]
    return make

lu = lambda a: tuple(lu_p.bind(a))
case("lu", "f64_3x3", lu, matrix((3, 3)))
case("lu", "f64_4x2", lu, matrix((4, 2)))
case("lu", "f64_2x4", lu, matrix((2, 4)))
case("lu", "f64_2x3x3", lu, matrix((2, 3, 3)))
case("lu", "c128_3x3", lu, matrix((3, 3), "c128"))
case("lu", "c128_3x2", lu, matrix((3, 2), "c128"))
case("lu", "c128_2x3", lu, matrix((2, 3), "c128"))
case("lu", "f64_1x1", lu, matrix((1, 1)))
for d in ("f32", "c64"):
    case("lu", f"{d}_3x3", lu, matrix((3, 3), d)(rng(d)))
case("lu", "f64_singular_edge", lu, A("f64", [[0, 2, 1], [0, 4, 6], [0, 1, 5]]))
case("lu", "f64_zero_edge", lu, A("f64", np.zeros((2, 3))))
case("lu", "f64_equal_edge", lu, A("f64", [[1, 2], [-1, 3], [1, 1]]))
case("lu", "f64_empty", lu, A("f64", np.zeros((0, 3))))
case("lu", "f64_empty_batch", lu, A("f64", np.zeros((0, 3, 2))))

# --- permutations -------------------------------------------------------------------------------

def rows(size):
    return lambda p: lu_pivots_to_permutation_p.bind(p, permutation_size=size)

case("lu_pivots_to_permutation", "s32_3", rows(4), lambda r: [r.integers(np.arange(3), 4).astype("int32")])
case("lu_pivots_to_permutation", "s32_2x3", rows(3), A("s32", [[2, 1, 2], [1, 2, 2]]))
case("lu_pivots_to_permutation", "s32_empty", rows(2), A("s32", np.zeros((3, 0))))

# --- tridiagonal systems ------------------------------------------------------------------------

def tridiagonal(shape, columns, dtype="f64"):
    def make(r):
        below, main, above = (numbers(r, shape, dtype) for _ in range(3))
        below[..., 0], above[..., -1] = 0, 0
        main = main + 0.5 * np.sign(main.real)
        b = numbers(r, (*shape, columns), dtype)
        return [np.round(x, 3).astype(DTYPES[dtype]) for x in (below, main, above, b)]
    return make

def solve(name, inputs, perturb=False):
    case("tridiagonal_solve", name, lambda *x: tridiagonal_solve_p.bind(*x, perturb_singular=perturb), inputs)

solve("f64_4", tridiagonal((4,), 2))
solve("f64_2x3", tridiagonal((2, 3), 2))
solve("f64_1", tridiagonal((1,), 3))
solve("f64_2", tridiagonal((2,), 1))
solve("c128_3", tridiagonal((3,), 2, "c128"))
for d in ("f32", "c64"):
    solve(f"{d}_4", tridiagonal((4,), 2, d)(rng(d)))
solve("f64_exchanged", A("f64", [0, 2, 3, 1], [1e-9, 0, 1e-9, 0], [1, 1, 2, 0], [[1], [2], [3], [4]]))
solve("f64_singular_edge", A("f64", [0, 1, 1], [1, 1, 0], [1, 0, 0], [[1], [2], [3]]))
solve("f64_perturbed_regular", tridiagonal((4,), 2)(rng("perturbed")), True)

finish(__file__)
