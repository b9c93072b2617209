"""sampler_slopes.json: first and second derivatives of samples of jax.random in each of their parameters. JAX cannot
differentiate the derivative of a gamma sample again."""

from random_cases import *

slopes = []


def case(fn, params, shape, *, dtype, **rest):
    with jax.enable_x64(dtype == "f64"):
        key = random.key(3)
        given = {k: jnp.asarray(np.asarray(v, DTYPES[dtype])) for k, v in params.items()}
        fixed = rest | {"shape": shape, "dtype": DTYPES[dtype]}
        call = lambda **args: getattr(random, fn)(key, **args, **fixed)
        out = call(**given)
        weights = jnp.cos(jnp.arange(out.size, dtype=out.dtype)).reshape(out.shape)
        found, bends = {}, {}
        for k in given:
            slope = jax.grad(lambda p: (weights * call(**(given | {k: p}))).sum())
            found[k] = array(slope(given[k]))
            try:
                bends[k] = array(jax.grad(lambda p: slope(p).sum())(given[k]))
            except ValueError as error:
                assert "while_loop" in str(error)
        args = {k: plain(v) for k, v in (given | fixed).items()}
        slopes.append({"fn": fn, "seed": 3, "x64": dtype == "f64", "args": args, "slopes": found, "bends": bends})


SCALES = [0.5, 1.0, 3.0]
SHAPES = [0.05, 0.3, 1.0, 1.5, 10.0, 1e4]
for d in ("f32", "f64"):
    case("gamma", {"a": SHAPES}, (2, 6), dtype=d)
    case("loggamma", {"a": SHAPES}, (2, 6), dtype=d)
    case("beta", {"a": [0.3, 1.0, 20.0], "b": [0.5, 2.0, 1.0]}, (2, 3), dtype=d)
    case("dirichlet", {"alpha": [[1, 2], [0.1, 30]]}, (3, 2), dtype=d)
    case("chisquare", {"df": [0.5, 1, 3, 50.0]}, (2, 4), dtype=d)
    case("f", {"dfnum": [1, 5, 20.0], "dfden": [3, 8, 2.0]}, (3,), dtype=d)
    case("t", {"df": [0.5, 1, 3, 50.0]}, (2, 4), dtype=d)
    case("generalized_normal", {"p": 1.5}, (5,), dtype=d)
    case("ball", {"p": 1.5}, (4,), d=3, dtype=d)
    case("ball", {"p": 2.0}, (4,), d=3, dtype=d)
    case("wald", {"mean": SCALES}, (2, 3), dtype=d)
    case("weibull_min", {"scale": SCALES, "concentration": [1, 2, 0.7]}, (2, 3), dtype=d)
    case("pareto", {"b": SCALES}, (2, 3), dtype=d)
    case("rayleigh", {"scale": SCALES}, (2, 3), dtype=d)
    case("lognormal", {"sigma": SCALES}, (2, 3), dtype=d)
    case("triangular", {"left": [0, -1, 0.0], "mode": [0.5, 0, 1], "right": [1, 1, 4.0]}, (2, 3), dtype=d)
    case("double_sided_maxwell", {"loc": SCALES, "scale": SCALES}, (2,), dtype=d)
    case("truncated_normal", {"lower": [-1, 0, -2.0], "upper": [1, 2, 0.5]}, (2, 3), dtype=d)
    case("uniform", {"minval": [-1, 0, -2.0], "maxval": [1, 2, 0.5]}, (2, 3), dtype=d)
    case("multivariate_normal", {"mean": [1.0, -2], "cov": [[2, 0.5], [0.5, 1]]}, (3,), dtype=d)

write(__file__, {"slopes": slopes})
