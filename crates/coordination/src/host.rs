//! The name of this host.

use std::sync::LazyLock;

/// The name of this host, as Linux reports it; `unknown` if it does not.
pub(crate) fn name() -> &'static str {
    static NAME: LazyLock<String> = LazyLock::new(|| {
        let reported = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
        let name = reported.or_else(|| std::env::var("HOSTNAME").ok()).map(|name| name.trim().to_owned());
        // Names are at most 64 bytes long on Linux. The variable may hold anything.
        name.filter(|name| !name.is_empty() && name.len() <= 256).unwrap_or_else(|| "unknown".to_owned())
    });
    &NAME
}
