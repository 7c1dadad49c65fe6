//! Signed tokens of our own that come back: verified in one place, each as what it is.
//!
//! Attack: a token of ours is taken for one of another kind, because the same key has signed both: an ID token, which apps hand
//! around and log, opens an API; an access token says who signed in. Each kind has its `typ` (RFC 9068 section 4, RFC 8725 section
//! 3.11), and is a type here that nothing else becomes.

use jose::{ClaimRules, Expiry, TokenType, UnverifiedJwt, ValidClaims};
use primitives::ClientId;
use primitives::time::ClockTolerance;
use serde_json::Value;

use crate::ports::PortError;
use crate::server::AuthorizationServer;

/// What a signed access token of this issuer says that has not expired (`at+jwt`). Whether it is live is not said by it.
#[derive(Debug)]
pub(crate) struct SignedAccessToken(ValidClaims);

impl SignedAccessToken {
    /// None if it is no such token.
    pub(crate) async fn verify(server: &AuthorizationServer, text: &str) -> Result<Option<Self>, PortError> {
        Ok(verify(server, text, TokenType::AccessToken, Expiry::Enforced).await?.map(Self))
    }

    pub(crate) const fn claims(&self) -> &ValidClaims {
        &self.0
    }
}

/// What an ID token of this issuer says: about whom, in which session, to which one client (OpenID Connect Core section 2). What else
/// is signed as `JWT` (userinfo, signed answers) does not say all three.
///
/// Attack: a service was shown somebody's session as a token (`tokenize_as`), whose template has an app for `aud`, and ends the
/// session by it, or says by it who somebody is. A session's token says from when on it counts (`nbf`), over whatever its template
/// says, and no ID token does: it is the server's own claim, which nobody adds. Nor do those that Hydra signed by the same keys, which
/// are taken; they have no `azp`.
#[derive(Debug)]
pub(crate) struct SignedIdToken {
    /// By the name that its client knows.
    pub(crate) subject: String,
    /// By the name that its client knows.
    pub(crate) session: String,
    pub(crate) client: ClientId,
    claims: ValidClaims,
}

impl SignedIdToken {
    /// None if it is no such token. Where it only says who somebody was, its expiry does not matter.
    pub(crate) async fn verify(
        server: &AuthorizationServer,
        text: &str,
        expiry: Expiry,
    ) -> Result<Option<Self>, PortError> {
        let claims = verify(server, text, TokenType::Jwt, expiry).await?;
        Ok(claims.and_then(Self::of_claims))
    }

    fn of_claims(claims: ValidClaims) -> Option<Self> {
        let client: ClientId = match claims.audience() {
            [client] => client.parse().ok()?,
            _ => return None,
        };
        let is_to_it = claims.claim("azp").is_none_or(|azp| azp.as_str() == Some(client.as_str()));
        let says_when = claims.claim("auth_time").is_some_and(Value::is_i64);
        let is_of_a_session = claims.claim("nbf").is_some();
        if !is_to_it || !says_when || is_of_a_session {
            return None;
        }
        let subject = claims.subject()?.to_owned();
        let session = claims.claim("sid").and_then(Value::as_str)?.to_owned();
        Some(Self { subject, session, client, claims })
    }

    pub(crate) const fn claims(&self) -> &ValidClaims {
        &self.claims
    }
}

