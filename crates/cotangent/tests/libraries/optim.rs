//! `optim`: fifty steps of every optimizer, and schedules, against stored results of Optax.

use super::{goldens_lib, optim_contrib};

use cotangent::optim::SgdrCycle;
use cotangent::optim::{
    self, AnyOptimizer, AnyState, Context, ExponentialDecay, Interpolation, PerLeaf, Preconditioning, Schedule,
};
use cotangent::prelude::*;
use goldens_lib::laws::{self, Call, Calls};
use goldens_lib::{cases, float, floats, run_all};
use serde_json::Value;

/// A matrix, a vector and a scalar.
pub(super) type Params = (Array, Array, Array);

/// The steps through which derivatives are taken.
const LAWFUL: i32 = 2;
pub(super) const STEPS: usize = 50;
pub(super) const KEPT: [usize; 4] = [1, 2, 10, 50];

/// Each leaf is a formula of the number of the element, as in `make_optax.py`.
fn leaf(shape: &[usize], f: impl Fn(f64) -> f64) -> Array {
    let values: Vec<f64> = (0..shape.iter().product()).map(|i: usize| f(i as f64)).collect();
    Array::from_vec(values, shape).unwrap()
}

/// With `tensor`, the matrix is a batch of two.
fn leaves(dtype: DType, tensor: bool, f: impl Fn(f64) -> f64) -> Params {
    let make = |shape: &[usize]| leaf(shape, &f).astype(dtype);
    (if tensor { make(&[2, 3, 4]) } else { make(&[3, 4]) }, make(&[4]), make(&[]))
}

pub(super) fn initial(dtype: DType, tensor: bool) -> Params {
    let real = leaves(dtype.real(), tensor, |i| (1.7 * i).cos() + 0.2);
    match dtype.is_complex() {
        true => real.zip(&leaves(dtype.real(), tensor, |i| (1.1 * i).sin()), |a, b| a.complex(b)),
        false => real,
    }
}

fn loss(p: &Params) -> Array {
    let of = |x: &Array| {
        let real = x.dtype().real();
        let curvature = leaf(x.shape(), |i| 0.5 + 0.25 * (i % 3.0)).astype(real);
        let d = x - leaf(x.shape(), |i| (0.9 * i).sin()).astype(real);
        let square = if x.dtype().is_complex() { d.abs().powi(2) } else { &d * &d };
        (0.5 * curvature * square).sum() + (0.1 * (2.0 * x.real()).cos()).sum()
    };
    of(&p.0) + of(&p.1) + of(&p.2)
}

pub(super) fn gradients(p: &Params, step: &Array) -> Params {
    grad(loss)(p).map(|g| g.conj() + (0.3 * (0.7 * step).cos()).astype(g.dtype().real()))
}

/// A gradient for each of three examples.
fn per_example(p: &Params, step: &Array) -> Params {
    gradients(p, step).map(|g| {
        let each = [0.0, 1.0, 2.0].map(|e: f64| (0.4 + 0.5 * e) * g + 0.1 * (1.0 + e).cos());
        np::stack(&each, 0)
    })
}

pub(super) fn matrix(_: &str, x: &Array) -> bool {
    x.ndim() > 1
}

pub(super) fn rate() -> Schedule {
    optim::warmup_cosine_decay_schedule(0.0, 0.1, 10, 40, 0.01)
}

