//! JSON Web Tokens (RFC 7519): signature first, then claims, each a type of its own.
//!
//! [`UnverifiedJwt`] → `verify` → [`SignedJwt`] → `validate` → [`ValidClaims`]. Only the last is what
//! other rooms take: a signature alone says neither for whom a token is nor until when.

use std::time::Duration;

use primitives::Timestamp;
use primitives::time::ClockTolerance;
use serde_json::{Map, Value};

use crate::json::parse_object;
use crate::jws::{JwsError, JwsHeader, UnverifiedJws};
use crate::signer::TokenType;
use crate::verifying::VerifyingKeys;

/// A JWT whose signature was not checked.
#[derive(Debug, Clone)]
pub struct UnverifiedJwt<'a> {
    jws: UnverifiedJws<'a>,
    claims: Map<String, Value>,
}

/// A JWT with a right signature and claims that nobody has looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct SignedJwt {
    header: JwsHeader,
    claims: Map<String, Value>,
}

/// Claims that were signed by the right party, for us, and are valid now.
#[derive(Debug, Clone, PartialEq)]
pub struct ValidClaims {
    issuer: Option<String>,
    subject: Option<String>,
    audience: Vec<String>,
    expires_at: Option<Timestamp>,
    issued_at: Option<Timestamp>,
    id: Option<String>,
    claims: Map<String, Value>,
}

/// What the claims must say.
#[derive(Debug, Clone)]
pub struct ClaimRules<'a> {
    /// The only `typ` that is taken; `None` takes any.
    pub token_type: Option<TokenType>,
    /// `iss`; `None` takes any.
    pub issuer: Option<&'a str>,
    /// The names that mean us: one of them must be in `aud`. Empty takes any audience.
    pub audience: &'a [&'a str],
    /// Whether `exp` must be there and in the future.
    pub expiry: Expiry,
    /// The longest time from `iat` (or from now, if there is none) to `exp`.
    pub max_lifetime: Option<Duration>,
    /// How far the issuer's clock may be off.
    pub tolerance: ClockTolerance,
}

/// What `exp` is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// A token without it, or past it, is refused.
    Enforced,
    /// An expired token still says who it was about: `id_token_hint` (OpenID Connect RP-Initiated
    /// Logout section 2).
    Ignored,
}

