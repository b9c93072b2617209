"""indexing.json: NumPy's indexing on arrays, `.at[…]`, and the functions of indices: values, vjp and vmap.

Each case has a name that tests/libraries/indexing.rs knows, and the expression as Python writes it.
"""

from common import *

jax.config.update("jax_enable_x64", True)

import jax.numpy as jnp
from jax import lax

cases, failed = [], []
SHAPES = {"x": (3, 4), "y": (2, 3, 4), "v": (4,), "w": (3,), "m": (3, 3), "s": (), "z": (5,)}
INTS = {"i": ((), 0, 3), "j": ((3,), 0, 3), "p": ((3,), 0, 2), "k": ((3,), -4, 4), "l": ((2, 1), -2, 2), "o": ((3,), -9, 9), "b": ((3, 2), -3, 3)}
MASK = np.array([[True, False, True, False], [False, True, False, False], [True, True, False, True]])
ROWS = np.array([True, False, True])


def inputs(names, r):
    out = []
    for n in names:
        if n in SHAPES:
            s = SHAPES[n]
            out.append(np.round(r.uniform(0.3, 2.0, s) * r.choice([-1, 1], s), 3))
        else:
            s, lo, hi = INTS[n]
            out.append(r.integers(lo, hi, s).astype(np.int32))
    return [jnp.asarray(a) for a in out]


def case(name, *args, **kwargs):
    """Adds a case; what goes wrong is told at the end."""
    try:
        add_case(name, *args, **kwargs)
    except Exception as e:
        failed.append(f"{name}: {type(e).__name__}: {e}")


def add_case(name, python, names, vmap=True, grad=True):
    r = rng(name)
    fn = eval(f"lambda {', '.join(names)}: {python}", {"jnp": jnp, "lax": lax, "jax": jax, "MASK": MASK, "ROWS": ROWS})
    xs, others = inputs(names, r), inputs(names, r)
    y = fn(*xs)
    ys = list(y) if isinstance(y, (tuple, list)) else [y]
    out = {"name": name, "python": python, "inputs": [array(x) for x in xs], "outputs": [array(y) for y in ys]}
    if grad and is_inexact(ys[0]):
        at = [n for n, x in enumerate(xs) if is_inexact(x)]

        def floats(*fs):
            full = list(xs)
            for n, f in zip(at, fs):
                full[n] = f
            return fn(*full)

        given = [xs[n] for n in at]
        ct = jnp.asarray(np.round(r.uniform(0.2, 1.5, ys[0].shape) * r.choice([-1, 1], ys[0].shape), 3))
        bars = jax.vjp(floats, *given)[1](ct)
        t = [jnp.asarray(np.round(r.uniform(-1, 1, x.shape), 3)) for x in given]
        h = 1e-6
        plus, minus = (floats(*[x + s * h * d for x, d in zip(given, t)]) for s in (1, -1))
        if np.isfinite(plus - minus).all():
            numeric = float(jnp.sum(ct * (plus - minus) / (2 * h)))
            np.testing.assert_allclose(sum(float(jnp.sum(a * b)) for a, b in zip(bars, t)), numeric, rtol=1e-5, atol=1e-6, err_msg=name)
        out |= {"cotangent": array(ct), "vjp": [array(b) for b in bars]}
    if vmap:
        both = [jnp.stack([a, b]) for a, b in zip(xs, others)]
        mapped = jax.vmap(fn)(*both)
        mapped = list(mapped) if isinstance(mapped, (tuple, list)) else [mapped]
        out["mapped"] = {"inputs": [array(b) for b in both], "outputs": [array(m) for m in mapped]}
    cases.append(out)


# --- reading --------------------------------------------------------------------------------------

for name, index, names in [
    ("first", "0", "x"), ("last", "-1", "x"), ("element", "1, 2", "x"), ("far", "9", "x"), ("tail", "1:", "x"), ("steps", "::2", "x"),
    ("turned", "::-1", "x"), ("turned_steps", "::-2, 1:3", "x"), ("down", "2:0:-1", "x"), ("beyond", "5:", "x"),
    ("from_end", ":, -3:-1", "x"), ("new_axis", ":, None", "x"), ("ellipsis", "..., 0", "y"), ("mixed", "None, ..., 1:", "y"),
    ("inner_new_axis", "0, None, :, None, 1", "y"),
    ("dynamic", "i", "xi"), ("dynamic_slice", "i, 1:3", "xi"), ("dynamic_steps", "i, ::2", "xi"), ("dynamic_turned", "i, ::-1", "xi"),
    ("dynamic_column", ":, i", "xi"), ("dynamic_new_axis", "None, i, None", "xi"), ("two_dynamic", "i, j[0]", "xij"),
    ("rows", "j", "xj"), ("columns", ":, k", "xk"), ("pairs", "j, k", "xjk"), ("grid", "j[:, None], k", "xjk"), ("table", "b", "xb"),
    ("separated", "p, :, k", "ypk"), ("adjacent", ":, j, k", "yjk"), ("int_and_array", "0, :, k", "yk"), ("slice_int_array", ":, 0, k", "yk"),
    ("new_axis_between", "p, None, j", "ypj"), ("new_axis_first", "None, p", "yp"), ("ellipsis_array", "..., k", "yk"),
    ("array_ellipsis_int", "p, ..., 0", "yp"), ("array_and_steps", "p, ::2, ::-1", "yp"), ("array_slice", "l, 1:", "yl"), ("outside", "o", "xo"),
]:
    case(f"get_{name}", f"{names[0]}[{index}]", names, grad="o" not in names)  # out of bounds JAX promises nothing
