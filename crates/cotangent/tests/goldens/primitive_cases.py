"""What the scripts of the primitives share: a case is a primitive's values, derivatives and batching.

README.md says what the fields mean. Each case's function must trace to exactly one equation of the
named primitive, and its "params" are read off that equation, so they are JAX's own. Derivatives are
checked here against numeric differences, vjp against jvp, and vmap against a loop.
"""

import warnings

from common import *

jax.config.update("jax_enable_x64", True)
warnings.simplefilter("ignore")

import jax.extend.core
import jax.extend.random
import jax.numpy as jnp
from jax import lax

cases, seen, missing, failed = [], set(), [], []
nan, inf = np.nan, np.inf

# Parameters that say where or how accurately to compute, not what.
OMITTED = {"accuracy", "sharding", "out_sharding", "out_dtype", "precision", "weak_type", "input_dtype", "update_jaxpr", "update_consts"}


def param(v):
    if isinstance(v, (lax.GatherDimensionNumbers, lax.ScatterDimensionNumbers)):
        return {k: param(u) for k, u in v._asdict().items()}
    if isinstance(v, lax.GatherScatterMode):
        return v.name
    if isinstance(v, (tuple, list)):
        return [param(u) for u in v]
    if isinstance(v, np.dtype):
        return name_of(v)
    if isinstance(v, lax.ConvDimensionNumbers):
        return [param(u) for u in (v.lhs_spec, v.rhs_spec, v.out_spec)]
    if isinstance(v, jax.extend.core.Primitive):
        return v.name
    if isinstance(v, (lax.RoundingMethod, jax.lax.FftType)):
        return int(v)
    assert v is None or isinstance(v, (bool, int, float, str)), v
    return v


def equation(prim, fn, inputs):
    eqns = jax.make_jaxpr(fn)(*inputs).eqns
    assert [e.primitive.name for e in eqns] == [prim], (prim, eqns)
    params = {k: param(v) for k, v in eqns[0].params.items() if k not in OMITTED | {"fill_value"}}
    if prim == "gather":
        fill = eqns[0].params["fill_value"]
        params["fill_value"] = fill if fill is None else array(np.asarray(fill, inputs[0].dtype))
    if prim == "slice" and params["strides"] is None:
        params["strides"] = [1] * len(params["start_indices"])
    if prim == "reshape":
        assert params.pop("dimensions") is None
    return params


def listed(y):
    return list(y) if isinstance(y, (tuple, list)) else [y]


def draw(r, x):
    """A tangent or cotangent for x: three decimals, away from zero."""
    def one():
        return np.round(r.uniform(0.2, 1.5, x.shape) * r.choice([-1, 1], x.shape), 3)
    if name_of(x.dtype)[0] == "c":
        return jnp.asarray(one() + 1j * one(), x.dtype)
    return jnp.asarray(one(), x.dtype)


def dot(a, b):
    return sum(float(jnp.sum(x * y).real) for x, y in zip(a, b) if x is not None)


def derivatives(fn, inputs, r, check, second, constant):
    where = [i for i, x in enumerate(inputs) if is_inexact(x) and i not in constant]

    def floats(*xs):  # fn of its inexact inputs alone
        full = list(inputs)
        for i, x in zip(where, xs):
            full[i] = x
        return [y for y in listed(fn(*full)) if is_inexact(y)]

    def spread(xs):
        full = [None] * len(inputs)
        for i, x in zip(where, xs):
            full[i] = x
        return [array(x) for x in full]

    xs = [inputs[i] for i in where]
    ts = [draw(r, x) for x in xs]
    ys, dys = jax.jvp(floats, xs, ts)
    cts = [draw(r, y) for y in ys]
    bars = jax.vjp(floats, *xs)[1](cts)

    # Non-float outputs have null as tangent and cotangent.
    flags = [is_inexact(y) for y in listed(fn(*inputs))]
    def outs(vs):
        vs = iter(vs)
        return [array(next(vs)) if f else None for f in flags]

    out = {"tangents": spread(ts), "jvp": outs(dys), "cotangents": outs(cts), "vjp": spread(bars)}
    if second:
        def gradient(*xs):
            return jax.grad(lambda *xs: sum(jnp.sum(w * y) for w, y in zip(cts, floats(*xs))),
                            argnums=tuple(range(len(xs))))(*xs)
        second = jax.jvp(gradient, xs, ts)[1]
        out["second"] = spread(second)
    if check:
        h = 1e-6
        plus, minus = ([x + s * h * t for x, t in zip(xs, ts)] for s in (1, -1))
        for d, p, m in zip(dys, floats(*plus), floats(*minus)):
            close(d, (p - m) / (2 * h), what="jvp")
        if second:
            for d, p, m in zip(second, gradient(*plus), gradient(*minus)):
                close(d, (p - m) / (2 * h), what="second")
        np.testing.assert_allclose(dot(cts, dys), dot(bars, ts), rtol=1e-9, atol=1e-9)
    return out


