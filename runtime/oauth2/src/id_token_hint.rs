//! `id_token_hint`: an ID token of ours comes back to say who somebody was (OpenID Connect Core section
//! 3.1.2.1, RP-Initiated Logout section 2). Its expiry does not matter, its signature does.

use jose::Expiry;
use primitives::ClientId;
use serde_json::{Map, Value};

use crate::own_token::SignedIdToken;
use crate::ports::PortError;
use crate::server::AuthorizationServer;

/// What a verified hint says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hint {
    /// Whom it is about, by the name that its client knows.
    pub(crate) subject: String,
    /// The session in which it was issued, by the name that its client knows.
    pub(crate) session: String,
    /// To whom it was issued.
    pub(crate) client: ClientId,
    /// All that it says.
    pub(crate) claims: Map<String, Value>,
}

/// Verifies a hint; `None` if it is not an ID token of this issuer.
pub(crate) async fn verify_hint(server: &AuthorizationServer, text: &str) -> Result<Option<Hint>, PortError> {
    let found = SignedIdToken::verify(server, text, Expiry::Ignored).await?;
    Ok(found.map(|found| {
        let claims = found.claims().all().clone();
        let SignedIdToken { subject, session, client, .. } = found;
        Hint { subject, session, client, claims }
    }))
}
