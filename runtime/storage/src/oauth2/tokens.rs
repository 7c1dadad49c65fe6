//! The port through which the authorization server finds codes and tokens.

use ::oauth2::grant::{AccessToken, AuthorizationCode, Grant, RefreshToken};
use ::oauth2::lineage::Mark;
use ::oauth2::ports::{PortResult, TokenRepository};
use primitives::{ClientId, KeyedHash, TenantId};

use super::{access_tokens, assertions, authorization_codes, port_error, refresh_tokens};
use crate::Storage;

impl TokenRepository for Storage {
    fn find_authorization_code<'a>(
        &'a self,
        tenant: &'a TenantId,
        hash: &'a KeyedHash,
    ) -> PortResult<'a, Option<(AuthorizationCode, Grant)>> {
        Box::pin(async move { authorization_codes::find(self, tenant, hash).await.map_err(port_error) })
    }

    fn find_grant_of_redeemed_code<'a>(
        &'a self,
        tenant: &'a TenantId,
        hash: &'a KeyedHash,
    ) -> PortResult<'a, Option<Grant>> {
        Box::pin(
            async move { authorization_codes::find_redeemed(self, tenant, hash).await.map_err(port_error) },
        )
    }

    fn find_access_token<'a>(
        &'a self,
        tenant: &'a TenantId,
        hash: &'a KeyedHash,
    ) -> PortResult<'a, Option<(AccessToken, Option<Grant>)>> {
        Box::pin(async move {
            let load = Box::pin(access_tokens::find(self, tenant, hash));
            self.inner.tokens.find_or_load(tenant, hash, load).await.map_err(port_error)
        })
    }

    fn find_refresh_token<'a>(
        &'a self,
        tenant: &'a TenantId,
        hash: &'a KeyedHash,
    ) -> PortResult<'a, Option<(RefreshToken, Grant)>> {
        Box::pin(async move { refresh_tokens::find(self, tenant, hash).await.map_err(port_error) })
    }

    fn is_any_revoked<'a>(&'a self, tenant: &'a TenantId, marks: &'a [Mark]) -> PortResult<'a, bool> {
        Box::pin(async move { access_tokens::is_any_revoked(self, tenant, marks).await.map_err(port_error) })
    }

    fn is_assertion_used<'a>(
        &'a self,
        tenant: &'a TenantId,
        client: &'a ClientId,
        jti: &'a str,
    ) -> PortResult<'a, bool> {
        Box::pin(async move { assertions::is_used(self, tenant, client, jti).await.map_err(port_error) })
    }

    fn is_bearer_assertion_used<'a>(&'a self, tenant: &'a TenantId, jti: &'a str) -> PortResult<'a, bool> {
        Box::pin(async move { assertions::is_bearer_used(self, tenant, jti).await.map_err(port_error) })
    }
}
