//! Slices along an axis, scatters, segments, bits, orders, polynomials, the helpers of Fourier transforms, and whatever
//! else of `numpy`, `lax`, `fft`, `random` and `nn` no other file has, against stored JAX results.

use std::collections::BTreeMap;

use super::goldens_lib::functions::{self, number};

use cotangent::extend::promote_types;
use cotangent::lax::{self, RandomAlgorithm};
use cotangent::numpy::BitOrder;
use cotangent::prelude::*;
use cotangent::scipy::{
    special,
    stats::{multinomial, poisson},
};
use cotangent::{fft, nn, random};

fn integers(words: &str) -> Vec<isize> {
    words.split(',').filter(|word| !word.is_empty()).map(|word| word.parse().expect("a number")).collect()
}

fn slices(name: &str, how: &str, x: &[Array]) -> Option<Array> {
    let at = |i: usize| number::<isize>(how, i);
    Some(match (name, x) {
        ("dynamic_slice_in_dim", [x, start]) => lax::dynamic_slice_in_dim(x, start.at(0).get(), 2, 0),
        ("dynamic_slice_in_dim", [x]) => lax::dynamic_slice_in_dim(x, at(0) as i32, 2, at(1)),
        ("dynamic_index_in_dim", [x, start]) => lax::dynamic_index_in_dim(x, start.at(0).get(), 0),
        ("dynamic_index_in_dim", [x]) => lax::dynamic_index_in_dim(x, at(0) as i32, at(1)),
        ("dynamic_update_slice_in_dim", [x, y]) => lax::dynamic_update_slice_in_dim(x, y, at(0) as i32, at(1)),
        ("dynamic_update_index_in_dim", [x, y]) => lax::dynamic_update_index_in_dim(x, y, at(0) as i32, at(1)),
        ("index_in_dim", [x]) => lax::index_in_dim(x, at(0), at(1)),
        ("slice_in_dim", [x]) => lax::slice_in_dim(x, at(0), at(1), number(how, 2), at(3)),
        ("broadcast", [x]) => {
            let sizes = how.split(' ').next().filter(|sizes| !sizes.starts_with('u')).map(integers);
            lax::broadcast(x, sizes.unwrap_or_default().into_iter().map(|n| n as usize).collect::<Vec<_>>())
        }
        ("collapse", [x]) => lax::collapse(x, number(how, 0), number(how, 1)),
        ("map", [x]) => lax::map(|row: &Array| row * row.sum(), x),
        ("axis_size", [x]) => vmap(|x: &Array| x * lax::axis_size("i") as i32).axis_name("i")(x),
        _ => return None,
    })
}

fn scatters(name: &str, x: &[Array]) -> Option<Array> {
    let [x, updates] = x else { return None };
    let numbers = lax::ScatterDimensionNumbers {
        update_window_dims: vec![1],
        inserted_window_dims: vec![0],
        scatter_dims_to_operand_dims: vec![0],
        ..Default::default()
    };
    let (places, options) = (Array::from([[2], [0], [2], [9], [-1]]), lax::IndexOptions::default());
    Some(match name {
        "scatter_add" => lax::scatter_add(x, places, updates, numbers, options),
        "scatter_sub" => lax::scatter_sub(x, places, updates, numbers, options),
        "scatter_mul" => lax::scatter_mul(x, places, updates, numbers, options),
        "scatter_min" => lax::scatter_min(x, places, updates, numbers, options),
        "scatter_max" => lax::scatter_max(x, places, updates, numbers, options),
        _ => return None,
    })
}

fn segments(name: &str, how: &str, x: &Array) -> Option<Array> {
    let ids = if how == "empty" { Array::from(Vec::<i32>::new()) } else { Array::from([2, 0, 2, 9, -1]) };
    let n = if how == "empty" { 2 } else { number(how, 0) };
    Some(match name {
        "segment_sum" => np::segment_sum(x, ids, n),
        "segment_prod" => np::segment_prod(x, ids, n),
        "segment_max" => np::segment_max(x, ids, n),
        "segment_min" => np::segment_min(x, ids, n),
        _ => return None,
    })
}

fn bits_and_numbers(name: &str, how: &str, x: &[Array]) -> Option<Array> {
    let order = || if how.contains("big") { BitOrder::Big } else { BitOrder::Little };
    Some(match (name, x) {
        ("bitwise_or", [x, y]) => np::bitwise_or(x, y),
        ("bitwise_xor", [x, y]) => np::bitwise_xor(x, y),
        ("logical_or", [x, y]) => np::logical_or(x, y),
        ("logical_xor", [x, y]) => np::logical_xor(x, y),
        ("right_shift", [x, y]) => np::right_shift(x, y),
        ("bitwise_count", [x]) => np::bitwise_count(x),
        ("packbits", [x]) => np::packbits(x, number(how, 0), order()),
        ("unpackbits", [x]) => {
            let (axis, count) = (number::<isize>(how, 0), how.split(' ').nth(2)?);
            // JAX counts from the end where the count is negative.
            let bits = 8 * x.shape()[axis.rem_euclid(2) as usize] as isize;
            let count = count.parse::<isize>().ok().map(|n| if n < 0 { bits + n } else { n } as usize);
            np::unpackbits(x, axis, count, order())
        }
        ("spacing", [x]) => np::spacing(x),
        ("ldexp", [x, n]) => np::ldexp(x, n),
        ("ldexp", [x]) => np::ldexp(x, 3),
        ("around", [x]) => np::round_to(x, number(how, 0)),
        ("promote_types", [x, y]) => np::zeros_as(0, promote_types((x.dtype(), false), (y.dtype(), false)).0),
        ("broadcast_shapes", [x, y]) => {
            Array::from(np::broadcast_shapes(x.shape(), y.shape()).iter().map(|n| *n as i32).collect::<Vec<_>>())
        }
        _ => return None,
    })
}

