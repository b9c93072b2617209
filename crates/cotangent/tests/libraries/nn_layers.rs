//! `nn::layers`, against Flax and Equinox with the same weights; trees, keys and state.

use super::goldens_lib;
use super::nn::{compare, fill, group, obeys_laws};

use cotangent::lax::Padding;
use cotangent::nn::layers::*;
use cotangent::nn::{self, Attention, initializers};
use cotangent::prelude::*;
use goldens_lib::{difference, floats, run_all};

/// Takes the inputs of a case one after the other.
struct Next<'a>(std::slice::Iter<'a, Array>);

impl Next<'_> {
    fn one(&mut self) -> Array {
        self.0.next().expect("an input").clone()
    }

    fn linear(&mut self) -> Linear {
        Linear { weight: self.one(), bias: Some(self.one()) }
    }
}

/// Runs a layer of Flax's golden cases. The inputs are the example and the parameters.
fn flax(name: &str, inputs: &[Array]) -> Vec<Array> {
    let mut next = Next(inputs.iter());
    let x = next.one();
    let one = |y: Array| vec![y];
    match name {
        "linear" => one(next.linear().call(x)),
        "conv" => {
            one(Conv { kernel: next.one(), bias: Some(next.one()), ..Conv::new(random::key(0), 2, 3, [2, 3]) }.call(x))
        }
        "conv options" => {
            let conv = Conv::builder(2, 4, [3]).strides([2]).padding([(2, 1)]).dilation([2]).groups(2).bias(false);
            one(Conv { kernel: next.one(), ..conv.build(random::key(0)) }.call(x))
        }
        "conv 3" => {
            let conv = Conv::builder(1, 2, [2, 1, 2]).padding(Padding::Valid).build(random::key(0));
            one(Conv { kernel: next.one(), bias: Some(next.one()), ..conv }.call(x))
        }
        "conv_transpose" => {
            let conv = ConvTranspose::builder(2, 2, [3, 2]).strides([2, 2]).build(random::key(0));
            one(ConvTranspose { kernel: next.one(), bias: Some(next.one()), ..conv }.call(x))
        }
        "conv_transpose valid" => {
            let conv = ConvTranspose::builder(2, 2, [3]).strides([2]).padding(Padding::Valid).bias(false);
            one(ConvTranspose { kernel: next.one(), ..conv.build(random::key(0)) }.call(x))
        }
        "embedding" => one(Embedding { weight: x }.call(Array::from([[4, 0], [1, 4]]))),
        "embedding attend" => one(Embedding { weight: next.one() }.attend(x)),
        "layer_norm" | "layer_norm bf16" => {
            one(LayerNorm { scale: Some(next.one()), bias: Some(next.one()), ..LayerNorm::new(4) }.call(x))
        }
        "rms_norm" => one(RmsNorm { scale: Some(next.one()), ..RmsNorm::new(4) }.call(x)),
        "group_norm" => {
            one(GroupNorm { scale: Some(next.one()), bias: Some(next.one()), ..GroupNorm::new(2, 4) }.call(x))
        }
        "instance_norm" => {
            one(InstanceNorm { scale: Some(next.one()), bias: Some(next.one()), ..InstanceNorm::new(3) }.call(x))
        }
        "batch_norm train" | "batch_norm call" => {
            let stats = BatchStats { mean: fill(&[3], 4), variance: fill(&[3], 5).abs() };
            let norm = BatchNorm { scale: Some(next.one()), bias: Some(next.one()), ..BatchNorm::new(3).momentum(0.9) };
            if name.ends_with("call") {
                return one(norm.call(x, &stats));
            }
            let (y, stats) = norm.train(x, &stats);
            vec![y, stats.mean, stats.variance]
        }
        "max_pool" => one(MaxPool::new([2, 3], [2, 1]).padding(Padding::Same).call(x)),
        "avg_pool" => one(AvgPool::new([2], [2]).call(x)),
        "avg_pool same" => one(AvgPool::new([3], [1]).padding(Padding::Same).call_without_padding(x)),
        "dropout 0.25" => one(Dropout::new(0.25).call(x, Some(random::PRNGKey(3)))),
        "dropout 0.9" => one(Dropout::new(0.9).call(x, Some(random::PRNGKey(3)))),
        "rnn" => {
            let cell = RnnCell { input: next.one(), recurrent: next.one(), bias: Some(next.one()) };
            one(cell.scan(&cell.initial_state([2]), x).1)
        }
        "lstm" => {
            let cell = LstmCell { input: next.one(), recurrent: next.one(), bias: Some(next.one()) };
            one(cell.scan(&cell.initial_state([2]), x).1)
        }
        "gru" => {
            let (input, recurrent, bias, candidate_bias) = (next.one(), next.one(), Some(next.one()), Some(next.one()));
            let cell = GruCell { input, recurrent, bias, candidate_bias };
            one(cell.scan(&cell.initial_state([2]), x).1)
        }
        "attention" => {
            let (query, key, value, output) = (next.linear(), next.linear(), next.linear(), next.linear());
            let plain = MultiHeadAttention::new(random::key(0), 4, 2);
            one(MultiHeadAttention { query, key, value, output, ..plain }.call(x, &Attention::new().causal()))
        }
        other => panic!("no layer {other}"),
    }
}

