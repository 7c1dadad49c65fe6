//! The account page: profile, password, second factors, keys, linked providers, sessions, trusted devices, apps with
//! access, and how the account is deleted.

use askama::Template;

use super::consent::Asked;
use super::flow_page::{failed, password_hint};
use super::{Pages, render};
use crate::device::device_name;
use crate::flow::{FlowView, UiTextType};
use crate::form::{FieldLink, Form, Forms, Item, Notice, Purpose};
use crate::frame::{Frame, PageContext};
use crate::locale::{Words, fill};
use crate::views::{AppItem, DeletionRefusal, DeletionView, SessionItem, SessionsView};
use crate::when::ago;

#[derive(Template)]
#[template(path = "settings.html")]
struct SettingsPage<'a> {
    frame: Frame<'a>,
    notices: Vec<Notice>,
    subject: String,
    sections: Vec<Section>,
    sessions: Option<SessionList<'a>>,
}

#[derive(Template)]
#[template(path = "account_deleted.html")]
struct AccountDeletedPage<'a> {
    frame: Frame<'a>,
}

#[derive(Debug)]
struct Section {
    group: String,
    title: String,
    lead: Option<String>,
    forms: Vec<Form>,
}

#[derive(Debug)]
struct SessionList<'a> {
    view: &'a SessionsView,
    lines: Vec<SessionLine<'a>>,
    devices: Vec<SessionLine<'a>>,
    apps: Vec<AppLine<'a>>,
    deletion: Option<DeletionForm<'a>>,
}

/// An app, and what it may do.
#[derive(Debug)]
struct AppLine<'a> {
    id: &'a str,
    name: &'a str,
    remove: String,
    since: String,
    at: String,
    /// How many things it may do; none if there is nothing.
    count: Option<String>,
    asked: Asked<'a>,
    has_more: bool,
}

/// The form that deletes the account.
#[derive(Debug)]
struct DeletionForm<'a> {
    view: &'a DeletionView,
    label: String,
    error: Option<&'a str>,
}

impl DeletionForm<'_> {
    /// What is said on top of the page where the form was refused: the form itself is at its end.
    fn notice(&self, words: &Words) -> Option<Notice> {
        let field = || FieldLink { id: "deletion-confirm".to_owned(), label: self.label.clone() };
        self.error.map(|_| Notice {
            kind: UiTextType::Error,
            text: words.common.form_error.clone(),
            fields: vec![field()],
        })
    }
}

#[derive(Debug)]
struct SessionLine<'a> {
    id: &'a str,
    current: bool,
    device: String,
    revoke: String,
    signed_in: String,
    at: String,
    ip_address: Option<&'a str>,
}

impl Pages {
    /// Changing one's profile and password, and seeing where one is signed in.
    pub fn settings(
        &self,
        flow: &FlowView,
        sessions: Option<&SessionsView>,
        context: &PageContext<'_>,
    ) -> String {
        let words = self.words(context);
        let w = &words.settings;
        let forms = Forms {
            ui: &flow.ui,
            words,
            purpose: Purpose::Settings,
            password_hint: Some(password_hint(words, context)),
        };
        let subject = flow.identity.as_ref().and_then(|i| i.label()).unwrap_or_default().to_owned();
        let sections = forms
            .groups()
            .into_iter()
            .map(|group| {
                let (title, lead) = match group {
                    "profile" => (&w.profile, Some(w.profile_lead.clone())),
                    "password" => (&w.password, Some(w.password_lead.clone())),
                    "totp" => (&w.totp, Some(w.totp_lead.clone())),
                    "lookup_secret" => (&w.lookup_secret, Some(w.lookup_secret_lead.clone())),
                    "passkey" => (&w.passkey, Some(w.passkey_lead.clone())),
                    "webauthn" => (&w.webauthn, Some(w.webauthn_lead.clone())),
                    "oidc" | "saml" => (&w.oidc, Some(w.oidc_lead.clone())),
                    _ => (&w.other, None),
                };
                let mut forms = if matches!(group, "oidc" | "saml") {
                    forms.providers()
                } else {
                    apart(forms.of(|of| of == group), forms.of(|_| false))
                };
                if group == "password" {
                    name_password_button(&mut forms, &w.password_save);
                }
                Section { group: group.to_owned(), title: title.clone(), lead, forms }
            })
            .filter(|section| {
                section.forms.iter().any(|form| !form.items.is_empty() || !form.keys.is_empty())
            })
            .collect();
        let sessions = sessions.map(|view| self.session_list(view, context));
        let deletion = sessions.as_ref().and_then(|list| list.deletion.as_ref());
        let mut notices = forms.notices();
        notices.extend(deletion.and_then(|form| form.notice(words)));
        let frame = self.frame(context, w.title.clone()).with_script(&self.assets, flow);
        let frame = Frame { failed: failed(&notices), ..frame };
        render(&SettingsPage { frame, notices, subject, sections, sessions })
    }