/// What a partition determines: its part below the place, in order, and the element that its indices name there.
fn orders(name: &str, how: &str, x: &[Array]) -> Option<Vec<Array>> {
    Some(match (name, x) {
        ("partition", [x]) => {
            let kth = number::<isize>(how, 1);
            let below = if kth < 0 { x.size() as isize - 1 } else { 2 };
            vec![np::sort(np::partition(x, kth, -1).at(..below).get())]
        }
        ("argpartition", [x]) => {
            let kth = number::<isize>(how, 1);
            vec![np::take(x, np::argpartition(x, kth, -1).at(kth).get())]
        }
        ("sort_complex", [x]) => vec![np::sort_complex(x)],
        ("trim_zeros", [x]) => vec![np::trim_zeros(x)],
        ("sort_key_val", [keys, values]) => {
            let order = np::argsort_axis(keys, -1);
            vec![np::take_along_axis(keys, &order, -1), np::take_along_axis(values, &order, -1)]
        }
        _ => return None,
    })
}

fn places(name: &str, how: &str, x: &[Array]) -> Option<Vec<Array>> {
    let pair = |(x, y): (Array, Array)| vec![x, y];
    let k = || number::<isize>(how, 0);
    Some(match (name, x) {
        ("tri", []) => vec![np::tri(number(how, 0), number(how, 1), number(how, 2))],
        ("tril_indices_from", [x]) => pair(np::tril_indices_from(x, k())),
        ("triu_indices_from", [x]) => pair(np::triu_indices_from(x, k())),
        ("diag_indices_from", [x]) => np::diag_indices_from(x),
        ("put", [x, values]) => vec![np::ravel(x).at(Array::from([4, 0, -1])).set(values).reshape(x.shape())],
        ("insert", [x, values]) if how.starts_with("at ") => {
            vec![np::insert_at(x, number(how, 1), values, number(how, 2))]
        }
        ("insert", [x, values]) => {
            let (at, axis) = how.split_once(' ')?;
            vec![np::insert(x, &integers(at), values, axis.parse().ok()?)]
        }
        ("fromfunction", []) if how.is_empty() => vec![np::fromfunction(|x| &x[0] * 2 - &x[1], [2, 3])],
        ("fromfunction", []) => vec![np::fromfunction(|x| &x[0] * 2 - &x[1], [0, 2])],
        ("apply_along_axis", [x]) => vec![np::apply_along_axis(|v: &Array| v * v.sum(), k(), x)],
        ("apply_over_axes", [x]) => vec![np::apply_over_axes(|x: &Array, axis| x.sum_axis(axis), x, [0, -1])],
        ("piecewise", [x]) => {
            let functions: [&dyn Fn(&Array) -> Array; 3] = [&|v| -v, &|v| v * v, &|v| v + 7];
            vec![np::piecewise(x, [x.real().less(0), x.real().greater(1)], &functions)]
        }
        ("fmod" | "remainder" | "mod" | "floor_divide" | "divmod", [x]) => {
            let n = Array::from(number::<i32>(how, 1));
            let [x, y] = if how.starts_with("by") { [x, &n] } else { [&n, x] };
            match name {
                "fmod" => vec![np::fmod(x, y)],
                "remainder" => vec![np::remainder(x, y)],
                "mod" => vec![x % y],
                "floor_divide" => vec![np::floor_divide(x, y)],
                _ => pair(np::divmod(x, y)),
            }
        }
        ("less", [x, y]) => vec![np::less(x, y)],
        ("less_equal", [x, y]) => vec![np::less_equal(x, y)],
        ("greater", [x, y]) => vec![np::greater(x, y)],
        ("greater_equal", [x, y]) => vec![np::greater_equal(x, y)],
        ("fmax", [x, y]) => vec![np::fmax(x, y)],
        ("fmin", [x, y]) => vec![np::fmin(x, y)],
        ("poly", [x]) => vec![np::poly(x)],
        ("roots", [p]) => vec![np::sort_complex(np::roots(p))],
        ("polyfit", [x, y]) => {
            let places = np::arange_as((0.0, 6.0, 1.0), x.dtype()) / 4;
            vec![np::polyfit(places, y, number(how, 0))]
        }
        ("logspace", []) => {
            let [start, stop, base] = [0, 1, 4].map(|i| number::<f64>(how, i));
            vec![np::logspace_with(start, stop, number(how, 2), how.contains("True"), base)]
        }
        ("linalg.svdvals", [x]) => vec![np::linalg::svdvals(x)],
        _ => return None,
    })
}

