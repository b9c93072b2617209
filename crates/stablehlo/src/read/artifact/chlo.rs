//! The operations of CHLO, which versioned StableHLO does not have.
//!
//! As in what JAX exports, an operation becomes a composite of the same name: XLA knows the names of some, and calls the
//! decomposition of the others. JAX has composites only for the former and writes the others out. A name says more: a
//! reader may know its derivative.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use super::super::{Attr, Attrs, Element, Function, LocId, Op, Program, Region, TensorType, Type, canon, text};
use super::{Result, any, fail};

/// The program with composites in the place of CHLO's operations.
pub(super) fn as_composites(program: &Program) -> Result<Cow<'_, Program>> {
    let chlo = |op: &Op| op.name.starts_with("chlo.");
    if !program.functions.iter().any(|function| any(&function.body, &chlo)) {
        return Ok(Cow::Borrowed(program));
    }
    let mut program = program.clone();
    let mut decompositions = Decompositions {
        names: HashMap::new(),
        taken: program.functions.iter().map(|function| function.name.clone()).collect(),
        functions: Vec::new(),
    };
    for function in &mut program.functions {
        decompositions.replace(&mut function.body, &function.types)?;
    }
    program.functions.extend(decompositions.functions);
    Ok(Cow::Owned(program))
}

/// The functions that the composites of a program refer to.
struct Decompositions {
    /// Their names, by those of the operations with the types of their operands and results.
    names: HashMap<String, Arc<str>>,
    /// The names of all functions.
    taken: HashSet<Arc<str>>,
    functions: Vec<Function>,
}

impl Decompositions {
    fn replace(&mut self, region: &mut Region, types: &[Type]) -> Result<()> {
        for op in &mut region.ops {
            for region in &mut op.regions {
                self.replace(region, types)?;
            }
            let Some(name) = op.name.strip_prefix("chlo.").map(str::to_owned) else { continue };
            let takes: Vec<&Type> = op.operands.iter().map(|v| &types[v.0 as usize]).collect();
            let returns: Vec<&Type> = op.results.into_iter().map(|v| &types[v.0 as usize]).collect();
            let decomposition = self.name(&name, &takes, &returns)?;
            let mut attributes = vec![
                ("name".into(), Attr::str(&op.name)),
                ("decomposition".into(), Attr::Symbol(decomposition)),
                ("version".into(), Attr::Int(1, Element::I32)),
            ];
            if !op.attributes.is_empty() {
                attributes.push(("composite_attributes".into(), Attr::Dict(op.attributes.clone())));
            }
            op.name = "stablehlo.composite".into();
            op.attributes = Attrs::new(attributes);
        }
        Ok(())
    }

    /// The name of the decomposition of an operation, which is made if there is none.
    fn name(&mut self, op: &str, takes: &[&Type], returns: &[&Type]) -> Result<Arc<str>> {
        let key = format!("{op}{takes:?}{returns:?}");
        if let Some(name) = self.names.get(&key) {
            return Ok(name.clone());
        }
        let mut function = match (takes, returns) {
            ([Type::Tensor(x)], [Type::Tensor(values), Type::Tensor(indices)]) if op == "top_k" => {
                top_k(x, values, indices)?
            }
            ([Type::Tensor(x)], [_]) => self.elementwise(op, x)?,
            _ => return unknown(op, takes),
        };
        let names = std::iter::once(format!("chlo.{op}.impl")).chain((0..).map(|i| format!("chlo.{op}.impl_{i}")));
        let name = names.map(Arc::<str>::from).find(|name| !self.taken.contains(name)).unwrap_or_default();
        function.name = name.clone();
        self.taken.insert(name.clone());
        self.names.insert(key, name.clone());
        self.functions.push(function);
        Ok(name)
    }