#[test]
fn layers_equal_flax() {
    let shapes: &[(&str, &[&[usize]])] = &[
        ("linear", &[&[2, 5, 4], &[4, 3], &[3]]),
        ("conv", &[&[2, 4, 5, 2], &[2, 3, 2, 3], &[3]]),
        ("conv options", &[&[9, 2], &[3, 1, 4]]),
        ("conv 3", &[&[1, 3, 2, 3, 1], &[2, 1, 2, 1, 2], &[2]]),
        ("conv_transpose", &[&[1, 2, 3, 2], &[3, 2, 2, 2], &[2]]),
        ("conv_transpose valid", &[&[4, 2], &[3, 2, 2]]),
        ("embedding", &[&[5, 3]]),
        ("embedding attend", &[&[2, 3], &[5, 3]]),
        ("layer_norm", &[&[2, 3, 4], &[4], &[4]]),
        ("layer_norm bf16", &[&[2, 4], &[4], &[4]]),
        ("rms_norm", &[&[2, 3, 4], &[4]]),
        ("group_norm", &[&[2, 3, 2, 4], &[4], &[4]]),
        ("instance_norm", &[&[2, 4, 3], &[3], &[3]]),
        ("batch_norm train", &[&[4, 2, 3], &[3], &[3]]),
        ("batch_norm call", &[&[4, 2, 3], &[3], &[3]]),
        ("max_pool", &[&[2, 4, 5, 2]]),
        ("avg_pool", &[&[2, 5, 2]]),
        ("avg_pool same", &[&[2, 5, 2]]),
        ("dropout 0.25", &[&[3, 5]]),
        ("dropout 0.9", &[&[3, 5]]),
        ("rnn", &[&[4, 2, 3], &[3, 2], &[2, 2], &[2]]),
        ("lstm", &[&[4, 2, 3], &[3, 8], &[2, 8], &[8]]),
        ("gru", &[&[4, 2, 3], &[3, 6], &[2, 6], &[6], &[2]]),
        ("attention", &[&[2, 3, 4], &[4, 4], &[4], &[4, 4], &[4], &[4, 4], &[4], &[4, 4], &[4]]),
    ];
    let cases = group("layers");
    assert_eq!(cases.len(), shapes.len());
    run_all(&cases, |case| {
        let name = case["name"].as_str().expect("a name");
        let shapes = shapes.iter().find(|(n, _)| *n == name).unwrap_or_else(|| panic!("no case {name}")).1;
        let narrow = name.ends_with("bf16");
        let convert = |x: Array| if narrow { x.astype(DType::BF16) } else { x };
        // The table of the embedding has the number one.
        let number = |i: usize| if name == "embedding attend" { 2 - i } else { i + 1 };
        let inputs: Vec<Array> = shapes.iter().enumerate().map(|(i, shape)| convert(fill(shape, number(i)))).collect();
        let f = |inputs: &[Array]| flax(name, inputs);
        compare(case, &inputs, if narrow { 6e-2 } else { 1e-5 }, f).or_else(|| obeys_laws(case, &inputs, f))
    });
}

