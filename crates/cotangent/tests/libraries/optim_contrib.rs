//! `optim`: optimizers that bring a state of their own kind, and functions of matrices, against stored results of
//! Optax. The steps are made by the test of `optim.rs`.

use super::goldens_lib;

use cotangent::optim::{self, AnyOptimizer, LionMode, Noise, PerLeaf, Preconditioning, WeightDimensionNumbers};
use cotangent::optim::{assignment, losses};
use cotangent::prelude::*;
use goldens_lib::{cases, float, run_all};
use serde_json::Value;

fn upward() -> impl optim::Optimizer + 'static {
    (optim::normalize_by_update_norm().eps(0.0), optim::sgd(0.1))
}

fn tensor(_: &str, x: &Array) -> Option<WeightDimensionNumbers> {
    (x.ndim() == 3).then(|| WeightDimensionNumbers { reduction_axis: vec![0], output_axis: vec![2] })
}

fn flat(_: &str, x: &Array) -> Option<WeightDimensionNumbers> {
    (x.ndim() == 3).then(|| WeightDimensionNumbers { reduction_axis: vec![2, 0], output_axis: vec![-2] })
}

/// The optimizers of `make_optax_contrib.py`.
pub(super) fn optimizer(name: &str) -> AnyOptimizer {
    let lion = |mode| (optim::scale_by_lion().mode(mode).smooth_beta(2.0), optim::scale(-0.05)).boxed();
    match name {
        "galore" => optim::galore(0.05).rank(2usize).weight_decay(0.01).boxed(),
        "galore gap" => {
            let part = optim::scale_by_galore().rank(1).update_proj_gap(7).scale(0.5);
            (part.base_optimizer(optim::trace(0.0)), optim::scale(-0.1)).boxed()
        }
        "galore tensor" => optim::galore(0.05).rank(2usize).weight_dimension_numbers(flat).boxed(),
        "sam" => optim::sam(optim::sgd(0.1), upward()).boxed(),
        "sam opaque" => optim::sam(optim::adam(0.1), upward()).opaque_mode(true).boxed(),
        "sam adam" => {
            let adversary = optim::sgd(0.02).momentum(0.9);
            optim::sam(optim::adam(0.1), adversary).sync_period(3).reset_state(false).boxed()
        }
        "mechanize" => optim::mechanize(optim::adam(1.0)).s_init(1e-3).boxed(),
        "mechanize few" => optim::mechanize(optim::sgd(1.0)).weight_decay(0.1).s_init(1e-2).num_betas(3).boxed(),
        "scale_by_distance_over_gradients" => {
            (optim::scale_by_distance_over_gradients().reps_rel(1e-2), optim::scale(-1.0)).boxed()
        }
        "lion smooth" => lion(LionMode::Smooth),
        "lion refined" => lion(LionMode::Refined),
        "muon spectral" => optim::muon(0.05).preconditioning(Preconditioning::Spectral).boxed(),
        "muon tensor" => optim::muon(0.05).muon_weight_dimension_numbers(tensor).boxed(),
        "muon tensor rms" => {
            let muon = optim::muon(0.05).muon_weight_dimension_numbers(tensor);
            muon.preconditioning(Preconditioning::Aol).consistent_rms(0.2).boxed()
        }
        "monitor" => {
            let norm = optim::monitor([("norm", |u: &PerLeaf| optim::global_norm(u))]);
            (norm, optim::sgd(0.1)).boxed()
        }
        "momo adapt" => {
            let momo = optim::momo().learning_rate(0.5).lower_bound(-9.0);
            momo.weight_decay(0.01).adapt_lower_bound(true).boxed()
        }
        "momo_adam" => optim::momo_adam().learning_rate(0.1).lower_bound(-2.0).weight_decay(0.01).boxed(),
        "momo_adam adapt" => optim::momo_adam().learning_rate(0.1).lower_bound(-9.0).adapt_lower_bound(true).boxed(),
        "split_real_and_imaginary" => optim::split_real_and_imaginary(optim::adam(0.05)).boxed(),
        _ => panic!("no optimizer is called {name}"),
    }
}

/// The arguments of functions, as in `make_optax_contrib.py`.
fn wave(shape: &[usize]) -> Array {
    let values: Vec<f64> = (0..shape.iter().product()).map(|i: usize| (1.3 * (i as f64).powf(1.1)).cos()).collect();
    Array::from_vec(values, shape).unwrap().astype(DType::F32)
}

