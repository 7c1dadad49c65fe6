//! Signing out at the request of a client (OpenID Connect RP-Initiated Logout 1.0).
//!
//! Attacks: a page somewhere signs people out by sending them here (unless a fitting ID token proves
//! that the client of this very session asks, the person is asked, and the answer is bound to their
//! session); a sign-out link becomes an open redirector (the address must be registered for the client
//! that the hint or `client_id` names, character by character; and where nobody is signed in, who would be asked, the way to one of
//! a client at which nobody here has looked is shown on a page of ours, RFC 9700 section 4.11.2).

mod external;

use std::sync::Arc;

use primitives::seal::SealedKind;
use primitives::{
    Actor, AuditEvent, AuthenticatedSubject, Change, ClientId, IdentityId, SessionId, Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::authorization::external::with_query;
use crate::authorization::{PageError, ResponseMode, location};
use crate::client::Client;
use crate::id_token_hint::{Hint, verify_hint};
use crate::metadata_document::find_client;
use crate::parameters::Parameters;
use crate::server::AuthorizationServer;
use crate::write::Write;

const KIND: SealedKind = SealedKind::LogoutChallenge;
const MAX_STATE: usize = 2_048;
const MAX_CHALLENGE: usize = 16 * 1_024;

/// What happens next.
#[derive(Debug)]
pub enum EndSession {
    /// The person is asked; then [`AuthorizationServer::finish_logout`] goes on.
    Ask {
        /// The request in progress, sealed to the person's session. [`AuthorizationServer::logout_request`] reads it.
        challenge: String,
    },
    /// An app of the tenant's own asks them, at this address (`urls.logout`).
    App(String),
    /// Nobody needs to be asked.
    Done(SignedOut),
}

/// What the page shows on which a person is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogoutRequest {
    /// The client that asks, if it said who it is.
    pub client_name: Option<String>,
}

/// Which session ends, and where the browser goes then.
#[derive(Debug)]
pub struct SignedOut {
    /// The session to end, and whose it is; none if nobody was signed in.
    pub session: Option<(SessionId, IdentityId)>,
    /// Where the browser goes; our own page if absent.
    pub redirect: Option<String>,
    /// Whether it goes there by the person's own hand alone: nobody was signed in, and nobody here has looked at the client.
    pub is_offered: bool,
}

impl SignedOut {
    fn of(subject: &AuthenticatedSubject, redirect: Option<String>) -> Self {
        Self { session: Some((subject.session, subject.subject)), redirect, is_offered: false }
    }

    const fn of_nobody(redirect: Option<String>, is_offered: bool) -> Self {
        Self { session: None, redirect, is_offered }
    }
}

/// A sign-out about which the person is being asked.
#[derive(Debug, Serialize, Deserialize)]
struct LogoutInteraction {
    session: SessionId,
    redirect: Option<String>,
    /// Whether that is an address of a client at which nobody here has looked.
    #[serde(default)]
    is_unvetted: bool,
    expires_at: Timestamp,
    /// Who asks, if it said who it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client: Option<ClientId>,
    /// For an app that asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    for_app: Option<external::ForApp>,
}

