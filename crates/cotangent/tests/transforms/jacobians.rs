//! Jacobians and Hessians of arrays and trees, transposes of linear functions, abstract evaluation, and integer
//! arguments, against stored JAX results, and the error messages.

use super::goldens_lib;

use cotangent::prelude::*;
use cotangent::{eval_shape, linear_transpose};

type Pair = (Array, Array);

fn x() -> Array {
    Array::from(vec![0.5f64, -1.25, 2.0])
}

fn y() -> Array {
    Array::from(vec![1.5f64, 0.25])
}

fn p() -> Pair {
    (x(), y())
}

fn outer(x: &Array, y: &Array) -> Array {
    x.expand_dims(1) * y.expand_dims(0)
}

fn tree(p: &Pair) -> (Array, Vec<Array>) {
    (&p.0 * p.1.sum(), vec![outer(&p.0, &p.1), p.0.sin().sum()])
}

fn pair(x: &Array, y: &Array) -> Array {
    outer(&x.sin(), &y.powi(2))
}

fn scalar(p: &Pair) -> Array {
    p.0.sin().sum() * p.1.powi(3).sum() + p.0.powi(2).sum()
}

fn leaves(t: &impl Tree) -> Vec<Array> {
    let mut leaves = cotangent::tree::Leaves::new();
    t.leaves(&mut leaves);
    leaves.into_iter().cloned().collect()
}

macro_rules! first_order {
    ($jac:ident, $what:expr) => {
        Some(match $what {
            "tree" => leaves(&$jac(tree)(&p())),
            "pair" => leaves(&$jac(pair)(&x(), &y())),
            "pair 1" => leaves(&$jac(pair).argnums(args!(1))(&x(), &y())),
            "pair 0 1" => leaves(&$jac(pair).argnums(args!(0, 1))(&x(), &y())),
            "pair 1 0" => leaves(&$jac(pair).argnums(args!(1, 0))(&x(), &y())),
            "aux" => leaves(&$jac(|x: &Array| (x.powi(3), (x + 1.0, x.sum()))).has_aux()(&x())),
            "constant" => leaves(&$jac(|p: &Pair| (&p.0 * 2.0, Array::from(vec![1.0f64, 1.0])))(&p())),
            "vmap" => leaves(&vmap($jac(|x: &Array| x * x.sum()))(&np::stack(&[&x(), &(x() * 2.0)], 0))),
            _ => return None,
        })
    };
}

fn compute(name: &str) -> Option<Vec<Array>> {
    match name {
        "hessian tree" => return Some(leaves(&hessian(scalar)(&p()))),
        "hessian argnums" => {
            let f = |x: &Array, y: &Array| x.sin().sum() * y.powi(3).sum();
            return Some(leaves(&hessian(f).argnums(args!(0, 1))(&x(), &y())));
        }
        "hessian of a vector" => return Some(leaves(&hessian(|x: &Array| x.powi(3) * x.sum())(&x()))),
        "linear_transpose" => {
            let shapes = (Array::shape_dtype_struct([3], DType::F64), Array::shape_dtype_struct([2], DType::F64));
            let back = linear_transpose(|p: &Pair| (outer(&p.0, &y()), 2.0 * &p.1), (&shapes,));
            return Some(leaves(&back(&(outer(&np::ones_like(x()), &np::ones_like(y())), y())).0));
        }
        _ => {}
    }
    match name.split_once(' ')? {
        ("jacfwd", what) => first_order!(jacfwd, what),
        ("jacrev", what) => first_order!(jacrev, what),
        _ => None,
    }
}

#[test]
fn jacobians_equal_jax() {
    goldens_lib::named("derivatives", 20, 1e-13, 1e-14, compute);
}

#[derive(Clone, Tree)]
struct Line {
    slope: Array,
    offset: Array,
}

#[test]
fn a_struct_becomes_a_map_from_the_paths_of_its_leaves() {
    let line = Line { slope: 2.0.into(), offset: 1.0.into() };
    let at = |l: &Line| &l.slope * 3.0 + &l.offset;
    let slopes = jacrev(at)(&line);
    assert_eq!((slopes.slope.item::<f32>(), slopes.offset.item::<f32>()), (3.0, 1.0));
    let doubled = jit(jacfwd(|l: &Line| Line { slope: &l.slope * 2.0, offset: &l.slope * &l.offset }))(&line);
    let rows: Vec<(&str, f32, f32)> =
        doubled.iter().map(|(k, l)| (k.as_str(), l.slope.item::<f32>(), l.offset.item::<f32>())).collect();
    assert_eq!(rows, [(".offset", 1.0, 2.0), (".slope", 2.0, 0.0)]);
}

#[test]
fn integers_have_zeros_of_their_own_type() {
    let f = |(x, n): &Pair| (x * n).sum();
    let args = (Array::from(vec![1.0f32, 2.0]), Array::from(vec![3, 4]));
    let (dx, dn) = grad(f).allow_int()(&args);
    assert_eq!((dx.to_vec::<f32>(), dn.to_vec::<i32>()), (vec![3.0, 4.0], vec![0, 0]));
    let error = grad(f).try_call((&args,)).expect_err("an integer").to_string();
    assert!(error.contains("[0][1] is i32[2]") && error.contains(".allow_int()"), "{error}");
    let rows = jacfwd(|(x, n): &Pair| x * n).allow_int()(&args);
    assert_eq!(rows.0.to_vec::<f32>(), [3.0, 0.0, 0.0, 4.0]);
    assert_eq!((rows.1.shape(), rows.1.dtype()), (&[2, 2][..], DType::I32));
    let (dx, dn) = vjp(f, (&args,)).1(&1.0.into()).0;
    assert_eq!((dx.to_vec::<f32>(), dn.to_vec::<i32>()), (vec![3.0, 4.0], vec![0, 0]));
    // The tangent of an integer argument is ignored, whatever its value.
    let (_, dy) = jvp(f, (&args,), (&(args.0.clone(), args.1.clone()),));
    assert_eq!(dy.item::<f32>(), 11.0);
    let (_, df) = linearize(f, (&args,));
    assert_eq!(df(&args).item::<f32>(), 11.0);
}

#[test]
fn shapes_without_values() {
    let shapes = eval_shape(|x: &Array| Line { slope: x.sum_axis(0), offset: x.greater(0.0) });
    let line = shapes(&Array::shape_dtype_struct([2, 3], DType::BF16));
    assert_eq!((line.slope.shape(), line.slope.dtype()), (&[3][..], DType::BF16));
    assert_eq!((line.offset.shape(), line.offset.dtype()), (&[2, 3][..], DType::Bool));
    let misused = jit(|x: &Array| x + 1.0).try_call((&line.slope,)).expect_err("no value").to_string();
    assert!(misused.contains("only its shape and dtype are known"), "{misused}");
}

#[test]
fn what_is_not_linear_has_no_transpose() {
    let message = |f: fn(&Array) -> Array| {
        let outcome = jit(move |x: &Array| linear_transpose(f, (x,))(x).0).try_call((&x(),));
        outcome.expect_err("no transpose").to_string()
    };
    let sine = message(Array::sin);
    assert!(sine.contains("`sin` has no transpose rule"), "{sine}");
    let square = message(|x| x * x);
    assert!(square.contains("`mul` has no transpose rule"), "{square}");
}
