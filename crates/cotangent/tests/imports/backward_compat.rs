//! The modules with which JAX tests that it still reads what its older versions exported: `goldens/backward_compat.json`, made
//! by `goldens/make_backward_compat.py`. Each has the results that JAX had, or is refused with a reason.

use cotangent::import;
use cotangent::numpy::linalg;
use cotangent::prelude::*;

use super::common::base64::decoded;
use super::common::{arrays, golden, list};

/// The modules that are refused, and what the reason contains.
const REFUSED: [(&str, &str); 5] = [
    ("shardy_sharding_ops_with_different_meshes:", "a function for each of several devices"),
    ("stablehlo_dynamic_", "has a dimension that is not known"),
    ("tpu_Sharding:data_2025_06_30/gspmd", "a function for each of several devices"),
    ("tpu_Sharding:data_2025_06_30/shardy", "a function for each of several devices"),
    ("tpu_stablehlo_dynamic_reduce_window:", "has a dimension that is not known"),
];

fn adjoint(x: &Array) -> Array {
    x.moveaxis(-1, -2).conj()
}

/// What of the results does not depend on the choices that a decomposition has, such as signs.
fn determined(targets: &str, x: &[Array]) -> Vec<Array> {
    let columns = |x: &Array, by: &Array| x * by.expand_dims(-2);
    let names = |parts: &[&str]| parts.iter().any(|part| targets.contains(part));
    match x {
        [v, w] if names(&["syev", "heevd", "Eigh"]) => {
            vec![w.clone(), columns(v, w).matmul(adjoint(v)), adjoint(v).matmul(v)]
        }
        [u, s, vh] if names(&["gesdd", "gesvd"]) => {
            vec![s.clone(), columns(u, s).matmul(vh), adjoint(u).matmul(u), vh.matmul(adjoint(vh))]
        }
        [t, z] if names(&["gees"]) => vec![
            z.matmul(t).matmul(adjoint(z)),
            adjoint(z).matmul(z),
            np::tril_k(t, if t.dtype().is_complex() { -1 } else { -2 }),
            np::trace(t),
        ],
        [w, left, right] if names(&["geev"]) => {
            // The module makes this matrix itself. Two of its eigenvalues are zero.
            let a = np::arange(16).reshape([4, 4]).astype(w.dtype());
            let length = |v: &Array| linalg::norm(v).abs();
            vec![
                w.clone(),
                a.matmul(right) - columns(right, w),
                adjoint(left).matmul(&a) - w.expand_dims(-1) * adjoint(left),
                length(left),
                length(right),
            ]
        }
        all => all.to_vec(),
    }
}

/// The greatest difference relative to the magnitude of what is expected.
fn error(got: &Array, expected: &Array) -> f64 {
    let size = |x: &Array| if x.size() == 0 { 0.0 } else { x.abs().astype(DType::F64).max().item::<f64>() };
    let wide = |x: &Array| if x.dtype().is_complex() { x.astype(DType::C128) } else { x.astype(DType::F64) };
    size(&(wide(got) - wide(expected))) / size(expected).max(1.0)
}

#[test]
fn modules_of_older_versions_have_their_results_or_are_refused() {
    let file = golden("backward_compat.json");
    let (mut ran, mut refused, mut failed) = (0, 0, Vec::new());
    for case in list(&file["cases"]) {
        let name = case["name"].as_str().expect("a name");
        let model = import::stablehlo(decoded(case["module"].as_str().expect("a module")));
        let known = REFUSED.iter().find(|(start, _)| name.starts_with(start));
        let model = match (model, known) {
            (Ok(model), None) => model,
            (Err(error), Some((_, reason))) if error.to_string().contains(reason) => {
                refused += 1;
                continue;
            }
            (Err(error), _) => {
                failed.push(format!("{name}: {error}"));
                continue;
            }
            (Ok(_), Some(_)) => {
                failed.push(format!("{name} is not refused"));
                continue;
            }
        };
        let [inputs, expected] = ["inputs", "outputs"].map(|key| arrays(&case[key]).into_iter().flatten().collect());
        let (inputs, expected): (Vec<Array>, Vec<Array>) = (inputs, expected);
        let got = model.flat()(&inputs);
        ran += 1;
        let types = |x: &[Array]| x.iter().map(Array::aval).collect::<Vec<_>>();
        if types(&got) != types(&expected) {
            failed.push(format!("{name}: {:?} instead of {:?}", types(&got), types(&expected)));
            continue;
        }
        let targets = case["targets"].to_string();
        let [got, expected] = [&got, &expected].map(|x| determined(&targets, x));
        for (i, (x, y)) in got.iter().zip(&expected).enumerate() {
            let single = y.dtype().real().bits() < 64;
            let error = error(x, y);
            if error.is_nan() || error > if single { 2e-5 } else { 1e-12 } {
                failed.push(format!("{name}, part {i}: {error:.1e}"));
            }
        }
    }
    println!("{ran} modules ran, {refused} were refused");
    assert!(failed.is_empty(), "{} differences:\n{}", failed.len(), failed.join("\n"));
    // `docs/imports.md` says so.
    assert_eq!((ran, refused), (96, 9));
}
