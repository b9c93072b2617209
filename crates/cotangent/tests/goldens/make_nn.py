"""nn.json: jax.nn and its initializers by JAX, layers by Flax and Equinox. Needs flax and equinox beside jax.

Inputs and weights are a formula of their shape and a number, which the tests have as well: `fill`."""

from common import *

import equinox as eqx
import flax.linen as flax
import jax.numpy as jnp
from jax import nn, random
from jax.nn import initializers

jax.config.update("jax_enable_x64", True)
F32, F64, F16, BF16, C64 = (DTYPES[d] for d in ("f32", "f64", "f16", "bf16", "c64"))
groups = {}


def fill(shape, number, dtype=F32):
    n = int(np.prod(shape))
    values = ((np.arange(n) * 37 + number * 101) % 199 - 99) / 99.0
    return jnp.asarray(values.reshape(shape), dtype)


def short(x):
    """An array whose numbers have no more digits than their dtype needs."""
    x = np.asarray(x)
    out = array(x)
    if x.dtype in (F32, F16, BF16):
        digits = {F32: 9, F16: 5, BF16: 4}[x.dtype]
        out["data"] = [float(f"%.{digits}g" % v) if isinstance(v, float) else v for v in out["data"]]
    if x.dtype == F64:
        out["data"] = [float("%.15g" % v) if isinstance(v, float) else v for v in out["data"]]
    return out


def case(group, name, f, *inputs, grads=None):
    """f(*inputs), a list of arrays, and the gradients by the inputs of Σ sin(i) · output."""
    outputs = f(*inputs)
    outputs = list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]
    entry = {"name": name, "outputs": [short(o) for o in outputs]}
    grads = tuple(range(len(inputs))) if grads is None else grads
    if grads:
        def total(*inputs):
            o = f(*inputs)
            o = o[0] if isinstance(o, (tuple, list)) else o
            return jnp.sum(jnp.sin(jnp.arange(o.size, dtype=o.dtype)).reshape(o.shape) * o)
        entry["grads"] = [short(g) for g in jax.grad(total, argnums=grads)(*inputs)]
    groups.setdefault(group, []).append(entry)


# Activations: values and slopes at points, the special ones first.
POINTS = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 3.0, -3.0, 6.0, 0.5, -0.5, 1e-3, -1e-3, 2.25, -2.25, 9.0, -9.0,
          60.0, -60.0, 300.0, -300.0]
ONE = {
    "relu": nn.relu, "relu6": nn.relu6, "sigmoid": nn.sigmoid, "log_sigmoid": nn.log_sigmoid, "softplus": nn.softplus,
    "tanh": nn.tanh, "silu": nn.silu, "swish": nn.swish, "mish": nn.mish, "soft_sign": nn.soft_sign,
    "sparse_plus": nn.sparse_plus, "sparse_sigmoid": nn.sparse_sigmoid, "hard_sigmoid": nn.hard_sigmoid,
    "hard_silu": nn.hard_silu, "hard_swish": nn.hard_swish, "hard_tanh": nn.hard_tanh, "selu": nn.selu, "elu": nn.elu,
    "celu": nn.celu, "leaky_relu": nn.leaky_relu, "squareplus": nn.squareplus, "gelu": nn.gelu,
    "gelu_exact": lambda x: nn.gelu(x, approximate=False), "identity": nn.identity, "log1mexp": nn.log1mexp,
    "elu_with": lambda x: nn.elu(x, 0.5), "celu_with": lambda x: nn.celu(x, 0.5),
    "leaky_relu_with": lambda x: nn.leaky_relu(x, 0.25), "squareplus_with": lambda x: nn.squareplus(x, 1.0),
}
for name, f in ONE.items():
    for dtype in (F64, F32, F16, BF16):
        x = jnp.asarray(POINTS, dtype)
        slopes = jax.vmap(jax.grad(f))(x)
        entry = {"name": name, "dtype": name_of(dtype), "value": short(f(x))["data"], "slope": short(slopes)["data"]}
        if dtype == F64:
            entry["second"] = short(jax.vmap(jax.grad(jax.grad(f)))(x))["data"]
        groups.setdefault("activations", []).append(entry)
groups["points"] = [real(p) for p in POINTS]

