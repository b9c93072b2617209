"""optax.json: parameters after steps of each optimizer of Optax, and values of its schedules.

It needs optax beside jax. The parameters, the gradients and the losses are formulas, which tests/libraries/optim.rs
repeats. A number is the shortest decimal that a float of its dtype is read from.
"""

from common import *

import functools
import jax.numpy as jnp
import optax
from optax import contrib

STEPS = 50
KEPT = (1, 2, 10, 50)
SHAPES = ((3, 4), (4,), ())


def leaves(f, dtype):
    """Each leaf is a formula of the number of the element."""
    return tuple(jnp.asarray(f(np.arange(int(np.prod(s)), dtype=np.float64)).reshape(s).astype(dtype)) for s in SHAPES)


def initial(dtype):
    imaginary = 1j if np.issubdtype(dtype, np.complexfloating) else 0
    return leaves(lambda i: np.cos(1.7 * i) + 0.2 + imaginary * np.sin(1.1 * i), dtype)


def loss(p):
    """A quadratic function with a ripple."""
    total = 0.0
    for x, s in zip(p, SHAPES):
        i = np.arange(int(np.prod(s))).reshape(s)
        c = jnp.asarray((0.5 + 0.25 * (i % 3)), x.real.dtype)
        d = x - jnp.asarray(np.sin(0.9 * i), x.real.dtype)
        total = total + jnp.sum(0.5 * c * jnp.abs(d) ** 2 if jnp.iscomplexobj(x) else 0.5 * c * d * d)
        total = total + jnp.sum(0.1 * jnp.cos(2.0 * x.real))
    return total


def gradients(p, step):
    g = jax.grad(loss)(p)
    return jax.tree.map(lambda g: g + jnp.asarray(0.3 * jnp.cos(0.7 * step), g.real.dtype), jax.tree.map(jnp.conj, g))


def short(x):
    x = np.asarray(x)
    if np.iscomplexobj(x):
        return [short(x.real), short(x.imag)]
    x = x.astype(np.float32).reshape(-1)
    return [float(str(v)) if np.isfinite(v) else real(v) for v in x]


def run(make, dtype=np.float32, with_value=False, minimize=False):
    opt = make() if callable(make) else make
    p = initial(dtype)
    state = opt.init(p)

    @jax.jit
    def step(p, state, i):
        if minimize:
            if minimize == "stored":
                value, g = optax.value_and_grad_from_state(loss)(p, state=state)
            else:
                value, g = jax.value_and_grad(loss)(p)
            updates, state = opt.update(g, state, p, value=value, grad=g, value_fn=loss)
        elif with_value:
            updates, state = opt.update(gradients(p, i), state, p, value=loss(p))
        else:
            updates, state = opt.update(gradients(p, i), state, p)
        return optax.apply_updates(p, updates), state

    kept = []
    for i in range(STEPS):
        p, state = step(p, state, jnp.float32(i))
        if i + 1 in KEPT:
            kept.append([short(x) for x in p])
    return kept


matrices = functools.partial(jax.tree.map, lambda p: p.ndim > 1)
rate = optax.warmup_cosine_decay_schedule(0.0, 0.1, 10, 40, 0.01)


def labels(p):
    return jax.tree.map(lambda x: "matrix" if x.ndim > 1 else "rest", p)


@optax.inject_hyperparams
def injected(learning_rate, momentum):
    return optax.sgd(learning_rate, momentum)


