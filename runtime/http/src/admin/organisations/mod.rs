//! `/admin/portcullis/v1/organisations`: the customers inside a tenant.

pub(crate) mod connection;
pub(crate) mod domains;
pub(crate) mod groups;
pub(crate) mod invitations;
pub(crate) mod members;

use futures_util::future::join_all;
use http::StatusCode;
use identity::Write;
use identity::organisation::change::{self, By, NewOrganisation, OrganisationPatch};
use identity::organisation::{OrganisationError, OrganisationState, Organisations as _};
use primitives::{AuditEvent, Change, IdentityId, OrganisationId, SessionId};
use serde::Serialize;
use serde_json::{Value, json};
use storage::OrganisationSweep;
use tenancy::KeyOwner;

use super::{PAGE, actor, body, paging, store};
use crate::call::Call;
use crate::failure::Failure;
use crate::response::{Answer, empty, json_no_store, no_store};
use crate::self_service::{Applied, apply, failed, room};

const LARGEST_PAGE: u32 = 250;

/// How often a decision is made again because somebody was faster.
const MOST_ATTEMPTS: usize = 3;

/// How many rows of a deleted organisation leave at a time, and how often while somebody waits.
const SWEPT_AT_A_TIME: u32 = 200;
const STEPS_AT_ONCE: usize = 8;

/// How many sessions end at a time.
const ENDED_AT_A_TIME: u32 = 50;

/// `GET …/organisations`
pub(crate) async fn list(call: Call) -> Answer {
    let listed = async {
        let page = page(&call)?;
        let after = page.after.as_deref().and_then(|after| after.parse().ok());
        let found = call.node.storage.list_organisations(&call.tenant.id, after, page.limit).await;
        let found = found.map_err(|error| store(&call, &error))?;
        Ok(page.document(&call, "organisations", &found, |last| last.id.to_string()))
    };
    answer(&call, StatusCode::OK, listed.await)
}

/// `POST …/organisations`
pub(crate) async fn make(call: Call) -> Answer {
    let made = async {
        let new: NewOrganisation = body(&call)?;
        let decided = change::create(room(&call), &by(&call), new);
        let (organisation, change) = decided.map_err(|error| failure(&call, error))?;
        match write(&call, change).await? {
            Applied::Whole => Ok(organisation),
            Applied::Missed => Err(conflict("Another organisation has this id.")),
        }
    };
    answer(&call, StatusCode::CREATED, made.await)
}

/// `GET …/organisations/{organisation}`
pub(crate) async fn show(call: Call) -> Answer {
    let shown = async {
        let id = organisation(&call)?;
        change::load(room(&call), id).await.map_err(|error| failure(&call, error))
    };
    answer(&call, StatusCode::OK, shown.await)
}

/// `PATCH …/organisations/{organisation}`
pub(crate) async fn change(call: Call) -> Answer {
    let changed = async {
        let id = organisation(&call)?;
        let patch: OrganisationPatch = body(&call)?;
        let changed = decide(&call, || async {
            let (changed, change) = change::update(room(&call), &by(&call), id, patch.clone()).await?;
            Ok((changed, Some(change)))
        });
        let changed = changed.await?;
        if changed.state == OrganisationState::Inactive {
            end_sessions(&call, id).await?;
        }
        Ok(changed)
    };
    answer(&call, StatusCode::OK, changed.await)
}

/// `DELETE …/organisations/{organisation}`
pub(crate) async fn remove(call: Call) -> Answer {
    let removed = async {
        let id = organisation(&call)?;
        // First nobody signs in in its name any more; then those who have are signed out; then it goes.
        let inactive =
            OrganisationPatch { state: Some(OrganisationState::Inactive), ..OrganisationPatch::default() };
        decide(&call, || async {
            let (_, change) = change::update(room(&call), &by(&call), id, inactive.clone()).await?;
            Ok(((), Some(change)))
        })
        .await?;
        end_sessions(&call, id).await?;
        decide(&call, || async { Ok(((), Some(change::delete(room(&call), &by(&call), id).await?))) })
            .await?;
        sweep(&call, id).await
    };
    gone(&call, removed.await)
}

/// Lets what is left of a small organisation leave at once; of a large one the rest is a job's.
async fn sweep(call: &Call, organisation: OrganisationId) -> Result<(), Failure> {
    let mut sweep = OrganisationSweep::of(call.tenant.id.clone(), organisation);
    for _ in 0..STEPS_AT_ONCE {
        let step = sweep.step(&call.node.storage, SWEPT_AT_A_TIME).await;
        if step.map_err(|error| store(call, &error))?.is_none() {
            break;
        }
    }
    Ok(())
}

/// Ends every session in an organisation's name, with what was granted in it. Nobody begins another meanwhile: it is
/// inactive.
async fn end_sessions(call: &Call, organisation: OrganisationId) -> Result<(), Failure> {
    loop {
        let storage = &call.node.storage;
        let open = storage.list_sessions_in(&call.tenant.id, organisation, ENDED_AT_A_TIME).await;
        let open = open.map_err(|error| store(call, &error))?;
        if open.is_empty() {
            return Ok(());
        }
        let ends: Vec<_> =
            open.into_iter().map(|open| write(call, ending(call, organisation, open))).collect();
        for ended in join_all(ends).await {
            // One that missed was ended by somebody else.
            ended?;
        }
    }
}

