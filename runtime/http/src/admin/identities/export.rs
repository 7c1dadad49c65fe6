//! `GET /admin/portcullis/v1/identities/export`: identities as lines that can be imported elsewhere.
//!
//! Attack: whoever may read identities takes their hashes home and guesses there. So hashes need a scope of their own and
//! are in the log.

use http::StatusCode;
use identity::Write;
use identity::administration::export::line;
use identity::ports::Identities as _;
use primitives::{AuditEvent, Change, IdentityId};
use serde_json::{Value, json};
use tenancy::Scope;

use crate::admin::{actor, paging, principal, store};
use crate::call::Call;
use crate::failure::Failure;
use crate::response::{Answer, json_no_store};

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
    let with_hashes = match call.query_value("password_hashes").as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(Failure::bad_request("`password_hashes` is `true` or `false`.")),
    };
    if with_hashes {
        let allowed = principal(call)?.check_access(&call.tenant.id, Scope::CredentialsExport);
        allowed.map_err(|denied| Failure::new(StatusCode::FORBIDDEN, "forbidden", denied.to_string()))?;
    }
    let after: Option<IdentityId> = match call.query_value("page_token").filter(|token| !token.is_empty()) {
        None => None,
        Some(token) => {
            let refused = || Failure::bad_request("`page_token` is not one that this list gave.");
            let last = paging::open(call, &token).map_err(|_| refused())?;
            Some(last.parse().map_err(|_| refused())?)
        }
    };
    let storage = &call.node.storage;
    let tenant = &call.tenant.id;
    let listed = storage.list_identities(tenant, after, PAGE).await.map_err(|error| store(call, &error))?;
    let mut lines = Vec::with_capacity(listed.len());
    for identity in &listed {
        let password = if with_hashes {
            let found = storage.find_password(tenant, identity.id).await;
            found.map_err(|error| store(call, &error))?.map(|stored| stored.password)
        } else {
            None
        };
        lines.push(line(identity, password.as_ref()));
    }
    if with_hashes {
        let audit = AuditEvent::new("identities.exported", actor(call), "tenant", tenant)
            .with("identities", &listed.len())
            .with("with", &"password_hashes");
        let change = Change::<Write>::new(tenant.clone()).audit(audit);
        storage.apply(change).await.map_err(|error| store(call, &error))?;
    }
    let is_full = listed.len() >= PAGE as usize;
    let next = listed.last().filter(|_| is_full).map(|last| paging::token(call, &last.id.to_string()));
    Ok(json!({ "identities": lines, "next_page_token": next }))
}
