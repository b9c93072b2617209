//! Reading modules. The corpus in `tests/read` is JAX's, and `check_read.py` compares many more programs with JAX.

use std::path::{Path, PathBuf};

use cotangent_stablehlo::read::{self, Attr, Location, Place, Program};

fn folder(name: &str) -> Vec<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name);
    let mut files: Vec<PathBuf> = std::fs::read_dir(path).unwrap().map(|f| f.unwrap().path()).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "mlir" || e == "bc"));
    files.sort();
    assert!(!files.is_empty());
    files
}

fn read_file(path: &Path) -> Program {
    read::bytes(&std::fs::read(path).unwrap()).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The first difference of two programs.
fn same(a: &Program, b: &Program, what: &str) {
    if a != b {
        let (a, b) = (a.to_text(), b.to_text());
        let line = a.lines().zip(b.lines()).find(|(a, b)| a != b);
        panic!("{what}: {line:#?}");
    }
}

#[test]
fn pretty_text_generic_text_and_bytecode_are_the_same_program() {
    for path in folder("read") {
        if path.extension().unwrap() != "bc" {
            continue;
        }
        let bytecode = read_file(&path);
        let text = read_file(&path.with_extension("mlir"));
        let generic = read_file(&path.with_extension("generic.mlir"));
        same(&text, &generic, &format!("{}, generic", path.display()));
        same(&text, &bytecode, &format!("{}, bytecode", path.display()));
        for (program, form) in [(&text, "text"), (&bytecode, "bytecode")] {
            let main = program.function("main").unwrap();
            let found = main.body.ops.iter().any(|op| {
                let source = program.locations.source(op.location);
                source.name.is_some()
                    && source.file.is_some_and(|(file, line, _)| &*file == "make_corpus.py" && line > 9)
            });
            assert!(found, "{}: no operation of the {form} has a place in Python", path.display());
        }
    }
}

#[test]
fn what_this_crate_writes_is_read() {
    for path in folder("golden").into_iter().chain(folder("read")) {
        let program = read_file(&path);
        let text = program.to_text();
        let again = read::text(&text).unwrap_or_else(|e| panic!("{}: {e}\n{text}", path.display()));
        same(&program, &again, &path.display().to_string());
    }
}

/// `check_read.py` has jaxlib read the same artifacts.
#[test]
fn artifacts_come_back() {
    let mut written = 0;
    for path in folder("golden").into_iter().chain(folder("read")) {
        let program = read_file(&path);
        let artifact = match program.to_artifact() {
            Ok(artifact) => artifact,
            Err(e) => {
                // JAX does not write this either: an attribute that is only a name.
                let known = "versioned StableHLO has no attribute `unit`";
                assert_eq!(e.to_string(), known, "{}", path.display());
                continue;
            }
        };
        let again = read::bytes(&artifact).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        if program.to_text().contains("chlo.") {
            continue;
        }
        same(&program, &again, &path.display().to_string());
        for (function, copy) in program.functions.iter().zip(&again.functions) {
            for (op, same) in function.body.ops.iter().zip(&copy.body.ops) {
                assert_eq!(program.locations.source(op.location), again.locations.source(same.location));
            }
        }
        written += 1;
    }
    assert!(written > 18);
}

/// XLA knows the names, so that a composite is compiled as the operation itself. The decompositions are those of StableHLO;
/// `cotangent`'s `tests/export.rs` runs them in JAX.
#[test]
fn operations_of_chlo_become_composites() {
    let unary =
        ["acos", "acosh", "asin", "asinh", "atanh", "bessel_i1e", "digamma", "erf", "erf_inv", "erfc", "lgamma"];
    let complex = ["acos", "acosh", "asin", "asinh", "atan", "atanh", "conj"];
    let reals = ["f16", "bf16", "f32", "f64"].map(|element| (element, &unary[..]));
    let all = reals.into_iter().chain(["complex<f32>", "complex<f64>"].map(|element| (element, &complex[..])));
    for (element, names) in all {
        for name in names {
            let ty = format!("tensor<2x3x{element}>");
            let text = format!(
                "func.func @main(%x: {ty}, %y: {ty}) -> {ty} {{
                    %0 = chlo.{name} %x : {ty} -> {ty}
                    %1 = chlo.{name} %y : {ty} -> {ty}
                    return %1 : {ty}
                }}"
            );
            let written = read::bytes(&read::text(&text).unwrap().to_artifact().unwrap()).unwrap();
            let op = &written.function("main").unwrap().body.ops[1];
            assert_eq!((&*op.name, op.attributes.str("name")), ("stablehlo.composite", Some(&*format!("chlo.{name}"))));
            let decomposition = written.function(op.attributes.str("decomposition").unwrap()).unwrap();
            assert_eq!(decomposition.params().map(ToString::to_string).collect::<Vec<_>>(), [&*ty]);
            assert_eq!(decomposition.results[0].to_string(), ty);
            // It is written once, and those of half precision call the one of single precision.
            assert_eq!(written.functions.len(), if element.ends_with("16") { 3 } else { 2 }, "{name} of {element}");
            assert!(!written.to_text().contains(&format!("tensor<{element}>")), "{name} of {element}");
        }
    }
    let text = |element: &str| {
        format!(
            r#"func.func @main(%x: tensor<3x4x{element}>) -> (tensor<3x2x{element}>, tensor<3x2xi32>) {{
                %0:2 = "chlo.top_k"(%x) {{k = 2 : i64}} : (tensor<3x4x{element}>) -> (tensor<3x2x{element}>, tensor<3x2xi32>)
                return %0#0, %0#1 : tensor<3x2x{element}>, tensor<3x2xi32>
            }}"#
        )
    };
    for (element, order) in [("f32", "TOTALORDER"), ("i64", "SIGNED"), ("ui8", "UNSIGNED"), ("bf16", "TOTALORDER")] {
        let written = read::bytes(&read::text(&text(element)).unwrap().to_artifact().unwrap()).unwrap();
        let decomposition = written.function("chlo.top_k.impl").unwrap();
        let names: Vec<&str> = decomposition.body.ops.iter().map(|op| &*op.name).collect();
        assert_eq!(names, ["stablehlo.iota", "stablehlo.sort", "stablehlo.slice", "stablehlo.slice", "func.return"]);
        let compare = &decomposition.body.ops[1].regions[0].ops[0];
        assert_eq!(
            compare.attributes.get("compare_type"),
            Some(&read::Attr::Enum("comparison_type".into(), order.into()))
        );
        let main = written.function("main").unwrap();
        assert!(
            matches!(main.body.ops[0].attributes.get("composite_attributes"), Some(read::Attr::Dict(d)) if d.len() == 1)
        );
    }
    let unknown = "%0 = chlo.zeta %x, %x : tensor<2xf32>, tensor<2xf32> -> tensor<2xf32>\nreturn %0 : tensor<2xf32>";
    let error = read::text(&main_of(unknown)).unwrap().to_artifact().unwrap_err().to_string();
    assert!(error.contains("versioned StableHLO has no operation `chlo.zeta`"), "{error}");
}

