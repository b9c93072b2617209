//! Contractions.

use stablehlo::{Attr, Value};

use crate::array::Array;
use crate::array::aval::{Aval, Shape};
use crate::array::dtype::{DType, Kind};
use crate::error::{Error, Result};
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Operand, Outputs, Primitive, Tangent};
use crate::ir::print::tuple;
use crate::trace::frames::bind1;

use super::elementwise::bilinear_jvp;
use super::precision::{Precision, default_precision, precision_config, precision_param};
use super::shape::{check_axes, shifted};

/// Returns an optional preferred dtype as a jaxpr prints it.
pub(super) fn preferred_param(dtype: Option<DType>) -> String {
    dtype.map_or_else(|| "None".to_string(), |d| d.name().to_string())
}

/// Checks that a sum of products of `input` can have the dtype `preferred`.
pub(super) fn check_preferred(input: DType, preferred: DType) -> Result<()> {
    let fits = match input.kind() {
        Kind::Bool => true,
        Kind::Int => matches!(preferred.kind(), Kind::Int | Kind::Float),
        Kind::Uint => preferred.is_integer() || preferred.is_float(),
        Kind::Float => preferred.is_float(),
        Kind::Complex => preferred.is_complex(),
    };
    if !fits || preferred.bits() < input.bits() {
        return Err(Error::dtype(format!("preferred_element_type {preferred} does not match operands of {input}"))
            .help("it must be of the same kind (or float for integers), and no narrower"));
    }
    Ok(())
}

/// Returns the dtype of a product of two dtypes, by the rules of XLA's shape inference. A complex dtype takes
/// precedence over a real one, and a float over an integer. Then the greater range decides, then the number of digits,
/// the number of bits, and a sign.
fn product_dtype(x: DType, y: DType) -> DType {
    let rank = |d: DType| {
        let (exponent, digits) = match d.real() {
            DType::F16 => (16, 10),
            DType::BF16 => (128, 7),
            DType::F32 => (128, 23),
            DType::F64 => (1024, 52),
            _ => (-1, -1),
        };
        let bits = if d == DType::Bool { 1 } else { d.real().bits() };
        (d.is_complex(), exponent, digits, bits, d.kind() != Kind::Uint)
    };
    if rank(x) >= rank(y) { x } else { y }
}

/// Checks that a sum of products of `product` can have the dtype `preferred`.
fn check_product(product: DType, preferred: DType) -> Result<()> {
    let loses = match product.kind() {
        Kind::Float => false,
        Kind::Complex => !preferred.is_complex() || preferred.bits() < product.bits(),
        _ => preferred.real().bits() < product.bits(),
    };
    if preferred == product || !(loses || preferred == DType::Bool) {
        return Ok(());
    }
    let error = Error::dtype(format!("preferred_element_type {preferred} cannot hold a sum of products in {product}"));
    Err(error.help("use a wider one, or convert the result with `.astype(…)`"))
}

/// `dot_general`: a sum of products over contracting dimensions, for each index of the batch dimensions.
///
/// The result has the batch dimensions first, then the remaining dimensions of the left operand, then those of the
/// right operand.
///
/// ```
/// # use cotangent::prelude::*;
/// # use cotangent::extend::bind1;
/// let x = Array::from([1.0f32, 2.0]);
/// let inner = cotangent::extend::primitives::DotGeneral::new([vec![0], vec![0]], [vec![], vec![]]);
/// assert_eq!(bind1(inner, &[&x, &x]).item::<f32>(), 5.0);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DotGeneral {
    /// The contracting dimensions of the left and the right operand.
    pub contract: [Vec<usize>; 2],
    /// The batch dimensions of the left and the right operand.
    pub batch: [Vec<usize>; 2],
    /// The precision of products, on devices that have a choice.
    pub precision: Option<[Precision; 2]>,
    /// The dtype of the result. By default, it is the dtype of the operands. For two dtypes, it is the one that XLA
    /// prefers: `f32` for `bf16` and `f32`, `i8` for `i8` and `u8`.
    pub preferred_element_type: Option<DType>,
}

