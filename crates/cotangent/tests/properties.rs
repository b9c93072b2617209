//! Random programs: the transforms agree with each other and with numeric differences, in any composition.

use cotangent::extend::primitives::{CumSum, Pad, Sort};
use cotangent::extend::{bind, bind1, check};
use cotangent::{lax, prelude::*};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// One equation: the operation, and the values it applies to, counted from the last.
#[derive(Clone, Debug)]
struct Step {
    op: u8,
    a: usize,
    b: usize,
}

/// A program of one argument.
#[derive(Clone, Debug)]
struct Program {
    shape: Vec<usize>,
    steps: Vec<Step>,
    x: Vec<f64>,
    t: Vec<f64>,
}

fn program() -> impl Strategy<Value = Program> {
    let shape = prop_oneof![Just(vec![]), Just(vec![3]), Just(vec![2, 3]), Just(vec![1, 2]), Just(vec![2, 1, 2])];
    let step = (0u8..32, 0usize..4, 0usize..4).prop_map(|(op, a, b)| Step { op, a, b });
    (shape, prop::collection::vec(step, 1..=40)).prop_flat_map(|(shape, steps)| {
        let n: usize = shape.iter().product();
        let numbers = || prop::collection::vec((-150i32..150).prop_map(|v| f64::from(v) / 100.0 + 0.003), n);
        (Just(shape), Just(steps), numbers(), numbers()).prop_map(|(shape, steps, x, t)| Program { shape, steps, x, t })
    })
}

/// Returns both arrays in one shape, or as scalars if their shapes do not broadcast.
fn fitted(a: &Array, b: &Array) -> (Array, Array) {
    let goes = |a: &Array, b: &Array| {
        a.ndim() <= b.ndim() && a.shape().iter().rev().zip(b.shape().iter().rev()).all(|(m, n)| *m == 1 || m == n)
    };
    if goes(a, b) {
        (a.broadcast_to(b.shape()), b.clone())
    } else if goes(b, a) {
        (a.clone(), b.broadcast_to(a.shape()))
    } else {
        (a.sum(), b.sum())
    }
}

/// A logistic function with a custom derivative rule.
fn ruled(x: &Array) -> Array {
    let f = custom_jvp(|x: &Array| x.logistic());
    f.defjvp(|(x,), (t,)| (ruled(x), t * ruled(x) * (1.0 - ruled(x))))(x)
}

/// The function inside the wrappers of [`Step::wrapped`].
fn inside(a: &Array, b: &Array) -> Array {
    (a.sin() * 0.75 + b.tanh()) * 0.5
}

impl Step {
    /// Applies a step that nests one program in another, or its equivalent without nesting if `wraps` is false. Values
    /// and derivatives must be the same.
    fn wrapped(&self, a: &Array, b: &Array, wraps: bool) -> Option<Array> {
        let (p, q) = fitted(a, b);
        Some(match self.op {
            22 if wraps => jit(inside)(&p, &q),
            23 if wraps => checkpoint(inside)(&p, &q),
            22 | 23 => inside(&p, &q),
            24 if wraps => ruled(a),
            24 => a.logistic(),
            25 if wraps => lax::cond(a.sum().greater(0.0), || inside(&p, &q), || p.cos()),
            25 => np::where_(a.sum().greater(0.0), inside(&p, &q), p.cos()),
            26 if wraps => lax::fori_loop(0, 3, |_, c: &Array| inside(c, &q), p.clone()),
            26 => (0..3).fold(p, |c, _| inside(&c, &q)),
            // A loop with stacked results, from the last row to the first.
            27 if a.ndim() > 0 && wraps => {
                let start = Array::scalar(0.25f64).broadcast_to(&a.shape()[1..]);
                lax::Scan::new().reverse().run(|c: &Array, x: &Array| (inside(c, x), c * x), start, a).1
            }
            27 if a.ndim() > 0 => {
                let mut c = Array::scalar(0.25f64).broadcast_to(&a.shape()[1..]);
                let mut rows = Vec::new();
                for i in (0..a.shape()[0]).rev() {
                    let x = a.slice_axis(0, i, i + 1).reshape(&a.shape()[1..]);
                    rows.push((&c * &x).expand_dims(0));
                    c = inside(&c, &x);
                }
                rows.reverse();
                np::concatenate(&rows, 0)
            }
            28 if wraps => lax::switch(self.b as i32, &[&|| a.sin(), &|| a.atan(), &|| a * 0.5]),
            28 => [a.sin(), a.atan(), a * 0.5][self.b.min(2)].clone(),
            29 if wraps => vmap(inside)(&p.expand_dims(0), &q.expand_dims(0)).reshape(p.shape()),
            29 => inside(&p, &q),
            // A gradient inside the program.
            30 if wraps => grad(|x: &Array| x.sin().sum())(a),
            30 => a.cos(),
            31 if wraps => jvp(|x: &Array| x.tanh(), (a,), (&a.cos(),)).1,
            31 => a.cos() * (1.0 - a.tanh().square()),
            _ => return None,
        })
    }

