//! `nn`: activations, functions along axes, initializers and attention, against JAX; and laws that hold for all of
//! them.

use super::goldens_lib;

use cotangent::nn::{self, Attention, Distribution, Fan, Implementation, Initializer, Standardize, initializers};
use cotangent::prelude::*;
use cotangent::{Jaxpr, lax};
use goldens_lib::laws;
use goldens_lib::{array, difference, floats, golden, run_all};
use serde_json::Value;

/// The inputs of the stored cases: a formula of the shape and a number.
pub(crate) fn fill(shape: &[usize], number: usize) -> Array {
    let n: usize = shape.iter().product();
    let value = |i: usize| (((i * 37 + number * 101) % 199) as f64 - 99.0) / 99.0;
    let values: Vec<f32> = (0..n).map(|i| value(i) as f32).collect();
    Array::from_vec(values, shape).expect("a value for each element")
}

fn wide(shape: &[usize], number: usize) -> Array {
    let n: usize = shape.iter().product();
    let values: Vec<f64> = (0..n).map(|i| (((i * 37 + number * 101) % 199) as f64 - 99.0) / 99.0).collect();
    Array::from_vec(values, shape).expect("a value for each element")
}

/// The cases of a group of the golden file.
pub(crate) fn group(name: &str) -> Vec<Value> {
    golden("nn.json")[name].as_array().expect("a list").clone()
}

/// The sum of the products of a result with sines, whose gradients are stored.
fn total(y: &Array) -> Array {
    let n = y.size();
    let dtype = if y.dtype() == DType::F64 { DType::F64 } else { y.dtype() };
    (np::arange(n).astype(dtype).sin().reshape(y.shape().to_vec()) * y).sum()
}

/// Compares the outputs of a case, and its gradients by the inputs.
pub(crate) fn compare(
    case: &Value,
    inputs: &[Array],
    tolerance: f64,
    f: impl Fn(&[Array]) -> Vec<Array> + Send + Sync,
) -> Option<String> {
    let list = |name: &str| -> Vec<Array> { case[name].as_array().map_or(vec![], |a| a.iter().map(array).collect()) };
    let check = |what: &str, got: &[Array], wanted: &[Array]| {
        assert_eq!(got.len(), wanted.len(), "{what}");
        (got.iter().zip(wanted).enumerate()).find_map(|(i, (x, y))| {
            difference(x, y, tolerance, tolerance).map(|d| format!("{} {what} {i}: {d}", case["name"]))
        })
    };
    let inputs = inputs.to_vec();
    let outputs = check("output", &f(&inputs), &list("outputs"));
    if outputs.is_some() || case["grads"].is_null() {
        return outputs;
    }
    let loss = |inputs: &Vec<Array>| total(&f(inputs)[0]);
    check("gradient", &jit(grad(loss))(&inputs), &list("grads"))
}

/// Checks what JAX has not stored of a case: derivatives of all its results, and batches. Those of half precision are noise.
pub(crate) fn obeys_laws(
    case: &Value,
    inputs: &[Array],
    f: impl Fn(&[Array]) -> Vec<Array> + Send + Sync,
) -> Option<String> {
    let name = case["name"].as_str().expect("a name");
    if name.contains("f16") || inputs.is_empty() { None } else { laws::hold(name, inputs, f) }
}

