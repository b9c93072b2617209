//! The binary, as users run it.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

#[path = "../../cotangent/tests/common/base64.rs"]
mod base64;
#[path = "../../cotangent/tests/common/stored.rs"]
mod stored;

fn cotangent(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cotangent"));
    command.args(args);
    command
}

fn output(args: &[&str]) -> Output {
    cotangent(args).output().expect("the binary runs")
}

/// The output of a command that must succeed.
fn printed(args: &[&str]) -> String {
    let output = output(args);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?} failed: {stderr}");
    String::from_utf8(output.stdout).expect("text")
}

/// The error message of a command that must fail.
fn complaint(args: &[&str]) -> String {
    let output = output(args);
    assert_eq!(output.status.code(), Some(1), "{args:?}");
    assert!(output.stdout.is_empty(), "{args:?} prints besides its error");
    String::from_utf8(output.stderr).expect("text")
}

/// An empty directory for this test.
fn empty_dir(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&dir);
    dir
}

/// Whether a value is close to JAX's: bits differ by at most one; sums and losses are compared relatively, results of
/// loops absolutely.
fn close(cell: &str, ours: f64, jax: f64) -> bool {
    match cell {
        "raw_normal_bits_first8" => (ours - jax).abs() <= 1.0,
        "cell01_df" | "cell02_dpolynomial" | "key" | "cell08_df" | "cell10_shape" => ours == jax,
        "cell03_minimum" | "cell07_mu" | "cell07_sigma" | "cell09_minimum" => (ours - jax).abs() <= 1e-4,
        _ => (ours - jax).abs() <= 1e-5 * jax.abs(),
    }
}

fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(items) => items.iter().flat_map(numbers).collect(),
        other => vec![other.as_f64().unwrap_or_else(|| panic!("{other} is not a number"))],
    }
}

#[test]
fn the_notebook_gives_what_jax_gives() {
    let mut reference: serde_json::Map<String, Value> =
        serde_json::from_str(include_str!("reference.json")).expect("the reference is JSON");
    // The cells that this file does not have are in the file that make_demos.py writes, as those of the other demos.
    let mut more: serde_json::Map<String, Value> =
        serde_json::from_str(include_str!("demos/optimized-learning.json")).expect("the reference is JSON");
    reference.append(more["cells"].as_object_mut().expect("cells"));
    let mut missing: Vec<_> = reference.keys().filter(|k| *k != "jax_version").collect();
    for line in printed(&["demo", "run", "optimized-learning", "--json"]).lines() {
        let object: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"));
        let cell = object["cell"].as_str().expect("a cell has a name");
        let (ours, jax) = (numbers(&object["value"]), numbers(&reference[cell]));
        assert_eq!(ours.len(), jax.len(), "{cell}");
        for (ours, jax) in ours.into_iter().zip(jax) {
            assert!(close(cell, ours, jax), "{cell}: {ours} is not JAX's {jax}");
        }
        assert!(missing.contains(&&cell.to_owned()), "{cell} comes twice");
        missing.retain(|k| *k != cell);
    }
    assert!(missing.is_empty(), "no value for {missing:?}");
}

/// The width and height that a PNG file states.
fn png_size(path: &Path) -> (u32, u32) {
    let file = std::fs::File::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut reader = png::Decoder::new(BufReader::new(file)).read_info().expect("a PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a size that fits memory")];
    let info = reader.next_frame(&mut pixels).expect("a whole PNG");
    assert!(pixels.iter().any(|p| *p != pixels[0]), "{} is blank", path.display());
    (info.width, info.height)
}

#[test]
fn the_demo_shows_its_code_and_draws_its_pictures() {
    let dir = empty_dir("pictures");
    let page = printed(&["demo", "run", "optimized-learning", "--out", dir.to_str().expect("a path in UTF-8")]);
    for text in
        ["A field with two hollows", "let dpolynomial = grad(polynomial);", "3.0 * x + 1.0", "22.0", "[300, 300]"]
    {
        assert!(page.contains(text), "the page does not show {text:?}:\n{page}");
    }
    assert!(!page.contains("nb.value"), "the page shows the notebook's own calls");
    for name in ["surface", "data", "gold", "likelihood", "polynomial"] {
        let (width, height) = png_size(&dir.join(format!("{name}.png")));
        assert!(width >= 1000 && height >= 800, "{name}.png is {width} x {height}");
        let svg = std::fs::read_to_string(dir.join(format!("{name}.svg"))).expect("an SVG");
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{name}.svg");
    }
}

