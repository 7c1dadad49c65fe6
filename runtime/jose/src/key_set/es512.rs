//! Keys of ECDSA with P-521 and SHA-512 (`ES512`, RFC 7518 section 3.4), which the Hydra API makes: kept for services of an operator's
//! own. Nothing here signs or verifies with them, and none of them is a key of ours.

use p521::elliptic_curve::sec1::ToSec1Point as _;
use p521::{PublicKey, SecretKey};
use primitives::{Rng, base64url};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::generate::GenerationFailed;
use crate::jwk::{JwkError, bytes_of, purpose, text};

/// `alg`.
pub(super) const ES512: &str = "ES512";
/// Bytes of a coordinate, and of the scalar (RFC 7518 section 6.2.1.2).
const WIDTH: usize = 66;
/// Of 521 random bits nearly all are below the order of the group.
const MOST_DRAWN: usize = 8;

/// Whether a document says that it is a key of this curve.
pub(super) fn is_of_curve(map: &Map<String, Value>) -> bool {
    map.get("kty").is_some_and(|kty| kty == "EC") && map.get("crv").is_some_and(|crv| crv == "P-521")
}

/// Makes a key pair.
pub(super) fn make(rng: &dyn Rng) -> Result<Map<String, Value>, GenerationFailed> {
    let secret = draw(rng).ok_or(GenerationFailed)?;
    let point = secret.public_key().to_sec1_point(false);
    let coordinates = point.as_bytes().get(1..).and_then(|both| both.split_at_checked(WIDTH));
    let (x, y) = coordinates.ok_or(GenerationFailed)?;
    let scalar = Zeroizing::new(secret.to_bytes());
    let document = json!({ "kty": "EC", "crv": "P-521", "alg": ES512, "x": base64url::encode(x), "y": base64url::encode(y),
        "d": base64url::encode(scalar.as_slice()) });
    match document {
        Value::Object(members) => Ok(members),
        _ => Err(GenerationFailed),
    }
}

fn draw(rng: &dyn Rng) -> Option<SecretKey> {
    (0..MOST_DRAWN).find_map(|_| {
        let mut drawn = Zeroizing::new([0; WIDTH]);
        rng.fill(drawn.as_mut_slice());
        if let Some(first) = drawn.first_mut() {
            *first &= 1;
        }
        SecretKey::from_slice(drawn.as_slice()).ok()
    })
}

/// Checks a key, public or private, as those of the other curves are: its algorithm, that its point is one of the curve, and that
/// its halves belong together.
pub(super) fn check(map: &Map<String, Value>) -> Result<(), JwkError> {
    if text(map, "alg")?.is_some_and(|alg| alg != ES512) {
        return Err(JwkError::AlgorithmMismatch);
    }
    purpose(map)?;
    let mut point = vec![4];
    point.extend(bytes_of(map, "x", WIDTH)?);
    point.extend(bytes_of(map, "y", WIDTH)?);
    let public = PublicKey::from_sec1_bytes(&point).map_err(|_| JwkError::Member("y"))?;
    if !map.contains_key("d") {
        return Ok(());
    }
    let scalar = Zeroizing::new(bytes_of(map, "d", WIDTH)?);
    let secret = SecretKey::from_slice(&scalar).map_err(|_| JwkError::Member("d"))?;
    if secret.public_key() == public { Ok(()) } else { Err(JwkError::Inconsistent) }
}
