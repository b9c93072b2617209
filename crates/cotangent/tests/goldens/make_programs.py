"""programs.json: whole programs × transformations, in f64.

A program is a function of a few arrays. Each result is told by a few numbers (`digest`): all elements of
a small array, else the sum and a weighted sum. The same programs stand in Rust in `tests/programs`.
"""

import functools
from math import pi

from common import *

jax.config.update("jax_enable_x64", True)

import jax.numpy as jnp
import jax.scipy.linalg
from jax import lax
from jax.scipy.special import erf, gammaln, logsumexp, ndtr

PROGRAMS = {}


def program(*shapes, lo=-1.2, hi=1.2, modes="both"):
    """`modes`: "both", "forward" where JAX has no reverse mode, "reverse" where it has no forward mode."""
    def add(f):
        assert f.__name__ not in PROGRAMS
        PROGRAMS[f.__name__] = (f, shapes, lo, hi, modes)
        return f
    return add


# --- small functions ----------------------------------------------------------------------------

def small(name, shapes, f, lo=-1.2, hi=1.2):
    f.__name__ = name
    program(*shapes, lo=lo, hi=hi)(f)


S, V, M = (), (4,), (3, 3)
small("polynomial", [S], lambda x: 3 * x**2 + 4 * x - 3)
small("sin_exp", [V], lambda x: jnp.sin(x) * jnp.exp(x))
small("tanh_of_tanh", [V], lambda x: jnp.tanh(2 * jnp.tanh(x)))
small("swish", [V], lambda x: x * jax.nn.sigmoid(x))
small("softplus", [V], lambda x: jnp.logaddexp(x, 0.0))
small("gelu", [V], lambda x: 0.5 * x * (1 + erf(x / jnp.sqrt(2.0))))
small("gelu_tanh", [V], lambda x: 0.5 * x * (1 + jnp.tanh((2 / pi) ** 0.5 * (x + 0.044715 * x**3))))
small("logsumexp_", [V], lambda x: logsumexp(x))
small("softmax_", [V], lambda x: jax.nn.softmax(x))
small("log_softmax_", [(2, 3)], lambda x: jax.nn.log_softmax(x, axis=-1))
small("rosenbrock", [(5,)], lambda x: jnp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2))
small("quartic", [V], lambda x: jnp.sum(x**4) + jnp.sum(x) * jnp.sum(jnp.sin(x)))
small("norm", [V], lambda x: jnp.sqrt(jnp.sum(x**2)))
small("normalised", [V], lambda x: x / jnp.sqrt(jnp.sum(x**2)))
small("cosine_similarity", [V, V], lambda x, y: jnp.sum(x * y) / jnp.sqrt(jnp.sum(x**2) * jnp.sum(y**2)))
small("variance", [V], lambda x: jnp.var(x))
small("layer_norm", [(2, 4)], lambda x: (x - x.mean(1, keepdims=True)) / jnp.sqrt(x.var(1, keepdims=True) + 1e-3))
small("product", [V], lambda x: jnp.prod(x))
small("cumulative_sum", [V], lambda x: jnp.cumsum(x) ** 2)
small("cumulative_product", [V], lambda x: jnp.cumprod(jnp.exp(x)))
small("order_statistics", [(5,)], lambda x: jnp.sum(jnp.sort(x) * jnp.arange(5.0) ** 2))
small("trimmed_mean", [(6,)], lambda x: jnp.mean(jnp.sort(x**3)[1:-1]))
small("outer_trace", [V, V], lambda x, y: jnp.trace(jnp.outer(jnp.sin(x), y) ** 2))
small("quadratic_form", [M, (3,)], lambda a, x: x @ a @ x)
small("matrix_cube", [M], lambda a: jnp.trace(a @ a @ a))
small("einsum_chain", [(2, 3), (3, 4), (4, 2)], lambda a, b, c: jnp.einsum("ij,jk,kl->il", jnp.sin(a), b, c))
small("einsum_batched", [(2, 3, 2), (2, 2, 3)], lambda a, b: jnp.einsum("bij,bjk->ki", a, b) ** 2)
small("kronecker", [(2, 2), (2, 2)], lambda a, b: jnp.sum(jnp.kron(a, b) ** 3))
small("safe_log", [V], lambda x: jnp.sum(jnp.where(x > 0, jnp.log(jnp.where(x > 0, x, 1.0)), -x)))
small("clipped", [V], lambda x: jnp.clip(x**2, 0.1, 0.9) * x)
small("huber", [V], lambda x: jnp.where(jnp.abs(x) < 0.5, 0.5 * x**2, 0.5 * (jnp.abs(x) - 0.25)))
small("polar", [V, V], lambda x, y: jnp.arctan2(y, x) * jnp.hypot(x, y))
small("complex_rotation", [V, V], lambda x, y: jnp.real((x + 1j * y) * jnp.exp(1j * x * y)))
small("complex_polynomial", [S, S], lambda x, y: jnp.abs((x + 1j * y) ** 2 + 0.3 - 0.1j) ** 2)
small("power", [V, V], lambda x, y: x**y, 0.3, 1.5)
small("rational", [V], lambda x: (x**3 - 2 * x) / (1 + x**2))
small("log_beta", [V, V], lambda a, b: gammaln(a) + gammaln(b) - gammaln(a + b), 0.5, 3.0)
small("probit", [V], lambda x: jnp.log(ndtr(x)))
small("hyperbolic", [V], lambda x: jnp.arcsinh(jnp.sinh(x) * jnp.cosh(x)))
small("log1p_expm1", [V], lambda x: jnp.log1p(jnp.expm1(x) ** 2))
small("row_maxima", [(3, 4)], lambda x: jnp.max(x, axis=1) * jnp.min(x))
small("differences", [(5,)], lambda x: jnp.diff(x) ** 3)
small("trapezoid", [(5,)], lambda x: jnp.trapezoid(jnp.exp(x), dx=0.5))
small("moved_about", [(2, 3)], lambda x: jnp.concatenate([jnp.roll(x, 1, 1), jnp.flip(x, 0).T.reshape(2, 3)]) * jnp.tile(x, (2, 1)))
small("padded", [(3,)], lambda x: jnp.pad(x, (1, 2)) * jnp.arange(6.0) + jnp.pad(x**2, (2, 1)))
small("triangles", [M], lambda a: jnp.tril(a) @ jnp.triu(a, 1) + jnp.diag(jnp.diag(a)))
small("tensor_product", [(2, 3), (3, 2)], lambda a, b: jnp.tensordot(a, b, 1) * jnp.sum(jnp.tensordot(a, b, ((0,), (1,)))))
small("swapped", [(2, 3, 2)], lambda x: jnp.moveaxis(x, 0, -1) * jnp.swapaxes(x, 0, 2).reshape(3, 2, 2))
small("repeated", [(3,)], lambda x: jnp.repeat(x, 2) * jnp.linspace(0.0, 1.0, 6))
small("standard_normal_density", [V], lambda x: jnp.exp(-0.5 * x**2) / jnp.sqrt(2 * pi))


