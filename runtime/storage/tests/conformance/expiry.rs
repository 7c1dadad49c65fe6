//! Expired rows leave in bounded batches, and nothing leaves before its time.

use std::collections::BTreeSet;

use identity::Write as IdentityWrite;
use oauth2::authorization::answered::ChallengeId;
use oauth2::grant::Rotation;
use oauth2::lineage::Mark;
use oauth2::ports::{GrantRepository as _, TokenRepository as _};
use oauth2::write::Write;
use portcullis_storage::{ExpiredCounts, Location};
use primitives::{Actor, AuditEvent, Change, TenantId};

use crate::world::{World, client_id};

const DAY: i64 = 86_400;

#[tokio::test(flavor = "multi_thread")]
async fn each_row_leaves_at_its_own_time_and_not_before() {
    for world in World::each().await {
        let grant = world.with_grant("nexboard").await;
        let mut consent = world.consent(grant.subject.id, "nexboard");
        consent.expires_at = Some(world.in_seconds(50));
        let kept = world.consent(grant.subject.id, "another");
        let mut login = world.login_session(grant.subject.id, "l");
        login.expires_at = world.in_seconds(3700);
        let jti = || "jti".to_owned();
        let writes = [
            Write::RememberConsent(Box::new(consent)),
            Write::RememberConsent(Box::new(kept)),
            Write::InsertAuthorizationCode(Box::new(world.code(&grant, "c"))),
            Write::InsertDeviceCode(Box::new(world.device_code("nexboard", "d"))),
            Write::InsertLoginSession(Box::new(login)),
            Write::InsertAccessToken(Box::new(world.access_token(Some(&grant), "nexboard", "a"))),
            Write::InsertRefreshToken(Box::new(world.refresh_token(&grant, "r"))),
            Write::UseAssertion {
                client: client_id("nexboard"),
                jti: jti(),
                expires_at: world.in_seconds(20),
            },
            Write::RevokeJwt { jti: jti(), expires_at: world.in_seconds(30) },
            Write::AnswerChallenge(Box::new(world.answered(ChallengeId::logout("c"), "yes", false))),
        ];
        assert_eq!(world.apply(writes).await, None);
        let person = world.person();
        let session = world.session_of(&person, "s");
        let session_ends = (session.session.expires_at.micros() - world.now().micros()) / 1_000_000;
        let writes = [
            IdentityWrite::InsertIdentity(Box::new(person)),
            IdentityWrite::InsertSession(Box::new(session)),
        ];
        assert_eq!(world.apply(writes).await, None);

        let none = ExpiredCounts::default();
        let mut steps = vec![
            (20, ExpiredCounts { used_assertions: 1, ..none }),
            (30, ExpiredCounts { revoked_jwts: 1, ..none }),
            (40, ExpiredCounts { answered_challenges: 1, ..none }),
            (50, ExpiredCounts { consents: 1, ..none }),
            (60, ExpiredCounts { authorization_codes: 1, ..none }),
            // Five minutes after it was too late to answer it.
            (900, ExpiredCounts { device_codes: 1, ..none }),
            (3600, ExpiredCounts { access_tokens: 1, ..none }),
            (3700, ExpiredCounts { login_sessions: 1, ..none }),
            (session_ends, ExpiredCounts { sessions: 1, ..none }),
            (30 * DAY, ExpiredCounts { refresh_tokens: 1, ..none }),
            // Seven days for signed tokens and a step of one day.
            (38 * DAY, ExpiredCounts { grants: 1, ..none }),
        ];
        steps.sort_by_key(|(at, _)| *at);
        for (at, expected) in steps {
            let early = world.storage.delete_expired(world.in_seconds(at - 1), 10).await.unwrap();
            assert_eq!(early, none, "a second before {at}");
            let counts = world.storage.delete_expired(world.in_seconds(at), 10).await.unwrap();
            assert_eq!((counts, counts.total()), (expected, 1), "at {at}");
        }
        let found = world.storage.find_consent(&world.tenant, grant.subject.id, &client_id("another")).await;
        assert!(found.unwrap().is_some(), "what has no end stays");
    }
}

