//! Every page in every state, with people and clients that are made up: for operators who look at what their branding
//! makes of the pages, and for pictures.
//!
//! Nothing on these pages does anything: the flows that they are about do not exist.

mod mails;
#[cfg(test)]
mod shown;
mod views;

pub use mails::{MAILS, MailSample};

use crate::flow::FlowView;
use crate::frame::PageContext;
use crate::pages::{OrganisationOutcome, OrganisationPart, Pages};
use crate::views::{DeviceCodeProblem, DeviceDoneView, ErrorView, MailboxView, SessionsView, WelcomeView};

/// A page in one state.
#[derive(Debug)]
pub struct Sample {
    /// What it is called in an address and in a picture's name: the page, and what is special about it.
    pub name: &'static str,
    render: fn(&Pages, &PageContext<'_>) -> Option<String>,
    flow: Option<&'static str>,
}

impl Sample {
    /// The sample of that name.
    pub fn find(name: &str) -> Option<&'static Self> {
        SAMPLES.iter().find(|sample| sample.name == name)
    }

    /// The page; none if its flow is not one, which a test excludes.
    pub fn page(&self, pages: &Pages, context: &PageContext<'_>) -> Option<String> {
        (self.render)(pages, context)
    }

    /// The flow that the page shows, if it shows one.
    pub fn flow(&self) -> Option<FlowView> {
        serde_json::from_str(self.flow?).ok()
    }
}

