use std::fmt;
use std::sync::Arc;

use super::{Attr, Element};

/// A type. Cloning one copies no more than a pointer.
#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    /// A ranked tensor.
    Tensor(Arc<TensorType>),
    /// `!stablehlo.token`
    Token,
    /// A tuple of types.
    Tuple(Arc<[Type]>),
    /// A function type.
    Function(Arc<FunctionType>),
    /// A scalar outside of a tensor, such as `i64` or `index`.
    Scalar(Element),
    /// Any other type, as text.
    Opaque(Arc<str>),
}

/// The type of a ranked tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorType {
    /// The length of each axis; `None` where it is dynamic (`?`).
    pub dims: Vec<Option<u64>>,
    /// The type of the elements.
    pub element: Element,
    /// The encoding, such as `#stablehlo.bounds<4, ?>`.
    pub encoding: Option<Attr>,
}

/// The type of a function.
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionType {
    /// The types of the parameters.
    pub params: Vec<Type>,
    /// The types of the results.
    pub results: Vec<Type>,
}

/// The most axes that a tensor may have.
pub(super) const MAX_RANK: usize = 64;

impl Type {
    /// The tensor type, if it is one.
    pub fn tensor(&self) -> Option<&TensorType> {
        match self {
            Type::Tensor(t) => Some(t),
            _ => None,
        }
    }
}

impl TensorType {
    /// The lengths of the axes, if no one is dynamic and each fits.
    pub fn shape(&self) -> Option<Vec<usize>> {
        self.dims.iter().map(|d| usize::try_from((*d)?).ok()).collect()
    }

    /// The number of elements, if no axis is dynamic and the number fits.
    pub fn len(&self) -> Option<usize> {
        self.dims.iter().try_fold(1usize, |n, d| n.checked_mul(usize::try_from((*d)?).ok()?))
    }

    /// Whether an axis has length zero.
    pub fn is_empty(&self) -> bool {
        self.dims.contains(&Some(0))
    }
}

impl fmt::Display for TensorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tensor<")?;
        for dim in &self.dims {
            match dim {
                Some(n) => write!(f, "{n}x")?,
                None => f.write_str("?x")?,
            }
        }
        write!(f, "{}", self.element)?;
        if let Some(encoding) = &self.encoding {
            write!(f, ", {encoding}")?;
        }
        f.write_str(">")
    }
}

impl fmt::Display for FunctionType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({}) -> ", List(&self.params))?;
        match &self.results[..] {
            [one] if !matches!(one, Type::Function(_)) => write!(f, "{one}"),
            results => write!(f, "({})", List(results)),
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Tensor(t) => t.fmt(f),
            Type::Token => f.write_str("!stablehlo.token"),
            Type::Tuple(types) => write!(f, "tuple<{}>", List(types)),
            Type::Function(t) => t.fmt(f),
            Type::Scalar(element) => element.fmt(f),
            Type::Opaque(text) => f.write_str(text),
        }
    }
}

/// Items with commas between them.
pub(crate) struct List<'a, T>(pub(crate) &'a [T]);

impl<T: fmt::Display> fmt::Display for List<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, item) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            item.fmt(f)?;
        }
        Ok(())
    }
}
