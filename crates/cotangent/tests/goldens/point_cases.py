"""What the scripts share that store functions of one or two real numbers at special points: the points, derivatives to the
second order with mpmath at 50 digits and more, and which truth is stored.

A function is written twice: for JAX, and for mpmath on *jets*, numbers that carry their derivatives. The truth is mpmath's,
rounded to the type, wherever the function is smooth: also at an infinity that it tends to. Elsewhere (kinks, ties, poles,
NaN) there is no derivative but by convention: the slopes stored are JAX's, and nothing is for second derivatives, nor for
any derivative outside of the domain or at an infinity without a limit.
"""

import math

from common import *
import jax.numpy as jnp
import ml_dtypes
import mpmath
from mpmath import mp, mpf

jax.config.update("jax_enable_x64", True)

NAN = mpf("nan")


def guarded(f, *args):
    """A real number, or NaN where there is none."""
    try:
        v = f(*args)
    except (ZeroDivisionError, ValueError, OverflowError, mpmath.libmp.NoConvergence):
        return NAN
    if isinstance(v, mpmath.mpc):
        return v.real if v.imag == 0 else NAN
    v = mpf(v)
    return v if mpmath.isfinite(v) else NAN


class Jet:
    """A number with its derivatives by x and y: value, (x, y), (xx, xy, yy)."""

    def __init__(self, v, d=(0, 0), h=(0, 0, 0)):
        self.v, self.d, self.h = v, d, h

    def through(self, f0, f1, f2):
        """f(self), of derivatives that are given as functions of the number."""
        v, a, b = (guarded(f, self.v) for f in (f0, f1, f2))
        # What does not depend on x has no derivative by it, wherever f is singular.
        times = lambda a, b: mpf(0) if b == 0 else a * b
        (x, y), (xx, xy, yy) = self.d, self.h
        second = lambda both, h: times(a, h) + times(b, both)
        return Jet(v, (times(a, x), times(a, y)), (second(x * x, xx), second(x * y, xy), second(y * y, yy)))

    def __neg__(self):
        return Jet(-self.v, tuple(-a for a in self.d), tuple(-a for a in self.h))

    def __add__(self, other):
        o = jet(other)
        return Jet(self.v + o.v, tuple(a + b for a, b in zip(self.d, o.d)), tuple(a + b for a, b in zip(self.h, o.h)))

    def __mul__(self, other):
        o = jet(other)
        (x, y), (p, q) = self.d, o.d
        h = tuple(self.v * b + a * o.v for a, b in zip(self.h, o.h))
        return Jet(self.v * o.v, (x * o.v + self.v * p, y * o.v + self.v * q),
                   (h[0] + 2 * x * p, h[1] + x * q + y * p, h[2] + 2 * y * q))

    def __truediv__(self, other):
        return self * jet(other).through(lambda u: 1 / u, lambda u: -1 / u**2, lambda u: 2 / u**3)

    __radd__, __rmul__ = __add__, __mul__
    __sub__ = lambda self, other: self + -jet(other)
    __rsub__ = lambda self, other: -self + other
    __rtruediv__ = lambda self, other: jet(other) / self


def of_one(f0, f1, f2):
    """A function of a jet, of its derivatives."""
    return lambda x: jet(x).through(f0, f1, f2)


def of_two(v, x, y, xx, xy, yy):
    """A function of two numbers, of its derivatives."""
    def f(a, b):
        g = lambda f: guarded(f, a.v, b.v)
        return Jet(g(v), (g(x), g(y)), (g(xx), g(xy), g(yy)))
    return f


def jet(x):
    return x if isinstance(x, Jet) else Jet(mpf(x))


def parts(j):
    return [j.v, *j.d, *j.h]


def at(f, args, digits):
    """All derivatives of f at finite numbers, as a flat list; NaN where there is none."""
    with mp.workdps(digits):
        unit = [(1, 0), (0, 1)]
        args = [Jet(mpf(a), unit[i]) for i, a in enumerate(args)]
        try:
            return parts(jet(f(*args)))
        except (ZeroDivisionError, ValueError, OverflowError, TypeError, mpmath.libmp.NoConvergence):
            return [NAN] * 6


def same(a, b, tolerance):
    return (mpmath.isnan(a) and mpmath.isnan(b)) or abs(a - b) <= abs(b) * mpf(tolerance)


def derivatives(f, args):
    """`at` with as many digits as it takes for two answers to agree to 25."""
    last = at(f, args, 50)
    for digits in (100, 300, 900, 2700):
        new = at(f, args, digits)
        if all(same(a, b, 1e-25) for a, b in zip(last, new)):
            return new
        last = new
    return new


