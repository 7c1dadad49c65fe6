//! The page of an invitation into an organisation: whoever is signed in accepts it, everybody else signs in or up first.

use askama::Template;

use super::{Pages, render};
use crate::form::Hidden;
use crate::frame::{Frame, PageContext};
use crate::locale::fill;

/// An invitation to whoever opened its link.
#[derive(Debug, Clone)]
pub struct InvitationView {
    /// Into which organisation.
    pub organisation: String,
    /// The address that was invited.
    pub address: String,
    /// Who is signed in, if anyone.
    pub subject: Option<String>,
    /// Whether it was refused since that account has another address.
    pub refused: bool,
    /// Where it is accepted.
    pub action: String,
    /// What goes with it: the token and the CSRF token.
    pub hidden: Vec<Hidden>,
    /// Where one signs in, and comes back from.
    pub sign_in_url: String,
    /// Where one signs up with it.
    pub sign_up_url: String,
    /// Where somebody else signs in, and comes back from.
    pub other_account_url: String,
}

#[derive(Template)]
#[template(path = "invitation.html")]
struct InvitationPage<'a> {
    frame: Frame<'a>,
    view: &'a InvitationView,
    lead: String,
    notice: Option<String>,
    signed_in_as: Option<String>,
}

impl Pages {
    /// An invitation into an organisation.
    pub fn invitation(&self, view: &InvitationView, context: &PageContext<'_>) -> String {
        let words = self.words(context);
        let w = &words.invitation;
        let values = [
            ("organisation", view.organisation.as_str()),
            ("address", &view.address),
            ("tenant", &context.branding.name),
        ];
        let subject = view.subject.as_ref();
        render(&InvitationPage {
            frame: self.frame(context, fill(&w.title, &values)),
            lead: fill(&w.lead, &values),
            notice: view.refused.then(|| fill(&w.refused, &values)),
            signed_in_as: subject.map(|subject| fill(&words.common.signed_in_as, &[("subject", subject)])),
            view,
        })
    }
}
