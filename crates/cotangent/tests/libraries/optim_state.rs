//! `optim`: states as trees, under every transformation, and in every dtype; errors; and what a step compiles to.

use super::goldens_lib::floats;

use cotangent::optim::{self, AnyState, PerLeaf};
use cotangent::{Own, lax, prelude::*};

#[derive(Clone, Debug, Tree)]
struct Layer {
    weight: Array,
    bias: Array,
}

#[derive(Clone, Debug, Tree)]
struct Model {
    layers: Vec<Layer>,
    scale: Array,
}

fn model() -> Model {
    let layer = |n: usize| Layer { weight: np::ones((2, n)) * 0.5, bias: np::zeros(n) };
    Model { layers: vec![layer(3), layer(1)], scale: np::array(2.0) }
}

fn loss(m: &Model) -> Array {
    let parts = m.layers.iter().map(|l| (&l.weight - 1.0).powi(2).sum() + (&l.bias + 1.0).powi(2).sum());
    parts.sum::<Array>() + (&m.scale - 3.0).powi(2)
}

fn flat<T: Tree>(tree: &T) -> Vec<f64> {
    tree::leaves(tree).iter().flat_map(floats).collect()
}

fn close(a: &[f64], b: &[f64], tolerance: f64) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= tolerance * (1.0 + b.abs()))
}

/// An optimizer of many parts.
fn composed() -> impl Optimizer<State: Send> + Clone {
    let rate = optim::cosine_decay_schedule(0.1, 100);
    let decay = optim::adamw(rate).weight_decay(0.01).mask(|path: &str, _: &Array| path.ends_with(".weight"));
    optim::lookahead(optim::chain((optim::clip_by_global_norm(1.0), decay)), 3, 0.5)
}

fn steps<O: Optimizer>(optimizer: &O, model: &Model, state: &O::State, n: usize) -> (Model, O::State) {
    (0..n)
        .fold((model.clone(), state.clone()), |(model, state), _| optimizer.apply(&model, &grad(loss)(&model), &state))
}

#[test]
fn a_state_has_the_paths_of_its_model() {
    let state = optim::scale_by_adam().init(&model());
    let paths = tree::leaf_paths(&state);
    let expected = [".count", ".mu.layers[0].weight", ".mu.layers[0].bias", ".mu.layers[1].weight"];
    assert_eq!(paths[..4], expected);
    assert_eq!(paths.last().unwrap(), ".nu.scale");
    let text = format!("{:?}", optim::trace(0.9).init(&model()));
    assert!(text.contains("\".layers[0].bias\": "), "{text}");
    assert_eq!(state.mu.to_tree(&model()).layers[1].bias.shape(), [1]);
}

#[test]
fn a_state_is_saved_and_loaded() {
    let optimizer = composed();
    let (model, state) = steps(&optimizer, &model(), &optimizer.init(&model()), 4);
    let saved = serde_json::to_string(&(tree::leaves(&model), tree::leaves(&state))).unwrap();

    let (of_model, of_state): (Vec<Array>, Vec<Array>) = serde_json::from_str(&saved).unwrap();
    let fresh = self::model();
    let loaded = (fresh.rebuild(&mut of_model.into_iter()), optimizer.init(&fresh).rebuild(&mut of_state.into_iter()));
    let (expected, _) = steps(&optimizer, &model, &state, 5);
    let (got, _) = steps(&optimizer, &loaded.0, &loaded.1, 5);
    assert_eq!(flat(&got), flat(&expected));
}