def narrow(v, dtype):
    """The nearest number of a dtype, as a double."""
    if mpmath.isnan(v):
        return math.nan
    if dtype == np.float64:
        with mp.workdps(30):
            v = mpf(v)
            if abs(v) >= mpf(2) ** 1024:
                return math.copysign(math.inf, v)
            return float(v)
    # Rounded once: mpmath with the type's precision, for subnormal numbers with what is left of it.
    if abs(v) >= mpf(2) ** 129:
        return math.copysign(math.inf, v)
    if v == 0:
        return 0.0
    _, exponent = mpmath.frexp(v)
    precision = min(24, int(exponent) + 149)
    if precision < 1:
        return math.copysign(2.0**-149 if abs(v) > mpf(2) ** -150 else 0.0, v)
    with mp.workprec(precision):
        v = +v
    return float(np.float32(float(v))) if abs(v) < mpf(2) ** 128 else math.copysign(math.inf, v)


def limit(f, args, dtype):
    """Derivatives where arguments tend to infinity, at different rates if there are two: rounded; NaN without a limit."""
    exponents = [(1000, 4000), (4000, 1000), (4001, 4000), (4000, 4001), (7000, 7001)]
    far = lambda a, e: mpf(10) ** e * (1 if a > 0 else -1) if math.isinf(a) else a
    seen = [at(f, [far(a, e) for a, e in zip(args, pair)], 50) for pair in exponents]
    out = []
    for values in zip(*seen):
        rounded = {repr(narrow(v, dtype)) for v in values}
        if len(rounded) == 1:
            out.append(float(next(iter(rounded)).replace("-0.0", "0.0")))
        elif all(abs(v) > 1000 for v in values) and len({mpmath.sign(v) for v in values}) == 1 \
                and abs(values[-1]) > abs(values[0]):
            # It grows without end, like a logarithm.
            out.append(math.copysign(math.inf, values[0]))
        else:
            out.append(math.nan)
    return out


BITS = {np.float32: np.uint32, np.float64: np.uint64}
ULP = {np.float32: 2.0**-23, np.float64: 2.0**-52}


def points(dtype):
    """Where functions of one number are asked."""
    info, ulp = np.finfo(dtype), ULP[dtype]
    least = float(info.smallest_subnormal)
    sizes = [0.0, least, float(info.tiny) - least, float(info.tiny)]
    powers = [-30, -20, -10, -7, -5, -4, -3] if dtype == np.float32 else [-300, -200, -155, -100, -30, -20, -10, -7, -5, -4, -3]
    sizes += [10.0**p for p in powers]
    sizes += [ulp / 2, ulp, 0.1, 0.25, 0.3, 0.5 - ulp / 4, 0.5, 0.5 + ulp / 2, 0.7, 0.75, 1 - ulp / 2, 1.0, 1 + ulp, 1.25]
    sizes += [math.pi / 4, math.pi / 2, math.pi]
    sizes += [n + 0.5 for n in range(1, 11)] + [float(n) for n in range(2, 31)]
    sizes += [33.0, 40.0, 50.0, 87.0, 88.0, 89.0, 100.0, 104.0, 127.0, 128.0, 170.5, 700.0, 709.0, 710.0, 745.0, 746.0]
    sizes += [1e3, 1e4, 1e5, 2 / ulp - 0.5, 2 / ulp, 1e8, 1e10, 1e19, 1e20, 1e22, 1e30, 1e38]
    sizes += [] if dtype == np.float32 else [1e100, 1e154, 1e155, 1e200, 1e300]
    sizes += [float(info.max), math.inf]
    sizes = sorted({float(dtype(v)) for v in sizes})
    return [-v for v in sizes] + sizes + [math.nan]


def pairs(dtype):
    """Where functions of two numbers are asked."""
    info, ulp = np.finfo(dtype), ULP[dtype]
    least = float(info.smallest_subnormal)
    small, large = (1e-30, 1e25) if dtype == np.float32 else (1e-200, 1e200)
    sizes = [0.0, least, float(info.tiny), small, 1e-4, 0.5, 1.0, 1 + ulp, 2.5, 3.0, 1e4, large, float(info.max), math.inf]
    sizes = [float(dtype(v)) for v in sizes]
    one = [-v for v in sizes if v not in (least, sizes[4], 1 + ulp, 1e4)] + sizes + [math.nan]
    return [(x, y) for x in one for y in one]


def short(v, dtype):
    """The shortest text for a number that reads as it, by way of a double."""
    v = float(v)
    if v != v or math.isinf(v):
        return real(v)
    if dtype == np.float32:
        brief = float(str(np.float32(v)))
        v = brief if np.float32(brief) == np.float32(v) else v
    return int(v) if v.is_integer() and abs(v) < 1e6 and not (v == 0 and math.copysign(1, v) < 0) else v


