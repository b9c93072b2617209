"""Complex functions and their slopes at special points, by mpmath and C99's Annex G. Writes points_complex.json.

A finite point is evaluated at 50 digits at the exact float. A part that is a zero is moved by next to nothing to the side of its
sign, so a point on a branch cut lies on the side that C99 gives it, and a result too small for the dtype rounds to zero.
Poles, infinities and NaN are Annex G's: by the C library behind NumPy where it has the function.
"""
import itertools
import json
import os

import mpmath as mp
import numpy as np

mp.mp.dps = 50
INF, NAN = float("inf"), float("nan")
SIDE = mp.mpf("1e-2000")
# Beside functions that grow exponentially it must not grow into a number.
LEAST_SIDE = mp.ldexp(1, -(10**215))
HERE = os.path.dirname(os.path.abspath(__file__))


def points(dtype):
    tiny, large = (1e-20, 3e25) if dtype == np.complex64 else (1e-200, 3e200)
    parts = [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 1e-4, -tiny, 1e10, -large]
    finite = list(itertools.product(parts, parts))
    finite += [(0.0, 88.0), (0.0, -88.0), (88.5, 1.5707963), (-88.0, 2.0), (0.0, tiny), (tiny, tiny), (0.6, 0.8)]
    finite += [(1.0, 1e-10), (-1.0, 1e-10), (1.0001, -1e-4), (0.999, 0.01), (large, large), (large, 1.0), (30.0, -0.7)]
    finite += [(89.2, 1.5), (89.2, -0.3), (710.1, 1.5), (0.3, 89.2), (0.3, -710.1)]
    finite += [(1.0, 20.0), (-20.0, 1.0), (0.1, -0.1), (1e-4, 1e-4), (-0.5, 1e-5), (3.0, 4.0), (2.0, 0.0), (8.0, -0.0)]
    odd = [INF, -INF, NAN, 0.0, -0.0, 1.0, -2.5]
    return finite, [p for p in itertools.product(odd, odd) if not np.isfinite(p).all()]


def exact(name, re, im):
    """The number, a zero part moved to the side of its sign."""
    side = LEAST_SIDE if name in GROWING else SIDE
    part = lambda x: mp.mpf(x) if x != 0 else (-side if np.signbit(x) else side)
    return mp.mpc(part(re), part(im))


def rounded(value, dtype):
    """The parts in the dtype."""
    real = np.float32 if dtype == np.complex64 else np.float64
    greatest = mp.mpf(float(np.finfo(real).max))

    def part(x):
        if mp.isnan(x):
            return NAN
        if abs(x) > greatest:
            return INF if x > 0 else -INF
        if abs(x) < mp.mpf("1e-400"):
            return -0.0 if x < 0 else 0.0
        with np.errstate(all="ignore"):
            return float(real(mp.nstr(x, 40)))

    value = mp.mpc(value)
    return part(value.real), part(value.imag)


LN2, LN10 = mp.log(2), mp.log(10)


def expm1(z):
    a, b = z.real, z.imag
    return mp.mpc(mp.expm1(a) * mp.cos(b) - 2 * mp.sin(b / 2) ** 2, mp.exp(a) * mp.sin(b))


def sinc(z):
    # π to as many digits as the largest number has before the point.
    with mp.workdps(300):
        w = mp.pi * z
        return 1 - w**2 / 6 if abs(w) < mp.mpf("1e-30") else mp.sin(w) / w


def sinc_slope(z):
    with mp.workdps(300):
        w = mp.pi * z
        return -mp.pi * w / 3 if abs(w) < mp.mpf("1e-10") else mp.pi * (mp.cos(w) * w - mp.sin(w)) / w**2


def sinh(z):
    a, b = z.real, z.imag
    return mp.mpc(mp.sinh(a) * mp.cos(b), mp.cosh(a) * mp.sin(b))


def cosh(z):
    a, b = z.real, z.imag
    return mp.mpc(mp.cosh(a) * mp.cos(b), mp.sinh(a) * mp.sin(b))


def turned(f):
    """f(iz)/i: the circular function of a hyperbolic one."""
    return lambda z: mp.mpc(0, -1) * f(mp.mpc(-z.imag, z.real))


def log(z):
    return mp.mpc(mp.log(z.real**2 + z.imag**2) / 2, mp.atan2(z.imag, z.real))


def log1p(z):
    a, b = z.real, z.imag
    # 1 + a is exact near −1; elsewhere the square of the modulus less one has no cancellation that 50 digits feel.
    real = mp.log((1 + a) ** 2 + b * b) if -2 < a < -0.5 else mp.log1p(a * (2 + a) + b * b)
    return mp.mpc(real / 2, mp.atan2(b, 1 + a))


