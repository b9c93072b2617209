//! The conversions of the features `serde` and `ndarray`.

use cotangent::{Aval, DType, Shape, Tree, prelude::*};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

fn json<T: Serialize + DeserializeOwned>(x: &T) -> T {
    serde_json::from_str(&serde_json::to_string(x).expect("it can be written")).expect("it can be read")
}

fn binary<T: Serialize + DeserializeOwned>(x: &T) -> T {
    postcard::from_bytes(&postcard::to_allocvec(x).expect("it can be written")).expect("it can be read")
}

/// Asserts that two arrays have equal bits and the same type.
fn assert_same(x: &Array, y: &Array) {
    assert_eq!(format!("{:?}", x.aval()), format!("{:?}", y.aval()));
    assert_eq!(x.to_bytes().expect("a value"), y.to_bytes().expect("a value"), "{:?}", x.aval());
}

/// Returns twelve elements of every dtype with varied bits, including NaNs with a payload, infinities and −0.
fn every_dtype() -> Vec<Array> {
    let floats: [(DType, &[u64]); 4] = [
        (DType::F16, &[0x3c00, 0x8000, 0x7c00, 0xfc00, 0x7e01, 0x0001]),
        (DType::BF16, &[0x3f80, 0x8000, 0x7f80, 0xff80, 0xffc5, 0x0001]),
        (DType::F32, &[0x3f80_0001, 0x8000_0000, 0x7f80_0000, 0xff80_0000, 0x7fc0_0123, 0x0000_0001]),
        (
            DType::F64,
            &[
                0x3fb9_9999_9999_999a,
                0x8000_0000_0000_0000,
                0x7ff0_0000_0000_0000,
                0xfff0_0000_0000_0000,
                0xfff8_0000_0000_0456,
                1,
            ],
        ),
    ];
    let array = |dtype: DType| {
        let real = floats.iter().find(|(float, _)| *float == dtype.real());
        let bytes: Vec<u8> = match real {
            Some((float, bits)) => {
                let one = |bits: &u64| bits.to_le_bytes()[..float.byte_size()].to_vec();
                bits.iter().cycle().flat_map(one).take(12 * dtype.byte_size()).collect()
            }
            None if dtype == DType::Bool => (0..12).map(|i| i % 2).collect(),
            None => (0..12 * dtype.byte_size()).map(|i| (i * 89 + 7) as u8).collect(),
        };
        Array::from_bytes(bytes, dtype, [3, 4]).expect("so many bytes")
    };
    DType::ALL.into_iter().map(array).collect()
}

#[test]
fn arrays_come_back_bit_by_bit() {
    for x in every_dtype() {
        let dtype = x.dtype();
        for x in [x.at((1, 2)).get(), x.at(0..0).get(), x.at((.., 1)).get(), x] {
            assert_same(&x, &json(&x));
            assert_same(&x, &binary(&x));
            assert_eq!(json(&x.aval()), x.aval());
            assert_eq!(binary(&x.aval()), x.aval());
        }
        assert_eq!((json(&dtype), binary(&dtype)), (dtype, dtype));
    }
    assert_eq!(binary(&Shape::new(&[2, 0, 3])), Shape::new(&[2, 0, 3]));
}

#[test]
fn a_scalar_stays_weakly_typed_with_all_its_digits() {
    let halved = jit(|x: &Array| x / 2.0)(&0.2.into());
    assert!(halved.weak_type());
    let vector = np::broadcast_to(0.5, [3]);
    for x in [0.1.into(), 7.into(), Array::from(num_complex::Complex::new(0.1, -0.3)), halved, vector, true.into()] {
        for y in [json(&x), binary(&x)] {
            assert_same(&x, &y);
            let wide = Array::scalar(0.0f64);
            assert_same(&(&x + &wide), &(&y + &wide));
        }
    }
    assert_eq!(json(&Array::from(0.1)).item::<f64>(), 0.1);
}

#[test]
fn structs_of_arrays_and_keys_are_written_with_serdes_own_derive() {
    #[derive(Clone, Tree, Serialize, Deserialize)]
    struct Model {
        weight: Array,
        bias: Option<Array>,
        key: random::Key,
        #[tree(static)]
        name: String,
    }
    let [key, rest] = random::key(3).split();
    let model = Model { weight: random::normal(key, (2, 3)), bias: None, key: rest, name: "a".into() };
    for read in [json(&model), binary(&model)] {
        assert_same(&model.weight, &read.weight);
        assert_same(model.key.data(), read.key.data());
        assert!(read.bias.is_none() && read.name == "a");
    }
    let keys = random::split(random::key(0), (2, 3));
    assert_eq!(json(&keys).shape(), [2, 3]);
}

