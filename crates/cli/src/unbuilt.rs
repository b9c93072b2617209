//! What this tool has in place of the benchmarks if it is built without the feature `bench`.

use anyhow::{Error, anyhow};

/// Any arguments.
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Options {
    #[arg(hide = true, trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

/// Says how to build the tool with a command, and how to run the command then.
fn missing(command: &str, options: &Options) -> Error {
    let args: String = options.args.iter().map(|arg| format!(" {arg}")).collect();
    anyhow!(
        "this build has no benchmarks, because they take long to compile. Run `cargo run --release --features bench -- \
         {command}{args}` in a checkout, or `cargo install cotangent-cli --features bench` and the command again"
    )
}

#[cfg(not(feature = "bench"))]
pub(crate) mod bench {
    pub(crate) use super::Options;

    pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
        Err(super::missing("bench", options))
    }

    pub(crate) fn names() -> Vec<String> {
        Vec::new()
    }

    pub(crate) fn once(_: &str) -> Option<(Vec<String>, String)> {
        None
    }
}

#[cfg(not(feature = "bench"))]
pub(crate) mod gradbench {
    pub(crate) use super::Options;

    pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
        Err(super::missing("gradbench", options))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_repeats_the_command() {
        let options = Options { args: vec!["--device".to_owned(), "cuda".to_owned()] };
        let answer = missing("bench", &options).to_string();
        assert!(answer.contains("`cargo run --release --features bench -- bench --device cuda`"), "{answer}");
    }
}
