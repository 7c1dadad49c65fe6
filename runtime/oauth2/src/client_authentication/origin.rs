//! Which scripts may read what a client is answered (Fetch, section 3.2).

use super::{find, named, presented};
use crate::server::AuthorizationServer;
use crate::token::ClientRequest;

impl AuthorizationServer {
    /// Whether scripts of an origin may read what the client that a request names is answered, success or failure: as
    /// its `allowed_cors_origins` say. Nobody is authenticated here.
    pub async fn may_read(&self, request: ClientRequest<'_>, origin: &str) -> bool {
        let id = match presented(request) {
            Ok(Some((_, presented))) => Some(presented.client),
            Ok(None) => named(request.parameters).ok(),
            Err(_) => None,
        };
        let Some(id) = id else { return false };
        let Ok(Ok(client)) = find(self, &id).await else { return false };
        let allowed = client.record.document.allowed_cors_origins.as_deref().unwrap_or_default();
        allowed.iter().any(|allowed| allowed == origin)
    }
}