OPTIMIZERS = {
    "sgd": optax.sgd(0.05),
    "sgd momentum": optax.sgd(0.05, 0.9),
    "sgd nesterov": optax.sgd(0.05, 0.9, nesterov=True),
    "sgd schedule": optax.sgd(rate),
    "adam": optax.adam(0.05),
    "adam schedule": optax.adam(rate, b1=0.8, b2=0.95, eps=1e-5, eps_root=1e-4),
    "nadam": optax.nadam(0.05),
    "adamw": optax.adamw(0.05, weight_decay=0.1),
    "adamw mask": optax.adamw(rate, weight_decay=0.1, mask=matrices),
    "nadamw": optax.nadamw(0.05),
    "amsgrad": optax.amsgrad(0.05),
    "adamax": optax.adamax(0.05),
    "adamaxw": optax.adamaxw(0.05, weight_decay=0.1),
    "adabelief": optax.adabelief(0.05),
    "adabelief nesterov": optax.adabelief(0.05, eps=1e-6, eps_root=1e-6, nesterov=True),
    "adan": optax.adan(0.05, weight_decay=0.01),
    "radam": optax.radam(0.05, b2=0.95),
    "radam nesterov": optax.radam(0.05, nesterov=True),
    "yogi": optax.yogi(0.05),
    "sign_sgd": optax.sign_sgd(0.03),
    "signum": optax.signum(0.03),
    "noisy_sgd": optax.noisy_sgd(0.05, key=jax.random.key(7)),
    "adagrad": optax.adagrad(0.1),
    "adadelta": optax.adadelta(1.0, weight_decay=0.01),
    "adafactor": optax.adafactor(0.1, min_dim_size_to_factor=3),
    "adafactor momentum": optax.adafactor(0.1, momentum=0.9, weight_decay_rate=1e-3, factored=False),
    "adafactor plain": optax.adafactor(multiply_by_parameter_scale=False, clipping_threshold=None),
    "lamb": optax.lamb(0.05, weight_decay=0.01),
    "lars": optax.lars(1.0, weight_decay=0.01, trust_coefficient=0.02),
    "lion": optax.lion(0.02),
    "novograd": optax.novograd(0.05, weight_decay=0.01),
    "fromage": optax.fromage(0.05),
    "fromage schedule": optax.fromage(rate),
    "optimistic_gradient_descent": optax.optimistic_gradient_descent(0.05, beta=0.5),
    "optimistic_adam_v2": optax.optimistic_adam_v2(0.05),
    "rmsprop": optax.rmsprop(0.02),
    "rmsprop momentum": optax.rmsprop(0.01, momentum=0.9, nesterov=True, eps_in_sqrt=False, bias_correction=True),
    "rmsprop centered": optax.rmsprop(0.01, centered=True, eps=1e-4),
    "rmsprop centered corrected": optax.rmsprop(0.01, centered=True, eps=1e-4, bias_correction=True, momentum=0.5),
    # Optax's SM3 fails for scalars.
    "sm3": optax.chain(
        optax.masked(optax.sm3(0.1), lambda p: jax.tree.map(lambda x: x.ndim > 0, p)),
        optax.masked(optax.scale(-0.1), lambda p: jax.tree.map(lambda x: x.ndim == 0, p)),
    ),
    "rprop": optax.rprop(0.01),
    "muon": contrib.muon(0.05, weight_decay=0.01),
    "muon aol": contrib.muon(0.05, preconditioning="aol", adam_learning_rate=0.02, consistent_rms=0.2),
    "muon schatten": contrib.muon(0.05, preconditioning="schatten", adaptive=True, nesterov=False),
    "muon dion": contrib.muon(0.05, ns_coeffs="dion"),
    "schedule_free_sgd": contrib.schedule_free_sgd(0.1, warmup_steps=5, weight_decay=0.01),
    "schedule_free_adamw": contrib.schedule_free_adamw(0.05, warmup_steps=5, weight_decay=0.01),
    "dog": contrib.dog(),
    "dowg": contrib.dowg(),
    "dadapt_adamw": contrib.dadapt_adamw(estim_lr0=1e-3, weight_decay=0.01),
    "cocob": contrib.cocob(weight_decay=0.01),
    "adopt": contrib.adopt(0.05),
    "adopt nesterov": contrib.adopt(0.05, nesterov=True, use_clipping=False),
    "acprop": contrib.acprop(0.02, eps=1e-3, weight_decay=0.01),
    "ademamix": contrib.ademamix(0.02, b3=0.99, weight_decay=0.01),
    "simplified_ademamix": contrib.simplified_ademamix(0.002, alpha=2.0, weight_decay=0.01),
    "madgrad": contrib.madgrad(0.05, weight_decay=0.01),
    "prodigy": contrib.prodigy(estim_lr0=1e-2, weight_decay=0.01),
    "clip": optax.chain(optax.clip(0.2), optax.sgd(0.1)),
    "clip_by_global_norm": optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(rate)),
    "clip_by_block_rms": optax.chain(optax.clip_by_block_rms(0.3), optax.sgd(0.1)),
    "adaptive_grad_clip": optax.chain(optax.adaptive_grad_clip(0.3), optax.sgd(0.1)),
    "centralize": optax.chain(optax.centralize(), optax.sgd(0.1)),
    "keep_params_nonnegative": optax.chain(optax.sgd(0.1), optax.keep_params_nonnegative()),
    "apply_every": optax.chain(optax.apply_every(3), optax.sgd(0.05)),
    "ema": optax.chain(optax.ema(0.9), optax.sgd(0.1)),
    "normalize_by_update_norm": optax.chain(optax.normalize_by_update_norm(), optax.sgd(0.1)),
    "scale_by_param_block_norm": optax.chain(optax.scale_by_param_block_norm(), optax.sgd(0.03)),
    "masked": optax.chain(optax.masked(optax.adam(0.05), matrices), optax.scale(0.5)),
    "partition": optax.partition({"matrix": optax.adam(0.05), "rest": optax.sgd(0.1, 0.5)}, labels),
    "multi_steps": optax.MultiSteps(optax.adam(0.1), 3).gradient_transformation(),
    "multi_steps sum": optax.MultiSteps(optax.sgd(0.02), 4, use_grad_mean=False).gradient_transformation(),
    "apply_if_finite": optax.apply_if_finite(optax.adam(0.05), 3),
    "conditionally_transform": optax.conditionally_transform(optax.sgd(0.1, 0.5), lambda step: step % 3 != 1),
    "conditionally_mask": optax.conditionally_mask(optax.adam(0.1), lambda step: step % 3 != 1),
    "inject_hyperparams": injected(rate, 0.5),
    "add_decayed_weights schedule": optax.chain(optax.add_decayed_weights(rate), optax.sgd(0.1)),
    "scale_by_schedule": optax.chain(optax.scale_by_adam(), optax.scale_by_schedule(lambda c: -0.1 / jnp.sqrt(1.0 + c))),
}
WITH_VALUE = {
    "polyak_sgd": optax.polyak_sgd(0.5, f_min=-2.0),
    "polyak_sgd plus": optax.polyak_sgd(0.3, f_min=0.5, variant="sps+"),
    "momo": contrib.momo(0.5, lower_bound=-2.0, weight_decay=0.01),
    "reduce_on_plateau": optax.chain(optax.sgd(0.2), contrib.reduce_on_plateau(0.5, patience=3, cooldown=2, accumulation_size=2)),
}
MINIMIZE = {
    "lbfgs": optax.lbfgs(),
    "lbfgs memory": optax.lbfgs(memory_size=2, scale_init_precond=False),
    "lbfgs plain": optax.lbfgs(0.1, memory_size=3, linesearch=None),
    "zoom": optax.chain(optax.sgd(1.0), optax.scale_by_zoom_linesearch(15)),
    "backtracking": optax.chain(optax.sgd(1.0), optax.scale_by_backtracking_linesearch(15)),
    "backtracking stored": optax.chain(optax.sgd(1.0), optax.scale_by_backtracking_linesearch(15, store_grad=True)),
}