# --- loops and choices --------------------------------------------------------------------------

@program((4,), ())
def horner(c, x):
    return lax.scan(lambda y, c: (y * x + c, None), 0.0, c)[0]


@program((5,), ())
def backwards(x, a):
    _, ys = lax.scan(lambda c, x: (a * c + x, c * x), 0.0, x, reverse=True)
    return ys


@program((), ())
def euler(a, y):
    return lax.fori_loop(0, 20, lambda i, y: y + 0.05 * (a * y - y**3), y)


@program((2,), ())
def runge_kutta(y, mu):
    def f(y):
        return jnp.stack([y[1], mu * (1 - y[0] ** 2) * y[1] - y[0]])

    def step(y, _):
        h = 0.1
        k1 = f(y)
        k2 = f(y + h / 2 * k1)
        k3 = f(y + h / 2 * k2)
        k4 = f(y + h * k3)
        y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        return y, y[0]
    return lax.scan(step, y, None, length=12)[1]


@program((), (), modes="forward", lo=0.4)
def adaptive_step(y, a):
    def going(s):
        return s[0] < 1.0

    def step(s):
        t, y, h = s
        h = jnp.minimum(h, 1.0 - t)
        f = lambda y: -a * y + jnp.sin(y)
        low = y + h * f(y)
        high = y + 0.5 * h * (f(y) + f(low))
        good = lax.stop_gradient(jnp.abs(high - low)) < 1e-3
        return jnp.where(good, t + h, t), jnp.where(good, high, y), jnp.where(good, 1.2 * h, 0.5 * h)
    return lax.while_loop(going, step, (0.0 * y, y, 0.2 + 0.0 * y))[1]


