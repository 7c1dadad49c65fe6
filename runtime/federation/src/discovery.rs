//! What a provider says of itself (OpenID Connect Discovery 1.0, RFC 8414), and its keys: fetched, checked, remembered.
//!
//! Attack (mix-up, impersonation): a document at one issuer's address names another issuer, or endpoints of somebody who
//! reads along. So the issuer must be the one that was asked for, to the letter, and every endpoint must be https.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jose::{JwkSet, VerifyingKeys};
use primitives::Timestamp;
use serde_json::{Map, Value};
use url::Url;

use crate::failure::Failure;
use crate::settings::is_private_enough;
use crate::wire::{Ask, Wire};

/// What was fetched is used this long without looking again.
const FRESH: Duration = Duration::from_mins(10);
/// After an unknown key the provider is asked again, but not more often than this.
const RETRY: Duration = Duration::from_secs(10);
/// More documents than this and it starts anew.
const MOST: usize = 512;
const WHAT: &str = "the discovery document";
const KEYS: &str = "the key set";
/// The longest address in a document.
const LONGEST_URL: usize = 2048;

/// Where a provider is asked what.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Endpoints {
    /// Its issuer, as its documents and tokens name it; with `{tenantid}` where that is each person's own.
    pub(crate) issuer: Option<String>,
    pub(crate) authorization: Url,
    pub(crate) token: Url,
    pub(crate) userinfo: Option<Url>,
    pub(crate) jwks: Option<Url>,
    /// Where requests are pushed (RFC 9126).
    pub(crate) pushed: Option<Url>,
    /// Whether each answer names its issuer (RFC 9207).
    pub(crate) names_issuer: bool,
    /// Whether it takes PKCE with `S256`.
    pub(crate) s256: bool,
    /// Whether it takes client secrets in the body only.
    pub(crate) post_only: bool,
}

/// Documents of providers, by their address.
#[derive(Debug, Default)]
pub(crate) struct Documents {
    metadata: Mutex<HashMap<String, (Timestamp, Arc<Endpoints>)>>,
    keys: Mutex<HashMap<String, (Timestamp, Arc<VerifyingKeys>)>>,
}

impl Documents {
    /// The endpoints that an issuer's document names.
    pub(crate) async fn endpoints(
        &self,
        wire: Wire<'_>,
        issuer: &str,
        now: Timestamp,
    ) -> Result<Arc<Endpoints>, Failure> {
        if let Some(known) = recall(&self.metadata, issuer, now, FRESH) {
            return Ok(known);
        }
        let address = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let url = Url::parse(&address).map_err(|_| Failure::nonsense(WHAT, "its address is no URL"))?;
        let document = wire.object(Ask::get(WHAT, url)).await?;
        let endpoints = Arc::new(read(&document, issuer)?);
        remember(&self.metadata, issuer, now, &endpoints);
        Ok(endpoints)
    }

    /// The keys at an address; `again` asks for newer ones than are known.
    pub(crate) async fn keys(
        &self,
        wire: Wire<'_>,
        url: &Url,
        (again, now): (bool, Timestamp),
    ) -> Result<Arc<VerifyingKeys>, Failure> {
        let age = if again { RETRY } else { FRESH };
        if let Some(known) = recall(&self.keys, url.as_str(), now, age) {
            return Ok(known);
        }
        let document = wire.object(Ask::get(KEYS, url.clone())).await?;
        let set = JwkSet::from_map(&document).map_err(|error| Failure::nonsense(KEYS, &error.to_string()))?;
        let keys = VerifyingKeys::from_set(&set, None);
        let keys = Arc::new(keys.map_err(|error| Failure::nonsense(KEYS, &error.to_string()))?);
        remember(&self.keys, url.as_str(), now, &keys);
        Ok(keys)
    }
}

type Kept<T> = Mutex<HashMap<String, (Timestamp, Arc<T>)>>;

fn recall<T>(kept: &Kept<T>, key: &str, now: Timestamp, age: Duration) -> Option<Arc<T>> {
    let kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    kept.get(key).filter(|(at, _)| now.since(*at) < age).map(|(_, value)| Arc::clone(value))
}

fn remember<T>(kept: &Kept<T>, key: &str, now: Timestamp, value: &Arc<T>) {
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    if kept.len() >= MOST {
        kept.clear();
    }
    kept.insert(key.to_owned(), (now, Arc::clone(value)));
}

/// The one part of an issuer that may differ by person: that of Microsoft's shared directories.
pub(crate) const PER_PERSON: &str = "{tenantid}";

