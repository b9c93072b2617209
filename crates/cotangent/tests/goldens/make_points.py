"""points.json: elementary functions of real numbers at special points, to the second order; see point_cases.py."""

from fractions import Fraction
import sys

from point_cases import *
from jax import lax
from jax.scipy import special
import scipy.special

table = Table()
never, always = lambda *a: False, lambda *a: True


def one(name, of_jax, f0, f1, f2, **options):
    table.function(name, of_jax, of_one(f0, f1, f2), **options)


def two(name, of_jax, *derivatives, **options):
    table.function(name, of_jax, of_two(*derivatives), arity=2, **options)


zero = lambda *a: mpf(0)
const = lambda c: lambda *a: mpf(c)
ln2, ln10 = (lambda: mp.log(2)), (lambda: mp.log(10))

# Exponentials and logarithms.
one("exp", jnp.exp, mp.exp, mp.exp, mp.exp)
one("exp2", jnp.exp2, lambda x: mpf(2) ** x, lambda x: mpf(2) ** x * ln2(), lambda x: mpf(2) ** x * ln2() ** 2)
one("expm1", jnp.expm1, mp.expm1, mp.exp, mp.exp)
one("log", jnp.log, mp.log, lambda x: 1 / x, lambda x: -1 / x**2)
one("log2", jnp.log2, lambda x: mp.log(x) / ln2(), lambda x: 1 / x / ln2(), lambda x: -1 / x**2 / ln2())
one("log10", jnp.log10, lambda x: mp.log(x) / ln10(), lambda x: 1 / x / ln10(), lambda x: -1 / x**2 / ln10())
one("log1p", jnp.log1p, mp.log1p, lambda x: 1 / (1 + x), lambda x: -1 / (1 + x) ** 2)
slope = lambda x: 1 / (2 * mp.cosh(x / 2)) ** 2
logistic = lambda x: 1 / (1 + mp.exp(-x))
one("expit", special.expit, logistic, slope, lambda x: -slope(x) * mp.tanh(x / 2), ends=scipy.special.expit)
one("softplus", jax.nn.softplus, lambda x: mp.log1p(mp.exp(x)), logistic, slope, ends=lambda x: np.logaddexp(x, 0))
one("logit", special.logit, lambda x: mp.log(x) - mp.log1p(-x), lambda x: 1 / (x * (1 - x)),
    lambda x: (2 * x - 1) / (x * (1 - x)) ** 2, ends=scipy.special.logit)
one("entr", special.entr, lambda x: -x * mp.log(x), lambda x: -mp.log(x) - 1, lambda x: -1 / x, ends=scipy.special.entr)

# Trigonometric and hyperbolic functions, and their inverses.
minus = lambda f: lambda x: -f(x)
one("sin", jnp.sin, mp.sin, mp.cos, minus(mp.sin))
one("cos", jnp.cos, mp.cos, minus(mp.sin), minus(mp.cos))
one("tan", jnp.tan, mp.tan, lambda x: mp.sec(x) ** 2, lambda x: 2 * mp.tan(x) * mp.sec(x) ** 2)
one("sinh", jnp.sinh, mp.sinh, mp.cosh, mp.sinh)
one("cosh", jnp.cosh, mp.cosh, mp.sinh, mp.cosh)
one("tanh", jnp.tanh, mp.tanh, lambda x: mp.sech(x) ** 2, lambda x: -2 * mp.tanh(x) * mp.sech(x) ** 2)
inside = lambda x: (1 - x) * (1 + x)
one("arcsin", jnp.arcsin, mp.asin, lambda x: 1 / mp.sqrt(inside(x)), lambda x: x / mp.sqrt(inside(x)) ** 3)
one("arccos", jnp.arccos, mp.acos, lambda x: -1 / mp.sqrt(inside(x)), lambda x: -x / mp.sqrt(inside(x)) ** 3)
one("arctan", jnp.arctan, mp.atan, lambda x: 1 / (1 + x**2), lambda x: -2 * x / (1 + x**2) ** 2)
one("arcsinh", jnp.arcsinh, mp.asinh, lambda x: 1 / mp.sqrt(1 + x**2), lambda x: -x / mp.sqrt(1 + x**2) ** 3)
one("arccosh", jnp.arccosh, mp.acosh, lambda x: 1 / mp.sqrt((x - 1) * (x + 1)), lambda x: -x / mp.sqrt((x - 1) * (x + 1)) ** 3)
one("arctanh", jnp.arctanh, mp.atanh, lambda x: 1 / inside(x), lambda x: 2 * x / inside(x) ** 2)


def near_zero(series, formula):
    """In terms of u = πx. The formulas cancel near zero, where three terms of the series are exact enough."""
    return lambda x: series(mp.pi * x) if abs(x) < 1e-10 else formula(mp.pi * x)


