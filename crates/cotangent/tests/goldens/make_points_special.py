"""points_special.json: special functions of real numbers at special points, to the second order; see point_cases.py."""

import sys

from point_cases import *
from jax import lax
from jax.scipy import special
from jax.scipy.stats import norm as jax_norm
import scipy.special
import scipy.stats

table = Table()


def one(name, of_jax, f0, f1, f2, **options):
    table.function(name, of_jax, of_one(f0, f1, f2), **options)


# The normal distribution. Far out nothing is left of exp(−x²), and of what is one there.
FAR = 10**5
gauss = lambda x: mp.exp(-x * x) if abs(x) < FAR else mpf(0)
odd_ends = lambda f: lambda x: x if x == 0 else f(x)
two_over_root_pi = lambda: 2 / mp.sqrt(mp.pi)
erfc = lambda x: (mpf(0) if x > 0 else mpf(2)) if abs(x) > FAR else mp.erfc(x)
one("erf", special.erf, lambda x: mp.sign(x) if abs(x) > FAR else mp.erf(x), lambda x: two_over_root_pi() * gauss(x),
    lambda x: -2 * x * two_over_root_pi() * gauss(x), ends=scipy.special.erf)
one("erfc", special.erfc, erfc, lambda x: -two_over_root_pi() * gauss(x), lambda x: 2 * x * two_over_root_pi() * gauss(x),
    ends=scipy.special.erfc)


def inverse_erf(x):
    if not -1 < x < 1:
        return NAN
    return mp.erfinv(x)


one("erfinv", special.erfinv, inverse_erf, lambda x: mp.exp(inverse_erf(x) ** 2) / two_over_root_pi(),
    lambda x: 2 * inverse_erf(x) * mp.exp(2 * inverse_erf(x) ** 2) / two_over_root_pi() ** 2, ends=odd_ends(scipy.special.erfinv))
density = lambda x: gauss(x / mp.sqrt(2)) / mp.sqrt(2 * mp.pi)
phi = lambda x: erfc(-x / mp.sqrt(2)) / 2


def hazard(x):
    """φ(x)/Φ(x), below by the continued fraction of the ratio of Mills."""
    if x > -50:
        return density(x) / phi(x)
    tail = mpf(0)
    for k in range(60, 0, -1):
        tail = k / (-x + tail)
    return -x + tail


def slope_of_hazard(x):
    """−h·(h + x), the sum by the same fraction."""
    if x > -50:
        return -hazard(x) * (hazard(x) + x)
    return -hazard(x) * (hazard(x) + x) if x > -10**10 else -1 + 1 / x**2


def log_phi(x):
    if x > -50:
        return mp.log(phi(x)) if x < 5 else mp.log1p(-phi(-x))
    return -x * x / 2 - mp.log(2 * mp.pi) / 2 - mp.log(hazard(x))


one("ndtr", special.ndtr, phi, density, lambda x: -x * density(x), ends=scipy.special.ndtr)
one("log_ndtr", special.log_ndtr, log_phi, hazard, slope_of_hazard, ends=scipy.special.log_ndtr)
one("norm.logsf", jax_norm.logsf, lambda x: log_phi(-x), lambda x: -hazard(-x), lambda x: slope_of_hazard(-x),
    ends=lambda x: scipy.special.log_ndtr(-x))
one("norm.pdf", jax_norm.pdf, density, lambda x: -x * density(x), lambda x: (x * x - 1) * density(x), ends=scipy.stats.norm.pdf)

# Bessel functions: far out by their asymptotic series, scaled.


def asymptotic(order, derivative, x):
    """The derivative of exp(−x) Iₙ(x), n being the order, for large x."""
    term, total = mpf(1), mpf(0)
    for k in range(60):
        total += term * (-1) ** derivative * mp.rf(k + mpf(1) / 2, derivative) / x ** (k + derivative)
        term = -term * (4 * order * order - (2 * k + 1) ** 2) / (8 * (k + 1))
    return total / mp.sqrt(2 * mp.pi * x)


def scaled_bessel(n, x):
    """exp(−x) Iₙ(x) for x ≥ 0."""
    return mp.besseli(n, x) * mp.exp(-x) if x < 300 else asymptotic(n, 0, x)


def bessel(n, x):
    return mp.sign(x) ** n * scaled_bessel(n, abs(x)) * (mp.exp(abs(x)) if abs(x) < FAR else mpf(10) ** 5000)


def scaled_slopes(x):
    """exp(−x)·I₀(x) and its derivatives to the third for x ≥ 0, where the differences of Bessel functions cancel."""
    if x >= 300:
        return tuple(asymptotic(0, k, x) for k in range(4))
    if x < mpf(10) ** -20:
        return scaled_bessel(0, x), -1 + 3 * x / 2, mpf(3) / 2 - 5 * x / 2, -mpf(5) / 2
    with mp.workdps(2 * mp.dps + 60):
        y = scaled_bessel(0, x)
        first = scaled_bessel(1, x) - y
        second = -((1 + 2 * x) * first + y) / x
        return y, first, second, -((2 + 2 * x) * second + 3 * first) / x


