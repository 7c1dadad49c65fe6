//! The start page.

use askama::Template;

use super::{Pages, render};
use crate::frame::{Frame, PageContext};
use crate::locale::fill;
use crate::views::WelcomeView;

#[derive(Template)]
#[template(path = "welcome.html")]
struct WelcomePage<'a> {
    frame: Frame<'a>,
    lead: String,
    signed_in: bool,
}

impl Pages {
    /// The start page: whose service this is, and the ways in.
    pub fn welcome(&self, view: &WelcomeView, context: &PageContext<'_>) -> String {
        let words = self.words(context);
        let title = match view.subject {
            Some(_) => words.welcome.signed_in_title.clone(),
            None => fill(&words.welcome.title, &[("tenant", &context.branding.name)]),
        };
        let lead = match &view.subject {
            Some(subject) => fill(&words.common.signed_in_as, &[("subject", subject)]),
            None => words.welcome.lead.clone(),
        };
        render(&WelcomePage { frame: self.frame(context, title), lead, signed_in: view.subject.is_some() })
    }
}