fn optimizer(name: &str) -> AnyOptimizer {
    let sgd = |rate: f64| optim::sgd(rate);
    match name {
        "sgd" => sgd(0.05).boxed(),
        "sgd momentum" => sgd(0.05).momentum(0.9).boxed(),
        "sgd nesterov" => sgd(0.05).momentum(0.9).nesterov(true).boxed(),
        "sgd schedule" => optim::sgd(rate()).boxed(),
        "adam" => optim::adam(0.05).boxed(),
        "adam schedule" => optim::adam(rate()).b1(0.8).b2(0.95).eps(1e-5).eps_root(1e-4).boxed(),
        "adam mu_dtype" => optim::adam(0.05).mu_dtype(DType::F32).boxed(),
        "nadam" => optim::nadam(0.05).boxed(),
        "adamw" => optim::adamw(0.05).weight_decay(0.1).boxed(),
        "adamw mask" => optim::adamw(rate()).weight_decay(0.1).mask(matrix).boxed(),
        "nadamw" => optim::nadamw(0.05).boxed(),
        "amsgrad" => optim::amsgrad(0.05).boxed(),
        "adamax" => optim::adamax(0.05).boxed(),
        "adamaxw" => optim::adamaxw(0.05).weight_decay(0.1).boxed(),
        "adabelief" => optim::adabelief(0.05).boxed(),
        "adabelief nesterov" => optim::adabelief(0.05).eps(1e-6).eps_root(1e-6).nesterov(true).boxed(),
        "adan" => optim::adan(0.05).weight_decay(0.01).boxed(),
        "radam" => optim::radam(0.05).b2(0.95).boxed(),
        "radam nesterov" => optim::radam(0.05).nesterov(true).boxed(),
        "yogi" => optim::yogi(0.05).boxed(),
        "sign_sgd" => optim::sign_sgd(0.03).boxed(),
        "signum" => optim::signum(0.03).boxed(),
        "noisy_sgd" => optim::noisy_sgd(0.05, random::key(7)).boxed(),
        "adagrad" => optim::adagrad(0.1).boxed(),
        "adadelta" => optim::adadelta(1.0).weight_decay(0.01).boxed(),
        "adafactor" => optim::adafactor().learning_rate(0.1).min_dim_size_to_factor(3usize).boxed(),
        "adafactor momentum" => {
            optim::adafactor().learning_rate(0.1).momentum(0.9).weight_decay_rate(1e-3).factored(false).boxed()
        }
        "adafactor plain" => {
            optim::adafactor().multiply_by_parameter_scale(false).clipping_threshold(f64::INFINITY).boxed()
        }
        "lamb" => optim::lamb(0.05).weight_decay(0.01).boxed(),
        "lars" => optim::lars(1.0).weight_decay(0.01).trust_coefficient(0.02).boxed(),
        "lion" => optim::lion(0.02).boxed(),
        "novograd" => optim::novograd(0.05).weight_decay(0.01).boxed(),
        "fromage" => optim::fromage(0.05).boxed(),
        "fromage schedule" => optim::fromage(rate()).boxed(),
        "optimistic_gradient_descent" => optim::optimistic_gradient_descent(0.05).beta(0.5).boxed(),
        "optimistic_adam_v2" => optim::optimistic_adam_v2(0.05).boxed(),
        "rmsprop" => optim::rmsprop(0.02).boxed(),
        "rmsprop momentum" => {
            optim::rmsprop(0.01).momentum(0.9).nesterov(true).eps_in_sqrt(false).bias_correction(true).boxed()
        }
        "rmsprop centered" => optim::rmsprop(0.01).centered(true).eps(1e-4).boxed(),
        "rmsprop centered corrected" => {
            optim::rmsprop(0.01).centered(true).eps(1e-4).bias_correction(true).momentum(0.5).boxed()
        }
        "sm3" => (
            optim::masked(optim::sm3(0.1), |_: &str, x: &Array| x.ndim() > 0),
            optim::masked(optim::scale(-0.1), |_: &str, x: &Array| x.ndim() == 0),
        )
            .boxed(),
        "rprop" => optim::rprop(0.01).boxed(),
        "muon" => optim::muon(0.05).weight_decay(0.01).boxed(),
        "muon aol" => {
            let muon = optim::muon(0.05).preconditioning(Preconditioning::Aol);
            muon.adam_learning_rate(0.02).consistent_rms(0.2).boxed()
        }
        "muon schatten" => {
            optim::muon(0.05).preconditioning(Preconditioning::Schatten).adaptive(true).nesterov(false).boxed()
        }
        "muon dion" => optim::muon(0.05)
            .ns_coeffs([
                [4.0848, -6.8946, 2.927],
                [3.9505, -6.3029, 2.6377],
                [3.7418, -5.5913, 2.3037],
                [2.8769, -3.1427, 1.2046],
                [2.8366, -3.0525, 1.2012],
            ])
            .boxed(),
        "schedule_free_sgd" => optim::schedule_free_sgd(0.1, Some(5), 0.01).boxed(),
        "schedule_free_adamw" => optim::schedule_free_adamw(0.05, Some(5), 0.01).boxed(),
        "dog" => optim::dog().boxed(),
        "dowg" => optim::dowg().boxed(),
        "dadapt_adamw" => optim::dadapt_adamw().estim_lr0(1e-3).weight_decay(0.01).boxed(),
        "cocob" => optim::cocob().weight_decay(0.01).boxed(),
        "adopt" => optim::adopt(0.05).boxed(),
        "adopt nesterov" => optim::adopt(0.05).nesterov(true).use_clipping(false).boxed(),
        "acprop" => optim::acprop(0.02).eps(1e-3).weight_decay(0.01).boxed(),
        "ademamix" => optim::ademamix(0.02).b3(0.99).weight_decay(0.01).boxed(),
        "simplified_ademamix" => optim::simplified_ademamix(0.002).alpha(2.0).weight_decay(0.01).boxed(),
        "madgrad" => optim::madgrad(0.05).weight_decay(0.01).boxed(),
        "momo" => optim::momo().learning_rate(0.5).lower_bound(-2.0).weight_decay(0.01).boxed(),
        "prodigy" => optim::prodigy().estim_lr0(1e-2).weight_decay(0.01).boxed(),
        "clip" => (optim::clip(0.2), sgd(0.1)).boxed(),
        "clip_by_global_norm" => optim::chain((optim::clip_by_global_norm(1.0), optim::adamw(rate()))).boxed(),
        "clip_by_block_rms" => (optim::clip_by_block_rms(0.3), sgd(0.1)).boxed(),
        "adaptive_grad_clip" => (optim::adaptive_grad_clip(0.3), sgd(0.1)).boxed(),
        "centralize" => (optim::centralize(), sgd(0.1)).boxed(),
        "keep_params_nonnegative" => (sgd(0.1), optim::keep_params_nonnegative()).boxed(),
        "apply_every" => (optim::apply_every(3), sgd(0.05)).boxed(),
        "ema" => (optim::ema(0.9), sgd(0.1)).boxed(),
        "normalize_by_update_norm" => (optim::normalize_by_update_norm(), sgd(0.1)).boxed(),
        "scale_by_param_block_norm" => (optim::scale_by_param_block_norm(), sgd(0.03)).boxed(),
        "masked" => (optim::masked(optim::adam(0.05), matrix), optim::scale(0.5)).boxed(),
        "partition" => {
            let parts = [(true, optim::adam(0.05).boxed()), (false, sgd(0.1).momentum(0.5).boxed())];
            optim::partition(parts, matrix).boxed()
        }
        "multi_steps" => optim::multi_steps(optim::adam(0.1), 3).boxed(),
        "multi_steps sum" => optim::multi_steps(sgd(0.02), 4).use_grad_mean(false).boxed(),
        "apply_if_finite" => optim::apply_if_finite(optim::adam(0.05), 3).boxed(),
        "conditionally_transform" => {
            optim::conditionally_transform(sgd(0.1).momentum(0.5), |step: &Array| (step % 3).not_equal(1)).boxed()
        }
        "conditionally_mask" => {
            optim::conditionally_mask(optim::adam(0.1), |step: &Array| (step % 3).not_equal(1)).boxed()
        }
        "inject_hyperparams" => {
            let initial = (Array::from(0.0), Array::from(0.5));
            let rate = rate();
            optim::inject_hyperparams(initial, |h: &(Array, Array)| optim::sgd(&h.0).momentum(&h.1))
                .schedule(move |step: &Array, h: (Array, Array)| (rate.at(step), h.1))
                .boxed()
        }
        "add_decayed_weights schedule" => (optim::add_decayed_weights(rate()), sgd(0.1)).boxed(),
        "scale_by_schedule" => {
            let rate = |step: &Array| -0.1 / (1.0 + step).sqrt();
            (optim::scale_by_adam(), optim::scale_by_schedule(rate)).boxed()
        }
        "lookahead" => optim::lookahead(optim::adam(0.05), 5, 0.5).boxed(),
        "polyak_sgd" => optim::polyak_sgd().max_learning_rate(0.5).f_min(-2.0).boxed(),
        "polyak_sgd plus" => optim::polyak_sgd().max_learning_rate(0.3).f_min(0.5).nonnegative(true).boxed(),
        "reduce_on_plateau" => {
            let scale = optim::reduce_on_plateau().factor(0.5).patience(3).cooldown(2).accumulation_size(2);
            (sgd(0.2), scale).boxed()
        }
        "lbfgs" => optim::lbfgs().boxed(),
        "lbfgs memory" => optim::lbfgs().memory_size(2usize).scale_init_precond(false).boxed(),
        "lbfgs plain" => optim::lbfgs().learning_rate(0.1).memory_size(3usize).linesearch(None).boxed(),
        "zoom" => (sgd(1.0), optim::scale_by_zoom_linesearch().max_linesearch_steps(15)).boxed(),
        "backtracking" => (sgd(1.0), optim::scale_by_backtracking_linesearch(15)).boxed(),
        "backtracking stored" => (sgd(1.0), optim::scale_by_backtracking_linesearch(15).store_grad(true)).boxed(),
        "sophia" => optim::sophia(0.1, random::key(0)).boxed(),
        _ => optim_contrib::optimizer(name),
    }
}

