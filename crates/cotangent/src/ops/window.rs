//! Reductions over windows, and what their derivatives are made of.

use stablehlo::{Attr, Type, Value};

use crate::array::Array;
use crate::array::aval::{Aval, Shape};
use crate::array::dtype::DType;
use crate::array::literal::Literal;
use crate::error::{Error, ErrorKind, Result, raise};
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Operand, Outputs, Primitive, Tangent, missing_rule};
use crate::ir::print::tuple;
use crate::trace::frames::bind1;

use super::conv::{dilated, strided};
use super::domain::Domain;
use super::elementwise::rebind1;
use super::reduce::extremes;
use super::shape::{Pad, all_in_front, linear_unary};

/// Which elements each window of an array takes. All lists have an entry for each dimension.
///
/// ```
/// use cotangent::extend::primitives::Window;
/// assert_eq!(Window::new(&[2, 2]).strides, [1, 1]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    /// How many elements a window takes.
    pub dimensions: Vec<usize>,
    /// How far it moves.
    pub strides: Vec<usize>,
    /// What is put before and after the array; negative numbers cut.
    pub padding: Vec<(i64, i64)>,
    /// The distance to which neighbours in the array are moved apart; 1 leaves them.
    pub base_dilation: Vec<usize>,
    /// The same for the elements that a window takes.
    pub window_dilation: Vec<usize>,
}

impl Window {
    /// Windows of this size that move by one, without padding or dilation.
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

    /// The same windows on arrays with a batch axis at `axis`.
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

    /// The parameters as a jaxpr prints them.
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

    /// The shape of the results over an array: as many elements as there are windows.
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
                return Err(Error::shape(format!("{what} has {n} entries for the {} dimensions of {x}", x.rank()))
                    .help("a window has an entry for each dimension; 1 leaves a dimension alone"));
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
                    return Err(Error::shape(format!("padding ({low}, {high}) cuts more than there is of {x}")));
                }
                Ok(strided(padded as usize, dilated(self.dimensions[d], self.window_dilation[d]), self.strides[d]))
            })
            .collect()
    }

    /// Appends a reduction over the windows of operands of one shape; `body` writes what combines two sets of scalars.
    /// Elements that are moved apart have the initial values between them, written out: XLA may forget its own.
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

macro_rules! windows {
    ($($T:ident $name:literal: $domain:ident, $op:literal, init $init:expr, { $($rules:tt)* })*) => {
        $(
            #[doc = concat!("`", $name, "` over the windows of an array.")]
            #[doc = concat!("\n```\n# use cotangent::prelude::*;\n# use cotangent::extend::bind1;\n# use cotangent::extend::primitives::*;\nlet prim = ", stringify!($T), " { window: Window::new(&[2]) };\nlet y = bind1(prim, &[&Array::from([6, 3, 1])]);\nassert_eq!(y.shape(), [2]);\n```")]
            #[derive(Clone, Debug, PartialEq, Eq, Hash)]
            pub struct $T {
                /// The windows.
                pub window: Window,
            }

            impl Primitive for $T {
                fn name(&self) -> &'static str {
                    $name
                }
                fn params(&self) -> Vec<(&'static str, String)> {
                    self.window.params()
                }
                fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
                    Domain::$domain.one_dtype(inputs)?;
                    Ok(smallvec::smallvec![inputs[0].with_shape(self.window.infer(&inputs[0])?)])
                }
                fn batch(&self, x: &[Array], axes: &[Option<usize>], _: usize) -> (Vec<Array>, Vec<Option<usize>>) {
                    let window = axes[0].map_or_else(|| self.window.clone(), |a| self.window.batched(a));
                    (vec![bind1($T { window }, &[&x[0]])], vec![axes[0]])
                }
                fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], _: &[Aval], outs: &[Aval]) -> Outputs<Value> {
                    let scalar = Aval::new(outs[0].dtype, ());
                    let init: fn(DType) -> Literal = $init;
                    let init = cx.splat(&scalar, init(scalar.dtype));
                    self.window.lower(cx, args, &[init], outs, |cx, args| vec![cx.op($op, args, &[], &scalar)])
                }
                $($rules)*
            }
        )*
    };
}

