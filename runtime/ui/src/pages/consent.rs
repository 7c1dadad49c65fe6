//! A client asks for access.

use askama::Template;

use super::{Pages, render};
use crate::frame::{Frame, PageContext};
use crate::locale::{Words, fill};
use crate::views::{ConsentView, DetailView, ScopeView};

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
    warnings: Vec<String>,
    asked: Asked<'a>,
}

/// What somebody is asked for, or has granted, in words.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) scopes: Vec<ScopeLine>,
    pub(super) details: &'a [DetailView],
    pub(super) places: Option<String>,
}

impl<'a> Asked<'a> {
    pub(super) fn of(
        words: &Words,
        scopes: &[ScopeView],
        details: &'a [DetailView],
        places: &[String],
    ) -> Self {
        Self { scopes: ScopeLine::all(words, scopes), details, places: self::places(words, places) }
    }
}

#[derive(Debug)]
pub(super) struct ScopeLine {
    pub(super) text: String,
    pub(super) raw: bool,
}

impl ScopeLine {
    /// What each scope allows, in words where there are any.
    fn all(words: &Words, scopes: &[ScopeView]) -> Vec<Self> {
        let line = |scope: &ScopeView| {
            let known = scope.description.as_ref().or_else(|| words.scopes.get(&scope.scope));
            match known {
                Some(text) => Self { text: text.clone(), raw: false },
                None => Self { text: scope.scope.clone(), raw: true },
            }
        };
        scopes.iter().map(line).collect()
    }
}

impl Pages {
    /// Deciding whether a client gets access.
    pub fn consent(&self, view: &ConsentView, context: &PageContext<'_>) -> String {
        let words = self.words(context);
        let w = &words.consent;
        let of = |text: &str| fill(text, &[("client", &view.client_name), ("subject", &view.subject)]);
        let note = view.redirect_host.as_ref().map(|host| fill(&w.redirect_note, &[("host", host)]));
        let host = view.redirect_host.as_deref().filter(|_| !view.is_local);
        let described = unverified(words, &view.client_name, view.described_at.as_deref());
        let registered = view.is_self_registered.then(|| self_registered(words, &view.client_name, host));
        let local = view.is_local.then(|| w.local.clone());
        let frame = self.frame(context, of(&w.title));
        render(&ConsentPage {
            frame,
            view,
            letter: view.client_name.chars().take(1).flat_map(char::to_uppercase).collect(),
            as_subject: of(&w.as_subject),
            will: of(&w.will),
            remember: of(&w.remember),
            note,
            warnings: described.into_iter().chain(registered).chain(local).collect(),
            asked: Asked::of(words, &view.scopes, &view.details, &view.places),
        })
    }
}

/// Whom to trust in the place of an operator, where nobody registered a client.
pub(super) fn unverified(words: &Words, client: &str, described_at: Option<&str>) -> Option<String> {
    described_at.map(|host| fill(&words.consent.described, &[("client", client), ("host", host)]))
}

/// That nobody but the client itself says what it is; `host` is where the answer goes, if that says whose it is.
pub(super) fn self_registered(words: &Words, client: &str, host: Option<&str>) -> String {
    match host {
        Some(host) => fill(&words.consent.registered, &[("client", client), ("host", host)]),
        None => fill(&words.consent.registered_somewhere, &[("client", client)]),
    }
}

/// At which services it will be used.
fn places(words: &Words, places: &[String]) -> Option<String> {
    let named = places.join(", ");
    (!named.is_empty()).then(|| fill(&words.consent.places, &[("places", &named)]))
}
