//! Colours: what a tenant may choose, and what must be computed so that people can still read.
//!
//! A tenant gives one colour. Everything painted with it (button, text on the button, links, focus rings,
//! in light and in dark) is derived here and held to WCAG 2.2: 4.5:1 for text (1.4.3), 3:1 for edges (1.4.11).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The least contrast of text against what is behind it (WCAG 2.2 success criterion 1.4.3, AA).
pub const TEXT_CONTRAST: f64 = 4.5;
/// The least contrast of a control's edge against what is beside it (WCAG 2.2 success criterion 1.4.11).
pub const EDGE_CONTRAST: f64 = 3.0;

/// An opaque sRGB colour, written `#rgb` or `#rrggbb`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, schemars::JsonSchema)]
#[schemars(with = "String", extend("pattern" = "^#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$", "examples" = ["#3457dc"]))]
pub struct Colour {
    red: u8,
    green: u8,
    blue: u8,
}

/// A text was not a colour.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a colour: write it as #rgb or #rrggbb, for example #3457dc")]
pub struct InvalidColour;

impl Colour {
    /// White.
    pub const WHITE: Self = Self::new(255, 255, 255);
    /// The near-black that dark text uses.
    pub const INK: Self = Self::new(0x11, 0x13, 0x18);

    /// A colour from its three channels.
    pub const fn new(red: u8, green: u8, blue: u8) -> Self {
        Self { red, green, blue }
    }

    /// How bright the colour looks, 0 (black) to 1 (white) (WCAG 2.2, "relative luminance").
    pub fn luminance(self) -> f64 {
        fn linear(channel: u8) -> f64 {
            let c = f64::from(channel) / 255.0;
            if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        }
        0.2126 * linear(self.red) + 0.7152 * linear(self.green) + 0.0722 * linear(self.blue)
    }

    /// The contrast ratio of two colours, 1 to 21 (WCAG 2.2, "contrast ratio").
    pub fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    /// White or near-black, whichever can be read on this colour; white where both can.
    #[must_use]
    pub fn readable_text(self) -> Self {
        if self.contrast(Self::WHITE) >= TEXT_CONTRAST {
            return Self::WHITE;
        }
        // Of white and black one always reaches 4.5:1; near-black reaches it wherever white does not, bar a
        // sliver of mid-greys, where pure black decides.
        if self.contrast(Self::INK) >= TEXT_CONTRAST { Self::INK } else { Self::new(0, 0, 0) }
    }

    /// This colour moved towards `towards` just far enough to reach `ratio` against every one of `behind`.
    #[must_use]
    pub fn until_contrast(self, behind: &[Self], ratio: f64, towards: Self) -> Self {
        (0..=50)
            .map(|step| self.mixed(towards, f64::from(step) / 50.0))
            .find(|c| behind.iter().all(|b| c.contrast(*b) >= ratio))
            .unwrap_or(towards)
    }

    /// This colour with `share` (0 to 1) of another.
    #[must_use]
    pub fn mixed(self, other: Self, share: f64) -> Self {
        let mix = |a: u8, b: u8| {
            let value = f64::from(a) + (f64::from(b) - f64::from(a)) * share.clamp(0.0, 1.0);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a mean of two bytes is between them"
            )]
            let byte = value.round() as u8;
            byte
        };
        Self::new(mix(self.red, other.red), mix(self.green, other.green), mix(self.blue, other.blue))
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.red, self.green, self.blue)
    }
}

impl FromStr for Colour {
    type Err = InvalidColour;

    fn from_str(text: &str) -> Result<Self, InvalidColour> {
        let digits = text.strip_prefix('#').ok_or(InvalidColour)?;
        if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(InvalidColour);
        }
        let value = u32::from_str_radix(digits, 16).map_err(|_| InvalidColour)?;
        match digits.len() {
            6 => {
                let [_, red, green, blue] = value.to_be_bytes();
                Ok(Self::new(red, green, blue))
            }
            3 => {
                let [_, _, high, low] = value.to_be_bytes();
                Ok(Self::new(high * 0x11, (low >> 4) * 0x11, (low & 0x0f) * 0x11))
            }
            _ => Err(InvalidColour),
        }
    }
}

impl Serialize for Colour {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Colour {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_reads_only_hex_forms() {
        for (text, expect) in [
            ("#fff", Some("#ffffff")),
            ("#3457dc", Some("#3457dc")),
            ("#A1b", Some("#aa11bb")),
            ("3457dc", None),
            ("#3457d", None),
            ("#3457dcff", None),
            ("#+457dc", None),
            ("#ééé", None),
            ("red", None),
            ("#fff;}*{display:none", None),
            ("", None),
        ] {
            let read = text.parse::<Colour>().ok().map(|c| c.to_string());
            assert_eq!(read.as_deref(), expect, "{text}");
        }
    }

    #[test]
    fn contrast_is_that_of_the_specification() {
        let black = Colour::new(0, 0, 0);
        assert!((black.contrast(Colour::WHITE) - 21.0).abs() < 0.01);
        assert!((Colour::WHITE.contrast(Colour::WHITE) - 1.0).abs() < 0.01);
        assert!((Colour::new(0x76, 0x76, 0x76).contrast(Colour::WHITE) - 4.54).abs() < 0.01);
    }

    #[test]
    fn text_on_any_colour_is_readable() {
        for red in (0..=255).step_by(15) {
            for green in (0..=255).step_by(15) {
                for blue in (0..=255).step_by(15) {
                    let colour = Colour::new(red, green, blue);
                    assert!(colour.contrast(colour.readable_text()) >= TEXT_CONTRAST, "{colour}");
                }
            }
        }
    }
}