async fn verify(
    server: &AuthorizationServer,
    text: &str,
    kind: TokenType,
    expiry: Expiry,
) -> Result<Option<ValidClaims>, PortError> {
    let Ok(unverified) = UnverifiedJwt::parse(text) else { return Ok(None) };
    let keys = server.load_keys().await?;
    let Ok(signed) = unverified.verify(keys.verifying()) else { return Ok(None) };
    let rules = ClaimRules {
        token_type: Some(kind),
        issuer: Some(server.issuer.as_str()),
        audience: &[],
        expiry,
        max_lifetime: None,
        tolerance: ClockTolerance::default(),
    };
    Ok(signed.validate(&rules, server.now()).ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::memory::{World, as_bearer, now};

    #[test]
    fn token_of_one_kind_is_none_of_the_other() {
        let world = World::of_app(|_| {}, &json!({"access_token_strategy": "jwt"}));
        let tokens = world.redeem(&world.code("openid")).unwrap();
        let (access, id) = (tokens.access_token, tokens.id_token.unwrap());
        let is_access = |text: &str| now(SignedAccessToken::verify(&world.server, text)).unwrap().is_some();
        let is_id =
            |text: &str| now(SignedIdToken::verify(&world.server, text, Expiry::Ignored)).unwrap().is_some();
        assert_eq!((is_access(&access), is_id(&access)), (true, false));
        assert_eq!((is_access(&id), is_id(&id)), (false, true));
        // Another tenant's, on the same key: only the issuer tells.
        let other = world.other_tenant();
        assert!(now(SignedAccessToken::verify(&other, &access)).unwrap().is_none());
        assert!(now(SignedIdToken::verify(&other, &id, Expiry::Ignored)).unwrap().is_none());
        world.wait(365 * 86_400);
        assert_eq!((is_access(&access), is_id(&id)), (false, true), "a hint does not expire");
        assert!(now(SignedIdToken::verify(&world.server, &id, Expiry::Enforced)).unwrap().is_none());
    }

    /// Attack: a session as a token for services (`tokenize_as`) whose template has an app for `aud`.
    #[test]
    fn session_as_a_token_is_no_id_token_whatever_its_template_says() {
        let world = World::of_app(|_| {}, &json!({}));
        let id = world.redeem(&world.code("openid")).unwrap().id_token.unwrap();
        let verify = |text: &str| now(SignedIdToken::verify(&world.server, text, Expiry::Ignored)).unwrap();
        let claims = verify(&id).unwrap().claims().all().clone();
        let keys = now(world.server.load_keys()).unwrap();
        let signer = keys.signer(jose::SigningAlgorithm::EdDsa).unwrap();
        let is_one = |changes: &[(&str, Value)]| {
            let mut claims = claims.clone();
            claims.extend(changes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
            claims.retain(|_, value| !value.is_null());
            verify(&now(signer.sign(TokenType::Jwt, &claims)).unwrap()).is_some()
        };
        let named = ("jti", json!("0b6ad3bc-6c0a-4f5a-8c0f-3f1f4b3c2d1e"));
        let counts = ("nbf", claims["iat"].clone());
        assert!(is_one(&[]));
        assert!(is_one(&[("jti", Value::Null)]), "as they were before they had a name");
        assert!(is_one(&[named.clone(), ("azp", Value::Null)]), "as Hydra's are");
        let bare = [named.clone(), counts.clone(), ("azp", Value::Null), ("auth_time", Value::Null)];
        assert!(!is_one(&bare));
        assert!(!is_one(&[named, counts.clone()]), "with everything else that an ID token says");
        assert!(!is_one(&[counts]), "by whatever name");
        for (name, value) in [
            ("azp", json!("another")),
            ("azp", json!(["app"])),
            ("auth_time", Value::Null),
            ("auth_time", json!("2027-01-15T08:00:00Z")),
        ] {
            assert!(!is_one(&[(name, value.clone())]), "{name} {value}");
        }
    }

    #[test]
    fn signed_userinfo_is_no_id_token() {
        let world = World::of_app(|_| {}, &json!({"userinfo_signed_response_alg": "EdDSA"}));
        let token = world.redeem(&world.code("openid")).unwrap().access_token;
        let told = now(world.server.userinfo(as_bearer(&token), crate::memory::REQUEST)).result.unwrap();
        let crate::userinfo::Userinfo::Signed(text) = told else { panic!("{told:?}") };
        assert!(now(SignedIdToken::verify(&world.server, &text, Expiry::Ignored)).unwrap().is_none());
    }
}
