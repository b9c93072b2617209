"""lax_functions.json: windows as arrays, products of groups, gathers and scatters by function, histograms, and parts of
numbers."""

from jax import lax

from function_cases import *

I = lambda *v: np.asarray(v, "int32")

# Windows of convolutions.
WINDOWS = {
    "plain": dict(filter_shape=(2, 3), window_strides=(1, 1), padding="VALID"),
    "same strided": dict(filter_shape=(3, 2), window_strides=(2, 1), padding="SAME"),
    "dilated": dict(filter_shape=(2, 2), window_strides=(1, 2), padding=((1, 0), (2, 1)), rhs_dilation=(2, 1), lhs_dilation=(1, 2)),
    "letters": dict(filter_shape=(3, 2), window_strides=(1, 2), padding="VALID", dimension_numbers=("HNCW", "WIOH", "CWNH")),
}
LOCAL = {"plain": (2, 18, 3, 3), "same strided": (2, 18, 2, 5), "dilated": (2, 12, 4, 5), "letters": (2, 18, 4, 2)}
for how, options in WINDOWS.items():
    shape = (4, 2, 3, 5) if how == "letters" else (2, 3, 4, 5)
    patches = lambda x: lax.conv_general_dilated_patches(x, **options)
    for d in ("f64", "f32", "c64") if how == "plain" else ("f64",):
        case("jax.lax.conv_general_dilated_patches", how, patches, (d, shape))
    y = jax.eval_shape(patches, jax.ShapeDtypeStruct(shape, "float32"))
    places = jax.lax.conv_dimension_numbers(shape, (1, 1, *options["filter_shape"]), options.get("dimension_numbers"))
    kernel = [0] * 4
    kernel[places.rhs_spec[0]], kernel[places.rhs_spec[1]] = 2, y.shape[places.out_spec[1]]
    for i in (2, 3):
        kernel[places.rhs_spec[i]] = y.shape[places.out_spec[i]]
    case("jax.lax.conv_general_dilated_local", how, lambda x, k: lax.conv_general_dilated_local(x, k, **options), ("f64", shape), ("f64", tuple(kernel)))

# Products of groups.
for d in ("f64", "f32", "bf16"):
    case("jax.lax.ragged_dot", "", lax.ragged_dot, (d, (6, 2)), (d, (3, 2, 4)), I(2, 0, 3), grad=False)
sizes = I(2, 0, 4)
case("jax.lax.ragged_dot", "closed", lambda x, y: lax.ragged_dot(x, y, sizes), ("f64", (6, 2)), ("f64", (3, 2, 4)))


def ragged(how, contract, batch, dim, group, gs, x, y, dense=None):
    """JAX has no gradients where the groups are contracted: `dense` is the same function there."""
    numbers = lax.RaggedDotDimensionNumbers((contract, batch), [dim], [] if group is None else [group])
    f = lambda a, b: lax.ragged_dot_general(a, b, gs, numbers)
    if dense is not None:
        with jax.enable_x64(True):
            inputs = jnp.asarray(make("f64", x, 0)), jnp.asarray(make("f64", y, 1))
            np.testing.assert_allclose(dense(*inputs), f(*inputs), rtol=1e-14)
    case("jax.lax.ragged_dot_general", how, dense or f, ("f64", x), ("f64", y))


def members(gs, n):
    """Which of n elements are in which group: the groups are the first axis."""
    ends = np.cumsum(gs, axis=-1)
    inside = (np.arange(n) >= (ends - gs)[..., None]) & (np.arange(n) < ends[..., None])
    return np.moveaxis(inside, -2, 0).astype("float64")


ragged("rows", ([1], [0]), ([], []), 0, 1, I(1, 3), (4, 2), (2, 2, 3))
ragged("batched rows", ([3], [2]), ([1], [1]), 2, 0, I(1, 2), (2, 3, 4, 2), (2, 3, 2, 5))
ragged("batched sizes", ([2], [2]), ([0], [1]), 1, 0, np.asarray([[1, 2], [3, 0], [0, 4]], "int32"), (3, 4, 2), (2, 3, 2, 5))
ragged("contracted", ([0], [0]), ([], []), 0, None, I(1, 0, 3), (4, 2), (4, 3), lambda a, b: jnp.einsum("gk,km,kn->gmn", members(I(1, 0, 3), 4), a, b))
twice = np.asarray([[[1, 2], [0, 3], [4, 0], [2, 2]]] * 3, "int32")
ragged("contracted twice", ([0, 2], [1, 0]), ([1], [2]), 2, None, twice, (4, 3, 5), (5, 4, 3, 2), lambda a, b: jnp.einsum("gbck,cbk,kcbn->gbn", members(twice, 5), a, b))
ragged("batch", ([2], [1]), ([0], [0]), 0, None, I(1, 2), (3, 2, 4), (3, 4, 2), lambda a, b: a @ b)

