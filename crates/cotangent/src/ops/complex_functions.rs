//! Functions of complex numbers, computed from functions of their parts where XLA's own lose digits, overflow in
//! intermediate results or ignore the side of a branch cut. Also derivatives for which the formulas for real numbers
//! fail, because they square large numbers, cancel, or are on the wrong side of a cut. Values follow Annex G of C99.

use stablehlo::Value;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::dtype::DType;
use crate::ir::lowering::Lowering;

use super::staged::{self, choose, like, smallest};

/// Lowers a function of one complex argument that is written with arrays.
fn staged(cx: &mut Lowering<'_>, z: &Value, out: &Aval, f: fn(&[Array]) -> Array) -> Value {
    staged::lower(cx, std::slice::from_ref(z), std::slice::from_ref(out), out, f)
}

/// Applies XLA's operation, and then `f` to the argument and the result.
fn after(cx: &mut Lowering<'_>, op: &str, z: &Value, out: &Aval, f: fn(&[Array]) -> Array) -> Value {
    let w = cx.op(op, std::slice::from_ref(z), &[], out);
    staged::lower(cx, &[z.clone(), w], &[out.clone(), out.clone()], out, f)
}

pub(super) fn sin(cx: &mut Lowering<'_>, z: &Value, out: &Aval) -> Value {
    staged(cx, z, out, |z| {
        let (a, b) = (z[0].real(), Hyperbolic::of(&z[0].imag()));
        b.cosh(&a.sin()).complex(b.sinh(&a.cos()))
    })
}

pub(super) fn cos(cx: &mut Lowering<'_>, z: &Value, out: &Aval) -> Value {
    staged(cx, z, out, |z| {
        let (a, b) = (z[0].real(), Hyperbolic::of(&z[0].imag()));
        b.cosh(&a.cos()).complex(-b.sinh(&a.sin()))
    })
}

pub(super) fn sinh(cx: &mut Lowering<'_>, z: &Value, out: &Aval) -> Value {
    staged(cx, z, out, |z| {
        let (a, b) = (Hyperbolic::of(&z[0].real()), z[0].imag());
        a.sinh(&b.cos()).complex(a.cosh(&b.sin()))
    })
}

pub(super) fn cosh(cx: &mut Lowering<'_>, z: &Value, out: &Aval) -> Value {
    staged(cx, z, out, |z| {
        let (a, b) = (Hyperbolic::of(&z[0].real()), z[0].imag());
        a.cosh(&b.cos()).complex(a.sinh(&b.sin()))
    })
}

/// The parts are scaled separately, because a complex product turns an infinite part into NaN.
pub(super) fn exp2(cx: &mut Lowering<'_>, z: &Value, out: &Aval) -> Value {
    let scaled = staged(cx, z, out, |z| {
        let ln2 = std::f64::consts::LN_2;
        (z[0].real() * ln2).complex(z[0].imag() * ln2)
    });
    cx.op("stablehlo.exponential", &[scaled], &[], out)
}

/// Computes (a − b)(a + b) + 2iab. If both parts are large, a² − b² would be ∞ − ∞.
pub(super) fn square(cx: &mut Lowering<'_>, z: &Value, out: &Aval) -> Value {
    staged(cx, z, out, |z| {
        let (a, b) = (z[0].real(), z[0].imag());
        let product = &a * &b;
        ((&a - &b) * (a + b)).complex(&product + &product)
    })
}

/// If 1 is negligible beside e^z, the result is e^z. XLA's parts of it can be finite even if e^a is not.
pub(super) fn expm1(cx: &mut Lowering<'_>, z: &Value, out: &Aval) -> Value {
    after(cx, "stablehlo.exponential_minus_one", z, out, |z| choose(&z[0].real().greater(40.0), &z[0].exp(), &z[1]))
}

/// If the real part is −1, the square of the distance to −1 may be out of range.
pub(super) fn log1p(cx: &mut Lowering<'_>, z: &Value, out: &Aval) -> Value {
    after(cx, "stablehlo.log_plus_one", z, out, |z| {
        let (a, b) = (z[0].real(), z[0].imag());
        choose(&a.equal(-1.0), &b.abs().log(), &z[1].real()).complex(z[1].imag())
    })
}

