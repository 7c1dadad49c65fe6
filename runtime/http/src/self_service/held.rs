//! The cookies in which browsers keep their forms until something is done with them (`identity::flow::held`).
//!
//! Wherever in a request a form is begun, shown again or used up, that is noted here; the answer sets what was noted.
//!
//! Attack: a page has the browser begin form after form, until its cookies are more than a server reads, and nobody signs
//! in any more. So a browser is given few to keep, and not many bytes: a new one takes the oldest away. What is looked at
//! of a request is as many, whatever it brings.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use identity::flow::csrf::CsrfCookie;
use identity::flow::{FlowTrace, KEPT_AFTER_EXPIRY, NotHeld, OwnFlow, begun_at, open_held};
use identity::ports::Flows as _;
use identity::{Flow, Problem, Write};
use primitives::{Change, FlowId};

use super::{apply, failed, room};
use crate::browser::cookie;
use crate::call::{Call, cookies};
use crate::response::{Answer, set_cookie};

/// The name of such a cookie begins so; the flow's id follows.
const PREFIX: &str = "portcullis_flow_";
/// How many forms one browser keeps.
const MOST: usize = 4;
/// How many bytes of them: proxies take a header of 8 KiB (nginx' `large_client_header_buffers`), all cookies together.
const MOST_BYTES: usize = 6_000;
/// How many cookies of that name are looked at.
const MOST_READ: usize = 16;

/// What an answer does with the browser's forms, each as its whole `Set-Cookie`.
#[derive(Debug, Clone, Default)]
pub(crate) struct FlowCookies(Arc<Mutex<BTreeMap<FlowId, Noted>>>);

#[derive(Debug)]
struct Noted {
    line: String,
    /// Of what the browser keeps from then on; none if that is nothing.
    bytes: Option<usize>,
}

impl FlowCookies {
    /// Sets what was noted.
    pub(crate) fn write(&self, answer: &mut Answer) {
        for noted in self.0.lock().unwrap_or_else(PoisonError::into_inner).values() {
            set_cookie(answer, &noted.line);
        }
    }
}

/// There is no flow for a caller.
pub(super) enum Missing {
    /// Their browser began it, and keeps it no more.
    Lost,
    /// Whatever else.
    Because(Problem),
}

impl<E: Into<Problem>> From<E> for Missing {
    fn from(error: E) -> Self {
        Self::Because(error.into())
    }
}

/// The flow of an id, wherever it is kept, if it is the caller's.
pub(super) async fn find(call: &Call, id: FlowId, csrf: Option<&CsrfCookie>) -> Result<OwnFlow, Missing> {
    let (node, tenant) = (&call.node, &call.tenant.id);
    let trace = node.storage.trace_flow(tenant, id).await.map_err(|error| failed(call, error))?;
    match trace {
        FlowTrace::Row(stored) => {
            let token = call.query_value("token");
            Ok(stored.open(node.sealer(), tenant, csrf, token.as_deref())?)
        }
        FlowTrace::Spent => Err(Problem::FlowUnknown.into()),
        FlowTrace::Nothing { cut_through } => {
            let sealed = call.cookie(&name(id));
            open_held(room(call), id, sealed, csrf, cut_through).map_err(|error| match error {
                NotHeld::Unknown => Problem::FlowUnknown.into(),
                NotHeld::Foreign(foreign) => foreign.into(),
                NotHeld::Lost => Missing::Lost,
            })
        }
    }
}

/// Keeps a form that nothing came of but another look of it. Its browser does where it can, and nothing is written.
pub(super) async fn keep(call: &Call, own: &OwnFlow, flow: &Flow) -> Result<(), Problem> {
    match own.seal(call.node.sealer(), &call.tenant.id, flow) {
        Some(sealed) => hold(call, flow, &sealed),
        None => {
            // Of two answers at a time the first is kept.
            apply(call, Change::new(call.tenant.id.clone()).write(own.update(flow.clone()))).await?;
        }
    }
    Ok(())
}

/// Has the answer give the browser a form to keep, for as long as it can be told that it expired.
fn hold(call: &Call, flow: &Flow, sealed: &str) {
    let mut noted = call.flow_cookies.0.lock().unwrap_or_else(PoisonError::into_inner);
    let age = (flow.expires_at.after(KEPT_AFTER_EXPIRY)).since(call.now()).as_secs();
    let line = cookie(call, &name(flow.id), sealed, Some(age));
    noted.insert(flow.id, Noted { line, bytes: Some(sealed.len()) });
    // In the order in which they began.
    let mut kept: BTreeMap<FlowId, usize> = sent(call).collect();
    for (id, noted) in noted.iter() {
        match noted.bytes {
            Some(bytes) => kept.insert(*id, bytes),
            None => kept.remove(id),
        };
    }
    let (mut count, mut bytes) = (0, 0);
    for (id, size) in kept.into_iter().rev() {
        count += 1;
        bytes += size;
        if id != flow.id && (count > MOST || bytes > MOST_BYTES) {
            noted.insert(id, gone(call, id));
        }
    }
}

/// The forms that a change takes from their browser: they become rows, or have served.
pub(super) fn taken(change: &Change<Write>) -> Vec<FlowId> {
    let taken = change.writes.iter().filter_map(|write| match write {
        Write::TakeInFlow { flow, .. } => Some(flow.flow().id),
        Write::SpendHeldFlow { id, .. } => Some(*id),
        _ => None,
    });
    taken.collect()
}

/// Has the browser forget them.
pub(super) fn release(call: &Call, taken: &[FlowId]) {
    let mut noted = call.flow_cookies.0.lock().unwrap_or_else(PoisonError::into_inner);
    for id in taken.iter().filter(|id| call.cookie(&name(**id)).is_some()) {
        noted.insert(*id, gone(call, *id));
    }
}

fn gone(call: &Call, id: FlowId) -> Noted {
    Noted { line: cookie(call, &name(id), "", Some(0)), bytes: None }
}

/// The forms of this tenant that the browser keeps, and their size. Another tenant's, which answers at a path above, are
/// not ours to take away.
fn sent(call: &Call) -> impl Iterator<Item = (FlowId, usize)> {
    let (sealer, tenant) = (call.node.sealer(), &call.tenant.id);
    cookies(&call.headers)
        .filter_map(|(name, value)| Some((name.strip_prefix(PREFIX)?, value.len())))
        .take(MOST_READ)
        .filter_map(|(id, size)| Some((id.parse::<FlowId>().ok()?, size)))
        .filter(move |(id, _)| begun_at(sealer, tenant, *id).is_some())
}

fn name(id: FlowId) -> String {
    format!("{PREFIX}{}", id.0.as_simple())
}
