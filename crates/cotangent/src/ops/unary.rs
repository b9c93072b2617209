//! Elementwise functions of one argument: a table of derivatives.

use stablehlo::{Attr, Value};

use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::dtype::{DType, Kind};
use crate::array::literal::{Literal, Scalar};
use crate::error::Result;
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Operand, Outputs, Primitive, Tangent};
use crate::trace::frames::bind1;

use super::complex_functions;
use super::domain::Domain;
use super::{elementwise, staged};

/// The lowering of a row of the table.
#[derive(Clone, Copy)]
enum Lower {
    /// One operation.
    Op(&'static str),
    /// A function that appends several operations.
    With(fn(&mut Lowering<'_>, &Value, &Aval) -> Value),
}
use Lower::{Op, With};

/// Returns the result for a scalar if IEEE arithmetic makes it exact.
type Fold = fn(&Literal) -> Option<Literal>;

/// The derivative for complex numbers, from the argument and the result.
type Slope = fn(&Array, &Array) -> Array;

/// Defines a primitive for each row of the table: type, name, accepted dtypes, lowering, fold, and the tangent of the
/// result from the tangent, the argument and the result. A row may have another lowering and derivative for complex
/// numbers.
macro_rules! unary {
    ($(
        $T:ident $name:ident: $domain:ident, $lower:expr, $fold:expr,
            |$t:ident, $x:ident, $y:ident| $derivative:expr
            $(, complex { $(lower $complex:ident)? $(slope $slope:ident)? })?;
    )*) => {
        $(
            #[doc = concat!("`", stringify!($name), "`, elementwise.")]
            #[doc = concat!("\n```\n# use cotangent::prelude::*;\n# use cotangent::extend::bind1;\nlet y = bind1(cotangent::extend::primitives::", stringify!($T), ", &[&Array::from([0.25f32, 0.5])]);\nassert_eq!(y.shape(), [2]);\n```")]
            #[derive(Clone, Debug, PartialEq, Eq, Hash)]
            pub struct $T;

            impl Primitive for $T {
                fn name(&self) -> &'static str {
                    stringify!($name)
                }
                fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
                    let dtype = Domain::$domain.one_dtype(inputs)?;
                    elementwise::infer(inputs, dtype)
                }
                fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
                    let ($x, $y) = (&x[0], bind1($T, &[&x[0]]));
                    let dy = dx[0].as_ref().and_then(|$t| {
                        let _ = (&$t, $x, &$y);
                        const SLOPE: &[Slope] = &[$($(complex_functions::$slope)?)?];
                        match SLOPE {
                            [slope] if $x.dtype().is_complex() => Some($t * slope($x, &$y)),
                            _ => $derivative,
                        }
                    });
                    (vec![$y], vec![dy])
                }
                fn batch(&self, x: &[Array], axes: &[Option<usize>], _: usize) -> (Vec<Array>, Vec<Option<usize>>) {
                    (vec![bind1($T, &[&x[0]])], axes.to_vec())
                }
                fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], _: &[Aval], outs: &[Aval]) -> Outputs<Value> {
                    let lower: Lower = match outs[0].dtype.is_complex() {
                        $($(true => With(complex_functions::$complex),)?)?
                        _ => $lower,
                    };
                    [match lower {
                        Op(op) => cx.op(op, args, &[], &outs[0]),
                        With(f) => f(cx, &args[0], &outs[0]),
                    }].into()
                }
                fn fold(&self, inputs: &[Literal]) -> Option<Literal> {
                    let fold: Option<Fold> = $fold;
                    fold?(&inputs[0])
                }
            }
        )*
    };
}

/// Returns `c · t`, where `t` is a tangent.
fn scaled(t: &Array, c: f64) -> Array {
    t * c
}

/// Folds a real function that is exact in every float format.
fn fold_float(x: &Literal, f: fn(f64) -> f64) -> Option<Literal> {
    match x.rounded() {
        Scalar::Float(v) => super::exact_float(x.dtype(), f(v), &[v]),
        _ => None,
    }
}