def sqrt(z):
    a, b = z.real, z.imag
    r = mp.sqrt(a * a + b * b)
    big = mp.sqrt((r + abs(a)) / 2)
    small = abs(b) / (2 * big)
    re, im = (big, small) if a >= 0 else (small, big)
    return mp.mpc(re, im if b >= 0 else -im)


def atanh(z):
    a, b = z.real, z.imag
    re = mp.log1p(4 * a / ((1 - a) ** 2 + b * b)) / 4 if a > 0 else -mp.log1p(-4 * a / ((1 + a) ** 2 + b * b)) / 4
    return mp.mpc(re, (mp.atan2(b, 1 - a) + mp.atan2(b, 1 + a)) / 2)


def asinh(z):
    """By Hull, Fairgrieve and Tang: parts without cancellation at 2000 digits of range."""
    with mp.workdps(4200 if abs(z.real) < mp.mpf("1e-1000") or abs(z.imag) < mp.mpf("1e-1000") else 900):
        w = mp.sqrt(1 + z * z)
        # The cut: Re w is not negative.
        w = w if w.real >= 0 else -w
        total = z + w
        if z.real < 0:
            total = w - z
        result = mp.log(total)
        return -result if z.real < 0 else result


def acosh(z):
    with mp.workdps(4200):
        w = mp.sqrt(z - 1) * mp.sqrt(z + 1)
        return mp.log(z + w)


def asin(z):
    w = asinh(mp.mpc(-z.imag, z.real))
    return mp.mpc(w.imag, -w.real)


def acos(z):
    with mp.workdps(4200):
        # acos z = 2 atan2-free form: i·acosh up to the sign of the imaginary part.
        w = acosh(z)
        re, im = abs(w.imag), abs(w.real)
        return mp.mpc(re, -im if z.imag > 0 else im)


def tanh(z):
    return sinh(z) / cosh(z)


one = mp.mpf(1)

# Name: value, slope.
FUNCTIONS = {
    "exp": (mp.exp, mp.exp),
    "exp2": (lambda z: mp.exp(z * LN2), lambda z: LN2 * mp.exp(z * LN2)),
    "expm1": (expm1, mp.exp),
    "log": (log, lambda z: one / z),
    "log1p": (log1p, lambda z: one / (1 + z)),
    "log2": (lambda z: log(z) / LN2, lambda z: one / (z * LN2)),
    "log10": (lambda z: log(z) / LN10, lambda z: one / (z * LN10)),
    "sin": (turned(sinh), lambda z: cosh(mp.mpc(-z.imag, z.real))),
    "cos": (lambda z: cosh(mp.mpc(-z.imag, z.real)), lambda z: -turned(sinh)(z)),
    "tan": (turned(tanh), lambda z: one / cosh(mp.mpc(-z.imag, z.real)) ** 2),
    "sinh": (sinh, cosh),
    "cosh": (cosh, sinh),
    "tanh": (tanh, lambda z: one / cosh(z) ** 2),
    "asin": (asin, lambda z: one / (mp.sqrt(1 - z) * mp.sqrt(1 + z))),
    "acos": (acos, lambda z: -one / (mp.sqrt(1 - z) * mp.sqrt(1 + z))),
    "atan": (turned(atanh), lambda z: one / ((1 + mp.mpc(0, 1) * z) * (1 - mp.mpc(0, 1) * z))),
    "asinh": (asinh, lambda z: one / (mp.sqrt(1 + mp.mpc(0, 1) * z) * mp.sqrt(1 - mp.mpc(0, 1) * z))),
    "acosh": (acosh, lambda z: one / (mp.sqrt(z - 1) * mp.sqrt(z + 1))),
    "atanh": (atanh, lambda z: one / ((1 - z) * (1 + z))),
    "sqrt": (sqrt, lambda z: one / (2 * sqrt(z))),
    "rsqrt": (lambda z: one / sqrt(z), lambda z: -one / (2 * z * sqrt(z))),
    "square": (lambda z: z * z, lambda z: 2 * z),
    "reciprocal": (lambda z: one / z, lambda z: -one / (z * z)),
    "logistic": (lambda z: one / (1 + mp.exp(-z)), lambda z: mp.exp(-z) / (1 + mp.exp(-z)) ** 2),
    "sinc": (sinc, sinc_slope),
    "cube": (lambda z: z * z * z, lambda z: 3 * z * z),
    # Not holomorphic: the value, and the slope along the real axis.
    "abs": (lambda z: mp.mpc(abs(z)), lambda z: mp.mpc(z.real / abs(z))),
    "sign": (lambda z: z / abs(z), lambda z: mp.mpc(0, -1) * z * z.imag / abs(z) ** 3),
}