#[test]
fn json_draws_nothing_unless_asked() {
    let dir = empty_dir("json");
    std::fs::create_dir_all(&dir).expect("a directory");
    let output =
        cotangent(&["demo", "run", "optimized-learning", "--json"]).current_dir(&dir).output().expect("it runs");
    assert!(output.status.success());
    assert_eq!(std::fs::read_dir(&dir).expect("the directory").count(), 0);
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let mut child = cotangent(&["demo", "run", "optimized-learning", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut first = String::new();
    BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut first).expect("a line");
    assert!(first.starts_with('{'), "{first}");
    let mut complaints = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut complaints).expect("text");
    assert!(child.wait().expect("it ends").success());
    assert_eq!(complaints, "");
}

/// Runs a command without a plugin, so that anything that needs one fails.
fn without_plugin(args: &[&str]) -> Output {
    cotangent(args).env("PJRT_CPU_PLUGIN", "/nowhere/plugin.so").output().expect("it runs")
}

#[test]
fn where_pictures_go_is_checked_before_anything_is_computed() {
    let dir = empty_dir("out");
    std::fs::create_dir_all(&dir).expect("a directory");
    std::fs::write(dir.join("file"), "").expect("a file");
    for out in [dir.join("file"), dir.join("file").join("pictures")] {
        let output = without_plugin(&["demo", "run", "optimized-learning", "--out", out.to_str().expect("UTF-8")]);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(complaint.contains("--out") && complaint.contains(&*out.to_string_lossy()), "{complaint}");
        assert!(output.stdout.is_empty() && output.status.code() == Some(1));
    }
    // The write probe leaves nothing behind.
    let out = dir.join("new");
    without_plugin(&["demo", "run", "optimized-learning", "--out", out.to_str().expect("UTF-8")]);
    assert_eq!(std::fs::read_dir(out).expect("it was made").count(), 0);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_named_with_what_was_written() {
    let commands: [&[&str]; 6] =
        [&["--help"], &["--version"], &["demo", "list"], &["show", "gold"], &["devices"], &["cache"]];
    for args in commands {
        let full = std::fs::File::options().write(true).open("/dev/full").expect("it is there");
        let output = cotangent(args).stdout(full).output().expect("it runs");
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(complaint.contains("standard output cannot be written to: No space left"), "{args:?}: {complaint}");
        assert!(complaint.contains("Nothing was written") && output.status.code() == Some(1), "{args:?}: {complaint}");
    }
    // A file that may not grow beyond two blocks takes some lines.
    let dir = empty_dir("full");
    std::fs::create_dir_all(&dir).expect("a directory");
    let run = "trap '' XFSZ; ulimit -f 2; COTANGENT_COMPILE_CACHE=0 exec \"$0\" explain >list";
    let mut command = Command::new("sh");
    command.args(["-c", run, env!("CARGO_BIN_EXE_cotangent")]).current_dir(&dir);
    let complaint = String::from_utf8(command.output().expect("it runs").stderr).expect("text");
    let lines = std::fs::read_to_string(dir.join("list")).expect("some of it").lines().count();
    assert!(lines > 3, "{lines}");
    let counted = format!("{} lines had been written", lines - 1);
    assert!(complaint.contains(&counted) || complaint.contains(&format!("{lines} lines")), "{lines}: {complaint}");
}

#[test]
fn help_and_lists_keep_to_the_width_of_the_terminal() {
    keep_to_the_width(&[
        &["--help"],
        &["demo", "--help"],
        &["demo", "run", "--help"],
        &["show", "--help"],
        &["devices", "--help"],
        &["doctor", "--help"],
        &["setup", "--help"],
        &["cache", "clean", "--help"],
        &["show", "--list"],
        &["demo", "list"],
        &["explain", "--help"],
        &["explain"],
        &["explain", "E0702"],
    ]);
}

fn keep_to_the_width(commands: &[&[&str]]) {
    for args in commands {
        for columns in [46, 60, 100, 500] {
            let output = cotangent(args).env("COLUMNS", columns.to_string()).output().expect("it runs");
            let text = String::from_utf8(output.stdout).expect("text");
            for line in text.lines() {
                // Prose is never wider than 100 columns.
                assert!(line.chars().count() <= columns.min(100), "{args:?} at {columns}: {line}");
            }
        }
    }
}

#[test]
fn the_version_names_the_plugin_and_xla() {
    let version = printed(&["--version"]);
    let lines: Vec<_> = version.lines().collect();
    assert_eq!(lines[0], format!("cotangent {}", env!("CARGO_PKG_VERSION")));
    assert!(lines[1].starts_with("plugin ") && lines[2].starts_with("XLA "), "{version}");
    assert_eq!(printed(&["-V"]), version);
    // The version needs no plugin and fetches none.
    let empty = empty_dir("version");
    let output = cotangent(&["--version"]).env("COTANGENT_CACHE_DIR", &empty).output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("not installed") && text.contains("jaxlib") && !empty.exists(), "{text}");
    let text = String::from_utf8(without_plugin(&["--version"]).stdout).expect("text");
    assert!(text.contains("PJRT_CPU_PLUGIN") && text.contains("no such file"), "{text}");
}