#[test]
fn a_step_is_the_same_in_every_setting() {
    let optimizer = composed();
    let start = (model(), optimizer.init(&model()));
    let (expected, _) = steps(&optimizer, &start.0, &start.1, 7);
    let expected = flat(&expected);

    let step = optimizer.clone();
    let jitted = jit(move |m: &Model, s: &_| step.apply(m, &grad(loss)(m), s));
    let (m, _) = (0..7).fold(start.clone(), |(m, s), _| jitted(&m, &s));
    assert!(close(&flat(&m), &expected, 1e-6), "under jit");

    let (m, _) = lax::repeat(7, start.clone(), |(m, s): &(Model, _)| optimizer.apply(m, &grad(loss)(m), s));
    assert!(close(&flat(&m), &expected, 1e-6), "in a loop");

    let boxed = composed().boxed();
    let step = boxed.clone();
    let donated: cotangent::Jit<'static, (Own<Model>, Own<AnyState>), (Model, AnyState)> =
        jit(move |m: Model, s: AnyState| step.apply(&m, &grad(loss)(&m), &s));
    let (m, _) = (0..7).fold((model(), boxed.init(&model())), |(m, s), _| donated(m, s));
    assert!(close(&flat(&m), &expected, 1e-6), "with donated arguments and a boxed state");
}

#[test]
fn a_hyperparameter_is_mapped_and_differentiated() {
    let train = |rate: &Array, b1: &Array| {
        let optimizer = optim::adam(rate).b1(b1).eps_root(1e-6);
        let start = (np::zeros(2), optimizer.init(&np::zeros(2)));
        let target = np::array([1.0, -2.0]);
        let objective = |x: &Array| (x - &target).powi(2).sum();
        let (x, _) = lax::repeat(5, start, |(x, s): &(Array, _)| optimizer.apply(x, &grad(objective)(x), s));
        objective(&x)
    };
    let (rates, decays) = (np::array([0.1, 0.2, 0.3]), np::array([0.5, 0.7, 0.9]));
    let mapped: Vec<f32> = vmap(train)(&rates, &decays).to_vec();
    for (i, value) in mapped.iter().enumerate() {
        let alone: f32 = train(&rates.at(i).get(), &decays.at(i).get()).item();
        assert!((alone - value).abs() < 1e-5, "element {i}: {value} instead of {alone}");
    }
    let (rate, b1) = (Array::scalar(0.1f64), Array::scalar(0.7f64));
    let slope: f64 = grad(train)(&rate, &b1).item();
    let value = |rate: f64| train(&Array::scalar(rate), &b1).item::<f64>();
    // The parameters are f32, so the difference has few digits.
    let difference = (value(0.11) - value(0.09)) / 0.02;
    assert!((slope - difference).abs() < 0.01 * difference.abs(), "{slope} instead of {difference}");
}

#[test]
fn double_precision_is_kept() {
    let optimizer = optim::adam(0.05);
    let mut x = Array::from(vec![1.0f64, -2.0, 0.25]);
    let mut state = optimizer.init(&x);
    let mut plain = [(1.0f64, 0.0, 0.0), (-2.0, 0.0, 0.0), (0.25, 0.0, 0.0)];
    for step in 1..=20 {
        let gradient = x.sin() + 0.1;
        (x, state) = optimizer.apply(&x, &gradient, &state);
        for (x, m, v) in &mut plain {
            let g = x.sin() + 0.1;
            *m = 0.9 * *m + 0.1 * g;
            *v = 0.999 * *v + 0.001 * g * g;
            let (mean, square) = (*m / (1.0 - 0.9f64.powi(step)), *v / (1.0 - 0.999f64.powi(step)));
            *x -= 0.05 * mean / (square.sqrt() + 1e-8);
        }
    }
    let expected: Vec<f64> = plain.iter().map(|(x, _, _)| *x).collect();
    assert!(close(&x.to_vec::<f64>(), &expected, 1e-12), "{x:?} instead of {expected:?}");
}

