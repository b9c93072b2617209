//! Operands that differ: dimensions of size one, which elementwise primitives broadcast, and contractions of two
//! dtypes.

use cotangent::extend::primitives::{self, DotGeneral};
use cotangent::extend::{Primitive, bind_shared, bind1};
use cotangent::prelude::*;

use super::goldens_lib::difference;
use super::semantics::{panics, says};

#[track_caller]
fn alike(what: &str, got: &[Array], expected: &[Array], rtol: f64) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (i, (got, expected)) in got.iter().zip(expected).enumerate() {
        assert_eq!(difference(got, expected, rtol, rtol), None, "{what}, result {i}");
    }
}

/// Returns the values, the derivatives in both modes and the batches of a function of two arrays, with derivatives with
/// respect to the arguments that `smooth` selects.
fn everything(f: &(impl Fn(&Array, &Array) -> Array + Sync), x: &Array, y: &Array, smooth: [bool; 2]) -> Vec<Array> {
    let run = |x: &Array, y: &Array| -> Vec<Array> {
        let mut all = vec![f(x, y)];
        let weigh = |z: &Array| if z.dtype().is_complex() { z.real() + z.imag() } else { z.clone() };
        let sum = |x: &Array, y: &Array| (weigh(&f(x, y)).astype(DType::F64) * 0.3).sin().sum();
        if smooth[0] {
            all.push(jvp(|x: &Array| f(x, y), (x,), (x,)).1);
            all.push(vjp(|x: &Array| sum(x, y), (x,)).1(&Array::scalar(1.0f64)).0);
        }
        if smooth[1] {
            let slope = |y: &Array| vjp(|y: &Array| sum(x, y), (y,)).1(&Array::scalar(1.0f64)).0;
            all.push(slope(y));
            if !y.dtype().is_complex() && y.dtype().bits() > 16 {
                all.push(jvp(slope, (y,), (y,)).1);
            }
        }
        let two = |x: &Array, axis: isize| np::stack([x, x], axis);
        all.push(vmap(f).in_axes((0, None))(&two(x, 0), y));
        all.push(vmap(f).in_axes((None, 1))(x, &two(y, 1)));
        all.push(vmap(f).in_axes((1, 0)).out_axes(1)(&two(x, 1), &two(y, 0)));
        all
    };
    jit(run)(x, y)
}

#[test]
fn sizes_of_one_are_spread_by_elementwise_primitives() {
    use primitives::*;
    let float = |shape: [usize; 2], from: f64, dtype: DType| {
        let n = shape[0] * shape[1];
        (np::arange(n as i32).astype(DType::F64) * 0.21 + from).reshape(shape).astype(dtype)
    };
    type Case<'a> = (Box<dyn Primitive>, &'a [DType], [bool; 2]);
    let cases: Vec<Case<'_>> = {
        use DType::*;
        let (all, real): (&[DType], &[DType]) = (&[BF16, F32, C128], &[F32]);
        vec![
            (Box::new(Add), all, [true; 2]),
            (Box::new(Sub), all, [true; 2]),
            (Box::new(Mul), all, [true; 2]),
            (Box::new(Div), all, [true; 2]),
            (Box::new(Rem), real, [true; 2]),
            (Box::new(Max), real, [true; 2]),
            (Box::new(Min), real, [true; 2]),
            (Box::new(Atan2), real, [true; 2]),
            (Box::new(Pow), all, [true; 2]),
            (Box::new(NextAfter), real, [false; 2]),
            (Box::new(Zeta), &[F32], [false, true]),
            (Box::new(Polygamma), &[F64], [false, true]),
            (Box::new(primitives::Complex), &[F64], [true; 2]),
            (Box::new(And), &[I32, U8, Bool], [false; 2]),
            (Box::new(Or), &[I64], [false; 2]),
            (Box::new(Xor), &[U32], [false; 2]),
            (Box::new(ShiftLeft), &[I32], [false; 2]),
            (Box::new(MulHi), &[U32, I64], [false; 2]),
            (Box::new(Eq), &[F32, C64], [false; 2]),
            (Box::new(Lt), &[I16], [false; 2]),
            (Box::new(LeTo), &[F64], [false; 2]),
        ]
    };
    for (prim, dtypes, smooth) in cases {
        for dtype in dtypes {
            let (x, y) = (float([2, 1], 1.3, *dtype), float([1, 3], 1.5, *dtype));
            let prim = prim.to_arc();
            let bind = |x: &Array, y: &Array| bind_shared(prim.clone(), &[x, y]).swap_remove(0);
            let whole = |x: &Array, y: &Array| bind(&x.broadcast_to([2, 3]), &y.broadcast_to([2, 3]));
            let rtol = match dtype {
                DType::BF16 => 3e-2,
                DType::F32 | DType::C64 => 2e-6,
                _ => 1e-13,
            };
            let what = format!("{} of {dtype}", prim.name());
            alike(&what, &everything(&bind, &x, &y, smooth), &everything(&whole, &x, &y, smooth), rtol);
            // One operand of the full shape, and a scalar beside an operand of size one.
            let z = float([2, 3], 0.9, *dtype);
            alike(&what, &[bind(&z, &y), bind(&x, &z)], &[whole(&z, &y), whole(&x, &z)], rtol);
            let one = float([1, 1], 1.2, *dtype);
            alike(&what, &[bind(&one.reshape(()), &one)], &[bind(&one, &one)], rtol);
        }
    }
}