    /// Returns the value of the step. All values stay bounded and smooth, apart from the kinks of `maximum` and similar
    /// functions, which random numbers do not hit.
    fn apply(&self, a: &Array, b: &Array, wraps: bool) -> Array {
        if let Some(value) = self.wrapped(a, b, wraps) {
            return value;
        }
        let last = a.ndim().wrapping_sub(1);
        let (p, q) = fitted(a, b);
        match self.op {
            0 => a.sin(),
            1 => a.tanh(),
            2 => (-a.square()).exp(),
            3 => (a.square() + 1.0).log(),
            4 => (a.square() + 0.5).sqrt(),
            5 => a.cos() * 1.5,
            6 => p + q,
            7 => p - q,
            8 => (p * q).tanh(),
            9 => p / (q.square() + 1.0),
            10 => a.logistic(),
            11 => p.maximum(&q),
            12 => np::where_(p.greater(&q), q * 0.5, p.sin()),
            13 => a.sum().tanh(),
            14 => a.t(),
            15 => a.reshape(a.size()),
            16 if a.ndim() == 2 => a.matmul(a.t()).tanh(),
            17 if a.ndim() > 0 => bind1(CumSum { axis: last, reverse: self.b.is_multiple_of(2) }, &[a]).tanh(),
            18 if a.ndim() > 0 => np::flip(a, last as isize),
            19 if a.ndim() > 0 && a.size() < 12 => np::concatenate(&[a, &a.atan()], 0),
            20 if a.ndim() > 0 => {
                let config = (0..a.ndim()).map(|d| if d == last { (1, -1, 0) } else { (0, 0, 0) }).collect();
                bind1(Pad { config }, &[a, &Array::scalar(0.25f64)])
            }
            21 if a.ndim() > 0 && self.b.is_multiple_of(2) => a.max_axis(0),
            21 if a.ndim() > 0 => bind(Sort { dimension: last, is_stable: true, num_keys: 1 }, &[a]).swap_remove(0),
            _ => a.powi(3).tanh(),
        }
    }
}

impl Program {
    fn run(&self, x: &Array) -> Array {
        self.run_with(x, true)
    }

    fn run_with(&self, x: &Array, wraps: bool) -> Array {
        let mut values = vec![x.clone()];
        for step in &self.steps {
            let pick = |i: usize| &values[values.len() - 1 - i % values.len()];
            let next = step.apply(pick(step.a), pick(step.b), wraps);
            values.push(next);
        }
        values.pop().expect("there is the argument")
    }

    fn objective(&self, x: &Array) -> Array {
        self.run(x).sin().sum()
    }

    fn array(&self, data: &[f64]) -> Array {
        Array::from_vec(data.to_vec(), &self.shape).expect("the data fill the shape")
    }
}

fn near(a: &Array, b: &Array, tolerance: f64, what: &str) -> Result<(), TestCaseError> {
    prop_assert_eq!(a.shape(), b.shape(), "{}", what);
    for (x, y) in a.to_vec::<f64>().into_iter().zip(b.to_vec::<f64>()) {
        let same = (x - y).abs() <= tolerance * (1.0 + x.abs().max(y.abs()));
        prop_assert!(same, "{what}: {a} and {b}");
    }
    Ok(())
}

fn inner(a: &Array, b: &Array) -> Array {
    (a * b).sum()
}

