//! `cotangent --version`: this program, the plugin that it uses, and the XLA in that.

use anyhow::Result;
use xla::plugin::{self, CacheState, Finder, Platform};

use crate::output::say;

/// Says what is used, as far as that is known without loading or fetching anything.
pub(crate) fn show() -> Result<()> {
    say!("cotangent {}", env!("CARGO_PKG_VERSION"))?;
    let [plugin, xla] = plugin(&Finder::from_env(Platform::Cpu));
    say!("plugin    {plugin}\nXLA       {xla}")
}

/// The plugin for the processor, and its XLA.
fn plugin(finder: &Finder) -> [String; 2] {
    let unknown = "unknown until it is loaded: `cotangent doctor` does that".to_string();
    if let Some(path) = &finder.environment {
        let state = if path.exists() { "" } else { "; there is no such file" };
        return [format!("{} ({}){state}", path.display(), finder.platform.variable()), unknown];
    }
    let found = finder.inspect_cache();
    let here = found.iter().find(|(_, _, state)| *state == CacheState::Good);
    let state = match here {
        Some(_) => "installed",
        None if finder.offline => "not installed, and COTANGENT_OFFLINE forbids fetching it",
        None => "not installed: it is fetched when it is first needed",
    };
    let first = finder.entries.iter().find(|e| e.platform == finder.platform && e.fits_this_machine());
    match here.map(|(entry, ..)| *entry).or(first) {
        Some(entry) => [format!("{}, {state}", entry.label()), format!("of {}", entry.xla)],
        None => [format!("none for {}: name one in {}", plugin::target(), finder.platform.variable()), unknown],
    }
}