#[test]
fn the_program_of_jax_with_sizes_of_one_is_ours() {
    // jax.make_jaxpr(lambda x, b: x + b)(ones((2, 12, 12, 8)), ones((1, 1, 1, 8)))
    let (x, b) = (np::ones([2, 12, 12, 8]), np::ones([1, 1, 1, 8]));
    let add = |x: &Array, b: &Array| bind1(primitives::Add, &[x, b]);
    let text = make_jaxpr(add)(&x, &b).to_string();
    says(&text, &["a:f32[2,12,12,8] b:f32[1,1,1,8]", "c:f32[2,12,12,8] = add a b"]);
    let (dx, db) = grad(move |x: &Array, b: &Array| add(x, b).sum()).argnums(args!(0, 1))(&x, &b);
    assert_eq!((dx.shape(), db.to_vec::<f32>()), (&[2, 12, 12, 8][..], vec![288.0; 8]));
    // The residual of a product is the small operand.
    let product = |x: &Array, b: &Array| x * b;
    assert_eq!(make_jaxpr(product)(&x, &b).to_string().matches("broadcast").count(), 0);
    // `select_n` and `clamp` broadcast only scalars, as in JAX.
    let flags = x.greater(0.0);
    let text = panics(|| bind1(primitives::SelectN, &[&flags, &x, &b]));
    says(&text, &["select_n", "f32[2,12,12,8]", "f32[1,1,1,8]", "spread.rs"]);
    says(&panics(|| bind1(primitives::Clamp, &[&b, &x, &b])), &["clamp", "f32[2,12,12,8]", "f32[1,1,1,8]"]);
    says(&panics(|| bind1(primitives::Add, &[&x, &np::ones([1, 8])])), &["cannot be broadcast together", "f32[1,8]"]);
    says(
        &panics(|| bind1(primitives::Add, &[&x, &np::ones([1, 1, 1, 3])])),
        &["cannot be broadcast together", "f32[1,1,1,3]"],
    );
}

#[test]
fn contractions_of_two_dtypes() {
    let x = np::array([[1.5, -2.0, 0.25]]).astype(DType::BF16);
    let y = np::array([[2.0, 1.0], [0.5, -3.0], [4.0, 8.0]]);
    let product = DotGeneral::new([vec![1], vec![0]], [vec![], vec![]]);
    let dot = |x: &Array, y: &Array| bind1(product.clone(), &[x, y]);
    let z = dot(&x, &y);
    assert_eq!((z.dtype(), z.to_vec::<f32>()), (DType::F32, vec![3.0, 9.5]));
    // Derivatives have the dtypes of their operands.
    let (dx, dy) = grad(|x: &Array, y: &Array| dot(x, y).sum()).argnums(args!(0, 1))(&x, &y);
    assert_eq!((dx.dtype(), dx.to_vec::<f32>()), (DType::BF16, vec![3.0, -2.5, 12.0]));
    assert_eq!((dy.dtype(), dy.to_vec::<f32>()), (DType::F32, vec![1.5, 1.5, -2.0, -2.0, 0.25, 0.25]));
    // A batch of either operand or of both.
    let both = vmap(dot)(&np::stack([&x, &(&x * 2.0)], 0), &np::stack([&y, &y], 0));
    assert_eq!(both.to_vec::<f32>(), [3.0, 9.5, 6.0, 19.0]);
    assert_eq!(vmap(dot).in_axes((0, None))(&np::stack([&x, &x], 0), &y).to_vec::<f32>(), [3.0, 9.5, 3.0, 9.5]);
    // The gradient of the gradient.
    let square = |x: &Array, y: &Array| dot(x, y).square().sum();
    let bend = jvp(|x: &Array| grad(square)(x, &y), (&x,), (&x,)).1;
    assert_eq!(bend.to_vec::<f32>(), [31.0, -54.0, 176.0]);
    // Rounding to integers has no derivative; JAX sums in f32 and then converts to s32.
    let whole = product.clone().preferred_element_type(DType::I32);
    let (z, dz) = jvp(|y: &Array| bind1(whole.clone(), &[y, &y.t()]), (&y,), (&y,));
    assert_eq!((z.to_vec::<i32>(), dz.to_vec::<i32>()), (vec![5, -2, 16, -2, 9, -22, 16, -22, 80], vec![0; 9]));
    for (x, y, preferred, parts) in [
        (np::ones_as([2, 2], DType::I32), np::ones_as([2, 2], DType::I8), DType::I16, ["i16", "i32"]),
        (np::ones_as([2, 2], DType::C64), np::ones([2, 2]), DType::F32, ["f32", "c64"]),
        (np::ones_as([2, 2], DType::C128), np::ones([2, 2]), DType::C64, ["c64", "c128"]),
    ] {
        let wrong = product.clone().preferred_element_type(preferred);
        says(&panics(|| bind1(wrong, &[&x, &y])), &[&parts[..], &["preferred_element_type"]].concat());
    }
}
