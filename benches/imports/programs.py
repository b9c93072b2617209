"""Functions as people write them in JAX, for compare.py.

    python programs.py --export FOLDER    writes each as `jax.export` does, and the types of its arguments
    python programs.py --worker NAME      a process that measures one in JAX, as `cotangent bench --import` does in Cotangent
    python programs.py --list

With PJRT_CPU_PLUGIN, JAX uses the XLA of that plugin in place of the one in jaxlib.
"""

import json
import os
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "vs_jax"))
import cases

PROGRAMS = {}

if plugin := os.environ.get("PJRT_CPU_PLUGIN"):
    from jax._src import xla_bridge

    xla_bridge.register_plugin("other_cpu", library_path=plugin, priority=500, options={"cpu_device_count": 1})
    jax.config.update("jax_platforms", "other_cpu,cpu")


def f32(*shape):
    return jax.ShapeDtypeStruct(shape, np.float32)


def i32(*shape):
    return jax.ShapeDtypeStruct(shape, np.int32)


def program(name, *types):
    def add(f):
        PROGRAMS[name] = (f, types)
        return f

    return add


def argument(k, type):
    """The argument of this number: the same elements as in crates/bench/src/imports.rs."""
    i = np.arange(int(np.prod(type.shape)), dtype=np.float64)
    if type.dtype == np.float32:
        x = 0.3 * np.sin(k + 1.7 * i)
    else:
        x = (7 * i.astype(np.int64) + k) % 50
    return jnp.asarray(x.astype(type.dtype).reshape(type.shape))


def arguments(name):
    """All arrays of the arguments."""
    return [argument(k, type) for k, type in enumerate(jax.tree.leaves(PROGRAMS[name][1]))]


def flat(name):
    """The function of the list of these arrays."""
    f, types = PROGRAMS[name]
    structure = jax.tree.structure(types)
    return lambda leaves: f(*jax.tree.unflatten(structure, leaves))


def gradient(name):
    """A second program: value and gradient by the first argument of the first output's sum of squares."""
    f, types = PROGRAMS[name]

    def loss(first, *rest):
        return jnp.sum(jnp.square(jax.tree.leaves(f(first, *rest))[0]))

    PROGRAMS[name + "-gradient"] = (jax.value_and_grad(loss), types)


def layer(n, m):
    return {"w": f32(n, m), "b": f32(m)}


@program("mlp", [layer(784, 512), layer(512, 512), layer(512, 10)], f32(128, 784))
def mlp(layers, x):
    for p in layers[:-1]:
        x = jax.nn.relu(x @ p["w"] + p["b"])
    return jax.nn.log_softmax(x @ layers[-1]["w"] + layers[-1]["b"])


@program("mlp-small", [layer(16, 32), layer(32, 32), layer(32, 4)], f32(8, 16))
def mlp_small(layers, x):
    for p in layers[:-1]:
        x = jnp.tanh(x @ p["w"] + p["b"])
    return x @ layers[-1]["w"] + layers[-1]["b"]