impl DotGeneral {
    /// Creates a contraction over the dimensions `contract`, with the batch dimensions `batch` and the default
    /// precision: that of [`default_matmul_precision`](crate::default_matmul_precision), or the device's.
    ///
    /// ```
    /// let product = cotangent::extend::primitives::DotGeneral::new([vec![1], vec![0]], [vec![], vec![]]);
    /// assert_eq!(product.preferred_element_type, None);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn new(contract: [Vec<usize>; 2], batch: [Vec<usize>; 2]) -> DotGeneral {
        let precision = default_precision().map(|p| [p; 2]);
        DotGeneral { contract, batch, precision, preferred_element_type: None }
    }

    /// Sets the precision of both operands.
    ///
    /// ```
    /// use cotangent::lax::{DotGeneral, Precision};
    /// let product = DotGeneral::new([vec![1], vec![0]], [vec![], vec![]]).precision(Precision::Highest);
    /// assert_eq!(product.precision, Some([Precision::Highest; 2]));
    /// ```
    #[must_use]
    pub fn precision(mut self, precision: Precision) -> DotGeneral {
        self.precision = Some([precision; 2]);
        self
    }

    /// Sets the dtype that products are summed in, which is also that of the result. If the operands have two dtypes,
    /// they are converted to it. It must not be narrower than integer or complex operands, and must be complex if they
    /// are.
    ///
    /// ```
    /// use cotangent::{DType, lax::DotGeneral};
    /// let product = DotGeneral::new([vec![1], vec![0]], [vec![], vec![]]).preferred_element_type(DType::F32);
    /// assert_eq!(product.preferred_element_type, Some(DType::F32));
    /// ```
    #[must_use]
    pub fn preferred_element_type(mut self, dtype: DType) -> DotGeneral {
        self.preferred_element_type = Some(dtype);
        self
    }

    /// Returns the dimensions of operand `side` that are neither contracting nor batch dimensions.
    fn free(&self, side: usize, rank: usize) -> Vec<usize> {
        (0..rank).filter(|d| !self.contract[side].contains(d) && !self.batch[side].contains(d)).collect()
    }

    /// Returns the cotangent of operand `side`, from that of the result and the other operand.
    fn cotangent(&self, side: usize, ct: &Array, aval: &Aval, other: &Array) -> Array {
        let nb = self.batch[0].len();
        let other_side = 1 - side;
        let other_free = self.free(other_side, other.ndim());
        let free = self.free(side, aval.rank());
        // In the result, the free dimensions of the other operand follow the batch dimensions or come last.
        let start = if side == 0 { nb + free.len() } else { nb };
        let ct_contract: Vec<usize> = (start..start + other_free.len()).collect();
        let dot = DotGeneral {
            contract: [ct_contract, other_free],
            batch: [(0..nb).collect(), self.batch[other_side].clone()],
            ..self.clone()
        };
        let product = bind1(dot, &[ct, &other.in_dtype(ct.dtype())]).in_dtype(aval.dtype);
        // The dimensions are: batch, own free, and the contracted ones in the order of the other operand.
        let mut order: Vec<(usize, usize)> = self.contract[other_side].iter().copied().zip(0..).collect();
        order.sort_unstable();
        let mut place = vec![0; aval.rank()];
        for (i, d) in self.batch[side].iter().enumerate() {
            place[*d] = i;
        }
        for (i, d) in free.iter().enumerate() {
            place[*d] = nb + i;
        }
        for (i, (_, pair)) in order.iter().enumerate() {
            place[self.contract[side][*pair]] = nb + free.len() + i;
        }
        product.permute(&place)
    }
}

