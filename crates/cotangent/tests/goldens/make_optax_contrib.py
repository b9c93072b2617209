"""optax_contrib.json: parameters after steps of optimizers with states of their own kinds, and results of Optax's
functions of matrices, as make_optax.py.
"""

from common import *

import functools
import warnings

import make_optax as base
from make_optax import contrib, jnp, optax, run, short
from optax import microbatching
from optax.transforms import unitwise_clip, unitwise_norm

lines = []


def add(kind, name, values, dtype="f32"):
    lines.append(json.dumps({"kind": kind, "name": name, "dtype": dtype, "values": values}))


def tensor(p):
    """The axes of a tensor that make it a batch of matrices."""
    numbers = contrib.MuonDimensionNumbers((0,), (2,))
    return jax.tree.map(lambda x: numbers if x.ndim == 3 else None, p)


def flat(p):
    numbers = contrib.GaLoreDimensionNumbers((2, 0), 1)
    return jax.tree.map(lambda x: numbers if x.ndim == 3 else None, p)


def up():
    return optax.chain(contrib.normalize(), optax.sgd(0.1))


def poison(updates, params):
    return jax.tree.map(lambda u: jnp.where(u > 0.4, jnp.nan, u), updates)


OPTIMIZERS = {
    "galore": contrib.galore(0.05, rank=2, weight_decay=0.01),
    "galore gap": contrib.galore(0.1, rank=1, update_proj_gap=7, scale=0.5, base_optimizer=optax.trace(0.0)),
    "sam": contrib.sam(optax.sgd(0.1), up()),
    "sam adam": contrib.sam(optax.adam(0.1), optax.sgd(0.02, 0.9), sync_period=3, reset_state=False),
    "mechanize": contrib.mechanize(optax.adam(1.0), s_init=1e-3),
    "mechanize few": contrib.mechanize(optax.sgd(1.0), weight_decay=0.1, s_init=1e-2, num_betas=3),
    "scale_by_distance_over_gradients": optax.chain(
        optax.scale_by_distance_over_gradients(reps_rel=1e-2), optax.scale(-1.0)
    ),
    "lion smooth": optax.chain(optax.scale_by_lion(mode="smooth", smooth_beta=2.0), optax.scale(-0.05)),
    "lion refined": optax.chain(optax.scale_by_lion(mode="refined"), optax.scale(-0.05)),
    "muon spectral": contrib.muon(0.05, preconditioning="spectral"),
    "muon tensor": contrib.muon(0.05, muon_weight_dimension_numbers=tensor),
    "muon tensor rms": contrib.muon(0.05, muon_weight_dimension_numbers=tensor, preconditioning="aol", consistent_rms=0.2),
    "galore tensor": contrib.galore(0.05, rank=2, weight_dimension_numbers=flat),
    "monitor": optax.chain(optax.monitor({"norm": lambda u: optax.tree.norm(u)}), optax.sgd(0.1)),
    "snapshot": optax.chain(optax.snapshot("norm", optax.tree.norm), optax.sgd(0.1)),
    "schedule_free adam": contrib.schedule_free(optax.adam(0.05, b1=0.0), 0.05),
    "schedule_free schedule": contrib.schedule_free(optax.rmsprop(base.rate), base.rate, b1=0.95, weight_lr_power=1.0),
    "schedule_free chain": contrib.schedule_free(
        optax.chain(optax.clip_by_global_norm(0.5), optax.add_decayed_weights(0.1), optax.lion(0.02)), 0.02, b1=0.5),
    "optimistic_adam": optax.optimistic_adam(0.05),
    "optimistic_adam optimism": optax.optimistic_adam(0.05, optimism=0.02),
    "zero_nans": optax.chain(optax.stateless(poison), optax.zero_nans(), optax.sgd(0.1, 0.5)),
    "freeze": optax.chain(optax.adam(0.1), optax.freeze((False, True, True))),
    "set_to_zero": optax.partition({"matrix": optax.set_to_zero(), "rest": optax.sgd(0.1)}, base.labels),
    "selective_transform": optax.selective_transform(optax.sgd(0.1, 0.5), freeze_mask=(False, True, True)),
    "stateless": optax.chain(
        optax.stateless(lambda u, p: jax.tree.map(lambda u, p: u / (1.0 + p * p), u, p)), optax.sgd(0.1)),
    "stateless_with_tree_map": optax.chain(optax.stateless_with_tree_map(lambda u, p: jnp.tanh(u) + 0.1 * p), optax.sgd(0.1)),
    "skip_not_finite": optax.chain(
        optax.stateless(lambda u, p: jax.tree.map(lambda u: jnp.where(u > 0.9, jnp.inf, u), u)),
        optax.MultiSteps(optax.adam(0.1), 2, should_skip_update_fn=optax.skip_not_finite).gradient_transformation()),
    "skip_large_updates": optax.MultiSteps(
        optax.adam(0.1), 2, should_skip_update_fn=functools.partial(optax.skip_large_updates, max_squared_norm=2.0)
    ).gradient_transformation(),
}
WITH_VALUE = {
    "momo adapt": contrib.momo(0.5, lower_bound=-9.0, weight_decay=0.01, adapt_lower_bound=True),
    "momo_adam": contrib.momo_adam(0.1, lower_bound=-2.0, weight_decay=0.01),
    "momo_adam adapt": contrib.momo_adam(0.1, lower_bound=-9.0, adapt_lower_bound=True),
}
PRIVATE = {
    "differentially_private_aggregate": optax.chain(
        contrib.differentially_private_aggregate(0.8, 0.1, jax.random.key(5)), optax.adam(0.05)),
    "dpsgd": contrib.dpsgd(0.1, 0.8, 0.2, seed=11),
    "dpsgd nesterov": contrib.dpsgd(optax.linear_schedule(0.2, 0.01, 40), 1.0, 0.1, seed=2, momentum=0.9, nesterov=True),
}
COMPLEX = {"split_real_and_imaginary": contrib.split_real_and_imaginary(optax.adam(0.05))}


