//! `GET /`: the dashboard, or the landing page of a stranger; `GET /session` gives the same to programs.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use chrono::TimeDelta;
use serde_json::{Value, json};
use std::sync::Arc;

use crate::app::App;
use crate::claim_row::{ClaimRow, clock_time};
use crate::cookies::Cookie;
use crate::issuer_name::IssuerName;
use crate::pages::{Dashboard, Landing, Message, respond};
use crate::person::Person;

/// Shows who is signed in.
pub(crate) async fn show(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let issuer = IssuerName::of(app.provider.issuer().url());
    let Some((id, session)) = app.find_session(&headers) else {
        return respond(&Landing { issuer }, StatusCode::OK);
    };
    let person = match session.person(&app.provider).await {
        Ok(person) => person,
        Err(refusal) => {
            app.sessions.end(id, app.now());
            let mut response = Message::session_ended(&refusal).respond(StatusCode::FORBIDDEN);
            Cookie::Session.clear(response.headers_mut(), &app.public_url);
            return response;
        }
    };
    let others = person.claims().iter().filter(|(name, _)| !is_product_fact(name));
    let page = Dashboard {
        name: name(&person),
        email: text(&person, "email"),
        plan: text(&person, "plan").map(|plan| format!("{} plan", capitalised(&plan))),
        seats: person.find("seats").and_then(Value::as_u64).map(seats),
        issuer,
        claims: others.map(|(name, value)| ClaimRow::of(name, value)).collect(),
        ends: session.ends,
        remaining: remaining(session.ends - app.now()),
        csrf_token: session.csrf_token.clone(),
    };
    respond(&page, StatusCode::OK)
}

/// Answers with the verified claims, or 401.
pub(crate) async fn session(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let signed_out = || (StatusCode::UNAUTHORIZED, Json(json!({ "error": "signed_out" }))).into_response();
    let Some((_, session)) = app.find_session(&headers) else { return signed_out() };
    let Ok(person) = session.person(&app.provider).await else { return signed_out() };
    let body = json!({
        "subject": person.subject(),
        "claims": person.claims(),
        "userinfo": person.userinfo(),
        "ends": session.ends.to_rfc3339(),
    });
    Json(body).into_response()
}

/// Any other address.
pub(crate) async fn not_found() -> Response {
    Message::not_found().respond(StatusCode::NOT_FOUND)
}

/// What the product shows as its own facts and not in the table.
fn is_product_fact(claim: &str) -> bool {
    matches!(claim, "plan" | "seats")
}

fn text(person: &Person, claim: &str) -> Option<String> {
    person.find(claim).and_then(Value::as_str).filter(|text| !text.trim().is_empty()).map(str::to_owned)
}

/// The best name that the claims have.
fn name(person: &Person) -> String {
    let given = ["name", "given_name", "preferred_username", "email"];
    given.iter().find_map(|claim| text(person, claim)).unwrap_or_else(|| person.subject().to_owned())
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn seats(number: u64) -> String {
    if number == 1 { "1 seat".to_owned() } else { format!("{number} seats") }
}

fn remaining(time: TimeDelta) -> String {
    let minutes = time.num_minutes().max(0);
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

impl Dashboard {
    /// The letters of the round picture beside the name.
    pub(crate) fn initials(&self) -> String {
        let words = self.name.split_whitespace().filter_map(|word| word.chars().next());
        words.take(2).flat_map(char::to_uppercase).collect()
    }

    pub(crate) fn ends_at(&self) -> String {
        clock_time(self.ends)
    }

    pub(crate) fn ends_machine(&self) -> String {
        self.ends.to_rfc3339()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_read_like_a_sentence() {
        assert_eq!(capitalised("team"), "Team");
        assert_eq!(capitalised(""), "");
        assert_eq!(seats(1), "1 seat");
        assert_eq!(seats(12), "12 seats");
    }

    #[test]
    fn what_remains_is_in_hours_and_minutes() {
        assert_eq!(remaining(TimeDelta::minutes(480)), "8 h");
        assert_eq!(remaining(TimeDelta::minutes(479)), "7 h 59 min");
        assert_eq!(remaining(TimeDelta::seconds(59)), "0 min");
        assert_eq!(remaining(TimeDelta::seconds(-5)), "0 min");
    }
}