# Functions along axes.
X = fill((3, 4), 1, F64)
MASK = np.arange(12).reshape(3, 4) % 5 % 3 != 1
NONE = MASK & (np.arange(3)[:, None] != 1)
AXES = "axes"
for d in (F64, F32, F16, BF16):
    x = fill((3, 4), 1, d) * 3
    case(AXES, f"softmax {name_of(d)}", lambda x: nn.softmax(x, -1), x)
    case(AXES, f"log_softmax {name_of(d)}", lambda x: nn.log_softmax(x, 0), x)
    case(AXES, f"standardize {name_of(d)}", lambda x: nn.standardize(x, -1), x)
case(AXES, "softmax all", lambda x: nn.softmax(x, None), X)
case(AXES, "softmax where", lambda x: nn.softmax(x, -1, where=MASK), X)
case(AXES, "softmax where none", lambda x: nn.softmax(x, -1, where=NONE), X)
case(AXES, "log_softmax where", lambda x: nn.log_softmax(x, -1, where=MASK), X, grads=())
case(AXES, "softmax infinite", lambda x: nn.softmax(x, -1),
     jnp.array([[1.0, -np.inf, 2.0], [np.inf, 0.0, 1.0], [-np.inf] * 3, [np.nan, 0.0, 1.0]]), grads=())
case(AXES, "logmeanexp", lambda x: nn.logmeanexp(x), X)
case(AXES, "logmeanexp axis", lambda x: nn.logmeanexp(x, 1), X)
case(AXES, "logmeanexp where", lambda x: nn.logmeanexp(x, 1, where=MASK), X)
case(AXES, "standardize axes", lambda x: nn.standardize(x, (0, 1)), X)
case(AXES, "standardize given", lambda x: nn.standardize(x, 0, mean=jnp.float64(0.5), variance=jnp.float64(2.0), epsilon=1e-3), X)
case(AXES, "standardize where", lambda x: nn.standardize(x, -1, where=MASK, algorithm="stable"), X)
case(AXES, "glu", lambda x: nn.glu(x, 1), X)
case(AXES, "one_hot", lambda: nn.one_hot(jnp.array([0, 3, -1, 2, 1]), 3, dtype=F32), grads=())
case(AXES, "one_hot axis", lambda: nn.one_hot(jnp.array([[0, 1], [2, 1]]), 3, dtype=jnp.int32, axis=1), grads=())
case(AXES, "scaled_matmul", lambda a, b: jnp.einsum(
    "bmk,bnk->bmn", a * jnp.repeat(fill((2, 3, 2), 3), 2, -1), b * jnp.repeat(fill((2, 2, 2), 4), 2, -1)),
    fill((2, 3, 4), 1), fill((2, 2, 4), 2))


# Initializers: every element as its bits.
def bits(x):
    x = np.asarray(x)
    real_dtype = np.dtype({8: "float32"}[x.dtype.itemsize]) if x.dtype == C64 else x.dtype
    raw = x.reshape(-1).view(real_dtype)
    return {"dtype": name_of(x.dtype), "shape": list(x.shape), "bits": [int(v) for v in raw.view(f"u{raw.dtype.itemsize}")]}


def init(name, f, shape, *dtypes):
    for d in dtypes or (F32,):
        groups.setdefault("initializers", []).append(
            {"name": name, "output": bits(f(random.PRNGKey(7), shape, d)), "of": list(shape)})


init("zeros", initializers.zeros, (2, 3))
init("ones", initializers.ones, (2, 3), F32, BF16)
init("constant", initializers.constant(-7), (2, 3), F32, F64)
init("uniform", initializers.uniform(), (2, 3), F32, F64, F16, BF16)
init("normal", initializers.normal(), (2, 3), F32, F64, BF16, C64)
init("truncated_normal", initializers.truncated_normal(0.5), (2, 3), F32, F64)
init("truncated_normal_in", initializers.truncated_normal(0.5, lower=-1.0, upper=0.5), (2, 3))
for name in ("glorot_uniform", "glorot_normal", "lecun_uniform", "lecun_normal", "he_uniform", "he_normal",
             "xavier_uniform", "xavier_normal", "kaiming_uniform", "kaiming_normal"):
    init(name, getattr(initializers, name)(), (3, 3, 2, 4)[-3:] if "glorot" in name else (4, 3))
