"""Results of JAX's shard_map on four virtual CPU devices: values, gradients, second derivatives and batches.

Each function is run on parts of shape [4, 3] of an array of shape [16, 3], divided over an axis `x`.
"""

import json
import os
from pathlib import Path

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=4"

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax, shard_map
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as P

jax.config.update("jax_enable_x64", True)
N = 4
mesh = Mesh(np.array(jax.devices()[:N]), ("x",))
ring = [(i, (i + 1) % N) for i in range(N)]


def in_scan(x):
    def step(c, row):
        return jnp.sin(c) + lax.psum(row * c, "x"), row * c

    return lax.scan(step, lax.pcast(jnp.ones(3), ("x",), to="varying"), x)[1]


BODIES = {
    "psum": lambda x: x * lax.psum(jnp.sin(x), "x"),
    "pmean": lambda x: jnp.cos(x) * lax.pmean(x, "x"),
    "all_gather": lambda x: jnp.sin((lax.all_gather(x, "x") * x).sum(1)),
    "all_gather tiled": lambda x: lax.all_gather(jnp.sin(x), "x", axis=1, tiled=True) * lax.axis_index("x"),
    "psum_scatter": lambda x: jnp.sin(lax.psum_scatter(x * x, "x")),
    "psum_scatter tiled": lambda x: lax.psum_scatter(x * x, "x", tiled=True) * x,
    "ppermute": lambda x: x * lax.ppermute(jnp.sin(x), "x", ring),
    "ppermute to some": lambda x: x + lax.ppermute(x * x, "x", [(0, 1)]),
    "all_to_all": lambda x: lax.all_to_all(x * x, "x", 0, 0) * x,
    "all_to_all of another dimension": lambda x: lax.all_to_all(jnp.sin(x), "x", 0, 1, tiled=True),
    "axis_index": lambda x: x * (lax.axis_index("x") + 1),
    "a sum in a scan": in_scan,
}

rng = np.random.default_rng(0)
x, v = (jnp.asarray(rng.normal(size=(N * N, 3))) for _ in range(2))
cases = []
for name, body in BODIES.items():
    f = shard_map(body, mesh=mesh, in_specs=P("x"), out_specs=P("x"))

    def loss(x):
        y = f(x)
        return (jnp.sin(y) * jnp.arange(y.size, dtype=y.dtype).reshape(y.shape)).sum()

    cases.append({
        "function": name,
        "value": jax.jit(f)(x),
        "gradient": jax.jit(jax.grad(loss))(x),
        "second": jax.jit(jax.grad(lambda x: (jax.grad(loss)(x) * v).sum()))(x),
        "batch": jax.jit(jax.vmap(jax.grad(loss)))(jnp.stack([x, x / 2])),
    })


def flat(value):
    return value if isinstance(value, str) else np.asarray(value).ravel().tolist()


lines = [json.dumps({key: flat(value) for key, value in case.items()}) for case in cases]
head = json.dumps({"jax": jax.__version__, "x": flat(x), "v": flat(v)})[:-1]
text = head + ', "cases": [\n' + ",\n".join(lines) + "\n]}\n"
Path(__file__).with_name("sharding.json").write_text(text)
