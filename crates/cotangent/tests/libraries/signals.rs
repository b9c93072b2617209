//! `scipy::signal`, `scipy::fft`, `scipy::ndimage`, `scipy::optimize` and `image`, with slopes, against stored results of
//! JAX.

use super::goldens_lib;

use cotangent::fft::Norm;
use cotangent::image::{self, ResizeMethod};
use cotangent::numpy::Overlap;
use cotangent::prelude::*;
use cotangent::scipy::fft;
use cotangent::scipy::ndimage::{self, Boundary};
use cotangent::scipy::optimize::{self, Bfgs};
use cotangent::scipy::signal::{self, Average, Method, Scaling, Spectral, Trend};
use goldens_lib::laws::{self, Call, Calls};
use goldens_lib::{cases, floats, run_all, shape};
use serde_json::Value;

/// The arguments, as in `make_signals.py`.
fn wave(shape: &[usize]) -> Array {
    let values: Vec<f64> = (0..shape.iter().product()).map(|i: usize| (1.3 * (i as f64).powf(1.1)).cos()).collect();
    Array::from_vec(values, shape).unwrap()
}

fn complex_wave(shape: &[usize]) -> Array {
    wave(shape).complex((2.0 * wave(shape)).sin())
}

fn kernel(shape: &[usize]) -> Array {
    wave(shape) + 0.5
}

pub(super) fn overlap(name: &str) -> Overlap {
    match name {
        "full" => Overlap::Full,
        "same" => Overlap::Same,
        _ => Overlap::Valid,
    }
}

fn norm(name: &str) -> Norm {
    if name == "ortho" { Norm::Ortho } else { Norm::Backward }
}

pub(super) fn method(name: &str) -> ResizeMethod {
    match name {
        "nearest" => ResizeMethod::Nearest,
        "linear" => ResizeMethod::Linear,
        "lanczos3" => ResizeMethod::Lanczos3,
        "lanczos5" => ResizeMethod::Lanczos5,
        "cubic" => ResizeMethod::Cubic,
        "cubic-pytorch" => ResizeMethod::CubicPytorch,
        _ => ResizeMethod::Area,
    }
}

fn segments(nperseg: usize) -> Spectral {
    Spectral { nperseg: Some(nperseg), ..Spectral::default() }
}

fn rosenbrock(x: &Array) -> Array {
    let n = x.size();
    let (low, high) = (x.slice_axis(0, 0, n - 1), x.slice_axis(0, 1, n));
    (100.0 * (high - low.square()).square() + (1.0 - low).square()).sum()
}

fn found(f: fn(&Array) -> Array, x: &Array) -> Vec<Array> {
    let r = optimize::minimize(f, x, &Bfgs::default());
    vec![r.x, r.fun, r.jac, r.success, r.status, r.nit]
}

/// The function of a case, and its argument.
type Case<'a> = (Box<dyn Fn(&Array) -> Vec<Array> + Send + Sync + 'a>, Array);

fn one<'a>(f: impl Fn(&Array) -> Array + Send + Sync + 'a, x: Array) -> Case<'a> {
    (Box::new(move |x| vec![f(x)]), x)
}

fn many<'a>(f: impl Fn(&Array) -> Vec<Array> + Send + Sync + 'a, x: Array) -> Case<'a> {
    (Box::new(f), x)
}

