//! Floating-point formats of up to 64 bits.

use super::Element;

/// What the largest exponent means.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// Infinities and NaNs.
    Ieee,
    /// A NaN where all other bits are set as well; no infinity.
    Fn,
    /// A NaN in the place of -0; no infinity.
    Fnuz,
    /// Numbers as any other.
    Finite,
}

#[derive(Clone, Copy)]
struct Format {
    exponent: u32,
    mantissa: u32,
    bias: i32,
    kind: Kind,
}

fn format(element: &Element) -> Option<Format> {
    use Element::*;
    let f = |exponent, mantissa, bias, kind| Some(Format { exponent, mantissa, bias, kind });
    match element {
        F4E2M1FN => f(2, 1, 1, Kind::Finite),
        F6E2M3FN => f(2, 3, 1, Kind::Finite),
        F6E3M2FN => f(3, 2, 3, Kind::Finite),
        F8E3M4 => f(3, 4, 3, Kind::Ieee),
        F8E4M3 => f(4, 3, 7, Kind::Ieee),
        F8E4M3FN => f(4, 3, 7, Kind::Fn),
        F8E4M3FNUZ => f(4, 3, 8, Kind::Fnuz),
        F8E4M3B11FNUZ => f(4, 3, 11, Kind::Fnuz),
        F8E5M2 => f(5, 2, 15, Kind::Ieee),
        F8E5M2FNUZ => f(5, 2, 16, Kind::Fnuz),
        BF16 => f(8, 7, 127, Kind::Ieee),
        F16 => f(5, 10, 15, Kind::Ieee),
        TF32 => f(8, 10, 127, Kind::Ieee),
        F32 => f(8, 23, 127, Kind::Ieee),
        F64 => f(11, 52, 1023, Kind::Ieee),
        _ => None,
    }
}

/// The number that `bits` encode, if `element` is a floating-point type.
pub(super) fn decode(bits: u64, element: &Element) -> Option<f64> {
    match element {
        Element::F64 => return Some(f64::from_bits(bits)),
        Element::F8E8M0FNU if bits & 255 == 255 => return Some(f64::NAN),
        Element::F8E8M0FNU => return Some(2f64.powi((bits & 255) as i32 - 127)),
        _ => {}
    }
    let Format { exponent, mantissa, bias, kind } = format(element)?;
    let negative = bits >> (exponent + mantissa) & 1 == 1;
    let magnitude = bits & ((1 << (exponent + mantissa)) - 1);
    let (e, m) = ((magnitude >> mantissa) as i32, magnitude & ((1 << mantissa) - 1));
    let last = e == (1 << exponent) - 1;
    let value = match kind {
        Kind::Ieee if last && m != 0 => f64::NAN,
        Kind::Ieee if last => f64::INFINITY,
        Kind::Fn if magnitude == (1 << (exponent + mantissa)) - 1 => f64::NAN,
        Kind::Fnuz if negative && magnitude == 0 => return Some(f64::NAN),
        _ if e == 0 => m as f64 * 2f64.powi(1 - bias - mantissa as i32),
        _ => (m | 1 << mantissa) as f64 * 2f64.powi(e - bias - mantissa as i32),
    };
    Some(if negative { -value } else { value })
}

/// The bits of the number nearest to `x`, if `element` is a floating-point type.
pub(super) fn encode(x: f64, element: &Element) -> Option<u64> {
    match element {
        Element::F64 => return Some(x.to_bits()),
        Element::F32 => return Some((x as f32).to_bits().into()),
        Element::F8E8M0FNU if x.is_nan() || x <= 0.0 => return Some(255),
        Element::F8E8M0FNU => return Some(((x.log2().round_ties_even() as i64).clamp(-127, 127) + 127) as u64),
        _ => {}
    }
    let Format { exponent, mantissa, bias, kind } = format(element)?;
    let sign = u64::from(x.is_sign_negative()) << (exponent + mantissa);
    let all = (1u64 << (exponent + mantissa)) - 1;
    let infinity = all ^ ((1 << mantissa) - 1);
    // What stands for numbers that are too large, and the largest number.
    let (over, max) = match kind {
        Kind::Ieee => (infinity, infinity - 1),
        Kind::Fn => (all, all - 1),
        Kind::Fnuz => (1 << (exponent + mantissa), all),
        Kind::Finite => (all, all),
    };
    if x.is_nan() {
        return Some(match kind {
            Kind::Ieee => sign | infinity | 1 << (mantissa - 1),
            Kind::Fnuz | Kind::Finite => over,
            Kind::Fn => sign | over,
        });
    }
    let x = x.abs();
    let e = ((x.to_bits() >> 52) as i32 - 1023).max(1 - bias);
    // A power of two times `x` is exact, and adding the rounded mantissa to the exponent carries into it.
    let bits = if x.is_finite() {
        let m = (x * 2f64.powi(mantissa as i32 - e)).round_ties_even() as u64;
        (((e + bias - 1) as u64) << mantissa) + m
    } else {
        u64::MAX
    };
    Some(match kind {
        _ if bits <= max && (bits != 0 || kind != Kind::Fnuz) => sign | bits,
        _ if bits == 0 => 0,
        Kind::Fnuz => over,
        _ => sign | over,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_narrow_numbers_come_back() {
        for (element, _) in &super::super::element::NAMES {
            let Some(bits) = element.bits().filter(|&b| b <= 16 && element.is_float()) else { continue };
            for code in 0..1u64 << bits {
                let x = decode(code, element).unwrap();
                if !x.is_nan() {
                    assert_eq!(encode(x, element), Some(code), "{element} {code:#x} {x}");
                }
            }
            assert!(*element == Element::F4E2M1FN || decode(encode(f64::NAN, element).unwrap(), element).is_some());
        }
    }

    #[test]
    fn known_numbers() {
        // From ml_dtypes.
        for (x, element, bits) in [
            (1.0, Element::F16, 0x3C00),
            (65519.0, Element::F16, 0x7BFF),
            (65520.0, Element::F16, 0x7C00),
            (2f64.powi(-25), Element::F16, 0),
            (1.5 * 2f64.powi(-25), Element::F16, 1),
            (3.140625, Element::BF16, 0x4049),
            (448.0, Element::F8E4M3FN, 0x7E),
            (1e4, Element::F8E4M3FN, 0x7F),
            (-57344.0, Element::F8E5M2, 0xFB),
            (240.0, Element::F8E4M3FNUZ, 0x7F),
            (f64::NAN, Element::F8E4M3FNUZ, 0x80),
            (-0.0, Element::F8E4M3FNUZ, 0),
            (2.0, Element::F8E8M0FNU, 128),
            (6.0, Element::F4E2M1FN, 7),
        ] {
            assert_eq!(encode(x, &element), Some(bits), "{element} {x}");
        }
    }
}
