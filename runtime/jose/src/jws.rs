//! JSON Web Signatures in compact form (RFC 7515): from text to a payload that somebody signed.

use primitives::base64url;
use serde_json::{Map, Value};

use crate::algorithm::Algorithm;
use crate::json::parse_object;
use crate::verifying::{VerifyingKey, VerifyingKeys};

/// The longest text that is looked at, unless the caller says otherwise.
pub const MAX_BYTES: usize = 16 * 1024;

/// A JWS whose signature was not checked. Its payload is out of reach until [`UnverifiedJws::verify`].
#[derive(Debug, Clone)]
pub struct UnverifiedJws<'a> {
    signing_input: &'a str,
    header: JwsHeader,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

/// A JWS whose signature is that of a key of ours or of the party that we asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedJws {
    header: JwsHeader,
    payload: Vec<u8>,
}

/// The protected header: what of it is ever used. `jku`, `x5c` and `x5u` never are, and `jwk` only by a
/// [`KeyProof`](crate::KeyProof), which says no more than that its maker has that key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwsHeader {
    /// What the signer says about the algorithm. Only compared with the key's own.
    pub algorithm: Algorithm,
    /// Which key, by its name.
    pub kid: Option<String>,
    /// What the token is.
    pub typ: Option<String>,
}

/// Why a text is not a JWS that we trust. All but the last two are the sender's fault by form alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwsError {
    /// Longer than the limit. Nothing of it was parsed.
    #[error("token is too large")]
    TooLarge,
    /// Not three base64url parts with a JSON object in the first.
    #[error("token is malformed")]
    Malformed,
    /// `alg` is unknown, `none`, or not that of the key.
    #[error("algorithm is not that of the key")]
    Algorithm,
    /// `crit` names extensions (RFC 7515 section 4.1.11), or `b64` changes the signing input
    /// (RFC 7797); we support none.
    #[error("token needs an extension that is not supported")]
    Critical,
    /// No key has that name and algorithm. The signer may have published a new one.
    #[error("no such key")]
    UnknownKey,
    /// The signature is wrong.
    #[error("signature is wrong")]
    Signature,
}

impl<'a> UnverifiedJws<'a> {
    /// Takes a text apart.
    pub fn parse(text: &'a str) -> Result<Self, JwsError> {
        Self::parse_within(text, MAX_BYTES)
    }

    /// Takes a text of at most `limit` bytes apart.
    pub fn parse_within(text: &'a str, limit: usize) -> Result<Self, JwsError> {
        Self::parse_with_header(text, limit).map(|(jws, _)| jws)
    }

    /// The same, with the whole protected header. Not to be believed.
    pub(crate) fn parse_with_header(
        text: &'a str,
        limit: usize,
    ) -> Result<(Self, Map<String, Value>), JwsError> {
        if text.len() > limit {
            return Err(JwsError::TooLarge);
        }
        let (signing_input, signature) = text.rsplit_once('.').ok_or(JwsError::Malformed)?;
        let (header, payload) = signing_input.split_once('.').ok_or(JwsError::Malformed)?;
        // A further dot is not in the base64url alphabet, so that the payload fails to decode.
        let decode = |part: &str| base64url::decode(part).ok_or(JwsError::Malformed);
        let members = parse_object(&decode(header)?).map_err(|_| JwsError::Malformed)?;
        let header = JwsHeader::from_map(&members)?;
        let jws = Self { signing_input, header, payload: decode(payload)?, signature: decode(signature)? };
        Ok((jws, members))
    }

    /// The header, to find the key by. Not to be believed.
    pub const fn header(&self) -> &JwsHeader {
        &self.header
    }

    /// The payload, to find the signer by. Not to be believed.
    pub(crate) fn unverified_payload(&self) -> &[u8] {
        &self.payload
    }

    /// Checks the signature with one key.
    pub fn verify(self, key: &VerifyingKey) -> Result<VerifiedJws, JwsError> {
        if self.header.algorithm != key.algorithm() {
            return Err(JwsError::Algorithm);
        }
        key.check(self.signing_input.as_bytes(), &self.signature).map_err(|_| JwsError::Signature)?;
        Ok(VerifiedJws { header: self.header, payload: self.payload })
    }

    /// Checks the signature with the key of a set that the header names.
    pub fn verify_with(self, keys: &VerifyingKeys) -> Result<VerifiedJws, JwsError> {
        let mut outcome = Err(JwsError::UnknownKey);
        for key in keys.candidates(self.header.kid.as_deref(), self.header.algorithm) {
            outcome =
                key.check(self.signing_input.as_bytes(), &self.signature).map_err(|_| JwsError::Signature);
            if outcome.is_ok() {
                break;
            }
        }
        outcome.map(|()| VerifiedJws { header: self.header, payload: self.payload })
    }
}

impl VerifiedJws {
    /// The header.
    pub const fn header(&self) -> &JwsHeader {
        &self.header
    }

    /// The payload.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }
}

