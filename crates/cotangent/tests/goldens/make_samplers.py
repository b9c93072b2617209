"""samplers.json: the samplers of jax.random that have parameters or loops, and keys of other implementations."""

from random_cases import *

F32, F64, F16, BF16 = (DTYPES[d] for d in ("f32", "f64", "f16", "bf16"))
cases, slopes = [], []


def case(fn, seed, *, x64=False, impl=None, f=None, grad=(), name=None, **args):
    """fn(key, **args). `f` calls it where the JSON's arguments are not JAX's. `grad` names parameters, in whose sum of
    samples the gradient is stored."""
    with jax.enable_x64(x64):
        key = random.key(seed, impl=impl)
        given = {k: jnp.asarray(v) if isinstance(v, np.ndarray) else v for k, v in args.items()}
        call = f or (lambda key, **args: getattr(random, fn)(key, **args))
        out = call(key, **given)
        entry = {"fn": name or fn, "seed": seed, "x64": x64, "args": {k: plain(v) for k, v in given.items()}}
        if impl:
            entry["impl"] = impl
        if hasattr(out, "dtype") and jax.dtypes.issubdtype(out.dtype, jax.dtypes.prng_key):
            out = random.key_data(out)
        cases.append(entry | {"output": bits(out)})
        if grad:
            weights = jnp.cos(jnp.arange(out.size, dtype=out.dtype)).reshape(out.shape)
            loss = lambda p: (weights * call(key, **(given | p))).sum()
            found = jax.grad(loss)({k: given[k] for k in grad})
            slopes.append(entry | {"slopes": {k: array(v) for k, v in found.items()}})


def a32(*x):
    return np.array(x, "float32")


# Parameters of one sampler: name, parameters, parameters with derivatives.
ALPHAS = a32(1e-4, 0.05, 0.3, 1.0, 1.5, 10.0, 1e4)
REAL = {
    "gamma": (dict(a=2.5), dict(a=0.3)),
    "loggamma": (dict(a=2.5), dict(a=0.01)),
    "beta": (dict(a=2.0, b=0.5), dict(a=0.1, b=0.2)),
    "chisquare": (dict(df=3.0),),
    "f": (dict(dfnum=3.0, dfden=7.0),),
    "t": (dict(df=3.0),),
    "generalized_normal": (dict(p=1.5), dict(p=0.7)),
    "wald": (dict(mean=1.0), dict(mean=0.2)),
    "maxwell": (dict(),),
    "triangular": (dict(left=-1.0, mode=0.5, right=2.0),),
    "pareto": (dict(b=2.0),),
    "weibull_min": (dict(scale=2.0, concentration=1.5),),
    "rayleigh": (dict(scale=2.0),),
    "lognormal": (dict(sigma=0.5),),
    "double_sided_maxwell": (dict(loc=1.0, scale=2.0),),
}
for fn, variants in REAL.items():
    for args in variants:
        for s, shape in ((0, ()), (0, (2, 3)), (0, (0,)), (44, (200,))):
            case(fn, s, **args, shape=shape, dtype=F32)
        case(fn, 7, x64=True, **args, shape=(5,), dtype=F64)
        case(fn, 7, **args, shape=(5,), dtype=F16)
        case(fn, 7, **args, shape=(5,), dtype=BF16)

# Parameters that broadcast, and derivatives. JAX's derivative of a sample that underflows is wrong, so `loggamma` has no
# smaller parameters here.
SCALES = a32(0.5, 1.0, 3.0)
ROWS = {
    "gamma": dict(a=ALPHAS), "loggamma": dict(a=ALPHAS[1:]), "chisquare": dict(df=a32(0.5, 1.0, 3.0, 50.0)),
    "t": dict(df=a32(0.5, 1.0, 3.0, 50.0)), "wald": dict(mean=SCALES), "pareto": dict(b=SCALES),
    "rayleigh": dict(scale=SCALES), "lognormal": dict(sigma=SCALES),
    "beta": dict(a=a32(0.3, 1.0, 20.0), b=a32(0.5, 2.0, 1.0)), "f": dict(dfnum=a32(1.0, 5.0, 20.0), dfden=a32(3.0, 8.0, 2.0)),
    "triangular": dict(left=a32(0.0, -1.0, 0.0), mode=a32(0.5, 0.0, 1.0), right=a32(1.0, 1.0, 4.0)),
    "weibull_min": dict(scale=SCALES, concentration=a32(1.0, 2.0, 0.7)),
}
for fn, args in ROWS.items():
    n = len(next(iter(args.values())))
    # JAX's `f` refuses parameters of a lower rank than the shape.
    case(fn, 3, **args, shape=(n,) if fn == "f" else (3, n), dtype=F32, grad=tuple(args))
    wide = {k: v.astype("float64") for k, v in args.items()}
    case(fn, 5, x64=True, **wide, shape=(n,), dtype=F64, grad=tuple(args))

