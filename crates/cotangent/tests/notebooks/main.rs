//! The notebooks in `notebooks` are valid, have results, and their code compiles and runs. No kernel is needed for
//! that: the cells of a notebook, one after another, are the body of a function. `notebooks/run.py` runs them with the
//! kernel.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

type Outcome = Result<(), Box<dyn std::error::Error>>;

macro_rules! notebooks {
    ($($name:ident: $file:literal;)*) => {
        const NOTEBOOKS: &[(&str, &str)] = &[$((stringify!($name), $file)),*];

        $(
            #[test]
            fn $name() -> Outcome {
                include!(concat!(stringify!($name), ".rs"))
            }
        )*
    };
}

notebooks! {
    differentiable_programming: "differentiable-programming.ipynb";
    idioms: "idioms.ipynb";
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../notebooks")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A text of the format, which may be a list of lines.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
        other => panic!("{other} is not a text"),
    }
}

struct Cell {
    source: String,
    panics: bool,
    outputs: Vec<Value>,
    count: Value,
}

/// The cells of code, from a file that has the form of a notebook.
fn cells(file: &str) -> Vec<Cell> {
    let notebook: Value = serde_json::from_str(&read(&folder().join(file))).expect("a notebook is JSON");
    assert_eq!((&notebook["nbformat"], &notebook["metadata"]["kernelspec"]["name"]), (&4.into(), &"rust".into()));
    let cells = notebook["cells"].as_array().expect("a notebook has cells");
    let is_code = |cell: &&Value| match cell["cell_type"].as_str() {
        Some("code") => true,
        Some("markdown") => false,
        other => panic!("{file} has a cell of the type {other:?}"),
    };
    let cell = |cell: &Value| Cell {
        source: text(&cell["source"]),
        panics: cell["metadata"]["tags"].as_array().is_some_and(|tags| tags.contains(&"raises-exception".into())),
        outputs: cell["outputs"].as_array().expect("a cell has outputs").clone(),
        count: cell["execution_count"].clone(),
    };
    cells.iter().filter(is_code).map(cell).collect()
}

/// Whether a cell ends in an expression, whose value the notebook shows.
fn shows(source: &str) -> bool {
    !source.starts_with(':') && !source.trim_end().ends_with([';', '}'])
}

/// A cell as statements: the value of its last expression is dropped.
fn statements(cell: &Cell) -> String {
    if cell.source.starts_with(':') {
        return String::new();
    }
    let mut source = cell.source.trim_end().to_string();
    if shows(&source) {
        let starts = |line: &str| !line.starts_with([' ', ')', ']', '}', '.', '\n']);
        let lines = source.split_inclusive('\n').scan(0, |at, line| {
            *at += line.len();
            Some((*at - line.len(), line))
        });
        let start = lines.filter(|(_, line)| starts(line)).last().map_or(0, |(at, _)| at);
        source = format!("{}let _ = {};", &source[..start], &source[start..]);
    }
    if cell.panics {
        source =
            format!("assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {{\n{source}\n}})).is_err());");
    }
    source + "\n\n"
}

#[test]
fn the_code_is_that_of_the_notebooks() {
    let mut stale = Vec::new();
    for (name, file) in NOTEBOOKS {
        let code: String = cells(file).iter().map(statements).collect();
        let made = format!("// Made from notebooks/{file} by the test beside this file.\n{{\n{code}Ok(())\n}}\n");
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/notebooks/{name}.rs"));
        if std::env::var_os("COTANGENT_BLESS").is_some() {
            fs::write(&path, &made).expect("the file can be written");
        }
        if read(&path) != made {
            stale.push(*file);
        }
    }
    assert!(
        stale.is_empty(),
        "{stale:?} changed: run with COTANGENT_BLESS=1, and once more, so that they are compiled"
    );
    let mut files: Vec<_> =
        fs::read_dir(folder()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    files.retain(|name| name.ends_with(".ipynb"));
    files.sort();
    assert_eq!(files, NOTEBOOKS.iter().map(|(_, file)| *file).collect::<Vec<_>>(), "each notebook is compiled here");
}

#[test]
fn the_notebooks_have_their_results() {
    for (_, file) in NOTEBOOKS {
        let size = fs::metadata(folder().join(file)).unwrap().len();
        assert!(size < 1_000_000, "{file} has {size} bytes");
        let mut pictures = 0;
        for (i, cell) in cells(file).iter().enumerate() {
            let source = &cell.source;
            assert_eq!(cell.count, i + 1, "{file} was not run from its first cell to its last:\n{source}");
            let kinds: Vec<_> = cell.outputs.iter().map(|out| out["output_type"].as_str().unwrap()).collect();
            assert!(!kinds.contains(&"error"), "{file}: {source}");
            let is_error = |out: &Value| out["name"] == "stderr" || out.to_string().contains("cotangent-error");
            let panicked = cell.outputs.iter().any(is_error);
            assert_eq!(panicked, cell.panics, "{file}: {source}");
            if shows(source) && !cell.panics {
                let shown = cell.outputs.iter().find_map(|out| out["data"].as_object());
                let shown = shown.unwrap_or_else(|| panic!("{file} does not show the value of\n{source}"));
                assert!(shown.contains_key("text/plain"), "{file}: {source}");
                pictures += usize::from(shown.contains_key("image/svg+xml"));
            }
        }
        assert!(pictures >= 5, "{file} has {pictures} pictures");
    }
}
