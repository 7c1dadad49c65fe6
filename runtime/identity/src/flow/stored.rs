//! Flows between requests: rows, found by their id and bounded in number.
//!
//! Why rows: an id alone must find a flow. Native applications have no cookie, other user interfaces
//! fetch `flows?id=` from their own server, and the id stays the same while the form is corrected; the
//! state of a form (what was typed, what was wrong with it) does not fit into an id that is a UUID.
//!
//! Attack: anybody may begin a flow, so a flood of beginnings would fill the disk. Three bounds hold:
//! beginnings are counted by client address ([`crate::settings::LimitSettings::flow`]); every new flow
//! takes two long expired ones out; and now and then a new flow cuts its tenant's flows down to
//! [`crate::settings::FlowSettings::most_open`], oldest first. An honest person whose form was cut gets
//! a new form; refusing new flows instead would hand a switch-off to the flood.
//!
//! Attack: somebody sends a victim a link with the id of the attacker's own form, or reads a victim's
//! form by an id that leaked. The id carries nothing and opens nothing: a browser's flow opens only with
//! the cookie that it was begun with, of which the keyed hash stays with the flow.

use std::time::Duration;

use primitives::{KeyedHash, Rng, Sealer, TenantId, Timestamp};

use super::csrf::CsrfCookie;
use super::{Flow, FlowKind, Transport};
use crate::settings::FlowSettings;
use crate::write::Write;

/// How long an expired flow can still be found, to say that it expired and to offer a new one.
pub const KEPT_AFTER_EXPIRY: Duration = Duration::from_hours(1);

/// One in so many new flows counts its tenant's flows, which costs a walk over their index.
const CUT_EVERY: u8 = 255;

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

/// A flow that the caller may see and submit, with the version that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnFlow {
    /// The flow.
    pub flow: Flow,
    browser: Option<KeyedHash>,
    version: i64,
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
        let own = match &browser {
            None => true,
            Some(hash) => cookie.is_some_and(|cookie| cookie.is(sealer, tenant, hash)),
        };
        if own { Ok(OwnFlow { flow, browser, version, elsewhere: false }) } else { Err(ForeignFlow) }
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
        Ok(OwnFlow { flow, browser, version, elsewhere: !own })
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
    /// A new flow of this caller.
    pub const fn begun(flow: Flow, browser: Option<KeyedHash>) -> Self {
        Self { flow, browser, version: 1, elsewhere: false }
    }

    /// Whether a link opened it, in another browser than the one that began it.
    pub const fn is_elsewhere(&self) -> bool {
        self.elsewhere
    }

    /// The write that stores a new flow and keeps the bounds.
    pub fn insert(&self, rng: &dyn Rng, settings: &FlowSettings, now: Timestamp) -> Write {
        let mut die = [0];
        rng.fill(&mut die);
        let cut_to = (die == [CUT_EVERY]).then_some(settings.most_open);
        Write::InsertFlow {
            flow: Box::new(self.stored(self.flow.clone())),
            expired_before: now.before(KEPT_AFTER_EXPIRY),
            cut_to,
        }
    }

    /// The write that stores what became of it. Guard: nobody changed it meanwhile.
    pub fn update(&self, flow: Flow) -> Write {
        Write::UpdateFlow(Box::new(self.stored(flow)))
    }

    /// The write that takes it out once it has served. No guard: a second click finds nothing, and
    /// what it must not do twice has guards of its own.
    pub const fn remove(&self) -> Write {
        Write::RemoveFlow(self.flow.id)
    }

    /// The browser that it belongs to, so that its successor belongs to it too.
    pub const fn browser(&self) -> Option<&KeyedHash> {
        self.browser.as_ref()
    }

    fn stored(&self, flow: Flow) -> StoredFlow {
        StoredFlow { flow, browser: self.browser.clone(), version: self.version }
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