unary! {
    // The lowering is a series of this library's own, which has a second derivative at zero.
    BesselI0e bessel_i0e: FLOATS, With(super::bessel::lower_bessel_i0e), None,
        |t, x, y| Some(t * super::bessel::bessel_i0e_slope(x));
    BesselI1e bessel_i1e: FLOATS, Op("chlo.bessel_i1e"), None,
        |t, x, y| Some(t * super::bessel::bessel_i1e_slope(x));
    Cbrt cbrt: FLOATS, Op("stablehlo.cbrt"), None, |t, x, y| Some(t * scaled(&y.powi(-2), 1.0 / 3.0));
    Ceil ceil: FLOATS, Op("stablehlo.ceil"), Some(|x| fold_float(x, f64::ceil)), |t, x, y| None;
    Cos cos: INEXACT, Op("stablehlo.cosine"), None, |t, x, y| Some(-(t * x.sin())),
        complex { lower cos };
    Cosh cosh: INEXACT, With(lower_cosh), None, |t, x, y| Some(t * x.sinh()),
        complex { lower cosh };
    Acos acos: INEXACT, Op("chlo.acos"), None, |t, x, y| Some(-(t * (1.0 - x.square()).rsqrt())),
        complex { lower acos slope acos_slope };
    // Each factor has its own root. The product of the factors could overflow. For complex numbers with a negative real
    // part, its root would be on the other branch.
    Acosh acosh: INEXACT, Op("chlo.acosh"), None,
        |t, x, y| Some(t * ((x - 1.0).rsqrt() * (x + 1.0).rsqrt())),
        complex { lower acosh slope acosh_slope };
    Asin asin: INEXACT, Op("chlo.asin"), None, |t, x, y| Some(t * (1.0 - x.square()).rsqrt()),
        complex { lower asin slope asin_slope };
    Asinh asinh: INEXACT, Op("chlo.asinh"), None, |t, x, y| Some(t * asinh_slope(x)),
        complex { lower asinh slope asinh_slope };
    // The derivative is the square of a root. The derivative of that root does not overflow before it is zero.
    Atan atan: INEXACT, With(lower_atan), None,
        |t, x, y| Some(t * (x.square() + 1.0).rsqrt().square()),
        complex { lower atan slope atan_slope };
    Atanh atanh: INEXACT, Op("chlo.atanh"), None, |t, x, y| Some((t / (1.0 - x)) * (1.0 / (1.0 + x))),
        complex { lower atanh };
    Digamma digamma: FLOATS, With(lower_digamma), None,
        |t, x, y| Some(t * super::polygamma::polygamma_of_order(1, x));
    Erf erf: FLOATS, Op("chlo.erf"), None,
        |t, x, y| Some(scaled(t, std::f64::consts::FRAC_2_SQRT_PI) * (-x.square()).exp());
    Erfc erfc: FLOATS, Op("chlo.erfc"), None,
        |t, x, y| Some(scaled(t, -std::f64::consts::FRAC_2_SQRT_PI) * (-x.square()).exp());
    ErfInv erf_inv: FLOATS, Op("chlo.erf_inv"), None,
        |t, x, y| Some(scaled(t, 1.0 / std::f64::consts::FRAC_2_SQRT_PI) * y.square().exp());
    Exp exp: INEXACT, Op("stablehlo.exponential"), None, |t, x, y| Some(t * &y);
    Exp2 exp2: INEXACT, With(lower_exp2), None, |t, x, y| Some(scaled(t, std::f64::consts::LN_2) * &y),
        complex { lower exp2 };
    // The derivative is not computed as y + 1, which loses the digits of exp(x) if y is close to −1.
    Expm1 expm1: INEXACT, Op("stablehlo.exponential_minus_one"), None, |t, x, y| Some(t * x.exp()),
        complex { lower expm1 };
    Floor floor: FLOATS, Op("stablehlo.floor"), Some(|x| fold_float(x, f64::floor)), |t, x, y| None;
    Lgamma lgamma: FLOATS, Op("chlo.lgamma"), None, |t, x, y| Some(t * x.digamma());
    Log log: INEXACT, Op("stablehlo.log"), None, |t, x, y| Some(t / x);
    Log1p log1p: INEXACT, Op("stablehlo.log_plus_one"), None, |t, x, y| Some(t / (x + 1.0)),
        complex { lower log1p };
    Logistic logistic: INEXACT, Op("stablehlo.logistic"), None, |t, x, y| Some(t * logistic_slope(x, &y)),
        complex { slope logistic_slope };
    Rsqrt rsqrt: INEXACT, Op("stablehlo.rsqrt"), None, |t, x, y| Some(scaled(t, -0.5) * (&y / x));
    Sign sign: NUMBERS, With(lower_sign), None,
        |t, x, y| if x.dtype().is_complex() { super::complex::sign_jvp(t, x, &y) } else { None },
        complex { lower sign };
    Sin sin: INEXACT, Op("stablehlo.sine"), None, |t, x, y| Some(t * x.cos()),
        complex { lower sin };
    Sinh sinh: INEXACT, With(lower_sinh), None, |t, x, y| Some(t * x.cosh()),
        complex { lower sinh };
    Sqrt sqrt: INEXACT, Op("stablehlo.sqrt"), None, |t, x, y| Some(scaled(t, 0.5) / &y),
        complex { lower sqrt };
    Square square: NUMBERS, With(lower_square), Some(|x| super::binary::fold_mul(x, x)), |t, x, y| Some(t * (x * 2.0)),
        complex { lower square };
    Tan tan: INEXACT, Op("stablehlo.tan"), None, |t, x, y| Some(t * (y.square() + 1.0)),
        complex { slope tan_slope };
    // The derivative is 1 − y², computed with 1 − |y| = (1 + |y|)·exp(−2·|x|). It can still be represented to full
    // precision where |y| already rounds to one.
    Tanh tanh: INEXACT, Op("stablehlo.tanh"), None,
        |t, x, y| Some(t * ((y.abs() + 1.0).square() * (x.abs() * -2.0).exp())),
        complex { slope tanh_slope };
}

