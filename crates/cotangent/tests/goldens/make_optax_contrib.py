"""optax_contrib.json: parameters after steps of optimizers with states of their own kinds, and results of Optax's
functions of matrices, as make_optax.py.
"""

from common import *

import make_optax as base
from make_optax import contrib, jnp, optax, run, short

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


identity = optax.identity()
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
}
WITH_VALUE = {
    "momo adapt": contrib.momo(0.5, lower_bound=-9.0, weight_decay=0.01, adapt_lower_bound=True),
    "momo_adam": contrib.momo_adam(0.1, lower_bound=-2.0, weight_decay=0.01),
    "momo_adam adapt": contrib.momo_adam(0.1, lower_bound=-9.0, adapt_lower_bound=True),
}
COMPLEX = {"split_real_and_imaginary": contrib.split_real_and_imaginary(optax.adam(0.05))}


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
    for name, *parts in functions():
        add("function", name, [short(x) for part in parts for x in part])
    lines.sort()
    path = pathlib.Path(__file__).with_name("optax_contrib.json")
    header = '{\n"jax": "%s",\n"optax": "%s",\n"cases": [\n' % (jax.__version__, optax.__version__)
    path.write_text(header + ",\n".join(lines) + "\n]\n}\n")