    /// Said after the account was deleted.
    pub fn account_deleted(&self, context: &PageContext<'_>) -> String {
        let title = self.words(context).deletion.done_title.clone();
        render(&AccountDeletedPage { frame: self.frame(context, title) })
    }

    fn session_list<'a>(&'a self, view: &'a SessionsView, context: &PageContext<'a>) -> SessionList<'a> {
        let words = self.words(context);
        let line = |session: &'a SessionItem, revoke: &str, since: &str| {
            let device = device_name(session.user_agent.as_deref(), words);
            let when = ago(session.authenticated_at, context.now, words);
            SessionLine {
                id: &session.id,
                current: session.current,
                revoke: fill(revoke, &[("device", &device)]),
                signed_in: fill(since, &[("when", &when)]),
                at: session.authenticated_at.rfc3339(),
                ip_address: session.ip_address.as_deref(),
                device,
            }
        };
        let w = &words.sessions;
        let lines = view.sessions.iter().map(|one| line(one, &w.revoke_one, &w.signed_in)).collect();
        let w = &words.devices;
        let devices = view.devices.iter().map(|one| line(one, &w.forget_one, &w.since)).collect();
        let apps = view.apps.iter().map(|app| app_line(app, context, words)).collect();
        let w = &words.deletion;
        let deletion = view.deletion.as_ref().map(|view| DeletionForm {
            view,
            label: fill(&w.confirm, &[("word", &view.word)]),
            error: view.refused.map(|refused| match refused {
                DeletionRefusal::Unconfirmed => w.unconfirmed.as_str(),
                DeletionRefusal::LastOwner => w.last_owner.as_str(),
            }),
        });
        SessionList { view, lines, devices, apps, deletion }
    }
}

fn app_line<'a>(app: &'a AppItem, context: &PageContext<'_>, words: &Words) -> AppLine<'a> {
    let w = &words.apps;
    let count = app.scopes.len() + app.details.len();
    let number = u64::try_from(count).unwrap_or(u64::MAX);
    let counted = || fill(words.counted(&w.permissions, number), &[("n", &count.to_string())]);
    AppLine {
        id: &app.id,
        name: &app.name,
        remove: fill(&w.remove_one, &[("app", &app.name)]),
        since: fill(&w.since, &[("when", &ago(app.granted_at, context.now, words))]),
        at: app.granted_at.rfc3339(),
        count: (count > 0).then(counted),
        asked: Asked::of(words, &app.scopes, &app.details, &app.places),
        has_more: app.has_more,
    }
}

/// The keys that there are in a form of their own: Enter in the name of a new one must not press what takes one away.
fn apart(mut form: Form, bare: Form) -> Vec<Form> {
    let keys = std::mem::take(&mut form.keys);
    if keys.is_empty() { vec![form] } else { vec![Form { keys, ..bare }, form] }
}

/// The API calls every button "Save"; beside a profile form the password's should say what it does.
fn name_password_button(forms: &mut [Form], label: &str) {
    for item in forms.iter_mut().flat_map(|form| &mut form.items) {
        if let Item::Button(button) = item {
            label.clone_into(&mut button.label);
        }
    }
}