pub(super) fn sqrt(cx: &mut Lowering<'_>, z: &Value, out: &Aval) -> Value {
    let z = staged(cx, z, out, |z| below_cut(&z[0], |a| a.less(0.0)));
    cx.op("stablehlo.sqrt", &[z], &[], out)
}

pub(super) fn asin(cx: &mut Lowering<'_>, z: &Value, out: &Aval) -> Value {
    let z = staged(cx, z, out, |z| below_cut(&z[0], |a| a.abs().greater(1.0)));
    cx.op("chlo.asin", &[z], &[], out)
}

pub(super) fn acos(cx: &mut Lowering<'_>, z: &Value, out: &Aval) -> Value {
    let z = staged(cx, z, out, |z| below_cut(&z[0], |a| a.abs().greater(1.0)));
    cx.op("chlo.acos", &[z], &[], out)
}

pub(super) fn acosh(cx: &mut Lowering<'_>, z: &Value, out: &Aval) -> Value {
    let z = staged(cx, z, out, |z| below_cut(&z[0], |a| a.less(1.0)));
    cx.op("chlo.acosh", &[z], &[], out)
}

pub(super) fn asinh(cx: &mut Lowering<'_>, z: &Value, out: &Aval) -> Value {
    let z = staged(cx, z, out, |z| left_of_cut(&z[0]));
    cx.op("chlo.asinh", &[z], &[], out)
}

pub(super) fn atan(cx: &mut Lowering<'_>, z: &Value, out: &Aval) -> Value {
    let z = staged(cx, z, out, |z| left_of_cut(&z[0]));
    after(cx, "chlo.atan", &z, out, |z| {
        let (a, b) = (z[0].real(), z[0].imag());
        nan_of(&a, &z[1].real()).complex(beside_pole(&b, &a, &z[1].imag()))
    })
}

pub(super) fn atanh(cx: &mut Lowering<'_>, z: &Value, out: &Aval) -> Value {
    let z = staged(cx, z, out, |z| below_cut(&z[0], |a| a.abs().greater(1.0)));
    after(cx, "chlo.atanh", &z, out, |z| {
        let (a, b) = (z[0].real(), z[0].imag());
        beside_pole(&a, &b, &z[1].real()).complex(nan_of(&b, &z[1].imag()))
    })
}

pub(super) fn sign(cx: &mut Lowering<'_>, z: &Value, out: &Aval) -> Value {
    staged(cx, z, out, |z| direction(&z[0]))
}

/// Returns the bits of a float as an integer. The integer has the sign of the float, even for a zero.
fn bits(x: &Array) -> Array {
    x.bitcast(if x.dtype() == DType::F64 { DType::I64 } else { DType::I32 })
}

/// Multiplies by the sinh or cosh of a number without intermediate overflow, and with full accuracy near zero.
///
/// With f = expm1(|x|/2) and e = expm1(|x|) = f(f + 2): sinh |x| = (e + e/(1+e))/2 and cosh x = sinh |x| + 1/(1+e).
/// Beyond 20, both are (1+f)²/2, and the factor is multiplied by 1+f twice.
struct Hyperbolic {
    x: Array,
    root: Array,
    sinh: Array,
    cosh: Array,
}

impl Hyperbolic {
    fn of(x: &Array) -> Hyperbolic {
        let f = (x.abs() * 0.5).expm1();
        let e = &f * (&f + 2.0);
        let more = &e + 1.0;
        let sinh = (&e + &e / &more) * 0.5;
        let cosh = &sinh + 1.0 / more;
        Hyperbolic { x: x.clone(), root: f + 1.0, sinh, cosh }
    }

    fn cosh(&self, factor: &Array) -> Array {
        self.times(factor, &self.cosh)
    }

    fn sinh(&self, factor: &Array) -> Array {
        let product = self.times(factor, &self.sinh);
        choose(&bits(&self.x).less(0), &-&product, &product)
    }

    /// Returns the product, and zero if the factor is zero, even if the function is infinite.
    fn times(&self, factor: &Array, function: &Array) -> Array {
        let far = factor * (&self.root * 0.5) * &self.root;
        let product = choose(&self.x.abs().greater(20.0), &far, &(factor * function));
        choose(&factor.equal(0.0), factor, &product)
    }
}