/// Lowers `atan` of real numbers as the angle of the point (1, x).
fn lower_atan(cx: &mut Lowering<'_>, x: &Value, out: &Aval) -> Value {
    let one = cx.splat(out, Literal::int(out.dtype, 1));
    let angle = super::binary::angle(cx, x, &one, out);
    // If x³ is lost in rounding, the result is x itself, which may be too small for arithmetic.
    let size = cx.op("stablehlo.abs", std::slice::from_ref(x), &[], out);
    let least = cx.splat(out, Literal::float(out.dtype, 1e-10));
    let attrs = [("comparison_direction", Attr::Static("#stablehlo<comparison_direction LT>"))];
    let tiny = cx.op("stablehlo.compare", &[size, least], &attrs, &out.with_dtype(DType::Bool));
    cx.op("stablehlo.select", &[tiny, x.clone(), angle], &[], out)
}

/// Lowers `digamma`. At the pole at zero, XLA returns −∞. The result here is NaN, as in JAX and at the other poles.
fn lower_digamma(cx: &mut Lowering<'_>, x: &Value, out: &Aval) -> Value {
    let value = cx.op("chlo.digamma", std::slice::from_ref(x), &[], out);
    let (zero, nan) = (cx.splat(out, Literal::int(out.dtype, 0)), cx.splat(out, Literal::float(out.dtype, f64::NAN)));
    let attrs = [("comparison_direction", Attr::Static("#stablehlo<comparison_direction EQ>"))];
    let pole = cx.op("stablehlo.compare", &[x.clone(), zero], &attrs, &out.with_dtype(DType::Bool));
    cx.op("stablehlo.select", &[pole, nan, value], &[], out)
}

/// Returns the derivative of `logistic`: exp(−|x|)·m², where m is the logistic function of |x|. It can still be
/// represented to full precision where the function itself already rounds to one.
fn logistic_slope(x: &Array, y: &Array) -> Array {
    let negative = x.less(super::zeros((), x.dtype()));
    let most = super::select(&negative, &(1.0 - y), y, x.shape());
    most.square() * (-x.abs()).exp()
}