fn read(document: &Map<String, Value>, asked: &str) -> Result<Endpoints, Failure> {
    let text = |name: &str| document.get(name).and_then(Value::as_str);
    let issuer = text("issuer").unwrap_or_default();
    if issuer != asked && !is_shared_directory(issuer, asked) {
        return Err(Failure::Untrusted(format!("{WHAT} of {asked} is that of another issuer")));
    }
    let url = |name: &str| -> Result<Option<Url>, Failure> {
        let Some(text) = text(name) else { return Ok(None) };
        let url = Url::parse(text).ok().filter(|_| text.len() <= LONGEST_URL).filter(is_private_enough);
        url.map(Some).ok_or_else(|| Failure::nonsense(WHAT, &format!("{name} is no https address")))
    };
    let needed = |name: &str| url(name)?.ok_or_else(|| Failure::nonsense(WHAT, &format!("has no {name}")));
    let lists = |name: &str, wanted: &str| {
        let listed = document.get(name).and_then(Value::as_array);
        listed.map(|values| values.iter().any(|value| value == wanted))
    };
    let methods = "token_endpoint_auth_methods_supported";
    Ok(Endpoints {
        issuer: Some(issuer.to_owned()),
        authorization: needed("authorization_endpoint")?,
        token: needed("token_endpoint")?,
        userinfo: url("userinfo_endpoint")?,
        jwks: url("jwks_uri")?,
        pushed: url("pushed_authorization_request_endpoint")?,
        names_issuer: document.get("authorization_response_iss_parameter_supported")
            == Some(&Value::Bool(true)),
        s256: lists("code_challenge_methods_supported", "S256") == Some(true),
        post_only: lists(methods, "client_secret_basic") == Some(false)
            && lists(methods, "client_secret_post") == Some(true),
    })
}

/// Whether a document is that of a directory that many organisations share: its issuer has a place where the one that
/// was asked for has the directory's name, and is the same otherwise.
fn is_shared_directory(issuer: &str, asked: &str) -> bool {
    let Some((before, after)) = issuer.split_once(PER_PERSON) else { return false };
    let directory = asked.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
    before.starts_with("https://login.microsoftonline.com/")
        && matches!(directory, Some("common" | "organizations" | "consumers"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(change: &Value, expect: Option<&str>) {
        let mut document = json!({
            "issuer": "https://op.example",
            "authorization_endpoint": "https://op.example/a",
            "token_endpoint": "https://op.example/t",
        });
        for (name, value) in change.as_object().unwrap() {
            document[name] = value.clone();
        }
        let found = read(document.as_object().unwrap(), "https://op.example").map(|_| ());
        let found = found.map_err(|failure| failure.to_string());
        match expect {
            None => assert_eq!(found, Ok(()), "{change}"),
            Some(words) => assert!(found.as_ref().is_err_and(|e| e.contains(words)), "{change}: {found:?}"),
        }
    }

    #[test]
    fn document_speaks_for_its_own_issuer_and_names_private_addresses() {
        check(&json!({}), None);
        check(&json!({"issuer": "https://op.example/"}), Some("another issuer"));
        check(&json!({"issuer": "https://evil.example"}), Some("another issuer"));
        check(&json!({"issuer": 1}), Some("another issuer"));
        check(&json!({"token_endpoint": "http://op.example/t"}), Some("token_endpoint"));
        check(&json!({"token_endpoint": "http://127.0.0.1/t"}), None);
        check(&json!({"token_endpoint": null}), Some("has no token_endpoint"));
        check(&json!({"jwks_uri": "file:///etc/passwd"}), Some("jwks_uri"));
        check(&json!({"authorization_endpoint": "javascript:alert(1)"}), Some("authorization_endpoint"));
    }

    #[test]
    fn only_shared_directories_have_a_place_in_their_issuer() {
        let host = "https://login.microsoftonline.com";
        for (issuer, asked, expect) in [
            (format!("{host}/{{tenantid}}/v2.0"), format!("{host}/common/v2.0"), true),
            (format!("{host}/{{tenantid}}/v2.0"), format!("{host}/organizations/v2.0"), true),
            (format!("{host}/{{tenantid}}/v2.0"), format!("{host}/contoso.example/v2.0"), false),
            (format!("{host}/{{tenantid}}/v1.0"), format!("{host}/common/v2.0"), false),
            ("https://evil.example/{tenantid}".to_owned(), "https://evil.example/common".to_owned(), false),
            ("{tenantid}".to_owned(), "common".to_owned(), false),
        ] {
            assert_eq!(is_shared_directory(&issuer, &asked), expect, "{issuer}");
        }
    }
}
