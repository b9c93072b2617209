//! Windows as arrays, products of groups, gathers and scatters by function, histograms, and parts of numbers, against
//! stored JAX results.

use super::goldens_lib::functions::{self, number};

use cotangent::lax::{self, Conv, DotGeneral, Padding, RaggedDot};
use cotangent::numpy::Bins;
use cotangent::prelude::*;
use cotangent::scipy::stats::poisson;

fn window(how: &str) -> ([usize; 2], Conv) {
    match how {
        "plain" => ([2, 3], Conv::new([1, 1], Padding::Valid)),
        "same strided" => ([3, 2], Conv::new([2, 1], Padding::Same)),
        "dilated" => ([2, 2], Conv::new([1, 2], [(1, 0), (2, 1)]).rhs_dilation([2, 1]).lhs_dilation([1, 2])),
        "letters" => ([3, 2], Conv::new([1, 2], Padding::Valid).dimension_numbers("HNCW", "WIOH", "CWNH")),
        _ => panic!("{how}"),
    }
}

fn ragged(how: &str, lhs: &Array, rhs: &Array) -> Array {
    let dot = |contract, batch| DotGeneral::new(contract, batch);
    let none = || [vec![], vec![]];
    let (options, sizes) = match how {
        "rows" => {
            let options = RaggedDot::new(dot([vec![1], vec![0]], none()), 0).rhs_group_dimension(1);
            (options, Array::from([1, 3]))
        }
        "batched rows" => {
            let options = RaggedDot::new(dot([vec![3], vec![2]], [vec![1], vec![1]]), 2).rhs_group_dimension(0);
            (options, Array::from([1, 2]))
        }
        "batched sizes" => {
            let options = RaggedDot::new(dot([vec![2], vec![2]], [vec![0], vec![1]]), 1).rhs_group_dimension(0);
            (options, Array::from([[1, 2], [3, 0], [0, 4]]))
        }
        "contracted" => (RaggedDot::new(dot([vec![0], vec![0]], none()), 0), Array::from([1, 0, 3])),
        "contracted twice" => {
            let options = RaggedDot::new(dot([vec![0, 2], vec![1, 0]], [vec![1], vec![2]]), 2);
            (options, np::array([[[1, 2], [0, 3], [4, 0], [2, 2]]; 3]))
        }
        "batch" => (RaggedDot::new(dot([vec![2], vec![1]], [vec![0], vec![0]]), 0), Array::from([1, 2])),
        _ => panic!("{how}"),
    };
    lax::ragged_dot_general(lhs, rhs, sizes, &options)
}

fn of_lax(name: &str, how: &str, x: &[Array]) -> Option<Array> {
    Some(match (name, x) {
        ("conv_general_dilated_patches", [x]) => {
            let (shape, options) = window(how);
            lax::conv_general_dilated_patches(x, shape, &options)
        }
        ("conv_general_dilated_local", [x, kernel]) => {
            let (shape, options) = window(how);
            lax::conv_general_dilated_local(x, kernel, shape, &options)
        }
        ("ragged_dot", [x, y, sizes]) => lax::ragged_dot(x, y, sizes),
        ("ragged_dot", [x, y]) => lax::ragged_dot(x, y, Array::from([2, 0, 4])),
        ("ragged_dot_general", [x, y]) => ragged(how, x, y),
        ("index_take", [x]) => lax::index_take(x, [Array::from([3, -1, 7]), Array::from([0, 5, -9])], (0, 2)),
        ("scatter_apply", [x]) => {
            let numbers = lax::ScatterDimensionNumbers {
                update_window_dims: vec![1],
                inserted_window_dims: vec![0],
                scatter_dims_to_operand_dims: vec![0],
                ..Default::default()
            };
            let places = Array::from([[2], [0], [2], [9]]);
            lax::scatter_apply(x, places, |x| x * 2 + 1, numbers, (4, 2), Default::default())
        }
        _ => return None,
    })
}