#[test]
fn dtypes_stay_what_they_were() {
    for dtype in [DType::F16, DType::BF16, DType::F32, DType::F64, DType::C64, DType::C128] {
        let x = np::ones_as((2, 2), dtype);
        let optimizers = [
            optim::adamw(np::array(0.1)).weight_decay(0.1).boxed(),
            optim::sgd(optim::linear_schedule(0.1, 0.0, 9)).momentum(0.9).boxed(),
            optim::adafactor().learning_rate(0.1).min_dim_size_to_factor(2usize).boxed(),
            optim::rmsprop(0.1).eps(0.01).centered(true).bias_correction(true).boxed(),
            (optim::clip_by_global_norm(1.0), optim::lamb(0.1)).boxed(),
            optim::multi_steps(optim::adam(0.1), 2).boxed(),
            optim::lbfgs().linesearch(None).boxed(),
            optim::muon(0.1).boxed(),
        ];
        for optimizer in optimizers {
            let state = optimizer.init(&x);
            let (next, after) = optimizer.apply(&x, &x, &state);
            assert_eq!(next.dtype(), dtype, "{optimizer:?}");
            assert!(flat(&next.real()).iter().all(|x| x.is_finite()), "{optimizer:?}, {dtype}");
            let types = |state: &AnyState| tree::leaves(state).iter().map(Array::aval).collect::<Vec<_>>();
            assert_eq!(types(&after), types(&state), "{optimizer:?}, {dtype}");
        }
    }
}

#[test]
fn a_line_search_sees_the_loss_through_a_mask() {
    let optimizer = optim::masked(optim::lbfgs(), |path: &str, _: &Array| path.contains(".weight"));
    let start = model();
    let (mut m, mut state) = (start.clone(), optimizer.init(&start));
    for _ in 0..6 {
        let (_, next, after) = optimizer.minimize(|m: &Model| loss(m), &m, &state);
        // The gradients of the other leaves pass a mask as they are: they are not steps here.
        (m, state) = (Model { scale: start.scale.clone(), ..next }, after);
        m.layers.iter_mut().zip(&start.layers).for_each(|(l, first)| l.bias = first.bias.clone());
    }
    assert!(m.layers.iter().all(|l| (&l.weight - 1.0).abs().max().item::<f32>() < 1e-4), "{m:?}");
}

#[test]
fn gradients_that_are_not_finite_are_skipped() {
    let optimizer = optim::apply_if_finite(optim::sgd(0.5).momentum(0.9), 2);
    let x = np::ones(2);
    let mut state = optimizer.init(&x);
    let bad = np::array([f64::NAN, 1.0]);
    for _ in 0..2 {
        let (same, next) = optimizer.apply(&x, &bad, &state);
        assert_eq!(same.to_vec::<f32>(), [1.0, 1.0]);
        state = next;
    }
    assert_eq!(flat(&state.inner_state), [0.0, 0.0]);
    let (x, state) = optimizer.apply(&x, &bad, &state);
    assert!(x.at(0).get().item::<f32>().is_nan(), "the third time in a row, it is applied");
    assert_eq!(state.notfinite_count.item::<i32>(), 3);

    let skipping = optim::multi_steps(optim::sgd(0.5), 2).skip_not_finite().skip_large_updates(100.0);
    let x = np::ones(1);
    let mut state = skipping.init(&x);
    for gradient in [f64::INFINITY, 20.0, 2.0] {
        state = skipping.apply(&x, &np::array([gradient]), &state).1;
    }
    assert_eq!((state.mini_step.item::<i32>(), flat(&state.acc_grads)), (1, vec![2.0]));
}

#[test]
fn a_count_does_not_overflow() {
    for (count, next) in [(Array::scalar(i32::MAX), i64::from(i32::MAX)), (Array::scalar(7i32), 8)] {
        assert_eq!(optim::safe_increment(&count).item::<i64>(), next);
    }
    assert_eq!(optim::safe_increment(&Array::scalar(u8::MAX)).item::<i64>(), 255);
    assert_eq!(optim::safe_increment(&Array::scalar(i64::MAX)).item::<i64>(), i64::MAX);
}

/// Returns the message of the error that `f` raises.
fn message(f: impl Fn() + Send + Sync) -> String {
    let traced = jit(move |x: &Array| {
        f();
        x.clone()
    });
    traced.try_call((&np::ones(1),)).expect_err("an error").to_string()
}

