//! A browser's form in progress as the browser keeps it: a sealed cookie, until something is done with the form.
//!
//! Why: anybody may begin a form, and most of what is begun is never sent. So that costs no row. Whatever sends a message,
//! counts the tries of a code, goes on at a provider or signs in makes it one in the same change ([`OwnFlow::update`]), or
//! writes down that it has served ([`OwnFlow::remove`]).
//!
//! Attack: somebody hands a browser another form's cookie, another tenant's, or one that was begun in another browser. The
//! seal is of this tenant and this form alone, and holds the keyed hash of the CSRF cookie beside which alone it counts.
//!
//! Attack: somebody keeps a cookie, uses the form up, and brings the cookie back: the challenge of a passkey or the answer of
//! a provider would count again. A row, once there, wins over every cookie, and says that it has served until its time is
//! over ([`FlowTrace`]). Of two who use one cookie up at a time the second finds the first one's row in its way. And where a
//! flood of rows pushed some out, the cookies of that age are worth nothing either.

use std::borrow::Cow;

use primitives::{FlowId, KeyedHash, Rng, SealContext, Sealer, TenantId, Timestamp, base64url};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::csrf::CsrfCookie;
use super::stored::{ForeignFlow, KEPT_AFTER_EXPIRY, OwnFlow, StoredFlow};
use super::{Flow, Room};
use crate::settings::FlowSettings;

const PURPOSE: &str = "browser_flow";
const ID_PURPOSE: &str = "browser_flow_id";
/// Of an id, in bytes: what says that a browser began it here.
const TAG: usize = 4;

/// The most that a browser is given to keep of one form, in bytes. Proxies read an answer's head into 4 KiB (nginx'
/// `proxy_buffer_size`), and this is not all of it; browsers take as much (RFC 6265 section 6.1).
pub const MOST_SEALED: usize = 3_000;

/// What a seal adds, in bytes: its version, the number of its key, the nonce, the tag (`primitives::seal`).
const SEAL: usize = 33;

/// One in so many new rows counts its tenant's flows, which costs a walk over their index.
const CUT_EVERY: u8 = 255;

/// What the store knows of a flow.
#[derive(Debug, Clone, PartialEq)]
pub enum FlowTrace {
    /// Its row, which is what counts.
    Row(Box<StoredFlow>),
    /// It has served. Nothing brings it back.
    Spent,
    /// There is no row.
    Nothing {
        /// Rows of flows that end until then may have been pushed out by younger ones.
        cut_through: Option<Timestamp>,
    },
}

/// How a new row keeps the number of rows bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlowBounds {
    /// Two flows that expired before this instant leave.
    pub expired_before: Timestamp,
    /// If given, all but so many of the tenant's flows leave, oldest first.
    pub cut_to: Option<u32>,
}

impl FlowBounds {
    /// The bounds for one row, should it be written.
    pub fn draw(rng: &dyn Rng, settings: &FlowSettings, now: Timestamp) -> Self {
        let mut die = [0];
        rng.fill(&mut die);
        let cut_to = (die == [CUT_EVERY]).then_some(settings.most_open);
        Self { expired_before: now.before(KEPT_AFTER_EXPIRY), cut_to }
    }
}

/// A browser does not keep the form of an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotHeld {
    /// There is no such form, or it has been forgotten.
    #[error("no such flow")]
    Unknown,
    /// It was begun not long ago in another browser, or in one that keeps no cookies.
    #[error(transparent)]
    Foreign(#[from] ForeignFlow),
}

/// Draws the id of a form that a browser begins: its time comes first (RFC 9562 section 5.7), so that ids are in the order
/// in which the forms began, and its end says that it began here. Neither opens anything; a browser without the cookie is told
/// by it that the form is another's, and is not led to a new one for ever.
pub(super) fn draw_id(sealer: &Sealer, tenant: &TenantId, rng: &dyn Rng, now: Timestamp) -> FlowId {
    let mut bytes = rng.uuid_at(now).into_bytes();
    if let Some((head, end)) = bytes.split_last_chunk_mut::<TAG>() {
        *end = tag(sealer, tenant, head);
    }
    FlowId(Uuid::from_bytes(bytes))
}

