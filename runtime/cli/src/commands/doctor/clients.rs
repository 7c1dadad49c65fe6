//! What is wrong with the clients of a tenant, as their operator would learn it only from people who cannot sign in.
//!
//! A tenant may have a million: so many are looked at, and that is said.

use std::collections::BTreeSet;
use std::time::Duration;

use portcullis_http::GuardedOutbound;
use primitives::TenantId;
use primitives::outbound::{Outbound as _, OutboundRequest, Reach};
use serde_json::Value;
use url::Url;

use super::{Findings, Level};
use crate::api::{Api, of_tenant};

/// So many clients of a tenant are looked at.
const LOOKED_AT: usize = 500;
/// So many addresses of keys are asked.
const ASKED: usize = 20;
/// The keys that sign what clients are told.
const KEYS: &str = "/admin/keys/hydra.openid.id-token";

/// Says of a tenant where clients register themselves whether those leave that are not used any more.
pub(super) fn look_at_registration(tenant: &Value, findings: &mut Findings) {
    let of = |member: &str| tenant.pointer(&format!("/settings/document/oauth2/registration/{member}"));
    let registers = of("mode").and_then(Value::as_str).is_some_and(|mode| mode != "off");
    if registers && of("idle_lifespan").is_none_or(Value::is_null) {
        let what = format!(
            "tenant {}: one that registered itself and ever got a token stays for good, used or not, unless \
             `oauth2.registration.idle_lifespan` says how long",
            text(tenant, "id").unwrap_or_default()
        );
        findings.add(Level::Notice, "clients", what);
    }
}

/// Looks at the clients of a tenant.
pub(super) async fn look_at(
    api: &mut Api,
    tenant: &TenantId,
    outbound: Option<&GuardedOutbound>,
    findings: &mut Findings,
) {
    let path = of_tenant(tenant, &format!("/admin/clients?page_size={LOOKED_AT}"));
    let mut clients = match api.send(http::Method::GET, &path, None).await.map(|answer| answer.body) {
        Ok(Value::Array(clients)) => clients,
        Ok(_) => return,
        Err(error) => {
            findings.add(Level::Problem, "clients", format!("tenant {tenant}: {error}"));
            return;
        }
    };
    if clients.len() >= LOOKED_AT {
        let what = format!("tenant {tenant}: the first {LOOKED_AT} were looked at");
        findings.add(Level::Notice, "clients", what);
        clients.truncate(LOOKED_AT);
    }
    let keys = api.list(&of_tenant(tenant, KEYS), Some("keys")).await.unwrap_or_default();
    let signing = algorithms(&keys);
    for client in &clients {
        for what in wrong(client, &signing) {
            findings.add(Level::Problem, "client", format!("{} of tenant {tenant}: {what}", name(client)));
        }
        for what in noteworthy(client) {
            findings.add(Level::Notice, "client", format!("{} of tenant {tenant}: {what}", name(client)));
        }
    }
    let Some(outbound) = outbound else { return };
    let addresses: BTreeSet<&str> = clients.iter().filter_map(|client| text(client, "jwks_uri")).collect();
    for address in addresses.into_iter().take(ASKED) {
        if let Err(why) = ask(outbound, address).await {
            let what = format!("tenant {tenant}: {address} gives no keys: {why}");
            findings.add(Level::Problem, "jwks_uri", what);
        }
    }
}

fn name(client: &Value) -> &str {
    text(client, "client_id").unwrap_or_default()
}

fn text<'a>(client: &'a Value, member: &str) -> Option<&'a str> {
    client.get(member).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// What the tenant's keys sign by.
fn algorithms(keys: &[Value]) -> BTreeSet<&str> {
    keys.iter().filter_map(|key| text(key, "alg")).collect()
}

