//! What people type to say who they are, made comparable.
//!
//! Attack: `ada@example.com` with an invisible character or a Cyrillic `а` in it looks like somebody
//! else's identifier. Two forms defend: the normalised identifier, by which an account is found, and its
//! skeleton, which must be unique, so that a look-alike of a taken identifier cannot be registered.

use std::fmt;

use unicode_normalization::UnicodeNormalization as _;
use unicode_security::skeleton;

/// The longest identifier in bytes, before and after normalisation.
pub const MAX_BYTES: usize = 320;

/// A login identifier in comparable form: NFKC, case folded, without default-ignorable characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identifier {
    normalised: String,
    skeleton: String,
}

impl Identifier {
    /// Normalises what a person typed. `None` when nothing is left, it is too long, or it holds
    /// control characters.
    pub fn parse(typed: &str) -> Option<Self> {
        let visible = visible(typed)?;
        let normalised = fold(&phone_number(&visible).unwrap_or(visible));
        // Folding may compose anew, e.g. a folded capital with a combining mark.
        let normalised: String = normalised.nfkc().collect();
        if normalised.is_empty() || normalised.len() > MAX_BYTES {
            return None;
        }
        let skeleton = skeleton_of(&normalised);
        Some(Self { normalised, skeleton })
    }

    /// The form by which an account is found.
    pub fn as_str(&self) -> &str {
        &self.normalised
    }

    /// The form that is unique: two identifiers that look alike share it.
    ///
    /// Only characters outside ASCII are replaced by what they look like (UTS 39 section 4). The
    /// complete skeleton would also make `rn` of `m` and `l` of `1`, and so refuse `ann1@…` for the
    /// sake of `annl@…`; addresses of honest people differ in just that.
    pub fn skeleton(&self) -> &str {
        &self.skeleton
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.normalised)
    }
}

/// NFKC without default-ignorable characters and outer space: what is kept of a trait that identifies.
pub fn visible(typed: &str) -> Option<String> {
    if typed.len() > MAX_BYTES {
        return None;
    }
    let kept: String = typed.nfkc().filter(|c| !is_default_ignorable(*c)).nfkc().collect();
    let kept = kept.trim();
    (!kept.is_empty() && !kept.chars().any(char::is_control)).then(|| kept.to_owned())
}

/// An international phone number without what people write between its digits (ITU-T E.164). `None` of anything else: a
/// national number, too, since what country it is of nobody says.
///
/// Attack: one phone is signed up twice, as `+49 30 1234567` and as `+49301234567`.
pub fn phone_number(text: &str) -> Option<String> {
    // The trunk prefix that some write where it is not dialled.
    let rest = text.strip_prefix('+')?.replace("(0)", "");
    let is_between = |c: &char| matches!(c, ' ' | '-' | '.' | '/' | '(' | ')');
    let digits: String = rest.chars().filter(|c| !is_between(c)).collect();
    let is_number = (7..=15).contains(&digits.len())
        && !digits.starts_with('0')
        && digits.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| format!("+{digits}"))
}

/// Full case folding for the characters where it differs from lower-casing one by one. The dotless
/// `ı` stays itself: folding it into `i` would send one person's mail to another.
fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_lowercase) {
        match c {
            'ß' => folded.push_str("ss"),
            'ς' => folded.push('σ'),
            other => folded.push(other),
        }
    }
    folded
}

fn skeleton_of(normalised: &str) -> String {
    let mut text = String::with_capacity(normalised.len());
    let mut buffer = [0; 4];
    for c in normalised.chars() {
        if c.is_ascii() {
            text.push(c);
        } else {
            text.extend(skeleton(c.encode_utf8(&mut buffer)));
        }
    }
    fold(&text)
}

/// `Default_Ignorable_Code_Point` of the Unicode Character Database: renders as nothing.
const fn is_default_ignorable(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}'
        | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}'
        | '\u{FFF0}'..='\u{FFF8}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}'
        | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(a: &str, b: &str) {
        assert_eq!(
            Identifier::parse(a).unwrap().as_str(),
            Identifier::parse(b).unwrap().as_str(),
            "{a:?} {b:?}"
        );
    }

    fn look_alike(a: &str, b: &str) {
        let (a, b) = (Identifier::parse(a).unwrap(), Identifier::parse(b).unwrap());
        assert_ne!(a.as_str(), b.as_str());
        assert_eq!(a.skeleton(), b.skeleton());
    }

    #[test]
    fn invisible_characters_make_no_second_account() {
        for c in [
            '\u{200B}',
            '\u{200D}',
            '\u{FEFF}',
            '\u{AD}',
            '\u{2060}',
            '\u{E0041}',
            '\u{FE0F}',
            '\u{202E}',
            '\u{3164}',
            '\u{FFA0}',
        ] {
            same(&format!("ada{c}@example.com"), "ada@example.com");
            same(&format!("{c}ada@example.com{c}"), "ada@example.com");
        }
    }

    #[test]
    fn case_width_and_composition_do_not_matter() {
        for (a, b) in [
            ("Ada@Example.COM", "ada@example.com"),
            ("ａｄａ@example.com", "ada@example.com"),
            ("cafe\u{301}", "caf\u{e9}"),
            ("STRASSE", "straße"),
            ("ΣΊΣΥΦΟΣ", "σίσυφος"),
            ("  ada ", "ada"),
        ] {
            same(a, b);
        }
    }

    #[test]
    fn look_alikes_share_a_skeleton() {
        look_alike("\u{430}d\u{430}@example.com", "ada@example.com");
        look_alike("p\u{430}yp\u{430}l", "paypal");
        look_alike("\u{3bf}scar", "oscar");
    }

    #[test]
    fn a_phone_number_is_one_however_it_is_written() {
        for typed in [
            "+49 30 1234567",
            "+49-30-1234567",
            "+49 (30) 123 45 67",
            "+49 (0)30 1234567",
            "+49\u{a0}30/1234567",
            "＋４９ ３０ １２３４５６７",
        ] {
            same(typed, "+49301234567");
        }
        for typed in
            ["030 1234567", "+49 30", "+0 30 1234567", "+1234567890123456", "+49 30 ada", "0049301234567"]
        {
            let kept = Identifier::parse(typed).unwrap();
            assert_eq!(kept.as_str(), typed, "of no country, or no number");
        }
    }

    #[test]
    fn ascii_neighbours_stay_apart() {
        for (a, b) in [("ann1", "annl"), ("mary", "rnary"), ("o0", "oo"), ("\u{131}da", "ida")] {
            assert_ne!(Identifier::parse(a).unwrap().as_str(), Identifier::parse(b).unwrap().as_str());
        }
        assert_ne!(
            Identifier::parse("ann1").unwrap().skeleton(),
            Identifier::parse("annl").unwrap().skeleton()
        );
    }

    #[test]
    fn nothing_long_or_controlling_is_no_identifier() {
        for typed in ["", "  ", "\u{200B}", "a\u{0}b", "a\nb", &"a".repeat(321)] {
            assert_eq!(Identifier::parse(typed), None, "{typed:?}");
        }
    }

    #[test]
    fn parsing_is_idempotent() {
        for typed in ["İstanbul", "ﬁsh", "Ⅷ", "ẞ", "ǅ", "Å\u{323}"] {
            let once = Identifier::parse(typed).unwrap();
            assert_eq!(Identifier::parse(once.as_str()).unwrap(), once, "{typed}");
        }
    }
}
