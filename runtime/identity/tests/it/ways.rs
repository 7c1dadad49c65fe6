//! The last way to sign in stays, and every other one may go: passwords, passkeys and links alike.

use futures_util::future::{BoxFuture, FutureExt as _, ready};
use portcullis_identity::administration::{AdministrationError, delete_credential};
use portcullis_identity::flow::{FlowError, FlowView, flow_document};
use portcullis_identity::hooks::{MappingDecision, Origin};
use portcullis_identity::ports::StoreUnavailable;
use portcullis_identity::providers::{
    Beginning, Offer, PresentedIdToken, ProvenElsewhere, ProviderFailure, Providers,
};
use portcullis_identity::schema::Schema;
use portcullis_identity::session::LiveSession;
use portcullis_identity::webauthn::KeyKind;
use portcullis_identity::{Flow, Identity, NewLink, Step, Write};
use primitives::hooks::HookContext;
use primitives::{Actor, Change, OrganisationId};
use serde_json::{Value, json};
use url::Url;

use crate::keys::{ADA, authenticator, whole};
use crate::world::{World, message};

/// What somebody has, in every combination but none.
const ALL: [&[&str]; 7] = [
    &["password"],
    &["passkey"],
    &["oidc"],
    &["password", "passkey"],
    &["password", "oidc"],
    &["passkey", "oidc"],
    &["password", "passkey", "oidc"],
];

/// One provider, which forms show and which nobody comes from.
#[derive(Debug)]
struct Acme([Offer; 1]);

impl Acme {
    fn new() -> Self {
        Self([Offer { id: "acme".to_owned(), label: "Acme".to_owned(), organisation: None }])
    }
}

impl Providers for Acme {
    fn offers(&self) -> &[Offer] {
        &self.0
    }

    fn find_connection(&self, _: OrganisationId) -> BoxFuture<'_, Result<Option<Offer>, StoreUnavailable>> {
        ready(Ok(None)).boxed()
    }

    fn begin<'a>(&'a self, _: Beginning<'a>) -> BoxFuture<'a, Result<Url, ProviderFailure>> {
        ready(Err(ProviderFailure::Unknown)).boxed()
    }

    fn check_id_token<'a>(
        &'a self,
        _: PresentedIdToken<'a>,
    ) -> BoxFuture<'a, Result<ProvenElsewhere, ProviderFailure>> {
        ready(Err(ProviderFailure::Unknown)).boxed()
    }

    fn map<'a>(
        &'a self,
        _: &'a HookContext,
        _: &'a ProvenElsewhere,
        _: &'a Schema,
        _: (Option<&'a Identity>, Option<Origin>),
    ) -> BoxFuture<'a, Result<MappingDecision, FlowError>> {
        ready(Ok(MappingDecision::Unmapped)).boxed()
    }
}

impl World {
    /// Somebody who signs in in these ways, and has a security key, which is none. Their session has proven it.
    pub(crate) async fn with_ways(ways: &[&str]) -> (Self, LiveSession) {
        let world = Self { providers: Box::new(Acme::new()), ..Self::new() };
        world.person(ADA).await;
        let live = world.sign_in(ADA).await;
        let mut change = Change::new(world.tenant.clone());
        for way in ways {
            match *way {
                "passkey" => drop(world.add(&live, "passkey", &mut authenticator(1)).await),
                "oidc" => change = change.write(linked(&live, &world)),
                _ => {}
            }
        }
        if !ways.contains(&"password") {
            change = change.write(Write::RemovePassword(live.identity().id));
        }
        world.people.apply(&change);
        world.add(&live, "webauthn", &mut authenticator(2)).await;
        let live = whole(&live);
        (world, live)
    }

