//! `optim`: optimizers that bring a state of their own kind, and functions of matrices, against stored results of
//! Optax. The steps are made by the test of `optim.rs`.

use super::goldens_lib;
use super::optim::{KEPT, STEPS, gradients, initial, matrix, rate};

use cotangent::numpy::linalg::NormOrder;
use cotangent::optim::WeightDimensionNumbers;
use cotangent::optim::{self, AccumulationType, AnyOptimizer, LionMode, Measure, Noise, PerLeaf, Preconditioning};
use cotangent::optim::{assignment, losses};
use cotangent::prelude::*;
use goldens_lib::{cases, float, floats, run_all};
use serde_json::Value;

fn upward() -> impl optim::Optimizer + 'static {
    (optim::normalize_by_update_norm().eps(0.0), optim::sgd(0.1))
}

fn tensor(_: &str, x: &Array) -> Option<WeightDimensionNumbers> {
    (x.ndim() == 3).then(|| WeightDimensionNumbers { reduction_axis: vec![0], output_axis: vec![2] })
}

fn rest(_: &str, x: &Array) -> bool {
    x.ndim() < 2
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
        "snapshot" => (optim::snapshot("norm", |u: &PerLeaf| optim::global_norm(u)), optim::sgd(0.1)).boxed(),
        "schedule_free adam" => optim::schedule_free(optim::adam(0.05).b1(0.0), 0.05).boxed(),
        "schedule_free schedule" => {
            optim::schedule_free(optim::rmsprop(rate()), rate()).b1(0.95).weight_lr_power(1.0).boxed()
        }
        "schedule_free chain" => {
            let parts = (optim::clip_by_global_norm(0.5), optim::add_decayed_weights(0.1), optim::lion(0.02));
            optim::schedule_free(parts, 0.02).b1(0.5).boxed()
        }
        "optimistic_adam" => optim::optimistic_adam_v2(0.05).boxed(),
        "optimistic_adam optimism" => optim::optimistic_adam_v2(0.05).beta(0.02 / 0.05).boxed(),
        "zero_nans" => {
            let poison = optim::stateless(|u, _| u.map(|u| np::where_(u.greater(0.4), f64::NAN, u)));
            (poison, optim::zero_nans(), optim::sgd(0.1).momentum(0.5)).boxed()
        }
        "freeze" => (optim::adam(0.1), optim::freeze(rest)).boxed(),
        "set_to_zero" => {
            optim::partition([(true, optim::set_to_zero().boxed()), (false, optim::sgd(0.1).boxed())], matrix).boxed()
        }
        "selective_transform" => {
            let parts = [(true, optim::set_to_zero().boxed()), (false, optim::sgd(0.1).momentum(0.5).boxed())];
            optim::partition(parts, rest).boxed()
        }
        "stateless" => {
            let shrunk = optim::stateless(|u, p| u.zip(p, |u, p| u / (1.0 + p * p)));
            (shrunk, optim::sgd(0.1)).boxed()
        }
        "stateless_with_tree_map" => {
            let bent = optim::stateless_with_tree_map(|u: &Array, p: &Array| u.tanh() + 0.1 * p);
            (bent, optim::sgd(0.1)).boxed()
        }
        "skip_not_finite" => {
            let spoil = optim::stateless(|u, _| u.map(|u| np::where_(u.greater(0.9), f64::INFINITY, u)));
            (spoil, optim::multi_steps(optim::adam(0.1), 2).skip_not_finite()).boxed()
        }
        "skip_large_updates" => optim::multi_steps(optim::adam(0.1), 2).skip_large_updates(2.0).boxed(),
        "differentially_private_aggregate" => {
            (optim::differentially_private_aggregate(0.8, 0.1, random::key(5)), optim::adam(0.05)).boxed()
        }
        "dpsgd" => optim::dpsgd(0.1, 0.8, 0.2, random::key(11)).boxed(),
        "dpsgd nesterov" => {
            let rate = optim::linear_schedule(0.2, 0.01, 40);
            optim::dpsgd(rate, 1.0, 0.1, random::key(2)).momentum(0.9).nesterov(true).boxed()
        }
        _ => panic!("no optimizer is called {name}"),
    }
}

