//! Verifiable credentials (OpenID Connect UserInfo Verifiable Credentials 1.0, draft 00, a profile of OpenID for Verifiable
//! Credential Issuance, draft 11): what userinfo tells of somebody, signed by us for a key of theirs.
//!
//! Whoever is shown one asks nobody whether it holds. So a credential is worth more to a thief than what userinfo tells, and what is
//! not right at the moment of its making is not put right afterwards. The attacks, and what stops them:
//!
//! | attack | what stops it |
//! |---|---|
//! | the token is a stranger's, dead, another tenant's, or its session is over | `find_holder`, as at userinfo |
//! | a token that is bound to a key or certificate is shown by somebody else | the same, for the address of this endpoint |
//! | a token that was never meant for it, or stands for nobody | [`SCOPE`] and `openid`, and a person's grant: `claims_of` |
//! | whoever acts for somebody (token exchange, another issuer's word, an operator) has a key of their own named as that person's | `is_own` |
//! | a proof without signature, by a shared secret, by another key, with a private key | `jose::key_proof` |
//! | another token that the wallet, or we, have signed is shown as a proof | `typ`: `proof` |
//! | a proof that was made for another issuer, or is relayed from another client | `aud`, `iss`: `proof` |
//! | a proof from a log, or made in stock | `iat`, and a nonce of ours for this very access token: `nonce` |
//! | a proof is shown again, or fifty times at once | `ProvenWallet::write`, in the change |
//! | words that we did not check are signed with the key (`kid`, `x5u`, …) | `jose::KeyProof::did`: the key alone |
//! | a plugin's or a consent app's claim names another holder | `id` and `sub` are set last |
//! | the credential is passed off as an ID token, a hint or an access token | it has no `aud`, `sid` or grant, and its `sub` is the key |
//! | it outlives what it says | `credentials.lifespan`, a day at most; its key stays published for as long |
//!
//! **What single use costs.** The nonce is not stored: it is bound to the access token by a keyed hash, as a DPoP nonce is to
//! its time. What is stored, when everything else has passed, is that a key has used it: one row for a credential, which leaves when
//! the nonce has ended. One nonce serves several keys of one wallet, each once, as clients of the API that we are compatible with
//! have it. A proof that is shown again would only give the wallet its own credential; but with more time in it, without its asking.

mod nonce;
mod proof;
mod settings;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use jose::TokenType;
use primitives::{Actor, AuditEvent, Change, RequestId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

pub use self::nonce::CredentialNonce;
pub use self::proof::WalletProofFault;
pub use self::settings::CredentialSettings;
use crate::access_token::{DescribedToken, PresentedToken};
use crate::decision::Decision;
use crate::dpop::{PROOF_ALGORITHMS, ProvenKey};
use crate::liveness::LiveGrant;
use crate::ports::PortError;
use crate::scope::Scopes;
use crate::security_profile;
use crate::server::AuthorizationServer;
use crate::token::Granted;
use crate::userinfo::UserinfoError;
use crate::write::Write;
use proof::{ProofError, ProvenWallet};

/// The scope that lets a client have credentials of somebody made.
pub const SCOPE: &str = "userinfo_credential_draft_00";
/// The only format.
const FORMAT: &str = "jwt_vc_json";
/// What every credential is (W3C Verifiable Credentials Data Model 1.1 section 4.3).
const TYPES: [&str; 2] = ["VerifiableCredential", "UserInfoCredential"];
/// What the words in it mean (section 4.1 there).
const CONTEXT: &str = "https://www.w3.org/2018/credentials/v1";

/// The body of a request (OpenID for Verifiable Credential Issuance draft 11 section 7.2).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct CredentialRequest {
    format: String,
    /// What there is is what is given without a wish.
    #[serde(default)]
    types: Option<Vec<String>>,
    #[serde(default)]
    proof: Option<Proof>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Proof {
    proof_type: String,
    #[serde(default)]
    jwt: Option<String>,
}

impl CredentialRequest {
    /// Reads a body; `None` if it is not one object, each of whose members is there once.
    fn parse(body: &[u8]) -> Option<Self> {
        let members = jose::json::parse_object(body).ok()?;
        serde_json::from_value(Value::Object(members)).ok()
    }
}

/// A credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CredentialResponse {
    /// `jwt_vc_json`.
    pub format: &'static str,
    /// The credential, a signed token.
    pub credential_draft_00: String,
}

