//! What a tenant says about its looks, and the stylesheet that comes of it.

use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write as _;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::colour::{Colour, EDGE_CONTRAST, TEXT_CONTRAST};
use crate::locale::Locale;
use crate::texts::Texts;

/// A tenant's name, logo, colour and links, as the built-in pages show them.
// Part of a tenant's settings, `[tenant.branding]`; the doc comments are the reference page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Branding {
    /// The product's name as its users know it.
    pub name: String,
    /// A logo, at least 96 pixels high, shown at 40. Without it, `monogram` is drawn.
    pub logo_url: Option<PageUrl>,
    /// The logo for dark surfaces. Without it, `logo_url`.
    pub logo_dark_url: Option<PageUrl>,
    /// One or two letters drawn when there is no logo. Without it, the first letter of the name.
    pub monogram: Option<String>,
    /// The picture in the browser's tab, as SVG, PNG or ICO. Without it, that of Portcullis.
    pub favicon_url: Option<PageUrl>,
    /// A line below the name or logo, by language: `headline = { en = "One place for your team", de = "…" }`. Who
    /// reads another language sees that of `default_language`.
    pub headline: BTreeMap<Locale, String>,
    /// What pages and messages say in place of the built-in words, by language, section and key, as `runtime/ui/locales` has
    /// them: `texts.en.login.title = "Welcome back"`. At most 256, of 1 to 500 characters each, plain text. A text keeps the
    /// `{places}` of the one in whose place it is, and one that depends on a number has the same forms (`one`, `other`).
    pub texts: Texts,
    /// The language of pages and messages for whom neither app nor browser asks for one that there is.
    pub default_language: Locale,
    /// The colour of buttons and links. Text on it and its dark variant are computed. Where it could not be read (WCAG
    /// 2.2, AA), links and edges are moved towards black or white until they can.
    pub primary_color: Colour,
    /// Where people get help.
    pub support_url: Option<PageUrl>,
    /// The privacy statement.
    pub privacy_url: Option<PageUrl>,
    /// The terms of use.
    pub terms_url: Option<PageUrl>,
}

impl Default for Branding {
    fn default() -> Self {
        Self {
            name: "Portcullis".to_owned(),
            logo_url: None,
            logo_dark_url: None,
            monogram: None,
            favicon_url: None,
            headline: BTreeMap::new(),
            texts: Texts::default(),
            default_language: Locale::default(),
            primary_color: Colour::new(0x34, 0x57, 0xdc),
            support_url: None,
            privacy_url: None,
            terms_url: None,
        }
    }
}

impl Branding {
    /// The letters drawn in place of a logo.
    pub fn letters(&self) -> String {
        let chosen = self.monogram.as_deref().unwrap_or_default().trim();
        if chosen.is_empty() {
            return self.name.trim().chars().take(1).flat_map(char::to_uppercase).collect();
        }
        chosen.chars().take(2).collect()
    }

    /// The line below the name, in a language or else in the tenant's own.
    pub fn headline(&self, locale: Locale) -> Option<&str> {
        let text = self.headline.get(&locale).or_else(|| self.headline.get(&self.default_language))?.trim();
        (!text.is_empty()).then_some(text)
    }

    /// The pictures that its pages show.
    pub(crate) fn pictures(&self) -> impl Iterator<Item = &PageUrl> {
        [&self.logo_url, &self.logo_dark_url, &self.favicon_url].into_iter().flatten()
    }

    /// A button in a message, as it is read on a light surface and on a dark one.
    pub(crate) fn buttons_in_mail(&self) -> [ButtonColours; 2] {
        [&Surfaces::LIGHT, &Surfaces::DARK].map(|on| {
            let Palette { fill, on_fill, edge, .. } = Palette::of(self.primary_color, on);
            ButtonColours { fill, on_fill, edge }
        })
    }

    /// The stylesheet with this tenant's colours, for both themes. It holds nothing but computed colours.
    pub fn stylesheet(&self) -> String {
        let light = Palette::of(self.primary_color, &Surfaces::LIGHT);
        let dark = Palette::of(self.primary_color, &Surfaces::DARK);
        format!(":root{{{light}}}@media(prefers-color-scheme:dark){{:root{{{dark}}}}}")
    }
}

/// The colours of a button where no stylesheet is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ButtonColours {
    pub(crate) fill: Colour,
    /// Of the text on it.
    pub(crate) on_fill: Colour,
    pub(crate) edge: Colour,
}

/// An address that a page may link to or show an image from: `https:`, `mailto:`, or a path on this server.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, schemars::JsonSchema)]
#[serde(transparent)]
#[schemars(extend("pattern" = "^(https://|mailto:|/[^/]?)"))]
pub struct PageUrl(String);

/// A text was not an address that a page may use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not an address a page may use: write https://…, mailto:…, or a path on this server that begins with /"
)]
pub struct InvalidPageUrl;

impl PageUrl {
    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The `https://host` that the address is on; none for a path.
    pub fn origin(&self) -> Option<&str> {
        let rest = self.0.strip_prefix("https://")?;
        let host = rest.split(['/', '?', '#']).next().unwrap_or(rest);
        self.0.get(.."https://".len() + host.len())
    }
}

impl fmt::Display for PageUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for PageUrl {
    type Err = InvalidPageUrl;