impl AuthorizationServer {
    /// Decides a logout request.
    pub async fn end_session(
        &self,
        parameters: &Parameters<'_>,
        subject: Option<&AuthenticatedSubject>,
    ) -> Result<EndSession, PageError> {
        if parameters.too_many() || parameters.repeated().is_some() {
            return Err(PageError::Malformed("The request has too many parameters, or one of them twice."));
        }
        let hint = match parameters.find("id_token_hint") {
            None => None,
            Some(text) => Some(verify_hint(self, text).await?.ok_or(PageError::LogoutHint)?),
        };
        let client = self.asking_client(parameters, hint.as_ref()).await?;
        let redirect = self.check_redirect(parameters, client.as_deref())?;
        let is_unvetted = parameters.find("post_logout_redirect_uri").is_some()
            && client.as_deref().is_some_and(Client::is_self_made);
        let subject = subject.filter(|subject| subject.tenant == self.tenant);
        let Some(subject) = subject else {
            return Ok(EndSession::Done(SignedOut::of_nobody(redirect, is_unvetted)));
        };
        // A hint of another session, e.g. of another device, is no word of this one.
        let fits = match (hint, &client) {
            (Some(hint), Some(client)) => {
                let hint = Hint { subject: self.own_name(client, hint.subject).await?, ..hint };
                self.is_of_session(client, &hint, subject)
            }
            _ => false,
        };
        let is_first_party =
            client.as_ref().is_some_and(|client| client.record.document.skip_logout_consent == Some(true));
        if fits && is_first_party {
            return Ok(EndSession::Done(SignedOut::of(subject, redirect)));
        }
        let expires_at = self.now().after(self.settings.interaction_lifespan.0);
        let app = self.settings.urls.logout.as_deref();
        let for_app = app.map(|_| external::ForApp::new(self, subject, client.as_deref(), parameters));
        let client = client.map(|client| client.id.clone());
        let interaction = LogoutInteraction {
            session: subject.session,
            redirect,
            is_unvetted,
            expires_at,
            client,
            for_app,
        };
        if let Some(app) = app {
            return Ok(EndSession::App(with_query(app, "logout_challenge", &self.seal(KIND, &interaction))));
        }
        Ok(EndSession::Ask { challenge: self.seal(KIND, &interaction) })
    }

    /// What the page shows, to the person who is asked; `None` where nobody is signed in any more.
    ///
    /// Attack: a link shows somebody that an app of a stranger's choice asks them to sign out, or shows them what another
    /// session was asked. Whatever is shown is sealed, to the session that was asked about.
    pub async fn logout_request(
        &self,
        challenge: &str,
        subject: Option<&AuthenticatedSubject>,
    ) -> Result<Option<LogoutRequest>, PageError> {
        let interaction = self.open_in_time(KIND, challenge)?;
        match subject.filter(|subject| subject.tenant == self.tenant) {
            None => return Ok(None),
            Some(subject) if subject.session == interaction.session => {}
            Some(_) => return Err(PageError::OtherSubject),
        }
        let client = match &interaction.client {
            Some(id) => find_client(self, id).await?,
            None => None,
        };
        Ok(Some(LogoutRequest { client_name: client.map(|client| client.display_name().to_owned()) }))
    }

    /// Goes on after the person has agreed. The challenge is of no use to another session.
    pub fn finish_logout(
        &self,
        challenge: &str,
        subject: Option<&AuthenticatedSubject>,
    ) -> Result<SignedOut, PageError> {
        self.finish_sealed(KIND, challenge, subject)
    }

    fn finish_sealed(
        &self,
        kind: SealedKind,
        sealed: &str,
        subject: Option<&AuthenticatedSubject>,
    ) -> Result<SignedOut, PageError> {
        let interaction = self.open_in_time(kind, sealed)?;
        match subject.filter(|subject| subject.tenant == self.tenant) {
            None => Ok(SignedOut::of_nobody(interaction.redirect, interaction.is_unvetted)),
            Some(subject) if subject.session == interaction.session => {
                Ok(SignedOut::of(subject, interaction.redirect))
            }
            Some(_) => Err(PageError::OtherSubject),
        }
    }

    fn open_in_time(&self, kind: SealedKind, sealed: &str) -> Result<LogoutInteraction, PageError> {
        let interaction = self.open_logout(kind, sealed)?;
        if self.now() < interaction.expires_at { Ok(interaction) } else { Err(PageError::Expired) }
    }

    fn open_logout(&self, kind: SealedKind, sealed: &str) -> Result<LogoutInteraction, PageError> {
        let short = Some(sealed).filter(|text| text.len() <= MAX_CHALLENGE);
        short.and_then(|text| self.open(kind, text)).ok_or(PageError::UnknownChallenge)
    }

