"""Writes the corpus of tests/read.rs with JAX 0.10.2: each program as text, as generic text and as a portable artifact.

Run it in this folder: `python make_corpus.py`.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import export, lax
from jax._src.interpreters import mlir
from jaxlib.mlir import ir

# Locations name this file without the folder.
jax.config.update("jax_hlo_source_file_canonicalization_regex", ".*/")

x = np.ones((3, 4), np.float32)


def rnn(xs, w):
    def step(h, t):
        h = jnp.tanh(h @ w + t)
        return h, h.sum()

    return lax.scan(step, xs[0], xs)


def control(n, v):
    doubled = lax.cond(n > 2, lambda a: a * 2, lambda a: a - 1, v)
    return lax.while_loop(lambda c: c[0] < 10, lambda c: (c[0] + 1, c[1] * c[1]), (n, doubled))


def windows(a, k):
    y = lax.conv_general_dilated(
        a, k, (2, 1), ((1, 2), (0, 1)), rhs_dilation=(2, 1), dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    return lax.reduce_window(y, -np.inf, lax.max, (1, 2, 2, 1), (1, 1, 1, 1), "VALID")


def indexing(a, i):
    padded = lax.pad(a, 0.0, ((1, -1, 2), (0, 3, 0)))
    return a[i], a.at[i].add(1.0), jnp.argmax(a, 1), lax.sort((a, -a), num_keys=2), padded


def constants(a):
    table = np.arange(200, dtype=np.float32).reshape(20, 10)
    flags = np.arange(11) % 3 == 0
    narrow = jnp.array([1.5, -2.0, 448.0], jnp.float8_e4m3fn).astype(jnp.float32)
    return a + table, jnp.asarray(flags), narrow, jnp.float16(np.nan), jnp.bfloat16(-np.inf), 2 + 3j * a


def draws(key):
    return jax.random.uniform(key, (3,))


def special(a):
    return jax.scipy.special.erfinv(a), lax.top_k(a, 2), jnp.fft.rfft(a), lax.reduce_precision(a, 5, 10)


def products(a):
    low = lax.dot_general(a, a, (((1,), (1,)), ((), ())), precision=lax.DotAlgorithmPreset.BF16_BF16_F32)
    return low + jnp.matmul(a, a.T, precision="highest")


PROGRAMS = {
    "rnn": (rnn, (x, np.ones((4, 4), np.float32))),
    "control": (control, (1, x)),
    "windows": (windows, (np.ones((2, 8, 8, 3), np.float32), np.ones((3, 3, 3, 5), np.float32))),
    "indexing": (indexing, (x, np.array([0, 2]))),
    "constants": (constants, (np.ones((20, 10), np.float32),)),
    "draws": (draws, (jax.random.PRNGKey(0),)),
    "special": (special, (x,)),
    "products": (products, (x,)),
}

for name, (function, arguments) in PROGRAMS.items():
    exported = export.export(jax.jit(function))(*arguments)
    with mlir.make_ir_context():
        module = ir.Module.parse(exported.mlir_module())
        text = module.operation.get_asm(enable_debug_info=True)
        generic = module.operation.get_asm(print_generic_op_form=True)
    with open(f"{name}.mlir", "w") as f:
        f.write(text)
    with open(f"{name}.generic.mlir", "w") as f:
        f.write(generic)
    with open(f"{name}.bc", "wb") as f:
        f.write(exported.mlir_module_serialized)