one("sinc", jnp.sinc,
    near_zero(lambda u: 1 - u**2 / 6 + u**4 / 120, lambda u: mp.sin(u) / u),
    near_zero(lambda u: mp.pi * (-u / 3 + u**3 / 30 - u**5 / 840), lambda u: mp.pi * (mp.cos(u) - mp.sin(u) / u) / u),
    near_zero(lambda u: mp.pi**2 * (-mpf(1) / 3 + u**2 / 10 - u**4 / 168),
              lambda u: mp.pi**2 * (2 * mp.sin(u) / u - 2 * mp.cos(u) - u * mp.sin(u)) / u**2))

# Roots and powers.
one("sqrt", jnp.sqrt, mp.sqrt, lambda x: 1 / (2 * mp.sqrt(x)), lambda x: -1 / (4 * x * mp.sqrt(x)))
one("rsqrt", lax.rsqrt, lambda x: 1 / mp.sqrt(x), lambda x: -1 / (2 * x * mp.sqrt(x)), lambda x: 3 / (4 * x**2 * mp.sqrt(x)),
    ends=lambda x: 1 / np.sqrt(x))
root = lambda x: mp.sign(x) * mp.cbrt(abs(x))
one("cbrt", jnp.cbrt, root, lambda x: 1 / (3 * root(x) ** 2), lambda x: -2 / (9 * x * root(x) ** 2))
one("square", jnp.square, lambda x: x * x, lambda x: 2 * x, const(2))
one("reciprocal", jnp.reciprocal, lambda x: 1 / x, lambda x: -1 / x**2, lambda x: 2 / x**3)
for n in (-2, -1, 0, 1, 3, 5):
    one(f"powi({n})", lambda x, n=n: lax.integer_pow(x, n), lambda x, n=n: x**n, lambda x, n=n: n * x ** (n - 1) if n else mpf(0),
        lambda x, n=n: n * (n - 1) * x ** (n - 2) if n * (n - 1) else mpf(0), ends=lambda x, n=n: np.power(x, float(n)))
one("deg2rad", jnp.deg2rad, lambda x: x * mp.pi / 180, lambda x: mp.pi / 180, zero)
one("rad2deg", jnp.rad2deg, lambda x: x * 180 / mp.pi, lambda x: 180 / mp.pi, zero)

# Steps and kinks: their slopes there are JAX's.
at_zero = lambda x: x == 0
whole = lambda x: x == math.floor(x) if math.isfinite(x) else True
half = lambda x: x - 0.5 == math.floor(x - 0.5) if math.isfinite(x) else True
even = lambda x: mpf(round(Fraction(*x.as_integer_ratio()))) if mpmath.isfinite(x) else x
one("abs", jnp.abs, abs, mp.sign, zero, kinks=at_zero)
one("sign", jnp.sign, mp.sign, zero, zero, kinks=at_zero)
one("negative", jnp.negative, lambda x: -x, const(-1), zero)
one("floor", jnp.floor, mp.floor, zero, zero, kinks=whole)
one("ceil", jnp.ceil, mp.ceil, zero, zero, kinks=whole)
one("trunc", jnp.trunc, lambda x: mp.floor(x) if x > 0 else mp.ceil(x), zero, zero, kinks=whole)
one("rint", jnp.rint, even, zero, zero, kinks=half)

# Of two numbers.
two("add", jnp.add, lambda x, y: x + y, const(1), const(1), zero, zero, zero)
two("subtract", jnp.subtract, lambda x, y: x - y, const(1), const(-1), zero, zero, zero)
two("multiply", jnp.multiply, lambda x, y: x * y, lambda x, y: y, lambda x, y: x, zero, const(1), zero)
two("divide", jnp.divide, lambda x, y: x / y, lambda x, y: 1 / y, lambda x, y: -x / y**2, zero, lambda x, y: -1 / y**2,
    lambda x, y: 2 * x / y**3)
tie = lambda x, y: x == y
for name, first in (("maximum", lambda x, y: x > y), ("minimum", lambda x, y: x < y)):
    takes = lambda a, b, first=first: lambda x, y: a(x, y) if first(x, y) else b(x, y)
    for name in (name, "f" + name[:3]):
        two(name, getattr(jnp, name), takes(lambda x, y: x, lambda x, y: y), takes(const(1), zero), takes(zero, const(1)), zero, zero,
            zero, kinks=tie)
two("copysign", jnp.copysign, lambda x, y: abs(x) * (mp.sign(y) or NAN), lambda x, y: mp.sign(x) * (mp.sign(y) or NAN), zero, zero,
    zero, zero, kinks=lambda x, y: x == 0 or y == 0)