#[test]
fn negative_numbers_are_values() {
    let said = |args: &[&str]| {
        let output = output(args);
        assert!(!output.status.success(), "{args:?}");
        String::from_utf8(output.stderr).expect("text")
    };
    assert!(said(&["show", "gold", "--stage", "-1"]).contains("invalid value '-1' for '--stage"));
    assert!(said(&["show", "-1"]).contains("no function named `-1`"));
    for args in [&["cache", "--lr", "-0.1"][..], &["doctor", "-x"], &["devices", "-1"]] {
        let said = said(args);
        assert!(said.contains("unexpected argument") && !said.contains("-- -"), "{said}");
    }
    assert!(said(&["doctor", "--verbos"]).contains("'--verbose'"));
    assert!(said(&["demo", "optimized-learning"]).contains("`cotangent demo run optimized-learning`"));
}

/// The one object that a command prints.
fn object(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {:?}", output.stdout))
}

#[test]
fn devices_and_the_doctor_speak_json() {
    let members = |value: &Value| -> Vec<String> { value.as_object().expect("an object").keys().cloned().collect() };
    for args in [["devices", "--json"], ["doctor", "--json"]] {
        let (well, ill) = (output(&args), without_plugin(&args));
        assert_eq!((well.status.code(), ill.status.code()), (Some(0), Some(1)));
        let (well, ill) = (object(&well), object(&ill));
        assert_eq!(members(&well), members(&ill));
        assert_eq!(well["devices"][0]["name"], "cpu:0");
        assert_eq!(well["error"], Value::Null);
        assert!(ill["error"].as_str().is_some_and(|text| text.contains("/nowhere/plugin.so")), "{ill}");
        // The help lists every member.
        let help = printed(&[args[0], "--help"]);
        assert!(members(&well).iter().all(|member| help.contains(member.as_str())), "{help}");
        if args[0] == "doctor" {
            assert_eq!((&well["ok"], &ill["ok"]), (&Value::Bool(true), &Value::Bool(false)));
            assert!(well["plugin"]["sha256"].as_str().is_some_and(|sha256| sha256.len() == 64), "{well}");
            assert!(well["programs"]["limit"].as_u64().is_some(), "{well}");
            assert_eq!(ill["plugin"], Value::Null);
        }
    }
}

#[test]
fn demos_are_listed() {
    let list = printed(&["demo", "list"]);
    let names = printed(&["demo", "list", "--names"]);
    for name in names.lines() {
        assert!(list.lines().any(|line| line.trim_start().starts_with(&format!("{name} "))), "{name}: {list}");
    }
    assert!(list.starts_with("Differentiable programming\n") && list.contains("\n\nIdioms\n"), "{list}");
    let complaint = complaint(&["demo", "run", "nonsense"]);
    assert!(complaint.contains("no demo named `nonsense`") && complaint.contains("optimized-learning"), "{complaint}");
}

#[test]
fn errors_are_explained_by_their_code() {
    // The code is at the end of the library's own message.
    let message = cotangent::Array::from_vec(vec![1, 2], [3]).expect_err("two elements").to_string();
    let code = message.rsplit(' ').next().expect("a code");
    let page = printed(&["explain", code]);
    assert!(page.starts_with(&format!("{code}: ")), "{page}");
    assert!(page.contains("reshape([-1, 2])") && !page.contains("catch_unwind"), "{page}");
    assert_eq!(printed(&["explain", &code.to_lowercase()]), page);
    let list = printed(&["explain"]);
    assert!(list.starts_with("Shapes\n") && list.contains(&format!("\n{code}  ")) && !list.contains('#'), "{list}");
    assert!(complaint(&["explain", "E9101"]).contains("E0101 shapes that cannot be broadcast"));
    assert!(complaint(&["explain", "mask"]).contains("E0119 a mask of another shape"));
}

