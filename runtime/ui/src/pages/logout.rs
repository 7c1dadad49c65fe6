//! Signing out: the question, and the answer.

use askama::Template;

use super::{Pages, render};
use crate::frame::{Frame, PageContext};
use crate::locale::fill;
use crate::views::LogoutView;

#[derive(Template)]
#[template(path = "logout.html")]
struct LogoutPage<'a> {
    frame: Frame<'a>,
    view: &'a LogoutView,
    lead: String,
    client_lead: Option<String>,
}

#[derive(Template)]
#[template(path = "signed_out.html")]
struct SignedOutPage<'a> {
    frame: Frame<'a>,
}

impl Pages {
    /// Asking whether to sign out.
    pub fn logout(&self, view: &LogoutView, context: &PageContext<'_>) -> String {
        let w = &self.words(context).logout;
        let lead = match &view.subject {
            Some(subject) => fill(&w.lead, &[("tenant", &context.branding.name), ("subject", subject)]),
            None => fill(&w.lead_nameless, &[("tenant", &context.branding.name)]),
        };
        let client_lead = view.client_name.as_ref().map(|client| fill(&w.client_lead, &[("client", client)]));
        render(&LogoutPage { frame: self.frame(context, w.title.clone()), view, lead, client_lead })
    }

    /// Saying that one is signed out.
    pub fn signed_out(&self, context: &PageContext<'_>) -> String {
        let title = self.words(context).logout.done_title.clone();
        render(&SignedOutPage { frame: self.frame(context, title) })
    }
}
