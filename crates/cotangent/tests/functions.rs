//! Functions that can be transformed: of zero to eight arguments, by reference and by value in any mixture, generic,
//! boxed, and already transformed ones.

use std::sync::Arc;

use cotangent::{AllArgs, Func, Nth, Params, checkify, linear_transpose, numpy as np, prelude::*, try_jvp, try_vjp};

fn number(x: f32) -> Array {
    Array::scalar(x)
}

/// 1·a + 2·b + 3·c + …, so that the derivative with respect to each argument is its number.
macro_rules! weighted {
    ($($x:ident)*) => {{
        let terms = [$($x.clone()),*];
        terms.iter().enumerate().map(|(i, x)| x * (i + 1)).sum::<Array>()
    }};
}

/// Functions of every number of arguments, all by reference and all by value, under every transform.
#[test]
fn up_to_eight_arguments() {
    macro_rules! check {
        ($($x:ident)+; $last:literal) => {{
            let f = |$($x: &Array),+| weighted!($($x)+);
            let owned = |$($x: Array),+| weighted!($($x)+);
            $(let $x = number(2.0);)+
            let total: f32 = (1..=$last + 1).map(|i| 2.0 * i as f32).sum();
            assert_eq!(jit(f)($(&$x),+).item::<f32>(), total);
            assert_eq!(jit(owned)($($x.clone()),+).item::<f32>(), total);
            let last = grad(f).argnums(args!($last));
            assert_eq!(last($(&$x),+).item::<f32>(), ($last + 1) as f32);
            let (value, slope) = jit(value_and_grad(owned).argnums(args!($last)))($($x.clone()),+);
            assert_eq!((value.item::<f32>(), slope.item::<f32>()), (total, ($last + 1) as f32));
            let all = tree::leaves(&grad(f).argnums(AllArgs)($(&$x),+));
            assert!(all.iter().enumerate().all(|(i, g)| g.item::<f32>() == (i + 1) as f32));
            let (_, back) = vjp(f, ($(&$x,)+));
            assert_eq!(tree::leaves(&back(&number(1.0))).len(), $last + 1);
            let (y, dy) = jvp(f, ($(&$x,)+), ($(&$x,)+));
            assert_eq!((y.item::<f32>(), dy.item::<f32>()), (total, total));
            assert_eq!(linearize(owned, ($(&$x,)+)).1($($x.clone()),+).item::<f32>(), total);
            assert_eq!(tree::leaves(&linear_transpose(f, ($(&$x,)+))(&number(1.0)))[$last].item::<f32>(), ($last + 1) as f32);
            assert!(try_jvp(f, ($(&$x,)+), ($(&$x,)+)).is_ok() && try_vjp(f, ($(&$x,)+)).is_ok());
            assert_eq!(make_jaxpr(f)($(&$x),+).jaxpr.inputs().len(), $last + 1);
            assert_eq!(eval_shape(f)($(&$x),+).shape(), [0usize; 0]);
            assert_eq!(grad(checkpoint(f))($(&$x),+).item::<f32>(), 1.0);
            assert_eq!(jacfwd(f).argnums(args!($last))($(&$x),+).item::<f32>(), ($last + 1) as f32);
            assert_eq!(jacrev(f)($(&$x),+).item::<f32>(), 1.0);
            assert_eq!(hessian(f)($(&$x),+).item::<f32>(), 0.0);
            assert_eq!(checkify::checkify(f)($(&$x),+).1.item::<f32>(), total);
            $(let $x = np::full([3], 2.0f32);)+
            assert_eq!(vmap(f)($(&$x),+).to_vec::<f32>(), [total; 3]);
            assert_eq!(vmap(sequential_vmap(owned))($($x.clone()),+).to_vec::<f32>(), [total; 3]);
        }};
    }
    check!(a; 0);
    check!(a b; 1);
    check!(a b c; 2);
    check!(a b c d; 3);
    check!(a b c d e; 4);
    check!(a b c d e f; 5);
    check!(a b c d e f g; 6);
    check!(a b c d e f g h; 7);
}

#[test]
fn no_arguments() {
    let x = number(3.0);
    let f = || &x * 2.0;
    let jitted = jit(f);
    assert_eq!((jitted().item::<f32>(), jitted().item::<f32>()), (6.0, 6.0));
    assert_eq!(jitted.cache_report().traces, 1);
    assert_eq!(jitted.try_call(()).unwrap().item::<f32>(), 6.0);
    assert_eq!(make_jaxpr(f)().jaxpr.inputs().len(), 0);
    assert_eq!(eval_shape(f)().shape(), [0usize; 0]);
    assert_eq!(checkpoint(f)().item::<f32>(), 6.0);
    let (y, dy) = jvp(f, (), ());
    assert_eq!((y.item::<f32>(), dy.item::<f32>()), (6.0, 0.0));
    let (y, back) = vjp(f, ());
    assert_eq!(y.item::<f32>(), 6.0);
    let () = back(&number(1.0));
    let compiled = jit(f).lower(()).unwrap().compile().unwrap();
    assert_eq!(compiled().item::<f32>(), 6.0);
    // A derivative with respect to a captured array, inside a function without arguments.
    let inside = jit(|| grad(|y: &Array| y * y)(&x));
    assert_eq!(inside().item::<f32>(), 6.0);
}