init("lecun_normal", initializers.lecun_normal(), (4, 3), F64, BF16, C64)
init("he_uniform", initializers.he_uniform(), (4, 3), F64, F16, C64)
init("he_normal axes", initializers.he_normal(in_axis=0, out_axis=(1, 2)), (2, 3, 2))
init("he_normal batch", initializers.he_normal(batch_axis=0), (2, 3, 2))
init("fan_out", initializers.variance_scaling(2.0, "fan_out", "normal"), (3, 4), F32, C64)
init("fan_geo_avg", initializers.variance_scaling(2.0, "fan_geo_avg", "uniform"), (3, 4))
init("orthogonal", initializers.orthogonal(), (3, 4), F32, F64)
init("orthogonal tall", initializers.orthogonal(0.5, 0), (4, 2, 3), F32)
init("delta_orthogonal", initializers.delta_orthogonal(), (3, 2, 3), F32)
init("delta_orthogonal 2", initializers.delta_orthogonal(2.0), (2, 3, 2, 2), F32)

# Attention. JAX's softmax is in f32 whatever the dtype, so f64 would show nothing more.
B, T, S, N, K, H = 2, 3, 5, 4, 2, 3
q, k, v = fill((B, T, N, H), 1), fill((B, S, K, H), 2), fill((B, S, K, H), 3)
att = nn.dot_product_attention
bias, mask = fill((B, N, T, S), 4), np.arange(B * N * T * S).reshape(B, N, T, S) % 7 % 3 != 1
one_mask = np.arange(T * S).reshape(1, 1, T, S) % 4 != 1
no_mask = one_mask & (np.arange(T)[:, None] != 1)
ATT = "attention"
case(ATT, "plain", lambda q, k, v: att(q, k, v), q, k, v)
case(ATT, "causal", lambda q, k, v: att(q, k, v, is_causal=True), q, k, v)
case(ATT, "scale", lambda q, k, v: att(q, k, v, scale=2.0), q, k, v)
case(ATT, "window", lambda q, k, v: att(q, k, v, local_window_size=(1, 2)), q, k, v)
case(ATT, "bias", lambda q, k, v, bias: att(q, k, v, bias), q, k, v, bias)
case(ATT, "bias one head", lambda q, k, v, bias: att(q, k, v, bias), q, k, v, fill((1, 1, T, S), 4))
case(ATT, "mask", lambda q, k, v: att(q, k, v, mask=mask), q, k, v)
case(ATT, "mask none", lambda q, k, v: att(q, k, v, mask=no_mask), q, k, v)
case(ATT, "lengths", lambda q, k, v: att(q, k, v, query_seq_lengths=jnp.array([3, 2], jnp.int32),
                                        key_value_seq_lengths=jnp.array([2, 5], jnp.int32)), q, k, v)
case(ATT, "all", lambda q, k, v, bias: att(q, k, v, bias, mask, scale=0.7, is_causal=True, local_window_size=(2, 1),
                                          key_value_seq_lengths=jnp.array([2, 5], jnp.int32)), q, k, v, bias)
case(ATT, "unbatched", lambda q, k, v: att(q, k, v), q[0], k[0], v[0])
case(ATT, "same heads", lambda q, k, v: att(q, k, v), fill((1, T, 2, H), 1), fill((1, S, 2, H), 2), fill((1, S, 2, H), 3))
case(ATT, "residual", lambda q, k, v: att(q, k, v, is_causal=True, return_residual=True), q, k, v)
for d in (F16, BF16):
    case(ATT, f"dtype {name_of(d)}", lambda q, k, v: att(q, k, v, is_causal=True), *(x.astype(d) for x in (q, k, v)))

# Layers of Flax.
L = "layers"


def linen(name, module, params, *inputs, **kwargs):
    """The output, and the gradients by the inputs and by the parameters in the order of `params`."""
    names = list(params)

    def f(*args):
        p = dict(zip(names, args[len(inputs):]))
        tree = {}
        for path, value in p.items():
            node = tree
            *parts, last = path.split("/")
            for part in parts:
                node = node.setdefault(part, {})
            node[last] = value
        return module.apply({"params": tree}, *args[:len(inputs)], **kwargs)

    case(L, name, f, *inputs, *params.values())