@program((), modes="forward", lo=0.5, hi=2.0)
def newton_by_while(a):
    going = lambda s: jnp.abs(s[0] - s[1]) > 1e-13
    return lax.while_loop(going, lambda s: ((s[0] + a / s[0]) / 2, s[0]), (a, 0 * a))[0]


@program((3,))
def chosen(x):
    return lax.cond(jnp.sum(x) > 0, lambda: jnp.sin(x), lambda: x**2 * jnp.sum(x))


@program((3,), ())
def switched(x, y):
    def step(c, i):
        return lax.switch(i, [lambda: c * y, lambda: jnp.sin(c) + y, lambda: c**2 * x]), None
    return lax.scan(step, x, jnp.array([0, 2, 1, 1, 5], jnp.int32))[0]


@program((4,), (4,))
def linear_recurrence(a, b):
    combine = lambda l, r: (l[0] * r[0], r[0] * l[1] + r[1])
    return lax.associative_scan(combine, (a, b))[1]


@program((2,), (2, 2), (4,))
def hidden_markov(start, transition, observed):
    start, transition = jax.nn.log_softmax(start), jax.nn.log_softmax(transition, axis=1)
    means = jnp.array([-0.5, 0.7])
    seen = lambda y: -0.5 * (y - means) ** 2
    alpha, _ = lax.scan(lambda a, y: (logsumexp(a[:, None] + transition, axis=0) + seen(y), None),
                        start + seen(observed[0]), observed[1:])
    return logsumexp(alpha)


@program((), (), (6,))
def kalman(log_q, log_r, observed):
    q, r = jnp.exp(log_q), jnp.exp(log_r)
    F, H = jnp.array([[1.0, 0.1], [0.0, 0.9]]), jnp.array([1.0, 0.0])

    def step(carry, y):
        m, P = carry
        m, P = F @ m, F @ P @ F.T + q * jnp.eye(2)
        s = H @ P @ H + r
        gain, error = P @ H / s, y - H @ m
        return (m + gain * error, P - jnp.outer(gain, H @ P)), -0.5 * (jnp.log(2 * pi * s) + error**2 / s)
    return jnp.sum(lax.scan(step, (jnp.zeros(2), jnp.eye(2)), observed)[1])


@program((3, 3), (3,))
def conjugate_gradients(m, b):
    a = m @ m.T + 2 * jnp.eye(3)

    def step(s, _):
        x, r, p = s
        ap = a @ p
        alpha = r @ r / (p @ ap)
        x, q = x + alpha * p, r - alpha * ap
        return (x, q, q + (q @ q) / (r @ r) * p), None
    return lax.scan(step, (jnp.zeros(3), b, b), None, length=2)[0][0]


def cg_solve(matvec, b):
    def step(s, _):
        x, r, p = s
        ap = matvec(p)
        alpha = r @ r / jnp.maximum(p @ ap, 1e-300)
        x, q = x + alpha * p, r - alpha * ap
        return (x, q, q + (q @ q) / jnp.maximum(r @ r, 1e-300) * p), None
    return lax.scan(step, (jnp.zeros_like(b), b, b), None, length=4)[0][0]


@program((3, 3), (3,))
def implicit_linear_solve(m, b):
    a = m @ m.T + 2 * jnp.eye(3)
    return lax.custom_linear_solve(lambda x: a @ x, b, cg_solve, symmetric=True)