/// Checks every property of a program, staged as one program.
fn holds(program: &Program) -> Result<(), TestCaseError> {
    let (x, t) = (program.array(&program.x), program.array(&program.t));
    let f = |x: &Array| program.run(x);
    let s = |x: &Array| program.objective(x);
    const STEP: f64 = 1e-4;
    let results = jit(|x: &Array, t: &Array| {
        let y = f(x);
        let ct = y.cos();
        let (_, dy) = jvp(f, (x,), (t,));
        let (value, back) = vjp(f, (x,));
        let gradient = grad(s)(x);
        let plain = |x: &Array| program.run_with(x, false).sin().sum();
        let at = |c: f64| x + t * (c * STEP);
        let stack = |parts: [Array; 2]| np::stack(&parts, 0);
        let both = stack([at(-1.0), at(1.0)]);
        let slope = |y: &Array| {
            let part = |i: usize| y.slice_axis(0, i, i + 1).reshape(&y.shape()[1..]);
            (part(1) - part(0)) / (2.0 * STEP)
        };
        let (mapped, mapped_grad) = (vmap(f)(&both), vmap(grad(s))(&both));
        let along = |x: &Array| inner(&grad(s)(x), t);
        vec![
            // Pairs that must agree, exactly or within the error of a numeric difference.
            vec![y, value],
            vec![inner(&ct, &dy), inner(&back(&ct).0, t)],
            vec![inner(&gradient, t), jvp(s, (x,), (t,)).1],
            vec![mapped.clone(), stack([f(&at(-1.0)), f(&at(1.0))])],
            vec![mapped_grad.clone(), stack([grad(s)(&at(-1.0)), grad(s)(&at(1.0))])],
            vec![mapped_grad.clone(), grad(|m: &Array| vmap(s)(m).sum())(&both)],
            vec![jvp(grad(s), (x,), (t,)).1, grad(along)(x)],
            vec![program.run_with(x, false), f(x)],
            vec![grad(plain)(x), gradient],
            vec![jvp(grad(plain), (x,), (t,)).1, jvp(grad(s), (x,), (t,)).1],
            vec![grad(checkpoint(s))(x), grad(plain)(x)],
            vec![dy, slope(&mapped)],
            vec![grad(along)(x), slope(&mapped_grad)],
        ]
    })
    .try_call((&x, &t))
    .map_err(|e| TestCaseError::fail(e.to_string()))?;
    let names = [
        "jvp and vjp: value",
        "inner product of jvp and vjp",
        "grad and jvp",
        "vmap and loop",
        "vmap of grad and loop",
        "grad of vmap",
        "forward over reverse and reverse over reverse",
        "loops, choices and rules change no value",
        "loops, choices and rules change no gradient",
        "loops, choices and rules change no second derivative",
        "checkpoint changes no gradient",
        "jvp and differences",
        "second order and differences",
    ];
    // The error of a difference with this step is the step's square times the third derivative, which products can make
    // large. Programs with possible kinks are left out, because a kink may lie within the step.
    let kinks = program.steps.iter().any(|s| matches!(s.op, 11 | 12 | 21 | 25));
    for (i, (pair, name)) in results.iter().zip(names).enumerate() {
        if i < 11 {
            near(&pair[0], &pair[1], 1e-9, name)?;
        } else if !kinks {
            near(&pair[0], &pair[1], 1e-4, name)?;
        }
    }
    // Evaluation equation by equation returns the same value.
    near(&f(&x), &results[0][0], 1e-11, "jit")?;
    let batch = vmap(f).in_axes(0);
    for (what, jaxpr) in [
        ("the program", make_jaxpr(f)(&x).jaxpr),
        ("its gradient", make_jaxpr(grad(s))(&x).jaxpr),
        ("its jvp", make_jaxpr(|x: &Array, t: &Array| jvp(f, (x,), (t,)))(&x, &t).jaxpr),
        ("its batch", make_jaxpr(batch)(&x.broadcast_to([&[2], x.shape()].concat())).jaxpr),
    ] {
        check(&jaxpr).map_err(|e| TestCaseError::fail(format!("{what}: {e}")))?;
    }
    Ok(())
}

