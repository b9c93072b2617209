//! Convolutions over any number of spatial dimensions.

use cotangent_derive::Tree;

use crate::array::aval::Shape;
use crate::array::dtype::DType;
use crate::array::{Array, ArrayLike};
use crate::error::{Error, raise};
use crate::lax::{self, Padding};
use crate::nn::at_caller;
use crate::nn::initializers::{self, Initializer};
use crate::ops::in_one_dtype;
use crate::random::Key;

use super::{builder_setters, check_features};

/// A convolution, for an input of shape (…, spatial dimensions, inputs) and a result of shape (…, spatial dimensions,
/// outputs). The number of spatial dimensions is that of the kernel.
///
/// ```
/// use cotangent::{lax::Padding, nn::layers::Conv, prelude::*};
/// let images = np::ones([4, 28, 28, 3]);
/// let conv = Conv::new(random::key(0), 3, 16, [5, 5]);
/// assert_eq!(conv.call(&images).shape(), [4, 28, 28, 16]);
///
/// let down = Conv::builder(3, 16, [3, 3]).strides([2, 2]).padding(Padding::Valid).build(random::key(0));
/// assert_eq!(down.call(&images).shape(), [4, 13, 13, 16]);
///
/// // One dimension, and no batch axis.
/// assert_eq!(Conv::new(random::key(0), 3, 8, [7]).call(np::ones([100, 3])).shape(), [100, 8]);
/// ```
#[derive(Clone, Debug, Tree)]
pub struct Conv {
    /// The kernel, of shape (spatial dimensions, inputs / groups, outputs). It is not reversed.
    pub kernel: Array,
    /// The bias, of shape (outputs).
    pub bias: Option<Array>,
    /// The distance between windows, for each spatial dimension.
    pub strides: Vec<usize>,
    /// The padding of the spatial dimensions.
    #[tree(static)]
    pub padding: Padding,
    /// The distance between the elements of a window, for each spatial dimension.
    pub dilation: Vec<usize>,
    /// The number of groups that the features are divided into. With as many groups as inputs, the convolution is
    /// depthwise.
    pub groups: usize,
}

impl Conv {
    /// Creates a convolution with the default options: strides of one, padding that keeps the size, a bias of zeros.
    ///
    /// ```
    /// use cotangent::{nn::layers::Conv, random};
    /// assert_eq!(Conv::new(random::key(0), 3, 16, [5, 5]).kernel.shape(), [5, 5, 3, 16]);
    /// ```
    #[track_caller]
    pub fn new(key: Key, inputs: usize, outputs: usize, window: impl IntoIterator<Item = usize>) -> Conv {
        Conv::builder(inputs, outputs, window).build(key)
    }

    /// Returns a builder, for other options. `window` has the size of the kernel for each spatial dimension.
    ///
    /// ```
    /// use cotangent::{nn::layers::Conv, random};
    /// let depthwise = Conv::builder(8, 8, [3]).groups(8).build(random::key(0));
    /// assert_eq!(depthwise.kernel.shape(), [3, 1, 8]);
    /// ```
    pub fn builder(inputs: usize, outputs: usize, window: impl IntoIterator<Item = usize>) -> ConvBuilder {
        let window: Vec<usize> = window.into_iter().collect();
        ConvBuilder {
            inputs,
            outputs,
            strides: vec![1; window.len()],
            dilation: vec![1; window.len()],
            window,
            padding: Padding::Same,
            groups: 1,
            bias: true,
            kernel_init: initializers::lecun_normal().into(),
            bias_init: initializers::zeros(),
            dtype: DType::F32,
        }
    }

