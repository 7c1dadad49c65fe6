//! Who signed in, after everything about the tokens was checked.
//!
//! The checks of a token response, in order (OpenID Connect Core 1.0, section 3.1.3.7; section 12.2 for a renewal):
//!
//! | check | refuses |
//! |---|---|
//! | `alg` is asymmetric, signature by a key of the provider | a forged token |
//! | `iss` is the issuer exactly | another provider's token |
//! | `aud` is this client alone, `azp` too if there | a token for another app |
//! | `exp` is in the future, `iat` is not | a token from another time |
//! | `nonce` is the one that this attempt sent | a token of another attempt |
//! | `at_hash` matches the access token | an access token put beside it |
//! | `sub` stays the same; userinfo's too | somebody else |

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use openidconnect::core::{CoreIdToken, CoreIdTokenVerifier, CoreTokenResponse};
use openidconnect::{
    AccessToken, AccessTokenHash, ClaimsVerificationError, Nonce, OAuth2TokenResponse, RefreshToken,
    SignatureVerificationError, SubjectIdentifier, TokenResponse,
};
use serde_json::{Map, Value};

use crate::provider::Provider;
use crate::sign_in_error::SignInError;

/// How far the provider's clock may run ahead of ours.
const SKEW: TimeDelta = TimeDelta::seconds(60);

/// Assumed where the provider does not say how long an access token lives.
const ASSUMED_LIFETIME: TimeDelta = TimeDelta::minutes(5);

/// Somebody whose tokens were verified; only this module makes one.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    subject: SubjectIdentifier,
    nonce: Nonce,
    id_token: CoreIdToken,
    claims: Map<String, Value>,
    userinfo: Map<String, Value>,
    pub(crate) tokens: Tokens,
}

/// What lets this app act until it must ask again.
#[derive(Clone, Debug)]
pub(crate) struct Tokens {
    pub(crate) refresh: Option<RefreshToken>,
    pub(crate) access_expires: DateTime<Utc>,
}

impl Person {
    /// Verifies the answer to a code, which must carry the ID token with the nonce of its attempt.
    pub(crate) async fn of_sign_in(
        provider: &Provider,
        response: CoreTokenResponse,
        nonce: Nonce,
    ) -> Result<Self, SignInError> {
        let id_token = response.id_token().ok_or(SignInError::NoIdToken)?.clone();
        let subject = verify(provider, &id_token, response.access_token(), NonceRule::Sent(&nonce)).await?;
        let userinfo = provider.userinfo(response.access_token().clone(), subject.clone()).await?;
        let tokens = Tokens::of(&response, None, provider.now());
        Ok(Self { subject, nonce, claims: payload(&id_token)?, id_token, userinfo, tokens })
    }

    /// Verifies the answer to a refresh token: the person stays, the claims may change, an ID token may be absent.
    pub(crate) async fn renewed(
        &self,
        provider: &Provider,
        response: CoreTokenResponse,
    ) -> Result<Self, SignInError> {
        let mut next = self.clone();
        if let Some(id_token) = response.id_token() {
            let rule = NonceRule::Unchanged(&self.nonce);
            if verify(provider, id_token, response.access_token(), rule).await? != self.subject {
                return Err(SignInError::OtherSubject);
            }
            next.claims = payload(id_token)?;
            next.id_token = id_token.clone();
        }
        next.userinfo = provider.userinfo(response.access_token().clone(), self.subject.clone()).await?;
        next.tokens = Tokens::of(&response, self.tokens.refresh.clone(), provider.now());
        Ok(next)
    }

    /// The claims of the verified ID token, as the provider wrote them.
    pub(crate) fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// The claims of userinfo, about the same subject.
    pub(crate) fn userinfo(&self) -> &Map<String, Value> {
        &self.userinfo
    }

    /// A claim of the ID token or, where it has none, of userinfo.
    pub(crate) fn find(&self, name: &str) -> Option<&Value> {
        self.claims.get(name).or_else(|| self.userinfo.get(name))
    }

    /// The provider's stable name of this person.
    pub(crate) fn subject(&self) -> &str {
        self.subject.as_str()
    }

    pub(crate) fn id_token(&self) -> &CoreIdToken {
        &self.id_token
    }
}

