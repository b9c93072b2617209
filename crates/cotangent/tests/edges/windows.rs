//! Window reductions against loops over the positions in each window.

use cotangent::extend::bind1;
use cotangent::extend::primitives::{ReduceWindowMax, ReduceWindowMin, ReduceWindowSum, Window};
use cotangent::{lax, prelude::*};

use super::selection::Draws;

/// Returns the flat indices of the elements in each window over a dilated array.
fn windows(shape: &[usize], window: &Window) -> Vec<Vec<usize>> {
    let along = |d: usize| -> Vec<Vec<usize>> {
        let dilated = |n: usize, by: usize| (n * by + 1).saturating_sub(by) as i64;
        let (low, high) = window.padding[d];
        let room = dilated(shape[d], window.base_dilation[d]) + low + high;
        let reach = dilated(window.dimensions[d], window.window_dilation[d]);
        (0..=(room - reach).max(-1))
            .step_by(window.strides[d])
            .filter(|_| room >= reach)
            .map(|start| {
                (0..window.dimensions[d])
                    .map(|i| start + (i * window.window_dilation[d]) as i64 - low)
                    .filter(|at| *at >= 0 && at % window.base_dilation[d] as i64 == 0)
                    .map(|at| at as usize / window.base_dilation[d])
                    .filter(|at| *at < shape[d])
                    .collect()
            })
            .collect()
    };
    let mut all = vec![vec![0]];
    for (d, n) in shape.iter().enumerate() {
        let along = along(d);
        let step = |places: &Vec<usize>, more: &Vec<usize>| -> Vec<usize> {
            places.iter().flat_map(|p| more.iter().map(move |m| p * n + m)).collect()
        };
        all = all.iter().flat_map(|places| along.iter().map(move |more| step(places, more))).collect();
    }
    all
}

/// Compares both modes and the second derivative of Π (1 + xᵢ) − 1 over the elements of each window, which is a reduction
/// by a function of the user, with the definition.
fn derivatives_of_a_product(x: &[f64], shape: &[usize; 2], window: &Window, places: &[Vec<usize>]) {
    let x: Vec<f64> = x.iter().map(|x| x / 200.0).collect();
    let ax = Array::from(x.clone()).reshape(*shape);
    let windows = lax::Window::new(window.dimensions.clone()).strides(window.strides.clone());
    let windows = windows.base_dilation(window.base_dilation.clone()).padding(window.padding.clone());
    let windows = windows.window_dilation(window.window_dilation.clone());
    let joined =
        |x: &Array| lax::reduce_window(x, &Array::scalar(0.0f64), |a: &Array, b: &Array| a * b + a + b, &windows);
    let without = |inside: &[usize], left_out: &[usize]| -> f64 {
        inside.iter().filter(|k| !left_out.contains(k)).map(|k| 1.0 + x[*k]).product()
    };
    let (mut first, mut along) = (vec![0.0; x.len()], vec![0.0; x.len()]);
    for inside in places {
        for i in inside {
            first[*i] += without(inside, &[*i]);
            along[*i] += inside.iter().filter(|j| *j != i).map(|j| without(inside, &[*i, *j])).sum::<f64>();
        }
    }
    let close = |what: &str, got: &Array, expected: &[f64]| {
        let got = got.to_vec::<f64>();
        let far = got.iter().zip(expected).position(|(a, b)| (a - b).abs() > 1e-12 * (1.0 + b.abs()));
        assert!(far.is_none() && got.len() == expected.len(), "{what} of {window:?} over {shape:?}: {far:?}");
    };
    let sum = |x: &Array| joined(x).sum();
    let ones = np::ones_like(&ax);
    close("the gradient", &grad(sum)(&ax).reshape([x.len()]), &first);
    close("the slope of the gradient", &jvp(grad(sum), (&ax,), (&ones,)).1.reshape([x.len()]), &along);
    let sums: Vec<f64> = places.iter().map(|inside| inside.iter().map(|i| without(inside, &[*i])).sum()).collect();
    close("the tangent", &jvp(joined, (&ax,), (&ones,)).1.reshape([sums.len()]), &sums);
}