#[test]
fn several_demos_run_one_after_the_other() {
    let dir = empty_dir("several");
    let out = dir.to_str().expect("UTF-8");
    let page = printed(&["demo", "run", "loopy-carry", "loopless-loops", "--out", out]);
    assert!(page.starts_with("Demo 1 of 2") && page.contains("\n\nDemo 2 of 2"), "{page}");
    for name in ["loopy-carry", "loopless-loops"] {
        let files = std::fs::read_dir(dir.join(name)).expect("a directory for each").count();
        assert!(files > 0 && files.is_multiple_of(2), "{name} has {files} files");
    }
    let json = printed(&["demo", "run", "loopy-carry", "loopless-loops", "--json"]);
    assert!(json.starts_with("{\"demo\":\"loopy-carry\"}\n") && json.contains("\n{\"demo\":\"loopless-loops\"}\n"));
    // One wrong name, and none runs.
    assert!(complaint(&["demo", "run", "loopy-carry", "loopy-cary"]).contains("Did you mean `loopy-carry`?"));
    assert!(complaint_of_clap(&["demo", "run"]).contains("NAME"));
    assert!(complaint_of_clap(&["demo", "run", "--all", "jit"]).contains("cannot be used with"));
}

#[cfg(target_os = "linux")]
#[test]
fn an_interrupted_demo_says_what_it_kept() {
    let dir = empty_dir("interrupted");
    let mut child = cotangent(&["demo", "run", "--all", "--out", dir.to_str().expect("UTF-8")])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    assert!(lines.any(|line| line.expect("text").contains(".png")), "a picture is announced");
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("a `kill`");
    assert!(sent.success());
    lines.for_each(drop);
    let mut said = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut said).expect("text");
    assert_eq!(child.wait().expect("it ends").code(), Some(130), "{said}");
    assert!(said.contains("interrupted. The values above") && said.contains(".png"), "{said}");
}

#[test]
fn functions_are_shown_at_every_stage() {
    let list = printed(&["show", "--list"]);
    assert_eq!(printed(&["show"]), list);
    for name in ["func", "polynomial", "neglogp", "gold"] {
        assert!(list.lines().any(|line| line.starts_with(name)), "{name} is not listed");
        for (stage, sign) in [("jaxpr", "lambda"), ("grad", "mul"), ("stablehlo", "stablehlo.")] {
            let text = printed(&["show", name, "--stage", stage]);
            // The gradient of a line is a constant.
            assert!(text.contains(sign) || (name, stage) == ("func", "grad"), "{name} at {stage}:\n{text}");
        }
        let hlo = printed(&["show", name, "--stage", "hlo"]);
        assert!(hlo.contains("HloModule"), "{hlo}");
    }
    let complaint = complaint(&["show", "nonsense"]);
    assert!(complaint.contains("polynomial"), "{complaint}");
}

#[test]
fn devices_are_listed() {
    assert!(printed(&["devices"]).starts_with("cpu:0 "));
}

#[test]
fn the_doctor_finds_a_healthy_machine_and_a_broken_one() {
    let report = printed(&["doctor"]);
    for item in ["plugin", "sha256", "PJRT", "StableHLO", "cache", "offline", "test program", "Everything works."] {
        assert!(report.contains(item), "{report}");
    }
    let broken = empty_dir("doctor").join("plugin.so");
    std::fs::create_dir_all(broken.parent().expect("a directory")).expect("a directory");
    std::fs::write(&broken, "not a library").expect("a file");
    for path in [&broken, &broken.with_file_name("absent.so")] {
        let output = cotangent(&["doctor"]).env("PJRT_CPU_PLUGIN", path).output().expect("it runs");
        assert_eq!(output.status.code(), Some(1));
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(complaint.contains(path.to_str().expect("UTF-8")), "{complaint}");
    }
}

