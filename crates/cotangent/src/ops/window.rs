//! Windows over arrays: which elements each window covers, and how reductions over windows are lowered.

use stablehlo::{Attr, Type, Value};

use crate::array::Array;
use crate::array::aval::{Aval, Shape};
use crate::error::{Error, Result};
use crate::ir::lowering::Lowering;
use crate::ir::primitive::Outputs;
use crate::ir::print::tuple;
use crate::trace::frames::bind1;

use super::conv::{dilated, negative_size, strided};
use super::slice::Pad;

/// The windows over an array. Each list has an entry for each dimension.
///
/// ```
/// use cotangent::extend::primitives::Window;
/// assert_eq!(Window::new(&[2, 2]).strides, [1, 1]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    /// The number of elements that a window covers.
    pub dimensions: Vec<usize>,
    /// The distance from one window to the next.
    pub strides: Vec<usize>,
    /// The padding before and after the array. Negative numbers crop the array.
    pub padding: Vec<(i64, i64)>,
    /// The dilation of the array: the distance to which neighboring elements are moved apart. 1 leaves them in place.
    pub base_dilation: Vec<usize>,
    /// The dilation of the window: the distance between the elements that it covers.
    pub window_dilation: Vec<usize>,
}

impl Window {
    /// Returns windows of this size with stride one, without padding or dilation.
    ///
    /// ```
    /// use cotangent::extend::primitives::Window;
    /// assert_eq!(Window::new(&[3]).padding, [(0, 0)]);
    /// ```
    #[must_use]
    pub fn new(dimensions: &[usize]) -> Window {
        let ones = vec![1; dimensions.len()];
        Window {
            dimensions: dimensions.to_vec(),
            strides: ones.clone(),
            padding: vec![(0, 0); dimensions.len()],
            base_dilation: ones.clone(),
            window_dilation: ones,
        }
    }

    /// Returns the same windows for an array with a batch axis at `axis`.
    pub(crate) fn batched(&self, axis: usize) -> Window {
        let mut window = self.clone();
        for list in
            [&mut window.dimensions, &mut window.strides, &mut window.base_dilation, &mut window.window_dilation]
        {
            list.insert(axis, 1);
        }
        window.padding.insert(axis, (0, 0));
        window
    }

    /// Returns the parameters as a jaxpr prints them.
    pub(crate) fn params(&self) -> Vec<(&'static str, String)> {
        let pads: Vec<String> = self.padding.iter().map(|(lo, hi)| format!("({lo}, {hi})")).collect();
        vec![
            ("base_dilation", tuple(&self.base_dilation)),
            ("padding", tuple(&pads)),
            ("window_dilation", tuple(&self.window_dilation)),
            ("window_dimensions", tuple(&self.dimensions)),
            ("window_strides", tuple(&self.strides)),
        ]
    }

    /// Returns the shape of a result over an array. It has one element for each window.
    pub(crate) fn infer(&self, x: &Aval) -> Result<Shape> {
        let lists = [
            ("window_dimensions", &self.dimensions),
            ("window_strides", &self.strides),
            ("base_dilation", &self.base_dilation),
            ("window_dilation", &self.window_dilation),
        ];
        let lengths = lists.iter().map(|(what, list)| (*what, list.len())).chain([("padding", self.padding.len())]);
        for (what, n) in lengths {
            if n != x.rank() {
                return Err(Error::shape(format!("{what} has {n} entries, but {x} has {} dimensions", x.rank()))
                    .help("each list must have an entry for each dimension; use size 1 where there are no windows"));
            }
        }
        if let Some((what, list)) = lists.iter().find(|(_, list)| list.contains(&0)) {
            return Err(Error::value(format!("{what} must be at least 1, got {} for {x}", tuple(list))));
        }
        (0..x.rank())
            .map(|d| {
                let (low, high) = self.padding[d];
                let padded = dilated(x.shape[d], self.base_dilation[d]) as i64 + low + high;
                if padded < 0 {
                    return Err(negative_size(format_args!("({low}, {high})"), d, x));
                }
                Ok(strided(padded as usize, dilated(self.dimensions[d], self.window_dilation[d]), self.strides[d]))
            })
            .collect()
    }

    /// Returns an array with its padding and what is between its elements, all of which is `fill`.
    pub(crate) fn padded(&self, x: &Array, fill: &Array) -> Array {
        let around = self.padding.iter().zip(&self.base_dilation);
        let config: Vec<_> = around.map(|((low, high), dilation)| (*low, *high, *dilation as i64 - 1)).collect();
        if config.iter().all(|amounts| *amounts == (0, 0, 0)) {
            return x.clone();
        }
        bind1(Pad { config }, &[x, fill])
    }

    /// Appends a reduction over the windows of operands of the same shape. `body` writes the operations that combine
    /// two sets of scalars. If the array is dilated, the initial values are written between its elements, because XLA's
    /// own dilation may lose them.
    pub(crate) fn lower(
        &self,
        cx: &mut Lowering<'_>,
        operands: &[Value],
        inits: &[Value],
        outs: &[Aval],
        mut body: impl FnMut(&mut Lowering<'_>, &[Value]) -> Vec<Value>,
    ) -> Outputs<Value> {
        let rank = self.dimensions.len();
        let operands: Vec<Value> =
            (operands.iter().zip(inits)).map(|(x, init)| self.moved_apart(cx, x, init)).collect();
        let pads = self.padding.iter().flat_map(|(lo, hi)| [*lo, *hi]);
        let attrs = [
            ("padding", Attr::dense(&Type::tensor(&[rank, 2], "i64"), pads)),
            ("window_dilations", Attr::i64s(self.window_dilation.iter().copied())),
            ("window_dimensions", Attr::i64s(self.dimensions.iter().copied())),
            ("window_strides", Attr::i64s(self.strides.iter().copied())),
        ];
        let scalars: Vec<Type> = inits.iter().map(|v| v.ty().clone()).collect();
        let params = [scalars.clone(), scalars].concat();
        let args = [&operands, inits].concat();
        let results: Vec<Type> = outs.iter().map(Aval::mlir).collect();
        cx.regions("stablehlo.reduce_window", &args, &attrs, &results, &[&params], |cx, _, args| body(cx, args))
    }

    fn moved_apart(&self, cx: &mut Lowering<'_>, x: &Value, between: &Value) -> Value {
        if self.base_dilation.iter().all(|d| *d == 1) {
            return x.clone();
        }
        let shape: Vec<usize> = x.ty().dims().iter().zip(&self.base_dilation).map(|(n, d)| dilated(*n, *d)).collect();
        let none = || Attr::I64Array(vec![0; shape.len()]);
        let attrs = [
            ("edge_padding_high", none()),
            ("edge_padding_low", none()),
            ("interior_padding", Attr::I64Array(self.base_dilation.iter().map(|d| *d as i64 - 1).collect())),
        ];
        cx.block.op1("stablehlo.pad", [x, between], &attrs, &Type::tensor(&shape, x.ty().element()))
    }
}