/// A function by its name in the golden file.
type Named = (&'static str, fn(&Array) -> Array);

/// The activations.
const ACTIVATIONS: &[Named] = &[
    ("relu", |x| nn::relu(x)),
    ("relu6", |x| nn::relu6(x)),
    ("sigmoid", |x| nn::sigmoid(x)),
    ("log_sigmoid", |x| nn::log_sigmoid(x)),
    ("softplus", |x| nn::softplus(x)),
    ("tanh", |x| nn::tanh(x)),
    ("silu", |x| nn::silu(x)),
    ("swish", |x| nn::swish(x)),
    ("mish", |x| nn::mish(x)),
    ("soft_sign", |x| nn::soft_sign(x)),
    ("sparse_plus", |x| nn::sparse_plus(x)),
    ("sparse_sigmoid", |x| nn::sparse_sigmoid(x)),
    ("hard_sigmoid", |x| nn::hard_sigmoid(x)),
    ("hard_silu", |x| nn::hard_silu(x)),
    ("hard_swish", |x| nn::hard_swish(x)),
    ("hard_tanh", |x| nn::hard_tanh(x)),
    ("selu", |x| nn::selu(x)),
    ("elu", |x| nn::elu(x)),
    ("celu", |x| nn::celu(x)),
    ("leaky_relu", |x| nn::leaky_relu(x)),
    ("squareplus", |x| nn::squareplus(x)),
    ("gelu", |x| nn::gelu(x)),
    ("gelu_exact", |x| nn::gelu_exact(x)),
    ("identity", |x| nn::identity(x)),
    ("log1mexp", |x| nn::log1mexp(x)),
    ("elu_with", |x| nn::elu_with(x, 0.5)),
    ("celu_with", |x| nn::celu_with(x, 0.5)),
    ("leaky_relu_with", |x| nn::leaky_relu_with(x, 0.25)),
    ("squareplus_with", |x| nn::squareplus_with(x, 1.0)),
];

fn activation(name: &str) -> fn(&Array) -> Array {
    ACTIVATIONS.iter().find(|(n, _)| *n == name).unwrap_or_else(|| panic!("no activation {name}")).1
}

/// Where JAX is wrong, or where rounding decides: the activation, the order of the derivative, and the point.
fn excused(name: &str, order: usize, x: f64, got: f64, wanted: f64) -> bool {
    match (name, order) {
        // JAX's slopes at −∞ and NaN of products with a zero factor are NaN; a limit, or NaN, is right.
        _ if wanted.is_nan() && x.is_infinite() => got.is_finite() || got.is_nan(),
        // Overflow of exp(300) and of 300² in half precision, on the way to a finite slope.
        _ if wanted.is_nan() && x.abs() >= 60.0 => got.is_finite(),
        _ => false,
    }
}

#[test]
fn activations_equal_jax() {
    let points: Vec<f64> = group("points").iter().map(goldens_lib::float).collect();
    let mut failures = Vec::new();
    let cases = group("activations");
    assert_eq!(cases.len(), 4 * ACTIVATIONS.len());
    for case in &cases {
        let name = case["name"].as_str().expect("a name");
        let dtype = goldens_lib::dtype(&case["dtype"]);
        let (f, x) = (activation(name), Array::from(points.clone()).astype(dtype));
        let slope = vmap(grad(f));
        let tolerance = match dtype {
            DType::F64 => 1e-13,
            DType::F32 => 2e-6,
            DType::F16 => 4e-3,
            _ => 3e-2,
        };
        let mut results = vec![("value", jit(f)(&x)), ("slope", jit(slope)(&x))];
        if dtype == DType::F64 {
            results.push(("second", vmap(grad(grad(f)))(&x)));
        }
        for (order, (what, got)) in results.iter().enumerate() {
            let wanted: Vec<f64> = case[*what].as_array().expect("a list").iter().map(goldens_lib::float).collect();
            for ((x, got), wanted) in points.iter().zip(floats(got)).zip(wanted) {
                let near = got == wanted
                    || (got.is_nan() && wanted.is_nan())
                    || (got - wanted).abs() <= tolerance * wanted.abs().max(1.0);
                if !near && !excused(name, order, *x, got, wanted) {
                    failures.push(format!("{what} of {name} in {dtype} at {x}: {got}, JAX {wanted}"));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{} differences:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn activations_keep_dtypes_and_convert_integers() {
    for (name, f) in ACTIVATIONS {
        for dtype in [DType::F16, DType::BF16, DType::F32, DType::F64] {
            assert_eq!(f(&np::ones_as([2, 0], dtype)).aval().to_string(), format!("{dtype}[2,0]"), "{name}");
        }
        let of_integers = f(&Array::from([1, 2]));
        let expected = if matches!(*name, "relu" | "identity") { DType::I32 } else { DType::F32 };
        assert_eq!(of_integers.dtype(), expected, "{name}");
        // Outside a trace, one call is one program; inside, the value is the same.
        assert_eq!(
            jit(*f)(&Array::from([0.3f32])).to_vec::<f32>(),
            f(&Array::from([0.3f32])).to_vec::<f32>(),
            "{name}"
        );
    }
}

#[test]
fn functions_along_axes_equal_jax() {
    let cases = group("axes");
    let mask = Array::from((0..12).map(|i| i % 5 % 3 != 1).collect::<Vec<bool>>()).reshape([3, 4]);
    let rows = Array::from([[true], [false], [true]]);
    let none = mask.logical_and(&rows);
    run_all(&cases, |case| {
        let name = case["name"].as_str().expect("a name");
        let (f, dtype) = match name.split_once(' ') {
            Some((f, d)) if ["f64", "f32", "f16", "bf16"].contains(&d) => (f, goldens_lib::dtype(&d.into())),
            _ => (name, DType::F64),
        };
        let narrow = name != f;
        let x = wide(&[3, 4], 1);
        let x = if narrow { x.astype(dtype) * 3 } else { x };
        let tolerance = match dtype {
            DType::F64 => 1e-12,
            DType::F32 => 2e-6,
            DType::F16 => 5e-3,
            _ => 4e-2,
        };
        let one = |f: &(dyn Fn(&Array) -> Array + Send + Sync)| {
            let (x, f) = (std::slice::from_ref(&x), |x: &[Array]| vec![f(&x[0])]);
            compare(case, x, tolerance, f).or_else(|| obeys_laws(case, x, f))
        };
        match f {
            "softmax" => one(&|x| nn::softmax(x, -1)),
            "log_softmax" => one(&|x| nn::log_softmax(x, 0)),
            "standardize" => one(&|x| nn::standardize(x, -1)),
            "softmax all" => one(&|x| nn::softmax(x, ())),
            "softmax where" => one(&|x| nn::softmax_where(x, -1, &mask)),
            "softmax where none" => one(&|x| nn::softmax_where(x, -1, &none)),
            "log_softmax where" => one(&|x| nn::log_softmax_where(x, -1, &mask)),
            "softmax infinite" => {
                let (inf, nan) = (f64::INFINITY, f64::NAN);
                let x = [[1.0, -inf, 2.0], [inf, 0.0, 1.0], [-inf; 3], [nan, 0.0, 1.0]];
                compare(case, &[Array::from(x)], 1e-12, |x| vec![nn::softmax(&x[0], -1)])
            }
            "logmeanexp" => one(&|x| nn::logmeanexp(x)),
            "logmeanexp axis" => one(&|x| nn::logmeanexp_axis(x, 1)),
            "logmeanexp where" => one(&|x| nn::logmeanexp_where(x, 1, &mask)),
            "standardize axes" => one(&|x| nn::standardize(x, (0, 1))),
            "standardize given" => {
                let options = Standardize::new().mean(0.5).variance(2.0).epsilon(1e-3);
                one(&|x| nn::standardize_with(x, 0, &options))
            }
            "standardize where" => {
                let options = Standardize::new().mask(&mask).stable();
                one(&|x| nn::standardize_with(x, -1, &options))
            }
            "glu" => one(&|x| nn::glu(x, 1)),
            "one_hot" => compare(case, &[], 0.0, |_| vec![nn::one_hot(Array::from([0, 3, -1, 2, 1]), 3)]),
            "one_hot axis" => {
                let x = Array::from([[0, 1], [2, 1]]);
                compare(case, &[], 0.0, |_| vec![nn::one_hot_as(&x, 3, 1, DType::I32)])
            }
            "scaled_matmul" => compare(case, &[fill(&[2, 3, 4], 1), fill(&[2, 2, 4], 2)], 1e-6, |x| {
                vec![nn::scaled_matmul(&x[0], &x[1], fill(&[2, 3, 2], 3), fill(&[2, 2, 2], 4))]
            }),
            other => Some(format!("no function {other}")),
        }
    });
}

/// What JAX returns for each case is checked above; here is what it does not: everything empty, and masks of one row.
#[test]
fn functions_along_axes_at_the_edges() {
    for shape in [[0, 3], [3, 0]] {
        let (x, none) = (np::zeros(shape), np::full(shape, true));
        assert_eq!(nn::softmax(&x, -1).shape(), shape);
        assert_eq!(nn::log_softmax(&x, 0).shape(), shape);
        assert_eq!(nn::softmax_where(&x, -1, &none).shape(), shape);
        assert_eq!(nn::log_softmax_where(&x, -1, &none).shape(), shape);
        assert_eq!(nn::standardize(&x, -1).shape(), shape);
        assert_eq!(nn::one_hot(x.astype(DType::I32), 2).shape(), [shape[0], shape[1], 2]);
    }
    // One mask for all rows, and the second derivative of a row of which nothing is selected.
    let x = wide(&[2, 3], 1);
    let f = |x: &Array| nn::softmax_where(x, -1, Array::from([[true, true, false], [false; 3]])).powi(2).sum();
    let second = hessian(f)(&x);
    assert!(floats(&second).iter().all(|v| v.is_finite()) && floats(&second)[0] != 0.0);
    // Small indices count classes that they do not hold.
    let y = nn::one_hot(Array::from([3u8, 255]), 300);
    assert_eq!((y.sum().item::<f32>(), y.at((1, 255)).get().item::<f32>()), (2.0, 1.0));
}

/// The derivative is computed from the result alone: one array between the passes.
#[test]
fn softmax_keeps_its_result_only() {
    let x = np::zeros([8, 16]);
    let f = |x: &Array| nn::softmax(x, -1);
    let (_, linear) = linearize(f, (&x,));
    let text = format!("{linear:?}");
    let jaxpr = make_jaxpr(|x: &Array, t: &Array| jvp(f, (x,), (t,)).1)(&x, &x).to_string();
    assert_eq!(jaxpr.matches(" exp ").count(), 1, "{jaxpr}\n{text}");
}

fn bits(x: &Array) -> Vec<u64> {
    let x = if x.dtype() == DType::C64 { np::stack([x.real(), x.imag()], -1) } else { x.clone() };
    let words = x.bitcast(x.dtype().unsigned());
    words.astype(DType::U64).to_vec()
}

/// Draws equal JAX's up to two units in the last place; complex ones, to four.
#[test]
fn initializers_equal_jax() {
    let fan = |fan, distribution| initializers::variance_scaling(2.0, fan, distribution);
    let by_name = |name: &str| -> Initializer {
        match name {
            "zeros" => initializers::zeros(),
            "ones" => initializers::ones(),
            "constant" => initializers::constant(-7),
            "uniform" => initializers::uniform(1e-2),
            "normal" => initializers::normal(1e-2),
            "truncated_normal" => initializers::truncated_normal(0.5),
            "truncated_normal_in" => initializers::truncated_normal_in(0.5, -1.0, 0.5),
            "glorot_uniform" => initializers::glorot_uniform().into(),
            "glorot_normal" => initializers::glorot_normal().into(),
            "lecun_uniform" => initializers::lecun_uniform().into(),
            "lecun_normal" => initializers::lecun_normal().into(),
            "he_uniform" => initializers::he_uniform().into(),
            "he_normal" => initializers::he_normal().into(),
            "xavier_uniform" => initializers::xavier_uniform().into(),
            "xavier_normal" => initializers::xavier_normal().into(),
            "kaiming_uniform" => initializers::kaiming_uniform().into(),
            "kaiming_normal" => initializers::kaiming_normal().into(),
            "he_normal axes" => initializers::he_normal().in_axis(0).out_axes([1, 2]).into(),
            "he_normal batch" => initializers::he_normal().batch_axis(0).into(),
            "fan_out" => fan(Fan::Out, Distribution::Normal).into(),
            "orthogonal" => initializers::orthogonal(1.0, -1),
            "orthogonal tall" => initializers::orthogonal(0.5, 0),
            "delta_orthogonal" => initializers::delta_orthogonal(1.0, -1),
            "delta_orthogonal 2" => initializers::delta_orthogonal(2.0, -1),
            "fan_geo_avg" => fan(Fan::GeometricAverage, Distribution::Uniform).into(),
            other => panic!("no initializer {other}"),
        }
    };
    let cases = group("initializers");
    assert!(cases.len() > 40);
    run_all(&cases, |case| {
        let wanted = &case["output"];
        let dtype = goldens_lib::dtype(&wanted["dtype"]);
        let shape = goldens_lib::shape(&case["of"]);
        let init = by_name(case["name"].as_str().expect("a name"));
        let x = init.init_as(random::PRNGKey(7), shape.clone(), dtype);
        assert_eq!((x.shape(), x.dtype()), (&shape[..], dtype));
        let wanted: Vec<u64> = wanted["bits"].as_array()?.iter().map(|b| b.as_u64().expect("bits")).collect();
        let got = bits(&x);
        let sign = 1u64 << (if dtype.is_complex() { 32 } else { dtype.bits() } - 1);
        let rank = |b: u64| if b & sign == 0 { b as i64 } else { -((b & !sign) as i64) };
        let allowed = match dtype {
            // LAPACK's decomposition is in the dtype of the result.
            DType::F32 if case["name"].as_str()?.contains("orthogonal") => 64,
            DType::F64 => 64,
            DType::C64 => 16,
            _ => 2,
        };
        let far = got.iter().zip(&wanted).position(|(a, b)| (rank(*a) - rank(*b)).abs() > allowed);
        far.map(|i| format!("element {i}: {} instead of {}", got[i], wanted[i]))
    });
}

fn attention_inputs() -> [Array; 3] {
    [fill(&[2, 3, 4, 3], 1), fill(&[2, 5, 2, 3], 2), fill(&[2, 5, 2, 3], 3)]
}

#[test]
fn attention_equals_jax() {
    let (b, t, s, n) = (2, 3, 5, 4);
    let boolean = |count: usize, f: &dyn Fn(usize) -> bool| Array::from((0..count).map(f).collect::<Vec<bool>>());
    let mask = boolean(b * n * t * s, &|i| i % 7 % 3 != 1).reshape([b, n, t, s]);
    let none = boolean(t * s, &|i| i % 4 != 1 && i / s != 1).reshape([1, 1, t, s]);
    let [q, k, v] = attention_inputs();
    for how in [Implementation::Xla, Implementation::Blockwise] {
        run_all(&group("attention"), |case| {
            let name = case["name"].as_str().expect("a name");
            let new = || Attention::new().implementation(how);
            let mut inputs = vec![q.clone(), k.clone(), v.clone()];
            let mut tolerance = 3e-6;
            let options: Attention = match name {
                "plain" => new(),
                "causal" | "residual" => new().causal(),
                "scale" => new().scale(2.0),
                "window" => new().window(1, 2),
                "bias" | "bias one head" => {
                    inputs.push(fill(if name == "bias" { &[2, 4, 3, 5] } else { &[1, 1, 3, 5] }, 4));
                    new()
                }
                "mask" => new().mask(&mask),
                "mask none" => new().mask(&none),
                "lengths" => new().query_lengths([3, 2]).key_value_lengths([2, 5]),
                "all" => {
                    inputs.push(fill(&[2, 4, 3, 5], 4));
                    new().mask(&mask).scale(0.7).causal().window(2, 1).key_value_lengths([2, 5])
                }
                "unbatched" => {
                    inputs = inputs.iter().map(|x| x.at(0).get()).collect();
                    new()
                }
                "same heads" => {
                    inputs = vec![fill(&[1, 3, 2, 3], 1), fill(&[1, 5, 2, 3], 2), fill(&[1, 5, 2, 3], 3)];
                    new()
                }
                "dtype f16" => {
                    inputs = inputs.iter().map(|x| x.astype(DType::F16)).collect();
                    tolerance = 5e-3;
                    new().causal()
                }
                "dtype bf16" => {
                    inputs = inputs.iter().map(|x| x.astype(DType::BF16)).collect();
                    tolerance = 4e-2;
                    new().causal()
                }
                other => panic!("no case {other}"),
            };
            let options = |x: &[Array]| match x.get(3) {
                Some(bias) => options.clone().bias(bias),
                None => options.clone(),
            };
            let f = |x: &[Array]| match name {
                "residual" => {
                    let (y, sums) = nn::dot_product_attention_with_residual(&x[0], &x[1], &x[2], &options(x));
                    vec![y, sums]
                }
                _ => vec![nn::dot_product_attention(&x[0], &x[1], &x[2], &options(x))],
            };
            // As in JAX, the sums of the residual have no derivative.
            compare(case, &inputs, tolerance, f).or_else(|| obeys_laws(case, &inputs, |x| f(x)[..1].to_vec()))
        });
    }
}

/// Blocks of keys, the last one not full: values, gradients, second derivatives and batches equal those of the whole.
#[test]
fn blocks_equal_the_whole() {
    let key = |i: usize| random::fold_in(random::key(0), i);
    let (t, s) = (7, 1100);
    let draw = |i: usize, shape: [usize; 4]| random::normal_as(key(i), shape, DType::F64);
    let (q, k, v) = (draw(0, [2, t, 2, 3]), draw(1, [2, s, 1, 3]), draw(2, [2, s, 1, 3]));
    let bias = random::normal_as(key(3), [2, 1, s], DType::F64);
    let mask = random::bernoulli(key(4), 0.7, [t, s]);
    let options = |bias: &Array| {
        Attention::new().bias(bias).mask(&mask).window(5, 600).key_value_lengths(Array::from([1050, 40]))
    };
    let by = |how| {
        let options = &options;
        move |q: &Array, k: &Array, v: &Array, bias: &Array| {
            nn::dot_product_attention(q, k, v, &options(bias).implementation(how)).sin().sum()
        }
    };
    let near = |a: &Array, b: &Array| difference(a, b, 1e-9, 1e-11).map_or((), |d| panic!("{d}"));
    let all = args!(0, 1, 2, 3);
    let (whole, blocks) = (by(Implementation::Xla), by(Implementation::Blockwise));
    let (a, da) = jit(value_and_grad(whole).argnums(all))(&q, &k, &v, &bias);
    let (b, db) = jit(value_and_grad(blocks).argnums(args!(0, 1, 2, 3)))(&q, &k, &v, &bias);
    near(&b, &a);
    for (a, b) in tree::leaves(&da).iter().zip(&tree::leaves(&db)) {
        near(b, a);
    }
    // Forward mode, and a product with the Hessian, by forward over reverse.
    let tangent = |x: &Array, i: usize| random::normal_as(key(10 + i), x.shape().to_vec(), DType::F64);
    let (tq, tk) = (tangent(&q, 0), tangent(&k, 1));
    let product = |how| {
        let f = by(how);
        let slopes = |q: &Array, k: &Array| grad(&f).argnums(args!(0, 1))(q, k, &v, &bias);
        jvp(slopes, (&q, &k), (&tq, &tk))
    };
    let (a, b) = (tree::leaves(&product(Implementation::Xla)), tree::leaves(&product(Implementation::Blockwise)));
    for (a, b) in a.iter().zip(&b) {
        near(b, a);
    }
    let batched = |how| {
        let f = move |q: &Array| {
            let options = Attention::new().causal().implementation(how);
            nn::dot_product_attention(q, &k, &v, &options)
        };
        let batch = np::stack([&q, &(2.0 * &q)], 0);
        let together = vmap(&f)(&batch);
        near(&together.at(1).get(), &f(&(2.0 * &q)));
        together
    };
    near(&batched.clone()(Implementation::Blockwise), &batched(Implementation::Xla));
}

/// The number of elements of the largest array that a program computes, its inner programs included.
fn largest(jaxpr: &Jaxpr) -> usize {
    let text = jaxpr.to_string();
    let shapes = text.split(['[']).skip(1).filter_map(|rest| rest.split_once(']').map(|(dims, _)| dims));
    shapes
        .filter_map(|dims| dims.split(',').map(|n| n.trim().parse::<usize>().ok()).product::<Option<usize>>())
        .max()
        .expect("there are arrays")
}

/// With long sequences, no intermediate array of the value or the gradient has an element for each pair.
#[test]
fn memory_is_linear_in_the_length() {
    let f =
        |q: &Array, k: &Array, v: &Array| nn::dot_product_attention(q, k, v, &Attention::new().causal()).square().sum();
    let sizes = [2048, 4096, 8192].map(|n| {
        let x = Array::shape_dtype_struct([1, n, 2, 16], DType::F32);
        let gradient = make_jaxpr(grad(f).argnums(args!(0, 1, 2)))(&x, &x, &x);
        (n, largest(&gradient.jaxpr))
    });
    for (n, largest) in sizes {
        // One block of keys: 2 heads × n queries × 512 keys.
        assert!(largest <= 2 * n * 512, "{n}: {largest}");
    }
    assert_eq!(sizes[2].1, 2 * sizes[1].1);
}

#[test]
fn errors_name_both_shapes() {
    let message = |f: &(dyn Fn() -> Array + Send + Sync)| {
        let error = jit(f).try_call(()).expect_err("an error");
        assert!(error.to_string().contains(file!()), "{error}");
        error.to_string()
    };
    let x = |shape: &[usize]| np::zeros(shape.to_vec());
    let new = Attention::new;
    let cases: Vec<(String, &[&str])> = vec![
        (
            message(&|| nn::dot_product_attention(x(&[1, 2, 3, 4]), x(&[1, 5, 2, 4]), x(&[1, 5, 2, 4]), &new())),
            &["f32[1,2,3,4]", "f32[1,5,2,4]", "heads"],
        ),
        (
            message(&|| nn::dot_product_attention(x(&[1, 2, 3, 4]), x(&[1, 5, 3, 4]), x(&[1, 6, 3, 4]), &new())),
            &["f32[1,5,3,4]", "f32[1,6,3,4]", "same shape"],
        ),
        (
            message(&|| {
                nn::dot_product_attention(x(&[2, 3, 4]), x(&[5, 3, 4]), x(&[5, 3, 4]), &new().mask(x(&[2, 5])))
            }),
            &["boolean", "bias"],
        ),
        (
            message(&|| {
                nn::dot_product_attention(x(&[2, 3, 4]), x(&[5, 3, 4]), x(&[5, 3, 4]), &new().bias(x(&[3, 5])))
            }),
            &["f32[3,5]", "[1, 3, 2, 5]"],
        ),
        (message(&|| nn::glu(x(&[2, 3]), -1)), &["f32[2,3]", "even"]),
        (message(&|| nn::softmax_where(x(&[3]), 0, x(&[3]))), &["boolean", "f32[3]"]),
        (
            message(&|| nn::scaled_matmul(x(&[1, 2, 4]), x(&[1, 3, 4]), x(&[1, 2, 3]), x(&[1, 3, 3]))),
            &["f32[1,2,4]", "f32[1,2,3]"],
        ),
        (message(&|| initializers::he_normal().init(random::key(0), 3)), &["[3]", "in_axis"]),
    ];
    for (text, parts) in cases {
        assert!(parts.iter().all(|part| text.contains(part)), "{parts:?} in: {text}");
    }
}

/// An initializer may be drawn under `vmap` and `jit`, as for an ensemble.
#[test]
fn initializers_are_mapped_over_keys() {
    let keys = random::split(random::key(0), 3);
    let draw = |key: &Key| initializers::glorot_normal().init(key.clone(), [4, 2]);
    let all = jit(vmap(draw))(&keys);
    for i in 0..3 {
        assert_eq!(all.at(i as isize).get().to_vec::<f32>(), draw(&keys.at(i as isize)).to_vec::<f32>());
    }
    let _ = lax::map(draw, &keys);
}

/// The text between two quotes, the first of which precedes `text`, without its escapes; and what follows.
fn quoted(text: &str) -> (String, &str) {
    let mut out = String::new();
    let mut rest = text;
    loop {
        let c = rest.chars().next().expect("a closing quote");
        rest = &rest[c.len_utf8()..];
        match c {
            '"' => return (out, rest),
            '\\' if rest.starts_with("22") => {
                out.push('"');
                rest = &rest[2..];
            }
            '\\' => {
                out.push(rest.chars().next().expect("an escaped character"));
                rest = &rest[1..];
            }
            c => out.push(c),
        }
    }
}

/// The calls of cuDNN in a program are JAX's: targets, configurations, layouts and types.
#[test]
fn cudnn_is_called_as_by_jax() {
    let cases = group("cudnn");
    for pair in cases.chunks(2) {
        let name = pair[0]["name"].as_str().expect("a name");
        let dtype = if name.contains("f16") || name == "lengths causal" { DType::F16 } else { DType::BF16 };
        let like = |shape: &[usize]| Array::shape_dtype_struct(shape.to_vec(), dtype);
        let (q, k) = (like(&[2, 4, 4, 16]), like(&[2, 6, 2, 16]));
        let n = Array::shape_dtype_struct([2], DType::I32);
        let options = Attention::new().implementation(Implementation::Cudnn);
        let options = match name {
            "plain" => options,
            "causal f16" => options.causal(),
            "bias" => options.scale(0.5),
            "lengths" => options,
            "lengths causal" => options.causal(),
            "window" => options.causal().window(2, 0),
            other => panic!("no case {other}"),
        };
        let f = |q: &Array, k: &Array, v: &Array, lengths: &Vec<Array>, bias: &Vec<Array>| {
            let mut options = options.clone();
            if let [query, key] = &lengths[..] {
                options = options.query_lengths(query).key_value_lengths(key);
            }
            if let [bias] = &bias[..] {
                options = options.bias(bias);
            }
            nn::dot_product_attention(q, k, v, &options).astype(DType::F32).sum()
        };
        let lengths = if name.starts_with("lengths") { vec![n.clone(), n] } else { vec![] };
        let bias = if name == "bias" { vec![like(&[2, 4, 4, 6])] } else { vec![] };
        let slopes = jit(grad(f).argnums(args!(0, 1, 2, 4)));
        let program = slopes.lower((&q, &k, &k, &lengths, &bias)).expect("a program");
        let exported = program.export_for(cotangent::Platform::Cuda).expect("a program for a GPU");
        let text = exported.stablehlo();
        let calls: Vec<&str> = text.lines().filter(|line| line.contains("__cudnn")).collect();
        assert_eq!(calls.len(), 2, "{text}");
        for (call, wanted) in calls.iter().zip(pair) {
            let after = |key: &str| call.split_once(key).unwrap_or_else(|| panic!("{key} in {call}")).1;
            let config: Value = serde_json::from_str(&quoted(after("backend_config = \"")).0).expect("JSON");
            assert_eq!(config, wanted["config"], "{name}");
            assert_eq!(quoted(after("call_target_name = \"")).0, wanted["target"].as_str().expect("text"), "{name}");
            let types = call.rsplit_once("} : ").expect("types").1.split(" loc(").next().expect("types");
            assert_eq!(types, wanted["types"].as_str().expect("text"), "{name}");
            let layouts: Vec<Vec<u64>> = (call.split("dense<").skip(1))
                .map(|rest| {
                    let list = rest.split_once('>').expect("a layout").0.trim_matches(['[', ']']);
                    list.split(", ").map(|d| d.parse().expect("a dimension")).collect()
                })
                .collect();
            assert_eq!(serde_json::to_value(layouts).expect("JSON"), wanted["layouts"], "{name}");
        }
    }
}

/// Without a GPU, the same is computed as a whole: values, gradients and batches.
#[test]
fn cudnn_is_replaced_on_the_cpu() {
    let draw = |i: usize, shape: [usize; 4]| random::normal_as(random::fold_in(random::key(0), i), shape, DType::F16);
    let (q, k, v) = (draw(0, [2, 4, 4, 16]), draw(1, [2, 6, 2, 16]), draw(2, [2, 6, 2, 16]));
    let (bias, mask) = (draw(3, [2, 4, 4, 6]), random::bernoulli(random::key(1), 0.8, [4, 6]));
    let by = |how: Implementation| {
        let mask = mask.clone();
        move |q: &Array, k: &Array, v: &Array, bias: &Array| {
            let options = Attention::new().bias(bias).mask(&mask).key_value_lengths([6, 3]).implementation(how);
            nn::dot_product_attention(q, k, v, &options)
        }
    };
    let slopes = |how| {
        let f = by(how);
        let loss = move |q: &Array, k: &Array, v: &Array, bias: &Array| f(q, k, v, bias).astype(DType::F32).sin().sum();
        jit(grad(loss).argnums(args!(0, 1, 2, 3)))(&q, &k, &v, &bias)
    };
    let (whole, cudnn) = (by(Implementation::Xla), by(Implementation::Cudnn));
    let near = |a: &Array, b: &Array| assert_eq!(difference(a, b, 1e-2, 1e-2), None);
    near(&cudnn(&q, &k, &v, &bias), &whole(&q, &k, &v, &bias));
    let (a, b) = (slopes(Implementation::Cudnn), slopes(Implementation::Xla));
    for (a, b) in tree::leaves(&a).iter().zip(&tree::leaves(&b)) {
        near(a, b);
    }
    let two = np::stack([&q, &(0.5 * &q)], 0);
    let mapped = vmap(|q: &Array| cudnn(q, &k, &v, &bias))(&two);
    near(&mapped.at(1).get(), &whole(&(0.5 * &q), &k, &v, &bias));
    // What cuDNN does not take is an error that says so.
    let x = np::ones([1, 2, 1, 8]);
    let options = Attention::new().implementation(Implementation::Cudnn);
    let error = jit(|x: &Array| nn::dot_product_attention(x, x, x, &options)).try_call((&x,)).expect_err("an error");
    assert!(error.to_string().contains("f16 or bf16"), "{error}");
}

/// In `f64`, all digits are those of `f64`, whole and in blocks.
#[test]
fn attention_of_f64_is_exact() {
    let (q, k, v) = (wide(&[1, 3, 2, 4], 1), wide(&[1, 5, 2, 4], 2), wide(&[1, 5, 2, 4], 3));
    let weights = nn::softmax(np::einsum("btnh,bsnh->bnts", [&q, &k]) / 2.0, -1);
    let expected = np::einsum("bnts,bsnh->btnh", [&weights, &v]);
    for how in [Implementation::Xla, Implementation::Blockwise] {
        let y = nn::dot_product_attention(&q, &k, &v, &Attention::new().implementation(how));
        assert_eq!(difference(&y, &expected, 1e-14, 1e-15), None, "{how:?}");
    }
}

/// The memory of attention and of its gradient, beside that of its arguments, in bytes.
fn memory_of_attention(length: usize, implementation: Implementation) -> [i64; 2] {
    let options = Attention::new().causal().implementation(implementation);
    let attend = move |q: &Array, k: &Array, v: &Array| nn::dot_product_attention(q, k, v, &options).sum();
    let x = np::zeros([1, length, 2, 16]);
    let value = jit(attend.clone()).lower((&x, &x, &x)).unwrap().compile().unwrap().memory_analysis().unwrap();
    let slopes = jit(grad(attend).argnums(args!(0, 1, 2))).lower((&x, &x, &x)).unwrap().compile().unwrap();
    [value.temporary, slopes.memory_analysis().unwrap().temporary]
}

#[test]
fn the_memory_of_long_attention_is_linear() {
    let blocks = [2048, 4096].map(|length| memory_of_attention(length, Implementation::Auto));
    let whole = memory_of_attention(4096, Implementation::Xla);
    for i in 0..2 {
        assert!(blocks[1][i] < 3 * blocks[0][i], "{blocks:?}");
        assert!(5 * blocks[1][i] < whole[i], "{blocks:?} {whole:?}");
    }
}