    /// Applies the convolution to an input of shape (…, spatial dimensions, inputs).
    ///
    /// ```
    /// use cotangent::{nn::layers::Conv, prelude::*};
    /// let conv = Conv::new(random::key(0), 3, 16, [5, 5]);
    /// assert_eq!(conv.call(np::ones([2, 3, 28, 28, 3])).shape(), [2, 3, 28, 28, 16]);
    /// ```
    ///
    /// # Panics
    /// If the input has too few axes, or its last axis does not have the size `inputs`.
    #[track_caller]
    pub fn call(&self, x: impl ArrayLike) -> Array {
        let shape = self.kernel.shape();
        let spatial = shape.len() - 2;
        let options = lax::Conv::new(self.strides.clone(), self.padding.clone())
            .rhs_dilation(self.dilation.clone())
            .feature_group_count(self.groups);
        let options = numbered(options, spatial);
        let x = x.to_array();
        check_features("Conv", &x, shape[spatial] * self.groups, "kernel", shape);
        let y = batched("Conv", &x, spatial, |x| {
            let [x, kernel] = in_one_dtype([x.clone(), self.kernel.clone()]);
            lax::conv_general_dilated(x, kernel, &options)
        });
        shifted(y, self.bias.as_ref())
    }
}

/// Applies a function of (batch, spatial dimensions, features) to an array with any number of batch axes.
#[track_caller]
pub(super) fn batched(layer: &str, x: &Array, spatial: usize, f: impl FnOnce(&Array) -> Array) -> Array {
    let Some(batch) = x.ndim().checked_sub(spatial + 1) else {
        raise(
            Error::shape(format!(
                "{layer}: the input needs {spatial} spatial axes and one of features, got {}",
                x.aval()
            ))
            .help("the shape of the input is (batch axes, spatial axes, features)"),
        )
    };
    let (leading, rest) = x.shape().split_at(batch);
    let one: Shape = std::iter::once(leading.iter().product()).chain(rest.iter().copied()).collect();
    let y = at_caller(|| f(&x.reshape(&one)));
    let all: Shape = leading.iter().chain(&y.shape()[1..]).copied().collect();
    y.reshape(&all)
}

/// Sets the layout: features are last in the input and the result, and the kernel is (spatial, inputs, outputs).
fn numbered(options: lax::Conv, spatial: usize) -> lax::Conv {
    let letters: String = ('a'..='z').take(spatial).collect();
    let data = format!("N{letters}C");
    options.dimension_numbers(&data, &format!("{letters}IO"), &data)
}

#[track_caller]
fn shifted(y: Array, bias: Option<&Array>) -> Array {
    match bias {
        Some(bias) => y + bias,
        None => y,
    }
}

/// Checks that options have an entry for each spatial dimension.
#[track_caller]
fn check_entries(layer: &str, window: &[usize], strides: &[usize], dilation: &[usize]) {
    for (what, list) in [("strides", strides), ("the dilation", dilation)] {
        if list.len() != window.len() {
            raise(
                Error::shape(format!(
                    "{layer}: the window {window:?} has {} spatial dimensions, but {what} {list:?} {}",
                    window.len(),
                    list.len()
                ))
                .help("pass an entry for each spatial dimension"),
            );
        }
    }
}

/// Defines the setters of windows.
macro_rules! window_setters {
    ($Builder:ident, $example:literal) => {
        impl $Builder {
            /// Sets the strides: one by default.
            #[doc = concat!("\n```\nuse cotangent::{nn::layers::*, random};\nlet layer = ", $example, ".strides([2, 2]).build(random::key(0));\nassert_eq!(layer.strides, [2, 2]);\n```")]
            pub fn strides(mut self, strides: impl IntoIterator<Item = usize>) -> $Builder {
                self.strides = strides.into_iter().collect();
                self
            }

            /// Sets the padding: [`Padding::Same`] by default.
            #[doc = concat!("\n```\nuse cotangent::{lax::Padding, nn::layers::*, random};\nlet layer = ", $example, ".padding([(1, 1), (0, 0)]).build(random::key(0));\nassert_ne!(layer.padding, Padding::Same);\n```")]
            pub fn padding(mut self, padding: impl Into<Padding>) -> $Builder {
                self.padding = padding.into();
                self
            }

            /// Sets the dilation of the kernel: one by default.
            #[doc = concat!("\n```\nuse cotangent::{nn::layers::*, random};\nlet layer = ", $example, ".dilation([2, 2]).build(random::key(0));\nassert_eq!(layer.dilation, [2, 2]);\n```")]
            pub fn dilation(mut self, dilation: impl IntoIterator<Item = usize>) -> $Builder {
                self.dilation = dilation.into_iter().collect();
                self
            }
        }
    };
}

