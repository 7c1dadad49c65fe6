//! Distinguished names, as clients register them (RFC 4514) and as certificates have them.
//!
//! Attack: two names that are different read alike, or one name is written in two ways, and whoever compares texts takes one
//! for the other. So a registered name is read once, into its parts, and compared part by part: the same parts in the same
//! order, each of the same type and with exactly the same value.

use x509_parser::x509::{AttributeTypeAndValue, RelativeDistinguishedName, X509Name};

/// The longest name that is read.
const MOST_BYTES: usize = 1_024;

/// The types that have a name (RFC 4514 section 3, RFC 4519), and what else stands in certificates of organisations. Any other is
/// written by its number.
const TYPES: [(&str, &str); 24] = [
    ("CN", "2.5.4.3"),
    ("SN", "2.5.4.4"),
    ("SERIALNUMBER", "2.5.4.5"),
    ("C", "2.5.4.6"),
    ("L", "2.5.4.7"),
    ("ST", "2.5.4.8"),
    ("STREET", "2.5.4.9"),
    ("O", "2.5.4.10"),
    ("OU", "2.5.4.11"),
    ("TITLE", "2.5.4.12"),
    ("BUSINESSCATEGORY", "2.5.4.15"),
    ("POSTALCODE", "2.5.4.17"),
    ("NAME", "2.5.4.41"),
    ("GN", "2.5.4.42"),
    ("GIVENNAME", "2.5.4.42"),
    ("INITIALS", "2.5.4.43"),
    ("GENERATIONQUALIFIER", "2.5.4.44"),
    ("DNQUALIFIER", "2.5.4.46"),
    ("PSEUDONYM", "2.5.4.65"),
    ("ORGANIZATIONIDENTIFIER", "2.5.4.97"),
    ("DC", "0.9.2342.19200300.100.1.25"),
    ("UID", "0.9.2342.19200300.100.1.1"),
    ("EMAILADDRESS", "1.2.840.113549.1.9.1"),
    ("E", "1.2.840.113549.1.9.1"),
];

/// A name that a client has registered, its parts in the order of the certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DistinguishedName(Vec<Vec<Attribute>>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Attribute {
    /// In dotted decimals.
    kind: String,
    value: AttributeValue,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum AttributeValue {
    Text(String),
    /// The value as the certificate encodes it, written in hexadecimal.
    Encoded(Vec<u8>),
}

impl DistinguishedName {
    /// Reads a name. `None` if it is none, is empty, or has a type of which we know no number.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.trim().is_empty() || text.len() > MOST_BYTES {
            return None;
        }
        // The text begins with the last part (section 2.1).
        let parts = split(text, ',').into_iter().rev().map(part);
        Some(Self(parts.collect::<Option<_>>()?))
    }

    /// Whether a certificate has this very name.
    pub(super) fn is(&self, name: &X509Name<'_>) -> bool {
        let found: Vec<_> = name.iter_rdn().collect();
        found.len() == self.0.len() && self.0.iter().zip(found).all(|(part, found)| is_part(part, found))
    }
}

/// A part has no order of its own (X.501: a set), and each type once.
fn is_part(part: &[Attribute], found: &RelativeDistinguishedName<'_>) -> bool {
    found.iter().count() == part.len()
        && part.iter().all(|attribute| found.iter().any(|found| attribute.is(found)))
}

impl Attribute {
    fn is(&self, found: &AttributeTypeAndValue<'_>) -> bool {
        self.kind == found.attr_type().to_id_string()
            && match &self.value {
                AttributeValue::Text(text) => found.as_str().is_ok_and(|found| found == text),
                AttributeValue::Encoded(bytes) => {
                    use x509_parser::asn1_rs::ToDer as _;
                    found.attr_value().to_der_vec().is_ok_and(|found| found == *bytes)
                }
            }
    }
}

fn part(text: &str) -> Option<Vec<Attribute>> {
    let attributes: Vec<Attribute> = split(text, '+').into_iter().map(attribute).collect::<Option<_>>()?;
    let repeats = |(index, one): (usize, &Attribute)| {
        attributes.iter().take(index).any(|earlier| earlier.kind == one.kind)
    };
    if attributes.iter().enumerate().any(repeats) { None } else { Some(attributes) }
}

fn attribute(text: &str) -> Option<Attribute> {
    let (kind, value) = text.split_once('=')?;
    let kind = kind.trim_matches(' ');
    let named = TYPES.iter().find(|(name, _)| name.eq_ignore_ascii_case(kind));
    let kind = match named {
        Some((_, number)) => (*number).to_owned(),
        None if is_number(kind) => kind.to_owned(),
        None => return None,
    };
    Some(Attribute { kind, value: value_of(value)? })
}

/// `numericoid` of RFC 4512: two numbers at least, without leading zeros.
fn is_number(kind: &str) -> bool {
    let is_one = |one: &str| {
        one.bytes().all(|byte| byte.is_ascii_digit())
            && (one == "0" || !one.starts_with('0'))
            && !one.is_empty()
    };
    kind.contains('.') && kind.split('.').all(is_one)
}

