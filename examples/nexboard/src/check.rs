//! Drives one sign-in as a person with a browser would, without scripts, and tells what the app then knows.
//!
//! It opens Nexboard, signs in on the provider's pages, reads the verified claims, signs out, and sees that the
//! session is over at both. What it expects of a provider is only that its forms are ordinary: `identifier` and
//! `password` with hidden inputs, then perhaps a consent form.

use http::StatusCode;
use serde_json::Value;
use url::Url;

use crate::browser::{Browser, BrowserError, Page};
use crate::html_form::{Button, HtmlForm, text_of};
use crate::http_client::HttpClient;

/// A sign-in has fewer pages than this: password, a second one, consent.
const MOST_PAGES: usize = 6;

/// Buttons that refuse what the page asks.
const REFUSING: [&str; 6] = ["deny", "reject", "cancel", "abort", "no", "false"];

/// Who signs in.
#[derive(Debug)]
pub struct Account {
    /// What the identifier field gets.
    pub email: String,
    /// What the password field gets.
    pub password: String,
}

/// What failed.
#[derive(Debug, thiserror::Error)]
#[error("{step}: {cause}")]
pub struct CheckFailed {
    step: &'static str,
    cause: String,
}

/// Signs in at the Nexboard at `app` and out again; returns the claims that it verified.
pub async fn check(app: &Url, http: HttpClient, account: &Account) -> Result<Value, CheckFailed> {
    let mut visit = Visit { app: app.clone(), browser: Browser::new(http), account };
    visit.sign_in().await?;
    let claims = visit.claims().await?;
    visit.sign_out().await?;
    visit.expect_signed_out().await?;
    Ok(claims)
}

struct Visit<'a> {
    app: Url,
    browser: Browser,
    account: &'a Account,
}

impl Visit<'_> {
    async fn sign_in(&mut self) -> Result<(), CheckFailed> {
        let step = "sign in";
        let landing = self.open(step, "/").await?;
        if !landing.text.contains("href=\"/login\"") {
            return Err(failed(step, format!("{} offers no sign-in{}", landing.url, said(&landing))));
        }
        let mut page = self.open(step, "/login").await?;
        let mut asked = false;
        for _ in 0..MOST_PAGES {
            if self.is_ours(&page) {
                let arrived = page.status == StatusCode::OK && page.url.path() == "/";
                return if arrived { Ok(()) } else { Err(failed(step, format!("Nexboard{}", said(&page)))) };
            }
            let Some((form, button)) = find_form(&page) else {
                return Err(failed(step, format!("{} has no form to fill in{}", page.url, said(&page))));
            };
            if form.has("password") && std::mem::replace(&mut asked, true) {
                return Err(failed(step, format!("the provider asks for the password again{}", said(&page))));
            }
            page = self.submit(step, &page, &form, button.as_ref()).await?;
        }
        Err(failed(step, format!("after {MOST_PAGES} pages still at {}", page.url)))
    }

    async fn claims(&mut self) -> Result<Value, CheckFailed> {
        let step = "read the claims";
        let page = self.open(step, "/session").await?;
        let session: Value =
            serde_json::from_str(&page.text).map_err(|error| failed(step, format!("/session: {error}")))?;
        let claims = session.get("claims").filter(|claims| claims.is_object());
        let claims = claims.ok_or_else(|| failed(step, format!("/session answered {}", page.status)))?;
        let email =
            claims.get("email").or_else(|| session.pointer("/userinfo/email")).and_then(Value::as_str);
        if !email.is_some_and(|email| email.eq_ignore_ascii_case(&self.account.email)) {
            return Err(failed(step, format!("signed in as {email:?}")));
        }
        Ok(claims.clone())
    }

    async fn sign_out(&mut self) -> Result<(), CheckFailed> {
        let step = "sign out";
        let mut page = self.open(step, "/").await?;
        for _ in 0..MOST_PAGES {
            if self.is_ours(&page) && page.url.path() == "/signed-out" {
                return Ok(());
            }
            let Some((form, button)) = find_form(&page) else {
                return Err(failed(step, format!("{} has no form{}", page.url, said(&page))));
            };
            page = self.submit(step, &page, &form, button.as_ref()).await?;
        }
        Err(failed(step, format!("after {MOST_PAGES} pages still at {}", page.url)))
    }

    /// The session is over here, and the provider asks for the password again.
    async fn expect_signed_out(&mut self) -> Result<(), CheckFailed> {
        let step = "after signing out";
        let session = self.open(step, "/session").await?;
        if session.status != StatusCode::UNAUTHORIZED {
            return Err(failed(step, format!("Nexboard still has a session ({})", session.status)));
        }
        let page = self.open(step, "/login").await?;
        match find_form(&page) {
            Some((form, _)) if form.has("password") && !self.is_ours(&page) => Ok(()),
            _ => Err(failed(step, format!("the provider let the browser in to {}", page.url))),
        }
    }

    async fn open(&mut self, step: &'static str, path: &str) -> Result<Page, CheckFailed> {
        let url = self.app.join(path).map_err(|error| failed(step, error.to_string()))?;
        self.browser.open(url).await.map_err(|error| unreached(step, &error))
    }

    async fn submit(
        &mut self,
        step: &'static str,
        page: &Page,
        form: &HtmlForm,
        button: Option<&Button>,
    ) -> Result<Page, CheckFailed> {
        let account = self.account;
        let fill = |field: &crate::html_form::Field| match (field.name.as_str(), field.kind.as_str()) {
            (_, "hidden") => None,
            ("identifier", _) => Some(account.email.as_str()),
            ("password", _) => Some(account.password.as_str()),
            _ => None,
        };
        self.browser.submit(page, form, button, fill).await.map_err(|error| unreached(step, &error))
    }

    fn is_ours(&self, page: &Page) -> bool {
        page.url.origin() == self.app.origin()
    }
}

