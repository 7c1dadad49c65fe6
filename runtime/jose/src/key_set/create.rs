//! Making a key for a set (`createJsonWebKeySet` of the Hydra API).

use primitives::{Rng, Timestamp, base64url};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::es512::{self, ES512};
use super::{KeyDocumentError, KeyOfSet, SetName};
use crate::algorithm::{Algorithm, SigningAlgorithm};
use crate::generate::{GenerationFailed, generate};
use crate::import::{ImportError, ImportedKey};
use crate::json::parse_object;

/// What an operator asks for.
#[derive(Debug, Clone, Deserialize)]
pub struct KeyRequest {
    /// With which algorithm the key is used.
    alg: String,
    /// What it is for: `sig` or `enc`.
    #[serde(rename = "use")]
    purpose: String,
    /// Its name; one is made if it is empty.
    #[serde(default)]
    kid: String,
}

/// Why no key is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CreateError {
    /// The caller's fault: no key of that algorithm can be made here.
    #[error(
        "alg is none of ES256, ES384, ES512, EdDSA, RS256, RS384, RS512, PS256, PS384, PS512, HS256, HS384 and HS512"
    )]
    Algorithm,
    /// The caller's fault.
    #[error("use is neither sig nor enc")]
    Purpose,
    /// The caller's fault: what signs tokens has a key pair, and is for signatures.
    #[error(
        "a key that signs tokens is for sig, and of ES256, ES384, EdDSA, RS256, RS384, RS512, PS256, PS384 or PS512"
    )]
    SignsNothing,
    /// The caller's fault: its name.
    #[error(transparent)]
    Document(#[from] KeyDocumentError),
    /// The caller's fault: its name.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// Ours.
    #[error(transparent)]
    Generation(#[from] GenerationFailed),
}

impl KeyRequest {
    /// Makes the key. See [`generate`] for what an RSA key costs.
    pub fn create(&self, set: &SetName, now: Timestamp, rng: &dyn Rng) -> Result<KeyOfSet, CreateError> {
        if !["sig", "enc"].contains(&self.purpose.as_str()) {
            return Err(CreateError::Purpose);
        }
        let mut document = match self.alg.parse::<SigningAlgorithm>() {
            Ok(algorithm) => pair(algorithm, rng)?,
            Err(_) if self.alg == ES512 => es512::make(rng)?,
            Err(_) => self.shared_secret(rng)?,
        };
        document.insert("use".to_owned(), self.purpose.clone().into());
        document.insert("kid".to_owned(), self.name(rng).into());
        Ok(KeyOfSet::from_map(set, document, now)?)
    }

    /// Makes a key that is to sign the tenant's tokens.
    pub fn create_signing(&self, rng: &dyn Rng) -> Result<ImportedKey, CreateError> {
        let algorithm = self.alg.parse().map_err(|_| CreateError::SignsNothing)?;
        if self.purpose != "sig" {
            return Err(CreateError::SignsNothing);
        }
        let mut document = pair(algorithm, rng)?;
        // Without a name of its own it keeps its thumbprint.
        if !self.kid.is_empty() {
            document.insert("kid".to_owned(), self.kid.clone().into());
        }
        let text = Zeroizing::new(Value::Object(document).to_string());
        Ok(ImportedKey::parse(text.as_bytes())?)
    }

    fn name(&self, rng: &dyn Rng) -> String {
        if self.kid.is_empty() { rng.uuid().to_string() } else { self.kid.clone() }
    }

    /// As long as the hash of its algorithm (RFC 7518 section 3.2).
    fn shared_secret(&self, rng: &dyn Rng) -> Result<Map<String, Value>, CreateError> {
        let length = match self.alg.parse::<Algorithm>() {
            Ok(Algorithm::Hs256) => 32,
            Ok(Algorithm::Hs384) => 48,
            Ok(Algorithm::Hs512) => 64,
            _ => return Err(CreateError::Algorithm),
        };
        let mut secret = Zeroizing::new(vec![0; length]);
        rng.fill(&mut secret);
        let document = json!({ "kty": "oct", "alg": self.alg, "k": base64url::encode(&*secret) });
        let Value::Object(document) = document else { return Err(CreateError::Algorithm) };
        Ok(document)
    }
}

fn pair(algorithm: SigningAlgorithm, rng: &dyn Rng) -> Result<Map<String, Value>, GenerationFailed> {
    parse_object(generate(algorithm, rng)?.to_json().as_bytes()).map_err(|_| GenerationFailed)
}