#[test]
fn nothing_to_map_over_says_so() {
    let x = number(3.0);
    let error = vmap(|| x.sin()).try_call(()).unwrap_err();
    assert!(error.message().contains("vmap needs at least one argument with an axis to map over"), "{error}");
    // With an explicit size, the function is mapped: it returns an index for each element.
    let indices = vmap(|| lax::axis_index("i")).axis_name("i").axis_size(3);
    assert_eq!(indices().to_vec::<i32>(), [0, 1, 2]);
}

/// Each argument is taken by reference or by value, independently of the others.
#[test]
fn mixtures_of_references_and_values() {
    let f = jit(|a: Array, b: &Array, c: &(Array, Vec<Array>), d: f32, e: &Array, f: Array, g: &f64, h: Array| {
        assert_eq!((d, *g), (0.5, 0.25));
        a + b + &c.0 + &c.1[0] + e + f + h
    });
    let x = number(1.0);
    let pair = (x.clone(), vec![x.clone()]);
    assert_eq!(f(x.clone(), &x, &pair, 0.5, &x, x.clone(), &0.25, x.clone()).item::<f32>(), 7.0);
    type Mixed = (Own<Array>, Ref<Array>, Own<Array>, Ref<Array>, Own<Array>);
    let f: Jit<'static, Mixed, Array> = jit(|a: Array, b: &Array, c: Array, d: &Array, e: Array| a + b + c + d + e);
    assert_eq!(f(x.clone(), &x, x.clone(), &x, x.clone()).item::<f32>(), 5.0);
}

/// A string argument: `&str` is accepted as `&'static str`, which is a tree.
#[test]
fn texts_are_arguments() {
    let f = jit(|x: &Array, mode: &str| if mode == "sin" { x.sin() } else { x.cos() });
    let g = jit(|x: &Array, mode: &'static str, name: &String| if mode == name { x.sin() } else { x.cos() });
    let zero = number(0.0);
    assert_eq!((f(&zero, "sin").item::<f32>(), f(&zero, "cos").item::<f32>()), (0.0, 1.0));
    assert_eq!(g(&zero, "sin", &"sin".to_string()).item::<f32>(), 0.0);
}

/// Functions transformed inside generic functions, where the compiler knows only their bounds.
#[test]
fn generic_functions() {
    fn of_fn<'f>(f: impl Fn(&Array, Array) -> Array + Send + Sync + 'f) -> Grad<'f, (Ref<Array>, Own<Array>), Array> {
        grad(f)
    }
    fn of_three<T: Tree>(f: impl Fn(&T, &T, T) -> T + Send + Sync, x: &T) -> T {
        jit(f)(x, x, x.map(Array::clone))
    }
    fn of_func<'f, P: Params + Nth<0>, F: Func<'f, P, Out = Array>>(f: F) -> Jit<'f, P, Array>
    where
        cotangent::Arg<0>: cotangent::Argnums<P, Grads = Array>,
    {
        jit(grad(f))
    }
    let x = number(2.0);
    assert_eq!(of_fn(|x, y| x * y)(&x, number(3.0)).item::<f32>(), 3.0);
    assert_eq!(of_three(|x: &Array, y: &Array, z: Array| x + y + z, &x).item::<f32>(), 6.0);
    assert_eq!(of_func(|x: &Array, y: &Array| x * y)(&x, &number(3.0)).item::<f32>(), 3.0);
    assert_eq!(of_func(grad(|x: &Array| x.powi(3)))(&x).item::<f32>(), 12.0);
}

#[test]
fn boxed_and_shared_functions() {
    let x = number(2.0);
    let boxed: Box<dyn Fn(&Array) -> Array + Send + Sync> = Box::new(|x| x * x);
    let slope = grad(boxed);
    assert_eq!(slope(&x).item::<f32>(), 4.0);
    // `boxed` turns a transformed function into a closure, for code that expects an `Fn`.
    fn twice(f: impl Fn(&Array) -> Array, x: &Array) -> Array {
        f(&f(x))
    }
    assert_eq!(twice(jit(|x: &Array| x * x).boxed(), &x).item::<f32>(), 16.0);
    assert_eq!(twice(&*jit(|x: &Array| x * x), &x).item::<f32>(), 16.0);
    let shared: Arc<dyn Fn(&Array) -> Array + Send + Sync> = jit(|x: &Array| x * x).boxed().into();
    let other = shared.clone();
    let y = std::thread::spawn(move || other(&number(3.0)).item::<f32>()).join().unwrap();
    assert_eq!((y, shared(&x).item::<f32>()), (9.0, 4.0));
}

/// Any Rust number can be the right operand of an operator. It is weakly typed, as a Python number is in JAX.
#[test]
fn numbers_are_operands() {
    let (x, n) = (Array::from([1.0f32, 2.0]), 2usize);
    for y in [&x * 2.0f32, &x * n, &x * 2i64, &x * 2u32, &x * 2, &x * 2.0, &x * true * n] {
        assert_eq!((y.to_vec::<f32>(), y.dtype()), (vec![2.0, 4.0], DType::F32));
    }
    // A literal without a suffix is still an `f64` or an `i32` where its type is inferred.
    assert_eq!(((&x + 1.0).sqrt() - 1).shape(), [2]);
    let half = Array::from([1.0f64]).astype(DType::BF16);
    assert_eq!((half * 2.0f32).dtype(), DType::BF16);
    assert_eq!((Array::from([1u8, 255]) + 1usize).to_vec::<u8>(), [2, 0]);
}