fn tag(sealer: &Sealer, tenant: &TenantId, head: &[u8]) -> [u8; TAG] {
    // The same whatever key is the newest: there is no cookie to tell by which one it was made.
    let hash = sealer.lasting_hash(tenant, ID_PURPOSE, head);
    hash.first_chunk().copied().unwrap_or_default()
}

/// When a browser of this tenant began the form of an id; none if no browser did.
pub fn begun_at(sealer: &Sealer, tenant: &TenantId, id: FlowId) -> Option<Timestamp> {
    let (head, end) = id.0.as_bytes().split_last_chunk::<TAG>()?;
    if *end != tag(sealer, tenant, head) {
        return None;
    }
    let (seconds, nanos) = id.0.get_timestamp()?.to_unix();
    let millis = i64::try_from(seconds).ok()?.checked_mul(1_000)? + i64::from(nanos / 1_000_000);
    Some(Timestamp::from_micros(millis.checked_mul(1_000)?))
}

/// What is sealed.
#[derive(Serialize, Deserialize)]
struct Held<'a> {
    browser: Cow<'a, str>,
    flow: Cow<'a, Flow>,
}

/// Whether a form is small enough for its browser to keep. Nothing is sealed to see that.
pub(super) fn fits(browser: &KeyedHash, flow: &Flow) -> bool {
    plain(browser, flow).is_some_and(|plain| ((plain.len() + SEAL) * 4).div_ceil(3) <= MOST_SEALED)
}

/// Seals a form for the browser of a cookie; none if it is too large to keep.
pub(super) fn seal(sealer: &Sealer, tenant: &TenantId, browser: &KeyedHash, flow: &Flow) -> Option<String> {
    let row = flow.id.to_string();
    let context = SealContext { tenant, purpose: PURPOSE, row: &row };
    let sealed = sealer.seal_text(context, &plain(browser, flow)?);
    (sealed.len() <= MOST_SEALED).then_some(sealed)
}

fn plain(browser: &KeyedHash, flow: &Flow) -> Option<Vec<u8>> {
    let held = Held { browser: base64url::encode(&browser.0).into(), flow: Cow::Borrowed(flow) };
    serde_json::to_vec(&held).ok()
}

/// The form of an id as a browser keeps it, where the store has no row of it.
pub fn open_held(
    room: Room<'_>,
    id: FlowId,
    sealed: Option<&str>,
    cookie: Option<&CsrfCookie>,
    cut_through: Option<Timestamp>,
) -> Result<OwnFlow, NotHeld> {
    let kept_from = room.now.before(KEPT_AFTER_EXPIRY);
    let Some((flow, browser)) = sealed.and_then(|sealed| unseal(room, id, sealed)) else {
        let lifespan = room.settings.flow.lifespan();
        let is_young =
            begun_at(room.sealer, room.tenant, id).is_some_and(|at| at.after(lifespan) > kept_from);
        return Err(if is_young { ForeignFlow.into() } else { NotHeld::Unknown });
    };
    if flow.expires_at <= kept_from || cut_through.is_some_and(|cut| flow.expires_at <= cut) {
        return Err(NotHeld::Unknown);
    }
    let bounds = FlowBounds::draw(room.rng, &room.settings.flow, room.now);
    Ok(OwnFlow::check_held((flow, browser), bounds, (room.sealer, room.tenant), cookie)?)
}

fn unseal(room: Room<'_>, id: FlowId, sealed: &str) -> Option<(Flow, KeyedHash)> {
    if sealed.len() > MOST_SEALED {
        return None;
    }
    let row = id.to_string();
    let context = SealContext { tenant: room.tenant, purpose: PURPOSE, row: &row };
    let plain = room.sealer.open_text(context, sealed).ok()?;
    let held: Held<'_> = serde_json::from_slice(&plain).ok()?;
    Some((held.flow.into_owned(), KeyedHash(base64url::decode(&*held.browser)?)))
}