#[test]
fn layers_equal_equinox() {
    let shapes: &[(&str, &[&[usize]])] = &[
        ("linear", &[&[2, 4], &[4, 3], &[3]]),
        ("conv", &[&[4, 5, 2], &[2, 3, 2, 3], &[3]]),
        ("layer_norm", &[&[4], &[4], &[4]]),
        ("group_norm", &[&[3, 4], &[4], &[4]]),
        ("lstm", &[&[4, 3], &[3, 8], &[2, 8], &[8]]),
        ("gru", &[&[4, 3], &[3, 6], &[2, 6], &[6], &[2]]),
        ("rotary", &[&[3, 2, 4]]),
        ("attention", &[&[3, 4], &[4, 4], &[4, 4], &[4, 4], &[4, 4]]),
        ("mlp", &[&[2, 3], &[3, 4], &[4], &[4, 4], &[4], &[4, 2], &[2]]),
    ];
    let cases = group("equinox");
    assert_eq!(cases.len(), shapes.len());
    run_all(&cases, |case| {
        let name = case["name"].as_str().expect("a name");
        let shapes = shapes.iter().find(|(n, _)| *n == name).unwrap_or_else(|| panic!("no case {name}")).1;
        // The weights of attention are every other stored array.
        let number = |i: usize| if name == "attention" && i > 0 { 2 * i } else { i + 1 };
        let inputs: Vec<Array> = shapes.iter().enumerate().map(|(i, shape)| fill(shape, number(i))).collect();
        let f = |inputs: &[Array]| {
            let mut next = Next(inputs.iter());
            let x = next.one();
            let y = match name {
                "linear" => next.linear().call(x),
                "conv" => {
                    let conv = Conv::builder(2, 3, [2, 3]).strides([1, 2]).padding([(1, 0), (1, 1)]);
                    Conv { kernel: next.one(), bias: Some(next.one()), ..conv.build(random::key(0)) }.call(x)
                }
                "layer_norm" => {
                    let norm = LayerNorm::new(4).epsilon(1e-5);
                    LayerNorm { scale: Some(next.one()), bias: Some(next.one()), ..norm }.call(x)
                }
                "group_norm" => {
                    let norm = GroupNorm::new(2, 4).epsilon(1e-5);
                    let norm = GroupNorm { scale: Some(next.one()), bias: Some(next.one()), ..norm };
                    norm.call(x.expand_dims(0)).at(0).get()
                }
                "lstm" => {
                    let cell = LstmCell { input: next.one(), recurrent: next.one(), bias: Some(next.one()) };
                    cell.scan(&cell.initial_state(()), x).1
                }
                "gru" => {
                    let (input, recurrent) = (next.one(), next.one());
                    let cell = GruCell { input, recurrent, bias: Some(next.one()), candidate_bias: Some(next.one()) };
                    cell.scan(&cell.initial_state(()), x).1
                }
                "rotary" => RotaryEmbedding::new(4).call(x, [0, 1, 2]),
                "attention" => {
                    let mut linear = || Linear { weight: next.one(), bias: None };
                    let (query, key, value, output) = (linear(), linear(), linear(), linear());
                    let rotary =
                        MultiHeadAttention::builder(4, 2).rotary(RotaryEmbedding::new(2)).build(random::key(0));
                    MultiHeadAttention { query, key, value, output, ..rotary }.call(x, &Attention::new().causal())
                }
                "mlp" => {
                    let mlp = Mlp::builder(3, 2, 4, 2).activation(Activation::Gelu).build(random::key(0));
                    Mlp { layers: (0..3).map(|_| next.linear()).collect(), ..mlp }.call(x)
                }
                other => panic!("no layer {other}"),
            };
            vec![y]
        };
        compare(case, &inputs, 1e-5, f).or_else(|| obeys_laws(case, &inputs, f))
    });
}

