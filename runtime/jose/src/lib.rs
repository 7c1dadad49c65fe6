//! JOSE: keys, signatures and tokens, and the store of keys that a tenant signs with.
//!
//! Where to start: [`Signer`] makes tokens, [`UnverifiedJwt`] reads them, [`SigningKey`] is a tenant's
//! key through its life, [`rotation`] decides what becomes of it when, [`TenantKeys`] is what a tenant's
//! requests use of them in memory. A key may be elsewhere too ([`ForeignKey`]). [`jwe`] encrypts what is signed to its recipient. [`key_set`] are keys that an operator keeps here for services of its own.
//!
//! What this room must never do: choose an algorithm from a header (it is the key's), write or accept
//! `none`, use a key that a token brings along (but for the proof that its maker has that very key, [`key_proof`]), print a
//! private key, decrypt or compress anything, fetch anything.
//!
//! **Why not `jsonwebtoken`.** Its version 11 has no backend on ring: a `CryptoProvider` of our own
//! would be all of [`Signer`] and [`VerifyingKey`] anyway, behind boxed traits made anew for each call,
//! and it would still serialise the header for each token, take repeated members, and hand out claims
//! of a type that is not tied to a validation. What is left of it for us would be base64. All signing
//! and verifying is ring's; the `rsa` crate makes RSA keys (in `generate.rs`) and encrypts to them (in `jwe`), and never decrypts.

pub mod algorithm;
pub mod import;
pub mod json;
pub mod jwe;
pub mod jwk;
pub mod jws;
pub mod jwt;
pub mod key_proof;
pub mod key_set;
pub mod ports;
pub mod revocation;
pub mod rotation;
pub mod settings;
pub mod signer;
pub mod signing_key;
pub mod tenant_keys;
pub mod token_signer;
pub mod verifying;

mod generate;
#[cfg(test)]
mod tests_support;

pub use algorithm::{Algorithm, SigningAlgorithm};
pub use generate::{GenerationFailed, generate};
pub use import::{ImportError, ImportedKey};
pub use jwe::{
    ContentEncryption, EncryptError, Encrypter, KeyManagement, NoRecipient, RecipientKey, SignedToken,
};
pub use jwk::{JwkError, JwkSet, PrivateJwk, PublicJwk, SymmetricJwk};
pub use jws::{JwsError, UnverifiedJws, VerifiedJws};
pub use jwt::{ClaimError, ClaimRules, Expiry, SignedJwt, UnverifiedJwt, ValidClaims};
pub use key_proof::{KeyProof, KeyProofError, UnverifiedKeyProof};
pub use revocation::{RevokeError, revoke_key};
pub use rotation::{ensure_keys, rotate, take_over};
pub use settings::RotationSchedule;
pub use signer::{SignError, Signer, TokenType};
pub use signing_key::{KeyId, KeyState, SigningKey, Write};
pub use tenant_keys::TenantKeys;
pub use token_signer::{ForeignKey, ForeignSigner, TokenSigner};
pub use verifying::{VerifyingKey, VerifyingKeys};
