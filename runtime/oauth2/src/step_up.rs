//! What our own endpoints ask of the sign-in behind a token (RFC 9470 section 3).
//!
//! Attack: a token of last month, or of one factor, tells whoever found it what a person's sign-in of now would. So an endpoint
//! looks at what the grant says of its sign-in, which no refresh makes younger.

use primitives::Timestamp;
use primitives::subject::AssuranceLevel;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::authorization::acr::LEVELS;
use crate::go_duration::GoDuration;
use crate::grant::GrantSubject;

/// What is asked. Nothing, unless it says so.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StepUp {
    /// One of these, as `acr` says it; of our own levels a higher one will do. Empty: any.
    pub acr_values: Vec<String>,
    /// How long ago the sign-in may be.
    pub max_age: Option<GoDuration>,
}

impl StepUp {
    /// Whether a sign-in is as strong and as young as is asked.
    pub(crate) fn is_met(&self, subject: &GrantSubject, now: Timestamp) -> bool {
        let level = |text: &str| LEVELS.into_iter().find(|level| level.as_str() == text);
        let is_enough = |asked: &String| {
            let is_higher = |asked: AssuranceLevel| level(&subject.acr).is_some_and(|said| said >= asked);
            *asked == subject.acr || level(asked).is_some_and(is_higher)
        };
        let is_strong = self.acr_values.is_empty() || self.acr_values.iter().any(is_enough);
        let is_young = self.max_age.is_none_or(|max_age| now.since(subject.authenticated_at) <= max_age.0);
        is_strong && is_young
    }

    /// The parameters of the challenge that say so (RFC 9470 section 3).
    pub fn challenge(&self) -> String {
        let acr = Some(self.acr_values.join(" ")).filter(|values| !values.is_empty());
        let acr = acr.map(|values| format!(", acr_values=\"{values}\""));
        let max_age = self.max_age.map(|max_age| format!(", max_age=\"{}\"", max_age.0.as_secs()));
        [acr, max_age].into_iter().flatten().collect()
    }

    /// Whether its values can stand in a challenge.
    pub fn is_plain(&self) -> bool {
        let is_plain = |c: u8| c.is_ascii_graphic() && !matches!(c, b'"' | b'\\');
        self.acr_values.iter().all(|value| !value.is_empty() && value.bytes().all(is_plain))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{REQUEST, World, as_bearer, now};
    use crate::userinfo::UserinfoError;

    fn asks(acr_values: &[&str], max_age: Option<u64>) -> StepUp {
        let acr_values = acr_values.iter().map(|value| (*value).to_owned()).collect();
        StepUp { acr_values, max_age: max_age.map(GoDuration::seconds) }
    }

    #[test]
    fn userinfo_asks_for_as_much_as_it_is_told_to() {
        for (step_up, acr, waited, is_met) in [
            (asks(&[], None), "aal1", 9_000, true),
            (asks(&["aal2"], None), "aal1", 0, false),
            (asks(&["aal2"], None), "aal2", 3_000, true),
            (asks(&["aal1"], None), "aal2", 0, true),
            (asks(&["gold", "aal2"], None), "gold", 0, true),
            (asks(&["gold"], None), "aal2", 0, false),
            (asks(&["aal2"], None), "", 0, false),
            (asks(&[], Some(300)), "aal1", 300, true),
            (asks(&[], Some(300)), "aal1", 301, false),
            (asks(&["aal2"], Some(300)), "aal2", 301, false),
        ] {
            let world = World::set(|settings| settings.userinfo_step_up = step_up.clone());
            world.add_client(&serde_json::json!({"token_endpoint_auth_method": "client_secret_post",
                "authorization_code_grant_access_token_lifespan": "24h"}));
            let code = world.code("openid email");
            world.rows(|rows| {
                rows.grants.values_mut().for_each(|grant| acr.clone_into(&mut grant.subject.acr));
            });
            let token = world.redeem(&code).unwrap().access_token;
            world.wait(waited);
            let told = now(world.server.userinfo(as_bearer(&token), REQUEST)).result;
            let refused = UserinfoError::InsufficientUserAuthentication(step_up.clone());
            assert_eq!(told.as_ref().err(), (!is_met).then_some(&refused), "{step_up:?} {acr} {waited}");
            assert_eq!(refused.code(), "insufficient_user_authentication");
        }
    }

    #[test]
    fn challenge_says_what_is_asked() {
        for (step_up, expect) in [
            (asks(&[], None), ""),
            (asks(&["gold", "aal2"], None), ", acr_values=\"gold aal2\""),
            (asks(&["aal2"], Some(300)), ", acr_values=\"aal2\", max_age=\"300\""),
        ] {
            assert_eq!(step_up.challenge(), expect);
        }
        assert!(
            asks(&["aal2"], None).is_plain()
                && !asks(&["a\"b"], None).is_plain()
                && !asks(&[""], None).is_plain()
        );
    }
}