/// The jvp of a maximum or minimum: the tangent of the element that each window chooses.
fn chooser_jvp(
    prim: &dyn Primitive,
    select: Select,
    window: &Window,
    x: &[Array],
    dx: &[Tangent],
) -> (Vec<Array>, Vec<Tangent>) {
    let gather = SelectAndGatherAdd { select, window: window.clone() };
    (vec![rebind1(prim, &[&x[0]])], vec![dx[0].as_ref().map(|t| bind1(gather, &[t, &x[0]]))])
}

windows! {
    ReduceWindowSum "reduce_window_sum": NUMBERS, "stablehlo.add", init |d| Literal::int(d, 0), {
        linear_unary!();
        fn transpose(&self, ct: &[Tangent], inputs: &[Operand]) -> Vec<Tangent> {
            vec![ct[0].as_ref().map(|ct| self.cotangent(ct, &inputs[0].aval()))]
        }
    }
    ReduceWindowMax "reduce_window_max": ORDERED, "stablehlo.maximum", init |d| extremes(d).0, {
        fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
            chooser_jvp(self, Select::Ge, &self.window, x, dx)
        }
    }
    ReduceWindowMin "reduce_window_min": ORDERED, "stablehlo.minimum", init |d| extremes(d).1, {
        fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
            chooser_jvp(self, Select::Le, &self.window, x, dx)
        }
    }
}

impl ReduceWindowSum {
    /// Each element gets the sum of the cotangents of the windows that took it: windows over the cotangents moved
    /// apart by the strides.
    fn cotangent(&self, ct: &Array, x: &Aval) -> Array {
        let window = &self.window;
        let config = (0..x.rank())
            .map(|d| {
                let size = dilated(x.shape[d], window.base_dilation[d]) as i64;
                let reach = dilated(window.dimensions[d], window.window_dilation[d]) as i64;
                let spread = dilated(ct.shape()[d], window.strides[d]) as i64;
                let before = reach - window.padding[d].0 - 1;
                (before, size + reach - 1 - spread - before, window.strides[d] as i64 - 1)
            })
            .collect();
        let padded = bind1(Pad { config }, &[ct, &Array::literal(Literal::int(ct.dtype(), 0))]);
        let back = Window {
            strides: window.base_dilation.clone(),
            window_dilation: window.window_dilation.clone(),
            ..Window::new(&window.dimensions)
        };
        bind1(ReduceWindowSum { window: back }, &[&padded])
    }
}

/// Which element of a window is chosen.
///
/// ```
/// assert_eq!(cotangent::extend::primitives::Select::Ge.to_string(), "ge");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Select {
    /// The greatest, the first of equal ones.
    Ge,
    /// The least, the first of equal ones.
    Le,
}

impl std::fmt::Display for Select {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Select::Ge => "ge",
            Select::Le => "le",
        })
    }
}

impl Select {
    /// What no element is worse than.
    fn identity(self, dtype: DType) -> Literal {
        match self {
            Select::Ge => extremes(dtype).0,
            Select::Le => extremes(dtype).1,
        }
    }

    /// Whether the first scalar is chosen before the second.
    fn lower(self, cx: &mut Lowering<'_>, a: &Value, b: &Value) -> Value {
        let direction = Attr::Static(match self {
            Select::Ge => "#stablehlo<comparison_direction GE>",
            Select::Le => "#stablehlo<comparison_direction LE>",
        });
        let attrs = [("comparison_direction", direction)];
        cx.op("stablehlo.compare", &[a.clone(), b.clone()], &attrs, &Aval::new(DType::Bool, ()))
    }
}

fn batch_both(
    prim: &dyn Primitive,
    x: &[Array],
    axes: &[Option<usize>],
    size: usize,
) -> (Vec<Array>, Vec<Option<usize>>) {
    let moved = all_in_front(x, axes, size);
    (vec![rebind1(prim, &[&moved[0], &moved[1]])], vec![Some(0)])
}

/// `select_and_gather_add`: from each window of the second operand the place of the chosen element, and from that
/// place of the first operand its value.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind1;
/// use cotangent::extend::primitives::{Select, SelectAndGatherAdd, Window};
/// let gather = SelectAndGatherAdd { select: Select::Ge, window: Window::new(&[2]) };
/// let y = bind1(gather, &[&Array::from([1.0f32, 2.0, 3.0]), &Array::from([5.0f32, 7.0, 6.0])]);
/// assert_eq!(y.to_vec::<f32>(), [2.0, 2.0]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SelectAndGatherAdd {
    /// Which element is chosen.
    pub select: Select,
    /// The windows.
    pub window: Window,
}

