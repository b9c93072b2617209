//! Shapes and abstract values.

use std::fmt;
use std::ops::Deref;

use smallvec::SmallVec;

use crate::array::dtype::DType;
use crate::error::{Error, ErrorKind, Result};

/// The sizes of an array's dimensions. Up to four of them are stored inline, without an allocation.
///
/// ```
/// use cotangent::Shape;
/// assert_eq!(Shape::new(&[2, 3]).to_string(), "[2,3]");
/// ```
#[derive(PartialEq, Eq, Hash, Default)]
pub struct Shape(SmallVec<[usize; 4]>);

impl Clone for Shape {
    /// Copies memory; the derived clone copies element by element.
    #[inline]
    fn clone(&self) -> Shape {
        Shape(SmallVec::from_slice(&self.0))
    }
}

impl Shape {
    /// Makes a shape from its dimensions.
    ///
    /// ```
    /// use cotangent::Shape;
    /// assert_eq!(Shape::new(&[2, 3]).len(), 2);
    /// ```
    #[must_use]
    pub fn new(dims: &[usize]) -> Shape {
        Shape(SmallVec::from_slice(dims))
    }

    /// The number of dimensions.
    ///
    /// ```
    /// use cotangent::Shape;
    /// assert_eq!(Shape::new(&[2, 3]).rank(), 2);
    /// ```
    #[must_use]
    pub fn rank(&self) -> usize {
        self.0.len()
    }

    /// The number of elements.
    ///
    /// ```
    /// use cotangent::Shape;
    /// assert_eq!(Shape::new(&[2, 3]).size(), 6);
    /// ```
    #[must_use]
    pub fn size(&self) -> usize {
        self.0.iter().product()
    }

    /// This shape with a dimension of `size` inserted at `axis`.
    ///
    /// ```
    /// use cotangent::Shape;
    /// assert_eq!(Shape::new(&[2, 3]).insert(1, 5), Shape::new(&[2, 5, 3]));
    /// ```
    #[must_use]
    pub fn insert(&self, axis: usize, size: usize) -> Shape {
        let mut dims = self.0.clone();
        dims.insert(axis, size);
        Shape(dims)
    }

    /// This shape without the dimensions `axes`.
    ///
    /// ```
    /// use cotangent::Shape;
    /// assert_eq!(Shape::new(&[2, 5, 3]).remove(&[1]), Shape::new(&[2, 3]));
    /// ```
    #[must_use]
    pub fn remove(&self, axes: &[usize]) -> Shape {
        self.iter().enumerate().filter(|(i, _)| !axes.contains(i)).map(|(_, d)| *d).collect()
    }
}

impl Deref for Shape {
    type Target = [usize];
    fn deref(&self) -> &[usize] {
        &self.0
    }
}

impl FromIterator<usize> for Shape {
    fn from_iter<I: IntoIterator<Item = usize>>(dims: I) -> Shape {
        Shape(dims.into_iter().collect())
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (i, d) in self.iter().enumerate() {
            write!(f, "{}{d}", if i > 0 { "," } else { "" })?;
        }
        f.write_str("]")
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A shape argument: `()`, `5`, `(2, 3)`, `[2, 3]`, a slice, a `Vec`, or a [`Shape`].
///
/// ```
/// use cotangent::{IntoShape, Shape};
/// assert_eq!((2usize, 3usize).into_shape(), Shape::new(&[2, 3]));
/// assert_eq!(().into_shape().rank(), 0);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a shape",
    label = "a shape is `()`, `5`, `(2, 3)`, `[2, 3]`, a slice or a `Vec` of `usize`",
    note = "convert other integers with `as usize`; only `reshape` takes a size of `-1`"
)]
pub trait IntoShape {
    /// The shape.
    fn into_shape(self) -> Shape;
}

/// The new shape of an array: any shape argument, in which one size may be −1. This size is computed from the number of
/// elements.
///
/// ```
/// use cotangent::prelude::*;
/// let x = np::zeros([4, 6]);
/// assert_eq!(x.reshape((-1, 3)).shape(), [8, 3]);
/// assert_eq!(x.reshape(-1).shape(), [24]);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a shape",
    label = "a shape is `()`, `5`, `(2, 3)`, `(-1, 3)`, `[2, 3]`, a slice or a `Vec` of integers"
)]
pub trait IntoNewShape {
    /// The new shape of an array of `size` elements.
    ///
    /// # Errors
    /// If a size is negative and not the only −1, or the other sizes do not divide the number of elements.
    fn for_size(self, size: usize) -> Result<Shape>;
}

/// The type of one size in an [`IntoNewShape`].
///
/// ```
/// use cotangent::prelude::*;
/// let rows: usize = 2;
/// assert_eq!(np::zeros(6).reshape((rows, -1)).shape(), [2, 3]);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the size of a dimension",
    label = "a size is a `usize`, `i32`, `i64` or `isize`; `-1` is computed from the other sizes"
)]
pub trait Dimension: Copy {
    /// The size, or −1.
    fn dimension(self) -> isize;
}