# Gathers and scatters.
for d in ("f64", "s32"):
    take = lambda x: lax.index_take(x, (I(3, -1, 7), I(0, 5, -9)), (0, 2))
    case("jax.lax.index_take", "0 2", take, (d, (4, 2, 3), *(["integer"] if d == "s32" else [])))
    numbers = lax.ScatterDimensionNumbers((1,), (0,), (0,))
    apply = lambda x: lax.scatter_apply(x, I(2, 0, 2, 9)[:, None], lambda v: v * 2 + 1, numbers, update_shape=(4, 2))
    case("jax.lax.scatter_apply", "", apply, (d, (3, 2), *(["integer"] if d == "s32" else [])), grad=False)

# Histograms. Counts are i32 here.
N = "jax.numpy."
for d in ("f32", "f64"):
    x, y = (d, (20,)), (d, (20,), "small")
    case(N + "histogram", "range", lambda x: jnp.histogram(x, 4, range=(-1.0, 0.5)), x, grad=False)
    case(N + "histogram", "density", lambda x: jnp.histogram(x, 4, density=True), x, grad=False)
    case(N + "histogram", "weights", lambda x, w: jnp.histogram(x, 3, weights=w), x, y, grad=False)
    narrow = lambda x: x.astype("int32") if x.dtype == "int64" else x
    flat = lambda r: [narrow(r[0]), *(r[1] if isinstance(r[1], list) else r[1:])]
    case(N + "histogram2d", "count", lambda x, y: flat(jnp.histogram2d(x, y, 3)), x, y, grad=False)
    case(N + "histogram2d", "counts", lambda x, y: flat(jnp.histogram2d(x, y, [3, 2])), x, y, grad=False)
    case(N + "histogram2d", "range density", lambda x, y: flat(jnp.histogram2d(x, y, 3, range=[(-1.0, 1.0), (0.0, 0.1)], density=True)), x, y, grad=False)
    case(N + "histogram2d", "edges", lambda x, y, a, b: flat(jnp.histogram2d(x, y, [a, b])), x, y, np.asarray([-1.5, 0.0, 0.25], DTYPES[d]), np.asarray([-0.1, 0.1], DTYPES[d]), grad=False)
    case(N + "histogramdd", "counts", lambda x: flat(jnp.histogramdd(x, [2, 3, 1])), (d, (9, 3)), grad=False)
    case(N + "histogramdd", "weights", lambda x, w: flat(jnp.histogramdd(x, 2, weights=w)), (d, (9, 3)), (d, (9,)), grad=False)
    case(N + "histogramdd", "weights density", lambda x, w: flat(jnp.histogramdd(x, 2, weights=w, density=True)), (d, (9, 3)), (d, (9,)), grad=False)
case(N + "histogramdd", "counts", lambda x: flat(jnp.histogramdd(x, [2, 3, 1])), ("s32", (9, 3), "integer"), x64=False)

# Parts of numbers.
for d in ("f16", "bf16", "f32", "f64"):
    info = jnp.finfo(DTYPES[d])
    edges = [0.0, -0.0, 1.0, 0.5, -6.0, 1000.0, float(info.max), float(info.tiny), -float(info.tiny) * 1.5, np.inf, -np.inf, np.nan]
    case(N + "frexp", "", jnp.frexp, np.asarray(edges, DTYPES[d]), grad=False)
case(N + "frexp", "", lambda x: jnp.frexp(x)[0], np.asarray([0.3, -7.0, 1e300, 3e-300]))
for k in (-1, 0, 1):
    case(N + "mask_indices", f"4 {k}", lambda: jnp.mask_indices(4, jnp.tril, k), x64=False)

write(__file__, {"cases": cases})
