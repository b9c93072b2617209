//! Axes as numbers: from values to positions, ticks, and how numbers are written.

/// Maps a range of values to 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scale {
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) log: bool,
    /// Whether the values are indices, so that ticks are whole numbers.
    pub(crate) whole: bool,
}

impl Scale {
    pub(crate) fn place(&self, value: f64) -> f64 {
        // The ends are at most this far from zero, give or take some space, so the difference does not overflow.
        let value = if value.is_finite() { value.clamp(-1e301, 1e301) } else { value };
        match self.log {
            true => (value.ln() - self.low.ln()) / (self.high.ln() - self.low.ln()),
            false => (value - self.low) / (self.high - self.low),
        }
    }

    /// Ticks with their labels, about `count` of them.
    pub(crate) fn ticks(&self, count: usize) -> Vec<(f64, String)> {
        let decades = if self.log { self.high.log10() - self.low.log10() } else { 0.0 };
        if decades < 1.0 {
            let mut values = ticks((self.low, self.high), count);
            values.retain(|v| !self.log || *v > 0.0);
            if self.whole {
                values.retain(|v| (v - v.round()).abs() < 1e-9);
            }
            let texts = labels(&values);
            return values.into_iter().zip(texts).collect();
        }
        let every = ((decades / count.max(1) as f64).ceil() as i32).max(1);
        let powers = (self.low.log10() - 1e-9).ceil() as i32..=(self.high.log10() + 1e-9).floor() as i32;
        let powers: Vec<i32> = powers.filter(|p| p.rem_euclid(every) == 0).collect();
        if powers.len() < 2 || decades < 2.0 && count > 5 {
            // One or two decades: 1, 2 and 5 of each.
            let from = self.low.log10().floor() as i32;
            let values: Vec<f64> = (from..=self.high.log10().ceil() as i32)
                .flat_map(|p| [1.0, 2.0, 5.0].map(|m| m * 10f64.powi(p)))
                .filter(|v| *v >= self.low * (1.0 - 1e-9) && *v <= self.high * (1.0 + 1e-9))
                .collect();
            return values.into_iter().map(|v| (v, number(v))).collect();
        }
        powers.into_iter().map(|p| (10f64.powi(p), power(p))).collect()
    }

    /// The lesser ticks of a logarithmic axis.
    pub(crate) fn minor(&self) -> Vec<f64> {
        if !self.log || self.high.log10() - self.low.log10() > 8.0 {
            return Vec::new();
        }
        let powers = self.low.log10().floor() as i32..=self.high.log10().ceil() as i32;
        let all = powers.flat_map(|p| (2..10).map(move |m| f64::from(m) * 10f64.powi(p)));
        all.filter(|v| *v >= self.low && *v <= self.high).collect()
    }
}

/// A round step that divides a range into about `count` parts.
pub(crate) fn step(low: f64, high: f64, count: usize) -> f64 {
    let rough = (high - low) / count.max(1) as f64;
    let power = 10f64.powf(rough.log10().floor());
    // The step that comes nearest, as a ratio.
    let fit = |s: &f64| (s * power / rough).ln().abs();
    let best = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().min_by(|a, b| fit(a).total_cmp(&fit(b))).unwrap_or(1.0);
    if (best * power).is_normal() { best * power } else { 1.0 }
}

/// Round numbers inside a range, about `count`.
pub(crate) fn ticks((low, high): (f64, f64), count: usize) -> Vec<f64> {
    let step = step(low, high, count);
    let (from, to) = ((low / step - 1e-6).ceil(), (high / step + 1e-6).floor());
    if to - from > 100.0 || to.abs().max(from.abs()) > 1e15 {
        return vec![low, high];
    }
    (from as i64..=to as i64).map(|i| i as f64 * step).collect()
}

