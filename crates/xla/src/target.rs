//! The GPUs that programs can be compiled for without having one.

use std::fmt;

/// A kind of GPU, as XLA's compiler sees it: how many multiprocessors, how much memory, which instructions.
///
/// ```
/// use cotangent_xla::Target;
/// assert_eq!(Target::named("h100").unwrap().compute_capability(), "9.0");
/// assert_eq!(Target::ALL.map(|target| target.name()), ["h100", "h200", "a100", "l4", "rtx4090"]);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Target {
    name: &'static str,
    about: &'static str,
    compute_capability: &'static str,
    config: &'static str,
}

macro_rules! targets {
    ($($name:ident $constant:ident $about:literal $capability:literal)*) => {
        impl Target {
            /// Every target.
            pub const ALL: [Target; [$($capability),*].len()] = [$(Target::$constant),*];

            $(
                #[doc = concat!("An ", $about, ".")]
                pub const $constant: Target = Target {
                    name: stringify!($name),
                    about: $about,
                    compute_capability: $capability,
                    config: include_str!(concat!("targets/", stringify!($name), ".txtpb")),
                };
            )*
        }
    };
}

targets! {
    h100 H100 "NVIDIA H100 SXM with 80 GB" "9.0"
    h200 H200 "NVIDIA H200 SXM with 141 GB" "9.0"
    a100 A100 "NVIDIA A100 SXM with 80 GB" "8.0"
    l4 L4 "NVIDIA L4 with 24 GB" "8.9"
    rtx4090 RTX4090 "NVIDIA GeForce RTX 4090 with 24 GB" "8.9"
}

impl Target {
    /// The target of that name.
    pub fn named(name: &str) -> Option<Target> {
        Target::ALL.into_iter().find(|target| target.name == name)
    }

    /// Its name: `h100`, `h200`, `a100`, `l4`, `rtx4090`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The card in words.
    pub fn about(&self) -> &'static str {
        self.about
    }

    /// The instruction set, as `major.minor`. A program for it runs on every card that has the same.
    pub fn compute_capability(&self) -> &'static str {
        self.compute_capability
    }

    /// XLA's target configuration (`GpuTargetConfigProto`) as text.
    pub fn config(&self) -> &'static str {
        self.config
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({})", self.name)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_says_what_its_target_says() {
        for target in Target::ALL {
            let (major, minor) = target.compute_capability.split_once('.').expect("major.minor");
            let config = target.config;
            assert!(config.contains(&format!("{{ major: {major} minor: {minor} ")), "{target}");
            let name = config.split("device_description_str: \"").nth(1).expect("a name").split('"').next();
            let name = name.expect("an end of the name");
            assert!(config.contains(&format!("  name: \"{name}\"")), "{target}");
            let model = target.name.trim_start_matches("rtx").to_uppercase();
            assert!(name.contains(&model) && target.about.contains(&model), "{target}: {name}");
            assert_eq!(config.matches('{').count(), config.matches('}').count(), "{target}");
        }
    }
}