@program("conv", [f32(3, 3, 1, 16), f32(3, 3, 16, 32)], layer(32 * 7 * 7, 10), f32(32, 28, 28, 1))
def conv(kernels, last, x):
    for kernel in kernels:
        x = lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        x = lax.reduce_window(jax.nn.relu(x), -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    return x.reshape(len(x), -1) @ last["w"] + last["b"]


def norm(p, x):
    mean = x.mean(-1, keepdims=True)
    return (x - mean) * lax.rsqrt(x.var(-1, keepdims=True) + 1e-5) * p["w"] + p["b"]


D, HEADS, LAYERS, LENGTH = 128, 4, 2, 64
BLOCK = {
    "ln1": {"w": f32(D), "b": f32(D)}, "ln2": {"w": f32(D), "b": f32(D)}, "qkv": layer(D, 3 * D), "out": layer(D, D),
    "up": layer(D, 4 * D), "down": layer(4 * D, D),
}


def attention(p, x):
    q, k, v = jnp.split(x @ p["qkv"]["w"] + p["qkv"]["b"], 3, -1)
    q, k, v = (t.reshape(*t.shape[:2], HEADS, D // HEADS) for t in (q, k, v))
    scores = jnp.einsum("bqhd,bkhd->bhqk", q, k) / np.sqrt(D // HEADS)
    mask = jnp.tril(jnp.ones((x.shape[1], x.shape[1]), bool))
    weights = jax.nn.softmax(jnp.where(mask, scores, -1e9))
    mixed = jnp.einsum("bhqk,bkhd->bqhd", weights, v).reshape(x.shape)
    return mixed @ p["out"]["w"] + p["out"]["b"]


@program("gpt", {"embed": f32(256, D), "place": f32(LENGTH, D), "blocks": [BLOCK] * LAYERS}, i32(4, LENGTH))
def gpt(p, tokens):
    x = p["embed"][tokens] + p["place"]
    for block in p["blocks"]:
        x = x + attention(block, norm(block["ln1"], x))
        hidden = jax.nn.gelu(norm(block["ln2"], x) @ block["up"]["w"] + block["up"]["b"])
        x = x + hidden @ block["down"]["w"] + block["down"]["b"]
    return jax.nn.log_softmax(x @ p["embed"].T)


@program("lstm", {"x": f32(64, 256), "h": f32(64, 256), "b": f32(256)}, f32(40, 16, 64))
def lstm(p, xs):
    def step(carry, x):
        h, c = carry
        i, f, g, o = jnp.split(x @ p["x"] + h @ p["h"] + p["b"], 4, -1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    zero = jnp.zeros((16, 64))
    return lax.scan(step, (zero, zero), xs)[1]


@program("ode", f32(3), f32(3))
def ode(x, p):
    """Lorenz's system by Runge and Kutta's method. It is chaotic, so with many steps results would differ."""

    def slope(x):
        return jnp.stack([10 * (x[1] - x[0]), x[0] * (28 - x[2]) - x[1], x[0] * x[1] - 8 / 3 * x[2]]) + 0.1 * p

    def step(x, _):
        h = 0.01
        a = slope(x)
        b = slope(x + h / 2 * a)
        c = slope(x + h / 2 * b)
        d = slope(x + h * c)
        x = x + h / 6 * (a + 2 * b + 2 * c + d)
        return x, x[0]

    x, path = lax.scan(step, x, None, length=200)
    return x, path


@program("n-body", f32(64, 3), f32(64, 3), f32(64))
def n_body(x, v, m):
    def forces(x):
        d = x[None] - x[:, None]
        return jnp.sum(d * ((jnp.abs(m) / (jnp.sum(d * d, -1) + 1.0) ** 1.5)[..., None]), 1)

    def step(_, state):
        x, v = state
        v = v + 0.01 * forces(x)
        return x + 0.01 * v, v

    return lax.fori_loop(0, 50, step, (x, v))


@program("newton", f32(64, 64), f32(64))
def newton(a, b):
    """A loop that ends by a condition, with a linear system in each step."""
    a = a @ a.T / 10 + jnp.eye(64)

    def residual(x):
        return a @ x + 0.1 * x**3 - b

    def step(state):
        x, n, _ = state
        dx = jnp.linalg.solve(a + jnp.diag(0.3 * x**2), residual(x))
        return x - dx, n + 1, jnp.max(jnp.abs(dx))

    return lax.while_loop(lambda s: (s[2] > 1e-5) & (s[1] < 20), step, (jnp.zeros_like(b), 0, jnp.inf))[0]


@program("gaussian-process", f32(200, 2), f32(200), f32(3))
def gaussian_process(x, y, p):
    d = jnp.sum((x[:, None] - x[None]) ** 2, -1)
    k = jnp.exp(p[0]) * jnp.exp(-d / (0.5 + p[1] ** 2)) + 0.1 * jnp.eye(len(x))
    chol = jnp.linalg.cholesky(k)
    alpha = jax.scipy.linalg.solve_triangular(chol, y, lower=True)
    return 0.5 * jnp.sum(alpha**2) + jnp.sum(jnp.log(jnp.diag(chol)))


@program("elementwise", f32(1 << 20))
def elementwise(x):
    return jnp.sum(jnp.exp(-x * x) * jnp.sin(x) + jnp.log1p(jnp.abs(x)))


@program("sort", f32(200, 500), i32(1000))
def sort(x, at):
    values, indices = lax.top_k(jnp.sort(x, -1), 10)
    return values, indices, x.reshape(-1)[at * 2000].sum() + jnp.cumsum(x, 1)[:, -1].sum()


@program("draws", f32(1000))
def draws(x):
    a, b = jax.random.split(jax.random.key(3))
    return jax.random.normal(a, (100, 1000)) * x + jax.random.uniform(b, (100, 1000))


@program("fourier", f32(64, 1024))
def fourier(x):
    return jnp.abs(jnp.fft.irfft(jnp.fft.rfft(x) * jnp.exp(-jnp.arange(513) / 100)))


@program("scalar", f32(), f32())
def scalar(x, y):
    return jnp.sin(x) * y


for each in ["mlp", "mlp-small", "conv", "gpt", "lstm", "ode", "n-body", "gaussian-process", "elementwise"]:
    gradient(each)


def export(folder):
    folder = Path(folder)
    for name, (f, types) in PROGRAMS.items():
        written = jax.export.export(jax.jit(f))(*types).serialize()
        (folder / f"{name}.jax").write_bytes(written)
        leaves = [[list(t.shape), np.dtype(t.dtype).name] for t in jax.tree.leaves(types)]
        (folder / f"{name}.json").write_text(json.dumps(leaves))


def numbers(results):
    """The sum, the weighted sum and the sum of magnitudes of each result."""
    for x in jax.tree.leaves(results):
        x = np.asarray(x, np.float64).reshape(-1)
        yield from (x.sum(), (x * np.cos(1.0 + np.arange(len(x)))).sum(), np.abs(x).sum())


def set_up(name):
    f, given = jax.jit(flat(name)), arguments(name)
    return cases.Bench(lambda: jax.block_until_ready(f(given)), check=numbers(f(given)))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--list"]:
            print(*PROGRAMS, sep="\n")
        case ["--export", folder]:
            export(folder)
        case ["--worker", name]:
            cases.CASES[name] = lambda: set_up(name)
            cases.serve(name)
        case _:
            sys.exit(__doc__)
