//! `PATCH /admin/identities`: many identities in one request, each made or failed by itself.

use http::StatusCode;
use identity::Problem;
use identity::administration::AdministrationError;
use identity::administration::batch::{Batch, CHANGE, Ids, Planned, Taken, joined, plan};
use primitives::IdentityId;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::admin::actor;
use crate::call::Call;
use crate::response::{Answer, json_no_store};
use crate::self_service::{Applied, apply, failed, respond, room};

/// After so many decisions others have a turn on this thread.
const TURN: usize = 16;

/// What became of a patch.
struct Outcome {
    patch: Option<Uuid>,
    made: Result<IdentityId, Problem>,
}

/// `PATCH /admin/identities`
pub(crate) async fn patch(call: Call) -> Answer {
    import(call, Ids::New).await
}

/// `POST /admin/portcullis/v1/identities/import`: the same, where identities may keep their ids.
pub(crate) async fn import_kept(call: Call) -> Answer {
    import(call, Ids::Kept).await
}

async fn import(call: Call, ids: Ids) -> Answer {
    let batch = match Batch::from_json(&call.body, ids) {
        Ok(batch) => batch,
        Err(error) => return respond(&call, &failed(&call, error)),
    };
    let outcomes = make_all(&call, batch).await;
    // The compatible API fails as a whole where all fail.
    if ids == Ids::Kept || outcomes.iter().any(|outcome| outcome.made.is_ok()) {
        let identities: Vec<Value> = outcomes.iter().map(|outcome| told(&call, outcome)).collect();
        return json_no_store(StatusCode::OK, &json!({ "identities": identities }));
    }
    respond(&call, &of_all(outcomes))
}

/// What is told when every patch failed: the worst of ours, else the first of theirs.
fn of_all(outcomes: Vec<Outcome>) -> Problem {
    let mut problems = outcomes.into_iter().filter_map(|outcome| outcome.made.err()).collect::<Vec<_>>();
    problems.sort_by_key(|problem| std::cmp::Reverse(problem.status() / 100));
    problems.into_iter().next().unwrap_or(Problem::Internal)
}

/// `identityPatchResponse`
fn told(call: &Call, outcome: &Outcome) -> Value {
    let mut told = match &outcome.made {
        Ok(identity) => json!({ "action": "create", "identity": identity }),
        Err(problem) => json!({ "action": "error", "error": problem.error(Some(call.request)) }),
    };
    if let (Some(patch), Some(fields)) = (outcome.patch, told.as_object_mut()) {
        fields.insert("patch_id".to_owned(), patch.to_string().into());
    }
    told
}

async fn make_all(call: &Call, batch: Batch) -> Vec<Outcome> {
    let mut taken = Taken::default();
    let mut outcomes = Vec::with_capacity(batch.patches.len());
    // Each with its place among the outcomes.
    let mut planned: Vec<(usize, Planned)> = Vec::new();
    for (at, patch) in batch.patches.into_iter().enumerate() {
        if at % TURN == TURN - 1 {
            tokio::task::yield_now().await;
        }
        let decided = match patch.create {
            Ok(body) => plan(room(call), actor(call), (patch.keeps, body), &mut taken).await,
            Err(error) => Err(error),
        };
        let made = decided.map(|decided| {
            let id = decided.id();
            planned.push((at, decided));
            id
        });
        outcomes.push(Outcome { patch: patch.id, made: made.map_err(|error| failed(call, error)) });
    }
    for several in planned.chunks(CHANGE) {
        for (at, problem) in write(call, several).await {
            if let Some(outcome) = outcomes.get_mut(at) {
                outcome.made = Err(problem);
            }
        }
    }
    outcomes
}

/// Applies several at once, and gives those that were not made.
async fn write(call: &Call, several: &[(usize, Planned)]) -> Vec<(usize, Problem)> {
    let all_fail = |problem: &Problem| several.iter().map(|(at, _)| (*at, problem.clone())).collect();
    match apply(call, joined(room(call), several.iter().map(|(_, planned)| planned))).await {
        Ok(Applied::Whole) => return Vec::new(),
        Ok(Applied::Missed) => {}
        Err(problem) => return all_fail(&problem),
    }
    // A name was taken: whose, is asked for; the others are made.
    let mut not_made = Vec::new();
    let mut free = Vec::new();
    for (at, planned) in several {
        match planned.check_free(room(call)).await {
            Ok(()) => free.push((*at, planned)),
            Err(error) => not_made.push((*at, failed(call, error))),
        }
    }
    match apply(call, joined(room(call), free.iter().map(|(_, planned)| *planned))).await {
        Ok(Applied::Whole) => return not_made,
        Ok(Applied::Missed) => {}
        Err(problem) => {
            not_made.extend(free.iter().map(|(at, _)| (*at, problem.clone())));
            return not_made;
        }
    }
    // Others take names at the same time: one by one.
    for (at, planned) in free {
        match apply(call, planned.change()).await {
            Ok(Applied::Whole) => {}
            Ok(Applied::Missed) => {
                not_made.push((at, failed(call, AdministrationError::IdentifierTaken)));
            }
            Err(problem) => not_made.push((at, problem)),
        }
    }
    not_made
}