def per_example(p, step):
    """A gradient for each of three examples."""
    g = base.gradients(p, step)
    return jax.tree.map(lambda g: jnp.stack([(0.4 + 0.5 * e) * g + 0.1 * jnp.cos(1.0 + e) for e in range(3)]), g)


def private(opt):
    """The steps of an optimizer that takes a gradient for each example."""
    p = base.initial(np.float32)
    state = opt.init(p)

    @jax.jit
    def step(p, state, i):
        updates, state = opt.update(per_example(p, i), state, p)
        return optax.apply_updates(p, updates), state

    kept = []
    for i in range(base.STEPS):
        p, state = step(p, state, jnp.float32(i))
        if i + 1 in base.KEPT:
            kept.append([short(x) for x in p])
    return kept


def measured():
    """What the parts of a chain have measured, and the parameters for evaluation, after the kept steps."""
    norm = optax.tree.norm
    measures = {"norm": norm, "mean": optax.measure_with_ema(norm, 0.9),
                "raw": optax.measure_with_ema(lambda u: jnp.float32(norm(u) > 1.5), 0.7, debias=False)}
    opt = optax.chain(optax.monitor(measures), optax.clip_by_global_norm(0.5), optax.snapshot("last", norm), optax.zero_nans(),
                      contrib.schedule_free(optax.sgd(0.1), 0.1))
    p = base.initial(np.float32)
    state = opt.init(p)
    step = jax.jit(lambda p, state, i: opt.update(base.gradients(p, i), state, p))
    for i in range(base.STEPS):
        updates, state = step(p, state, jnp.float32(i))
        p = optax.apply_updates(p, updates)
        if i + 1 in base.KEPT:
            yield [state[0].measurements[name] for name in measures] + [state[2].measurement["last"]]
            yield contrib.schedule_free_eval_params(state[4], p)