/// Why claims are not valid. All are the sender's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    /// A registered claim is not of its type (RFC 7519 section 4.1).
    #[error("claim {0} is malformed")]
    Malformed(&'static str),
    /// A claim that must be there is not.
    #[error("claim {0} is missing")]
    Missing(&'static str),
    /// `typ` is another kind of token's.
    #[error("token is of another type")]
    TokenType,
    /// `iss` is somebody else.
    #[error("issuer is another")]
    Issuer,
    /// `aud` does not name us.
    #[error("token is for another audience")]
    Audience,
    /// Past `exp`.
    #[error("token has expired")]
    Expired,
    /// Before `nbf`, or `iat` lies in the future.
    #[error("token is not valid yet")]
    NotYetValid,
    /// `exp` is further away than allowed.
    #[error("token lives too long")]
    Lifetime,
}

impl<'a> UnverifiedJwt<'a> {
    /// Takes a text apart; the payload must be one JSON object without repeated members.
    pub fn parse(text: &'a str) -> Result<Self, JwsError> {
        let jws = UnverifiedJws::parse(text)?;
        let claims = parse_object(jws.unverified_payload()).map_err(|_| JwsError::Malformed)?;
        Ok(Self { jws, claims })
    }

    /// The header, to find the key by. Not to be believed.
    pub const fn header(&self) -> &JwsHeader {
        self.jws.header()
    }

    /// A text claim, to find the signer by (`iss`, `sub`). Not to be believed.
    pub fn unverified_claim(&self, name: &str) -> Option<&str> {
        self.claims.get(name).and_then(Value::as_str)
    }

    /// Checks the signature.
    pub fn verify(self, keys: &VerifyingKeys) -> Result<SignedJwt, JwsError> {
        let verified = self.jws.verify_with(keys)?;
        Ok(SignedJwt { header: verified.header().clone(), claims: self.claims })
    }
}

impl SignedJwt {
    /// The header.
    pub const fn header(&self) -> &JwsHeader {
        &self.header
    }

    /// Checks the claims against the rules.
    pub fn validate(self, rules: &ClaimRules<'_>, now: Timestamp) -> Result<ValidClaims, ClaimError> {
        let claims = &self.claims;
        if rules.token_type.is_some_and(|typ| !is_type(self.header.typ.as_deref(), typ)) {
            return Err(ClaimError::TokenType);
        }
        let issuer = text(claims, "iss")?;
        if rules.issuer.is_some() && issuer.as_deref() != rules.issuer {
            return Err(ClaimError::Issuer);
        }
        let audience = audience(claims)?;
        if !rules.audience.is_empty() && !audience.iter().any(|aud| rules.audience.contains(&aud.as_str())) {
            return Err(ClaimError::Audience);
        }
        let ClockTolerance(tolerance) = rules.tolerance;
        let (expires_at, issued_at) = (date(claims, "exp")?, date(claims, "iat")?);
        let not_before = date(claims, "nbf")?;
        if [issued_at, not_before].into_iter().flatten().any(|at| at > now.after(tolerance)) {
            return Err(ClaimError::NotYetValid);
        }
        if rules.expiry == Expiry::Enforced {
            let expires_at = expires_at.ok_or(ClaimError::Missing("exp"))?;
            if expires_at.after(tolerance) <= now {
                return Err(ClaimError::Expired);
            }
        }
        if let (Some(most), Some(expires_at)) = (rules.max_lifetime, expires_at)
            && expires_at.since(issued_at.unwrap_or(now)) > most + tolerance
        {
            return Err(ClaimError::Lifetime);
        }
        let (subject, id) = (text(claims, "sub")?, text(claims, "jti")?);
        Ok(ValidClaims { issuer, subject, audience, expires_at, issued_at, id, claims: self.claims })
    }
}

impl ValidClaims {
    /// `iss`.
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// `sub`.
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// `aud`, always as a list.
    pub fn audience(&self) -> &[String] {
        &self.audience
    }

    /// `exp`.
    pub const fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }

    /// `iat`.
    pub const fn issued_at(&self) -> Option<Timestamp> {
        self.issued_at
    }

    /// `jti`.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Any claim.
    pub fn claim(&self, name: &str) -> Option<&Value> {
        self.claims.get(name)
    }

    /// All claims.
    pub const fn all(&self) -> &Map<String, Value> {
        &self.claims
    }
}

/// Media types compare without case, with or without `application/` (RFC 7515 section 4.1.9). A plain
/// JWT may leave `typ` out.
fn is_type(typ: Option<&str>, expected: TokenType) -> bool {
    let Some(typ) = typ else { return expected == TokenType::Jwt };
    let typ = typ.to_ascii_lowercase();
    typ.strip_prefix("application/").unwrap_or(&typ) == expected.as_str().to_ascii_lowercase()
}

fn text(claims: &Map<String, Value>, name: &'static str) -> Result<Option<String>, ClaimError> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(ClaimError::Malformed(name)),
    }
}

fn audience(claims: &Map<String, Value>) -> Result<Vec<String>, ClaimError> {
    match claims.get("aud") {
        None => Ok(Vec::new()),
        Some(Value::String(one)) => Ok(vec![one.clone()]),
        Some(Value::Array(many)) => many
            .iter()
            .map(|aud| aud.as_str().map(str::to_owned).ok_or(ClaimError::Malformed("aud")))
            .collect(),
        Some(_) => Err(ClaimError::Malformed("aud")),
    }
}

