"""random.json: jax.random in the default configuration, every float as its raw bits."""

from random_cases import *

cases = []


def case(fn, seed, *, x64=False, f=None, **args):
    """fn(key, **args). `f` calls it where the JSON's arguments are not JAX's."""
    with jax.enable_x64(x64):
        for k, v in args.items():
            if isinstance(v, np.ndarray):
                args[k] = jnp.asarray(v)
        key = random.PRNGKey(seed)
        out = f(key) if f else getattr(random, fn)(key, **args)
        cases.append({"fn": fn, "seed": seed, "key": [int(k) for k in key], "x64": x64,
                      "args": {k: plain(v) for k, v in args.items()}, "output": bits(out)})


SEEDS = [0, 44, -1]
BIG = 2 ** 32 + 5  # needs x64
SHAPES = [(), (3,), (2, 3), (0,), (1000,)]
F32, F64, F16, BF16 = (DTYPES[d] for d in ("f32", "f64", "f16", "bf16"))

for s in SEEDS + [1, 42, 2147483647, -2147483648]:
    case("PRNGKey", s, f=lambda key: key)
for s in [0, 44, -1, BIG, -BIG]:
    case("PRNGKey", s, x64=True, f=lambda key: key)
for s in SEEDS:
    for n in (1, 2, 3, 5, (2, 2), 0, 1000):
        case("split", s, num=n)
    for d in (0, 1, 7, 4294967295, 2147483648):
        case("fold_in", s, data=d, f=lambda key, d=d: random.fold_in(key, np.uint32(d)))
case("split", BIG, x64=True, num=3)
case("fold_in", BIG, x64=True, data=7)

for s in SEEDS:
    for shape in SHAPES:
        for d in ("u8", "u16", "u32"):
            case("bits", s, shape=shape, dtype=DTYPES[d])
        case("bits", s, x64=True, shape=shape, dtype=DTYPES["u64"])
        case("uniform", s, shape=shape, dtype=F32)
        case("uniform", s, x64=True, shape=shape, dtype=F64)
        case("normal", s, shape=shape, dtype=F32)
        case("normal", s, x64=True, shape=shape, dtype=F64)
        case("randint", s, shape=shape, minval=0, maxval=100, dtype=DTYPES["s32"])
        for f in ("exponential", "gumbel", "laplace", "logistic"):
            case(f, s, shape=shape, dtype=F32)
case("bits", BIG, x64=True, shape=(4,), dtype=DTYPES["u32"])
case("uniform", BIG, x64=True, shape=(4,), dtype=F64)