def lookahead():
    opt = optax.lookahead(optax.adam(0.05), 5, 0.5)
    p = optax.LookaheadParams.init_synced(initial(np.float32))
    state = opt.init(p)

    @jax.jit
    def step(p, state, i):
        updates, state = opt.update(gradients(p.fast, i), state, p)
        return optax.apply_updates(p, updates), state

    kept = []
    for i in range(STEPS):
        p, state = step(p, state, jnp.float32(i))
        if i + 1 in KEPT:
            kept.append([short(x) for x in p.fast])
    return kept


def sophia():
    opt = contrib.sophia(0.1)
    p = initial(np.float32)
    state = opt.init(p)

    @jax.jit
    def step(p, state):
        updates, state = opt.update(jax.grad(loss)(p), state, p, obj_fn=loss)
        return optax.apply_updates(p, updates), state

    kept = []
    for i in range(STEPS):
        p, state = step(p, state)
        if i + 1 in KEPT:
            kept.append([short(x) for x in p])
    return kept


AT = [0, 1, 2, 5, 9, 10, 11, 15, 20, 21, 30, 39, 40, 41, 50, 99, 100, 101, 1000]
SCHEDULES = {
    "constant": optax.constant_schedule(0.3),
    "polynomial": optax.polynomial_schedule(1.0, 0.1, 2.5, 40),
    "polynomial begin": optax.polynomial_schedule(1.0, 0.1, 2, 20, 10),
    "polynomial none": optax.polynomial_schedule(1.0, 0.1, 2, 0),
    "linear": optax.linear_schedule(0.1, 1.0, 40),
    "piecewise constant": optax.piecewise_constant_schedule(1.0, {10: 0.5, 40: 0.1}),
    "exponential": optax.exponential_decay(0.5, 10, 0.9),
    "exponential staircase": optax.exponential_decay(0.5, 10, 0.9, transition_begin=5, staircase=True, end_value=0.3),
    "exponential growth": optax.exponential_decay(0.5, 10, 1.1, end_value=0.9),
    "cosine": optax.cosine_decay_schedule(0.7, 40),
    "cosine options": optax.cosine_decay_schedule(0.7, 40, 0.2, 1.5),
    "piecewise linear": optax.piecewise_interpolate_schedule("linear", 1.0, {10: 0.5, 40: 3.0}),
    "piecewise cosine": optax.piecewise_interpolate_schedule("cosine", 1.0, {10: 0.5, 40: 3.0}),
    "linear onecycle": optax.linear_onecycle_schedule(100, 0.5),
    "cosine onecycle": optax.cosine_onecycle_schedule(100, 0.5),
    "warmup constant": optax.warmup_constant_schedule(0.0, 0.5, 20),
    "warmup cosine": optax.warmup_cosine_decay_schedule(0.0, 0.5, 20, 100, 0.05),
    "warmup cosine power": optax.warmup_cosine_decay_schedule(0.1, 0.5, 20, 100, 0.05, 2.0),
    "warmup exponential": optax.warmup_exponential_decay_schedule(0.0, 0.5, 20, 10, 0.8, end_value=0.1),
    "sgdr": optax.sgdr_schedule([
        dict(init_value=0.0, peak_value=0.5, decay_steps=20, warmup_steps=5, end_value=0.1),
        dict(init_value=0.1, peak_value=0.3, decay_steps=60, warmup_steps=10, end_value=0.0),
    ]),
    "join": optax.join_schedules([optax.linear_schedule(0.0, 1.0, 10), optax.exponential_decay(1.0, 5, 0.5)], [10]),
}

