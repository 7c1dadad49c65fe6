//! The built-in pages: what self-service flows redirect people to unless the tenant has pages of its own.
//!
//! They are made of the same documents that the API gives to other user interfaces, and work without
//! scripts: every button is a form that posts to the flow's own action. Passkeys alone need one.

mod apps;
pub(crate) mod assets;
pub(crate) mod deletion;
pub(crate) mod dev_mail;
pub(crate) mod dev_pages;
pub(crate) mod error;
pub(crate) mod forms;
pub(crate) mod impersonation;
pub(crate) mod invitation;
pub(crate) mod organisation;
pub(crate) mod sessions;
mod settings_form;
pub(crate) mod welcome;

use http::StatusCode;
use ui::{FlowView, Locale, PageContext, policy_with_sources};

use crate::browser::cookie;
use crate::call::{Call, LOCALE_COOKIE};
use crate::response::{Answer, page, set, set_cookie};

/// Lets the one script run that passkeys need, on a page that has them, and the widget that tells people from scripts, on a
/// page that shows it.
fn with_script(call: &Call, view: &FlowView, mut answer: Answer) -> Answer {
    const POLICY: &str = "content-security-policy";
    let mut sources = Vec::new();
    if view.runs_script() {
        let script = call.tenant.absolute(&format!("/ui/assets/{}", call.node.pages.assets().passkeys()));
        sources.push(("script-src", script));
    }
    if let (true, Some(captcha)) = (view.shows_widget(), &call.tenant.identity.captcha) {
        sources.extend(captcha.page_sources());
        // Services look at where their widget stands, and browsers tell them its origin unless they are told not to.
        set(&mut answer, "referrer-policy", "strict-origin-when-cross-origin");
    }
    let policy = answer.headers().get(POLICY).and_then(|policy| policy.to_str().ok()).map(str::to_owned);
    if let (Some(policy), false) = (policy, sources.is_empty()) {
        set(&mut answer, POLICY, &policy_with_sources(&policy, &sources));
    }
    answer
}

/// In seconds.
const YEAR: u64 = 365 * 24 * 3600;

/// A page of the tenant.
pub(crate) fn show(
    call: &Call,
    status: StatusCode,
    languages: &[String],
    client_name: Option<&str>,
    render: impl FnOnce(&PageContext<'_>) -> String,
) -> Answer {
    let here = call.page_path();
    let locale: Locale = call.locale(languages);
    let mut context = call.page_context(&here, locale);
    context.client_name = client_name;
    let mut answer = page(status, render(&context), &ui::page_headers(&call.tenant.branding, None));
    if call.query_value("ui_locales").is_some() {
        // The next page of the same sign-in speaks the same language.
        set_cookie(&mut answer, &cookie(call, LOCALE_COOKIE, locale.tag(), Some(YEAR)));
    }
    answer
}
