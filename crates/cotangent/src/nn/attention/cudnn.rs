//! Attention by cuDNN: a custom call that XLA's compiler for GPUs replaces by a graph of cuDNN. Elsewhere, the same is
//! computed as a whole.
//!
//! Target, operands and configuration of the call are those of JAX (`jax/_src/cudnn/fused_attention_stablehlo.py`).

use cotangent_derive::Tree;
use stablehlo::{Attr, Value};

use crate::api::custom::custom_vjp;
use crate::api::jit::make_jaxpr;
use crate::api::linear::vjp;
use crate::array::Array;
use crate::array::aval::Aval;
use crate::array::dtype::DType;
use crate::array::literal::python;
use crate::error::{Error, Result, raise};
use crate::ir::lowering::{Lowering, layouts};
use crate::ir::primitive::{Outputs, Primitive};
use crate::numpy::{full_as, where_, zeros_like};
use crate::ops::shape::batched_in_front;
use crate::trace::frames::bind;

use super::options::{Attention, Implementation};

/// The greatest number of features of a head, on a GPU of compute capability 9.0.
const FEATURES: usize = 256;

/// The call of cuDNN, forward or backward.
///
/// Forward, the operands are query (B, T, N, H), key and value (B, S, K, H), then a bias (B, 1 or N, T, S) and two
/// arrays of lengths (B), if there are any. The results are those of attention (B, T, N, H), and the logarithms of the
/// sums of exponentials (B, N, T) in `f32`. Backward, the operands are query, key, value, these logarithms, the
/// cotangent, the bias, the result, and the lengths. The results are the cotangents of query, key, value and bias.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct CudnnAttention {
    backward: bool,
    bias: bool,
    causal: bool,
    lengths: bool,
    /// The bits of the scale.
    scale: u64,
    /// The keys before a query that it attends to, itself included; 0 for all.
    window: usize,
}

/// What is not query, key or value.
#[derive(Clone, Debug, Tree)]
struct Rest {
    bias: Option<Array>,
    lengths: Option<(Array, Array)>,
}

impl Rest {
    fn lengths(&self) -> impl Iterator<Item = &Array> {
        self.lengths.iter().flat_map(|(query, key)| [query, key])
    }
}

/// Returns the result, of shape (B, T, N, H), and the logarithm of the sums of exponentials, (B, N, T).
#[track_caller]
pub(super) fn attend(q: &Array, k: &Array, v: &Array, options: &Attention, scale: f64) -> (Array, Array) {
    let dtype = q.dtype();
    let [b, t, _, h] = [0, 1, 2, 3].map(|d| q.shape()[d]);
    let s = k.shape()[1];
    let unfit =
        |what: String| raise(Error::value(format!("cuDNN's attention: {what}")).help("use `Implementation::Auto`"));
    if !matches!(dtype, DType::F16 | DType::BF16) {
        unfit(format!("expected f16 or bf16, got {dtype}"));
    }
    if !h.is_multiple_of(8) || h > FEATURES {
        unfit(format!("the features of a head must be a multiple of 8, at most {FEATURES}, got {h}"));
    }
    let (left, right) = options.window.unwrap_or((usize::MAX, 0));
    if right != 0 && !options.causal {
        unfit(format!("a window has no keys after the query, got {right}"));
    }
    let bias = bias(options, dtype, b, [t, s]);
    if bias.is_some() && (!t.is_multiple_of(2) || !s.is_multiple_of(2)) {
        unfit(format!("with a bias or a mask, the lengths must be even, got {t} and {s}"));
    }
    let full = |n: usize| full_as(b, n as i32, DType::I32);
    let given = |lengths: &Option<Array>, n| lengths.as_ref().map_or_else(|| full(n), |x| x.astype(DType::I32));
    let lengths = (options.query_lengths.is_some() || options.key_value_lengths.is_some())
        .then(|| (given(&options.query_lengths, t), given(&options.key_value_lengths, s)));
    let call = CudnnAttention {
        backward: false,
        bias: bias.is_some(),
        // A window without keys after the query is causal.
        causal: options.causal || options.window.is_some(),
        lengths: lengths.is_some(),
        scale: scale.to_bits(),
        window: if left < s { left + 1 } else { 0 },
    };
    call.apply(q, k, v, &Rest { bias, lengths })
}

