"""Compares what the reader reads, and what the writer of artifacts writes, with the MLIR of jaxlib.

Each program of JAX is read as pretty text, with and without locations, as generic text and as portable artifacts of
three versions: one program each time. Then all modules of the tests are written as artifacts, which jaxlib reads.

Run it with JAX 0.10.2: `python crates/stablehlo/tests/check_read.py`.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

import jax
import jax.numpy as jnp
import numpy as np
from jax import export, lax
from jax._src.interpreters import mlir
from jaxlib.mlir import ir
from jaxlib.mlir.dialects import stablehlo

HERE = pathlib.Path(__file__).parent
x = np.ones((3, 4), np.float32)
w = np.ones((4, 4), np.float32)
conv = dict(dimension_numbers=("NHWC", "HWIO", "NHWC"))


def nested(a):
    def double(v):
        return lax.scan(lambda s, _: (s * 2, s.sum()), v, None, length=4)[0]

    return lax.fori_loop(0, 3, lambda i, c: lax.cond(c.sum() > i, double, lambda v: v, c), a)


def padded(a):
    pad = lax.pad(a, 0.0, ((1, -1, 2), (0, 3, 0)))
    return pad, a[::2, 1:], lax.rev(a, (0,)), jnp.clip(a, 0, 1), jnp.concatenate([a, a], 1), lax.cummax(a, 1)


def scattered(a):
    rows, columns = jnp.array([0, 2]), jnp.array([1, 1])
    return a.at[rows, columns].max(3.0), a.at[:, 1].mul(2), jnp.take_along_axis(a, jnp.argsort(a, 1), 1)


def special(a):
    zeta = jax.scipy.special.polygamma(1, a) + jax.scipy.special.zeta(a + 2, a + 1) + jax.scipy.special.erf(a)
    return zeta + lax.nextafter(a, a) + lax.bessel_i1e(a) + jax.scipy.special.gammaln(a) + jnp.arcsinh(a)


def products(a):
    low = lax.dot_general(a, a, (((1,), (1,)), ((), ())), precision=lax.DotAlgorithmPreset.BF16_BF16_F32)
    return low + jnp.matmul(a, a.T, precision="highest") + lax.reduce_precision(a @ a.T, 5, 10)


PROGRAMS = {
    "special": (special, (x,)),
    "grad": (jax.grad(lambda a: jnp.tanh(a @ a.T).sum()), (x,)),
    "bools": (lambda a: (jnp.array([True, False, True]) & a, jnp.asarray(np.arange(40) % 3 == 0)), (x[:, 0] > 0,)),
    "constants": (lambda a: a + np.arange(200, dtype=np.float32).reshape(20, 10), (np.ones((20, 10), np.float32),)),
    "bf16": (lambda a: (a.astype(jnp.bfloat16) * 3).astype(jnp.float16) + jnp.float16(np.nan), (x,)),
    "complex": (lambda a: jnp.exp(1j * a) * (2 + 3j), (x,)),
    "f8": (lambda a: (a.astype(jnp.float8_e4m3fn), jnp.array([1.5, -3, 0.1], jnp.float8_e5m2)), (x,)),
    "ints": (lambda a: a.astype(jnp.uint8) + jnp.array([1, 255, 7, 9], jnp.uint8), (x,)),
    "int4": (lambda a: a.astype(jnp.int4) + jnp.array([1, -8, 7, 0], jnp.int4), (x,)),
    "conv": (
        jax.grad(
            lambda k: lax.conv_general_dilated(
                np.ones((2, 8, 8, 3), np.float32), k, (2, 1), ((1, 2), (0, 1)), (1, 2), (2, 1), **conv
            ).sum()
        ),
        (np.ones((3, 3, 3, 5), np.float32),),
    ),
    "remat": (jax.grad(lambda a: jax.checkpoint(lambda v: jnp.sin(v @ v.T))(a).sum()), (x,)),
    "permutation": (lambda k: jax.random.permutation(k, 10), (jax.random.PRNGKey(0),)),
    "rbg": (lambda k: jax.random.normal(jax.random.wrap_key_data(k, impl="rbg"), (10,)), (np.zeros(4, np.uint32),)),
    "pool": (jax.grad(lambda a: lax.reduce_window(a, -np.inf, lax.max, (2, 2), (2, 2), "SAME").sum()), (x,)),
    "while": (lambda a: lax.while_loop(lambda c: c[0] < 10, lambda c: (c[0] + 1, c[1] * 2), (0, a)), (x,)),
    "products": (products, (x,)),
    "padded": (padded, (x,)),
    "scattered": (scattered, (x,)),
    "sort": (lambda a: lax.sort((a, a * 2), num_keys=2), (x,)),
    "argmax": (lambda a: (jnp.argmax(a, 1), jnp.cumsum(a, 0), jnp.median(a)), (x,)),
    "top_k": (lambda a: lax.top_k(a, 2), (x,)),
    "gather": (jax.vmap(lambda a, i: a[i]), (x, np.array([0, 1, 2]))),
    "fft": (lambda a: jnp.fft.irfft(jnp.fft.rfft(a)), (x,)),
    "nested": (nested, (x,)),
    "ragged": (lambda a, b: lax.ragged_dot(a, b, jnp.array([2, 1], jnp.int32)), (x, np.ones((2, 4, 5), np.float32))),
    "accuracy": (lambda a: jnp.tan(a) + lax.exp(a, accuracy=lax.Tolerance(atol=1e-3, rtol=0.0, ulps=2)), (x,)),
    "donated": (jax.jit(lambda a: a + 1, donate_argnums=0), (x,)),
}


def run(paths):
    """Has the reader read these files. Returns the folder of what it printed."""
    env = dict(os.environ, READ=":".join(map(str, paths)))
    command = ["cargo", "test", "-q", "-p", "cotangent-stablehlo", "--test", "read", "files_of"]
    subprocess.run(command, env=env, check=True, cwd=HERE, stdout=subprocess.DEVNULL)


def generic(module):
    return module.operation.get_asm(print_generic_op_form=True)


failed = []
folder = pathlib.Path(tempfile.mkdtemp())
forms = {}


def write(name, form, data):
    path = folder / f"{name}-{form}.input"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    forms.setdefault(name, []).append(path)


for name, (function, arguments) in PROGRAMS.items():
    jitted = function if hasattr(function, "lower") else jax.jit(function)
    lowered = jitted.lower(*arguments)
    write(name, "pretty", lowered.as_text())
    write(name, "located", lowered.as_text(debug_info=True))
    write(name, "generic", generic(lowered.compiler_ir("stablehlo")))
    exported = export.export(jitted)(*arguments)
    write(f"{name}.exported", "pretty", exported.mlir_module())
    write(f"{name}.exported", "artifact", exported.mlir_module_serialized)
    for version in ["0.9.0", "1.8.0", "1.13.0"]:
        try:
            older = stablehlo.serialize_portable_artifact_str(exported.mlir_module(), version)
        except ValueError:
            continue  # it uses what that version lacks
        write(f"{name}.exported", version, older)

corpus = sorted(HERE.glob("golden/*.mlir")) + [p for p in sorted(HERE.glob("read/*.mlir")) if "generic" not in p.name]
for path in corpus:
    write(f"corpus.{path.stem}", "pretty", path.read_bytes())
count = 0
for path in sorted((HERE / "../../cotangent/tests").rglob("*.snap")):
    for module in re.findall(r"^ *module @.*?^}\n", path.read_text(), re.S | re.M):
        write(f"snapshot{count}", "pretty", module)
        count += 1

run([path for paths in forms.values() for path in paths])
context = mlir.make_ir_context()
artifacts = 0
for name, paths in forms.items():
    read = [path.with_suffix(".read").read_text() for path in paths]
    for path, text in zip(paths, read):
        if text != read[0] or text.startswith("error"):
            failed.append(path.stem)
            print("FAIL", path.stem, text[:200] if text.startswith("error") else "differs")
    artifact = paths[0].with_suffix(".artifact").read_bytes()
    if artifact.startswith(b"error"):
        # CHLO is not versioned, and JAX does not write attributes without a value either.
        if b"chlo" not in artifact and b"`unit`" not in artifact:
            failed.append(name)
        print("none", name, artifact.decode())
        continue
    artifacts += 1
    with context:
        try:
            written = generic(stablehlo.deserialize_portable_artifact(context, artifact))
            expected = generic(ir.Module.parse(read[0]))
        except Exception as error:
            written, expected = str(error), ""
    if written != expected:
        failed.append(name)
        pairs = zip(written.splitlines(), expected.splitlines() or [""])
        print("FAIL", name, *next(((a, b) for a, b in pairs if a != b), ()), sep="\n")
print(f"{sum(map(len, forms.values()))} files of {len(forms)} programs read, {artifacts} artifacts written")
sys.exit(bool(failed))