/// Takes the escapes out of a value (section 2.4). Spaces around it that are not escaped are no part of it.
fn value_of(text: &str) -> Option<AttributeValue> {
    let mut text = text.trim_start_matches(' ');
    while let Some(shorter) = text.strip_suffix(' ') {
        let slashes = shorter.bytes().rev().take_while(|byte| *byte == b'\\').count();
        if slashes % 2 == 1 {
            break;
        }
        text = shorter;
    }
    if let Some(digits) = text.strip_prefix('#') {
        return hexadecimal(digits.as_bytes()).filter(|bytes| !bytes.is_empty()).map(AttributeValue::Encoded);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'\\' => {
                let escaped = rest.next()?;
                if b" \"#+,;<=>\\".contains(&escaped) {
                    bytes.push(escaped);
                } else {
                    bytes.extend(hexadecimal(&[escaped, rest.next()?])?);
                }
            }
            b'"' | b';' | b'<' | b'>' | 0 => return None,
            plain => bytes.push(plain),
        }
    }
    let value = String::from_utf8(bytes).ok()?;
    if value.is_empty() { None } else { Some(AttributeValue::Text(value)) }
}

fn hexadecimal(digits: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let pairs = digits.chunks(2).map(|pair| match pair {
        [high, low] => u8::try_from(digit(high)? * 16 + digit(low)?).ok(),
        _ => None,
    });
    pairs.collect()
}

/// The texts between separators that are not escaped.
fn split(text: &str, separator: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut is_escaped) = (0, false);
    for (index, found) in text.char_indices() {
        if is_escaped {
            is_escaped = false;
        } else if found == '\\' {
            is_escaped = true;
        } else if found == separator {
            parts.extend(text.get(start..index));
            start = index + separator.len_utf8();
        }
    }
    parts.extend(text.get(start..));
    parts
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DistinguishedName as Made, DnType, KeyPair};
    use x509_parser::prelude::{FromDer as _, X509Certificate};

    use super::*;

    /// A certificate of this name, its parts in the order of the certificate.
    fn named(parts: &[(DnType, &str)]) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.distinguished_name = Made::new();
        for (kind, value) in parts {
            params.distinguished_name.push(kind.clone(), *value);
        }
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    fn check(registered: &str, certificate: &[u8], expect: bool) {
        let (_, certificate) = X509Certificate::from_der(certificate).unwrap();
        let name = DistinguishedName::parse(registered).unwrap_or_else(|| panic!("{registered}"));
        assert_eq!(name.is(certificate.subject()), expect, "{registered}");
    }

    #[test]
    fn names_are_compared_part_by_part() {
        let bank = named(&[
            (DnType::CountryName, "NO"),
            (DnType::OrganizationName, "Fjord, Bank + Sons"),
            (DnType::CommonName, "pay"),
        ]);
        check("CN=pay,O=Fjord\\, Bank \\+ Sons,C=NO", &bank, true);
        check("cn=pay, o=Fjord\\2C Bank \\2B Sons , C=NO", &bank, true);
        check("2.5.4.3=pay,2.5.4.10=Fjord\\, Bank \\+ Sons,2.5.4.6=NO", &bank, true);
        check("CN=#0c03706179,O=Fjord\\, Bank \\+ Sons,C=NO", &bank, true);
        // As text it is the same in the other direction, and it is another name.
        check("C=NO,O=Fjord\\, Bank \\+ Sons,CN=pay", &bank, false);
        check("CN=pay,O=Fjord\\, Bank \\+ Sons", &bank, false);
        check("CN=pay,OU=x,O=Fjord\\, Bank \\+ Sons,C=NO", &bank, false);
        check("CN=Pay,O=Fjord\\, Bank \\+ Sons,C=NO", &bank, false);
        check("CN=pay\\ ,O=Fjord\\, Bank \\+ Sons,C=NO", &bank, false);
        check("SN=pay,O=Fjord\\, Bank \\+ Sons,C=NO", &bank, false);
        check("CN=#1303706179,O=Fjord\\, Bank \\+ Sons,C=NO", &bank, false);
    }

    /// A separator within a value makes no part.
    #[test]
    fn value_with_separators_is_no_name_of_several_parts() {
        let sly = named(&[(DnType::CommonName, "pay,O=Bank")]);
        check("CN=pay\\,O\\=Bank", &sly, true);
        check("CN=pay,O=Bank", &sly, false);
        let two = named(&[(DnType::OrganizationName, "Bank"), (DnType::CommonName, "pay")]);
        check("CN=pay,O=Bank", &two, true);
        check("CN=pay+O=Bank", &two, false);
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in [
            "",
            " ",
            "pay",
            "CN=",
            "CN=pay,",
            ",CN=pay",
            "XX=pay",
            "CN=pay+CN=pay",
            "CN=a\"b",
            "CN=a\\",
            "CN=a\\x",
            "CN=#",
            "CN=#0",
            "CN=#zz",
            "CN=\\FF",
            "1=x",
            "1..2=x",
            "01.2=x",
            &format!("CN={}", "a".repeat(1_100)),
        ] {
            assert_eq!(DistinguishedName::parse(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_value_survives_its_escapes(value in "\\PC{1,40}") {
            let escaped = value.bytes().fold(String::new(), |text, byte| format!("{text}\\{byte:02x}"));
            let name = DistinguishedName::parse(&format!("CN={escaped}")).unwrap();
            assert_eq!(name.0[0][0].value, AttributeValue::Text(value));
        }

        #[test]
        fn no_text_is_too_strange(text in ".{0,60}") {
            DistinguishedName::parse(&text);
        }
    }
}
