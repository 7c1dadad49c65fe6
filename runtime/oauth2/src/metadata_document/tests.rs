//! Clients that describe themselves: what is taken, and each attack by its name.

mod issued;

use std::sync::Arc;

use futures_util::FutureExt as _;
use primitives::hooks::{HookContext, HookFailure};
use primitives::policy::{PolicyDecision, PolicyHook, PolicyRequest};
use primitives::{AuthenticatedSubject, RequestId};
use serde_json::{Value, json};

use super::find_client;
use crate::authorization::external::AcceptConsent;
use crate::authorization::{Browser, ConsentVerdict, Next, PageError};
use crate::introspection::Introspection;
use crate::memory::{CHALLENGE, REQUEST, VERIFIER, World, form, now};
use crate::parameters::Parameters;
use crate::server::AuthorizationServer;
use crate::settings::Settings;
use crate::token::{ErrorCode, TokenResponse};

const ID: &str = "https://agent.example/client.json";
const BACK: &str = "https://agent.example/cb";
const LOCAL: &str = "http://127.0.0.1:49152/cb";

/// A document, changed by `patch`; `null` takes a member out.
fn document(patch: &Value) -> Value {
    let mut document = json!({
        "client_id": ID,
        "client_name": "Agent",
        "redirect_uris": [BACK, "http://127.0.0.1/cb"],
        "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": "none",
    });
    let members = document.as_object_mut().unwrap();
    for (name, value) in patch.as_object().unwrap() {
        members.insert(name.clone(), value.clone());
        members.retain(|_, value| !value.is_null());
    }
    document
}

fn world_with(edit: impl FnOnce(&mut Settings)) -> World {
    World::set(|settings| {
        settings.registration.metadata_document_hosts = vec!["agent.example".to_owned()];
        settings.registration.scopes =
            vec!["openid".to_owned(), "offline_access".to_owned(), "read".to_owned()];
        edit(settings);
    })
}

/// A tenant that lets the agent in, whose document is this.
fn world(patch: &Value) -> World {
    let world = world_with(|_| {});
    world.publish_at(ID, &document(patch), &[("content-type", "application/json")]);
    world
}

impl World {
    fn publish_at(&self, uri: &str, document: &Value, headers: &[(&str, &str)]) {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let body = document.to_string().into_bytes();
        let response = primitives::outbound::OutboundResponse { status: 200, headers, body };
        self.memory.published.lock().unwrap().insert(uri.to_owned(), response);
    }

    /// Another node of the tenant, with its settings changed.
    fn other_node(&self, edit: impl FnOnce(&mut Settings)) -> AuthorizationServer {
        let mut settings = Settings::clone(&self.server.settings);
        edit(&mut settings);
        let of = (self.server.tenant.clone(), self.server.issuer.as_str());
        self.beside(of, Arc::new(settings))
    }

    fn is_client(&self, id: &str) -> bool {
        now(find_client(&self.server, &id.parse().unwrap())).unwrap().is_some()
    }

    fn fetches(&self) -> usize {
        self.rows(|rows| rows.requests.len())
    }
}

fn browser(subject: &AuthenticatedSubject) -> Browser<'_> {
    Browser { subject: Some(subject), binding: Some("cookie"), request: REQUEST }
}

