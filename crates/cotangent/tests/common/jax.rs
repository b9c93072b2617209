//! Functions that are exported for JAX, and what they must compute there: `goldens/check_exports.py` runs them in the
//! Python that `COTANGENT_JAX_PYTHON` names, which has JAX 0.10.2.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use cotangent::prelude::*;
use cotangent::tree::{leaf_paths, leaves};
use cotangent::{Error, Func, JaxExport, Lowered, Params};

/// Returns the Python with JAX, if there is one.
pub(crate) fn python() -> Option<PathBuf> {
    std::env::var_os("COTANGENT_JAX_PYTHON").map(PathBuf::from)
}

/// A folder of exported functions.
pub(crate) struct Exports {
    folder: PathBuf,
}

impl Drop for Exports {
    fn drop(&mut self) {
        if std::env::var_os("COTANGENT_KEEP_EXPORTS").is_none() {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, b| {
        let _ = write!(text, "{b:02x}");
        text
    })
}

/// Appends a line for each leaf: what it is, its path, dtype, shape and elements.
fn describe<T: Tree>(text: &mut String, what: &str, tree: &T) {
    for (path, x) in leaf_paths(tree).iter().zip(leaves(tree)) {
        let shape: Vec<String> = x.shape().iter().map(ToString::to_string).collect();
        let path = if path.is_empty() { "." } else { path };
        let bytes = x.to_bytes().expect("an array with a value");
        let _ = writeln!(text, "{what}\t{path}\t{}\t{}\t{}", x.dtype().name(), shape.join(","), hex(&bytes));
    }
}

/// Cotangents for a result, which differ from element to element.
pub(crate) fn cotangents<R: Tree>(result: &R) -> R {
    result.map(|y| match y.dtype().is_inexact() {
        true => {
            let wave: Vec<f64> = (0..y.size()).map(|i| (1.0 + i as f64).cos()).collect();
            Array::from(wave).reshape(y.shape()).astype(y.dtype())
        }
        false => np::zeros_like(y),
    })
}

impl Exports {
    pub(crate) fn new(name: &str) -> Exports {
        let folder = std::env::temp_dir().join(format!("cotangent-exports-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder for exports");
        Exports { folder }
    }

    /// Exports a function. If there is a Python for it, stores what the function returns at the arguments and, if it has
    /// derivatives, the cotangents there. Returns the bytes.
    pub(crate) fn add<P: Params, F: Func<'static, P> + Clone>(
        &self,
        name: &str,
        f: F,
        args: &P::Values,
        options: impl Fn(JaxExport<'_, P, F::Out>) -> JaxExport<'_, P, F::Out>,
        differentiable: bool,
    ) -> Result<Vec<u8>, Error> {
        let lowered: Lowered<P, F::Out> = jit(f.clone()).lower(P::refs(args))?;
        let bytes = options(lowered.to_jax()).serialize()?;
        if python().is_none() {
            return Ok(bytes);
        }
        let result = lowered.compile()?.try_call(P::refs(args))?;
        let mut text = String::new();
        describe(&mut text, "in", args);
        describe(&mut text, "out", &result);
        if differentiable {
            let cts = cotangents(&result);
            let (_, back) = cotangent::try_vjp(f, P::refs(args))?;
            describe(&mut text, "ct", &cts);
            describe(&mut text, "grad", &back(&cts));
        }
        self.write(name, &bytes, &text);
        Ok(bytes)
    }

    fn write(&self, name: &str, bytes: &[u8], text: &str) {
        let file = |ending: &str| self.folder.join(format!("{}.{ending}", name.replace(['/', ' '], "_")));
        std::fs::write(file("jax"), bytes).expect("writing an export");
        std::fs::write(file("txt"), text).expect("writing its results");
    }

    /// Runs all functions in JAX, if there is a Python for that. Returns how many.
    pub(crate) fn check(&self) -> usize {
        let Some(python) = python() else { return 0 };
        let count = std::fs::read_dir(&self.folder).expect("the folder of exports").count() / 2;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/check_exports.py");
        let done = Command::new(python).arg(script).arg(&self.folder).output().expect("Python runs");
        let said = String::from_utf8_lossy(&done.stdout);
        print!("{said}");
        assert!(done.status.success(), "{said}\n{}", String::from_utf8_lossy(&done.stderr));
        count
    }
}
