//! Typical first programs of a JAX user, written in Rust: dtypes of literals, axes, lists, keys, and error messages.

use std::panic::{AssertUnwindSafe, catch_unwind};

use cotangent::ErrorKind;
use cotangent::numpy::{Ellipsis, NewAxis};
use cotangent::prelude::*;
use cotangent::{try_jvp, try_linear_transpose, try_linearize, try_vjp};
use half::bf16;
use num_complex::Complex;

use crate::goldens_lib::difference;

/// Returns the message of a panic.
#[track_caller]
pub(super) fn panics<R>(f: impl FnOnce() -> R) -> String {
    let Err(payload) = catch_unwind(AssertUnwindSafe(f)) else { panic!("no panic") };
    payload.downcast_ref::<String>().cloned().expect("a message")
}

#[track_caller]
pub(super) fn says(text: &str, parts: &[&str]) {
    parts.iter().for_each(|part| assert!(text.contains(part), "no {part:?} in:\n{text}"));
}

#[test]
fn literals_have_the_default_types_of_jax() {
    let types = |arrays: &[Array]| arrays.iter().map(|x| x.aval().to_string()).collect::<Vec<_>>();
    let literals = [
        np::array([0.1, -0.2]),
        np::array([[1, 2], [3, 4]]),
        np::array(vec![vec![1.0, 2.0]; 3]),
        np::array([true, false]),
        np::array([Complex::new(1.0, 2.0)]),
        np::array([1usize, 2]),
        np::array(&[1i64, 2][..]),
        np::array([1u64]),
        np::array([bf16::ONE]),
        np::array([1u8]),
        np::array(&vec![[[0.5f64; 2]; 3]; 4]),
        np::array(2.5),
        np::array([[0.0; 0]; 2]),
        np::full(2, 0.1),
        np::linspace(0.0, 1.0, 3),
        np::arange(3),
    ];
    assert_eq!(
        types(&literals),
        [
            "f32[2]",
            "i32[2,2]",
            "f32[3,2]",
            "bool[2]",
            "c64[1]",
            "i32[2]",
            "i32[2]",
            "u32[1]",
            "bf16[1]",
            "u8[1]",
            "f32[4,3,2]",
            "f32[]",
            "f32[2,0]",
            "f32[2]",
            "f32[3]",
            "i32[3]"
        ]
    );
    assert!(np::array(2.5).weak_type() && !np::array([2.5]).weak_type());
    // Constructors that keep the dtype of the list.
    let kept = [
        Array::from(vec![0.1, -0.2]),
        Array::from([0.1, -0.2]),
        Array::from([1i64]),
        np::array_as([0.1], DType::F64),
        np::array_as([1], DType::BF16),
    ];
    assert_eq!(types(&kept), ["f64[2]", "f64[2]", "i64[1]", "f64[1]", "bf16[1]"]);
    assert_eq!(np::array_as([[0.1], [0.7]], DType::F64).to_vec::<f64>(), [0.1, 0.7]);
    assert_eq!(np::array_as([5_000_000_000usize], DType::I64).to_vec::<i64>(), [5_000_000_000]);
    // Arrays are stacked, traced ones too, and promoted to a common dtype.
    let f = |x: &Array| np::array([[x.sin(), x.cos()], [x * 2.0, Array::from(1)]]);
    assert_eq!(jacfwd(f)(&0.0.into()).to_vec::<f32>(), [1.0, 0.0, 2.0, 0.0]);
    assert_eq!(types(&[np::array(&[np::ones(3), np::zeros(3)])]), ["f32[2,3]"]);
    // Errors say what was wrong, and where.
    let line = format!("semantics.rs:{}", line!() + 1);
    let text = panics(|| np::array(vec![vec![1.0, 2.0], vec![3.0]]));
    says(&text, &["lists at the same depth have 2 and 1", &line]);
    says(&panics(|| np::array([5_000_000_000i64])), &["5000000000", "i32", "array_as"]);
    says(&panics(|| np::array([usize::MAX])), &["i32"]);
}