/// Returns what is added to the logits, of shape (B, 1 or N, T, S): the bias, and a large negative number for pairs
/// that the mask excludes. Differences of two such numbers must be finite.
#[track_caller]
fn bias(options: &Attention, dtype: DType, batch: usize, [t, s]: [usize; 2]) -> Option<Array> {
    let full = |x: &Array| {
        let missing = 4 - x.ndim();
        let heads = if missing > 1 { 1 } else { x.shape()[1 - missing] };
        x.broadcast_to([batch, heads, t, s])
    };
    let excluded = if dtype == DType::BF16 { -(2f64.powi(41)) } else { -(2f64.powi(15)) };
    let mask = options.mask.as_ref().map(|mask| where_(full(mask), 0.0, excluded).astype(dtype));
    match (options.bias.as_ref().map(|bias| full(&bias.astype(dtype))), mask) {
        (Some(bias), Some(mask)) => Some(bias + mask),
        (bias, mask) => bias.or(mask),
    }
}

impl CudnnAttention {
    /// Applies the call, with its derivative in reverse mode.
    #[track_caller]
    fn apply(&self, q: &Array, k: &Array, v: &Array, rest: &Rest) -> (Array, Array) {
        let (value, forward, backward) =
            (self.clone(), self.clone(), CudnnAttention { backward: true, ..self.clone() });
        let attention = custom_vjp(move |q: &Array, k: &Array, v: &Array, rest: &Rest| value.forward(q, k, v, rest));
        attention.defvjp(
            move |(q, k, v, rest)| {
                let (y, sums) = forward.forward(q, k, v, rest);
                let kept = (q.clone(), k.clone(), v.clone(), rest.clone(), y.clone(), sums.clone());
                ((y, sums), kept)
            },
            move |(q, k, v, rest, y, sums), (dy, _)| {
                let operands: Vec<&Array> =
                    [q, k, v, sums, dy].into_iter().chain(&rest.bias).chain([y]).chain(rest.lengths()).collect();
                let mut results = bind(backward.clone(), &operands).into_iter();
                let mut next = || results.next().unwrap_or_else(|| zeros_like(q));
                let (dq, dk, dv) = (next(), next(), next());
                let bias = rest.bias.as_ref().map(|_| next());
                (dq, dk, dv, Rest { bias, lengths: rest.lengths.clone() })
            },
        )(q, k, v, rest)
    }

    #[track_caller]
    fn forward(&self, q: &Array, k: &Array, v: &Array, rest: &Rest) -> (Array, Array) {
        let operands: Vec<&Array> = [q, k, v].into_iter().chain(&rest.bias).chain(rest.lengths()).collect();
        let mut results = bind(self.clone(), &operands).into_iter();
        match (results.next(), results.next()) {
            (Some(y), Some(sums)) => (y, sums),
            _ => unreachable!("there are two results"),
        }
    }

    /// The same as a whole.
    #[track_caller]
    fn plain(&self, q: &Array, k: &Array, v: &Array, rest: &Rest) -> (Array, Array) {
        let mut options = Attention::new().implementation(Implementation::Xla).scale(f64::from_bits(self.scale));
        options.causal = self.causal;
        options.window = (self.window > 0).then(|| (self.window - 1, 0));
        options.bias = rest.bias.clone();
        if let Some((query, key)) = &rest.lengths {
            options = options.query_lengths(query).key_value_lengths(key);
        }
        let (y, sums) = super::attend(q, k, v, &options);
        let [b, t, n] = [0, 1, 2].map(|d| q.shape()[d]);
        // (B, K, T, G) → (B, K, G, T)
        (y.reshape(q.shape().to_vec()), sums.permute(&[0, 1, 3, 2]).reshape([b, n, t]).astype(DType::F32))
    }

    /// The operands of the backward call as those of the forward call.
    fn rest(&self, args: &[Array]) -> Rest {
        let at = if self.backward { 5 } else { 3 };
        let bias = self.bias.then(|| args[at].clone());
        let lengths = self.lengths.then(|| (args[args.len() - 2].clone(), args[args.len() - 1].clone()));
        Rest { bias, lengths }
    }

