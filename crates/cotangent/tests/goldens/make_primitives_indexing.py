"""primitives_indexing.json: gather, the scatters, and what takes arrays apart."""

from primitive_cases import *

MODES = ("promise_in_bounds", "clip", "fill")

# --- gather -------------------------------------------------------------------------------------

def gather(sizes, offset, collapsed, index_map, batch=(), index_batch=(), mode="clip", **options):
    numbers = lax.GatherDimensionNumbers(offset, collapsed, index_map, batch, index_batch)
    return lambda x, i: lax.gather(x, i, numbers, sizes, mode=mode, **options)


def places(*shape, lo=0, hi=3, dtype="s32"):
    return ints(dtype, shape, lo=lo, hi=hi)


def fixed(dtype, value):
    return lambda r: A(dtype, value)


# name: (operand, index shape, what gather and scatter have in common)
# sizes of a block, its dimensions in the result, collapsed, where coordinates go, batching
LAYOUTS = {
    "rows": ((4, 3), (2, 1), ((1, 3), (1,), (0,), (0,))),
    "columns_in_front": ((3, 4), (2, 2, 1), ((3, 1), (0,), (1,), (1,))),
    "elements": ((3, 4), (3, 2), ((1, 1), (), (0, 1), (0, 1))),
    "elements_swapped": ((3, 3), (2, 2), ((1, 1), (), (0, 1), (1, 0))),
    "blocks": ((4, 4), (2, 2), ((2, 3), (1, 2), (), (0, 1))),
    "one_place": ((4, 3), (1,), ((2, 3), (0, 1), (), (0,))),
    "no_coordinates": ((2, 3), (2, 0), ((2, 3), (1, 2), (), ())),
    "along": ((3, 4, 2), (3, 2, 1), ((1, 1, 2), (2,), (1,), (1,), (0,), (0,))),
    "along_two_swapped": ((2, 3, 4), (3, 2, 1), ((1, 1, 2), (1,), (), (2,), (0, 1), (1, 0))),
}
for n, (s, i, layout) in LAYOUTS.items():
    for mode in MODES if n in ("rows", "along") else ("fill",):
        t = "" if mode == "fill" else f"_{mode}"
        case("gather", f"f64_{n}{t}", gather(*layout, mode=mode, fill_value=0.5), both(away(s), places(*i)))
    case("gather", f"f32_{n}", gather(*layout), U(-3, 3, s, dtype="f32")(rng(n)) + places(*i, lo=-2, hi=6)(rng(n)))

rows, elements, blocks, along = (LAYOUTS[n][2] for n in ("rows", "elements", "blocks", "along"))
outside = fixed("s32", [[-1], [2], [4], [0]])
for mode in ("clip", "fill"):
    case("gather", f"f64_rows_outside_{mode}", gather(*rows, mode=mode, fill_value=0.5), both(away((4, 3)), outside))
    case("gather", f"f64_blocks_outside_{mode}", gather(*blocks, mode=mode, fill_value=0.5), both(away((4, 4)), fixed("s32", [[2, 2], [1, -1], [2, 1]])))
    case("gather", f"f64_along_outside_{mode}", gather(*along, mode=mode, fill_value=0.5), both(away((3, 4, 2)), places(3, 2, 1, lo=-2, hi=6)))
case("gather", "f64_rows_promises", gather(*rows, unique_indices=True, indices_are_sorted=True), both(away((4, 3)), fixed("s32", [[0], [1], [3]])))
case("gather", "c128_rows", gather(*rows, mode="fill", fill_value=0), both(cplx((4, 3)), outside))
for d in ("f64", "f32", "f16", "bf16", "s8", "s32", "s64", "u8", "u32", "u64", "pred", "c64"):
    x = A(d, np.arange(12).reshape(4, 3) % 7)
    case("gather", f"{d}_default_fill", gather(*rows, mode="fill"), x + A("s32", [[-1], [2], [4], [0]]))
for d in ("s8", "u8", "s16", "u16", "u32", "s64", "u64"):
    n = 300 if d in ("s8", "u8") else 8
    x = A("f32", np.arange(n))
    values = [[0], [255], [127]] if d[0] == "u" else [[0], [-1], [127]]
    if d not in ("s8", "u8"):
        values += [[7], [8], [min(2 ** 31 + 5, np.iinfo(DTYPES[d]).max)]]  # JAX wraps greater ones
    for mode in ("clip", "fill"):
        case("gather", f"{d}_index_{mode}", gather((1,), (), (0,), (0,), mode=mode), x + A(d, values))