#[test]
fn values_are_read_as_types_that_hold_them() {
    let f32s = np::array([0.5, 0.1]);
    assert_eq!(f32s.to_vec::<f64>(), [0.5, f64::from(0.1f32)]);
    assert_eq!(f32s.at(1).get().item::<f64>(), f64::from(0.1f32));
    assert_eq!(Array::from([bf16::from_f32(1.5)]).to_vec::<f32>(), [1.5]);
    assert_eq!(np::array([3, -1]).to_vec::<f64>(), [3.0, -1.0]);
    assert_eq!(np::array([3, 1]).to_vec::<usize>(), [3, 1]);
    assert_eq!(np::array([1.0, 2.0]).to_vec::<i32>(), [1, 2]);
    assert_eq!(np::array([0.5]).to_vec::<Complex<f32>>(), [Complex::new(0.5, 0.0)]);
    assert_eq!(np::array([true, false]).to_vec::<f32>(), [1.0, 0.0]);
    assert_eq!(Array::from([u64::MAX]).to_vec::<u64>(), [u64::MAX]);
    let e = |x: Result<Vec<f32>>| x.unwrap_err();
    let wrong: [(Error, &[&str]); 4] = [
        (e(Array::from(vec![0.1f64]).try_to_vec()), &["f64[1]", "f32", ".astype(DType::F32)"]),
        (e(Array::from(vec![16_777_217]).try_to_vec()), &["16777217", "f32"]),
        (np::array([Complex::new(1.0, 0.0)]).try_to_vec::<f64>().unwrap_err(), &["c64", ".real()"]),
        (np::array([1.0, 2.5]).try_to_vec::<i32>().unwrap_err(), &["2.5", "i32", ".astype(DType::I32)"]),
    ];
    for (error, parts) in &wrong {
        says(&error.to_string(), parts);
        assert_eq!(error.kind(), ErrorKind::DType);
    }
    // `item` follows the same rule.
    assert!(Array::scalar(0.1f64).try_item::<f32>().is_err());
    assert!(np::array([f32::NAN]).try_item::<i32>().is_err());
    assert!(np::array([-1]).try_item::<u8>().is_err());
    assert!(np::array([300]).try_item::<u8>().is_err());
    assert!(np::array([2]).try_item::<bool>().is_err());
    assert!(Array::from([i64::MAX]).try_item::<f64>().is_err());
    assert_eq!(Array::from([1i64 << 60]).item::<f64>(), (1i64 << 60) as f64);
    assert_eq!(np::array([200]).item::<u8>(), 200);
    // A number keeps its digits until it meets a dtype.
    assert_eq!(Array::from(0.1).item::<f64>(), 0.1);
    assert_eq!(Array::from(0.1).to_vec::<f64>(), [0.1]);
}

#[test]
fn bytes_of_every_dtype() {
    for dtype in DType::ALL {
        let x = if dtype == DType::Bool {
            np::array([[true], [false], [true]])
        } else {
            np::array([[1], [0], [3]]).astype(dtype)
        };
        let bytes = x.to_bytes().unwrap();
        assert_eq!(bytes.len(), 3 * dtype.byte_size());
        // From an unaligned address.
        let padded = [&[7][..], &bytes].concat();
        let back = Array::from_bytes(&padded[1..], dtype, (3, 1)).unwrap();
        assert_eq!(difference(&back, &x, 0.0, 0.0), None, "{dtype}");
        assert_eq!(jit(|x: &Array| x.t())(&back).to_bytes().unwrap(), bytes, "{dtype}");
        let scalar = Array::from_bytes(&bytes[..dtype.byte_size()], dtype, ()).unwrap();
        assert_eq!((scalar.shape(), scalar.to_bytes().unwrap()), (&[][..], bytes[..dtype.byte_size()].to_vec()));
        let error = Array::from_bytes(&bytes[1..], dtype, (3, 1)).unwrap_err().to_string();
        says(&error, &[&format!("{} bytes", bytes.len() - 1), &format!("{dtype}[3,1]")]);
    }
    assert!(Array::from_bytes([2], DType::Bool, 1).is_err());
    assert_eq!(Array::from_bytes([0, 0, 0x80, 0x3f], DType::F32, 1).unwrap().to_vec::<f32>(), [1.0]);
}

