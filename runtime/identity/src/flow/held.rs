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
//!
//! Attack: somebody begins forms until two of their seals have one nonce, and makes seals of their own. Each form has a key of
//! its own ([`Sealer::seal_text`]), and no form is sealed a billion times. What a binary before that sealed opens as
//! before, for as long as those forms last; what this one seals is nothing to one before it, which says that the form is
//! another browser's: two binaries beside each other, or a step back, cost a form its beginning.
//!
//! A browser keeps few forms. One that it began and keeps no more it knows again by the form's id, and gets a new one in its
//! place; what was asked for with it is lost.

use std::borrow::Cow;

use primitives::{FlowId, KeyedHash, Rng, SealedKind, SealedPlace, Sealer, TenantId, Timestamp, base64url};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::csrf::CsrfCookie;
use super::stored::{ForeignFlow, KEPT_AFTER_EXPIRY, OwnFlow, StoredFlow};
use super::{Flow, Room};
use crate::settings::FlowSettings;

const ID_PURPOSE: &str = "browser_flow_id";
const OWNER_PURPOSE: &str = "browser_flow_owner";
/// Of an id, in bytes: what says that a browser began it here.
const TAG: usize = 4;
/// Of an id, in bytes: what says which browser did. Another one passes for it once in 65,536 times, and gets nothing by it
/// but a new form of its own.
const OWNER: usize = 2;
/// Where that stands: before the tag, which covers it. What is before is the time and 26 random bits; together 42 bits differ
/// between two browsers that begin a form in one millisecond.
const OWNER_AT: usize = 10;

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
    /// This browser began it and does not keep it any more: it was pushed out by younger ones, or what it kept does not open.
    #[error("the browser does not keep the flow any more")]
    Lost,
}

/// Draws the id of a form that a browser begins: its time comes first (RFC 9562 section 5.7), so that ids are in the order
/// in which the forms began, and its end says that it began here, and in which browser. None of it opens anything; a browser
/// without the cookie is told by it that the form is another's, and is not led to a new one for ever, and the one that began it
/// gets a new one.
pub(super) fn draw_id(
    place: (&Sealer, &TenantId),
    browser: &KeyedHash,
    rng: &dyn Rng,
    now: Timestamp,
) -> FlowId {
    let mut bytes = rng.uuid_at(now).into_bytes();
    if let Some((head, end)) = bytes.split_last_chunk_mut::<TAG>() {
        if let Some((before, of)) = head.split_last_chunk_mut::<OWNER>() {
            *of = owner(place, before, browser);
        }
        *end = tag(place.0, place.1, head);
    }
    FlowId(Uuid::from_bytes(bytes))
}

/// What an id says of the browser that began the form. Keyed, and over the rest of the id: two of one browser have nothing
/// in common.
fn owner((sealer, tenant): (&Sealer, &TenantId), before: &[u8], browser: &KeyedHash) -> [u8; OWNER] {
    let hash = sealer.lasting_hash(tenant, OWNER_PURPOSE, &[before, &browser.0].concat());
    hash.first_chunk().copied().unwrap_or_default()
}

/// Whether the browser of a cookie began the form of an id that began here.
fn is_of_browser(room: Room<'_>, id: FlowId, cookie: &CsrfCookie) -> bool {
    let bytes = id.0.as_bytes();
    let Some((before, rest)) = bytes.split_at_checked(OWNER_AT) else { return false };
    // Under each key: the newest one may be younger than the form.
    let hashes = cookie.hashes(room.sealer, room.tenant);
    hashes.iter().any(|hash| rest.starts_with(&owner((room.sealer, room.tenant), before, hash)))
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
    let context = SealedPlace { tenant, kind: SealedKind::BrowserFlow, row: &row };
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
        return Err(match cookie {
            _ if !is_young => NotHeld::Unknown,
            Some(cookie) if is_of_browser(room, id, cookie) => NotHeld::Lost,
            Some(_) | None => ForeignFlow.into(),
        });
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
    let context = SealedPlace { tenant: room.tenant, kind: SealedKind::BrowserFlow, row: &row };
    let plain = room.sealer.open_text(context, sealed).ok()?;
    let held: Held<'_> = serde_json::from_slice(&plain).ok()?;
    Some((held.flow.into_owned(), KeyedHash(base64url::decode(&*held.browser)?)))
}
