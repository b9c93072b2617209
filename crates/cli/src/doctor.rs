//! `cotangent doctor`: checks that everything a program needs is present and works.

use std::time::{Duration, Instant};

use anyhow::{Context, Error, Result, anyhow, bail, ensure};
use cotangent::prelude::*;
use serde_json::{Map, Value, json};
use xla::cuda::{Driver, Gpu, Libraries};
use xla::plugin::{self, CacheState, Finder, Location, Platform, Step};
use xla::{ArrayShape, Client, CompileOptions, CudaOptions, ElementType, Plugin};

use crate::cache::{COLUMN, bytes_in, programs, programs_as_json, size};
use crate::output::{TIE, row, say};
use crate::{Device, described};

pub(crate) const JSON: &str = "\
With --json, one object is printed. Its members (null if the check did not get that far):
  ok, error: whether everything works, and what does not
  cotangent, target, platform
  cache: dir, bytes
  programs: dir, on, count, bytes, limit
  offline: whether fetching is forbidden
  environment: the plugin that the environment names
  lookup: for GPUs, where a plugin was looked for: a list of objects with place, looked and found
  plugin: path, source, package, version, sha256, bytes, locked
  driver: for GPUs, NVIDIA's driver: release, cuda (the newest CUDA that it supports)
  gpus: the GPUs that the driver sees: a list of objects with name, bytes and capability
  libraries: for GPUs, NVIDIA's libraries: cuda, found (their paths by name), missing, optional (absent, which few \
programs need), compiler
  pjrt, stablehlo: the versions of its interfaces
  devices: a list of objects with name and kind
  test_program: load, open, compile, run, in seconds
  first_gradient: seconds

The exit code is 0 if everything works and 1 otherwise.";

/// The members of the object.
const MEMBERS: [&str; 19] = [
    "ok",
    "error",
    "cotangent",
    "target",
    "platform",
    "cache",
    "programs",
    "offline",
    "environment",
    "lookup",
    "plugin",
    "driver",
    "gpus",
    "libraries",
    "pjrt",
    "stablehlo",
    "devices",
    "test_program",
    "first_gradient",
];

/// Checks everything in the order in which a program needs it, and stops at the first failure.
pub(crate) fn examine(device: Device, json: bool, verbose: bool) -> Result<()> {
    if verbose {
        xla::show_plugin_logs();
    }
    let members = MEMBERS.map(|member| (member.to_string(), Value::Null)).into_iter().collect();
    let mut report = Report { json, members };
    let examined = report.examine(device);
    if json {
        report.set("ok", examined.is_ok());
        report.set("error", examined.as_ref().err().map(|error| format!("{error:#}")));
        say!("{}", Value::Object(report.members))?;
    } else if examined.is_ok() {
        say!("\nEverything works.")?;
    }
    examined
}

/// The results, printed line by line or collected.
struct Report {
    json: bool,
    members: Map<String, Value>,
}

impl Report {
    fn item(&self, name: &str, text: &str) -> Result<()> {
        if self.json { Ok(()) } else { row(name, COLUMN, text) }
    }

    fn set(&mut self, member: &str, value: impl Into<Value>) {
        self.members.insert(member.to_string(), value.into());
    }

    fn examine(&mut self, device: Device) -> Result<()> {
        let platform = device.platform();
        let finder = match device {
            Device::Cpu => Finder::from_env(platform),
            Device::Cuda => CudaOptions::current().finder(),
        };
        self.surroundings(&finder)?;

        let location = match device {
            Device::Cpu => {
                let location = finder.locate()?;
                self.plugin(&location)?;
                location
            }
            Device::Cuda => self.cuda(&finder)?,
        };

        let load = self.interfaces(&location)?;

        let (client, open) = timed(|| match device {
            Device::Cpu => Client::cpu_at(&location),
            // The library opens the GPUs once more below.
            Device::Cuda => Client::cuda_at(&location, &finder, &CudaOptions::new().preallocate(false)),
        });
        let client = client.context("the plugin cannot open its device")?;
        let named = |d: &xla::DeviceInfo| format!("{}:{} ({})", client.platform_name(), d.id, d.kind);
        let devices: Vec<String> = client.devices().iter().map(named).collect();
        self.set("devices", devices.iter().map(|device| described(device)).collect::<Vec<_>>());
        for (i, device) in devices.iter().enumerate() {
            self.item(if i == 0 { "devices" } else { "" }, device)?;
        }

        let [compile, run] = test_program(&client, platform)?;
        drop(client);
        let [load, open, compile, run] = [load, open, compile, run].map(|time| time.as_secs_f64());
        self.set("test_program", json!({ "load": load, "open": open, "compile": compile, "run": run }));
        self.item(
            "test program",
            &format!("correct; load {}, open {}, compile {}, run {}", ms(load), ms(open), ms(compile), ms(run)),
        )?;
        device.open()?;
        let (slope, first) = timed(|| grad(|x: &Array| 3.0 * x + 1.0).try_call((&4.0.into(),)));
        let slope: f64 = slope.context("a gradient cannot be computed")?.item();
        ensure!(slope == 3.0, "the gradient of 3x + 1 is {slope} instead of 3. {}", another(platform));
        self.set("first_gradient", json!({ "seconds": first.as_secs_f64() }));
        self.item("first gradient", &format!("correct; {}", ms(first.as_secs_f64())))
    }

