//! Tokens from the authorization endpoint (OpenID Connect Core sections 3.2 and 3.3), where a tenant and a client have asked
//! for them. The phases are 5 to 7 of the token endpoint.
//!
//! Attacks: a code or an access token is put in the place of the one that was answered (`c_hash` and `at_hash` of the ID token
//! that stands beside it); the ID token of another sign-in is (`nonce`, which the request must have). What comes this way is
//! bound to no key and its client has proven nothing: there is never a refresh token, and a client whose tokens are always
//! bound has none.

use primitives::RequestId;

use super::hook::{self, Shaped};
use super::issue::{Beside, Maker};
use super::{Granted, TokenError};
use crate::claims::scope_claims;
use crate::claims_request::named_claims;
use crate::client::{Client, GrantType};
use crate::client_policy;
use crate::liveness::LiveGrant;
use crate::server::AuthorizationServer;
use crate::write::Write;

/// What is made beside a code, or instead of one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) access_token: bool,
    pub(crate) id_token: bool,
    /// The code that goes with it.
    pub(crate) code: Option<&'a str>,
}

/// The parameters of an answer, and what they write.
pub(crate) struct FrontChannel {
    pub(crate) parameters: Vec<(&'static str, String)>,
    pub(crate) write: Option<Write>,
}

/// Makes the tokens of a grant that was just made.
pub(crate) async fn issue_to_browser(
    server: &AuthorizationServer,
    client: &Client,
    live: LiveGrant,
    wanted: Wanted<'_>,
    request: RequestId,
) -> Result<FrontChannel, TokenError> {
    let granted = Granted {
        subject: None,
        exchanged: None,
        grant_type: GrantType::Implicit,
        scope: live.grant().scope.clone(),
        audience: live.grant().audience.clone(),
        details: live.grant().details.clone(),
        refresh_token: None,
        confirmation: None,
        writes: Vec::new(),
        audit: Vec::new(),
        grant: Some(live),
    };
    client_policy::check_token(server, &client.id, &granted, request).await?;
    let Shaped { shape, .. } = hook::shape_tokens(server, (client, &granted), None, request).await?;
    let maker = Maker::of(server, client, &granted).await?;
    let mut made = FrontChannel { parameters: Vec::new(), write: None };
    let mut access_token = None;
    if wanted.access_token {
        let (token, row) = maker.access_token(shape.access_token).await?;
        made.write = row;
        made.parameters.extend([
            ("access_token", token.clone()),
            ("token_type", "bearer".to_owned()),
            ("expires_in", maker.expires_in().to_string()),
            ("scope", granted.scope.to_text()),
        ]);
        access_token = Some(token);
    }
    if let Some(live) = granted.grant.as_ref().filter(|_| wanted.id_token) {
        // Whoever can ask userinfo for the person's claims does (OpenID Connect Core section 5.4): an address of somebody has
        // no business in the browser's history.
        let is_alone = !wanted.access_token && wanted.code.is_none();
        let mut claims =
            if is_alone { scope_claims(live.profile(), &granted.scope) } else { serde_json::Map::new() };
        claims.extend(named_claims(live.profile(), &live.grant().requested.id_token, &client.scope));
        let beside = Beside { access_token: access_token.as_deref(), code: wanted.code };
        let id_token = maker.id_token(live, (claims, shape.id_token), &beside).await?;
        made.parameters.push(("id_token", id_token));
    }
    Ok(made)
}
