//! Demonstrating proof of possession (RFC 9449): the caller shows, with every request, that it holds a key.
//!
//! A token that is bound to a key is worth nothing to whoever finds it. The attacks, and which check stops them. The numbers
//! are those of RFC 9449 section 4.3.
//!
//! | check | where | stops |
//! |---|---|---|
//! | 1 one header | [`PresentedProof`] | two readers of a request that look at different proofs |
//! | 2 a well-formed token, within `MOST_BYTES` | `jose::key_proof` | a parser's worst case |
//! | 4 `typ` | `jose::key_proof` | another token that the same key has signed |
//! | 5 an asymmetric `alg` | `jose::key_proof` | `none`, or a public key taken for a shared secret |
//! | 7 no private key | `jose::key_proof` | a key that everybody on the way has learned |
//! | 6 the signature, by that key | `jose::key_proof` | a proof that was made up or changed |
//! | 3 all claims are there | `check` | |
//! | 8 `htm` | `check` | a proof that was caught at another method |
//! | 9 `htu` | `target` | a proof that another server was shown |
//! | 10 `nonce` | `nonce` | proofs made in stock, for a time to come |
//! | 11 `iat` | `check` | an old proof out of a log |
//! | 12 `ath`, and the key of the token | `check` | a proof of another key, or for another token |
//! | — single use (section 11.1) | `ProvenKey::write` | a proof that was caught: beside its token, or when it was refused |
//!
//! **What single use costs.** A proof becomes a row when all of the table has passed and it is known who made it: its client has
//! authenticated, or the token that it came with is live and bound to its very key. Then it is used up whatever the answer is,
//! but where we failed. A flood of proofs that strangers make writes nothing. At the token endpoint the row travels with the change
//! that issues the tokens, or that refuses them. A nonce would not do instead: it is good for minutes, and within them whoever
//! caught token and proof together would ask as often as they like. The row leaves when the proof could no longer be taken.
//!
//! **What is left.** In the name of a client that proves nothing (`none`) anybody makes proofs, so theirs become rows only with the
//! tokens that they get. One whose request was refused can be brought again while it is fresh. Who caught it needs a code or a
//! refresh token besides that is not spent, and gets tokens that are bound to the key that they lack.
//!
//! `htu` is held against the address that we advertise, never against the `Host` that came with the request.

mod nonce;
mod target;
#[cfg(test)]
mod tests;

use jose::{Algorithm, KeyProof, UnverifiedKeyProof};
use primitives::time::ClockTolerance;
use primitives::{ClientId, Timestamp, base64url};
use ring::digest::{SHA256, digest};
use serde_json::Value;

use crate::client::Client;
use crate::confirmation::{Confirmation, Thumbprint};
use crate::ports::PortError;
use crate::security_profile::check_algorithm;
use crate::server::AuthorizationServer;
use crate::write::Write;

/// The algorithms of proofs, as discovery and challenges list them.
pub const PROOF_ALGORITHMS: [Algorithm; 9] = Algorithm::ASYMMETRIC;

/// The longest proof that is looked at. One of an RSA key of 8192 bits takes half of it.
const MOST_BYTES: usize = 8_192;

/// `typ` of every proof (RFC 9449 section 4.2).
const TYP: &str = "dpop+jwt";

/// The `DPoP` header of a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PresentedProof<'a> {
    /// There is none.
    #[default]
    Absent,
    /// There is one.
    One(&'a str),
    /// There are several, or what there is is not text.
    Malformed,
}

/// What is wrong with a proof. The client's developer reads the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what it is")]
pub enum ProofFault {
    #[error("a DPoP proof is required")]
    Missing,
    #[error("there must be one DPoP header, with one proof")]
    Header,
    #[error("the DPoP proof is not a token of type dpop+jwt that its own public key has signed")]
    Token,
    #[error("the DPoP proof lacks a claim, or one is malformed")]
    Claims,
    #[error("htm of the DPoP proof is not the method of the request")]
    Method,
    #[error("htu of the DPoP proof is not the address of this endpoint")]
    Target,
    #[error("iat of the DPoP proof is too old, or in the future")]
    Time,
    #[error("ath of the DPoP proof is not the hash of the access token")]
    AccessToken,
    #[error("the DPoP proof is of another key")]
    Key,
    #[error("the DPoP proof was used before")]
    Replayed,
}

/// Why a request with a proof, or without one, is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DpopError {
    /// The client's fault (RFC 9449 section 5).
    #[error(transparent)]
    InvalidProof(#[from] ProofFault),
    /// The client must use the nonce that comes with the answer (sections 8 and 9).
    #[error("the DPoP proof must hold the nonce of this server")]
    UseNonce,
    /// Ours.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// What a proof must be for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected<'a> {
    pub(crate) method: &'a str,
    /// The endpoint's address, as discovery has it.
    pub(crate) endpoint: &'a str,
    /// The access token that came with it, and the key that it is bound to.
    pub(crate) access_token: Option<(&'a str, &'a Thumbprint)>,
    /// Whose request it is.
    pub(crate) client: &'a Client,
}

/// A key whose possession the caller of this very request has shown. Only [`check`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a proof counts once: its write belongs to the change"]
pub(crate) struct ProvenKey {
    thumbprint: Thumbprint,
    fingerprint: String,
    client: ClientId,
    expires_at: Timestamp,
}

