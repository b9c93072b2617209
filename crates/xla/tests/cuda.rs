//! The way to a GPU, without one: a fake driver, fake libraries of NVIDIA's and a fake plugin, made with a C compiler,
//! in the places where the real ones are. Each case is a process of its own, because libraries stay loaded.
#![cfg(all(target_os = "linux", target_env = "gnu"))]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use cotangent_xla::cuda::CudaAllocator;
use cotangent_xla::{Client, CudaOptions};

/// Reports that a test did not run. Bypasses the harness, which hides the output of passing tests.
fn not_run(reason: &str) {
    let _ = writeln!(std::io::stderr(), "NOT RUN: {reason}");
}

/// A driver of which the environment says what it is like.
const DRIVER: &str = r#"
#include <stdlib.h>
#include <string.h>
static int number(const char *name, int otherwise) { const char *v = getenv(name); return v ? atoi(v) : otherwise; }
int cuDriverGetVersion(int *v) { *v = number("FAKE_CUDA", 13000); return 0; }
int cuInit(unsigned f) { return number("FAKE_INIT", 0); }
int cuDeviceGetCount(int *n) { *n = number("FAKE_GPUS", 1); return 0; }
int cuDeviceGet(int *d, int n) { *d = n; return 0; }
int cuDeviceGetName(char *s, int len, int d) { strncpy(s, "Fake GPU", len); return 0; }
int cuDeviceTotalMem_v2(size_t *n, int d) { *n = 80000000000; return 0; }
int cuDeviceGetAttribute(int *v, int a, int d) { *v = a == 75 ? 9 : 0; return 0; }
int cuGetErrorName(int e, const char **s) { *s = "CUDA_ERROR_FAKE"; return 0; }
int cuGetErrorString(int e, const char **s) { *s = "it is a fake"; return 0; }
"#;

/// A plugin that opens nothing: its error says with which options it was asked to, and which libraries it found. It
/// writes log lines when it is loaded and when it is called, as the real one does.
const PLUGIN: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static char text[4000];
struct value { size_t size; void *ext; const char *name; size_t name_len; int type;
               union { const char *s; long i; const long *l; float f; unsigned char b; } v; size_t len; };
__attribute__((constructor)) static void loaded(void) {
  if (!dlopen("libcudart.so.13", RTLD_NOW)) fprintf(stderr, "I0000 00:00:1.0 1 cudart_stub.cc:31] no cudart\n");
}
static void *ok(void *args) { return 0; }
static void *message(void *args) {
  struct { size_t size; void *ext, *error; const char *text; size_t len; } *a = args;
  a->text = text; a->len = strlen(text); return 0;
}
static void *code(void *args) { struct { size_t size; void *ext, *error; int code; } *a = args; a->code = 9; return 0; }
static void *client(void *args) {
  struct { size_t size; void *ext; struct value *options; size_t n; } *a = args;
  fprintf(stderr, "E1126 19:45:44.019443    2874 cuda_platform.cc:57] failed call\n");
  fprintf(stderr, "=== Trace: ===\n");
  if (getenv("FAKE_FATAL")) {
    fputs("F1126 19:45:44.019443 2874 flags.cc:57] fatal\n", stderr); fputs("more\n", stderr);
  }
  if (getenv("FAKE_MESSAGE")) { strcpy(text, getenv("FAKE_MESSAGE")); return text; }
  char *p = text + sprintf(text, "opened with");
  for (size_t i = 0; i < a->n; i++) {
    struct value *o = &a->options[i];
    p += sprintf(p, " %.*s=", (int)o->name_len, o->name);
    if (o->type == 0) p += sprintf(p, "%.*s", (int)o->len, o->v.s);
    if (o->type == 2) for (size_t j = 0; j < o->len; j++) p += sprintf(p, "%ld,", o->v.l[j]);
    if (o->type == 3) p += sprintf(p, "%g", o->v.f);
    if (o->type == 4) p += sprintf(p, "%d", o->v.b);
  }
  const char *names[] = {"libcublas.so.13", "libcublasLt.so.13", "libcudnn.so.9"};
  for (int i = 0; i < 3; i++) p += sprintf(p, " %s:%s", names[i], dlopen(names[i], RTLD_NOW) ? "found" : "absent");
  return text;
}
const void *GetPjrtApi(void) {
  static struct { size_t size; void *ext; struct { size_t size; void *ext; int major, minor; } v; void *slots[140]; } t;
  t.size = sizeof t; t.v.size = 24; t.v.minor = 50;
  for (int i = 0; i < 140; i++) t.slots[i] = ok;
  t.slots[1] = message; t.slots[2] = code; t.slots[10] = client;
  return &t;
}
"#;