fn ending(
    call: &Call,
    organisation: OrganisationId,
    (session, identity): (SessionId, IdentityId),
) -> Change<Write> {
    let event = AuditEvent::new("session.revoked", actor(call), "session", &session);
    let event = AuditEvent { organisation: Some(organisation), ..event };
    let write = Write::RevokeSession { session, identity, at: call.now() };
    Change::new(call.tenant.id.clone()).write(write).audit(event)
}

/// Decides, writes, and decides again on what somebody who was faster has left.
async fn decide<T, F: Future<Output = Result<(T, Option<Change<Write>>), OrganisationError>>>(
    call: &Call,
    decision: impl Fn() -> F,
) -> Result<T, Failure> {
    for _ in 0..MOST_ATTEMPTS {
        let (decided, change) = decision().await.map_err(|error| failure(call, error))?;
        let Some(change) = change else { return Ok(decided) };
        if write(call, change).await? == Applied::Whole {
            return Ok(decided);
        }
    }
    Err(conflict("It is not what it was, or is there already; look again."))
}

async fn write(call: &Call, change: Change<Write>) -> Result<Applied, Failure> {
    apply(call, change).await.map_err(|_| Failure::unavailable())
}

fn conflict(message: impl Into<String>) -> Failure {
    Failure::new(StatusCode::CONFLICT, "conflict", message)
}

/// Operators do everything. A key of an organisation does what its owner may: it invites, and puts nobody into it.
fn by(call: &Call) -> By {
    match call.principal.as_ref().map(|principal| &principal.owner) {
        Some(KeyOwner::Organisation(..)) => By::owner(actor(call)),
        Some(KeyOwner::Operator | KeyOwner::Tenant(_)) | None => By::operator(actor(call)),
    }
}

/// The organisation in the path. What is of another form is not there.
fn organisation(call: &Call) -> Result<OrganisationId, Failure> {
    call.place("organisation").parse().map_err(|_| Failure::not_found())
}

fn identity(call: &Call) -> Result<IdentityId, Failure> {
    call.place("identity").parse().map_err(|_| Failure::not_found())
}

/// Finds an organisation that must be there before something of it is listed.
async fn checked(call: &Call) -> Result<OrganisationId, Failure> {
    let id = organisation(call)?;
    change::load(room(call), id).await.map_err(|error| failure(call, error))?;
    Ok(id)
}

fn failure(call: &Call, error: OrganisationError) -> Failure {
    let words = format!("{error}.");
    let said = |status, id| Failure::new(status, id, words);
    match error {
        OrganisationError::NotFound | OrganisationError::NothingInIt(_) => {
            said(StatusCode::NOT_FOUND, "not_found")
        }
        OrganisationError::Malformed(_) => said(StatusCode::BAD_REQUEST, "invalid_request"),
        OrganisationError::DomainTaken => said(StatusCode::CONFLICT, "domain_taken"),
        OrganisationError::NotProven { .. } => said(StatusCode::UNPROCESSABLE_ENTITY, "domain_not_proven"),
        OrganisationError::Unanswered(_) => said(StatusCode::BAD_GATEWAY, "domain_unanswered"),
        OrganisationError::LastOwner => said(StatusCode::CONFLICT, "last_owner"),
        OrganisationError::OwnersOnly | OrganisationError::AdministratorsOnly => {
            said(StatusCode::FORBIDDEN, "forbidden")
        }
        OrganisationError::Managed => said(StatusCode::CONFLICT, "managed_by_directory"),
        OrganisationError::InvitationSpent | OrganisationError::AnotherAddress => {
            said(StatusCode::CONFLICT, "invitation_spent")
        }
        OrganisationError::Limited(_) => said(StatusCode::TOO_MANY_REQUESTS, "too_many_requests"),
        OrganisationError::Store(error) => {
            failed(call, error);
            Failure::unavailable()
        }
    }
}

/// A page that was asked for.
struct Page {
    limit: u32,
    /// The last entry of the page before.
    after: Option<String>,
}

fn page(call: &Call) -> Result<Page, Failure> {
    let limit = match call.query_value("page_size") {
        None => PAGE,
        Some(size) => size.parse().map_err(|_| Failure::bad_request("`page_size` must be a number."))?,
    };
    let after = paging::behind(call, |last| Some(last.to_owned()))?;
    Ok(Page { limit: limit.clamp(1, LARGEST_PAGE), after })
}

impl Page {
    /// A page of a list, with the token of the next one if this is full.
    fn document<T: Serialize>(
        &self,
        call: &Call,
        name: &str,
        found: &[T],
        place: impl Fn(&T) -> String,
    ) -> Value {
        let is_full = u32::try_from(found.len()).is_ok_and(|shown| shown >= self.limit);
        let next = found.last().filter(|_| is_full).map(|last| paging::token(call, &place(last)));
        json!({ name: found, "next_page_token": next })
    }
}

fn answer<T: Serialize>(call: &Call, status: StatusCode, result: Result<T, Failure>) -> Answer {
    match result {
        Ok(document) => json_no_store(status, &json!(document)),
        Err(failure) => failure.to_problem(call.request),
    }
}

fn gone(call: &Call, result: Result<(), Failure>) -> Answer {
    match result {
        Ok(()) => no_store(empty(StatusCode::NO_CONTENT)),
        Err(failure) => failure.to_problem(call.request),
    }
}
