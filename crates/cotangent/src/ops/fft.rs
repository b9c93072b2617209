//! The Fourier transform.

use stablehlo::{Attr, Value};

use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::dtype::DType;
use crate::array::literal::{Literal, Scalar};
use crate::error::{Error, Result};
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Operand, Outputs, Primitive, Tangent};
use crate::ir::print::tuple;
use crate::trace::frames::bind1;

use super::complex::complex_of;
use super::domain::Domain;
use super::elementwise::rebind1;
use super::shape::{Iota, linear_unary};

/// The kind of a Fourier transform.
///
/// ```
/// assert_eq!(cotangent::extend::primitives::FftType::Rfft.to_string(), "RFFT");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FftType {
    /// From complex to complex.
    Fft,
    /// The inverse of `Fft`.
    Ifft,
    /// From real to complex: the half of the spectrum that determines the rest.
    Rfft,
    /// The inverse of `Rfft`.
    Irfft,
}

impl std::fmt::Display for FftType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            FftType::Fft => "FFT",
            FftType::Ifft => "IFFT",
            FftType::Rfft => "RFFT",
            FftType::Irfft => "IRFFT",
        })
    }
}

/// `fft`: a discrete Fourier transform over the last one, two or three axes.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind1;
/// use cotangent::extend::primitives::{Fft, FftType};
/// let prim = Fft { fft_type: FftType::Rfft, fft_lengths: vec![4] };
/// assert_eq!(bind1(prim, &[&Array::from([1.0f32, 0.0, 0.0, 0.0])]).shape(), [3]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fft {
    /// The kind of the transform.
    pub fft_type: FftType,
    /// The sizes of the transformed axes. For `Rfft` and `Irfft`, these are the sizes of the real array.
    pub fft_lengths: Vec<usize>,
}

impl Fft {
    /// Returns, for each element of the half spectrum of a real transform, the number of elements of the full spectrum
    /// that it represents: two, or one if it is its own mirror image.
    fn weights(&self, dtype: DType) -> Array {
        let n = self.fft_lengths[self.fft_lengths.len() - 1];
        let half = n / 2 + 1;
        let i = bind1(Iota { dtype: DType::I32, shape: [half].into_iter().collect(), dimension: 0 }, &[]);
        let number = |x: i64| Array::literal(Literal::int(DType::I32, x));
        let first = i.equal(number(0));
        let single = if n.is_multiple_of(2) { first | i.equal(number(half as i64 - 1)) } else { first };
        let weight = |w: i64| Array::literal(Literal::int(dtype, w));
        super::select(&single, &weight(1), &weight(2), &[half])
    }

    fn with(&self, fft_type: FftType, x: &Array) -> Array {
        bind1(Fft { fft_type, fft_lengths: self.fft_lengths.clone() }, &[x])
    }

    fn cotangent(&self, ct: &Array) -> Array {
        let size = self.fft_lengths.iter().product::<usize>() as f64;
        let scale = |x: &Array, by: f64| x * Array::literal(Literal::new(x.dtype().real(), Scalar::Float(by)));
        match self.fft_type {
            FftType::Fft | FftType::Ifft => rebind1(self, &[ct]),
            FftType::Rfft => {
                let whole = ct.conj() / self.weights(ct.dtype());
                scale(&self.with(FftType::Irfft, &whole), size)
            }
            FftType::Irfft => {
                let half = self.with(FftType::Rfft, ct);
                scale(&(&half * self.weights(half.dtype())), 1.0 / size).conj()
            }
        }
    }
}

impl Primitive for Fft {
    fn name(&self) -> &'static str {
        "fft"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        vec![("fft_lengths", tuple(&self.fft_lengths)), ("fft_type", self.fft_type.to_string())]
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        let x = &inputs[0];
        let n = self.fft_lengths.len();
        if n == 0 || n > 3 {
            return Err(Error::value(format!("expected one to three lengths for {x}, got {n}")));
        }
        if n > x.rank() {
            return Err(Error::shape(format!("{x} has fewer than {n} axes")));
        }
        let domain = if self.fft_type == FftType::Rfft { Domain::WIDE_FLOATS } else { Domain::COMPLEX };
        domain.check(x).map_err(|e| e.context(self.fft_type))?;
        let start = x.rank() - n;
        let mut expected = self.fft_lengths.clone();
        if self.fft_type == FftType::Irfft {
            expected[n - 1] = expected[n - 1] / 2 + 1;
        }
        if x.shape[start..] != expected[..] {
            return Err(Error::shape(format!(
                "{} of lengths {} needs last axes of sizes {}, got {x}",
                self.fft_type,
                tuple(&self.fft_lengths),
                tuple(&expected)
            )));
        }
        let mut shape = x.shape.to_vec();
        shape[start..].copy_from_slice(&self.fft_lengths);
        let dtype = match self.fft_type {
            FftType::Rfft => {
                shape[start + n - 1] = shape[start + n - 1] / 2 + 1;
                complex_of(x.dtype)
            }
            FftType::Irfft => x.dtype.real(),
            _ => x.dtype,
        };
        Ok([Aval::new(dtype, shape)].into())
    }

    linear_unary!();

    fn transpose(&self, ct: &[Tangent], _: &[Operand]) -> Vec<Tangent> {
        vec![ct[0].as_ref().map(|ct| self.cotangent(ct))]
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], _: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        let Some(axis) = axes[0] else { return (vec![rebind1(self, &[&x[0]])], vec![None]) };
        (vec![rebind1(self, &[&x[0].moveaxis(axis as isize, 0)])], vec![Some(0)])
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], _: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        let attrs = [
            ("fft_length", Attr::i64s(self.fft_lengths.iter().copied())),
            ("fft_type", Attr::Raw(format!("#stablehlo<fft_type {}>", self.fft_type))),
        ];
        [cx.op("stablehlo.fft", args, &attrs, &outs[0])].into()
    }
}
