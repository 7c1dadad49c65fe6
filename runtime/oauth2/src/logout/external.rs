//! An app of the tenant's own asks whether somebody wants to sign out (`urls.logout`), as the Hydra API has it.
//!
//! Attacks: a page somewhere signs people out with a verifier of its own (it is sealed to the session that was asked
//! about, and the browser must have that session); a challenge is used as a verifier, which nobody confirmed (each has a
//! seal of its own); a verifier leads elsewhere (where the browser goes was checked when it came).
//!
//! The first answer is written down, and any other is refused until the challenge expires.

use primitives::seal::SealedKind;
use primitives::{AuthenticatedSubject, ClientId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::form_urlencoded::Serializer;

use super::{KIND, LogoutInteraction, SignedOut};
use crate::access_token::find_client;
use crate::authorization::PageError;
use crate::authorization::answered::{ChallengeId, Verdict};
use crate::authorization::external::{ChallengeError, RedirectTo};
use crate::client::Client;
use crate::decision::Decision;
use crate::parameters::Parameters;
use crate::server::AuthorizationServer;
use crate::write::Write;

const VERIFIER: SealedKind = SealedKind::AppLogoutVerifier;
/// A longer request is not shown to the app.
const MAX_REQUEST_URL: usize = 3_072;

/// What an app is told of a sign-out.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ForApp {
    sub: String,
    client: Option<ClientId>,
    request_url: String,
    requested_at: Timestamp,
}

impl ForApp {
    pub(super) fn new(
        server: &AuthorizationServer,
        subject: &AuthenticatedSubject,
        client: Option<&Client>,
        parameters: &Parameters<'_>,
    ) -> Self {
        let query = Serializer::new(String::new()).extend_pairs(parameters.pairs()).finish();
        let endpoint = &server.endpoints.end_session;
        let is_shown = !query.is_empty() && query.len() <= MAX_REQUEST_URL;
        Self {
            sub: subject.sub(),
            client: client.map(|client| client.id.clone()),
            request_url: if is_shown { format!("{endpoint}?{query}") } else { endpoint.clone() },
            requested_at: server.now(),
        }
    }
}

impl AuthorizationServer {
    /// What a logout app is asked: `oAuth2LogoutRequest`.
    pub async fn show_logout_challenge(&self, challenge: &str) -> Result<Value, ChallengeError> {
        let (interaction, asked) = self.open_for_app(challenge)?;
        if self.is_refused(&ChallengeId::logout(challenge)).await? {
            return Err(ChallengeError::Gone { redirect_to: asked.request_url });
        }
        let client = match &asked.client {
            Some(id) => find_client(self, id).await?.map(|client| client.record.document.clone()),
            None => None,
        };
        Ok(json!({
            "challenge": challenge,
            "subject": asked.sub,
            "sid": interaction.session.to_string(),
            "request_url": asked.request_url,
            "rp_initiated": asked.client.is_some(),
            "client": client,
            "requested_at": asked.requested_at,
            "expires_at": interaction.expires_at,
        }))
    }

    /// Takes it that somebody wants to sign out.
    pub async fn accept_logout_challenge(&self, challenge: &str) -> Decision<RedirectTo, ChallengeError> {
        let answered = self.answer_logout(challenge, Verdict::Accepted).await;
        self.answered(answered.map(|(write, interaction)| {
            let sealed = self.seal(VERIFIER, &interaction);
            (write, RedirectTo::own(&self.endpoints.end_session, "logout_verifier", &sealed))
        }))
    }

    /// Takes it that somebody stays.
    pub async fn reject_logout_challenge(&self, challenge: &str) -> Decision<(), ChallengeError> {
        let answered = self.answer_logout(challenge, Verdict::Refused).await;
        self.answered(answered.map(|(write, _)| (write, ())))
    }

    async fn answer_logout(
        &self,
        challenge: &str,
        verdict: Verdict,
    ) -> Result<(Option<Write>, LogoutInteraction), ChallengeError> {
        let (interaction, _) = self.open_for_app(challenge)?;
        let until = (ChallengeId::logout(challenge), interaction.expires_at);
        Ok((self.answer_once(until, verdict, &()).await?, interaction))
    }

    /// Goes on when the browser comes back from the logout app.
    pub fn continue_logout(
        &self,
        verifier: &str,
        subject: Option<&AuthenticatedSubject>,
    ) -> Result<SignedOut, PageError> {
        self.finish_sealed(VERIFIER, verifier, subject)
    }

    /// The interaction, without what only the app reads.
    fn open_for_app(&self, challenge: &str) -> Result<(LogoutInteraction, ForApp), ChallengeError> {
        let opened = self.open_logout(KIND, challenge).map_err(|_| ChallengeError::Unknown)?;
        let asked = opened.for_app.ok_or(ChallengeError::Unknown)?;
        if self.now() >= opened.expires_at {
            return Err(ChallengeError::Gone { redirect_to: asked.request_url });
        }
        Ok((LogoutInteraction { for_app: None, ..opened }, asked))
    }
}

