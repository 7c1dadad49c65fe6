//! Signing out: the question, and the answer.

use askama::Template;

use super::{Pages, render};
use crate::farewell::GO_ON;
use crate::frame::{Frame, PageContext};
use crate::locale::fill;
use crate::views::{FarewellView, LogoutView};

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
    farewell: Option<&'a FarewellView>,
    next: Option<&'a str>,
    go_on: String,
    /// What goes on by itself, where anything does.
    script: Option<&'static str>,
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
        self.last_page(None, context)
    }

    /// Saying that one is signed out, while the apps that were used are opened to end their own sessions. The page needs the
    /// policy of [`farewell_policy`](crate::farewell_policy).
    pub fn farewell(&self, view: &FarewellView, context: &PageContext<'_>) -> String {
        self.last_page(Some(view), context)
    }

    /// Saying that one is signed out, with the way to an app of which nobody here knows anything but its host.
    pub fn signed_out_with_way(&self, (next, host): (&str, &str), context: &PageContext<'_>) -> String {
        let w = &self.words(context).logout;
        let go_on = fill(&w.go_on_to, &[("host", host)]);
        let frame = self.frame(context, w.done_title.clone());
        render(&SignedOutPage { frame, farewell: None, next: Some(next), go_on, script: None })
    }

    fn last_page(&self, farewell: Option<&FarewellView>, context: &PageContext<'_>) -> String {
        let w = &self.words(context).logout;
        let next = farewell.and_then(|farewell| farewell.next.as_deref());
        let (frame, go_on) = (self.frame(context, w.done_title.clone()), w.go_on.clone());
        render(&SignedOutPage { frame, farewell, next, go_on, script: Some(GO_ON) })
    }
}
