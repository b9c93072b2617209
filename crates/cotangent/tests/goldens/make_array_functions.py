"""array_functions.json: slices along an axis, scatters, segments, bits, orders, polynomials, Fourier transforms' helpers,
and whatever else of numpy, lax, fft, random, nn and ops no other file has."""

from jax import lax, random

from function_cases import *

N, L, F = "jax.numpy.", "jax.lax.", "jax.numpy.fft."
inf, nan = float("inf"), float("nan")
I = lambda *v, d="s32": np.asarray(v, DTYPES[d])
R = lambda *v, d="f32": np.asarray(v, DTYPES[d])
FLOATS, INTEGERS = ("f16", "bf16", "f32", "f64"), ("s8", "s16", "s32", "s64", "u8", "u16", "u32", "u64")
WIDE = lambda *arrays: any(a.dtype.itemsize == 8 and a.dtype.kind != "c" or a.dtype == np.complex128 for a in arrays)


def on(fn, how, f, *arrays):
    """A case without gradients, of stored arrays."""
    arrays = [np.asarray(a) for a in arrays]
    case(fn, how, f, *arrays, grad=False, x64=WIDE(*arrays))


def everywhere(fn, how, f, *shapes, dtypes=("f64", "c128", "f32", "bf16", "s32"), **kw):
    for d in dtypes:
        exact = d == "s32"
        case(fn, how, f, *[(d, s, *(["integer"] if exact else [])) for s in shapes], x64=not exact, **kw)


# Slices along an axis: starts that leave the array are moved into it.
for start, axis in ((0, 0), (2, -1), (-1, 1), (7, 0), (-9, 1)):
    how = f"{start} {axis}"
    everywhere(L + "dynamic_slice_in_dim", how, lambda x: lax.dynamic_slice_in_dim(x, start, 2, axis), (3, 4))
    everywhere(L + "dynamic_index_in_dim", how, lambda x: lax.dynamic_index_in_dim(x, start, axis, keepdims=False), (3, 4))
    everywhere(L + "dynamic_update_slice_in_dim", how, lambda x, y: lax.dynamic_update_slice_in_dim(x, y, start, axis), (3, 4), (2, 4) if axis == 0 else (3, 2))
    everywhere(L + "dynamic_update_index_in_dim", how, lambda x, y: lax.dynamic_update_index_in_dim(x, y, start, axis), (3, 4), (4,) if axis == 0 else (3,))
for start in (I(200, d="u8"), I(-1, d="s8"), I(250, d="u8"), I(-300, d="s16")):
    for f in ("dynamic_slice_in_dim", "dynamic_index_in_dim"):
        more = (2,) if "slice" in f else ()
        on(L + f, "index", lambda x, i: (lax.dynamic_index_in_dim(x, i.astype("int32")[0], keepdims=False) if not more else lax.dynamic_slice_in_dim(x, i.astype("int32")[0], 2)), np.arange(300, dtype="float32"), start)
for i, axis in ((0, 0), (-1, 1), (2, -2)):
    everywhere(L + "index_in_dim", f"{i} {axis}", lambda x: lax.index_in_dim(x, i, axis, keepdims=False), (3, 4))
for start, limit, stride, axis in ((0, 3, 1, 0), (1, 4, 2, -1), (-3, -1, 1, 1), (2, 2, 1, 0)):
    everywhere(L + "slice_in_dim", f"{start} {limit} {stride} {axis}", lambda x: lax.slice_in_dim(x, start, limit, stride, axis), (3, 4))
for sizes in ((), (2,), (0, 3)):
    everywhere(L + "broadcast", ",".join(map(str, sizes)), lambda x: lax.broadcast(x, sizes), (2, 3), grad=0 not in sizes)
everywhere(L + "broadcast", "2", lambda x: lax.broadcast(x, (2,)), ())
for a, b in ((0, 2), (1, 3), (0, 3), (2, 3)):
    everywhere(L + "collapse", f"{a} {b}", lambda x: lax.collapse(x, a, b), (2, 3, 2))