/// A `NumericDate`: seconds, perhaps with a fraction, up to the year 9999.
pub(crate) fn date(claims: &Map<String, Value>, name: &'static str) -> Result<Option<Timestamp>, ClaimError> {
    const YEAR_10000: f64 = 253_402_300_800.0;
    let Some(value) = claims.get(name) else { return Ok(None) };
    let seconds = value.as_f64().filter(|seconds| (0.0..YEAR_10000).contains(seconds));
    let seconds = seconds.ok_or(ClaimError::Malformed(name))?;
    #[expect(clippy::cast_possible_truncation, reason = "the range was checked above")]
    let micros = (seconds * 1e6) as i64;
    Ok(Some(Timestamp::from_micros(micros)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

    fn rules() -> ClaimRules<'static> {
        ClaimRules {
            token_type: Some(TokenType::AccessToken),
            issuer: Some("https://as.example"),
            audience: &["api"],
            expiry: Expiry::Enforced,
            max_lifetime: Some(Duration::from_hours(1)),
            tolerance: ClockTolerance::default(),
        }
    }

    fn signed(typ: Option<&str>, changes: Value) -> SignedJwt {
        let mut claims = json!({
            "iss": "https://as.example", "aud": ["x", "api"], "sub": "s", "exp": 1_000_300, "iat": 1_000_000,
        });
        let claims = claims.as_object_mut().unwrap();
        let Value::Object(changes) = changes else { panic!() };
        for (name, value) in changes {
            if value == json!("absent") {
                claims.remove(&name)
            } else {
                claims.insert(name, value)
            };
        }
        let header = JwsHeader { algorithm: crate::Algorithm::Es256, kid: None, typ: typ.map(str::to_owned) };
        SignedJwt { header, claims: claims.clone() }
    }

    #[test]
    fn claims_must_satisfy_every_rule() {
        let check = |changes: Value, expect: Option<ClaimError>| {
            let refused = signed(Some("at+jwt"), changes.clone()).validate(&rules(), NOW).err();
            assert_eq!(refused, expect, "{changes}");
        };
        check(json!({}), None);
        check(json!({"aud": "api"}), None);
        check(json!({"iat": "absent"}), None);
        check(json!({"exp": 1_000_300.5}), None);
        check(json!({"iss": "https://as.example/"}), Some(ClaimError::Issuer));
        check(json!({"iss": "absent"}), Some(ClaimError::Issuer));
        check(json!({"iss": 1}), Some(ClaimError::Malformed("iss")));
        check(json!({"aud": "absent"}), Some(ClaimError::Audience));
        check(json!({"aud": "API"}), Some(ClaimError::Audience));
        check(json!({"aud": ["api", 1]}), Some(ClaimError::Malformed("aud")));
        check(json!({"sub": 1}), Some(ClaimError::Malformed("sub")));
        check(json!({"jti": 1}), Some(ClaimError::Malformed("jti")));
        check(json!({"exp": "absent"}), Some(ClaimError::Missing("exp")));
        check(json!({"exp": "1000300"}), Some(ClaimError::Malformed("exp")));
        check(json!({"exp": 1e300}), Some(ClaimError::Malformed("exp")));
        check(json!({"exp": -1}), Some(ClaimError::Malformed("exp")));
        check(json!({"exp": 999_991}), None);
        check(json!({"exp": 999_990}), Some(ClaimError::Expired));
        check(json!({"nbf": 1_000_010}), None);
        check(json!({"nbf": 1_000_011}), Some(ClaimError::NotYetValid));
        check(json!({"iat": 1_000_011}), Some(ClaimError::NotYetValid));
        check(json!({"exp": 1_003_610}), None);
        check(json!({"exp": 1_003_611}), Some(ClaimError::Lifetime));
        check(json!({"exp": 1_003_611, "iat": "absent"}), Some(ClaimError::Lifetime));
    }

    #[test]
    fn type_compares_as_a_media_type() {
        for (typ, expected, accepted) in [
            (Some("at+jwt"), TokenType::AccessToken, true),
            (Some("application/AT+JWT"), TokenType::AccessToken, true),
            (Some("JWT"), TokenType::AccessToken, false),
            (None, TokenType::AccessToken, false),
            (None, TokenType::Jwt, true),
            (Some("at+jwt"), TokenType::Jwt, false),
        ] {
            assert_eq!(is_type(typ, expected), accepted, "{typ:?} {expected:?}");
        }
    }

    #[test]
    fn expired_hint_is_still_about_somebody() {
        let rules = ClaimRules { expiry: Expiry::Ignored, token_type: None, max_lifetime: None, ..rules() };
        let hint = signed(None, json!({"exp": 1, "iat": 0})).validate(&rules, NOW).unwrap();
        assert_eq!(hint.subject(), Some("s"));
    }
}
