//! A browser comes back from a login or consent app of the tenant's own (`[tenant.oauth2.urls]`).

use oauth2::authorization::PageError;

use super::authorize::{encode, refuse, respond};
use crate::browser::{BrowserState, remember_login};
use crate::call::Call;
use crate::commit::commit;
use crate::response::{Answer, see_other};

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
