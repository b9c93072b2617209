//! `cotangent inspect`: what a file that JAX or another system exported holds, and whether it can be imported.

use std::path::PathBuf;

use anyhow::{Context, Result};
use cotangent::import::{self, Report};
use serde_json::json;

use crate::output::{prose, row, say};

pub(crate) const HELP: &str = "\
FILE is a function that `jax.export` serialized, or a StableHLO module as text or bytecode. The exit code is 0 if the \
file was read, whether or not its function can be imported.

With --json: `signature`, `format`, `platforms`, `platform_problem` (null if it runs on the default device), `module_bytes`, `constant_bytes`, `vjp_order`, `functions`, `operations` \
(an object from names to numbers), `opaque` (a list of the operations that run as they were written), `equations` (null if the function cannot be imported), `problem` (null if it can), \
`vjp_problem` (null if the derivatives can) and `refused` (a list of the operations that cannot be imported, with the reasons).";

/// Which file to show.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The file
    file: PathBuf,
    /// Print one JSON object and nothing else
    #[arg(long)]
    json: bool,
}

const COLUMN: usize = 12;

pub(crate) fn run(options: &Options) -> Result<()> {
    let named = || options.file.display().to_string();
    let bytes = std::fs::read(&options.file).with_context(named)?;
    let report = import::inspect(&bytes).with_context(named)?;
    let problem = report.problem.as_ref().map(ToString::to_string);
    let vjp_problem = report.vjp_problem.as_ref().map(ToString::to_string);
    let platform_problem = report.platform_problem.as_ref().map(ToString::to_string);
    if options.json {
        let object = json!({
            "signature": report.signature, "format": report.format, "platforms": report.platforms,
            "platform_problem": platform_problem,
            "module_bytes": report.module_bytes, "constant_bytes": report.constant_bytes,
            "vjp_order": report.vjp_order, "functions": report.functions, "operations": report.operations,
            "opaque": report.opaque, "equations": report.equations, "problem": problem, "vjp_problem": vjp_problem,
            "refused": report.refused,
        });
        return say!("{object}");
    }
    prose(&report.signature)?;
    row("format", COLUMN, report.format)?;
    if !report.platforms.is_empty() {
        let problem = report.platform_problem.as_ref().map(|problem| format!(": {problem}"));
        row("platforms", COLUMN, &format!("{}{}", report.platforms.join(", "), problem.unwrap_or_default()))?;
    }
    let sizes = format!("{} bytes, of which {} are constants", report.module_bytes, report.constant_bytes);
    row("module", COLUMN, &sizes)?;
    row("derivatives", COLUMN, &derivatives(&report))?;
    let mut operations: Vec<(&String, &usize)> = report.operations.iter().collect();
    operations.sort_by_key(|(name, n)| (std::cmp::Reverse(**n), *name));
    let total: usize = report.operations.values().sum();
    row("operations", COLUMN, &format!("{total} in {} functions", report.functions))?;
    for (name, n) in operations {
        say!("  {n:>8}  {name}")?;
    }
    for operation in &report.opaque {
        row("as it is", COLUMN, &format!("{operation}: without a derivative, and one by one under `vmap`"))?;
    }
    for operation in &report.refused {
        row("not read", COLUMN, operation)?;
    }
    match (report.equations, problem) {
        (_, Some(problem)) => row("import", COLUMN, &format!("not possible: {problem}")),
        (Some(equations), None) => row("import", COLUMN, &format!("a program of {equations} equations")),
        (None, None) => Ok(()),
    }
}

/// Where derivatives of the function come from.
fn derivatives(report: &Report) -> String {
    const RULES: &str = "`stop_gradient` and the rules of `custom_jvp` and `custom_vjp` are not in them";
    let n = report.vjp_order;
    match (&report.vjp_problem, n) {
        (Some(problem), _) => format!("{n} in the file, which cannot all be used: {problem}"),
        (None, 0) if report.format == "StableHLO" => format!("those of the operations: {RULES}"),
        (None, 0) => {
            format!("those of the operations: {RULES}; `serialize(vjp_order=1)` in Python would write JAX's own")
        }
        (None, _) => format!("{n} in the file, for reverse mode; of higher orders, those of the operations: {RULES}"),
    }
}
