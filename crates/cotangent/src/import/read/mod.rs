//! Reads a function of a StableHLO module as a jaxpr. Each operation becomes the primitive that this library has for it. An
//! operation without one runs as it was written.

mod arrange;
mod control;
mod custom;
mod elementwise;
mod expanded;
mod index;
mod linalg;
mod norm;
mod opaque;
mod primitives;
mod reduce;
mod scan;
mod value;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use stablehlo::read::{Attrs, Function, LocId, Op, Program, Region, Type, Value};

use crate::array::Array;
use crate::array::aval::Aval;
use crate::control::call::Call;
use crate::error::{Error, ErrorKind, Result, attempt};
use crate::ir::jaxpr::Closed;
use crate::trace::frames::{Inputs, bind, stage};
use crate::transform::dce::dce;

use scan::Loop;
use value::{Val, aval};

/// A function that is called more than once and has more operations than this, calls included, stays a function.
const INLINED: usize = 200;
/// How deep calls and regions may be nested.
const DEPTH: usize = 200;

/// Reads a program.
struct Reader<'p> {
    program: &'p Program,
    functions: HashMap<&'p str, &'p Function>,
    /// The number of operations of each function, those of the functions that it calls included.
    sizes: HashMap<&'p str, usize>,
    /// How often each function is called.
    calls: HashMap<&'p str, usize>,
    /// The functions with values that only the compiler has.
    strange: HashSet<&'p str>,
    /// The functions that are not inlined.
    shared: HashMap<&'p str, Closed>,
    /// The loops whose bodies are being read, from the outside in.
    loops: Vec<Loop>,
    depth: usize,
    /// The operations that have no primitive and that the compiler must not be given. Reading goes on after one, as if the
    /// compiler might have it, so that all of them are found.
    refused: Vec<Error>,
    /// The operation that is being read.
    current: Option<(Arc<str>, LocId)>,
}

/// The values of a function that is being read, by their numbers.
struct Scope<'p> {
    function: &'p Function,
    values: Vec<Option<Val>>,
    /// The operations that define them; parameters have none.
    definitions: Vec<Option<&'p Op>>,
    /// The tuples that stand for their elements, and these.
    tuples: HashMap<Value, Vec<Val>>,
    /// The values that are such tuples.
    lists: HashSet<Value>,
}

type Vals = Result<Vec<Val>>;

/// The types of what the function takes and returns.
pub(super) fn types(function: &Function) -> Result<(Vec<Aval>, Vec<Aval>)> {
    let inputs = function.params().map(aval).collect::<Result<_>>();
    Ok((
        inputs.map_err(|e| e.context("an argument"))?,
        function
            .results
            .iter()
            .flat_map(elements)
            .map(aval)
            .collect::<Result<_>>()
            .map_err(|e| e.context("a result"))?,
    ))
}

/// The types in a tuple, as which a module from HLO returns several results, or the type alone.
fn elements(ty: &Type) -> &[Type] {
    match ty {
        Type::Tuple(types) => types,
        one => std::slice::from_ref(one),
    }
}