def opaque():
    opt = contrib.sam(optax.adam(0.1), up(), sync_period=2, opaque_mode=True)
    p = base.initial(np.float32)
    state = opt.init(p)

    @jax.jit
    def step(p, state):
        updates, state = opt.update(jax.grad(base.loss)(p), state, p, grad_fn=lambda p, i: jax.grad(base.loss)(p))
        return optax.apply_updates(p, updates), state

    kept = []
    for i in range(base.STEPS):
        p, state = step(p, state)
        if i + 1 in base.KEPT:
            kept.append([short(x) for x in p])
    return kept


def wave(*shape):
    return jnp.asarray(np.cos(1.3 * np.arange(int(np.prod(shape))) ** 1.1).reshape(shape), jnp.float32)


def functions():
    """Arguments are formulas; see `wave`."""
    square = wave(4, 4) @ wave(4, 4).T + 0.5 * jnp.eye(4)
    value, vector = optax.power_iteration(square, num_iters=200)
    yield "power_iteration", [value], [vector * jnp.sign(vector[0])]
    for p in (1, 2, 4, 8):
        yield f"matrix_inverse_pth_root {p}", [optax._src.linear_algebra.matrix_inverse_pth_root(square, p)[0]]
    yield "nnls", [optax.nnls(wave(5, 3), wave(5), 200)], [optax.nnls(wave(5, 3), wave(5, 2), 50)]
    for shape in ((4, 4), (3, 5), (5, 3)):
        rows, columns = optax.assignment.hungarian_algorithm(wave(*shape))
        yield f"hungarian_algorithm {shape[0]} {shape[1]}", [rows], [columns]
    yield "measured", *measured()
    examples = (wave(3, 2, 2), wave(3, 4), wave(3))
    for most in (0.0, 1.25, np.inf):
        total, count = optax.per_example_global_norm_clip(examples, most)
        yield f"per_example_global_norm_clip {most}", total, [count]
    for uniform in (True, False):
        total, count = optax.per_example_layer_norm_clip(examples, 1.5, uniform)
        yield f"per_example_layer_norm_clip {uniform}", total, count
    # The first example is zero.
    yield "per_example_global_norm_clip zero", optax.per_example_global_norm_clip([wave(3, 4).at[0].set(0.0)], 0.5)[0]
    batch = (wave(6, 2), wave(6))
    yield "reshape_batch_axis", microbatching.reshape_batch_axis(batch, 2)
    loss = lambda w, x, y: ((jnp.sin(x @ w) - y) ** 2).sum()
    slope = jax.value_and_grad(loss)
    for kind in ("SUM", "MEAN", "RUNNING_MEAN"):
        kind, w = getattr(microbatching.AccumulationType, kind), wave(2)
        parts = microbatching.microbatch(slope, (1, 2), 2, kind)(w, *batch)
        some = microbatching.microbatch(slope, (1, 2), 2, kind, num_real_microbatches=2)(w, *batch)
        each = microbatching.micro_vmap(slope, (None, 0, 0), microbatch_size=3, accumulator=kind)(w, *batch)
        yield f"microbatch {kind.name}", *parts, *some, *each
    each = microbatching.micro_vmap(slope, (None, 0, 0), microbatch_size=2)(wave(2), *batch)
    parts = microbatching.microbatch(lambda x, y: x * y[:, None], (0, 1), 3, microbatching.AccumulationType.CONCAT)(*batch)
    yield "microbatch CONCAT", *each, parts
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        weights = (wave(2), wave(2, 2))
        likelihood = lambda p, x, y: loss(p[0] @ p[1], x, y)
        yield "fisher_diag", optax.second_order.fisher_diag(likelihood, weights, *batch)
        yield "hessian_diag", optax.second_order.hessian_diag(likelihood, weights, *batch)
    old = jax.tree.map(lambda x: 2.0 * x - 1.0, batch)
    yield "incremental_update", optax.incremental_update(batch, old, 0.3)
    for steps in (5, 6):
        yield f"periodic_update {steps}", optax.periodic_update(batch, old, steps, 3)
    for name, f in (("safe_norm", optax.safe_norm), ("safe_root_mean_squares", optax.safe_root_mean_squares)):
        # Above the bound, below it, and zero.
        at = (wave(5), 0.01 * wave(5), jnp.zeros(5))
        yield name, [f(x, 0.3) for x in at], [jax.grad(f)(x, 0.3) for x in at]
    x = wave(3, 2, 4).at[1].multiply(0.01)
    for name, options in {
        "1 rows": dict(ord=1, axis=2), "inf": dict(ord=np.inf, axis=(0, 1), keepdims=True), "fro": dict(ord="fro", axis=(2, 1)),
        "3": dict(ord=3, axis=0),
    }.items():
        f = lambda x: optax.safe_norm(x, 0.3, **options)
        yield "safe_norm_with " + name, f(x), jax.grad(lambda x: f(x).sum())(x)
    for shape in ((), (4,), (1, 4, 1), (3, 2), (3, 2, 2), (2, 2, 2, 3), (1, 2, 2, 2, 3)):
        yield " ".join(map(str, ["unitwise_norm", *shape])), unitwise_norm(wave(*shape))
    yield "unitwise_norm axes", unitwise_norm(wave(3, 2, 4), (0, 2))
    norm = unitwise_norm(wave(3, 2))
    yield "unitwise_clip", unitwise_clip(norm, jnp.asarray([[0.5, 9.0]] * 3), wave(3, 2)), unitwise_clip(0 * norm, 0 * norm, 0 * norm)
    yield "projection_hypercube", optax.projections.projection_hypercube(wave(6), 0.6)
    f = lambda x: jnp.sum(x * x) * (x > 0)
    for noise in ("Gumbel", "Normal"):
        g = optax.perturbations.make_perturbed_fun(f, 50, 0.5, noise=getattr(optax.perturbations, noise)())
        key = jax.random.key(3)
        yield f"make_perturbed_fun {noise}", [g(key, wave(3))], [jax.grad(lambda x: g(key, x).sum())(wave(3))]
    mask = jnp.asarray([[True, True, False, True], [False] * 4, [True, False, False, True]])
    x, y = wave(3, 4), jnp.abs(wave(3, 4))
    labels = jnp.asarray([0, 3, 2])
    for name, loss in {
        "softmax_cross_entropy": lambda x: optax.softmax_cross_entropy(x, y, where=mask),
        "softmax_cross_entropy_with_integer_labels": lambda x: optax.softmax_cross_entropy_with_integer_labels(
            x, labels, where=mask
        ),
        "poly_loss_cross_entropy": lambda x: optax.losses.poly_loss_cross_entropy(x, y, epsilon=1.5, where=mask),
        "kl_divergence": lambda x: optax.losses.kl_divergence(x, y, where=mask),
        "kl_divergence_with_log_targets": lambda x: optax.losses.kl_divergence_with_log_targets(x, y, where=mask),
        "generalized_kl_divergence": lambda x: optax.losses.generalized_kl_divergence(x, y, where=mask),
    }.items():
        # Where nothing is selected, derivatives in Optax are NaN in part.
        slope = jax.jacrev(loss)(x).sum(0)
        yield name + "_where", [loss(x)], [slope[jnp.array([0, 2])]]


if __name__ == "__main__":
    shapes = base.SHAPES
    for group, with_value, dtype in ((OPTIMIZERS, False, "f32"), (WITH_VALUE, True, "f32"), (COMPLEX, False, "c64")):
        for name, opt in group.items():
            base.SHAPES = ((2, 3, 4), (4,), ()) if "tensor" in name else shapes
            kind = "value" if with_value else "gradient"
            add(kind, name, run(opt, np.complex64 if dtype == "c64" else np.float32, with_value=with_value), dtype)
    add("minimize", "sam opaque", opaque())
    for name, opt in PRIVATE.items():
        add("examples", name, private(opt))
    for name, *parts in functions():
        add("function", name, [short(x) for x in jax.tree.leaves(parts)])
    lines.sort()
    path = pathlib.Path(__file__).with_name("optax_contrib.json")
    header = '{\n"jax": "%s",\n"optax": "%s",\n"cases": [\n' % (jax.__version__, optax.__version__)
    path.write_text(header + ",\n".join(lines) + "\n]\n}\n")
