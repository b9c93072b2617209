//! Compares the ABI types with the C header, by means of a C compiler.
//!
//! The header comes from a wheel in the lock that contains it. If the header or the compiler is missing, the test says
//! so and passes; the sizes asserted in `abi.rs` are checked in any case.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::abi::{ARGS_LAYOUTS, CStruct, EXACT_LAYOUTS};
use crate::api::PLACES;
use crate::plugin::{self, Finder, Platform};

const HEADER: &str = "xla_plugins/xla_cpu_pjrt/include/pjrt_c_api.h";

/// The header: the file that `COTANGENT_PJRT_HEADER` names, the cached copy, or a fetched one.
fn header() -> Result<PathBuf, String> {
    if let Some(path) = std::env::var_os("COTANGENT_PJRT_HEADER") {
        return Ok(path.into());
    }
    let entry = plugin::lock()
        .plugins
        .iter()
        .find(|e| e.package == "xla-cpu-pjrt")
        .ok_or("no wheel in the lock contains the header")?;
    let finder = Finder::from_env(Platform::Cpu);
    let cache = finder.cache_dir.clone().map_err(|e| e.to_string())?;
    let kept = cache.join("headers").join(&entry.wheel_sha256[..16]).join("pjrt_c_api.h");
    if kept.is_file() {
        return Ok(kept);
    }
    if finder.offline {
        return Err("COTANGENT_OFFLINE forbids fetching the header".to_owned());
    }
    plugin::fetch_file(&finder, entry, HEADER, &kept).map_err(|e| e.to_string())?;
    Ok(kept)
}

/// The C name of a field. A Rust field cannot be called `type`.
fn c_name(field: &str) -> &str {
    field.strip_suffix('_').unwrap_or(field)
}

/// A C program that prints the header's numbers in the form of [`expected`].
fn c_program() -> String {
    let mut c = "#include <stdio.h>\n#include \"pjrt_c_api.h\"\n\
                 #define FIELD(s, f, n) printf(\"%s %s %zu %zu\\n\", #s, n, offsetof(s, f), sizeof(((s*)0)->f))\n\
                 int main(void) {\n"
        .to_owned();
    for (name, fields) in ARGS_LAYOUTS {
        let _ = writeln!(c, "printf(\"%s size %zu\\n\", \"{name}\", (size_t){name}_STRUCT_SIZE);");
        for (field, ..) in *fields {
            let _ = writeln!(c, "FIELD({name}, {}, \"{field}\");", c_name(field));
        }
    }
    for (name, _, fields) in EXACT_LAYOUTS {
        let _ = writeln!(c, "printf(\"%s size %zu\\n\", \"{name}\", sizeof({name}));");
        for (field, _) in *fields {
            let _ =
                writeln!(c, "printf(\"%s %s %zu\\n\", \"{name}\", \"{field}\", offsetof({name}, {}));", c_name(field));
        }
    }
    for (name, _) in PLACES {
        let _ = writeln!(c, "printf(\"PJRT_Api %s %zu\\n\", \"{name}\", offsetof(PJRT_Api, {name}));");
    }
    c.push_str("return 0;\n}\n");
    c
}

/// The numbers this crate assumes.
fn expected() -> String {
    let mut text = String::new();
    for (name, fields) in ARGS_LAYOUTS {
        let (_, offset, size) = fields[fields.len() - 1];
        let _ = writeln!(text, "{name} size {}", offset + size);
        for (field, offset, size) in *fields {
            let _ = writeln!(text, "{name} {field} {offset} {size}");
        }
    }
    for (name, size, fields) in EXACT_LAYOUTS {
        let _ = writeln!(text, "{name} size {size}");
        for (field, offset) in *fields {
            let _ = writeln!(text, "{name} {field} {offset}");
        }
    }
    for (name, place) in PLACES {
        let _ = writeln!(text, "PJRT_Api {name} {}", 40 + 8 * place);
    }
    text
}

fn run_c(header: &Path) -> Result<String, String> {
    let dir = std::env::temp_dir().join(format!("cotangent-abi-{}", std::process::id()));
    std::fs::create_dir_all(&dir).map_err(|e| e.to_string())?;
    let (source, program) = (dir.join("abi.c"), dir.join("abi"));
    std::fs::write(&source, c_program()).map_err(|e| e.to_string())?;
    let include = header.parent().unwrap_or(Path::new("."));
    let compiled = Command::new("cc")
        .arg("-I")
        .arg(include)
        .arg("-o")
        .args([&program, &source])
        .output()
        .map_err(|e| format!("cannot run cc: {e}"))?;
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    let output = Command::new(&program).output().map_err(|e| e.to_string())?;
    let _ = std::fs::remove_dir_all(&dir);
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn layouts_are_those_of_the_header() {
    let found = match header().and_then(|header| run_c(&header)) {
        Ok(found) => found,
        Err(reason) => {
            // Written to stderr directly: the test harness hides `eprintln!` output of passing tests.
            let _ = writeln!(std::io::stderr(), "NOT RUN: the ABI was not compared with the C header: {reason}");
            return;
        }
    };
    let expected = expected();
    assert!(expected.lines().count() > 200);
    for (expected, found) in expected.lines().zip(found.lines()) {
        assert_eq!(expected, found, "left: this crate; right: the header");
    }
    assert_eq!(expected, found);
}

#[test]
fn sizes_are_announced() {
    let args = crate::abi::ExecuteArgs::new();
    assert_eq!(args.struct_size, size_of_val(&args));
    assert_eq!(crate::abi::ExecuteArgs::C_NAME, "PJRT_LoadedExecutable_Execute_Args");
}
