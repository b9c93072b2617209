//! Derivatives of functions of complex numbers in JAX's conventions, against stored JAX results, and the error
//! messages.

use super::goldens_lib;

use cotangent::prelude::*;

fn complex(parts: [(f64, f64); 3]) -> Array {
    let part = |f: fn(&(f64, f64)) -> f64| Array::from(parts.iter().map(f).collect::<Vec<f64>>());
    part(|p| p.0).complex(part(|p| p.1))
}

fn z() -> Array {
    complex([(0.5, 1.25), (-0.75, 0.5), (1.5, -0.25)])
}

fn t() -> Array {
    complex([(0.25, -0.5), (1.0, 0.75), (-0.5, 0.0)])
}

fn x() -> Array {
    Array::from(vec![0.5f64, -1.25, 2.0])
}

/// Returns a tangent for `x`.
fn dx() -> Array {
    x() * 1.5
}

fn square_modulus(z: &Array) -> Array {
    z.abs().powi(2).sum()
}

fn mixed(z: &Array) -> Array {
    ((z * z).real() * z.exp().imag() + z.abs()).sum()
}

fn parts(z: &Array) -> Array {
    (z.real() * 3.0 - z.imag().powi(2)).sum()
}

fn through_conj(z: &Array) -> Array {
    (z.conj() * z.sin()).real().sum()
}

fn entire(z: &Array) -> Array {
    (z.exp() * z.powi(3) + z.sin()).sum()
}

fn vector(z: &Array) -> Array {
    z.exp() * (z * z).sum()
}

fn rotate(x: &Array) -> Array {
    np::zeros_like(x).complex(x).exp() * x.sum()
}

fn real_function(f: fn(&Array) -> Array, transform: &str) -> Vec<Array> {
    match transform {
        "grad" => vec![grad(f)(&z())],
        "value_and_grad" => {
            let (y, g) = value_and_grad(f)(&z());
            vec![y, g]
        }
        "jvp" => {
            let (y, dy) = jvp(f, (&z(),), (&t(),));
            vec![y, dy]
        }
        "jacrev" => vec![jacrev(f)(&z())],
        other => panic!("no transform {other}"),
    }
}

fn compute(name: &str) -> Option<Vec<Array>> {
    Some(match name {
        "holomorphic grad" => vec![grad(entire).holomorphic()(&z())],
        "holomorphic value_and_grad" => {
            let (y, g) = value_and_grad(entire).holomorphic()(&z());
            vec![y, g]
        }
        "holomorphic grad of grad" => {
            vec![grad(|z: &Array| (grad(entire).holomorphic()(z) * t()).sum()).holomorphic()(&z())]
        }
        "holomorphic hessian" => vec![hessian(entire).holomorphic()(&z())],
        "holomorphic jacfwd" => vec![jacfwd(vector).holomorphic()(&z())],
        "holomorphic jacrev" => vec![jacrev(vector).holomorphic()(&z())],
        "jvp vector" => {
            let (y, dy) = jvp(vector, (&z(),), (&t(),));
            vec![y, dy]
        }
        "vjp vector" => vec![vjp(vector, (&z(),)).1(&t()).0],
        "jvp rotate" => {
            let (y, dy) = jvp(rotate, (&x(),), (&dx(),));
            vec![y, dy]
        }
        "vjp rotate" => vec![vjp(rotate, (&x(),)).1(&t()).0],
        "jacfwd rotate" => vec![jacfwd(rotate)(&x())],
        "grad of a real argument" => vec![grad(|x: &Array| (rotate(x) + 2.0).abs().sum())(&x())],
        _ => {
            let (transform, function) = name.split_once(' ')?;
            let f = match function {
                "square_modulus" => square_modulus,
                "mixed" => mixed,
                "parts" => parts,
                "through_conj" => through_conj,
                _ => return None,
            };
            real_function(f, transform)
        }
    })
}

#[test]
fn complex_derivatives_equal_jax() {
    goldens_lib::named("derivatives", 28, 1e-12, 1e-13, compute);
}

#[test]
fn a_complex_result_without_the_promise_is_an_error_that_names_it() {
    let error = grad(entire).try_call((&z(),)).expect_err("a complex result").to_string();
    assert!(error.contains("c128[]") && error.contains(".holomorphic()"), "{error}");
    let error = jacrev(vector).try_call((&z(),)).expect_err("a complex result").to_string();
    assert!(error.contains("jacrev needs a function that returns a real floating-point number"), "{error}");
    let error = jacfwd(vector).try_call((&z(),)).expect_err("complex inputs").to_string();
    assert!(error.contains("jacfwd needs real inputs") && error.contains(".holomorphic()"), "{error}");
}

#[test]
fn the_promise_wants_complex_numbers() {
    let error = grad(|x: &Array| x.sum()).holomorphic().try_call((&x(),)).expect_err("a real input").to_string();
    assert!(error.contains("complex inputs for a holomorphic function"), "{error}");
    let error = grad(square_modulus).holomorphic().try_call((&z(),)).expect_err("a real result").to_string();
    assert!(error.contains("needs a function that returns a complex number"), "{error}");
}
