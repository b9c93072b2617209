//! NaN search and checkify.

use cotangent::checkify::{check, checkify};
use cotangent::prelude::*;
use cotangent::{ErrorKind, custom_jvp, debug, lax};

/// Returns the line and the message of an error.
fn line(error: &Error) -> (u32, String) {
    let location = error.location().expect("a location");
    assert!(location.file().ends_with("checks.rs"), "{error}");
    (location.line(), error.message().to_string())
}

#[test]
fn the_first_nan_is_found() {
    let _scope = debug::nans(true);
    let zero = Array::scalar(0.0f32);
    // Forward mode, inside and outside a jitted function.
    let expected = line!() + 2;
    let f = |x: &Array| {
        let y = (x - 1.0).log();
        (y * 2.0).sin()
    };
    let (found, message) = line(&jit(f).try_call((&zero,)).unwrap_err());
    assert_eq!(found, expected, "{message}");
    assert!(message.contains("`log`, f32[]; its operands have none"), "{message}");
    let (found, _) = line(&vmap(f).try_call((&Array::from([2.0f32, 0.5]),)).unwrap_err());
    assert_eq!(found, expected);
    // A function without NaN.
    assert!(jit(f).try_call((&Array::scalar(2.0f32),)).is_ok());
    // Reverse mode: the value is finite, but the derivative of the square root is infinite, and its product with zero
    // is NaN.
    let root = |x: &Array| {
        let y = x * 0.0;
        y.sqrt() + 1.0
    };
    let here = line!() - 3;
    assert!(jit(root).try_call((&zero,)).is_ok());
    for error in [jit(grad(root)).try_call((&zero,)).unwrap_err(), grad(root).try_call((&zero,)).unwrap_err()] {
        let (found, message) = line(&error);
        assert!(found == here || found == here + 1, "{found} is not {here}: {message}");
    }
    // An argument that is NaN already.
    let error = jit(|x: &Array| x + 1.0).try_call((&Array::scalar(f32::NAN),)).unwrap_err();
    assert!(error.message().contains("an operand has one already"), "{error}");
}

#[test]
fn the_search_goes_into_nested_programs() {
    let _scope = debug::nans(true);
    let xs = Array::from([1.0f32, 2.0, -3.0, 4.0]);
    let looped = jit(|xs: &Array| {
        let step = |c: &Array, x: &Array| (c + x.log(), x * 2.0);
        lax::scan(step, 0.0, xs).0
    });
    let here = line!() - 3;
    let (found, message) = line(&looped.try_call((&xs,)).unwrap_err());
    assert_eq!(found, here);
    assert!(message.contains("at index 2 of the scan"), "{message}");
    let nested = jit(|x: &Array| {
        let inner = jit(|x: &Array| (x * 2.0).sqrt());
        inner(x) + 1.0
    });
    let here = line!() - 3;
    let (found, _) = line(&nested.try_call((&Array::scalar(-1.0f32),)).unwrap_err());
    assert_eq!(found, here);
    let branch = jit(|x: &Array| lax::cond(x.greater(0.0), || x.sqrt(), || x.log()));
    let (_, message) = line(&branch.try_call((&Array::scalar(-1.0f32),)).unwrap_err());
    assert!(message.contains("`log`") && message.contains("in branch 0"), "{message}");
    let turns =
        jit(|x: &Array| lax::while_loop(|x: &Array| x.less(10.0), |x: &Array| (x - 3.0).sqrt() + 3.0, x.clone()));
    let (_, message) = line(&turns.try_call((&Array::scalar(2.0f32),)).unwrap_err());
    assert!(message.contains("`sqrt`") && message.contains("in iteration 0 of the loop"), "{message}");
    // The search repeats no effects, and effects do not prevent it.
    use std::sync::atomic::{AtomicUsize, Ordering};
    static SEEN: AtomicUsize = AtomicUsize::new(0);
    let seen = jit(|x: &Array| {
        debug::callback(
            |_: &Array| {
                SEEN.fetch_add(1, Ordering::Relaxed);
            },
            x,
        );
        jit(|x: &Array| {
            debug::callback(
                |_: &Array| {
                    SEEN.fetch_add(1, Ordering::Relaxed);
                },
                x,
            );
            x.log()
        })(x)
    });
    let (_, message) = line(&seen.try_call((&Array::scalar(-1.0f32),)).unwrap_err());
    assert!(message.contains("`log`"), "{message}");
    assert_eq!(SEEN.load(Ordering::Relaxed), 2);
}