/// What the client asks to be signed by, and no key of the tenant signs: it is refused, whatever it does.
fn wrong(client: &Value, signing: &BTreeSet<&str>) -> Vec<String> {
    const SIGNED: [&str; 4] = [
        "id_token_signed_response_alg",
        "userinfo_signed_response_alg",
        "authorization_signed_response_alg",
        "introspection_signed_response_alg",
    ];
    let unserved = |member: &&str| {
        let wanted = text(client, member).filter(|wanted| *wanted != "none")?;
        let is_served = signing.is_empty() || signing.contains(wanted);
        (!is_served).then(|| format!("`{member}` is {wanted}, by which no key of the tenant signs"))
    };
    SIGNED.iter().filter_map(unserved).collect()
}

/// What is right if it is meant.
fn noteworthy(client: &Value) -> Vec<String> {
    let uris = client.get("redirect_uris").and_then(Value::as_array).into_iter().flatten();
    let in_the_clear = uris.filter_map(Value::as_str).filter(|uri| {
        let url = Url::parse(uri).ok();
        url.is_some_and(|url| url.scheme() == "http" && !is_loopback(&url))
    });
    in_the_clear.map(|uri| format!("the redirect URI {uri} takes codes in the clear")).collect()
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

async fn ask(outbound: &GuardedOutbound, address: &str) -> Result<(), String> {
    let request = OutboundRequest {
        method: "GET",
        url: address.parse().map_err(|_| "it is no address".to_owned())?,
        headers: vec![("accept".to_owned(), "application/json".to_owned())],
        body: Vec::new(),
        max_response_bytes: 1 << 20,
        timeout: Duration::from_secs(5),
        reach: Reach::Public,
    };
    let answer = outbound.fetch(request).await.map_err(|error| error.to_string())?;
    if answer.status != 200 {
        return Err(format!("status {}", answer.status));
    }
    let document: Value = serde_json::from_slice(&answer.body).map_err(|_| "it is no JSON".to_owned())?;
    if document.get("keys").is_some_and(Value::is_array) {
        Ok(())
    } else {
        Err("it has no `keys`".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn algorithm_that_no_key_serves_is_a_problem() {
        let keys = [json!({"alg": "ES256"}), json!({"alg": "RS256"})];
        let signing = algorithms(&keys);
        for (client, expect) in [
            (json!({"id_token_signed_response_alg": "ES256", "userinfo_signed_response_alg": "none"}), 0),
            (json!({"id_token_signed_response_alg": "EdDSA"}), 1),
            (
                json!({"id_token_signed_response_alg": "PS256", "authorization_signed_response_alg": "ES384"}),
                2,
            ),
            (json!({}), 0),
        ] {
            assert_eq!(wrong(&client, &signing).len(), expect, "{client}");
        }
        let client = json!({"id_token_signed_response_alg": "EdDSA"});
        assert_eq!(wrong(&client, &BTreeSet::new()), [""; 0], "whose keys are not known, is not judged");
    }

    #[test]
    fn tenant_whose_idle_clients_stay_for_good_is_told() {
        for (registration, expect) in [
            (json!({}), 0),
            (json!({"mode": "off"}), 0),
            (json!({"mode": "open"}), 1),
            (json!({"mode": "key", "idle_lifespan": null}), 1),
            (json!({"mode": "open", "idle_lifespan": "2160h"}), 0),
        ] {
            let document = json!({"oauth2": {"registration": registration}});
            let tenant = json!({"id": "acme", "settings": {"document": document}});
            let mut findings = Findings::default();
            look_at_registration(&tenant, &mut findings);
            let told = findings.0.iter().filter(|finding| finding.level == Level::Notice);
            assert_eq!(told.count(), expect, "{tenant}: {findings:?}");
        }
        let mut findings = Findings::default();
        look_at_registration(&json!({"id": "plain", "settings": {"document": {}}}), &mut findings);
        assert!(findings.0.is_empty());
    }

    #[test]
    fn redirect_in_the_clear_is_told_unless_it_stays_on_the_machine() {
        for (uri, expect) in [
            ("https://app.example/cb", 0),
            ("http://app.example/cb", 1),
            ("http://127.0.0.1:8080/cb", 0),
            ("http://[::1]/cb", 0),
            ("http://localhost/cb", 0),
            ("com.example.app:/cb", 0),
        ] {
            assert_eq!(noteworthy(&json!({"redirect_uris": [uri]})).len(), expect, "{uri}");
        }
    }
}
