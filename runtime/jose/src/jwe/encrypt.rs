//! Encrypting a signed token to its recipient (RFC 7516 section 5.1).

use primitives::{Rng, base64url};
use serde_json::{Value, json};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::algorithm::{ContentEncryption, KeyManagement};
use super::recipient::{Material, RecipientKey};
use super::{content, key_wrap};
use crate::generate::Source;
use crate::signer::{SignError, TokenType};
use crate::token_signer::TokenSigner;

/// A token that a key of ours has signed, and nothing else: what may be encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedToken(String);

/// Nothing was encrypted: the key cannot be, or the machine has no randomness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("encryption failed")]
pub struct EncryptError;

/// Encrypts to one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encrypter {
    key: RecipientKey,
    content: ContentEncryption,
}

impl SignedToken {
    /// Signs claims with what signs a tenant's tokens.
    pub async fn sign<C: serde::Serialize + Sync + ?Sized>(
        signer: &TokenSigner,
        typ: TokenType,
        claims: &C,
    ) -> Result<Self, SignError> {
        signer.sign(typ, claims).await.map(Self)
    }

    /// How long it is, in bytes.
    pub const fn size(&self) -> usize {
        self.0.len()
    }

    /// The token as it is, for whoever did not ask for encryption.
    pub fn into_text(self) -> String {
        self.0
    }
}

impl Encrypter {
    /// Encrypts to `key`.
    pub const fn new(key: RecipientKey, content: ContentEncryption) -> Self {
        Self { key, content }
    }

    /// A nested JWT (RFC 7519 section 5.2: `cty` is `JWT`).
    pub fn encrypt(&self, token: &SignedToken, rng: &dyn Rng) -> Result<String, EncryptError> {
        let mut header = json!({
            "alg": self.key.algorithm.as_str(),
            "enc": self.content.as_str(),
            "cty": "JWT",
        });
        if let Some(kid) = &self.key.kid {
            set(&mut header, "kid", kid.as_str().into());
        }
        let (content_key, encrypted_key) = self.content_key(&mut header, rng)?;
        let protected = base64url::encode(header.to_string());
        let vector = random(self.content.vector_bytes(), rng);
        let keys = (content_key.as_slice(), vector.as_slice());
        let sealed = content::seal(self.content, keys, protected.as_bytes(), token.0.as_bytes())?;
        let parts = [&encrypted_key, &*vector, &sealed.ciphertext, &sealed.tag].map(base64url::encode);
        Ok(std::iter::once(protected).chain(parts).collect::<Vec<_>>().join("."))
    }

    /// A new content key, and how the recipient gets it.
    fn content_key(
        &self,
        header: &mut Value,
        rng: &dyn Rng,
    ) -> Result<(Zeroizing<Vec<u8>>, Vec<u8>), EncryptError> {
        let (curve, public) = match &self.key.material {
            Material::Rsa(key) => {
                let content_key = random(self.content.key_bytes(), rng);
                let sealed = key.oaep_encrypt_with_rng::<Sha256, _>(&mut Source(rng), &content_key);
                return Ok((content_key, sealed.map_err(|_| EncryptError)?));
            }
            Material::Agreement { curve, public } => (*curve, public.as_slice()),
        };
        let (purpose, bytes) = match self.key.algorithm {
            KeyManagement::EcdhEs => (self.content.as_str(), self.content.key_bytes()),
            KeyManagement::EcdhEsA128Kw => (self.key.algorithm.as_str(), 16),
            KeyManagement::EcdhEsA256Kw => (self.key.algorithm.as_str(), 32),
            KeyManagement::RsaOaep256 => return Err(EncryptError),
        };
        let agreed = curve.agree(public, purpose, bytes)?;
        set(header, "epk", agreed.ephemeral);
        if self.key.algorithm == KeyManagement::EcdhEs {
            return Ok((agreed.key, Vec::new()));
        }
        let content_key = random(self.content.key_bytes(), rng);
        let wrapped = key_wrap::wrap(&agreed.key, &content_key)?;
        Ok((content_key, wrapped))
    }
}

fn random(bytes: usize, rng: &dyn Rng) -> Zeroizing<Vec<u8>> {
    let mut made = Zeroizing::new(vec![0; bytes]);
    rng.fill(&mut made);
    made
}

fn set(header: &mut Value, name: &str, value: Value) {
    if let Value::Object(members) = header {
        members.insert(name.to_owned(), value);
    }
}