/// NVIDIA's libraries for CUDA 13 by their places in the wheels, each with those that it needs.
const LIBRARIES: [(&str, &[&str]); 9] = [
    ("cu13/lib/libcudart.so.13", &[]),
    ("cu13/lib/libnvJitLink.so.13", &[]),
    ("cu13/lib/libcublasLt.so.13", &[]),
    ("cu13/lib/libcublas.so.13", &["cu13/lib/libcublasLt.so.13"]),
    ("cu13/lib/libcufft.so.12", &[]),
    ("cu13/lib/libcusparse.so.12", &["cu13/lib/libnvJitLink.so.13"]),
    ("cu13/lib/libcusolver.so.12", &["cu13/lib/libcublas.so.13", "cu13/lib/libcusparse.so.12"]),
    ("cudnn/lib/libcudnn.so.9", &[]),
    ("nccl/lib/libnccl.so.2", &[]),
];

/// Makes a library with a C compiler.
fn build(source: &str, to: &Path, needs: &[PathBuf]) -> bool {
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    let c = to.with_extension("c");
    fs::write(&c, source).unwrap();
    let name = to.file_name().unwrap().to_str().unwrap();
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-w", "-Wl,--no-as-needed", &format!("-Wl,-soname,{name}"), "-o"]).arg(to).arg(&c);
    // As in NVIDIA's wheels: one library names another, and where that is must be known already.
    cc.args(needs).arg("-Wl,--allow-shlib-undefined").arg("-ldl");
    let built = cc.status().is_ok_and(|status| status.success());
    fs::remove_file(&c).unwrap();
    built
}

/// A directory with `driver/libcuda.so.1` and a Python environment `env`, in which JAX with CUDA 13 is installed.
/// `None` if there is no C compiler.
fn world() -> Option<&'static Path> {
    static WORLD: OnceLock<Option<PathBuf>> = OnceLock::new();
    let make = || {
        let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("cuda");
        let _ = fs::remove_dir_all(&dir);
        let site = dir.join("env/lib/python3.12/site-packages");
        let mut built = build(DRIVER, &dir.join("driver/libcuda.so.1"), &[]);
        built &= build(PLUGIN, &site.join("jax_plugins/xla_cuda13/xla_cuda_plugin.so"), &[]);
        for (name, needs) in LIBRARIES {
            let needs: Vec<_> = needs.iter().map(|name| site.join("nvidia").join(name)).collect();
            built &= build("", &site.join("nvidia").join(name), &needs);
        }
        fs::create_dir_all(dir.join("empty")).unwrap();
        built.then_some(dir)
    };
    let world = WORLD.get_or_init(make).as_deref();
    if world.is_none() {
        not_run("there is no C compiler to make libraries with");
    }
    world
}

/// Opens the fake GPU in a process of its own, with nothing in the environment but `vars`, and returns what it prints.
fn open(vars: &[(&str, &Path)]) -> Output {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "child_process", "--nocapture"]).env_clear().env("COTANGENT_TEST_CUDA", "1");
    child.envs(vars.iter().copied()).output().unwrap()
}

/// The error of that process, in which `result: ` stands before it, and what it prints to standard error.
fn error(vars: &[(&str, &Path)]) -> (String, String) {
    let output = open(vars);
    let text = String::from_utf8(output.stdout).unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let at = text.find("result: ").unwrap_or_else(|| panic!("no result in {text}, {said}"));
    let end = text[at..].find("\nend").unwrap();
    (text[at + 8..at + end].to_owned(), said)
}

/// What [`open`] runs; does nothing by itself.
#[test]
fn child_process() {
    if std::env::var_os("COTANGENT_TEST_CUDA").is_none() {
        return;
    }
    let mut options = CudaOptions::new();
    if std::env::var_os("FAKE_OPTIONS").is_some() {
        options =
            options.preallocate(false).memory_fraction(0.5).allocator(CudaAllocator::CudaAsync).visible_devices([1, 0]);
    }
    if let Some(dir) = std::env::var_os("FAKE_DIRECTORY") {
        options = options.directory(dir);
    }
    println!("result: {}\nend", Client::cuda_with(&options).unwrap_err());
}

/// The variables of a process that finds everything.
fn complete(world: &Path) -> Vec<(&'static str, PathBuf)> {
    vec![
        ("VIRTUAL_ENV", world.join("env")),
        ("LD_LIBRARY_PATH", world.join("driver")),
        ("COTANGENT_CACHE_DIR", world.join("cache")),
    ]
}

