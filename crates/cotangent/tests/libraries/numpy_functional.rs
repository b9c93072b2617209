//! Functions of functions, packed bits, roots and fits of polynomials, against the results of JAX 0.10.2, which are
//! written here.

use super::goldens_lib::floats;

use cotangent::fft;
use cotangent::lax;
use cotangent::nn::layers::{Linear, SpectralNorm, WeightNorm};
use cotangent::numpy::BitOrder;
use cotangent::prelude::*;

fn close(x: &Array, expected: &[f64], tolerance: f64) {
    let got = floats(x);
    assert_eq!(got.len(), expected.len(), "{got:?} and {expected:?}");
    let off = got.iter().zip(expected).any(|(a, b)| (a - b).abs() > tolerance * (1.0 + b.abs()));
    assert!(!off, "{got:?} instead of {expected:?}");
}

fn wave(n: usize) -> Array {
    Array::from((0..n).map(|i| (1.3 * i as f64).cos()).collect::<Vec<f64>>())
}

#[test]
fn functions_are_applied_along_axes() {
    let x = wave(6).reshape([2, 3]);
    let both = np::apply_along_axis(|v: &Array| np::stack([v.sum(), v.max()], 0), 1, &x);
    close(&both, &[0.4106100797653198, 1.0, 0.7191720008850098, 0.9765876531600952], 1e-6);
    let outer = np::apply_along_axis(|v: &Array| np::outer(v, v), 0, &x);
    assert_eq!(outer.shape(), [2, 2, 3]);
    close(&outer.at((1, 0)).get(), &[-0.7259323000907898, 0.12532766163349152, -0.8368269801139832], 1e-6);
    // The gradient of Σ (Σ row)² is twice the sum of the row.
    let slope = grad(|x: &Array| np::apply_along_axis(|v: &Array| v.sum().square(), 1, x).sum())(&x);
    close(&slope, &[0.8212201595, 0.8212201595, 0.8212201595, 1.4383440018, 1.4383440018, 1.4383440018], 1e-6);
    let conditions = [[true, false, true, false], [false, false, true, true]].map(|c| Array::from(c.to_vec()));
    let functions: [&dyn Fn(&Array) -> Array; 3] = [&|x: &Array| -x, &|x: &Array| x * 2.0, &|x: &Array| x + 7.0];
    let y = np::piecewise(np::array([-2.0, 0.0, 1.0, 3.0]), conditions, &functions);
    assert_eq!(y.to_vec::<f32>(), [2.0, 7.0, 2.0, 6.0]);
}

#[test]
fn bits_and_places() {
    let spacing = np::spacing(np::array([1.0, -3.0, 0.0, 1e10, f64::INFINITY])).to_vec::<f32>();
    assert_eq!(spacing[..4], [f32::EPSILON, -2.0 * f32::EPSILON, f32::from_bits(1), 1024.0]);
    assert!(spacing[4].is_nan());
    let bits = np::array([[1, 0, 1, 1, 0, 0, 0, 1, 1, 1]]);
    assert_eq!(np::packbits(&bits, 1, BitOrder::Big).to_vec::<u8>(), [177, 192]);
    assert_eq!(np::packbits(np::ravel(&bits), 0, BitOrder::Little).to_vec::<u8>(), [141, 3]);
    let bytes = Array::from(vec![178u8, 192]);
    let unpacked = np::unpackbits(&bytes, 0, None, BitOrder::Big).to_vec::<u8>();
    assert_eq!(unpacked, [1, 0, 1, 1, 0, 0, 1, 0, 1, 1, 0, 0, 0, 0, 0, 0]);
    let x = np::arange(6).reshape([2, 3]);
    let y = np::insert(&x, &[1, 3, 1], np::array([7, 8, 9]), 1);
    assert_eq!(y.to_vec::<i32>(), [0, 7, 9, 1, 2, 8, 3, 7, 9, 4, 5, 8]);
    assert_eq!(np::insert(np::arange(3), &[-1], 9, 0).to_vec::<i32>(), [0, 1, 9, 2]);
    assert_eq!(lax::collapse(lax::broadcast(np::ones(2), (3, 4)), 0, 2).shape(), [12, 2]);
}

