//! The parts of an index, as NumPy writes them between square brackets.

use std::ops::{Range, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive};

use crate::array::{Array, Whole};

/// A slice of one axis: NumPy's `start:stop:step`. Negative bounds count from the end of the axis. Bounds outside the
/// axis are clipped. A negative step goes backward.
///
/// Ranges convert to slices. For a slice with a step, use [`s!`](crate::s) or [`Slice::step`].
///
/// ```
/// use cotangent::prelude::*;
/// let x = Array::from([0, 1, 2, 3, 4]);
/// assert_eq!(x.at(1..3).get().to_vec::<i32>(), [1, 2]);
/// assert_eq!(x.at(s![1..; 2]).get().to_vec::<i32>(), [1, 3]);
/// assert_eq!(x.at(s![::-1]).get().to_vec::<i32>(), [4, 3, 2, 1, 0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slice {
    start: Option<isize>,
    stop: Option<isize>,
    step: isize,
}

/// Types that convert to a [`Slice`]: ranges of integers.
///
/// ```
/// use cotangent::numpy::{IntoSlice, Slice};
/// fn odd(range: impl IntoSlice) -> Slice {
///     Slice::of(range).step(2)
/// }
/// assert_eq!(odd(1..), cotangent::s![1..; 2]);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a range of indices",
    label = "a range is `1..4`, `1..`, `..4`, `..-1` or `..`, of `i32`, `i64`, `isize` or `usize`",
    note = "`s![1..9; 2]` and `s![::2]` are ranges with a step; a single index needs no `s!`: `x.at(3)`"
)]
pub trait IntoSlice: Into<Slice> {}

#[diagnostic::do_not_recommend]
impl<R: Into<Slice>> IntoSlice for R {}

impl Slice {
    /// Returns the slice of all indices in a range.
    ///
    /// ```
    /// use cotangent::numpy::Slice;
    /// assert_eq!(Slice::of(1..3), Slice::from(1..3));
    /// ```
    #[must_use]
    pub fn of(range: impl IntoSlice) -> Slice {
        range.into()
    }

    /// Returns the slice with only every `step`-th element. A negative step goes backward from `start` down to `stop`.
    ///
    /// ```
    /// use cotangent::numpy::Slice;
    /// assert_eq!(Slice::from(1..5).step(2), cotangent::s![1..5; 2]);
    /// ```
    #[must_use]
    pub fn step(self, step: isize) -> Slice {
        Slice { step, ..self }
    }

    /// Returns the first index, the number of elements, and the step, for an axis of `size`. Returns `None` if the step
    /// is zero.
    pub(super) fn resolve(self, size: usize) -> Option<(usize, usize, isize)> {
        let size = size as isize;
        let step = self.step;
        if step == 0 {
            return None;
        }
        // For a negative step, the bounds are lower by one.
        let (low, high) = if step < 0 { (-1, size - 1) } else { (0, size) };
        let bound = |i: isize| (if i < 0 { i + size } else { i }).clamp(low, high);
        let (first, last) = if step < 0 { (high, low) } else { (low, high) };
        let start = self.start.map_or(first, bound);
        let stop = self.stop.map_or(last, bound);
        let room = if step < 0 { start - stop } else { stop - start };
        let count = if room <= 0 { 0 } else { 1 + (room - 1) / step.abs() };
        Some((start.max(0) as usize, count as usize, step))
    }
}

/// Creates a [`Slice`], with or without a step.
///
/// `s![::2]` is NumPy's `[::2]`, and `s![1..5; 2]` is `[1:5:2]`.
///
/// ```
/// use cotangent::prelude::*;
/// let x = Array::from([0, 1, 2, 3, 4]);
/// assert_eq!(x.at(s![::2]).get().to_vec::<i32>(), [0, 2, 4]);
/// assert_eq!(x.at(s![3..0; -1]).get().to_vec::<i32>(), [3, 2, 1]);
/// ```
#[macro_export]
macro_rules! s {
    (:: $step:expr) => {
        $crate::numpy::Slice::from(..).step($step)
    };
    ($range:expr; $step:expr) => {{
        // With a negative step, a range such as `3..0` is intended.
        #[allow(clippy::reversed_empty_ranges)]
        let slice = $crate::numpy::Slice::of($range).step($step);
        slice
    }};
    ($range:expr) => {
        $crate::numpy::Slice::of($range)
    };
}

/// A new axis of size one in an index: NumPy's `None`.
///
/// ```
/// use cotangent::{numpy::NewAxis, prelude::*};
/// assert_eq!(Array::from([1, 2]).at((.., NewAxis)).get().shape(), [2, 1]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NewAxis;

/// All axes that the other parts of an index do not use: NumPy's `...`.
///
/// ```
/// use cotangent::{numpy::Ellipsis, prelude::*};
/// let x = np::zeros([2, 3, 4]);
/// assert_eq!(x.at((Ellipsis, 0)).get().shape(), [2, 3]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ellipsis;

/// One part of an index.
///
/// ```
/// use cotangent::numpy::{Index, IntoIndex};
/// assert!(matches!((0, ..).into_index()[..], [Index::At(0), Index::Slice(_)]));
/// ```
#[derive(Clone, Debug)]
pub enum Index {
    /// One element of an axis, which is removed. A negative index counts from the end.
    At(isize),
    /// A slice of an axis.
    Slice(Slice),
    /// A new axis of size one.
    NewAxis,
    /// All axes that the other parts do not use.
    Ellipsis,
    /// An array of integers selects elements of one axis. An array of booleans selects the elements of one or more axes
    /// where it is true.
    Array(Array),
}

