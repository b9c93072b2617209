//! The functions of a module: programs that are written once, however often they are called.

use std::cell::RefCell;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use stablehlo::read::Part;
use stablehlo::{Attr, Func, Type, Value, Visibility};

use super::lowering::{Lowering, token_aval};
use super::partition::Grid;
use super::routes::Apart;
use crate::array::aval::Aval;
use crate::array::dtype::DType;
use crate::array::literal::Literal;
use crate::array::platform::Platform;
use crate::error::location::unscoped;
use crate::ir::jaxpr::Jaxpr;
use crate::ir::primitive::Outputs;

/// The functions of the module being written, shared by structure.
pub(super) struct Functions {
    pub(super) platform: Platform,
    pub(super) portable: bool,
    /// By program and by the mesh whose devices run it, each on its own part.
    names: FxHashMap<(Arc<Jaxpr>, Option<Grid>), String>,
    /// The operations of other modules, and the text of their functions.
    pub(super) parts: FxHashMap<Arc<Part>, String>,
    pub(super) foreign: String,
    taken: FxHashMap<String, usize>,
    pub(super) written: Vec<Func>,
    /// The meshes of the module, in the order of their names.
    pub(super) meshes: Vec<Grid>,
    /// The mesh whose devices each run the code being written on their own part.
    pub(super) manual: Option<Grid>,
}

impl Functions {
    pub(super) fn new(platform: Platform, portable: bool) -> Functions {
        let taken = [("main".to_string(), 1)].into_iter().collect();
        let (written, meshes) = (Vec::new(), Vec::new());
        let (names, parts, foreign) = (FxHashMap::default(), FxHashMap::default(), String::new());
        Functions { platform, portable, names, parts, foreign, taken, written, meshes, manual: None }
    }

    /// The name of a mesh in the module.
    pub(super) fn mesh(&mut self, grid: &Grid) -> String {
        let place = self.meshes.iter().position(|known| known == grid).unwrap_or_else(|| {
            self.meshes.push(grid.clone());
            self.meshes.len() - 1
        });
        mesh_name(place)
    }

    pub(super) fn unique(&mut self, name: &str) -> String {
        let count = self.taken.entry(name.to_string()).or_insert(0);
        *count += 1;
        if *count == 1 { name.to_string() } else { format!("{name}_{}", *count - 1) }
    }
}

pub(super) fn mesh_name(place: usize) -> String {
    if place == 0 { "mesh".to_string() } else { format!("mesh_{place}") }
}

impl Lowering<'_> {
    /// Appends a call of `jaxpr`, which becomes a function of the module and is written once. The compiler inlines it,
    /// unless `inlined` is false: then its arguments are in memory. Inside the body of an elementwise operation it is
    /// written in place instead.
    pub fn call(&mut self, name: &str, jaxpr: &Arc<Jaxpr>, args: &[Value], inlined: bool) -> Outputs<Value> {
        if self.of_elements {
            return self.inline(jaxpr, args).into();
        }
        if !inlined && self.routes().apart == Apart::Barrier {
            let args: Vec<Value> = args.iter().map(|arg| self.constants.behind(self.block, arg)).collect();
            return self.call(name, jaxpr, &args, true);
        }
        let name = self.function(name, jaxpr);
        let args = &self.constants.leave(self.block, args)[..];
        let results = jaxpr.output_avals().map(|a| a.mlir());
        if !jaxpr.effects().kept {
            return self.block.call(&name, args, inlined, &results.collect::<Vec<_>>()).into_iter().collect();
        }
        let token = self.token.clone().unwrap_or_else(|| self.splat(&token_aval(), Literal::int(DType::I32, 0)));
        let args: Vec<Value> = args.iter().cloned().chain([token]).collect();
        let results: Vec<Type> = results.chain([token_aval().mlir()]).collect();
        let mut values: Outputs<Value> = self.block.call(&name, &args, inlined, &results).into_iter().collect();
        self.token = values.pop();
        values
    }

    /// The name of the function that a program is, which is written once.
    fn function(&self, name: &str, jaxpr: &Arc<Jaxpr>) -> String {
        let key = (jaxpr.clone(), self.manual());
        let known = self.functions.borrow().names.get(&key).cloned();
        known.unwrap_or_else(|| {
            let unique = self.functions.borrow_mut().unique(name);
            let func = function(&unique, jaxpr, self.functions);
            let mut functions = self.functions.borrow_mut();
            functions.names.insert(key, unique.clone());
            functions.written.push(func);
            unique
        })
    }

    /// Appends an operation that a program without effects decomposes. Inside the body of an elementwise operation, the
    /// program is written in place instead.
    pub(crate) fn composite(
        &mut self,
        name: &str,
        jaxpr: &Arc<Jaxpr>,
        args: &[Value],
        attrs: &[(&str, Attr)],
    ) -> Outputs<Value> {
        if self.of_elements {
            return self.inline(jaxpr, args).into();
        }
        let decomposition = ("decomposition", Attr::Symbol(self.function(name, jaxpr)));
        let args = self.constants.leave(self.block, args);
        let results: Vec<Type> = jaxpr.output_avals().map(|aval| aval.mlir()).collect();
        let attrs: Vec<(&str, Attr)> = std::iter::once(decomposition).chain(attrs.iter().cloned()).collect();
        self.block.op("stablehlo.composite", &args, &attrs, &results).into_iter().collect()
    }
}

/// Writes a program as a function of the module. If the program has effects, the function also takes and returns their
/// token.
fn function(name: &str, jaxpr: &Jaxpr, functions: &RefCell<Functions>) -> Func {
    let mut params: Vec<Type> = jaxpr.input_avals().map(Aval::mlir).collect();
    let kept = jaxpr.effects().kept;
    params.extend(kept.then(|| token_aval().mlir()));
    let mut func = Func::new(name, Visibility::Private, &params);
    let mut args = func.params();
    let token = if kept { args.pop() } else { None };
    let mut lowering = Lowering::new(func.body(), functions, token);
    // The names in a function begin with it: its calls may be in different scopes.
    let results = unscoped(|| lowering.inline(jaxpr, &args));
    let mut results = lowering.constants.leave(lowering.block, &results);
    results.extend(lowering.token);
    func.ret(&results);
    func
}