    /// The inputs of the lookup: the cache and the environment.
    fn surroundings(&mut self, finder: &Finder) -> Result<()> {
        self.set("cotangent", env!("CARGO_PKG_VERSION"));
        self.set("target", plugin::target());
        self.set("platform", finder.platform.name());
        self.set("offline", finder.offline);
        self.set("environment", finder.environment.as_ref().map(|path| path.display().to_string()));
        self.item("cotangent", &format!("{} on {}", env!("CARGO_PKG_VERSION"), plugin::target()))?;
        let cache = finder.cache_dir.clone()?;
        let bytes = bytes_in(&cache);
        self.set("cache", json!({ "dir": cache, "bytes": bytes }));
        self.item("cache", &format!("{} ({})", cache.display(), size(bytes)))?;
        for (entry, path, state) in finder.inspect_cache() {
            match state {
                CacheState::Missing => {}
                CacheState::Good => self.item("", &format!("{}: present", entry.label()))?,
                CacheState::Damaged { reason } => {
                    self.item("", &format!("{}: DAMAGED, {reason}; delete {}", entry.label(), path.display()))?;
                }
            }
        }
        self.set("programs", programs_as_json());
        self.item("programs", &programs())?;
        self.item("offline", if finder.offline { "yes: COTANGENT_OFFLINE is set, nothing is fetched" } else { "no" })?;
        if let Some(path) = &finder.environment {
            self.item("environment", &format!("{} = {}", finder.platform.variable(), path.display()))?;
        }
        Ok(())
    }

    /// Loads the plugin, and returns how long that took.
    fn interfaces(&mut self, location: &Location) -> Result<Duration> {
        let (loaded, load) = timed(|| Plugin::load_location(location));
        let loaded = loaded.context("the plugin cannot be loaded")?;
        let (major, minor) = loaded.api_version();
        let stablehlo = loaded.stablehlo_version();
        self.set("pjrt", format!("{major}.{minor}"));
        self.set("stablehlo", stablehlo.clone());
        let stablehlo = stablehlo.unwrap_or_else(|| "of unknown version".into());
        self.item("interfaces", &format!("PJRT {major}.{minor}, StableHLO {stablehlo}"))?;
        Ok(load)
    }

    /// What GPUs need besides the plugin. Everything is looked at, so that one run shows all that is missing.
    fn cuda(&mut self, finder: &Finder) -> Result<Location> {
        let mut problems = Vec::new();
        let driver = self.driver(&mut problems)?;
        let lookup = finder.steps();
        let found = |step: &Step| step.found.iter().map(|l| l.path.display().to_string()).collect::<Vec<_>>();
        let listed: Vec<_> =
            lookup.iter().map(|s| json!({ "place": s.place, "looked": s.looked, "found": found(s) })).collect();
        self.set("lookup", listed);
        for (i, step) in lookup.iter().enumerate() {
            let found = found(step);
            let text = if found.is_empty() { format!("no {}", step.looked) } else { found.join(", ") };
            self.item(if i == 0 { "looked for in" } else { "" }, &format!("{}: {text}", step.place))?;
        }
        let location = match finder.locate() {
            Ok(location) => location,
            Err(error) => {
                problems.push(error.into());
                return Err(together(problems));
            }
        };
        if let Err(error) = self.plugin(&location) {
            problems.push(error);
        }
        if let Some(toolkit) = location.toolkit() {
            self.item("CUDA", &format!("{}, driver {} or newer", toolkit.major(), toolkit.oldest_driver()))?;
            if let Some(Err(error)) = driver.map(|driver| driver.check(toolkit)) {
                problems.push(xla::Error::from(error).into());
            }
        }
        let libraries = Libraries::find(&location, finder);
        self.libraries(&libraries, &mut problems)?;
        if problems.is_empty() {
            return Ok(location);
        }
        // Something is wrong, but maybe not with the plugin. Without the CUDA runtime, it would complain by itself.
        if libraries.found.iter().any(|(name, _)| name.starts_with("libcudart"))
            && let Err(error) = self.interfaces(&location)
        {
            problems.push(error);
        }
        Err(together(problems))
    }