impl ProvenKey {
    pub(crate) const fn thumbprint(&self) -> &Thumbprint {
        &self.thumbprint
    }

    /// What a token is that is bound to it.
    pub(crate) fn confirmation(&self) -> Confirmation {
        Confirmation::Key(self.thumbprint.clone())
    }

    /// Uses the proof up. Guard: it was not used.
    pub(crate) fn write(&self) -> Write {
        Write::UseAssertion { client: self.client.clone(), jti: self.row(), expires_at: self.expires_at }
    }

    /// Uses the proof up whatever its client is answered; nothing where the client proves nothing, in whose name everybody
    /// sends as many as they like.
    pub(crate) fn write_of_authenticated(&self, client: &Client) -> Option<Write> {
        (!client.is_public()).then(|| self.write())
    }

    /// Among the client's assertions; none of those has a dot.
    fn row(&self) -> String {
        format!("dpop.{}", self.fingerprint)
    }
}

/// Checks the proof of a request to an endpoint that authenticates clients; none where it has none, and its client need not.
pub(crate) async fn check_of_client(
    server: &AuthorizationServer,
    presented: PresentedProof<'_>,
    client: &Client,
    endpoint: &str,
) -> Result<Option<ProvenKey>, DpopError> {
    if presented == PresentedProof::Absent {
        return Ok(None);
    }
    check(server, presented, &Expected { method: "POST", endpoint, access_token: None, client })
        .await
        .map(Some)
}

/// Checks a proof, in the order of the table above.
pub(crate) async fn check(
    server: &AuthorizationServer,
    presented: PresentedProof<'_>,
    expected: &Expected<'_>,
) -> Result<ProvenKey, DpopError> {
    // 1
    let text = match presented {
        PresentedProof::One(text) => text,
        PresentedProof::Absent => return Err(ProofFault::Missing.into()),
        PresentedProof::Malformed => return Err(ProofFault::Header.into()),
    };
    // 2, 4, 5, 7, 6
    let unverified =
        UnverifiedKeyProof::parse_within(text, TYP, MOST_BYTES).map_err(|_| ProofFault::Token)?;
    if !check_algorithm(server, expected.client, unverified.algorithm()) {
        return Err(ProofFault::Token.into());
    }
    let proof = unverified.verify().map_err(|_| ProofFault::Token)?;
    // 3
    let claims = Claims::find(&proof).ok_or(ProofFault::Claims)?;
    // 8
    if claims.method != expected.method {
        return Err(ProofFault::Method.into());
    }
    // 9
    let alias = server.certificate_alias(expected.endpoint);
    let mut addresses = std::iter::once(expected.endpoint).chain(alias.as_deref());
    if !addresses.any(|endpoint| target::is_same(claims.target, endpoint)) {
        return Err(ProofFault::Target.into());
    }
    // 10
    check_nonce(server, &proof, expected.client)?;
    // 11
    let (now, ClockTolerance(tolerance)) = (server.now(), ClockTolerance::default());
    let expires_at = claims.issued_at.after(server.settings.dpop_proof_lifespan.0 + tolerance);
    if claims.issued_at > now.after(tolerance) || expires_at <= now {
        return Err(ProofFault::Time.into());
    }
    // 12
    if let Some((token, key)) = expected.access_token {
        if proof.thumbprint() != key.as_str() {
            return Err(ProofFault::Key.into());
        }
        let hash = base64url::encode(digest(&SHA256, token.as_bytes()));
        if proof.claim("ath").and_then(Value::as_str) != Some(hash.as_str()) {
            return Err(ProofFault::AccessToken.into());
        }
    }
    let proven = ProvenKey {
        thumbprint: proof.thumbprint().parse().map_err(|_| ProofFault::Token)?,
        fingerprint: claims.fingerprint,
        client: expected.client.id.clone(),
        // Another node's clock may be a little behind.
        expires_at: expires_at.after(tolerance),
    };
    let row = proven.row();
    if server.ports.tokens.is_assertion_used(&server.tenant, &expected.client.id, &row).await? {
        return Err(ProofFault::Replayed.into());
    }
    Ok(proven)
}

/// The claims that every proof has (RFC 9449 section 4.2).
struct Claims<'a> {
    fingerprint: String,
    method: &'a str,
    target: &'a str,
    issued_at: Timestamp,
}

impl<'a> Claims<'a> {
    fn find(proof: &'a KeyProof) -> Option<Self> {
        let text = |name: &str| proof.claim(name).and_then(Value::as_str);
        Some(Self {
            fingerprint: proof.fingerprint()?,
            method: text("htm")?,
            target: text("htu")?,
            issued_at: proof.issued_at()?,
        })
    }
}

/// A nonce that is there must be ours, whether it was asked for or not: a client that was given one shows it.
fn check_nonce(server: &AuthorizationServer, proof: &KeyProof, client: &Client) -> Result<(), DpopError> {
    let is_required =
        server.settings.require_dpop_nonce || client.record.document.require_dpop_nonce == Some(true);
    match proof.claim("nonce") {
        None if is_required => Err(DpopError::UseNonce),
        None => Ok(()),
        Some(Value::String(nonce)) if nonce::is_current(server, nonce) => Ok(()),
        Some(_) => Err(DpopError::UseNonce),
    }
}
