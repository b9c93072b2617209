"""vmap.json: trees of axes, named axes and collectives under composed transformations, in f64.

Each program is a Python expression, given in the JSON: a function of the listed inputs. Its outputs are the leaves of
what it returns, in order. Where JAX has a program with a loop over the elements written out, it is compared here.
"""

from common import *

jax.config.update("jax_enable_x64", True)

import jax.numpy as jnp
from jax import lax

HELPERS = """
def over(f, **kw): return jax.vmap(f, axis_name="i", **kw)
def over2(f): return jax.vmap(jax.vmap(f, axis_name="j"), axis_name="i")
def weigh(y): return jnp.sum(jnp.cos(jnp.arange(y.size)).reshape(y.shape) * y)
def within(f): return over(jax.grad(lambda x: weigh(f(x))))
def around(f): return jax.grad(lambda x: weigh(over(f)(x)))
jvp_rule = jax.custom_jvp(lambda x: x - lax.pmean(x, "i"))
jvp_rule.defjvp(lambda x, t: (jvp_rule(x[0]), 2 * t[0] * lax.psum(x[0], "i") + lax.axis_index("i") * lax.psum(t[0], "i")))
vjp_rule = jax.custom_vjp(lambda x: x - lax.pmean(x, "i"))
vjp_rule.defvjp(lambda x: (vjp_rule(x), lax.psum(x, "i")), lambda s, ct: (s * ct + lax.axis_index("i") * lax.psum(ct, "i"),))
def collapse(x): return lax.psum(x, "i") / (1 + lax.psum(x**2, "i"))
"""

S, V, M, N, C = (), (3,), (3, 2), (3, 3), (3, 2, 4)