fn case(name: &str) -> Case<'_> {
    let words: Vec<&str> = name.split(' ').collect();
    let direct = Method::Direct;
    match words[..] {
        ["convolve", m] => one(move |x| signal::convolve(x, kernel(&[3, 2]), overlap(m), direct), wave(&[5, 4])),
        ["convolve", _, m] => one(move |x| signal::convolve(kernel(&[3]), x, overlap(m), direct), wave(&[6])),
        ["correlate", m] => {
            let f = move |x: &Array| signal::correlate(x, complex_wave(&[3]), overlap(m), direct);
            one(f, complex_wave(&[6]))
        }
        ["convolve2d", m] => one(move |x| signal::convolve2d(x, kernel(&[2, 3]), overlap(m)), wave(&[4, 5])),
        ["correlate2d", m] => one(move |x| signal::correlate2d(x, kernel(&[2, 2]), overlap(m)), wave(&[3, 4])),
        ["correlate2d", _, m] => one(move |x| signal::correlate2d(x, kernel(&[3, 4]), overlap(m)), wave(&[2, 3])),
        ["fftconvolve", "axes"] => {
            one(|x| signal::fftconvolve_axes(x, kernel(&[3, 4]), Overlap::Full, 0), wave(&[5, 4]))
        }
        ["fftconvolve", "complex"] => {
            one(|x| signal::convolve(x, kernel(&[3]), Overlap::Same, Method::Fft), complex_wave(&[5]))
        }
        ["fftconvolve", m] => one(move |x| signal::fftconvolve(x, kernel(&[3, 2]), overlap(m)), wave(&[5, 4])),
        ["detrend", "constant"] => one(|x| signal::detrend(x, 0, Trend::Constant, &[]), wave(&[5, 2])),
        ["detrend", _] => one(|x| signal::detrend(x, -1, Trend::Linear, &[4]), wave(&[2, 9])),
        ["stft"] => {
            let options = Spectral { fs: 2.0, ..segments(8) };
            many(move |x| <[Array; 3]>::from(signal::stft(x, &options)).to_vec(), wave(&[2, 30]))
        }
        ["stft", "plain"] => {
            let (noverlap, nfft, window) = (Some(4), Some(8), Some(kernel(&[6])));
            let options = Spectral { noverlap, nfft, window, boundary: false, padded: false, ..segments(6) };
            many(move |x| <[Array; 3]>::from(signal::stft(x, &options)).to_vec(), wave(&[20]))
        }
        ["stft", _] => {
            let options = Spectral { return_onesided: false, ..segments(4) };
            many(move |x| <[Array; 3]>::from(signal::stft(x, &options)).to_vec(), complex_wave(&[11]))
        }
        ["istft"] => many(
            |x| {
                let spectra = signal::stft(x, &segments(8)).2;
                <[Array; 2]>::from(signal::istft(spectra, &segments(8))).to_vec()
            },
            wave(&[24]),
        ),
        ["istft", _] => {
            let (noverlap, nfft) = (Some(2), Some(8));
            let options = Spectral { fs: 4.0, noverlap, nfft, boundary: false, ..segments(6) };
            many(move |z| <[Array; 2]>::from(signal::istft(z, &options)).to_vec(), complex_wave(&[5, 4]))
        }
        ["welch"] => {
            let options = Spectral { fs: 3.0, ..segments(8) };
            many(move |x| <[Array; 2]>::from(signal::welch(x, &options)).to_vec(), wave(&[40]))
        }
        ["welch", "median"] => {
            let (detrend, scaling, average) = (Some(Trend::Linear), Scaling::Spectrum, Average::Median);
            let options = Spectral { detrend, scaling, average, ..segments(7) };
            many(move |x| <[Array; 2]>::from(signal::welch(x, &options)).to_vec(), wave(&[2, 40]))
        }
        ["welch", _] => {
            let options = Spectral { axis: 0, return_onesided: false, detrend: None, ..segments(8) };
            many(move |x| <[Array; 2]>::from(signal::welch(x, &options)).to_vec(), wave(&[20, 2]))
        }
        ["csd"] => {
            let f = |x: &Array| <[Array; 2]>::from(signal::csd(x, wave(&[26]), &segments(8))).to_vec();
            many(f, wave(&[30]).square())
        }
        ["dct", "n"] => one(|x| fft::dct(x, Some(7), 0, Norm::Backward), wave(&[5, 2])),
        ["dct", "complex"] => one(|x| fft::dct(x, None, -1, Norm::Backward), complex_wave(&[4])),
        ["dct", n] => one(move |x| fft::dct(x, None, -1, norm(n)), wave(&[2, 5])),
        ["idct", n] => one(move |x| fft::idct(x, None, -1, norm(n)), wave(&[2, 6])),
        ["dctn", n] => one(move |x| fft::dctn(x, None, (), norm(n)), wave(&[3, 4, 2])),
        ["idctn", n] => one(move |x| fft::idctn(x, None, (0, 2), norm(n)), wave(&[3, 4, 2])),
        ["resize", m, antialias] => {
            one(move |x| image::resize(x, (7, 3, 2), method(m), antialias == "True"), wave(&[4, 5, 2]))
        }
        ["scale_and_translate", m] => {
            let moves = np::array_as([[1.3, 0.7], [0.4, -0.6]], DType::F64);
            let run = move |x: &Array, moves: &Array, antialias: bool| {
                let (scale, by) = (moves.at(0).get(), moves.at(1).get());
                image::scale_and_translate(x, (5, 4), (0, 1), scale, by, method(m), antialias)
            };
            match m {
                "cubic-pytorch" => one(move |x| run(x, &moves, false), wave(&[4, 5])),
                _ => one(move |moves| run(&wave(&[4, 5]), moves, true), moves),
            }
        }
        ["map_coordinates", mode, order] => {
            let mode = match mode {
                "constant" => Boundary::Constant(0.7),
                "nearest" => Boundary::Nearest,
                "wrap" => Boundary::Wrap,
                "mirror" => Boundary::Mirror,
                _ => Boundary::Reflect,
            };
            let order = if order == "0" { 0 } else { 1 };
            let f =
                move |c: &Array| ndimage::map_coordinates(wave(&[4, 3]), [c.at(0).get(), c.at(1).get()], order, mode);
            one(f, 6.0 * wave(&[2, 8]))
        }
        ["minimize", "rosenbrock"] => many(|x| found(rosenbrock, x), Array::from(vec![-1.2, 1.0, 0.5])),
        ["minimize", _] => {
            let f = |x: &Array| (x.cos() + 0.1 * x.square() * np::arange_as((1, 4), DType::F64)).sum();
            many(move |x| found(f, x), wave(&[3]))
        }
        _ => panic!("no function is called {name}"),
    }
}

