//! Sending a code or a link: the message that brings it, and what is kept of it.
//!
//! Attack: somebody learns who has an account by what is done for one. So a code or a token is drawn, hashed and written
//! into a message whoever has the address; a message to nobody is kept and not sent.

use primitives::{IdentityId, OrganisationId};

use super::sent_code::{LinkToken, OneTimeCode};
use super::{Flow, Room, SentCode, SentLink, Transport};
use crate::courier::{MailTemplate, MailValues, NewMessage};
use crate::identity::AddressKind;
use crate::settings::ProofMeans;
use crate::write::Write;

/// What a message brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Brings {
    /// A code; and for browsers a link that fills it in where it was asked for.
    Code,
    /// A link that does without a code, on any device.
    Link,
    /// A code, and for browsers a link that does without it.
    Either,
}

impl From<ProofMeans> for Brings {
    fn from(means: ProofMeans) -> Self {
        match means {
            ProofMeans::Code => Self::Code,
            ProofMeans::Link => Self::Link,
        }
    }
}

/// To whom a message goes.
pub(super) struct Recipient {
    pub(super) via: AddressKind,
    pub(super) to: String,
    /// Whose address it is.
    pub(super) whose: Option<(IdentityId, Option<OrganisationId>)>,
    /// Whether what it brings is worth something.
    pub(super) is_known: bool,
    /// Whether anything goes there.
    pub(super) is_sent: bool,
}

/// Draws what is sent. The flow opens by the new link from now on, and by none before it.
pub(super) fn send(
    room: Room<'_>,
    flow: &mut Flow,
    (template, brings): (MailTemplate, Brings),
    recipient: Recipient,
) -> (SentCode, Write) {
    let Recipient { via, to, whose, is_known, is_sent } = recipient;
    // Whatever led here.
    let is_sent = is_sent && room.reaches(via, &to);
    let is_browser = flow.transport == Transport::Browser;
    let code = (brings != Brings::Link).then(|| OneTimeCode::generate(room.rng));
    let has_link = brings == Brings::Link || (brings == Brings::Either && is_browser);
    let token = has_link.then(|| LinkToken::generate(room.rng));
    let expires_at = room.now.after(room.settings.code.lifespan()).min(flow.expires_at);
    let sent = SentCode::new(room, flow.id, (via, &to, whose.map(|(id, _)| id)), code.as_ref(), expires_at);
    flow.link = token.as_ref().map(|token| SentLink::new(room, flow.id, token));
    let place = |name: &str, value: &str| link(room, flow, name, value);
    let url = match (&token, &code) {
        (Some(token), _) => Some(place("token", token.expose())),
        (None, Some(code)) if is_browser => Some(place("code", code.expose())),
        (None, _) => None,
    };
    // What is kept and not sent is as long as what is: without its code it took a fiftieth less time.
    let has_words = is_known || !is_sent;
    let values = MailValues {
        to: &to,
        code: code.as_ref().map(OneTimeCode::expose).filter(|_| has_words),
        url: url.as_deref().filter(|_| has_words),
        via,
        minutes: expires_at.since(room.now).as_secs() / 60,
    };
    let message = NewMessage {
        id: room.rng.uuid(),
        template,
        via,
        mail: room.composer.compose(template, values),
        recipient: to,
        organisation: whose.and_then(|(_, organisation)| organisation),
        at: room.now,
        is_sent,
    };
    (sent, Write::QueueMessage(Box::new(message)))
}

/// Where a message leads.
pub(super) fn link(room: Room<'_>, flow: &Flow, name: &str, value: &str) -> String {
    let base = room.base.as_str().trim_end_matches('/');
    format!("{base}/self-service/{}?flow={}&{name}={value}", flow.kind.as_str(), flow.id)
}