/// A credential, and what it writes.
struct Made {
    response: CredentialResponse,
    write: Write,
    event: AuditEvent,
}

/// Why no credential is given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// The access token, or what userinfo would fail with.
    #[error(transparent)]
    Token(#[from] UserinfoError),
    /// The caller's fault; 400.
    #[error("the body must be a JSON object with format, types and proof")]
    Malformed,
    /// The caller's fault; 400.
    #[error("format must be jwt_vc_json")]
    Format,
    /// The caller's fault; 400.
    #[error("types must be VerifiableCredential and UserInfoCredential")]
    Types,
    /// The caller's fault; 400, with a nonce for the next proof.
    #[error("{fault}")]
    Proof {
        /// What is wrong with the proof.
        fault: WalletProofFault,
        /// What the next one must hold.
        nonce: CredentialNonce,
    },
}

impl CredentialError {
    /// `error` of the answer (section 7.3.1).
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Token(error) => error.code(),
            Self::Malformed => "invalid_request",
            Self::Format => "unsupported_credential_format",
            Self::Types => "unsupported_credential_type",
            Self::Proof { .. } => "invalid_or_missing_proof",
        }
    }

    /// `error_description`: never the inside of a failure of ours.
    pub fn description(&self) -> Cow<'static, str> {
        match self {
            Self::Token(error) => error.description(),
            Self::Malformed | Self::Format | Self::Types | Self::Proof { .. } => self.to_string().into(),
        }
    }
}

impl From<PortError> for CredentialError {
    fn from(error: PortError) -> Self {
        Self::Token(error.into())
    }
}

/// A credential as it is signed (W3C Verifiable Credentials Data Model 1.1 section 6.3.1).
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    /// The wallet: whom it is about stands within.
    sub: &'a str,
    jti: String,
    iat: i64,
    nbf: i64,
    exp: i64,
    vc: Value,
}

impl AuthorizationServer {
    /// Whether the tenant gives credentials.
    pub fn has_credentials(&self) -> bool {
        self.settings.credentials.enabled
    }

    /// A credential about the person whom an access token stands for, for the key that the wallet proves to have.
    pub async fn create_credential(
        &self,
        presented: PresentedToken<'_>,
        body: &[u8],
        request: RequestId,
    ) -> Decision<CredentialResponse, CredentialError> {
        let mut change = Change::new(self.tenant.clone());
        let held = match self.find_holder(&presented, &self.endpoints.credentials).await {
            Ok(held) => held,
            Err(error) => return Decision::new(change, Err(error.into())),
        };
        // A proof of the token that was right is used up, whatever the answer is.
        change.writes.extend(held.proof.as_ref().map(ProvenKey::write));
        let made = self.make_credential(held.described(), presented.text, (body, request)).await;
        let result = made.map(|made| {
            change.writes.push(made.write);
            change.audit.push(made.event);
            made.response
        });
        Decision::new(change, result)
    }

    async fn make_credential(
        &self,
        live: &DescribedToken,
        access_token: &str,
        (body, request): (&[u8], RequestId),
    ) -> Result<Made, CredentialError> {
        let token = live.token();
        let grant = live.grant().filter(|_| allows(&token.scope)).ok_or(UserinfoError::InsufficientScope)?;
        if !is_own(grant, token.derivation.is_some()) {
            let words = "a credential is made for who has signed in here, and not for who acts for them";
            return Err(UserinfoError::AccessDenied(words.to_owned()).into());
        }
        let wanted = CredentialRequest::parse(body).ok_or(CredentialError::Malformed)?;
        if wanted.format != FORMAT {
            return Err(CredentialError::Format);
        }
        if wanted.types.is_some_and(|types| !is_ours(&types)) {
            return Err(CredentialError::Types);
        }
        let wallet = match self.check_wallet((live, access_token), wanted.proof).await {
            Ok(wallet) => wallet,
            Err(ProofError::Port(error)) => return Err(error.into()),
            Err(ProofError::Fault(fault)) => {
                return Err(CredentialError::Proof { fault, nonce: nonce::new(self, access_token) });
            }
        };
        let told = self.claims_of(live, request).await?;
        let credential_draft_00 = self.sign_credential(&wallet, told).await?;
        let actor = Actor::Client(live.client().id.clone());
        let event = AuditEvent::new("credential.issued", actor, "grant", &grant.grant().id)
            .with("subject", &grant.grant().subject.id)
            .with("key", &wallet.thumbprint());
        let response = CredentialResponse { format: FORMAT, credential_draft_00 };
        Ok(Made { response, write: wallet.write(), event })
    }

