//! The whole endpoint on the model of storage: a file for each of its promises.

mod acr;
mod answered;
mod challenge;
mod consent;
mod external;
mod external_attacks;
mod external_details;
mod external_members;
mod forced;
mod front_channel;
mod pushed;
mod request;
mod request_object;
mod rich;
mod secured;
mod sign_in;

use primitives::{AuthenticatedSubject, RequestId};
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::memory::{CALLBACK, CHALLENGE, World, form, now};
use crate::settings::PkcePolicy;

const COOKIE: &str = "cookie-of-this-browser";
const ALLOW: ConsentVerdict = ConsentVerdict { allow: true, remember: false };
const REMEMBER: ConsentVerdict = ConsentVerdict { allow: true, remember: true };
const DENY: ConsentVerdict = ConsentVerdict { allow: false, remember: true };

fn world() -> World {
    World::of_app(|_| {}, &json!({}))
}

/// A client of our own, for which nobody is asked.
fn first_party() -> World {
    World::of_app(|_| {}, &json!({"skip_consent": true}))
}

fn browser(subject: Option<&AuthenticatedSubject>) -> Browser<'_> {
    Browser { subject, binding: Some(COOKIE), request: RequestId(Uuid::nil()) }
}

/// A good request, with some parameters changed; an empty value leaves one out.
fn query(changes: &[(&str, &str)]) -> String {
    let mut pairs = vec![
        ("response_type", "code"),
        ("client_id", "app"),
        ("redirect_uri", CALLBACK),
        ("scope", "openid read"),
        ("state", "st"),
        ("nonce", "no"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    pairs.retain(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    pairs.extend_from_slice(changes);
    form(&pairs)
}

fn authorize(
    world: &World,
    changes: &[(&str, &str)],
    subject: Option<&AuthenticatedSubject>,
) -> Result<Next, PageError> {
    let encoded = query(changes);
    let parameters = Parameters::parse(encoded.as_bytes());
    world.commit(|| now(world.server.authorize(&parameters, browser(subject))))
}

fn resume(world: &World, challenge: &str, who: Browser<'_>) -> Result<Next, PageError> {
    world.commit(|| now(world.server.resume(challenge, who)))
}

fn decide(
    world: &World,
    challenge: &str,
    verdict: ConsentVerdict,
    who: Browser<'_>,
) -> Result<Next, PageError> {
    world.commit(|| now(world.server.decide_consent(challenge, verdict, who)))
}

/// `login`, `login again`, `consent`, `code`, an error code, or `page: …`.
fn word(next: &Result<Next, PageError>) -> String {
    match next {
        Ok(Next::Login { page: SignInPage::SecondFactor, .. }) => "second factor".to_owned(),
        Ok(Next::Login { page: SignInPage::SecondFactorAgain, .. }) => "second factor again".to_owned(),
        Ok(Next::Login { page: SignInPage::Registration, .. }) => "registration".to_owned(),
        Ok(Next::Login { elsewhere: true, .. }) => "login elsewhere".to_owned(),
        Ok(Next::Login { reauthenticate: false, .. }) => "login".to_owned(),
        Ok(Next::Login { reauthenticate: true, .. }) => "login again".to_owned(),
        Ok(Next::Consent { .. }) => "consent".to_owned(),
        Ok(Next::Page(url)) => format!("app: {}", url.split('?').next().unwrap()),
        Ok(Next::Answer(response)) => {
            assert_eq!(response.find("iss"), Some("https://id.example"), "RFC 9207");
            assert_eq!(response.redirect_uri().split(':').next(), CALLBACK.split(':').next());
            response.find("error").unwrap_or("code").to_owned()
        }
        Err(page) => format!("page: {}", page.id()),
    }
}

fn challenge(next: Result<Next, PageError>) -> String {
    match next.unwrap() {
        Next::Login { challenge, .. } | Next::Consent { challenge } => challenge,
        other => panic!("{other:?}"),
    }
}

fn answer(next: Result<Next, PageError>) -> AuthorizationResponse {
    match next.unwrap() {
        Next::Answer(response) => response,
        other => panic!("{other:?}"),
    }
}