/// A command that finds no GPU, no plugin for one and no Python with JAX, with a pip that must not be run.
fn without_gpu(args: &[&str], dir: &Path) -> Command {
    let bin = dir.join("bin");
    std::fs::create_dir_all(&bin).expect("a directory");
    let pip = bin.join("pip3");
    std::fs::write(&pip, format!("#!/bin/sh\necho run >'{}'\nexit 1\n", bin.join("log").display())).expect("a file");
    let runs = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&pip, runs).expect("a file");
    let mut command = cotangent(args);
    command.env_clear().env("PATH", bin).env("COTANGENT_CACHE_DIR", dir.join("cache")).stdin(Stdio::null());
    command
}

#[test]
fn the_doctor_says_all_that_a_gpu_lacks_and_downloads_nothing() {
    let dir = empty_dir("doctor-cuda");
    let output = without_gpu(&["doctor", "--device", "cuda"], &dir).output().expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    let (report, complaint) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(report.contains("looked for in") && report.contains("Python environment"), "{report}");
    // The first line says what is wrong: no line of a plugin stands before it.
    assert!(complaint.starts_with("error: ") && complaint.contains("`cotangent setup cuda1"), "{complaint}");
    assert!(!dir.join("cache").exists() && !dir.join("bin/log").exists(), "something was downloaded");

    let json = without_gpu(&["doctor", "--device", "cuda", "--json"], &dir).output().expect("it runs");
    let json = object(&json);
    assert_eq!((&json["ok"], &json["plugin"]), (&Value::Bool(false), &Value::Null));
    let places: Vec<_> = json["lookup"].as_array().expect("a list").iter().map(|step| &step["place"]).collect();
    assert_eq!(places, ["directories", "Python environment", "cache"]);

    // Without --device, the environment decides.
    let chosen = without_gpu(&["doctor", "--json"], &dir).env("COTANGENT_DEVICE", "cuda").output().expect("it runs");
    assert_eq!(object(&chosen), json);
}

#[test]
fn setup_says_how_much_it_downloads_and_asks() {
    let dir = empty_dir("setup");
    let run = |args: &[&str]| without_gpu(args, &dir).output().expect("it runs");
    for toolkit in ["cuda12", "cuda13"] {
        let output = run(&["setup", toolkit]);
        assert_eq!(output.status.code(), Some(1));
        let (plan, complaint) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        for part in [&format!("jax-{toolkit}-pjrt "), "nvidia-cublas", "nvidia-cudnn", "download ", "disk ", "GB"] {
            assert!(plan.contains(part), "{part}: {plan}");
        }
        assert!(complaint.contains("no terminal on which to ask. Add --yes"), "{complaint}");
        let output = run(&["setup", toolkit, "--compile-only"]);
        let plan = String::from_utf8_lossy(&output.stdout);
        assert!(plan.contains("nvidia-cuda-nvcc") && !plan.contains("nvidia-cudnn"), "{plan}");
    }
    assert!(!dir.join("cache").exists() && !dir.join("bin/log").exists(), "something was downloaded");
    // With --yes it begins; the fake pip fails.
    let output = run(&["setup", "cuda13", "--yes"]);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(
        complaint.contains("fetching the PJRT plugin (jax-cuda13-pjrt") && complaint.contains("failed"),
        "{complaint}"
    );
    assert!(dir.join("bin/log").exists());
    let offline = without_gpu(&["setup", "cuda13", "--yes"], &dir).env("COTANGENT_OFFLINE", "1").output();
    let offline = offline.expect("it runs");
    assert!(String::from_utf8_lossy(&offline.stderr).contains("COTANGENT_OFFLINE forbids"), "{offline:?}");
    // The plugin for the CPU is there, as the other tests use it.
    assert!(printed(&["doctor"]).contains("Everything works."));
    assert!(printed(&["setup", "cpu"]).starts_with("Everything is there already"));
    assert!(complaint_of_clap(&["setup", "gpu"]).contains("cuda13"));
}

/// The message for a command line that makes no sense.
fn complaint_of_clap(args: &[&str]) -> String {
    let output = output(args);
    assert_eq!(output.status.code(), Some(2), "{args:?}");
    String::from_utf8(output.stderr).expect("text")
}