macro_rules! dimensions {
    ($($t:ty),*) => { $(
        impl Dimension for $t {
            fn dimension(self) -> isize {
                self as isize
            }
        }
        impl IntoNewShape for $t {
            fn for_size(self, size: usize) -> Result<Shape> {
                filled_in(&[self.dimension()], size)
            }
        }
    )* };
}

dimensions!(i32, i64, isize, usize);

/// The shape with −1 replaced by the computed size.
fn filled_in(dims: &[isize], size: usize) -> Result<Shape> {
    let text = || format!("[{}]", dims.iter().map(ToString::to_string).collect::<Vec<_>>().join(","));
    let open = dims.iter().filter(|d| **d == -1).count();
    if open > 1 || dims.iter().any(|d| *d < -1) {
        return Err(Error::shape(format!("{} is not a shape", text()))
            .help("one size may be -1, the others must not be negative"));
    }
    let known: usize = dims.iter().filter(|d| **d >= 0).map(|d| *d as usize).product();
    if open == 1 && (known == 0 || !size.is_multiple_of(known)) {
        let message = format!("{size} elements do not fit shape {}", text());
        return Err(Error::shape(message)
            .help(format!("-1 stands for the number of elements divided by {known}, the product of the other sizes")));
    }
    Ok(dims.iter().map(|d| if *d == -1 { size / known } else { *d as usize }).collect())
}

impl IntoShape for usize {
    fn into_shape(self) -> Shape {
        Shape::new(&[self])
    }
}

macro_rules! shapes {
    ($({$($generic:tt)*} $T:ident $Sizes:ty, $Dims:ty;)*) => { $(
        impl<$($generic)*> IntoShape for $Sizes {
            fn into_shape(self) -> Shape {
                Shape::new(&self[..])
            }
        }
        impl<$T: Dimension, $($generic)*> IntoNewShape for $Dims {
            fn for_size(self, size: usize) -> Result<Shape> {
                filled_in(&self.iter().map(|d| d.dimension()).collect::<SmallVec<[isize; 4]>>(), size)
            }
        }
    )* };
}

shapes! {
    {const N: usize} D [usize; N], [D; N];
    {const N: usize} D &[usize; N], &[D; N];
    {} D &[usize], &[D];
    {} D Vec<usize>, Vec<D>;
    {} D &Vec<usize>, &Vec<D>;
}

macro_rules! tuples {
    ($($($T:ident $x:ident),*;)*) => { $(
        impl IntoShape for ($(tuples!(@usize $T),)*) {
            fn into_shape(self) -> Shape {
                let ($($x,)*) = self;
                Shape::new(&[$($x),*])
            }
        }
        impl<$($T: Dimension),*> IntoNewShape for ($($T,)*) {
            fn for_size(self, size: usize) -> Result<Shape> {
                let ($($x,)*) = self;
                filled_in(&[$($x.dimension()),*], size)
            }
        }
    )* };
    (@usize $T:ident) => { usize };
}

tuples! {
    ;
    A a;
    A a, B b;
    A a, B b, C c;
    A a, B b, C c, D d;
    A a, B b, C c, D d, E e;
    A a, B b, C c, D d, E e, F f;
}

impl IntoShape for Shape {
    fn into_shape(self) -> Shape {
        self
    }
}
impl IntoShape for &Shape {
    fn into_shape(self) -> Shape {
        self.clone()
    }
}
impl IntoNewShape for Shape {
    fn for_size(self, _: usize) -> Result<Shape> {
        Ok(self)
    }
}
impl IntoNewShape for &Shape {
    fn for_size(self, _: usize) -> Result<Shape> {
        Ok(self.clone())
    }
}

/// An abstract value: everything that tracing knows about an array.
///
/// ```
/// use cotangent::{Aval, DType};
/// assert_eq!(Aval::new(DType::F32, [2, 3]).to_string(), "f32[2,3]");
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Aval {
    /// The sizes of its dimensions.
    pub shape: Shape,
    /// The type of its elements.
    pub dtype: DType,
    /// Whether its dtype gives way to that of another operand, as a Rust literal's does.
    pub weak_type: bool,
}

impl Aval {
    /// A strongly typed abstract value.
    ///
    /// ```
    /// use cotangent::{Aval, DType};
    /// assert!(!Aval::new(DType::F32, [2, 3]).weak_type);
    /// ```
    #[must_use]
    pub fn new(dtype: DType, shape: impl IntoShape) -> Aval {
        Aval { shape: shape.into_shape(), dtype, weak_type: false }
    }

    /// The same abstract value with another weak type.
    ///
    /// ```
    /// use cotangent::{Aval, DType};
    /// assert!(Aval::new(DType::F32, ()).with_weak_type(true).weak_type);
    /// ```
    #[must_use]
    pub fn with_weak_type(mut self, weak_type: bool) -> Aval {
        self.weak_type = weak_type;
        self
    }

