//! What the formats share: fields between dollar signs, parameters, base64 of every kind.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

/// Exports pad their base64 or do not.
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Exactly so many fields.
pub(super) fn fields<const N: usize>(text: &str) -> Option<[&str; N]> {
    text.split('$').collect::<Vec<_>>().try_into().ok()
}

/// The bytes behind base64 of either alphabet.
pub(super) fn bytes(text: &str) -> Option<Vec<u8>> {
    if text.contains(['-', '_']) { URL_SAFE.decode(text).ok() } else { STANDARD.decode(text).ok() }
}

/// Parameters of the form `a=1,b=2`: exactly these, in any order.
pub(super) fn parameters<const N: usize>(text: &str, names: [&str; N]) -> Option<[u32; N]> {
    let pairs: Vec<(&str, &str)> = text.split(',').map(|pair| pair.split_once('=')).collect::<Option<_>>()?;
    if pairs.len() != N {
        return None;
    }
    let mut values = [0; N];
    for (value, name) in values.iter_mut().zip(names) {
        *value = pairs.iter().find(|(found, _)| *found == name)?.1.parse().ok()?;
    }
    Some(values)
}
