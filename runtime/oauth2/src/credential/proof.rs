//! The proof that a wallet has the key which a credential is to be for (OpenID for Verifiable Credential Issuance draft 11 section
//! 7.2.1). The checks that `dpop` has as well are those of `jose::key_proof`.

use jose::UnverifiedKeyProof;
use primitives::time::ClockTolerance;
use primitives::{ClientId, Timestamp, base64url};
use ring::digest::{Context, SHA256};
use serde_json::Value;

use super::nonce;
use crate::client::Client;
use crate::ports::PortError;
use crate::security_profile::check_algorithm;
use crate::server::AuthorizationServer;
use crate::write::Write;

/// The longest proof that is looked at. One of an RSA key of 8192 bits takes half of it.
const MOST_BYTES: usize = 8_192;

/// `typ` of every proof (section 7.2.1.1).
const TYP: &str = "openid4vci-proof+jwt";

/// What is wrong with a proof. The wallet's developer reads the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what it is")]
pub enum WalletProofFault {
    #[error("a proof of possession of the wallet's key is required")]
    Missing,
    #[error("proof_type must be jwt")]
    Kind,
    #[error(
        "the proof is not a token of type openid4vci-proof+jwt that the public key in its header has signed"
    )]
    Token,
    #[error("iss of the proof is not the client to which the access token was issued")]
    Client,
    #[error("aud of the proof is not this issuer")]
    Audience,
    #[error("the proof has no iat, is too old, or is of the future")]
    Time,
    #[error("nonce of the proof is not one that was given for this access token, or it has ended")]
    Nonce,
    #[error("this key has used this nonce before")]
    Replayed,
}

/// Why a proof is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ProofError {
    /// The wallet's fault.
    #[error(transparent)]
    Fault(#[from] WalletProofFault),
    /// Ours.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// A wallet whose possession of its key was shown for this very request. Only [`check`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a nonce serves a key once: its write belongs to the change"]
pub(super) struct ProvenWallet {
    did: String,
    thumbprint: String,
    row: String,
    client: ClientId,
    expires_at: Timestamp,
}

impl ProvenWallet {
    /// The wallet, by its key alone.
    pub(super) fn did(&self) -> &str {
        &self.did
    }

    /// The key, for records.
    pub(super) fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// Uses the nonce up for this key. Guard: it was not used.
    pub(super) fn write(&self) -> Write {
        Write::UseAssertion {
            client: self.client.clone(),
            jti: self.row.clone(),
            expires_at: self.expires_at,
        }
    }
}

/// Checks a proof that came with an access token, in the order of the table of attacks.
pub(super) async fn check(
    server: &AuthorizationServer,
    (client, access_token): (&Client, &str),
    text: &str,
) -> Result<ProvenWallet, ProofError> {
    let unverified =
        UnverifiedKeyProof::parse_within(text, TYP, MOST_BYTES).map_err(|_| WalletProofFault::Token)?;
    if !check_algorithm(server, client, unverified.algorithm()) {
        return Err(WalletProofFault::Token.into());
    }
    let proof = unverified.verify().map_err(|_| WalletProofFault::Token)?;
    // Whoever signs in anonymously at a client leaves it out; what is there is true.
    if proof.claim("iss").is_some_and(|iss| iss.as_str() != Some(client.id.as_str())) {
        return Err(WalletProofFault::Client.into());
    }
    if proof.claim("aud").and_then(Value::as_str) != Some(server.issuer.as_str()) {
        return Err(WalletProofFault::Audience.into());
    }
    let (now, tolerance) = (server.now(), ClockTolerance::default());
    let oldest = now.before(server.settings.credentials.nonce_lifespan.0).before(tolerance.0);
    let is_new = proof.issued_at().is_some_and(|at| oldest < at && at <= now.after(tolerance.0));
    if !is_new || !proof.is_in_time(now, tolerance) {
        return Err(WalletProofFault::Time.into());
    }
    let nonce = proof.claim("nonce").and_then(Value::as_str).ok_or(WalletProofFault::Nonce)?;
    let current = nonce::check(server, access_token, nonce).ok_or(WalletProofFault::Nonce)?;
    let row = row(proof.thumbprint(), nonce);
    if server.ports.tokens.is_assertion_used(&server.tenant, &client.id, &row).await? {
        return Err(WalletProofFault::Replayed.into());
    }
    // Another node's clock may be a little behind.
    let expires_at = current.expires_at.after(tolerance.0);
    let (did, thumbprint) = (proof.did(), proof.thumbprint().to_owned());
    Ok(ProvenWallet { did, thumbprint, row, client: client.id.clone(), expires_at })
}

/// Among the client's assertions; none of those has a dot, and none of its proofs begins so.
fn row(thumbprint: &str, nonce: &str) -> String {
    let mut hash = Context::new(&SHA256);
    // A thumbprint has one length: the two parts cannot run together.
    hash.update(thumbprint.as_bytes());
    hash.update(nonce.as_bytes());
    format!("credential.{}", base64url::encode(hash.finish()))
}
