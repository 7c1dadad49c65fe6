//! `GET /admin/portcullis/v1/identities/export`: identities as lines that can be imported elsewhere.
//!
//! Attack: whoever may read identities takes their hashes home and guesses there, or the secrets of their second factors and the
//! tokens of their providers, which need no guessing. So credentials need a scope of their own, and their export is in the log.

use http::StatusCode;
use identity::Write;
use identity::administration::export::{With, kept, line};
use identity::ports::Identities as _;
use primitives::{AuditEvent, Change, IdentityId};
use serde_json::{Value, json};
use tenancy::Scope;

use crate::admin::{actor, paging, principal, store};
use crate::call::Call;
use crate::failure::Failure;
use crate::response::{Answer, json_no_store};
use crate::self_service::room;

/// Identities of a page.
const PAGE: u32 = 250;

/// `GET …/identities/export`
pub(crate) async fn get(call: Call) -> Answer {
    match page(&call).await {
        Ok(answer) => json_no_store(StatusCode::OK, &answer),
        Err(failure) => failure.to_problem(call.request),
    }
}

async fn page(call: &Call) -> Result<Value, Failure> {
    let with = asked(call)?;
    if with != With::Nothing {
        let allowed = principal(call)?.check_access(&call.tenant.id, Scope::CredentialsExport);
        allowed.map_err(|denied| Failure::new(StatusCode::FORBIDDEN, "forbidden", denied.to_string()))?;
    }
    let after = paging::behind(call, |last| last.parse::<IdentityId>().ok())?;
    let storage = &call.node.storage;
    let tenant = &call.tenant.id;
    let listed = storage.list_identities(tenant, after, PAGE).await.map_err(|error| store(call, &error))?;
    let mut lines = Vec::with_capacity(listed.len());
    let mut credentials = 0;
    for identity in &listed {
        let kept = kept(room(call), identity, with).await.map_err(|error| store(call, &error))?;
        credentials += kept.count();
        lines.push(line(identity, &kept));
    }
    if let Some(word) = word(with) {
        let audit = AuditEvent::new("identities.exported", actor(call), "tenant", tenant)
            .with("identities", &listed.len())
            .with("credentials", &credentials)
            .with("with", &word);
        let change = Change::<Write>::new(tenant.clone()).audit(audit);
        storage.apply(change).await.map_err(|error| store(call, &error))?;
    }
    let is_full = listed.len() >= PAGE as usize;
    let next = listed.last().filter(|_| is_full).map(|last| paging::token(call, &last.id.to_string()));
    Ok(json!({ "identities": lines, "next_page_token": next }))
}

/// Which credentials are asked for.
fn asked(call: &Call) -> Result<With, Failure> {
    let is_asked = |name: &str| match call.query_value(name).as_deref() {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(Failure::bad_request(format!("`{name}` is `true` or `false`."))),
    };
    Ok(match (is_asked("credentials")?, is_asked("password_hashes")?) {
        (true, _) => With::Credentials,
        (false, true) => With::Passwords,
        (false, false) => With::Nothing,
    })
}

/// As the log names them.
const fn word(with: With) -> Option<&'static str> {
    match with {
        With::Nothing => None,
        With::Passwords => Some("password_hashes"),
        With::Credentials => Some("credentials"),
    }
}
