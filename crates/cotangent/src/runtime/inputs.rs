//! What the compiler receives: the program as text, and the options to compile it with.

use std::sync::OnceLock;

use crate::array::platform::Platform;
use crate::compile::outline::outline;
use crate::compile::style::Style;
use crate::compile::times::{Stage, during};
use crate::ir::jaxpr::Jaxpr;
use crate::ir::lowering::{Entry, lower_entry};
use crate::ir::routes::Routes;

use super::client::array_shape;

/// Everything that the compiler receives.
pub(super) struct Inputs {
    pub(super) text: String,
    pub(super) params: Vec<xla::ArrayShape>,
    pub(super) options: xla::CompileOptions,
}

/// A program for a platform. `aliases` has the result, if any, that may reuse the memory of each input.
pub(super) fn inputs(platform: Platform, pruned: &Jaxpr, aliases: &[Option<usize>]) -> Inputs {
    let text = text(platform, pruned, aliases);
    let options = options(platform, Style::of(pruned, &text));
    Inputs { text, params: pruned.input_avals().map(array_shape).collect(), options }
}

/// The program as text.
pub(super) fn text(platform: Platform, pruned: &Jaxpr, aliases: &[Option<usize>]) -> String {
    let blocks = during(Stage::Rewrite, || outline(pruned));
    let program = blocks.as_ref().unwrap_or(pruned);
    let entry = Entry { platform, portable: false, aliases, constants: &[], partition: None };
    during(Stage::Lower, || lower_entry("cotangent", program, entry).to_text())
}

/// The compile options of a program.
pub(super) fn options(platform: Platform, style: Style) -> xla::CompileOptions {
    let options = xla::CompileOptions::default();
    if !Routes::of(platform).styles {
        return options;
    }
    // By default the CPU compiler lets a maximum or minimum drop a NaN in its second operand.
    let options = options.flag("xla_cpu_enable_fast_min_max", xla::FlagValue::Bool(false));
    // The whole loop becomes one kernel. The compiler's own limit is a kilobyte touched by the body.
    let limit = style.small_loops.then(|| ("xla_cpu_small_while_loop_byte_threshold", (1u64 << 40).to_string()));
    let older = style.older_emitters && !alike();
    let older = older.then(|| ("xla_cpu_disable_new_fusion_emitters", String::new()));
    limit.into_iter().chain(older).fold(options, |options, (name, value)| options.backend_option(name, value))
}

/// Whether tiny programs are compiled like all others, as `COTANGENT_CPU_KERNELS=alike` asks. Tests with small arrays
/// then see what large arrays get.
fn alike() -> bool {
    static ALIKE: OnceLock<bool> = OnceLock::new();
    *ALIKE.get_or_init(|| std::env::var_os("COTANGENT_CPU_KERNELS").is_some_and(|value| value == "alike"))
}