/// A network of most layers, as a user writes it.
#[derive(Clone, Tree)]
struct Network {
    conv: Conv,
    norm: BatchNorm,
    pool: MaxPool,
    dropout: Dropout,
    head: Linear,
}

impl Network {
    fn new(key: Key) -> Network {
        let [a, b] = key.split();
        Network {
            conv: Conv::new(a, 1, 4, [3, 3]),
            norm: BatchNorm::new(4),
            pool: MaxPool::new([2, 2], [2, 2]),
            dropout: Dropout::new(0.1),
            head: Linear::new(b, 4, 3),
        }
    }

    fn train(&self, x: &Array, stats: &BatchStats, key: Key) -> (Array, BatchStats) {
        let (x, stats) = self.norm.train(self.conv.call(x), stats);
        let x = self.pool.call(nn::relu(x)).mean_axis([1, 2]);
        (self.head.call(self.dropout.call(x, Some(key))), stats)
    }
}

/// A step of training: parameters are leaves, sizes are not, and the statistics are beside them.
#[test]
fn a_network_trains() {
    let network = Network::new(random::key(0));
    assert_eq!(
        tree::leaf_paths(&network),
        [".conv.kernel", ".conv.bias", ".norm.scale", ".norm.bias", ".head.weight", ".head.bias"]
    );
    let labels = Array::from([0, 1, 2, 0]);
    let loss = |network: &Network, x: &Array, stats: &BatchStats, key: Key| {
        let (logits, stats) = network.train(x, stats, key);
        let loss = -(nn::one_hot(&labels, 3) * nn::log_softmax(logits, -1)).sum_axis(-1).mean();
        (loss, stats)
    };
    let step = jit(|network: &Network, x: &Array, stats: &BatchStats, key: Key| {
        let ((loss, stats), slopes) = value_and_grad(loss)(network, x, stats, key);
        (network.zip(&slopes, |x, g| x - 0.5 * g), stats, loss)
    });
    let x = random::normal(random::key(1), [4, 6, 6, 1]);
    let (mut network, mut stats) = (network.clone(), network.norm.stats());
    let mut losses = Vec::new();
    for key in random::split(random::key(2), 60) {
        let loss;
        (network, stats, loss) = step(&network, &x, &stats, key);
        losses.push(loss.item::<f32>());
    }
    let mean = |losses: &[f32]| losses.iter().sum::<f32>() / losses.len() as f32;
    assert!(mean(&losses[50..]) < 0.8 * mean(&losses[..10]), "{losses:?}");
    assert!(stats.variance.to_vec::<f32>().iter().all(|v| *v > 0.0));
    assert_eq!(step.cache_report().misses.len(), 1, "static fields do not change between steps");
}

/// Different layers in one list, by an enum.
#[derive(Clone, Tree)]
enum Block {
    Linear(Linear),
    Norm(LayerNorm),
    Dropout(Dropout),
    Activation(Activation),
    Residual(Vec<Block>),
}

impl Layer for Block {
    fn apply(&self, x: &Array, key: Option<Key>) -> Array {
        match self {
            Block::Linear(layer) => layer.apply(x, key),
            Block::Norm(layer) => layer.apply(x, key),
            Block::Dropout(layer) => layer.apply(x, key),
            Block::Activation(layer) => layer.apply(x, key),
            Block::Residual(layers) => x + layers.apply(x, key),
        }
    }
}

