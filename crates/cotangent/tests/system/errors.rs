//! Error messages about mistakes, and the state of the library afterward.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use cotangent::ErrorKind;
use cotangent::extend::bind1;
use cotangent::extend::primitives::{Add, Concatenate, Conj, DotGeneral, ReduceMax, Sin, Sort};
use cotangent::prelude::*;
use cotangent::scipy::special;
use cotangent::{fft, lax, random};

fn vector(n: usize) -> Array {
    Array::from(vec![1.0f32; n])
}

/// Asserts that the error has this kind and contains all these parts, that it ends with its code, and that the library
/// stays usable.
#[track_caller]
fn says(error: &Error, kind: ErrorKind, parts: &[&str]) {
    let text = error.to_string();
    let code = error.code().unwrap_or_else(|| panic!("no code:\n{text}"));
    assert!(text.ends_with(&format!("\n  more: cotangent explain {code}")), "{text}");
    for part in parts {
        assert!(text.contains(part), "no {part:?} in:\n{text}");
    }
    assert_eq!(error.kind(), kind, "{text}");
    still_works();
}

#[track_caller]
fn still_works() {
    assert_eq!((vector(1) + 1.0).item::<f32>(), 2.0);
    assert_eq!(jit(grad(|x: &Array| x * x))(&3.0.into()).item::<f32>(), 6.0);
}

/// Returns `file:line` in this file.
fn at(line: u32) -> String {
    format!("{}:{line}:", file!())
}

#[test]
fn shapes_that_do_not_fit_name_both_and_the_line() {
    let line = line!() + 1;
    let f = |x: &Array, y: &Array| x + y;
    let parts = ["[2]", "[3]", "broadcast", "help:", &at(line)];
    let (x, y) = (vector(2), vector(3));
    says(&jit(f).try_call((&x, &y)).unwrap_err(), ErrorKind::Shape, &parts);
    says(&grad(move |x: &Array, y: &Array| f(x, y).sum()).try_call((&x, &y)).unwrap_err(), ErrorKind::Shape, &parts);
    let (x, y) = (Array::from([[1.0f32, 2.0]]), Array::from([[1.0f32, 2.0, 3.0]]));
    says(&vmap(f).try_call((&x, &y)).unwrap_err(), ErrorKind::Shape, &parts);
    // Outside any transform, the error is a panic with the same message.
    let panic = catch_unwind(AssertUnwindSafe(|| f(&vector(2), &vector(3)))).unwrap_err();
    let text = panic.downcast_ref::<String>().unwrap();
    parts.iter().for_each(|part| assert!(text.contains(part), "no {part:?} in:\n{text}"));
    still_works();
}

#[test]
fn contractions_and_axes() {
    let matmul = |x: &Array, y: &Array| bind1(DotGeneral::new([vec![1], vec![0]], [vec![], vec![]]), &[x, y]);
    let (x, y) = (Array::from([[1.0f32, 2.0]]), Array::from([[1.0f32, 2.0]]));
    let line = line!() - 2;
    let error = jit(matmul).try_call((&x, &y)).unwrap_err();
    says(&error, ErrorKind::Shape, &["dot_general", "contracting", "f32[1,2]", &at(line)]);
    let error = jit(|x: &Array| bind1(ReduceMax { axes: vec![2] }, &[x])).try_call((&x,)).unwrap_err();
    says(&error, ErrorKind::Axis, &["reduce_max", "axis 2", "f32[1,2]", &at(line!() - 1)]);
    let error = jit(|x: &Array| x.moveaxis(5, 0)).try_call((&x,)).unwrap_err();
    says(&error, ErrorKind::Axis, &["axis 5", "rank 2", "help:", &at(line!() - 1)]);
    let error = jit(|x: &Array| x.reshape([3])).try_call((&x,)).unwrap_err();
    says(&error, ErrorKind::Shape, &["f32[1,2]", "2 elements", "[3]", &at(line!() - 1)]);
    let error = vmap(|x: &Array| x + 1.0).in_axes(3).try_call((&x,)).unwrap_err();
    says(&error, ErrorKind::Axis, &["vmap", "axis 3", "f32[1,2]", "help:", &at(line!() - 1)]);
    let error = vmap(|x: &Array, y: &Array| x + y).try_call((&vector(2), &vector(3))).unwrap_err();
    says(&error, ErrorKind::Shape, &["different sizes", "f32[2]", "f32[3]", "help:", &at(line!() - 1)]);
}

