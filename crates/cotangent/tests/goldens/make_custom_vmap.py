"""custom_vmap.json: functions with rules of their own for batches, under composed transformations, in f64.

As in vmap.json; the rules do not agree with their functions, so that it shows which of the two is used.
"""

from common import *

jax.config.update("jax_enable_x64", True)

import jax.numpy as jnp
from jax import lax
from jax.custom_batching import custom_vmap, sequential_vmap

HELPERS = """
def mapped(f, rule): f = custom_vmap(f); f.def_vmap(rule); return f
times = mapped(lambda x, y: x + y, lambda n, b, x, y: (x * y, True))
flagged = mapped(lambda x, y: x * y, lambda n, b, x, y: (x * y + 10 * b[0] + 20 * b[1] + n, True))
pair = mapped(lambda x: (jnp.sin(x), jnp.cos(x)), lambda n, b, x: ((x * 2, jnp.float64(7.0)), (True, False)))
tree = mapped(lambda p, x: p['w'] * x + p['b'], lambda n, b, p, x: (p['w'] * x + p['b'] + 10 * b[0]['w'] + 20 * b[0]['b'] + 40 * b[1], True))
cubed = mapped(lambda x: x**2, lambda n, b, x: (x**3, True))
one_by_one = sequential_vmap(lambda x, y: jnp.sin(x) * y)
"""

S, V, M = (), (3,), (3, 2)

PROGRAMS = [
    ("alone", [S, S], "lambda x, y: times(x, y)"),
    ("jitted", [S, S], "lambda x, y: jax.jit(times)(x, y)"),
    ("mapped", [V, V], "lambda x, y: jax.vmap(times)(x, y)"),
    ("mapped_jitted", [V, V], "lambda x, y: jax.vmap(jax.jit(times))(x, y)"),
    ("flags_first", [V, S], "lambda x, y: jax.vmap(flagged, in_axes=(0, None))(x, y)"),
    ("flags_second", [S, V], "lambda x, y: jax.vmap(flagged, in_axes=(None, 0))(x, y)"),
    ("axis_moved", [M, M], "lambda x, y: jax.vmap(flagged, in_axes=1, out_axes=1)(x, y)"),
    ("two_results", [V], "lambda x: jax.vmap(pair)(x)"),
    ("two_results_out_none", [V], "lambda x: jax.vmap(pair, out_axes=(0, None))(x)"),
    ("tree_argument", [V, S, V], "lambda w, b, x: jax.vmap(tree, in_axes=({'w': 0, 'b': None}, 0))({'w': w, 'b': b}, x)"),
    ("jvp", [S, S], "lambda x, t: jax.jvp(cubed, (x,), (t,))"),
    ("vmap_of_jvp", [V, V], "lambda x, t: jax.vmap(lambda x, t: jax.jvp(cubed, (x,), (t,)))(x, t)"),
    ("jvp_of_vmap", [V, V], "lambda x, t: jax.jvp(jax.vmap(cubed), (x,), (t,))"),
    ("grad_of_vmap", [V], "jax.grad(lambda x: jnp.sum(jax.vmap(cubed)(x)))"),
    ("within_scan", [M], "jax.vmap(lambda r: lax.scan(lambda c, x: (times(c, x), c), 1.0, r))"),
    ("sequential", [V, V], "lambda x, y: jax.vmap(one_by_one)(x, y)"),
    ("sequential_shared", [V, S], "lambda x, y: jax.vmap(one_by_one, in_axes=(0, None))(x, y)"),
    ("sequential_twice", [M, M], "lambda x, y: jax.vmap(jax.vmap(one_by_one))(x, y)"),
]
space = {"jax": jax, "jnp": jnp, "lax": lax, "custom_vmap": custom_vmap, "sequential_vmap": sequential_vmap}
exec(HELPERS, space)

cases = []
for name, shapes, source in PROGRAMS:
    r = rng(name)
    xs = [jnp.asarray(np.round(r.uniform(-1.5, 1.5, s), 3)) for s in shapes]
    out = jax.tree.leaves(eval(source, space)(*xs))
    cases.append({"name": name, "python": source, "inputs": [array(x) for x in xs], "outputs": [array(y) for y in out]})

write(__file__, {"helpers": [line for line in HELPERS.strip().splitlines()], "cases": cases})
