//! From jaxpr to StableHLO: the walk that calls each primitive's `lower`.

use std::cell::RefCell;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use smallvec::SmallVec;
/// What a primitive's `lower` writes with.
pub use stablehlo::{Attr, Value};
use stablehlo::{Block, Func, Module, Scalar as HloScalar, Type, Visibility};

use super::aval::Aval;
use super::dtype::DType;
use super::jaxpr::{Atom, Jaxpr};
use super::literal::{Literal, Scalar};
use super::primitive::Outputs;

/// Functions of the module being written, shared by structure.
#[derive(Default)]
struct Functions {
    names: FxHashMap<Arc<Jaxpr>, String>,
    taken: FxHashMap<String, usize>,
    written: Vec<Func>,
}

/// Where a primitive's StableHLO goes: the current block, and the functions of the module.
///
/// ```
/// use cotangent::core::lowering::{Lowering, Value};
/// use cotangent::core::primitive::{Outputs, Primitive};
/// use cotangent::{Aval, core::bind1, prelude::*};
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
    functions: &'a RefCell<Functions>,
}

impl Lowering<'_> {
    /// Appends an operation with one result.
    pub fn op(&mut self, name: &str, args: &[Value], attrs: &[(&str, Attr)], output: &Aval) -> Value {
        self.block.op1(name, args, attrs, &output.mlir())
    }

    /// A constant of the shape and dtype of `aval`, all elements alike.
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
        self.block.splat(&aval.mlir(), scalar)
    }

    /// `value` spread over `shape`; its dimension `i` becomes dimension `dims[i]` of the result.
    pub fn broadcast_in_dim(&mut self, value: &Value, output: &Type, dims: &[usize]) -> Value {
        let attr = ("broadcast_dimensions", Attr::i64s(dims.iter().copied()));
        self.block.op1("stablehlo.broadcast_in_dim", value, &[attr], output)
    }

    /// The operands of an elementwise operation with scalars spread to the shape of the result.
    pub fn same_shape(&mut self, args: &[Value], shape: &[usize]) -> SmallVec<[Value; 4]> {
        (args.iter())
            .map(|x| {
                if x.ty().dims() == shape {
                    return x.clone();
                }
                let ty = Type::tensor(shape, x.ty().element());
                self.broadcast_in_dim(x, &ty, &[])
            })
            .collect()
    }

    /// Appends a reduction of one operand over `axes` with a binary operation such as `stablehlo.add`.
    pub fn reduce(&mut self, combiner: &str, x: &Value, init: &Value, axes: &[usize], output: &Aval) -> Value {
        let scalar = Type::tensor(&[], x.ty().element());
        let mut op = self.block.begin_op("stablehlo.reduce", [x, init], &[output.mlir()]);
        op.region(&[scalar.clone(), scalar.clone()], |block, args| vec![block.op1(combiner, args, &[], &scalar)]);
        op.finish(&[("dimensions", Attr::i64s(axes.iter().copied()))]).swap_remove(0)
    }

    /// Appends an operation with a region for each list of parameter types in `params`; `body` writes region `i` and
    /// gives what it returns.
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
        let mut op = self.block.begin_op(name, operands, results);
        for (i, params) in params.iter().enumerate() {
            op.region(params, |block, args| body(&mut Lowering { block, functions }, i, args));
        }
        op.finish(attrs).into_iter().collect()
    }

    /// Appends the equations of a program in place and gives its results.
    pub fn inline(&mut self, jaxpr: &Jaxpr, args: &[Value]) -> Vec<Value> {
        let mut env: Vec<Option<Value>> = vec![None; jaxpr.avals.len()];
        let mut literals: FxHashMap<Literal, Value> = FxHashMap::default();
        for (var, value) in jaxpr.inputs.iter().zip(args) {
            env[var.index()] = Some(value.clone());
        }
        for eqn in &jaxpr.eqns {
            self.block.set_location(Some(eqn.loc.into()));
            let args: SmallVec<[Value; 4]> =
                eqn.inputs.iter().map(|atom| self.read(&env, &mut literals, atom)).collect();
            let inputs: SmallVec<[Aval; 4]> = eqn.inputs.iter().map(|a| jaxpr.aval(a)).collect();
            let outputs: SmallVec<[Aval; 2]> = eqn.outputs.iter().map(|v| jaxpr.avals[v.index()].clone()).collect();
            let values = eqn.prim.lower(self, &args, &inputs, &outputs);
            debug_assert_eq!(values.len(), outputs.len(), "the lowering of {} has other results", eqn.prim.name());
            for (var, value) in eqn.outputs.iter().zip(values) {
                debug_assert_eq!(value.ty(), &jaxpr.avals[var.index()].mlir(), "lowering of {}", eqn.prim.name());
                env[var.index()] = Some(value);
            }
        }
        jaxpr.outputs.iter().map(|atom| self.read(&env, &mut literals, atom)).collect()
    }

    fn read(&mut self, env: &[Option<Value>], literals: &mut FxHashMap<Literal, Value>, atom: &Atom) -> Value {
        match atom {
            Atom::Var(var) => match &env[var.index()] {
                Some(value) => value.clone(),
                None => unreachable!("variables are defined before their use"),
            },
            Atom::Lit(literal) => {
                literals.entry(*literal).or_insert_with(|| self.splat(&literal.aval(), *literal)).clone()
            }
        }
    }

    /// Appends a call of `jaxpr`, which becomes a function of the module, written once.
    pub fn call(&mut self, name: &str, jaxpr: &Arc<Jaxpr>, args: &[Value]) -> Outputs<Value> {
        let known = self.functions.borrow().names.get(jaxpr).cloned();
        let name = known.unwrap_or_else(|| {
            let unique = self.functions.borrow_mut().unique(name);
            let func = function(&unique, Visibility::Private, jaxpr, self.functions);
            let mut functions = self.functions.borrow_mut();
            functions.names.insert(jaxpr.clone(), unique.clone());
            functions.written.push(func);
            unique
        });
        let results: Vec<Type> = jaxpr.output_avals().map(|a| a.mlir()).collect();
        self.block.call(&name, args, &results).into_iter().collect()
    }
}

impl Functions {
    fn unique(&mut self, name: &str) -> String {
        let count = self.taken.entry(name.to_string()).or_insert(0);
        *count += 1;
        if *count == 1 { name.to_string() } else { format!("{name}_{}", *count - 1) }
    }
}

fn function(name: &str, visibility: Visibility, jaxpr: &Jaxpr, functions: &RefCell<Functions>) -> Func {
    let params: Vec<Type> = jaxpr.input_avals().map(Aval::mlir).collect();
    let mut func = Func::new(name, visibility, &params);
    let args = func.params();
    let results = Lowering { block: func.body(), functions }.inline(jaxpr, &args);
    func.ret(&results);
    func
}

/// The StableHLO module of a program; its `main` takes and gives what the program does.
///
/// ```
/// use cotangent::prelude::*;
/// let program = make_jaxpr(|x: &Array| x + 1.0)(&2.0.into());
/// let module = cotangent::core::lowering::lower("example", &program.jaxpr);
/// assert!(module.to_text().contains("stablehlo.add"));
/// ```
#[must_use]
pub fn lower(name: &str, jaxpr: &Jaxpr) -> Module {
    let functions = RefCell::new(Functions::default());
    functions.borrow_mut().taken.insert("main".to_string(), 1);
    let main = function("main", Visibility::Public, jaxpr, &functions);
    let mut module = Module::new(name);
    module.add(main);
    for func in functions.into_inner().written {
        module.add(func);
    }
    module
}