    /// The same abstract value with another shape.
    ///
    /// ```
    /// use cotangent::{Aval, DType};
    /// assert_eq!(Aval::new(DType::F32, ()).with_shape([2]), Aval::new(DType::F32, [2]));
    /// ```
    #[must_use]
    pub fn with_shape(&self, shape: impl IntoShape) -> Aval {
        Aval { shape: shape.into_shape(), ..*self }
    }

    /// The same abstract value with another dtype, strongly typed.
    ///
    /// ```
    /// use cotangent::{Aval, DType};
    /// assert_eq!(Aval::new(DType::F32, [2]).with_dtype(DType::I32), Aval::new(DType::I32, [2]));
    /// ```
    #[must_use]
    pub fn with_dtype(&self, dtype: DType) -> Aval {
        Aval { shape: self.shape.clone(), dtype, weak_type: false }
    }

    /// The number of dimensions.
    ///
    /// ```
    /// use cotangent::{Aval, DType};
    /// assert_eq!(Aval::new(DType::F32, [2, 3]).rank(), 2);
    /// ```
    #[must_use]
    pub fn rank(&self) -> usize {
        self.shape.rank()
    }

    /// The number of elements.
    ///
    /// ```
    /// use cotangent::{Aval, DType};
    /// assert_eq!(Aval::new(DType::F32, [2, 3]).size(), 6);
    /// ```
    #[must_use]
    pub fn size(&self) -> usize {
        self.shape.size()
    }

    /// The size of its elements in bytes.
    ///
    /// ```
    /// use cotangent::{Aval, DType};
    /// assert_eq!(Aval::new(DType::F32, [2, 3]).byte_len(), 24);
    /// ```
    #[must_use]
    pub fn byte_len(&self) -> usize {
        self.size() * self.dtype.byte_size()
    }

    /// Its type in StableHLO.
    pub(crate) fn mlir(&self) -> stablehlo::Type {
        stablehlo::Type::tensor(&self.shape, self.dtype.mlir())
    }
}

impl fmt::Display for Aval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.dtype, self.shape)
    }
}

impl fmt::Debug for Aval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}{}", if self.weak_type { "~weak" } else { "" })
    }
}

/// The axis that `axis` refers to in an array of `rank` dimensions; a negative one counts from the end.
pub(crate) fn canonical_axis(axis: isize, rank: usize) -> Result<usize> {
    let shifted = if axis < 0 { axis + rank as isize } else { axis };
    if (0..rank as isize).contains(&shifted) {
        return Ok(shifted as usize);
    }
    Err(out_of_bounds(axis, format_args!("an array of rank {rank}"), rank))
}

/// The error for an axis that `of`, which has `rank` axes, does not have.
pub(crate) fn out_of_bounds(axis: isize, of: impl fmt::Display, rank: usize) -> Error {
    Error::new(ErrorKind::Axis, format!("axis {axis} is out of bounds for {of}")).help(match rank {
        0 => "a scalar has no axes".to_string(),
        _ => format!("an axis must be between {} and {}", -(rank as isize), rank - 1),
    })
}

/// Checks that no axis is repeated.
pub(crate) fn distinct(axes: &[usize]) -> Result<()> {
    match axes.iter().enumerate().find(|(i, axis)| axes[..*i].contains(axis)) {
        Some((_, axis)) => Err(Error::new(ErrorKind::Axis, format!("axis {axis} is repeated in {axes:?}"))),
        None => Ok(()),
    }
}

/// Checks that two operands have the same dtype.
pub(crate) fn same_dtype(x: &Aval, y: &Aval) -> Result<()> {
    match x.dtype == y.dtype {
        true => Ok(()),
        false => Err(Error::dtype(format!("operands must have the same dtype, got {x} and {y}"))
            .help("convert one of them with `.astype(…)`")),
    }
}

/// Checks that two operands have the same shape.
pub(crate) fn same_shape(x: &Aval, y: &Aval) -> Result<()> {
    match x.shape == y.shape {
        true => Ok(()),
        false => Err(Error::shape(format!("operands must have the same shape, got {x} and {y}"))),
    }
}

/// The shape that two shapes broadcast to by NumPy's rule: aligned at the end, with sizes of one repeated.
pub(crate) fn broadcast_shapes(a: &[usize], b: &[usize]) -> Result<Shape> {
    let rank = a.len().max(b.len());
    let dim = |s: &[usize], i: usize| (i + s.len()).checked_sub(rank).map_or(1, |i| s[i]);
    (0..rank)
        .map(|i| match (dim(a, i), dim(b, i)) {
            (m, n) if m == n || n == 1 => Ok(m),
            (1, n) => Ok(n),
            _ => Err(Error::shape(format!(
                "shapes {} and {} cannot be broadcast together",
                Shape::new(a),
                Shape::new(b)
            ))
            .help(
                "aligned at the last dimension, sizes must be equal or one of them 1; use `reshape` or \
                   `expand_dims` to align them",
            )),
        })
        .collect()
}