def ordered(v, dtype):
    """Numbers in their order as integers, to count in units of the last place."""
    bits = int(np.array(v, dtype).view(BITS[dtype]))
    top = 1 << (8 * np.dtype(dtype).itemsize - 1)
    return top - bits if bits & top else bits


class Table:
    """Cases, and where JAX and mpmath differ."""

    def __init__(self):
        self.cases, self.differences, self.undecided = [], [], []

    def function(self, name, of_jax, of_mpmath, arity=1, kinks=lambda *a: False, ends=None, more=(), given=None):
        """`kinks` says where a function is not smooth though mpmath's formulas have values, `ends` gives the values where an
        argument is 0 or infinite (NumPy's, unless said otherwise), `more` are points beside the usual ones. `given` maps
        (order, *point) to what has to stand against all, with its reason in the script."""
        for dtype in (np.float32, np.float64):
            self.one_dtype(name, of_jax, of_mpmath, arity, kinks, ends or getattr(np, name), dtype, more, given or {})

    def one_dtype(self, name, of_jax, of_mpmath, arity, kinks, ends, dtype, more, given):
        grid = [(x,) for x in points(dtype)] if arity == 1 else pairs(dtype)
        more = [tuple(float(dtype(v)) for v in (p if isinstance(p, tuple) else (p,))) for p in more]
        grid = grid + more
        args = [np.array([p[i] for p in grid], dtype) for i in range(arity)]
        of_jax = by_jax(of_jax, args)
        orders = [0, 1, 3] if arity == 1 else list(range(6))
        columns = [[] for _ in orders]
        for n, point in enumerate(grid):
            jax_says = [float(column[n]) for column in of_jax]
            if any(math.isnan(v) for v in point):
                right = [math.nan] * 6
            elif any(math.isinf(v) for v in point):
                right = limit(of_mpmath, point, dtype)
            else:
                right = [narrow(v, dtype) for v in derivatives(of_mpmath, point)]
            if any(v == 0 or math.isinf(v) for v in point):
                with np.errstate(all="ignore"):
                    right[0] = float(dtype(ends(*(np.float64(v) for v in point))))
            # Singular in the value or in one slope, singular in all.
            smooth = not any(math.isnan(v) for v in right[: arity + 1]) and not kinks(*point)
            for i, order in enumerate(orders):
                truth, theirs = right[order], jax_says[i]
                decisive = not math.isnan(truth) and (order == 0 or smooth)
                if (order,) + point in given:
                    truth = given[(order,) + point]
                elif not decisive:
                    known = order == 0 or (i <= arity and not any(math.isinf(v) for v in point) and columns[0][n] != "NaN")
                    truth = theirs if known or any(math.isnan(v) for v in point) and i <= arity else None
                    self.undecided.append((name, np.dtype(dtype).name, order, point, theirs))
                if decisive and not self.agree(truth, theirs, dtype):
                    self.differences.append((name, np.dtype(dtype).name, order, point, truth, theirs))
                columns[i].append(truth if truth is None else short(truth, dtype))
        # A column of one number is that number.
        columns = [c[0] if len({repr(v) for v in c}) == 1 else c for c in columns]
        case = {"fn": name, "arity": arity, "dtype": name_of(dtype)}
        if more:
            case["more"] = [[short(v, dtype) for v in p] for p in more]
        self.cases.append(case | {"results": columns})

    def agree(self, truth, theirs, dtype):
        if math.isnan(theirs):
            return False
        tiny = float(np.finfo(dtype).tiny)
        if abs(truth) <= 2 * tiny and abs(theirs) <= 2 * tiny:
            return True
        return abs(ordered(truth, dtype) - ordered(theirs, dtype)) <= 32

    def write(self, script, report=None):
        grids = [{"dtype": name_of(d), "arity": a, "points": [[short(v, d) for v in (p if a == 2 else (p,))] for p in g(d)]}
                 for d in (np.float32, np.float64) for a, g in ((1, points), (2, pairs))]
        write(script, {"grids": grids, "cases": self.cases})
        if report:
            with open(report, "w") as f:
                for row in self.differences:
                    print("differ", *row, file=f)
                for row in self.undecided:
                    print("convention", *row, file=f)


def by_jax(f, args):
    """f and its first and second derivatives at all points: of one argument three columns, of two arguments six."""
    n = len(args)
    first = [jax.grad(f, i) for i in range(n)]
    second = [jax.grad(first[i], j) for i in range(n) for j in range(i, n)]
    return [np.asarray(jax.jit(jax.vmap(g))(*args)).astype(np.float64) for g in [f, *first, *second]]
