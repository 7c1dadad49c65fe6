//! Second factors: what was written is what is read, a use counts once, and the identity knows what it can prove.

use std::time::Duration;

use futures_util::future::join_all;
use identity::Identity;
use identity::factor::lookup_secret::LookupSecrets;
use identity::factor::totp::{Totp, TotpSecret};
use identity::factor::{FactorKind, SecondFactor, StoredFactor};
use identity::flow::{Caller, FlowKind, StartRequest, TotpForm, Transport, start_login, start_settings};
use identity::ports::{Factors as _, Identities as _};
use identity::session::LiveSession;
use identity::{Identifier, Step, Submission, Write, next_step};
use portcullis_storage::ApplyError;
use primitives::subject::AssuranceLevel;
use primitives::{Change, ClientAddress, Clock as _, IdentityId, TenantId};
use serde_json::{Value, json};
use testkit::totp::code;

use super::World;

fn request<'a>(base: &'a url::Url, aal: Option<&'a str>) -> StartRequest<'a> {
    StartRequest { aal, ..StartRequest::new(Transport::Api, base, "/self-service/login/api") }
}

impl World {
    pub(super) async fn ada(&self) -> Identity {
        self.register("ada@example.com").await.unwrap();
        self.read_ada().await
    }

    pub(super) async fn read_ada(&self) -> Identity {
        let identifier = Identifier::parse("ada@example.com").unwrap();
        self.storage.find_by_identifier(&self.tenant, &identifier).await.unwrap().unwrap().0
    }

    async fn factors(&self, identity: IdentityId) -> Vec<StoredFactor> {
        self.storage.list_factors(&self.tenant, identity).await.unwrap()
    }

    async fn change_factor(&self, write: Write) -> Result<(), ApplyError> {
        self.storage.apply(Change::new(self.tenant.clone()).write(write)).await
    }

    fn codes(&self) -> SecondFactor {
        SecondFactor::LookupSecret(LookupSecrets::generate(&*self.rng))
    }

    fn set(&self, identity: IdentityId, factor: SecondFactor, replaces: Option<i64>) -> Write {
        Write::SetFactor { identity, factor, replaces, at: self.clock.now() }
    }

    /// Proves `code` in a sign-in of its own, as the endpoint does: decided again when somebody was faster.
    async fn prove(&self, live: &LiveSession, body: &Value) -> bool {
        let base = self.base.clone();
        let address = ClientAddress("203.0.113.9".parse().unwrap());
        let caller = Caller { address, user_agent: None, session: Some(live) };
        let (own, _) = start_login(self.room(), caller, request(&base, Some("aal2"))).await.unwrap();
        for _ in 0..100 {
            let submission = Submission::from_json(body.to_string().as_bytes()).unwrap();
            let step = next_step(self.room(), caller, own.flow.clone(), submission).await.unwrap();
            let Step::Refreshed { change, .. } = step else { return false };
            match self.storage.apply(change).await {
                Ok(()) => return true,
                Err(ApplyError::Missed { .. }) => {}
                Err(ApplyError::Storage(error)) => panic!("{error}"),
            }
        }
        panic!("never decided")
    }
}

#[tokio::test]
async fn factor_is_read_as_it_was_written_and_raises_what_can_be_proven() {
    for world in World::both().await {
        let ada = world.ada().await;
        assert_eq!(ada.available, AssuranceLevel::Aal1);
        let codes = world.codes();
        world.change_factor(world.set(ada.id, codes.clone(), None)).await.unwrap();
        let found = world.factors(ada.id).await;
        assert_eq!((found.len(), &found[0].factor, found[0].version), (1, &codes, 1));
        assert_eq!(world.read_ada().await.available, AssuranceLevel::Aal2);
        let second = world.change_factor(world.set(ada.id, codes, None)).await;
        assert!(matches!(second, Err(ApplyError::Missed { write: 0 })), "there is one already");

        let elsewhere: TenantId = "other".parse().unwrap();
        assert_eq!(world.storage.list_factors(&elsewhere, ada.id).await, Ok(Vec::new()));
        let remove = || Write::RemoveFactor { identity: ada.id, kind: FactorKind::LookupSecret };
        world.change_factor(remove()).await.unwrap();
        assert_eq!(world.read_ada().await.available, AssuranceLevel::Aal1);
        assert!(matches!(world.change_factor(remove()).await, Err(ApplyError::Missed { write: 0 })));
        let nobody = IdentityId::generate(&*world.rng);
        let of_nobody = world.change_factor(world.set(nobody, world.codes(), None)).await;
        assert!(matches!(of_nobody, Err(ApplyError::Missed { write: 0 })));
    }
}

