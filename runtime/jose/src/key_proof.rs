//! A signature that brings its own public key: proof that its maker has the private half (RFC 9449 section 4.2, OpenID for
//! Verifiable Credential Issuance section 7.2.1).
//!
//! It says nothing about who that is. So the key is of no use for verifying anything else, and leaves this file as its
//! thumbprint, what a token is bound to or held against, or as the name of whoever has it (`did:jwk`).

use primitives::time::ClockTolerance;
use primitives::{Timestamp, base64url};
use serde_json::{Map, Value};

use crate::algorithm::Algorithm;
use crate::json::parse_object;
use crate::jwk::{JwkError, PublicJwk};
use crate::jws::{JwsError, UnverifiedJws};
use crate::jwt::date;
use crate::verifying::VerifyingKey;

/// A proof whose signature was not checked.
#[derive(Debug, Clone)]
pub struct UnverifiedKeyProof<'a> {
    jws: UnverifiedJws<'a>,
    key: PublicJwk,
    claims: Map<String, Value>,
}

/// Claims that the holder of a key has signed. Nobody has looked at them.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyProof {
    key: PublicJwk,
    thumbprint: String,
    claims: Map<String, Value>,
}

/// Why a text is no proof. All are its sender's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyProofError {
    /// Not a signed token, or not signed by the key that it brings.
    #[error(transparent)]
    Jws(#[from] JwsError),
    /// `typ` is another kind of token's.
    #[error("token is of another type")]
    Type,
    /// `jwk` is missing, or not a public key that we take.
    #[error("jwk: {0}")]
    Key(#[from] JwkError),
}

impl<'a> UnverifiedKeyProof<'a> {
    /// Takes a text of at most `limit` bytes apart, whose `typ` must be this one.
    pub fn parse_within(text: &'a str, typ: &str, limit: usize) -> Result<Self, KeyProofError> {
        let (jws, header) = UnverifiedJws::parse_with_header(text, limit)?;
        if !jws.header().typ.as_deref().is_some_and(|found| is_type(found, typ)) {
            return Err(KeyProofError::Type);
        }
        let Some(Value::Object(key)) = header.get("jwk") else { return Err(JwkError::Member("jwk").into()) };
        let key = PublicJwk::from_map(key)?;
        let claims = parse_object(jws.unverified_payload()).map_err(|_| JwsError::Malformed)?;
        Ok(Self { jws, key, claims })
    }

    /// What the header says that it is signed by. Only a proof that is verified is.
    pub const fn algorithm(&self) -> Algorithm {
        self.jws.header().algorithm
    }

    /// Checks the signature with the key that came along, by an algorithm of that key.
    pub fn verify(self) -> Result<KeyProof, KeyProofError> {
        let algorithm = self.jws.header().algorithm;
        // The type of the key excludes them already; whoever adds a type must not open the door.
        if !Algorithm::ASYMMETRIC.contains(&algorithm) {
            return Err(JwsError::Algorithm.into());
        }
        self.jws.verify(&VerifyingKey::new(&self.key, Some(algorithm))?)?;
        Ok(KeyProof { thumbprint: self.key.thumbprint(), key: self.key, claims: self.claims })
    }
}

impl KeyProof {
    /// The SHA-256 thumbprint of the key, in base64url (RFC 7638).
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// Its holder, by the key alone ([`PublicJwk::did`]).
    pub fn did(&self) -> String {
        self.key.did()
    }

    /// A claim.
    pub fn claim(&self, name: &str) -> Option<&Value> {
        self.claims.get(name)
    }

    /// `iat`, if it is one.
    pub fn issued_at(&self) -> Option<Timestamp> {
        date(&self.claims, "iat").ok().flatten()
    }

    /// Whether `exp` and `nbf` let it be taken now, as far as they are there (RFC 7519 section 4.1).
    pub fn is_in_time(&self, now: Timestamp, ClockTolerance(tolerance): ClockTolerance) -> bool {
        let (exp, nbf) = (date(&self.claims, "exp"), date(&self.claims, "nbf"));
        matches!(exp, Ok(exp) if exp.is_none_or(|exp| now < exp.after(tolerance)))
            && matches!(nbf, Ok(nbf) if nbf.is_none_or(|nbf| nbf <= now.after(tolerance)))
    }

    /// What tells this proof from every other of the same key that is not to be the same: the key, and its `jti`.
    pub fn fingerprint(&self) -> Option<String> {
        let id = self.claims.get("jti").and_then(Value::as_str).filter(|id| !id.is_empty())?;
        let mut hash = ring::digest::Context::new(&ring::digest::SHA256);
        // A thumbprint has one length: the two parts cannot run together.
        hash.update(self.thumbprint.as_bytes());
        hash.update(id.as_bytes());
        Some(base64url::encode(hash.finish()))
    }
}

/// Media types compare without case, with or without `application/` (RFC 7515 section 4.1.9).
fn is_type(found: &str, expected: &str) -> bool {
    let bare = match found.split_at_checked("application/".len()) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case("application/") => rest,
        _ => found,
    };
    bare.eq_ignore_ascii_case(expected)
}

#[cfg(test)]
mod tests {
    use primitives::rng::SeededRng;
    use serde_json::json;

    use super::*;
    use crate::{Signer, SigningAlgorithm, generate};

    const TYP: &str = "dpop+jwt";

