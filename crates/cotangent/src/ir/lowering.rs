//! Lowering a jaxpr to StableHLO: the walk that calls each primitive's `lower`.

use std::cell::RefCell;
use std::fmt;

use rustc_hash::FxHashMap;
use smallvec::SmallVec;
/// Types that a primitive's `lower` uses.
pub use stablehlo::{Attr, Value};
use stablehlo::{Block, Func, Module, Scalar as HloScalar, Type, Visibility};

use super::constants::Constants;
use super::functions::{Functions, mesh_name};
use super::partition::{Layout, Partition};
use super::routes::Routes;
use crate::array::InlineVec;
use crate::array::aval::{Aval, Shape};
use crate::array::dtype::DType;
use crate::array::literal::{Literal, Scalar};
use crate::array::platform::Platform;
use crate::error::location::with_location;
use crate::ir::env::Env;
use crate::ir::jaxpr::{Atom, Jaxpr};
use crate::ir::primitive::Outputs;

/// The destination of a primitive's StableHLO: the current block, and the functions of the module.
///
/// ```
/// use cotangent::extend::{Lowering, Value};
/// use cotangent::extend::{Outputs, Primitive};
/// use cotangent::{Aval, extend::bind1, prelude::*};
///
/// #[derive(Clone, Debug, PartialEq, Eq, Hash)]
/// struct Opposite;
///
/// impl Primitive for Opposite {
///     fn name(&self) -> &'static str {
///         "opposite"
///     }
///     fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
///         Ok(inputs.iter().cloned().collect())
///     }
///     fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], _: &[Aval], outs: &[Aval]) -> Outputs<Value> {
///         [cx.op("stablehlo.negate", args, &[], &outs[0])].into_iter().collect()
///     }
/// }
///
/// assert_eq!(bind1(Opposite, &[&Array::scalar(2.0f32)]).item::<f32>(), -2.0);
/// ```
pub struct Lowering<'a> {
    /// The block that operations are appended to.
    pub block: &'a mut Block,
    pub(super) functions: &'a RefCell<Functions>,
    /// Whether this is the body of an elementwise operation, where values are single elements without memory of their
    /// own.
    pub(super) of_elements: bool,
    /// In a program with effects: the token that the next effect must wait for.
    pub(super) token: Option<Value>,
    /// Scalars that this block has broadcast to a shape, so that each is broadcast once.
    spread: FxHashMap<(u32, Shape), Value>,
    /// The constants in the values of this block.
    pub(super) constants: Constants,
}

/// The layouts of the operands or results of a custom call. Each order lists the dimensions from minor to major.
pub(crate) fn layouts(orders: impl IntoIterator<Item = impl Iterator<Item = usize>>) -> Attr {
    let layout = |order| {
        let order: Vec<String> = Iterator::map(order, |d: usize| d.to_string()).collect();
        let list = if order.is_empty() { String::new() } else { format!("[{}]", order.join(", ")) };
        Attr::Raw(format!("dense<{list}> : tensor<{}xindex>", order.len()))
    };
    Attr::Array(orders.into_iter().map(layout).collect())
}

/// The token that effects pass from one to the next, to keep their order. Its value has no meaning.
pub(super) fn token_aval() -> Aval {
    Aval::new(DType::I32, ())
}

impl fmt::Debug for Lowering<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lowering").field("block", &self.block).finish_non_exhaustive()
    }
}

