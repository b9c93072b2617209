"""transforms.json: small programs under composed transformations, in f64.

Each program is a Python expression, given in the JSON: a function of the listed inputs. Its outputs
are the leaves of what it returns, in order. Helpers that programs share are in "helpers".
The end of this file checks some of the answers by numeric differences and by hand.
"""

from common import *

jax.config.update("jax_enable_x64", True)

import jax.numpy as jnp

HELPERS = """
def hvp(f, x, v): return jax.jvp(jax.grad(f), (x,), (v,))[1]
def logsumexp(x): m = jnp.max(x); return m + jnp.log(jnp.sum(jnp.exp(x - m)))
def rosenbrock(x, y): return (1 - x)**2 + 100 * (y - x**2)**2
def quartic(x): return jnp.sum(x**4) + jnp.sum(x) * jnp.sum(jnp.sin(x))
def mlp(w1, b1, w2, b2, x): return jnp.tanh(x @ w1 + b1) @ w2 + b2
def mse(w1, b1, w2, b2, x, y): return jnp.mean((mlp(w1, b1, w2, b2, x) - y)**2)
def xent(w, b, x, onehot): return jnp.mean(jax.vmap(lambda x, t: logsumexp(x @ w + b) - jnp.sum(t * (x @ w + b)))(x, onehot))
def gauss(mu, log_sigma, data): return jnp.sum(-0.5 * ((data - mu) / jnp.exp(log_sigma))**2 - log_sigma - 0.5 * jnp.log(2 * jnp.pi))
def cell(h, x, wh, wx, b): return jnp.tanh(h @ wh + x @ wx + b)
def rnn(wh, wx, b, h, xs):
    for x in xs: h = cell(h, x, wh, wx, b)
    return jnp.sum(h**2)
"""

S, V, W, M, N = (), (3,), (3,), (2, 3), (3, 2)
MLP = [(3, 4), (4,), (4, 2), (2,), (5, 3)]
RNN = [(3, 3), (2, 3), (3,), (3,)] + [(2,)] * 5
ONEHOT = np.eye(3)[[0, 2, 1, 1]]

