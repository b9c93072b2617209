//! Powers and functions of square matrices against stored JAX results: values, gradients, second derivatives and batches.

use super::goldens_lib::functions::{self, number, option};

use cotangent::numpy::linalg as nl;
use cotangent::prelude::*;
use cotangent::scipy::linalg as sl;

fn call(name: &str, how: &str, x: &[Array], _: DType) -> Vec<Array> {
    let squarings = option(how, "max_squarings").map_or(16, |n| n.parse().expect("a number"));
    match name.rsplit('.').next().expect("a name") {
        "matrix_power" => vec![nl::matrix_power(&x[0], number(how, 0))],
        "expm" if how.is_empty() => vec![sl::expm(&x[0])],
        "expm" => vec![sl::expm_with(&x[0], how == "upper", squarings)],
        "expm_frechet" => {
            let (value, derivative) = sl::expm_frechet(&x[0], &x[1]);
            vec![value, derivative]
        }
        name => panic!("no function {name}"),
    }
}

#[test]
fn values_gradients_and_batches_equal_jax() {
    functions::check("matrix_functions", call);
}

#[test]
fn half_precision_is_computed_in_f32() {
    let x = sl::expm(np::eye_as(2, 2, 0, DType::BF16));
    assert_eq!((x.dtype(), x.at((0, 0)).get().item::<f32>()), (DType::BF16, 2.71875));
}