/// What stays until somebody takes it away, or leaves by another way than its own time; with why.
const STAYS: [(&str, &str); 39] = [
    ("admin_keys", "an operator's, who deletes them; one that expired is shown as such"),
    ("audit_horizon", "one row for each tenant"),
    ("component_usage", "one row for each tenant"),
    ("data_keys", "what is sealed needs them"),
    ("deleted_organisations", "leaves when nothing is left of it (`jobs/src/tenants.rs`)"),
    ("deleted_tenants", "leaves when nothing is left of it (`jobs/src/tenants.rs`)"),
    ("identities", "somebody's account"),
    ("identity_addresses", "with the account"),
    ("identity_factors", "with the account"),
    ("identity_identifiers", "with the account"),
    ("identity_keys", "with the account"),
    ("identity_links", "with the account"),
    ("identity_passwords", "with the account"),
    ("identity_terms", "with the account"),
    ("job_leases", "one row for each job"),
    ("key_set_keys", "an operator's, who deletes them"),
    ("oauth2_registration_turns", "one row for each tenant"),
    ("oauth2_trusted_issuers", "an operator's, who deletes them; one that expired is shown as such"),
    ("organisation_connections", "with the organisation"),
    ("organisation_domain_claims", "with the organisation"),
    ("organisation_domains", "with the organisation"),
    ("organisation_group_members", "with the organisation, or the account"),
    ("organisation_groups", "with the organisation"),
    ("organisation_invitations", "with the organisation, whose owners see what was not accepted"),
    ("organisation_members", "with the organisation, or the account"),
    ("organisations", "an operator's"),
    ("outbox_messages", "leaves when it was delivered, or is a dead message"),
    ("plugin_components", "with the last version that is made of it"),
    ("plugin_events", "one row for each plugin"),
    ("plugin_secrets", "an operator's"),
    ("plugin_usage", "one row for each plugin"),
    ("plugin_versions", "with the plugin"),
    ("provider_secrets", "an operator's"),
    ("schema_state", "one row"),
    ("signing_keys", "leaves after the longest token (`jobs/src/rotation.rs`)"),
    ("tenant_secrets", "an operator's"),
    ("tenants", "an operator's"),
    ("uploaded_plugin_secrets", "an operator's"),
    ("uploaded_plugins", "an operator's"),
];