    /// NVIDIA's driver and its GPUs.
    fn driver(&mut self, problems: &mut Vec<Error>) -> Result<Option<Driver>> {
        let driver = match Driver::find() {
            Ok(driver) => driver,
            Err(error) => {
                self.item("driver", "MISSING")?;
                problems.push(xla::Error::from(error).into());
                return Ok(None);
            }
        };
        let release = driver.release.clone().unwrap_or_else(|| "of unknown release".into());
        self.set("driver", json!({ "release": driver.release, "cuda": driver.supports.to_string() }));
        self.item("driver", &format!("{release}, supports CUDA {}", driver.supports))?;
        match driver.gpus() {
            Ok(gpus) => {
                let about = |gpu: &Gpu| {
                    let capability = gpu.capability.to_string();
                    json!({ "name": gpu.name, "bytes": gpu.memory, "capability": capability })
                };
                self.set("gpus", gpus.iter().map(about).collect::<Vec<_>>());
                for (i, gpu) in gpus.iter().enumerate() {
                    let text = format!("{}, {}, compute capability {}", gpu.name, size(gpu.memory), gpu.capability);
                    self.item(if i == 0 { "GPUs" } else { "" }, &text)?;
                }
            }
            Err(error) => {
                self.item("GPUs", "NONE")?;
                problems.push(xla::Error::from(error).into());
            }
        }
        Ok(Some(driver))
    }

    /// NVIDIA's libraries, and the tools of the compiler.
    fn libraries(&mut self, libraries: &Libraries, problems: &mut Vec<Error>) -> Result<()> {
        let absent = |required| libraries.absent().into_iter().filter(move |a| a.2 == required).map(|a| a.0).collect();
        let (missing, optional): (Vec<_>, Vec<_>) = (absent(true), absent(false));
        let found: Map<_, _> = libraries.found.iter().map(|(name, path)| (name.to_string(), json!(path))).collect();
        self.set(
            "libraries",
            json!({
                "cuda": libraries.toolkit.map(|toolkit| toolkit.major()),
                "found": found,
                "missing": missing,
                "optional": optional,
                "compiler": libraries.compiler,
            }),
        );
        let count = format!("{} of {}", found.len(), found.len() + missing.len() + optional.len());
        let paths = libraries.found.iter().filter_map(|(_, path)| path.parent());
        let mut dirs: Vec<_> = paths.map(|dir| dir.display().to_string()).collect();
        dirs.sort();
        dirs.dedup();
        let dirs = if dirs.is_empty() { String::new() } else { format!(", in {}", dirs.join(", ")) };
        self.item("libraries", &format!("{count}{dirs}"))?;
        if !missing.is_empty() {
            self.item("", &format!("not among them: {}", missing.join(", ")))?;
        }
        if !optional.is_empty() {
            self.item("", &format!("absent, which few programs need: {}", optional.join(", ")))?;
        }
        let compiler = libraries.compiler.as_ref().map(|dir| dir.display().to_string());
        self.item("compiler", &compiler.unwrap_or_else(|| "ptxas and libdevice not found; XLA looks for them".into()))?;
        match libraries.load() {
            Ok(()) => Ok(()),
            Err(error) => {
                problems.push(xla::Error::from(error).into());
                Ok(())
            }
        }
    }

    /// Reads the whole library and compares it with the lock.
    fn plugin(&mut self, location: &Location) -> Result<()> {
        let label = location.label();
        let (package, version) = label.as_deref().and_then(|label| label.split_once(' ')).unzip();
        let from = label.as_ref().map_or_else(String::new, |label| format!(", {label}"));
        let mut about = json!({
            "path": location.path,
            "source": location.source.to_string(),
            "package": package,
            "version": version,
            "sha256": null,
            "bytes": null,
            "locked": null,
        });
        self.set("plugin", about.clone());
        self.item("plugin", &format!("{} ({}{from})", location.path.display(), location.source))?;
        let verified = plugin::verify(location).context("the plugin is not the expected file")?;
        about["sha256"] = verified.sha256.clone().into();
        about["bytes"] = verified.size.into();
        about["locked"] = verified.locked.into();
        self.set("plugin", about);
        let lock = if verified.locked { "matches the lock" } else { "not in the lock" };
        self.item("sha256", &format!("{} ({lock})", verified.sha256))?;
        self.item("size", &size(verified.size))
    }
}

/// Compiles and runs `a + b`, and returns how long each took.
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
        bail!("[1, 2] + [1, 2] has the wrong result. {}", another(platform));
    }
    Ok([compile, run])
}

/// One error for all that is wrong.
fn together(mut problems: Vec<Error>) -> Error {
    match problems.len() {
        1 => problems.remove(0),
        n => {
            let texts = problems.iter().enumerate().map(|(i, error)| format!("{}. {error:#}", i + 1));
            anyhow!("{n} things are wrong.\n{}", texts.collect::<Vec<_>>().join("\n"))
        }
    }
}

fn another(platform: Platform) -> String {
    format!("The plugin does not fit this machine: set {} to the path of another one", platform.variable())
}

fn timed<T>(f: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    (f(), start.elapsed())
}

fn ms(seconds: f64) -> String {
    format!("{:.1}{TIE}ms", seconds * 1e3)
}
