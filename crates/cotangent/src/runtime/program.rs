//! Compiled programs and the cache that holds them.

use std::sync::{Arc, PoisonError, RwLock};

use once_cell::sync::OnceCell;
use rustc_hash::FxHashMap;

use crate::core::aval::Aval;
use crate::core::error::Result;
use crate::core::jaxpr::{Atom, Jaxpr};
use crate::core::literal::Literal;
use crate::core::lowering::lower;

use crate::transform::simplify::simplify;

use super::client::{array_shape, client};
use super::disk::{Disk, key};
use super::loops::only_small;

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
        slot.get_or_try_init(|| compile(jaxpr, Disk::open()).map(Arc::new)).cloned()
    }

    /// The program, if it has been compiled.
    pub(crate) fn find(&self, jaxpr: &Jaxpr) -> Option<Arc<Program>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(jaxpr)?.get().cloned()
    }
}

/// The part of a program that is computed, simplified and without arguments that only pass through.
fn computed(jaxpr: &Jaxpr) -> (Jaxpr, Vec<Source>, Vec<usize>) {
    let jaxpr = &simplify(jaxpr);
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

fn compile(jaxpr: &Jaxpr, disk: Option<&Disk>) -> Result<Program> {
    let (pruned, sources, used) = computed(jaxpr);
    let types: Vec<Aval> = pruned.output_avals().collect();
    if types.is_empty() {
        return Ok(Program { executable: None, sources, computed: types, used: Vec::new() });
    }
    let text = lower("cotangent", &pruned).to_text();
    let params: Vec<_> = pruned.input_avals().map(array_shape).collect();
    let client = client()?;
    let executable = compile_text(client, &text, &params, &options(client, &pruned), disk)?;
    Ok(Program { executable: Some(executable), sources, computed: types, used })
}

/// The executable of a StableHLO program, from the disk or from the compiler.
fn compile_text(
    client: &xla::Client,
    text: &str,
    params: &[xla::ArrayShape],
    options: &xla::CompileOptions,
    disk: Option<&Disk>,
) -> Result<xla::Executable> {
    let place = disk.and_then(|disk| Some((disk, key(client, text, options)?)));
    if let Some((disk, key)) = &place
        && let Some(bytes) = disk.load(key)
    {
        match client.deserialize(&bytes, params) {
            Ok(executable) => return Ok(executable),
            Err(_) => disk.remove(key),
        }
    }
    let executable = client.compile(text, params, options)?;
    if let Some((disk, key)) = &place
        && let Ok(bytes) = executable.serialize()
    {
        disk.store(key, &bytes);
    }
    Ok(executable)
}

/// How a program is compiled.
fn options(client: &xla::Client, jaxpr: &Jaxpr) -> xla::CompileOptions {
    // The CPU compiler's default lets a maximum or minimum drop a NaN in its second operand.
    let options = xla::CompileOptions::default().flag("xla_cpu_enable_fast_min_max", xla::FlagValue::Bool(false));
    if client.platform_name() == "cpu" && only_small(jaxpr) {
        // The loop as a whole becomes one kernel. The compiler's own limit is a kilobyte touched by the body.
        return options.backend_option("xla_cpu_small_while_loop_byte_threshold", (1u64 << 40).to_string());
    }
    options
}

/// What XLA made of a program.
pub(crate) fn optimized_hlo(jaxpr: &Arc<Jaxpr>) -> Result<String> {
    // An executable from the disk has another program's source lines: this one is for reading.
    let program = compile(jaxpr, None)?;
    match program.executable {
        Some(executable) => Ok(executable.optimized_hlo()?),
        None => Ok("(nothing is computed: the results are constants or arguments)".to_string()),
    }
}