PROGRAMS = [  # name, input shapes (or values), program
    ("grad_polynomial", [S], "jax.grad(lambda x: 3 * x**2 + 4 * x - 3)"),
    ("grad_grad", [S], "jax.grad(jax.grad(lambda x: jnp.sin(x) * jnp.exp(x)))"),
    ("third_derivative", [S], "jax.grad(jax.grad(jax.grad(lambda x: x**5 + jnp.sin(x))))"),
    ("fourth_derivative_tanh", [S], "jax.grad(jax.grad(jax.grad(jax.grad(jnp.tanh))))"),
    ("third_derivative_logistic", [S], "jax.grad(jax.grad(jax.grad(jax.nn.sigmoid)))"),
    ("value_and_grad", [V], "jax.value_and_grad(lambda x: jnp.sum(jnp.sin(x) * x))"),
    ("grad_vector", [V], "jax.grad(lambda x: jnp.sum(x**3) + jnp.mean(jnp.exp(x)))"),
    ("grad_argnums_1", [S, S], "jax.grad(lambda x, y: x * jnp.sin(y) + y / x, argnums=1)"),
    ("grad_argnums_both", [S, S], "jax.grad(lambda x, y: 2 * x**2 - 4 * x * y + y**4 + 2, argnums=(0, 1))"),
    ("grad_argnums_reversed", [S, S], "jax.grad(lambda x, y: x**2 * y, argnums=(1, 0))"),
    ("value_and_grad_has_aux", [V], "jax.value_and_grad(lambda x: (jnp.sum(x**2), jnp.sin(x)), has_aux=True)"),
    ("grad_has_aux", [V], "jax.grad(lambda x: (jnp.sum(x**3), (x, jnp.sum(x))), has_aux=True)"),
    ("grad_unused_argument", [S, V], "jax.grad(lambda x, y: x**2, argnums=(0, 1))"),
    ("grad_constant", [V], "jax.grad(lambda x: 1.0 + 0.0 * jnp.sum(x))"),
    ("grad_through_where", [V], "jax.grad(lambda x: jnp.sum(jnp.where(x > 0, x**2, -3 * x)))"),
    ("grad_safe_where", [V], "jax.grad(lambda x: jnp.sum(jnp.where(x > 0, jnp.log(jnp.where(x > 0, x, 1.0)), 0.0)))"),
    ("grad_through_max", [M], "jax.grad(lambda x: jnp.sum(jnp.max(x, axis=1)**2))"),
    ("grad_shared_subexpression", [S], "jax.grad(lambda x: (lambda y: y * y + jnp.sin(y) * y)(jnp.exp(x)))"),
    ("jvp_scalar", [S, S], "lambda x, t: jax.jvp(lambda x: jnp.sin(x) * x, (x,), (t,))"),
    ("jvp_two_arguments", [V, V, V, V], "lambda x, y, s, t: jax.jvp(lambda x, y: x * jnp.exp(y) / 2, (x, y), (s, t))"),
    ("jvp_two_outputs", [V, V], "lambda x, t: jax.jvp(lambda x: (jnp.sum(x), jnp.cos(x)), (x,), (t,))"),
    ("jvp_of_jvp", [S, S, S], "lambda x, s, t: jax.jvp(lambda y: jax.jvp(lambda x: x**4, (y,), (s,))[1], (x,), (t,))"),
    ("vjp_vector", [V, V], "lambda x, c: jax.vjp(lambda x: jnp.sin(x) * jnp.sum(x), x)[1](c)"),
    ("vjp_two_arguments", [M, N, (2, 2)], "lambda a, b, c: jax.vjp(jnp.dot, a, b)[1](c)"),
    ("vjp_two_outputs", [V, V, S], "lambda x, c, d: jax.vjp(lambda x: (x**2, jnp.sum(jnp.exp(x))), x)[1]((c, d))"),
    ("vjp_matrix_vector", [M, V, (2,)], "lambda a, x, c: jax.vjp(lambda a, x: jnp.tanh(a @ x), a, x)[1](c)"),
    ("linearize", [V, V, V], "lambda x, s, t: (lambda yl: (yl[0], yl[1](s), yl[1](t)))(jax.linearize(lambda x: jnp.sin(x) * x, x))"),
    ("linearize_matmul", [M, N, M], "lambda a, b, t: jax.linearize(lambda a: jnp.tanh(a @ b), a)[1](t)"),
    ("grad_of_jvp", [V, V], "lambda x, t: jax.grad(lambda x: jnp.sum(jax.jvp(lambda x: jnp.sin(x) * x, (x,), (t,))[1]))(x)"),
    ("grad_of_vjp", [V, V], "lambda x, c: jax.grad(lambda x: jnp.sum(jax.vjp(lambda x: jnp.exp(x) * x, x)[1](c)[0]**2))(x)"),
    ("hvp_forward_over_reverse", [V, V], "lambda x, v: hvp(quartic, x, v)"),
    ("hvp_reverse_over_reverse", [V, V], "lambda x, v: jax.grad(lambda x: jnp.sum(jax.grad(quartic)(x) * v))(x)"),
    ("hvp_reverse_over_forward", [V, V], "lambda x, v: jax.grad(lambda x: jax.jvp(quartic, (x,), (v,))[1])(x)"),
    ("hessian", [V], "jax.hessian(quartic)"),
    ("jacfwd", [V], "jax.jacfwd(lambda x: jnp.sin(x) * jnp.sum(x**2))"),
    ("jacrev", [V], "jax.jacrev(lambda x: jnp.sin(x) * jnp.sum(x**2))"),
    ("rosenbrock_grad", [S, S], "jax.grad(rosenbrock, argnums=(0, 1))"),
    ("rosenbrock_hessian", [S, S], "jax.hessian(rosenbrock, argnums=(0, 1))"),
    ("rosenbrock_hvp", [S, S, S, S], "lambda x, y, s, t: jax.jvp(jax.grad(rosenbrock, argnums=(0, 1)), (x, y), (s, t))[1]"),
    ("perturbation_confusion", [S], "jax.grad(lambda x: x * jax.grad(lambda y: x + y)(1.0))"),
    ("perturbation_confusion_square", [S], "jax.grad(lambda x: x * jax.grad(lambda y: x * y * y)(x))"),
    ("perturbation_confusion_jvp", [S], "jax.grad(lambda x: x * jax.jvp(lambda y: x * y**2, (x,), (1.0,))[1])"),
    ("perturbation_confusion_shadow", [S, S], "lambda x, y: jax.jvp(lambda x: x * jax.jvp(lambda z: jnp.sin(z) * x, (y,), (1.0,))[1], (x,), (1.0,))[1]"),
    ("captured_outer_variable", [S, V], "lambda a, x: jax.grad(lambda x: jnp.sum(jnp.sin(a * x)))(x)"),
    ("grad_of_captured", [S, V], "lambda a, x: jax.grad(lambda a: jnp.sum(jax.grad(lambda x: jnp.sum(a**2 * x**3))(x)))(a)"),
    ("vmap_captured", [V, M], "lambda a, m: jax.vmap(lambda r: jnp.sum(a * r))(m)"),
    ("vmap_grad", [M], "jax.vmap(jax.grad(lambda x: jnp.sum(x**3) * jnp.sum(x)))"),
    ("grad_vmap", [M], "jax.grad(lambda m: jnp.sum(jax.vmap(lambda r: jnp.sum(jnp.sin(r))**2)(m)))"),
    ("grad_vmap_shared_weights", [V, M], "jax.grad(lambda w, m: jnp.sum(jax.vmap(lambda r: jnp.tanh(jnp.dot(w, r)))(m)))"),
    ("vmap_in_axes_1", [M], "jax.vmap(lambda c: c * jnp.sum(c), in_axes=1)"),
    ("vmap_in_axes_out_axes", [M], "jax.vmap(lambda c: jnp.exp(c), in_axes=1, out_axes=1)"),
    ("vmap_in_axes_none", [M, V], "jax.vmap(lambda r, v: jnp.dot(r, v), in_axes=(0, None))"),
    ("vmap_mixed_axes", [M, N], "jax.vmap(lambda r, c: r * c, in_axes=(0, 1), out_axes=1)"),
    ("vmap_of_vmap", [V, (2,)], "jax.vmap(jax.vmap(lambda x, y: x * y + jnp.sin(y), (None, 0)), (0, None))"),
    ("vmap_matmul", [(2, 2, 3), (2, 3, 2)], "jax.vmap(jnp.matmul)"),
    ("vmap_constant_output", [V], "jax.vmap(lambda x: (x, 2.0))"),
    ("vmap_where", [V, V], "jax.vmap(lambda x, y: jnp.where(x > y, x, y**2))"),
    ("vmap_negative_axis", [(2, 3, 2)], "jax.vmap(lambda m: jnp.transpose(m) @ m, in_axes=-1, out_axes=-1)"),
    ("jvp_of_vmap", [M, M], "lambda m, t: jax.jvp(jax.vmap(lambda r: r * jnp.sum(r)), (m,), (t,))[1]"),
    ("vmap_of_jvp", [V, M], "lambda x, ts: jax.vmap(lambda t: jax.jvp(lambda x: jnp.sin(x) * jnp.sum(x), (x,), (t,))[1])(ts)"),
    ("vmap_of_vjp", [V, M], "lambda x, cs: jax.vmap(jax.vjp(lambda x: x**2 * jnp.sum(x), x)[1])(cs)"),
    ("vmap_of_hvp", [V, M], "lambda x, vs: jax.vmap(lambda v: hvp(quartic, x, v))(vs)"),
    ("jit_grad", [V], "jax.jit(jax.grad(lambda x: jnp.sum(jnp.sqrt(x**2 + 1))))"),
    ("grad_jit", [V], "jax.grad(jax.jit(lambda x: jnp.sum(jnp.log(x**2 + 1))))"),
    ("vmap_grad_jit", [M], "jax.vmap(jax.grad(jax.jit(lambda x: jnp.sum(jnp.tanh(x)**2))))"),
    ("jit_vmap_grad_jit_grad", [V], "jax.jit(jax.vmap(jax.grad(jax.jit(jax.grad(lambda x: x**4 * jnp.cos(x))))))"),
    ("jit_captured", [S, V], "lambda a, x: jax.grad(lambda a: jnp.sum(jax.jit(lambda x: jnp.exp(a * x))(x)))(a)"),
    ("reshape_transpose_grad", [(2, 3)], "jax.grad(lambda m: jnp.sum(jnp.reshape(jnp.transpose(m), (2, 3))**2 * m))"),
    ("broadcast_grad", [V, (2, 1)], "jax.grad(lambda x, c: jnp.sum((x + c)**2 * jnp.exp(c)), argnums=(0, 1))"),
    ("softmax_jacobian", [V], "jax.jacrev(lambda x: jnp.exp(x - logsumexp(x)))"),
    ("logsumexp_hessian", [V], "jax.hessian(logsumexp)"),
    ("softmax_cross_entropy_grad", [(2, 3), V, (4, 2), ONEHOT], "jax.value_and_grad(xent, argnums=(0, 1))"),
    ("gaussian_log_likelihood", [S, S, (6,)], "jax.value_and_grad(gauss, argnums=(0, 1))"),
    ("gaussian_fisher", [S, S, (6,)], "jax.hessian(gauss, argnums=(0, 1))"),
    ("mlp_value_and_grad", MLP + [(5, 2)], "jax.value_and_grad(mse, argnums=(0, 1, 2, 3))"),
    ("mlp_hvp", MLP + [(5, 2), (3, 4)], "lambda w1, b1, w2, b2, x, y, v: hvp(lambda w1: mse(w1, b1, w2, b2, x, y), w1, v)"),
    ("mlp_per_example_grads", MLP + [(5, 2)], "lambda w1, b1, w2, b2, x, y: jax.vmap(jax.grad(mse), (None, None, None, None, 0, 0))(w1, b1, w2, b2, x, y)"),
    ("mlp_input_jacobian", [(3, 4), (4,), (4, 2), (2,), (3,)], "jax.jacfwd(mlp, argnums=4)"),
    ("mlp_sgd_step", MLP + [(5, 2)], "lambda w1, b1, w2, b2, x, y: [p - 0.1 * g for p, g in zip((w1, b1, w2, b2), jax.grad(mse, (0, 1, 2, 3))(w1, b1, w2, b2, x, y))]"),
    ("rnn_grad", RNN, "jax.value_and_grad(lambda wh, wx, b, h, *xs: rnn(wh, wx, b, h, xs), argnums=(0, 1, 2, 3))"),
    ("rnn_jvp", RNN + [(3, 3)], "lambda wh, wx, b, h, *r: jax.jvp(lambda wh: rnn(wh, wx, b, h, r[:5]), (wh,), (r[5],))"),
    ("unrolled_newton_grad", [S], "jax.grad(lambda a: (lambda f: f(f(f(f(1.5)))))(lambda x: 0.5 * (x + (a**2 + 1) / x)))"),
    ("gradient_descent_meta_grad", [S, V], "jax.grad(lambda lr, x: (lambda s: jnp.sum(s(s(s(x)))**2))(lambda x: x - lr * jax.grad(lambda x: jnp.sum(x**4 + x**2))(x)))"),
    ("laplacian", [V], "lambda x: jnp.trace(jax.hessian(lambda x: jnp.exp(-jnp.sum(x**2)))(x))"),
    ("division_mixed", [S, S], "jax.hessian(lambda x, y: x / (1 + y**2) + jnp.sqrt(1 + x**2), argnums=(0, 1))"),
]
space = {"jax": jax, "jnp": jnp}
exec(HELPERS, space)