#[test]
fn programs_to_compile_for_a_gpu_are_listed_collected_and_refused() {
    let names = printed(&["compile"]);
    assert!(names.lines().any(|line| line == "optimized-learning"), "{names}");
    assert!(complaint(&["compile", "no such thing"]).contains("optimized-learning"));
    assert!(complaint(&["compile", "nowhere.mlir"]).contains("no file nowhere.mlir"));
    let refused = output(&["compile", "optimized-learning", "--target", "gtx"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("h100, h200, a100, l4, rtx4090"));
}

/// A file in `dir` with an artifact of `goldens`.
fn exported(dir: &Path, goldens: &str, name: &str) -> String {
    let goldens = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cotangent/tests/goldens").join(goldens);
    let cases: Value = serde_json::from_str(&stored::text(&goldens)).expect("JSON");
    let case = cases["cases"].as_array().expect("cases").iter().find(|case| case["name"] == name).expect("the case");
    let path = dir.join(format!("{name}.jax"));
    std::fs::write(&path, base64::decoded(case["artifact"].as_str().expect("an artifact"))).expect("a new file");
    path.to_str().expect("a path in UTF-8").to_string()
}

#[test]
fn inspect_says_what_a_file_holds() {
    let dir = empty_dir("inspect");
    std::fs::create_dir_all(&dir).expect("a directory");
    let with = exported(&dir, "imports_vjp.json", "stopped");
    let without = exported(&dir, "imports.json", "mlp");
    let text = dir.join("module.mlir").to_str().expect("a path in UTF-8").to_string();
    let module = "module @m { func.func public @main(%x: tensor<2xf32>) -> tensor<2xf32> {
        %0 = stablehlo.custom_call @mystery(%x) : (tensor<2xf32>) -> tensor<2xf32>
        %1 = stablehlo.custom_call @riddle(%0) : (tensor<2xf32>) -> tensor<2xf32> loc(\"f.py\":7:1)
        return %1 : tensor<2xf32> } }";
    std::fs::write(&text, module).expect("a new file");
    let tpu = exported(&dir, "imports.json", "tpu_decompositions");
    let cases: [(&str, &[&str]); 4] = [
        (
            &with,
            &[
                "(f32[3]) -> f32[3]",
                "jax.export",
                "cpu",
                "2 in the file, for reverse mode",
                "stablehlo.sine",
                "a program of",
            ],
        ),
        (&without, &["-> f32[4,3]", "stop_gradient", "serialize(vjp_order=1)", "stablehlo.dot_general"]),
        (
            &text,
            &[
                "m(f32[2]) -> f32[2]",
                "StableHLO",
                "not possible",
                "mystery",
                "from f.py:7: the custom call of `riddle`",
            ],
        ),
        (&tpu, &["tpu: `f` was exported for tpu, not for cpu", "on_any_platform", "a program of"]),
    ];
    for (file, parts) in cases {
        let shown = printed(&["inspect", file]).split_whitespace().collect::<Vec<_>>().join(" ");
        for part in parts {
            assert!(shown.contains(part), "{part} in {shown}");
        }
    }
    let json: Value = serde_json::from_str(&printed(&["inspect", "--json", &with])).expect("JSON");
    assert_eq!((&json["vjp_order"], &json["problem"], &json["vjp_problem"]), (&2.into(), &Value::Null, &Value::Null));
    assert_eq!(json["operations"]["stablehlo.sine"], 1);
    assert_eq!((&json["platform_problem"], &json["refused"]), (&Value::Null, &Value::Array(Vec::new())));
    let json: Value = serde_json::from_str(&printed(&["inspect", "--json", &text])).expect("JSON");
    assert_eq!(json["refused"].as_array().map(Vec::len), Some(2));
    std::fs::write(dir.join("other"), [0u8, 1, 2, 255]).expect("a new file");
    assert!(complaint(&["inspect", dir.join("other").to_str().expect("UTF-8")]).contains("jax.export"));
}

/// The commands that the feature `bench` adds.
#[cfg(feature = "bench")]
mod benchmarks {
    use std::io::Write;

    use super::*;

    #[test]
    fn benchmarks_are_listed_measured_and_refused() {
        let names = printed(&["bench", "--list"]);
        assert!(names.lines().any(|line| line.starts_with("call/scalar ")), "{names}");
        let measured = printed(&["bench", "eager/binary-scalars", "--samples", "3", "--json"]);
        let measured: Value = serde_json::from_str(&measured).expect("one object");
        assert_eq!(measured["case"], "eager/binary-scalars");
        assert_eq!(measured["samples"].as_array().map(Vec::len), Some(3));
        assert!(measured["median"].as_f64().is_some_and(|seconds| seconds > 0.0 && seconds < 1.0), "{measured}");
        let process = printed(&["bench", "start/first-gradient", "--samples", "1"]);
        assert!(process.contains("process"), "{process}");
        assert!(complaint(&["bench", "no such case"]).contains("--list"));
        let output = without_plugin(&["bench", "start/first-gradient"]);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(complaint.starts_with("error: there is no PJRT plugin at /nowhere"), "{complaint}");
    }

