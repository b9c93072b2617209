use std::fmt;

use smallvec::SmallVec;

use crate::text::push_u64;

/// The type of a value: a ranked tensor, or a token.
///
/// ```
/// use cotangent_stablehlo::Type;
/// assert_eq!(Type::tensor(&[2, 3], "f32").to_string(), "tensor<2x3xf32>");
/// assert_eq!(Type::tensor(&[], "complex<f32>").to_string(), "tensor<complex<f32>>");
/// assert_eq!(Type::token().to_string(), "!stablehlo.token");
/// ```
#[derive(PartialEq, Eq, Hash)]
pub struct Type {
    dims: SmallVec<[usize; 4]>,
    element: &'static str,
}

impl Type {
    /// A tensor with elements of the given MLIR type: `"f32"`, `"i1"`, `"ui8"`, `"complex<f64>"`, …
    #[inline]
    pub fn tensor(dims: &[usize], element: &'static str) -> Type {
        Type { dims: SmallVec::from_slice(dims), element }
    }

    /// The token that orders side effects.
    pub fn token() -> Type {
        Type::tensor(&[], "!stablehlo.token")
    }

    /// The lengths of the axes.
    #[inline]
    pub fn dims(&self) -> &[usize] {
        &self.dims
    }

    /// The MLIR name of the element type.
    #[inline]
    pub fn element(&self) -> &'static str {
        self.element
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.dims.iter().product()
    }

    /// Whether an axis has length zero.
    pub fn is_empty(&self) -> bool {
        self.dims.contains(&0)
    }

    /// The same shape with another element type.
    pub fn with_element(&self, element: &'static str) -> Type {
        Type::tensor(&self.dims, element)
    }

    #[inline]
    pub(crate) fn push_to(&self, out: &mut String) {
        if self.element.starts_with('!') {
            out.push_str(self.element);
            return;
        }
        out.push_str("tensor<");
        for &dim in &self.dims {
            push_u64(out, dim as u64);
            out.push('x');
        }
        out.push_str(self.element);
        out.push('>');
    }
}

// Written by hand: the derived clone of a `SmallVec` copies element by element.
impl Clone for Type {
    #[inline]
    fn clone(&self) -> Type {
        Type::tensor(&self.dims, self.element)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        self.push_to(&mut out);
        f.write_str(&out)
    }
}

impl fmt::Debug for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