GROWING = {"exp", "exp2", "expm1", "sin", "cos", "tan", "sinh", "cosh", "tanh", "logistic", "sinc"}


def pole(name, z):
    """Whether there is no value there, or none that a limit gives; and whether no slope."""
    origin = z == (0, 0)
    value = {
        "log": origin, "log2": origin, "log10": origin, "rsqrt": origin, "reciprocal": origin, "sign": origin,
        "log1p": z == (-1, 0), "atanh": z in ((1, 0), (-1, 0)), "atan": z in ((0, 1), (0, -1)),
    }.get(name, False)
    slope = value or {
        "sqrt": origin, "abs": origin, "asin": z in ((1, 0), (-1, 0)), "acos": z in ((1, 0), (-1, 0)),
        "acosh": z in ((1, 0), (-1, 0)), "asinh": z in ((0, 1), (0, -1)),
    }.get(name, False)
    return value, slope


ANNEX_G = {
    "exp": np.exp, "log": np.log, "sin": np.sin, "cos": np.cos, "tan": np.tan, "sinh": np.sinh, "cosh": np.cosh,
    "tanh": np.tanh, "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "asinh": np.arcsinh, "acosh": np.arccosh,
    "atanh": np.arctanh, "sqrt": np.sqrt, "abs": np.abs, "log10": np.log10,
}  # fmt: skip


def direction(re, im):
    """Of an infinite number: an infinite part has it to itself, two share it."""
    return np.array([np.sign(x) if np.isinf(x) else 0.0 for x in (re, im)])


def annex_g(name, re, im):
    z = np.array([complex(re, im)])
    if name in ("log10", "log2"):
        w = np.log(z)[0]
        scale = np.log(10) if name == "log10" else np.log(2)
        return w.real / scale, w.imag / scale
    if name == "expm1":
        w = np.exp(z)[0]
        return w.real - 1, w.imag
    if name == "log1p":
        w = np.log(np.array([complex(re + 1, im)]))[0]
        return w.real, w.imag
    if name == "sign":
        if re == 0 and im == 0:
            return re, im
        share = direction(re, im)
        return (NAN, NAN) if np.isnan(re) or np.isnan(im) else tuple(share / np.hypot(*share))
    if name == "reciprocal" or name == "rsqrt":
        return (0.0, 0.0) if np.isinf(re) or np.isinf(im) else (NAN, NAN)
    if name not in ANNEX_G:
        return None
    w = complex(ANNEX_G[name](z)[0])
    return w.real, w.imag


# Functions whose slope goes to zero wherever the argument goes to infinity.
FLAT = {
    "log", "log1p", "log2", "log10", "sqrt", "rsqrt", "reciprocal", "asin", "acos", "atan", "asinh", "acosh", "atanh",
    "sign",
}  # fmt: skip


def slope_at_infinity(name, re, im):
    if np.isnan(re) or np.isnan(im):
        return None
    if name == "abs":
        share = direction(re, im)
        return share[0] / np.hypot(*share), 0.0
    flat = name in FLAT or (name == "tanh" and np.isfinite(im)) or (name == "tan" and np.isfinite(re))
    return (0.0, 0.0) if flat else None


def encoded(x):
    return "NaN" if x != x else "Infinity" if x == INF else "-Infinity" if x == -INF else float(x)


def pair(value):
    return None if value is None else [encoded(x) for x in value]


def cases():
    with np.errstate(all="ignore"):
        for dtype in (np.complex64, np.complex128):
            real = np.float32 if dtype == np.complex64 else np.float64
            finite, odd = points(dtype)
            finite = [(float(real(re)), float(real(im))) for re, im in finite]
            for name, (f, slope) in FUNCTIONS.items():
                values, slopes = [], []
                for re, im in finite:
                    z = exact(name, re, im)
                    no_value, no_slope = pole(name, (re, im))
                    values.append(annex_g(name, re, im) if no_value else rounded(f(z), dtype))
                    slopes.append(None if no_slope else rounded(slope(z), dtype))
                for re, im in odd:
                    values.append(annex_g(name, re, im))
                    slopes.append(slope_at_infinity(name, re, im))
                yield {
                    "function": name,
                    "dtype": "c64" if dtype == np.complex64 else "c128",
                    "points": [pair(p) for p in finite + odd],
                    "values": [pair(p) for p in values],
                    "slopes": [pair(p) for p in slopes],
                }


if __name__ == "__main__":
    lines = ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases())
    with open(os.path.join(HERE, "points_complex.json"), "w") as out:
        out.write('{"mpmath":"%s","cases":[\n%s\n]}\n' % (mp.__version__, lines))
