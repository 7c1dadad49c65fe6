//! A tenant with one provider, and a form from which somebody is sent there.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use identity::Flow;
use identity::flow::{FlowKind, NewFlow, Transport};
use identity::hooks::{ClaimMapper, NoClaimMapper};
use identity::providers::{Beginning, ProvenElsewhere, Providers as _};
use portcullis_federation::ports::{Connections, NamedSecret, ProviderSecrets, StoreUnavailable};
use portcullis_federation::{
    Connection, Failure, Federation, Parts, ProviderSettings, Response, Settings, TenantProviders,
};
use primitives::rng::SeededRng;
use primitives::seal::{DataKey, Keyring};
use primitives::time::FixedClock;
use primitives::{OrganisationId, Sealer, Secret, TenantId, Timestamp};
use serde_json::{Value, json};
use testkit::provider::{FakeProvider, Manners};

pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

#[derive(Debug)]
struct OneSecret(Option<String>);

impl ProviderSecrets for OneSecret {
    fn find_provider_secret<'a>(
        &'a self,
        _: &'a TenantId,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Option<Secret<String>>, StoreUnavailable>> {
        Box::pin(std::future::ready(Ok(self.0.clone().map(Secret::new))))
    }

    fn list_provider_secrets<'a>(
        &'a self,
        _: &'a TenantId,
    ) -> BoxFuture<'a, Result<Vec<NamedSecret>, StoreUnavailable>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }
}

/// For a tenant without organisations.
#[derive(Debug)]
struct NoConnections;

impl Connections for NoConnections {
    fn find_connection<'a>(
        &'a self,
        _: &'a TenantId,
        _: OrganisationId,
    ) -> BoxFuture<'a, Result<Option<Connection>, StoreUnavailable>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn find_connection_by_provider<'a>(
        &'a self,
        _: &'a TenantId,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Option<Connection>, StoreUnavailable>> {
        Box::pin(std::future::ready(Ok(None)))
    }
}

pub(crate) struct World {
    pub(crate) provider: Arc<FakeProvider>,
    pub(crate) providers: TenantProviders,
    pub(crate) clock: Arc<FixedClock>,
    flow: Flow,
}

impl World {
    /// A provider of this kind; `settings` are beside the usual.
    pub(crate) fn new(kind: &str, settings: &Value, secret: Option<&str>, manners: Manners) -> Self {
        Self::mapped(kind, settings, (secret, manners), Arc::new(NoClaimMapper))
    }

    /// The same with plugins.
    pub(crate) fn mapped(
        kind: &str,
        settings: &Value,
        (secret, manners): (Option<&str>, Manners),
        mapper: Arc<dyn ClaimMapper>,
    ) -> Self {
        let provider = Arc::new(FakeProvider::new(manners, NOW).unwrap());
        let clock = Arc::new(FixedClock::new(NOW));
        let rng = Arc::new(SeededRng::new(1));
        let key = DataKey { id: 1, material: [7; 32].into() };
        let federation = Federation::new(Parts {
            outbound: provider.clone(),
            mapper,
            secrets: Arc::new(OneSecret(secret.map(str::to_owned))),
            connections: Arc::new(NoConnections),
            sealer: Sealer::new(Keyring::new(key, []), rng.clone()),
            clock: clock.clone(),
            rng: rng.clone(),
        });
        let mut one = json!({ "id": "p", "provider": kind, "client_id": "client" });
        for (name, value) in settings.as_object().unwrap() {
            one[name] = value.clone();
        }
        let one: ProviderSettings = serde_json::from_value(one).unwrap();
        let settings = Settings { providers: vec![one] };
        let mut wrong = Vec::new();
        settings.check(&mut |key, message| wrong.push(format!("{key}: {message}")));
        assert_eq!(wrong, [""; 0]);
        let tenant = TenantId::default_tenant();
        let new = NewFlow {
            kind: FlowKind::Registration { login_challenge: None },
            transport: Transport::Browser,
            request: "/self-service/registration/browser".to_owned(),
            return_to: None,
            schema: "default".to_owned(),
        };
        Self {
            flow: Flow::begin(new, &*rng, NOW, &identity::Settings::default()),
            providers: TenantProviders::new(&federation, (&tenant, "https://id.example"), &settings, false),
            provider,
            clock,
        }
    }

    /// Where the browser is sent.
    pub(crate) async fn begin(&self) -> String {
        let parameters = BTreeMap::new();
        let beginning = Beginning { flow: &self.flow, provider: "p", parameters: &parameters };
        let begun = self.providers.begin(beginning).await;
        begun.unwrap_or_else(|error| panic!("{error}: {:?}", self.provider.asked())).into()
    }

    /// Comes back with an answer.
    pub(crate) async fn come_back(&self, query: &str) -> Result<ProvenElsewhere, Failure> {
        let response = Response::parse(query.as_bytes()).unwrap();
        let came = self.providers.came_back(response, Some("p")).unwrap();
        self.providers.redeem(&came).await
    }

    /// Signs in: agrees at the provider and comes back.
    pub(crate) async fn sign_in(&self) -> Result<ProvenElsewhere, Failure> {
        let url = self.begin().await;
        let query = self.provider.agree(&url).unwrap();
        self.come_back(&query).await
    }
}