    /// The same as a whole, for operands in the order of the call.
    #[track_caller]
    fn plainly(&self, args: &[Array]) -> Vec<Array> {
        let rest = self.rest(args);
        if !self.backward {
            let (y, sums) = self.plain(&args[0], &args[1], &args[2], &rest);
            return vec![y, sums];
        }
        let bias = rest.bias.clone().unwrap_or_else(|| 0.into());
        let value = |q: &Array, k: &Array, v: &Array, bias: &Array| {
            let rest = Rest { bias: rest.bias.as_ref().map(|_| bias.clone()), ..rest.clone() };
            self.plain(q, k, v, &rest).0
        };
        let (_, back) = vjp(value, (&args[0], &args[1], &args[2], &bias));
        let (dq, dk, dv, dbias) = back(&args[4]);
        let mut results = vec![dq, dk, dv];
        results.extend(self.bias.then_some(dbias));
        results
    }

    /// The configuration of the call, as XLA reads it.
    fn config(&self, inputs: &[Aval]) -> String {
        let [b, t, n, _] = [0, 1, 2, 3].map(|d| inputs[0].shape[d]);
        let s = inputs[1].shape[1];
        let element = if inputs[0].dtype == DType::BF16 { "BF16" } else { "F16" };
        let mask = match (self.lengths, self.causal) {
            (false, false) => "NO_MASK",
            (false, true) => "CAUSAL",
            (true, false) => "PADDING",
            (true, true) => "PADDING_CAUSAL",
        };
        // Contracting dimensions, then batch dimensions, of both operands of each product.
        let product = |(name, [x, y], [bx, by]): &(&str, [usize; 2], [[usize; 2]; 2])| {
            let list = |dims: &[usize]| dims.iter().map(|d| format!("\"{d}\"")).collect::<Vec<_>>().join(", ");
            format!(
                "\"{name}_dot_dimension_numbers\": {{\"lhs_contracting_dimensions\": [{}], \
                 \"rhs_contracting_dimensions\": [{}], \"lhs_batch_dimensions\": [{}], \"rhs_batch_dimensions\": [{}]}}",
                list(&[*x]),
                list(&[*y]),
                list(bx),
                list(by)
            )
        };
        let (of_heads, of_logits) = ([0, 2], [0, 1]);
        let forward = [("bmm1", [3, 3], [of_heads, of_heads]), ("bmm2", [3, 1], [of_logits, of_heads])];
        let backward = [
            ("bmm1_grad_gemm1", [2, 1], [of_logits, of_heads]),
            ("bmm1_grad_gemm2", [3, 1], [of_logits, of_heads]),
            ("bmm2_grad_gemm1", [2, 1], [of_logits, of_heads]),
            ("bmm2_grad_gemm2", [3, 3], [of_heads, of_heads]),
        ];
        let products: Vec<String> = match self.backward {
            true => backward.iter().map(product).collect(),
            false => forward.iter().map(product).collect(),
        };
        format!(
            "{{\"operation_queue_id\": \"0\", \"cudnn_fmha_backend_config\": {{\"algorithm\": {{\"algo_id\": \"0\", \
             \"math_type\": \"TENSOR_OP_MATH\", \"tuning_knobs\": {{\"17\": \"1\", \"24\": \"0\"}}, \
             \"is_cudnn_frontend\": true, \"workspace_size\": \"0\"}}, \"fmha_scale\": {scale:?}, \
             \"intermediate_tensor_shape\": {{\"element_type\": \"{element}\", \"dimensions\": [\"{b}\", \"{n}\", \
             \"{t}\", \"{s}\"], \"tuple_shapes\": [], \"layout\": {{\"dim_level_types\": [], \"dim_unique\": [], \
             \"dim_ordered\": [], \"minor_to_major\": [\"3\", \"2\", \"1\", \"0\"], \"tiles\": [], \
             \"element_size_in_bits\": \"0\", \"memory_space\": \"0\", \"index_primitive_type\": \
             \"PRIMITIVE_TYPE_INVALID\", \"pointer_primitive_type\": \"PRIMITIVE_TYPE_INVALID\", \
             \"dynamic_shape_metadata_prefix_bytes\": \"0\"}}, \"is_dynamic_dimension\": [false, false, false, false]}}, \
             \"is_flash_attention\": true, \"mask_type\": \"{mask}\", {products}, \"dropout_rate\": 0.0, \"seed\": 42, \
             \"sliding_window_length\": {window}, \"max_seg_per_batch\": 1, \"is_paged_attention\": false}}}}",
            scale = f64::from_bits(self.scale),
            products = products.join(", "),
            window = self.window,
        )
    }