@program((), lo=0.5, hi=3.0)
def implicit_root(a):
    newton = lambda f, x: lax.fori_loop(0, 12, lambda _, x: x - f(x) / (3 * x**2 + 1), x)
    return lax.custom_root(lambda x: x**3 + x - a, jnp.float64(1.0), newton, lambda g, b: b / g(1.0))


@program((), (3,))
def descent_meta_gradient(rate, x):
    inner = jax.grad(lambda x: jnp.sum(x**4 + jnp.cos(x)))
    x, _ = lax.scan(lambda x, _: (x - 0.1 * rate * inner(x), None), x, None, length=4)
    return jnp.sum(x**2)


@program((3,), (3,))
def fixed_point(w, x):
    return lax.fori_loop(0, 15, lambda _, z: jnp.tanh(0.3 * w * z + x), jnp.zeros(3))


@jax.custom_jvp
def log1pexp(x):
    return jnp.log(1 + jnp.exp(x))


log1pexp.defjvps(lambda t, y, x: t * jax.nn.sigmoid(x))


@program((4,))
def own_forward_rule(x):
    return log1pexp(3 * x) * x


@jax.custom_vjp
def clip_gradient(x):
    return x


clip_gradient.defvjp(lambda x: (x, None), lambda _, ct: (jnp.clip(ct, -0.5, 0.5),))


@program((4,), modes="reverse")
def own_reverse_rule(x):
    return jnp.sin(clip_gradient(x**2)) * x


@program((3,), (3, 3))
def recomputed(x, w):
    layer = jax.checkpoint(lambda x: jnp.tanh(w @ x))
    return lax.scan(lambda x, _: (layer(x), None), x, None, length=3)[0]


# --- models -------------------------------------------------------------------------------------

@program((3, 3), (2, 3), (3,), (5, 2))
def recurrent(wh, wx, b, xs):
    h, _ = lax.scan(lambda h, x: (jnp.tanh(h @ wh + x @ wx + b), None), jnp.zeros(3), xs)
    return jnp.sum(h**2)


@program((5, 8), (8,), (4, 3))
def long_short_term(w, b, xs):
    def step(carry, x):
        h, c = carry
        i, f, g, o = jnp.split(jnp.concatenate([h, x]) @ w + b, 4)
        c = jax.nn.sigmoid(f + 1) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h
    return jnp.mean(lax.scan(step, (jnp.zeros(2), jnp.zeros(2)), xs)[1] ** 2)


@program((3, 6), (2, 6), (6,), (4, 3))
def gated_recurrent(wx, wh, b, xs):
    def step(h, x):
        xr, xz, xn = jnp.split(x @ wx + b, 3)
        hr, hz, hn = jnp.split(h @ wh, 3)
        r, z = jax.nn.sigmoid(xr + hr), jax.nn.sigmoid(xz + hz)
        h = (1 - z) * jnp.tanh(xn + r * hn) + z * h
        return h, h
    return jnp.sum(lax.scan(step, jnp.zeros(2), xs)[1] ** 3)