/// Also with the platforms' own functions, whose names do not clash, and with no result.
#[test]
fn programs_are_selected_by_a_number() {
    let program = |op: &str| {
        read::text(&format!(
            "module @m {{
                func.func public @main(%x: tensor<f32>, %y: tensor<i32>) -> (tensor<f32>, tensor<i32>) {{
                    %0 = func.call @inner(%x) : (tensor<f32>) -> tensor<f32> loc(\"here\")
                    return %0, %y : tensor<f32>, tensor<i32>
                }}
                func.func private @inner(%x: tensor<f32>) -> tensor<f32> {{
                    %0 = stablehlo.{op} %x : tensor<f32>
                    return %0 : tensor<f32>
                }}
            }}"
        ))
        .unwrap()
    };
    let one = read::Program::select(&[("cpu", program("negate")), ("cuda", program("abs"))]).unwrap();
    let one = read::bytes(&one.to_artifact().unwrap()).unwrap();
    let names: Vec<&str> = one.functions.iter().map(|f| &*f.name).collect();
    assert_eq!(names, ["main", "main_cpu", "inner_cpu", "main_cuda", "inner_cuda"]);
    assert_eq!(one.functions.iter().filter(|f| f.public).count(), 1);
    let case = &one.functions[0].body.ops[0];
    assert_eq!((&*case.name, case.regions.len()), ("stablehlo.case", 2));
    let call = &one.functions[3].body.ops[0];
    assert_eq!(call.attributes.str("callee"), Some("inner_cuda"));
    assert_eq!(one.locations.source(call.location).name.as_deref(), Some("here"));
    let same = read::Program::select(&[("cpu", program("abs")), ("cuda", program("abs"))]).unwrap();
    assert_eq!(same.functions.len(), 3);
    let nothing = read::text("func.func public @main() { return }").unwrap();
    let other =
        read::text("func.func public @main() { %0 = stablehlo.constant dense<1> : tensor<i32>\nreturn }").unwrap();
    let none = read::Program::select(&[("cpu", nothing), ("cuda", other.clone())]).unwrap();
    assert_eq!(none.functions.len(), 3);
    assert!(read::Program::select(&[("cpu", program("abs")), ("cuda", other)]).is_err());
}

