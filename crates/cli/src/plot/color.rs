//! Colors and color maps.

/// Red, green, blue in 0 to 255 and opacity in 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Color(pub(crate) u8, pub(crate) u8, pub(crate) u8, pub(crate) f64);

impl Color {
    pub(crate) const INK: Color = Color::hex(0x22_2831);
    pub(crate) const SOFT: Color = Color::hex(0x5c_6670);
    pub(crate) const GRID: Color = Color::hex(0xdd_e1e6);
    pub(crate) const WHITE: Color = Color::hex(0xff_ffff);
    pub(crate) const ORANGE: Color = Color::hex(0xe8_590c);
    pub(crate) const BLUE: Color = Color::hex(0x1c_5d99);

    pub(crate) const fn hex(rgb: u32) -> Color {
        Color((rgb >> 16) as u8, (rgb >> 8) as u8, rgb as u8, 1.0)
    }

    pub(crate) const fn fade(self, opacity: f64) -> Color {
        Color(self.0, self.1, self.2, opacity)
    }
}

/// A color map: colors at equal distances, with interpolation between them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Colormap(&'static [u32]);

/// Moreland's diverging map from cool to warm ("Diverging Color Maps for Scientific Visualization", 2009): the
/// control points of `coolwarm` in matplotlib.
pub(crate) const COOLWARM: Colormap = Colormap(&[
    0x3b_4cc0, 0x44_5acc, 0x4e_68d7, 0x58_75e1, 0x62_82ea, 0x6c_8ef1, 0x77_9af7, 0x82_a5fb, 0x8d_b0fe, 0x98_b9ff,
    0xa3_c2ff, 0xae_c9fd, 0xb8_d0f9, 0xc2_d5f4, 0xcc_d9ee, 0xd5_dbe6, 0xdd_dddd, 0xe5_d8d1, 0xec_d3c6, 0xf1_ccb9,
    0xf5_c4ad, 0xf7_bba0, 0xf7_b194, 0xf7_a687, 0xf4_9a7b, 0xf1_8d6f, 0xec_7f63, 0xe5_7057, 0xde_614c, 0xd5_5042,
    0xcb_3e38, 0xc0_282f, 0xb4_0426,
]);

/// From near white to deep blue, so that anything drawn on it stays visible.
pub(crate) const BLUES: Colormap =
    Colormap(&[0x12_365c, 0x22_5f92, 0x4b_8fbd, 0x86_b9d6, 0xbd_d8e8, 0xe2_edf4, 0xf6_f9fb]);

impl Colormap {
    /// The color at `t` in 0 to 1.
    pub(crate) fn at(self, t: f64) -> Color {
        let last = self.0.len() - 1;
        let place = t.clamp(0.0, 1.0) * last as f64;
        let i = (place as usize).min(last - 1);
        let (a, b, f) = (Color::hex(self.0[i]), Color::hex(self.0[i + 1]), place - i as f64);
        let mix = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * f).round() as u8;
        Color(mix(a.0, b.0), mix(a.1, b.1), mix(a.2, b.2), 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_reach_their_ends() {
        assert_eq!(COOLWARM.at(-1.0), Color(59, 76, 192, 1.0));
        assert_eq!(COOLWARM.at(2.0), Color(180, 4, 38, 1.0));
        assert_eq!(COOLWARM.at(0.5), Color(221, 221, 221, 1.0));
    }
}