fn stored(x: &Value) -> Vec<f64> {
    let list = x.as_array().unwrap();
    list.iter().flat_map(|x| if x.is_array() { stored(x) } else { vec![float(x)] }).collect()
}

/// A step of a kind of case.
fn stepped(kind: &str, optimizer: &AnyOptimizer, p: &Params, state: &AnyState, i: &Array) -> (Params, AnyState) {
    match kind {
        "minimize" => {
            let (_, p, state) = optimizer.minimize(loss, p, state);
            (p, state)
        }
        "value" => optimizer.apply_with_value(p, &gradients(p, i), state, &loss(p)),
        "examples" => {
            let (params, each) = (PerLeaf::of(p), PerLeaf::of(&per_example(p, i)));
            let cx = Context { params: &params, gradients: &each, value: None, loss: None };
            let (updates, state) = optimizer.advance(each.clone(), state, &cx);
            (optim::apply_updates(p, &updates.to_tree(p)), state)
        }
        _ => optimizer.apply(p, &gradients(p, i), state),
    }
}

/// The cases of optimizers.
fn optimizers() -> Vec<Value> {
    let all = cases("optax").into_iter().chain(cases("optax_contrib"));
    all.filter(|case| case["kind"] != "schedule" && case["kind"] != "function").collect()
}

