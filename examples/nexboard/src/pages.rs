//! The pages: what each shows, and how an error becomes one. askama escapes every value.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use chrono::{DateTime, Utc};

use crate::claim_row::ClaimRow;
use crate::issuer_name::IssuerName;
use crate::sign_in_error::{Refusal, SignInError};

/// The page of a stranger.
#[derive(Debug, Template)]
#[template(path = "landing.html")]
pub(crate) struct Landing {
    pub(crate) issuer: IssuerName,
}

/// The page of somebody who is signed in.
#[derive(Debug, Template)]
#[template(path = "dashboard.html")]
pub(crate) struct Dashboard {
    pub(crate) name: String,
    pub(crate) email: Option<String>,
    /// "Team plan", from the claim `plan`.
    pub(crate) plan: Option<String>,
    /// "12 seats", from the claim `seats`.
    pub(crate) seats: Option<String>,
    pub(crate) issuer: IssuerName,
    pub(crate) claims: Vec<ClaimRow>,
    pub(crate) ends: DateTime<Utc>,
    pub(crate) remaining: String,
    pub(crate) csrf_token: String,
}

/// A page with one thing to say.
#[derive(Debug, Template)]
#[template(path = "message.html")]
pub(crate) struct Message {
    kind: Kind,
    title: &'static str,
    text: String,
    /// The OAuth error code, for whoever is asked for help.
    code: Option<String>,
    /// What the one button says.
    button: &'static str,
    /// Where it leads.
    target: &'static str,
}

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Done,
    Trouble,
}

impl Message {
    pub(crate) fn signed_out(everywhere: bool) -> Self {
        let text = if everywhere {
            "Your session has ended here and at your organisation’s sign-in page."
        } else {
            "There is no session of yours in this browser."
        };
        Self {
            kind: Kind::Done,
            title: "You are signed out",
            text: text.to_owned(),
            code: None,
            button: "Sign in again",
            target: "/login",
        }
    }

    pub(crate) fn not_our_form() -> Self {
        let text = "The form was out of date. Please go back to your dashboard and try again.";
        Self { button: "Back to the dashboard", target: "/", ..Self::trouble("That did not work", text) }
    }

    pub(crate) fn not_found() -> Self {
        let text = "There is no page at this address.";
        Self { button: "Go to Nexboard", target: "/", ..Self::trouble("Page not found", text) }
    }

    /// The end of a session that the provider no longer wants.
    pub(crate) fn session_ended(refusal: &Refusal) -> Self {
        let text = "Your session has ended. Please sign in again.";
        let text = refusal.description.as_deref().unwrap_or(text);
        let page = Self::trouble("You have been signed out", text);
        Self { code: Some(refusal.code.clone()), ..page }.for_another_account()
    }

    fn trouble(title: &'static str, text: &str) -> Self {
        Self {
            kind: Kind::Trouble,
            title,
            text: text.to_owned(),
            code: None,
            button: "Sign in again",
            target: "/login",
        }
    }

    /// The provider still knows who was refused; signing in again would be refused again at once.
    fn for_another_account(self) -> Self {
        Self { button: "Use another account", target: "/another-account", ..self }
    }

    fn is_trouble(&self) -> bool {
        self.kind == Kind::Trouble
    }

    pub(crate) fn respond(&self, status: StatusCode) -> Response {
        respond(self, status)
    }
}

impl IntoResponse for SignInError {
    fn into_response(self) -> Response {
        tracing::info!(error = %self, "a sign-in came to nothing");
        let (status, message) = page_of(&self);
        message.respond(status)
    }
}

fn page_of(error: &SignInError) -> (StatusCode, Message) {
    match error {
        SignInError::UnknownState | SignInError::Incomplete => (
            StatusCode::BAD_REQUEST,
            Message::trouble(
                "This sign-in cannot be finished",
                "It took too long, was finished already, or began in another browser. Nothing is wrong with your account: please sign in again.",
            ),
        ),
        SignInError::Refused(refusal) => refused(refusal),
        SignInError::Upstream(_) => (
            StatusCode::BAD_GATEWAY,
            Message::trouble(
                "Sign-in is not available",
                "Your organisation’s sign-in service did not answer. Please try again in a moment.",
            ),
        ),
        SignInError::OtherIssuer
        | SignInError::NoIdToken
        | SignInError::IdToken(_)
        | SignInError::OtherParty
        | SignInError::AccessTokenHash
        | SignInError::OtherSubject => (
            StatusCode::BAD_GATEWAY,
            Message::trouble(
                "We could not verify this sign-in",
                "The answer of the sign-in service did not pass our checks, so nobody was signed in. Please try again; if it happens again, tell your administrator.",
            ),
        ),
        SignInError::Internal(_) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            Message::trouble("Something went wrong", "Please try again in a moment."),
        ),
    }
}

fn refused(refusal: &Refusal) -> (StatusCode, Message) {
    let (status, title, text) = match refusal.code.as_str() {
        "access_denied" => (StatusCode::FORBIDDEN, "Access denied", "You were not let in to Nexboard."),
        "temporarily_unavailable" | "server_error" => {
            (StatusCode::BAD_GATEWAY, "Sign-in is not available", "Please try again in a moment.")
        }
        _ => (StatusCode::BAD_GATEWAY, "Sign-in failed", "The sign-in service refused the request."),
    };
    let text = refusal.description.as_deref().unwrap_or(text);
    let page = Message { code: Some(refusal.code.clone()), ..Message::trouble(title, text) };
    (status, if status == StatusCode::FORBIDDEN { page.for_another_account() } else { page })
}

/// Renders a page; a template that fails is our own mistake.
pub(crate) fn respond(page: &impl Template, status: StatusCode) -> Response {
    match page.render() {
        Ok(text) => (status, Html(text)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page cannot be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_providers_words_are_escaped() {
        let refusal = Refusal::new("access_denied", Some("<script>alert(1)</script>"));
        let (status, page) = page_of(&SignInError::Refused(refusal));
        let text = page.render().unwrap();
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert!(!text.contains("<script") && text.contains("alert(1)"), "{text}");
    }

    #[test]
    fn what_failed_a_check_is_not_told_to_the_browser() {
        let (_, page) = page_of(&SignInError::OtherIssuer);
        assert!(!page.render().unwrap().contains("issuer"));
    }
}