#[test]
fn errors_say_what_to_do() {
    let pair = |n: usize| vec![np::ones(2); n];
    let cases: Vec<(String, [&str; 2])> = vec![
        (
            message(move || drop(optim::sgd(0.1).apply(&pair(2), &pair(3), &(None, optim::sgd(0.1).init(&0.0f32).1)))),
            ["the gradients are not a tree like the parameters", "one has 2 leaves, the other 3"],
        ),
        (
            message(move || {
                let optimizer = optim::adam(0.1);
                drop(optimizer.apply(&pair(3), &pair(3), &optimizer.init(&pair(2))));
            }),
            ["these leaves belong to different parameters", "make it with `init(&params)`"],
        ),
        (
            message(|| {
                let optimizer = optim::lbfgs();
                let x = np::ones(2);
                drop(optimizer.apply(&x, &x, &optimizer.init(&x)));
            }),
            ["scale_by_zoom_linesearch evaluates the loss", "call `minimize(loss, &params, &state)`"],
        ),
        (
            message(|| {
                let optimizer = optim::polyak_sgd();
                let x = np::ones(2);
                drop(optimizer.apply(&x, &x, &optimizer.init(&x)));
            }),
            ["scale_by_polyak needs the value of the loss", "call `apply_with_value("],
        ),
        (
            message(|| drop(optim::partition([("a", optim::sgd(0.1))], |_: &str, _: &Array| "b").init(&np::ones(2)))),
            ["has the label `b`, which no optimizer has", "the labels of the optimizers are `a`"],
        ),
        (
            message(|| {
                let x = np::ones(2);
                drop(optim::adam(0.1).boxed().apply(&x, &x, &optim::sgd(0.1).boxed().init(&x)));
            }),
            ["the state is not that of cotangent::optim::", "`init` of the same optimizer"],
        ),
        (
            message(|| drop(optim::join_schedules([optim::constant_schedule(0.1)], [3, 4]))),
            ["1 schedules need 0 boundaries, got 2", "the step at which the next schedule begins"],
        ),
        (
            message(|| drop(optim::losses::softmax_cross_entropy_with_integer_labels(np::ones((2, 3)), np::ones(2)))),
            ["labels must be integers, got f32[2]", "use `softmax_cross_entropy`"],
        ),
    ];
    for (text, parts) in cases {
        assert!(parts.iter().all(|part| text.contains(part)), "{text}");
        assert!(text.contains("optim_state.rs"), "the error is at the line of the caller: {text}");
    }
}

#[test]
fn a_step_of_adam_writes_each_array_once_and_nothing_else() {
    type State = <optim::AdamW as Optimizer>::State;
    let optimizer = optim::adamw(optim::cosine_decay_schedule(0.1, 100)).weight_decay(0.01);
    let x = np::ones(1 << 16);
    let state = optimizer.init(&x);
    let step = jit(move |x: Array, state: State, g: &Array| optimizer.apply(&x, g, &state));
    let lowered = step.lower((&x, &state, &x)).unwrap();
    let hlo = lowered.optimized_hlo().unwrap();
    let entry = hlo.split("ENTRY").nth(1).expect("a program has an entry").split("\n}").next().unwrap();
    // Loops over as many elements as the parameter has: one for it and one for each of its two moments. A compiler that
    // fuses loops with several results makes fewer.
    let writes = |line: &&str| line.contains(" = f32[65536]") || line.contains(" = (f32[65536]");
    let loops =
        entry.lines().filter(writes).filter(|line| !line.contains(" parameter(")).filter(|l| !l.contains("ROOT"));
    assert!(loops.clone().count() <= 3, "{entry}");
    assert!(loops.clone().all(|line| line.contains("fusion(")), "{entry}");
    // Parameter, counts and moments are written where they were.
    let memory = lowered.compile().unwrap().memory_analysis().unwrap();
    assert!(memory.aliased >= 3 * 4 * (1 << 16), "{memory:?}");
    assert!(memory.temporary < 4 * (1 << 16), "no intermediate array is stored: {memory:?}");
}

#[test]
fn leaves_find_their_values_by_path() {
    let leaves = PerLeaf::of(&model());
    assert_eq!(leaves[".scale"].item::<f32>(), 2.0);
    assert_eq!(leaves.map(Array::size).values(), [6, 3, 2, 1, 1]);
    let text = message(|| drop(PerLeaf::of(&model())[".bias"].clone()));
    assert!(text.contains("there is no leaf `.bias`") && text.contains("`.layers[0].bias`"), "{text}");
}