impl Primitive for DotGeneral {
    fn name(&self) -> &'static str {
        "dot_general"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        let pair = |p: &[Vec<usize>; 2]| format!("({}, {})", tuple_of(&p[0]), tuple_of(&p[1]));
        let mut params = vec![("dimension_numbers", format!("({}, {})", pair(&self.contract), pair(&self.batch)))];
        // As in JAX, default parameters are not printed.
        if self.precision.is_some() {
            params.push(("precision", precision_param(self.precision)));
        }
        if self.preferred_element_type.is_some() {
            params.push(("preferred_element_type", preferred_param(self.preferred_element_type)));
        }
        params
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        let (x, y) = (&inputs[0], &inputs[1]);
        for (side, aval) in [x, y].into_iter().enumerate() {
            let axes: Vec<usize> = self.contract[side].iter().chain(&self.batch[side]).copied().collect();
            check_axes(&axes, aval)?;
        }
        for (what, [a, b]) in [("contracting", &self.contract), ("batch", &self.batch)] {
            let sizes = |aval: &Aval, dims: &[usize]| dims.iter().map(|d| aval.shape[*d]).collect::<Vec<_>>();
            if sizes(x, a) != sizes(y, b) {
                return Err(Error::shape(format!(
                    "{what} dimensions {} of {x} and {} of {y} must have the same sizes",
                    tuple(a),
                    tuple(b)
                )));
            }
        }
        let shape: Shape = (self.batch[0].iter().map(|d| x.shape[*d]))
            .chain(self.free(0, x.rank()).into_iter().map(|d| x.shape[d]))
            .chain(self.free(1, y.rank()).into_iter().map(|d| y.shape[d]))
            .collect();
        let product = product_dtype(x.dtype, y.dtype);
        let dtype = self.preferred_element_type.unwrap_or(product);
        check_product(product, dtype)?;
        Ok([Aval::new(dtype, shape).with_weak_type(x.weak_type && y.weak_type)].into())
    }

    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        let whole = self.preferred_element_type.is_some_and(|d| !d.is_inexact());
        // The derivative of a sum that is rounded to integers is zero.
        if whole { bilinear_jvp(self, x, &[None, None]) } else { bilinear_jvp(self, x, dx) }
    }

    fn transpose(&self, ct: &[Tangent], inputs: &[Operand]) -> Vec<Tangent> {
        let Some(ct) = &ct[0] else { return vec![None, None] };
        match inputs {
            [Operand::Linear(aval), Operand::Known(y)] => vec![Some(self.cotangent(0, ct, aval, y)), None],
            [Operand::Known(x), Operand::Linear(aval)] => vec![None, Some(self.cotangent(1, ct, aval, x))],
            _ => crate::error::raise(crate::ir::primitive::missing_rule("dot_general", "transpose")),
        }
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], _: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        let shift = |p: &[Vec<usize>; 2]| [shifted(&p[0], axes[0]), shifted(&p[1], axes[1])];
        let mut prim = DotGeneral { contract: shift(&self.contract), batch: shift(&self.batch), ..self.clone() };
        let out = match (axes[0], axes[1]) {
            (Some(a), Some(b)) => {
                prim.batch[0].insert(0, a);
                prim.batch[1].insert(0, b);
                Some(0)
            }
            // The batch axis is one of the free dimensions, and keeps its position among them.
            (Some(a), None) => prim.free(0, x[0].ndim()).iter().position(|d| *d == a).map(|i| self.batch[0].len() + i),
            (None, Some(b)) => {
                let before = self.batch[0].len() + prim.free(0, x[0].ndim()).len();
                prim.free(1, x[1].ndim()).iter().position(|d| *d == b).map(|i| before + i)
            }
            (None, None) => None,
        };
        (vec![bind1(prim, &[&x[0], &x[1]])], vec![out])
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        let list = |dims: &[usize]| dims.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let mut parts = Vec::new();
        for (name, dims) in [
            ("lhs_batching_dimensions", &self.batch[0]),
            ("rhs_batching_dimensions", &self.batch[1]),
            ("lhs_contracting_dimensions", &self.contract[0]),
            ("rhs_contracting_dimensions", &self.contract[1]),
        ] {
            if !dims.is_empty() {
                parts.push(format!("{name} = [{}]", list(dims)));
            }
        }
        let numbers = format!("#stablehlo.dot<{}>", parts.join(", "));
        let attrs =
            [("dot_dimension_numbers", Attr::Raw(numbers)), ("precision_config", precision_config(self.precision))];
        let out = &outs[0];
        let convert = |cx: &mut Lowering<'_>, x: &Value, aval: &Aval, dtype: DType| match aval.dtype == dtype {
            true => x.clone(),
            false => cx.op("stablehlo.convert", std::slice::from_ref(x), &[], &aval.with_dtype(dtype)),
        };
        let operands = |cx: &mut Lowering<'_>, dtype: DType| {
            [convert(cx, &args[0], &inputs[0], dtype), convert(cx, &args[1], &inputs[1], dtype)]
        };
        let (x, y) = (inputs[0].dtype, inputs[1].dtype);
        if x == DType::Bool && y == DType::Bool && out.dtype == DType::Bool {
            // For booleans, a sum of products is whether any product is true.
            let sum = out.with_dtype(DType::I32);
            let wide = operands(cx, DType::I32);
            let product = cx.op("stablehlo.dot_general", &wide, &attrs, &sum);
            let zero = cx.splat(&sum, crate::array::literal::Literal::int(DType::I32, 0));
            let ne = [("comparison_direction", Attr::Static("#stablehlo<comparison_direction NE>"))];
            return [cx.op("stablehlo.compare", &[product, zero], &ne, out)].into();
        }
        // Operands of one dtype are summed in it if the result is narrower, and rounded once. Operands of two dtypes
        // are summed in the dtype of the result.
        let narrows = x.is_float() && (!out.dtype.is_inexact() || out.dtype.real().bits() < x.bits());
        if x == y && narrows {
            let sum = cx.op("stablehlo.dot_general", args, &attrs, &out.with_dtype(x));
            return [convert(cx, &sum, &out.with_dtype(x), out.dtype)].into();
        }
        if !cx.routes().mixed_products {
            let accumulates = x == y && x.is_float() && out.dtype == DType::F32;
            let sum = if accumulates || (x == y && x == out.dtype && (x.is_inexact() || x.bits() >= 32)) {
                x
            } else {
                plain(out.dtype)
            };
            let total = if accumulates { out.dtype } else { sum };
            let wide = operands(cx, sum);
            let product = cx.op("stablehlo.dot_general", &wide, &attrs, &out.with_dtype(total));
            return [convert(cx, &product, &out.with_dtype(total), out.dtype)].into();
        }
        let alike = x == y && x != DType::Bool && x.is_complex() == out.dtype.is_complex();
        let operands = if alike { [args[0].clone(), args[1].clone()] } else { operands(cx, out.dtype) };
        [cx.op("stablehlo.dot_general", &operands, &attrs, out)].into()
    }
}

/// Returns the dtype in which every platform multiplies matrices, for a result of this dtype. It holds products of
/// narrower numbers; integers wrap around when they are converted back.
fn plain(dtype: DType) -> DType {
    match dtype {
        DType::F16 | DType::BF16 => DType::F32,
        _ if !dtype.is_inexact() && dtype.bits() < 32 => DType::I32,
        _ => dtype,
    }
}

fn tuple_of(dims: &[usize]) -> String {
    let texts: Vec<_> = dims.iter().map(ToString::to_string).collect();
    format!("[{}]", texts.join(", "))
}
