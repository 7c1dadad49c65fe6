//! The administration of trusts.

use jose::{JwkError, PublicJwk, VerifyingKey};
use primitives::{Actor, AuditEvent, Change};

use super::{ShownIssuer, TrustFilter, TrustKind, TrustRequest, TrustedIssuer, TrustedSubject};
use crate::decision::Decision;
use crate::ports::PortError;
use crate::scope::Scopes;
use crate::server::AuthorizationServer;
use crate::write::Write;

/// The longest issuer or subject, in bytes.
const MAX_NAME: usize = 512;
/// More trusts of one issuer are not looked through before one is made; the guard of its insertion holds anyway.
const MOST_OF_ISSUER: u32 = 1_000;

/// Why a trust is not made, shown or deleted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// The admin's fault: the document makes no sense; 400.
    #[error("{0}")]
    Invalid(&'static str),
    /// The admin's fault: the key is no public key that verifies; 400.
    #[error("jwk: {0}")]
    Key(#[from] JwkError),
    /// No such trust; 404.
    #[error("no such trust")]
    NotFound,
    /// There is one for the same issuer, subject and key; 409.
    #[error("there is a trust for this issuer, subject and key")]
    Exists,
    /// Ours.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl AuthorizationServer {
    /// Trusts an issuer.
    pub async fn trust_issuer(
        &self,
        request: &TrustRequest,
        actor: Actor,
    ) -> Decision<ShownIssuer, TrustError> {
        match self.trusted(request).await {
            Ok(trust) => {
                let audit = AuditEvent::new("trust.created", actor, "trust", &trust.id);
                let change = Change::new(self.tenant.clone())
                    .write(Write::InsertTrustedIssuer(Box::new(trust.clone())))
                    .audit(audit);
                Decision::new(change, Ok(trust.into()))
            }
            Err(error) => Decision::without_change(self.tenant.clone(), Err(error)),
        }
    }

    /// A trust.
    pub async fn load_trusted_issuer(&self, id: &str) -> Result<ShownIssuer, TrustError> {
        let found = self.ports.trusts.find_trusted_issuer(&self.tenant, id).await?;
        found.map(ShownIssuer::from).ok_or(TrustError::NotFound)
    }

    /// Trusts in the order of their ids.
    pub async fn list_trusted_issuers(
        &self,
        filter: &TrustFilter,
        limit: u32,
    ) -> Result<Vec<ShownIssuer>, TrustError> {
        let found = self.ports.trusts.list_trusted_issuers(&self.tenant, filter, limit).await?;
        Ok(found.into_iter().map(ShownIssuer::from).collect())
    }

    /// Trusts an issuer no more. What it gave lives until it expires.
    pub async fn distrust_issuer(&self, id: &str, actor: Actor) -> Decision<(), TrustError> {
        match self.ports.trusts.find_trusted_issuer(&self.tenant, id).await {
            Ok(Some(trust)) => {
                let change = Change::new(self.tenant.clone())
                    .write(Write::DeleteTrustedIssuer { id: trust.id.clone() })
                    .audit(AuditEvent::new("trust.deleted", actor, "trust", &trust.id));
                Decision::new(change, Ok(()))
            }
            Ok(None) => Decision::without_change(self.tenant.clone(), Err(TrustError::NotFound)),
            Err(error) => Decision::without_change(self.tenant.clone(), Err(error.into())),
        }
    }

    async fn trusted(&self, request: &TrustRequest) -> Result<TrustedIssuer, TrustError> {
        let issuer = request.issuer.as_str();
        if issuer.is_empty() || issuer.len() > MAX_NAME || request.subject.len() > MAX_NAME {
            return Err(TrustError::Invalid("issuer and subject have 1 to 512 bytes"));
        }
        let subject = match (request.allow_any_subject, request.subject.is_empty()) {
            (true, true) => TrustedSubject::Any,
            (false, false) => TrustedSubject::One(request.subject.clone()),
            _ => return Err(TrustError::Invalid("either subject is named, or allow_any_subject is true")),
        };
        // It names people by its own names, and each by another one.
        if request.kind == TrustKind::IdJag && subject != TrustedSubject::Any {
            return Err(TrustError::Invalid(
                "a trust of the kind id_jag has allow_any_subject, and no subject",
            ));
        }
        // Attack: somebody else's assertions about themselves. Ours are never taken for a grant.
        if issuer == self.issuer.as_str() {
            return Err(TrustError::Invalid("issuer is this very server"));
        }
        let scope = Scopes::parse(&request.scope.join(" "))
            .map_err(|_| TrustError::Invalid("scope holds a character that is not allowed"))?;
        let jwk = PublicJwk::from_map(&request.jwk)?;
        if jwk.kid().is_none() {
            return Err(TrustError::Invalid("jwk has no kid"));
        }
        VerifyingKey::new(&jwk, None)?;
        let now = self.now();
        if request.expires_at <= now {
            return Err(TrustError::Invalid("expires_at is over"));
        }
        let trust = TrustedIssuer {
            id: self.rng.uuid().to_string(),
            kind: request.kind,
            issuer: issuer.to_owned(),
            subject,
            scope,
            jwk,
            created_at: now,
            expires_at: request.expires_at,
        };
        // Whoever loses a race misses the insertion's guard and then ends here.
        let filter = TrustFilter { issuer: Some(trust.issuer.clone()), after: None };
        let known = self.ports.trusts.list_trusted_issuers(&self.tenant, &filter, MOST_OF_ISSUER).await?;
        let is_same =
            |other: &TrustedIssuer| other.subject == trust.subject && other.jwk.kid() == trust.jwk.kid();
        if known.iter().any(is_same) { Err(TrustError::Exists) } else { Ok(trust) }
    }
}