#[test]
fn a_constant_is_part_of_the_program() {
    let table = np::arange(600.0).reshape((20, -1));
    let f = |x: &Array| (x * lax::constant(&table)).sum();
    let program = make_jaxpr(f)(&1.0.into());
    assert!(program.captures.is_empty() && program.to_string().contains("constant"));
    assert_eq!(jit(f)(&2.0.into()).item::<f32>(), 2.0 * 179_700.0);
    assert_eq!(jit(grad(f))(&2.0.into()).item::<f32>(), 179_700.0);
    assert_eq!(grad(f)(&2.0.into()).item::<f32>(), 179_700.0);
    let x = np::array([1.0, 2.0]);
    assert_eq!(jit(vmap(f))(&x).to_vec::<f32>(), [179_700.0, 359_400.0]);
    assert_eq!(jvp(grad(|x: &Array| f(&x.square())), (&3.0.into(),), (&1.0.into(),)).1.item::<f32>(), 359_400.0);
    let (end, _) = lax::scan(|c: &Array, _: &Array| (c + f(&1.0.into()), ()), Array::scalar(0.0f32), &x);
    assert_eq!(end.item::<f32>(), 359_400.0);
    // The compiler sees the elements, so values that depend on nothing else are known at compile time.
    let text = jit(f).lower((&1.0.into(),)).unwrap().stablehlo();
    says(&text, &["tensor<f32>) -> tensor<f32>", "dense<\"0x"]);
    // Outside a trace, the result is the array itself. Under `jit`, a traced argument has no elements to embed.
    assert_eq!(lax::constant(&table).shape(), [20, 30]);
    let error = jit(|x: &Array| lax::constant(x)).try_call((&x,)).unwrap_err().to_string();
    says(&error, &["constant", "f32[2]", "jit", "semantics.rs"]);
}

#[test]
fn library_functions_by_name() {
    let x = np::array([[1.0, 2.0], [3.0, 4.0]]);
    assert_eq!(vmap(np::sum)(x.clone()).to_vec::<f32>(), [3.0, 7.0]);
    assert_eq!(vmap(Array::sum)(&x).to_vec::<f32>(), [3.0, 7.0]);
    assert_eq!(jit(np::add)(x.clone(), x.clone()).to_vec::<f32>(), [2.0, 4.0, 6.0, 8.0]);
    assert_eq!(vmap(np::dot)(x.clone(), x.clone()).to_vec::<f32>(), [5.0, 25.0]);
    assert_eq!(grad(np::sin)(Array::from(0.0)).item::<f32>(), 1.0);
    assert_eq!(grad(Array::sin)(&0.0.into()).item::<f32>(), 1.0);
    assert_eq!(jit(vmap(grad(Array::sin)))(&np::zeros(2)).to_vec::<f32>(), [1.0, 1.0]);
}