def make(name, spec):
    r = rng(name)
    return [jnp.asarray(s if isinstance(s, np.ndarray) else np.round(r.uniform(-1.5, 1.5, s), 3)) for s in spec]


cases, answers = [], {}
for name, spec, source in PROGRAMS:
    xs = make(name, spec)
    out = jax.tree.leaves(eval(source, space)(*xs))
    answers[name] = (xs, out)
    cases.append({"name": name, "python": source, "inputs": [array(x) for x in xs], "outputs": [array(y) for y in out]})
assert len(answers) == len(PROGRAMS)


def slope(f, x, t, h=1e-5):
    return (f(x + h * t) - f(x - h * t)) / (2 * h)


def numeric_grad(f, x):
    flat = np.zeros(x.size)
    for i in range(x.size):
        flat[i] = slope(f, x, np.eye(x.size)[i].reshape(x.shape))
    return flat.reshape(x.shape)


# Checks of the oracle by numeric differences and by hand.
def check(name, want):
    for y, w in zip(answers[name][1], want, strict=True):
        close(y, w, 1e-5, 1e-6, name)


g = space
for name in ("mlp_value_and_grad", "rnn_grad", "softmax_cross_entropy_grad", "gaussian_log_likelihood"):
    xs = answers[name][0]
    f = {"mlp_value_and_grad": g["mse"], "softmax_cross_entropy_grad": g["xent"], "gaussian_log_likelihood": g["gauss"],
         "rnn_grad": lambda wh, wx, b, h, *xs: g["rnn"](wh, wx, b, h, xs)}[name]
    n = len(answers[name][1]) - 1
    check(name, [f(*xs)] + [numeric_grad(lambda x: f(*xs[:i], x, *xs[i + 1:]), xs[i]) for i in range(n)])