impl Primitive for SelectAndGatherAdd {
    fn name(&self) -> &'static str {
        "select_and_gather_add"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        let mut params = self.window.params();
        params.insert(2, ("select_prim", self.select.to_string()));
        params
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        Domain::ORDERED.one_dtype(inputs)?;
        if inputs[0].shape != inputs[1].shape {
            return Err(Error::shape(format!("operands must have one shape, got {} and {}", inputs[0], inputs[1])));
        }
        Ok(smallvec::smallvec![inputs[0].with_shape(self.window.infer(&inputs[0])?)])
    }

    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        // The choice is constant almost everywhere.
        (vec![rebind1(self, &[&x[0], &x[1]])], vec![dx[0].as_ref().map(|t| rebind1(self, &[t, &x[1]]))])
    }

    fn transpose(&self, ct: &[Tangent], inputs: &[Operand]) -> Vec<Tangent> {
        let (Some(ct), Operand::Known(x)) = (&ct[0], &inputs[1]) else {
            if ct[0].is_none() {
                return vec![None, None];
            }
            raise(missing_rule(self.name(), "transpose"))
        };
        if self.window.window_dilation.iter().any(|d| *d != 1) {
            raise(
                Error::new(
                    ErrorKind::Transform,
                    format!(
                        "there is no reverse-mode derivative of a maximum over windows with window_dilation={} of {}",
                        tuple(&self.window.window_dilation),
                        x.aval()
                    ),
                )
                .help("use forward mode, or a window without dilation"),
            );
        }
        let dilation = &self.window.base_dilation;
        let apart = dilation.iter().any(|d| *d != 1);
        let lowest = Array::literal(self.select.identity(x.dtype()));
        let config = || dilation.iter().map(|d| (0, 0, *d as i64 - 1)).collect();
        let x = if apart { bind1(Pad { config: config() }, &[x, &lowest]) } else { x.clone() };
        let window = Window { base_dilation: vec![1; dilation.len()], ..self.window.clone() };
        let scattered = bind1(SelectAndScatterAdd { select: self.select, window }, &[ct, &x]);
        let start = vec![0; dilation.len()];
        vec![Some(if apart { scattered.slice(&start, scattered.shape(), dilation) } else { scattered }), None]
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        batch_both(&SelectAndGatherAdd { select: self.select, window: self.window.batched(0) }, x, axes, size)
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        let scalar = Aval::new(inputs[1].dtype, ());
        let key = cx.splat(&scalar, self.select.identity(scalar.dtype));
        let value = cx.splat(&scalar, Literal::int(scalar.dtype, 0));
        let operands = [args[1].clone(), args[0].clone()];
        let outs = [outs[0].clone(), outs[0].clone()];
        let mut results = self.window.lower(cx, &operands, &[key, value], &outs, |cx, args| {
            let first = self.select.lower(cx, &args[0], &args[2]);
            let mut pick =
                |a: &Value, b: &Value| cx.op("stablehlo.select", &[first.clone(), a.clone(), b.clone()], &[], &scalar);
            vec![pick(&args[0], &args[2]), pick(&args[1], &args[3])]
        });
        smallvec::smallvec![results.swap_remove(1)]
    }
}

/// `select_and_scatter_add`: adds each element of the first operand to the place that the window of its index chooses
/// in the second one. It has windows without dilation only.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind1;
/// use cotangent::extend::primitives::{Select, SelectAndScatterAdd, Window};
/// let scatter = SelectAndScatterAdd { select: Select::Ge, window: Window::new(&[2]) };
/// let y = bind1(scatter, &[&Array::from([1.0f32, 2.0]), &Array::from([5.0f32, 7.0, 6.0])]);
/// assert_eq!(y.to_vec::<f32>(), [0.0, 3.0, 0.0]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SelectAndScatterAdd {
    /// Which element is chosen.
    pub select: Select,
    /// The windows.
    pub window: Window,
}

