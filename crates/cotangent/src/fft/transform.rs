//! Fourier transforms with options.

use crate::array::aval::{canonical_axis, distinct};
use crate::array::dtype::DType;
use crate::array::literal::Literal;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, OrRaise, Result, raise};
use crate::ops::fft::{Fft, FftType};
use crate::ops::slice::Pad;
use crate::trace::frames::bind1;

/// The scaling of a transform of `n` elements and of its inverse.
///
/// ```
/// use cotangent::{Array, fft::{Norm, Transform}};
/// let y = Transform::new().norm(Norm::Forward).fft(Array::from([1.0f32, 3.0]));
/// assert_eq!(y.real().to_vec::<f32>(), [2.0, -1.0]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Norm {
    /// The inverse is scaled by 1/n.
    #[default]
    Backward,
    /// Both are scaled by 1/√n.
    Ortho,
    /// The transform is scaled by 1/n.
    Forward,
}

/// The options of a Fourier transform, and the transforms that use them.
///
/// ```
/// use cotangent::{fft, numpy as np};
/// let columns = fft::Transform::new().axis(0).n(6);
/// assert_eq!(columns.rfft(np::ones([4, 3])).shape(), [4, 3]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Transform {
    s: Option<Vec<usize>>,
    axes: Option<Vec<isize>>,
    norm: Norm,
}

impl Transform {
    /// The default axes at their full lengths, with the inverse scaled by 1/n.
    ///
    /// ```
    /// use cotangent::{fft, numpy as np};
    /// assert_eq!(fft::Transform::new().rfft(np::ones([4])).shape(), [3]);
    /// ```
    #[must_use]
    pub fn new() -> Transform {
        Transform::default()
    }

    /// The length of the transformed axis: zeros are appended, or elements dropped. For an inverse real transform, it
    /// is the length of the result.
    ///
    /// ```
    /// use cotangent::{fft, numpy as np};
    /// assert_eq!(fft::Transform::new().n(5).irfft(np::ones([3])).shape(), [5]);
    /// ```
    #[must_use]
    pub fn n(self, n: usize) -> Transform {
        self.s([n])
    }

    /// The lengths of several transformed axes: the last ones, unless [`axes`](Transform::axes) says otherwise.
    ///
    /// ```
    /// use cotangent::{fft, numpy as np};
    /// assert_eq!(fft::Transform::new().s([4, 8]).fft2(np::ones([3, 3])).shape(), [4, 8]);
    /// ```
    #[must_use]
    pub fn s(mut self, s: impl IntoIterator<Item = usize>) -> Transform {
        self.s = Some(s.into_iter().collect());
        self
    }

    /// The axis to transform. A negative one counts from the end.
    ///
    /// ```
    /// use cotangent::{fft, numpy as np};
    /// assert_eq!(fft::Transform::new().axis(0).rfft(np::ones([4, 2])).shape(), [3, 2]);
    /// ```
    #[must_use]
    pub fn axis(self, axis: isize) -> Transform {
        self.axes([axis])
    }

    /// The axes to transform. A real transform returns half of the last one.
    ///
    /// ```
    /// use cotangent::{fft, numpy as np};
    /// assert_eq!(fft::Transform::new().axes([1, 0]).rfft2(np::ones([4, 6])).shape(), [3, 6]);
    /// ```
    #[must_use]
    pub fn axes(mut self, axes: impl IntoIterator<Item = isize>) -> Transform {
        self.axes = Some(axes.into_iter().collect());
        self
    }

    /// Sets the scaling of the result.
    ///
    /// ```
    /// use cotangent::{Array, fft::{Norm, Transform}};
    /// let y = Transform::new().norm(Norm::Ortho).fft(Array::from([1.0f32, 1.0, 1.0, 1.0]));
    /// assert_eq!(y.real().to_vec::<f32>(), [2.0, 0.0, 0.0, 0.0]);
    /// ```
    #[must_use]
    pub fn norm(mut self, norm: Norm) -> Transform {
        self.norm = norm;
        self
    }

    /// Returns the axes of `x` to transform, and the requested lengths.
    fn resolve(&self, x: &Array, natural: Option<usize>) -> Result<(Vec<usize>, Option<Vec<usize>>)> {
        let rank = x.ndim();
        let count = self.axes.as_ref().map(Vec::len).or(self.s.as_ref().map(Vec::len)).or(natural).unwrap_or(rank);
        if let Some(natural) = natural
            && count != natural
        {
            return Err(Error::shape(format!("expected {natural} axes, got {count}")));
        }
        if self.s.as_ref().is_some_and(|s| s.len() != count || s.contains(&0)) {
            return Err(Error::shape(format!("expected a positive length for each of the {count} axes")));
        }
        if count > rank {
            return Err(Error::shape(format!("the array has fewer than {count} axes")));
        }
        let axes: Vec<usize> = match &self.axes {
            Some(axes) => axes.iter().map(|a| canonical_axis(*a, rank)).collect::<Result<_>>()?,
            None => (rank - count..rank).collect(),
        };
        distinct(&axes)?;
        Ok((axes, self.s.clone()))
    }

