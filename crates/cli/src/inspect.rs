//! `cotangent inspect`: what a file that JAX or another system exported holds, and whether it can be imported.

use std::path::PathBuf;

use anyhow::{Context, Result};
use cotangent::import;
use serde_json::json;

use crate::output::{prose, row, say};

pub(crate) const HELP: &str = "\
FILE is a function that `jax.export` serialized, or a StableHLO module as text or bytecode. The exit code is 0 if the \
file was read, whether or not its function can be imported.

With --json: `signature`, `format`, `platforms`, `module_bytes`, `constant_bytes`, `vjp_order`, `functions`, `operations` \
(an object from names to numbers), `equations` (null if the function cannot be imported) and `problem` (null if it can).";

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
    if options.json {
        let object = json!({
            "signature": report.signature, "format": report.format, "platforms": report.platforms,
            "module_bytes": report.module_bytes, "constant_bytes": report.constant_bytes,
            "vjp_order": report.vjp_order, "functions": report.functions, "operations": report.operations,
            "equations": report.equations, "problem": problem,
        });
        return say!("{object}");
    }
    prose(&report.signature)?;
    row("format", COLUMN, report.format)?;
    if !report.platforms.is_empty() {
        row("platforms", COLUMN, &report.platforms.join(", "))?;
    }
    let sizes = format!("{} bytes, of which {} are constants", report.module_bytes, report.constant_bytes);
    row("module", COLUMN, &sizes)?;
    if report.vjp_order > 0 {
        row("derivatives", COLUMN, &format!("{} in the file, which an import does not need", report.vjp_order))?;
    }
    let mut operations: Vec<(&String, &usize)> = report.operations.iter().collect();
    operations.sort_by_key(|(name, n)| (std::cmp::Reverse(**n), *name));
    let total: usize = report.operations.values().sum();
    row("operations", COLUMN, &format!("{total} in {} functions", report.functions))?;
    for (name, n) in operations {
        say!("  {n:>8}  {name}")?;
    }
    match (report.equations, problem) {
        (_, Some(problem)) => row("import", COLUMN, &format!("not possible: {problem}")),
        (Some(equations), None) => row("import", COLUMN, &format!("a program of {equations} equations")),
        (None, None) => Ok(()),
    }
}
