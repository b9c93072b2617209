//! `cotangent doctor`: is everything there that a program needs, and does it work?

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use cotangent::prelude::*;
use xla::plugin::{self, CacheState, Finder, Location, Platform};
use xla::{ArrayShape, Client, CompileOptions, ElementType, Plugin};

use crate::{Device, say};

/// Examines everything in the order in which a program needs it, and stops at what is broken.
pub(crate) fn examine(device: Device) -> Result<()> {
    let platform = match device {
        Device::Cpu => Platform::Cpu,
        Device::Cuda => Platform::Cuda,
    };
    let finder = Finder::from_env(platform);
    surroundings(&finder)?;

    let location = finder.locate().context("no plugin")?;
    let from = location.entry.map_or_else(String::new, |e| format!(", {}", e.label()));
    item("plugin", &format!("{} ({}{from})", location.path.display(), location.source))?;
    verify(&location)?;

    let (loaded, load) = timed(|| Plugin::load_location(&location));
    let loaded = loaded.context("the plugin does not load")?;
    let (major, minor) = loaded.api_version();
    let stablehlo = loaded.stablehlo_version().unwrap_or_else(|| "of unknown version".into());
    item("interfaces", &format!("PJRT {major}.{minor}, StableHLO {stablehlo}"))?;

    let (client, open) = timed(|| match device {
        Device::Cpu => Client::cpu_at(&location),
        Device::Cuda => Client::new(loaded.clone(), &[]),
    });
    let client = client.context("the plugin does not open its device")?;
    for device in client.devices() {
        item("device", &format!("{}:{} ({})", client.platform_name(), device.id, device.kind))?;
    }

    let [compile, run] = test_program(&client, platform)?;
    item(
        "test program",
        &format!("right; load {}, open {}, compile {}, run {}", ms(load), ms(open), ms(compile), ms(run)),
    )?;
    device.open()?;
    let (slope, first) = timed(|| grad(|x: &Array| 3.0 * x + 1.0).try_call((&4.0.into(),)));
    let slope: f64 = slope.context("a gradient cannot be computed")?.item();
    ensure!(slope == 3.0, "the gradient of 3x + 1 came out as {slope}. {}", another(platform));
    item("first gradient", &format!("right; {}", ms(first)))?;
    say!("\nAll is well.")
}

/// What the lookup depends on: the cache and the environment.
fn surroundings(finder: &Finder) -> Result<()> {
    item("cotangent", &format!("{} on {}", env!("CARGO_PKG_VERSION"), plugin::target()))?;
    let cache = finder.cache_dir.clone().context("no cache")?;
    let size = bytes_in(&cache);
    item("cache", &format!("{} ({:.1} MB)", cache.display(), size as f64 / 1e6))?;
    for (entry, path, state) in finder.inspect_cache() {
        match state {
            CacheState::Missing => {}
            CacheState::Good => item("", &format!("{}: there", entry.label()))?,
            CacheState::Damaged { reason } => {
                item("", &format!("{}: DAMAGED, {reason}; delete {}", entry.label(), path.display()))?;
            }
        }
    }
    item("offline", if finder.offline { "yes: COTANGENT_OFFLINE is set, nothing is fetched" } else { "no" })?;
    if let Some(path) = &finder.environment {
        item("environment", &format!("{} = {}", finder.platform.variable(), path.display()))?;
    }
    Ok(())
}

/// Reads the whole library and compares it with the lock.
fn verify(location: &Location) -> Result<()> {
    let verified = plugin::verify(location).context("the plugin is not what it should be")?;
    let lock =
        if verified.locked { "as in third_party/plugins.lock" } else { "not listed in third_party/plugins.lock" };
    item("sha256", &format!("{} ({lock})", verified.sha256))?;
    item("size", &format!("{:.1} MB", verified.size as f64 / 1e6))
}

/// Compiles and runs `a + b`; how long each took.
fn test_program(client: &Client, platform: Platform) -> Result<[Duration; 2]> {
    let program = "func.func @main(%a: tensor<2xf32>, %b: tensor<2xf32>) -> tensor<2xf32> {
        %0 = stablehlo.add %a, %b : tensor<2xf32>
        return %0 : tensor<2xf32>
    }";
    let shape = ArrayShape::new(ElementType::F32, [2]);
    let params = [shape.clone(), shape.clone()];
    let (compiled, compile) = timed(|| client.compile(program, &params, &CompileOptions::default()));
    let compiled = compiled.context("the test program does not compile")?;
    let bytes: Vec<u8> = [1f32, 2.0].iter().flat_map(|x| x.to_ne_bytes()).collect();
    let (sum, run) = timed(|| -> Result<Vec<u8>> {
        let x = client.buffer_from_host(&bytes, &shape)?;
        Ok(compiled.execute(&[&x, &x])?[0].to_vec()?)
    });
    let expected: Vec<u8> = [2f32, 4.0].iter().flat_map(|x| x.to_ne_bytes()).collect();
    if sum.context("the test program does not run")? != expected {
        bail!("[1, 2] + [1, 2] came out wrong. {}", another(platform));
    }
    Ok([compile, run])
}

fn another(platform: Platform) -> String {
    format!("The plugin does not suit this machine: name another one in {}", platform.variable())
}

fn item(name: &str, text: &str) -> Result<()> {
    say!("{name:<16}{text}")
}

fn timed<T>(f: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    (f(), start.elapsed())
}

fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

/// The length of all files below a directory.
fn bytes_in(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| Some((entry.path(), entry.metadata().ok()?)))
        .map(|(path, meta)| if meta.is_dir() { bytes_in(&path) } else { meta.len() })
        .sum()
}