everywhere(L + "collapse", "0 2", lambda x: lax.collapse(x, 0, 2), (0, 3), grad=False)
everywhere(L + "map", "", lambda x: lax.map(lambda row: row * row.sum(), x), (3, 2))
for keys, values in ((I(3, 1, 2, 1), R(0.0, 1.0, 2.0, 3.0)), (R(nan, -0.0, 0.0, -inf), I(0, 1, 2, 3)), (I(), R())):
    on(L + "sort_key_val", "", lambda k, v: lax.sort_key_val(k, v), keys, values)

# Scatters and segments: places out of bounds are dropped, and of places that meet, all count.
NUMBERS = lax.ScatterDimensionNumbers((1,), (0,), (0,))
PLACES = I([2], [0], [2], [9], [-1])
for name in ("add", "sub", "mul", "min", "max"):
    f = getattr(lax, "scatter_" + name)
    scatter = lambda x, u: f(x, PLACES, u, NUMBERS)
    for d in ("f64", "f32", "f16", "bf16") + (("c128",) if name in ("add", "sub") else ()):
        case(L + "scatter_" + name, "", scatter, (d, (3, 2)), (d, (5, 2)), grad=name != "mul")
    for d in ("s32", "s8", "u8", "u32"):
        on(L + "scatter_" + name, "", scatter, make("s32", (3, 2), 0, "integer").astype(DTYPES[d]), make("s32", (5, 2), 1, "integer").astype(DTYPES[d]))
    if name in ("min", "max"):
        on(L + "scatter_" + name, "", scatter, R([0, 1], [2, 3], [4, nan]), R([nan, inf], [-inf, nan], [0, 0], [nan, nan], [nan, 5]))
IDS = jnp.asarray([2, 0, 2, 9, -1])
for name in ("sum", "prod", "max", "min"):
    f = getattr(jax.ops, "segment_" + name)
    segment = lambda x: f(x, IDS, 3)
    for d in ("f64", "f32", "f16", "bf16") + (("c128",) if name == "sum" else ()):
        case("jax.ops.segment_" + name, "3", segment, (d, (5, 2)), grad=name != "prod")
    for d in INTEGERS:
        on("jax.ops.segment_" + name, "3", segment, make("s32", (5,), 0, "integer").astype(DTYPES[d]))
    on("jax.ops.segment_" + name, "3", segment, R(nan, 1, -inf, 3, 4)), on("jax.ops.segment_" + name, "3", segment, R(-0.0, nan, 0.0, 3, 4, d="bf16"))
    on("jax.ops.segment_" + name, "empty", lambda x: f(x, jnp.zeros(0, "int32"), 2), np.zeros((0, 2), "float32"))

