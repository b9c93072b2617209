//! The values of a function while it is read.

use stablehlo::read::{Dense, Element, TensorType, Type};

use crate::array::aval::{Aval, Shape};
use crate::array::dtype::DType;
use crate::array::handle::FrameId;
use crate::array::literal::{Literal, Scalar};
use crate::array::{Array, Repr};
use crate::error::{Error, Result};
use crate::ops::shape::BroadcastInDim;
use crate::trace::frames::bind1;

/// A value. Where all elements are known to be equal, the array is a scalar that stands for them, as it is when a Rust
/// number meets an array. Elementwise operations then need no broadcast.
#[derive(Clone)]
pub(super) struct Val {
    /// The array, or the scalar that all its elements are equal to.
    pub(super) x: Array,
    pub(super) shape: Shape,
    pub(super) known: Known,
}

/// What else is known about a value.
#[derive(Clone, Default)]
pub(super) enum Known {
    #[default]
    Nothing,
    /// The scalar `scale · counter + offset`, where the counter is that of the loop whose body is this frame.
    Counter { frame: FrameId, scale: i64, offset: i64 },
    /// The indices along a dimension.
    Iota(usize),
    /// It is this array with a leading dimension of size one.
    Row(Array),
}

impl Val {
    pub(super) fn new(x: Array) -> Val {
        let shape = x.aval().shape;
        Val { x, shape, known: Known::Nothing }
    }

    pub(super) fn with(x: Array, known: Known) -> Val {
        Val { known, ..Val::new(x) }
    }

    /// The scalar `x` as a value of this shape.
    pub(super) fn splat(x: Array, shape: &Shape) -> Val {
        Val { x, shape: shape.clone(), known: Known::Nothing }
    }

    pub(super) fn is_splat(&self) -> bool {
        self.x.ndim() == 0
    }

    /// The array in its full shape.
    pub(super) fn full(&self) -> Array {
        if self.x.ndim() == self.shape.rank() {
            return self.x.clone();
        }
        bind1(BroadcastInDim { shape: self.shape.clone(), dims: Vec::new() }, &[&self.x])
    }

    pub(super) fn aval(&self) -> Aval {
        Aval::new(self.x.dtype(), &self.shape)
    }

    pub(super) fn dtype(&self) -> DType {
        self.x.dtype()
    }

    /// The number that all elements are equal to, if it is known.
    pub(super) fn literal(&self) -> Option<Literal> {
        match &self.x.0 {
            Repr::Scalar(literal) => Some(*literal),
            _ => None,
        }
    }

    /// The integer that all elements are equal to, if it is known.
    pub(super) fn integer(&self) -> Option<i64> {
        match self.literal()?.value() {
            Scalar::Int(x) => Some(x),
            Scalar::Uint(x) => i64::try_from(x).ok(),
            _ => None,
        }
    }

    pub(super) fn boolean(&self) -> Option<bool> {
        match self.literal()?.value() {
            Scalar::Bool(x) => Some(x),
            _ => None,
        }
    }
}

/// The dtype of elements that arrays of this library can have.
pub(super) fn dtype(element: &Element) -> Result<DType> {
    let known = DType::ALL.into_iter().find(|dtype| dtype.mlir() == element.name());
    known.ok_or_else(|| {
        Error::dtype(format!("elements of type `{element}` are not supported"))
            .help("convert them to another dtype in the function before it is exported")
    })
}

fn tensor_aval(ty: &TensorType) -> Result<Aval> {
    let Some(shape) = ty.shape() else {
        return Err(Error::shape(format!("`{ty}` has a dimension that is not known"))
            .help("export the function for each shape that is needed, without symbolic dimensions"));
    };
    if ty.len().is_none_or(|len| isize::try_from(len.saturating_mul(16)).is_err()) {
        return Err(Error::shape(format!("`{ty}` has more elements than memory can hold")));
    }
    Ok(Aval::new(dtype(&ty.element)?, Shape::new(&shape)))
}

/// The type of an array.
pub(super) fn aval(ty: &Type) -> Result<Aval> {
    match ty {
        Type::Tensor(ty) => tensor_aval(ty),
        Type::Token => Err(Error::value("tokens are not supported: they order effects, such as prints")),
        other => Err(Error::value(format!("values of type `{other}` are not supported"))),
    }
}

/// The largest constant, in bytes, that is part of the program, where the compiler sees it. Others are captured.
const SMALL: usize = 1024;

/// A constant.
pub(super) fn constant(dense: &Dense) -> Result<Val> {
    let aval = tensor_aval(&dense.ty)?;
    let size = aval.dtype.byte_size();
    let expected = size * if dense.splat { 1 } else { aval.size() };
    if dense.data.len() != expected || (aval.dtype == DType::Bool && dense.data.iter().any(|b| *b > 1)) {
        return Err(Error::value(format!("a constant {aval} has {} bytes instead of {expected}", dense.data.len())));
    }
    if dense.splat {
        let literal = Literal::from_bytes(aval.dtype, false, &dense.data);
        return Ok(Val::splat(Array::literal(literal), &aval.shape));
    }
    let array = Array::of_bytes(dense.data.to_vec(), aval);
    if array.size() * size <= SMALL && array.ndim() > 0 {
        return Ok(Val::new(bind1(crate::ops::constant::Constant::of(&array), &[])));
    }
    Ok(Val::new(array))
}
