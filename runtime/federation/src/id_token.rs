//! ID tokens (OpenID Connect Core section 3.1.3.7): who signed, about whom, for whom, of when, of which attempt.

use jose::{
    Algorithm, ClaimRules, Expiry, JwsError, SymmetricJwk, UnverifiedJwt, ValidClaims, VerifyingKey,
    VerifyingKeys,
};
use primitives::base64url;
use primitives::time::ClockTolerance;
use ring::digest::{SHA256, SHA384, SHA512, digest};
use serde_json::{Map, Value, json};
use subtle::ConstantTimeEq as _;

use crate::discovery::{Endpoints, PER_PERSON};
use crate::failure::Failure;
use crate::kind::IdTokens;
use crate::provider::Provider;
use crate::room::Asking;

/// What an ID token is held against.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected<'a> {
    /// The nonce that it was asked for with; `None` where the kind repeats none.
    pub(crate) nonce: Option<&'a str>,
    /// The access token beside it.
    pub(crate) access_token: Option<&'a str>,
    /// Whether the client ids of native applications are good too.
    pub(crate) from_application: bool,
}

/// The claims of an ID token that is right in every respect.
pub(crate) async fn verify(
    asking: Asking<'_>,
    provider: &Provider,
    token: &str,
    expected: Expected<'_>,
) -> Result<Map<String, Value>, Failure> {
    let endpoints = asking.endpoints(provider).await?;
    let untrusted = |detail: &str| Failure::Untrusted(format!("the ID token: {detail}"));
    let parsed = UnverifiedJwt::parse(token).map_err(|error| untrusted(&error.to_string()))?;
    let algorithm = parsed.header().algorithm;
    let issuer = issuer(&endpoints, &parsed).ok_or_else(|| untrusted("the settings name no issuer"))?;
    let signed = match provider.kind.id_token {
        IdTokens::None => return Err(untrusted("this kind of provider has none")),
        IdTokens::Shared => {
            let keys = shared_keys(asking, provider).await?;
            parsed.verify(&keys).map_err(|error| untrusted(&error.to_string()))?
        }
        IdTokens::Signed => {
            let url = endpoints.jwks.as_ref().ok_or(Failure::Settings("no `jwks_url`"))?;
            let keys = asking.keys(provider, url, false).await?;
            match parsed.verify(&keys) {
                Ok(signed) => signed,
                // It may have a new key.
                Err(JwsError::UnknownKey | JwsError::Signature) => {
                    let keys = asking.keys(provider, url, true).await?;
                    let parsed =
                        UnverifiedJwt::parse(token).map_err(|error| untrusted(&error.to_string()))?;
                    parsed.verify(&keys).map_err(|error| untrusted(&error.to_string()))?
                }
                Err(error) => return Err(untrusted(&error.to_string())),
            }
        }
    };
    let audiences = audiences(provider, expected);
    let rules = ClaimRules {
        // Some say `JWT`, some nothing, some `id_token+jwt`.
        token_type: None,
        issuer: Some(&issuer),
        audience: &audiences,
        expiry: Expiry::Enforced,
        max_lifetime: None,
        tolerance: ClockTolerance::default(),
    };
    let claims = signed.validate(&rules, asking.now).map_err(|error| untrusted(&error.to_string()))?;
    check_party(&claims, &audiences).map_err(untrusted)?;
    check_attempt(&claims, expected, algorithm).map_err(untrusted)?;
    if claims.subject().is_none_or(|subject| subject.is_empty() || subject.len() > 255) {
        return Err(untrusted("names nobody"));
    }
    Ok(claims.all().clone())
}

/// The issuer that it must have: for directories that many share, the person's own.
fn issuer(endpoints: &Endpoints, parsed: &UnverifiedJwt<'_>) -> Option<String> {
    let issuer = endpoints.issuer.as_deref()?;
    if !issuer.contains(PER_PERSON) {
        return Some(issuer.to_owned());
    }
    // Taken from what is not verified yet, to be compared with what will be: the signature covers both.
    let directory = parsed.unverified_claim("tid").filter(|tid| is_uuid(tid))?;
    Some(issuer.replace(PER_PERSON, directory))
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36 && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
}

fn audiences<'a>(provider: &'a Provider, expected: Expected<'_>) -> Vec<&'a str> {
    let own = std::iter::once(provider.settings.client_id.as_str());
    let further = provider.settings.additional_id_token_audiences.iter().map(String::as_str);
    own.chain(further.filter(|_| expected.from_application)).collect()
}

/// A token for several audiences says for which of them it was made, and that must be us (section 3.1.3.7, 4 and 5).
fn check_party(claims: &ValidClaims, ours: &[&str]) -> Result<(), &'static str> {
    match claims.claim("azp") {
        Some(Value::String(party)) if ours.contains(&party.as_str()) => Ok(()),
        Some(_) => Err("was made for another party"),
        None if claims.audience().len() > 1 => {
            Err("has several audiences and says not for which it was made")
        }
        None => Ok(()),
    }
}

fn check_attempt(
    claims: &ValidClaims,
    expected: Expected<'_>,
    algorithm: Algorithm,
) -> Result<(), &'static str> {
    let claim = |name: &str| claims.claim(name).and_then(Value::as_str);
    if let Some(nonce) = expected.nonce
        && !claim("nonce").is_some_and(|found| found.as_bytes().ct_eq(nonce.as_bytes()).into())
    {
        return Err("is of another attempt: its nonce is another");
    }
    if let (Some(token), Some(found)) = (expected.access_token, claim("at_hash"))
        && found != half_hash(token, algorithm)
    {
        return Err("is not of this access token");
    }
    Ok(())
}

/// The left half of a hash that is as strong as the signature (section 3.1.3.6).
fn half_hash(token: &str, algorithm: Algorithm) -> String {
    let hash = match algorithm {
        Algorithm::Rs256 | Algorithm::Ps256 | Algorithm::Es256 | Algorithm::Hs256 => &SHA256,
        Algorithm::Rs384 | Algorithm::Ps384 | Algorithm::Es384 | Algorithm::Hs384 => &SHA384,
        Algorithm::Rs512 | Algorithm::Ps512 | Algorithm::Hs512 | Algorithm::EdDsa => &SHA512,
    };
    let whole = digest(hash, token.as_bytes());
    let half = whole.as_ref().split_at(whole.as_ref().len() / 2).0;
    base64url::encode(half)
}

/// The client secret as a key.
async fn shared_keys(asking: Asking<'_>, provider: &Provider) -> Result<VerifyingKeys, Failure> {
    let secret = asking.secret(provider).await?.ok_or(Failure::Settings("no client secret"))?;
    let document = json!({ "kty": "oct", "alg": "HS256", "k": base64url::encode(secret.expose()) });
    let unusable = |_| Failure::Settings("the client secret is too short to verify signatures");
    let key = SymmetricJwk::parse(document.to_string().as_bytes()).map_err(unusable)?;
    let key = VerifyingKey::shared(&key).map_err(unusable)?;
    VerifyingKeys::new(vec![key]).map_err(unusable)
}
