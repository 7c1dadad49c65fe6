//! `/admin/trust/grants/jwt-bearer/issuers`: issuers whose assertions are taken for grants, as the Hydra API has them.

use http::StatusCode;
use oauth2::ports::PortError;
use oauth2::trust::{TrustError, TrustFilter, TrustRequest};

use super::{actor, paging};
use crate::call::Call;
use crate::commit::{Uncommitted, commit};
use crate::failure::Failure;
use crate::response::{Answer, empty, json_no_store, no_store};

const LARGEST_PAGE: u32 = 1000;

impl Uncommitted for TrustError {
    fn store(error: PortError) -> Self {
        Self::Port(error)
    }

    fn contention() -> Self {
        Self::Exists
    }
}

/// `GET /admin/trust/grants/jwt-bearer/issuers`
pub(crate) async fn list(call: Call) -> Answer {
    let page = match paging::asked(&call, LARGEST_PAGE) {
        Ok(page) => page,
        Err(problem) => return Failure::bad_request(problem.to_string()).to_oauth(),
    };
    let issuer = call.query_value("issuer").filter(|issuer| !issuer.is_empty());
    let filter = TrustFilter { issuer, after: page.after.clone() };
    match call.tenant.oauth2.list_trusted_issuers(&filter, page.size).await {
        Ok(trusts) => {
            let mut answer = json_no_store(StatusCode::OK, &trusts);
            let last = trusts.last().map(|last| last.id.clone());
            paging::link(&call, &mut answer, &page, trusts.len(), last);
            answer
        }
        Err(error) => refuse(&call, &error),
    }
}

/// `POST /admin/trust/grants/jwt-bearer/issuers`
pub(crate) async fn create(call: Call) -> Answer {
    let request: TrustRequest = match super::body(&call) {
        Ok(request) => request,
        Err(failure) => return failure.to_oauth(),
    };
    let server = &call.tenant.oauth2;
    match commit(&call.node, || server.trust_issuer(&request, actor(&call))).await {
        Ok(trust) => json_no_store(StatusCode::CREATED, &trust),
        Err(error) => refuse(&call, &error),
    }
}

/// `GET /admin/trust/grants/jwt-bearer/issuers/{id}`
pub(crate) async fn show(call: Call) -> Answer {
    match call.tenant.oauth2.load_trusted_issuer(call.place("id")).await {
        Ok(trust) => json_no_store(StatusCode::OK, &trust),
        Err(error) => refuse(&call, &error),
    }
}

/// `DELETE /admin/trust/grants/jwt-bearer/issuers/{id}`
pub(crate) async fn delete(call: Call) -> Answer {
    let (server, id) = (&call.tenant.oauth2, call.place("id"));
    match commit(&call.node, || server.distrust_issuer(id, actor(&call))).await {
        Ok(()) => no_store(empty(StatusCode::NO_CONTENT)),
        Err(error) => refuse(&call, &error),
    }
}

fn refuse(call: &Call, error: &TrustError) -> Answer {
    let failure = match error {
        TrustError::Invalid(_) | TrustError::Key(_) => Failure::bad_request(error.to_string()),
        TrustError::NotFound => Failure::not_found(),
        TrustError::Exists => Failure::new(StatusCode::CONFLICT, "conflict", error.to_string()),
        TrustError::Port(error) => super::store(call, error),
    };
    failure.to_oauth()
}