fn check(case: &Value) -> Option<String> {
    let (kind, name) = (case["kind"].as_str().unwrap(), case["name"].as_str().unwrap());
    let dtype: DType = case["dtype"].as_str().unwrap().parse().unwrap();
    let optimizer = optimizer(name);
    let mut params = initial(dtype, name.contains("tensor"));
    let mut state = optimizer.init(&params);
    let kind = kind.to_string();
    let step = jit(move |p: &Params, state: &AnyState, i: &Array| stepped(&kind, &optimizer, p, state, i));
    // A quarter of a unit in the last place of a narrow float can become a whole one in each step.
    // Mechanic multiplies the rounding errors of its learning rate by all steps before: Optax's parameters in f32 are as
    // far from those in f64.
    let (rtol, atol) = match (dtype, name) {
        (DType::BF16, _) => (0.04, 0.02),
        (_, "mechanize") => (2e-4, 2e-4),
        _ => (2e-4, 2e-5),
    };
    let mut kept = case["values"].as_array().unwrap().iter();
    for i in 0..STEPS {
        (params, state) = step(&params, &state, &np::array(i as f64));
        if !KEPT.contains(&(i + 1)) {
            continue;
        }
        let got: Vec<f64> = tree::leaves(&params).iter().flat_map(floats).collect();
        let expected = stored(kept.next().unwrap());
        assert_eq!(got.len(), expected.len());
        for (k, (a, b)) in got.iter().zip(&expected).enumerate() {
            if (a - b).abs() > atol + rtol * b.abs() || a.is_nan() {
                return Some(format!("{name} {dtype}: number {k} after step {} is {a} instead of {b}", i + 1));
            }
        }
    }
    None
}

#[test]
fn steps_are_those_of_optax() {
    let cases = optimizers();
    assert!(cases.len() > 125, "the list of cases is cut short");
    run_all(&cases, check);
}

/// The parameters after some steps have derivatives in those before, through gradients and states.
#[test]
fn steps_obey_laws() {
    let mut calls = Calls::new();
    for case in optimizers().iter().filter(|case| case["dtype"] == "f32") {
        let (kind, name) = (case["kind"].as_str().unwrap(), case["name"].as_str().unwrap());
        let params = tree::leaves(&initial(DType::F64, name.contains("tensor")));
        calls.entry(name.to_string()).or_default().push(Call::new(kind, params));
    }
    assert!(calls.len() > 80, "the list of optimizers is cut short");
    laws::check("optax", &calls, |name, kind, x| {
        let (optimizer, mut params) = (optimizer(name), (x[0].clone(), x[1].clone(), x[2].clone()));
        let mut state = optimizer.init(&params);
        for i in 0..LAWFUL {
            (params, state) = stepped(kind, &optimizer, &params, &state, &np::array(f64::from(i)));
        }
        tree::leaves(&params)
    });
}

