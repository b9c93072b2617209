//! Which axes of a parameter make it a matrix.

use std::fmt;
use std::sync::Arc;

use crate::array::Array;
use crate::error::{Error, raise};
use crate::methods::axes::Axes;

/// The axes of a weight that are summed over, and those of its results. Together they make an array of any rank a
/// matrix; all other axes are a batch of matrices.
///
/// ```
/// use cotangent::{optim::{self, WeightDimensionNumbers}, prelude::*};
/// let kernel = WeightDimensionNumbers { reduction_axis: vec![0, 1, 2], output_axis: vec![3] };
/// let optimizer = optim::muon(0.02)
///     .muon_weight_dimension_numbers(move |_: &str, x: &Array| (x.ndim() == 4).then(|| kernel.clone()));
/// # let x = np::ones((2, 2, 1, 3));
/// # assert!(optimizer.apply(&x, &x, &optimizer.init(&x)).0.max().item::<f32>() < 1.0);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WeightDimensionNumbers {
    /// The axes that are summed over; the first by default.
    pub reduction_axis: Vec<isize>,
    /// The axes of the results; the second by default.
    pub output_axis: Vec<isize>,
}

impl Default for WeightDimensionNumbers {
    fn default() -> WeightDimensionNumbers {
        WeightDimensionNumbers { reduction_axis: vec![0], output_axis: vec![1] }
    }
}

/// A function of the path and the value of a leaf.
type Choice = dyn Fn(&str, &Array) -> Option<WeightDimensionNumbers> + Send + Sync;

/// Which parameters are matrices, and along which axes: a function of the path and the value of each leaf.
///
/// [`WeightDimensionNumbers`] by themselves apply to all parameters of rank 2 and higher.
#[derive(Clone)]
pub struct WeightDimensions(Arc<Choice>);

impl WeightDimensions {
    /// The matrices among the parameters.
    pub(super) fn matrices() -> WeightDimensions {
        (|_: &str, x: &Array| (x.ndim() == 2).then(WeightDimensionNumbers::default)).into()
    }

    pub(super) fn of(&self, path: &str, x: &Array) -> Option<WeightDimensionNumbers> {
        (self.0)(path, x)
    }
}

impl fmt::Debug for WeightDimensions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WeightDimensions")
    }
}

impl From<WeightDimensionNumbers> for WeightDimensions {
    fn from(all: WeightDimensionNumbers) -> WeightDimensions {
        (move |_: &str, x: &Array| (x.ndim() >= 2).then(|| all.clone())).into()
    }
}

impl<F: Fn(&str, &Array) -> Option<WeightDimensionNumbers> + Send + Sync + 'static> From<F> for WeightDimensions {
    fn from(f: F) -> WeightDimensions {
        WeightDimensions(Arc::new(f))
    }
}

/// How an array is a batch of matrices.
pub(super) struct Layout {
    /// Batch axes, reduction axes, output axes.
    permutation: Vec<usize>,
    /// The sizes of the axes in that order.
    sizes: Vec<usize>,
    /// The sizes of the three groups.
    pub(super) groups: [usize; 3],
}

impl Layout {
    #[track_caller]
    pub(super) fn of(path: &str, x: &Array, numbers: &WeightDimensionNumbers) -> Layout {
        let axes = |axes: &[isize]| axes.to_vec().resolve(x.ndim()).unwrap_or_default();
        let (reduction, output) = (axes(&numbers.reduction_axis), axes(&numbers.output_axis));
        let given = numbers.reduction_axis.len() + numbers.output_axis.len();
        let batch: Vec<usize> = (0..x.ndim()).filter(|i| !reduction.contains(i) && !output.contains(i)).collect();
        if reduction.is_empty() || output.is_empty() || batch.len() + given != x.ndim() {
            raise(
                Error::shape(format!("`{path}`, {}, has no such axes: {numbers:?}", x.aval()))
                    .help("a matrix has at least one reduction axis and one output axis, and no axis is both"),
            );
        }
        let size = |axes: &[usize]| axes.iter().map(|i| x.shape()[*i]).product();
        let groups = [size(&batch), size(&reduction), size(&output)];
        let permutation = [batch, reduction, output].concat();
        let sizes = permutation.iter().map(|i| x.shape()[*i]).collect();
        Layout { permutation, sizes, groups }
    }

    /// The array as matrices, `[batch, reduction, output]`.
    pub(super) fn matrices(&self, x: &Array) -> Array {
        x.permute(&self.permutation).reshape(self.groups)
    }

    /// Undoes [`Layout::matrices`].
    pub(super) fn undo(&self, x: &Array) -> Array {
        let mut back = vec![0; self.permutation.len()];
        for (i, axis) in self.permutation.iter().enumerate() {
            back[*axis] = i;
        }
        x.reshape(self.sizes.clone()).permute(&back)
    }
}