/// Finds the form that leads on: one that asks for a password, else the first with a button that agrees.
fn find_form(page: &Page) -> Option<(HtmlForm, Option<Button>)> {
    let mut forms = HtmlForm::all(&page.text);
    let chosen = forms.iter().position(|form| form.has("password"));
    let chosen = chosen.or_else(|| forms.iter().position(|form| form.is_post && agreeing(form).is_some()));
    let form = forms.swap_remove(chosen?);
    let button = agreeing(&form);
    Some((form, button))
}

fn agreeing(form: &HtmlForm) -> Option<Button> {
    form.buttons.iter().find(|button| !REFUSING.contains(&button.value.as_str())).cloned()
}

/// What a page says, for whoever reads why the check failed.
fn said(page: &Page) -> String {
    let words: Vec<String> = ["h1", "p"].iter().filter_map(|element| text_of(&page.text, element)).collect();
    format!(" ({}): {}", page.status, words.join(" — "))
}

fn unreached(step: &'static str, error: &BrowserError) -> CheckFailed {
    failed(step, error.to_string())
}

fn failed(step: &'static str, cause: impl Into<String>) -> CheckFailed {
    CheckFailed { step, cause: cause.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<(&str, Option<&str>)>) {
        let url = "http://127.0.0.1/".parse().unwrap();
        let page = Page { url, status: StatusCode::OK, text: text.to_owned() };
        let found = find_form(&page);
        let found = found.as_ref().map(|(form, button)| {
            (form.action.as_str(), button.as_ref().map(|button| button.value.as_str()))
        });
        assert_eq!(found, expected);
    }

    #[test]
    fn the_form_with_the_password_goes_first() {
        check(
            "<form method=post action=/google><button value=google></form>\
             <form method=post action=/in><input name=password type=password><button value=password></form>",
            Some(("/in", Some("password"))),
        );
    }

    #[test]
    fn consent_is_given_by_the_button_that_agrees() {
        check(
            "<form method=post action=/c><button value=deny><button value=allow></form>",
            Some(("/c", Some("allow"))),
        );
        check("<form method=post action=/c><button value=deny></form>", None);
        check("<p>nothing</p>", None);
    }
}