fn schedule(name: &str) -> Schedule {
    let exponential = ExponentialDecay::default();
    match name {
        "constant" => optim::constant_schedule(0.3),
        "polynomial" => optim::polynomial_schedule(1.0, 0.1, 2.5, 40),
        "polynomial begin" => optim::polynomial_schedule_from(1.0, 0.1, 2, 20, 10),
        "polynomial none" => optim::polynomial_schedule(1.0, 0.1, 2, 0),
        "linear" => optim::linear_schedule(0.1, 1.0, 40),
        "piecewise constant" => optim::piecewise_constant_schedule(1.0, [(10, 0.5), (40, 0.1)]),
        "exponential" => optim::exponential_decay(0.5, 10, 0.9),
        "exponential staircase" => {
            let options = ExponentialDecay { transition_begin: 5, staircase: true, end_value: Some(0.3.into()) };
            optim::exponential_decay_with(0.5, 10, 0.9, &options)
        }
        "exponential growth" => optim::exponential_decay_with(
            0.5,
            10,
            1.1,
            &ExponentialDecay { end_value: Some(0.9.into()), ..exponential },
        ),
        "cosine" => optim::cosine_decay_schedule(0.7, 40),
        "cosine options" => optim::cosine_decay_schedule_with(0.7, 40, 0.2, 1.5),
        "piecewise linear" => optim::piecewise_interpolate_schedule(Interpolation::Linear, 1.0, [(10, 0.5), (40, 3.0)]),
        "piecewise cosine" => optim::piecewise_interpolate_schedule(Interpolation::Cosine, 1.0, [(10, 0.5), (40, 3.0)]),
        "linear onecycle" => optim::linear_onecycle_schedule(100, 0.5),
        "cosine onecycle" => optim::cosine_onecycle_schedule(100, 0.5),
        "warmup constant" => optim::warmup_constant_schedule(0.0, 0.5, 20),
        "warmup cosine" => optim::warmup_cosine_decay_schedule(0.0, 0.5, 20, 100, 0.05),
        "warmup cosine power" => optim::warmup_cosine_decay_schedule_with(0.1, 0.5, 20, 100, 0.05, 2.0),
        "warmup exponential" => {
            let options = ExponentialDecay { end_value: Some(0.1.into()), ..exponential };
            optim::warmup_exponential_decay_schedule(0.0, 0.5, 20, 10, 0.8, &options)
        }
        "sgdr" => optim::sgdr_schedule([
            SgdrCycle { init_value: 0.0, peak_value: 0.5, decay_steps: 20, warmup_steps: 5, end_value: 0.1 },
            SgdrCycle { init_value: 0.1, peak_value: 0.3, decay_steps: 60, warmup_steps: 10, end_value: 0.0 },
        ]),
        "join" => {
            optim::join_schedules([optim::linear_schedule(0.0, 1.0, 10), optim::exponential_decay(1.0, 5, 0.5)], [10])
        }
        _ => panic!("no schedule is called {name}"),
    }
}

#[test]
fn schedules_are_those_of_optax() {
    let file = goldens_lib::golden("optax.json");
    let at: Vec<i32> = file["at"].as_array().unwrap().iter().map(|i| i.as_i64().unwrap() as i32).collect();
    let cases: Vec<Value> = cases("optax").into_iter().filter(|case| case["kind"] == "schedule").collect();
    assert!(cases.len() > 20, "the list of cases is cut short");
    run_all(&cases, |case| {
        let name = case["name"].as_str().unwrap();
        let schedule = schedule(name);
        let got: Vec<f32> =
            vmap(move |step: &Array| schedule.at(step).astype(DType::F32))(&Array::from(at.clone())).to_vec();
        let expected = stored(&case["values"]);
        (got.iter().zip(&expected).zip(&at))
            .find(|((a, b), _)| (f64::from(**a) - **b).abs() > 1e-6 * b.abs() + 1e-7)
            .map(|((a, b), step)| format!("{name} at {step}: {a} instead of {b}"))
    });
}