/// What the parts of a chain have measured, and the parameters for evaluation, after the kept steps.
fn measured() -> Vec<Array> {
    let norm = |u: &PerLeaf| optim::global_norm(u);
    let large = |u: &PerLeaf| optim::global_norm(u).greater(1.5).astype(DType::F32);
    let measures = [
        ("norm", Measure::from(norm)),
        ("mean", optim::measure_with_ema(norm, 0.9)),
        ("raw", optim::measure_with_ema(large, 0.7).debias(false)),
    ];
    let names = ["norm", "mean", "raw"];
    let free = optim::schedule_free(optim::sgd(0.1), 0.1);
    let last = optim::snapshot("last", norm);
    let optimizer = (optim::monitor(measures), optim::clip_by_global_norm(0.5), last, optim::zero_nans(), free);
    let mut params = initial(DType::F32, false);
    let mut state = optimizer.init(&params);
    let slopes = jit(gradients);
    let mut kept = Vec::new();
    for i in 0..STEPS {
        let g = slopes(&params, &np::array(i as f64));
        (params, state) = optimizer.apply(&params, &g, &state);
        if KEPT.contains(&(i + 1)) {
            kept.extend(names.iter().map(|name| state.0.measurements[*name].clone()));
            kept.push(state.2.measurement["last"].clone());
            kept.extend(tree::leaves(&optim::schedule_free_eval_params(&state.4, &params)));
        }
    }
    kept
}

/// The results of a loss and its gradient for a batch in parts, as in `make_optax_contrib.py`.
fn microbatches(kind: AccumulationType) -> Vec<Array> {
    let (w, batch) = (wave(&[2]), (wave(&[6, 2]), wave(&[6])));
    let loss = |w: &Array, x: &Array, y: &Array| (x.dot(w).sin() - y).powi(2).sum();
    let slope = |(x, y): &(Array, Array)| value_and_grad(|w: &Array| loss(w, x, y))(&w);
    let parts = |f: optim::Microbatch<_>| tree::leaves(&f.accumulator(kind).call(&batch));
    let each = |n| optim::micro_vmap(slope, n).accumulator(kind).map(&batch);
    if kind == AccumulationType::Concat {
        let products = optim::microbatch(|(x, y): &(Array, Array)| x * np::expand_dims(y, 1), 3).accumulator(kind);
        return [tree::leaves(&each(2)), vec![products.call(&batch)]].concat();
    }
    let some = optim::microbatch(slope, 2).num_real_microbatches(2);
    [parts(optim::microbatch(slope, 2)), parts(some), tree::leaves(&each(3))].concat()
}

/// The arguments of functions, as in `make_optax_contrib.py`.
fn wave(shape: &[usize]) -> Array {
    let values: Vec<f64> = (0..shape.iter().product()).map(|i: usize| (1.3 * (i as f64).powf(1.1)).cos()).collect();
    Array::from_vec(values, shape).unwrap().astype(DType::F32)
}