#[test]
fn an_enum_of_layers_is_a_layer() {
    let blocks = Sequential(vec![
        Block::Linear(Linear::new(random::key(0), 2, 4)),
        Block::Residual(vec![
            Block::Norm(LayerNorm::new(4)),
            Block::Linear(Linear::new(random::key(1), 4, 4)),
            Block::Activation(Activation::function(|x| x.sin())),
            Block::Dropout(Dropout::new(0.5)),
        ]),
    ]);
    let x = fill(&[3, 2], 1);
    let Block::Linear(first) = &blocks.0[0] else { panic!("the first is linear") };
    let Block::Residual(inner) = &blocks.0[1] else { panic!("the second is a residual") };
    let (Block::Norm(norm), Block::Linear(second)) = (&inner[0], &inner[1]) else { panic!("in this order") };
    let h = first.call(&x);
    let expected = &h + second.call(norm.call(&h)).sin();
    assert_eq!(difference(&blocks.call(&x), &expected, 1e-6, 1e-6), None);
    // A key reaches the dropout, and another key drops others.
    let (a, b) = (blocks.call_with_key(&x, random::key(0)), blocks.call_with_key(&x, random::key(1)));
    assert!(a.to_vec::<f32>() != b.to_vec::<f32>());
    let slopes = grad(|blocks: &Sequential<Vec<Block>>| blocks.call(&x).square().sum())(&blocks);
    assert_eq!(tree::leaf_paths(&slopes), tree::leaf_paths(&blocks));
}

/// Batch axes, `vmap` and a loop agree, for layers that work on features or windows alone.
#[test]
fn batches_equal_a_loop() {
    let key = |i: usize| random::fold_in(random::key(5), i);
    let check = |name: &str, shape: &[usize], f: &(dyn Fn(&Array) -> Array + Send + Sync)| {
        let x = random::normal(key(0), shape.to_vec());
        let together = f(&x);
        let mapped = vmap(|x: &Array| f(x))(&x);
        assert_eq!(difference(&mapped, &together, 1e-5, 1e-5), None, "{name} under vmap");
        for i in 0..shape[0] as isize {
            let alone = f(&x.at(i).get());
            assert_eq!(difference(&alone, &together.at(i).get(), 1e-5, 1e-5), None, "{name} of element {i}");
        }
    };
    let conv = Conv::new(key(1), 3, 4, [3, 2]);
    check("Conv", &[2, 5, 6, 3], &|x| conv.call(x));
    let up = ConvTranspose::builder(3, 4, [3]).strides([2]).build(key(2));
    check("ConvTranspose", &[2, 5, 3], &|x| up.call(x));
    let linear = Linear::new(key(3), 3, 4);
    check("Linear", &[2, 5, 3], &|x| linear.call(x));
    check("MaxPool", &[2, 5, 3], &|x| MaxPool::new([2], [1]).call(x));
    check("AvgPool", &[2, 5, 3], &|x| AvgPool::new([2], [1]).padding(Padding::Same).call_without_padding(x));
    check("LayerNorm", &[2, 5, 3], &|x| LayerNorm::new(3).call(x));
    check("RmsNorm", &[2, 5, 3], &|x| RmsNorm::new(3).call(x));
    let cell = LstmCell::new(key(4), 3, 4);
    check("LstmCell", &[2, 3], &|x| cell.step(&cell.initial_state(x.shape()[..x.ndim() - 1].to_vec()), x).hidden);
    let attention = MultiHeadAttention::builder(8, 4).key_value_heads(2).rotary(RotaryEmbedding::new(2)).build(key(6));
    check("MultiHeadAttention", &[2, 5, 8], &|x| attention.call(x, &Attention::new().causal()));
    check("RotaryEmbedding", &[2, 5, 2, 4], &|x| RotaryEmbedding::new(4).interleaved().call(x, np::arange(5)));
    let mlp = Mlp::new(key(7), 3, 2, 4, 2);
    check("Mlp", &[2, 5, 3], &|x| mlp.call(x));
}