for name in ("hvp_forward_over_reverse", "hvp_reverse_over_reverse", "hvp_reverse_over_forward"):
    x, v = answers[name][0]
    check(name, [slope(jax.grad(g["quartic"]), x, v)])
x, = answers["hessian"][0]
check("hessian", [np.stack([numeric_grad(lambda x, i=i: jax.grad(g["quartic"])(x)[i], x) for i in range(3)])])
check("perturbation_confusion", [1.0])
check("perturbation_confusion_square", [6 * answers["perturbation_confusion_square"][0][0] ** 2])
check("perturbation_confusion_jvp", [6 * answers["perturbation_confusion_jvp"][0][0] ** 2])
x, y = answers["perturbation_confusion_shadow"][0]
check("perturbation_confusion_shadow", [2 * x * jnp.cos(y)])
x, = answers["third_derivative"][0]
check("third_derivative", [60 * x ** 2 - jnp.cos(x)])
lr, x = answers["gradient_descent_meta_grad"][0]
meta = eval(PROGRAMS[[p[0] for p in PROGRAMS].index("gradient_descent_meta_grad")][2].removeprefix("jax.grad"), g)
check("gradient_descent_meta_grad", [slope(lambda lr: meta(lr, x), lr, 1.0, 1e-7)])

write(__file__, {"helpers": [line for line in HELPERS.strip().splitlines()], "cases": cases})