impl JwsHeader {
    fn from_map(map: &Map<String, Value>) -> Result<Self, JwsError> {
        let text = |name| match map.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(JwsError::Malformed),
        };
        if map.contains_key("crit") || map.contains_key("b64") {
            return Err(JwsError::Critical);
        }
        let algorithm = text("alg")?.ok_or(JwsError::Malformed)?;
        Ok(Self {
            algorithm: algorithm.parse().map_err(|_| JwsError::Algorithm)?,
            kid: text("kid")?,
            typ: text("typ")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{JwkError, JwkSet, PublicJwk, Signer, SigningAlgorithm, TokenType, generate};
    use primitives::rng::SeededRng;

    fn token(header: &str, payload: &str, signature: &str) -> String {
        [header, payload, signature].map(base64url::encode).join(".")
    }

    #[test]
    fn signed_token_verifies_with_its_key_only() {
        let rng = SeededRng::new(3);
        for algorithm in SigningAlgorithm::ALL {
            let key = generate(algorithm, &rng).unwrap();
            let signer = Signer::new(&key).unwrap();
            let text = signer.sign(TokenType::AccessToken, &serde_json::json!({"sub": "a"})).unwrap();
            let verifying = VerifyingKey::new(key.public(), None).unwrap();
            let verified = UnverifiedJws::parse(&text).unwrap().verify(&verifying).unwrap();
            assert_eq!(verified.payload(), br#"{"sub":"a"}"#);
            assert_eq!(verified.header().typ.as_deref(), Some("at+jwt"));
            assert_eq!(verified.header().kid.as_deref(), key.public().kid());
            let other = generate(SigningAlgorithm::Es256, &rng).unwrap();
            let other = VerifyingKey::new(other.public(), None).unwrap();
            assert!(UnverifiedJws::parse(&text).unwrap().verify(&other).is_err());
        }
    }

    #[test]
    fn forms_that_are_refused() {
        for (text, expect) in [
            (token(r#"{"alg":"none"}"#, "{}", ""), JwsError::Algorithm),
            (token(r#"{"alg":"NONE"}"#, "{}", ""), JwsError::Algorithm),
            (token("{}", "{}", "x"), JwsError::Malformed),
            (token(r#"{"alg":1}"#, "{}", "x"), JwsError::Malformed),
            (token(r#"{"alg":"ES256","alg":"RS256"}"#, "{}", "x"), JwsError::Malformed),
            (token(r#"{"alg":"ES256","crit":["exp"],"exp":1}"#, "{}", "x"), JwsError::Critical),
            (token(r#"{"alg":"ES256","crit":[]}"#, "{}", "x"), JwsError::Critical),
            (token(r#"{"alg":"ES256","b64":false}"#, "{}", "x"), JwsError::Critical),
            (token("[]", "{}", "x"), JwsError::Malformed),
            ("a.b".to_owned(), JwsError::Malformed),
            (String::new(), JwsError::Malformed),
            (format!("{}.", token(r#"{"alg":"ES256"}"#, "{}", "x")), JwsError::Malformed),
            (format!("{}=", token(r#"{"alg":"ES256"}"#, "{}", "x")), JwsError::Malformed),
            ("x".repeat(MAX_BYTES + 1), JwsError::TooLarge),
        ] {
            assert_eq!(UnverifiedJws::parse(&text).err(), Some(expect), "{text}");
        }
    }

    #[test]
    fn header_never_chooses_the_algorithm() {
        // An RSA key verifies RS256; the same key under a header that says PS256 or HS256 does not.
        let key = generate(SigningAlgorithm::Rs256, &SeededRng::new(4)).unwrap();
        let verifying = VerifyingKey::new(key.public(), None).unwrap();
        for header in [r#"{"alg":"PS256"}"#, r#"{"alg":"HS256"}"#, r#"{"alg":"RS384"}"#] {
            let text = token(header, "{}", "x");
            let refused = UnverifiedJws::parse(&text).unwrap().verify(&verifying);
            assert_eq!(refused.err(), Some(JwsError::Algorithm), "{header}");
        }
    }

    #[test]
    fn set_picks_by_name_then_by_namelessness() {
        let rng = SeededRng::new(5);
        let (one, two) = (
            generate(SigningAlgorithm::Es256, &rng).unwrap(),
            generate(SigningAlgorithm::Es256, &rng).unwrap(),
        );
        let signed = Signer::new(&one).unwrap().sign(TokenType::Jwt, &1).unwrap();
        let nameless = |key: &PublicJwk| PublicJwk { kid: None, ..key.clone() };
        let check = |keys: &[PublicJwk], expect: Option<JwsError>| {
            let keys = keys.iter().map(|key| VerifyingKey::new(key, None).unwrap()).collect();
            let keys = VerifyingKeys::new(keys).unwrap();
            assert_eq!(UnverifiedJws::parse(&signed).unwrap().verify_with(&keys).err(), expect);
        };
        check(&[two.public().clone(), one.public().clone()], None);
        check(&[two.public().clone()], Some(JwsError::UnknownKey));
        check(&[], Some(JwsError::UnknownKey));
        check(&[nameless(one.public())], None);
        check(&[nameless(two.public()), nameless(one.public())], None);
        check(&[nameless(two.public())], Some(JwsError::Signature));
        check(&[two.public().clone().with_kid(one.public().kid().unwrap())], Some(JwsError::Signature));
    }

    /// FAPI 2.0 Security Profile section 5.4.3.
    #[test]
    fn keys_of_one_name_are_told_apart_by_their_algorithm() {
        let rng = SeededRng::new(7);
        let signing = generate(SigningAlgorithm::Es256, &rng).unwrap();
        let name = signing.public().kid().unwrap();
        let signed = Signer::new(&signing).unwrap().sign(TokenType::Jwt, &1).unwrap();
        for (algorithm, expect) in [
            (SigningAlgorithm::EdDsa, Ok(true)),
            (SigningAlgorithm::Es384, Ok(true)),
            (SigningAlgorithm::Es256, Err(JwkError::AmbiguousSet)),
        ] {
            let other = generate(algorithm, &rng).unwrap().public().clone().with_kid(name);
            let text = serde_json::json!({ "keys": [other, signing.public()] }).to_string();
            let keys = JwkSet::parse(text.as_bytes()).and_then(|set| VerifyingKeys::from_set(&set, None));
            let verified = keys.map(|keys| UnverifiedJws::parse(&signed).unwrap().verify_with(&keys).is_ok());
            assert_eq!(verified, expect, "{algorithm}");
        }
    }
}