/// Layers in half precision return it, and compute statistics in `f32`.
#[test]
fn half_precision_is_kept() {
    for dtype in [DType::F16, DType::BF16] {
        let x = (100.0 + fill(&[2, 4, 8], 1)).astype(dtype);
        let exact = LayerNorm::new(8).call(x.astype(DType::F64));
        let results = [
            Linear::builder(8, 8).dtype(dtype).build(random::key(0)).call(&x),
            Conv::builder(8, 8, [3]).dtype(dtype).build(random::key(0)).call(&x),
            LayerNorm::new(8).dtype(dtype).call(&x),
            RmsNorm::new(8).dtype(dtype).call(&x),
            GroupNorm::new(2, 8).dtype(dtype).call(&x),
            BatchNorm::new(8).dtype(dtype).train(&x, &BatchNorm::new(8).stats()).0,
            Dropout::new(0.5).call(&x, Some(random::key(0))),
            MultiHeadAttention::builder(8, 2).dtype(dtype).build(random::key(0)).call(&x, &Attention::new()),
        ];
        assert!(results.iter().all(|y| y.dtype() == dtype));
        let error = (results[2].astype(DType::F64) - exact).abs().max().item::<f64>();
        assert!(error < 0.02, "{dtype}: {error}");
    }
}

/// The statistics of a batch that is divided over a mapped axis are those of the whole.
#[test]
fn batch_norm_over_a_mapped_axis() {
    let norm = BatchNorm::new(3);
    let x = fill(&[4, 5, 3], 1);
    let (whole, stats) = norm.train(&x, &norm.stats());
    let part = norm.clone().axis_name("devices");
    let (parts, part_stats) =
        vmap(|x: &Array| part.train(x, &part.stats())).axis_name("devices").out_axes((0, None))(&x);
    assert_eq!(difference(&parts, &whole, 1e-5, 1e-5), None);
    assert_eq!(difference(&part_stats.variance, &stats.variance, 1e-5, 1e-6), None);
}

/// Scanning is one loop, whatever the length, and the input's part of the gates is one product before it.
#[test]
fn a_scan_projects_all_inputs_at_once() {
    let cell = LstmCell::new(random::key(0), 3, 4);
    let program = |n: usize| {
        let xs = np::ones([n, 2, 3]);
        make_jaxpr(|cell: &LstmCell, xs: &Array| cell.scan(&cell.initial_state([2]), xs).1)(&cell, &xs).to_string()
    };
    let text = program(20);
    assert_eq!((text.matches("scan[").count(), text.matches("dot_general[").count()), (1, 2), "{text}");
    assert_eq!(program(200).lines().count(), text.lines().count());
    // Step by step, the same.
    let xs = fill(&[5, 2, 3], 1);
    let (last, outputs) = cell.scan(&cell.initial_state([2]), &xs);
    let mut state = cell.initial_state([2]);
    for i in 0..5 {
        state = cell.step(&state, xs.at(i).get());
        assert_eq!(difference(&state.hidden, &outputs.at(i).get(), 1e-6, 1e-6), None);
    }
    assert_eq!(difference(&last.memory, &state.memory, 1e-6, 1e-6), None);
}

#[test]
fn positions() {
    // A product of rotated vectors depends on the distance of their positions.
    let rotary = RotaryEmbedding::new(8).theta(100.0);
    let (a, b) = (fill(&[1, 1, 8], 1), fill(&[1, 1, 8], 2));
    let product = |i: i32, j: i32| (rotary.call(&a, [i]) * rotary.call(&b, [j])).sum().item::<f32>();
    assert!((product(3, 1) - product(12, 10)).abs() < 1e-4 && (product(3, 1) - product(3, 2)).abs() > 1e-3);
    // Sines and cosines alternate.
    let x = sinusoidal_positions(50, 6);
    let at = |i: usize, j: usize| x.at((i as isize, j as isize)).get().item::<f64>();
    for (i, j) in [(0, 0), (7, 2), (49, 5), (31, 3)] {
        let angle = i as f64 * 1e4f64.powf(-((j / 2 * 2) as f64) / 6.0);
        let expected = if j % 2 == 0 { angle.sin() } else { angle.cos() };
        assert!((at(i, j) - expected).abs() < 2e-5, "{i} {j}");
    }
}