impl<'a> Lowering<'a> {
    pub(super) fn new(block: &'a mut Block, functions: &'a RefCell<Functions>, token: Option<Value>) -> Lowering<'a> {
        let (spread, constants) = (FxHashMap::default(), Constants::default());
        Lowering { block, functions, of_elements: false, token, spread, constants }
    }

    /// What the program is for. What a compiler lacks there may be lowered otherwise than elsewhere.
    pub fn platform(&self) -> Platform {
        self.functions.borrow().platform
    }

    /// Whether the program may call functions that JAX registers as well, and no others.
    pub(crate) fn portable(&self) -> bool {
        self.functions.borrow().portable
    }

    /// What is lowered differently for the platform.
    pub(crate) fn routes(&self) -> Routes {
        Routes::of(self.platform())
    }

    /// Appends an operation with one result. A barrier protects operands whose constants the compiler would combine
    /// wrongly.
    pub fn op(&mut self, name: &str, args: &[Value], attrs: &[(&str, Attr)], output: &Aval) -> Value {
        self.append(name, args, attrs, &output.mlir())
    }

    fn append(&mut self, name: &str, args: &[Value], attrs: &[(&str, Attr)], output: &Type) -> Value {
        if self.of_elements {
            return self.block.op1(name, args, attrs, output);
        }
        let args = self.constants.apart(self.block, name, args);
        let value = self.block.op1(name, &args[..], attrs, output);
        self.constants.result(name, &args, &value);
        value
    }

    /// A constant of the shape and dtype of `aval`, with all elements equal.
    pub fn splat(&mut self, aval: &Aval, value: Literal) -> Value {
        let scalar = match (value.rounded(), aval.dtype) {
            (Scalar::Bool(x), _) => HloScalar::Bool(x),
            (Scalar::Int(x), _) => HloScalar::Int(x.into()),
            (Scalar::Uint(x), _) => HloScalar::Int(x.into()),
            (Scalar::Float(x), DType::F64 | DType::C128) => HloScalar::F64(x),
            (Scalar::Float(x), _) => HloScalar::F32(x as f32),
            (Scalar::Complex(re, im), DType::C64) => HloScalar::C64(re as f32, im as f32),
            (Scalar::Complex(re, im), _) => HloScalar::C128(re, im),
        };
        let constant = self.block.splat(&aval.mlir(), scalar);
        self.constants.number(&constant, value);
        constant
    }

    /// A constant of the shape and dtype of `aval` that has these bytes.
    pub fn bytes(&mut self, aval: &Aval, bytes: &[u8]) -> Value {
        let constant = self.block.bytes(&aval.mlir(), bytes);
        self.constants.table(&constant, aval.dtype, bytes);
        constant
    }

    /// Broadcasts `value` to `shape`. Its dimension `i` becomes dimension `dims[i]` of the result.
    pub fn broadcast_in_dim(&mut self, value: &Value, output: &Type, dims: &[usize]) -> Value {
        let attr = ("broadcast_dimensions", Attr::i64s(dims.iter().copied()));
        self.append("stablehlo.broadcast_in_dim", std::slice::from_ref(value), &[attr], output)
    }

    /// The operands of an elementwise operation, with scalars and sizes of one broadcast to the shape of the result.
    pub fn same_shape(&mut self, args: &[Value], shape: &[usize]) -> InlineVec<Value, 4> {
        (args.iter())
            .map(|x| {
                if x.ty().dims() == shape {
                    return x.clone();
                }
                let key = (x.id(), Shape::new(shape));
                if let Some(spread) = self.spread.get(&key) {
                    return spread.clone();
                }
                let dims: SmallVec<[usize; 4]> = (0..x.ty().dims().len()).collect();
                let spread = self.broadcast_in_dim(x, &Type::tensor(shape, x.ty().element()), &dims);
                self.spread.insert(key, spread.clone());
                spread
            })
            .collect()
    }

    /// Appends a reduction of one operand over `axes` with a binary operation such as `stablehlo.add`.
    pub fn reduce(&mut self, combiner: &str, x: &Value, init: &Value, axes: &[usize], output: &Aval) -> Value {
        let scalar = Type::tensor(&[], x.ty().element());
        let mut op = self.block.begin_op("stablehlo.reduce", [x, init], &[output.mlir()]);
        op.region(&[scalar.clone(), scalar.clone()], |block, args| vec![block.op1(combiner, args, &[], &scalar)]);
        let reduced = op.finish(&[("dimensions", Attr::i64s(axes.iter().copied()))]).swap_remove(0);
        self.constants.result("stablehlo.reduce", std::slice::from_ref(x), &reduced);
        reduced
    }

    /// Appends an operation on single elements with one region for each list of parameter types in `params`. `body`
    /// writes region `i` and returns its results. For loops and branches use [`while_loop`](Lowering::while_loop) and
    /// [`case`](Lowering::case).
    pub fn regions(
        &mut self,
        name: &str,
        operands: &[Value],
        attrs: &[(&str, Attr)],
        results: &[Type],
        params: &[&[Type]],
        mut body: impl FnMut(&mut Lowering<'_>, usize, &[Value]) -> Vec<Value>,
    ) -> Outputs<Value> {
        let functions = self.functions;
        let operands = if self.of_elements { operands.to_vec() } else { self.constants.leave(self.block, operands) };
        let mut op = self.block.begin_op(name, &operands, results);
        for (i, params) in params.iter().enumerate() {
            op.region(params, |block, args| {
                let mut inner = Lowering::new(block, functions, None);
                inner.of_elements = true;
                body(&mut inner, i, args)
            });
        }
        op.finish(attrs).into_iter().collect()
    }

    /// Appends a loop. `cond` writes the condition on the state, and `step` writes the next state.
    pub fn while_loop(
        &mut self,
        state: &[Value],
        mut cond: impl FnMut(&mut Lowering<'_>, &[Value]) -> Value,
        mut step: impl FnMut(&mut Lowering<'_>, &[Value]) -> Vec<Value>,
    ) -> Outputs<Value> {
        let (functions, of_elements) = (self.functions, self.of_elements);
        // The token enters the loop as the last part of its state, and is returned from it.
        let state = if of_elements { state.to_vec() } else { self.constants.leave(self.block, state) };
        let state: Vec<Value> = state.into_iter().chain(self.token.clone()).collect();
        let types: Vec<Type> = state.iter().map(|x| x.ty().clone()).collect();
        let own = state.len() - usize::from(self.token.is_some());
        let mut op = self.block.begin_op("stablehlo.while", &state, &types);
        op.region(&types, |block, args| {
            let token = args.get(own).cloned();
            let mut inner = Lowering { of_elements, ..Lowering::new(block, functions, token) };
            vec![cond(&mut inner, &args[..own])]
        });
        op.region(&types, |block, args| {
            let token = args.get(own).cloned();
            let mut inner = Lowering { of_elements, ..Lowering::new(block, functions, token) };
            let mut next = step(&mut inner, &args[..own]);
            next.extend(inner.token);
            next
        });
        let mut values: Outputs<Value> = op.finish(&[]).into_iter().collect();
        if own < values.len() {
            self.token = values.pop();
        }
        values
    }

    /// [`while_loop`](Lowering::while_loop) of a condition and a step that are programs, each with the values that it
    /// captures, which come before the state.
    pub(crate) fn while_programs(
        &mut self,
        state: &[Value],
        cond: (&Jaxpr, &[Value]),
        step: (&Jaxpr, &[Value]),
    ) -> Outputs<Value> {
        let inline = |cx: &mut Lowering<'_>, (program, captures): (&Jaxpr, &[Value]), state: &[Value]| {
            cx.inline(program, &[captures, state].concat())
        };
        self.while_loop(state, |cx, state| inline(cx, cond, state).swap_remove(0), |cx, state| inline(cx, step, state))
    }

    /// Appends a selection between `branches` by an index. `body` writes branch `i` and returns its results.
    pub fn case(
        &mut self,
        index: &Value,
        branches: usize,
        results: &[Type],
        mut body: impl FnMut(&mut Lowering<'_>, usize) -> Vec<Value>,
    ) -> Outputs<Value> {
        let (functions, of_elements, token) = (self.functions, self.of_elements, self.token.clone());
        let results: Vec<Type> = results.iter().cloned().chain(token.iter().map(|t| t.ty().clone())).collect();
        let mut op = self.block.begin_op("stablehlo.case", [index], &results);
        for i in 0..branches {
            op.region(&[], |block, _| {
                let mut inner = Lowering { of_elements, ..Lowering::new(block, functions, token.clone()) };
                let mut returned = body(&mut inner, i);
                returned.extend(inner.token);
                returned
            });
        }
        let mut values: Outputs<Value> = op.finish(&[]).into_iter().collect();
        if token.is_some() {
            self.token = values.pop();
        }
        values
    }

    /// Appends an operation with an effect. Its first operand and its first result are the token, which orders the
    /// effects of a program. Returns the other results.
    pub(crate) fn effect(
        &mut self,
        name: &str,
        args: &[Value],
        attrs: &[(&str, Attr)],
        outputs: &[Aval],
    ) -> Outputs<Value> {
        let token = self.token.clone().unwrap_or_else(|| self.splat(&token_aval(), Literal::int(DType::I32, 0)));
        let operands: Vec<Value> = std::iter::once(token).chain(args.iter().cloned()).collect();
        let results: Vec<Type> = std::iter::once(token_aval().mlir()).chain(outputs.iter().map(Aval::mlir)).collect();
        let mut values = self.block.op(name, &operands, attrs, &results).into_iter();
        self.token = values.next();
        values.collect()
    }

    /// Appends the equations of a program in place and returns its results.
    pub fn inline(&mut self, jaxpr: &Jaxpr, args: &[Value]) -> Vec<Value> {
        let mut env = Env::of_inputs(jaxpr, args.iter().cloned());
        let mut literals: FxHashMap<Literal, Value> = FxHashMap::default();
        // The equations use the same memory, one after the other.
        let (mut args, mut inputs, mut outputs) = (Vec::new(), Vec::new(), Vec::new());
        for eqn in jaxpr.eqns() {
            let origin = eqn.loc.here();
            let name = origin.scope.names().map(|scope| format!("{scope}/{}", eqn.prim.name()));
            self.block.set_location(Some(stablehlo::Location::from(eqn.loc.loc).named(name.as_deref())));
            args.clear();
            args.extend(eqn.inputs.iter().map(|atom| self.read(&env, &mut literals, atom)));
            inputs.clear();
            inputs.extend(eqn.inputs.iter().map(|atom| jaxpr.aval(atom)));
            outputs.clear();
            outputs.extend(eqn.outputs.iter().map(|v| jaxpr.avals()[v.index()].clone()));
            // An equation that cannot be lowered is reported at the user's line.
            let values = with_location(origin, || eqn.prim.lower(self, &args, &inputs, &outputs));
            debug_assert_eq!(values.len(), outputs.len(), "results of the lowering of {}", eqn.prim.name());
            for (var, value) in eqn.outputs.iter().zip(values) {
                debug_assert_eq!(value.ty(), &jaxpr.avals()[var.index()].mlir(), "lowering of {}", eqn.prim.name());
                env.set(*var, value);
            }
        }
        jaxpr.outputs().iter().map(|atom| self.read(&env, &mut literals, atom)).collect()
    }

    fn read(&mut self, env: &Env<Value>, literals: &mut FxHashMap<Literal, Value>, atom: &Atom) -> Value {
        env.read(atom, |literal| {
            literals.entry(literal).or_insert_with(|| self.splat(&literal.aval(), literal)).clone()
        })
    }
}

/// What lowering needs to know about a program besides its equations.
#[derive(Clone, Copy)]
pub(crate) struct Entry<'a> {
    pub(crate) platform: Platform,
    /// Whether the module is for other programs than this one, such as JAX. It then calls no function that JAX lacks.
    pub(crate) portable: bool,
    /// For each input, the result that may reuse its memory, if any.
    pub(crate) aliases: &'a [Option<usize>],
    /// The types and bytes of the leading inputs that become constants.
    pub(crate) constants: &'a [(Aval, Vec<u8>)],
    /// The layouts of a program over several devices.
    pub(crate) partition: Option<Partition<'a>>,
}

/// The function that XLA runs. If the program has effects, it has one more result, which is available when all of them
/// have taken place.
fn main_function(jaxpr: &Jaxpr, entry: Entry<'_>, functions: &RefCell<Functions>) -> Func {
    let params: Vec<Type> = jaxpr.input_avals().skip(entry.constants.len()).map(Aval::mlir).collect();
    let mut func = Func::new("main", Visibility::Public, &params);
    for (input, output) in entry.aliases.iter().enumerate().filter_map(|(i, o)| Some((i, (*o)?))) {
        func.param_attr(input, "tf.aliasing_output", Attr::I32(output as i32));
    }
    let params = func.params();
    let mut lowering = Lowering::new(func.body(), functions, None);
    let (inputs, outputs) = entry.partition.map_or((&[][..], &[][..]), |p| (p.inputs, p.outputs));
    let [inputs, outputs] = [inputs, outputs].map(|layouts| {
        let attr = |(i, layout): (usize, &Option<Layout>)| Some((i, lowering.layout(layout.as_ref()?)));
        layouts.iter().enumerate().filter_map(attr).collect::<Vec<_>>()
    });
    let constants: Vec<Value> = entry.constants.iter().map(|(aval, bytes)| lowering.bytes(aval, bytes)).collect();
    if jaxpr.effects().kept {
        lowering.token = Some(lowering.splat(&token_aval(), Literal::int(DType::I32, 0)));
    }
    let mut results = lowering.inline(jaxpr, &[constants, params].concat());
    results.extend(lowering.token);
    for i in entry.partition.iter().flat_map(|p| (0..p.donors.len()).filter(|i| p.donors[*i])) {
        func.param_attr(i, "jax.buffer_donor", Attr::Bool(true));
    }
    inputs.into_iter().for_each(|(i, attr)| func.param_attr(i, "sdy.sharding", attr));
    outputs.into_iter().for_each(|(i, attr)| func.result_attr(i, "sdy.sharding", attr));
    func.ret(&results);
    func
}

/// The StableHLO module of a program for a platform. Its `main` has the arguments and results of the program.
///
/// If the program has effects, `main` has one more result, a number that is available when they have taken place.
///
/// ```
/// use cotangent::prelude::*;
/// let program = make_jaxpr(|x: &Array| x + 1.0)(&2.0.into());
/// let module = cotangent::extend::lower("example", &program.jaxpr, cotangent::Platform::Cpu);
/// assert!(module.to_text().contains("stablehlo.add"));
/// ```
#[must_use]
pub fn lower(name: &str, jaxpr: &Jaxpr, platform: Platform) -> Module {
    lower_entry(name, jaxpr, Entry { platform, portable: false, aliases: &[], constants: &[], partition: None })
}

/// [`lower`] with inputs that become constants or whose memory may be reused.
pub(crate) fn lower_entry(name: &str, jaxpr: &Jaxpr, entry: Entry<'_>) -> Module {
    let functions = RefCell::new(Functions::new(entry.platform, entry.portable));
    let main = main_function(jaxpr, entry, &functions);
    let mut module = Module::new(name);
    if let Some(partition) = entry.partition {
        module.set_attr("mhlo.num_partitions", Attr::I32(partition.devices as i32));
    }
    module.add(main);
    let Functions { written, meshes, foreign, .. } = functions.into_inner();
    for (place, grid) in meshes.iter().enumerate() {
        let axes: Vec<(String, usize)> = grid.iter().map(|axis| (axis.name.to_string(), axis.size)).collect();
        module.add_mesh(&mesh_name(place), axes.iter().map(|(name, size)| (name.as_str(), *size)));
    }
    for func in written {
        module.add(func);
    }
    module.add_text(&foreign);
    module
}
