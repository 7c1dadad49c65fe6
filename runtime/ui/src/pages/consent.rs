//! A client asks for access.

use askama::Template;

use super::{Pages, render};
use crate::frame::{Frame, PageContext};
use crate::locale::fill;
use crate::views::ConsentView;

#[derive(Template)]
#[template(path = "consent.html")]
struct ConsentPage<'a> {
    frame: Frame<'a>,
    view: &'a ConsentView,
    letter: String,
    as_subject: String,
    will: String,
    remember: String,
    note: Option<String>,
    scopes: Vec<ScopeLine>,
}

#[derive(Debug)]
struct ScopeLine {
    text: String,
    raw: bool,
}

impl Pages {
    /// Deciding whether a client gets access.
    pub fn consent(&self, view: &ConsentView, context: &PageContext<'_>) -> String {
        let words = self.words(context);
        let w = &words.consent;
        let of = |text: &str| fill(text, &[("client", &view.client_name), ("subject", &view.subject)]);
        let scopes = view
            .scopes
            .iter()
            .map(|scope| {
                let known = scope.description.as_ref().or_else(|| words.scopes.get(&scope.scope));
                match known {
                    Some(text) => ScopeLine { text: text.clone(), raw: false },
                    None => ScopeLine { text: scope.scope.clone(), raw: true },
                }
            })
            .collect();
        let note = view.redirect_host.as_ref().map(|host| fill(&w.redirect_note, &[("host", host)]));
        let frame = self.frame(context, of(&w.title));
        render(&ConsentPage {
            frame,
            view,
            letter: view.client_name.chars().take(1).flat_map(char::to_uppercase).collect(),
            as_subject: of(&w.as_subject),
            will: of(&w.will),
            remember: of(&w.remember),
            note,
            scopes,
        })
    }
}
