//! Devices' requests: found by either code, answered once, redeemed once, dead with their grant.

use oauth2::device::{DeviceAnswer, DeviceCodeRepository as _, Polling};
use oauth2::ports::TokenRepository as _;
use oauth2::write::Write;

use crate::world::{World, client_id};

#[tokio::test(flavor = "multi_thread")]
async fn request_is_found_by_either_of_its_codes_and_both_are_taken() {
    for world in World::each().await {
        let code = world.device_code("tv", "d");
        assert_eq!(world.apply([Write::InsertDeviceCode(Box::new(code.clone()))]).await, None);
        for (hash, user_code) in
            [(code.hash.clone(), world.hash("x")), (world.hash("y"), code.user_code.clone())]
        {
            let other = oauth2::device::DeviceCode { hash, user_code, ..code.clone() };
            assert_eq!(world.apply([Write::InsertDeviceCode(Box::new(other))]).await, Some(0));
        }
        let by_device = world.storage.find_device_code(&world.tenant, &code.hash).await.unwrap();
        let by_person = world.storage.find_user_code(&world.tenant, &code.user_code).await.unwrap();
        assert_eq!((by_device.as_ref(), by_person.as_ref()), (Some(&code), Some(&code)));
        let crossed = world.storage.find_user_code(&world.tenant, &code.hash).await.unwrap();
        assert_eq!(crossed, None, "one code is never taken for the other");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn request_is_answered_once_of_fifty_times_and_not_too_late() {
    for world in World::each().await {
        let grant = world.with_grant("tv").await;
        let code = world.device_code("tv", "d");
        assert_eq!(world.apply([Write::InsertDeviceCode(Box::new(code.clone()))]).await, None);
        let answer = |grant, at| Write::AnswerDeviceCode { code: code.hash.clone(), grant, at };
        assert_eq!(world.apply([answer(Some(grant.id), code.expires_at)]).await, Some(0), "too late");
        world.race(answer(Some(grant.id), world.now())).await;
        assert_eq!(world.apply([answer(None, world.now())]).await, Some(0), "nothing is taken back");
        let found = world.storage.find_device_code(&world.tenant, &code.hash).await.unwrap().unwrap();
        assert_eq!(found.answer, Some(DeviceAnswer::Allowed(grant.id)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn allowed_code_is_redeemed_once_of_fifty_times_and_remembered_with_its_grant() {
    for world in World::each().await {
        let (grant, other) = (world.with_grant("tv").await, world.with_grant("radio").await);
        let code = world.device_code("tv", "d");
        let at = world.now();
        let consume = |grant| Write::ConsumeDeviceCode {
            code: code.hash.clone(),
            grant,
            at,
            kept_until: world.in_seconds(3_600),
        };
        assert_eq!(world.apply([Write::InsertDeviceCode(Box::new(code.clone()))]).await, None);
        assert_eq!(world.apply([consume(grant.id)]).await, Some(0), "nobody has answered");
        let answer = Write::AnswerDeviceCode { code: code.hash.clone(), grant: Some(grant.id), at };
        assert_eq!(world.apply([answer]).await, None);
        assert_eq!(world.apply([consume(other.id)]).await, Some(0), "another grant");
        let revoke = Write::RevokeGrant { grant: grant.id, at };
        assert_eq!(world.apply([revoke, consume(grant.id)]).await, Some(1), "a revoked grant");
        world.race(consume(grant.id)).await;
        let found = world.storage.find_device_code(&world.tenant, &code.hash).await.unwrap().unwrap();
        assert_eq!(found.answer, Some(DeviceAnswer::Redeemed(grant.id)));
        world.storage.delete_expired(world.in_seconds(900), 10).await.unwrap();
        assert_eq!(world.storage.find_device_code(&world.tenant, &code.hash).await.unwrap(), None);
        let remembered = world.storage.find_grant_of_redeemed_code(&world.tenant, &code.hash).await.unwrap();
        assert_eq!(remembered.map(|found| found.id), Some(grant.id));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn denied_code_gives_nothing() {
    for world in World::each().await {
        let grant = world.with_grant("tv").await;
        let code = world.device_code("tv", "d");
        let deny = Write::AnswerDeviceCode { code: code.hash.clone(), grant: None, at: world.now() };
        assert_eq!(world.apply([Write::InsertDeviceCode(Box::new(code.clone())), deny]).await, None);
        let (hash, at) = (code.hash.clone(), world.now());
        let consume = Write::ConsumeDeviceCode { code: hash, grant: grant.id, at, kept_until: at };
        assert_eq!(world.apply([consume]).await, Some(0));
        let found = world.storage.find_device_code(&world.tenant, &code.hash).await.unwrap().unwrap();
        assert_eq!(found.answer, Some(DeviceAnswer::Denied));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn polls_are_noted_for_one_code_and_waiting_ones_are_counted_by_client() {
    for world in World::each().await {
        for (client, name) in [("tv", "a"), ("tv", "b"), ("radio", "c")] {
            let code = Box::new(world.device_code(client, name));
            assert_eq!(world.apply([Write::InsertDeviceCode(code)]).await, None);
        }
        let polling = Polling { interval: 10, next_at: world.in_seconds(9) };
        assert_eq!(world.apply([Write::NotePoll { code: world.hash("a"), polling }]).await, None);
        let of = async |name: &str| {
            world.storage.find_device_code(&world.tenant, &world.hash(name)).await.unwrap().unwrap().polling
        };
        assert_eq!(of("a").await, polling);
        assert_eq!(of("b").await.interval, 5);
        let count = async |client: &str, at: i64, most: u32| {
            let (client, at) = (client_id(client), world.in_seconds(at));
            world.storage.count_device_codes(&world.tenant, &client, at, most).await.unwrap()
        };
        assert_eq!((count("tv", 0, 9).await, count("tv", 0, 1).await, count("radio", 0, 9).await), (2, 1, 1));
        assert_eq!(
            (count("tv", 599, 9).await, count("tv", 600, 9).await),
            (2, 0),
            "what has expired waits no more"
        );
    }
}
