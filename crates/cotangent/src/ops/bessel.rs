//! The modified Bessel function of order zero, by the Chebyshev series of the Cephes library (Moshier).

use stablehlo::Value;

use crate::core::array::Array;
use crate::core::aval::Aval;
use crate::core::dtype::DType;
use crate::core::lowering::Lowering;

use super::staged::{self, choose, like};

/// For exp(−x)·I₀(x) on [0, 8]. The last eighteen are all that f32 needs.
const NEAR: [f64; 30] = [
    -4.415_341_646_479_339_4e-18,
    3.330_794_518_822_238_4e-17,
    -2.431_279_846_547_955e-16,
    1.715_391_285_555_133e-15,
    -1.168_533_287_799_345_1e-14,
    7.676_185_498_604_936e-14,
    -4.856_446_783_111_929e-13,
    2.955_052_663_129_64e-12,
    -1.726_826_291_441_556e-11,
    9.675_809_035_373_237e-11,
    -5.189_795_601_635_263e-10,
    2.659_823_724_682_386_6e-9,
    -1.300_025_009_986_248e-8,
    6.046_995_022_541_919e-8,
    -2.670_793_853_940_612e-7,
    1.117_387_539_120_103_7e-6,
    -4.416_738_358_458_750_5e-6,
    1.644_844_807_072_889_6e-5,
    -5.754_195_010_082_104e-5,
    1.885_028_850_958_416_5e-4,
    -5.763_755_745_385_824e-4,
    1.639_475_616_941_335_7e-3,
    -4.324_309_995_050_576e-3,
    1.054_646_039_459_499_8e-2,
    -2.373_741_480_589_947e-2,
    4.930_528_423_967_071e-2,
    -9.490_109_704_804_764e-2,
    1.716_209_015_222_087_7e-1,
    -3.046_826_723_431_984e-1,
    6.767_952_744_094_761e-1,
];

/// For exp(−x)·√x·I₀(x) beyond 8. The last seven are all that f32 needs.
const FAR: [f64; 25] = [
    -7.233_180_487_874_754e-18,
    -4.830_504_485_944_182e-18,
    4.465_621_420_296_76e-17,
    3.461_222_867_697_461e-17,
    -2.827_623_980_516_583_6e-16,
    -3.425_485_619_677_219e-16,
    1.772_560_133_056_526_3e-15,
    3.811_680_669_352_622_4e-15,
    -9.554_846_698_828_307e-15,
    -4.150_569_347_287_222e-14,
    1.540_086_217_521_41e-14,
    3.852_778_382_742_142_6e-13,
    7.180_124_451_383_666e-13,
    -1.794_178_531_506_806_2e-12,
    -1.321_581_184_044_771_4e-11,
    -3.149_916_527_963_241_4e-11,
    1.188_914_710_784_643_9e-11,
    4.940_602_388_224_97e-10,
    3.396_232_025_708_386_5e-9,
    2.266_668_990_498_178e-8,
    2.048_918_589_469_063_8e-7,
    2.891_370_520_834_756_5e-6,
    6.889_758_346_916_824e-5,
    3.369_116_478_255_694_3e-3,
    8.044_904_110_141_088e-1,
];

/// Σ c_k T_k(x/2) by Clenshaw's recurrence, the highest degree first and the constant term halved.
fn chebyshev(x: &Array, coefficients: &[f64]) -> Array {
    let zero = like(x, 0.0);
    let (mut now, mut last, mut before) = (zero.clone(), zero.clone(), zero);
    for c in coefficients {
        (before, last) = (last, now);
        now = x * &last - &before + *c;
    }
    0.5 * (now - before)
}

fn bessel_i0e(args: &[Array]) -> Array {
    let x = args[0].abs();
    let (near, far) = if x.dtype() == DType::F64 { (&NEAR[..], &FAR[..]) } else { (&NEAR[12..], &FAR[18..]) };
    let near = chebyshev(&(0.5 * &x - 2.0), near);
    let far = chebyshev(&(32.0 / &x - 2.0), far) / x.sqrt();
    choose(&x.less_equal(8.0), &near, &far)
}

pub(super) fn lower_bessel_i0e(cx: &mut Lowering<'_>, x: &Value, out: &Aval) -> Value {
    staged::lower(cx, std::slice::from_ref(x), std::slice::from_ref(out), out, bessel_i0e)
}

/// The slope of exp(−|x|)·I₁(x), given its value; at zero, where x divides, it is 1/2.
pub(super) fn bessel_i1e_slope(x: &Array, y: &Array) -> Array {
    let eps = match x.dtype() {
        DType::F16 => 9.765_625e-4,
        DType::BF16 => 7.812_5e-3,
        dtype => staged::epsilon(dtype),
    };
    let away = x.abs().greater(eps);
    let safe = super::select(&away, x, &like(x, eps), x.shape());
    let slope = safe.bessel_i0e() - y * (safe.sign() + 1.0 / &safe);
    super::select(&away, &slope, &like(x, 0.5), x.shape())
}
