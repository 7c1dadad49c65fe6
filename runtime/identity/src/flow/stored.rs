//! Flows between requests: kept by their browser until something is done with them ([`super::held`]), and rows from
//! then on, found by their id and bounded in number.
//!
//! Rows from the beginning are those of native applications, which have no cookie and find a flow by its id alone; those
//! for which a message was sent, whose link opens them anywhere; those that are too large for a cookie; the successor of one
//! that expired, where another user interface's server may be told of it, whose answer brings the browser no cookie; and what
//! takes the place of one that its browser did not keep.
//!
//! Attack: anybody may begin a flow, so a flood of beginnings would fill the disk. A browser's costs no row. Of the others
//! three bounds hold: beginnings are counted by client address, native or not
//! ([`crate::settings::LimitSettings::flow`]); every new row takes two long expired ones out; and now and then a new one
//! cuts its tenant's down to [`crate::settings::FlowSettings::most_open`], oldest first. An honest person whose form was
//! cut gets a new form; refusing new flows instead would hand a switch-off to the flood.
//!
//! Attack: somebody sends a victim a link with the id of the attacker's own form, or reads a victim's
//! form by an id that leaked. The id carries nothing and opens nothing: a browser's flow opens only with
//! the cookie that it was begun with, of which the keyed hash stays with the flow.

use std::time::Duration;

use primitives::{KeyedHash, Rng, Sealer, TenantId, Timestamp};

use super::csrf::CsrfCookie;
use super::held::{self, FlowBounds};
use super::{Flow, FlowKind, Transport};
use crate::settings::FlowSettings;
use crate::write::Write;

/// How long an expired flow can still be found, to say that it expired and to offer a new one.
pub const KEPT_AFTER_EXPIRY: Duration = Duration::from_hours(1);

/// A flow as it is stored, not yet known to be the caller's.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredFlow {
    /// The flow. Nothing of it may be told before [`StoredFlow::check_browser`].
    flow: Flow,
    browser: Option<KeyedHash>,
    version: i64,
}

/// The flow belongs to another browser. The client's, or an attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the flow was begun by another browser")]
pub struct ForeignFlow;

/// Where a flow is kept, which says what a change of it writes.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kept {
    /// In a row, of the version that was read.
    Row { version: i64 },
    /// By its browser. There is no row, or there was none when it was read.
    Cookie(FlowBounds),
}

/// A flow that the caller may see and submit.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnFlow {
    /// The flow.
    pub flow: Flow,
    browser: Option<KeyedHash>,
    kept: Kept,
    /// Whether the link of a message opened it, in another browser than the one that began it.
    elsewhere: bool,
}

impl StoredFlow {
    /// Puts together what storage read.
    pub const fn new(flow: Flow, browser: Option<KeyedHash>, version: i64) -> Self {
        Self { flow, browser, version }
    }

    /// The flow, if it is this browser's; a native application's opens by its id alone.
    pub fn check_browser(
        self,
        sealer: &Sealer,
        tenant: &TenantId,
        cookie: Option<&CsrfCookie>,
    ) -> Result<OwnFlow, ForeignFlow> {
        let Self { flow, browser, version } = self;
        OwnFlow::check(flow, browser, Kept::Row { version }, (sealer, tenant), cookie)
    }

    /// The flow, for whoever has its cookie or the token of the link that was sent for it.
    ///
    /// A link is read where people read their mail. There it opens as a browser's form, whoever began it; the
    /// authorization request that waits for it is the first browser's and stays there.
    pub fn open(
        self,
        sealer: &Sealer,
        tenant: &TenantId,
        cookie: Option<&CsrfCookie>,
        token: Option<&str>,
    ) -> Result<OwnFlow, ForeignFlow> {
        // It signs nobody in, and opens in its own way.
        if self.flow.test.is_some() {
            return Err(ForeignFlow);
        }
        let is_of_link = |token: &&str| {
            self.flow.link.as_ref().is_some_and(|link| link.is(sealer, tenant, self.flow.id, token))
        };
        let Some(token) = token.filter(is_of_link) else { return self.check_browser(sealer, tenant, cookie) };
        let Self { mut flow, browser, version } = self;
        let own = browser.as_ref().zip(cookie).is_some_and(|(hash, cookie)| cookie.is(sealer, tenant, hash));
        if let Some(link) = &mut flow.link {
            link.open(token);
        }
        flow.transport = Transport::Browser;
        if !own {
            flow.forget_waiting();
        }
        Ok(OwnFlow { flow, browser, kept: Kept::Row { version }, elsewhere: !own })
    }

    /// The flow, for storage to seal.
    pub const fn flow(&self) -> &Flow {
        &self.flow
    }

    /// The hash of the cookie of its browser.
    pub const fn browser(&self) -> Option<&KeyedHash> {
        self.browser.as_ref()
    }