two("heaviside", jnp.heaviside, lambda x, y: y if x == 0 else mpf(x > 0), zero, lambda x, y: mpf(x == 0), zero, zero, zero,
    kinks=lambda x, y: x == 0)
quotient = lambda x, y: Fraction(*x.as_integer_ratio()) / Fraction(*y.as_integer_ratio())
exact = lambda q: mpf(q.numerator) / q.denominator
floored, truncated = (lambda x, y: math.floor(quotient(x, y))), (lambda x, y: math.trunc(quotient(x, y)))
for name, n in (("remainder", floored), ("fmod", truncated)):
    two(name, getattr(jnp, name), lambda x, y, n=n: exact((quotient(x, y) - n(x, y)) * Fraction(*y.as_integer_ratio())), const(1),
        lambda x, y, n=n: mpf(-n(x, y)), zero, zero, zero, kinks=lambda x, y: y == 0 or math.fmod(x, y) == 0 if math.isfinite(x) else True)
two("floor_divide", jnp.floor_divide, lambda x, y: mpf(floored(x, y)), zero, zero, zero, zero, zero,
    kinks=lambda x, y: y == 0 or math.fmod(x, y) == 0 if math.isfinite(x) else True)


def power(x, y):
    """The real power: of negative numbers only whole ones."""
    if x > 0:
        return mp.exp(y * mp.log(x))
    if x == 0:
        return mpf(0) if y > 0 else mpf(1) if y == 0 else NAN
    return mp.exp(y * mp.log(-x)) * (-1) ** int(y % 2) if y == mp.floor(y) else NAN


two("power", jnp.power, power, lambda x, y: y * power(x, y - 1) if y else mpf(0), lambda x, y: power(x, y) * mp.log(x),
    lambda x, y: y * (y - 1) * power(x, y - 2) if y * (y - 1) else mpf(0), lambda x, y: power(x, y - 1) * (1 + y * mp.log(x)),
    lambda x, y: power(x, y) * mp.log(x) ** 2,
    # NumPy gives the root of −0 for the power ½.
    ends=lambda x, y: abs(np.power(x, y)) if y == 0.5 else np.power(x, y),
    # The power 0 is 1 of every number.
    given={(1, 0.0, 0.0): 0.0})
equal_large = [(1e-30, 1e-30), (1e20, 1e20), (-1e20, 1e20), (1e25, 1e25), (1e-30, -2e-30), (1.0, 1.0), (1e30, 1.0)]
r = lambda x, y: mp.sqrt(x**2 + y**2)
two("hypot", jnp.hypot, r, lambda x, y: x / r(x, y), lambda x, y: y / r(x, y), lambda x, y: y**2 / r(x, y) ** 3,
    lambda x, y: -x * y / r(x, y) ** 3, lambda x, y: x**2 / r(x, y) ** 3, more=equal_large)
two("arctan2", jnp.arctan2, mp.atan2, lambda y, x: x / r(x, y) ** 2, lambda y, x: -y / r(x, y) ** 2,
    lambda y, x: -2 * x * y / r(x, y) ** 4, lambda y, x: (y**2 - x**2) / r(x, y) ** 4, lambda y, x: 2 * x * y / r(x, y) ** 4,
    more=equal_large)
larger = lambda x, y: mp.log1p(mp.exp(-abs(x - y)))
two("logaddexp", jnp.logaddexp, lambda x, y: max(x, y) + larger(x, y), lambda x, y: logistic(x - y), lambda x, y: logistic(y - x),
    lambda x, y: slope(x - y), lambda x, y: -slope(x - y), lambda x, y: slope(x - y), more=[(100.0, 100.0), (3.0, 3.5)])
s2 = lambda x, y: slope((x - y) * ln2()) * ln2()
two("logaddexp2", jnp.logaddexp2, lambda x, y: max(x, y) + larger(x * ln2(), y * ln2()) / ln2(), lambda x, y: logistic((x - y) * ln2()),
    lambda x, y: logistic((y - x) * ln2()), s2, lambda x, y: -s2(x, y), s2, more=[(100.0, 100.0), (3.0, 3.5)])
two("xlogy", special.xlogy, lambda x, y: x * mp.log(y), lambda x, y: mp.log(y), lambda x, y: x / y, zero, lambda x, y: 1 / y,
    lambda x, y: -x / y**2, ends=scipy.special.xlogy)
two("xlog1py", special.xlog1py, lambda x, y: x * mp.log1p(y), lambda x, y: mp.log1p(y), lambda x, y: x / (1 + y), zero,
    lambda x, y: 1 / (1 + y), lambda x, y: -x / (1 + y) ** 2, ends=scipy.special.xlog1py)

table.write(__file__, *sys.argv[1:])