    fn from_str(text: &str) -> Result<Self, InvalidPageUrl> {
        // The characters are also those that cannot end a directive of a content security policy.
        let plain =
            text.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b'\'' | b';' | b',' | b'\\'));
        let host = text.strip_prefix("https://").is_some_and(|rest| {
            rest.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric() || b == b'[') && !rest.contains('@')
        });
        let mail = text.strip_prefix("mailto:").is_some_and(|rest| rest.contains('@'));
        let path = text.starts_with('/') && !text.starts_with("//");
        if plain && (host || mail || path) { Ok(Self(text.to_owned())) } else { Err(InvalidPageUrl) }
    }
}

impl<'de> Deserialize<'de> for PageUrl {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What brand colours are painted on; the same values as in `css/portcullis.css`.
struct Surfaces {
    page: Colour,
    card: Colour,
    /// Towards what a colour is moved when it is too close to the surface.
    towards: Colour,
    dark: bool,
}

impl Surfaces {
    const LIGHT: Self = Self {
        page: Colour::new(0xf5, 0xf6, 0xf8),
        card: Colour::WHITE,
        towards: Colour::new(0, 0, 0),
        dark: false,
    };
    const DARK: Self = Self {
        page: Colour::new(0x0c, 0x0d, 0x10),
        card: Colour::new(0x16, 0x18, 0x1c),
        towards: Colour::WHITE,
        dark: true,
    };
}

/// The colours of one theme, as custom properties.
struct Palette {
    fill: Colour,
    on_fill: Colour,
    fill_hover: Colour,
    edge: Colour,
    link: Colour,
}

impl Palette {
    fn of(primary: Colour, on: &Surfaces) -> Self {
        let behind = [on.card, on.page];
        let link = primary.until_contrast(&behind, TEXT_CONTRAST, on.towards);
        // On dark a dark button would sink into the card, so the fill itself is lifted. On light the brand's
        // own colour stays, and a pale one gets an edge that can be seen.
        let fill =
            if on.dark { primary.until_contrast(&[on.card], EDGE_CONTRAST, on.towards) } else { primary };
        let on_fill = fill.readable_text();
        // Hovering moves away from the text's colour, so its contrast only grows.
        let away = if on_fill == Colour::WHITE { Colour::new(0, 0, 0) } else { Colour::WHITE };
        let edge = if fill.contrast(on.card) >= EDGE_CONTRAST { fill } else { link };
        Self { fill, on_fill, fill_hover: fill.mixed(away, 0.12), edge, link }
    }
}

impl fmt::Display for Palette {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, colour) in [
            ("fill", self.fill),
            ("on-fill", self.on_fill),
            ("fill-hover", self.fill_hover),
            ("edge", self.edge),
            ("link", self.link),
        ] {
            let mut line = String::new();
            write!(line, "--brand-{name}:{colour};")?;
            f.write_str(&line)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_brand_colour_is_readable_in_both_themes() {
        for text in ["#000", "#fff", "#ff0", "#ffd400", "#0a2540", "#3457dc", "#e11d48", "#777", "#00e5ff"] {
            let primary: Colour = text.parse().unwrap();
            for on in [&Surfaces::LIGHT, &Surfaces::DARK] {
                let palette = Palette::of(primary, on);
                assert!(palette.fill.contrast(palette.on_fill) >= TEXT_CONTRAST, "{text}: text on button");
                assert!(palette.fill_hover.contrast(palette.on_fill) >= TEXT_CONTRAST, "{text}: hover");
                assert!(palette.edge.contrast(on.card) >= EDGE_CONTRAST, "{text}: edge");
                assert!(palette.link.contrast(on.card) >= TEXT_CONTRAST, "{text}: link on card");
                assert!(palette.link.contrast(on.page) >= TEXT_CONTRAST, "{text}: link on page");
            }
        }
    }

    #[test]
    fn headline_is_in_the_readers_language_or_the_tenants() {
        let mut branding = Branding { default_language: Locale::De, ..Branding::default() };
        assert_eq!(branding.headline(Locale::En), None);
        branding.headline.insert(Locale::De, "Für alle".to_owned());
        branding.headline.insert(Locale::Fr, " Pour tous ".to_owned());
        assert_eq!(branding.headline(Locale::Fr), Some("Pour tous"));
        assert_eq!(branding.headline(Locale::En), Some("Für alle"));
    }

    #[test]
    fn page_url_takes_only_what_a_page_may_use() {
        for (text, valid) in [
            ("https://nexboard.example/logo.svg", true),
            ("/logo.png", true),
            ("mailto:help@nexboard.example", true),
            ("http://nexboard.example/", false),
            ("//evil.example/", false),
            ("javascript:alert(1)", false),
            ("https://a.example/;script-src *", false),
            ("https://user@a.example/", false),
            ("https://", false),
            ("", false),
        ] {
            assert_eq!(text.parse::<PageUrl>().is_ok(), valid, "{text}");
        }
    }

    #[test]
    fn origin_is_scheme_and_host() {
        for (text, expect) in [
            ("https://a.example:8443/x?y", Some("https://a.example:8443")),
            ("https://a.example", Some("https://a.example")),
            ("/x", None),
        ] {
            assert_eq!(text.parse::<PageUrl>().unwrap().origin(), expect, "{text}");
        }
    }

    #[test]
    fn monogram_is_chosen_or_the_first_letter() {
        for (name, monogram, expect) in [
            ("nexboard", None, "N"),
            ("Ørsted", None, "Ø"),
            ("x", Some("NxB"), "Nx"),
            ("", None, ""),
            ("a", Some(" "), "A"),
        ] {
            let branding = Branding {
                name: name.to_owned(),
                monogram: monogram.map(str::to_owned),
                ..Branding::default()
            };
            assert_eq!(branding.letters(), expect);
        }
    }
}