#[test]
fn the_scope_ends() {
    let f = jit(|x: &Array| x.log());
    let x = Array::scalar(-1.0f32);
    assert!(debug::check_nans(|| f.try_call((&x,))).is_err());
    assert!(f.try_call((&x,)).is_ok());
}

fn positive(x: &Array) -> Array {
    check(x.greater(0.0), "{} is not positive", x);
    x.log()
}

#[test]
fn checks_are_collected_through_every_transform() {
    let text = |err: &cotangent::checkify::Error| err.get().unwrap_or_default();
    let (good, bad) = (Array::scalar(2.0f32), Array::scalar(-2.0f32));
    let f = checkify(positive);
    assert!(f(&good).0.get().is_none());
    assert_eq!(f(&good).1.item::<f32>(), 2f32.ln());
    assert!(
        text(&f(&bad).0).starts_with("-2.0 is not positive\n  --> crates/cotangent/tests/system/checks.rs"),
        "{}",
        text(&f(&bad).0)
    );
    let f = jit(checkify(positive));
    assert!(f(&good).0.result().is_ok());
    let error = f(&bad).0.result().unwrap_err();
    // The message is the user's, so no page explains it.
    assert_eq!(error.code(), None);
    assert_eq!((error.message(), error.kind()), ("-2.0 is not positive", ErrorKind::Value));
    // A nested call, and its gradient.
    let f = jit(checkify(|x: &Array| jit(positive)(&(x + 1.0)) + positive(x)));
    assert!(text(&f(&bad).0).starts_with("-1.0 is"));
    let f = jit(checkify(grad(positive)));
    let (err, slope) = f(&good);
    assert!(err.get().is_none());
    assert_eq!(slope.item::<f32>(), 0.5);
    assert!(text(&f(&bad).0).starts_with("-2.0 is"));
    // The error is returned beside a value that is differentiated.
    let f = grad(|x: &Array| {
        let (err, y) = checkify(positive)(x);
        (y, err)
    });
    let (slope, err) = f(&bad);
    assert_eq!(slope.item::<f32>(), -0.5);
    assert!(text(&err).starts_with("-2.0 is"));
    // vmap inside and outside.
    let xs = Array::from([1.0f32, -2.0, 3.0, -4.0]);
    let f = checkify(vmap(positive));
    assert!(text(&f(&xs).0).starts_with("-2.0 is"));
    assert!(f(&Array::from([1.0f32, 2.0])).0.get().is_none());
    let f = jit(vmap(checkify(positive)));
    let err = text(&f(&xs).0);
    assert!(err.contains("at mapped index 1: -2.0 is") && err.contains("at mapped index 3: -4.0 is"), "{err}");
    assert!(!err.contains("index 0") && !err.contains("index 2"), "{err}");
    // Custom derivative rules.
    let ruled = custom_jvp(positive).defjvp(|(x,), (t,)| (positive(x), 10.0 * t));
    let f = checkify(grad(ruled));
    let (err, slope) = f(&bad);
    assert_eq!(slope.item::<f32>(), 10.0);
    assert!(text(&err).starts_with("-2.0 is"));
}

