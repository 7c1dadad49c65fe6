//! The page on which an operator begins to act in somebody's name.

use askama::Template;

use super::{Pages, render};
use crate::form::Hidden;
use crate::frame::{Frame, PageContext};
use crate::locale::fill;

/// In whose name.
#[derive(Debug, Clone)]
pub struct ImpersonationView {
    /// What the person is called.
    pub subject: String,
    /// Where it begins.
    pub action: String,
    /// What goes with it.
    pub hidden: Vec<Hidden>,
}

#[derive(Template)]
#[template(path = "impersonation.html")]
struct ImpersonationPage<'a> {
    frame: Frame<'a>,
    view: &'a ImpersonationView,
    lead: String,
}

impl Pages {
    /// Beginning to act in somebody's name.
    pub fn impersonation(&self, view: &ImpersonationView, context: &PageContext<'_>) -> String {
        let w = &self.words(context).impersonation;
        let values = [("subject", view.subject.as_str()), ("tenant", &context.branding.name)];
        render(&ImpersonationPage {
            frame: self.frame(context, w.title.clone()),
            lead: fill(&w.lead, &values),
            view,
        })
    }
}