fn function(name: &str) -> Vec<Array> {
    let square = || wave(&[4, 4]).matmul(wave(&[4, 4]).t()) + 0.5 * np::eye(4, 4);
    let words: Vec<&str> = name.split(' ').collect();
    match words[..] {
        ["power_iteration"] => {
            let a = square();
            let start = 2.0 * random::uniform(random::key(0), 4) - 1.0;
            let (value, vector) = optim::power_iteration_with(|v: &Array| a.matmul(v), &start, 200, 1e-6);
            vec![value, &vector * vector.at(0).get().sign()]
        }
        ["matrix_inverse_pth_root", p] => vec![optim::matrix_inverse_pth_root(square(), p.parse().unwrap()).0],
        ["nnls"] => vec![optim::nnls(wave(&[5, 3]), wave(&[5]), 200), optim::nnls(wave(&[5, 3]), wave(&[5, 2]), 50)],
        ["hungarian_algorithm", rows, columns] => {
            let cost = wave(&[rows.parse().unwrap(), columns.parse().unwrap()]);
            let (rows, columns) = assignment::hungarian_algorithm(cost);
            vec![rows, columns]
        }
        ["make_perturbed_fun", noise] => {
            let noise = if noise == "Gumbel" { Noise::Gumbel } else { Noise::Normal };
            let f = |x: &Array| (x * x).sum() * x.greater(0.0);
            let f = optim::make_perturbed_fun(f).num_samples(50).sigma(0.5).noise(noise);
            let call = |x: &Array| f.call(random::key(3), x);
            vec![call(&wave(&[3])), grad(|x: &Array| call(x).sum())(&wave(&[3]))]
        }
        [loss] => {
            let mask: Vec<bool> = [0, 1, 3, 8, 11].iter().fold(vec![false; 12], |mut mask, i| {
                mask[*i] = true;
                mask
            });
            let mask = Array::from_vec(mask, [3, 4]).unwrap();
            let (x, y) = (wave(&[3, 4]), wave(&[3, 4]).abs());
            let f = |x: &Array| match loss {
                "softmax_cross_entropy_where" => losses::softmax_cross_entropy_where(x, &y, -1, &mask),
                "softmax_cross_entropy_with_integer_labels_where" => {
                    losses::softmax_cross_entropy_with_integer_labels_where(x, [0, 3, 2], -1, &mask)
                }
                "poly_loss_cross_entropy_where" => losses::poly_loss_cross_entropy_where(x, &y, 1.5, -1, &mask),
                "kl_divergence_where" => losses::kl_divergence_where(x, &y, -1, &mask),
                "kl_divergence_with_log_targets_where" => {
                    losses::kl_divergence_with_log_targets_where(x, &y, -1, &mask)
                }
                "generalized_kl_divergence_where" => losses::generalized_kl_divergence_where(x, &y, -1, &mask),
                _ => panic!("no function is called {loss}"),
            };
            let slope = grad(|x: &Array| f(x).sum())(&x);
            assert!(slope.is_finite().all().item::<bool>(), "{loss}: a derivative is not finite");
            vec![f(&x), np::take_axis(slope, [0, 2], 0)]
        }
        _ => panic!("no function is called {name}"),
    }
}

#[test]
fn functions_are_those_of_optax() {
    let cases: Vec<Value> = cases("optax_contrib").into_iter().filter(|case| case["kind"] == "function").collect();
    assert!(cases.len() > 15, "the list of cases is cut short");
    run_all(&cases, |case| {
        let name = case["name"].as_str().unwrap();
        let results = function(name);
        assert_eq!(results.len(), case["values"].as_array().unwrap().len(), "{name}");
        results.iter().zip(case["values"].as_array().unwrap()).find_map(|(x, expected)| {
            let got: Vec<f64> = x.astype(DType::F64).to_vec();
            let expected: Vec<f64> = expected.as_array().unwrap().iter().map(float).collect();
            assert_eq!(got.len(), expected.len(), "{name}");
            let tolerance = |b: f64| 1e-5 + if name.starts_with("matrix_inverse") { 2e-4 } else { 2e-5 } * b.abs();
            got.iter()
                .zip(&expected)
                .find(|(a, b)| (*a - *b).is_nan() || (*a - *b).abs() > tolerance(**b))
                .map(|(a, b)| format!("{name}: {a} instead of {b}"))
        })
    });
}