fn main_of(body: &str) -> String {
    format!("func.func @main(%x: tensor<2xf32>, %i: tensor<i32>) -> tensor<2xf32> {{\n{body}\n}}")
}

#[test]
fn attributes() {
    let value = |attr: &str| {
        let program = read::text(&format!("module attributes {{a = {attr}}} {{}}")).unwrap();
        let value = program.attributes.get("a").unwrap().clone();
        let text = value.to_string();
        let again = read::text(&format!("module attributes {{a = {text}}} {{}}")).unwrap();
        assert_eq!(again.attributes.get("a"), Some(&value), "{text}");
        value
    };
    let ints = |attr: &str| value(attr).as_ints().unwrap();
    assert_eq!(ints("dense<[[1, -2], [3, 4]]> : tensor<2x2xi8>"), [1, -2, 3, 4]);
    assert_eq!(ints("dense<7> : tensor<3xi64>"), [7, 7, 7]);
    assert_eq!(ints(r#"dense<"0x0100FFFF"> : tensor<2xi16>"#), [1, -1]);
    assert_eq!(ints("dense<[255, 1]> : tensor<2xui8>"), [255, 1]);
    assert_eq!(ints("dense<[true, false]> : tensor<2xi1>"), [1, 0]);
    assert_eq!(ints("dense<> : tensor<0x3xi32>"), [0i64; 0]);
    assert_eq!(ints("dense<[-8, 7]> : tensor<2xi4>"), [-8, 7]);
    assert_eq!(ints("array<i64: 1, 2>"), [1, 2]);
    assert_eq!(ints("array<i32: 1, -2>"), [1, -2]);
    assert_eq!(value("dense<[5, 5]> : tensor<2xi32>"), value("dense<5> : tensor<2xi32>"));
    assert_eq!(value("18446744073709551615 : ui64").as_f64(), Some(u64::MAX as f64));
    assert_eq!(value("1.5 : bf16").as_f64(), Some(1.5));
    assert!(value("0x7FC0 : bf16").as_f64().unwrap().is_nan());
    assert_eq!(value(r#""a\22\\\0A""#), Attr::Str(b"a\"\\\n"[..].into()));
    assert_eq!(value("@a::@\"b c\"").as_str(), Some("a::@b c"));
    let Attr::Dense(dense) = value("dense<[(1.0, -2.0), (0x7FC00000, 0.0)]> : tensor<2xcomplex<f32>>") else {
        panic!()
    };
    assert_eq!(&dense.data[..8], [0, 0, 128, 63, 0, 0, 0, 192]);
    // A splat takes no more than its element, whatever the shape.
    let Attr::Dense(dense) = value("dense<1.0> : tensor<1000000x1000000xf64>") else { panic!() };
    assert_eq!((dense.data.len(), dense.splat), (8, true));
    let fields = value("#stablehlo.conv<[b, 1, 0, f]x[i, 0, o, 1]->[f, 0, b, 1]>");
    let Attr::Struct(conv) = fields else { panic!() };
    assert_eq!(conv.fields.ints("input_spatial_dimensions").unwrap(), [2, 1]);
    assert_eq!(conv.fields.int("kernel_output_feature_dimension"), Some(2));
    assert_eq!(conv.fields.int("output_batch_dimension"), Some(2));
    for opaque in ["#sdy.sharding<@mesh, [{\"x\"}, {?}]>", "affine_map<(d0) -> (d0)>", "#vendor.thing"] {
        assert_eq!(value(opaque), Attr::Opaque(opaque.into()));
    }
}

#[test]
fn aliases_and_resources() {
    let program = read::text(
        r##"
#map = affine_map<(d0) -> (d0)>
!t = tensor<2xf32>
module attributes {a = #map} {
  func.func @main() -> !t {
    %0 = stablehlo.constant dense_resource<w> : tensor<2xf32> loc(#loc1)
    return %0 : !t
  }
}
#loc = loc("model.py":3:4)
#loc1 = loc("mul"(callsite(#loc at "run.py":9:1)))
{-#
  dialect_resources: { builtin: { w: "0x040000000000803F00000040" } }
#-}
"##,
    )
    .unwrap();
    let op = &program.functions[0].body.ops[0];
    let Some(Attr::Dense(value)) = op.attributes.get("value") else { panic!() };
    assert_eq!(*value.data, *[1f32, 2.0].map(f32::to_le_bytes).as_flattened());
    let source = program.locations.source(op.location);
    assert_eq!(source.to_string(), "model.py:3 (mul)");
    assert!(matches!(program.locations.get(op.location), Location::Name { .. }));
}

#[test]
fn meshes_have_attributes() {
    let text = "module @m {
        sdy.mesh @plain = <[\"x\"=2]>
        sdy.mesh @empty = <[]> {stablehlo.mesh = {axes = []}}
        func.func @main(%x: tensor<f32>) -> tensor<f32> { return %x : tensor<f32> } }";
    let program = read::bytes(text.as_bytes()).unwrap();
    let names: Vec<Vec<&str>> =
        program.others.iter().map(|op| op.attributes.iter().map(|(n, _)| n).collect()).collect();
    assert_eq!(names, [vec!["mesh", "sym_name"], vec!["mesh", "stablehlo.mesh", "sym_name"]]);
}

#[test]
fn errors_say_what_and_where() {
    let cases: &[(&str, (usize, usize), &str)] = &[
        ("%0 = stablehlo.add %x, %y : tensor<2xf32>", (2, 24), "the value `%y` is used before it is defined"),
        ("%0 = stablehlo.frobnicate %x : tensor<2xf32>", (2, 6), "the syntax of `stablehlo.frobnicate` is not known"),
        ("%0 = stablehlo.negate %i : tensor<2xf32>", (2, 41), "operand 0 is of type tensor<i32>, but tensor<2xf32> is"),
        (
            "%0 = stablehlo.constant dense<[1, 2]> : tensor<3xi32>",
            (2, 31),
            "a list of 2 elements along an axis of length 3",
        ),
        ("%0:2 = stablehlo.negate %x : tensor<2xf32>", (2, 1), "2 names for the 1 results of `stablehlo.negate`"),
        ("%0 = stablehlo.negate %x : tensor<2xf3>", (2, 37), "`f3` is not a type"),
        (
            "%0 = stablehlo.constant dense<\"0x00\"> : tensor<3xi32>",
            (2, 31),
            "1 bytes for the elements of tensor<3xi32>",
        ),
        ("%0 = stablehlo.constant dense_resource<__elided__> : tensor<3xi32>", (2, 40), "the elements were left out"),
        ("\"a\"() ({\n^bb0:\n  \"b\"() : () -> ()\n^bb1:\n}) : () -> ()", (5, 1), "a region of more than one block"),
        ("return %x : tensor<2xf32", (2, 26), "expected `>`, not `}`"),
    ];
    for (body, (line, column), message) in cases {
        let error = read::text(&main_of(body)).unwrap_err();
        assert!(error.message().starts_with(message), "{body}: {error}");
        let (line, column) = (*line, *column);
        let place = error.place();
        // The end of a line is the start of the next.
        assert!(
            place == Place::Text { line, column }
                || matches!(place, Place::Text { line: l, column: 1 } if l == line + 1),
            "{body}: {error}"
        );
    }
    let error = read::bytes(b"\xFFnothing").unwrap_err();
    assert_eq!(error.place(), Place::Byte(0));
    let error = read::bytes(b"ML\xefR\x0dStableHLO").unwrap_err();
    assert_eq!((error.place(), error.message()), (Place::Byte(5), "a string without an end"));
}

/// Nesting ends in an error, not in the end of the stack.
#[test]
fn nesting_is_limited() {
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(200_000), close.repeat(200_000));
    let inputs = [
        format!("module attributes {{a = {}}} {{}}", deep("[", "]")),
        format!("module attributes {{a = {}}} {{}}", deep("{a = ", "}")),
        format!("module attributes {{a = {}}} {{}}", deep("tuple<", ">")),
        format!("module attributes {{a = {}}} {{}}", deep("(", ") -> ()")),
        format!("module attributes {{a = tensor<{}>}} {{}}", deep("complex<", ">")),
        format!("module {{}} loc({})", deep("\"a\"(", ")")),
        main_of(&deep("\"a\"() ({", "}) : () -> ()")),
        main_of(&deep("stablehlo.while() cond {", "} do {}")),
    ];
    for input in inputs {
        let error = read::text(&input).unwrap_err();
        assert!(error.message().contains("128 levels"), "{}: {error}", &input[..60]);
    }
    // Less than that is read.
    for depth in [1, 100] {
        let nested = format!("module attributes {{a = {}{}}} {{}}", "[".repeat(depth), "]".repeat(depth));
        let program = read::text(&nested).unwrap();
        assert_eq!(read::text(&program.to_text()).unwrap(), program);
        let nested = format!("{}{}", "\"a\"() ({".repeat(depth), "}) : () -> ()".repeat(depth));
        read::text(&main_of(&nested)).unwrap();
    }
}

/// A number that is much larger than the input is an error before memory is taken for it.
#[test]
fn counts_are_checked() {
    for body in [
        "%0:4294967295 = \"a\"() : () -> ()",
        "%0 = stablehlo.constant dense<\"0x\"> : tensor<4611686018427387904x4611686018427387904xf32>",
        "%0 = stablehlo.constant dense<[1.0]> : tensor<1000000000000xf32>",
        "%0 = \"a\"() : () -> tensor<99999999999999999999xf32>",
    ] {
        assert!(read::text(&main_of(body)).is_err(), "{body}");
    }
}

/// Reads each file that `READ` names, and writes it beside the file, as text and as an artifact: for `check_read.py`.
#[test]
fn files_of_the_environment() {
    let Some(paths) = std::env::var_os("READ") else { return };
    for path in std::env::split_paths(&paths) {
        let written = match read::bytes(&std::fs::read(&path).unwrap()) {
            Ok(program) => {
                let text = program.to_text();
                let again = read::text(&text).unwrap_or_else(|e| panic!("{}: {e}\n{text}", path.display()));
                same(&program, &again, &path.display().to_string());
                let artifact = match program.to_artifact() {
                    Ok(artifact) => {
                        same(&program, &read::bytes(&artifact).unwrap(), &path.display().to_string());
                        artifact
                    }
                    Err(e) => format!("error: {e}").into_bytes(),
                };
                std::fs::write(path.with_extension("artifact"), artifact).unwrap();
                text
            }
            Err(e) => format!("error: {e}\n"),
        };
        std::fs::write(path.with_extension("read"), written).unwrap();
    }
}
