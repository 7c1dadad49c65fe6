//! Self-service flows: found by id, opened by their own browser, bounded in number.

use std::time::Duration;

use identity::Flow;
use identity::flow::csrf::CsrfCookie;
use identity::flow::{
    Caller, FlowBounds, FlowKind, FlowTrace, KEPT_AFTER_EXPIRY, Message, NewFlow, OwnFlow, StartError,
    StartRequest, StoredFlow, Transport, start_login,
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
            browser,
            ..StartRequest::new(
                if browser.is_some() { Transport::Browser } else { Transport::Api },
                &base,
                "/self-service/login/browser",
            )
        };
        let address = ClientAddress("203.0.113.9".parse().unwrap());
        let caller = Caller { address, user_agent: None, session: None };
        let (flow, change) = start_login(self.room(), caller, request).await?;
        self.storage.apply(change).await.unwrap();
        Ok(flow)
    }

    /// What a browser keeps of a new form, with its cookie; there is no row of it.
    async fn begin_held(&self) -> (CsrfCookie, OwnFlow) {
        let cookie = CsrfCookie::generate(&*self.rng);
        let own = self.begin(Some(&cookie.hash(self.storage.sealer(), &self.tenant))).await.unwrap();
        assert!(own.is_held());
        (cookie, own)
    }

    async fn trace(&self, id: FlowId) -> FlowTrace {
        self.storage.trace_flow(&self.tenant, id).await.unwrap()
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
        let own = OwnFlow::begun(world.newest(), Some(cookie.hash(sealer, &world.tenant)));
        world.write(own.insert(&*world.rng, &world.settings.flow, world.clock.now())).await.unwrap();
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
async fn what_a_browser_keeps_becomes_one_row_and_serves_once() {
    for world in World::both().await {
        let (cookie, own) = world.begin_held().await;
        let id = own.flow.id;
        assert_eq!(world.trace(id).await, FlowTrace::Nothing { cut_through: None }, "nothing was written");
        world.write(own.update(own.flow.clone().with_message(Message::generic("first")))).await.unwrap();
        for late in [own.update(own.flow.clone()), own.remove()] {
            assert!(matches!(world.write(late).await, Err(ApplyError::Missed { write: 0 })));
        }
        let found = world.find(id).await.unwrap();
        assert_eq!(found.flow().messages.first().unwrap().text, "first");
        let row = found.check_browser(world.storage.sealer(), &world.tenant, Some(&cookie)).unwrap();
        assert!(!row.is_held());
        world.write(row.remove()).await.unwrap();
        assert_eq!(world.trace(id).await, FlowTrace::Spent);
        assert_eq!(world.find(id).await, None);
        // Neither the cookie nor what was read before brings it back.
        for late in [own.update(own.flow.clone()), own.remove(), row.update(row.flow.clone())] {
            assert!(matches!(world.write(late).await, Err(ApplyError::Missed { write: 0 })));
        }
        assert_eq!(world.trace(id).await, FlowTrace::Spent);
        let elsewhere: TenantId = "other".parse().unwrap();
        let there = world.storage.trace_flow(&elsewhere, id).await.unwrap();
        assert_eq!(there, FlowTrace::Nothing { cut_through: None });
    }
}

#[tokio::test]
async fn of_fifty_who_use_one_cookie_up_at_a_time_one_does() {
    for world in World::both().await {
        let (_, own) = world.begin_held().await;
        let spends = (0..50).map(|_| world.write(own.remove()));
        let done = futures_util::future::join_all(spends).await;
        assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 1);
        assert!(done.iter().all(|done| matches!(done, Ok(()) | Err(ApplyError::Missed { write: 0 }))));
        assert_eq!(world.trace(own.flow.id).await, FlowTrace::Spent);
    }
}

/// Attack: somebody uses a cookie up, has a flood push out the row that says so, and brings the cookie back.
#[tokio::test]
async fn a_cut_takes_the_cookies_of_its_age_with_it() {
    for world in World::both().await {
        let (_, used) = world.begin_held().await;
        let (_, unused) = world.begin_held().await;
        world.write(used.remove()).await.unwrap();
        world.clock.advance(Duration::from_secs(1));
        let (_, young) = world.begin_held().await;
        let mut newest = world.newest();
        newest.expires_at = newest.expires_at.after(Duration::from_secs(1));
        let bounds =
            FlowBounds { expired_before: world.clock.now().before(KEPT_AFTER_EXPIRY), cut_to: Some(1) };
        let FlowBounds { expired_before, cut_to } = bounds;
        for flow in [newest, world.newest()] {
            let flow = Box::new(StoredFlow::new(flow, None, 1));
            world.write(identity::Write::InsertFlow { flow, expired_before, cut_to }).await.unwrap();
        }
        let cut_through = Some(young.flow.expires_at);
        for own in [&used, &unused, &young] {
            assert_eq!(world.trace(own.flow.id).await, FlowTrace::Nothing { cut_through });
            for late in [own.update(own.flow.clone()), own.remove()] {
                assert!(matches!(world.write(late).await, Err(ApplyError::Missed { write: 0 })));
            }
        }
        // What is younger than the youngest that was cut is as good as before; a later cut forgets nothing.
        world.clock.advance(Duration::from_secs(1));
        let (_, after) = world.begin_held().await;
        world.write(after.update(after.flow.clone())).await.unwrap();
        let flow = Box::new(StoredFlow::new(world.newest(), None, 1));
        world.write(identity::Write::InsertFlow { flow, expired_before, cut_to: Some(9) }).await.unwrap();
        assert_eq!(world.trace(used.flow.id).await, FlowTrace::Nothing { cut_through });
        assert!(world.find(after.flow.id).await.is_some());
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