impl Primitive for SelectAndScatterAdd {
    fn name(&self) -> &'static str {
        "select_and_scatter_add"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        let mut params = self.window.params();
        params.retain(|(name, _)| !name.contains("dilation"));
        params.insert(1, ("select_prim", self.select.to_string()));
        params
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        Domain::ORDERED.one_dtype(inputs)?;
        let (source, x) = (&inputs[0], &inputs[1]);
        if self.window.base_dilation.iter().chain(&self.window.window_dilation).any(|d| *d != 1) {
            return Err(Error::value(format!("it takes no dilation, over {x}")));
        }
        let windows = self.window.infer(x)?;
        if source.shape != windows {
            return Err(Error::shape(format!("there are {windows} windows of {x}, but the source is {source}")));
        }
        Ok(smallvec::smallvec![x.clone()])
    }

    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        (vec![rebind1(self, &[&x[0], &x[1]])], vec![dx[0].as_ref().map(|t| rebind1(self, &[t, &x[1]]))])
    }

    fn transpose(&self, ct: &[Tangent], inputs: &[Operand]) -> Vec<Tangent> {
        match (&ct[0], &inputs[1]) {
            (None, _) => vec![None, None],
            (Some(ct), Operand::Known(x)) => {
                let gather = SelectAndGatherAdd { select: self.select, window: self.window.clone() };
                vec![Some(bind1(gather, &[ct, x])), None]
            }
            _ => raise(missing_rule(self.name(), "transpose")),
        }
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        batch_both(&SelectAndScatterAdd { select: self.select, window: self.window.batched(0) }, x, axes, size)
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        let scalar = Aval::new(outs[0].dtype, ());
        let lowest = cx.splat(&scalar, self.select.identity(scalar.dtype));
        let zero = cx.splat(&scalar, Literal::int(scalar.dtype, 0));
        lower_select_and_scatter(cx, &self.window, args, &inputs[1], [lowest, zero], |cx, which, args| match which {
            0 => self.select.lower(cx, &args[0], &args[1]),
            _ => cx.op("stablehlo.add", args, &[], &scalar),
        })
    }
}

/// Appends a `select_and_scatter` of a source over an operand, of type `aval`. XLA's CPU code fails on its padding, so
/// the operand is padded before, with a value that is not chosen, and the result is cut.
fn lower_select_and_scatter(
    cx: &mut Lowering<'_>,
    window: &Window,
    args: &[Value],
    aval: &Aval,
    [lowest, init]: [Value; 2],
    mut body: impl FnMut(&mut Lowering<'_>, usize, &[Value]) -> Value,
) -> Outputs<Value> {
    let (source, operand) = (&args[0], &args[1]);
    let lows: Vec<i64> = window.padding.iter().map(|p| p.0).collect();
    let padded: Shape =
        (aval.shape.iter().zip(&window.padding)).map(|(n, p)| (*n as i64 + p.0 + p.1) as usize).collect();
    let padded = aval.with_shape(padded);
    let zeros = || vec![0i64; lows.len()];
    let pad = |cx: &mut Lowering<'_>, x: &Value, fill: &Value, sign: i64, out: &Aval| {
        let attrs = [
            ("edge_padding_high", Attr::I64Array(window.padding.iter().map(|p| sign * p.1).collect())),
            ("edge_padding_low", Attr::I64Array(window.padding.iter().map(|p| sign * p.0).collect())),
            ("interior_padding", Attr::I64Array(zeros())),
        ];
        cx.op("stablehlo.pad", &[x.clone(), fill.clone()], &attrs, out)
    };
    let operand = pad(cx, operand, &lowest, 1, &padded);
    let attrs = [
        ("padding", Attr::dense(&Type::tensor(&[lows.len(), 2], "i64"), [zeros(), zeros()].concat())),
        ("window_dimensions", Attr::i64s(window.dimensions.iter().copied())),
        ("window_strides", Attr::i64s(window.strides.iter().copied())),
    ];
    let scalar = init.ty().clone();
    let params = [scalar.clone(), scalar];
    let operands = [operand, source.clone(), init.clone()];
    let out = cx.regions(
        "stablehlo.select_and_scatter",
        &operands,
        &attrs,
        &[padded.mlir()],
        &[&params, &params],
        |cx, which, args| vec![body(cx, which, args)],
    );
    smallvec::smallvec![pad(cx, &out[0], &init, -1, aval)]
}