#[test]
fn checks_in_loops_and_branches() {
    let text = |err: &cotangent::checkify::Error| err.get().unwrap_or_default();
    let xs = Array::from([1.0f32, 2.0, -3.0, -4.0]);
    let summed = |xs: &Array| lax::scan(|c: &Array, x: &Array| (c + positive(x), x * 2.0), 0.0, xs);
    let f = jit(checkify(summed));
    assert!(text(&f(&xs).0).starts_with("-3.0 is"));
    let (err, (sum, doubled)) = f(&Array::from([1.0f32, 2.0, 3.0, 4.0]));
    assert!(err.get().is_none());
    assert!((sum.item::<f32>() - 24f32.ln()).abs() < 1e-5);
    assert_eq!(doubled.to_vec::<f32>(), [2.0, 4.0, 6.0, 8.0]);
    // The branch that is not selected is not checked.
    let chosen = |x: &Array| lax::cond(x.greater(0.0), || positive(x), || positive(&(x + 10.0)));
    let f = jit(checkify(chosen));
    assert!(f(&1.0.into()).0.get().is_none() && f(&Array::from(-1.0)).0.get().is_none());
    assert!(text(&f(&Array::from(-20.0)).0).starts_with("-10.0 is"));
    // The body and the condition of a loop.
    let down = |x: &Array| {
        lax::while_loop(
            |x: &Array| {
                check(x.less(100.0), "{} is too large to begin with", x);
                x.greater(-5.0)
            },
            |x: &Array| {
                check(x.greater(-3.0), "{} is too small", x);
                x - 1.0
            },
            x.clone(),
        )
    };
    let f = jit(checkify(down));
    let (err, last) = f(&2.0.into());
    assert!(text(&err).starts_with("-3.0 is too small"), "{}", text(&err));
    assert_eq!(last.item::<f32>(), -5.0);
    assert!(text(&f(&200.0.into()).0).starts_with("200.0 is too large"));
    assert!(f(&Array::from(-7.0)).0.get().is_none());
    // Mapped: each element has its own loop and branch, and so its own error.
    let ys = Array::from([1.0f32, -20.0, -1.0]);
    let err = text(&jit(vmap(checkify(chosen)))(&ys).0);
    assert!(err.starts_with("at mapped index 1: -10.0 is") && !err.contains("index 2"), "{err}");
    let error = checkify(vmap(chosen)).try_call((&ys,)).unwrap_err().to_string();
    assert!(error.contains("vmap(checkify(f))"), "{error}");
}

#[test]
fn what_is_checked_automatically() {
    let text = |err: &cotangent::checkify::Error| err.get().unwrap_or_default();
    let f = jit(checkify(|x: &Array| lax::scan(|c: &Array, x: &Array| (c + 1.0 / x, ()), 0.0, x).0).div_checks());
    let err = text(&f(&Array::from([1.0f32, 0.0])).0);
    assert!(err.starts_with("division by zero") && err.contains("checks.rs"), "{err}");
    assert!(f(&Array::from([1.0f32, 2.0])).0.get().is_none());
    let f = jit(checkify(|x: &Array| (x / 3.0).log().sum()).nan_checks());
    assert!(text(&f(&Array::from([1.0f32, -1.0])).0).starts_with("NaN (not a number) generated by `log`"));
    assert!(f(&Array::from([1.0f32, 2.0])).0.get().is_none());
    // The user's checks and the automatic ones are reported in program order.
    let f = jit(checkify(|x: &Array| positive(x) / (x * 0.0)).div_checks().nan_checks());
    assert!(text(&f(&Array::scalar(-1.0f32)).0).starts_with("-1.0 is not positive"));
    assert!(
        text(&f(&Array::scalar(1.0f32)).0).starts_with("NaN")
            || text(&f(&Array::scalar(1.0f32)).0).starts_with("division")
    );
}

#[test]
fn a_check_that_nobody_collects() {
    let x = Array::scalar(-1.0f32);
    let error = jit(positive).try_call((&x,)).unwrap_err();
    assert!(error.to_string().contains("must be inside `checkify`"), "{error}");
    assert!(error.location().is_some_and(|l| l.file().ends_with("checks.rs")));
    // On concrete values, a check is an assertion.
    let panicked = std::panic::catch_unwind(|| positive(&Array::scalar(-1.0f32)));
    let message = *panicked.unwrap_err().downcast::<String>().unwrap();
    assert!(message.starts_with("-1.0 is not positive"), "{message}");
    let _ = positive(&Array::scalar(1.0f32));
    // A predicate that is not a scalar `bool`.
    let error = checkify(|x: &Array| check(x.greater(0.0), "negative", ())).try_call((&Array::from([1.0f32]),));
    assert!(error.unwrap_err().to_string().contains("`.all()`"));
}