    /// The proof of RFC 9449 section 4.1, figure 2.
    const RFC9449: &str = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6Ik\
VDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCR\
nMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JE\
QSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIj\
oiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwia\
WF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg\
4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg";

    fn verify(text: &str) -> Result<KeyProof, KeyProofError> {
        UnverifiedKeyProof::parse_within(text, TYP, 8_192)?.verify()
    }

    fn part(value: &Value) -> String {
        base64url::encode(value.to_string())
    }

    /// Another header over the same claims and signature.
    fn with_header(header: &Value) -> String {
        let (_, rest) = RFC9449.split_once('.').unwrap();
        format!("{}.{rest}", part(header))
    }

    fn header() -> Value {
        let encoded = RFC9449.split('.').next().unwrap();
        serde_json::from_slice(&base64url::decode(encoded).unwrap()).unwrap()
    }

    #[test]
    fn proof_of_the_rfc_verifies_and_has_the_thumbprint_of_its_bound_token() {
        let proof = verify(RFC9449).unwrap();
        // `cnf.jkt` of RFC 9449 section 6.1, figure 10.
        assert_eq!(proof.thumbprint(), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
        assert_eq!(proof.claim("htu"), Some(&json!("https://server.example.com/token")));
    }

    /// What else stands in the key's document is not in the name.
    #[test]
    fn holder_is_named_by_the_key_alone() {
        let proof = verify(RFC9449).unwrap();
        let named = proof.did();
        let encoded = named.strip_prefix("did:jwk:").unwrap();
        let key: Value = serde_json::from_slice(&base64url::decode(encoded).unwrap()).unwrap();
        assert_eq!(key, header()["jwk"]);
        let more = json!({
            "kty": "EC", "crv": "P-256", "x": key["x"], "y": key["y"],
            "kid": "https://evil.example", "use": "sig", "alg": "ES256", "x5u": "https://evil.example", "name": "Ada",
        });
        assert_eq!(PublicJwk::parse(more.to_string().as_bytes()).unwrap().did(), named);
    }

    #[test]
    fn proof_is_taken_while_its_own_times_say_so() {
        let (now, tolerance) =
            (Timestamp::from_seconds(1_000), ClockTolerance(std::time::Duration::from_secs(10)));
        for (claims, expect) in [
            (json!({}), true),
            (json!({"exp": 1_000}), true),
            (json!({"exp": 990}), false),
            (json!({"exp": "1"}), false),
            (json!({"nbf": 1_010}), true),
            (json!({"nbf": 1_011}), false),
            (json!({"nbf": null}), false),
        ] {
            let Value::Object(claims) = claims else { unreachable!() };
            let proof = KeyProof { claims, ..verify(RFC9449).unwrap() };
            assert_eq!(proof.is_in_time(now, tolerance), expect, "{:?}", proof.claims);
        }
    }

    #[test]
    fn what_is_no_proof_is_refused_by_name() {
        let check = |edit: &dyn Fn(&mut Value), expect: KeyProofError| {
            let mut header = header();
            edit(&mut header);
            assert_eq!(verify(&with_header(&header)), Err(expect), "{header}");
        };
        check(&|header| header["typ"] = json!("JWT"), KeyProofError::Type);
        check(&|header| drop(header.as_object_mut().unwrap().remove("typ")), KeyProofError::Type);
        check(&|header| header["alg"] = json!("none"), JwsError::Algorithm.into());
        check(&|header| header["alg"] = json!("HS256"), JwsError::Algorithm.into());
        check(&|header| header["alg"] = json!("RS256"), JwkError::AlgorithmMismatch.into());
        check(&|header| header["crit"] = json!(["x"]), JwsError::Critical.into());
        check(&|header| header["jwk"]["d"] = json!("AA"), JwkError::PrivateMaterial.into());
        check(&|header| header["jwk"] = json!({"kty": "oct", "k": "AA"}), JwkError::PrivateMaterial.into());
        check(&|header| header["jwk"] = json!("text"), JwkError::Member("jwk").into());
        check(&|header| header["jwk"]["use"] = json!("enc"), JwkError::NotForSignatures.into());
        check(&|header| header["x"] = json!(1), JwsError::Signature.into());
        assert_eq!(verify(&"x".repeat(8_193)), Err(JwsError::TooLarge.into()));
        assert_eq!(verify(""), Err(JwsError::Malformed.into()));
        assert_eq!(verify(&RFC9449.replace(".2-Gx", ".3-Gx")), Err(JwsError::Signature.into()));
    }

    #[test]
    fn type_is_compared_as_a_media_type() {
        for (found, expect) in [
            ("dpop+jwt", true),
            ("DPoP+JWT", true),
            ("application/dpop+jwt", true),
            ("text/dpop+jwt", false),
            ("dpop", false),
            ("äpplication/dpop+jwt", false),
        ] {
            assert_eq!(is_type(found, TYP), expect, "{found}");
        }
    }

    #[test]
    fn token_that_was_signed_for_something_else_is_no_proof() {
        let key = generate(SigningAlgorithm::Es256, &SeededRng::new(3)).unwrap();
        let text = Signer::new(&key).unwrap().sign(crate::TokenType::Jwt, &json!({"jti": "a"})).unwrap();
        assert_eq!(verify(&text), Err(KeyProofError::Type));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_refused_without_harm(text in "[A-Za-z0-9_.=-]{0,400}") {
            proptest::prop_assert!(verify(&text).is_err());
        }
    }
}
