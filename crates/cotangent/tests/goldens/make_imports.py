"""Functions from packages of the JAX ecosystem, as `jax.export` serializes them, with JAX's values, gradients and vmaps.

`ONLY=flax,optax` runs the cases of these packages. A case that JAX cannot export is left out with its reason.
"""

import base64
import collections
import importlib.metadata
import json
import os
import sys
import traceback

os.environ["JAX_PLATFORMS"] = "cpu"
# Equinox checks for failures by calling back to Python, which JAX cannot serialize. This makes them NaN instead.
os.environ["EQX_ON_ERROR"] = "nan"

import jax
import jax.numpy as jnp
import numpy as np
import jax.interpreters.xla
from jax import export, lax
from jax._src.lax.linalg import geqrf
from jax.extend.core import Literal

# TensorFlow Probability 0.25, which Distrax and rlax import, registers its types in a table that JAX no longer has.
jax.interpreters.xla.pytype_aval_mappings = collections.defaultdict(lambda: None)

from common import name_of, real

jax.config.update("jax_include_full_tracebacks_in_locations", False)
# Locations have the paths of files below these folders.
jax.config.update("jax_hlo_source_file_canonicalization_regex", ".*/(site-packages|goldens)/")
CASES = []
# Where the functions that are not for the CPU run.
PLATFORMS = {}

# What is compared with JAX beside values and batches, and why it is not the gradient of the function as JAX has it.
# "operations" are those of the function without the rules that JAX has for its derivatives, as StableHLO has it.
LOOP = "jvp: a loop that ends by a condition has no gradient"
STOPS = "grad of operations: `lax.stop_gradient` leaves no trace in StableHLO"
RULE = "jvp of operations: a loop that ends by a condition has no gradient, and JAX's is a `custom_vjp`"
IMPLICIT = "jvp of operations: the derivative in JAX is that of the implicit function theorem, not of the iterations"

# Where rounding errors count for more than elsewhere: a batch of small variance is normalized; sums of narrow floats are
# rounded at each step.
TOLERANCES = {"hk_batch_norm": 1e-4, "cumulative_of_other_types": 1e-3}


def case(package, modes="grad", platform="cpu"):
    """Registers a function that returns (f, argument, …). It is exported for `platform`, and the results are those on the
    CPU."""

    def register(make):
        CASES.append((package, make.__name__, modes, make))
        if platform != "cpu":
            PLATFORMS[make.__name__] = platform
        return make

    return register


def wave(shape, seed=0.0, scale=0.5, shift=0.0, dtype=np.float32):
    i = np.arange(int(np.prod(shape)), dtype=np.float64)
    return (shift + scale * np.sin(seed + 1.7 * i)).reshape(shape).astype(dtype)


def like(tree, seed=0.3, scale=0.3):
    """A tree of the same types with waves in place of the floats."""
    leaves, structure = jax.tree.flatten(tree)
    made = [
        wave(x.shape, seed + k, scale if x.ndim else 0.1, 0.0 if x.ndim != 1 else 0.2, x.dtype)
        if jnp.issubdtype(x.dtype, jnp.floating) else np.asarray(x)
        for k, x in enumerate(map(jnp.asarray, leaves))
    ]
    return jax.tree.unflatten(structure, made)


def listed(f, tree):
    """The function of the list of a tree's leaves: what is not a container of Python needs no registration then."""
    leaves, structure = jax.tree.flatten(tree)
    return (lambda leaves, *args: f(jax.tree.unflatten(structure, leaves), *args)), leaves


# JAX itself


@case("jax")
def mlp():
    def f(params, x):
        for layer in params[:-1]:
            x = jnp.tanh(x @ layer["w"] + layer["b"])
        return x @ params[-1]["w"] + params[-1]["b"]
    sizes = [5, 8, 8, 3]
    params = [{"w": wave((m, n), m), "b": wave((n,), n)} for m, n in zip(sizes, sizes[1:])]
    return f, params, wave((4, 5))


@case("jax")
def rnn_by_scan():
    def f(w, u, h, xs):
        def step(h, x):
            h = jnp.tanh(h @ w + x @ u)
            return h, h.sum()
        return lax.scan(step, h, xs)
    return f, wave((4, 4), 1), wave((3, 4), 2), wave((4,), 3), wave((6, 3), 4)


@case("jax")
def scan_in_reverse():
    def f(xs, c):
        return lax.scan(lambda c, x: (jnp.sin(c * x), c + x), c, xs, reverse=True)
    return f, wave((7, 2)), wave((2,), 2)


@case("jax")
def nested_scans():
    def f(xs, w):
        def outer(c, x):
            def inner(d, t):
                return jnp.tanh(d * w + t), d
            d, ds = lax.scan(inner, c, x)
            return d, ds.sum()
        return lax.scan(outer, jnp.zeros(3), xs)
    return f, wave((4, 5, 3)), wave((3,), 1)


@case("jax")
def gradient_of_a_scan():
    def loss(w, xs):
        c, ys = lax.scan(lambda c, x: (jnp.tanh(c * w + x), c), jnp.zeros(3), xs)
        return (c ** 2).sum() + ys.sum()
    return jax.value_and_grad(loss), wave((3,), 1), wave((6, 3))


@case("jax")
def attention():
    def f(q, k, v):
        return jax.nn.dot_product_attention(q, k, v, is_causal=True)
    return f, wave((2, 5, 2, 4)), wave((2, 5, 2, 4), 1), wave((2, 5, 2, 4), 2)


@case("jax", RULE)
def odeint_values():
    from jax.experimental.ode import odeint
    def f(y, t, a):
        return odeint(lambda y, t, a: jnp.sin(a * y) - 0.1 * y, y, t, a)
    return f, wave((3,), 0, 0.5, 1.0), np.linspace(0, 1, 4, dtype=np.float32), np.float32(0.7)


@case("jax")
def sort_and_top_k():
    def f(x):
        keys, values = lax.sort((x, x * 2), num_keys=1)
        return jnp.sort(x), jnp.argsort(x, descending=True), lax.top_k(x, 3), keys, values, jnp.median(x, 1)
    return f, wave((3, 7), 0.2, 2.0)


@case("jax")
def fourier():
    def f(x):
        return jnp.abs(jnp.fft.rfft(x)) ** 2, jnp.fft.irfft(jnp.fft.rfft(x) * 2, 8), jnp.fft.fft2(x).real
    return f, wave((4, 8))


@case("jax")
def cholesky_and_determinants():
    def f(a, b):
        spd = a @ a.T + 4 * jnp.eye(4)
        l = jnp.linalg.cholesky(spd)
        return l, jax.scipy.linalg.cho_solve((l, True), b), jnp.linalg.slogdet(spd)[1], jnp.linalg.solve(spd, b)
    return f, wave((4, 4)), wave((4, 2), 1)


@case("jax")
def decompositions():
    def f(a):
        s = a + a.T
        w, v = jnp.linalg.eigh(s + jnp.diag(jnp.arange(4.0) * 3))
        q, r = jnp.linalg.qr(a + 2 * jnp.eye(4))
        return w, v * jnp.sign(v[:1]), q, r, jnp.linalg.svd(a + jnp.diag(jnp.arange(4.0) + 2), compute_uv=False), jnp.linalg.inv(a + 3 * jnp.eye(4))
    return f, wave((4, 4), 0.4)


@case("jax")
def random_draws():
    def f(key, scale):
        a, b, c = jax.random.split(key, 3)
        return (scale * jax.random.normal(a, (5,)), jax.random.uniform(b, (2, 3)), jax.random.randint(c, (4,), 0, 10),
                jax.random.permutation(a, 6), jax.random.categorical(b, jnp.arange(4.0), shape=(3,)))
    return f, np.array([0, 7], np.uint32), np.float32(2)