/// Numbers that differ by the same step, written alike.
pub(crate) fn labels(values: &[f64]) -> Vec<String> {
    let greatest = values.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    let step = values.windows(2).map(|w| w[1] - w[0]).fold(f64::INFINITY, f64::min);
    let step = if step.is_finite() { step } else { greatest };
    if greatest >= 1e5 || (greatest > 0.0 && greatest < 1e-3) {
        let exponent = (greatest.log10().floor() as i32).max(f64::MIN_10_EXP);
        let unit = 10f64.powi(exponent);
        let digits = decimals(step / unit);
        let one = |v: &f64| match v / unit {
            m if m.abs() < 1e-9 => "0".to_string(),
            m if (m - 1.0).abs() < 1e-9 && digits == 0 => power(exponent),
            m => format!("{}×{}", fixed(m, digits), power(exponent)),
        };
        return values.iter().map(one).collect();
    }
    let digits = decimals(step);
    values.iter().map(|v| fixed(*v, digits)).collect()
}

/// How many decimals a round step has.
fn decimals(step: f64) -> usize {
    (0..10).find(|d| ((step * 10f64.powi(*d)).round() - step * 10f64.powi(*d)).abs() < 1e-4).unwrap_or(10) as usize
}

/// A number with a number of decimals, and a true minus sign.
pub(crate) fn fixed(x: f64, digits: usize) -> String {
    let text = format!("{x:.digits$}");
    let zero = text.trim_start_matches('-').chars().all(|c| c == '0' || c == '.');
    if zero { text.trim_start_matches('-').to_string() } else { text.replace('-', "\u{2212}") }
}

/// A number with at most four significant digits, as people write it.
pub fn number(x: f64) -> String {
    if !x.is_finite() {
        return if x.is_nan() { "NaN".into() } else { format!("{}∞", if x < 0.0 { "\u{2212}" } else { "" }) };
    }
    let size = x.abs();
    if size == 0.0 {
        return "0".into();
    }
    let exponent = size.log10().floor() as i32;
    if !(-4..6).contains(&exponent) {
        // Powers of ten below the normal numbers are zero, so the digits come from the formatter.
        let text = format!("{x:.2e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (digits, exponent) = (trimmed(mantissa), exponent.parse().unwrap_or(0));
        return if digits == "1" { power(exponent) } else { format!("{digits}×{}", power(exponent)) };
    }
    trimmed(&format!("{x:.*}", (3 - exponent).max(0) as usize))
}

fn trimmed(text: &str) -> String {
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text };
    text.replace('-', "\u{2212}")
}

/// A power of ten.
fn power(exponent: i32) -> String {
    if exponent == 0 {
        return "1".into();
    }
    if exponent == 1 {
        return "10".into();
    }
    let exponent = exponent.to_string();
    let digits = exponent.chars().map(|c| match c {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        c => char::from_u32(0x2070 + (c as u32 - 0x30)).unwrap_or(c),
    });
    format!("10{}", digits.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(low: f64, high: f64, log: bool, count: usize) -> Vec<String> {
        Scale { low, high, log, whole: false }.ticks(count).into_iter().map(|t| t.1).collect()
    }

    #[test]
    fn ticks_are_round_and_written_alike() {
        assert_eq!(
            texts(-1.5, 1.5, false, 6),
            ["\u{2212}1.5", "\u{2212}1.0", "\u{2212}0.5", "0.0", "0.5", "1.0", "1.5"]
        );
        assert_eq!(texts(0.0, 21.0, false, 5), ["0", "5", "10", "15", "20"]);
        assert_eq!(texts(0.0, 3e-6, false, 3), ["0", "10⁻⁶", "2×10⁻⁶", "3×10⁻⁶"]);
        assert_eq!(texts(1e-4, 1e2, true, 7), ["10⁻⁴", "10⁻³", "10⁻²", "10⁻¹", "1", "10", "10²"]);
        assert_eq!(texts(1.0, 30.0, true, 6), ["1", "2", "5", "10", "20"]);
        assert!(texts(1e300, 1.0001e300, false, 5).len() >= 2);
    }

    #[test]
    fn numbers_are_short() {
        let cases = [
            (0.0, "0"),
            (-0.25, "\u{2212}0.25"),
            (1234.56, "1235"),
            (3e-7, "3×10⁻⁷"),
            (1e6, "10⁶"),
            (0.1 + 0.2, "0.3"),
        ];
        for (x, text) in cases {
            assert_eq!(number(x), text);
        }
    }
}
