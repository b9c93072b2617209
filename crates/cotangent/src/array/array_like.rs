//! Conversions to arrays: from Rust's numbers and lists, alone or several together.

use std::sync::Arc;

use crate::array::aval::Aval;
use crate::array::dtype::Element;
use crate::array::literal::{Literal, Scalar};
use crate::array::memory::{HostBytes, Owned};
use crate::array::{Array, Repr};

/// An array argument: an array, a reference to one, or a Rust scalar, which is weakly typed like a Python scalar in
/// JAX.
///
/// ```
/// use cotangent::prelude::*;
/// fn rank(x: impl ArrayLike) -> usize {
///     x.to_array().ndim()
/// }
/// assert_eq!(rank(2.0), 0);
/// assert_eq!(rank(&Array::from([1, 2])), 1);
/// assert_eq!(rank(vec![3usize, 1, 2]), 1);
/// ```
///
/// Lists of integers and of booleans become arrays of JAX's default types, as with
/// [`numpy::array`](crate::numpy::array). For a list of floats, the type must be chosen: `np::array(list)` makes `f32`,
/// `Array::from(list)` keeps the list's own type.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an array or a number",
    label = "an array, a reference to one, a number, or a list of integers",
    note = "for floats: `np::array(list)` makes JAX's default type, f32; `Array::from(list)` keeps the list's type",
    note = "for a scalar that is not f32, f64, i32, i64, u32, usize or bool: `Array::scalar(x)`"
)]
pub trait ArrayLike {
    /// The array.
    fn to_array(self) -> Array;
}

impl ArrayLike for Array {
    fn to_array(self) -> Array {
        self
    }
}

impl ArrayLike for &Array {
    fn to_array(self) -> Array {
        self.clone()
    }
}

impl ArrayLike for &&Array {
    fn to_array(self) -> Array {
        (*self).clone()
    }
}

/// Integers and booleans, the elements of lists of indices.
///
/// ```
/// use cotangent::prelude::*;
/// let x = Array::from([10, 20, 30]);
/// let best: Vec<usize> = vec![2, 0];
/// assert_eq!(x.at(&best).get().to_vec::<i32>(), [30, 10]);
/// assert_eq!(np::take(&x, [1u8, 0]).to_vec::<i32>(), [20, 10]);
/// ```
#[diagnostic::on_unimplemented(
    message = "a list of `{Self}` is not an array",
    label = "an array, a reference to one, a number, or a list of integers or booleans",
    note = "for a list of floats, choose the type: `np::array(list)` makes JAX's default, f32; `Array::from(list)` \
            keeps the list's type",
    note = "for a list of arrays: `np::stack(list, 0)`"
)]
pub trait Whole: Copy {
    /// The list as an array of JAX's default type: 64-bit and pointer-sized integers become `i32`, or 64-bit integers
    /// if an element needs more bits.
    fn list(list: &[Self]) -> Array;
}

macro_rules! narrow_lists {
    ($($t:ty),*) => { $(
        impl Whole for $t {
            fn list(list: &[$t]) -> Array {
                Array::from(list)
            }
        }
    )* };
}

macro_rules! wide_lists {
    ($($t:ty as $wide:ty),*) => { $(
        impl Whole for $t {
            fn list(list: &[$t]) -> Array {
                match list.iter().map(|x| i32::try_from(*x)).collect::<std::result::Result<Vec<i32>, _>>() {
                    Ok(narrow) => Array::from(narrow),
                    Err(_) => Array::from(list.iter().map(|x| *x as $wide).collect::<Vec<$wide>>()),
                }
            }
        }
    )* };
}

narrow_lists!(bool, i8, i16, i32, u8, u16, u32);
wide_lists!(i64 as i64, isize as i64, u64 as u64, usize as i64);

macro_rules! whole_lists {
    ($({$($generic:tt)*} $T:ty;)*) => { $(
        impl<T: Whole, $($generic)*> ArrayLike for $T {
            fn to_array(self) -> Array {
                T::list(&self[..])
            }
        }
    )* };
}

