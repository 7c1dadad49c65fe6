//! The page on which owners and administrators see who belongs to their organisation, and invite others.

use askama::Template;
use primitives::Timestamp;

use super::{Pages, render};
use crate::form::Hidden;
use crate::frame::{Frame, PageContext};
use crate::locale::{Words, fill};

/// An organisation for those who manage its people.
#[derive(Debug, Clone)]
pub struct OrganisationView {
    /// What people call it.
    pub label: String,
    /// Where everything is posted: `do` is `invite`, `revoke`, `role` or `remove`.
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
    /// What became of what was posted.
    pub outcome: Option<OrganisationOutcome>,
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    done: Option<String>,
    refused: Option<String>,
    invitations: Vec<InvitationLine<'a>>,
    words: &'a Words,
}

struct InvitationLine<'a> {
    invitation: &'a InvitationItem,
    at: String,
    ends: String,
}

impl OrganisationPage<'_> {
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
        let refused = match view.outcome {
            None | Some(OrganisationOutcome::Done) => None,
            Some(OrganisationOutcome::NoAddress) => Some(w.no_address.clone()),
            Some(OrganisationOutcome::LastOwner) => Some(w.last_owner.clone()),
            Some(OrganisationOutcome::Refused) => Some(w.refused.clone()),
            Some(OrganisationOutcome::TooMany) => Some(w.too_many.clone()),
        };
        let invitations = view.invitations.iter().map(|invitation| {
            let days = invitation.expires_at.since(context.now).as_secs().div_ceil(24 * 3600);
            let ends = fill(words.counted(&w.ends, days), &[("days", &days.to_string())]);
            InvitationLine { invitation, at: invitation.expires_at.rfc3339(), ends }
        });
        let frame = self.frame(context, fill(&w.title, &[("organisation", &view.label)]));
        render(&OrganisationPage {
            frame: Frame { failed: refused.is_some(), ..frame },
            view,
            lead: w.lead.clone(),
            done: (view.outcome == Some(OrganisationOutcome::Done)).then(|| w.done.clone()),
            refused,
            invitations: invitations.collect(),
            words,
        })
    }
}
