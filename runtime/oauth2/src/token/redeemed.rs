//! What a code gives that is good, of whichever grant: all that its grant allows, once.

use primitives::Timestamp;

use super::authorization_code::event;
use super::holder::Holder;
use super::refresh_token::first_refresh_token;
use super::{Asked, Granted, TokenError};
use crate::client::GrantType;
use crate::details;
use crate::lifespan::{Lifetime, lifespan};
use crate::liveness::LiveGrant;
use crate::resource;
use crate::server::AuthorizationServer;
use crate::write::Write;

/// A code that is good.
pub(super) struct GoodCode {
    pub(super) grant_type: GrantType,
    pub(super) expires_at: Timestamp,
    /// The action of its record.
    pub(super) action: &'static str,
}

/// `consume` uses the code up; it is told until when what the code gives may live.
pub(super) fn redeem(
    server: &AuthorizationServer,
    asked: &Asked<'_>,
    code: &GoodCode,
    live: LiveGrant,
    consume: impl FnOnce(Timestamp) -> Write,
) -> Result<Granted, TokenError> {
    let Asked { client, parameters, holder } = *asked;
    let grant = live.grant();
    let access_token = lifespan(server, client, code.grant_type, Lifetime::AccessToken);
    let mut kept_until = code.expires_at.max(server.now().after(access_token));
    let (mut refresh_token, mut refresh_row) = (None, None);
    if let Some((token, row)) = first_refresh_token(server, asked, code.grant_type, grant) {
        kept_until = kept_until.max(row.expires_at);
        refresh_token = Some(token);
        refresh_row = Some(Write::InsertRefreshToken(Box::new(row)));
    }
    Ok(Granted {
        grant_type: code.grant_type,
        subject: None,
        exchanged: None,
        scope: grant.scope.clone(),
        audience: resource::remaining(server, client, parameters, grant)?,
        details: details::remaining(server, client, parameters, grant)?,
        refresh_token,
        confirmation: holder.map(Holder::confirmation),
        writes: std::iter::once(consume(kept_until)).chain(refresh_row).collect(),
        audit: vec![event(code.action, client, grant)],
        grant: Some(live),
    })
}