/// Reads the function `name` as a jaxpr. The first `fixed` arguments are given. What cannot be read is appended to
/// `refused`, each operation once; the error is the first of these.
pub(super) fn function(program: &Program, name: &str, fixed: &[Array], refused: &mut Vec<Error>) -> Result<Closed> {
    let mut reader = Reader {
        program,
        functions: program.functions.iter().map(|f| (&*f.name, f)).collect(),
        sizes: HashMap::new(),
        calls: HashMap::new(),
        strange: HashSet::new(),
        shared: HashMap::new(),
        loops: Vec::new(),
        depth: 0,
        refused: Vec::new(),
        current: None,
    };
    let function = reader.function(name)?;
    reader.size(&function.name, 0)?;
    let (inputs, _) = types(function)?;
    let attempted = attempt(|| {
        reader.staged(&inputs[fixed.len()..], "in an imported function", |reader, args| {
            let args: Vec<Val> = fixed.iter().chain(args).cloned().map(Val::new).collect();
            reader.run(function, &args).map(|results| results.iter().map(Val::full).collect())
        })
    });
    let closed = attempted.and_then(|result| result).map_err(|error| match reader.current.take() {
        Some(op) => reader.placed(error, &op),
        None => error,
    });
    let mut found = std::mem::take(&mut reader.refused);
    let closed = match closed {
        Ok(closed) if found.is_empty() => closed,
        outcome => {
            found.extend(outcome.err());
            let mut seen = HashSet::new();
            found.retain(|error| seen.insert(error.message().to_string()));
            let first = found[0].clone();
            refused.extend(found);
            return Err(first);
        }
    };
    let (jaxpr, kept) = dce(&closed.jaxpr, true);
    debug_assert!(kept.iter().all(|k| *k), "all inputs are kept");
    Ok(Closed { jaxpr: Arc::new(jaxpr), captures: closed.captures })
}

/// The error for an operation or a form of it that is not read.
fn unsupported(what: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Transform, format!("{what} is not supported in imported programs"))
}

fn malformed(what: impl std::fmt::Display) -> Error {
    Error::value(format!("the program is malformed: {what}"))
}

/// Attributes that must be there.
trait Required {
    fn axes(&self, name: &str) -> Result<Vec<usize>>;
    fn list(&self, name: &str) -> Result<Vec<i64>>;
    fn axis(&self, name: &str) -> Result<usize>;
    fn sizes_or(&self, name: &str, n: usize, default: usize) -> Result<Vec<usize>>;
    fn pairs(&self, name: &str, n: usize) -> Result<Vec<(i64, i64)>>;
}

impl Required for Attrs {
    /// A list of numbers that are not negative; an absent one is empty.
    fn axes(&self, name: &str) -> Result<Vec<usize>> {
        let natural = |x: i64| usize::try_from(x).map_err(|_| malformed(format!("`{name}` has the element {x}")));
        self.list(name)?.into_iter().map(natural).collect()
    }

    fn list(&self, name: &str) -> Result<Vec<i64>> {
        self.ints(name).ok_or_else(|| malformed(format!("`{name}` is not a list of integers")))
    }

    /// A number that is not negative; an absent one is zero.
    fn axis(&self, name: &str) -> Result<usize> {
        let x = match self.get(name) {
            None => 0,
            Some(x) => x.as_i64().ok_or_else(|| malformed(format!("`{name}` is not an integer")))?,
        };
        usize::try_from(x).map_err(|_| malformed(format!("`{name}` is {x}")))
    }

    /// `n` numbers, each `default` if they are absent.
    fn sizes_or(&self, name: &str, n: usize, default: usize) -> Result<Vec<usize>> {
        let sizes = if self.get(name).is_some() { self.axes(name)? } else { vec![default; n] };
        if sizes.len() != n {
            return Err(malformed(format!("`{name}` has {} elements instead of {n}", sizes.len())));
        }
        Ok(sizes)
    }

    /// `n` pairs, each of zeros if they are absent.
    fn pairs(&self, name: &str, n: usize) -> Result<Vec<(i64, i64)>> {
        let flat = if self.get(name).is_some() { self.list(name)? } else { vec![0; 2 * n] };
        if flat.len() != 2 * n {
            return Err(malformed(format!("`{name}` has {} elements instead of {}", flat.len(), 2 * n)));
        }
        Ok(flat.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect())
    }
}