impl Tokens {
    fn of(response: &CoreTokenResponse, before: Option<RefreshToken>, now: DateTime<Utc>) -> Self {
        let lifetime = response.expires_in().and_then(|life| TimeDelta::from_std(life).ok());
        let expires = now.checked_add_signed(lifetime.unwrap_or(ASSUMED_LIFETIME));
        Self {
            // A provider that does not rotate sends none, and the old one stays good.
            refresh: response.refresh_token().cloned().or(before),
            access_expires: expires.unwrap_or(DateTime::<Utc>::MAX_UTC),
        }
    }
}

/// What the `nonce` of an ID token must be.
#[derive(Clone, Copy)]
enum NonceRule<'a> {
    /// The one that this attempt sent.
    Sent(&'a Nonce),
    /// Absent, or still the one of the sign-in (section 12.2).
    Unchanged(&'a Nonce),
}

async fn verify(
    provider: &Provider,
    id_token: &CoreIdToken,
    access_token: &AccessToken,
    rule: NonceRule<'_>,
) -> Result<SubjectIdentifier, SignInError> {
    let unknown_key = SignatureVerificationError::NoMatchingKey;
    let verifier = verifier(provider, provider.keys());
    match verify_with(provider, &verifier, id_token, access_token, rule) {
        Err(SignInError::IdToken(ClaimsVerificationError::SignatureVerification(error)))
            if error == unknown_key =>
        {
            // The provider may have rotated its keys since we read them.
            let unknown = SignInError::IdToken(ClaimsVerificationError::SignatureVerification(unknown_key));
            let keys = provider.renew_keys().await.ok_or(unknown)?;
            verify_with(provider, &self::verifier(provider, keys), id_token, access_token, rule)
        }
        done => done,
    }
}

fn verifier(
    provider: &Provider,
    keys: std::sync::Arc<openidconnect::core::CoreJsonWebKeySet>,
) -> CoreIdTokenVerifier<'static> {
    let (clock, latest) = (provider.clock(), provider.now() + SKEW);
    let keys = std::sync::Arc::unwrap_or_clone(keys);
    CoreIdTokenVerifier::new_public_client(provider.client_id().clone(), provider.issuer().clone(), keys)
        .set_allowed_algs(Provider::accepted_algorithms())
        .set_time_fn(move || clock.now())
        .set_issue_time_verifier_fn(move |issued| {
            if issued <= latest { Ok(()) } else { Err("issued in the future".to_owned()) }
        })
}

fn verify_with(
    provider: &Provider,
    verifier: &CoreIdTokenVerifier<'_>,
    id_token: &CoreIdToken,
    access_token: &AccessToken,
    rule: NonceRule<'_>,
) -> Result<SubjectIdentifier, SignInError> {
    let claims = match rule {
        NonceRule::Sent(nonce) => id_token.claims(verifier, nonce)?,
        NonceRule::Unchanged(nonce) => id_token.claims(verifier, |sent: Option<&Nonce>| match sent {
            Some(sent) if sent.secret() != nonce.secret() => Err("nonce changed".to_owned()),
            Some(_) | None => Ok(()),
        })?,
    };
    if claims.authorized_party().is_some_and(|party| party != provider.client_id()) {
        return Err(SignInError::OtherParty);
    }
    if let Some(expected) = claims.access_token_hash() {
        let key = id_token.signing_key(verifier).map_err(ClaimsVerificationError::SignatureVerification)?;
        let algorithm = id_token.signing_alg().map_err(ClaimsVerificationError::SignatureVerification)?;
        let actual = AccessTokenHash::from_token(access_token, algorithm, key)
            .map_err(|_| SignInError::AccessTokenHash)?;
        if actual != *expected {
            return Err(SignInError::AccessTokenHash);
        }
    }
    Ok(claims.subject().clone())
}

/// The claims of a token that was verified, in the provider's own order and with what the library has no type for.
fn payload(verified: &CoreIdToken) -> Result<Map<String, Value>, SignInError> {
    let unreadable = || SignInError::Upstream("the ID token's payload cannot be read".to_owned());
    let text = verified.to_string();
    let middle = text.split('.').nth(1).ok_or_else(unreadable)?;
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(middle).map_err(|_| unreadable())?;
    serde_json::from_slice(&bytes).map_err(|_| unreadable())
}
