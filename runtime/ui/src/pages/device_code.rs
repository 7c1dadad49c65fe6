//! A device waits for a person: the code, the question, and what came of it (RFC 8628 section 3.3).
//!
//! Attack: somebody sends others the code of a device of their own (section 5.4). The page of the code and the question
//! both say so, in words that name what would happen.

use askama::Template;

use super::{Pages, render};
use crate::flow::UiTextType;
use crate::form::{FieldLink, Notice};
use crate::frame::{Frame, PageContext};
use crate::locale::fill;
use crate::pages::consent::{Asked, self_registered, unverified};
use crate::views::{DeviceCodeProblem, DeviceCodeView, DeviceDoneView, DeviceView};

#[derive(Template)]
#[template(path = "device_code.html")]
struct DeviceCodePage<'a> {
    frame: Frame<'a>,
    view: &'a DeviceCodeView,
    problem: Option<&'a str>,
    /// Leads to the field (WCAG 2.2, 3.3.1).
    notices: Vec<Notice>,
}

#[derive(Template)]
#[template(path = "device.html")]
struct DevicePage<'a> {
    frame: Frame<'a>,
    view: &'a DeviceView,
    as_subject: String,
    will: String,
    warnings: Vec<String>,
    asked: Asked<'a>,
}

#[derive(Template)]
#[template(path = "device_done.html")]
struct DeviceDonePage<'a> {
    frame: Frame<'a>,
    lead: &'a str,
}

impl Pages {
    /// Asking for the code that a device shows.
    pub fn device_code(&self, view: &DeviceCodeView, context: &PageContext<'_>) -> String {
        let words = self.words(context);
        let w = &words.device;
        let problem = view.problem.map(|problem| match problem {
            DeviceCodeProblem::Unknown => w.unknown.as_str(),
            DeviceCodeProblem::TooMany => w.too_many.as_str(),
        });
        let mut frame = self.frame(context, w.title.clone());
        frame.failed = problem.is_some();
        let summary = problem.map(|_| Notice {
            kind: UiTextType::Error,
            text: words.common.form_error.clone(),
            fields: vec![FieldLink { id: "user_code".to_owned(), label: w.label.clone() }],
        });
        render(&DeviceCodePage { frame, view, problem, notices: summary.into_iter().collect() })
    }

    /// Asking whether a device gets access.
    pub fn device(&self, view: &DeviceView, context: &PageContext<'_>) -> String {
        let words = self.words(context);
        let of = |text: &str| fill(text, &[("client", &view.client_name), ("subject", &view.subject)]);
        let frame = self.frame(context, of(&words.device.question));
        let unverified = unverified(words, &view.client_name, view.described_at.as_deref());
        // No answer goes to a host of its: it fetches its tokens.
        let registered = view.is_self_registered.then(|| self_registered(words, &view.client_name, None));
        render(&DevicePage {
            frame,
            view,
            as_subject: of(&words.consent.as_subject),
            will: of(&words.consent.will),
            warnings: unverified.into_iter().chain(registered).collect(),
            asked: Asked::of(words, &view.scopes, &view.details, &view.places),
        })
    }

    /// Saying what came of it.
    pub fn device_done(&self, view: &DeviceDoneView, context: &PageContext<'_>) -> String {
        let w = &self.words(context).device;
        let (title, lead) = match view {
            DeviceDoneView::Allowed => (&w.allowed_title, w.allowed_lead.as_str()),
            DeviceDoneView::Denied => (&w.denied_title, w.denied_lead.as_str()),
            DeviceDoneView::Refused(reason) => (&w.denied_title, reason.as_str()),
        };
        render(&DeviceDonePage { frame: self.frame(context, title.clone()), lead })
    }
}