#[cfg(test)]
mod tests {
    use primitives::SessionId;
    use uuid::Uuid;

    use super::super::EndSession;
    use super::*;
    use crate::memory::{World, form, now};

    const APP: &str = "https://login.example/logout";

    fn world() -> World {
        World::of_app(|settings| settings.urls.logout = Some(APP.to_owned()), &json!({}))
    }

    fn challenge(world: &World, subject: &AuthenticatedSubject) -> String {
        let encoded = form(&[("client_id", "app"), ("post_logout_redirect_uri", "https://app.example/bye")]);
        let parameters = Parameters::parse(encoded.as_bytes());
        let asked = now(world.server.end_session(&parameters, Some(subject))).unwrap();
        let EndSession::App(url) = asked else { panic!("{asked:?}") };
        let challenge = url.strip_prefix(&format!("{APP}?logout_challenge=")).unwrap();
        percent_decoded(challenge)
    }

    fn percent_decoded(text: &str) -> String {
        url::form_urlencoded::parse(format!("x={text}").as_bytes()).next().unwrap().1.into_owned()
    }

    fn verifier(accepted: &RedirectTo) -> String {
        let prefix = "https://id.example/oauth2/sessions/logout?logout_verifier=";
        percent_decoded(accepted.redirect_to.strip_prefix(prefix).unwrap())
    }

    fn accept(world: &World, challenge: &str) -> Result<RedirectTo, ChallengeError> {
        world.commit(|| now(world.server.accept_logout_challenge(challenge)))
    }

    fn reject(world: &World, challenge: &str) -> Result<(), ChallengeError> {
        world.commit(|| now(world.server.reject_logout_challenge(challenge)))
    }

    #[test]
    fn sign_out_is_confirmed_or_refused_and_not_both() {
        let world = world();
        let ada = world.subject(1);
        let (refused, confirmed) = (challenge(&world, &ada), challenge(&world, &ada));
        for _ in 0..2 {
            assert_eq!(reject(&world, &refused), Ok(()), "a repetition is the same answer");
            assert!(accept(&world, &confirmed).is_ok());
        }
        assert_eq!(accept(&world, &refused), Err(ChallengeError::Answered));
        assert_eq!(reject(&world, &confirmed), Err(ChallengeError::Answered));
        let shown = now(world.server.show_logout_challenge(&refused));
        assert!(matches!(shown, Err(ChallengeError::Gone { .. })), "{shown:?}");
        assert!(now(world.server.show_logout_challenge(&confirmed)).is_ok());
    }

    #[test]
    fn app_is_told_who_wants_to_sign_out_and_ends_that_session() {
        let world = world();
        let ada = world.subject(1);
        let asked = challenge(&world, &ada);
        let shown = now(world.server.show_logout_challenge(&asked)).unwrap();
        assert_eq!((&shown["subject"], &shown["sid"]), (&json!(ada.sub()), &json!(ada.session.to_string())));
        assert_eq!((&shown["client"]["client_id"], &shown["rp_initiated"]), (&json!("app"), &json!(true)));
        let accepted = verifier(&accept(&world, &asked).unwrap());
        let done = world.server.continue_logout(&accepted, Some(&ada)).unwrap();
        assert_eq!(done.session, Some((ada.session, ada.subject)));
        assert_eq!(done.redirect.as_deref(), Some("https://app.example/bye"));
    }

    #[test]
    fn verifier_is_for_the_session_that_was_asked_about_and_for_a_while() {
        let world = world();
        let ada = world.subject(1);
        let asked = challenge(&world, &ada);
        let accepted = verifier(&accept(&world, &asked).unwrap());
        let finish = |text: &str, who: &AuthenticatedSubject| {
            world.server.continue_logout(text, Some(who)).map(|_| ())
        };
        let elsewhere = AuthenticatedSubject { session: SessionId(Uuid::from_u128(9)), ..ada.clone() };
        assert_eq!(finish(&accepted, &elsewhere), Err(PageError::OtherSubject));
        assert_eq!(finish(&asked, &ada), Err(PageError::UnknownChallenge), "nobody has confirmed");
        let other = world.other_tenant();
        let there = now(other.accept_logout_challenge(&asked)).result;
        assert_eq!(there, Err(ChallengeError::Unknown));
        assert_eq!(other.continue_logout(&accepted, Some(&ada)).unwrap_err(), PageError::UnknownChallenge);
        assert_eq!(finish(&accepted, &ada), Ok(()));
        world.wait(1_800);
        assert_eq!(finish(&accepted, &ada), Err(PageError::Expired));
        let gone = accept(&world, &asked).unwrap_err();
        let ChallengeError::Gone { redirect_to } = gone else { panic!("{gone:?}") };
        assert!(
            redirect_to.starts_with("https://id.example/oauth2/sessions/logout?client_id=app"),
            "{redirect_to}"
        );
    }
}