/// Formats are stable: each version reads what earlier versions wrote.
#[test]
fn the_formats_are_these() {
    let x = Array::from([[1.0f32, -2.0]]);
    assert_eq!(
        serde_json::to_string(&x).expect("JSON"),
        r#"{"dtype":"f32","shape":[1,2],"weak_type":false,"data":"AACAPwAAAMA="}"#
    );
    let written = postcard::to_allocvec(&x).expect("bytes");
    // The string's length and bytes, the list's length and sizes, a bool, the data's length and bytes.
    assert_eq!(written, [&[3][..], b"f32", &[2, 1, 2], &[0], &[8, 0, 0, 128, 63, 0, 0, 0, 192]].concat());
    // The weak type may be left out, for input written by hand.
    let read: Array = serde_json::from_str(r#"{"data":"AQAAAAIAAAA=","shape":[2],"dtype":"i32"}"#).expect("an array");
    assert_same(&read, &Array::from([1, 2]));
}

#[test]
fn what_is_no_array_is_an_error() {
    let cases = [
        (r#"{"dtype":"f32","shape":[2],"data":"AACAPw=="}"#, "4 bytes do not fit f32[2], which has 8"),
        (r#"{"dtype":"f32","shape":[1],"data":"AACAP"}"#, "the data is not base64"),
        (r#"{"dtype":"float32","shape":[],"data":""}"#, "there is no dtype `float32`"),
        (r#"{"dtype":"bool","shape":[1],"data":"Ag=="}"#, "a boolean must be a byte of 0 or 1"),
        (r#"{"dtype":"bool","shape":[],"weak_type":true,"data":"Ag=="}"#, "a boolean must be a byte of 0 or 1"),
        (r#"{"dtype":"f64","shape":[4294967296,4294967296],"data":""}"#, "too large to address"),
        (r#"{"dtype":"f32","shape":[],"weak_type":true,"data":"AACAPw=="}"#, "4 bytes do not fit f64[]"),
        (r#"{"dtype":"f32","shape":[-1],"data":""}"#, "invalid value: integer `-1`"),
        (r#"{"dtype":"f32","shape":[1],"data":[0]}"#, "the bytes of an array, as a base64 string"),
        (r#"{"dtype":"f32","shape":[1],"weak":true,"data":"AACAPw=="}"#, "unknown field `weak`"),
        (r#"{"dtype":"f32","data":"AACAPw=="}"#, "missing field `shape`"),
    ];
    for (text, message) in cases {
        let error = serde_json::from_str::<Array>(text).expect_err(text).to_string();
        assert!(error.contains(message), "{text}: {error}");
    }
    let words = serde_json::to_string(&Array::from([1, 2])).expect("JSON");
    let error = serde_json::from_str::<random::Key>(&words).expect_err("no key").to_string();
    assert!(error.contains("expected the data of a key, u32[…,2], got i32[2]"), "{error}");
}

#[test]
fn a_traced_array_has_nothing_to_write_under_jit() {
    let f = jit(|x: &Array| {
        let error = serde_json::to_string(x).expect_err("no value").to_string();
        assert!(error.contains("under `jit`"), "{error}");
        x + 1.0
    });
    let _ = f(&Array::from([1.0f32]));
    // Outside `jit` the array has a value, and the value is serialized.
    let slope = grad(|x: &Array| {
        assert_eq!(json(x).item::<f32>(), 2.0);
        x * x
    });
    assert_eq!(slope(&Array::scalar(2.0f32)).item::<f32>(), 4.0);
    assert!(serde_json::to_string(&Array::shape_dtype_struct([2], DType::F32)).is_err());
    assert_eq!(json(&Aval::new(DType::C128, ())), Aval::new(DType::C128, ()));
}

#[test]
fn arrays_of_ndarray_in_any_order_of_memory() {
    use ndarray::{Array2, Axis, array, s};
    let m: Array2<f64> = array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]];
    let read = |x: Array| (x.shape().to_vec(), x.to_vec::<f64>());
    let columns = (vec![3, 2], vec![1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
    assert_eq!(read((&m).into()), (vec![2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
    assert_eq!(read(m.t().into()), columns);
    assert_eq!(read(m.clone().reversed_axes().into()), columns);
    assert_eq!(read(m.slice(s![.., ..;-2]).into()), (vec![2, 2], vec![3.0, 1.0, 6.0, 4.0]));
    // Owned arrays that are views into larger memory are read in row-major order.
    assert_eq!(read(m.clone().slice_move(s![1.., ..]).into()), (vec![1, 3], vec![4.0, 5.0, 6.0]));
    assert_eq!(read(m.clone().slice_move(s![..1, ..]).into()), (vec![1, 3], vec![1.0, 2.0, 3.0]));
    assert_eq!(read(m.clone().slice_move(s![..0, ..]).into()), (vec![0, 3], vec![]));
    assert_eq!(read(m.index_axis(Axis(0), 1).to_shared().into_owned().into()), (vec![3], vec![4.0, 5.0, 6.0]));
    assert_eq!(read(ndarray::arr0(7.0).into()), (vec![], vec![7.0]));
    let back = Array::from(m.clone()).to_ndarray::<f64>();
    assert_eq!(back, m.into_dyn());
    // Elements can be read as any type that represents them exactly.
    assert_eq!(Array::from([1, 2]).to_ndarray::<f64>(), array![1.0, 2.0].into_dyn());
}