/// Generates the same programs in every run for a seed. A failure shrinks to a minimal program.
fn random_programs_agree(seed: u8) {
    let config = Config { cases: 9, max_shrink_iters: 200, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]));
    let run = |program: Program| {
        let failed = |e| match e {
            TestCaseError::Fail(why) => {
                let jaxpr = make_jaxpr(|x: &Array| program.run(x))(&program.array(&program.x));
                TestCaseError::fail(format!("{why}\n{jaxpr}\nto run it alone, give the program below to `holds`"))
            }
            rejected => rejected,
        };
        holds(&program).map_err(failed)
    };
    runner.run(&program(), run).unwrap_or_else(|e| panic!("{e}"));
}

// Two halves that run in parallel: compilation takes nearly all of the time.

#[test]
fn transforms_of_random_programs_agree() {
    random_programs_agree(7);
}

#[test]
fn transforms_of_more_random_programs_agree() {
    random_programs_agree(8);
}

/// The compiler vectorizes by shape; an elementwise function must not depend on the shape.
#[test]
fn elementwise_functions_do_not_depend_on_the_shape() {
    type Case = (&'static str, fn(&Array) -> Array, fn(f64) -> f64);
    let functions: [Case; 20] = [
        ("sin", |x| x.sin(), f64::sin),
        ("cos", |x| x.cos(), f64::cos),
        ("tan", |x| x.tan(), f64::tan),
        ("asin", |x| (x / 10.0).asin(), |v| (v / 10.0).asin()),
        ("acos", |x| (x / 10.0).acos(), |v| (v / 10.0).acos()),
        ("atan", |x| x.atan(), f64::atan),
        ("atan2 by a number", |x| x.atan2(2.0), |v| v.atan2(2.0)),
        ("atan2 of a number", |x| Array::from(2.0).atan2(x), |v| 2.0f64.atan2(v)),
        ("sinh", |x| x.sinh(), f64::sinh),
        ("cosh", |x| x.cosh(), f64::cosh),
        ("tanh", |x| x.tanh(), f64::tanh),
        ("asinh", |x| x.asinh(), f64::asinh),
        ("exp", |x| x.exp(), f64::exp),
        ("expm1", |x| x.expm1(), f64::exp_m1),
        ("log", |x| x.log(), f64::ln),
        ("log1p", |x| x.log1p(), f64::ln_1p),
        ("pow by a number", |x| x.pow(1.5), |v| v.powf(1.5)),
        ("pow of a number", |x| Array::from(1.5).pow(x), |v| 1.5f64.powf(v)),
        ("cbrt", |x| x.cbrt(), f64::cbrt),
        ("rem by a number", |x| x % 0.7, |v| v % 0.7),
    ];
    let mut failures = Vec::new();
    let shapes: [&[usize]; 12] =
        [&[1], &[4], &[5], &[8], &[16], &[2, 3], &[4, 2], &[2, 4], &[4, 1, 2], &[4, 4], &[8, 8], &[33]];
    for (shape, dtype) in shapes.into_iter().flat_map(|s| [(s, DType::F64), (s, DType::F32)]) {
        let n: usize = shape.iter().product();
        let data: Vec<f64> = (0..n).map(|i| 0.137 + i as f64 / 8.0).collect();
        let x = Array::from_vec(data.clone(), shape).unwrap();
        let results = jit(|x: &Array| {
            let x = x.astype(dtype);
            functions.iter().map(|(_, f, _)| f(&x).astype(DType::F64)).collect::<Vec<_>>()
        })(&x);
        let tolerance = if dtype == DType::F64 { 1e-12 } else { 1e-3 };
        for ((name, _, host), got) in functions.iter().zip(&results) {
            for (v, got) in data.iter().zip(got.to_vec::<f64>()) {
                let expected = host(*v);
                // The comparison is false for NaN.
                let near = (got - expected).abs() <= tolerance * (1.0 + expected.abs());
                let pole = *name == "tan" && expected.abs() > 5.0 && dtype == DType::F32;
                let jump = *name == "rem by a number" && !(1e-3..=0.699).contains(&expected);
                if !near && !pole && !jump {
                    failures.push(format!("{name} of {v} in {dtype}{shape:?}: {got}, expected {expected}"));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{} elements:\n{}", failures.len(), failures.join("\n"));
}
