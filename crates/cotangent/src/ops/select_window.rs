//! Selections from windows: one array selects an element of each window, and another is read or updated there.

use stablehlo::{Attr, Type, Value};

use crate::array::Array;
use crate::array::aval::{Aval, Shape, same_shape};
use crate::array::dtype::DType;
use crate::array::literal::Literal;
use crate::error::{Error, ErrorKind, Result, raise};
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Operand, Outputs, Primitive, Tangent, missing_rule};
use crate::ir::print::tuple;
use crate::trace::frames::bind1;

use super::domain::Domain;
use super::elementwise::rebind1;
use super::reduce::extremes;
use super::shape::all_in_front;
use super::slice::Pad;
use super::window::Window;

/// Which element of a window is selected.
///
/// ```
/// assert_eq!(cotangent::extend::primitives::Select::Ge.to_string(), "ge");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Select {
    /// The greatest element. Of equal elements, it is the first.
    Ge,
    /// The least element. Of equal elements, it is the first.
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
    /// Returns the value that the selection starts from: the least one for a maximum, the greatest for a minimum.
    fn identity(self, dtype: DType) -> Literal {
        match self {
            Select::Ge => extremes(dtype).0,
            Select::Le => extremes(dtype).1,
        }
    }

    /// Appends whether the first scalar is selected over the second.
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

/// `select_and_gather_add`: selects an element in each window of the second operand, and returns the element of the
/// first operand at the same index.
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
    /// Which element is selected.
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
        same_shape(&inputs[0], &inputs[1])?;
        Ok([inputs[0].with_shape(self.window.infer(&inputs[0])?)].into())
    }

    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        // The selection is constant almost everywhere.
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
        [results.swap_remove(1)].into()
    }
}

/// `select_and_scatter_add`: selects an element in each window of the second operand, and adds the window's element of
/// the first operand to the result at the same index. The result is zero elsewhere. The windows cannot have dilation.
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
    /// Which element is selected.
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
            return Err(Error::value(format!("dilation is not supported, over {x}")));
        }
        let windows = self.window.infer(x)?;
        if source.shape != windows {
            return Err(Error::shape(format!(
                "expected a source of shape {windows} for the windows of {x}, got {source}"
            )));
        }
        Ok([x.clone()].into())
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

/// Appends a `select_and_scatter` of a source over an operand of type `aval`. XLA's CPU code fails on the padding of
/// this operation. The operand is therefore padded first, with a value that is not selected, and the result is cropped.
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
    [pad(cx, &out[0], &init, -1, aval)].into()
}
