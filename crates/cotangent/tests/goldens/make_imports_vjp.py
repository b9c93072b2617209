"""Functions whose derivatives are not those of their operations, as `jax.export` serializes them with their VJPs, and JAX's
values, gradients and gradients of gradients. It needs the packages of `make_imports.py`, whose helpers it uses.
"""

import base64
import importlib.metadata
import os

import jax
import jax.numpy as jnp
import numpy as np
from jax import export, lax

import make_imports as made
from common import write
from make_imports import described, digest, floats, wave

CASES = []


def case(package="jax", order=2, **options):
    """Registers a function that returns (f, argument, …). `order` is that of the derivatives in the file, and of those that
    are compared. With `operations`, those of the operations are JAX's too."""

    def register(make):
        CASES.append((package, make.__name__, order, options, make))
        return make

    return register


def of_imports(name, order=1, **options):
    """A case of `make_imports.py`."""
    package, _, _, make = next(entry for entry in made.CASES if entry[1] == name)
    CASES.append((package, name, order, options, make))


@case()
def stopped():
    return (lambda x: x * lax.stop_gradient(jnp.sin(x))), wave((3,), 1)


@case()
def other_rule():
    @jax.custom_vjp
    def f(x, y):
        return x ** 2 + y
    f.defvjp(lambda x, y: (f(x, y), x), lambda x, ct: (3 * ct * jnp.sin(x), 0.5 * ct))
    return f, wave((3,), 1), wave((3,), 2)


@case()
def rule_for_an_unused_argument():
    @jax.custom_vjp
    def f(x, y):
        return 2 * x
    f.defvjp(lambda x, y: (f(x, y), (x, y)), lambda s, ct: (ct * s[1], ct * s[0] ** 2))
    return f, wave((3,), 1), wave((3,), 2)


@case()
def clipped_gradient():
    @jax.custom_vjp
    def f(x):
        return x
    f.defvjp(lambda x: (f(x), None), lambda _, ct: (jnp.clip(ct, -0.3, 0.3),))
    return (lambda x: f(jnp.sin(x)) * 2), wave((5,), 1, 1.5)


@case()
def other_tangent():
    @jax.custom_jvp
    def f(x, n):
        return x ** 3 * n
    f.defjvp(lambda p, t: (f(*p), t[0] * p[0] * 7))
    return f, wave((3,), 1), wave((3,), 2)


@case()
def relu_at_zero():
    return (lambda x: (jax.nn.relu(x) ** 2 + jax.nn.relu(x), jax.nn.relu6(x))), np.array([-1, 0, 0, 2], np.float32)


@case()
def integers_keys_and_booleans():
    def f(x, i, key, b, n):
        noise = jax.random.normal(jax.random.wrap_key_data(key), x.shape)
        return i + 1, x[i] * noise[0] * lax.stop_gradient(x).sum(), b & (x > 0), jnp.where(b, x, noise) ** 2, jax.random.split(jax.random.wrap_key_data(key))
    return f, wave((4,), 1), np.int32(2), np.array([0, 7], np.uint32), np.array([True, False, True, True]), np.int32(3)


@case()
def typed_keys():
    def f(key, x):
        return jax.random.uniform(key, x.shape) * lax.stop_gradient(x) * x, key
    return f, jax.random.key(7), wave((3,), 1)


@case(platforms=("cuda", "cpu"))
def two_platforms():
    return (lambda x, y: (x * lax.stop_gradient(y), jnp.tanh(y))), wave((3,), 1), wave((3,), 2)


@case()
def rules_in_a_scan():
    def f(w, xs):
        def step(c, x):
            c = jax.nn.relu(c * w + lax.stop_gradient(c) * x)
            return c, c.sum()
        return lax.scan(step, jnp.ones(3), xs)
    return f, wave((3,), 1, 0.5, 0.7), wave((5, 3), 2)


@case()
def narrow_floats():
    def f(x, y):
        return jax.nn.relu(x) * lax.stop_gradient(y), (y.astype(jnp.float16) * lax.stop_gradient(y).astype(jnp.float16))
    return f, wave((4,), 1).astype(jnp.bfloat16), wave((4,), 2)
CASES[-1][3]["tolerance"] = 1e-2


@case()
def root():
    def f(a):
        return lax.custom_root(lambda x: x ** 3 - a, jnp.ones_like(a), lambda g, x: lax.fori_loop(0, 30, lambda _, x: x - g(x) / (3 * x ** 2), x),
                               lambda g, y: y / g(jnp.ones_like(y)))
    return f, wave((3,), 1, 0.5, 2.0)


@case(order=1)
def incomplete_gamma():
    s = jax.scipy.special
    return (lambda a, x: (s.gammainc(a, x), s.betainc(1.5, 0.7, x / 4))), wave((4,), 0, 0.5, 1.5), wave((4,), 1, 0.5, 1.5)


@case(order=1)
def while_with_a_rule():
    @jax.custom_vjp
    def root(a):
        return lax.while_loop(lambda x: (jnp.abs(x ** 2 - a) > 1e-6).any(), lambda x: 0.5 * (x + a / x), a)
    root.defvjp(lambda a: (root(a),) * 2, lambda x, ct: (ct / (2 * x),))
    return root, wave((3,), 0, 0.5, 2.0)