case("gather", "f64_no_places", gather(*rows), A("f64", np.ones((4, 3))) + A("s32", np.zeros((0, 1))))
case("gather", "f64_empty_blocks", gather((0, 3), (1, 2), (), (0,), mode="fill"), A("f64", np.ones((4, 3))) + A("s32", [[1], [9]]))
case("gather", "f64_empty_operand", gather((0, 3), (1, 2), (), (0,)), A("f64", np.zeros((0, 3))) + A("s32", [[1], [9]]))

# --- scatter ------------------------------------------------------------------------------------

SCATTERS = {
    "scatter": lax.scatter, "scatter-add": lax.scatter_add, "scatter-sub": lax.scatter_sub,
    "scatter-mul": lax.scatter_mul, "scatter-min": lax.scatter_min, "scatter-max": lax.scatter_max,
}


def scatter(p, window, inserted, index_map, batch=(), index_batch=(), mode="fill", **options):
    numbers = lax.ScatterDimensionNumbers(window, inserted, index_map, batch, index_batch)
    return lambda x, i, u: SCATTERS[p](x, i, u, numbers, mode=mode, **options)


def updates_shape(x, i, sizes, window, inserted, index_map, batch=(), index_batch=()):
    block = iter(n for d, n in enumerate(sizes) if d not in inserted and d not in batch)
    rest = iter(i[:-1])
    return tuple(next(block) if d in window else next(rest) for d in range(len(window) + len(i) - 1))


def apart(n, k):
    """k of n places, all different."""
    return lambda r: [r.permutation(n)[:k].reshape(k, 1).astype(np.int32)]


def wrong(p, mode):
    """Whether JAX's derivative at places out of bounds is wrong and not asked for."""
    asked = [e for e in EXCUSES if e["check"] == "not asked" and p in e["primitives"]]
    return any(f"_outside_{mode}".endswith(e["cases"]) for e in asked)


for p in SCATTERS:
    few = p in ("scatter-sub", "scatter-min")
    for n, (s, i, layout) in LAYOUTS.items():
        if few and n not in ("rows", "elements", "along"):
            continue
        u = updates_shape(s, i, *layout)
        # Blocks of distinct places apart enough never meet: then the promise is kept.
        where = apart(3, 2) if n == "rows" else places(*i, hi=2 if n == "blocks" else 3)
        unique = n == "rows"
        args = layout[1:]
        options = {"unique_indices": True} if unique else {}
        if p == "scatter-mul" and not unique:
            # No derivative in the updates: JAX needs the promise.
            case(p, f"f64_{n}", scatter(p, *args), both(away(s), where, away(u)), constant=(2,))
        else:
            case(p, f"f64_{n}", scatter(p, *args, **options), both(away(s), where, away(u)))
    for mode in ("clip", "fill", "promise_in_bounds"):
        at = fixed("s32", [[2], [0], [1]] if mode == "promise_in_bounds" else [[-1], [2], [3 if mode == "clip" else 4]])
        f = scatter(p, (1,), (0,), (0,), mode=mode, unique_indices=True)
        inputs = both(away((4, 3)), at, away((3, 3)))
        case(p, f"f64_rows_outside_{mode}", f, inputs(rng(p)) if wrong(p, mode) else inputs)
    if not few:
        # Blocks out of bounds, whole or in part.
        u = (3, 2, 3)
        at = fixed("s32", [[3, 0], [0, -1], [1, 1]])
        for mode in ("clip", "fill"):
            f = scatter(p, (1, 2), (), (0, 1), mode=mode)
            inputs = both(away((4, 4)), at, away(u))
            constant = (2,) if p == "scatter-mul" else ()
            case(p, f"f64_blocks_outside_{mode}", f, inputs(rng(p)) if wrong(p, mode) else inputs, constant=constant)
    again = fixed("s32", [[1], [1], [3], [1], [0]])
    case(p, "f64_meeting", scatter(p, (), (0,), (0,)), both(away((4,)), again, away((5,))), constant=(2,) if p == "scatter-mul" else ())
    case(p, "f64_sorted", scatter(p, (), (0,), (0,), indices_are_sorted=True, unique_indices=True), both(away((4,)), fixed("s32", [[0], [2]]), away((2,))))
    if p in ("scatter-min", "scatter-max"):
        case(p, "f64_tie", scatter(p, (), (0,), (0,)), A("f64", [1, 2, 3, 4]) + A("s32", [[1], [1], [3], [0], [0], [2]]) + A("f64", [2, 2, 4, 5, 5, 1]))
        case(p, "f64_rows_tie", scatter(p, (1,), (0,), (0,)), A("f64", [[1, 2], [3, 4]]) + A("s32", [[1], [1], [0]]) + A("f64", [[3, 4], [3, 9], [1, -1]]))
    elif p != "scatter-mul":
        case(p, "c128_meeting", scatter(p, (), (0,), (0,)), both(cplx((3,)), fixed("s32", [[1], [1], [0]]), cplx((3,))))
    for d in ("f32", "f16", "bf16", "s8", "s32", "s64", "u8", "u32", "pred", "c64"):
        if (d == "pred" and p in ("scatter-add", "scatter-sub", "scatter-mul")) or (d == "c64" and p in ("scatter-min", "scatter-max")):
            continue
        x, u = A(d, np.arange(1, 5) % 3), A(d, [3, 0, 2, 1, 5])
        case(p, f"{d}_5", scatter(p, (), (0,), (0,)), x + A("s32", [[1], [1], [3], [9], [-1]]) + u)
    case(p, "f64_edge", scatter(p, (), (0,), (0,), unique_indices=True), A("f64", [nan, 0.0, -0.0, inf, 1]) + A("s32", [[0], [1], [2], [3], [4]]) + A("f64", [1, -0.0, 0.0, 2, nan]))
    case(p, "f64_no_places", scatter(p, (1,), (0,), (0,)), A("f64", np.ones((2, 3))) + A("s32", np.zeros((0, 1))) + A("f64", np.ones((0, 3))))
    case(p, "f64_empty_updates", scatter(p, (0, 1), (), (0,)), A("f64", np.ones((2, 3))) + A("s32", [1]) + A("f64", np.ones((0, 3))))
