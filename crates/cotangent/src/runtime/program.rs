//! Compiled programs and the cache that holds them.

use std::sync::{Arc, PoisonError, RwLock};

use once_cell::sync::OnceCell;
use rustc_hash::FxHashMap;

use crate::core::aval::Aval;
use crate::core::error::Result;
use crate::core::jaxpr::{Atom, Jaxpr};
use crate::core::literal::Literal;
use crate::core::lowering::lower;

use super::client::{array_shape, client};

/// Where a result comes from.
pub(crate) enum Source {
    /// It stands in the program.
    Literal(Literal),
    /// It is an argument, handed through.
    Argument(usize),
    /// It is computed.
    Result(usize),
}

/// A compiled program.
pub(crate) struct Program {
    /// The executable; none where nothing is computed.
    pub(crate) executable: Option<xla::Executable>,
    /// For each result where it comes from.
    pub(crate) sources: Vec<Source>,
    /// The types of the computed results.
    pub(crate) computed: Vec<Aval>,
    /// The argument positions that the executable takes.
    pub(crate) used: Vec<usize>,
}

type Slot = Arc<OnceCell<Arc<Program>>>;

/// Programs by structure. An entry is filled once, however many threads ask for it at the same time, and
/// stays empty when compiling fails.
#[derive(Default)]
pub(crate) struct Cache(RwLock<FxHashMap<Arc<Jaxpr>, Slot>>);

impl Cache {
    pub(crate) fn get(&self, jaxpr: &Arc<Jaxpr>) -> Result<Arc<Program>> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).get(jaxpr).cloned();
        let slot = known.unwrap_or_else(|| {
            let mut programs = self.0.write().unwrap_or_else(PoisonError::into_inner);
            programs.entry(jaxpr.clone()).or_default().clone()
        });
        slot.get_or_try_init(|| compile(jaxpr).map(Arc::new)).cloned()
    }
}

/// The part of a program that is computed, without arguments that only pass through.
fn computed(jaxpr: &Jaxpr) -> (Jaxpr, Vec<Source>, Vec<usize>) {
    let mut outputs = Vec::new();
    let sources = (jaxpr.outputs.iter())
        .map(|atom| match atom {
            Atom::Lit(literal) => Source::Literal(*literal),
            Atom::Var(var) => match jaxpr.inputs.iter().position(|v| v == var) {
                Some(i) => Source::Argument(i),
                None => {
                    let place = outputs.iter().position(|a| a == atom).unwrap_or_else(|| {
                        outputs.push(*atom);
                        outputs.len() - 1
                    });
                    Source::Result(place)
                }
            },
        })
        .collect();
    let whole = Jaxpr::new(jaxpr.avals.clone(), jaxpr.inputs.clone(), jaxpr.eqns.clone(), outputs);
    let (pruned, kept) = crate::transform::dce::dce(&whole, false);
    let used = (0..kept.len()).filter(|i| kept[*i]).collect();
    (pruned, sources, used)
}

fn compile(jaxpr: &Jaxpr) -> Result<Program> {
    let (pruned, sources, used) = computed(jaxpr);
    let types: Vec<Aval> = pruned.output_avals().collect();
    if types.is_empty() {
        return Ok(Program { executable: None, sources, computed: types, used: Vec::new() });
    }
    let text = lower("cotangent", &pruned).to_text();
    let params: Vec<_> = pruned.input_avals().map(array_shape).collect();
    let executable = client()?.compile(&text, &params, &options())?;
    Ok(Program { executable: Some(executable), sources, computed: types, used })
}

/// How every program is compiled.
fn options() -> xla::CompileOptions {
    // The CPU compiler's default lets a maximum or minimum drop a NaN in its second operand.
    xla::CompileOptions::default().flag("xla_cpu_enable_fast_min_max", xla::FlagValue::Bool(false))
}

/// What XLA made of a program.
pub(crate) fn optimized_hlo(jaxpr: &Arc<Jaxpr>) -> Result<String> {
    let program = compile(jaxpr)?;
    match program.executable {
        Some(executable) => Ok(executable.optimized_hlo()?),
        None => Ok("(nothing is computed: the results are constants or arguments)".to_string()),
    }
}
