//! Singular and plural: "1 minute", "2 minutes".
//!
//! A text that speaks of a number has one form for each of its language's categories (Unicode CLDR, cardinal plural
//! rules). Here numbers are whole, so of those rules only what concerns whole numbers is left.

use serde::Deserialize;

use super::Locale;

/// A category of whole numbers that a language says alike (CLDR, cardinal).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Category {
    /// "1 minute"; French says nothing of two kinds at zero, so "0 minute".
    One,
    /// Whole millions, after which French and Spanish say "de".
    Many,
    /// Everything else.
    Other,
}

impl Locale {
    pub(super) const fn category(self, count: u64) -> Category {
        let is_millions = count != 0 && count.is_multiple_of(1_000_000);
        match (self, count) {
            (Self::En | Self::De | Self::Es, 1) | (Self::Fr, 0 | 1) => Category::One,
            (Self::Fr | Self::Es, _) if is_millions => Category::Many,
            (Self::En | Self::De | Self::Fr | Self::Es, _) => Category::Other,
        }
    }
}

/// A text that speaks of a number, in each form that its language has.
#[derive(Debug, Deserialize)]
pub(crate) struct Counted {
    one: String,
    /// Of languages that have it; where it is left out, such numbers are said like the others.
    many: Option<String>,
    other: String,
}

impl Counted {
    pub(super) fn form(&self, locale: Locale, count: u64) -> &str {
        match locale.category(count) {
            Category::One => &self.one,
            Category::Many => self.many.as_ref().unwrap_or(&self.other),
            Category::Other => &self.other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_fall_into_the_categories_of_their_language() {
        for (locale, of_zero, of_a_million) in [
            (Locale::En, Category::Other, Category::Other),
            (Locale::De, Category::Other, Category::Other),
            (Locale::Fr, Category::One, Category::Many),
            (Locale::Es, Category::Other, Category::Many),
        ] {
            for (count, expect) in [
                (0, of_zero),
                (1, Category::One),
                (2, Category::Other),
                (11, Category::Other),
                (21, Category::Other),
                (101, Category::Other),
                (1_000_000, of_a_million),
                (1_000_001, Category::Other),
                (3_000_000, of_a_million),
            ] {
                assert_eq!(locale.category(count), expect, "{} {count}", locale.tag());
            }
        }
    }

    #[test]
    fn a_form_that_is_left_out_is_the_general_one() {
        let text = Counted { one: "un".to_owned(), many: None, other: "des".to_owned() };
        assert_eq!(text.form(Locale::Fr, 1_000_000), "des");
        let text = Counted { many: Some("de".to_owned()), ..text };
        assert_eq!(text.form(Locale::Fr, 1_000_000), "de");
        assert_eq!(text.form(Locale::En, 1_000_000), "des");
    }
}
