//! `cotangent --version`: the versions of this program, its plugin, and the plugin's XLA.

use anyhow::Result;
use xla::plugin::{self, CacheState, Finder, Platform};

use crate::output::say;

/// Prints the versions, as far as they are known without loading or fetching anything.
pub(crate) fn show() -> Result<()> {
    say!("cotangent {}", env!("CARGO_PKG_VERSION"))?;
    let [plugin, xla] = plugin(&Finder::from_env(Platform::Cpu));
    say!("plugin    {plugin}\nXLA       {xla}")
}

/// The CPU plugin and its XLA.
fn plugin(finder: &Finder) -> [String; 2] {
    let unknown = "unknown until the plugin is loaded: run `cotangent doctor`".to_string();
    if let Some(path) = &finder.environment {
        let state = if path.exists() { "" } else { "; there is no such file" };
        return [format!("{} ({}){state}", path.display(), finder.platform.variable()), unknown];
    }
    let found = finder.inspect_cache();
    let here = found.iter().find(|(_, _, state)| *state == CacheState::Good);
    let state = match here {
        Some(_) => "installed",
        None if finder.offline => "not installed, and COTANGENT_OFFLINE forbids fetching it",
        None => "not installed; it is fetched when first needed",
    };
    let first = finder.wanted().next();
    match here.map(|(entry, ..)| *entry).or(first) {
        Some(entry) => [format!("{}, {state}", entry.label()), format!("of {}", entry.xla)],
        None => {
            [format!("none for {}: set {} to the path of one", plugin::target(), finder.platform.variable()), unknown]
        }
    }
}
