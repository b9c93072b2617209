//! A vector whose first elements need no allocation.

use std::ops::{Deref, DerefMut};

use smallvec::SmallVec;

/// A vector that stores up to `N` elements in place and allocates beyond that. It dereferences to a slice.
///
/// ```
/// use cotangent::extend::Outputs; // at most one element in place
/// let mut outputs: Outputs<i32> = [1].into();
/// outputs.push(2);
/// assert_eq!(outputs[..], [1, 2]);
/// assert_eq!(outputs.into_vec(), [1, 2]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct InlineVec<T, const N: usize>(SmallVec<[T; N]>);

impl<T, const N: usize> InlineVec<T, N> {
    /// A vector without elements.
    ///
    /// ```
    /// use cotangent::extend::Outputs;
    /// assert!(Outputs::<i32>::new().is_empty());
    /// ```
    #[must_use]
    pub fn new() -> Self {
        InlineVec(SmallVec::new())
    }

    /// Appends an element.
    ///
    /// ```
    /// use cotangent::extend::Outputs;
    /// let mut outputs = Outputs::new();
    /// outputs.push("x");
    /// assert_eq!(outputs[0], "x");
    /// ```
    pub fn push(&mut self, value: T) {
        self.0.push(value);
    }

    /// Removes the last element and returns it, or `None` if there is none.
    ///
    /// ```
    /// use cotangent::extend::Outputs;
    /// assert_eq!(Outputs::from([1, 2]).pop(), Some(2));
    /// ```
    pub fn pop(&mut self) -> Option<T> {
        self.0.pop()
    }

    /// Removes the element at `index`, puts the last one in its place, and returns the removed one.
    ///
    /// # Panics
    /// If there is no element at `index`.
    ///
    /// ```
    /// use cotangent::extend::Outputs;
    /// let mut outputs = Outputs::from([1, 2, 3]);
    /// assert_eq!((outputs.swap_remove(0), &outputs[..]), (1, &[3, 2][..]));
    /// ```
    pub fn swap_remove(&mut self, index: usize) -> T {
        self.0.swap_remove(index)
    }

    /// The elements as a `Vec`.
    ///
    /// ```
    /// use cotangent::extend::Outputs;
    /// assert_eq!(Outputs::from([1, 2]).into_vec(), vec![1, 2]);
    /// ```
    #[must_use]
    pub fn into_vec(self) -> Vec<T> {
        self.0.into_vec()
    }
}

impl<T, const N: usize> Default for InlineVec<T, N> {
    fn default() -> Self {
        InlineVec::new()
    }
}

impl<T, const N: usize> Deref for InlineVec<T, N> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T, const N: usize> DerefMut for InlineVec<T, N> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}

impl<T, const N: usize, const M: usize> From<[T; M]> for InlineVec<T, N> {
    #[inline]
    fn from(values: [T; M]) -> Self {
        let mut all = SmallVec::with_capacity(M);
        values.into_iter().for_each(|value| all.push(value));
        InlineVec(all)
    }
}

impl<T, const N: usize> From<Vec<T>> for InlineVec<T, N> {
    fn from(values: Vec<T>) -> Self {
        InlineVec(values.into())
    }
}

impl<T, const N: usize> FromIterator<T> for InlineVec<T, N> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        InlineVec(values.into_iter().collect())
    }
}

impl<T, const N: usize> Extend<T> for InlineVec<T, N> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, values: I) {
        self.0.extend(values);
    }
}

impl<T, const N: usize> IntoIterator for InlineVec<T, N> {
    type Item = T;
    type IntoIter = Elements<T, N>;

    fn into_iter(self) -> Elements<T, N> {
        Elements(self.0.into_iter())
    }
}

impl<'a, T, const N: usize> IntoIterator for &'a InlineVec<T, N> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

/// The elements of an [`InlineVec`], taken out of it in order.
///
/// ```
/// use cotangent::extend::Outputs;
/// let mut elements = Outputs::from([1, 2]).into_iter();
/// assert_eq!((elements.next(), elements.next_back()), (Some(1), Some(2)));
/// ```
#[derive(Debug)]
pub struct Elements<T, const N: usize>(smallvec::IntoIter<[T; N]>);

impl<T, const N: usize> Iterator for Elements<T, N> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<T, const N: usize> DoubleEndedIterator for Elements<T, N> {
    fn next_back(&mut self) -> Option<T> {
        self.0.next_back()
    }
}

impl<T, const N: usize> ExactSizeIterator for Elements<T, N> {}