@case("jax")
def convolutions():
    def f(x, w, v):
        y = lax.conv_general_dilated(x, w, (2, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        y = jax.nn.gelu(y)
        y = lax.reduce_window(y, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
        return lax.conv_transpose(y, v, (2, 2), "SAME")
    return f, wave((2, 8, 6, 3)), wave((3, 3, 3, 4), 1), wave((2, 2, 4, 2), 2)


@case("jax", LOOP)
def newton_by_while():
    def f(a):
        def going(s):
            return (jnp.abs(s[0] ** 2 - a) > 1e-6).any() & (s[1] < 50)
        return lax.while_loop(going, lambda s: (0.5 * (s[0] + a / s[0]), s[1] + 1), (a, 0))
    return f, wave((3,), 0, 0.5, 2.0)


@case("jax")
def fori_loop_with_indices():
    def f(x, w):
        def body(i, s):
            acc, out = s
            acc = jnp.tanh(acc + x[i] * w)
            return acc, out.at[i].set(acc.sum())
        return lax.fori_loop(0, 6, body, (jnp.zeros(3), jnp.zeros(6)))
    return f, wave((6, 3)), wave((3,), 1)


@case("jax")
def branches():
    def f(x, i):
        y = lax.switch(i, [jnp.sin, jnp.cos, lambda x: x ** 2], x)
        return y, lax.cond(x.sum() > 0, lambda: x * 2, lambda: x / 2)
    return f, wave((4,)), np.int32(2)


@case("jax")
def gather_and_scatter():
    def f(x, i):
        y = x.at[i].add(2.0).at[1].multiply(3.0).at[:, 2].set(x[:, 0])
        return y, x[i], jnp.take_along_axis(x, jnp.argsort(x, 1), 1), x[:, ::-2], jax.ops.segment_sum(x, i, 4), \
            x.at[i].max(0.1), jnp.take(x, i, axis=0, mode="fill")
    return f, wave((4, 5)), np.array([2, 0, 2, 3], np.int32)


@case("jax")
def cumulative():
    def f(x):
        return jnp.cumsum(x, 0), jnp.cumprod(x, 1), lax.cummax(x, 0), lax.cumlogsumexp(x, 0, reverse=True), \
            lax.associative_scan(jnp.multiply, x, axis=1)
    return f, wave((4, 6), 0, 0.4, 1.0)


CUMULATIVE = [lax.cumsum, lax.cumprod, lax.cummax, lax.cummin, lax.cumlogsumexp]


@case("jax")
def cumulative_along_every_axis():
    def f(x):
        return [g(x, axis, reverse) for g in CUMULATIVE for axis in range(3) for reverse in (False, True)]
    return f, wave((3, 1, 5), 0.3, 0.4, 1.0)


@case("jax")
def cumulative_of_other_types():
    def f(x, i):
        narrow = [g(x.astype(d), 0).astype(x.dtype) for g in CUMULATIVE for d in (jnp.float16, jnp.bfloat16)]
        z = lax.complex(x, jnp.cos(3 * x))
        parts = lambda z: [z.real, z.imag]
        wide = [parts(g(z, 1, reverse)) for g in CUMULATIVE[:4] for reverse in (False, True)]
        exact = [g(i.astype(d), 1, True) for g in CUMULATIVE[:4] for d in (jnp.int8, jnp.int32, jnp.uint16)]
        return narrow, wide, exact, lax.cumsum(x[:0], 0), lax.cumlogsumexp(x[:, :0], 1)
    return f, wave((4, 5), 0.3, 0.4, 1.0), np.array([[3, -2, 5, 1], [0, 4, -4, 2]], np.int32)


@case("jax", "value: `log1p` of complex numbers is written out, and formulas that are not selected have NaN as their derivatives")
def cumulative_logsumexp_of_complex_numbers():
    def f(x):
        z = lax.cumlogsumexp(lax.complex(x, jnp.cos(3 * x)), 1), lax.cumlogsumexp(lax.complex(x, -x), 0, reverse=True)
        return [(z.real, z.imag) for z in z]
    return f, wave((4, 5), 0.3, 0.4, 1.0)


@case("jax")
def cumulative_with_infinities():
    def f(x):
        x = jnp.where(jnp.arange(6) % 4 == 1, -jnp.inf, x)
        y = lax.cumlogsumexp(x, 0), lax.cumlogsumexp(x, 1), lax.cumlogsumexp(x, 1, reverse=True)
        return [jnp.exp(y) for y in y], lax.cummax(x, 1)[:, 2:]
    return f, wave((2, 6), 0.3, 0.4, 1.0)


@case("jax", "grad by forward mode: JAX has no reverse mode of windows by a function of the user")
def windows_by_a_function():
    def f(x):
        joined = lambda a, b: a * b + a + b
        return [lax.reduce_window(x, jnp.float32(0), joined, *options) for options in (
            ((2, 3), (1, 2), "SAME"), ((3, 2), (2, 1), ((2, 1), (-1, 3)), (1, 2), (2, 1)), ((1, 7), (1, 1), ((0, 0), (6, 0))))]
    return f, wave((5, 7), 0.3, 0.2)


@case("jax", "value: JAX has no derivative of `zeta` by its first argument")
def special_functions():
    def f(x):
        s = jax.scipy.special
        return s.gammaln(x), s.digamma(x), s.erf(x), s.erfinv(x / 3), s.betaln(x, 2 * x), s.logsumexp(x), s.i0e(x), \
            s.ndtr(x), s.xlogy(x, x), s.zeta(x + 2, x), s.expit(x), s.gammainc(x, 1.2)
    return f, wave((5,), 0, 0.5, 1.5)


@case("jax")
def special_gradients():
    def f(x):
        s = jax.scipy.special
        return s.erf(x), s.logsumexp(x), s.ndtr(x), s.expit(x), s.i0e(x)
    return f, wave((5,), 0, 0.5, 1.5)


@case("jax")
def elementary_functions():
    def f(x):
        return (jnp.sinh(x), jnp.cosh(x), jnp.arcsin(x), jnp.arctan2(x, x + 2), jnp.arcsinh(x), jnp.arccosh(x + 2),
                jnp.cbrt(x + 2), jnp.log1p(x), jnp.expm1(x), x ** 3, jnp.power(x + 2, x), jnp.tan(x), jnp.hypot(x, 2.0),
                jnp.mod(x, 0.3), jnp.clip(x, -0.2, 0.3), jnp.sinc(x), jax.nn.softplus(x), jax.nn.silu(x), jax.nn.elu(x))
    return f, wave((5,), 0.4)


@case("jax")
def complex_numbers():
    def f(x, y):
        z = lax.complex(x, y)
        w = jnp.exp(z) * jnp.conj(z) / (1 + z * z)
        return w.real, w.imag, jnp.abs(w), jnp.angle(w)
    return f, wave((4,), 1), wave((4,), 2)


@case("jax")
def low_precision():
    def f(a, b):
        y = jnp.dot(a.astype(jnp.bfloat16), b.astype(jnp.bfloat16), preferred_element_type=jnp.float32)
        return y, (a.astype(jnp.float16) * 2).astype(jnp.float32)
    return f, wave((3, 4)), wave((4, 5), 1)


@case("jax")
def mapped_and_checkpointed():
    def f(xs, w):
        return lax.map(jax.checkpoint(lambda x: jnp.sin(x * w).sum()), xs), jax.vmap(jnp.outer)(xs, xs)
    return f, wave((4, 3)), wave((3,), 1)


@case("jax")
def interpolation():
    def f(x, xp, fp):
        return jnp.interp(x, xp, fp), jnp.searchsorted(xp, x), jnp.convolve(fp, x), jnp.histogram(x, bins=3, range=(-1, 1))[0]
    return f, wave((5,), 0.3), np.linspace(-1, 1, 6, dtype=np.float32), wave((6,), 1)


@case("jax")
def hessian_of_a_loss():
    def loss(w, x):
        return jnp.log1p(jnp.exp(x @ w)).sum()
    return jax.hessian(loss), wave((3,)), wave((5, 3), 1)


# Flax


def linen(make, *inputs, **kwargs):
    import flax.linen as nn
    module = make(nn)
    variables = jax.eval_shape(lambda: module.init(jax.random.key(0), *inputs, **kwargs))
    variables = jax.tree.map(lambda x: jnp.ones(x.shape, x.dtype), variables)
    return (lambda v, *x: module.apply(v, *x, **kwargs)), like(variables), *inputs


@case("flax")
def linen_mlp():
    return linen(lambda nn: nn.Sequential([nn.Dense(8), nn.gelu, nn.Dense(8), nn.tanh, nn.Dense(3)]), wave((4, 5)))


@case("flax")
def linen_conv_with_norms():
    return linen(lambda nn: nn.Sequential([nn.Conv(4, (3, 3)), nn.GroupNorm(2), nn.silu, nn.ConvTranspose(3, (2, 2)),
                                           nn.LayerNorm()]), wave((2, 6, 6, 2)))


@case("flax")
def linen_batch_norm():
    def make():
        import flax.linen as nn
        module = nn.BatchNorm(use_running_average=True)
        x = wave((4, 3))
        v = {"params": {"scale": wave((3,), 1), "bias": wave((3,), 2)},
             "batch_stats": {"mean": wave((3,), 3), "var": wave((3,), 4, 0.3, 1.0)}}
        return module.apply, v, x
    return make()


@case("flax")
def linen_lstm():
    return linen(lambda nn: nn.RNN(nn.OptimizedLSTMCell(4)), wave((2, 6, 3)))


@case("flax")
def linen_gru():
    return linen(lambda nn: nn.RNN(nn.GRUCell(4), reverse=True), wave((2, 5, 3)))


@case("flax")
def linen_attention():
    return linen(lambda nn: nn.MultiHeadDotProductAttention(num_heads=2, qkv_features=8), wave((2, 5, 4)))


@case("flax")
def linen_embedding():
    return linen(lambda nn: nn.Embed(7, 4), np.array([[1, 3, 6], [0, 2, 2]], np.int32))


@case("flax")
def nnx_mlp():
    from flax import nnx
    class Model(nnx.Module):
        def __init__(self, rngs):
            self.a = nnx.Linear(4, 8, rngs=rngs)
            self.norm = nnx.RMSNorm(8, rngs=rngs)
            self.b = nnx.Linear(8, 2, rngs=rngs)
        def __call__(self, x):
            return self.b(jax.nn.gelu(self.norm(self.a(x))))
    graph, state = nnx.split(Model(nnx.Rngs(0)))
    f, leaves = listed(lambda state, x: nnx.merge(graph, state)(x), like(state))
    return f, leaves, wave((3, 4))


@case("flax")
def linen_batch_norm_in_training():
    import flax.linen as nn
    module = nn.BatchNorm(use_running_average=False, momentum=0.9)
    v = {"params": {"scale": wave((3,), 1), "bias": wave((3,), 2)},
         "batch_stats": {"mean": wave((3,), 3), "var": wave((3,), 4, 0.3, 1.0)}}
    return (lambda v, x: module.apply(v, x, mutable=["batch_stats"])), v, wave((4, 3))


@case("flax")
def linen_grouped_and_dilated():
    return linen(lambda nn: nn.Sequential([
        nn.Conv(4, (3,), feature_group_count=2, padding="CAUSAL"), nn.celu, nn.ConvLocal(3, (3,)), nn.leaky_relu,
        nn.Conv(2, (3,), kernel_dilation=2, padding="CIRCULAR"), nn.WeightNorm(nn.Dense(3))]), wave((2, 8, 2)))


@case("flax")
def linen_dropout_and_pools():
    import flax.linen as nn
    module = nn.Sequential([nn.Dropout(0.4, deterministic=False), lambda x: nn.max_pool(x, (2, 2), (1, 2), "SAME"),
                            lambda x: nn.avg_pool(x, (2, 2), (2, 1), "SAME", count_include_pad=False)])
    return (lambda key, x: module.apply({}, x, rngs={"dropout": key})), np.array([0, 4], np.uint32), wave((2, 6, 6, 2))


@case("flax")
def nnx_transformer_block():
    from flax import nnx
    class Block(nnx.Module):
        def __init__(self, rngs):
            self.attend = nnx.MultiHeadAttention(2, 4, 8, decode=False, rngs=rngs)
            self.norm = nnx.LayerNorm(4, rngs=rngs)
            self.adapted = nnx.LoRA(4, 2, 4, base_module=nnx.Linear(4, 4, rngs=rngs), rngs=rngs)
            self.groups = nnx.GroupNorm(4, num_groups=2, rngs=rngs)
        def __call__(self, x):
            mask = nnx.make_causal_mask(x[..., 0])
            x = x + self.attend(self.norm(x), mask=mask)
            return self.groups(jax.nn.mish(self.adapted(x)))
    graph, state = nnx.split(Block(nnx.Rngs(0)))
    f, leaves = listed(lambda state, x: nnx.merge(graph, state)(x), like(state))
    return f, leaves, wave((2, 5, 4))


# Equinox


def module(make):
    import equinox as eqx
    m = make(eqx, jax.random.key(0))
    dynamic, static = eqx.partition(m, eqx.is_inexact_array)
    return dynamic, static, eqx


def eqx_case(make, call, *inputs):
    dynamic, static, eqx = module(make)
    f, leaves = listed(lambda d, *x: call(eqx.combine(d, static), *x), like(dynamic))
    return f, leaves, *inputs


@case("equinox")
def eqx_mlp():
    return eqx_case(lambda eqx, k: eqx.nn.MLP(3, 2, 8, 2, activation=jax.nn.swish, key=k), lambda m, x: jax.vmap(m)(x), wave((4, 3)))


@case("equinox")
def eqx_conv():
    return eqx_case(lambda eqx, k: eqx.nn.Conv2d(2, 3, 3, padding=1, key=k), lambda m, x: m(x), wave((2, 5, 5)))


@case("equinox")
def eqx_gru():
    def call(m, xs):
        return lax.scan(lambda h, x: (m(x, h), h), jnp.zeros(4), xs)
    return eqx_case(lambda eqx, k: eqx.nn.GRUCell(3, 4, key=k), call, wave((6, 3)))


@case("equinox")
def eqx_lstm():
    def call(m, xs):
        return lax.scan(lambda s, x: (m(x, s), s[0]), (jnp.zeros(4), jnp.zeros(4)), xs)
    return eqx_case(lambda eqx, k: eqx.nn.LSTMCell(3, 4, key=k), call, wave((6, 3)))


@case("equinox")
def eqx_attention():
    return eqx_case(lambda eqx, k: eqx.nn.MultiheadAttention(2, 4, key=k), lambda m, x: m(x, x, x), wave((5, 4)))


@case("equinox")
def eqx_norms_and_pools():
    def call(m, x):
        import equinox as eqx
        return m(eqx.nn.MaxPool2d(2, 2)(x)), eqx.nn.AvgPool2d(2, 1)(x)
    return eqx_case(lambda eqx, k: eqx.nn.LayerNorm((2, 3, 3)), call, wave((2, 6, 6)))


@case("equinox")
def eqx_rotary_embedding():
    def call(m, x):
        import equinox as eqx
        return eqx.nn.RotaryPositionalEmbedding(4)(jax.vmap(m)(x))
    return eqx_case(lambda eqx, k: eqx.nn.RMSNorm(4), call, wave((6, 4)))


@case("equinox")
def eqx_transposed_and_adaptive():
    def call(m, x):
        import equinox as eqx
        return eqx.nn.AdaptiveAvgPool1d(3)(m(x)), eqx.nn.AdaptiveMaxPool1d(4)(x)
    def make(eqx, k):
        return eqx.nn.Sequential([eqx.nn.Conv1d(4, 4, 3, groups=2, padding=2, dilation=2, key=k), eqx.nn.Lambda(jax.nn.selu),
                                  eqx.nn.GroupNorm(2, 4), eqx.nn.ConvTranspose1d(4, 3, 3, 2, output_padding=1, key=k)])
    return eqx_case(make, call, wave((4, 7)))


# Haiku


def haiku(f, *inputs):
    import haiku as hk
    transformed = hk.without_apply_rng(hk.transform(f))
    params = jax.eval_shape(lambda: transformed.init(jax.random.key(0), *inputs))
    params = jax.tree.map(lambda x: jnp.ones(x.shape, x.dtype), params)
    return transformed.apply, like(params), *inputs


@case("dm-haiku")
def hk_mlp():
    import haiku as hk
    return haiku(lambda x: hk.nets.MLP([8, 8, 3], activation=jnp.tanh)(x), wave((4, 5)))


@case("dm-haiku")
def hk_convnet():
    import haiku as hk
    def f(x):
        x = jnp.tanh(hk.Conv2D(4, 3, stride=2)(x))
        return hk.Linear(2)(hk.Flatten()(hk.avg_pool(x, 2, 2, "SAME")))
    return haiku(f, wave((2, 8, 8, 1)))


@case("dm-haiku")
def hk_lstm():
    import haiku as hk
    def f(xs):
        core = hk.LSTM(4)
        ys, state = hk.dynamic_unroll(core, xs, core.initial_state(2))
        return ys, tuple(state)
    return haiku(f, wave((5, 2, 3)))


@case("dm-haiku")
def hk_attention():
    import haiku as hk
    def f(x):
        x = hk.LayerNorm(-1, True, True)(x)
        return hk.MultiHeadAttention(2, 4, w_init=hk.initializers.Constant(0.1))(x, x, x)
    return haiku(f, wave((2, 5, 4)))


@case("dm-haiku")
def hk_batch_norm():
    import haiku as hk
    transformed = hk.without_apply_rng(hk.transform_with_state(
        lambda x: hk.BatchNorm(True, True, 0.9)(hk.SeparableDepthwiseConv2D(2, 3)(x), is_training=True)))
    x = wave((2, 4, 4, 2))
    shapes = jax.eval_shape(lambda: transformed.init(jax.random.key(0), x))
    params, state = jax.tree.map(lambda x: jnp.ones(x.shape, x.dtype), shapes)
    return transformed.apply, like(params), like(state), x


@case("dm-haiku")
def hk_convolutional_lstm():
    import haiku as hk
    def f(xs):
        core = hk.Conv2DLSTM((4, 4), 2, 3)
        ys, state = hk.dynamic_unroll(core, xs, core.initial_state(2))
        return hk.GRU(3)(hk.Flatten()(ys[-1]), jnp.ones((2, 3)))
    return haiku(f, wave((3, 2, 4, 4, 1)))


# Optax


def optimizer(make):
    import optax
    opt = make(optax)
    params = {"b": wave((3,), 1), "w": wave((2, 3), 2)}
    state = like(opt.init(params), 0.9, 0.2)
    positive = lambda x: np.abs(x) + np.asarray(0.1, x.dtype) if jnp.issubdtype(x.dtype, jnp.floating) else x
    state = jax.tree.map(positive, state)
    def step(leaves, params, grads):
        updates, new = opt.update(grads, jax.tree.unflatten(structure, leaves), params)
        return optax.apply_updates(params, updates), jax.tree.leaves(new)
    leaves, structure = jax.tree.flatten(state)
    return step, leaves, params, {"b": wave((3,), 3), "w": wave((2, 3), 4)}


@case("optax")
def adam_step():
    return optimizer(lambda optax: optax.adam(1e-2))


@case("optax")
def adamw_with_clipping():
    return optimizer(lambda optax: optax.chain(optax.clip_by_global_norm(0.7), optax.adamw(1e-2)))


@case("optax")
def momentum_with_a_schedule():
    return optimizer(lambda optax: optax.sgd(optax.cosine_decay_schedule(0.1, 100), momentum=0.9, nesterov=True))


@case("optax")
def centered_rmsprop_step():
    return optimizer(lambda optax: optax.rmsprop(1e-2, centered=True))


@case("optax")
def losses():
    import optax
    def f(logits, labels, x, y):
        return (optax.softmax_cross_entropy_with_integer_labels(logits, labels), optax.huber_loss(x, y),
                optax.sigmoid_binary_cross_entropy(x, (y > 0).astype(x.dtype)), optax.cosine_distance(x, y), optax.log_cosh(x, y))
    return f, wave((4, 5)), np.array([1, 0, 4, 2], np.int32), wave((4, 3), 1), wave((4, 3), 2)


@case("optax")
def ctc():
    import optax
    def f(logits):
        return optax.ctc_loss(logits, jnp.zeros((2, 6)), jnp.array([[1, 2, 0], [3, 1, 2]]), jnp.array([[0.0, 0, 1], [0, 0, 0]]))
    return f, wave((2, 6, 4))


@case("optax")
def muon_step():
    import optax
    return optimizer(lambda optax: optax.contrib.muon(1e-2))


@case("optax")
def factored_step():
    return optimizer(lambda optax: optax.adafactor(1e-2, min_dim_size_to_factor=2, momentum=0.9))


@case("optax", "jvp of operations: a loop that ends by a condition has no gradient, and Optax stops a gradient in it")
def line_search_step():
    import optax
    opt = optax.lbfgs(memory_size=3)
    cost = lambda p: ((p - 1) ** 2).sum() + 0.3 * jnp.sin(3 * p).sum() + 0.1 * (p[0] * p[1]) ** 2
    def f(p):
        def step(s, _):
            p, state = s
            value, g = optax.value_and_grad_from_state(cost)(p, state=state)
            updates, state = opt.update(g, state, p, value=value, grad=g, value_fn=cost)
            return (optax.apply_updates(p, updates), state), value
        return lax.scan(step, (p, opt.init(p)), length=3)[1]
    return f, wave((3,))


@case("optax")
def projections():
    import optax
    p = optax.projections
    def f(x):
        return (p.projection_simplex(x), p.projection_l1_ball(x, 0.8), p.projection_l2_ball(x, 0.7), p.projection_box(x, -0.2, 0.3),
                p.projection_halfspace(x, jnp.ones(6), 0.1), optax.losses.ntxent(x.reshape(3, 2), jnp.array([0, 1, 0])))
    return f, wave((6,), 0.2, 0.9)


# Diffrax, Optimistix, Lineax


def field(t, y, a):
    return jnp.sin(a * y) - 0.3 * y


@case("diffrax", LOOP)
def diffrax_euler():
    import diffrax
    def f(y, a):
        return diffrax.diffeqsolve(diffrax.ODETerm(field), diffrax.Euler(), 0, 1, 0.1, y, args=a,
                                   adjoint=diffrax.DirectAdjoint(), max_steps=16).ys
    return f, wave((3,), 0, 0.5, 1.0), np.float32(0.7)


@case("diffrax", RULE)
def diffrax_tsit5_adaptive():
    import diffrax
    def f(y, a):
        return diffrax.diffeqsolve(diffrax.ODETerm(field), diffrax.Tsit5(), 0, 1, 0.1, y, args=a,
                                   stepsize_controller=diffrax.PIDController(1e-4, 1e-4),
                                   saveat=diffrax.SaveAt(ts=jnp.linspace(0, 1, 4)), max_steps=64).ys
    return f, wave((3,), 0, 0.5, 1.0), np.float32(0.7)


@case("diffrax", LOOP)
def diffrax_sde():
    import diffrax
    def f(key, y):
        w = diffrax.UnsafeBrownianPath((3,), key=key)
        terms = diffrax.MultiTerm(diffrax.ODETerm(lambda t, y, a: -y), diffrax.ControlTerm(lambda t, y, a: 0.1 * jnp.eye(3), w))
        return diffrax.diffeqsolve(terms, diffrax.EulerHeun(), 0, 1, 0.25, y, adjoint=diffrax.DirectAdjoint(), max_steps=8).ys
    return f, np.array([0, 3], np.uint32), wave((3,), 0, 0.5, 1.0)


@case("optimistix", LOOP)
def optimistix_newton():
    import optimistix as optx
    def f(y, a):
        return optx.root_find(lambda y, a: y - jnp.tanh(a * y + 1), optx.Newton(1e-5, 1e-5), y, a).value
    return f, wave((3,)), np.float32(0.5)


@case("optimistix", LOOP)
def optimistix_levenberg_marquardt():
    import optimistix as optx
    def f(y, x):
        fn = lambda y, x: y[0] * jnp.exp(-y[1] * x) - jnp.exp(-0.5 * x)
        return optx.least_squares(fn, optx.LevenbergMarquardt(1e-5, 1e-5), y, x).value
    return f, np.array([0.8, 0.8], np.float32), np.linspace(0, 3, 6, dtype=np.float32)


@case("optimistix", IMPLICIT)
def optimistix_bfgs():
    import optimistix as optx
    def f(y):
        fn = lambda y, a: ((y - 1) ** 2).sum() + 0.1 * (y[0] * y[1]) ** 2
        return optx.minimise(fn, optx.BFGS(1e-5, 1e-5), y).value
    return f, np.array([0.2, 0.4], np.float32)


@case("lineax")
def lineax_lu():
    import lineax as lx
    def f(a, b):
        return lx.linear_solve(lx.MatrixLinearOperator(a + 3 * jnp.eye(3)), b, lx.LU()).value
    return f, wave((3, 3)), wave((3,), 1)


@case("lineax")
def lineax_qr():
    import lineax as lx
    def f(a, b):
        return lx.linear_solve(lx.MatrixLinearOperator(a), b, lx.QR()).value
    return f, wave((5, 3)) + np.eye(5, 3, dtype=np.float32), wave((5,), 1)


@case("lineax", LOOP)
def lineax_cg():
    import lineax as lx
    def f(a, b):
        op = lx.MatrixLinearOperator(a @ a.T + 3 * jnp.eye(3), lx.positive_semidefinite_tag)
        return lx.linear_solve(op, b, lx.CG(1e-5, 1e-5)).value
    return f, wave((3, 3)), wave((3,), 1)


@case("diffrax")
def diffrax_interpolation():
    import diffrax
    def f(ys, t):
        ts = jnp.linspace(0.0, 1.0, 5)
        path = diffrax.CubicInterpolation(ts, diffrax.backward_hermite_coefficients(ts, ys))
        return path.evaluate(t), path.derivative(t), diffrax.LinearInterpolation(ts, ys).evaluate(t)
    return f, wave((5, 2)), np.float32(0.37)


@case("optimistix", "value: the derivative in JAX is that of the implicit function theorem; that of a bisection is zero")
def optimistix_bisection():
    import optimistix as optx
    def f(a):
        root = optx.root_find(lambda y, a: jnp.tanh(a * y) - 0.3, optx.Bisection(1e-6, 1e-6), 0.5, a, options={"lower": 0.0, "upper": 2.0})
        return root.value
    return f, np.float32(0.7)


@case("optimistix", IMPLICIT)
def optimistix_nelder_mead():
    import optimistix as optx
    def f(y):
        fn = lambda y, a: ((y - 1) ** 2).sum() + 0.1 * (y[0] * y[1]) ** 2
        return optx.minimise(fn, optx.NelderMead(1e-3, 1e-3), y).value
    return f, np.array([0.2, 0.4], np.float32)


@case("lineax")
def lineax_direct():
    import lineax as lx
    def f(a, d, b):
        definite = lx.MatrixLinearOperator(a @ a.T + 3 * jnp.eye(4), lx.positive_semidefinite_tag)
        diagonals = lx.TridiagonalLinearOperator(d + 3, d[1:], 0.5 * d[:-1])
        solve = lambda operator, solver: lx.linear_solve(operator, b, solver).value
        return (solve(definite, lx.Cholesky()), solve(diagonals, lx.Tridiagonal()), solve(lx.DiagonalLinearOperator(d + 2), lx.Diagonal()),
                solve(lx.MatrixLinearOperator(jnp.tril(a) + 2 * jnp.eye(4), lx.lower_triangular_tag), lx.Triangular()),
                solve(lx.MatrixLinearOperator(a[:, :3] + jnp.eye(4, 3)), lx.SVD()))
    return f, wave((4, 4)), wave((4,), 1), wave((4,), 2)


@case("lineax", LOOP)
def lineax_gmres():
    import lineax as lx
    def f(a, b):
        op = lx.MatrixLinearOperator(a + 3 * jnp.eye(3))
        return lx.linear_solve(op, b, lx.GMRES(1e-5, 1e-5)).value
    return f, wave((3, 3)), wave((3,), 1)


# BlackJAX, tinygp, jraph, rlax, PIX


def density(x):
    return -0.5 * (x ** 2).sum() - 0.1 * (x ** 4).sum()


def sampler(make):
    import blackjax
    kernel = make(blackjax)
    def f(key, x):
        state, info = kernel.step(jax.random.wrap_key_data(key), kernel.init(x))
        return state.position, state.logdensity
    return f, np.array([0, 5], np.uint32), wave((3,))


@case("blackjax")
def hmc_step():
    return sampler(lambda bj: bj.hmc(density, 0.1, jnp.ones(3), 5))


@case("blackjax")
def mala_step():
    return sampler(lambda bj: bj.mala(density, 0.1))


@case("blackjax", LOOP)
def nuts_step():
    return sampler(lambda bj: bj.nuts(density, 0.3, jnp.ones(3)))


@case("blackjax", LOOP)
def elliptical_slice_step():
    import blackjax
    return sampler(lambda bj: bj.elliptical_slice(density, mean=jnp.zeros(3), cov=jnp.eye(3)))


@case("blackjax")
def barker_step():
    import blackjax
    return sampler(lambda bj: bj.barker_proposal(density, 0.3))


@case("tinygp")
def gaussian_process():
    import tinygp
    def f(scale, x, y):
        gp = tinygp.GaussianProcess(tinygp.kernels.Matern32(scale), x, diag=0.1)
        return gp.log_probability(y), gp.predict(y, x[:3] + 0.1)
    return f, np.float32(0.7), np.linspace(0, 3, 6, dtype=np.float32), wave((6,), 1)


@case("tinygp")
def sums_of_kernels():
    import tinygp
    def f(scale, x, y):
        k = tinygp.kernels
        kernel = (1.5 * k.ExpSquared(scale) + k.RationalQuadratic(scale, alpha=1.2) * k.ExpSineSquared(2.0, gamma=scale)
                  + k.Cosine(3.0) + 0.1 * k.Exp(scale) + k.Matern52(scale))
        gp = tinygp.GaussianProcess(kernel, x, diag=0.2, mean=lambda x: 0.1 * x)
        conditioned = gp.condition(y, x[:3] + 0.1)
        return conditioned.log_probability, conditioned.gp.loc, conditioned.gp.variance
    return f, np.float32(0.7), np.linspace(0, 3, 6, dtype=np.float32), wave((6,), 1)


@case("tinygp")
def quasiseparable_process():
    import tinygp
    def f(scale, x, y):
        gp = tinygp.GaussianProcess(tinygp.kernels.quasisep.Matern32(scale), x, diag=0.1)
        return gp.log_probability(y)
    return f, np.float32(0.7), np.linspace(0, 3, 6, dtype=np.float32), wave((6,), 1)


@case("jraph")
def graph_network():
    import jraph
    def f(nodes, edges, w, u):
        graph = jraph.GraphsTuple(nodes=nodes, edges=edges, senders=jnp.array([0, 1, 2, 3, 1]), receivers=jnp.array([1, 2, 3, 0, 3]),
                                  n_node=jnp.array([4]), n_edge=jnp.array([5]), globals=jnp.ones((1, 2)))
        net = jraph.GraphNetwork(lambda e, s, r, g: jnp.tanh(e @ w + s + r), lambda n, s, r, g: n + jnp.tanh((s + r) @ u),
                                 lambda n, e, g: g + n.sum())
        out = net(graph)
        return out.nodes, out.edges, out.globals
    return f, wave((4, 3)), wave((5, 3), 1), wave((3, 3), 2), wave((3, 3), 3)


@case("jraph")
def graph_convolution():
    import jraph
    def f(nodes, w):
        graph = jraph.GraphsTuple(nodes=nodes, edges=None, senders=jnp.array([0, 1, 2, 3, 1]), receivers=jnp.array([1, 2, 3, 0, 3]),
                                  n_node=jnp.array([4]), n_edge=jnp.array([5]), globals=None)
        return jraph.GraphConvolution(lambda n: jnp.tanh(n @ w))(graph).nodes
    return f, wave((4, 3)), wave((3, 2), 2)


@case("jraph")
def graph_attention():
    import jraph
    def f(nodes, w, a):
        graph = jraph.GraphsTuple(nodes=nodes, edges=None, senders=jnp.array([0, 1, 2, 3, 1]), receivers=jnp.array([1, 2, 3, 0, 3]),
                                  n_node=jnp.array([3, 1]), n_edge=jnp.array([3, 2]), globals=None)
        net = jraph.GAT(lambda n: n @ w, lambda s, r, e: jax.nn.leaky_relu((s * a + r).sum(-1, keepdims=True)), lambda n: jnp.tanh(n))
        out = net(graph)
        edges = out.nodes[graph.senders]
        return out.nodes, jraph.segment_normalize(edges, graph.receivers, 4), jraph.segment_variance(edges, graph.receivers, 4)
    return f, wave((4, 3)), wave((3, 2), 2), wave((2,), 3)


@case("rlax", STOPS)
def q_learning():
    import rlax
    def f(q, a, r, d, q2):
        return jax.vmap(rlax.q_learning)(q, a, r, d, q2), jax.vmap(rlax.double_q_learning)(q, a, r, d, q2, q)
    return f, wave((4, 3)), np.array([0, 2, 1, 1], np.int32), wave((4,), 1), wave((4,), 2, 0.1, 0.8), wave((4, 3), 3)


@case("rlax", STOPS)
def returns_and_traces():
    import rlax
    def f(v, r, d, rho):
        return rlax.lambda_returns(r, d, v, 0.9), rlax.vtrace(v, v + 0.1, r, d, rho), rlax.td_lambda(v, r, d, v, 0.8)
    return f, wave((6,)), wave((6,), 1), wave((6,), 2, 0.1, 0.8), wave((6,), 3, 0.3, 0.9)


@case("rlax", STOPS)
def policy_losses():
    import rlax
    def f(logits, a, adv, w):
        return rlax.policy_gradient_loss(logits, a, adv, w), rlax.entropy_loss(logits, w), rlax.categorical_cross_entropy(jax.nn.softmax(logits[0]), logits[1])
    return f, wave((4, 3)), np.array([0, 2, 1, 1], np.int32), wave((4,), 1), wave((4,), 2, 0.1, 0.8)


@case("rlax")
def distributions_of_values():
    import rlax
    def f(x, p):
        atoms = jnp.linspace(-1.0, 1.0, 5)
        pair = rlax.SIGNED_HYPERBOLIC_PAIR
        return (rlax.categorical_l2_project(0.8 * atoms + 0.1, jax.nn.softmax(p), atoms), pair.apply(x), pair.apply_inv(x),
                rlax.transform_to_2hot(x, -1.0, 1.0, 5), rlax.huber_loss(x, 0.3), rlax.softmax(0.7).entropy(p),
                rlax.epsilon_greedy(0.2).probs(p), rlax.gaussian_diagonal(0.4).logprob(x, p[:4]))
    return f, wave((4,)), wave((5,), 1)


@case("dm-pix")
def image_adjustments():
    import dm_pix as pix
    def f(x):
        return pix.adjust_brightness(x, 0.1), pix.adjust_contrast(x, 1.3), pix.rgb_to_hsv(x), pix.adjust_gamma(x, 1.2), pix.rgb_to_grayscale(x)
    return f, wave((5, 6, 3), 0, 0.3, 0.5)


@case("dm-pix")
def image_filters():
    import dm_pix as pix
    def f(x):
        return pix.gaussian_blur(x, 1.0, 3), pix.flip_left_right(x), pix.rot90(x), pix.ssim(x, x ** 2, filter_size=3), \
            pix.center_crop(x, 4, 4), pix.depth_to_space(x[..., :1].reshape(1, 4, 2, 8)[:, :, :, :4], 2)
    return f, wave((8, 8, 3), 0, 0.3, 0.5)


@case("dm-pix")
def image_resampling():
    import dm_pix as pix
    def f(x, matrix):
        return (pix.affine_transform(x, matrix, order=1, mode="nearest"), pix.extract_patches(x[None], (1, 2, 2, 1), (1, 2, 2, 1), (1, 1, 1, 1)),
                pix.hsv_to_rgb(x), pix.solarize(x, 0.6), pix.adjust_hue(x, 0.1), pix.adjust_saturation(x, 0.7), pix.psnr(x, x ** 2))
    return f, wave((6, 6, 3), 0.2, 0.3, 0.5), np.array([[0.9, 0.13, 0.2], [-0.11, 1.05, 0.3], [0, 0, 1]], np.float32)


# Distrax, TensorFlow Probability, e3nn


@case("distrax")
def distrax_densities():
    import distrax
    def f(loc, scale, x):
        return (distrax.Normal(loc, scale).log_prob(x), distrax.MultivariateNormalDiag(loc, scale).log_prob(x),
                distrax.Categorical(logits=x).entropy(), distrax.Gumbel(loc, scale).log_prob(x), distrax.Beta(scale, scale + 1).log_prob(scale / 3))
    return f, wave((3,)), wave((3,), 1, 0.3, 1.0), wave((3,), 2)


@case("distrax")
def distrax_flow():
    import distrax
    def f(w, x):
        def params(x):
            return jnp.tanh(x @ w)
        mask = jnp.array([True, False, True, False])
        layer = distrax.MaskedCoupling(mask, lambda x: params(x), lambda p: distrax.ScalarAffine(p, log_scale=0.1 * p))
        flow = distrax.Chain([layer, distrax.MaskedCoupling(~mask, params, lambda p: distrax.ScalarAffine(p, log_scale=0.2 * p))])
        base = distrax.Independent(distrax.Normal(jnp.zeros(4), jnp.ones(4)), 1)
        return distrax.Transformed(base, flow).log_prob(x)
    return f, wave((4, 4)), wave((3, 4), 1)


@case("distrax")
def hidden_markov_model():
    import distrax
    def f(a, b, x):
        hmm = distrax.HMM(distrax.Categorical(logits=a), distrax.Categorical(logits=b), distrax.Normal(jnp.arange(3.0), 0.5))
        return hmm.forward(x)
    return f, wave((3,)), wave((3, 3), 1), wave((6,), 2, 1.0, 1.0)


@case("distrax")
def distrax_spline():
    import distrax
    def f(params, x):
        spline = distrax.RationalQuadraticSpline(params, -1.0, 1.0, boundary_slopes="identity")
        y, log_det = spline.forward_and_log_det(x)
        return y, log_det, spline.inverse(0.9 * x), distrax.MultivariateNormalTri(x, jnp.diag(x + 2) + 0.1 * jnp.tri(4)).log_prob(y)
    return f, wave((4, 13), 0, 0.8), wave((4,), 2, 0.9)


def tfp(f, *args):
    from tensorflow_probability.substrates import jax as tfp
    return (lambda *args: f(tfp.distributions, tfp.bijectors, tfp.math.psd_kernels, *args)), *args


@case("tensorflow-probability")
def tfp_densities():
    def f(tfd, tfb, kernels, a, x):
        return (tfd.Gamma(a, 1.3).log_prob(x), tfd.StudentT(a + 2, 0.0, 1.0).log_prob(x), tfd.Beta(a, 2.0).log_prob(x / 4),
                tfd.Poisson(a).log_prob(2.0), tfd.VonMises(0.0, a).log_prob(x), tfd.Weibull(a, 1.0).log_prob(x), tfd.LogNormal(a, 1.0).cdf(x))
    return tfp(f, wave((4,), 0, 0.3, 1.2), wave((4,), 1, 0.4, 1.0))


@case("tensorflow-probability")
def tfp_multivariate():
    def f(tfd, tfb, kernels, l, x):
        tril = jnp.tril(l) + 2 * jnp.eye(3)
        mixture = tfd.MixtureSameFamily(tfd.Categorical(logits=jnp.arange(3.0)), tfd.Normal(x, 1.0))
        return tfd.MultivariateNormalTriL(x, tril).log_prob(x + 1), mixture.log_prob(0.3), \
            tfd.kl_divergence(tfd.Normal(x, 1.0), tfd.Normal(0.0, 2.0)), tfd.Dirichlet(x + 2).log_prob(jnp.ones(3) / 3)
    return tfp(f, wave((3, 3)), wave((3,), 1))


@case("tensorflow-probability")
def tfp_bijectors():
    def f(tfd, tfb, kernels, x):
        chain = tfb.Chain([tfb.Softplus(), tfb.Scale(1.5), tfb.Tanh()])
        return chain.forward(x), chain.forward_log_det_jacobian(x, 0), tfb.SoftmaxCentered().forward(x), tfb.FillScaleTriL().forward(wave((6,)) + x[0])
    return tfp(f, wave((4,)))


@case("tensorflow-probability")
def tfp_gaussian_process():
    def f(tfd, tfb, kernels, s, x, y):
        gp = tfd.GaussianProcess(kernels.ExponentiatedQuadratic(s, 0.8), x, observation_noise_variance=0.1)
        return gp.log_prob(y)
    return tfp(f, np.float32(1.2), np.linspace(0, 2, 5, dtype=np.float32)[:, None], wave((5,), 1))


@case("tensorflow-probability")
def tfp_state_space_model():
    def f(tfd, tfb, kernels, a, y):
        model = tfd.LinearGaussianStateSpaceModel(
            5, a, tfd.MultivariateNormalDiag(jnp.zeros(2), jnp.array([0.3, 0.5])), jnp.array([[1.0, 0.2]]),
            tfd.MultivariateNormalDiag(jnp.zeros(1), 0.4 * jnp.ones(1)), tfd.MultivariateNormalDiag(jnp.zeros(2), jnp.ones(2)))
        return model.log_prob(y), model.posterior_marginals(y)
    return tfp(f, wave((2, 2), 1), wave((5, 1), 2))


@case("tensorflow-probability", LOOP)
def tfp_hamiltonian_step():
    from tensorflow_probability.substrates import jax as tfp
    def f(key, x, step):
        kernel = tfp.mcmc.HamiltonianMonteCarlo(density, step, 3)
        state, results = kernel.one_step(x, kernel.bootstrap_results(x), seed=key)
        return state, results.log_accept_ratio, results.is_accepted
    return f, np.array([0, 9], np.uint32), wave((3,)), np.float32(0.1)


@case("numpyro")
def numpyro_log_density():
    import numpyro
    import numpyro.distributions as dist
    from numpyro.infer.util import log_density
    def model(x, y):
        scale = numpyro.sample("scale", dist.HalfCauchy(1.0))
        with numpyro.plate("features", 3):
            w = numpyro.sample("w", dist.Normal(0.0, scale))
        numpyro.sample("y", dist.BernoulliLogits(x @ w), obs=y)
    def f(scale, w, x):
        total, trace = log_density(model, (x, jnp.array([0, 1, 1, 0])), {}, {"scale": scale, "w": w})
        return total, trace["y"]["fn"].log_prob(1)
    return f, np.float32(0.8), wave((3,)), wave((4, 3), 1)


@case("numpyro")
def numpyro_distributions():
    import numpyro.distributions as dist
    from numpyro.distributions import constraints, transforms
    def f(x):
        biject = dist.biject_to
        cholesky = biject(constraints.corr_cholesky)(x[:3])
        ordered = transforms.OrderedTransform()(x)
        return (dist.LKJCholesky(3, 1.5).log_prob(cholesky), ordered, biject(constraints.simplex)(x), dist.NegativeBinomial2(1.5 + x, 2.0).log_prob(3),
                dist.TruncatedNormal(x, 1.0, low=-1.0).log_prob(0.3), dist.ZeroInflatedPoisson(0.2, 1.2 + x).log_prob(2),
                dist.OrderedLogistic(x, jnp.array([-0.5, 0.5])).log_prob(1), dist.GaussianRandomWalk(0.5, 4).log_prob(x),
                dist.AsymmetricLaplace(x, 1.0, 1.3).log_prob(0.2))
    return f, wave((4,), 0.4)


@case("numpyro")
def numpyro_evidence_bound():
    import numpyro
    import numpyro.distributions as dist
    from numpyro.infer import Trace_ELBO
    from numpyro.infer.autoguide import AutoNormal
    def model(y):
        loc = numpyro.sample("loc", dist.Normal(0.0, 2.0))
        numpyro.sample("y", dist.StudentT(4.0, loc, 0.5).expand([4]).to_event(1), obs=y)
    guide = AutoNormal(model)
    numpyro.handlers.seed(guide, 0)(jnp.zeros(4))
    def f(key, loc, scale, y):
        params = {"loc_auto_loc": loc, "loc_auto_scale": scale}
        return Trace_ELBO(3).loss(jax.random.wrap_key_data(key), params, model, guide, y)
    return f, np.array([0, 2], np.uint32), np.float32(0.3), np.float32(0.6), wave((4,), 1)


@case("e3nn-jax")
def rotations():
    import e3nn_jax as e3nn
    def f(angles, x):
        a, b, c = angles
        turned = e3nn.IrrepsArray("1o + 2e", x).transform_by_angles(a, b, c)
        return turned.array, e3nn.angles_to_matrix(a, b, c), e3nn.scatter_sum(turned.array, dst=jnp.array([1, 0, 1]), output_size=2)
    return f, wave((3,)), wave((3, 8), 1)


@case("e3nn-jax")
def spherical_harmonics():
    import e3nn_jax as e3nn
    def f(x):
        return e3nn.spherical_harmonics("0e + 1o + 2e + 3o", e3nn.IrrepsArray("1o", x), True).array
    return f, wave((4, 3), 0.3, 1.0)


@case("e3nn-jax")
def tensor_product():
    import e3nn_jax as e3nn
    def f(x, y):
        return e3nn.tensor_product(e3nn.IrrepsArray("2x0e + 1o", x), e3nn.IrrepsArray("0e + 1o", y)).array, \
            e3nn.norm(e3nn.IrrepsArray("2x0e + 1o", x)).array
    return f, wave((3, 5)), wave((3, 4), 1)


@case("e3nn-jax")
def gate():
    import e3nn_jax as e3nn
    def f(x):
        return e3nn.gate(e3nn.IrrepsArray("3x0e + 1o + 1e", x)).array, e3nn.bessel(x[:, 0] ** 2 + 0.3, 4, 2.0)
    return f, wave((3, 9), 0.3)


# Writing


def described(x):
    """An argument: by the formula of `wave`, if it is one, or else its elements."""
    x = np.asarray(x)
    return {"dtype": name_of(x.dtype), "shape": list(x.shape),
            "data": [real(v) if x.dtype.kind == "f" or name_of(x.dtype) == "bf16" else int(v) for v in x.ravel()]}


# The same for other platforms, whose libraries have other names and conventions


def signed(u, *others):
    """Vectors with a sign that does not depend on the library: the first row is positive."""
    sign = jnp.where(u[..., :1, :].real < 0, -1.0, 1.0)
    return (u * sign, *(v * sign for v in others))


def svd_of(a, **options):
    """The two kinds of vectors and the values."""
    u, s, vh = lax.linalg.svd(a, full_matrices=False, **options)
    return *signed(u, jnp.swapaxes(vh, -1, -2)), s


def spread(m, n):
    """A matrix whose singular values are well apart."""
    return np.eye(m, n, dtype=np.float32) * (2 + np.arange(n, dtype=np.float32))


@case("jax", platform="cuda")
def cuda_cholesky():
    def f(a, b):
        spd = a @ jnp.swapaxes(a, 1, 2) + 4 * jnp.eye(4)
        l = jnp.linalg.cholesky(spd)
        return l, jnp.linalg.cholesky(spd, upper=True), jax.scipy.linalg.cho_solve((l, True), b)
    return f, wave((2, 4, 4)), wave((2, 4, 2), 1)


@case("jax", platform="cuda")
def cuda_lu():
    def f(a, b):
        lu, pivots = jax.scipy.linalg.lu_factor(a)
        return lu, pivots, jnp.linalg.solve(a, b), jnp.linalg.slogdet(a)[1], jnp.linalg.inv(a[0]), jax.scipy.linalg.expm(a[1])
    return f, wave((2, 4, 4), 0.4) + spread(4, 4), wave((2, 4, 2), 1)


@case("jax", platform="cuda")
def cuda_qr():
    def f(a):
        return *jnp.linalg.qr(a), *jnp.linalg.qr(a[0].T @ a[0])
    return f, wave((2, 5, 3), 0.4) + spread(5, 3)


@case("jax", "value: JAX has no derivative of a complete factor and of `geqrf`", platform="cuda")
def cuda_qr_of_all_kinds():
    def f(a):
        p = jax.scipy.linalg.qr(a, pivoting=True, mode="economic")
        packed, taus = geqrf(a)
        return *jnp.linalg.qr(a, mode="complete"), *jnp.linalg.qr(a.T), *p, lax.linalg.householder_product(packed, taus), lax.linalg.ormqr(packed, taus, a, transpose=True)
    return f, wave((5, 3), 0.4) + spread(5, 3)


@case("jax", platform="cuda")
def cuda_svd():
    def f(a, x):
        large = spread(36, 34) + 0.1 * jnp.outer(jnp.sin(jnp.arange(36.0)), jnp.cos(jnp.arange(34.0))) * x
        c = lax.complex(a[0], a[1])
        u, s, vh = jnp.linalg.svd(c, full_matrices=False)
        values = svd_of(large)[2]
        return (*svd_of(a), *svd_of(a[0].T), s, ((u * s) @ vh).real, jnp.abs(u), jnp.abs(vh), jnp.linalg.svd(a[1], compute_uv=False), values)
    return f, wave((2, 5, 3), 0.4) + spread(5, 3), np.float32(0.7)


@case("jax", platform="cuda")
def cuda_svd_by_qr():
    qr = lax.linalg.SvdAlgorithm.QR
    def f(a):
        c = lax.complex(a[0], a[1])
        values = lax.linalg.svd(a[0].T, compute_uv=False, algorithm=qr)
        u, s, vh = lax.linalg.svd(c.T, full_matrices=False, algorithm=qr)
        return *svd_of(a, algorithm=qr), *svd_of(a[0].T, algorithm=qr), values, s, ((u * s) @ vh).imag, jnp.abs(u), jnp.abs(vh)
    return f, wave((2, 5, 3), 0.4) + spread(5, 3)


@case("jax", platform="cuda")
def cuda_eigh():
    def f(a):
        s = a + a.T + spread(4, 4)
        w, v = jnp.linalg.eigh(s)
        h = s + 1j * (a - a.T)
        wh, vh = jnp.linalg.eigh(h)
        return w, *signed(v), jnp.linalg.eigvalsh(h), ((vh * wh) @ jnp.conj(vh.T)).imag, jnp.abs(vh)
    return f, wave((4, 4), 0.4)


def of_the_upper_triangle():
    def f(a):
        v, w = lax.linalg.eigh(a + a.T + spread(4, 4) + jnp.tril(a, -1), lower=False, symmetrize_input=False)
        return *signed(v), w
    return f, wave((4, 4), 0.4)


# JAX differentiates by the whole matrix, which differs from numerical differences.
@case("jax", "value: the derivative in JAX is wrong where only one triangle is read", platform="cuda")
def cuda_eigh_of_the_upper_triangle():
    return of_the_upper_triangle()


@case("jax", "value: the derivative in JAX is wrong where only one triangle is read", platform="tpu")
def tpu_eigh_of_the_upper_triangle():
    return of_the_upper_triangle()


@case("jax", platform="cuda")
def cuda_tridiagonal_solve():
    def f(d, e, b):
        return (lax.linalg.tridiagonal_solve(e, 3 + d, e, b), lax.linalg.tridiagonal_solve(e[0], 3 + d[0], e[1], b[0]),
                lax.empty((3,), jnp.float32).at[:].set(d[0, 0]))
    return f, wave((2, 5)), wave((2, 5), 1), wave((2, 5, 3), 2)


@case("jax", "value: JAX has no derivative of `tridiagonal`", platform="cuda")
def cuda_tridiagonal():
    def f(a, d):
        s = a + jnp.swapaxes(a, 1, 2)
        h = lax.complex(s[0], a[0] - a[0].T)
        perturbed = lax.linalg.tridiagonal_solve(d, d, d, d[:, None], perturb_singular=True)
        return *lax.linalg.tridiagonal(s), *lax.linalg.tridiagonal(s[0], lower=False), *lax.linalg.tridiagonal(h), perturbed
    return f, wave((2, 4, 4), 0.4), wave((4,), 1)


@case("jax", platform="rocm")
def rocm_decompositions():
    def f(a, b):
        s = a + a.T + spread(4, 4)
        w, v = jnp.linalg.eigh(s)
        d = b[:, 0]
        return (jnp.linalg.cholesky(s @ s.T), jnp.linalg.solve(s, b), *jnp.linalg.qr(s), w, *signed(v), *svd_of(s[:3]), *svd_of(s[:, :3]),
                lax.linalg.tridiagonal_solve(d, 3 + d, d, b))
    return f, wave((4, 4), 0.4), wave((4, 2), 1)


@case("jax", platform="tpu")
def tpu_decompositions():
    def f(a, b):
        s = a + a.T + spread(4, 4)
        w, v = jnp.linalg.eigh(s)
        return (jnp.linalg.cholesky(s @ s.T), jnp.linalg.solve(s, b), *jnp.linalg.qr(s), w, *signed(v),
                *jnp.linalg.qr(s[:, :2], mode="complete"), lax.empty((3,), jnp.float32).at[:].set(a[0, 0]))
    return f, wave((4, 4), 0.4), wave((4, 2), 1)


@case("jax", platform="tpu")
def tpu_approximate_top_k():
    def f(a):
        return *lax.approx_max_k(a, 3), *lax.approx_min_k(a, 2, reduction_dimension=0), *lax.approx_max_k(a[0], 4)
    return f, wave((3, 7), 0.4)


@case("jax", platform="tpu")
def tpu_without_the_check():
    return jnp.cos, wave((3,))


@case("jax", "value: the file holds the iterations of the TPU's algorithm, a loop that ends by a condition", platform="tpu")
def tpu_svd():
    return (lambda a: (*svd_of(a), jnp.linalg.svd(a, compute_uv=False))), wave((5, 3), 0.4) + spread(5, 3)


def digest(x):
    x = np.asarray(x)
    flat = x.astype(np.float64).ravel() if x.dtype.kind != "c" else np.concatenate([x.real.ravel(), x.imag.ravel()]).astype(np.float64)
    weights = np.cos(1.0 + np.arange(flat.size))
    return {"dtype": name_of(x.dtype), "shape": list(x.shape),
            "digest": [real(flat.sum()), real((flat * weights).sum()), real(np.abs(flat).sum())]}


def floats(leaves):
    return [i for i, x in enumerate(leaves) if jnp.issubdtype(jnp.asarray(x).dtype, jnp.floating)]


def moved(x):
    """The second element of a batch."""
    x = np.asarray(x)
    return (x * np.asarray(0.98, x.dtype)).astype(x.dtype) if floats([x]) else x


def operations(f, *args):
    """Returns the function of the leaves without the rules that JAX has for its derivatives."""

    def run(jaxpr, args):
        known = dict(zip(jaxpr.jaxpr.constvars + jaxpr.jaxpr.invars, [*jaxpr.consts, *args]))
        for eqn in jaxpr.jaxpr.eqns:
            p = eqn.params
            xs = [x.val if isinstance(x, Literal) else known[x] for x in eqn.invars]
            match eqn.primitive.name:
                case "stop_gradient":
                    outs = xs
                case "custom_jvp_call" | "custom_vjp_call":
                    outs = run(p["call_jaxpr"], xs)
                case "jit" | "pjit":
                    outs = run(p["jaxpr"], xs)
                case "while":
                    at = [p["cond_nconsts"], p["cond_nconsts"] + p["body_nconsts"]]
                    cond, body, state = xs[: at[0]], xs[at[0] : at[1]], xs[at[1] :]
                    outs = lax.while_loop(lambda s: run(p["cond_jaxpr"], [*cond, *s])[0],
                                          lambda s: run(p["body_jaxpr"], [*body, *s]), state)
                case "scan":
                    at = [p["num_consts"], p["num_consts"] + p["num_carry"]]

                    def step(state, x):
                        outs = run(p["jaxpr"], [*xs[: at[0]], *state, *x])
                        return outs[: p["num_carry"]], outs[p["num_carry"] :]

                    state, ys = lax.scan(step, xs[at[0] : at[1]], xs[at[1] :], p["length"], p["reverse"])
                    outs = [*state, *ys]
                case "cond":
                    outs = lax.switch(xs[0], [lambda *xs, b=b: run(b, xs) for b in p["branches"]], *xs[1:])
                case _:
                    outs = eqn.primitive.bind(*xs, **eqn.primitive.get_bind_params(p))
                    outs = outs if eqn.primitive.multiple_results else [outs]
            known.update(zip(eqn.outvars, outs))
        return [x.val if isinstance(x, Literal) else known[x] for x in jaxpr.jaxpr.outvars]

    jaxpr = jax.make_jaxpr(f)(*args)
    return lambda *args: run(jaxpr, args)


def by_directions(loss, x):
    """The gradient by forward mode, an element at a time: JAX cannot batch all derivatives of windows."""
    units = np.eye(x.size, dtype=x.dtype).reshape(-1, *x.shape)
    return jnp.stack([jax.jvp(loss, (x,), (unit,))[1] for unit in units]).reshape(x.shape)


def written(package, name, modes, make):
    f, *args = make()
    # JAX promises that these custom calls stay the same only for some of LAPACK's routines.
    targets = [f"lapack_{letter}{name}_ffi" for letter in "sdcz" for name in ("ormqr", "geqp3")]
    targets += ["cusolver_ormqr_ffi", "cuhybrid_geqp3", "cu_tridiagonal_solve_perturbed", "hipsparse_gtsv2_ffi"]
    checks = [export.DisabledSafetyCheck.custom_call(target) for target in targets]
    platform = PLATFORMS.get(name, "cpu")
    if name == "tpu_without_the_check":
        checks.append(export.DisabledSafetyCheck.platform())
    exported = export.export(jax.jit(f), platforms=[platform], disabled_checks=checks)(*args)
    data = exported.serialize()
    leaves, structure = jax.tree.flatten(tuple(args))

    def flat(*leaves):
        return jax.tree.leaves(f(*jax.tree.unflatten(structure, leaves)))

    at = floats(leaves)
    differentiable = operations(flat, *leaves) if " of operations" in modes else flat

    def loss(*leaves):
        total = 0.0
        for k, y in enumerate(differentiable(*leaves)):
            if jnp.issubdtype(y.dtype, jnp.floating):
                total += (y.astype(jnp.float32).ravel() * jnp.cos(1.0 + k + jnp.arange(y.size))).sum()
        return total

    result = {"name": name, "package": package, "version": importlib.metadata.version(package), "modes": modes,
              "inputs": [described(x) for x in leaves],
              "value": [digest(y) for y in jax.jit(flat)(*leaves)]}
    batch = [jnp.stack([x, moved(x)]) for x in leaves]
    result["vmap"] = [digest(y) for y in jax.jit(jax.vmap(flat))(*batch)]
    if modes.startswith("grad"):
        gradient = jax.jit(jax.grad(loss, argnums=tuple(at)))
        if "forward mode" in modes:
            gradient = lambda x: [by_directions(jax.jit(loss), x)]
        result["grad"] = [digest(y) for y in gradient(*leaves)]
    elif modes.startswith("jvp"):
        tangents = tuple(jnp.ones_like(x) if i in at else np.zeros(np.shape(x), jax.dtypes.float0) for i, x in enumerate(leaves))
        result["jvp"] = [digest(y) for y in jax.jvp(jax.jit(loss), tuple(map(jnp.asarray, leaves)), tangents)]
    if platform != "cpu":
        result["platform"] = platform
    if name in TOLERANCES:
        result["tolerance"] = TOLERANCES[name]
    result["artifact"] = base64.b64encode(data).decode()
    return result, len(data)


def main():
    only = os.environ.get("ONLY")
    lines, failed = [], []
    for package, name, modes, make in CASES:
        if only and package not in only.split(",") and name not in only.split(","):
            continue
        try:
            result, size = written(package, name, modes, make)
            lines.append(json.dumps(result, separators=(",", ":")))
            print(f"{package:24} {name:32} {size:8} {len(lines[-1]):8}")
        except Exception as error:
            failed.append((package, name, f"{type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else ''}"))
            if os.environ.get("TRACE"):
                traceback.print_exc()
    for failure in failed:
        print("FAILED", *failure)
    path = os.environ.get("OUT", "imports.json")
    with open(path, "w") as file:
        file.write('{"jax":"%s",\n"cases":[\n' % jax.__version__ + ",\n".join(lines) + "\n]}\n")


if __name__ == "__main__":
    sys.exit(main())