/// Types that can be used as an index: a part or a tuple of parts. A part is an integer, a range or [`Slice`], an array
/// or list of integers or booleans, [`NewAxis`] or [`Ellipsis`].
///
/// ```
/// use cotangent::numpy::IntoIndex;
/// assert_eq!((0, .., vec![1usize, 3]).into_index().len(), 3);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an index",
    label = "an index is a part or a tuple of parts: `3`, `-1`, `1..3`, `..`, `s![::2]`, an array or list of \
             integers or of booleans, `NewAxis`, `Ellipsis`"
)]
pub trait IntoIndex {
    /// Returns the parts.
    fn into_index(self) -> Vec<Index>;
}

/// Types that can be used as one part of an index.
///
/// ```
/// use cotangent::numpy::{Index, IntoIndexPart};
/// assert!(matches!(3.into_part(), Index::At(3)));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a part of an index",
    label = "a part is `3`, `-1`, `1..3`, `..`, `s![::2]`, an array or list of integers or of booleans, `NewAxis` or \
             `Ellipsis`"
)]
pub trait IntoIndexPart {
    /// Returns the part.
    fn into_part(self) -> Index;
}

macro_rules! parts {
    ($($({$($generic:tt)*})? $T:ty: |$x:pat_param| $make:expr;)*) => { $(
        impl $(<$($generic)*>)? IntoIndexPart for $T {
            fn into_part(self) -> Index {
                let $x = self;
                $make
            }
        }
        impl $(<$($generic)*>)? IntoIndex for $T {
            fn into_index(self) -> Vec<Index> {
                vec![self.into_part()]
            }
        }
    )* };
}

macro_rules! ranges {
    ($($T:ty),*) => { $(
        parts! {
            $T: |i| Index::At(i as isize);
            Range<$T>: |r| Index::Slice(r.into());
            RangeFrom<$T>: |r| Index::Slice(r.into());
            RangeTo<$T>: |r| Index::Slice(r.into());
            RangeInclusive<$T>: |r| Index::Slice(r.into());
            RangeToInclusive<$T>: |r| Index::Slice(r.into());
        }
        impl From<Range<$T>> for Slice {
            fn from(r: Range<$T>) -> Slice {
                Slice { start: Some(r.start as isize), stop: Some(r.end as isize), step: 1 }
            }
        }
        impl From<RangeFrom<$T>> for Slice {
            fn from(r: RangeFrom<$T>) -> Slice {
                Slice { start: Some(r.start as isize), stop: None, step: 1 }
            }
        }
        impl From<RangeTo<$T>> for Slice {
            fn from(r: RangeTo<$T>) -> Slice {
                Slice { start: None, stop: Some(r.end as isize), step: 1 }
            }
        }
        impl From<RangeInclusive<$T>> for Slice {
            fn from(r: RangeInclusive<$T>) -> Slice {
                Slice { start: Some(*r.start() as isize), stop: after(*r.end() as isize), step: 1 }
            }
        }
        impl From<RangeToInclusive<$T>> for Slice {
            fn from(r: RangeToInclusive<$T>) -> Slice {
                Slice { start: None, stop: after(r.end as isize), step: 1 }
            }
        }
    )* };
}

/// Returns the bound after the last element. After -1, it is the end of the axis.
fn after(last: isize) -> Option<isize> {
    (last != -1).then_some(last + 1)
}

impl From<RangeFull> for Slice {
    fn from(_: RangeFull) -> Slice {
        Slice { start: None, stop: None, step: 1 }
    }
}

ranges!(i32, i64, isize, usize);

parts! {
    RangeFull: |r| Index::Slice(r.into());
    Slice: |s| Index::Slice(s);
    NewAxis: |_| Index::NewAxis;
    Ellipsis: |_| Index::Ellipsis;
    Array: |x| Index::Array(x);
    &Array: |x| Index::Array(x.clone());
    Index: |part| part;
    {T: Whole, const N: usize} [T; N]: |x| Index::Array(T::list(&x));
    {T: Whole, const N: usize} &[T; N]: |x| Index::Array(T::list(x));
    {T: Whole} &[T]: |x| Index::Array(T::list(x));
    {T: Whole} Vec<T>: |x| Index::Array(T::list(&x));
    {T: Whole} &Vec<T>: |x| Index::Array(T::list(x));
}

impl IntoIndex for () {
    fn into_index(self) -> Vec<Index> {
        Vec::new()
    }
}

impl IntoIndex for Vec<Index> {
    fn into_index(self) -> Vec<Index> {
        self
    }
}

macro_rules! tuples {
    ($($($T:ident $x:ident),+;)*) => { $(
        impl<$($T: IntoIndexPart),+> IntoIndex for ($($T,)+) {
            fn into_index(self) -> Vec<Index> {
                let ($($x,)+) = self;
                vec![$($x.into_part()),+]
            }
        }
    )* };
}

tuples! {
    A a;
    A a, B b;
    A a, B b, C c;
    A a, B b, C c, D d;
    A a, B b, C c, D d, E e;
    A a, B b, C c, D d, E e, F f;
}