/// The options of a [`Conv`]; see [`Conv::builder`].
///
/// ```
/// use cotangent::{nn::layers::Conv, random};
/// let conv = Conv::builder(3, 16, [3, 3]).strides([2, 2]).bias(false).build(random::key(0));
/// assert!(conv.bias.is_none());
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct ConvBuilder {
    inputs: usize,
    outputs: usize,
    window: Vec<usize>,
    strides: Vec<usize>,
    padding: Padding,
    dilation: Vec<usize>,
    groups: usize,
    bias: bool,
    kernel_init: Initializer,
    bias_init: Initializer,
    dtype: DType,
}

builder_setters!(ConvBuilder, kernel, kernel_init, "Conv::builder(3, 4, [5, 5])");
window_setters!(ConvBuilder, "Conv::builder(3, 4, [5, 5])");

impl ConvBuilder {
    /// Sets the number of groups that inputs and outputs are divided into: one by default.
    ///
    /// ```
    /// use cotangent::{nn::layers::Conv, random};
    /// assert_eq!(Conv::builder(4, 8, [3]).groups(2).build(random::key(0)).kernel.shape(), [3, 2, 8]);
    /// ```
    pub fn groups(mut self, groups: usize) -> ConvBuilder {
        self.groups = groups;
        self
    }

    /// Draws the parameters.
    ///
    /// ```
    /// use cotangent::{nn::layers::Conv, random};
    /// assert_eq!(Conv::builder(3, 4, [5]).build(random::key(0)).kernel.shape(), [5, 3, 4]);
    /// ```
    ///
    /// # Panics
    /// If strides or dilation do not have an entry for each spatial dimension, or the groups do not divide the
    /// features.
    #[track_caller]
    pub fn build(&self, key: Key) -> Conv {
        check_entries("Conv", &self.window, &self.strides, &self.dilation);
        let (inputs, outputs, groups) = (self.inputs, self.outputs, self.groups);
        if groups == 0 || !inputs.is_multiple_of(groups) || !outputs.is_multiple_of(groups) {
            raise(Error::value(format!("Conv: {groups} groups do not divide {inputs} inputs and {outputs} outputs")));
        }
        let [kernel, bias] = key.split();
        let shape: Shape = self.window.iter().copied().chain([inputs / groups, outputs]).collect();
        Conv {
            kernel: self.kernel_init.init_as(kernel, &shape, self.dtype),
            bias: self.bias.then(|| self.bias_init.init_as(bias, [outputs], self.dtype)),
            strides: self.strides.clone(),
            padding: self.padding.clone(),
            dilation: self.dilation.clone(),
            groups,
        }
    }
}

/// A transposed ("fractionally strided") convolution, which enlarges the spatial dimensions by its strides. Shapes are
/// those of [`Conv`].
///
/// ```
/// use cotangent::{nn::layers::ConvTranspose, prelude::*};
/// let up = ConvTranspose::builder(16, 3, [4, 4]).strides([2, 2]).build(random::key(0));
/// assert_eq!(up.call(np::ones([1, 14, 14, 16])).shape(), [1, 28, 28, 3]);
/// ```
#[derive(Clone, Debug, Tree)]
pub struct ConvTranspose {
    /// The kernel, of shape (spatial dimensions, inputs, outputs). It is neither reversed nor transposed.
    pub kernel: Array,
    /// The bias, of shape (outputs).
    pub bias: Option<Array>,
    /// The factor by which each spatial dimension grows.
    pub strides: Vec<usize>,
    /// The padding of the convolution that this one is the transpose of.
    #[tree(static)]
    pub padding: Padding,
    /// The distance between the elements of a window, for each spatial dimension.
    pub dilation: Vec<usize>,
}

impl ConvTranspose {
    /// Creates a transposed convolution with the default options: strides of one, padding that keeps the size, a bias
    /// of zeros.
    ///
    /// ```
    /// use cotangent::{nn::layers::ConvTranspose, random};
    /// assert_eq!(ConvTranspose::new(random::key(0), 3, 16, [5, 5]).kernel.shape(), [5, 5, 3, 16]);
    /// ```
    #[track_caller]
    pub fn new(key: Key, inputs: usize, outputs: usize, window: impl IntoIterator<Item = usize>) -> ConvTranspose {
        ConvTranspose::builder(inputs, outputs, window).build(key)
    }