/// Windows over a dilated array, against the definition.
#[test]
fn windows_see_the_holes_of_a_dilated_base() {
    let mut draws = Draws(5);
    let window = |dimensions: [usize; 2], base: [usize; 2], padding: [(i64, i64); 2]| Window {
        base_dilation: base.to_vec(),
        padding: padding.to_vec(),
        ..Window::new(&dimensions)
    };
    let none = [(0, 0), (0, 0)];
    let mut cases: Vec<([usize; 2], Window)> = Vec::new();
    for shape in [[5, 7], [64, 128]] {
        let large = shape[0] > 5;
        for base in if large { vec![[2, 2]] } else { vec![[2, 2], [1, 2], [3, 1]] } {
            cases.push((shape, window([2, 2], base, none)));
            cases.push((shape, window([1, 1], base, none)));
            cases.push((shape, window([3, 2], base, [(1, 2), (2, 0)])));
            cases.push((shape, Window { strides: vec![2, 3], ..window([3, 4], base, [(0, 0), (1, 1)]) }));
            cases.push((shape, window([1, shape[1]], base, [(0, 0), (shape[1] as i64 - 1, 0)])));
            cases.push((shape, window([shape[0], 1], base, [(shape[0] as i64 - 1, 0), (0, 0)])));
            cases.push((shape, Window { window_dilation: vec![1, 2], ..window([2, 2], base, none) }));
        }
    }
    for (shape, window) in &cases {
        let x: Vec<f64> = (0..shape[0] * shape[1]).map(|_| (draws.number() * 50.0).round()).collect();
        let places = windows(shape, window);
        let fold = |start: f64, f: fn(f64, f64) -> f64| -> Vec<f64> {
            places.iter().map(|w| w.iter().map(|i| x[*i]).fold(start, f)).collect()
        };
        let wide = [DType::F32, DType::I32];
        for &dtype in if shape[0] > 5 { &wide[..] } else { &[DType::F32, DType::F64, DType::BF16, DType::I32] } {
            let ax = Array::from(x.clone()).astype(dtype).reshape(*shape);
            let same = |what: &str, got: Array, expected: &[f64]| {
                let got = got.astype(DType::F64).to_vec::<f64>();
                let bad = got.iter().zip(expected).position(|(a, b)| a != b);
                assert!(
                    bad.is_none() && got.len() == expected.len(),
                    "{what} of {window:?} over {shape:?} in {dtype}: {bad:?}"
                );
            };
            if dtype != DType::BF16 {
                same("sum", bind1(ReduceWindowSum { window: window.clone() }, &[&ax]), &fold(0.0, |a, b| a + b));
                let zero = np::zeros_like(ax.sum()).astype(dtype);
                let general = lax::Window::new(window.dimensions.clone()).strides(window.strides.clone());
                let general = general.base_dilation(window.base_dilation.clone()).padding(window.padding.clone());
                let general = general.window_dilation(window.window_dilation.clone());
                same(
                    "reduction",
                    lax::reduce_window(&ax, &zero, |a: &Array, b: &Array| a + b, &general),
                    &fold(0.0, |a, b| a + b),
                );
            }
            if dtype.is_float() && window.dimensions.iter().product::<usize>() < 13 {
                same(
                    "max",
                    bind1(ReduceWindowMax { window: window.clone() }, &[&ax]),
                    &fold(f64::NEG_INFINITY, f64::max),
                );
                same("min", bind1(ReduceWindowMin { window: window.clone() }, &[&ax]), &fold(f64::INFINITY, f64::min));
            }
        }
        if shape[0] <= 5 {
            derivatives_of_a_product(&x, shape, window, &places);
        }
        // The derivative of the sum with respect to an element is the number of windows that contain it; that of the
        // maximum is the number of windows that select it.
        let ax = Array::from(x.clone()).reshape(*shape);
        let mut taken = vec![0.0; x.len()];
        places.iter().flatten().for_each(|i| taken[*i] += 1.0);
        let sum = |x: &Array| bind1(ReduceWindowSum { window: window.clone() }, &[x]).sum();
        assert_eq!(grad(sum)(&ax).to_vec::<f64>(), taken, "{window:?} over {shape:?}");
        if window.window_dilation == [1, 1] && window.dimensions.iter().product::<usize>() < 13 {
            let max = |x: &Array| {
                let y = bind1(ReduceWindowMax { window: window.clone() }, &[x]);
                np::where_(np::isinf(&y), 0.0, y).sum()
            };
            let weight: f64 = grad(max)(&ax).sum().item();
            assert_eq!(weight, places.iter().filter(|w| !w.is_empty()).count() as f64, "{window:?} over {shape:?}");
        }
    }
}