/// Returns 1/√(1 + x²). Real numbers whose squares overflow are scaled by a power of two.
fn asinh_slope(x: &Array) -> Array {
    let half = x.dtype().max_exponent() / 2;
    let number = |v: f64| Array::literal(Literal::float(x.dtype(), v));
    let large = x.abs().greater(number(2f64.powi(half - 1)));
    let scale = super::select(&large, &number(2f64.powi(-half - 1)), &number(1.0), x.shape());
    &scale * ((x * &scale).square() + scale.square()).rsqrt()
}

/// Lowers `exp2` as exp(r·ln 2)·2ⁿ, where x = n + r. The result is exact if x is an integer.
fn lower_exp2(cx: &mut Lowering<'_>, x: &Value, out: &Aval) -> Value {
    staged::lower(cx, std::slice::from_ref(x), std::slice::from_ref(out), out, |x| {
        // Beyond these bounds, results are infinite or zero.
        let end = f64::from(x[0].dtype().max_exponent());
        let x = x[0].maximum(staged::like(&x[0], 1.0 - end)).minimum(staged::like(&x[0], end));
        let whole = x.floor();
        ((&x - &whole) * std::f64::consts::LN_2).exp() * super::two_to(&whole.astype(DType::I32), x.dtype())
    })
}

/// Lowers `cosh` as (s² + s⁻²)/2 with s = exp(|x|/2), which does not overflow before the result does.
fn lower_cosh(cx: &mut Lowering<'_>, x: &Value, out: &Aval) -> Value {
    staged::lower(cx, std::slice::from_ref(x), std::slice::from_ref(out), out, |x| {
        let s = (x[0].abs() * 0.5).exp();
        &s * (&s * 0.5) + 0.5 / s.square()
    })
}

/// Lowers `sinh` in the same way as [`lower_cosh`]. Near zero, where that cancels, it is (e + e/(e + 1))/2 with
/// e = exp(x) − 1.
fn lower_sinh(cx: &mut Lowering<'_>, x: &Value, out: &Aval) -> Value {
    staged::lower(cx, std::slice::from_ref(x), std::slice::from_ref(out), out, |x| {
        let x = &x[0];
        let s = (x.abs() * 0.5).exp();
        let far = x.sign() * (&s * (&s * 0.5) - 0.5 / s.square());
        let e = x.expm1();
        let near = (&e + &e / (&e + 1.0)) * 0.5;
        staged::choose(&x.abs().less(staged::like(x, 1.0)), &near, &far)
    })
}

fn lower_square(cx: &mut Lowering<'_>, x: &Value, out: &Aval) -> Value {
    cx.op("stablehlo.multiply", &[x.clone(), x.clone()], &[], out)
}

/// Lowers `sign`. StableHLO's operation does not accept unsigned integers, for which the result is min(x, 1).
fn lower_sign(cx: &mut Lowering<'_>, x: &Value, out: &Aval) -> Value {
    if out.dtype.kind() == Kind::Uint {
        let one = cx.splat(out, Literal::int(out.dtype, 1));
        return cx.op("stablehlo.minimum", &[x.clone(), one], &[], out);
    }
    cx.op("stablehlo.sign", std::slice::from_ref(x), &[], out)
}

/// `neg`, elementwise.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind1;
/// let y = bind1(cotangent::extend::primitives::Neg, &[&Array::from([1, -2])]);
/// assert_eq!(y.to_vec::<i32>(), [-1, 2]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Neg;