# Parameters at and beyond the ends of their ranges.
ODD = a32(0.0, -1.0, -0.5, np.nan, np.inf, 1e-30, 1e30)
for fn, name in (("gamma", "a"), ("loggamma", "a"), ("chisquare", "df"), ("t", "df"), ("pareto", "b"), ("rayleigh", "scale")):
    case(fn, 1, **{name: ODD}, shape=(7,), dtype=F32)
case("beta", 1, a=a32(1e-6, 1e-6, 0.0, np.nan, 1e6, np.inf), b=a32(1e-6, 1.0, 1.0, 1.0, 1e6, 1.0), shape=(6,), dtype=F32)
case("wald", 1, mean=a32(1e-6, 1e-3, 0.1), shape=(4, 3), dtype=F32)

for s in (0, 44):
    for shape in ((), (4,), (50,)):
        case("dirichlet", s, alpha=a32(0.5, 1.0, 3.0), shape=shape, dtype=F32)
    case("dirichlet", s, alpha=a32(1e-3, 1e-3, 1e-3), shape=(6,), dtype=F32)
    case("dirichlet", s, alpha=np.array([[1, 2], [0.1, 30]], "float32"), shape=(3, 2), dtype=F32, grad=("alpha",))
    case("dirichlet", s, x64=True, alpha=np.array([0.5, 1.0, 3.0]), shape=(2,), dtype=F64, grad=("alpha",))
    for p in (1.0, 2.0, 3.5):
        case("ball", s, d=3, p=p, shape=(5,), dtype=F32)
    case("ball", s, d=1, p=2.0, shape=(), dtype=F32)
    case("ball", s, x64=True, d=4, p=2.0, shape=(2,), dtype=F64)
    case("double_sided_maxwell", s, loc=a32(1.0, 2.0, -3.0), scale=a32(0.5, 1.0, 2.0), shape=(2,), dtype=F32)
    for d in ("c64", "c128"):
        for shape in ((), (5,)):
            case("normal", s, x64=d == "c128", shape=shape, dtype=DTYPES[d])
    case("lognormal", s, sigma=0.5, shape=(5,), dtype=DTYPES["c64"])

MEANS, COVS = a32(1.0, -2.0), np.array([[2.0, 0.5], [0.5, 1.0]], "float32")
for s in (0, 44):
    for shape in ((), (3,), (0,)):
        case("multivariate_normal", s, mean=MEANS, cov=COVS, shape=shape, dtype=F32)
    case("multivariate_normal", s, mean=np.stack([MEANS] * 3), cov=COVS, shape=(2, 3), dtype=F32, grad=("mean", "cov"))
    case("multivariate_normal", s, mean=MEANS, cov=np.stack([COVS, 2 * COVS, COVS + np.eye(2, dtype="float32")]), shape=(2, 3), dtype=F32,
         grad=("mean", "cov"))
    case("multivariate_normal", s, x64=True, mean=MEANS.astype("float64"), cov=COVS.astype("float64"), shape=(2,), dtype=F64)
    case("multivariate_normal", s, mean=MEANS, cov=-COVS, shape=(2,), dtype=F32)

for args in (dict(n=1), dict(n=3), dict(n=3, m=5), dict(n=4, m=2), dict(n=0)):
    for shape in ((), (2,)):
        case("orthogonal", 5, **args, shape=shape, dtype=F32)
case("orthogonal", 5, x64=True, n=3, shape=(2,), dtype=F64)
case("orthogonal", 5, n=3, shape=(), dtype=DTYPES["c64"])

# Counts.
for shape in ((), (0,)):
    case("poisson", 0, lam=5.0, shape=shape, dtype=DTYPES["s32"])
    case("binomial", 0, n=a32(10.0).reshape(()), p=a32(0.3).reshape(()), shape=shape, dtype=F32)