fn of_numpy(name: &str, how: &str, x: &[Array]) -> Option<Vec<Array>> {
    let three = |(counts, x, y): (Array, Array, Array)| vec![counts, x, y];
    let two = |(x, y): (Array, Array)| vec![x, y];
    let all = |(counts, edges): (Array, Vec<Array>)| [vec![counts], edges].concat();
    Some(match (name, how, x) {
        ("histogram", "range", [x]) => two(np::histogram(x, Bins::new(4).range(-1.0, 0.5))),
        ("histogram", "density", [x]) => two(np::histogram(x, Bins::new(4).density())),
        ("histogram", "weights", [x, weights]) => two(np::histogram(x, Bins::new(3).weights(weights))),
        ("histogram2d", "count", [x, y]) => three(np::histogram2d(x, y, 3)),
        ("histogram2d", "counts", [x, y]) => three(np::histogram2d(x, y, [3, 2])),
        ("histogram2d", "range density", [x, y]) => {
            three(np::histogram2d(x, y, Bins::new(3).range(-1.0, 1.0).range(0.0, 0.1).density()))
        }
        ("histogram2d", "edges", [x, y, a, b]) => three(np::histogram2d(x, y, Bins::edges([a, b]))),
        ("histogramdd", "counts", [x]) => all(np::histogramdd(x, [2, 3, 1])),
        ("histogramdd", "weights", [x, weights]) => all(np::histogramdd(x, Bins::new(2).weights(weights))),
        ("histogramdd", "weights density", [x, weights]) => {
            all(np::histogramdd(x, Bins::new(2).weights(weights).density()))
        }
        // The cases with a gradient have the mantissas only.
        ("frexp", _, [x]) if x.size() == 4 => vec![np::frexp(x).0],
        ("frexp", _, [x]) => two(np::frexp(x)),
        ("mask_indices", how, []) => {
            two(np::mask_indices(number(how, 0), |x: &Array, k| np::tril_k(x, k), number(how, 1)))
        }
        _ => return None,
    })
}

#[test]
fn values_gradients_and_batches_equal_jax() {
    functions::check("lax_functions", |name, how, x, _| {
        let result = if let Some(name) = name.strip_prefix("jax.lax.") {
            of_lax(name, how, x).map(|y| vec![y])
        } else {
            of_numpy(name.strip_prefix("jax.numpy.").expect("a function of jax.numpy"), how, x)
        };
        result.unwrap_or_else(|| panic!("no function {name} ({how})"))
    });
}

#[test]
fn frexp_takes_apart_subnormal_numbers() {
    let bits = [1u64, 3 << 40, f64::MIN_POSITIVE.to_bits() - 1, (1 << 63) | 5];
    let x = Array::from(bits.map(f64::from_bits));
    let (m, e) = np::frexp(&x);
    let (m, e) = (m.to_vec::<f64>(), e.to_vec::<i32>());
    for ((bits, m), e) in bits.into_iter().zip(m).zip(e) {
        assert!((0.5..1.0).contains(&m.abs()), "{m}");
        // 2⁵² moves the number among the normal ones, where the product is exact.
        assert_eq!(m * 2f64.powi(e + 1000) * 2f64.powi(-948), f64::from_bits(bits) * 2f64.powi(52));
    }
}

#[test]
fn the_entropy_of_poisson_equals_mpmath() {
    let mu = Array::from([1e-10, 0.1, 59.9, 60.1, 500.0, 20000.0]);
    let mu = mu.astype(DType::F64);
    let expected = [
        2.402_585_092_997_511_4e-9,
        0.333_676_996_501_232_6,
        3.463_873_710_663_863,
        3.465_545_088_244_323,
        4.526_075_748_658_402,
        6.370_678_142_701_897,
    ];
    for (y, expected) in poisson::entropy(&mu, 0.0).to_vec::<f64>().into_iter().zip(expected) {
        assert!((y / expected - 1.0).abs() < 1e-13, "{y} instead of {expected}");
    }
    let narrow = mu.astype(DType::F32);
    for (y, expected) in poisson::entropy(&narrow, 0.0).to_vec::<f32>().into_iter().zip(expected) {
        assert!((f64::from(y) / expected - 1.0).abs() < 2e-6, "{y} instead of {expected}");
    }
    let edges = poisson::entropy(Array::from([0.0, -1.0, f64::INFINITY]), Array::from([[1.0], [2.0]]));
    assert_eq!((edges.shape(), edges.at(0).get().to_vec::<f64>()[0]), (&[2, 3][..], 0.0));
    let edges = edges.at(1).get().to_vec::<f64>();
    assert!(edges[1].is_nan() && edges[2] == f64::INFINITY, "{edges:?}");
    let slopes = grad(|mu: &Array| poisson::entropy(mu, 0.0).sum())(&mu).to_vec::<f64>();
    let expected = [23.025_850_930_009_8, 2.370_489_238_299_69, 0.008_370_871_571_682_77, 0.008_342_935_363_486_13];
    for (y, expected) in slopes.iter().zip(expected) {
        assert!((y / expected - 1.0).abs() < 1e-11, "{y} instead of {expected}");
    }
    assert!(grad(|mu: &Array| poisson::entropy(mu, 0.0))(&Array::from(0.0f64)).item::<f64>() > 1e300);
}