even = lambda k: lambda x: mp.sign(x) ** k * scaled_slopes(abs(x))[k] if k else scaled_slopes(abs(x))[0]
odd = lambda k: lambda x: mp.sign(x) * scaled_bessel(1, abs(x)) if k == 0 else mp.sign(x) ** (k + 1) * (scaled_slopes(abs(x))[k] + scaled_slopes(abs(x))[k + 1])
one("i0", special.i0, lambda x: bessel(0, x), lambda x: bessel(1, x),
    lambda x: bessel(0, x) - bessel(1, x) / x if x else mpf(1) / 2, ends=scipy.special.i0)
one("i1", special.i1, lambda x: bessel(1, x), lambda x: bessel(0, x) - bessel(1, x) / x if x else mpf(1) / 2,
    lambda x: bessel(1, x) - (bessel(0, x) - 2 * bessel(1, x) / x) / x if abs(x) > mpf(10) ** -20 else 3 * x / 8,
    ends=odd_ends(scipy.special.i1))
kink = {(1, 0.0): 0.0, (1, -0.0): 0.0, (3, 0.0): 1.5, (3, -0.0): 1.5}  # i0e turns there; on both sides the second derivative is 3/2
one("i0e", special.i0e, even(0), even(1), lambda x: scaled_slopes(abs(x))[2], ends=scipy.special.i0e, given=kink)
one("i1e", special.i1e, odd(0), odd(1), odd(2), ends=odd_ends(scipy.special.i1e), kinks=lambda x: x == 0,
    given={(1, math.nan): math.nan})  # of JAX it is ½, as at zero

# The gamma function. Beyond FAR by Stirling's formula, and negative numbers that large are poles or next to them.
pole = lambda x: x <= 0 and x == mp.floor(x)


def log_gamma(x):
    if pole(x):
        return NAN
    if x < 0:
        return mp.log(mp.pi / abs(mp.sinpi(x))) - log_gamma(1 - x)
    return (x - mpf(1) / 2) * mp.log(x) - x + mp.log(2 * mp.pi) / 2 + 1 / (12 * x) if x > 1e30 else mp.loggamma(x)


def psi(n, x):
    if pole(x):
        return NAN
    if x < 0:
        s, c = mp.sinpi(x), mp.cospi(x)
        turn = [mp.pi * c / s, -((mp.pi / s) ** 2), 2 * mp.pi**3 * c / s**3, -2 * mp.pi**4 * (1 + 2 * c**2) / s**4][n]
        return (-1) ** n * psi(n, 1 - x) - turn
    if x > 1e30:
        return [mp.log(x) - 1 / (2 * x), 1 / x + 1 / (2 * x**2), -1 / x**2 - 1 / x**3, 2 / x**3 + 3 / x**4][n]
    return mp.psi(n, x)


def gamma(x):
    if pole(x):
        return NAN
    if x < -FAR:
        return mpf(0)
    return mpf(10) ** 5000 if x > FAR else mp.gamma(x)


one("gammaln", special.gammaln, log_gamma, lambda x: psi(0, x), lambda x: psi(1, x), ends=lambda x: np.inf)
one("digamma", special.digamma, lambda x: psi(0, x), lambda x: psi(1, x), lambda x: psi(2, x),
    ends=lambda x: NAN if x == 0 else np.inf if x > 0 else NAN)
gamma_slopes = (gamma, lambda x: gamma(x) * psi(0, x), lambda x: gamma(x) * (psi(1, x) + psi(0, x) ** 2))
one("gamma", special.gamma, *gamma_slopes, ends=lambda x: 1 / x if x == 0 else np.inf if x > 0 else NAN)
for n in (1, 2):
    one(f"polygamma({n})", lambda x, n=n: special.polygamma(n, x), *(lambda x, k=k: psi(k, x) for k in (n, n + 1)),
        (lambda x: psi(3, x)) if n == 1 else (lambda x: NAN), ends=lambda x, n=n: np.inf if x == 0 and n == 1 else [0.0, -0.0][n - 1] if x > 0 else NAN)


# The incomplete gamma function of whole shapes, and the density of its distribution.
def lower_gamma(a):
    terms = lambda x: sum(x**k / mp.factorial(k) for k in range(a))

    def value(x):
        if x < 0:
            return NAN
        if x > FAR:
            return mpf(1)
        return 1 - mp.exp(-x) * terms(x) if x > 1 else mp.exp(-x) * sum(x**k / mp.factorial(k) for k in range(a, a + mp.dps))

    power = lambda k: lambda x: (mp.exp(-x) if x < FAR else mpf(0)) * x**k / mp.factorial(k) if k >= 0 else mpf(0)
    outside = lambda f: lambda x: f(x) if x >= 0 else NAN
    return value, outside(power(a - 1)), outside(lambda x: power(a - 2)(x) - power(a - 1)(x))


for a in (1, 2, 5):
    f, f1, f2 = lower_gamma(a)
    one(f"gammainc({a})", lambda x, a=a: special.gammainc(jnp.asarray(a, x.dtype), x), f, f1, f2,
        ends=lambda x, a=a: scipy.special.gammainc(a, x))

table.write(__file__, *sys.argv[1:])