/// The error with some of these variables replaced.
fn error_with(world: &Path, changes: &[(&'static str, &str)]) -> (String, String) {
    let mut vars = complete(world);
    for (name, value) in changes {
        vars.retain(|(n, _)| n != name);
        vars.push((name, PathBuf::from(value)));
    }
    error(&vars.iter().map(|(name, value)| (*name, value.as_path())).collect::<Vec<_>>())
}

#[test]
fn a_python_environment_is_enough() {
    let Some(world) = world() else { return };
    let found = "libcublas.so.13:found libcublasLt.so.13:found libcudnn.so.9:found";
    let (error, said) = error_with(world, &[]);
    assert_eq!(
        error,
        format!("opening the device failed (FailedPrecondition): opened with platform_name=cuda {found}")
    );
    // None of the plugin's log lines.
    assert_eq!(said, "");
    let (error, _) = error_with(world, &[("FAKE_OPTIONS", "1")]);
    assert!(
        error.ends_with(&format!(
            "opened with preallocate=0 memory_fraction=0.5 allocator=cuda_async visible_devices=1,0, \
             platform_name=cuda {found}"
        )),
        "{error}"
    );
    let (error, _) = error_with(world, &[("COTANGENT_CUDA_PREALLOCATE", "maybe")]);
    assert!(error.starts_with("COTANGENT_CUDA_PREALLOCATE is `maybe`"), "{error}");
}

#[test]
fn log_lines_are_shown_on_request_and_if_they_are_fatal() {
    let Some(world) = world() else { return };
    for request in [("COTANGENT_PLUGIN_LOG", "1"), ("TF_CPP_MIN_LOG_LEVEL", "0")] {
        let (_, said) = error_with(world, &[request]);
        assert!(said.starts_with("E1126 ") && said.contains("Trace"), "{said}");
    }
    assert_eq!(error_with(world, &[("COTANGENT_PLUGIN_LOG", "0")]).1, "");
    let (_, said) = error_with(world, &[("FAKE_FATAL", "1")]);
    assert_eq!(said, "F1126 19:45:44.019443 2874 flags.cc:57] fatal\nmore\n");
}

#[test]
fn the_places_where_a_plugin_is_looked_for() {
    let Some(world) = world() else { return };
    let site = world.join("env/lib/python3.12/site-packages");
    let opened = |changes: &[(&'static str, &str)]| {
        let (error, _) = error_with(world, changes);
        assert!(
            error.contains("opened with platform_name=cuda libcublas.so.13:found libcublasLt.so.13:found"),
            "{changes:?}: {error}"
        );
    };
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    // By its path, by its directory, and by the layout of its directory.
    opened(&[
        ("VIRTUAL_ENV", ""),
        ("PJRT_CUDA_PLUGIN", &text(&site.join("jax_plugins/xla_cuda13/xla_cuda_plugin.so"))),
    ]);
    opened(&[("VIRTUAL_ENV", ""), ("FAKE_DIRECTORY", &text(&site.join("jax_plugins/xla_cuda13")))]);
    opened(&[("VIRTUAL_ENV", ""), ("FAKE_DIRECTORY", &text(&site))]);
    // By what names a Python environment.
    opened(&[("VIRTUAL_ENV", ""), ("CONDA_PREFIX", &text(&world.join("env")))]);
    opened(&[("VIRTUAL_ENV", ""), ("PYTHONPATH", &text(&site))]);
    // By a link to a `python3` in it, as in a virtual environment that is not activated.
    let bin = world.join("other/bin");
    fs::create_dir_all(&bin).unwrap();
    std::os::unix::fs::symlink("/bin/true", bin.join("python3")).unwrap();
    fs::write(world.join("other/pyvenv.cfg"), "home = /usr/bin\n").unwrap();
    std::os::unix::fs::symlink(world.join("env/lib"), world.join("other/lib")).unwrap();
    opened(&[("VIRTUAL_ENV", ""), ("PATH", &text(&bin))]);
    // By a script that stands for `python3` and is asked.
    let shims = world.join("shims");
    fs::create_dir_all(&shims).unwrap();
    fs::write(shims.join("python3"), format!("#!/bin/sh\necho\necho /usr/lib/python3.12\necho '{}'\n", text(&site)))
        .unwrap();
    let runs = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(shims.join("python3"), runs).unwrap();
    opened(&[("VIRTUAL_ENV", ""), ("PATH", &text(&shims))]);
    // A plugin by itself takes the libraries of the environment.
    let alone = world.join("alone/xla_cuda13_plugin.so");
    fs::create_dir_all(alone.parent().unwrap()).unwrap();
    fs::copy(site.join("jax_plugins/xla_cuda13/xla_cuda_plugin.so"), &alone).unwrap();
    opened(&[("PJRT_CUDA_PLUGIN", &text(&alone))]);

    let nowhere = error_with(world, &[("VIRTUAL_ENV", ""), ("PATH", ""), ("FAKE_CUDA", "12040")]).0;
    for said in
        ["`cotangent setup cuda12`", "pip install \"jax[cuda12]\"", "PJRT_CUDA_PLUGIN: not set", "/cache/plugins"]
    {
        assert!(nowhere.contains(said), "{said}: {nowhere}");
    }
    let nowhere = error_with(world, &[("VIRTUAL_ENV", ""), ("PATH", ""), ("LD_LIBRARY_PATH", "")]).0;
    assert!(nowhere.contains("`cotangent setup cuda13`"), "{nowhere}");
    let absent = error_with(world, &[("PJRT_CUDA_PLUGIN", "/nowhere/plugin.so")]).0;
    assert!(absent.contains("/nowhere/plugin.so") && absent.contains("PJRT_CUDA_PLUGIN"), "{absent}");
}

#[test]
fn each_thing_that_is_missing_has_an_error_of_its_own() {
    let Some(world) = world() else { return };
    let said = |changes: &[(&'static str, &str)]| error_with(world, changes).0;
    let driver = said(&[("LD_LIBRARY_PATH", "")]);
    assert!(driver.starts_with("there is no NVIDIA driver: libcuda.so.1 cannot be loaded"), "{driver}");
    let old = said(&[("FAKE_CUDA", "12040")]);
    assert!(old.contains("supports CUDA 12.4, but the plugin needs CUDA 13") && old.contains("580"), "{old}");
    let none = said(&[("FAKE_INIT", "100")]);
    assert!(none.contains("it reports no GPU"), "{none}");
    assert_eq!(said(&[("FAKE_GPUS", "0")]), none);
    let hidden = said(&[("FAKE_INIT", "100"), ("CUDA_VISIBLE_DEVICES", "")]);
    assert!(hidden.starts_with("CUDA_VISIBLE_DEVICES is set to nothing"), "{hidden}");
    let wrong = said(&[("FAKE_INIT", "100"), ("CUDA_VISIBLE_DEVICES", "7")]);
    assert!(wrong.starts_with("CUDA_VISIBLE_DEVICES is `7`, which selects no GPU"), "{wrong}");
    assert_eq!(said(&[("FAKE_MESSAGE", "No visible GPU devices."), ("CUDA_VISIBLE_DEVICES", "7")]), wrong);
    let broken = said(&[("FAKE_INIT", "803")]);
    assert!(broken.contains("cuInit returned 803 (CUDA_ERROR_FAKE: it is a fake)"), "{broken}");

    // Without a required library, with a damaged one, and without one that only some programs need.
    let (site, copy) = (world.join("env/lib/python3.12/site-packages"), world.join("incomplete"));
    let plugin = "jax_plugins/xla_cuda13/xla_cuda_plugin.so";
    let with = |without: &str, damaged: &str| {
        let _ = fs::remove_dir_all(&copy);
        for name in LIBRARIES.iter().map(|(name, _)| format!("nvidia/{name}")).chain([plugin.to_owned()]) {
            let to = copy.join("lib/python3.12/site-packages").join(&name);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            if !without.is_empty() && name.ends_with(without) {
                continue;
            }
            fs::copy(site.join(&name), &to).unwrap();
            if !damaged.is_empty() && name.ends_with(damaged) {
                fs::write(&to, "damaged").unwrap();
            }
        }
        said(&[("VIRTUAL_ENV", copy.to_str().unwrap())])
    };
    let missing = with("libcudnn.so.9", "");
    assert!(missing.starts_with("NVIDIA's libraries are incomplete: libcudnn.so.9 cannot be found. "), "{missing}");
    for part in
        ["nvidia-cudnn-cu13", "`cotangent setup cuda13`", "incomplete/lib/python3.12/site-packages/nvidia/cu13/lib"]
    {
        assert!(missing.contains(part), "{part}: {missing}");
    }
    let damaged = with("", "libcufft.so.12");
    assert!(damaged.contains("nvidia/cu13/lib/libcufft.so.12 cannot be loaded"), "{damaged}");
    let opened = with("libnccl.so.2", "");
    assert!(opened.contains("opened with"), "{opened}");
}