/// A page that shows the flow in the file of its name.
macro_rules! flow {
    ($name:literal, $render:expr) => {
        flow!($name of $name, $render)
    };
    ($name:literal of $file:literal, $render:expr) => {
        Sample {
            name: $name,
            render: |pages, context| {
                let flow: FlowView = serde_json::from_str(flow!($file)).ok()?;
                let render: fn(&Pages, &FlowView, &PageContext<'_>) -> String = $render;
                Some(render(pages, &flow, context))
            },
            flow: Some(flow!($file)),
        }
    };
    ($name:literal) => {
        include_str!(concat!("../samples/", $name, ".json"))
    };
}

/// Another page.
macro_rules! page {
    ($name:literal, $render:expr) => {
        Sample {
            name: $name,
            render: |pages, context| {
                let render: fn(&Pages, &PageContext<'_>) -> String = $render;
                Some(render(pages, context))
            },
            flow: None,
        }
    };
}

fn settings(pages: &Pages, flow: &FlowView, context: &PageContext<'_>) -> String {
    pages.settings(flow, None, context)
}

fn settings_with_sessions(pages: &Pages, flow: &FlowView, context: &PageContext<'_>) -> String {
    pages.settings(flow, Some(&views::sessions(context.now)), context)
}

/// Somebody has just signed out elsewhere, where nothing but this device was, and mistyped what deletes the account.
fn settings_not_deleted(pages: &Pages, flow: &FlowView, context: &PageContext<'_>) -> String {
    pages.settings(flow, Some(&views::sessions_not_deleted(context.now)), context)
}

/// An operator acts in somebody's name.
fn settings_acting(pages: &Pages, flow: &FlowView, context: &PageContext<'_>) -> String {
    let sessions = SessionsView { deletion: None, ..views::sessions(context.now) };
    pages.settings(flow, Some(&sessions), &PageContext { acting: true, ..*context })
}

/// Every sample, in the order in which people meet the pages.
pub static SAMPLES: &[Sample] = &[
    page!("welcome", |pages, context| pages.welcome(&WelcomeView::default(), context)),
    page!("welcome-signed-in", |pages, context| {
        pages.welcome(&WelcomeView { subject: Some("ada@nexboard.example".to_owned()) }, context)
    }),
    flow!("login", Pages::login),
    flow!("login-client", Pages::login),
    flow!("login-passkey", Pages::login),
    flow!("login-key", Pages::login),
    flow!("login-key-asked", Pages::login),
    flow!("login-providers", Pages::login),
    flow!("login-with-code", Pages::login),
    flow!("login-identifier", Pages::login),
    flow!("login-identified", Pages::login),
    flow!("login-failed", Pages::login),
    flow!("login-captcha", Pages::login),
    flow!("login-locked", Pages::login),
    flow!("login-denied", Pages::login),
    flow!("login-expired", Pages::login),
    flow!("login-linking", Pages::login),
    flow!("login-confirm", Pages::login),
    flow!("login-code", Pages::login),
    flow!("login-code-failed", Pages::login),
    flow!("login-here", Pages::login),
    flow!("login-second", Pages::login),
    flow!("login-second-trust", Pages::login),
    flow!("login-second-all", Pages::login),
    flow!("login-second-key", Pages::login),
    flow!("login-second-code", Pages::login),
    flow!("login-second-ask", Pages::login),
    flow!("login-second-sent", Pages::login),
    flow!("login-second-failed", Pages::login),
    flow!("registration", Pages::registration),
    flow!("registration-failed", Pages::registration),
    flow!("registration-key", Pages::registration),
    flow!("registration-key-refused", Pages::registration),
    flow!("registration-profile", Pages::registration),
    flow!("registration-credentials", Pages::registration),
    flow!("registration-code", Pages::registration),
    flow!("registration-completing", Pages::registration),
    flow!("recovery", Pages::recovery),
    flow!("recovery-number", Pages::recovery),
    flow!("recovery-sent", Pages::recovery),
    flow!("recovery-number-sent", Pages::recovery),
    flow!("recovery-failed", Pages::recovery),
    flow!("recovery-choose", Pages::recovery),
    flow!("recovery-confirm", Pages::recovery),
    flow!("recovery-by-link", Pages::recovery),
    flow!("recovery-link", Pages::recovery),
    flow!("recovery-link-opened", Pages::recovery),
    flow!("recovery-done", Pages::recovery),
    flow!("verification", Pages::verification),
    flow!("verification-number", Pages::verification),
    flow!("verification-sent", Pages::verification),
    flow!("verification-number-sent", Pages::verification),
    flow!("verification-failed", Pages::verification),
    flow!("verification-done", Pages::verification),
    flow!("verification-number-done", Pages::verification),
    flow!("verification-by-link", Pages::verification),
    flow!("verification-link", Pages::verification),
    flow!("verification-link-opened", Pages::verification),
    flow!("settings", settings_with_sessions),
    flow!("settings-saved", settings_with_sessions),
    flow!("settings-failed", settings),
    flow!("settings-kept" of "settings", settings_not_deleted),
    flow!("settings-acting" of "settings", settings_acting),
    flow!("settings-linked", settings),
    flow!("settings-factors", settings),
    flow!("settings-keys", settings_with_sessions),
    page!("consent", |pages, context| pages.consent(&views::consent(), context)),
    page!("consent-described", |pages, context| pages.consent(&views::described_consent(), context)),
    page!("consent-registered", |pages, context| pages.consent(&views::registered_consent(), context)),
    page!("api", |pages, context| pages.api(&views::api(), context)),
    page!("device-code", |pages, context| pages.device_code(&views::device_code(None), context)),
    page!("device-code-unknown", |pages, context| {
        pages.device_code(&views::device_code(Some(DeviceCodeProblem::Unknown)), context)
    }),
    page!("device", |pages, context| pages.device(&views::device(), context)),
    page!("device-registered", |pages, context| pages.device(&views::registered_device(), context)),
    page!("device-described", |pages, context| pages.device(&views::described_device(), context)),
    page!("device-allowed", |pages, context| pages.device_done(&DeviceDoneView::Allowed, context)),
    page!("device-denied", |pages, context| pages.device_done(&DeviceDoneView::Denied, context)),
    page!("device-refused", |pages, context| {
        let reason = "Your plan does not include televisions.".to_owned();
        pages.device_done(&DeviceDoneView::Refused(reason), context)
    }),
    page!("impersonation", |pages, context| pages.impersonation(&views::impersonation(), context)),
    page!("welcome-acting", |pages, context| {
        let view = WelcomeView { subject: Some("ada@nexboard.example".to_owned()) };
        pages.welcome(&view, &PageContext { acting: true, ..*context })
    }),
    page!("account-deleted", |pages, context| pages.account_deleted(context)),
    page!("invitation", |pages, context| {
        pages.invitation(&views::invitation(Some("ada@nexboard.example"), false), context)
    }),
    page!("invitation-refused", |pages, context| {
        pages.invitation(&views::invitation(Some("eve@nexboard.example"), true), context)
    }),
    page!("invitation-stranger", |pages, context| pages.invitation(&views::invitation(None, false), context)),
    page!("organisation", |pages, context| {
        pages.organisation(&views::organisation(context.now, None), context)
    }),
    page!("organisation-refused", |pages, context| {
        let refused = (OrganisationPart::People, OrganisationOutcome::LastOwner);
        pages.organisation(&views::organisation(context.now, Some(refused)), context)
    }),
    page!("organisation-done", |pages, context| {
        let done = (OrganisationPart::People, OrganisationOutcome::Done);
        pages.organisation(&views::organisation(context.now, Some(done)), context)
    }),
    page!("organisation-owner", |pages, context| {
        pages.organisation(&views::owned(context.now, views::ownership(context.now), None), context)
    }),
    page!("organisation-owner-new", |pages, context| {
        pages.organisation(&views::owned(context.now, views::nothing_owned(), None), context)
    }),
    page!("organisation-owner-refused", |pages, context| {
        let name = "engines.nexboard.example".to_owned();
        let refused = (OrganisationPart::Domains, OrganisationOutcome::NotProven(name));
        pages.organisation(&views::owned(context.now, views::ownership(context.now), Some(refused)), context)
    }),
    page!("organisation-owner-key", |pages, context| {
        let view = views::ownership_with_new_key(context.now);
        pages.organisation(&views::owned(context.now, view, None), context)
    }),
    page!("organisation-owner-confirm", |pages, context| {
        let view = views::ownership_to_confirm(context.now);
        pages.organisation(&views::owned(context.now, view, None), context)
    }),
    page!("organisation-owner-confirm-new", |pages, context| {
        let view = views::nothing_owned_to_confirm();
        pages.organisation(&views::owned(context.now, view, None), context)
    }),
    page!("organisation-owner-off", |pages, context| {
        let silent = (OrganisationPart::Connection, OrganisationOutcome::Silent);
        let view = views::ownership_turned_off(context.now);
        pages.organisation(&views::owned(context.now, view, Some(silent)), context)
    }),
    page!("logout", |pages, context| pages.logout(&views::logout(), context)),
    page!("signed-out", |pages, context| pages.signed_out(context)),
    page!("signed-out-way", |pages, context| {
        pages.signed_out_with_way(("https://app.example/bye", "app.example"), context)
    }),
    page!("signed-out-apps", |pages, context| pages.farewell(&views::farewell(), context)),
    page!("error-expired", |pages, context| {
        pages.error(&views::error("self_service_flow_expired", Some("/")), context)
    }),
    page!("error-redirect", |pages, context| {
        pages.error(&views::error("invalid_redirect_uri", None), context)
    }),
    page!("error-denied", |pages, context| pages.error(&views::error("access_denied", None), context)),
    page!("error-ended", |pages, context| {
        pages.error(&views::error("challenge_of_an_ended_session", None), context)
    }),
    page!("error-unknown", |pages, context| pages.error(&views::error("", None), context)),
    page!("error-busy", |pages, context| {
        pages.error(&views::error("temporarily_unavailable", None), context)
    }),
    page!("error-invitation", |pages, context| {
        pages.error(&views::error("invitation_spent", Some("/")), context)
    }),
    page!("fallback-login", |pages, context| {
        let view = ErrorView { setting: Some("urls.login"), ..views::error("fallback_login", None) };
        pages.error(&view, context)
    }),
    page!("fallback-error", |pages, context| {
        let view = ErrorView { code: Some("login_required"), ..views::error("fallback_error", None) };
        pages.error(&view, context)
    }),
    page!("mailbox", |pages, context| pages.mailbox(&mails::mailbox(pages, context), context)),
    page!("mailbox-empty", |pages, context| pages.mailbox(&MailboxView::default(), context)),
    page!("pages", |pages, context| {
        pages.samples(&format!("{}/ui/dev/pages", context.base_path), context)
    }),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{Branding, Locale};

    #[test]
    fn every_sample_is_a_page_of_its_own_name_in_every_language() {
        let names: BTreeSet<_> = SAMPLES.iter().map(|sample| sample.name).collect();
        assert_eq!(names.len(), SAMPLES.len());
        let pages = Pages::new().unwrap();
        for locale in Locale::ALL {
            let branding = Branding::default();
            let context = shown::context(&branding, locale);
            for sample in SAMPLES {
                let html = sample.page(&pages, &context).unwrap();
                assert!(html.contains(&format!("<html lang=\"{}\">", locale.tag())), "{}", sample.name);
                assert!(html.contains("</h1>") && html.ends_with("</html>"), "{}", sample.name);
                assert_eq!(sample.flow().is_some(), sample.flow.is_some(), "{}", sample.name);
                // A word that has no translation is English; what the API says is English too.
                if locale != Locale::En {
                    for english in ["Please", "Sign in", "Sign up", "Continue<", "security key", "Too many"] {
                        let own = sample.name == "login-denied" && english == "Please";
                        assert!(
                            own || !html.contains(english),
                            "{} {}: {english}",
                            sample.name,
                            locale.tag()
                        );
                    }
                }
            }
        }
    }
}
