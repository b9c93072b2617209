//! Initializers whose variance depends on the numbers of inputs and outputs.

use crate::api::jit::jit;
use crate::array::Array;
use crate::array::aval::{IntoShape, Shape};
use crate::array::dtype::DType;
use crate::error::{Error, OrRaise, raise};
use crate::nn::at_caller;
use crate::numpy::{self as np, Axes};
use crate::random::{self, Key};

use super::{Initializer, number, standard_normal};

/// The number that a [`variance_scaling`] initializer divides by.
///
/// ```
/// use cotangent::nn::{Distribution, Fan, initializers};
/// let out = initializers::variance_scaling(2.0, Fan::Out, Distribution::Normal);
/// # let _ = out;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fan {
    /// The number of inputs of each output: `fan_in`.
    In,
    /// The number of outputs of each input: `fan_out`.
    Out,
    /// The arithmetic mean of both: `fan_avg`.
    Average,
    /// The geometric mean of both: `fan_geo_avg`.
    GeometricAverage,
}

/// The distribution that a [`variance_scaling`] initializer draws from.
///
/// ```
/// use cotangent::nn::{Distribution, Fan, initializers};
/// let lecun = initializers::variance_scaling(1.0, Fan::In, Distribution::TruncatedNormal);
/// # let _ = lecun;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Distribution {
    /// Normal numbers within two standard deviations. Complex numbers have a modulus of at most two.
    TruncatedNormal,
    /// Normal numbers.
    Normal,
    /// Uniform numbers in an interval around zero, or in a disk for complex dtypes.
    Uniform,
}

/// An initializer whose variance depends on the shape, as returned by [`variance_scaling`] and its relatives.
///
/// The axes of a weight tell how many inputs and outputs it has: the last axis but one is the axis of inputs, and the
/// last that of outputs, unless the setters say otherwise. All other axes are the spatial dimensions of a convolution,
/// except those that [`batch_axis`](VarianceScaling::batch_axis) names.
///
/// ```
/// use cotangent::{nn::initializers, random};
/// // A weight of shape (outputs, inputs).
/// let transposed = initializers::he_normal().in_axis(1).out_axis(0);
/// assert_eq!(transposed.init(random::key(0), [10, 784]).shape(), [10, 784]);
/// ```
#[derive(Clone, Debug)]
#[must_use = "options do nothing until they are used"]
pub struct VarianceScaling {
    scale: f64,
    fan: Fan,
    distribution: Distribution,
    input: Vec<isize>,
    /// Whether the axis of inputs is the default one, which a vector does not have.
    by_default: bool,
    output: Vec<isize>,
    batch: Vec<isize>,
}