LAMBDAS = a32(0.0, 0.1, 1.0, 5.0, 9.99, 10.0, 11.0, 50.0, 1e3, 1e5, 1e9)
for s in (0, 44):
    for lam in (0.5, 10.0, 1e4):
        for shape in ((2, 3), (500,)):
            case("poisson", s, lam=lam, shape=shape, dtype=DTYPES["s32"])
    case("poisson", s, lam=LAMBDAS, shape=(4, 11), dtype=DTYPES["s32"])
    for d in ("s8", "u8", "s16", "u32"):
        case("poisson", s, lam=7.0, shape=(20,), dtype=DTYPES[d])
        case("poisson", s, lam=30.0, shape=(20,), dtype=DTYPES[d])
    case("poisson", s, x64=True, lam=a32(3.0, 300.0), shape=(3, 2), dtype=DTYPES["s64"])
    case("poisson", s, lam=a32(np.nan, -1.0, np.inf, 1e-30, 1e20), shape=(5,), dtype=DTYPES["s32"])

    for n, p in ((10.0, 0.3), (1.0, 0.5), (100.0, 0.05), (100.0, 0.5), (1000.0, 0.9), (1e6, 0.1), (0.0, 0.5)):
        for shape in ((2, 3), (500,)):
            case("binomial", s, n=a32(n).reshape(()), p=a32(p).reshape(()), shape=shape, dtype=F32)
    case("binomial", s, n=a32(5, 50, 500), p=np.array([[0.1], [0.5], [0.99]], "float32"), shape=(2, 3, 3), dtype=F32)
    case("binomial", s, x64=True, n=np.array([5.0, 500.0]), p=np.array([0.4, 0.6]), shape=(4, 2), dtype=F64)
    case("binomial", s, n=np.array([5, 500], "int32"), p=a32(0.4, 0.6), shape=(4, 2), dtype=F32)
    case("binomial", s, n=a32(20.7, 1000.2), p=a32(0.4, 0.6), shape=(4, 2), dtype=F32)
    case("binomial", s, n=np.array([20, 100], "float16"), p=np.array([0.4, 0.6], "float16"), shape=(4, 2), dtype=F16)
    case("binomial", s, n=a32(10, 10, 10, 10, 100, 100, -1, np.nan, np.inf, np.inf), p=a32(0, 1, np.nan, 1.5, -0.5, 1, 0.5, 0.5, 0.5, 0.9),
         shape=(10,), dtype=F32)

    probabilities = a32(0.2, 0.3, 0.5)
    call = lambda key, n, p, shape, dtype: random.multinomial(key, n, p, shape=(*shape, p.shape[-1]), dtype=dtype)
    case("multinomial", s, f=call, n=10.0, p=probabilities, shape=(), dtype=F32)
    case("multinomial", s, f=call, n=a32(10, 1000), p=probabilities, shape=(3, 2), dtype=F32)
    case("multinomial", s, f=call, n=100.0, p=a32(0, 0.5, 0, 0.5), shape=(5,), dtype=F32)
    case("multinomial", s, f=call, n=100.0, p=np.array([[1, 0], [0.5, 0.5]], "float32"), shape=(2,), dtype=DTYPES["s32"])

    for p in (0.01, 0.3, 0.999):
        case("geometric", s, p=p, shape=(20,), dtype=DTYPES["u16"])
        case("rademacher", s, shape=(9,), dtype=F32)
    for mode in ("low", "high"):
        case("bernoulli", s, p=a32(1e-8, 0.3, 0.5, 1.0), shape=(20, 4), mode=mode)
    for mode in ("low", "high", "highest"):
        for shape in ((), (9,), (500,)):
            case("gumbel", s, shape=shape, dtype=F32, mode=mode)
        case("gumbel", s, shape=(9,), dtype=BF16, mode=mode)
        case("gumbel", s, x64=True, shape=(9,), dtype=F64, mode=mode)
        case("categorical", s, logits=a32(0, -15, -1, 2), axis=-1, shape=(200,), mode=mode)
    case("categorical", s, logits=a32(0, -1, 1, 2), axis=-1, shape=(4,), replace=False)
    case("categorical", s, logits=np.array([[0, 1, -1], [2, 0, 0.5]], "float32"), axis=0, shape=(2, 3), replace=False)
    case("categorical", s, logits=np.array([[0, 1, -1], [2, 0, 0.5]], "float32"), axis=1, shape=(3, 1, 2), replace=False)

# Keys of other implementations.
for impl in ("rbg", "unsafe_rbg"):
    for s in (0, 44, -1):
        case("key", s, impl=impl, f=lambda key: key)
        for n in (1, 3, (2, 2), 0):
            case("split", s, impl=impl, num=n)
        for d in (0, 1, 7, 2147483648):
            case("fold_in", s, impl=impl, data=d, f=lambda key, data: random.fold_in(key, np.uint32(data)))
        for shape in ((), (3,), (2, 3), (0,), (100,)):
            for d in ("u8", "u16", "u32"):
                case("bits", s, impl=impl, shape=shape, dtype=DTYPES[d])
            case("bits", s, impl=impl, x64=True, shape=shape, dtype=DTYPES["u64"])
            case("normal", s, impl=impl, shape=shape, dtype=F32)
    case("randint", 3, impl=impl, shape=(10,), minval=0, maxval=100, dtype=DTYPES["s32"])
    case("permutation", 3, impl=impl, x=10)
    case("normal", 3, impl=impl, x64=True, shape=(4,), dtype=F64)
    case("uniform", 3, impl=impl, shape=(4,), dtype=BF16)
    case("gamma", 3, impl=impl, a=a32(0.3, 2.0), shape=(2, 2), dtype=F32)

# Many counts, by their histogram: both branches of each algorithm.
with jax.enable_x64(False):
    for fn, args in (("poisson", (3.0,)), ("poisson", (40.0,)), ("binomial", (30.0, 0.2)), ("binomial", (200.0, 0.4))):
        x = np.asarray(getattr(random, fn)(random.key(9), *args, shape=(20000,))).astype(int)
        cases.append({"fn": "histogram", "of": fn, "args": list(args), "counts": np.bincount(x).tolist()})

write(__file__, {"cases": cases, "slopes": slopes})