lines = []


def add(kind, name, dtype, values):
    lines.append(json.dumps({"kind": kind, "name": name, "dtype": dtype, "values": values}))


if __name__ == "__main__":
    for name, opt in OPTIMIZERS.items():
        add("gradient", name, "f32", run(opt))
    for name in ("adam", "sgd momentum", "lion", "adafactor", "rmsprop", "adamw"):
        add("gradient", name, "bf16", run(OPTIMIZERS[name], bf16))
    for name in ("sgd momentum", "adam", "rmsprop", "adagrad", "yogi", "clip_by_global_norm", "adabelief"):
        add("gradient", name, "c64", run(OPTIMIZERS[name], np.complex64))
    add("gradient", "adam mu_dtype", "bf16", run(optax.adam(0.05, mu_dtype=jnp.float32), bf16))
    add("gradient", "lookahead", "f32", lookahead())
    for name, opt in WITH_VALUE.items():
        add("value", name, "f32", run(opt, with_value=True))
    for name, opt in MINIMIZE.items():
        stored = "stored" if name in ("lbfgs", "lbfgs memory", "zoom", "backtracking stored") else True
        add("minimize", name, "f32", run(opt, minimize=stored))
    add("minimize", "sophia", "f32", sophia())
    for name, schedule in SCHEDULES.items():
        add("schedule", name, "f32", [float(str(np.float32(schedule(jnp.int32(i))))) for i in AT])
    lines.sort()
    path = pathlib.Path(__file__).with_name("optax.json")
    header = '{\n"jax": "%s",\n"optax": "%s",\n"at": %s,\n"cases": [\n' % (jax.__version__, optax.__version__, json.dumps(AT))
    path.write_text(header + ",\n".join(lines) + "\n]\n}\n")