    /// Returns a builder, for other options.
    ///
    /// ```
    /// use cotangent::{nn::layers::ConvTranspose, random};
    /// let up = ConvTranspose::builder(3, 16, [4]).strides([2]).build(random::key(0));
    /// assert_eq!(up.strides, [2]);
    /// ```
    pub fn builder(inputs: usize, outputs: usize, window: impl IntoIterator<Item = usize>) -> ConvTransposeBuilder {
        let window: Vec<usize> = window.into_iter().collect();
        ConvTransposeBuilder {
            inputs,
            outputs,
            strides: vec![1; window.len()],
            dilation: vec![1; window.len()],
            window,
            padding: Padding::Same,
            bias: true,
            kernel_init: initializers::lecun_normal().into(),
            bias_init: initializers::zeros(),
            dtype: DType::F32,
        }
    }

    /// Applies the convolution to an input of shape (…, spatial dimensions, inputs).
    ///
    /// ```
    /// use cotangent::{nn::layers::ConvTranspose, prelude::*};
    /// let up = ConvTranspose::builder(3, 16, [4]).strides([2]).build(random::key(0));
    /// assert_eq!(up.call(np::ones([10, 3])).shape(), [20, 16]);
    /// ```
    ///
    /// # Panics
    /// If the input has too few axes, or its last axis does not have the size `inputs`.
    #[track_caller]
    pub fn call(&self, x: impl ArrayLike) -> Array {
        let shape = self.kernel.shape();
        let spatial = shape.len() - 2;
        let options = lax::Conv::new(self.strides.clone(), self.padding.clone()).rhs_dilation(self.dilation.clone());
        let options = numbered(options, spatial);
        let x = x.to_array();
        check_features("ConvTranspose", &x, shape[spatial], "kernel", shape);
        let y = batched("ConvTranspose", &x, spatial, |x| {
            let [x, kernel] = in_one_dtype([x.clone(), self.kernel.clone()]);
            lax::conv_transpose(x, kernel, &options, false)
        });
        shifted(y, self.bias.as_ref())
    }
}

/// The options of a [`ConvTranspose`]; see [`ConvTranspose::builder`].
///
/// ```
/// use cotangent::{nn::layers::ConvTranspose, random};
/// let up = ConvTranspose::builder(3, 16, [4, 4]).strides([2, 2]).bias(false).build(random::key(0));
/// assert!(up.bias.is_none());
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct ConvTransposeBuilder {
    inputs: usize,
    outputs: usize,
    window: Vec<usize>,
    strides: Vec<usize>,
    padding: Padding,
    dilation: Vec<usize>,
    bias: bool,
    kernel_init: Initializer,
    bias_init: Initializer,
    dtype: DType,
}

builder_setters!(ConvTransposeBuilder, kernel, kernel_init, "ConvTranspose::builder(3, 4, [5, 5])");
window_setters!(ConvTransposeBuilder, "ConvTranspose::builder(3, 4, [5, 5])");

impl ConvTransposeBuilder {
    /// Draws the parameters.
    ///
    /// ```
    /// use cotangent::{nn::layers::ConvTranspose, random};
    /// assert_eq!(ConvTranspose::builder(3, 4, [5]).build(random::key(0)).kernel.shape(), [5, 3, 4]);
    /// ```
    ///
    /// # Panics
    /// If strides or dilation do not have an entry for each spatial dimension.
    #[track_caller]
    pub fn build(&self, key: Key) -> ConvTranspose {
        check_entries("ConvTranspose", &self.window, &self.strides, &self.dilation);
        let [kernel, bias] = key.split();
        let shape: Shape = self.window.iter().copied().chain([self.inputs, self.outputs]).collect();
        ConvTranspose {
            kernel: self.kernel_init.init_as(kernel, &shape, self.dtype),
            bias: self.bias.then(|| self.bias_init.init_as(bias, [self.outputs], self.dtype)),
            strides: self.strides.clone(),
            padding: self.padding.clone(),
            dilation: self.dilation.clone(),
        }
    }
}