/// Attack: rows that anybody can cause have an end, and nobody takes them away. So every table is swept by its time or is here with why
/// not; a new one is neither.
#[tokio::test(flavor = "multi_thread")]
async fn every_table_is_swept_or_stays_for_a_reason() {
    let source = include_str!("../../src/expiry.rs");
    let named = |text: &'static str, before: &'static str| {
        let rest = text.split(before).skip(1).map(str::trim_start);
        rest.filter_map(|rest| {
            let name = rest
                .split(|one: char| !one.is_ascii_lowercase() && !one.is_ascii_digit() && one != '_')
                .next()?;
            (!name.is_empty()).then_some(name)
        })
    };
    let by_time = named(source, "DELETE FROM ")
        .chain(named(source, "delete_batch!(\""))
        .chain(named(source, "delete_batch!(\n                \""));
    // By `delete_expired_values`, which keeps the sums of a plugin's values.
    let swept: BTreeSet<&str> = by_time.chain(["plugin_values"]).collect();
    for world in World::each().await {
        let sql = match world.location {
            Location::Sqlite(_) => {
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            }
            Location::Postgres { .. } => {
                "SELECT table_name::text FROM information_schema.tables WHERE table_schema = current_schema()"
            }
        };
        let tables = world.raw_texts(sql).await;
        assert!(tables.len() > 50, "{tables:?}");
        for table in &tables {
            let stays = STAYS.iter().any(|(name, _)| name == table);
            assert!(
                stays != swept.contains(table.as_str()),
                "{table}: swept, or stays for a reason, and not both"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn redeemed_codes_and_rotated_tokens_are_known_while_a_replay_is_to_be_noticed() {
    for world in World::each().await {
        let grant = world.with_grant("nexboard").await;
        let (code, token) = (world.code(&grant, "c"), world.refresh_token(&grant, "r"));
        let rotation =
            Rotation { at: world.now(), successor: world.hash("next"), sealed_successor: b"sealed".to_vec() };
        let writes = [
            Write::InsertAuthorizationCode(Box::new(code.clone())),
            Write::InsertRefreshToken(Box::new(token.clone())),
            Write::ConsumeAuthorizationCode {
                code: code.hash.clone(),
                grant: grant.id,
                at: world.now(),
                kept_until: world.in_seconds(60 * DAY),
            },
            Write::RotateRefreshToken {
                token: token.hash.clone(),
                grant: grant.id,
                rotation: Box::new(rotation),
            },
            Write::RevokeGrant { grant: grant.id, at: world.now() },
        ];
        assert_eq!(world.apply(writes).await, None);
        world.storage.delete_expired(world.in_seconds(30 * DAY - 1), 10).await.unwrap();
        let found = world.storage.find_refresh_token(&world.tenant, &token.hash).await.unwrap();
        assert!(found.is_some_and(|(token, _)| token.rotation.is_some()));
        // Longer than the grant would stay by itself.
        world.storage.delete_expired(world.in_seconds(60 * DAY - 1), 10).await.unwrap();
        let found = world.storage.find_authorization_code(&world.tenant, &code.hash).await.unwrap();
        assert_eq!(found, None, "a redeemed code has no row of its own once it has expired");
        let known = async || {
            let found = world.storage.find_grant_of_redeemed_code(&world.tenant, &code.hash).await;
            found.unwrap().is_some_and(|found| found.id == grant.id)
        };
        assert!(known().await);
        let mut renewed = world.refresh_token(&grant, "renewed");
        renewed.expires_at = world.in_seconds(90 * DAY);
        assert_eq!(world.apply([Write::InsertRefreshToken(Box::new(renewed))]).await, None);
        world.storage.delete_expired(world.in_seconds(90 * DAY - 1), 10).await.unwrap();
        assert!(known().await, "for as long as the family is renewed");
        world.storage.delete_expired(world.in_seconds(98 * DAY), 10).await.unwrap();
        assert!(!known().await, "and is forgotten with its grant");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn grant_stays_while_its_tokens_are_renewed() {
    for world in World::each().await {
        let grant = world.with_grant("nexboard").await;
        for (day, name) in [(0, "r1"), (25, "r2"), (50, "r3")] {
            let mut token = world.refresh_token(&grant, name);
            token.expires_at = world.in_seconds((day + 30) * DAY);
            assert_eq!(world.apply([Write::InsertRefreshToken(Box::new(token))]).await, None);
        }
        let alive = async |day| {
            world.storage.delete_expired(world.in_seconds(day * DAY), 10).await.unwrap();
            world.storage.find_grant(&world.tenant, grant.id).await.unwrap().is_some()
        };
        assert!(alive(79).await);
        assert!(alive(86).await, "signed tokens may live on for a week");
        assert!(!alive(90).await);
    }
}

/// By its grants we know which clients to tell of a session's end.
#[tokio::test(flavor = "multi_thread")]
async fn grant_stays_while_its_session_lives() {
    for world in World::each().await {
        let person = world.person();
        let mut session = world.session_of(&person, "s");
        session.session.expires_at = world.in_seconds(20 * DAY);
        let id = session.session.id;
        let writes = [
            IdentityWrite::InsertIdentity(Box::new(person)),
            IdentityWrite::InsertSession(Box::new(session)),
        ];
        assert_eq!(world.apply(writes).await, None);
        let mut grant = world.with_grant("nexboard").await;
        let other = grant.id;
        grant = world.grant(grant.subject.id, "nexboard");
        grant.subject.session = id;
        assert_eq!(world.apply([Write::InsertGrant(Box::new(grant.clone()))]).await, None);
        let alive = async |day, id| {
            world.storage.delete_expired(world.in_seconds(day * DAY), 10).await.unwrap();
            world.storage.find_grant(&world.tenant, id).await.unwrap().is_some()
        };
        assert!(alive(19, grant.id).await);
        assert!(!alive(19, other).await, "that of a session that is not there");
        // It was prolonged meanwhile.
        let extend = IdentityWrite::ExtendSession {
            session: id,
            expires_at: world.in_seconds(40 * DAY),
            at: world.in_seconds(19 * DAY),
        };
        assert_eq!(world.apply([extend]).await, None);
        assert!(alive(39, grant.id).await);
        assert!(!alive(40, grant.id).await);
    }
}

/// So it is with a sign-in at a login app of the tenant's own.
#[tokio::test(flavor = "multi_thread")]
async fn grant_stays_while_its_sign_in_at_a_login_app_lives() {
    for world in World::each().await {
        let other = world.with_grant("nexboard").await;
        let mut login = world.login_session(other.subject.id, "l");
        login.expires_at = world.in_seconds(20 * DAY);
        let mut grant = world.grant(other.subject.id, "nexboard");
        grant.subject.session = login.id;
        let (session, token) = (login.id, world.hash("m"));
        let writes =
            [Write::InsertLoginSession(Box::new(login)), Write::InsertGrant(Box::new(grant.clone()))];
        assert_eq!(world.apply(writes).await, None);
        let alive = async |day, id| {
            world.storage.delete_expired(world.in_seconds(day * DAY), 10).await.unwrap();
            world.storage.find_grant(&world.tenant, id).await.unwrap().is_some()
        };
        assert!(alive(9, grant.id).await);
        assert!(!alive(9, other.id).await, "that of a session that is not there");
        assert!(alive(19, grant.id).await);
        // They signed in again meanwhile.
        let extend = Write::ExtendLoginSession {
            session,
            token,
            remembered_until: None,
            expires_at: world.in_seconds(40 * DAY),
        };
        assert_eq!(world.apply([extend]).await, None);
        assert!(alive(39, grant.id).await);
        assert!(!alive(40, grant.id).await);
    }
}

/// Such a token has no row that would keep it.
#[tokio::test(flavor = "multi_thread")]
async fn grant_stays_while_a_signed_token_lives_that_lives_long() {
    for world in World::each().await {
        let kept = world.with_grant("nexboard").await;
        let other = world.grant(kept.subject.id, "nexboard");
        let keep = |day: i64| Write::KeepGrant { grant: kept.id, until: world.in_seconds(day * DAY) };
        let writes = [Write::InsertGrant(Box::new(other.clone())), keep(20), keep(12)];
        assert_eq!(world.apply(writes).await, None);
        assert_eq!(world.apply([keep(11)]).await, None, "nothing is brought forward");
        let alive = async |day, id| {
            world.storage.delete_expired(world.in_seconds(day * DAY), 10).await.unwrap();
            world.storage.find_grant(&world.tenant, id).await.unwrap().is_some()
        };
        assert!(alive(19, kept.id).await && !alive(19, other.id).await);
        // A step of one day later.
        assert!(!alive(21, kept.id).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_call_takes_no_more_than_its_limit_of_a_table() {
    for mut world in World::each().await {
        for tenant in ["a", "b"] {
            world.tenant = tenant.parse().unwrap();
            let revoke =
                |at: i64| Write::RevokeJwt { jti: format!("jti{at}"), expires_at: world.in_seconds(at) };
            assert_eq!(world.apply((1..=5).map(revoke)).await, None);
        }
        let mut deleted = Vec::new();
        loop {
            let counts = world.storage.delete_expired(world.in_seconds(4), 3).await.unwrap();
            deleted.push(counts.revoked_jwts);
            if !counts.is_full(3) {
                break;
            }
        }
        assert_eq!(deleted, [3, 3, 2], "of all tenants");
        assert!(world.storage.is_any_revoked(&world.tenant, &[Mark::of_signed("jti5")]).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn change_log_keeps_its_last_hour() {
    for world in World::each().await {
        let update = || Write::RevokeGrantsOfClient { client: client_id("a"), at: world.now() };
        assert_eq!(world.apply([update(), update(), update()]).await, None);
        world.clock.advance(std::time::Duration::from_secs(3599));
        assert_eq!(world.storage.trim_changes(world.in_seconds(100), 10).await.unwrap(), 0);
        world.clock.advance(std::time::Duration::from_secs(1));
        assert_eq!(
            world.storage.trim_changes(world.in_seconds(-3601), 10).await.unwrap(),
            0,
            "not asked for"
        );
        assert_eq!(world.storage.trim_changes(world.now(), 2).await.unwrap(), 2);
        assert_eq!(world.storage.trim_changes(world.now(), 2).await.unwrap(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn audit_records_are_read_newest_first_and_trimmed_oldest_first() {
    for world in World::each().await {
        let other: TenantId = "other".parse().unwrap();
        for (tenant, name) in
            [(&world.tenant, "1"), (&world.tenant, "2"), (&other, "x"), (&world.tenant, "3")]
        {
            let event = AuditEvent::new("thing.done", Actor::System, "thing", &name).with("why", &"because");
            let change: Change<Write> = Change::new(tenant.clone()).audit(event);
            world.storage.apply(change).await.unwrap();
            world.clock.advance(std::time::Duration::from_secs(1));
        }
        let mut below = None;
        let mut seen = Vec::new();
        loop {
            let page = world.storage.list_audit_records(&world.tenant, below, 2).await.unwrap();
            let Some(last) = page.last() else { break };
            below = Some(last.position());
            seen.extend(page.iter().map(|record| record.target_id.clone()));
        }
        assert_eq!(seen, ["3", "2", "1"]);
        let all = world.storage.list_audit_records(&other, None, 10).await.unwrap();
        let [record] = all.as_slice() else { panic!("not one record") };
        assert_eq!(
            (record.action.as_str(), record.actor.as_str(), record.target_kind.as_str()),
            ("thing.done", "system", "thing")
        );
        assert_eq!(record.details["why"], "because");

        let oldest = async |after| world.storage.find_oldest_audit_record(after).await.unwrap();
        let (first, second) = (world.in_seconds(-4), world.in_seconds(-2));
        assert_eq!(oldest(None).await, Some((world.tenant.clone(), first)));
        assert_eq!(oldest(Some(&world.tenant)).await, Some((other.clone(), second)));
        assert_eq!(oldest(Some(&other)).await, None);

        let trim =
            async |limit| world.storage.trim_audit(&world.tenant, world.in_seconds(-1), limit).await.unwrap();
        assert_eq!((trim(1).await, trim(10).await), (1, 1));
        let left = world.storage.list_audit_records(&world.tenant, None, 10).await.unwrap();
        assert_eq!(left.iter().map(|r| r.target_id.as_str()).collect::<Vec<_>>(), ["3"]);
        assert_eq!(world.storage.list_audit_records(&other, None, 10).await.unwrap().len(), 1);
    }
}