PROGRAMS = [  # name, input shapes, program
    # Trees of axes.
    ("tuple_argument", [V, S, M], "lambda a, b, x: jax.vmap(lambda p, x: p[0] * x + p[1], in_axes=((0, None), 0))((a, b), x)"),
    ("list_argument", [M, (2, 3), (2,)], "lambda a, b, c: jax.vmap(lambda p: p[0] * p[1] + p[2], in_axes=([0, 1, None],))([a, b, c])"),
    ("dict_argument", [M, (2,), V], "lambda w, b, x: jax.vmap(lambda p, x: p['w'] * x + p['b'], in_axes=({'w': 0, 'b': None}, 0))({'w': w, 'b': b}, x)"),
    ("prefix_of_nested", [V, V, (2, 3)], "lambda a, b, c: jax.vmap(lambda p: p[0][0] * p[0][1] + p[1].sum(), in_axes=((0, 1),))(((a, b), c))"),
    ("none_for_a_subtree", [V, V, V], "lambda a, b, x: jax.vmap(lambda p, x: p[0][0] * x + p[1].sum(), in_axes=(((0, 0), None), 0))(((a, b), a), x)"),
    ("out_axes_of_a_tuple", [M], "jax.vmap(lambda r: (r, r.sum(), jnp.outer(r, r)), out_axes=(1, 0, -1))"),
    ("out_axes_none", [V, S], "lambda x, y: jax.vmap(lambda x, y: (x * y, y**2), in_axes=(0, None), out_axes=(0, None))(x, y)"),
    ("out_axes_prefix", [M], "jax.vmap(lambda r: ((r, 2 * r), r.sum()), out_axes=(1, 0))"),
    ("axis_size_alone", [V], "jax.vmap(lambda x: x * 2, in_axes=None, axis_size=2)"),
    ("axis_size_beside", [M], "jax.vmap(lambda x: x.sum(), axis_size=3)"),
    # The collectives over the one axis, with operands that are batched and not.
    ("psum", [M], "over(lambda r: lax.psum(r, 'i'))"),
    ("psum_last_axis", [M], "over(lambda c: c / lax.psum(c, 'i'), in_axes=1, out_axes=1)"),
    ("psum_shared", [V, S], "lambda x, y: over(lambda x: x + lax.psum(y, 'i'))(x)"),
    ("psum_constant", [V], "over(lambda x: x * lax.psum(2.0, 'i'))"),
    ("psum_of_a_comparison", [V], "over(lambda x: x * lax.psum(x > 0, 'i'))"),
    ("psum_tree", [V, M], "lambda a, b: over(lambda a, b: lax.psum((a, [b]), 'i'))(a, b)"),
    ("psum_out_none", [M], "over(lambda r: (r, lax.psum(r, 'i')), out_axes=(0, None))"),
    ("pmean", [M], "over(lambda r: r - lax.pmean(r, 'i'))"),
    ("pmax_pmin", [M], "over(lambda r: (r - lax.pmin(r, 'i')) / (lax.pmax(r, 'i') - lax.pmin(r, 'i')))"),
    ("pmax_shared", [V, S], "lambda x, y: over(lambda x: x * lax.pmax(y, 'i') - lax.pmin(y, 'i'))(x)"),
    ("axis_index", [V], "over(lambda x: x * lax.axis_index('i'))"),
    ("axis_index_alone", [V], "lambda x: (x, over(lambda: lax.axis_index('i') * 2.0, axis_size=3, in_axes=())())"),
    ("ppermute_rotation", [M], "over(lambda r: lax.ppermute(r, 'i', [(0, 1), (1, 2), (2, 0)]))"),
    ("ppermute_swap", [M], "over(lambda c: lax.ppermute(c, 'i', [(0, 1), (1, 0)]), in_axes=1)"),
    ("pshuffle", [M], "over(lambda r: lax.pshuffle(r, 'i', [2, 1, 0]))"),
    ("pbroadcast", [M], "over(lambda r: lax.psum(jnp.where(lax.axis_index('i') == 1, r, 0.0), 'i'))"),
    ("all_gather", [M], "over(lambda r: lax.all_gather(r, 'i'))"),
    ("all_gather_last", [M], "over(lambda r: lax.all_gather(r, 'i', axis=1))"),
    ("all_gather_tiled", [M], "over(lambda r: lax.all_gather(r, 'i', axis=0, tiled=True))"),
    ("all_gather_shared", [V, V], "lambda x, y: over(lambda x: x * lax.all_gather(y, 'i', axis=-1))(x)"),
    ("psum_scatter", [(3, 3, 2)], "over(lambda r: lax.psum_scatter(r, 'i'))"),
    ("psum_scatter_tiled", [(3, 2, 6)], "over(lambda r: lax.psum_scatter(r, 'i', scatter_dimension=1, tiled=True))"),
    ("psum_scatter_shared", [V, V], "lambda x, y: over(lambda x: x * lax.psum_scatter(y, 'i'))(x)"),
    ("all_to_all", [(3, 3, 2)], "over(lambda r: lax.all_to_all(r, 'i', 0, 0))"),
    ("all_to_all_forward", [(3, 3, 2)], "over(lambda r: lax.all_to_all(r, 'i', 0, 1))"),
    ("all_to_all_backward", [(3, 2, 3)], "over(lambda r: lax.all_to_all(r, 'i', 1, 0))"),
    ("all_to_all_tiled", [(3, 2, 6)], "over(lambda r: lax.all_to_all(r, 'i', 1, 0, tiled=True))"),
    ("all_to_all_tiled_same", [(3, 6)], "over(lambda r: lax.all_to_all(r, 'i', 0, 0, tiled=True))"),
    ("all_to_all_tiled_forward", [(3, 6, 2)], "over(lambda r: lax.all_to_all(r, 'i', 0, 1, tiled=True))"),
    ("pswapaxes", [N], "over(lambda r: lax.pswapaxes(r, 'i', 0))"),
    # Two axes.
    ("two_psums", [M], "over2(lambda x: x / lax.psum(x, ('i', 'j')) + lax.psum(x, 'i') * lax.psum(x, 'j'))"),
    ("two_indices", [M], "over2(lambda x: x + 10 * lax.axis_index('i') + lax.axis_index(('j', 'i')))"),
    ("two_pmeans_shared", [M, S], "lambda m, y: over2(lambda x: x + lax.pmean(y, ('i', 'j')))(m)"),
    ("two_all_gathers", [C], "over2(lambda r: lax.all_gather(lax.all_gather(r, 'j', axis=1), 'i', axis=0, tiled=True))"),
    ("other_axis_untouched", [(3, 2, 3, 2)], "over2(lambda m: lax.all_to_all(m, 'i', 0, 1) + lax.psum(m, 'j').T)"),
    ("scatter_beside_other_axis", [(3, 2, 4, 3)], "over2(lambda m: lax.psum_scatter(m, 'i', scatter_dimension=1) * lax.psum_scatter(m, 'j', scatter_dimension=0, tiled=True).sum())"),
    ("permute_beside_other_axis", [M], "over2(lambda x: lax.ppermute(x, 'i', [(0, 2), (1, 0), (2, 1)]) + lax.ppermute(x, 'j', [(0, 1), (1, 0)]))"),
    ("unnamed_inside", [C], "over(lambda m: jax.vmap(lambda r: r - lax.pmean(r, 'i'))(m))"),
    ("shadowed_name", [M], "over(lambda r: over(lambda x: lax.psum(x, 'i'))(r) * lax.psum(r, 'i'))"),
    ("all_to_all_two_axes", [(3, 2, 6)], "over2(lambda r: lax.all_to_all(r, ('i', 'j'), 0, 0, tiled=True))"),
    ("all_to_all_two_axes_apart", [(3, 2, 2, 12)], "over2(lambda r: lax.all_to_all(r, ('i', 'j'), 1, 0, tiled=True))"),
    # Derivatives inside: of each element's own value, so a sum over the axis gathers the cotangents of all.
    ("grad_within_psum", [V], "within(lambda x: lax.psum(x**2, 'i'))"),
    ("grad_within_pmean", [M], "within(lambda r: lax.pmean(r**3, 'i') * r)"),
    ("grad_within_collapse", [V], "within(collapse)"),
    ("grad_within_ppermute", [V], "within(lambda x: lax.ppermute(x**2, 'i', [(0, 1), (1, 2), (2, 0)]) * (1 + lax.axis_index('i')))"),
    ("grad_within_all_gather", [M], "within(lambda r: lax.all_gather(r**2, 'i', axis=1) * (1 + lax.axis_index('i')))"),
    ("grad_within_all_gather_tiled", [M], "within(lambda r: lax.all_gather(r**2, 'i', tiled=True) * (1 + lax.axis_index('i')))"),
    ("grad_within_psum_scatter", [(3, 3, 2)], "within(lambda r: lax.psum_scatter(r**2, 'i') * (1 + lax.axis_index('i')))"),
    ("grad_within_all_to_all", [(3, 3, 2)], "within(lambda r: lax.all_to_all(r**2, 'i', 0, 0) * (1 + lax.axis_index('i')))"),
    ("grad_within_all_to_all_tiled", [(3, 2, 6)], "within(lambda r: lax.all_to_all(r**2, 'i', 1, 0, tiled=True) * (1 + lax.axis_index('i')))"),
    ("grad_within_two", [M], "over2(jax.grad(lambda x: lax.psum(x**2, ('i', 'j')) + x * lax.pmean(x, 'i')))"),
    ("grad_within_shared", [V, S], "lambda x, y: over(jax.grad(lambda y, x: lax.psum(y**2, 'i') * x), in_axes=(None, 0))(y, x)"),
    ("second_derivative_within", [V], "over(jax.grad(jax.grad(lambda x: collapse(x) * x)))"),
    ("jvp_within", [V, V], "lambda x, t: over(lambda x, t: jax.jvp(collapse, (x,), (t,)))(x, t)"),
    # Derivatives around.
    ("grad_around_psum", [V], "around(lambda x: lax.psum(x**2, 'i'))"),
    ("grad_around_collapse", [M], "around(collapse)"),
    ("grad_around_permuted", [M], "around(lambda r: lax.ppermute(r**2, 'i', [(0, 2), (1, 0), (2, 1)]) * r)"),
    ("grad_around_gathered", [M], "around(lambda r: lax.all_gather(jnp.sin(r), 'i') * r)"),
    ("grad_around_exchanged", [(3, 3, 2)], "around(lambda r: lax.all_to_all(jnp.sin(r), 'i', 0, 0) * r)"),
    ("grad_around_scattered", [(3, 3)], "around(lambda r: lax.psum_scatter(jnp.sin(r), 'i') * r)"),
    ("hessian_around", [V], "jax.hessian(lambda x: weigh(over(collapse)(x)))"),
    # Inside other primitives that hold programs.
    ("within_jit", [M], "over(jax.jit(lambda r: r / lax.psum(r, 'i') + lax.axis_index('i')))"),
    ("within_jit_unbatched", [V], "over(lambda x: x * jax.jit(lambda: lax.axis_index('i') + lax.psum(1, 'i'))())"),
    ("within_scan", [M], "over(lambda r: lax.scan(lambda c, x: (c + lax.psum(x, 'i'), c * lax.axis_index('i')), 0.0, r))"),
    ("within_scan_of_shared", [V, V], "lambda x, y: over(lambda x: x + lax.scan(lambda c, y: (c + y * lax.axis_index('i'), c), 0.0, y)[0])(x)"),
    ("within_scan_grad", [M], "over(jax.grad(lambda r: lax.scan(lambda c, x: (c * lax.psum(x, 'i') + x, 0.0), 1.0, r)[0]))"),
    ("within_while", [V], "over(lambda x: lax.while_loop(lambda s: lax.pmax(s, 'i') > 0.5, lambda s: s / 2, x))"),
    ("within_while_body", [V], "over(lambda x: lax.while_loop(lambda s: s[0] < 3, lambda s: (s[0] + 1, s[1] - lax.pmean(s[1], 'i') / 2), (0, x))[1])"),
    ("within_cond", [M], "over(lambda r: lax.cond(lax.psum(r[0], 'i') > 0, lambda: r - lax.pmean(r, 'i'), lambda: lax.psum(r, 'i') * r))"),
    ("within_cond_apart", [M], "over(lambda r: lax.cond(r[0] > 0, lambda: r - lax.pmean(r, 'i'), lambda: lax.axis_index('i') * r))"),
    ("within_cond_shared", [V, S], "lambda x, y: over(lambda x: x * lax.cond(y > 0, lambda: lax.axis_index('i'), lambda: -lax.axis_index('i')))(x)"),
    ("within_checkpoint", [M], "within(jax.checkpoint(lambda r: jnp.sin(r) * lax.pmean(jnp.cos(r), 'i')))"),
    ("within_custom_jvp", [V], "within(jvp_rule)"),
    ("around_custom_jvp", [V], "around(jvp_rule)"),
    ("within_custom_vjp", [V], "within(vjp_rule)"),
    ("around_custom_vjp", [V], "around(vjp_rule)"),
    ("batch_norm", [(3, 2)], "over(jax.jit(lambda r: (r - lax.pmean(r, 'i')) / jnp.sqrt(lax.pmean(r**2, 'i') - lax.pmean(r, 'i')**2 + 1e-5)))"),
]
space = {"jax": jax, "jnp": jnp, "lax": lax}
exec(HELPERS, space)

cases, answers = [], {}
for name, shapes, source in PROGRAMS:
    r = rng(name)
    xs = [jnp.asarray(np.round(r.uniform(-1.5, 1.5, s), 3)) for s in shapes]
    out = jax.tree.leaves(eval(source, space)(*xs))
    answers[name] = (xs, out)
    cases.append({"name": name, "python": source, "inputs": [array(x) for x in xs], "outputs": [array(y) for y in out]})
assert len(answers) == len(PROGRAMS)


# Checks of the oracle by hand.
def check(name, *want):
    for y, w in zip(answers[name][1], want, strict=True):
        close(y, w, 1e-12, 1e-12, name)


x, = answers["psum"][0]
check("psum", np.broadcast_to(x.sum(0), x.shape))
x, = answers["grad_within_psum"][0]
check("grad_within_psum", 3 * 2 * x)
x, = answers["all_to_all"][0]
check("all_to_all", np.swapaxes(x, 0, 1))
x, = answers["ppermute_rotation"][0]
check("ppermute_rotation", np.roll(x, 1, 0))
x, y = answers["psum_shared"][0]
check("psum_shared", x + 3 * y)

write(__file__, {"helpers": [line for line in HELPERS.strip().splitlines()], "cases": cases})