fn function(name: &str) -> Vec<Array> {
    let square = || wave(&[4, 4]).matmul(wave(&[4, 4]).t()) + 0.5 * np::eye(4, 4);
    let examples = || (wave(&[3, 2, 2]), wave(&[3, 4]), wave(&[3]));
    let batch = || (wave(&[6, 2]), wave(&[6]));
    let old = || batch().map(|x| 2.0 * x - 1.0);
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
        ["measured"] => measured(),
        ["per_example_global_norm_clip", "zero"] => {
            let examples = wave(&[3, 4]).at(0).set(0.0);
            vec![optim::per_example_global_norm_clip(&examples, 0.5).0]
        }
        ["per_example_global_norm_clip", most] => {
            let (total, count) = optim::per_example_global_norm_clip(&examples(), most.parse::<f64>().unwrap());
            [tree::leaves(&total), vec![count]].concat()
        }
        ["per_example_layer_norm_clip", uniform] => {
            tree::leaves(&optim::per_example_layer_norm_clip(&examples(), 1.5, uniform == "True"))
        }
        ["reshape_batch_axis"] => tree::leaves(&optim::reshape_batch_axis(&batch(), 2)),
        ["microbatch", "SUM"] => microbatches(AccumulationType::Sum),
        ["microbatch", "MEAN"] => microbatches(AccumulationType::Mean),
        ["microbatch", "RUNNING_MEAN"] => microbatches(AccumulationType::RunningMean),
        ["microbatch", "CONCAT"] => microbatches(AccumulationType::Concat),
        [what @ ("fisher_diag" | "hessian_diag")] => {
            let (x, y) = batch();
            let loss = |(w, v): &(Array, Array)| (x.dot(w.dot(v)).sin() - &y).powi(2).sum();
            let weights = (wave(&[2]), wave(&[2, 2]));
            vec![if what == "fisher_diag" {
                optim::fisher_diag(loss, &weights)
            } else {
                optim::hessian_diag(loss, &weights)
            }]
        }
        ["incremental_update"] => tree::leaves(&optim::incremental_update(&batch(), &old(), 0.3)),
        ["periodic_update", steps] => {
            tree::leaves(&optim::periodic_update(&batch(), &old(), steps.parse::<i32>().unwrap(), 3))
        }
        [what @ ("safe_norm" | "safe_root_mean_squares")] => {
            let f = |x: &Array| match what {
                "safe_norm" => optim::safe_norm(x, 0.3),
                _ => optim::safe_root_mean_squares(x, 0.3),
            };
            let at = [wave(&[5]), 0.01 * wave(&[5]), np::zeros(5)];
            at.iter().map(f).chain(at.iter().map(|x| grad(f)(x))).collect()
        }
        ["safe_norm_with", ref how @ ..] => {
            let small = np::array([1.0, 0.01, 1.0]).reshape([3, 1, 1]);
            let f = |x: &Array| match how {
                ["1", "rows"] => optim::safe_norm_with(x, 0.3, 1, 2, false),
                ["inf"] => optim::safe_norm_with(x, 0.3, np::INF, (0, 1), true),
                ["fro"] => optim::safe_norm_with(x, 0.3, NormOrder::Frobenius, (2, 1), false),
                _ => optim::safe_norm_with(x, 0.3, 3, 0, false),
            };
            let x = wave(&[3, 2, 4]) * small;
            vec![f(&x), grad(|x: &Array| f(x).sum())(&x)]
        }
        ["unitwise_norm", "axes"] => vec![optim::unitwise_norm(&wave(&[3, 2, 4]), Some(&[0, 2]))],
        ["unitwise_norm", ref shape @ ..] => {
            let shape: Vec<usize> = shape.iter().map(|n| n.parse().unwrap()).collect();
            vec![optim::unitwise_norm(&wave(&shape), None)]
        }
        ["unitwise_clip"] => {
            let x = wave(&[3, 2]);
            let (norm, zero) = (optim::unitwise_norm(&x, None), np::zeros([3, 2]));
            let most = np::array([[0.5, 9.0]]).broadcast_to([3, 2]);
            vec![optim::unitwise_clip(norm, most, x), optim::unitwise_clip(&zero, &zero, &zero)]
        }
        ["projection_hypercube"] => vec![optim::projections::projection_hypercube(&wave(&[6]), 0.6)],
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
    assert!(cases.len() > 40, "the list of cases is cut short");
    run_all(&cases, |case| {
        let name = case["name"].as_str().unwrap();
        let results = function(name);
        assert_eq!(results.len(), case["values"].as_array().unwrap().len(), "{name}");
        results.iter().zip(case["values"].as_array().unwrap()).find_map(|(x, expected)| {
            let got = floats(x);
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