impl<'p> Reader<'p> {
    fn function(&self, name: &str) -> Result<&'p Function> {
        self.functions.get(name).copied().ok_or_else(|| malformed(format!("there is no function `{name}`")))
    }

    /// Counts the operations and calls of a function, and refuses recursion.
    fn size(&mut self, name: &'p str, depth: usize) -> Result<usize> {
        if let Some(size) = self.sizes.get(name) {
            return Ok(*size);
        }
        if depth > DEPTH {
            return Err(malformed(format!("the calls of `{name}` are nested too deeply")));
        }
        let function = self.function(name)?;
        let mut size = 0usize;
        let mut open: Vec<&'p Region> = vec![&function.body];
        while let Some(region) = open.pop() {
            for op in &region.ops {
                size = size.saturating_add(1);
                open.extend(&op.regions);
                let callee = match &*op.name {
                    "func.call" => op.attributes.str("callee"),
                    "stablehlo.composite" => op.attributes.str("decomposition"),
                    _ => None,
                };
                if let Some(callee) = callee {
                    *self.calls.entry(callee).or_default() += 1;
                    size = size.saturating_add(self.size(callee, depth + 1)?);
                }
            }
        }
        if opaque::has_strange(function) {
            self.strange.insert(&function.name);
        }
        self.sizes.insert(name, size);
        Ok(size)
    }

    /// Traces a part of the program into a jaxpr.
    fn staged(
        &mut self,
        avals: &[Aval],
        place: &'static str,
        f: impl FnOnce(&mut Self, &[Array]) -> Result<Vec<Array>>,
    ) -> Result<Closed> {
        let (closed, outcome) = stage(avals, &Inputs::Unknown(place), |args| match f(self, args) {
            Ok(results) => (results, Ok(())),
            Err(error) => (Vec::new(), Err(error)),
        });
        outcome.map(|()| closed)
    }

    /// Runs a function on values.
    fn run(&mut self, function: &'p Function, args: &[Val]) -> Vals {
        let n = function.types.len();
        let lists = if self.strange.contains(&*function.name) { opaque::lists(function) } else { HashSet::new() };
        let (values, definitions) = (vec![None; n], vec![None; n]);
        let mut scope = Scope { function, values, definitions, tuples: HashMap::new(), lists };
        self.region(&mut scope, &function.body, args)
    }

    /// Runs a region on values.
    fn region(&mut self, scope: &mut Scope<'p>, region: &'p Region, args: &[Val]) -> Vals {
        if args.len() != region.params.len() {
            return Err(malformed(format!("{} values for {} parameters", args.len(), region.params.len())));
        }
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(malformed("its calls and regions are nested too deeply"));
        }
        for (param, arg) in region.params.into_iter().zip(args) {
            scope.set(param, arg.clone())?;
        }
        let Some((terminator, ops)) = region.ops.split_last() else {
            return Err(malformed("a function or region has no operations"));
        };
        if !matches!(&*terminator.name, "func.return" | "stablehlo.return") {
            return Err(malformed(format!("a region ends with `{}`", terminator.name)));
        }
        let groups = match self.strange.contains(&*scope.function.name) {
            true => opaque::groups(scope.function, &region.ops, &scope.lists),
            false => Vec::new(),
        };
        let (mut groups, mut i) = (groups.into_iter().peekable(), 0);
        while i < ops.len() {
            let before = self.current.replace((ops[i].name.clone(), ops[i].location));
            if let Some(group) = groups.next_if(|group| group.start == i) {
                i = group.end.min(ops.len());
                self.opaque(scope, &ops[group.start..i], &region.ops[i..])?;
            } else {
                self.one(scope, &ops[i])?;
                i += 1;
            }
            self.current = before;
        }
        self.depth -= 1;
        let mut results = Vec::new();
        for value in &terminator.operands {
            match scope.tuples.get(value) {
                Some(elements) => results.extend_from_slice(elements),
                None => results.push(scope.get(*value)?),
            }
        }
        Ok(results)
    }

    /// Calls a function. A large one that is called several times is read once.
    fn call(&mut self, name: &str, args: &[Val]) -> Vals {
        let function = self.function(name)?;
        let name: &'p str = &function.name;
        let large = self.sizes.get(name).is_some_and(|size| *size > INLINED);
        if !large || self.calls.get(name).is_none_or(|n| *n < 2) {
            return self.run(function, args);
        }
        let closed = self.function_program(name)?;
        let operands: Vec<Array> = closed.captures.iter().cloned().chain(args.iter().map(Val::full)).collect();
        let call = Call::new(name.into(), closed.jaxpr);
        Ok(bind(call, &operands.iter().collect::<Vec<_>>()).into_iter().map(Val::new).collect())
    }

    /// Reads one operation and defines its results.
    fn one(&mut self, scope: &mut Scope<'p>, op: &'p Op) -> Result<()> {
        if scope.tuple(op)? {
            return Ok(());
        }
        let (depth, loops) = (self.depth, self.loops.len());
        let results = match self.op(scope, op) {
            // What there is no primitive for, the compiler may have.
            Err(error) if error.kind() == ErrorKind::Transform => {
                self.depth = depth;
                self.loops.truncate(loops);
                self.current = Some((op.name.clone(), op.location));
                return self.opaque(scope, std::slice::from_ref(op), &[]);
            }
            results => results?,
        };
        scope.define(op, results)
    }

    /// The program of a function, which is read once.
    fn function_program(&mut self, name: &str) -> Result<Closed> {
        let function = self.function(name)?;
        let name: &'p str = &function.name;
        if let Some(known) = self.shared.get(name) {
            return Ok(known.clone());
        }
        let (inputs, _) = types(function)?;
        let closed = self.staged(&inputs, "in an imported function", |reader, args| {
            let args: Vec<Val> = args.iter().cloned().map(Val::new).collect();
            reader.run(function, &args).map(|results| results.iter().map(Val::full).collect())
        })?;
        let closed = Closed { jaxpr: Arc::new(dce(&closed.jaxpr, true).0), captures: closed.captures };
        self.shared.insert(name, closed.clone());
        Ok(closed)
    }

    /// Reads one operation.
    fn op(&mut self, scope: &mut Scope<'p>, op: &'p Op) -> Vals {
        let x: Vec<Val> = op.operands.iter().map(|value| scope.get(*value)).collect::<Result<_>>()?;
        let types = op.results.into_iter().flat_map(|v| elements(scope.function.ty(v)));
        let outs: Vec<Aval> = types.map(aval).collect::<Result<_>>()?;
        let Some((dialect, name)) = op.name.split_once('.') else { return Err(unsupported(&op.name)) };
        if let Some(known) = self.decided(name, op, &x) {
            return Ok(vec![known]);
        }
        if matches!(name, "select" | "multiply")
            && let Some(result) = expanded::read(scope, op, &outs)?
        {
            return Ok(vec![result]);
        }
        if matches!(dialect, "stablehlo" | "chlo" | "mhlo")
            && let Some(results) = elementwise::read(name, op, &x, &outs)?
        {
            return Ok(vec![results]);
        }
        match (dialect, name) {
            ("func", "call") => {
                let callee = op.attributes.str("callee").ok_or_else(|| malformed("a call names no function"))?;
                self.call(callee, &x)
            }
            ("stablehlo", "while") => self.while_loop(scope, op, &x),
            ("stablehlo", "case" | "if") => self.branches(scope, op, &x),
            ("stablehlo", "reduce") => self.reduce(scope, op, &x),
            ("stablehlo", "reduce_window") => self.reduce_window(scope, op, &x),
            ("stablehlo", "select_and_scatter") => reduce::select_and_scatter(op, &x).map(|y| vec![y]),
            ("stablehlo", "sort") => index::sort(op, &x),
            ("stablehlo", "scatter") => self.scatter(scope, op, &x).map(|y| vec![y]),
            ("stablehlo", "gather") => index::gather(op, &x).map(|y| vec![y]),
            ("stablehlo", "dynamic_slice") => self.dynamic_slice(op, &x).map(|y| vec![y]),
            ("stablehlo", "dynamic_update_slice") => self.dynamic_update_slice(&x).map(|y| vec![y]),
            ("stablehlo", "map") => self.map(scope, op, &x),
            ("stablehlo", "composite") => self.composite(op, &x, &outs),
            ("stablehlo", "custom_call") => self.custom_call(op, &x, &outs),
            ("chlo", name) => custom::chlo(name, &op.attributes, &x, &outs)?.ok_or_else(|| unsupported(&op.name)),
            ("stablehlo", name) => match arrange::read(name, op, &x, &outs)? {
                Some(results) => Ok(results),
                None => match norm::read(name, op, &x)? {
                    Some(results) => Ok(results),
                    None => linalg::read(name, op, &x)?.ok_or_else(|| unsupported(&op.name)),
                },
            },
            // Layouts over devices, of which there is one, and keys as their words.
            ("sdy", "sharding_constraint" | "reshard") | ("builtin", "unrealized_conversion_cast") => Ok(x),
            _ => Err(unsupported(&op.name)),
        }
    }
}