for d in ("s8", "u8", "s16", "u32", "s64", "u64"):
    n = 300 if d in ("s8", "u8") else 8
    values = [[0], [255], [127]] if d[0] == "u" else [[0], [-1], [127]]
    if d not in ("s8", "u8"):
        values += [[7], [8], [min(2 ** 31 + 5, np.iinfo(DTYPES[d]).max)]]  # JAX wraps greater ones
    for mode in ("clip", "fill"):
        x, u = A("f32", np.zeros(n)), A("f32", np.arange(1, len(values) + 1))
        case("scatter-add", f"{d}_index_{mode}", scatter("scatter-add", (), (0,), (0,), mode=mode), x + A(d, values) + u)

# --- slices at dynamic places, in more dimensions -------------------------------------------------

dslice = lambda sizes: lambda x, *i: lax.dynamic_slice_p.bind(x, *i, slice_sizes=sizes)
starts = lambda n: ints("s32", *[()] * n, lo=-1, hi=4)
case("dynamic_slice", "f64_block", dslice((1, 2, 2)), both(away((2, 3, 2)), starts(3)))
case("dynamic_update_slice", "f64_block", lax.dynamic_update_slice_p.bind, both(away((2, 3, 2), (1, 2, 2)), starts(3)))
case("dynamic_slice", "f64_scalar", dslice(()), away(()))
case("dynamic_update_slice", "f64_scalar", lax.dynamic_update_slice_p.bind, away((), ()))

# --- split, optimization_barrier ------------------------------------------------------------------

for n, s, sizes, axis in [("vector", (5,), (2, 0, 3), 0), ("rows", (3, 2), (1, 2), 0), ("columns", (2, 4), (1, 1, 2), 1), ("whole", (2, 3), (2,), 0)]:
    case("split", f"f64_{n}", lambda x, z=sizes, a=axis: lax.split(x, z, a), away(s))
for d in ("f32", "bf16", "s32", "u8", "s64", "pred", "c64"):
    case("split", f"{d}_4", lambda x: lax.split(x, (1, 3)), A(d, [1, 0, 2, 1]))
barrier = lambda *xs: lax.optimization_barrier(xs)
case("optimization_barrier", "f64_one", barrier, away((2, 3)))
case("optimization_barrier", "f64_two", barrier, away((3,), ()))
case("optimization_barrier", "mixed", barrier, both(away((2,)), ints("s32", (3,)), away((1, 2))))
for d in ("f32", "bf16", "u8", "s64", "pred", "c64"):
    case("optimization_barrier", d, barrier, A(d, [1, 0, 2]))

finish(__file__)