fn spectra(name: &str, how: &str, x: &[Array]) -> Option<Array> {
    let axes = |x: &Array| {
        if how.starts_with(['-', '1']) {
            integers(how.split(' ').next().unwrap_or(""))
        } else {
            (0..x.ndim() as isize).collect()
        }
    };
    Some(match (name, x) {
        ("fftfreq", []) => fft::fftfreq(number(how, 0), number(how, 1)),
        ("rfftfreq", []) => fft::rfftfreq(number(how, 0), number(how, 1)),
        ("fftshift", [x]) => fft::fftshift(x, axes(x)),
        ("ifftshift", [x]) => fft::ifftshift(x, axes(x)),
        ("hfft", [x]) => fft::hfft(x, how.parse().ok()),
        ("ihfft", [x]) => fft::ihfft(x, how.parse().ok()),
        _ => return None,
    })
}

fn keys_and_bits(name: &str, how: &str, x: &[Array]) -> Option<Vec<Array>> {
    let key = || random::key(number::<i32>(how, 0));
    Some(match (name, x) {
        ("random.key_data", []) => vec![random::key_data(&key())],
        ("random.clone", []) => vec![random::key_data(&random::clone(&key()))],
        ("random.wrap_key_data", []) => vec![random::bits(random::wrap_key_data(random::key_data(&key())), 2)],
        ("lax.rng_bit_generator", [key]) => {
            let algorithm = match how.split(' ').next()? {
                "RNG_THREE_FRY" => RandomAlgorithm::ThreeFry,
                "RNG_PHILOX" => RandomAlgorithm::Philox,
                _ => RandomAlgorithm::Default,
            };
            let dtype = if how.ends_with("u64") { DType::U64 } else { DType::U32 };
            let (next, bits) = lax::rng_bit_generator(key, [3, 2], dtype, algorithm);
            vec![next, bits]
        }
        _ => return None,
    })
}

fn trees(name: &str, x: &[Array]) -> Option<Vec<Array>> {
    let [x, y] = x else { return None };
    let tree = BTreeMap::from([("b".to_string(), vec![x.clone()]), ("a".to_string(), vec![y.clone(), x + 1])]);
    Some(match name {
        "flatten" => cotangent::tree::leaves(&tree),
        "unflatten" => tree.rebuild(&mut [x * 2, y.clone(), x.clone()].into_iter())["b"].clone(),
        "map" => cotangent::tree::leaves(&tree.zip(&tree, |a, b| a * b + 1)),
        _ => return None,
    })
}

fn elsewhere(name: &str, how: &str, x: &[Array]) -> Option<Array> {
    let axis = || number::<isize>(how, 0);
    Some(match (name, x) {
        ("scipy.special.softmax", [x]) => special::softmax(x, axis()),
        ("scipy.special.log_softmax", [x]) => special::log_softmax(x, axis()),
        ("nn.logsumexp", [x]) => nn::logsumexp_axis(x, axis()),
        ("nn.logsumexp", [x, b]) => nn::logsumexp_weighted(x, -1, b * b),
        ("scipy.stats.poisson.entropy", [mu]) => poisson::entropy(mu, 0.0),
        ("scipy.stats.multinomial.pmf" | "scipy.stats.multinomial.logpmf", [p]) => {
            let counts = if how.is_empty() { vec![1, 2, 1] } else { integers(how) };
            let counts = Array::from(counts.into_iter().map(|n| n as i32).collect::<Vec<_>>());
            if name.ends_with("logpmf") { multinomial::logpmf(counts, 4, p) } else { multinomial::pmf(counts, 4, p) }
        }
        _ => return None,
    })
}

#[test]
fn values_gradients_and_batches_equal_jax() {
    functions::check("array_functions", |full, how, x, _| {
        let full = full.strip_prefix("jax.").expect("a function of JAX");
        let one = |y: Option<Array>| y.map(|y| vec![y]);
        let of = |module: &str| full.strip_prefix(module);
        let found = (of("lax.")
            .and_then(|name| one(slices(name, how, x).or_else(|| scatters(name, x))).or_else(|| orders(name, how, x))))
        .or_else(|| one(segments(of("ops.")?, how, x.first()?)))
        .or_else(|| one(spectra(of("numpy.fft.")?, how, x)))
        .or_else(|| {
            let name = of("numpy.")?;
            one(bits_and_numbers(name, how, x)).or_else(|| orders(name, how, x)).or_else(|| places(name, how, x))
        })
        .or_else(|| trees(of("tree.")?, x))
        .or_else(|| keys_and_bits(full, how, x))
        .or_else(|| one(elsewhere(full, how, x)));
        found.unwrap_or_else(|| panic!("no function {full} ({how})"))
    });
}