whole_lists! {
    {const N: usize} [T; N];
    {const N: usize} &[T; N];
    {} &[T];
    {} Vec<T>;
    {} &Vec<T>;
}

/// An argument of several arrays: `[&a, &b]`, `[a, b]`, `vec![…]`, or a reference to one of these.
///
/// ```
/// use cotangent::prelude::*;
/// let (a, b) = (np::zeros(2), np::ones(2));
/// assert_eq!(np::concatenate(&[&a, &b], 0).shape(), [4]);
/// let parts: Vec<Array> = vec![a, b];
/// assert_eq!(np::stack(&parts, 0).shape(), [2, 2]);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a list of arrays",
    label = "a list is `[&a, &b]`, `[a, b]`, a `Vec` of arrays, or a reference to one of these; collect an iterator \
             with `.collect::<Vec<_>>()`"
)]
pub trait Arrays {
    /// The arrays.
    fn to_arrays(self) -> Vec<Array>;
}

impl<T: ArrayLike, const N: usize> Arrays for [T; N] {
    fn to_arrays(self) -> Vec<Array> {
        self.into_iter().map(ArrayLike::to_array).collect()
    }
}

impl<T: ArrayLike> Arrays for Vec<T> {
    fn to_arrays(self) -> Vec<Array> {
        self.into_iter().map(ArrayLike::to_array).collect()
    }
}

impl<'a, T> Arrays for &'a [T]
where
    &'a T: ArrayLike,
{
    fn to_arrays(self) -> Vec<Array> {
        self.iter().map(ArrayLike::to_array).collect()
    }
}

impl<'a, T, const N: usize> Arrays for &'a [T; N]
where
    &'a T: ArrayLike,
{
    fn to_arrays(self) -> Vec<Array> {
        self.iter().map(ArrayLike::to_array).collect()
    }
}

impl<'a, T> Arrays for &'a Vec<T>
where
    &'a T: ArrayLike,
{
    fn to_arrays(self) -> Vec<Array> {
        self.iter().map(ArrayLike::to_array).collect()
    }
}

macro_rules! weak_scalars {
    ($($t:ty => $scalar:expr),* $(,)?) => { $(
        impl From<$t> for Array {
            /// A weakly typed scalar, like a Python scalar in JAX.
            fn from(x: $t) -> Array {
                #[allow(clippy::redundant_closure_call)]
                Array(Repr::Scalar(Literal::weak(($scalar)(x))))
            }
        }
        impl ArrayLike for $t {
            fn to_array(self) -> Array {
                self.into()
            }
        }
    )* };
}

weak_scalars! {
    bool => Scalar::Bool,
    i32 => |x| Scalar::Int(i64::from(x)),
    i64 => Scalar::Int,
    u32 => |x| Scalar::Int(i64::from(x)),
    usize => |x| Scalar::Uint(x as u64),
    f32 => |x| Scalar::Float(f64::from(x)),
    f64 => Scalar::Float,
    num_complex::Complex<f64> => |x: num_complex::Complex<f64>| Scalar::Complex(x.re, x.im),
}

impl From<&Array> for Array {
    /// Another handle to the same array.
    fn from(array: &Array) -> Array {
        array.clone()
    }
}

impl<T: Element> From<Vec<T>> for Array {
    fn from(data: Vec<T>) -> Array {
        let aval = Aval::new(T::DTYPE, data.len());
        Array::from_host(HostBytes(Arc::new(Owned(data))), aval)
    }
}

impl<T: Element> From<&[T]> for Array {
    fn from(data: &[T]) -> Array {
        Array::from(data.to_vec())
    }
}

impl<T: Element, const N: usize> From<[T; N]> for Array {
    fn from(data: [T; N]) -> Array {
        Array::from(data.to_vec())
    }
}

impl<T: Element, const M: usize, const N: usize> From<[[T; N]; M]> for Array {
    fn from(data: [[T; N]; M]) -> Array {
        let aval = Aval::new(T::DTYPE, [M, N]);
        Array::from_host(HostBytes(Arc::new(Owned(data.concat()))), aval)
    }
}
