//! The page on which owners and administrators see who belongs to their organisation, and invite others; owners see there
//! what decides who gets in, too ([`ownership`](super::ownership)).

use askama::Template;
use primitives::Timestamp;

use super::ownership::{Ownership, OwnershipView};
use super::{Pages, render};
use crate::form::Hidden;
use crate::frame::{Frame, PageContext};
use crate::locale::{Words, fill};

/// An organisation for those who manage its people.
#[derive(Debug, Clone)]
pub struct OrganisationView {
    /// What people call it.
    pub label: String,
    /// Where everything is posted: `do` says what is to be done.
    pub action: String,
    /// What goes with it: the organisation and the CSRF token.
    pub hidden: Vec<Hidden>,
    /// The roles that whoever looks may give.
    pub roles: Vec<String>,
    /// Its members, a page of them.
    pub members: Vec<MemberItem>,
    /// Where the next page of them is.
    pub next_url: Option<String>,
    /// Its open invitations.
    pub invitations: Vec<InvitationItem>,
    /// What only owners see.
    pub ownership: Option<OwnershipView>,
    /// What became of what was posted, and what it was about.
    pub outcome: Option<(OrganisationPart, OrganisationOutcome)>,
}

/// A part of the page, which says itself what became of what was posted in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrganisationPart {
    /// Members and invitations.
    People,
    /// Domains.
    Domains,
    /// The connection.
    Connection,
    /// Keys.
    Keys,
}

impl OrganisationPart {
    const ALL: [Self; 4] = [Self::People, Self::Domains, Self::Connection, Self::Keys];

    /// As addresses name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::People => "people",
            Self::Domains => "domains",
            Self::Connection => "connection",
            Self::Keys => "keys",
        }
    }

    /// The part of that name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.as_str() == name)
    }
}

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrganisationOutcome {
    /// It was made.
    Done,
    /// The address is none.
    NoAddress,
    /// Nobody would own the organisation any more.
    LastOwner,
    /// Somebody else changed it meanwhile, or a directory manages it.
    Refused,
    /// The address got too many messages.
    TooMany,
    /// A domain is none.
    NoDomain,
    /// The record of this domain was not found.
    NotProven(String),
    /// The name servers of this domain did not answer.
    Unanswered(String),
    /// This domain is another organisation's.
    DomainTaken(String),
    /// It is no provider.
    NoProvider,
    /// People must come by the connection.
    Enforced,
    /// The provider can be asked.
    Answers,
    /// It cannot.
    Silent,
    /// A key has no name.
    NoName,
    /// There are too many keys.
    TooManyKeys,
}

impl OrganisationOutcome {
    /// Whether it is what was wished.
    pub const fn is_good(&self) -> bool {
        matches!(self, Self::Done | Self::Answers)
    }

    fn said(&self, words: &Words) -> String {
        let (w, o) = (&words.organisation, &words.ownership);
        let of = |text: &str, name: &str| fill(text, &[("name", name)]);
        match self {
            Self::Done => w.done.clone(),
            Self::NoAddress => w.no_address.clone(),
            Self::LastOwner => w.last_owner.clone(),
            Self::Refused => w.refused.clone(),
            Self::TooMany => w.too_many.clone(),
            Self::NoDomain => o.not_a_domain.clone(),
            Self::NotProven(domain) => of(&o.not_found, domain),
            Self::Unanswered(domain) => of(&o.unanswered, domain),
            Self::DomainTaken(domain) => of(&o.domain_taken, domain),
            Self::NoProvider => o.not_a_provider.clone(),
            Self::Enforced => o.enforced.clone(),
            Self::Answers => o.answers.clone(),
            Self::Silent => o.silent.clone(),
            Self::NoName => o.no_name.clone(),
            Self::TooManyKeys => o.too_many_keys.clone(),
        }
    }
}

/// Somebody who belongs to it.
#[derive(Debug, Clone)]
pub struct MemberItem {
    /// Their id.
    pub id: String,
    /// As they are known.
    pub name: String,
    /// What they are.
    pub role: String,
    /// Whether it is whoever looks.
    pub is_you: bool,
    /// Whether whoever looks may change them.
    pub can_change: bool,
}

/// Somebody who may come to belong to it.
#[derive(Debug, Clone)]
pub struct InvitationItem {
    /// Its id.
    pub id: String,
    /// Whom.
    pub address: String,
    /// As what.
    pub role: String,
    /// Until when it is good.
    pub expires_at: Timestamp,
    /// Whether whoever looks may take it back.
    pub can_change: bool,
}

#[derive(Template)]
#[template(path = "organisation.html")]
struct OrganisationPage<'a> {
    frame: Frame<'a>,
    view: &'a OrganisationView,
    lead: String,
    said: Option<(OrganisationPart, Said)>,
    ownership: Option<Ownership<'a>>,
    invitations: Vec<InvitationLine<'a>>,
    words: &'a Words,
}

struct InvitationLine<'a> {
    invitation: &'a InvitationItem,
    at: String,
    ends: String,
}

/// What became of what was posted, in words.
struct Said {
    text: String,
    is_good: bool,
}

impl OrganisationPage<'_> {
    /// What a part of the page says.
    fn said(&self, part: &str) -> Option<&Said> {
        self.said.as_ref().filter(|(of, _)| of.as_str() == part).map(|(_, said)| said)
    }

    /// Whether what was posted in a part of the page is not made.
    fn is_refused(&self, part: &str) -> bool {
        self.said(part).is_some_and(|said| !said.is_good)
    }

    /// A role in the reader's language; a word of the customer's own as it is.
    fn role<'b>(&'b self, role: &'b str) -> &'b str {
        let w = &self.words.organisation;
        match role {
            "owner" => &w.owner,
            "admin" => &w.admin,
            "member" => &w.member,
            other => other,
        }
    }
}

/// What a button does to somebody, for whoever only hears it.
fn about(text: &str, name: &str) -> String {
    fill(text, &[("name", name)])
}

impl Pages {
    /// Who belongs to an organisation, for those who manage that.
    pub fn organisation(&self, view: &OrganisationView, context: &PageContext<'_>) -> String {
        let words = self.words(context);
        let w = &words.organisation;
        let said = view
            .outcome
            .as_ref()
            .map(|(part, outcome)| (*part, Said { text: outcome.said(words), is_good: outcome.is_good() }));
        let invitations = view.invitations.iter().map(|invitation| {
            let days = invitation.expires_at.since(context.now).as_secs().div_ceil(24 * 3600);
            let ends = fill(words.counted(&w.ends, days), &[("days", &days.to_string())]);
            InvitationLine { invitation, at: invitation.expires_at.rfc3339(), ends }
        });
        let frame = self.frame(context, fill(&w.title, &[("organisation", &view.label)]));
        render(&OrganisationPage {
            frame: Frame { failed: said.as_ref().is_some_and(|(_, said)| !said.is_good), ..frame },
            view,
            lead: w.lead.clone(),
            said,
            ownership: view.ownership.as_ref().map(|view| Ownership::new(view, words)),
            invitations: invitations.collect(),
            words,
        })
    }
}
