//! `[tenant.oauth2.token_hook]`: a server of the tenant's that is asked before tokens are made, asked as a webhook is.

use oauth2::token_webhook::settings::TIMEOUT_MS;
use oauth2::token_webhook::{NAME, TokenHookAuth, TokenHookKeyPlace, TokenHookSettings};
use std::collections::BTreeMap;
use tenancy::Webhook;
use tenancy::webhook::{ApiKeyPlace, Channel, WebhookAuth, WebhookMethod};

use crate::problem::Report;

/// The webhook that it is asked as. It is asked once: what waits for an answer is somebody's token.
pub fn as_webhook(hook: &TokenHookSettings) -> Webhook {
    Webhook { timeout_ms: hook.timeout_ms, ..channel(hook).as_webhook(NAME) }
}

/// Reports what cannot be.
pub(super) fn check(hook: &TokenHookSettings, report: &mut Report<'_>) {
    channel(hook).check(&mut |key, message| report(&format!("oauth2.token_hook.{key}"), message));
    if !TIMEOUT_MS.contains(&hook.timeout_ms) {
        let words = format!("must be {} to {}", TIMEOUT_MS.start(), TIMEOUT_MS.end());
        report("oauth2.token_hook.timeout_ms", words);
    }
}

fn channel(hook: &TokenHookSettings) -> Channel {
    let auth = hook.auth.as_ref().map(|TokenHookAuth::ApiKey { place, name, secret }| WebhookAuth::ApiKey {
        place: match place {
            TokenHookKeyPlace::Header => ApiKeyPlace::Header,
            TokenHookKeyPlace::Cookie => ApiKeyPlace::Cookie,
        },
        name: name.clone(),
        secret: secret.clone(),
    });
    let (method, headers) = (WebhookMethod::Post, BTreeMap::new());
    Channel { url: hook.url.clone(), method, headers, auth, body: None }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::tenant::TenantSettings;

    #[test]
    fn hook_is_of_an_address_that_nobody_reads_and_a_key_that_fits_a_header() {
        let check = |patch: serde_json::Value, expect: &str| {
            let mut hook = json!({"url": "https://hook.example/token",
                "auth": {"type": "api_key", "in": "header", "name": "authorization", "secret": "key"}});
            for (name, value) in patch.as_object().unwrap() {
                hook[name] = value.clone();
            }
            let document = json!({"oauth2": {"token_hook": hook}});
            let found = TenantSettings::check_document(document.as_object().unwrap());
            match (expect, found) {
                ("", found) => assert!(found.is_ok(), "{found:?}"),
                (expect, found) => {
                    let error = found.unwrap_err().to_string();
                    assert!(error.contains(expect), "{patch}: {error}");
                }
            }
        };
        check(json!({}), "");
        check(json!({"auth": null, "url": "http://127.0.0.1:4000/", "timeout_ms": 100}), "");
        check(json!({"url": "http://hook.example/"}), "oauth2.token_hook.url");
        check(json!({"url": "https://me:x@hook.example/"}), "oauth2.token_hook.url");
        check(json!({"url": "hook"}), "relative URL");
        check(json!({"timeout_ms": 99}), "oauth2.token_hook.timeout_ms");
        check(json!({"timeout_ms": 10_001}), "oauth2.token_hook.timeout_ms");
        check(json!({"retries": 3}), "retries");
        let auth = |name: &str, secret: &str| json!({"auth": {"type": "api_key", "in": "header", "name": name, "secret": secret}});
        check(auth("host", "key"), "oauth2.token_hook.auth.name");
        check(auth("x-key", "no name"), "oauth2.token_hook.auth.secret");
        check(
            json!({"auth": {"type": "api_key", "in": "header", "name": "x", "value": "a key"}}),
            "unknown key `value`",
        );
    }
}