@case("optimistix", order=2)
def implicit_root():
    import optimistix as optx
    def f(a):
        return optx.root_find(lambda y, a: y - jnp.tanh(a * y + 1), optx.Newton(1e-6, 1e-6), jnp.ones(3), a).value
    return f, wave((3,), 1)


@case("optimistix", order=1)
def implicit_minimum():
    import optimistix as optx
    def f(a):
        fn = lambda y, a: ((y - a) ** 2).sum() + 0.1 * (y[0] * y[1]) ** 2
        return optx.minimise(fn, optx.BFGS(1e-6, 1e-6), jnp.ones(2), a).value
    return f, np.array([0.7, 0.4], np.float32)
CASES[-1][3]["tolerance"] = 1e-3


@case("diffrax", order=1)
def checkpointed_solve():
    import diffrax
    def f(y, a):
        return diffrax.diffeqsolve(diffrax.ODETerm(made.field), diffrax.Tsit5(), 0, 1, 0.1, y, args=a,
                                   stepsize_controller=diffrax.PIDController(1e-4, 1e-4), max_steps=16).ys
    return f, wave((3,), 0, 0.5, 1.0), np.float32(0.7)


of_imports("odeint_values")
of_imports("q_learning", 2)
of_imports("returns_and_traces")
of_imports("policy_losses", 2)
of_imports("tfp_densities", operations=True)


@case(order=1, operations=True)
def special():
    def f(x, y):
        return (lax.lgamma(x), lax.digamma(x), lax.erf_inv(x / 4), lax.erfc(x), lax.bessel_i1e(x),
                lax.lgamma(-x).sum(), lax.erfc(-9 * x), lax.lgamma(y.astype(jnp.float16)))
    return f, wave((4,), 1, 0.9, 1.5), wave((4,), 0, 0.5, 1.5)
CASES[-1][3]["tolerance"] = 3e-4


def unreadable():
    """A function whose derivative uses a routine of LAPACK that is not read."""
    @jax.custom_vjp
    def f(x):
        return 2 * x
    f.defvjp(lambda x: (f(x), x), lambda x, ct: (ct * jax.scipy.linalg.schur(x)[0],))
    check = export.DisabledSafetyCheck.custom_call("lapack_sgees_ffi")
    exported = export.export(jax.jit(f), disabled_checks=[check])(wave((2, 2)))
    return {"name": "unreadable", "artifact": base64.b64encode(exported.serialize(vjp_order=1)).decode()}


def written(package, name, order, options, make):
    f, *args = make()
    jitted = jax.jit(f)
    exported = export.export(jitted, platforms=options.get("platforms"))(*args)
    data = exported.serialize(vjp_order=order)
    leaves, structure = jax.tree.flatten(tuple(args))
    at = floats(leaves)

    def loss(*moving):
        all = list(leaves)
        for i, x in zip(at, moving):
            all[i] = x
        total = 0.0
        for k, y in enumerate(jax.tree.leaves(f(*jax.tree.unflatten(structure, all)))):
            if jnp.issubdtype(y.dtype, jnp.floating):
                total += (y.astype(jnp.float32).ravel() * jnp.cos(1.0 + k + jnp.arange(y.size))).sum()
        return total

    gradient = jax.grad(loss, argnums=tuple(range(len(at))))

    def slope(*moving):
        terms = enumerate(gradient(*moving))
        return sum((y.astype(jnp.float32).ravel() * jnp.cos(1.0 + k + jnp.arange(y.size))).sum() for k, y in terms)

    moving = [jnp.asarray(leaves[i]) for i in at]
    result = {"name": name, "package": package, "version": importlib.metadata.version(package), "order": order,
              "inputs": [described(plain(x)) for x in leaves],
              "value": [digest(plain(y)) for y in jax.tree.leaves(jitted(*args))],
              "grad": [digest(y) for y in jax.jit(gradient)(*moving)]}
    # The gradient of a batch of two in the first float, and of the others, which are not batched.
    pair = jnp.stack([moving[0], moved(moving[0])])
    batched = jax.jit(jax.grad(lambda pair, *rest: jax.vmap(loss, (0, *[None] * len(rest)))(pair, *rest).sum(), argnums=tuple(range(len(at)))))
    result["vmap"] = [digest(y) for y in batched(pair, *moving[1:])]
    if order > 1:
        result["second"] = [digest(y) for y in jax.jit(jax.grad(slope, argnums=tuple(range(len(at)))))(*moving)]
    result |= {key: options[key] for key in ("tolerance", "operations") if key in options}
    result["artifact"] = base64.b64encode(data).decode()
    return result, len(data)


def plain(x):
    """The words of a key, and anything else as it is."""
    return jax.random.key_data(x) if jnp.issubdtype(jnp.asarray(x).dtype, jax.dtypes.prng_key) else x


def moved(x):
    return x * jnp.asarray(0.98, x.dtype)


if __name__ == "__main__":
    only = os.environ.get("ONLY")
    cases = []
    for entry in CASES:
        if only and entry[1] not in only.split(","):
            continue
        result, size = written(*entry)
        cases.append(result)
        print(f"{entry[0]:24} {entry[1]:32} {size:8}")
    write(__file__, {"cases": cases, "refused": [unreadable()]})
