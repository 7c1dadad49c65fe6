//! Self-service flows: found by id, opened by their own browser, bounded in number.

use std::time::Duration;

use identity::Flow;
use identity::flow::csrf::CsrfCookie;
use identity::flow::{
    AskedOnward, Caller, FlowKind, KEPT_AFTER_EXPIRY, Message, NewFlow, OwnFlow, StartError, StartRequest,
    StoredFlow, Transport, start_login,
};
use identity::ports::Flows as _;
use identity::settings::Rate;
use portcullis_storage::ApplyError;
use primitives::{Change, ClientAddress, Clock as _, FlowId, KeyedHash, TenantId};
use url::Url;

use super::World;

impl World {
    async fn begin(&self, browser: Option<&KeyedHash>) -> Result<OwnFlow, StartError> {
        let base = Url::parse("https://id.example").unwrap();
        let request = StartRequest {
            transport: if browser.is_some() { Transport::Browser } else { Transport::Api },
            base: &base,
            request: "/self-service/login/browser",
            return_to: None,
            onward: AskedOnward::default(),
            identity_schema: None,
            login_challenge: None,
            login_hint: None,
            refresh: false,
            select_account: false,
            aal: None,
            via: None,
            organisation: None,
            invitation: None,
            exchange: false,
            browser,
        };
        let address = ClientAddress("203.0.113.9".parse().unwrap());
        let caller = Caller { address, user_agent: None, session: None };
        let (flow, change) = start_login(self.room(), caller, request).await?;
        self.storage.apply(change).await.unwrap();
        Ok(flow)
    }

    async fn find(&self, id: FlowId) -> Option<StoredFlow> {
        self.storage.find_flow(&self.tenant, id).await.unwrap()
    }

    /// A flow that begins now, not stored yet.
    fn newest(&self) -> Flow {
        let new = NewFlow {
            kind: FlowKind::Registration { login_challenge: None },
            transport: Transport::Api,
            request: String::new(),
            return_to: None,
            schema: "default".to_owned(),
        };
        Flow::begin(new, &*self.rng, self.clock.now(), &self.settings)
    }

    async fn write(&self, write: identity::Write) -> Result<(), ApplyError> {
        self.storage.apply(Change::new(self.tenant.clone()).write(write)).await
    }
}

#[tokio::test]
async fn flow_is_found_by_id_and_opens_for_its_own_browser() {
    for world in World::both().await {
        let sealer = world.storage.sealer();
        let cookie = CsrfCookie::generate(&*world.rng);
        let other = CsrfCookie::generate(&*world.rng);
        let hash = cookie.hash(sealer, &world.tenant);
        let own = world.begin(Some(&hash)).await.unwrap();
        for (presented, opens) in [(Some(&cookie), true), (Some(&other), false), (None, false)] {
            let found = world.find(own.flow.id).await.unwrap();
            let opened = found.check_browser(sealer, &world.tenant, presented);
            assert_eq!(opened.is_ok_and(|found| found == own), opens, "{presented:?}");
        }
        let native = world.begin(None).await.unwrap();
        let found = world.find(native.flow.id).await.unwrap();
        assert_eq!(found.check_browser(sealer, &world.tenant, None), Ok(native.clone()));

        let elsewhere: TenantId = "other".parse().unwrap();
        assert_eq!(world.storage.find_flow(&elsewhere, native.flow.id).await, Ok(None));
        world.write(native.remove()).await.unwrap();
        assert_eq!(world.find(native.flow.id).await, None);
    }
}

#[tokio::test]
async fn of_two_updates_of_one_version_the_second_misses() {
    for world in World::both().await {
        let own = world.begin(None).await.unwrap();
        let corrected = |text: &str| own.update(own.flow.clone().with_message(Message::generic(text)));
        world.write(corrected("first")).await.unwrap();
        let second = world.write(corrected("second")).await;
        assert!(matches!(second, Err(ApplyError::Missed { write: 0 })));
        let found = world.find(own.flow.id).await.unwrap();
        assert_eq!((found.flow().messages.first().unwrap().text.as_str(), found.version()), ("first", 2));
    }
}

#[tokio::test]
async fn long_expired_flows_leave_as_new_ones_come() {
    for world in World::both().await {
        let old = [world.begin(None).await.unwrap(), world.begin(None).await.unwrap()];
        world.clock.advance(world.settings.flow.lifespan() + Duration::from_secs(1));
        let young = world.begin(None).await.unwrap();
        assert!(world.find(old[0].flow.id).await.is_some(), "it still says that it expired");
        world.clock.advance(KEPT_AFTER_EXPIRY);
        world.begin(None).await.unwrap();
        for (flow, stays) in [(&old[0], false), (&old[1], false), (&young, true)] {
            assert_eq!(world.find(flow.flow.id).await.is_some(), stays);
        }
    }
}

#[tokio::test]
async fn cut_leaves_the_newest_flows() {
    for world in World::both().await {
        let mut begun = Vec::new();
        for _ in 0..5 {
            begun.push(world.begin(None).await.unwrap());
            world.clock.advance(Duration::from_secs(1));
        }
        let new = world.newest();
        let write = identity::Write::InsertFlow {
            flow: Box::new(StoredFlow::new(new, None, 1)),
            expired_before: world.clock.now().before(KEPT_AFTER_EXPIRY),
            cut_to: Some(3),
        };
        world.write(write).await.unwrap();
        let mut left = Vec::new();
        for own in &begun {
            left.push(world.find(own.flow.id).await.is_some());
        }
        assert_eq!(left, [false, false, false, true, true], "three with the new one");
    }
}

#[tokio::test]
async fn beginnings_are_counted_by_client_address() {
    for mut world in World::both().await {
        world.settings.limits.flow = Rate { burst: 3, refill_seconds: 60 };
        for _ in 0..3 {
            world.begin(None).await.unwrap();
        }
        assert!(matches!(world.begin(None).await, Err(StartError::Limited(_))));
        world.clock.advance(Duration::from_mins(1));
        assert!(world.begin(None).await.is_ok());
    }
}