case("get_fill", "x.at[o].get(mode='fill')", "xo", grad=False)
case("get_fill_value", "x.at[o, k].get(mode='fill', fill_value=7)", "xok")
case("get_clip", "x.at[:, o].get(mode='clip')", "xo")
case("get_fill_static", "x.at[7].get(mode='fill', fill_value=7)", "x")
case("get_mask", "x[MASK]", "x", vmap=False)
case("get_row_mask", "x[ROWS, 1:]", "x", vmap=False)
case("get_mask_and_array", "y[:, ROWS, l]", "yl", vmap=False)

# --- updates --------------------------------------------------------------------------------------

for name, index, names in [
    ("row", "1", "xv"), ("scalar", "1:, ::2", "xs"), ("broadcast", "1:", "xv"), ("turned", "::-1, :", "xv"), ("steps", "::2, ::-2", "xs"),
    ("new_axis", "None, 1", "xv"), ("ellipsis", "..., 0", "xw"), ("dynamic", "i", "xvi"), ("dynamic_element", "i, j[0]", "xsij"),
    ("dynamic_steps", "i, ::2", "xsi"), ("pairs", "j, k", "xwjk"), ("rows", "j", "xvj"), ("separated", "p, :, k", "yspk"), ("outside", "o", "xvo"), ("mask", "MASK", "xs"),
    ("row_mask", "ROWS", "xv"), ("mask_values", "MASK[0]", "vs"),
]:
    a, v = names[0], names[1]
    vmap = "mask" not in name
    case(f"set_{name}", f"{a}.at[{index}].set({v})", names, vmap)
    case(f"add_{name}", f"{a}.at[{index}].add({v})", names, vmap)
case("set_mask_each", "x.at[ROWS].set(m[:2, 0][:, None])", "xm", vmap=False)
case("set_clip", "x.at[:, o].set(m[0], mode='clip')", "xmo")
case("set_converts", "j.at[1:].set(9)", "j", grad=False)
for op in ("subtract", "multiply", "divide", "power", "min", "max"):
    v = "jnp.abs(v)"
    x = "jnp.abs(x)" if op == "power" else "x"
    case(f"{op}_rows", f"{x}.at[1:].{op}({v})", "xv")
    case(f"{op}_dynamic", f"{x}.at[i, 1:].{op}({v}[1:])", "xvi")
    case(f"{op}_mask", f"{x}.at[ROWS].{op}({v}, unique_indices=True)", "xv", vmap=False)
    if op in ("subtract", "min", "max"):
        case(f"{op}_pairs", f"{x}.at[j, k].{op}(w)", "xwjk")
    case(f"{op}_meeting", f"{x}.at[jnp.array([1, 1, 0])].{op}(1.5)", "x")
case("apply_slice", "x.at[1:].apply(jnp.sin)", "x", grad=False)
case("apply_rows", "x.at[j].apply(jnp.sin)", "xj", grad=False)

# --- functions ------------------------------------------------------------------------------------

case("take", "jnp.take(x, j)", "xj")
case("take_axis", "jnp.take(x, l, axis=1)", "xl")
case("take_outside", "jnp.take(x, o, axis=0)", "xo", grad=False)
case("take_clip", "jnp.take(x, o, axis=0, mode='clip')", "xo")
case("take_along_axis", "jnp.take_along_axis(x, b, axis=1)", "xb")
case("take_along_first", "jnp.take_along_axis(x, k[None, :, None].reshape(3, 1), axis=0)", "xk", grad=False)
case("take_along_wide", "jnp.take_along_axis(v[None], b, axis=1)", "vb")
case("put_along_axis", "jnp.put_along_axis(x, b[:, :1], w[:, None], axis=1, inplace=False)", "xbw")
case("choose", "jnp.choose(j, [x[:, 0], x[:, 1], w], mode='clip')", "xwj")
case("compress", "jnp.compress(ROWS, x, axis=0)", "x", vmap=False)
case("extract", "jnp.extract(MASK, x)", "x", vmap=False)
case("nonzero_size", "jnp.nonzero(x > 0.5, size=6, fill_value=-1)", "x")
case("nonzero_cut", "jnp.nonzero(x > 0, size=2, fill_value=-1)", "x")
case("bincount", "jnp.bincount(o, length=6)", "o")
case("bincount_weights", "jnp.bincount(j, weights=w, length=3)", "jw")
case("unravel_index", "jnp.unravel_index(o, (2, 3))", "o")
case("ravel_multi_index", "jnp.ravel_multi_index((o, k), (2, 4), mode='clip')", "ok")
case("indices", "jnp.indices((2, 3)) + i", "i")
case("searchsorted", "jnp.searchsorted(jnp.sort(z), w)", "zw")
case("searchsorted_right", "jnp.searchsorted(j.sort(), k, side='right')", "jk")
case("searchsorted_nan", "jnp.searchsorted(jnp.array([1.0, 2.0, jnp.nan]), jnp.array([jnp.nan, 3.0, 2.0]) + 0 * s)", "s")
for op in ("sum", "prod", "max", "min"):
    case(f"segment_{op}", f"jax.ops.segment_{op}(x, k, 3)", "xk", grad=op != "prod")

assert not failed, "\n".join(failed)
write(__file__, {"cases": cases})