#[test]
fn axes_and_shapes_as_one_writes_them() {
    let x = np::arange(24).reshape((2, 3, 4));
    let sums = [
        np::sum_axis(&x, (1, 2)),
        np::sum_axis(&x, [1, 2]),
        np::sum_axis(&x, &[1usize, 2]),
        np::sum_axis(&x, vec![1, 2]),
        np::sum_axis(&x, &vec![-1i64, 1]),
        np::sum_axis(&x, (1usize, -1)),
        x.sum_axis((-1, -2)),
    ];
    sums.iter().for_each(|sum| assert_eq!(sum.to_vec::<i32>(), [66, 210]));
    assert_eq!(np::expand_dims(&x, (0, -1)).shape(), [1, 2, 3, 4, 1]);
    assert_eq!(np::flip(&x, (0, 1, 2)).at(0).get().at((0, 0)).get().item::<i32>(), 23);
    assert_eq!(np::squeeze_axis(np::zeros((1, 2, 1)), (0, 2)).shape(), [2]);
    says(&panics(|| x.sum_axis((1, 1))), &["axis 1 is repeated"]);
    assert_eq!(x.transpose((2, 0, -2)).shape(), [4, 2, 3]);
    assert_eq!(x.transpose(()).shape(), np::permute_dims(&x, vec![2usize, 1, 0]).shape());
    says(&panics(|| x.transpose((0, 1))), &["transpose", "semantics.rs"]);
    says(&panics(|| np::permute_dims(&x, (0, 1, 1))), &["axis 1 is repeated", "semantics.rs"]);
    assert_eq!(np::zeros((1, 2, 3, 4, 5, 6)).shape(), [1, 2, 3, 4, 5, 6]);
    let n = 6usize;
    let shapes: [(Array, &[usize]); 9] = [
        (x.reshape((-1, 6)), &[4, 6]),
        (x.reshape((n, -1)), &[6, 4]),
        (x.reshape([2, -1]), &[2, 12]),
        (x.reshape(vec![-1i64]), &[24]),
        (x.reshape(-1), &[24]),
        (x.reshape(&[3, 8][..]), &[3, 8]),
        (np::reshape(&x, (2, 2, -1, 2)), &[2, 2, 3, 2]),
        (np::zeros((0, 3)).reshape((-1, 3)), &[0, 3]),
        (x.reshape((1, 1, 1, 1, 24)), &[1, 1, 1, 1, 24]),
    ];
    shapes.iter().for_each(|(x, shape)| assert_eq!(x.shape(), *shape));
    assert_eq!(
        grad(|x: &Array| x.reshape((-1, 2)).at((0, 1)).get())(&np::ones(4)).to_vec::<f32>(),
        [0.0, 1.0, 0.0, 0.0]
    );
    assert_eq!(lax::slice(&x, (0, 1, 0), [2, 3, 4], &[1, 1, 2]).shape(), [2, 2, 2]);
    assert_eq!(lax::split(&x, (1, 2), 1)[1].shape(), [2, 2, 4]);
    assert_eq!(np::split_at(&x, (1, 2), 2)[2].shape(), [2, 3, 2]);
    says(&panics(|| x.reshape((-1, 5))), &["24 elements", "[-1,5]", "semantics.rs"]);
    says(&panics(|| x.reshape((-1, -1))), &["[-1,-1]", "one size may be -1"]);
    says(&panics(|| x.reshape((-2, 3))), &["[-2,3]"]);
    says(&panics(|| np::zeros((0, 3)).reshape((-1, 0))), &["0 elements", "[-1,0]"]);
}

