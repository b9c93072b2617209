//! `cotangent show`: a function at one stage of its compilation.

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use cotangent::{Func, Params, jit};

use crate::demo::DEMOS;
use crate::output::{row, say};

/// A stage of compilation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Stage {
    /// The jaxpr that the function is traced to
    Jaxpr,
    /// The jaxpr of its gradient
    Grad,
    /// The StableHLO text that the compiler receives
    Stablehlo,
    /// The program after the compiler's optimizations, for this machine
    Hlo,
    /// How long each step of the compilation took
    Times,
}

/// A function of a demo, ready to be shown.
pub(crate) struct Function {
    name: &'static str,
    summary: &'static str,
    show: Box<dyn FnOnce(Stage) -> Result<String>>,
}

impl Function {
    /// A function, its gradient, and the arguments to trace both with.
    pub(crate) fn new<P: Params, F, G>(
        name: &'static str,
        summary: &'static str,
        function: F,
        gradient: G,
        args: P::Values,
    ) -> Function
    where
        F: Func<'static, P>,
        G: Func<'static, P>,
    {
        let show = move |stage| {
            let args = P::refs(&args);
            Ok(match stage {
                Stage::Jaxpr => jit(function).lower(args)?.jaxpr().to_string(),
                Stage::Grad => jit(gradient).lower(args)?.jaxpr().to_string(),
                Stage::Stablehlo => jit(function).lower(args)?.stablehlo(),
                Stage::Times => jit(function).lower(args)?.times()?.to_string(),
                Stage::Hlo => jit(function).lower(args)?.optimized_hlo()?,
            })
        };
        Function { name, summary, show: Box::new(show) }
    }
}

fn functions() -> impl Iterator<Item = Function> {
    DEMOS.iter().flat_map(|demo| (demo.functions)())
}

/// Lists the functions.
pub(crate) fn list() -> Result<()> {
    functions().try_for_each(|f| row(f.name, 22, f.summary))
}

/// Shows a function.
pub(crate) fn show(name: &str, stage: Stage) -> Result<()> {
    let Some(function) = functions().find(|f| f.name == name) else {
        let names: Vec<_> = functions().map(|f| f.name).collect();
        bail!("there is no function named `{name}`. There are: {}", names.join(", "));
    };
    let text = (function.show)(stage).with_context(|| format!("showing `{name}`"))?;
    say!("{}", text.trim_end())
}