/// Functions of all libraries word the same mistake in the same way.
#[test]
fn the_same_mistake_has_the_same_sentence() {
    type Mistake = fn(&Array) -> Array;
    fn first(a: &(Array, Array), _: &(Array, Array)) -> (Array, Array) {
        a.clone()
    }
    let table: [(&str, ErrorKind, &[Mistake]); 10] = [
        (
            "axis 7 is out of bounds",
            ErrorKind::Axis,
            &[
                |x| np::sum_axis(x, 7),
                |x| np::take_axis(x, 0, 7),
                |x| bind1(ReduceMax { axes: vec![7] }, &[x]),
                |x| fft::Transform::new().axis(7).fft(x),
                |x| np::tensordot(x, x, ([7], [0])),
                |x| lax::cumlogsumexp(x, 7, false),
                |x| vmap(|x: &Array| x + 1.0).in_axes(7)(x),
                |x| vmap(|x: &Array| lax::all_gather_along(x, "i", 7, true)).axis_name("i")(x),
                |x| vmap(|x: &Array| lax::all_to_all(x, "i", 7, 0)).axis_name("i")(x),
            ],
        ),
        (
            "bound 7 is out of bounds for axis 1 of f32[1,2]",
            ErrorKind::Value,
            &[|x| lax::slice_in_dim(x, 0, 7, 1, 1), |x| lax::slice_in_dim(x, 7, 8, 1, 1)],
        ),
        (
            "axis 1 is repeated in [1, 1]",
            ErrorKind::Axis,
            &[
                |x| np::sum_axis(x, (1, -1)),
                |x| bind1(ReduceMax { axes: vec![1, 1] }, &[x]),
                |x| fft::Transform::new().axes([1, -1]).fft2(x),
            ],
        ),
        (
            "operands must have the same dtype, got f32[1,2] and i32[1,2]",
            ErrorKind::DType,
            &[
                |x| bind1(Add, &[x, &x.astype(DType::I32)]),
                |x| bind1(Concatenate { dimension: 0 }, &[x, &x.astype(DType::I32)]),
                |x| lax::conv_general_dilated(x, x.astype(DType::I32), &lax::Conv::new([], lax::Padding::Valid)),
            ],
        ),
        (
            "operands must have the same shape, got f32[1,2] and f32[2,1]",
            ErrorKind::Shape,
            &[
                |x| bind1(Sort { dimension: 0, is_stable: true, num_keys: 1 }, &[x, &x.t()]),
                |x| lax::reduce(&(x.clone(), x.t()), &(0.0.into(), 0.0.into()), first, 0).0,
            ],
        ),
        (
            "expected real numbers, got c64[1,2]",
            ErrorKind::DType,
            &[
                |x| np::hypot(x.complex(x), x),
                |x| np::signbit(x.complex(x)),
                |x| np::quantile_axis(x.complex(x), 0.5, 0),
                |x| special::ndtr(x.complex(x)),
                |x| fft::rfft(x.complex(x)),
            ],
        ),
        (
            "expected floating-point numbers, got i32[1,2]\n",
            ErrorKind::DType,
            &[|x| bind1(Sin, &[&x.astype(DType::I32)])],
        ),
        ("help: convert it with `.astype(DType::C64)`", ErrorKind::DType, &[|x| bind1(Conj, &[x])]),
        ("too many indices", ErrorKind::Axis, &[|x| x.get((0, 0, 0))]),
        (
            "indices must be integers",
            ErrorKind::DType,
            &[|x| np::take_axis(x, x, 0), |x| lax::dynamic_index_in_dim(x, x.sum(), 0)],
        ),
    ];
    let x = Array::from([[1.0f32, 2.0]]);
    for (sentence, kind, mistakes) in table {
        let mut code = None;
        for (i, mistake) in mistakes.iter().enumerate() {
            let error = jit(*mistake).try_call((&x,)).expect_err(&format!("{sentence}: {i}"));
            says(&error, kind, &[sentence, "errors.rs"]);
            assert_eq!(error.code(), *code.get_or_insert(error.code()), "{error}");
        }
    }
    let keys = jit(|x: &Array| random::key(0).at((0, 0)).data() + x).try_call((&x,)).unwrap_err();
    says(&keys, ErrorKind::Axis, &["too many indices"]);
}