    /// What ends here with a session, however it is ended, and that its clients are told.
    pub fn end_grants_of_session(&self, session: SessionId, actor: Actor) -> Change<Write> {
        let at = self.now();
        Change::new(self.tenant.clone())
            .write(Write::TellClientsOfSession { session, at })
            .write(Write::RevokeGrantsOfSession { session, at })
            .audit(AuditEvent::new("session.grants_revoked", actor, "session", &session))
    }

    /// The client that the hint names, or the request; both must name the same.
    async fn asking_client(
        &self,
        parameters: &Parameters<'_>,
        hint: Option<&Hint>,
    ) -> Result<Option<Arc<Client>>, PageError> {
        let named: Option<ClientId> =
            parameters.find("client_id").map(str::parse).transpose().map_err(|_| PageError::UnknownClient)?;
        let id = match (named, hint) {
            (Some(named), Some(hint)) if named != hint.client => return Err(PageError::LogoutHint),
            (Some(named), _) => named,
            (None, Some(hint)) => hint.client.clone(),
            (None, None) => return Ok(None),
        };
        let client = find_client(self, &id).await?.ok_or(PageError::UnknownClient)?;
        Ok(Some(client))
    }

    fn check_redirect(
        &self,
        parameters: &Parameters<'_>,
        client: Option<&Client>,
    ) -> Result<Option<String>, PageError> {
        let Some(requested) = parameters.find("post_logout_redirect_uri") else {
            return Ok(self.settings.post_logout_redirect_uri.clone());
        };
        let registered =
            client.and_then(|client| client.record.document.post_logout_redirect_uris.as_deref());
        if !registered.unwrap_or(&[]).iter().any(|uri| uri == requested) {
            return Err(PageError::PostLogoutRedirectUri);
        }
        let redirect_uri = requested.to_owned();
        match parameters.find("state") {
            None => Ok(Some(redirect_uri)),
            Some(state) if state.len() > MAX_STATE => {
                Err(PageError::Malformed("The request has a state that is too long."))
            }
            Some(state) => {
                let parameters = [("state", state.to_owned())];
                Ok(location(&redirect_uri, ResponseMode::Query, &parameters))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::memory::{World, form, now};

    const BYE: &str = "https://app.example/bye";

    fn world(skip: bool) -> (World, String) {
        let world = World::new();
        world.add_client(&json!({"token_endpoint_auth_method": "client_secret_post",
            "skip_logout_consent": skip}));
        let hint = world.redeem(&world.code("openid")).unwrap().id_token.unwrap();
        (world, hint)
    }

    fn ask(
        world: &World,
        pairs: &[(&str, &str)],
        subject: Option<&AuthenticatedSubject>,
    ) -> Result<EndSession, PageError> {
        let encoded = form(pairs);
        let parameters = Parameters::parse(encoded.as_bytes());
        now(world.server.end_session(&parameters, subject))
    }

    /// `ask`, `done <redirect>`, `nobody <redirect>`, or the id of the page.
    fn word(answer: &Result<EndSession, PageError>) -> String {
        match answer {
            Ok(EndSession::Ask { .. }) => "ask".to_owned(),
            Ok(EndSession::App(url)) => format!("app {}", url.split('?').next().unwrap()),
            Ok(EndSession::Done(SignedOut { session, redirect, is_offered })) => {
                let who = match session {
                    Some(_) => "done",
                    None if *is_offered => "offer",
                    None => "nobody",
                };
                format!("{who} {}", redirect.as_deref().unwrap_or("-"))
            }
            Err(page) => page.id().to_owned(),
        }
    }

    #[test]
    fn only_the_client_of_this_very_session_goes_without_asking() {
        for (skip, expect) in [(true, "done -"), (false, "ask")] {
            let (world, hint) = world(skip);
            let ada = world.subject(1);
            assert_eq!(word(&ask(&world, &[("id_token_hint", &hint)], Some(&ada))), expect);
            // A hint is good for its session after it has expired, and never for another session.
            world.wait(86_400);
            assert_eq!(word(&ask(&world, &[("id_token_hint", &hint)], Some(&ada))), expect);
            let other = AuthenticatedSubject { session: SessionId(Uuid::from_u128(9)), ..ada.clone() };
            assert_eq!(word(&ask(&world, &[("id_token_hint", &hint)], Some(&other))), "ask");
            assert_eq!(word(&ask(&world, &[("client_id", "app")], Some(&ada))), "ask");
            assert_eq!(word(&ask(&world, &[], Some(&ada))), "ask");
            let elsewhere = AuthenticatedSubject { tenant: "other".parse().unwrap(), ..ada };
            assert_eq!(word(&ask(&world, &[("id_token_hint", &hint)], Some(&elsewhere))), "nobody -");
        }
    }

    #[test]
    fn browser_goes_only_where_the_client_is_registered() {
        let (world, hint) = world(true);
        let check = |pairs: &[(&str, &str)], expect: &str| {
            let ada = world.subject(1);
            assert_eq!(word(&ask(&world, pairs, Some(&ada))), expect, "{pairs:?}");
        };
        let hint = ("id_token_hint", &*hint);
        check(&[hint, ("post_logout_redirect_uri", BYE)], &format!("done {BYE}"));
        check(
            &[hint, ("post_logout_redirect_uri", BYE), ("state", "a&b")],
            &format!("done {BYE}?state=a%26b"),
        );
        for uri in [
            "https://evil.example/",
            "https://app.example/bye/",
            "https://app.example/bye?x=1",
            "javascript:x",
        ] {
            check(&[hint, ("post_logout_redirect_uri", uri)], "invalid_post_logout_redirect_uri");
        }
        check(&[("post_logout_redirect_uri", BYE)], "invalid_post_logout_redirect_uri");
        check(&[("post_logout_redirect_uri", BYE), ("client_id", "app")], "ask");
        check(&[("client_id", "nobody")], "invalid_client");
        check(&[hint, ("client_id", "other")], "invalid_id_token_hint");
        check(&[("id_token_hint", "x.y.z")], "invalid_id_token_hint");
        check(&[hint, hint], "invalid_request");
        check(&[hint, ("post_logout_redirect_uri", BYE), ("state", &"s".repeat(2_049))], "invalid_request");
    }

    #[test]
    fn signed_out_already_is_no_error() {
        let (world, hint) = world(true);
        let pairs = [("id_token_hint", &*hint), ("post_logout_redirect_uri", BYE)];
        assert_eq!(word(&ask(&world, &pairs, None)), format!("nobody {BYE}"));
    }

    /// Attack (RFC 9700 section 4.11.2): somebody registers an app, and has a link to our sign-out lead to a page of theirs that looks
    /// like ours.
    #[test]
    fn nobody_is_sent_to_a_client_at_which_nobody_looked_without_a_page_of_ours() {
        let mark = |world: &World| {
            let registered = crate::registration::SelfRegistered { unused_until: None };
            world.rows(|rows| {
                rows.clients.values_mut().for_each(|client| client.registration = Some(registered));
            });
        };
        let bye = ("post_logout_redirect_uri", BYE);
        for name in ["client_id", "id_token_hint"] {
            let (world, hint) = world(false);
            let named = (name, if name == "client_id" { "app" } else { &*hint });
            let nobody = word(&ask(&world, &[named, bye], None));
            assert_eq!(nobody, format!("nobody {BYE}"), "an operator made it: {name}");
            mark(&world);
            assert_eq!(word(&ask(&world, &[named, bye], None)), format!("offer {BYE}"), "{name}");
            assert_eq!(word(&ask(&world, &[named], None)), "nobody -");
            let ada = world.subject(1);
            let asked = ask(&world, &[named, bye], Some(&ada));
            let Ok(EndSession::Ask { challenge }) = asked else { panic!("{asked:?}") };
            let finish = |who| word(&world.server.finish_logout(&challenge, who).map(EndSession::Done));
            assert_eq!(finish(Some(&ada)), format!("done {BYE}"), "who has agreed goes there");
            assert_eq!(finish(None), format!("offer {BYE}"), "another's challenge is no way around it");
        }
        // Where the tenant has people go is the tenant's.
        let world =
            World::of_app(|settings| settings.post_logout_redirect_uri = Some(BYE.to_owned()), &json!({}));
        mark(&world);
        assert_eq!(word(&ask(&world, &[("client_id", "app")], None)), format!("nobody {BYE}"));
    }

    #[test]
    fn tenant_says_where_to_go_when_the_client_does_not() {
        let world = World::set(|settings| settings.post_logout_redirect_uri = Some(BYE.to_owned()));
        assert_eq!(word(&ask(&world, &[], None)), format!("nobody {BYE}"));
    }

    #[test]
    fn answer_is_bound_to_the_session_that_was_asked() {
        let (world, _) = world(false);
        let ada = world.subject(1);
        let asked = ask(&world, &[("client_id", "app"), ("post_logout_redirect_uri", BYE)], Some(&ada));
        let Ok(EndSession::Ask { challenge }) = asked else { panic!("{asked:?}") };
        let other = AuthenticatedSubject { session: SessionId(Uuid::from_u128(9)), ..ada.clone() };
        let shown = |challenge: &str, who| now(world.server.logout_request(challenge, who));
        let named = LogoutRequest { client_name: Some("App".to_owned()) };
        assert_eq!(shown(&challenge, Some(&ada)), Ok(Some(named)), "as it was sealed");
        assert_eq!(shown(&challenge, Some(&other)), Err(PageError::OtherSubject));
        assert_eq!(shown("x", Some(&ada)), Err(PageError::UnknownChallenge));
        assert_eq!(shown(&challenge, None), Ok(None));
        let finish = |challenge: &str, who| world.server.finish_logout(challenge, who);
        assert_eq!(finish(&challenge, Some(&other)).unwrap_err(), PageError::OtherSubject);
        assert_eq!(finish("x", Some(&ada)).unwrap_err(), PageError::UnknownChallenge);
        let there = world.other_tenant().finish_logout(&challenge, Some(&ada));
        assert_eq!(there.unwrap_err(), PageError::UnknownChallenge);
        let done = finish(&challenge, Some(&ada)).unwrap();
        assert_eq!((done.session, done.redirect.as_deref()), (Some((ada.session, ada.subject)), Some(BYE)));
        assert_eq!(finish(&challenge, None).unwrap().session, None);
        world.wait(1_800);
        assert_eq!(finish(&challenge, Some(&ada)).unwrap_err(), PageError::Expired);
        assert_eq!(shown(&challenge, Some(&ada)), Err(PageError::Expired));
    }

    #[test]
    fn grants_of_the_session_die_and_those_with_a_refresh_token_outlive_it() {
        let (world, _) = world(true);
        let here = world.redeem(&world.code("openid")).unwrap();
        let lasting = world.redeem(&world.code("openid offline_access")).unwrap();
        let ended = world.server.end_grants_of_session(world.subject(1).session, Actor::System);
        world.memory.apply(ended).unwrap();
        world.rows(|rows| rows.sessions.clear());
        let is_active = |token: &str| {
            let answer = now(world.server.introspect(token, None, crate::memory::REQUEST)).unwrap();
            answer != crate::introspection::Introspection::Inactive
        };
        assert!(!is_active(&here.access_token));
        assert!(is_active(&lasting.access_token));
        assert!(world.refresh(&lasting.refresh_token.unwrap()).is_ok());
    }
}