impl Primitive for Neg {
    fn name(&self) -> &'static str {
        "neg"
    }
    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        elementwise::infer(inputs, Domain::NUMBERS.one_dtype(inputs)?)
    }
    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        (vec![-&x[0]], vec![dx[0].as_ref().map(|t| -t)])
    }
    fn transpose(&self, ct: &[Tangent], _: &[Operand]) -> Vec<Tangent> {
        vec![ct[0].as_ref().map(|ct| -ct)]
    }
    fn batch(&self, x: &[Array], axes: &[Option<usize>], _: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        (vec![-&x[0]], axes.to_vec())
    }
    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], _: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        elementwise::lower(cx, "stablehlo.negate", args, &outs[0])
    }
    fn fold(&self, inputs: &[Literal]) -> Option<Literal> {
        let (x, dtype) = (inputs[0], inputs[0].dtype());
        match x.rounded() {
            Scalar::Float(v) => super::exact_float(dtype, -v, &[v]),
            Scalar::Int(v) => Some(Literal::new(dtype, Scalar::Int(v.wrapping_neg()))),
            Scalar::Uint(v) => Some(Literal::new(dtype, Scalar::Uint(v.wrapping_neg()))),
            _ => None,
        }
    }
}

/// `abs`, elementwise. For complex numbers, the result is the modulus, which is real.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind1;
/// let y = bind1(cotangent::extend::primitives::Abs, &[&Array::from([1, -2])]);
/// assert_eq!(y.to_vec::<i32>(), [1, 2]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Abs;

impl Primitive for Abs {
    fn name(&self) -> &'static str {
        "abs"
    }
    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        elementwise::infer(inputs, Domain::NUMBERS.one_dtype(inputs)?.real())
    }
    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        let y = x[0].abs();
        let dy = dx[0].as_ref().map(|t| {
            if x[0].dtype().is_complex() {
                super::complex::abs_jvp(t, &x[0])
            } else {
                // The derivative at zero is 1, as in JAX.
                super::select(&x[0].greater_equal(super::zeros((), x[0].dtype())), t, &-t, y.shape())
            }
        });
        (vec![y], vec![dy])
    }
    fn batch(&self, x: &[Array], axes: &[Option<usize>], _: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        (vec![x[0].abs()], axes.to_vec())
    }
    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        if inputs[0].dtype.kind() == Kind::Uint {
            return [args[0].clone()].into();
        }
        elementwise::lower(cx, "stablehlo.abs", args, &outs[0])
    }
    fn fold(&self, inputs: &[Literal]) -> Option<Literal> {
        fold_float(&inputs[0], f64::abs)
    }
}

/// `round`, elementwise: rounds to the nearest integer. Halves are rounded away from zero or to even.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind1;
/// let y = bind1(cotangent::extend::primitives::Round { to_even: true }, &[&Array::from([1.5f32, 2.5])]);
/// assert_eq!(y.to_vec::<f32>(), [2.0, 2.0]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Round {
    /// Whether halves are rounded to the even neighbor, as in NumPy and IEEE 754.
    pub to_even: bool,
}

impl Primitive for Round {
    fn name(&self) -> &'static str {
        "round"
    }
    fn params(&self) -> Vec<(&'static str, String)> {
        vec![("rounding_method", u8::from(self.to_even).to_string())]
    }
    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        elementwise::infer(inputs, Domain::FLOATS.one_dtype(inputs)?)
    }
    fn jvp(&self, x: &[Array], _: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        (vec![bind1(self.clone(), &[&x[0]])], vec![None])
    }
    fn batch(&self, x: &[Array], axes: &[Option<usize>], _: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        (vec![bind1(self.clone(), &[&x[0]])], axes.to_vec())
    }
    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], _: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        let op = if self.to_even { "stablehlo.round_nearest_even" } else { "stablehlo.round_nearest_afz" };
        elementwise::lower(cx, op, args, &outs[0])
    }
    fn fold(&self, inputs: &[Literal]) -> Option<Literal> {
        fold_float(&inputs[0], if self.to_even { f64::round_ties_even } else { f64::round })
    }
}

/// `integer_pow`, elementwise: raises to a fixed integer power by repeated squaring.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind1;
/// let y = bind1(cotangent::extend::primitives::IntegerPow { y: 3 }, &[&Array::from([1, 2])]);
/// assert_eq!(y.to_vec::<i32>(), [1, 8]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IntegerPow {
    /// The exponent.
    pub y: i32,
}

