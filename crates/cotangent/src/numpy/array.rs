//! Arrays from literals: numbers, nested lists of numbers, and lists of arrays.

use half::{bf16, f16};
use num_complex::Complex;

use crate::array::Array;
use crate::array::aval::Shape;
use crate::array::dtype::{DType, Element};
use crate::error::{Error, OrRaise, Result};

use super::joining::stack;

/// Returns an array of a number, a list of numbers, or nested lists of numbers. A list of arrays is stacked.
///
/// The dtype is JAX's default for the type that Rust infers for the numbers: `f64` becomes `f32`, `i64` and `usize`
/// become `i32`, `u64` becomes `u32`, and `Complex<f64>` becomes `c64`. Other types are kept. So `[0.1, -0.2]` is
/// `f32`, as in JAX. A single number is weakly typed, and an array keeps its dtype. [`Array::from`] keeps the type of a
/// list, and [`array_as`] takes a dtype.
///
/// # Panics
/// If lists at one depth differ in length, arrays differ in shape, or an integer is out of the range of the dtype.
///
/// ```
/// use cotangent::prelude::*;
/// assert_eq!(np::array([0.1, -0.2]).aval().to_string(), "f32[2]");
/// assert_eq!(np::array(vec![[1, 2, 3], [4, 5, 6]]).aval().to_string(), "i32[2,3]");
/// assert_eq!(Array::from(vec![0.1, -0.2]).aval().to_string(), "f64[2]");
/// let x = Array::from(2.0);
/// assert_eq!(np::array([x.sin(), x.cos()]).shape(), [2]);
/// ```
#[track_caller]
pub fn array(data: impl Nested) -> Array {
    nested(data, None).map_err(|e| e.context("array")).or_raise()
}

/// [`array()`] with a given dtype. No number is converted to a narrower type in between.
///
/// # Panics
/// If lists at one depth differ in length, or arrays differ in shape.
///
/// ```
/// use cotangent::prelude::*;
/// assert_eq!(np::array_as([0.1, -0.2], DType::F64).to_vec::<f64>(), [0.1, -0.2]);
/// assert_eq!(np::array_as([5_000_000_000i64], DType::I64).to_vec::<i64>(), [5_000_000_000]);
/// ```
#[track_caller]
pub fn array_as(data: impl Nested, dtype: DType) -> Array {
    nested(data, Some(dtype)).map_err(|e| e.context("array_as")).or_raise()
}

#[track_caller]
fn nested<N: Nested>(data: N, dtype: Option<DType>) -> Result<Array> {
    let mut walk = Walk { dims: Vec::new(), depth: 0, leaves: Vec::new() };
    data.walk(&mut walk)?;
    N::Leaf::join(walk.leaves, &walk.dims.into_iter().collect(), dtype)
}

/// The state of a traversal of nested lists: the leaves so far, and the length of the lists at each depth.
#[derive(Debug)]
pub struct Walk<L> {
    dims: Vec<usize>,
    depth: usize,
    leaves: Vec<L>,
}

impl<L> Walk<L> {
    fn list<N: Nested<Leaf = L>>(&mut self, length: usize, items: impl Iterator<Item = N>) -> Result<()> {
        match self.dims.get(self.depth) {
            Some(n) if *n != length => {
                let message = format!("lists at the same depth have {n} and {length} elements");
                return Err(Error::shape(message).help("all lists at the same depth must have the same length"));
            }
            Some(_) => {}
            None => self.dims.push(length),
        }
        self.depth += 1;
        for item in items {
            item.walk(self)?;
        }
        self.depth -= 1;
        Ok(())
    }
}

/// The argument of [`array()`]: a number, an array, or a list of these.
///
/// ```
/// use cotangent::prelude::*;
/// fn rows(data: impl np::Nested) -> usize {
///     np::array(data).shape()[0]
/// }
/// assert_eq!(rows([[1.0, 2.0], [3.0, 4.0]]), 2);
/// ```
#[diagnostic::on_unimplemented(
    message = "an array cannot be made from `{Self}`",
    label = "expected a number, an array, or a list of these: `[0.1, -0.2]`, `vec![[1, 2], [3, 4]]`, `[&x, &y]`"
)]
pub trait Nested {
    /// The type of the innermost elements.
    type Leaf: Leaf;
    /// Appends the elements to those of the traversal.
    ///
    /// # Errors
    /// If lists at one depth differ in length.
    fn walk(self, walk: &mut Walk<Self::Leaf>) -> Result<()>;
}

/// The innermost elements of nested lists.
///
/// ```
/// use cotangent::prelude::*;
/// assert_eq!(np::array([1usize, 2]).dtype(), DType::I32);
/// ```
pub trait Leaf: Sized {
    /// Returns the array of these elements.
    ///
    /// # Errors
    /// If an element does not fit the dtype.
    fn join(leaves: Vec<Self>, shape: &Shape, dtype: Option<DType>) -> Result<Array>;
}