for s in (0, 44):
    for shape in ((5,), (1000,)):
        for d in (F16, BF16):
            case("uniform", s, shape=shape, dtype=d)
            case("normal", s, shape=shape, dtype=d)
            case("gumbel", s, shape=shape, dtype=d)
            case("exponential", s, shape=shape, dtype=d)
        for lo, hi in ((-1.0, 1.0), (2.0, 2.5), (0.0, 1e-3), (-1e30, 1e30), (1.0, 1.0), (2.0, 1.0)):
            case("uniform", s, shape=shape, dtype=F32, minval=lo, maxval=hi)
        case("uniform", s, x64=True, shape=shape, dtype=F64, minval=-3.0, maxval=5.0)
        case("uniform", s, shape=shape, dtype=BF16, minval=-3.0, maxval=5.0)
        for f in ("exponential", "gumbel", "laplace", "logistic"):
            case(f, s, x64=True, shape=shape, dtype=F64)
        case("gumbel", s, shape=shape, dtype=F32, mode="high")
        for lo, hi in ((0, 1), (0, 2), (-5, 5), (0, 65537), (-2147483648, 2147483647), (0, 2147483647), (7, 7), (9, 3), (-100, -90)):
            case("randint", s, shape=shape, minval=lo, maxval=hi, dtype=DTYPES["s32"])
        for d, lo, hi in (("u8", 0, 255), ("u8", 0, 256), ("u8", 10, 13), ("s8", -128, 127), ("s8", -128, 128), ("s16", -1000, 1000), ("u16", 0, 65535), ("u32", 0, 1000)):
            case("randint", s, shape=shape, minval=lo, maxval=hi, dtype=DTYPES[d])
        for d, lo, hi in (("s64", 0, 10 ** 12), ("s64", -2 ** 63, 2 ** 63 - 1), ("s64", 0, 100), ("u32", 0, 2 ** 32 - 1), ("u64", 0, 10)):
            case("randint", s, x64=True, shape=shape, minval=lo, maxval=hi, dtype=DTYPES[d])
        for p in (0.0, 0.3, 0.5, 1.0):
            case("bernoulli", s, p=p, shape=shape)
        case("bernoulli", s, p=0.3, shape=shape, mode="high")
        for lo, hi in ((-2.0, 2.0), (0.0, 1.0), (1.0, 5.0), (-np.inf, 0.0)):
            case("truncated_normal", s, lower=real(lo), upper=hi, shape=shape, dtype=F32,
                 f=lambda key: random.truncated_normal(key, lo, hi, shape, F32))
        case("truncated_normal", s, x64=True, lower=-2.0, upper=2.0, shape=shape, dtype=F64)
        case("rademacher", s, shape=shape)
        case("cauchy", s, shape=shape)
        case("triangular", s, left=-1.0, mode=0.5, right=2.0, shape=shape)
        case("pareto", s, b=2.0, shape=shape)
        case("weibull_min", s, scale=2.0, concentration=1.5, shape=shape)
        case("rayleigh", s, scale=2.0, shape=shape)
        case("geometric", s, p=0.3, shape=shape)
        case("lognormal", s, sigma=0.5, shape=shape)
    case("bernoulli", s, p=np.array([0.1, 0.5, 0.9], "float32"))
    case("bernoulli", s, p=np.array([0.1, 0.5, 0.9], "float32"), shape=(2, 3))
    case("uniform", s, shape=(2, 3), minval=np.array([0, 1, 2], "float32"), maxval=np.array([1, 3, 5], "float32"))
    case("randint", s, shape=(2, 3), minval=np.array([0, -5, 100], "int32"), maxval=np.array([10, 5, 1000], "int32"))

    for n in (0, 1, 2, 5, 10, 1000, 2000):
        case("permutation", s, x=n)
    case("permutation", s, x=np.arange(12, dtype="float32").reshape(4, 3))
    case("permutation", s, x=np.arange(12, dtype="float32").reshape(4, 3), axis=1)
    case("permutation", s, x=np.arange(12, dtype="float32").reshape(4, 3), independent=True)
    case("permutation", s, x=np.arange(12, dtype="int32").reshape(3, 4), axis=1, independent=True)
    case("permutation", s, x=np.arange(10, dtype="int32"))
    case("permutation", s, x64=True, x=10)

    logits = np.log(np.array([0.1, 0.2, 0.3, 0.4], "float32"))
    two = np.array([[0.0, 1.0, -1.0], [2.0, 0.0, 0.5]], "float32")
    case("categorical", s, logits=logits)
    case("categorical", s, logits=logits, shape=(5,))
    case("categorical", s, logits=logits, shape=(1000,))
    case("categorical", s, logits=two)
    case("categorical", s, logits=two, axis=0)
    case("categorical", s, logits=two, axis=-1, shape=(4, 2))
    case("categorical", s, logits=logits, shape=(3,), replace=False)
    case("categorical", s, logits=np.array([-np.inf, 0.0, -np.inf], "float32"), shape=(4,))

    p = np.array([0.1, 0.2, 0.3, 0.4], "float32")
    rows = np.arange(8, dtype="float32").reshape(4, 2)
    case("choice", s, a=5)
    for shape in ((3,), (2, 2)):
        for replace in (True, False):
            case("choice", s, a=5, shape=shape, replace=replace)
            case("choice", s, a=4, shape=shape, replace=replace, p=p)
            case("choice", s, a=np.array([1.5, 2.5, 3.5, 4.5], "float32"), shape=shape, replace=replace)
            case("choice", s, a=rows, shape=shape, replace=replace)
    case("choice", s, a=rows, shape=(2,), replace=False, axis=1)
    case("choice", s, a=rows, shape=(3,), p=p)
    case("choice", s, a=100, shape=(1000,))

# The check values of the algorithms' description.
key = random.PRNGKey(0)
assert random.split(key).tolist() == [[1797259609, 2579123966], [928981903, 3453687069]]
assert random.bits(key, (5,)).tolist() == [4070199207, 4202968722, 1427181096, 2012915765, 2447653815]
assert random.randint(key, (3,), 0, 100).tolist() == [89, 0, 12]
assert float(random.normal(key, (3,))[0]) == float.fromhex("0x1.9f657ap+0")

write(__file__, {"cases": cases})