linen("linear", flax.Dense(3), {"kernel": fill((4, 3), 2), "bias": fill((3,), 3)}, fill((2, 5, 4), 1))
linen("conv", flax.Conv(3, (2, 3)), {"kernel": fill((2, 3, 2, 3), 2), "bias": fill((3,), 3)}, fill((2, 4, 5, 2), 1))
linen("conv options", flax.Conv(4, (3,), strides=2, padding=[(2, 1)], kernel_dilation=2, feature_group_count=2, use_bias=False),
      {"kernel": fill((3, 1, 4), 2)}, fill((9, 2), 1))
linen("conv 3", flax.Conv(2, (2, 1, 2), padding="VALID"), {"kernel": fill((2, 1, 2, 1, 2), 2), "bias": fill((2,), 3)},
      fill((1, 3, 2, 3, 1), 1))
linen("conv_transpose", flax.ConvTranspose(2, (3, 2), strides=(2, 2)), {"kernel": fill((3, 2, 2, 2), 2), "bias": fill((2,), 3)},
      fill((1, 2, 3, 2), 1))
linen("conv_transpose valid", flax.ConvTranspose(2, (3,), strides=(2,), padding="VALID", use_bias=False),
      {"kernel": fill((3, 2, 2), 2)}, fill((4, 2), 1))
table = fill((5, 3), 1)
case(L, "embedding", lambda w: flax.Embed(5, 3).apply({"params": {"embedding": w}}, jnp.array([[4, 0], [1, 4]])), table)
case(L, "embedding attend", lambda x, w: flax.Embed(5, 3).apply({"params": {"embedding": w}}, x, method="attend"), fill((2, 3), 2), table)
scale_bias = lambda n: {"scale": fill((n,), 2), "bias": fill((n,), 3)}
linen("layer_norm", flax.LayerNorm(use_fast_variance=False), scale_bias(4), fill((2, 3, 4), 1))
linen("layer_norm bf16", flax.LayerNorm(use_fast_variance=False), {k: x.astype(BF16) for k, x in scale_bias(4).items()},
      fill((2, 4), 1, BF16))
linen("rms_norm", flax.RMSNorm(), {"scale": fill((4,), 2)}, fill((2, 3, 4), 1))
linen("group_norm", flax.GroupNorm(2, use_fast_variance=False), scale_bias(4), fill((2, 3, 2, 4), 1))
linen("instance_norm", flax.InstanceNorm(use_fast_variance=False), scale_bias(3), fill((2, 4, 3), 1))
stats = {"mean": fill((3,), 4), "var": jnp.abs(fill((3,), 5))}


def batch_norm(train, x, scale, bias):
    out = flax.BatchNorm(use_running_average=not train, momentum=0.9, use_fast_variance=False).apply(
        {"params": {"scale": scale, "bias": bias}, "batch_stats": stats}, x, mutable=["batch_stats"])
    y, state = out
    return y, state["batch_stats"]["mean"], state["batch_stats"]["var"]


args = (fill((4, 2, 3), 1), fill((3,), 2), fill((3,), 3))
case(L, "batch_norm train", lambda *a: batch_norm(True, *a), *args)
case(L, "batch_norm call", lambda *a: batch_norm(False, *a)[0], *args)
case(L, "max_pool", lambda x: flax.max_pool(x, (2, 3), strides=(2, 1), padding="SAME"), fill((2, 4, 5, 2), 1))
case(L, "avg_pool", lambda x: flax.avg_pool(x, (2,), strides=(2,)), fill((2, 5, 2), 1))
case(L, "avg_pool same", lambda x: flax.avg_pool(x, (3,), strides=(1,), padding="SAME", count_include_pad=False).astype(F32),
     fill((2, 5, 2), 1))
with jax.enable_x64(False):
    for rate in (0.25, 0.9):
        mask = lambda x: random.bernoulli(random.PRNGKey(3), 1 - rate, x.shape)
        case(L, f"dropout {rate}", lambda x: jnp.where(mask(x), x / (1 - rate), 0), fill((3, 5), 1))

# Recurrent layers: the weights of the gates are side by side here.
I, D, TIME = 3, 2, 4
xs = fill((TIME, 2, I), 1)


def gates(names_in, names_h, wi, wh, bias_of, bias):
    p = {}
    for i, n in enumerate(names_in):
        p[n] = {"kernel": wi[:, i * D:(i + 1) * D]}
    for i, n in enumerate(names_h):
        p[n] = {"kernel": wh[:, i * D:(i + 1) * D]}
    for i, n in enumerate(bias_of):
        p[n]["bias"] = bias[i * D:(i + 1) * D]
    return p


