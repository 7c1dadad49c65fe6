//! A page of the tenant's own takes the code that a device shows (`urls.device.verification`), as the Hydra API has it.
//!
//! What follows is the path of every other device: the person signs in and is asked.
//!
//! Attacks: an app's page is shown to somebody with another browser's challenge (the verifier is bound to the cookie of
//! the browser that began); codes are guessed through the app (whoever calls this counts, as for our own page).

use primitives::seal::SealedKind;
use primitives::{GrantId, Timestamp};
use serde::{Deserialize, Serialize};

use super::entered::{Entered, Kind};
use super::user_code::UserCode;
use crate::authorization::answered::{ChallengeId, Verdict};
use crate::authorization::external::{ChallengeError, RedirectTo, with_query};
use crate::authorization::{Browser, PageError, hash_binding};
use crate::decision::Decision;
use crate::server::AuthorizationServer;
use crate::write::Write;

const KIND: SealedKind = SealedKind::AppDeviceChallenge;

/// A browser that is asked for a code.
#[derive(Debug, Serialize, Deserialize)]
struct DeviceChallenge {
    /// Hash of its cookie.
    browser: String,
    expires_at: Timestamp,
}

impl AuthorizationServer {
    /// Where an app asks for the code; `None` where a page of ours does.
    pub fn device_app(&self, user_code: &str, browser: Browser<'_>) -> Option<Result<String, PageError>> {
        let app = self.settings.urls.device.verification.as_deref()?;
        let Some(binding) = browser.binding else { return Some(Err(PageError::OtherBrowser)) };
        let expires_at = self.now().after(self.settings.interaction_lifespan.0);
        let challenge = DeviceChallenge { browser: hash_binding(binding), expires_at };
        let url = with_query(app, "device_challenge", &self.seal(KIND, &challenge));
        Some(Ok(if user_code.is_empty() { url } else { with_query(&url, "user_code", user_code) }))
    }

    /// Takes the code that an app was told. Whoever calls this has counted the guess.
    pub async fn accept_device_challenge(
        &self,
        challenge: &str,
        typed: &str,
    ) -> Decision<RedirectTo, ChallengeError> {
        self.answered(self.accept_device(challenge, typed).await)
    }

    async fn accept_device(
        &self,
        challenge: &str,
        typed: &str,
    ) -> Result<(Option<Write>, RedirectTo), ChallengeError> {
        let short = Some(challenge).filter(|text| text.len() <= super::entered::MAX_CHALLENGE);
        let opened = short.and_then(|text| self.open::<DeviceChallenge>(KIND, text));
        let opened = opened.ok_or(ChallengeError::Unknown)?;
        if self.now() >= opened.expires_at {
            return Err(ChallengeError::Gone { redirect_to: self.endpoints.device_verification.clone() });
        }
        let unknown = || ChallengeError::invalid("no device waits for this user_code");
        let user_code = UserCode::parse(typed).ok_or_else(unknown)?;
        let code = self.find_waiting(&user_code).await?.ok_or_else(unknown)?;
        let until = (ChallengeId::device(challenge), opened.expires_at);
        let write = self.answer_once(until, Verdict::Accepted, &user_code).await?;
        let entered = Entered {
            user_code,
            grant: GrantId::generate(self.rng.as_ref()),
            browser: opened.browser,
            asked: None,
            expires_at: code.expires_at,
        };
        let sealed = self.seal(Kind::Verified.sealed(), &entered);
        Ok((write, RedirectTo::own(&self.endpoints.device_verification, "device_verifier", &sealed)))
    }

    /// Goes on when the browser comes back from the app: the challenge of the next page.
    pub fn continue_device(&self, verifier: &str, browser: Browser<'_>) -> Result<String, PageError> {
        let entered = self.open_entered(Kind::Verified, verifier, browser)?;
        Ok(self.seal(Kind::Entered.sealed(), &entered))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::device::DeviceStep;
    use crate::memory::{REQUEST, World, as_app, now, request};
    use crate::parameters::Parameters;

    const APP: &str = "https://login.example/device";

    fn world() -> World {
        let urls = |settings: &mut crate::settings::Settings| {
            settings.urls.device.verification = Some(APP.to_owned());
            settings.urls.login = Some("https://login.example/in".to_owned());
        };
        World::of_app(urls, &json!({}))
    }

    fn user_code(world: &World) -> String {
        let encoded = as_app(&[("scope", "openid")]);
        let parameters = Parameters::parse(encoded.as_bytes());
        let begun = world.commit(|| now(world.server.device_authorization(request(&parameters))));
        begun.unwrap().user_code
    }

    fn browser(binding: Option<&str>) -> Browser<'_> {
        Browser { subject: None, binding, request: REQUEST }
    }