def attend(x, wq, wk, wv, heads):
    n, d = x.shape
    split = lambda y: y.reshape(n, heads, d // heads).transpose(1, 0, 2)
    q, k, v = split(x @ wq), split(x @ wk), split(x @ wv)
    weights = jax.nn.softmax(jnp.einsum("hnd,hmd->hnm", q, k) / (d // heads) ** 0.5, axis=-1)
    return jnp.einsum("hnm,hmd->hnd", weights, v).transpose(1, 0, 2).reshape(n, d)


@program((3, 4), (4, 4), (4, 4), (4, 4))
def attention(x, wq, wk, wv):
    return attend(x, wq, wk, wv, 2)


@program((3, 4), (4, 12), (4, 4), (4, 6), (6, 4))
def transformer_block(x, wqkv, wo, w1, w2):
    def norm(x):
        return (x - x.mean(-1, keepdims=True)) / jnp.sqrt(x.var(-1, keepdims=True) + 1e-5)
    y = x + attend(norm(x), wqkv[:, :4], wqkv[:, 4:8], wqkv[:, 8:], 2) @ wo
    h = norm(y) @ w1
    return jnp.mean((y + (h * jax.nn.sigmoid(h)) @ w2) ** 2)


LABELS = np.eye(3)[[0, 2, 1, 1]]


@program((2, 4), (4,), (4, 3), (3,), (4, 2))
def classifier(w1, b1, w2, b2, x):
    logits = jnp.tanh(x @ w1 + b1) @ w2 + b2
    return -jnp.mean(jnp.sum(LABELS * jax.nn.log_softmax(logits), axis=1))


@program((3,), (), (5, 3))
def logistic_regression(w, b, x):
    y = jnp.array([1.0, 0.0, 1.0, 1.0, 0.0])
    margin = x @ w + b
    return jnp.mean(jnp.logaddexp(margin, 0.0) - y * margin) + 0.01 * jnp.sum(w**2)


@program((3,), (3,), (3,), (6,))
def mixture(weights, means, log_scales, x):
    z = (x[:, None] - means) / jnp.exp(log_scales)
    terms = jax.nn.log_softmax(weights) - 0.5 * z**2 - log_scales - 0.5 * jnp.log(2 * pi)
    return jnp.sum(logsumexp(terms, axis=1))


@program((4, 3), (3, 2))
def embedding_by_one_hot(table, w):
    words = jnp.array([[0, 3, 3], [1, 2, 0]])
    return jnp.einsum("bwv,vd,dk->bk", jax.nn.one_hot(words, 4, dtype=jnp.float64), table, w) ** 2


@program((6,))
def soft_histogram(x):
    edges = jnp.linspace(-1.0, 1.0, 4)
    return jnp.sum(jax.nn.sigmoid(5 * (x[:, None] - edges)), axis=0) ** 2


@program((2,), (), (2,))
def gaussian_process(x, log_length, y):
    k = jnp.exp(-0.5 * ((x[:, None] - x[None]) / jnp.exp(log_length)) ** 2) + 0.3 * jnp.eye(2)
    det = k[0, 0] * k[1, 1] - k[0, 1] ** 2
    return -0.5 * (k[1, 1] * y[0] ** 2 - 2 * k[0, 1] * y[0] * y[1] + k[0, 0] * y[1] ** 2) / det - 0.5 * jnp.log(det)


# --- images, signals, indices and matrices ------------------------------------------------------

IMAGES = ("NCHW", "OIHW", "NCHW")


@program((2, 1, 3, 3), (3, 2, 2, 2), (2, 1, 6, 6))
def convolutional(k1, k2, x):
    h = jnp.tanh(lax.conv_general_dilated(x, k1, (1, 1), "SAME", dimension_numbers=IMAGES))
    h = lax.reduce_window(h, 0.0, lax.add, (1, 1, 2, 2), (1, 1, 2, 2), "VALID") / 4
    return jnp.sum(lax.conv_general_dilated(h, k2, (1, 1), "VALID", dimension_numbers=IMAGES) ** 2, axis=(0, 2, 3))


@program((2, 1, 2, 2), (1, 1, 6, 6))
def max_pooled(k, x):
    h = lax.conv_general_dilated(x, k, (1, 1), "SAME", dimension_numbers=IMAGES)
    return jnp.sum(lax.reduce_window(jnp.sin(h), -jnp.inf, lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID") ** 2)


@program((4, 1, 2), (1, 2, 7))
def dilated_by_groups(k, x):
    return lax.conv_general_dilated(jnp.sin(x), k, (2,), [(1, 2)], rhs_dilation=(2,), feature_group_count=2,
                                    dimension_numbers=("NCH", "OIH", "NCH")) ** 2


@program((6,), (6,))
def circular_convolution(x, y):
    return jnp.real(jnp.fft.ifft(jnp.fft.fft(x) * jnp.fft.fft(jnp.sin(y)))) ** 2


@program((8,))
def low_pass(x):
    return jnp.sum(jnp.fft.irfft(jnp.fft.rfft(x**2) * jnp.exp(-0.5 * jnp.arange(5.0)), 8) ** 3)


@program((4, 2), (2, 3))
def embedding(table, w):
    return (table[jnp.array([[0, 3, 3], [1, 2, 0]])].sum(1) @ w) ** 2


@program((5,))
def histogram(x):
    return jnp.zeros(3).at[jnp.array([0, 2, 0, 1, 2])].add(jnp.sin(x)) ** 2


@program((4,), ())
def updated_in_place(x, v):
    return (x.at[1:3].multiply(v).at[-1].set(v**2) * x) ** 2


@program((6,), (2,))
def sliding(x, w):
    return lax.fori_loop(0, 5, lambda i, s: s + i * jnp.dot(lax.dynamic_slice(x, (i,), (2,)), w) ** 2, 0.0)


@program((6,))
def greatest(x):
    return jnp.sum(lax.top_k(jnp.sin(x), 2)[0] * jnp.array([1.0, 2.0])) ** 2


@program((3, 3), (3,))
def gaussian_density(a, x):
    l = jnp.linalg.cholesky(a @ a.T + 3 * jnp.eye(3))
    z = jax.scipy.linalg.solve_triangular(l, x, lower=True)
    return -0.5 * jnp.sum(z**2) - jnp.sum(jnp.log(jnp.diag(l)))


# --- random numbers -----------------------------------------------------------------------------

@program((3,), (3,))
def evidence_lower_bound(mean, log_scale):
    noise = jax.random.normal(jax.random.PRNGKey(3), (4, 3), jnp.float64)
    z = mean + jnp.exp(log_scale) * noise
    return jnp.mean(jnp.sum(-0.25 * z**4 + z, axis=1)) + jnp.sum(log_scale)


@program((4, 2), (3, 4))
def dropout(w, x):
    keep = jax.random.bernoulli(jax.random.PRNGKey(7), 0.6, (3, 4))
    return jnp.sum(jnp.tanh(jnp.where(keep, x / 0.6, 0.0) @ w), axis=0)


@program((), ())
def random_walk(drift, scale):
    def step(x, key):
        return x + drift + scale * jax.random.uniform(key, (), jnp.float64) * jnp.cos(x), None
    return lax.scan(step, 0.0, jax.random.split(jax.random.PRNGKey(11), 6))[0]


# --- transformations ----------------------------------------------------------------------------

def digest(x):
    """The shape, and all elements of a small array, else two numbers."""
    x = np.asarray(x)
    flat = x.reshape(-1).astype(np.float64)
    if flat.size > 4:
        flat = np.array([flat.sum(), flat @ np.cos(1.0 + np.arange(flat.size))])
    return {"shape": list(x.shape), "digest": [real(v) for v in flat]}


def transforms(f, modes):
    """Each transformation of f, which takes a list of arrays: (p, t, ct) to a tree."""
    s = lambda p: jnp.sum(f(p))
    on_first = lambda g: lambda p: lambda x: g([x] + list(p[1:]))
    inner = lambda a, b: sum(jnp.sum(x * y) for x, y in zip(a, b))
    pair = lambda p, t: [jnp.stack([x, x + 0.1 * u]) for x, u in zip(p, t)]
    forward = {
        "value": lambda p, t, ct: f(p),
        "jit": lambda p, t, ct: jax.jit(f)(p),
        "vmap": lambda p, t, ct: jax.vmap(f)(pair(p, t)),
        "checkpoint": lambda p, t, ct: jax.checkpoint(f)(p),
    }
    if modes != "reverse":
        forward |= {
            "jvp": lambda p, t, ct: jax.jvp(f, (p,), (t,)),
            "jacfwd": lambda p, t, ct: jax.jacfwd(on_first(f)(p))(p[0]),
            "jvp of jvp": lambda p, t, ct: jax.jvp(lambda p: jax.jvp(f, (p,), (t,))[1], (p,), (t,))[1],
            "vmap of jvp": lambda p, t, ct: jax.vmap(lambda p: jax.jvp(f, (p,), (t,))[1])(pair(p, t)),
        }
    if modes == "forward":
        return forward
    reverse = forward | {
        "grad": lambda p, t, ct: jax.grad(s)(p),
        "value_and_grad": lambda p, t, ct: jax.value_and_grad(s)(p),
        "jit of grad": lambda p, t, ct: jax.jit(jax.grad(s))(p),
        "grad of jit": lambda p, t, ct: jax.grad(jax.jit(s))(p),
        "vjp": lambda p, t, ct: jax.vjp(f, p)[1](ct)[0],
        "jacrev": lambda p, t, ct: jax.jacrev(on_first(f)(p))(p[0]),
        "vmap of grad": lambda p, t, ct: jax.vmap(jax.grad(s))(pair(p, t)),
        "grad of vmap": lambda p, t, ct: jax.grad(lambda b: jnp.sum(jax.vmap(s)(b) ** 2))(pair(p, t)),
        "grad of checkpoint": lambda p, t, ct: jax.grad(jax.checkpoint(s))(p),
        "grad of grad": lambda p, t, ct: jax.grad(lambda p: inner(jax.grad(s)(p), jax.grad(s)(p)))(p),
        "hvp reverse over reverse": lambda p, t, ct: jax.grad(lambda p: inner(jax.grad(s)(p), t))(p),
    }
    if modes == "reverse":
        return reverse
    return reverse | {
        "linearize": lambda p, t, ct: jax.linearize(f, p)[1](t),
        "hessian": lambda p, t, ct: jax.hessian(on_first(s)(p))(p[0]),
        "hvp forward over reverse": lambda p, t, ct: jax.jvp(jax.grad(s), (p,), (t,))[1],
        "hvp reverse over forward": lambda p, t, ct: jax.grad(lambda p: jax.jvp(s, (p,), (t,))[1])(p),
        "vmap of hvp": lambda p, t, ct: jax.vmap(lambda p: jax.jvp(jax.grad(s), (p,), (t,))[1])(pair(p, t)),
    }


def main():
    cases, count = [], 0
    for name, (f, shapes, lo, hi, modes) in PROGRAMS.items():
        r = rng(name)
        p = [jnp.asarray(np.round(r.uniform(lo, hi, s), 3)) for s in shapes]
        t = [jnp.asarray(np.round(r.uniform(-1, 1, s), 3)) for s in shapes]
        y = jax.eval_shape(f, *p)
        ct = jnp.asarray(np.round(r.uniform(-1, 1, y.shape), 3))
        all_ = transforms(lambda p: f(*p), modes)
        results = jax.jit(lambda p, t, ct: {k: g(p, t, ct) for k, g in all_.items()})(p, t, ct)
        # The oracle against itself: numeric differences and the order of modes.
        if modes != "reverse":
            h = 1e-6
            at = lambda c: f(*[x + c * u for x, u in zip(p, t)])
            close(results["jvp"][1], (at(h) - at(-h)) / (2 * h), 1e-5, 1e-5, name)
        if modes == "both":
            close(results["jvp"][1], results["linearize"], 1e-9, 1e-9, name)
            orders = [results["hvp " + o] for o in ("forward over reverse", "reverse over forward", "reverse over reverse")]
            for a, b, c in zip(*orders):
                close(a, b, 1e-7, 1e-7, name)
                close(a, c, 1e-7, 1e-7, name)
        leaves = {k: [digest(x) for x in jax.tree.leaves(v)] for k, v in results.items()}
        assert all(isinstance(v, float) for ls in leaves.values() for d in ls for v in d["digest"]), name
        count += len(leaves)
        cases.append({"name": name, "modes": modes, "inputs": [array(x) for x in p], "tangents": [array(x) for x in t],
                      "cotangent": array(ct), "results": leaves})
    print(len(cases), "programs,", count, "cases")
    write(__file__, {"cases": cases})


if __name__ == "__main__":
    main()