#[test]
fn polynomials_have_roots_and_fit_points() {
    close(&np::poly(np::array([1.0, 2.0, -3.0, 0.5])), &[1.0, -0.5, -7.0, 9.5, -3.0], 1e-6);
    close(&np::poly(np::array([[1.0, 2.0], [3.0, 4.0]])).real(), &[1.0, -5.0, -2.0], 1e-5);
    let roots = np::sort_complex(np::roots(np::array([2.0, -3.0, 5.0, 1.0])));
    close(&roots.real(), &[-0.1785859614610672, 0.8392928838729858, 0.8392928838729858], 1e-5);
    close(&roots.imag(), &[0.0, -1.4475351572036743, 1.4475351572036743], 1e-5);
    let x = np::arange(6.0);
    let fit = np::polyfit(&x, (1.3 * &x).cos(), 2);
    close(&fit, &[0.2763965129852295, -1.3643553256988525, 1.0655502080917358], 1e-4);
}

#[test]
fn spectra_that_are_real() {
    let x = np::array([1.0, 2.0, 0.5]).complex(np::array([2.0, -1.0, 0.3]));
    let expected = [6.0, -0.12239086627960205, -3.673255443572998, -0.1808466911315918, 2.9764928817749023];
    close(&fft::hfft(&x, Some(5)), &expected, 1e-6);
    close(&fft::hfft(&x, None), &[5.5, -1.5, -2.5, 2.5], 1e-6);
    let y = fft::ihfft(np::array([1.0, 2.0, -0.5, 3.0]), None);
    close(&y.real(), &[1.375, 0.375, -1.125], 1e-6);
    close(&y.imag(), &[0.0, -0.25, 0.0], 1e-6);
}

/// Against Flax 0.12's layers of the same names, with the same weights.
#[test]
fn normalized_weights_are_those_of_flax() {
    let weight = wave(12).reshape([3, 4]).astype(DType::F32);
    let layer = Linear { weight: weight.clone(), bias: Some(np::array([0.1, 0.2, 0.3, 0.4])) };
    let x = np::arange(6.0).sin().reshape([2, 3]);
    let norm = WeightNorm { scale: vec![np::array([1.0, 2.0, 0.5, 1.5])], ..WeightNorm::new(layer.clone()) };
    let expected = [
        0.006462723016738892,
        2.5472514629364014,
        0.6484250426292419,
        -0.7764511108398438,
        0.36197176575660706,
        -2.000326633453369,
        -0.11301955580711365,
        1.359012246131897,
    ];
    close(&norm.layer().call(&x), &expected, 1e-6);
    let preserving = WeightNorm::preserving(layer.clone());
    close(&preserving.layer().weight, &floats(&weight), 1e-6);
    let u = vec![np::array([0.5, -0.2, 0.3, 0.8])];
    let spectral = SpectralNorm { inner: layer, u, n_steps: 2, epsilon: 1e-12 };
    let (normalized, next) = spectral.update();
    let expected = [
        0.037024445831775665,
        0.9667556285858154,
        0.773188054561615,
        -0.11360117793083191,
        0.2763769030570984,
        -0.5187610983848572,
        -0.26091235876083374,
        0.8186742067337036,
    ];
    close(&normalized.call(&x), &expected, 1e-6);
    let expected = [-0.4755699038505554, -0.56072998046875, 0.175580695271492, 0.6546652317047119];
    close(&next.u[0], &expected, 1e-6);
    let slope = grad(|s: &SpectralNorm<Linear>| s.layer().call(&x).square().sum())(&spectral);
    let expected = [
        -0.5896786451339722,
        -0.8248493671417236,
        0.19333630800247192,
        0.9957091808319092,
        -1.0437756776809692,
        0.3086458444595337,
        1.2358695268630981,
        0.39299505949020386,
        -0.416157066822052,
        1.3023061752319336,
        1.0970804691314697,
        -0.7390816807746887,
    ];
    close(&slope.inner.weight, &expected, 1e-5);
    close(&slope.u[0], &[0.0; 4], 1e-9);
}