/// The attack: two factors are taken away at once, and each change counts the other's.
#[tokio::test]
async fn what_can_be_proven_is_right_however_changes_meet() {
    for world in World::both().await {
        let ada = world.ada().await;
        for _ in 0..10 {
            let flow_secret = TotpSecret::generate(&*world.rng);
            let totp = enrol(&flow_secret, &world);
            let set = [world.set(ada.id, totp, None), world.set(ada.id, world.codes(), None)];
            join_all(set.map(|write| world.change_factor(write))).await;
            assert_eq!(world.factors(ada.id).await.len(), 2);
            assert_eq!(world.read_ada().await.available, AssuranceLevel::Aal2);
            let gone = [FactorKind::Totp, FactorKind::LookupSecret]
                .map(|kind| world.change_factor(Write::RemoveFactor { identity: ada.id, kind }));
            join_all(gone).await;
            assert_eq!(world.factors(ada.id).await, Vec::new());
            assert_eq!(world.read_ada().await.available, AssuranceLevel::Aal1, "{}", world.storage.kind());
        }
    }
}

#[tokio::test]
async fn factors_leave_with_their_identity() {
    for world in World::both().await {
        let ada = world.ada().await;
        world.change_factor(world.set(ada.id, world.codes(), None)).await.unwrap();
        world.change_factor(Write::DeleteIdentity(ada.id)).await.unwrap();
        assert_eq!(world.factors(ada.id).await, Vec::new());
    }
}

/// The attack: one code is submitted fifty times at once.
#[tokio::test]
async fn fifty_submits_of_one_code_prove_it_once() {
    for mut world in World::both().await {
        world.settings.limits.address.burst = 10_000;
        world.settings.limits.second_factor.burst = 10_000;
        let ada = world.ada().await;
        let secret = TotpSecret::generate(&*world.rng);
        world.change_factor(world.set(ada.id, enrol(&secret, &world), None)).await.unwrap();
        world.change_factor(world.set(ada.id, world.codes(), None)).await.unwrap();
        world.clock.advance(Duration::from_mins(1));
        let SecondFactor::LookupSecret(codes) = &world.factors(ada.id).await[0].factor else {
            panic!("not backup codes")
        };
        let backup = codes.list()[0].expose().to_owned();
        let Step::SignedIn(signed_in) = world.login("ada@example.com", "correct horse").await.unwrap() else {
            panic!("not signed in")
        };
        let (session, identity) = (signed_in.session.clone(), signed_in.identity.clone());
        world.storage.apply(signed_in.change.seal(world.storage.sealer())).await.unwrap();
        let live = LiveSession::check(session, identity, world.clock.now()).unwrap();
        for body in [
            json!({"method": "totp", "totp_code": code(&secret.base32(), world.clock.now())}),
            json!({"method": "lookup_secret", "lookup_secret": backup}),
        ] {
            let proven = join_all((0..50).map(|_| world.prove(&live, &body))).await;
            let won = proven.iter().filter(|won| **won).count();
            assert_eq!(won, 1, "{body} on {}", world.storage.kind());
        }
    }
}

fn enrol(secret: &TotpSecret, world: &World) -> SecondFactor {
    SecondFactor::Totp(
        Totp::enrol(secret.clone(), &code(&secret.base32(), world.clock.now()), world.clock.now()).unwrap(),
    )
}

/// A form's secret is sealed with the form, and comes back.
#[tokio::test]
async fn form_keeps_the_secret_that_is_not_confirmed_yet() {
    for world in World::both().await {
        world.ada().await;
        let Step::SignedIn(signed_in) = world.login("ada@example.com", "correct horse").await.unwrap() else {
            panic!("not signed in")
        };
        let live =
            LiveSession::check(signed_in.session.clone(), signed_in.identity.clone(), world.clock.now())
                .unwrap();
        let base = world.base.clone();
        let address = ClientAddress("203.0.113.9".parse().unwrap());
        let caller = Caller { address, user_agent: None, session: Some(&live) };
        let (own, change) = start_settings(world.room(), caller, request(&base, None)).await.unwrap();
        world.storage.apply(change).await.unwrap();
        let found = identity::ports::Flows::find_flow(&world.storage, &world.tenant, own.flow.id).await;
        let found = found.unwrap().unwrap();
        assert!(matches!(found.flow().kind, FlowKind::Settings { .. }));
        assert!(matches!(found.flow().factors.totp, TotpForm::Offered { .. }));
        assert_eq!(found.flow().factors, own.flow.factors);
    }
}