fn stored(x: &Value) -> Vec<f64> {
    let list = x.as_array().expect("a list");
    list.iter().flat_map(|x| if x.is_array() { stored(x) } else { vec![x.as_f64().expect("a number")] }).collect()
}

fn difference(what: &str, got: &Array, expected: &Value) -> Option<String> {
    let (got, expected) = (floats(got), stored(expected));
    if got.len() != expected.len() {
        return Some(format!("{what}: {} numbers instead of {}", got.len(), expected.len()));
    }
    // Minima are found to the square root of the precision of the gradient's bound.
    let (rtol, atol) = if what.starts_with("minimize") { (1e-6, 1e-6) } else { (1e-8, 1e-10) };
    let found = got.iter().zip(&expected).find(|(a, b)| (*a - *b).is_nan() || (*a - *b).abs() > atol + rtol * b.abs());
    found.map(|(a, b)| format!("{what}: {a} instead of {b}"))
}

#[test]
fn values_and_slopes_equal_jax() {
    run_all(&cases("signals"), |stored| {
        let name = stored["name"].as_str().expect("a name");
        let (f, x) = case(name);
        // Value, slope, and a batch of two, in one program.
        let with_slope = !stored["slope"].is_null();
        let all = |x: &Array| {
            let total = |x: &Array| {
                let all = f(x).into_iter().filter(|y| y.dtype().is_float() || y.dtype().is_complex());
                all.map(|y| y.real().square().sum() + y.imag().square().sum()).reduce(|a, b| a + b).expect("a result")
            };
            let slope = if with_slope { grad(total)(x) } else { np::zeros(0) };
            let batch = vmap(|x: &Array| f(x).pop().expect("a result"))(&np::stack([x, &(0.5 * x)], 0));
            (f(x), slope, batch)
        };
        let (values, slope, batch) = jit(all)(&x);
        let alone = f(&x).pop().expect("a result");
        let (a, b) = (floats(&batch.at(0).get()), floats(&alone));
        if a.iter().zip(&b).any(|(a, b)| (a - b).abs() > 1e-6 + 1e-6 * b.abs()) {
            return Some(format!("{name}: in a batch {a:?}, alone {b:?}"));
        }
        assert_eq!(values.len(), stored["outputs"].as_array().expect("a list").len(), "{name}");
        for (i, y) in values.iter().enumerate() {
            if y.shape() != shape(&stored["shapes"][i]) {
                return Some(format!("{name}: result {i} is {} instead of {}", y.aval(), stored["shapes"][i]));
            }
            let what = difference(name, y, &stored["outputs"][i]);
            if what.is_some() {
                return what;
            }
        }
        if with_slope { difference(&format!("{name}, slope"), &slope, &stored["slope"]) } else { None }
    });
}

/// The functions without a stored slope.
#[test]
fn slopes_that_jax_lacks_are_those_of_differences() {
    let mut calls = Calls::new();
    for stored in cases("signals").iter().filter(|stored| stored["slope"].is_null()) {
        let name = stored["name"].as_str().expect("a name");
        calls.insert(name.to_string(), vec![Call::new("", vec![case(name).1])]);
    }
    laws::check("signals", &calls, |name, _, x| case(name).0(&x[0]));
}
