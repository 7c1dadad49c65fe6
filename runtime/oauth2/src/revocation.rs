//! Token revocation (RFC 7009).

use crate::decision::Decision;
use crate::ports::PortError;
use crate::server::AuthorizationServer;
use crate::token::{ClientRequest, TokenError};

impl AuthorizationServer {
    /// Decides a revocation request. An unknown token is a success: it is dead.
    #[expect(clippy::unused_async, reason = "its body follows in the next change")]
    pub async fn revoke(&self, _: ClientRequest<'_>) -> Decision<(), TokenError> {
        let error = PortError::Unavailable("revocation is not served yet".to_owned());
        Decision::without_change(self.tenant.clone(), Err(error.into()))
    }
}