#[test]
fn lists_of_arrays_owned_or_borrowed() {
    let (a, b) = (np::zeros(2), np::ones(2));
    let four = [0.0, 0.0, 1.0, 1.0];
    let joined = [
        np::concatenate(&[&a, &b], 0),
        np::concatenate([&a, &b], 0),
        np::concatenate(&[a.clone(), b.clone()], 0),
        np::concatenate([a.clone(), b.clone()], 0),
        np::concatenate(vec![a.clone(), b.clone()], 0),
        np::concatenate(&vec![&a, &b], 0),
        np::concatenate(vec![&a, &b].as_slice(), 0),
        np::hstack(&[a.clone(), b.clone()]),
        np::vstack([&a, &b]).reshape(-1),
        np::stack(vec![a.clone(), b.clone()], 0).reshape(-1),
        np::column_stack(&[&a, &b]).t().reshape(-1),
    ];
    joined.iter().for_each(|x| assert_eq!(x.to_vec::<f32>(), four));
    assert_eq!(np::stack([1.0, 2.0], 0).to_vec::<f32>(), [1.0, 2.0]);
    assert_eq!(np::einsum("i,i->", [&b, &b]).item::<f32>(), 2.0);
    assert_eq!(np::einsum("i,i->", &[b.clone(), b.clone()]).item::<f32>(), 2.0);
    assert_eq!(np::meshgrid_with([&a, &b], np::Indexing::Ij).len(), 2);
    assert_eq!(np::choose([0, 1], [&a, &b]).to_vec::<f32>(), [0.0, 1.0]);
    says(&panics(|| np::concatenate(Vec::<Array>::new(), 0)), &["at least one array", "semantics.rs"]);
    // Rows, of known values and of traced ones.
    let m = np::array([[1.0, 2.0], [3.0, 4.0]]);
    let sums = |m: &Array| np::stack(m.iter().map(|row| row.sum()).collect::<Vec<_>>(), 0);
    assert_eq!((sums(&m).to_vec::<f32>(), jit(sums)(&m).to_vec::<f32>()), (vec![3.0, 7.0], vec![3.0, 7.0]));
    assert_eq!(grad(|m: &Array| m.into_iter().skip(1).sum::<Array>().sum())(&m).to_vec::<f32>(), [0.0, 0.0, 1.0, 1.0]);
    assert_eq!((m.len(), np::zeros((0, 3)).iter().count(), np::zeros((2, 0)).iter().count()), (2, 0, 2));
    assert!(Array::from(1.0).broadcast_to([2]).iter().all(|x| x.ndim() == 0 && x.item::<f64>() == 1.0));
    says(&panics(|| Array::from(1.0).iter()), &["scalar", "semantics.rs"]);
    says(&panics(|| Array::from(1.0).len()), &["scalar", "semantics.rs"]);
    let parts = || (0..3).map(|i| np::array([1.0, 2.0]) * i);
    assert_eq!(parts().sum::<Array>().to_vec::<f32>(), [3.0, 6.0]);
    assert_eq!(parts().collect::<Vec<_>>().iter().sum::<Array>().to_vec::<f32>(), [3.0, 6.0]);
    assert_eq!(parts().skip(1).product::<Array>().to_vec::<f32>(), [2.0, 8.0]);
    assert_eq!([1.5, 2.0].into_iter().sum::<Array>().item::<f32>(), 3.5);
    let none = std::iter::empty::<Array>;
    assert_eq!((none().sum::<Array>().item::<i32>(), none().product::<Array>().item::<i32>()), (0, 1));
}

#[test]
fn lists_of_integers_are_indices() {
    let x = np::array([10, 20, 30, 40]);
    let picked = [
        x.at(vec![3usize, 0]).get(),
        x.at(vec![3i32, 0]).get(),
        x.at(vec![3i64, 0]).get(),
        x.at(vec![3u8, 0]).get(),
        x.at(&vec![3usize, 0]).get(),
        x.at([3usize, 0]).get(),
        x.at(&[3, 0][..]).get(),
        x.at(&[-1, 0]).get(),
        x.at(([-1isize, 0],)).get(),
        x.get(vec![3u64, 0]),
        np::take(&x, vec![3usize, 0]),
        np::take(&x, [3u16, 0]),
        np::take(&x, &vec![3i64, 0]),
        np::take_along_axis(&x, [3usize, 0], 0),
    ];
    picked.iter().for_each(|x| assert_eq!(x.to_vec::<i32>(), [40, 10]));
    assert_eq!(x.at(vec![true, false, false, true]).get().to_vec::<i32>(), [10, 40]);
    assert_eq!(x.at(vec![1usize, 3]).set([7, 8]).to_vec::<i32>(), [10, 7, 30, 8]);
    let m = np::arange(6).reshape((2, 3));
    assert_eq!(m.at((.., vec![2usize, 0])).get().to_vec::<i32>(), [2, 0, 5, 3]);
    assert_eq!(m.at((1i64, 1i64..)).get().to_vec::<i32>(), [4, 5]);
    let (rows, columns): (Vec<usize>, Vec<usize>) = [(0, 2), (1, 1)].into_iter().unzip();
    assert_eq!(m.at((&rows, &columns)).get().to_vec::<i32>(), [2, 4]);
    assert_eq!(lax::dynamic_slice(&m, [0, 1], (2, 2)).to_vec::<i32>(), [1, 2, 4, 5]);
    // A list of floats needs an explicit conversion; the compiler's message says so.
    assert_eq!(np::dot(np::array([1.0, 2.0]), np::array([3.0, 4.0])).item::<f32>(), 11.0);
}