    #[test]
    fn gradbench_answers_until_its_input_ends() {
        let mut child =
            cotangent(&["gradbench"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it runs");
        let (mut messages, answers) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
        let mut answers = BufReader::new(answers).lines();
        // Each answer arrives before the next message is sent.
        let mut ask = |message: &str| -> Value {
            writeln!(messages, "{message}").expect("it reads");
            serde_json::from_str(&answers.next().expect("an answer").expect("text")).expect("JSON")
        };
        assert_eq!(ask(r#"{"id": 0, "kind": "start"}"#)["tool"], "cotangent");
        assert_eq!(ask("nonsense")["success"], false);
        let evaluate = r#"{"id": 1, "kind": "evaluate", "module": "hello", "function": "double", "input": 4.0}"#;
        assert_eq!(ask(evaluate)["output"], 8.0);
        drop(messages);
        assert!(child.wait().expect("it ends").success());
    }

    /// The processors that a process may use, as the system reports them.
    #[cfg(target_os = "linux")]
    fn processors(process: &str) -> String {
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("the system tells");
        let line = status.lines().find(|line| line.starts_with("Cpus_allowed_list:")).expect("it is there");
        line.split_whitespace().nth(1).expect("a list").to_owned()
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn gradbench_keeps_to_one_processor_unless_told_otherwise() {
        for (args, one) in [(&["gradbench"][..], true), (&["gradbench", "--multithreaded"], false)] {
            let mut child = cotangent(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it runs");
            let mut messages = child.stdin.take().expect("piped");
            writeln!(
                messages,
                r#"{{"id": 1, "kind": "evaluate", "module": "hello", "function": "double", "input": 4.0}}"#
            )
            .expect("it reads");
            let mut answers = BufReader::new(child.stdout.take().expect("piped"));
            answers.read_line(&mut String::new()).expect("an answer");
            // XLA has started its threads; each of them is listed under the process.
            let id = child.id();
            let threads: Vec<String> = std::fs::read_dir(format!("/proc/{id}/task"))
                .expect("the system tells")
                .map(|thread| format!("{id}/task/{}", thread.expect("an entry").file_name().display()))
                .collect();
            for thread in &threads {
                let allowed = processors(thread);
                if one {
                    assert!(allowed.parse::<u32>().is_ok(), "{thread} may use {allowed}");
                } else {
                    assert_eq!(allowed, processors("self"), "{thread}");
                }
            }
            drop(messages);
            assert!(child.wait().expect("it ends").success());
        }
    }

    #[test]
    fn help_and_lists_keep_to_the_width_as_well() {
        keep_to_the_width(&[&["bench", "--help"], &["gradbench", "--help"], &["bench", "--list"]]);
    }

    #[test]
    fn negative_numbers_are_values_of_options() {
        let too_few = complaint_of_clap(&["bench", "--samples", "-3"]);
        assert!(too_few.contains("-3 is not in 1"), "{too_few}");
    }

    #[test]
    fn programs_are_listed_and_collected() {
        let names = printed(&["compile"]);
        for name in ["eager/unary", "gradbench/hello/double"] {
            assert!(names.lines().any(|line| line == name), "{names}");
        }
        // What a process compiles is written as StableHLO for a GPU, without a GPU or its plugin.
        let dir = empty_dir("collected");
        let output = cotangent(&["compile", "gradbench/det/primal", "--collect", dir.to_str().expect("UTF-8")])
            .env("PJRT_CUDA_PLUGIN", "/nowhere/plugin.so")
            .output()
            .expect("it runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let programs: Vec<_> = std::fs::read_dir(&dir).expect("a directory").flatten().collect();
        assert_eq!(programs.len(), 1);
        assert!(std::fs::read_to_string(programs[0].path()).expect("text").contains("func.func public @main"));
        // Compiling needs the plugin.
        let output = cotangent(&["compile", "gradbench/det/primal"])
            .env("PJRT_CUDA_PLUGIN", "/nowhere/plugin.so")
            .output()
            .expect("it runs");
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(printed.contains("there is no PJRT plugin at /nowhere/plugin.so"), "{printed}");
        assert_eq!(output.status.code(), Some(1));
    }
}