def run(cell, params, carry, xs):
    ys = []
    for x in xs:
        carry, y = cell.apply({"params": params}, carry, x)
        ys.append(y)
    return jnp.stack(ys)


zero = jnp.zeros((2, D), F32)
case(L, "rnn", lambda x, wi, wh, b: run(flax.SimpleCell(D), {"i": {"kernel": wi, "bias": b}, "h": {"kernel": wh}}, zero, x),
     xs, fill((I, D), 2), fill((D, D), 3), fill((D,), 4))
case(L, "lstm", lambda x, wi, wh, b: run(
    flax.LSTMCell(D), gates(["ii", "if", "ig", "io"], ["hi", "hf", "hg", "ho"], wi, wh, ["hi", "hf", "hg", "ho"], b), (zero, zero), x),
    xs, fill((I, 4 * D), 2), fill((D, 4 * D), 3), fill((4 * D,), 4))


def flax_gru(x, wi, wh, b, bn):
    p = gates(["ir", "iz", "in"], ["hr", "hz", "hn"], wi, wh, ["ir", "iz", "in"], b)
    p["hn"]["bias"] = bn
    return run(flax.GRUCell(D), p, zero, x)


case(L, "gru", flax_gru, xs, fill((I, 3 * D), 2), fill((D, 3 * D), 3), fill((3 * D,), 4), fill((D,), 5))


def flax_mha(x, *w):
    names = ["query", "key", "value"]
    p = {n: {"kernel": w[2 * i].reshape(4, 2, 2), "bias": w[2 * i + 1].reshape(2, 2)} for i, n in enumerate(names)}
    p["out"] = {"kernel": w[6].reshape(2, 2, 4), "bias": w[7]}
    causal = flax.make_causal_mask(x[..., 0])
    return flax.MultiHeadDotProductAttention(2).apply({"params": p}, x, mask=causal)


weights = [fill((4, 4), 2), fill((4,), 3), fill((4, 4), 4), fill((4,), 5), fill((4, 4), 6), fill((4,), 7), fill((4, 4), 8), fill((4,), 9)]
case(L, "attention", flax_mha, fill((2, 3, 4), 1), *weights)

# Layers of Equinox: one example at a time, features first, weights (outputs, inputs).
E = "equinox"
KEY = random.PRNGKey(0)
with jax.enable_x64(False):
    def put(module, **fields):
        for name, value in fields.items():
            module = eqx.tree_at(lambda m: getattr(m, name), module, value)
        return module

    lin = eqx.nn.Linear(4, 3, key=KEY)
    case(E, "linear", lambda x, w, b: jax.vmap(put(lin, weight=w.T, bias=b))(x), fill((2, 4), 1), fill((4, 3), 2), fill((3,), 3))
    conv = eqx.nn.Conv2d(2, 3, (2, 3), stride=(1, 2), padding=((1, 0), (1, 1)), key=KEY)
    case(E, "conv", lambda x, w, b: put(conv, weight=jnp.transpose(w, (3, 2, 0, 1)), bias=b.reshape(3, 1, 1))(
        jnp.transpose(x, (2, 0, 1))).transpose(1, 2, 0), fill((4, 5, 2), 1), fill((2, 3, 2, 3), 2), fill((3,), 3))
    norm = eqx.nn.LayerNorm(4)
    case(E, "layer_norm", lambda x, w, b: put(norm, weight=w, bias=b)(x), fill((4,), 1), fill((4,), 2), fill((4,), 3))
    group = eqx.nn.GroupNorm(2, 4)
    case(E, "group_norm", lambda x, w, b: put(group, weight=w, bias=b)(x.T).T, fill((3, 4), 1), fill((4,), 2), fill((4,), 3))
    lstm = eqx.nn.LSTMCell(I, D, key=KEY)
    def eqx_run(cell, state, xs, output):
        ys = []
        for x in xs:
            state = cell(x, state)
            ys.append(output(state))
        return jnp.stack(ys)
    case(E, "lstm", lambda x, wi, wh, b: eqx_run(put(lstm, weight_ih=wi.T, weight_hh=wh.T, bias=b), (jnp.zeros(D), jnp.zeros(D)), x, lambda s: s[0]),
         fill((TIME, I), 1), fill((I, 4 * D), 2), fill((D, 4 * D), 3), fill((4 * D,), 4))
    gru = eqx.nn.GRUCell(I, D, key=KEY)
    case(E, "gru", lambda x, wi, wh, b, bn: eqx_run(put(gru, weight_ih=wi.T, weight_hh=wh.T, bias=b, bias_n=bn), jnp.zeros(D), x, lambda s: s),
         fill((TIME, I), 1), fill((I, 3 * D), 2), fill((D, 3 * D), 3), fill((3 * D,), 4), fill((D,), 5))
    case(E, "rotary", lambda x: jax.vmap(eqx.nn.RotaryPositionalEmbedding(4), 1, 1)(x), fill((3, 2, 4), 1))
    mha = eqx.nn.MultiheadAttention(2, 4, key=KEY)
    def eqx_mha(x, *w):
        m = mha
        for name, weight in zip(("query_proj", "key_proj", "value_proj", "output_proj"), w):
            m = eqx.tree_at(lambda m: getattr(m, name).weight, m, weight.T)
        rope = eqx.nn.RotaryPositionalEmbedding(2)
        turn = jax.vmap(rope, 1, 1)
        return m(x, x, x, mask=jnp.tril(jnp.ones((3, 3), bool)), process_heads=lambda q, k, v: (turn(q), turn(k), v))
    case(E, "attention", eqx_mha, fill((3, 4), 1), *weights[::2])
    mlp = eqx.nn.MLP(3, 2, 4, 2, activation=nn.gelu, key=KEY)
    def eqx_mlp(x, *w):
        m = mlp
        for i in range(3):
            m = eqx.tree_at(lambda m: (m.layers[i].weight, m.layers[i].bias), m, (w[2 * i].T, w[2 * i + 1]))
        return jax.vmap(m)(x)
    case(E, "mlp", eqx_mlp, fill((2, 3), 1), fill((3, 4), 2), fill((4,), 3), fill((4, 4), 4), fill((4,), 5), fill((4, 2), 6), fill((2,), 7))