fn ask(world: &World, changes: &[(&str, &str)]) -> Result<Next, PageError> {
    let mut pairs = vec![
        ("response_type", "code"),
        ("client_id", ID),
        ("redirect_uri", BACK),
        ("scope", "openid offline_access read"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    pairs.retain(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    pairs.extend_from_slice(changes);
    let encoded = form(&pairs);
    let parameters = Parameters::parse(encoded.as_bytes());
    let ada = world.subject(1);
    world.commit(|| now(world.server.authorize(&parameters, browser(&ada))))
}

fn asked(world: &World) -> String {
    match ask(world, &[]).unwrap() {
        Next::Consent { challenge } => challenge,
        other => panic!("{other:?}"),
    }
}

fn allow(world: &World, challenge: &str) -> Result<Next, PageError> {
    let (ada, verdict) = (world.subject(1), ConsentVerdict { allow: true, remember: true });
    world.commit(|| now(world.server.decide_consent(challenge, verdict, browser(&ada))))
}

fn tokens(world: &World) -> TokenResponse {
    let Next::Answer(response) = allow(world, &asked(world)).unwrap() else { panic!() };
    let code = response.find("code").unwrap().to_owned();
    world.redeem_by(&code, &[("client_id", ID)]).unwrap()
}

impl World {
    fn redeem_by(
        &self,
        code: &str,
        more: &[(&str, &str)],
    ) -> Result<TokenResponse, crate::token::TokenError> {
        let mut pairs = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", BACK),
            ("code_verifier", VERIFIER),
        ];
        pairs.extend_from_slice(more);
        let encoded = form(&pairs);
        self.commit(|| self.decide_token(&encoded))
    }

    fn is_active(&self, token: &str) -> bool {
        now(self.server.introspect(token, None, REQUEST)).unwrap() != Introspection::Inactive
    }
}

#[test]
fn client_that_nobody_registered_gets_tokens_and_nothing_of_it_is_stored() {
    let world = world(&json!({}));
    let tokens = tokens(&world);
    assert_eq!(tokens.scope, "openid offline_access read");
    let encoded = form(&[
        ("grant_type", "refresh_token"),
        ("refresh_token", tokens.refresh_token.as_deref().unwrap()),
        ("client_id", ID),
    ]);
    world.commit(|| world.decide_token(&encoded)).unwrap();
    assert!(world.is_active(&tokens.access_token));
    assert_eq!(world.fetches(), 1, "one fetch for all of it");
    assert!(world.rows(|rows| rows.clients.is_empty() && rows.consents.is_empty()));
}

#[test]
fn nobody_describes_themselves_where_the_tenant_does_not_say_so() {
    for (hosts, expect) in [
        (&[][..], false),
        (&["other.example"], false),
        (&["agent.example:8443"], false),
        (&["Agent.example"], true),
        (&["*"], true),
    ] {
        let world = world_with(|settings| {
            settings.registration.metadata_document_hosts =
                hosts.iter().map(|host| (*host).to_owned()).collect();
        });
        world.publish_at(ID, &document(&json!({})), &[("content-type", "application/json")]);
        assert_eq!(world.is_client(ID), expect, "{hosts:?}");
        assert_eq!(world.fetches(), usize::from(expect), "{hosts:?}: nobody is asked in vain");
        let discovery = now(world.server.discovery()).unwrap();
        assert_eq!(discovery["client_id_metadata_document_supported"], !hosts.is_empty());
    }
}

/// Attack: every host is let in, and an id leads to another service of one.
#[test]
fn any_host_is_not_any_port() {
    let world = world_with(|settings| settings.registration.metadata_document_hosts = vec!["*".to_owned()]);
    let id = "https://agent.example:22/client.json";
    world.publish_at(id, &document(&json!({"client_id": id})), &[("content-type", "application/json")]);
    assert!(!world.is_client(id));
    assert_eq!(world.fetches(), 0);
}

/// Attacks: the id of another client inside; a secret that everybody can read; a page or an app elsewhere that gets the codes;
/// `localhost` as somebody else's name; keys elsewhere.
#[test]
fn document_speaks_for_itself_and_for_its_own_host() {
    for (patch, expect) in [
        (json!({}), true),
        (json!({"token_endpoint_auth_method": null, "grant_types": null}), true),
        (json!({"unknown": 1, "logo_uri": "https://other.example/logo.png"}), true),
        (json!({"client_id": "https://agent.example/other.json"}), false),
        (json!({"client_id": "https://AGENT.example/client.json"}), false),
        (json!({"client_id": null}), false),
        // MCP asks clients for a name; others that describe themselves need none, and the host is what a person is shown.
        (json!({"client_name": null}), true),
        (json!({"client_secret": "s"}), false),
        (json!({"client_secret_expires_at": 0}), false),
        (json!({"token_endpoint_auth_method": "client_secret_basic"}), false),
        (json!({"token_endpoint_auth_method": "client_secret_post"}), false),
        (json!({"token_endpoint_auth_method": "private_key_jwt"}), false),
        (json!({"redirect_uris": []}), false),
        (json!({"redirect_uris": "https://agent.example/cb"}), false),
        (json!({"redirect_uris": [BACK, "https://other.example/cb"]}), false),
        (json!({"redirect_uris": ["https://agent.example:8443/cb"]}), false),
        (json!({"redirect_uris": ["https://agent.example.evil.example/cb"]}), false),
        (json!({"redirect_uris": ["http://localhost.evil.example/cb"]}), false),
        (json!({"redirect_uris": ["http://127.0.0.1.evil.example/cb"]}), false),
        (json!({"redirect_uris": ["com.example.agent:/cb"]}), false),
        (json!({"redirect_uris": [BACK, "com.example.agent:/cb", "javascript:alert(1)"]}), true),
        (json!({"redirect_uris": [BACK, "/cb"]}), false),
        (json!({"redirect_uris": ["http://localhost/cb"]}), true),
        (json!({"post_logout_redirect_uris": ["https://other.example/bye"]}), false),
        (json!({"jwks_uri": "https://other.example/jwks"}), false),
        (
            json!({"jwks_uri": "https://agent.example/jwks", "token_endpoint_auth_method": "private_key_jwt"}),
            true,
        ),
    ] {
        assert_eq!(world(&patch).is_client(ID), expect, "{patch}");
    }
}

/// Attack: another app on the machine has taken the same scheme.
#[test]
fn address_of_an_apps_own_scheme_is_left_out() {
    let world = world(&json!({"redirect_uris": [BACK, "com.example.agent:/cb"]}));
    let client = now(find_client(&world.server, &ID.parse().unwrap())).unwrap().unwrap();
    let uris: Vec<_> = client.redirect_uris.iter().map(crate::client::RedirectUri::as_str).collect();
    assert_eq!(uris, [BACK]);
}

#[test]
fn what_is_an_operators_to_say_is_not_the_documents() {
    let patch = json!({
        "skip_consent": true, "owner": "us", "metadata": {"trusted": true}, "audience": ["https://internal.example"],
        "pkce_plain": true,
        "subject_type": "pairwise", "sector_identifier_uri": "http://169.254.169.254/", "request_uris": ["https://agent.example/r"],
        "backchannel_logout_uri": "https://agent.example/b", "logo_uri": "https://agent.example/logo.png",
        "allowed_cors_origins": ["https://evil.example"], "authorization_code_grant_access_token_lifespan": "9000h",
        "scope": "openid read admin", "client_uri": "https://agent.example/", "tos_uri": "https://other.example/tos",
        "grant_types": ["authorization_code", "client_credentials", "urn:ietf:params:oauth:grant-type:device_code"],
    });
    let world = world_with(|settings| {
        let registration = &mut settings.registration;
        registration.audience = vec!["https://api.example".to_owned()];
        registration.grant_types = crate::client::GrantType::ALL.to_vec();
        registration.scopes = vec!["openid".to_owned(), "read".to_owned()];
        registration.metadata_document_hosts = vec!["agent.example".to_owned()];
    });
    world.publish_at(ID, &document(&patch), &[("content-type", "application/json")]);
    let client = now(find_client(&world.server, &ID.parse().unwrap())).unwrap().unwrap();
    let document = &client.record.document;
    assert!(!document.skip_consent && document.owner.is_empty() && document.metadata == json!({}));
    assert_eq!(document.pkce_plain, None);
    assert_eq!(client.audience(), ["https://api.example"]);
    assert_eq!((document.logo_uri.as_str(), document.tos_uri.as_str()), ("", ""));
    assert_eq!(document.client_uri, "https://agent.example/");
    assert_eq!(document.scope, "openid read");
    assert_eq!(document.lifespans, crate::client::Lifespans::default());
    assert_eq!(
        (&document.sector_identifier_uri, &document.request_uris, &document.backchannel_logout_uri),
        (&None, &None, &None)
    );
    assert_eq!(client.grant_types, [crate::client::GrantType::AuthorizationCode]);
    let origins = ["http://127.0.0.1", "https://agent.example"].map(str::to_owned).to_vec();
    assert_eq!(document.allowed_cors_origins, Some(origins));
}

/// Attacks: an answer without end, and one that is a page of somebody who lets others write there.
#[test]
fn oversize_and_other_types_are_no_documents() {
    for (name, content_type, expect) in [
        ("Agent", "application/json", true),
        ("Agent", "application/json; charset=utf-8", true),
        ("Agent", "application/client+json", true),
        ("Agent", "text/html", false),
        ("Agent", "text/plain", false),
        ("Agent", "", false),
        (&*"x".repeat(9_000), "application/json", false),
    ] {
        let world = world_with(|_| {});
        world.publish_at(ID, &document(&json!({"client_name": name})), &[("content-type", content_type)]);
        assert_eq!(world.is_client(ID), expect, "{content_type} {}", name.len());
    }
}

/// Attacks: SSRF and redirects. The port refuses them; nothing here tells whoever asked what was there.
#[test]
fn what_the_port_refuses_is_an_unknown_client() {
    let world = world_with(|_| {});
    assert_eq!(ask(&world, &[]).unwrap_err(), PageError::UnknownClient);
    let moved = primitives::outbound::OutboundResponse {
        status: 302,
        headers: vec![("location".to_owned(), "http://169.254.169.254/".to_owned())],
        body: document(&json!({})).to_string().into_bytes(),
    };
    world.memory.published.lock().unwrap().insert(ID.to_owned(), moved);
    world.wait(11);
    assert_eq!(ask(&world, &[]).unwrap_err(), PageError::UnknownClient);
    let reaches = world.rows(|rows| rows.requests.iter().map(|request| request.reach).collect::<Vec<_>>());
    assert_eq!(reaches, [primitives::outbound::Reach::Public; 2]);
}

/// Attack: a flood of distinct ids. Nothing is written, memory is bounded, and their host is not asked as often as we are.
#[test]
fn flood_of_distinct_ids_is_no_flood_of_fetches() {
    let world = world(&json!({}));
    assert!(world.is_client(ID));
    for n in 0..1_000 {
        let id = format!("https://agent.example/{n}.json");
        let found = now(find_client(&world.server, &id.parse().unwrap()));
        assert_eq!(found.is_err(), n >= 9, "{n}: {found:?}");
    }
    assert_eq!(world.fetches(), 10);
    // One that is known is let in all the same, also when it must be read again.
    world.wait(601);
    world.is_client("https://agent.example/0.json");
    assert!(world.is_client(ID));
    assert!(world.rows(|rows| rows.clients.is_empty()));
}

/// The same, with hosts without end: those that are no clients make way first.
#[test]
fn flood_of_hosts_does_not_push_out_who_is_known() {
    let world = world_with(|settings| settings.registration.metadata_document_hosts = vec!["*".to_owned()]);
    world.publish_at(ID, &document(&json!({})), &[("content-type", "application/json")]);
    assert!(world.is_client(ID));
    for n in 0..1_000 {
        assert!(!world.is_client(&format!("https://h{n}.example/client.json")), "{n}");
    }
    let before = world.fetches();
    assert!(world.is_client(ID));
    assert_eq!(world.fetches(), before);
}

/// Attack: slow hosts hold the places of a tenant. Who is known needs none.
#[test]
fn no_place_to_fetch_is_busy_and_not_remembered() {
    let world = world(&json!({}));
    let places: Vec<_> = std::iter::from_fn(|| world.server.fetch_places.take()).collect();
    assert!(find_client(&world.server, &ID.parse().unwrap()).now_or_never().unwrap().is_err());
    drop(places);
    assert!(world.is_client(ID));
}

/// Attack: slow hosts hold the places for as long as they like, and the documents of everybody else grow old meanwhile.
#[test]
fn known_document_is_used_while_every_place_is_taken_and_not_for_ever() {
    let world = world(&json!({}));
    assert!(world.is_client(ID));
    let places: Vec<_> = std::iter::from_fn(|| world.server.fetch_places.take()).collect();
    for seconds in [11 * 60, 3_539] {
        world.wait(seconds);
        assert!(world.is_client(ID));
    }
    assert_eq!(world.fetches(), 1);
    world.wait(1);
    assert!(now(find_client(&world.server, &ID.parse().unwrap())).is_err(), "an hour after its end");
    drop(places);
    assert!(world.is_client(ID));
    assert_eq!(world.fetches(), 2);
}

#[test]
fn refused_document_is_asked_for_again_after_a_while_and_not_at_once() {
    let world = world(&json!({"client_id": "x"}));
    assert!(!world.is_client(ID));
    world.publish_at(ID, &document(&json!({})), &[("content-type", "application/json")]);
    assert!(!world.is_client(ID));
    assert_eq!(world.fetches(), 1);
    world.wait(11);
    assert!(world.is_client(ID));
}

#[test]
fn document_says_how_long_it_holds_within_bounds() {
    for (cache, seconds) in [
        ("", 600),
        ("max-age=120", 120),
        ("public, max-age=120", 120),
        ("max-age=1", 60),
        ("no-store", 60),
        ("max-age=3600, no-store", 60),
        ("max-age=31536000", 3_600),
    ] {
        let world = world_with(|_| {});
        let headers = [("content-type", "application/json"), ("cache-control", cache)];
        world.publish_at(ID, &document(&json!({})), &headers);
        assert!(world.is_client(ID));
        world.wait(seconds - 1);
        assert!(world.is_client(ID));
        assert_eq!(world.fetches(), 1, "{cache}");
        world.wait(1);
        assert!(world.is_client(ID));
        assert_eq!(world.fetches(), 2, "{cache}");
    }
}

/// Attack: any program on the person's machine uses the id of a client that they once allowed.
#[test]
fn person_is_asked_every_time_and_sees_the_host() {
    let world = world(&json!({}));
    for _ in 0..2 {
        tokens(&world);
    }
    let ada = world.subject(1);
    let page = now(world.server.consent_request(&asked(&world), browser(&ada))).unwrap();
    assert_eq!((page.described_at.as_deref(), page.is_local), (Some("agent.example"), false));
    let Next::Consent { challenge } = ask(&world, &[("redirect_uri", LOCAL)]).unwrap() else { panic!() };
    let page = now(world.server.consent_request(&challenge, browser(&ada))).unwrap();
    assert_eq!((page.described_at.as_deref(), page.is_local), (Some("agent.example"), true));
    for uri in [BACK, LOCAL] {
        let Next::Answer(silent) = ask(&world, &[("redirect_uri", uri), ("prompt", "none")]).unwrap() else {
            panic!("{uri}")
        };
        assert_eq!(silent.find("error"), Some("consent_required"), "{uri}");
    }
}

/// Attack: the document changes in the middle of a flow.
#[test]
fn addresses_that_left_the_document_get_no_code() {
    let world = world(&json!({}));
    let challenge = asked(&world);
    let moved = document(&json!({"redirect_uris": ["https://agent.example/elsewhere"]}));
    world.publish_at(ID, &moved, &[("content-type", "application/json")]);
    world.wait(601);
    assert_eq!(allow(&world, &challenge).unwrap_err(), PageError::RedirectUri);
}

/// Attack: the document gives itself another way to prove who it is, or none, between the code and the token.
#[test]
fn client_proves_itself_as_its_document_says_now() {
    let world = world(&json!({}));
    let Next::Answer(response) = allow(&world, &asked(&world)).unwrap() else { panic!() };
    let code = response.find("code").unwrap().to_owned();
    let refused = world.redeem_by(&code, &[("client_id", ID), ("client_secret", "s")]).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::InvalidClient);
    world.redeem_by(&code, &[("client_id", ID)]).unwrap();
}

#[test]
fn tokens_outlive_the_memory_of_the_document_and_die_with_the_permission_of_its_host() {
    let world = world(&json!({}));
    let tokens = tokens(&world);
    world.memory.published.lock().unwrap().clear();
    // As another node sees it, which has never read the document.
    let other = world.other_node(|_| {});
    assert!(now(other.introspect(&tokens.access_token, None, REQUEST)).unwrap() != Introspection::Inactive);
    assert_eq!(world.fetches(), 1, "nobody's server is waited for");
    let closed = world.other_node(|settings| settings.registration.metadata_document_hosts.clear());
    assert_eq!(now(closed.introspect(&tokens.access_token, None, REQUEST)).unwrap(), Introspection::Inactive);
}

/// A client of an operator's under the id of a document.
#[test]
fn operator_keeps_one_client_out_by_its_id() {
    let world = world(&json!({}));
    let tokens = tokens(&world);
    world.add_client(&json!({"client_id": ID, "redirect_uris": [], "grant_types": ["refresh_token"]}));
    assert_eq!(ask(&world, &[]).unwrap_err(), PageError::RedirectUri);
    let encoded = form(&[
        ("grant_type", "refresh_token"),
        ("refresh_token", &tokens.refresh_token.unwrap()),
        ("client_id", ID),
    ]);
    assert!(world.commit(|| world.decide_token(&encoded)).is_err());
}

/// Attack: the tenant's own consent app has it remembered what a client that anybody can be was allowed.
#[test]
fn consent_by_an_app_of_the_tenants_own_is_not_remembered_either() {
    let world =
        world_with(|settings| settings.urls.consent = Some("https://login.example/consent".to_owned()));
    world.publish_at(ID, &document(&json!({})), &[("content-type", "application/json")]);
    let parameter = |url: &str, name: &str| {
        let url = url::Url::parse(url).unwrap();
        let found = url.query_pairs().find(|(other, _)| other == name);
        found.map(|(_, value)| value.into_owned()).unwrap()
    };
    let Next::Page(page) = ask(&world, &[]).unwrap() else { panic!("no app was asked") };
    let challenge = parameter(&page, "consent_challenge");
    let answer = || {
        let said = json!({"grant_scope": ["openid"], "remember": true});
        serde_json::from_value::<AcceptConsent>(said).unwrap()
    };
    let accepted = world.commit(|| now(world.server.accept_consent_challenge(&challenge, answer()))).unwrap();
    let verifier = parameter(&accepted.redirect_to, "consent_verifier");
    let ada = world.subject(1);
    let next = world.commit(|| now(world.server.continue_consent(&verifier, browser(&ada)))).unwrap();
    assert!(matches!(next, Next::Answer(_)), "{next:?}");
    assert!(world.rows(|rows| rows.grants.len() == 1 && rows.consents.is_empty()));
}

#[derive(Debug)]
struct Deny;

impl PolicyHook for Deny {
    fn applies(&self, _: &HookContext) -> bool {
        true
    }

    fn decide<'a>(
        &'a self,
        context: &'a HookContext,
        request: &'a PolicyRequest,
    ) -> futures_util::future::BoxFuture<'a, Result<PolicyDecision, HookFailure>> {
        assert_eq!((request.action.as_str(), context.client.as_ref().unwrap().as_str()), ("register", ID));
        assert_ne!(context.request, RequestId(uuid::Uuid::nil()));
        Box::pin(std::future::ready(Ok(PolicyDecision::Deny { reason: "no agents here".to_owned() })))
    }
}

#[test]
fn plugin_is_asked_as_at_a_registration() {
    let mut world = world(&json!({}));
    world.server.ports.policy = Arc::new(Deny);
    assert!(!world.is_client(ID));
}