    /// The decomposition of an operation on each element.
    fn elementwise(&mut self, op: &str, x: &Arc<TensorType>) -> Result<Function> {
        let wide = match x.element {
            Element::F32 => "f32",
            Element::F64 => "f64",
            Element::C64 => "c64",
            Element::C128 => "c128",
            Element::F16 | Element::BF16 => {
                let wide = Type::Tensor(Arc::new(TensorType { element: Element::F32, ..(**x).clone() }));
                let callee = self.name(op, &[&wide], &[&wide])?;
                return parsed(&format!(
                    "func.func private @narrow(%x: {x}) -> {x} {{
                        %0 = stablehlo.convert %x : ({x}) -> {wide}
                        %1 = func.call @{callee}(%0) : ({wide}) -> {wide}
                        %2 = stablehlo.convert %1 : ({wide}) -> {x}
                        return %2 : {x}
                    }}"
                ));
            }
            _ => return unknown(op, &[&Type::Tensor(x.clone())]),
        };
        let Some(scalar) = scalars()?.function(&format!("{op}_{wide}")) else {
            return unknown(op, &[&Type::Tensor(x.clone())]);
        };
        let mut function = scalar.clone();
        let over = |ty: &mut Type| {
            if let Type::Tensor(scalar) = ty {
                *scalar = Arc::new(TensorType { dims: x.dims.clone(), ..(**scalar).clone() });
            }
        };
        function.types.iter_mut().chain(&mut function.results).for_each(over);
        for op in &mut function.body.ops {
            op.location = LocId::UNKNOWN;
            if let Some(Attr::Dense(number)) = op.attributes.get("value") {
                let ty = TensorType { dims: x.dims.clone(), ..(*number.ty).clone() };
                let splat = canon::splat(&Arc::new(ty), number.data.to_vec());
                op.attributes = Attrs::new(vec![("value".into(), splat)]);
            }
        }
        Ok(function)
    }
}

fn unknown<T>(op: &str, takes: &[&Type]) -> Result<T> {
    let takes: Vec<String> = takes.iter().map(ToString::to_string).collect();
    fail(format!("versioned StableHLO has no operation `chlo.{op}`, and there is no decomposition for {takes:?}"))
}

/// The decompositions of the elementwise operations, for one number.
fn scalars() -> Result<&'static Program> {
    static SCALARS: OnceLock<std::result::Result<Program, String>> = OnceLock::new();
    let read = || text(include_str!("decompositions.mlir")).map_err(|e| e.to_string());
    SCALARS.get_or_init(read).as_ref().or_else(|e| fail(format!("the decompositions of CHLO: {e}")))
}

/// The function in a text.
fn parsed(function: &str) -> Result<Function> {
    let program = text(&format!("module {{ {function} }}")).map_err(|e| super::WriteError(e.to_string()))?;
    let Some(mut function) = program.functions.into_iter().next() else { return fail("a decomposition is missing") };
    forget(&mut function.body);
    function.location = LocId::UNKNOWN;
    Ok(function)
}

/// Removes the locations, which are those of another program.
fn forget(region: &mut Region) {
    for op in &mut region.ops {
        op.location = LocId::UNKNOWN;
        op.regions.iter_mut().for_each(forget);
    }
}

/// A stable sort of the last axis in descending order, and a slice of it.
fn top_k(x: &TensorType, values: &TensorType, indices: &TensorType) -> Result<Function> {
    let order = match &x.element {
        element if element.is_float() => "TOTALORDER",
        element if element.is_signed() => "SIGNED",
        _ => "UNSIGNED",
    };
    let (Some(axis), Some(k)) = (x.dims.len().checked_sub(1), values.shape()) else {
        return fail(format!("`chlo.top_k` of {x}"));
    };
    let cut: Vec<String> = k.iter().map(|n| format!("0:{n}")).collect();
    let cut = cut.join(", ");
    let all = TensorType { element: indices.element.clone(), ..x.clone() };
    let (element, index) = (&x.element, &indices.element);
    parsed(&format!(
        r#"func.func private @top_k(%x: {x}) -> ({values}, {indices}) {{
            %i = stablehlo.iota dim = {axis} : {all}
            %s:2 = "stablehlo.sort"(%x, %i) ({{
            ^bb0(%a: tensor<{element}>, %b: tensor<{element}>, %c: tensor<{index}>, %d: tensor<{index}>):
                %g = stablehlo.compare GT, %a, %b, {order} : (tensor<{element}>, tensor<{element}>) -> tensor<i1>
                stablehlo.return %g : tensor<i1>
            }}) {{dimension = {axis} : i64, is_stable = true}} : ({x}, {all}) -> ({x}, {all})
            %v = stablehlo.slice %s#0 [{cut}] : ({x}) -> {values}
            %n = stablehlo.slice %s#1 [{cut}] : ({all}) -> {indices}
            return %v, %n : {values}, {indices}
        }}"#
    ))
}