#[test]
fn what_cannot_be_differentiated() {
    let error = grad(|x: &Array| x * 2.0).try_call((&vector(2),)).unwrap_err();
    says(&error, ErrorKind::Transform, &["grad", "scalar", "f32[2]", "help:", &at(line!() - 1)]);
    let error = grad(|x: &Array| x * 2.0).try_call((&Array::scalar(3i32),)).unwrap_err();
    says(&error, ErrorKind::Transform, &["grad", "floating-point", "i32[]", "help:", &at(line!() - 1)]);
    let error = grad(|x: &Array| x.astype(DType::I32)).try_call((&1.0.into(),)).unwrap_err();
    says(&error, ErrorKind::Transform, &["i32[]", "no derivative", "help:", &at(line!() - 1)]);
    let z = Array::scalar(num_complex::Complex::new(1.0f32, 2.0));
    let error = grad(|z: &Array| z * z).try_call((&z,)).unwrap_err();
    says(&error, ErrorKind::Transform, &["c64[]", "real", "help:", &at(line!() - 1)]);
    let wrong = catch_unwind(|| jvp(|x: &Array| x * 2.0, (&vector(2),), (&vector(3),)));
    let text = wrong.unwrap_err();
    let text = text.downcast_ref::<String>().unwrap();
    for part in ["jvp", "tangent", "f32[2]", "f32[3]", &at(line!() - 3)] {
        assert!(text.contains(part), "no {part:?} in:\n{text}");
    }
    still_works();
}

#[test]
fn a_traced_value_that_escapes() {
    let kept: Mutex<Option<Array>> = Mutex::new(None);
    let _ = jit(|x: &Array| {
        *kept.lock().unwrap() = Some(x * 2.0);
        x.clone()
    })(&vector(2));
    let escaped = kept.lock().unwrap().take().unwrap();
    let error = jit(|x: &Array| x + &escaped).try_call((&vector(2),)).unwrap_err();
    says(&error, ErrorKind::Trace, &["f32[2]", "returned", "help:", &at(line!() - 1)]);
    let error = escaped.try_to_vec::<f32>().unwrap_err();
    says(&error, ErrorKind::Trace, &["f32[2]", "returned", "help:"]);
    // A traced value returned from another function than its own.
    let error = jit(|_: &Array| escaped.clone()).try_call((&vector(2),)).unwrap_err();
    says(&error, ErrorKind::Trace, &["f32[2]", "returned"]);
    // A traced value passed to a transformed function after its trace has ended.
    let error = jit(|x: &Array| x * 2.0).try_call((&escaped,)).unwrap_err();
    says(&error, ErrorKind::Trace, &["traced"]);
}

#[test]
fn a_traced_value_on_another_thread() {
    let f = |x: &Array| {
        let line = line!() + 1;
        let use_it = || catch_unwind(AssertUnwindSafe(|| x * 2.0));
        let panic = std::thread::scope(|scope| scope.spawn(use_it).join()).unwrap().unwrap_err();
        let text = panic.downcast_ref::<String>().unwrap();
        assert!(text.contains("another thread") && text.contains(&at(line)), "{text}");
        x * 3.0
    };
    assert_eq!(jit(f)(&vector(1)).item::<f32>(), 3.0);
}