    /// The form field that takes a way away.
    async fn removal(&self, live: &LiveSession, way: &str) -> Value {
        if way == "oidc" {
            return json!({ "method": "oidc", "unlink": "acme" });
        }
        let keys = self.keys(live.identity()).await;
        let passkey = keys.iter().find(|key| key.record.kind == KeyKind::Passkey).unwrap();
        json!({ "passkey_remove": passkey.record.id.hex() })
    }

    /// Which ways may go, as a settings form shows it.
    fn may_go(&self, flow: &Flow, live: &LiveSession) -> Vec<String> {
        let view =
            FlowView { providers: self.providers.offers(), identity: Some(live.identity()), ..self.view() };
        let document = flow_document(flow, view);
        let nodes = document["ui"]["nodes"].as_array().unwrap().iter().map(|node| &node["attributes"]);
        let enabled = nodes.filter(|node| node["disabled"] != true);
        let names = enabled.filter_map(|node| node["name"].as_str());
        names.filter(|name| ["unlink", "passkey_remove"].contains(name)).map(str::to_owned).collect()
    }
}

fn linked(live: &LiveSession, world: &World) -> Write {
    let link =
        NewLink { provider: "acme".to_owned(), subject: "1".to_owned(), organisation: None, tokens: None };
    Write::LinkProvider { identity: live.identity().id, link: Box::new(link), at: world.now }
}

/// The attack: an operator takes the only way in away, or cannot take away one that leaks, since what is left does not count.
#[tokio::test]
async fn operator_takes_any_way_but_the_last() {
    for ways in ALL {
        for way in ways {
            let (world, live) = World::with_ways(ways).await;
            let identifier = (*way == "oidc").then_some("acme:1");
            let removed =
                delete_credential(world.room(), Actor::System, live.identity().id, (way, identifier)).await;
            match removed {
                Ok(_) => assert!(ways.len() > 1, "the last one went: {way}"),
                Err(AdministrationError::LastCredential) => assert_eq!(ways.len(), 1, "{way} of {ways:?}"),
                Err(error) => panic!("{way} of {ways:?}: {error}"),
            }
        }
    }
}

#[tokio::test]
async fn owner_takes_any_way_but_the_last() {
    for ways in ALL {
        for (way, refusal) in [("passkey", 8_000_031), ("oidc", 8_000_023)] {
            if !ways.contains(&way) {
                continue;
            }
            let (world, live) = World::with_ways(ways).await;
            let body = world.removal(&live, way).await;
            let form = world.settings_form(&live).await;
            match world.answer(form, Some(&live), &body).await.unwrap() {
                Step::Saved { .. } => assert!(ways.len() > 1, "the last one went: {way}"),
                refused => {
                    assert_eq!((message(&refused), ways.len()), (refusal, 1), "{way} of {ways:?}");
                }
            }
        }
    }
}

/// A form says of each way whether it may go, and says it anew when another one has gone or come.
#[tokio::test]
async fn form_shows_which_ways_may_go() {
    let (world, live) = World::with_ways(&["passkey", "oidc"]).await;
    let form = world.settings_form(&live).await;
    assert_eq!(world.may_go(&form, &live), ["unlink", "passkey_remove"]);
    for (way, left) in [("oidc", "passkey_remove"), ("passkey", "unlink")] {
        let body = world.removal(&live, way).await;
        let step = world.answer(form.clone(), Some(&live), &body).await.unwrap();
        let Step::Saved { flow, .. } = step else { panic!("{way} stayed: {step:?}") };
        assert_eq!(world.may_go(&flow, &live), [""; 0], "{left} is the last one");
    }
    let (world, live) = World::with_ways(&["oidc"]).await;
    let form = world.settings_form(&live).await;
    assert_eq!(world.may_go(&form, &live), [""; 0]);
    let password = json!({ "method": "password", "password": "correct horse battery" });
    let step = world.answer(form, Some(&live), &password).await.unwrap();
    let Step::Saved { flow, .. } = step else { panic!("no password was set: {step:?}") };
    assert_eq!(world.may_go(&flow, &live), ["unlink"]);
}