/// Replaces a part that is −0 by a small negative number where `on` is true, because XLA's functions know only one side
/// of their branch cuts.
fn aside(x: &Array, on: &Array) -> Array {
    let minus_zero = bits(x).equal(bits(&like(x, -0.0)));
    choose(&minus_zero.logical_and(on), &like(x, -smallest(x.dtype())), x)
}

/// Adjusts the argument of a function with a branch cut along the real axis, where `on` of the real part is true.
fn below_cut(z: &Array, on: fn(&Array) -> Array) -> Array {
    let a = z.real();
    let b = aside(&z.imag(), &on(&a));
    a.complex(b)
}

/// Adjusts the argument of a function with a branch cut along the imaginary axis, beyond ±i.
fn left_of_cut(z: &Array) -> Array {
    let b = z.imag();
    aside(&z.real(), &b.abs().greater(1.0)).complex(b)
}

/// Returns `value`, or NaN where `x` is NaN, because XLA returns an angle there.
fn nan_of(x: &Array, value: &Array) -> Array {
    choose(&x.equal(x), value, x)
}

/// Returns the real part of atanh(x + iy): `value`, or ±(ln 2 − ln |y|)/2 if x is ±1 and y is so small that its square
/// is out of range.
fn beside_pole(x: &Array, y: &Array, value: &Array) -> Array {
    let size = y.abs();
    let there = x.abs().equal(1.0).logical_and(size.less(1e-9));
    choose(&there, &((std::f64::consts::LN_2 - size.log()) * 0.5 * x), value)
}

/// Returns z/|z|. The parts are first divided by the larger one, because the modulus may be out of range. An infinite
/// part determines the direction alone, and two infinite parts determine it equally. The direction of 0 is 0.
fn direction(z: &Array) -> Array {
    let (a, b) = (z.real(), z.imag());
    let most = a.abs().maximum(b.abs());
    let (nothing, endless) = (most.equal(0.0), most.equal(f64::INFINITY));
    let over = choose(&nothing, &like(&most, 1.0), &most);
    let share = |x: &Array| {
        let infinite = choose(&x.abs().equal(f64::INFINITY), &x.sign(), &like(x, 0.0));
        choose(&endless, &infinite, &(x / &over))
    };
    let (a, b) = (share(&a), share(&b));
    let length = choose(&nothing, &over, &(a.square() + b.square()).sqrt());
    (a / &length).complex(b / length)
}

pub(super) fn acos_slope(z: &Array, _: &Array) -> Array {
    -inverse_root(z)
}

pub(super) fn acosh_slope(z: &Array, _: &Array) -> Array {
    (z - 1.0).rsqrt() * (z - -1.0).rsqrt()
}

pub(super) fn asin_slope(z: &Array, _: &Array) -> Array {
    inverse_root(z)
}

pub(super) fn asinh_slope(z: &Array, _: &Array) -> Array {
    inverse_root(&i_times(z))
}

pub(super) fn atan_slope(z: &Array, _: &Array) -> Array {
    1.0 / (z.square() + 1.0)
}

pub(super) fn logistic_slope(z: &Array, value: &Array) -> Array {
    value * (-z).logistic()
}

pub(super) fn tan_slope(z: &Array, value: &Array) -> Array {
    tanh_slope(&i_times(z), value)
}

fn i_times(z: &Array) -> Array {
    (-z.imag()).complex(z.real())
}

/// Computes 1/√(1 − z²) from its factors. Subtracting from z preserves the sign of a zero, and adding to it does not.
fn inverse_root(z: &Array) -> Array {
    (-(z - 1.0)).rsqrt() * (z - -1.0).rsqrt()
}

/// Computes 1/cosh² z = 4w/(1 + w)² with w = exp(−2z). The function is even, so z is first moved to the right
/// half-plane.
pub(super) fn tanh_slope(z: &Array, _: &Array) -> Array {
    let (a, b) = (z.real(), z.imag());
    let b = super::select(&a.less(0.0), &-&b, &b, b.shape());
    let w = (a.abs() * -2.0).complex(b * -2.0).exp();
    &w * 4.0 / (w + 1.0).square()
}