    fn target(&self) -> String {
        let bias = if self.bias { "ScaleBias" } else { "" };
        let backward = if self.backward { "Backward" } else { "" };
        format!("__cudnn$fmha{bias}Softmax{backward}")
    }
}

impl Primitive for CudnnAttention {
    fn name(&self) -> &'static str {
        "cudnn_attention"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        vec![
            ("backward", python(self.backward).to_string()),
            ("causal", python(self.causal).to_string()),
            ("scale", format!("{:?}", f64::from_bits(self.scale))),
            ("window", self.window.to_string()),
        ]
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        let [b, t, n] = [0, 1, 2].map(|d| inputs[0].shape[d]);
        if !self.backward {
            return Ok([inputs[0].clone(), Aval::new(DType::F32, [b, n, t])].into_iter().collect());
        }
        Ok(inputs[..3].iter().chain(self.bias.then(|| &inputs[5])).cloned().collect())
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        // The first axis of all operands is that of the batch, so the new one joins it.
        let joined = |(x, axis): (&Array, &Option<usize>)| {
            let x = batched_in_front(x, *axis, size);
            let shape: Vec<usize> = [&[x.shape()[0] * x.shape()[1]], &x.shape()[2..]].concat();
            x.reshape(shape)
        };
        let operands: Vec<Array> = x.iter().zip(axes).map(joined).collect();
        let results = bind(self.clone(), &operands.iter().collect::<Vec<_>>());
        let divided = |y: Array| {
            let shape: Vec<usize> = [&[size, y.shape()[0] / size.max(1)], &y.shape()[1..]].concat();
            y.reshape(shape)
        };
        let results: Vec<Array> = results.into_iter().map(divided).collect();
        let places = vec![Some(0); results.len()];
        (results, places)
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], outputs: &[Aval]) -> Outputs<Value> {
        if !cx.routes().fused_attention {
            let like: Vec<Array> = inputs.iter().map(|x| Array::shape_dtype_struct(&x.shape, x.dtype)).collect();
            let whole = make_jaxpr(|args: &Vec<Array>| self.plainly(args))(&like);
            return cx.inline(&whole.jaxpr, args).into_iter().collect();
        }
        // cuDNN writes (batch, heads, sequence, features), in memory as (batch, sequence, heads, features).
        // The fourth cotangent is that of the bias.
        let moved = |i: usize, x: &Aval| x.rank() == 4 && i < 3;
        let raw: Vec<Aval> = (outputs.iter().enumerate())
            .map(|(i, x)| match moved(i, x) {
                true => x.with_shape([x.shape[0], x.shape[2], x.shape[1], x.shape[3]]),
                false => x.clone(),
            })
            .chain([Aval::new(DType::U8, [0])])
            .collect();
        let minor_to_major = |i: usize, x: &Aval| -> Vec<usize> {
            if i < outputs.len() && moved(i, &outputs[i]) { vec![3, 1, 2, 0] } else { (0..x.rank()).rev().collect() }
        };
        let attrs = [
            ("api_version", Attr::I32(2)),
            ("backend_config", Attr::Str(self.config(inputs))),
            ("call_target_name", Attr::Str(self.target())),
            ("operand_layouts", layouts(inputs.iter().map(|x| (0..x.rank()).rev()))),
            ("result_layouts", layouts(raw.iter().enumerate().map(|(i, x)| minor_to_major(i, x).into_iter()))),
        ];
        let types: Vec<_> = raw.iter().map(Aval::mlir).collect();
        let results = cx.block.op("stablehlo.custom_call", args, &attrs, &types);
        let order = [("permutation", Attr::I64Array(vec![0, 2, 1, 3]))];
        (results.into_iter().take(outputs.len()).enumerate())
            .map(|(i, x)| match moved(i, &outputs[i]) {
                true => cx.op("stablehlo.transpose", &[x], &order, &outputs[i]),
                false => x,
            })
            .collect()
    }
}