# Bits.
EDGES = {d: np.asarray([0, 1, 5, 100, np.iinfo(DTYPES[d]).max, np.iinfo(DTYPES[d]).min, np.iinfo(DTYPES[d]).max // 3], DTYPES[d]) for d in INTEGERS}
for d in INTEGERS:
    x = EDGES[d]
    for name in ("bitwise_or", "bitwise_xor"):
        on(N + name, "", getattr(jnp, name), x, x[::-1].copy()), on(N + name, "", getattr(jnp, name), x[:, None], x[1])
    on(N + "bitwise_count", "", jnp.bitwise_count, x)
    on(N + "right_shift", "", jnp.right_shift, x[:, None], np.asarray([0, 1, 7, 31, 100], DTYPES[d]))
for name in ("bitwise_or", "bitwise_xor", "logical_or", "logical_xor"):
    on(N + name, "", getattr(jnp, name), np.array([[True], [False]]), np.array([True, False])), on(N + name, "", getattr(jnp, name), np.zeros((0, 1), bool), np.ones(3, bool))
for name in ("bitwise_or", "bitwise_xor"):
    on(N + name, "", getattr(jnp, name), I(-1, 3), I(200, 7, d="u8")), on(N + name, "", getattr(jnp, name), np.array([True, False]), I(6, 7))
for name in ("logical_or", "logical_xor"):
    on(N + name, "", getattr(jnp, name), R(0.0, -0.0, nan, 2.0), I(0, 1, 0, 1)), on(N + name, "", getattr(jnp, name), np.array([0j, 1j], "complex64"), R(0.0))
BITS = np.array([[1, 0, 1, 1, 0, 0, 0, 1, 1, 1], [0, 7, 0, 0, 0, 0, 0, 0, 0, 1]], "uint8")
for order in ("big", "little"):
    for axis in (0, 1, -1):
        on(N + "packbits", f"{axis} {order}", lambda x: jnp.packbits(x, axis, order), BITS), on(N + "packbits", f"{axis} {order}", lambda x: jnp.packbits(x, axis, order), BITS > 0)
    on(N + "packbits", f"0 {order}", lambda x: jnp.packbits(x, 0, order), BITS[0, :0])
    for axis, count in ((0, None), (1, 11), (-1, -3), (0, 0)):
        on(N + "unpackbits", f"{axis} {order} {count}", lambda x: jnp.unpackbits(x, axis, count, order), np.array([[178, 1], [0, 255]], "uint8"))

# Numbers.
for d in FLOATS:
    # In f16, JAX's results for negative numbers are positive, unlike NumPy's and its own in other dtypes.
    if d != "f16":
        on(N + "spacing", "", jnp.spacing, np.asarray([0.0, -0.0, 1.0, -3.0, 0.75, float(jnp.finfo(DTYPES[d]).tiny), inf, -inf, nan], DTYPES[d]))
    on(N + "ldexp", "", jnp.ldexp, np.asarray([0.0, -0.0, 1.0, -3.0, 0.75, inf, -inf, nan], DTYPES[d])[:, None], I(0, 1, -1, 10, -9, 300, -300))
    for k in (0, 1, -1, 2):
        on(N + "around", str(k), lambda x: jnp.around(x, k), np.asarray([0.5, 1.5, -2.5, 0.125, 12.25, -17.0, inf, nan, -0.0], DTYPES[d]))
case(N + "ldexp", "", lambda x: jnp.ldexp(x, 3), ("f64", (4,)))
on(N + "ldexp", "", jnp.ldexp, I(3, -2), I(4, -1)), on(N + "around", "1", lambda x: jnp.around(x, 1), I(15, 25, -7))
KINDS = ("pred", *INTEGERS, *FLOATS, "c64", "c128")
for a in KINDS:
    for b in KINDS[KINDS.index(a):]:
        # JAX's float of 64 bits is this library's of 32.
        if b == "u64" and a[0] == "s":
            continue
        case(N + "promote_types", "", lambda x, y: jnp.zeros(0, jnp.promote_types(x.dtype, y.dtype)), np.zeros(0, DTYPES[a]), np.zeros(0, DTYPES[b]), grad=False)
for a, b in (((2, 1), (3,)), ((), (4, 1)), ((0, 1), (1, 5)), ((1,), (0,))):
    on(N + "broadcast_shapes", "", lambda x, y: np.asarray(jnp.broadcast_shapes(x.shape, y.shape), "int32"), np.zeros(a, "float32"), np.zeros(b, "float32"))

# Order.
for x in (R(0.5, -1.0, 3.0, nan, 2.0, 0.0), R(3.0, 1.0, 2.0, d="f16"), I(5, 2, 2, -7), I(5, 200, 3, d="u8")):
    on(N + "partition", "sorted 1 0", lambda x: jnp.sort(jnp.partition(x, 1)[:2]), x), on(N + "partition", "sorted -2 -1", lambda x: jnp.sort(jnp.partition(x, -2)[:-1]), x)
    on(N + "argpartition", "at 1 0", lambda x: x[jnp.argpartition(x, 1)[1]], x), on(N + "argpartition", "at -2 -1", lambda x: x[jnp.argpartition(x, -2)[-2]], x)
for x in (np.array([[1 + 2j, 1 - 1j, 0.5 + 9j]], "complex64"), R(3.0, nan, -0.0), I(3, 1), I(3, 1, d="s8"), np.zeros(0, "float32"), np.array([[2.0, 1.0], [0.0, -1.0]])):
    on(N + "sort_complex", "", jnp.sort_complex, x)
for x in (R(0, 0, 1, 0, 2, 0), I(0, 0), I(1, 2), R(nan, 0.0), R(-0.0, 5.0), np.array([False, True, False]), np.zeros(0, "float32")):
    on(N + "trim_zeros", "", jnp.trim_zeros, x)

# Places and pieces.
for n, m, k in ((3, 3, 0), (2, 4, 1), (4, 2, -1), (2, 2, 5), (0, 3, 0), (2, 2, -3)):
    case(N + "tri", f"{n} {m} {k}", lambda: jnp.tri(n, m, k), x64=False)
for shape in ((3, 3), (2, 4), (4, 2), (0, 3)):
    for f in ("tril_indices_from", "triu_indices_from"):
        for k in (0, 1, -1):
            on(N + f, str(k), lambda x: getattr(jnp, f)(x, k), np.zeros(shape, "float32"))
for shape in ((3, 3), (2, 2, 2), (0, 0)):
    on(N + "diag_indices_from", "", jnp.diag_indices_from, np.zeros(shape, "float32"))
for at, axis, values in (((1, 3, 1), 1, (3,)), ((-1,), 0, ()), ((2, 0), 0, (2, 3))):
    everywhere(N + "insert", f"{','.join(map(str, at))} {axis}", lambda x, v: jnp.insert(x, np.array(at) if len(at) > 1 else at[0], v, axis), (2, 3), values, dtypes=("f64", "c128", "f32", "f16", "s32"))
# A single index is a scalar, before which a matrix goes in as it is turned.
for at, axis, values in ((1, 1, (2, 2)), (1, 1, (2, 1)), (0, 0, (3, 3)), (-1, 1, (2,)), (2, 0, (2, 3)), (0, 1, ())):
    everywhere(N + "insert", f"at {at} {axis}", lambda x, v: jnp.insert(x, at, v, axis), (2, 3), values, dtypes=("f64", "c128", "s32"))
everywhere(N + "insert", "1 1", lambda x, v: jnp.insert(x, np.array([1]), v, axis=1), (2, 3), (2, 2), dtypes=("f64", "s32"))
case(N + "fromfunction", "", lambda: jnp.fromfunction(lambda i, j: i * 2 - j, (2, 3), dtype=int), x64=False), case(N + "fromfunction", "empty", lambda: jnp.fromfunction(lambda i, j: i * 2 - j, (0, 2), dtype=int), x64=False)
for d in ("f64", "c128", "f32"):
    case(N + "apply_along_axis", "0", lambda x: jnp.apply_along_axis(lambda v: v * v.sum(), 0, x), (d, (2, 3))), case(N + "apply_along_axis", "-1", lambda x: jnp.apply_along_axis(lambda v: v * v.sum(), -1, x), (d, (2, 3)))
    case(N + "apply_over_axes", "", lambda x: jnp.apply_over_axes(jnp.sum, x, (0, -1)), (d, (2, 3, 2)))
    case(N + "piecewise", "", lambda x: jnp.piecewise(x, [x.real < 0, x.real > 1], [lambda v: -v, lambda v: v * v, lambda v: v + 7]), (d, (5,)))
    case(N + "poly", "", jnp.poly, (d, (3,)))
on(N + "poly", "", jnp.poly, I(1, 2, 3))
for x in (R(2.0), np.zeros(0, "float32"), I(1, 2, d="u8"), R([2, 1], [1, 3]), R([0, 1], [-1, 0], d="f64"), I([2, 1], [0, 3]), np.array([[1 + 1j, 2], [0, 3]], "complex64"), R([4.0])):
    on(N + "poly", "", jnp.poly, x)
# Numbers that an unsigned dtype does not have wrap around.
bytes_ = I(0, 1, 44, 128, 250, 255, d="u8")
for f in ("fmod", "remainder", "mod", "floor_divide", "divmod"):
    for n in (-1, -7, -300):
        for d in ("u8", "u16", "u32"):
            on(N + f, f"by {n}", lambda x: getattr(jnp, f)(x, n), bytes_.astype(DTYPES[d]))
    on(N + f, "of -7", lambda x: getattr(jnp, f)(-7, x), bytes_.clip(7))
for p in (R(2, -3, 5, 1), R(4.0), R(1, 0, 0), I(1, -3, 2), R(1, 2, 5, d="f64")):
    on(N + "roots", "", lambda p: jnp.sort_complex(jnp.roots(p, strip_zeros=True)), p)
for d in ("f64", "f32"):
    case(N + "polyfit", "2", lambda x, y: jnp.polyfit(jnp.arange(6.0, dtype=x.dtype) / 4 + 0 * x, y, 2), (d, (6,)), (d, (6,)), grad=False)
    case(N + "polyfit", "1", lambda x, y: jnp.polyfit(jnp.arange(6.0, dtype=x.dtype) / 4 + 0 * x, y, 1), (d, (6,)), (d, (6, 2)), grad=False)
for start, stop, n, endpoint, base in ((0.0, 3.0, 4, True, 10.0), (-1.0, 2.0, 5, False, 2.0), (1.0, 1.0, 1, True, 10.0), (0.0, 1.0, 0, True, 10.0)):
    case(N + "logspace", f"{start} {stop} {n} {endpoint} {base}", lambda: jnp.logspace(start, stop, n, endpoint=endpoint, base=base), x64=False)

# Fourier transforms.
for n in (1, 4, 5):
    for d in (1.0, 0.25):
        case(F + "fftfreq", f"{n} {d}", lambda: jnp.fft.fftfreq(n, d), x64=False), case(F + "rfftfreq", f"{n} {d}", lambda: jnp.fft.rfftfreq(n, d), x64=False)
for name in ("fftshift", "ifftshift"):
    f = getattr(jnp.fft, name)
    everywhere(F + name, "", f, (3, 4)), everywhere(F + name, "-1", lambda x: f(x, -1), (2, 5)), everywhere(F + name, "", f, (0,), grad=False)
    everywhere(F + name, "1,0", lambda x: f(x, (1, 0)), (3, 2))
for n in (None, 5, 2, 8):
    for d in ("c128", "c64"):
        case(F + "hfft", str(n), lambda x: jnp.fft.hfft(x, n), (d, (2, 4)))
    for d in ("f64", "f32"):
        case(F + "ihfft", str(n), lambda x: jnp.fft.ihfft(x, n), (d, (2, 4)))

# Keys, and the generator of XLA.
for seed in (0, 42, -1):
    for how in ("key_data", "clone", "wrap_key_data"):
        keys = {"key_data": lambda: random.key_data(random.key(seed)), "clone": lambda: random.key_data(random.clone(random.key(seed))),
                "wrap_key_data": lambda: random.bits(random.wrap_key_data(random.key_data(random.key(seed))), (2,))}
        case("jax.random." + how, str(seed), keys[how], x64=False)
for algorithm in ("RNG_DEFAULT", "RNG_THREE_FRY", "RNG_PHILOX"):
    for d in ("u32", "u64"):
        on(L + "rng_bit_generator", f"{algorithm} {d}", lambda k: lax.rng_bit_generator(k, (3, 2), DTYPES[d], getattr(lax.RandomAlgorithm, algorithm)), np.asarray([1, 2, 3, 4], "uint32")) if d == "u32" else None
        case(L + "rng_bit_generator", f"{algorithm} {d}", lambda k: lax.rng_bit_generator(k, (3, 2), DTYPES[d], getattr(lax.RandomAlgorithm, algorithm)), np.asarray([5, 6], "uint64"), grad=False)

# Functions of named axes, and of trees.
for d in ("f64", "f32"):
    case(L + "axis_size", "", lambda x: jax.vmap(lambda x: x * lax.axis_size("i"), axis_name="i")(x), (d, (3, 2)))
    tree = lambda x, y: {"b": [x], "a": [y, x + 1]}
    case("jax.tree.flatten", "", lambda x, y: jax.tree.flatten(tree(x, y))[0], (d, (2,)), (d, (3,)))
    case("jax.tree.unflatten", "", lambda x, y: jax.tree.leaves(jax.tree.unflatten(jax.tree.structure(tree(x, y)), [x * 2, y, x])["b"]), (d, (2,)), (d, (3,)))
    case("jax.tree.map", "", lambda x, y: jax.tree.leaves(jax.tree.map(lambda a, b: a * b + 1, tree(x, y), tree(x, y))), (d, (2,)), (d, (3,)))

# Functions of other modules.
for d in ("f64", "f32", "f16", "bf16"):
    for axis in (0, -1):
        case("jax.scipy.special.softmax", str(axis), lambda x: jax.scipy.special.softmax(x, axis=axis), (d, (2, 3))), case("jax.scipy.special.log_softmax", str(axis), lambda x: jax.scipy.special.log_softmax(x, axis=axis), (d, (2, 3)))
        case("jax.nn.logsumexp", str(axis), lambda x: jax.nn.logsumexp(x, axis), (d, (2, 3)))
    on("jax.nn.logsumexp", "0", lambda x: jax.nn.logsumexp(x, 0), np.asarray([[-inf, inf, nan, 1e4], [-inf, 1.0, 2.0, 1e4]], DTYPES[d]))
case("jax.nn.logsumexp", "weights", lambda x, b: jax.nn.logsumexp(x, -1, b=b * b), ("f64", (2, 3)), ("f64", (2, 3)))
on("jax.scipy.stats.poisson.entropy", "", lambda mu: jax.scipy.stats.poisson.entropy(mu), R(0.5, 2.0, 20.0))
for d in ("f64", "f32", "c128"):
    case(N + "put", "", lambda x, v: jnp.put(x, jnp.array([4, 0, -1]), v, inplace=False), (d, (2, 3)), (d, (3,)))
    case(N + "linalg.svdvals", "", jnp.linalg.svdvals, (d, (3, 2)))
multinomial = jax.scipy.stats.multinomial
for x in ((1, 2, 1), (4, 0, 0), (0, 0, 0), (5, -1, 0)):
    for f in ("pmf", "logpmf"):
        on("jax.scipy.stats.multinomial." + f, "", lambda p: getattr(multinomial, f)(jnp.array(x), 4, p), R(0.25, 0.5, 0.25)) if x == (1, 2, 1) else None
        on("jax.scipy.stats.multinomial." + f, ",".join(map(str, x)), lambda p: getattr(multinomial, f)(jnp.array(x), 4, p), R(0.25, 0.75, 0.0))

# Complex numbers are ordered by their real parts, then by their imaginary parts.
for d in ("c64", "c128"):
    z = np.asarray([1 + 2j, 1 + 2j, 1 - 3j, 0 + 9j, complex(nan, 1), complex(1, nan), complex(inf, 0), complex(0.0, -0.0)], DTYPES[d])
    w = np.asarray([1 + 2j, 1 + 3j, 1 - 4j, 1 + 0j, 1 + 1j, 1 + 1j, complex(inf, -1), complex(-0.0, 0.0)], DTYPES[d])
    for f in ("less", "less_equal", "greater", "greater_equal", "fmax", "fmin"):
        on(N + f, "", getattr(jnp, f), z, w)
        on(N + f, "spread", getattr(jnp, f), z[:, None], w)
        on(N + f, "real", getattr(jnp, f), z, w.real)

write(__file__, {"cases": cases})