#[test]
fn arrays_of_keys_are_indexed() {
    // jax.random.key_data(jax.random.split(jax.random.key(0), (3, 2)))
    let keys = random::split(random::key(0), (3, 2));
    let words = keys.data().clone();
    let row = |i: usize| words.at(i).get().to_vec::<u32>();
    assert_eq!((keys.shape(), keys.ndim(), keys.size()), (&[3, 2][..], 2, 6));
    assert_eq!(keys.at(1).data().to_vec::<u32>(), row(1));
    assert_eq!(keys.at(-1).data().to_vec::<u32>(), row(2));
    assert_eq!(keys.at((1, 1)).data().to_vec::<u32>(), row(1)[2..]);
    assert_eq!(keys.at(1..).shape(), [2, 2]);
    assert_eq!(keys.at((.., 0)).shape(), [3]);
    assert_eq!(keys.at((Ellipsis, 0)).shape(), [3]);
    assert_eq!(keys.at((NewAxis, 0)).shape(), [1, 2]);
    assert_eq!(keys.at(vec![2usize, 0]).data().to_vec::<u32>(), [row(2), row(0)].concat());
    assert_eq!(keys.at([true, false, true]).shape(), [2, 2]);
    assert_eq!(keys.reshape(-1).at(3).data().to_vec::<u32>(), row(1)[2..]);
    let rows: Vec<Key> = (&keys).into_iter().collect();
    assert_eq!((rows.len(), rows[2].data().to_vec::<u32>()), (3, row(2)));
    let draws = |keys: &Key| np::stack(keys.into_iter().map(|k| random::bits(k.at(0), ())).collect::<Vec<_>>(), 0);
    assert_eq!(draws(&keys).to_vec::<u32>(), jit(draws)(&keys).to_vec::<u32>());
    let draw = jit(|keys: &Key, i: &Array| random::normal(keys.at((i, 0)), ()));
    assert_eq!(draw(&keys, &1.into()).item::<f32>(), random::normal(keys.at((1, 0)), ()).item::<f32>());
    for wrong in [panics(|| keys.at(3)), panics(|| keys.at(-4)), panics(|| keys.at((0, 2)))] {
        says(&wrong, &["out of bounds", "[3,2]", "semantics.rs"]);
    }
    says(&panics(|| keys.at((0, 0, 0))), &["too many indices", "[3,2]: 3"]);
    says(&panics(|| random::key(0).at(0)), &["[]"]);
}

#[test]
fn user_structs_name_what_they_hold() {
    #[derive(Clone, Tree)]
    struct State {
        weight: Array,
        key: Key,
    }
    struct Trainer {
        step: Jit<'static, (Own<State>, Ref<Array>), State>,
        slope: Grad<'static, (Ref<Array>,), Array>,
        loss: ValueAndGrad<'static, (Ref<Array>,), Array>,
        each: Vmap<'static, (Ref<Array>,), Array>,
    }
    let step = |state: State, x: &Array| {
        let [key, draw] = state.key.split();
        State { weight: state.weight + x * random::normal(draw, ()), key }
    };
    let trainer =
        Trainer { step: jit(step), slope: grad(Array::sin), loss: value_and_grad(Array::cos), each: vmap(Array::sum) };
    let state = State { weight: np::zeros(2), key: random::key(1) };
    let state = (trainer.step)(state, &np::ones(2));
    assert_eq!(block_until_ready(&state).unwrap().weight.shape(), [2]);
    assert_eq!((trainer.slope)(&0.0.into()).item::<f32>(), 1.0);
    assert_eq!((trainer.loss)(&0.0.into()).0.item::<f32>(), 1.0);
    assert_eq!((trainer.each)(&np::ones((2, 3))).to_vec::<f32>(), [3.0, 3.0]);
}

