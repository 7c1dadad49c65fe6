//! `…/organisations/{organisation}/domains`: what is an organisation's, and the records that prove it.

use http::StatusCode;
use identity::organisation::domain::DomainClaim;
use identity::organisation::{Domain, Organisations as _, change};
use serde::{Deserialize, Serialize};

use super::{answer, by, checked, decide, gone, organisation, page};
use crate::admin::{body, store};
use crate::call::Call;
use crate::response::Answer;
use crate::self_service::room;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Claimed {
    domain: String,
}

/// A domain with the record that proves it.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    claim: &'a DomainClaim,
    record: Record,
}

#[derive(Serialize)]
struct Record {
    name: String,
    #[serde(rename = "type")]
    kind: &'static str,
    value: String,
}

impl<'a> From<&'a DomainClaim> for Shown<'a> {
    fn from(claim: &'a DomainClaim) -> Self {
        let record = Record { name: claim.record_name(), kind: "TXT", value: claim.record_value() };
        Self { claim, record }
    }
}

/// `GET …/domains`
pub(crate) async fn list(call: Call) -> Answer {
    let listed = async {
        let id = checked(&call).await?;
        let page = page(&call)?;
        let after = page.after.as_deref().and_then(Domain::parse);
        let found = call.node.storage.list_domains(&call.tenant.id, id, after, page.limit).await;
        let found = found.map_err(|error| store(&call, &error))?;
        let shown: Vec<Shown<'_>> = found.iter().map(Shown::from).collect();
        Ok(page.document(&call, "domains", &shown, |last| last.claim.domain.to_string()))
    };
    answer(&call, StatusCode::OK, listed.await)
}

/// `POST …/domains`
pub(crate) async fn claim(call: Call) -> Answer {
    let claimed = async {
        let id = organisation(&call)?;
        let Claimed { domain } = body(&call)?;
        decide(&call, || async { change::claim_domain(room(&call), &by(&call), id, &domain).await }).await
    };
    let claimed = claimed.await;
    answer(&call, StatusCode::CREATED, claimed.as_ref().map(Shown::from).map_err(Clone::clone))
}

/// `POST …/domains/{domain}/verify`
pub(crate) async fn verify(call: Call) -> Answer {
    let verified = async {
        let id = organisation(&call)?;
        let (domain, records) = (call.place("domain"), &*call.node.records);
        decide(&call, || async { change::verify_domain(room(&call), &by(&call), id, domain, records).await })
            .await
    };
    let verified = verified.await;
    answer(&call, StatusCode::OK, verified.as_ref().map(Shown::from).map_err(Clone::clone))
}

/// `DELETE …/domains/{domain}`
pub(crate) async fn release(call: Call) -> Answer {
    let released = async {
        let id = organisation(&call)?;
        let domain = call.place("domain");
        decide(&call, || async {
            Ok(((), Some(change::release_domain(room(&call), &by(&call), id, domain).await?)))
        })
        .await
    };
    gone(&call, released.await)
}
