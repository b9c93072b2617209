//! smoke
use cotangent::prelude::*;

#[test]
fn notebook_basics() {
    let df = grad(|x: &Array| 3.0 * x + 1.0);
    assert_eq!(df(&4.0.into()).item::<f64>(), 3.0);
    let p = |x: &Array| 3.0 * x.powi(2) + 4.0 * x - 3.0;
    let dp = grad(p);
    assert_eq!(dp(&3.0.into()).item::<f64>(), 22.0);
    let mut x = Array::from(3.0);
    for _ in 0..200 {
        x -= dp(&x) * 0.01;
    }
    println!("{x}");
    assert!((x.item::<f64>() - -0.6666512489318848).abs() < 1e-6);
    let g = jit(grad(|x: &Array, y: &Array| x.sin() * y));
    println!("{}", g(&1.0.into(), &2.0.into()));
    let h = vmap(grad(|x: &Array| x.sin() * x));
    println!("{}", h(&Array::from([1.0f32, 2.0])));
    println!("{}", make_jaxpr(grad(p))((&2.0.into(),)).jaxpr);
    println!("{}", make_jaxpr(|x: &Array| jit(grad(p))(x).sin())((&2.0.into(),)).jaxpr);
    println!("{}", grad(|x: &Array| jit(grad(p))(x).sin())(&2.0.into()));
    println!("{}", vmap(grad(|x: &Array| jit(grad(p))(x).sin()))(&Array::from([2.0, 3.0])));
    // reading
    let r = grad(|x: &Array| if x.item::<f64>() > 0.0 { x * 2.0 } else { x * 3.0 });
    println!("{} {}", r(&1.0.into()), r(&Array::from(-1.0)));
    // confusion
    let c = grad(|x: &Array| x * grad(|_y: &Array| x * 1.0)(&1.0.into()));
    println!("{}", c(&3.0.into()));
    let n = grad(|x: &Array| x * grad(|y: &Array| x * y * y)(x));
    println!("{}", n(&3.0.into()));
    let (y, back) = vjp(|x: &Array, y: &Array| x * y, (&2.0.into(), &3.0.into()));
    println!("{y} {:?}", back(&1.0.into()));
    let e = jit(|x: &Array, y: &Array| x + y).try_call((&Array::from([1.0, 2.0]), &Array::from([1.0, 2.0, 3.0])));
    println!("{}", e.unwrap_err());
    let e = grad(|x: &Array| x * 2.0).try_call((&Array::from([1.0, 2.0]),));
    println!("{}", e.unwrap_err());
    let e = jit(|x: &Array| if x.item::<f64>() > 0.0 { x * 2.0 } else { x * 3.0 }).try_call((&1.0.into(),));
    println!("{}", e.unwrap_err());
}