#[test]
fn a_panic_inside_a_traced_function() {
    let f = |x: &Array| -> Array {
        assert!(x.ndim() > 3, "my own mistake");
        x.clone()
    };
    for _ in 0..3 {
        says(&jit(f).try_call((&vector(2),)).unwrap_err(), ErrorKind::Panic, &["my own mistake"]);
        says(&grad(f).try_call((&1.0.into(),)).unwrap_err(), ErrorKind::Panic, &["my own mistake"]);
        says(&vmap(f).try_call((&vector(2),)).unwrap_err(), ErrorKind::Panic, &["my own mistake"]);
        says(&jit(grad(vmap(f))).try_call((&vector(2),)).unwrap_err(), ErrorKind::Panic, &["my own mistake"]);
        assert!(catch_unwind(|| jit(grad(f))(&1.0.into())).is_err());
        still_works();
    }
    // The same function object can be used again.
    let first = std::sync::atomic::AtomicBool::new(true);
    let g = jit(|x: &Array| {
        assert!(!first.swap(false, std::sync::atomic::Ordering::Relaxed), "only once");
        x * 2.0
    });
    says(&g.try_call((&vector(1),)).unwrap_err(), ErrorKind::Panic, &["only once"]);
    assert_eq!(g(&vector(1)).item::<f32>(), 2.0);
}

#[test]
fn reading_a_traced_value() {
    let f = |x: &Array| if x.item::<f64>() > 0.0 { x * x } else { -x };
    let line = line!() - 1;
    let parts = ["f32[]", "cannot be read", "help:", &at(line)];
    let error = jit(f).try_call((&1.0.into(),)).unwrap_err();
    says(&error, ErrorKind::Trace, &[&parts[..], &["under `jit`"]].concat());
    let error = vmap(f).try_call((&vector(2),)).unwrap_err();
    says(&error, ErrorKind::Trace, &[&parts[..], &["under `vmap`"]].concat());
    // Under transforms of concrete arrays, there is a value to read.
    let (plus, minus) = (Array::from(3.0), Array::from(-3.0));
    assert_eq!((grad(f)(&plus).item::<f32>(), grad(f)(&minus).item::<f32>()), (6.0, -1.0));
    assert_eq!((grad(grad(f))(&plus).item::<f32>(), grad(grad(f))(&minus).item::<f32>()), (2.0, 0.0));
    assert_eq!(jvp(f, (&plus,), (&1.0.into(),)).1.item::<f32>(), 6.0);
    assert_eq!(vjp(f, (&minus,)).1(&1.0.into()).0.item::<f32>(), -1.0);
    // An intermediate value, and one that depends on an outer variable.
    let g = |x: &Array| grad(|y: &Array| if (x * y).item::<f64>() > 0.0 { x * y * y } else { y.clone() })(x);
    assert_eq!((grad(g)(&plus).item::<f32>(), g(&plus).item::<f32>()), (12.0, 18.0));
    // Reading fails inside `jit`.
    says(&jit(grad(f)).try_call((&plus,)).unwrap_err(), ErrorKind::Trace, &parts);
    says(&grad(jit(f)).try_call((&plus,)).unwrap_err(), ErrorKind::Trace, &parts);
    says(&vmap(grad(f)).try_call((&vector(2),)).unwrap_err(), ErrorKind::Trace, &parts);
}

#[test]
fn not_a_number_and_nothing_at_all() {
    let nan = Array::from(vec![f32::NAN, 1.0]);
    let g = grad(|x: &Array| (x * x).sum())(&nan).to_vec::<f32>();
    assert!(g[0].is_nan() && g[1] == 2.0);
    for shape in [vec![0], vec![2, 0], vec![0, 3]] {
        let x = Array::from_vec(Vec::<f32>::new(), &shape).unwrap();
        assert_eq!((&x + 1.0).sin().shape(), shape);
        assert_eq!(x.sum().item::<f32>(), 0.0);
        assert_eq!(jit(grad(|x: &Array| x.exp().sum()))(&x).shape(), shape);
        assert_eq!(vmap(|x: &Array| x * 2.0)(&x).shape(), shape);
        assert_eq!(x.to_vec::<f32>(), Vec::<f32>::new());
    }
    let empty = Array::from_vec(Vec::<f32>::new(), [0]).unwrap();
    says(&empty.try_item::<f32>().unwrap_err(), ErrorKind::Shape, &["f32[0]", "one element", "help:"]);
    let halves = vector(2) / 2.0;
    says(&halves.try_to_vec::<i32>().unwrap_err(), ErrorKind::DType, &["f32", "0.5", "i32", "help:"]);
}
