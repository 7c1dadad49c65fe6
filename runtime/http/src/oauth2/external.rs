//! A browser comes back from a login or consent app of the tenant's own (`[tenant.oauth2.urls]`).

use std::fmt::Display;

use identity::ports::Sessions as _;
use identity::session::revoke::revoke;
use oauth2::authorization::PageError;
use oauth2::authorization::external::LoginSessionRepository as _;
use oauth2::ports::PortError;
use primitives::{Actor, IdentityId, SessionId};

use super::authorize::{encode, refuse, respond};
use crate::browser::{BrowserState, remember_login};
use crate::call::Call;
use crate::commit::commit;
use crate::response::{Answer, see_other};
use crate::self_service::apply;

/// Takes the verifier that a request brings; `None` where it brings none, and is one of a client.
pub(super) async fn come_back(call: &Call, browser: &BrowserState) -> Option<Answer> {
    let server = &call.tenant.oauth2;
    let room = browser.as_room(call);
    if let Some(verifier) = call.query_value("login_verifier") {
        let answer = match commit(&call.node, || server.continue_login(&verifier, room)).await {
            Ok(continued) => {
                let mut answer = respond(call, Ok(continued.next));
                if let Some(cookie) = &continued.cookie {
                    remember_login(call, &mut answer, cookie);
                }
                answer
            }
            Err(error) => refuse(call, &error),
        };
        return Some(answer);
    }
    let verifier = call.query_value("consent_verifier")?;
    Some(respond(call, commit(&call.node, || server.continue_consent(&verifier, room)).await))
}

/// Sends a person whom no client can be told about to the tenant's own page of errors, where it has one. A failure of
/// ours stays here: what is broken may be what leads there.
pub(super) fn error_page(call: &Call, error: &PageError) -> Option<Answer> {
    let page = call.tenant.oauth2.settings.urls.error.as_deref().filter(|_| !call.wants_json())?;
    if matches!(error, PageError::Port(_)) {
        return None;
    }
    let separator = if page.contains('?') { '&' } else { '?' };
    let (id, words) = (encode(error.id()), encode(error.message()));
    Some(see_other(&format!("{page}{separator}error={id}&error_description={words}")))
}

/// Ends the session of ours that a login app has named as its own, together with the sign-in at the app.
///
/// Attack: an app names somebody else's session, and they are signed out by whoever signs out there. It must be of the same
/// identity.
pub(super) async fn end_provider_session(
    call: &Call,
    session: SessionId,
    identity: IdentityId,
) -> Result<(), PageError> {
    let failed = |error: &dyn Display| PageError::Port(PortError::Unavailable(error.to_string()));
    let (storage, tenant) = (&call.node.storage, &call.tenant.id);
    let login = storage.find_login_session(tenant, session).await?;
    let named = login.and_then(|login| login.provider_session).and_then(|named| named.parse().ok());
    let Some(named) = named else { return Ok(()) };
    let found = storage.find_session(tenant, named).await.map_err(|error| failed(&error))?;
    let Some(found) = found.filter(|found| found.identity == identity) else { return Ok(()) };
    let ended = revoke(tenant, &found, Actor::Subject(identity), call.now());
    // Ended before is ended.
    apply(call, ended).await.map(|_| ()).map_err(|_| failed(&"a session cannot be ended"))
}