impl Primitive for IntegerPow {
    fn name(&self) -> &'static str {
        "integer_pow"
    }
    fn params(&self) -> Vec<(&'static str, String)> {
        vec![("y", self.y.to_string())]
    }
    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        let dtype = Domain::NUMBERS.one_dtype(inputs)?;
        if self.y < 0 && !dtype.is_inexact() {
            return Err(crate::error::Error::dtype(format!(
                "integers cannot be raised to the negative power {}",
                self.y
            ))
            .help("convert the base with `.astype(DType::F32)`"));
        }
        elementwise::infer(inputs, dtype)
    }
    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        let dy = dx[0].as_ref().and_then(|t| match self.y {
            0 => None,
            1 => Some(t.clone()),
            y => Some(t * (x[0].powi(y - 1) * f64::from(y))),
        });
        (vec![bind1(self.clone(), &[&x[0]])], vec![dy])
    }
    fn batch(&self, x: &[Array], axes: &[Option<usize>], _: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        (vec![bind1(self.clone(), &[&x[0]])], axes.to_vec())
    }
    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], _: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        let out = &outs[0];
        let one = |cx: &mut Lowering<'_>| cx.splat(out, Literal::int(out.dtype, 1));
        // Complex numbers are inverted first. The inverse of a power whose parts overflow would be NaN instead of zero.
        let inverse_first = self.y < 0 && out.dtype.is_complex();
        let base = if inverse_first {
            let one = one(cx);
            cx.op("stablehlo.divide", &[one, args[0].clone()], &[], out)
        } else {
            args[0].clone()
        };
        let power = self.power(base, |x, y| cx.op("stablehlo.multiply", &[x.clone(), y.clone()], &[], out));
        let result = power.unwrap_or_else(|| one(cx));
        if self.y < 0 && !inverse_first {
            let one = one(cx);
            return [cx.op("stablehlo.divide", &[one, result], &[], out)].into();
        }
        [result].into()
    }
    fn fold(&self, inputs: &[Literal]) -> Option<Literal> {
        let one = Literal::int(inputs[0].dtype(), 1);
        let power = self.power(Some(inputs[0]), |x, y| super::binary::fold_mul(&(*x)?, &(*y)?));
        let result = power.unwrap_or(Some(one))?;
        if self.y < 0 { super::binary::Div.fold(&[one, result]) } else { Some(result) }
    }
}

impl IntegerPow {
    /// Raises `x` to the absolute value of the exponent by repeated squaring. Returns `None` if the exponent is zero.
    fn power<T: Clone>(&self, x: T, mut multiply: impl FnMut(&T, &T) -> T) -> Option<T> {
        let mut rest = self.y.unsigned_abs();
        let (mut power, mut result): (T, Option<T>) = (x, None);
        while rest > 0 {
            if rest & 1 == 1 {
                result = Some(result.map_or_else(|| power.clone(), |result| multiply(&result, &power)));
            }
            rest >>= 1;
            if rest > 0 {
                power = multiply(&power, &power);
            }
        }
        result
    }
}

/// `is_finite`, elementwise: whether an element is neither infinite nor NaN.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind1;
/// let y = bind1(cotangent::extend::primitives::IsFinite, &[&Array::from([1.0f32, f32::INFINITY])]);
/// assert_eq!(y.to_vec::<bool>(), [true, false]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IsFinite;

impl Primitive for IsFinite {
    fn name(&self) -> &'static str {
        "is_finite"
    }
    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        Domain::FLOATS.one_dtype(inputs)?;
        elementwise::infer(inputs, DType::Bool)
    }
    fn jvp(&self, x: &[Array], _: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        (vec![bind1(IsFinite, &[&x[0]])], vec![None])
    }
    fn batch(&self, x: &[Array], axes: &[Option<usize>], _: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        (vec![bind1(IsFinite, &[&x[0]])], axes.to_vec())
    }
    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], _: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        elementwise::lower(cx, "stablehlo.is_finite", args, &outs[0])
    }
}