    /// Counts its changes.
    pub const fn version(&self) -> i64 {
        self.version
    }
}

impl OwnFlow {
    /// A new flow of this caller, to be stored.
    pub const fn begun(flow: Flow, browser: Option<KeyedHash>) -> Self {
        Self { flow, browser, kept: Kept::Row { version: 1 }, elsewhere: false }
    }

    /// The same, to be kept by its browser; none if it is too large for that.
    pub(super) fn begun_held(flow: Flow, browser: &KeyedHash, bounds: FlowBounds) -> Option<Self> {
        let fits = held::fits(browser, &flow);
        fits.then(|| Self {
            flow,
            browser: Some(browser.clone()),
            kept: Kept::Cookie(bounds),
            elsewhere: false,
        })
    }

    /// A flow that its browser kept, if it is this one.
    pub(super) fn check_held(
        (flow, browser): (Flow, KeyedHash),
        bounds: FlowBounds,
        place: (&Sealer, &TenantId),
        cookie: Option<&CsrfCookie>,
    ) -> Result<Self, ForeignFlow> {
        Self::check(flow, Some(browser), Kept::Cookie(bounds), place, cookie)
    }

    /// The one door to a flow, wherever it is kept: a browser's opens beside its own cookie alone.
    fn check(
        flow: Flow,
        browser: Option<KeyedHash>,
        kept: Kept,
        (sealer, tenant): (&Sealer, &TenantId),
        cookie: Option<&CsrfCookie>,
    ) -> Result<Self, ForeignFlow> {
        let own = match &browser {
            None => true,
            Some(hash) => cookie.is_some_and(|cookie| cookie.is(sealer, tenant, hash)),
        };
        if own { Ok(Self { flow, browser, kept, elsewhere: false }) } else { Err(ForeignFlow) }
    }

    /// Whether its browser keeps it, and no row does.
    pub const fn is_held(&self) -> bool {
        matches!(self.kept, Kept::Cookie(_))
    }

    /// What its browser is to keep where nothing came of a submission but another look of the form. None if it has a row, or
    /// is too large by now: then it is [`OwnFlow::update`] that keeps it.
    pub fn seal(&self, sealer: &Sealer, tenant: &TenantId, flow: &Flow) -> Option<String> {
        let browser = self.browser.as_ref().filter(|_| self.is_held())?;
        held::seal(sealer, tenant, browser, flow)
    }

    /// Whether a link opened it, in another browser than the one that began it.
    pub const fn is_elsewhere(&self) -> bool {
        self.elsewhere
    }

    /// The write that stores a new flow and keeps the bounds.
    pub fn insert(&self, rng: &dyn Rng, settings: &FlowSettings, now: Timestamp) -> Write {
        let FlowBounds { expired_before, cut_to } = FlowBounds::draw(rng, settings, now);
        Write::InsertFlow { flow: Box::new(self.stored(self.flow.clone(), 1)), expired_before, cut_to }
    }

    /// The write that stores what became of it. Guard: nobody changed it meanwhile, or used its cookie.
    pub fn update(&self, flow: Flow) -> Write {
        match self.kept {
            Kept::Row { version } => Write::UpdateFlow(Box::new(self.stored(flow, version))),
            Kept::Cookie(bounds) => Write::TakeInFlow { flow: Box::new(self.stored(flow, 1)), bounds },
        }
    }

    /// The write that says that it has served. A row has no guard: a second click finds nothing, and what it must not do twice
    /// has guards of its own. Of a cookie it counts once.
    pub fn remove(&self) -> Write {
        let id = self.flow.id;
        match (self.kept, &self.browser) {
            (Kept::Cookie(bounds), _) => {
                Write::SpendHeldFlow { id, expires_at: self.flow.expires_at, bounds }
            }
            // Its browser may still have the cookie that it came from.
            (Kept::Row { .. }, Some(_)) => Write::SpendFlow(id),
            (Kept::Row { .. }, None) => Write::RemoveFlow(id),
        }
    }

    /// The writes that end it where it counts once: of several who submit it at a time one is answered.
    pub fn remove_once(&self) -> Vec<Write> {
        match self.kept {
            Kept::Row { .. } => vec![self.update(self.flow.clone()), self.remove()],
            Kept::Cookie(_) => vec![self.remove()],
        }
    }

    /// The browser that it belongs to, so that its successor belongs to it too.
    pub const fn browser(&self) -> Option<&KeyedHash> {
        self.browser.as_ref()
    }

    fn stored(&self, flow: Flow, version: i64) -> StoredFlow {
        StoredFlow { flow, browser: self.browser.clone(), version }
    }
}

impl Flow {
    fn forget_waiting(&mut self) {
        self.waiting = None;
        if let FlowKind::Login { login_challenge, .. } | FlowKind::Registration { login_challenge } =
            &mut self.kind
        {
            *login_challenge = None;
        }
    }
}
