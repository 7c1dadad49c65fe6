//! A client secret that we sign: a JWT under a private key that Apple gave (Sign in with Apple, "Creating a client
//! secret").

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use primitives::{Timestamp, base64url};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use serde_json::json;
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::settings::ProviderSettings;

const AUDIENCE: &str = "https://appleid.apple.com";
/// How long it is good for: one request.
const SECONDS: i64 = 300;

/// The secret for one request.
pub(crate) fn client_secret(
    settings: &ProviderSettings,
    pem: &str,
    now: Timestamp,
) -> Result<String, Failure> {
    let (Some(team), Some(kid)) = (&settings.apple_team_id, &settings.apple_private_key_id) else {
        return Err(Failure::Settings("`apple_team_id` and `apple_private_key_id` are missing"));
    };
    let wrong = Failure::Settings("the private key is no PKCS #8 key of P-256 in PEM");
    let body: String = pem.lines().map(str::trim).filter(|line| !line.starts_with("-----")).collect();
    let der = Zeroizing::new(STANDARD.decode(body).map_err(|_| wrong.clone())?);
    let random = SystemRandom::new();
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der, &random).map_err(|_| wrong)?;
    let header = json!({ "alg": "ES256", "kid": kid, "typ": "JWT" });
    let (iat, exp) = (now.seconds(), now.seconds() + SECONDS);
    let claims = json!({ "iss": team, "iat": iat, "exp": exp, "aud": AUDIENCE, "sub": settings.client_id });
    let input =
        format!("{}.{}", base64url::encode(header.to_string()), base64url::encode(claims.to_string()));
    let signature = key.sign(&random, input.as_bytes());
    let signature = signature.map_err(|_| Failure::Settings("the private key does not sign"))?;
    Ok(format!("{input}.{}", base64url::encode(signature)))
}
