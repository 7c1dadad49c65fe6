//! Trusted issuers: found by whom they speak for, one of each name, and assertions that are used once.

use jose::PublicJwk;
use oauth2::ports::TokenRepository as _;
use oauth2::trust::{
    TrustFilter, TrustKind, TrustRepository as _, TrustSearch, TrustedIssuer, TrustedSubject,
};
use oauth2::write::Write;

use crate::world::World;

/// The public key of RFC 8037 appendix A.2.
fn key(kid: &str) -> PublicJwk {
    let text = format!(
        "{{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"{kid}\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}}"
    );
    PublicJwk::parse(text.as_bytes()).unwrap()
}

impl World {
    pub(crate) fn trust(&self, id: &str, subject: TrustedSubject, kid: &str) -> TrustedIssuer {
        TrustedIssuer {
            id: id.to_owned(),
            kind: TrustKind::JwtBearer,
            issuer: "https://jwt-idp.example".to_owned(),
            subject,
            scope: "read write".split(' ').collect(),
            jwk: key(kid),
            created_at: self.now(),
            expires_at: self.in_seconds(60),
        }
    }
}

fn one(name: &str) -> TrustedSubject {
    TrustedSubject::One(name.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn trust_is_there_once_for_issuer_subject_and_key_until_it_is_deleted() {
    for world in World::each().await {
        let trust = world.trust("1", one("mike"), "k");
        let insert = |trust: &TrustedIssuer| [Write::InsertTrustedIssuer(Box::new(trust.clone()))];
        assert_eq!(world.apply(insert(&trust)).await, None);
        let same = TrustedIssuer { id: "2".to_owned(), ..trust.clone() };
        assert_eq!(world.apply(insert(&same)).await, Some(0));
        assert_eq!(world.apply(insert(&world.trust("2", one("mike"), "other"))).await, None);
        let find = || world.storage.find_trusted_issuer(&world.tenant, "1");
        assert_eq!(find().await.unwrap(), Some(trust));
        for _ in 0..2 {
            assert_eq!(world.apply([Write::DeleteTrustedIssuer { id: "1".to_owned() }]).await, None);
            assert_eq!(find().await.unwrap(), None);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn trusts_are_found_by_whom_they_speak_for_and_listed_in_pages() {
    for world in World::each().await {
        let trusts = [
            world.trust("1", TrustedSubject::Any, "k"),
            world.trust("2", one("mike"), "k"),
            world.trust("3", one("ada"), "k"),
        ];
        let writes = trusts.clone().map(|trust| Write::InsertTrustedIssuer(Box::new(trust)));
        assert_eq!(world.apply(writes).await, None);
        let find = async |issuer: &str, subject: &str, limit: u32| {
            let search = TrustSearch { kind: TrustKind::JwtBearer, issuer, subject, kid: None };
            let found = world.storage.find_trusts(&world.tenant, search, world.now(), limit).await.unwrap();
            found.into_iter().map(|trust| trust.id).collect::<Vec<_>>()
        };
        let issuer = "https://jwt-idp.example";
        assert_eq!(find(issuer, "mike", 9).await, ["2", "1"], "the very subject first");
        assert_eq!(find(issuer, "mike", 1).await, ["2"]);
        assert_eq!(find(issuer, "eve", 9).await, ["1"]);
        assert!(find("https://other.example", "mike", 9).await.is_empty());
        let find_at = async |kind, at| {
            let search = TrustSearch { kind, issuer, subject: "mike", kid: None };
            world.storage.find_trusts(&world.tenant, search, at, 9).await.unwrap()
        };
        let over = find_at(TrustKind::JwtBearer, world.in_seconds(60)).await;
        assert_eq!(over, [], "what is over takes nobody's place");
        assert_eq!(find_at(TrustKind::IdJag, world.now()).await, [], "nor does what is of another kind");
        let other = TrustedIssuer { kind: TrustKind::IdJag, ..world.trust("4", TrustedSubject::Any, "k2") };
        assert_eq!(world.apply([Write::InsertTrustedIssuer(Box::new(other.clone()))]).await, None);
        assert_eq!(find_at(TrustKind::IdJag, world.now()).await, std::slice::from_ref(&other));
        assert_eq!(find(issuer, "mike", 9).await, ["2", "1"]);
        assert_eq!(world.apply([Write::DeleteTrustedIssuer { id: other.id }]).await, None);
        let list = async |issuer: Option<&str>, after: Option<&str>, limit: u32| {
            let filter = TrustFilter { issuer: issuer.map(str::to_owned), after: after.map(str::to_owned) };
            let found = world.storage.list_trusted_issuers(&world.tenant, &filter, limit).await.unwrap();
            found.into_iter().map(|trust| trust.id).collect::<Vec<_>>()
        };
        assert_eq!(list(None, None, 2).await, ["1", "2"]);
        assert_eq!(list(Some(issuer), Some("2"), 2).await, ["3"]);
        assert!(list(Some("https://other.example"), None, 2).await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn trust_is_found_by_its_key_however_many_are_newer() {
    for world in World::each().await {
        let kids: Vec<_> = (1..=6).map(|n| format!("k{n}")).collect();
        for (age, kid) in (0..).zip(&kids) {
            let created_at = world.in_seconds(age);
            let trust = TrustedIssuer { created_at, ..world.trust(kid, one("mike"), kid) };
            assert_eq!(world.apply([Write::InsertTrustedIssuer(Box::new(trust))]).await, None);
        }
        let anybody = world.trust("anybody", TrustedSubject::Any, "k1");
        assert_eq!(world.apply([Write::InsertTrustedIssuer(Box::new(anybody))]).await, None);
        let find = async |subject: &str, kid: Option<&str>, limit: u32| {
            let issuer = "https://jwt-idp.example";
            let search = TrustSearch { kind: TrustKind::JwtBearer, issuer, subject, kid };
            let found = world.storage.find_trusts(&world.tenant, search, world.now(), limit).await.unwrap();
            found.into_iter().map(|trust| trust.id).collect::<Vec<_>>()
        };
        assert_eq!(find("mike", None, 4).await, ["k6", "k5", "k4", "k3"]);
        for kid in kids.iter().skip(1) {
            assert_eq!(find("mike", Some(kid.as_str()), 4).await, std::slice::from_ref(kid));
        }
        assert_eq!(find("mike", Some("k1"), 4).await, ["k1", "anybody"]);
        assert_eq!(find("eve", Some("k1"), 4).await, ["anybody"]);
        assert!(find("eve", Some("k2"), 4).await.is_empty() && find("mike", Some("k7"), 4).await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn assertion_is_used_once_of_fifty_times_and_is_no_clients() {
    for world in World::each().await {
        let used = async || world.storage.is_bearer_assertion_used(&world.tenant, "jti").await.unwrap();
        let of_client = Write::UseAssertion {
            client: crate::world::client_id("nexboard"),
            jti: "jti".to_owned(),
            expires_at: world.in_seconds(20),
        };
        assert_eq!(world.apply([of_client]).await, None);
        assert!(!used().await);
        world
            .race(Write::UseBearerAssertion { jti: "jti".to_owned(), expires_at: world.in_seconds(20) })
            .await;
        assert!(used().await);
    }
}