    #[track_caller]
    fn run(&self, name: &str, fft_type: FftType, x: Array, natural: Option<usize>) -> Array {
        let resolved = self.resolve(&x, natural);
        let (axes, s) = resolved.map_err(|e| e.context(format_args!("{name} of {}", x.aval()))).or_raise();
        let x = prepared(name, fft_type, x);
        let Some(last) = axes.len().checked_sub(1) else { return x };
        // The transformed axes are moved to the end, and moved back afterward.
        let rank = x.ndim();
        let order: Vec<usize> = (0..rank).filter(|d| !axes.contains(d)).chain(axes.iter().copied()).collect();
        let mut x = x.permute(&order);
        let start = rank - axes.len();
        if let Some(s) = &s {
            let mut sizes = x.shape().to_vec();
            sizes[start..].copy_from_slice(s);
            if fft_type == FftType::Irfft {
                sizes[rank - 1] = sizes[rank - 1] / 2 + 1;
            }
            x = resized(&x, &sizes);
        }
        let lengths = s.unwrap_or_else(|| {
            let mut s = x.shape()[start..].to_vec();
            if fft_type == FftType::Irfft {
                s[last] = 2 * s[last].saturating_sub(1);
            }
            s
        });
        if lengths.contains(&0) {
            raise(Error::shape(format!("{name} of {}: a transform of length 0 is not defined", x.aval())).help(
                match fft_type {
                    FftType::Irfft => "set the length of the result with `Transform::new().n(…)` or `.s(…)`",
                    _ => "append zeros with `Transform::new().n(…)` or `.s(…)`",
                },
            ));
        }
        let y = several(fft_type, &x, &lengths);
        let n = lengths.iter().product::<usize>() as f64;
        let inverse = matches!(fft_type, FftType::Ifft | FftType::Irfft);
        let scale = match (self.norm, inverse) {
            (Norm::Backward, _) => None,
            (Norm::Ortho, false) => Some(1.0 / n.sqrt()),
            (Norm::Ortho, true) => Some(n.sqrt()),
            (Norm::Forward, false) => Some(1.0 / n),
            (Norm::Forward, true) => Some(n),
        };
        let y = scale.map_or(y.clone(), |c| y * Array::literal(Literal::float(x.dtype().real(), c)));
        let mut back = vec![0; rank];
        for (i, d) in order.iter().enumerate() {
            back[*d] = i;
        }
        y.permute(&back)
    }
}

/// Converts to the dtype that the transform takes.
#[track_caller]
fn prepared(name: &str, fft_type: FftType, x: Array) -> Array {
    let wide = match x.dtype() {
        DType::F64 | DType::C128 => DType::F64,
        _ => DType::F32,
    };
    if fft_type != FftType::Rfft {
        return x.in_dtype(if wide == DType::F64 { DType::C128 } else { DType::C64 });
    }
    if x.dtype().is_complex() {
        raise(
            Error::dtype(format!("{name}: expected real numbers, got {}", x.aval())).help("use the complex transform"),
        );
    }
    x.in_dtype(wide)
}

/// Appends zeros to each axis, or drops elements.
fn resized(x: &Array, sizes: &[usize]) -> Array {
    if x.shape() == sizes {
        return x.clone();
    }
    let config = x.shape().iter().zip(sizes).map(|(n, size)| (0, *size as i64 - *n as i64, 0)).collect();
    bind1(Pad { config }, &[x, &Array::literal(Literal::int(x.dtype(), 0))])
}

/// A transform over any number of trailing axes. XLA supports at most three at once.
fn several(fft_type: FftType, x: &Array, lengths: &[usize]) -> Array {
    let n = lengths.len();
    if n <= 3 {
        return bind1(Fft { fft_type, fft_lengths: lengths.to_vec() }, &[x]);
    }
    let (outer, inner) = lengths.split_at(n - 3);
    let rank = x.ndim();
    // Moves the outer axes to the end.
    let turned: Vec<usize> = (0..rank - n).chain(rank - 3..rank).chain(rank - n..rank - 3).collect();
    let back: Vec<usize> = (0..rank - n).chain(rank - n + 3..rank).chain(rank - n..rank - n + 3).collect();
    match fft_type {
        FftType::Fft | FftType::Rfft => {
            let x = bind1(Fft { fft_type, fft_lengths: inner.to_vec() }, &[x]);
            several(FftType::Fft, &x.permute(&turned), outer).permute(&back)
        }
        FftType::Ifft | FftType::Irfft => {
            let x = several(FftType::Ifft, &x.permute(&turned), outer).permute(&back);
            bind1(Fft { fft_type, fft_lengths: inner.to_vec() }, &[&x])
        }
    }
}

macro_rules! methods {
    ($($name:ident $kind:ident $axes:expr;)*) => {
        impl Transform {
            $(
                #[doc = concat!("[`", stringify!($name), "`](super::", stringify!($name), ") with these options.")]
                #[doc = concat!("\n```\nuse cotangent::{fft, numpy as np};\nlet x = np::ones([4, 4]);\nassert_eq!(fft::Transform::new().", stringify!($name), "(&x).dtype(), fft::", stringify!($name), "(&x).dtype());\n```")]
                #[doc = "\n# Panics\nIf axes and lengths do not fit the array."]
                #[track_caller]
                pub fn $name(&self, x: impl ArrayLike) -> Array {
                    self.run(stringify!($name), FftType::$kind, x.to_array(), $axes)
                }
            )*
        }
    };
}

methods! {
    fft Fft Some(1);
    ifft Ifft Some(1);
    rfft Rfft Some(1);
    irfft Irfft Some(1);
    fft2 Fft Some(2);
    ifft2 Ifft Some(2);
    rfft2 Rfft Some(2);
    irfft2 Irfft Some(2);
    fftn Fft None;
    ifftn Ifft None;
    rfftn Rfft None;
    irfftn Irfft None;
}
