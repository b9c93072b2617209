//! Functions that programs call by name.

use cotangent::extend::{FfiFrame, ffi_call, register_ffi_target};
use cotangent::prelude::*;
use cotangent::{Aval, VmapMethod};

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks(4).map(|x| f32::from_ne_bytes(x.try_into().expect("four bytes"))).collect()
}

/// The sum and the difference of two arrays of one size, each times the attribute `by`, and the number of elements.
fn sum_and_difference(call: &mut FfiFrame<'_>) -> Result<(), String> {
    let by = call.float("by").unwrap_or(1.0) as f32;
    let (args, results) = call.split();
    let (x, y) = (floats(args[0].1), floats(args[1].1));
    if x.len() != y.len() {
        return Err(format!("{} elements and {}", x.len(), y.len()));
    }
    let [sum, difference, count] = results else { return Err("expected three results".to_string()) };
    for (i, (x, y)) in x.iter().zip(&y).enumerate() {
        sum.1[4 * i..4 * i + 4].copy_from_slice(&((x + y) * by).to_ne_bytes());
        difference.1[4 * i..4 * i + 4].copy_from_slice(&((x - y) * by).to_ne_bytes());
    }
    count.1.fill(0);
    let first: [u8; 4] = (x.len() as i32).to_ne_bytes();
    count.1[..4].copy_from_slice(&first);
    Ok(())
}

fn both(x: &Array, y: &Array, method: VmapMethod) -> (Array, Array, Array) {
    register_ffi_target("test-sum-and-difference", sum_and_difference).expect("the CPU");
    let types = (x.aval(), x.aval(), Aval::new(DType::I32, ()));
    ffi_call("test-sum-and-difference", types).attribute("by", 2.0f64).vmap_method(method).call([x, y])
}

#[test]
fn calls_see_operands_attributes_and_results_row_by_row() {
    let x = Array::from([[1.0f32, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    // The compiler would rather leave a transposed operand where it is.
    let f = jit(|x: &Array, y: &Array| both(&x.t(), &(y.t() + 0.0), VmapMethod::Sequential));
    let (sum, difference, count) = f(&x, &np::ones((2, 3)));
    assert_eq!(sum.to_vec::<f32>(), [4.0, 10.0, 6.0, 12.0, 8.0, 14.0]);
    assert_eq!(difference.to_vec::<f32>(), [0.0, 6.0, 2.0, 8.0, 4.0, 10.0]);
    assert_eq!(count.item::<i32>(), 6);
    let (sum, ..) = both(&np::ones(2), &np::ones(2), VmapMethod::Sequential);
    assert_eq!(sum.to_vec::<f32>(), [4.0, 4.0]);
}

#[test]
fn calls_map_as_they_are_asked_to() {
    let (x, y) = (np::arange(6.0).reshape((3, 2)), np::ones(2));
    let mapped = |method| vmap(move |x: &Array, y: &Array| both(x, y, method)).in_axes((Some(0), None));
    for method in [VmapMethod::Sequential, VmapMethod::BroadcastAll] {
        let (sum, _, count) = mapped(method)(&x, &y);
        assert_eq!(sum.to_vec::<f32>(), [2.0, 4.0, 6.0, 8.0, 10.0, 12.0], "{method:?}");
        let elements = if method == VmapMethod::Sequential { [2, 2, 2] } else { [6, 0, 0] };
        assert_eq!(count.to_vec::<i32>(), elements);
    }
    // The operand without the axis has one element of it, so the function sees 6 and 2 numbers.
    let error = mapped(VmapMethod::ExpandDims).try_call((&x, &y)).unwrap_err().to_string();
    assert!(error.contains("6 elements and 2"), "{error}");
    let plain = |x: &Array| ffi_call("test-sum-and-difference", x.aval()).call([x]);
    let error = vmap(plain).try_call((&x,)).unwrap_err().to_string();
    assert!(error.contains("an `ffi_call` under `vmap` needs a method"), "{error}");
}

#[test]
fn errors_and_panics_come_back_and_derivatives_are_rules() {
    register_ffi_target("test-panic", |_| panic!("no kernel for this")).expect("the CPU");
    let error = jit(|x: &Array| ffi_call("test-panic", x.aval()).call([x])).try_call((&1.0.into(),)).unwrap_err();
    assert!(error.to_string().contains("no kernel for this"), "{error}");
    let other = register_ffi_target("test-panic", sum_and_difference).unwrap_err().to_string();
    assert!(other.contains("the name `test-panic` is taken by another function"), "{other}");

    let total = |x: &Array| both(x, x, VmapMethod::Sequential).0.sum();
    let error = grad(total).try_call((&np::ones(2),)).unwrap_err().to_string();
    assert!(error.contains("an `ffi_call` has no derivative"), "{error}");
    let double = custom_jvp(|x: &Array| both(x, x, VmapMethod::Sequential).0)
        .defjvp(|(x,), (t,)| (both(x, x, VmapMethod::Sequential).0, t * 4.0));
    assert_eq!(grad(|x: &Array| double(x).sum())(&np::ones(2)).to_vec::<f32>(), [4.0, 4.0]);
}