# Attention by cuDNN: what JAX writes for XLA's compiler, as it would on a machine with a GPU.
from jax._src.cudnn import fused_attention_stablehlo as fused

fused.check_cudnn_version = lambda: 91000
fused.check_compute_capability = lambda _: True
fused.is_cuda_compute_capability_equal = lambda _: False


def cudnn(name, dtype, with_bias=False, lengths=False, **options):
    import re
    with jax.enable_x64(False):
        x, y = (jax.ShapeDtypeStruct((2, n, h, 16), dtype) for n, h in ((4, 4), (6, 2)))
        bias = [jax.ShapeDtypeStruct((2, 4, 4, 6), dtype)] if with_bias else []
        n = jax.ShapeDtypeStruct((2,), jnp.int32)

        def f(q, k, v, lengths, *bias):
            more = dict(zip(("query_seq_lengths", "key_value_seq_lengths"), lengths))
            return nn.dot_product_attention(q, k, v, *bias, implementation="cudnn", **more, **options)

        args = [x, y, y, [n, n] if lengths else [], *bias]
        total = lambda q, k, v, lengths, *bias: f(q, k, v, lengths, *bias).astype(jnp.float32).sum()
        grad = jax.grad(total, argnums=(0, 1, 2, *range(4, 4 + len(bias))))
        text = jax.jit(grad).trace(*args).lower(lowering_platforms=("cuda",)).as_text()
    for target, attrs, types in re.findall(r"custom_call @(__cudnn\S+?)\(.*?\) \{(.*)\} : (.*)", text):
        config = re.search(r'backend_config = "(.*?)", ', attrs)[1].replace("\\22", '"')
        layouts = [[int(d) for d in l.strip("[]").split(", ")] for l in re.findall(r"dense<(.*?)>", attrs)]
        groups.setdefault("cudnn", []).append(
            {"name": name, "target": target, "config": json.loads(config), "layouts": layouts, "types": types})


cudnn("plain", BF16)
cudnn("causal f16", F16, is_causal=True)
cudnn("bias", BF16, with_bias=True, scale=0.5)
cudnn("lengths", BF16, lengths=True)
cudnn("lengths causal", F16, lengths=True, is_causal=True)
cudnn("window", BF16, is_causal=True, local_window_size=(2, 0))

write(__file__, groups)