    async fn check_wallet(
        &self,
        (live, access_token): (&DescribedToken, &str),
        proof: Option<Proof>,
    ) -> Result<ProvenWallet, ProofError> {
        let proof = proof.ok_or(WalletProofFault::Missing)?;
        if proof.proof_type != "jwt" {
            return Err(WalletProofFault::Kind.into());
        }
        let text = proof.jwt.ok_or(WalletProofFault::Missing)?;
        proof::check(self, (live.client(), access_token), &text).await
    }

    async fn sign_credential(
        &self,
        wallet: &ProvenWallet,
        mut subject: Map<String, Value>,
    ) -> Result<String, PortError> {
        // Last: nobody but the wallet's key says whose it is.
        subject.insert("id".to_owned(), wallet.did().into());
        let now = self.now();
        let claims = Claims {
            iss: self.issuer.as_str(),
            sub: wallet.did(),
            jti: format!("urn:uuid:{}", self.rng.uuid()),
            iat: now.seconds(),
            nbf: now.seconds(),
            exp: now.after(self.settings.credentials.lifespan.0).seconds(),
            vc: json!({ "@context": [CONTEXT], "type": TYPES, "credentialSubject": subject }),
        };
        let keys = self.load_keys().await?;
        let signed = self.id_token_signer(&keys)?.sign(TokenType::Jwt, &claims).await;
        signed.map_err(|error| PortError::Unavailable(error.to_string()))
    }

    /// What discovery says of credentials (`credentials_endpoint_draft_00`, `credentials_supported_draft_00`); nothing where there are none.
    pub(crate) fn describe_credentials(&self, members: &mut Map<String, Value>) {
        if !self.has_credentials() {
            return;
        }
        let suites = PROOF_ALGORITHMS.iter().map(|algorithm| algorithm.as_str());
        let is_profiled = self.settings.security_profile.is_some();
        let suites: Vec<_> =
            suites.filter(|one| !is_profiled || security_profile::ALGORITHMS.contains(one)).collect();
        let supported = json!([{
            "format": FORMAT,
            "types": TYPES,
            "cryptographic_binding_methods_supported": ["jwk"],
            "cryptographic_suites_supported": suites,
        }]);
        members.insert("credentials_endpoint_draft_00".to_owned(), self.endpoints.credentials.clone().into());
        members.insert("credentials_supported_draft_00".to_owned(), supported);
        if let Some(Value::Array(scopes)) = members.get_mut("scopes_supported")
            && !scopes.contains(&SCOPE.into())
        {
            scopes.push(SCOPE.into());
        }
    }

    /// The nonce that goes with an access token for credentials, so that its wallet need not ask for one.
    pub(crate) fn first_nonce(&self, granted: &Granted, access_token: &str) -> Option<CredentialNonce> {
        let is_for_it = self.has_credentials()
            && allows(&granted.scope)
            && granted.grant.as_ref().is_some_and(|grant| is_own(grant, granted.exchanged.is_some()));
        is_for_it.then(|| nonce::new(self, access_token))
    }
}

/// Whether a scope lets credentials be made.
fn allows(scope: &Scopes) -> bool {
    scope.openid() && scope.contains(SCOPE)
}

/// Whether whoever has signed in here holds the token themselves: nobody acts for them, and it was not exchanged.
fn is_own(grant: &LiveGrant, is_exchanged: bool) -> bool {
    let subject = &grant.grant().subject;
    subject.has_session() && subject.actor.is_none() && !is_exchanged
}

/// Whether these are the types of what there is, in whatever order.
fn is_ours(types: &[String]) -> bool {
    types.len() == TYPES.len() && TYPES.iter().all(|wanted| types.iter().any(|one| one == wanted))
}