/// The line of the caller, and both shapes.
#[test]
fn errors_name_both_shapes() {
    let key = || random::key(0);
    type Case = (Box<dyn Fn() -> Array + Send + Sync>, &'static [&'static str]);
    let cases: Vec<Case> = vec![
        (Box::new(move || Linear::new(key(), 3, 4).call(np::ones([2, 5]))), &["Linear", "f32[2,5]", "[3,4]"]),
        (Box::new(move || Conv::new(key(), 3, 4, [5]).call(np::ones([2, 9, 4]))), &["Conv", "f32[2,9,4]", "[5,3,4]"]),
        (Box::new(move || Conv::new(key(), 3, 4, [5, 5]).call(np::ones([9, 3]))), &["Conv", "f32[9,3]", "2 spatial"]),
        (Box::new(move || Conv::builder(3, 4, [5, 5]).strides([2]).build(key()).kernel), &["[5, 5]", "[2]"]),
        (Box::new(move || Conv::builder(3, 4, [5]).groups(2).build(key()).kernel), &["2 groups", "3 inputs"]),
        (Box::new(|| LayerNorm::new([2, 3]).call(np::ones([3, 2]))), &["LayerNorm", "[2,3]", "f32[3,2]"]),
        (Box::new(|| GroupNorm::new(3, 4).call(np::ones([3, 4]))), &["3 groups", "4 features"]),
        (Box::new(move || Embedding::new(key(), 5, 2).call(np::ones(2))), &["Embedding", "integers", "f32[2]"]),
        (
            Box::new(move || {
                LstmCell::new(key(), 3, 4).scan(&LstmCell::new(key(), 3, 4).initial_state(()), np::ones([5, 2])).1
            }),
            &["LstmCell", "f32[5,2]", "[3,16]"],
        ),
        (Box::new(|| RotaryEmbedding::new(4).call(np::ones([3, 2, 4]), [0, 1])), &["f32[3,2,4]", "i32[2]"]),
        (Box::new(move || MultiHeadAttention::new(key(), 6, 4).query.weight), &["4 heads", "6 features"]),
        (Box::new(|| Dropout::new(1.5).call(np::ones(2), None)), &["1.5"]),
        (Box::new(|| MaxPool::new([2], [2, 2]).call(np::ones([4, 1]))), &["MaxPool", "[2]", "[2, 2]"]),
    ];
    for (f, parts) in cases {
        let text = jit(f).try_call(()).expect_err("an error").to_string();
        assert!(parts.iter().all(|part| text.contains(part)), "{parts:?} in: {text}");
        assert!(text.contains(file!()), "{text}");
    }
}

/// Draws of builders: the dtype, the initializer, and no two parameters of one key.
#[test]
fn builders() {
    let layer = Linear::builder(3, 3).bias_init(initializers::normal(1.0)).weight_init(initializers::normal(1.0));
    let layer = layer.dtype(DType::F64).build(random::key(0));
    let bias = layer.bias.expect("a bias");
    assert_eq!((layer.weight.dtype(), bias.dtype()), (DType::F64, DType::F64));
    assert_ne!(floats(&layer.weight)[..3], floats(&bias)[..]);
    let mlp = Mlp::new(random::key(0), 4, 4, 4, 2);
    assert_ne!(floats(&mlp.layers[0].weight), floats(&mlp.layers[1].weight));
}
