//! Keys that are not in the node's memory: what they sign is good everywhere, and nothing else signs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::BoxFuture;
use jose::{ForeignKey, KeyId, PublicJwk, SignError, Signer, SigningAlgorithm, TenantKeys, generate};
use oauth2::ports::{PortResult, TokenKeys};
use primitives::rng::SeededRng;
use primitives::{TenantId, Timestamp};
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::oauth2::code::{App, header, sign_up};
use crate::world::World;

/// A module that signs, and gives nothing else away; it takes its time.
#[derive(Debug)]
struct Module {
    kid: KeyId,
    public: PublicJwk,
    within: Signer,
    signed: AtomicUsize,
}

impl Module {
    fn new() -> Self {
        let pair = generate(SigningAlgorithm::Es256, &SeededRng::new(77)).unwrap();
        let (kid, public) = ("module-1".parse().unwrap(), pair.public().clone());
        Self { kid, public, within: Signer::new(&pair).unwrap(), signed: AtomicUsize::new(0) }
    }
}

impl ForeignKey for Module {
    fn kid(&self) -> &KeyId {
        &self.kid
    }

    fn algorithm(&self) -> SigningAlgorithm {
        SigningAlgorithm::Es256
    }

    fn public(&self) -> &PublicJwk {
        &self.public
    }

    fn sign<'a>(&'a self, text: &'a [u8]) -> BoxFuture<'a, Result<Vec<u8>, SignError>> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            self.signed.fetch_add(1, Ordering::SeqCst);
            self.within.sign_bytes(text)
        })
    }
}

/// Every tenant signs with the module.
#[derive(Debug)]
struct OfModule(Arc<Module>);

impl TokenKeys for OfModule {
    fn load_keys<'a>(&'a self, _: &'a TenantId) -> PortResult<'a, Arc<TenantKeys>> {
        let none = TenantKeys::new(&[], Timestamp::from_seconds(0)).unwrap();
        let keys = none.with_foreign(vec![self.0.clone()]).unwrap();
        Box::pin(async move { Ok(Arc::new(keys)) })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_signed_by_a_key_that_is_elsewhere() {
    let module = Arc::new(Module::new());
    let world = World::start_signing_with(Arc::new(OfModule(module.clone()))).await;
    let app = App::register(&world, true).await;
    let mut ada = Browser::default();
    sign_up(&world, &mut ada, "ada@acme.example").await;
    let code = ada.get(&app.authorize(&[])).await.sent("code").unwrap();
    let tokens: Value = app.redeem(&code).await.json();
    for name in ["access_token", "id_token"] {
        let header = header(tokens[name].as_str().unwrap_or_else(|| panic!("{tokens}")));
        assert_eq!((&header["kid"], &header["alg"]), (&json!("module-1"), &json!("ES256")), "{name}");
    }
    assert_eq!(module.signed.load(Ordering::SeqCst), 2);
    let access = tokens["access_token"].as_str().unwrap();
    assert!(app.is_active(access).await);
    let headers = [("authorization", format!("Bearer {access}"))];
    let userinfo = format!("{}/userinfo", world.tenant("acme"));
    assert_eq!(ada.send("GET", &userinfo, &headers, String::new()).await.status, 200);
    let hinted = [("prompt", "none"), ("id_token_hint", tokens["id_token"].as_str().unwrap())];
    assert!(ada.get(&app.authorize(&hinted)).await.sent("code").is_some());
    let set = ada.get_json(&format!("{}/.well-known/jwks.json", world.tenant("acme"))).await.json();
    let names: Vec<_> = set["keys"].as_array().unwrap().iter().map(|key| key["kid"].clone()).collect();
    assert_eq!(names, ["module-1"], "what is in memory signs nothing, and is not published");
}