/// Checks the type of a value.
fn fitted(ty: &Type, val: Val) -> Result<Val> {
    let expected = aval(ty)?;
    if val.shape != expected.shape || val.dtype() != expected.dtype {
        return Err(malformed(format!("a value of type {expected} would be {}", val.aval())));
    }
    Ok(val)
}

impl<'p> Scope<'p> {
    /// The operation that defines a value, if it has been read.
    fn defined(&self, value: Value) -> Option<&'p Op> {
        *self.definitions.get(value.0 as usize)?
    }

    /// Reads an operation that puts values into a tuple or takes one out. Returns whether it is one.
    fn tuple(&mut self, op: &'p Op) -> Result<bool> {
        let (Some(result), Some(first)) = (op.results.get(0), op.operands.first()) else { return Ok(false) };
        match (&*op.name, self.tuples.get(first)) {
            ("stablehlo.tuple", _) if self.lists.contains(&result) => {
                let elements = op.operands.iter().map(|value| self.get(*value)).collect::<Result<_>>()?;
                self.define(op, elements)?;
            }
            ("stablehlo.get_tuple_element", Some(elements)) => {
                let element = elements.get(op.attributes.axis("index")?);
                let element = element.ok_or_else(|| malformed("a tuple has fewer elements than an index of it"))?;
                self.set(result, element.clone())?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Defines the results of an operation, of which tuples are given by their elements.
    fn define(&mut self, op: &'p Op, results: Vec<Val>) -> Result<()> {
        let declared: usize = op.results.into_iter().map(|value| elements(self.function.ty(value)).len()).sum();
        if results.len() != declared {
            return Err(malformed(format!("{declared} results, expected {}", results.len())));
        }
        let mut results = results.into_iter();
        for value in op.results {
            self.definitions[value.0 as usize] = Some(op);
            match self.function.ty(value) {
                Type::Tuple(types) if self.lists.contains(&value) => {
                    let vals = types.iter().zip(results.by_ref()).map(|(ty, val)| fitted(ty, val));
                    let vals = vals.collect::<Result<_>>()?;
                    self.tuples.insert(value, vals);
                }
                _ => results.next().map_or(Ok(()), |val| self.set(value, val))?,
            }
        }
        Ok(())
    }

    fn get(&self, value: Value) -> Result<Val> {
        let found = self.values.get(value.0 as usize).and_then(Option::as_ref);
        found.cloned().ok_or_else(|| malformed("a value is used before it is defined"))
    }

    /// Defines a value, after checking its type.
    fn set(&mut self, value: Value, val: Val) -> Result<()> {
        let val = fitted(self.function.ty(value), val)?;
        match self.values.get_mut(value.0 as usize) {
            Some(slot) => *slot = Some(val),
            None => return Err(malformed("a value has no type")),
        }
        Ok(())
    }
}
