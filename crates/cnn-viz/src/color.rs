//! Colours, the palette that colour-blind readers can tell apart, and colour maps.

/// An opaque sRGB colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Color {
    /// Red, 0 to 255.
    pub r: u8,
    /// Green, 0 to 255.
    pub g: u8,
    /// Blue, 0 to 255.
    pub b: u8,
}

impl Color {
    /// White: the background of every chart.
    pub const WHITE: Color = Color::hex(0xff_ff_ff);
    /// Titles and cell text.
    pub const INK: Color = Color::hex(0x1f_23_28);
    /// Axis labels and notes.
    pub const MUTED: Color = Color::hex(0x5a_63_6e);
    /// Axis lines.
    pub const AXIS: Color = Color::hex(0x8c_95_9f);
    /// Grid lines.
    pub const GRID: Color = Color::hex(0xe6_e9_ed);

    /// The colour `0xrrggbb`.
    pub const fn hex(rgb: u32) -> Self {
        Self { r: (rgb >> 16) as u8, g: (rgb >> 8) as u8, b: rgb as u8 }
    }

    /// As CSS writes it: `#rrggbb`.
    pub fn css(self) -> String {
        format!("#{:02x}{:02x}{:02x}", self.r, self.g, self.b)
    }

    /// The colour a fraction `t` (0 to 1) of the way from `self` to `other`, in sRGB.
    #[must_use]
    pub fn mix(self, other: Color, t: f32) -> Self {
        let t = t.clamp(0.0, 1.0);
        let mix = |a: u8, b: u8| (f32::from(a) + (f32::from(b) - f32::from(a)) * t).round() as u8;
        Self { r: mix(self.r, other.r), g: mix(self.g, other.g), b: mix(self.b, other.b) }
    }

    /// Ink or white, whichever is easier to read on this colour.
    /// Source: relative luminance and contrast ratio of WCAG 2.2.
    #[must_use]
    pub fn text_on(self) -> Self {
        let contrast = |a: f32, b: f32| (a.max(b) + 0.05) / (a.min(b) + 0.05);
        let here = self.luminance();
        if contrast(here, Self::INK.luminance()) >= contrast(here, 1.0) {
            Self::INK
        } else {
            Self::WHITE
        }
    }

    fn luminance(self) -> f32 {
        let linear = |v: u8| {
            let v = f32::from(v) / 255.0;
            if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(self.r) + 0.7152 * linear(self.g) + 0.0722 * linear(self.b)
    }
}

/// Line colours that people with any common colour blindness can tell apart: blue and vermillion first.
/// Source: Okabe and Ito, "Color Universal Design" (2008), without its yellow, which is too pale on white.
pub const PALETTE: [Color; 7] = [
    Color::hex(0x00_72_b2),
    Color::hex(0xd5_5e_00),
    Color::hex(0x00_9e_73),
    Color::hex(0xcc_79_a7),
    Color::hex(0xe6_9f_00),
    Color::hex(0x56_b4_e9),
    Color::hex(0x00_00_00),
];

/// How a number between 0 and 1 becomes a colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colormap {
    /// Black to white.
    #[default]
    Gray,
    /// Nearly white to a dark blue: the scale of confusion matrices.
    Blues,
    /// Black through purple and orange to pale yellow, as the course shows feature maps.
    /// Source: eleven stops of matplotlib's `inferno`, straight lines between them.
    Inferno,
    /// Blue through nearly white to red, for numbers with a sign: 0 in the middle of the range is the white.
    /// Source: seven stops of the scale `RdBu` of Cynthia Brewer, which colour-blind readers can tell apart.
    Diverging,
}

/// What [`Colormap::color`] gives for NaN: a colour that is in none of the maps.
pub(crate) const NOT_A_NUMBER: Color = Color::hex(0x00_d0_a0);

const BLUES: [Color; 5] = [
    Color::hex(0xf3_f7_fb),
    Color::hex(0xbc_d8_ec),
    Color::hex(0x7d_b7_df),
    Color::hex(0x2f_86_c1),
    Color::hex(0x00_4f_86),
];
const INFERNO: [Color; 11] = [
    Color::hex(0x00_00_04),
    Color::hex(0x16_0b_39),
    Color::hex(0x42_0a_68),
    Color::hex(0x6a_17_6e),
    Color::hex(0x93_26_67),
    Color::hex(0xbc_37_54),
    Color::hex(0xdd_51_3a),
    Color::hex(0xf3_78_19),
    Color::hex(0xfc_a5_0a),
    Color::hex(0xf6_d7_46),
    Color::hex(0xfc_ff_a4),
];

const DIVERGING: [Color; 7] = [
    Color::hex(0x21_66_ac),
    Color::hex(0x67_a9_cf),
    Color::hex(0xd1_e5_f0),
    Color::hex(0xf7_f7_f7),
    Color::hex(0xfd_db_c7),
    Color::hex(0xef_8a_62),
    Color::hex(0xb2_18_2b),
];

impl Colormap {
    /// The colour of `t`; values outside 0 to 1 are clamped, NaN gets a green that no map holds.
    pub fn color(self, t: f32) -> Color {
        if t.is_nan() {
            return NOT_A_NUMBER;
        }
        let stops: &[Color] = match self {
            Self::Gray => &[Color::hex(0), Color::WHITE],
            Self::Blues => &BLUES,
            Self::Inferno => &INFERNO,
            Self::Diverging => &DIVERGING,
        };
        let position = t.clamp(0.0, 1.0) * (stops.len() - 1) as f32;
        let i = (position as usize).min(stops.len() - 2);
        stops[i].mix(stops[i + 1], position - i as f32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_hit_their_ends_and_mark_nan() {
        assert_eq!(Colormap::Gray.color(0.0), Color::hex(0));
        assert_eq!(Colormap::Gray.color(7.0), Color::WHITE);
        assert_eq!(Colormap::Gray.color(128.0 / 255.0), Color::hex(0x80_80_80));
        assert_eq!(Colormap::Inferno.color(1.0), Color::hex(0xfc_ff_a4));
        assert_eq!(Colormap::Diverging.color(0.5), Color::hex(0xf7_f7_f7));
        assert_eq!(Colormap::Blues.color(f32::NAN), NOT_A_NUMBER);
    }

    #[test]
    fn text_is_readable_on_every_map_colour() {
        for map in [Colormap::Gray, Colormap::Blues, Colormap::Inferno, Colormap::Diverging] {
            for i in 0..=100u8 {
                let back = map.color(f32::from(i) / 100.0);
                let (a, b) = (back.luminance(), back.text_on().luminance());
                let contrast = (a.max(b) + 0.05) / (a.min(b) + 0.05);
                assert!(contrast >= 3.9, "{map:?} {i}: {contrast}");
            }
        }
    }
}