/// Returns axes as numbers that may count from the end, for a rank that is not known yet.
macro_rules! axes_setter {
    ($($(#[$doc:meta])* $name:ident $field:ident;)*) => { $(
        $(#[$doc])*
        pub fn $name(mut self, axes: impl IntoIterator<Item = isize>) -> VarianceScaling {
            self.$field = axes.into_iter().collect();
            self
        }
    )* };
}

impl VarianceScaling {
    /// Sets the axis of inputs. A negative axis counts from the end.
    ///
    /// ```
    /// use cotangent::{nn::initializers, random};
    /// assert_eq!(initializers::lecun_normal().in_axis(0).init(random::key(0), [4, 2]).shape(), [4, 2]);
    /// ```
    pub fn in_axis(self, axis: isize) -> VarianceScaling {
        self.in_axes([axis])
    }

    /// Sets the axis of outputs. A negative axis counts from the end.
    ///
    /// ```
    /// use cotangent::{nn::initializers, random};
    /// assert_eq!(initializers::lecun_normal().out_axis(0).init(random::key(0), [4, 2]).shape(), [4, 2]);
    /// ```
    pub fn out_axis(self, axis: isize) -> VarianceScaling {
        self.out_axes([axis])
    }

    /// Sets an axis that holds weights of their own, as for the members of an ensemble.
    ///
    /// ```
    /// use cotangent::{nn::initializers, random};
    /// assert_eq!(initializers::lecun_normal().batch_axis(0).init(random::key(0), [5, 4, 2]).shape(), [5, 4, 2]);
    /// ```
    pub fn batch_axis(self, axis: isize) -> VarianceScaling {
        self.batch_axes([axis])
    }

    /// Sets several axes of inputs.
    ///
    /// ```
    /// use cotangent::{nn::initializers, random};
    /// // The output of attention: (heads, features of a head, outputs).
    /// let out = initializers::lecun_normal().in_axes([0, 1]);
    /// assert_eq!(out.init(random::key(0), [2, 3, 4]).shape(), [2, 3, 4]);
    /// ```
    pub fn in_axes(mut self, axes: impl IntoIterator<Item = isize>) -> VarianceScaling {
        self.input = axes.into_iter().collect();
        self.by_default = false;
        self
    }

    axes_setter! {
        /// Sets several axes of outputs.
        ///
        /// ```
        /// use cotangent::{nn::initializers, random};
        /// let projection = initializers::lecun_normal().in_axis(0).out_axes([1, 2]);
        /// assert_eq!(projection.init(random::key(0), [4, 2, 3]).shape(), [4, 2, 3]);
        /// ```
        out_axes output;
        /// Sets several axes that hold weights of their own.
        ///
        /// ```
        /// use cotangent::{nn::initializers, random};
        /// let ensemble = initializers::lecun_normal().batch_axes([0, 1]);
        /// assert_eq!(ensemble.init(random::key(0), [2, 2, 4, 3]).shape(), [2, 2, 4, 3]);
        /// ```
        batch_axes batch;
    }

    /// Draws an array in `f32`.
    ///
    /// ```
    /// use cotangent::{nn::initializers, random};
    /// assert_eq!(initializers::glorot_uniform().init(random::key(0), [2, 3]).shape(), [2, 3]);
    /// ```
    ///
    /// # Panics
    /// If the shape does not have the axes of inputs and outputs.
    #[track_caller]
    pub fn init(&self, key: Key, shape: impl IntoShape) -> Array {
        self.init_as(key, shape, DType::F32)
    }

    /// [`init`](VarianceScaling::init) in a dtype.
    ///
    /// ```
    /// use cotangent::{nn::initializers, prelude::*};
    /// let x = initializers::glorot_uniform().init_as(random::key(0), [2, 3], DType::C64);
    /// assert_eq!(x.aval().to_string(), "c64[2,3]");
    /// ```
    ///
    /// # Panics
    /// As [`init`](VarianceScaling::init) does.
    #[track_caller]
    pub fn init_as(&self, key: Key, shape: impl IntoShape, dtype: DType) -> Array {
        let shape = shape.into_shape();
        let variance = self.scale / at_caller(|| self.denominator(&shape));
        let complex = dtype.is_complex();
        let draw = |key: &Key| {
            let key = key.clone();
            let variance = number(variance, dtype);
            match self.distribution {
                Distribution::Normal => standard_normal(key, &shape, dtype) * variance.sqrt(),
                Distribution::Uniform if complex => disk(key, &shape, dtype) * variance.sqrt(),
                Distribution::Uniform => {
                    random::uniform_in_as(key, &shape, dtype, -1.0, 1.0) * (number(3.0, dtype) * variance).sqrt()
                }
                // The constants are the standard deviations after truncation.
                Distribution::TruncatedNormal if complex => {
                    modulus_below_two(key, &shape, dtype) * (variance.sqrt() / number(0.953_111_643_804_912_1, dtype))
                }
                Distribution::TruncatedNormal => {
                    let stddev = variance.sqrt() / number(0.879_625_661_034_239_8, dtype);
                    random::truncated_normal_as(key, -2.0, 2.0, &shape, dtype) * stddev
                }
            }
        };
        at_caller(|| jit(draw)(&key))
    }

    #[track_caller]
    fn denominator(&self, shape: &[usize]) -> f64 {
        if self.by_default && shape.len() < 2 {
            raise(
                Error::shape(format!("the number of inputs of a weight of shape {} is not known", Shape::new(shape)))
                    .help("an initializer that scales by it needs two dimensions, or `.in_axis(…)`"),
            );
        }
        let size = |axes: &[isize]| -> f64 {
            let axes = axes.in_order(shape.len()).map_err(|e| e.context("an initializer")).or_raise();
            axes.iter().map(|d| shape[*d] as f64).product()
        };
        let (input, output, batch) = (size(&self.input), size(&self.output), size(&self.batch));
        let field = shape.iter().map(|n| *n as f64).product::<f64>() / input / output / batch;
        let (input, output) = (input * field, output * field);
        match self.fan {
            Fan::In => input,
            Fan::Out => output,
            Fan::Average => (input + output) / 2.0,
            Fan::GeometricAverage => (input * output).sqrt(),
        }
    }
}

impl From<VarianceScaling> for Initializer {
    fn from(scaling: VarianceScaling) -> Initializer {
        let name = format!("variance_scaling({}, {:?}, {:?})", scaling.scale, scaling.fan, scaling.distribution);
        Initializer::new(name, move |key, shape, dtype| scaling.init_as(key, shape, dtype))
    }
}

/// Numbers in the unit disk of the plane, scaled to variance one.
#[track_caller]
fn disk(key: Key, shape: &[usize], dtype: DType) -> Array {
    let [radius, angle] = key.split();
    let radius = (2.0 * random::uniform_as(radius, shape, dtype.real())).sqrt();
    polar(&radius, angle, shape)
}

/// Normal numbers of the plane with variance one, whose modulus is at most two.
#[track_caller]
fn modulus_below_two(key: Key, shape: &[usize], dtype: DType) -> Array {
    let [radius, angle] = key.split();
    let part = (1.0 - (-number(4.0, dtype.real())).exp()) * random::uniform_as(radius, shape, dtype.real());
    polar(&(-(1.0 - part).log()).sqrt(), angle, shape)
}

/// Complex numbers of these moduli and uniform angles.
#[track_caller]
fn polar(radius: &Array, angle: Key, shape: &[usize]) -> Array {
    let angle = 2.0 * np::PI * random::uniform_as(angle, shape, radius.dtype());
    (radius * angle.cos()).complex(radius * angle.sin())
}

/// Returns an initializer of zero mean and variance `scale` / n, where n is the number of inputs, of outputs, or a mean
/// of both.
///
/// ```
/// use cotangent::nn::{Distribution, Fan, initializers};
/// let x = initializers::variance_scaling(1.0, Fan::In, Distribution::Normal);
/// assert_eq!(x.init(cotangent::random::key(0), [3, 3, 16, 32]).shape(), [3, 3, 16, 32]);
/// ```
pub fn variance_scaling(scale: f64, fan: Fan, distribution: Distribution) -> VarianceScaling {
    VarianceScaling { scale, fan, distribution, input: vec![-2], by_default: true, output: vec![-1], batch: Vec::new() }
}

macro_rules! named {
    ($($(#[$doc:meta])* $name:ident $scale:literal $fan:ident $distribution:ident;)*) => { $(
        $(#[$doc])*
        #[doc = concat!("\n```\nuse cotangent::{nn::initializers, random};\nlet x = initializers::", stringify!($name), "().init(random::key(0), [2, 3]);\nassert_eq!(x.shape(), [2, 3]);\n```")]
        pub fn $name() -> VarianceScaling {
            variance_scaling($scale, Fan::$fan, Distribution::$distribution)
        }
    )* };
}

named! {
    /// Returns Glorot's uniform initializer: variance 1 / n for the mean n of inputs and outputs
    /// ([source](http://proceedings.mlr.press/v9/glorot10a.html)).
    glorot_uniform 1.0 Average Uniform;
    /// Returns Glorot's normal initializer: truncated normal numbers of variance 1 / n for the mean n of inputs and
    /// outputs.
    glorot_normal 1.0 Average TruncatedNormal;
    /// Returns Xavier's uniform initializer; another name for [`glorot_uniform`].
    xavier_uniform 1.0 Average Uniform;
    /// Returns Xavier's normal initializer; another name for [`glorot_normal`].
    xavier_normal 1.0 Average TruncatedNormal;
    /// Returns LeCun's uniform initializer: variance 1 / n for n inputs ([source](https://arxiv.org/abs/1706.02515)).
    lecun_uniform 1.0 In Uniform;
    /// Returns LeCun's normal initializer: truncated normal numbers of variance 1 / n for n inputs.
    lecun_normal 1.0 In TruncatedNormal;
    /// Returns He's uniform initializer: variance 2 / n for n inputs ([source](https://arxiv.org/abs/1502.01852)).
    he_uniform 2.0 In Uniform;
    /// Returns He's normal initializer: truncated normal numbers of variance 2 / n for n inputs.
    he_normal 2.0 In TruncatedNormal;
    /// Returns Kaiming's uniform initializer; another name for [`he_uniform`].
    kaiming_uniform 2.0 In Uniform;
    /// Returns Kaiming's normal initializer; another name for [`he_normal`].
    kaiming_normal 2.0 In TruncatedNormal;
}