def batched(what, fn, inputs, other):
    n = len(inputs)
    plans = [[0 if i == j else None for i in range(n)] for j in range(n)] if n > 1 else [[0]]
    plans.append([x.ndim for x in inputs])
    seen_plans, out = [], []
    for axes in plans:
        if axes in seen_plans:
            continue
        seen_plans.append(axes)
        xs = [x if a is None else jnp.stack([x, o], a) for x, o, a in zip(inputs, other, axes)]
        try:
            ys = listed(jax.vmap(fn, in_axes=tuple(axes))(*xs))
        except (NotImplementedError, TypeError) as e:
            missing.append(f"{what}: vmap over {axes}: {type(e).__name__}: {str(e).splitlines()[0]}")
            continue
        for b in range(2):
            row = [x if a is None else lax.index_in_dim(x, b, a, keepdims=False) for x, a in zip(xs, axes)]
            for y, want in zip(ys, listed(fn(*row))):
                close(y[b], want, 1e-12, 1e-12, "vmap")
        out.append({"in_axes": axes, "inputs": [array(x) for x in xs], "outputs": [array(y) for y in ys]})
    return out


def case(prim, name, fn, inputs, **options):
    """Adds a case; what goes wrong is told at the end."""
    try:
        add_case(prim, name, fn, inputs, **options)
    except Exception as e:
        failed.append(f"{prim}/{name}: {type(e).__name__}: {e}")


def add_case(prim, name, fn, inputs, *, vmap=None, check=True, second=True, constant=(), equation_of=None):
    """`inputs` is a list of arrays, or a function from a generator to such a list.

    A list means a value-only case unless the name ends in _tie (then derivatives too, which numeric
    differences cannot check); a function means derivatives for f64 and c128 inputs, and vmap.
    There is no derivative in the inputs whose positions are `constant`. `equation_of` is what is one equation, if `fn`
    does more: hides what the primitive does not specify.
    """
    assert (prim, name) not in seen, (prim, name)
    seen.add((prim, name))
    r = rng(f"{prim}/{name}")
    generated = callable(inputs)
    make = (lambda: [jnp.asarray(x) for x in inputs(r)]) if generated else (lambda: [jnp.asarray(x) for x in inputs])
    tie = name.endswith("_tie")
    xs = make()
    other = make() if generated else None
    try:
        outputs = listed(fn(*xs))
    except TypeError as e:  # a dtype that JAX does not take
        missing.append(f"{prim}/{name}: {str(e).splitlines()[0]}")
        return
    out = {"primitive": prim, "case": name, "params": equation(prim, equation_of or fn, xs),
           "inputs": [array(x) for x in xs], "outputs": [array(y) for y in outputs]}
    wide = any(name_of(x.dtype) in ("f64", "c128") for x in xs)
    complex_ = any(name_of(x.dtype)[0] == "c" for x in xs + outputs)
    if (generated or tie) and wide and any(is_inexact(y) for y in outputs):
        try:
            out |= derivatives(fn, xs, r, check and not tie, second and not complex_, constant)
        except (NotImplementedError, TypeError) as e:
            missing.append(f"{prim}/{name}: {type(e).__name__}: {str(e).splitlines()[0]}")
            out["no_rule"] = True
    if xs and (generated if vmap is None else vmap):
        out["vmap"] = batched(f"{prim}/{name}", fn, xs, other)
    cases.append(out)


# --- inputs -------------------------------------------------------------------------------------

def U(lo, hi, *shapes, dtype="f64"):
    """Uniform inputs of these shapes, with three decimals."""
    def make(r):
        return [np.asarray(np.round(r.uniform(lo, hi, s), 3)).astype(DTYPES[dtype]) for s in shapes]
    return make


def away(*shapes, lo=0.3, hi=2.0):
    """Inputs away from zero, of both signs, all distinct in size."""
    def make(r):
        out = []
        for s in shapes:
            n = int(np.prod(s))
            size = np.linspace(lo, hi, n + 2)[1:-1] + r.uniform(-0.2, 0.2, n) * (hi - lo) / (n + 1)
            out.append(np.round(r.permutation(size) * r.choice([-1, 1], n), 3).reshape(s))
        return out
    return make


def ints(dtype, *shapes, lo=None, hi=None):
    info = np.iinfo(DTYPES[dtype])
    lo, hi = max(info.min, -9) if lo is None else lo, 10 if hi is None else hi
    return lambda r: [r.integers(lo, hi, s).astype(DTYPES[dtype]) for s in shapes]


def preds(*shapes):
    return lambda r: [r.integers(0, 2, s).astype(bool) for s in shapes]


def cplx(*shapes):
    def make(r):
        return [np.round(r.uniform(0.2, 1.2, s) * r.choice([-1, 1], s) + 1j * r.uniform(0.2, 1.2, s), 3) for s in shapes]
    return make


def both(*makers):
    return lambda r: [x for m in makers for x in m(r)]


def A(dtype, *values):
    return [np.asarray(v).astype(DTYPES[dtype]) for v in values]


def extremes(dtype):
    i = np.iinfo(DTYPES[dtype])
    return [i.min, i.max, i.max - 1, i.max // 3, 0, 1, 2] + ([-1, -2] if i.min < 0 else [])


FLOAT_EDGE = [nan, inf, -inf, 0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.5, -1.5, 30.0]
LARGE = {"f64": [1e300, -1e300, 710.0, -745.0, 1e-300], "f32": [3e38, -3e38, 89.0, -104.0, 1e-37]}
SUBNORMAL = {"f64": [5e-324, -1e-310], "f32": [1e-45, -1e-39]}


def finish(script):
    """Writes the cases, and tells what JAX has no rule for and what went wrong."""
    write(script, {"cases": cases})
    print(len({c["primitive"] for c in cases}), "primitives")
    print("no rule in JAX:", *missing, sep="\n  ")
    assert not failed, "\n".join(failed)
