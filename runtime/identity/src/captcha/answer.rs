//! What a service's answer is held against.
//!
//! Attack: a proof that was made on another site is brought here. The service knows of which host it is, and names it; so the
//! tenant can say which it must be.
//!
//! Attack: a proof that the newsletter's form of the same site asked for is brought to sign in. The service names what the
//! page asked for where the page said it; one that was asked for something else is refused. (Whoever draws the widget
//! themselves may ask it for anything: this keeps forms apart, not attackers.)

use serde_json::Value;

use super::CaptchaVerdict;
use crate::settings::CaptchaSettings;

/// The service does not know the tenant by its secret. Nothing that is brought as a proof leads to these words.
const OURS_TO_MEND: [&str; 2] = ["missing-input-secret", "invalid-input-secret"];

/// What an answer of the service says, and why, for the log, where it is not a person. What is no such answer says nothing.
pub fn read_answer(
    settings: &CaptchaSettings,
    flow: &str,
    (status, body): (u16, &[u8]),
) -> Result<(), (CaptchaVerdict, String)> {
    let unusable = |why: String| (CaptchaVerdict::Unavailable, why);
    let answer = serde_json::from_slice::<Value>(body).ok();
    // Some of them say what is wrong with a proof by a status, too.
    let success = answer.as_ref().and_then(|answer| answer.get("success")).and_then(Value::as_bool);
    let (Some(answer), Some(success), 200..=299 | 400) = (&answer, success, status) else {
        return Err(unusable(format!("it answered {status}, or not as such services do")));
    };
    let text = |name: &str| answer.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    if !success {
        let codes =
            answer.get("error-codes").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let ours = codes
            .iter()
            .filter_map(Value::as_str)
            .find_map(|code| OURS_TO_MEND.into_iter().find(|known| *known == code));
        return Err(match ours {
            Some(code) => unusable(format!("it does not know the tenant: {code}")),
            None => (CaptchaVerdict::Refused, "it refused the proof".to_owned()),
        });
    }
    if let Some(expected) = &settings.hostname
        && !text("hostname").is_some_and(|found| found.eq_ignore_ascii_case(expected))
    {
        return Err((CaptchaVerdict::Refused, "the proof is of another host".to_owned()));
    }
    let action = settings.provider.facts().action.and_then(text);
    if action.is_some_and(|action| action != flow) {
        return Err((CaptchaVerdict::Refused, "the proof is of another form".to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn settings(provider: &str) -> CaptchaSettings {
        let settings =
            json!({"provider": provider, "site_key": "k", "secret": "s", "hostname": "id.example"});
        serde_json::from_value(settings).unwrap()
    }

    fn check(provider: &str, status: u16, answer: &Value, expect: CaptchaVerdict) {
        let body = answer.to_string();
        let found = read_answer(&settings(provider), "login", (status, body.as_bytes()));
        let found = found.map_or_else(|(verdict, _)| verdict, |()| CaptchaVerdict::Passed);
        assert_eq!(found, expect, "{provider} {status} {answer}");
    }

    #[test]
    fn a_person_is_who_the_service_says_is_one_here_on_this_form() {
        use CaptchaVerdict::{Passed, Refused};
        let of = |host: &str, action: &str| json!({"success": true, "hostname": host, "action": action});
        for provider in ["turnstile", "hcaptcha", "recaptcha"] {
            check(provider, 200, &of("id.example", "login"), Passed);
            check(provider, 200, &of("ID.example", "login"), Passed);
            check(provider, 200, &of("rival.example", "login"), Refused);
            check(provider, 200, &json!({"success": true}), Refused);
            check(provider, 200, &json!({"success": true, "hostname": ["id.example"]}), Refused);
        }
        check("turnstile", 200, &of("id.example", "newsletter"), Refused);
        check("turnstile", 200, &of("id.example", ""), Passed);
        // These have no such word, whatever their answer says beside it.
        check("hcaptcha", 200, &of("id.example", "newsletter"), Passed);
    }

    #[test]
    fn a_refusal_is_told_from_a_service_that_cannot_say() {
        use CaptchaVerdict::{Refused, Unavailable};
        let failed =
            |codes: &[&str]| json!({"success": false, "hostname": "id.example", "error-codes": codes});
        for provider in ["turnstile", "hcaptcha", "recaptcha"] {
            for codes in [&["timeout-or-duplicate"][..], &["invalid-input-response"], &["bad-request"], &[]] {
                check(provider, 200, &failed(codes), Refused);
                check(provider, 400, &failed(codes), Refused);
            }
            check(provider, 200, &failed(&["invalid-input-secret"]), Unavailable);
            check(provider, 200, &failed(&["bad-request", "missing-input-secret"]), Unavailable);
            check(provider, 500, &json!({"success": true, "hostname": "id.example"}), Unavailable);
            check(provider, 302, &json!({"success": true, "hostname": "id.example"}), Unavailable);
            for answer in [json!({}), json!({"success": "true"}), json!([true]), json!(null)] {
                check(provider, 200, &answer, Unavailable);
            }
        }
    }
}