/// Returns an array of elements of one type. A single number is weakly typed.
fn joined<T: Element>(leaves: Vec<T>, shape: &Shape, dtype: Option<DType>) -> Result<Array> {
    let array = Array::from_vec(leaves, shape)?;
    Ok(dtype.map_or(array.clone(), |dtype| array.astype(dtype)))
}

/// Converts elements to a narrower type. All of them must be in its range.
fn narrowed<T: Copy + std::fmt::Display, N: TryFrom<T>>(leaves: &[T], name: &str) -> Result<Vec<N>> {
    let narrow = |x: &T| {
        let error = || Error::value(format!("{x} is out of range for {name}, the default dtype of integers"));
        N::try_from(*x).map_err(|_| {
            error().help(
                "choose a dtype with `np::array_as(…, DType::I64)`, or keep the list's type with `Array::from(…)`",
            )
        })
    };
    leaves.iter().map(narrow).collect()
}

fn pointer_sized(number: isize) -> Array {
    Array::from(number as i64)
}

macro_rules! leaves {
    ($($t:ty: $number:path, |$leaves:ident| $default:expr, $exact:expr;)*) => { $(
        impl Nested for $t {
            type Leaf = $t;
            fn walk(self, walk: &mut Walk<$t>) -> Result<()> {
                walk.leaves.push(self);
                Ok(())
            }
        }
        impl Leaf for $t {
            fn join($leaves: Vec<$t>, shape: &Shape, dtype: Option<DType>) -> Result<Array> {
                if dtype.is_some() {
                    return joined($exact, shape, dtype);
                }
                match ($leaves.as_slice(), shape.rank()) {
                    ([number], 0) => Ok($number(*number)),
                    _ => joined($default, shape, None),
                }
            }
        }
    )* };
}

leaves! {
    bool: Array::from, |x| x, x;
    i8: Array::scalar, |x| x, x;
    i16: Array::scalar, |x| x, x;
    i32: Array::from, |x| x, x;
    u8: Array::scalar, |x| x, x;
    u16: Array::scalar, |x| x, x;
    u32: Array::scalar, |x| x, x;
    f16: Array::scalar, |x| x, x;
    bf16: Array::scalar, |x| x, x;
    f32: Array::scalar, |x| x, x;
    Complex<f32>: Array::scalar, |x| x, x;
    i64: Array::from, |x| narrowed::<i64, i32>(&x, "i32")?, x;
    isize: pointer_sized, |x| narrowed::<isize, i32>(&x, "i32")?, x.into_iter().map(|x| x as i64).collect();
    u64: Array::scalar, |x| narrowed::<u64, u32>(&x, "u32")?, x;
    usize: Array::from, |x| narrowed::<usize, i32>(&x, "i32")?, x.into_iter().map(|x| x as u64).collect();
    f64: Array::from, |x| x.into_iter().map(|x| x as f32).collect(), x;
    Complex<f64>: Array::from, |x| x.into_iter().map(|z| Complex::new(z.re as f32, z.im as f32)).collect(), x;
}

impl Nested for Array {
    type Leaf = Array;
    fn walk(self, walk: &mut Walk<Array>) -> Result<()> {
        walk.leaves.push(self);
        Ok(())
    }
}

impl Nested for &Array {
    type Leaf = Array;
    fn walk(self, walk: &mut Walk<Array>) -> Result<()> {
        walk.leaves.push(self.clone());
        Ok(())
    }
}

impl Leaf for Array {
    #[track_caller]
    fn join(leaves: Vec<Array>, shape: &Shape, dtype: Option<DType>) -> Result<Array> {
        let array = match leaves.as_slice() {
            [x] if shape.rank() == 0 => x.clone(),
            [] => super::zeros(shape),
            [first, ..] => {
                let whole: Shape = shape.iter().chain(first.shape()).copied().collect();
                stack(leaves.as_slice(), 0).reshape(whole)
            }
        };
        Ok(dtype.map_or(array.clone(), |dtype| array.astype(dtype)))
    }
}

impl<T: Nested, const N: usize> Nested for [T; N] {
    type Leaf = T::Leaf;
    fn walk(self, walk: &mut Walk<T::Leaf>) -> Result<()> {
        walk.list(N, self.into_iter())
    }
}

impl<T: Nested> Nested for Vec<T> {
    type Leaf = T::Leaf;
    fn walk(self, walk: &mut Walk<T::Leaf>) -> Result<()> {
        walk.list(self.len(), self.into_iter())
    }
}

impl<T: Nested + Clone> Nested for &[T] {
    type Leaf = T::Leaf;
    fn walk(self, walk: &mut Walk<T::Leaf>) -> Result<()> {
        walk.list(self.len(), self.iter().cloned())
    }
}

impl<T: Nested + Clone, const N: usize> Nested for &[T; N] {
    type Leaf = T::Leaf;
    fn walk(self, walk: &mut Walk<T::Leaf>) -> Result<()> {
        walk.list(N, self.iter().cloned())
    }
}

impl<T: Nested + Clone> Nested for &Vec<T> {
    type Leaf = T::Leaf;
    fn walk(self, walk: &mut Walk<T::Leaf>) -> Result<()> {
        walk.list(self.len(), self.iter().cloned())
    }
}