    fn last(url: &str, name: &str) -> String {
        let url = url::Url::parse(url).unwrap();
        url.query_pairs().find_map(|(other, value)| (other == name).then(|| value.into_owned())).unwrap()
    }

    fn challenge(world: &World) -> String {
        let url = world.server.device_app("BCDF-GHJK", browser(Some("b"))).unwrap().unwrap();
        assert!(url.starts_with(APP) && url.ends_with("&user_code=BCDF-GHJK"), "{url}");
        last(&url, "device_challenge")
    }

    fn accept(world: &World, challenge: &str, code: &str) -> Result<String, ChallengeError> {
        let accepted = world.commit(|| now(world.server.accept_device_challenge(challenge, code)))?;
        assert!(accepted.redirect_to.starts_with("https://id.example/oauth2/device/verify?"));
        Ok(last(&accepted.redirect_to, "device_verifier"))
    }

    #[test]
    fn code_that_an_app_took_goes_on_in_the_browser_that_began_and_to_the_login_app() {
        let world = world();
        let (asked, code) = (challenge(&world), user_code(&world));
        let verifier = accept(&world, &asked, &code.to_lowercase()).unwrap();
        for binding in [Some("of the victim"), None] {
            let refused = world.server.continue_device(&verifier, browser(binding));
            assert_eq!(refused, Err(PageError::OtherBrowser));
        }
        let there = world.other_tenant().continue_device(&verifier, browser(Some("b")));
        assert_eq!(there, Err(PageError::UnknownChallenge));
        let refused = world.server.continue_device(&asked, browser(Some("b")));
        assert_eq!(refused, Err(PageError::UnknownChallenge), "no code was entered");
        let entered = world.server.continue_device(&verifier, browser(Some("b"))).unwrap();
        let step = now(world.server.device_step(&entered, browser(Some("b")))).unwrap();
        let DeviceStep::LoginApp(url) = step else { panic!("{step:?}") };
        let login = last(&url, "login_challenge");
        let shown = now(world.server.show_login_challenge(&login)).unwrap();
        assert_eq!(
            (&shown["client"]["client_id"], &shown["requested_scope"]),
            (&json!("app"), &json!(["openid"]))
        );
        let answer = serde_json::from_value(json!({"subject": "ada"})).unwrap();
        let answer: crate::authorization::external::AcceptLogin = answer;
        let accepted =
            world.commit(|| now(world.server.accept_login_challenge(&login, answer.clone()))).unwrap();
        let verifier = last(&accepted.redirect_to, "login_verifier");
        let back = world.commit(|| now(world.server.continue_login(&verifier, browser(Some("b"))))).unwrap();
        let session = now(world.server.login_session(&back.cookie.unwrap().value)).unwrap().unwrap();
        let ada = session.subject(&world.server.tenant);
        let crate::authorization::Next::Page(page) = back.next else { panic!("{:?}", back.next) };
        assert!(page.starts_with("https://id.example/ui/device?"), "{page}");
        let here = Browser { subject: Some(&ada), ..browser(Some("b")) };
        let step = now(world.server.device_step(&last(&page, "device_challenge"), here)).unwrap();
        assert!(matches!(step, DeviceStep::Question(_)), "whoever signed in is asked: {step:?}");
        assert!(world.rows(|rows| rows.grants.is_empty()));
    }

    #[test]
    fn challenge_takes_codes_that_wait_in_its_tenant_and_time() {
        let world = world();
        let (asked, code) = (challenge(&world), user_code(&world));
        for wrong in ["BBBB-BBBB", "", "x"] {
            assert!(matches!(accept(&world, &asked, wrong), Err(ChallengeError::Invalid(_))), "{wrong}");
        }
        assert_eq!(accept(&world, "x", &code), Err(ChallengeError::Unknown));
        let there = now(world.other_tenant().accept_device_challenge(&asked, &code)).result;
        assert_eq!(there, Err(ChallengeError::Unknown));
        accept(&world, &asked, &code).unwrap();
        accept(&world, &asked, &code).unwrap();
        let other = user_code(&world);
        assert_eq!(
            accept(&world, &asked, &other),
            Err(ChallengeError::Answered),
            "one code for one challenge"
        );
        accept(&world, &challenge(&world), &other).unwrap();
        world.wait(1_800);
        let late = accept(&world, &asked, &user_code(&world));
        assert!(matches!(late, Err(ChallengeError::Gone { .. })), "{late:?}");
    }
}