#[test]
fn directional_derivatives_fail_as_values() {
    let product = |x: &Array, y: &Array| x * y;
    let (a, b) = (np::ones(2), np::ones(3));
    let check = |error: Error, kind: ErrorKind, parts: &[&str]| {
        says(&error.to_string(), parts);
        says(&error.to_string(), &["semantics.rs"]);
        assert_eq!(error.kind(), kind);
    };
    check(try_jvp(product, (&a, &b), (&a, &b)).unwrap_err(), ErrorKind::Shape, &["broadcast"]);
    check(try_jvp(Array::sin, (&a,), (&b,)).unwrap_err(), ErrorKind::Shape, &["tangent", "f32[2]", "f32[3]"]);
    check(try_vjp(product, (&a, &b)).map(|_| ()).unwrap_err(), ErrorKind::Shape, &["broadcast"]);
    check(try_linearize(product, (&a, &b)).map(|_| ()).unwrap_err(), ErrorKind::Shape, &["broadcast"]);
    let sine = try_linear_transpose(|x: &Array| x.sin(), (&a,))
        .map(|back| catch_unwind(AssertUnwindSafe(|| back(&a))).is_err());
    assert!(sine.unwrap_or(true));
    let whole = np::array([1, 2]);
    check(
        try_linear_transpose(|x: &Array| x + 0, (&whole,)).map(|_| ()).unwrap_err(),
        ErrorKind::Transform,
        &["i32[2]"],
    );
    check(make_jaxpr(product).try_call((&a, &b)).unwrap_err(), ErrorKind::Shape, &["broadcast"]);
    check(eval_shape(product).try_call((&a, &b)).unwrap_err(), ErrorKind::Shape, &["broadcast"]);
    // A panic of the user's function is returned as an error, and the library stays usable.
    let error = try_vjp(|x: &Array| if x.ndim() == 1 { panic!("no vectors") } else { x.clone() }, (&a,)).map(|_| ());
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Panic);
    let (value, back) = try_vjp(product, (&a, &a)).unwrap();
    assert_eq!((value.to_vec::<f32>(), back(&a).1.to_vec::<f32>()), (vec![1.0; 2], vec![1.0; 2]));
    assert_eq!(try_jvp(product, (&a, &a), (&a, &a)).unwrap().1.to_vec::<f32>(), [2.0, 2.0]);
    assert_eq!(try_linearize(Array::sin, (&np::zeros(2),)).unwrap().1(&a).to_vec::<f32>(), [1.0, 1.0]);
    assert_eq!(try_linear_transpose(|x: &Array| x * 3.0, (&a,)).unwrap()(&a).0.to_vec::<f32>(), [3.0, 3.0]);
}

/// A standard deviation has a kink where all numbers are equal. Elsewhere, its slope is (x − mean) / (n σ).
#[test]
fn the_slope_of_a_standard_deviation() {
    type Deviation = fn(&Array) -> Array;
    let deviations: [Deviation; 4] = [
        |x| np::std(x),
        |x| np::nanstd(x),
        |x| np::std_ddof(x, (), 0),
        |x| np::std_where(x, (), Array::from([true, true, true])),
    ];
    for f in deviations {
        assert_eq!(grad(f)(&np::ones_as(3, DType::F64)).to_vec::<f64>(), [0.0; 3]);
        let slopes = grad(f)(&Array::from([1.0f64, 2.0, 6.0])).to_vec::<f64>();
        let n_sigma = 3.0 * (14.0f64 / 3.0).sqrt();
        for (slope, deviation) in slopes.iter().zip([-2.0, -1.0, 3.0]) {
            assert!((slope - deviation / n_sigma).abs() < 1e-14, "{slopes:?}");
        }
    }
}
