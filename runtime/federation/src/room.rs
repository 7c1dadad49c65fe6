//! What a node and a tenant have of this room.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use identity::Identity;
use identity::flow::FlowError;
use identity::hooks::{ClaimMapper, MappingDecision, Origin, Upstream, UpstreamSource};
use identity::ports::StoreUnavailable;
use identity::providers::{
    Beginning, Link, Offer, PresentedIdToken, ProvenElsewhere, ProviderFailure, Providers, UpstreamTokens,
};
use identity::schema::Schema;
use jose::VerifyingKeys;
use primitives::hook_document::HookDocument;
use primitives::hooks::{HookContext, HookFailure, HookFailureKind};
use primitives::outbound::Outbound;
use primitives::{Clock, OrganisationId, Rng, Sealer, Secret, TenantId, Timestamp};
use tokio::sync::OwnedMutexGuard;
use url::Url;

use crate::callback::{self, CallbackError, CameBack, Response};
use crate::connection::{Connection, is_connection};
use crate::discovery::{Documents, Endpoints};
use crate::failure::Failure;
use crate::id_token::{self, Expected};
use crate::person;
use crate::ports::{Connections, ProviderSecrets};
use crate::provider::Provider;
use crate::renew::{self, Turns};
use crate::settings::Settings;
use crate::wire::Wire;
use crate::{begin, mapping};

/// What the room needs from outside.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each type says what it is")]
pub struct Parts {
    pub outbound: Arc<dyn Outbound>,
    pub mapper: Arc<dyn ClaimMapper>,
    pub secrets: Arc<dyn ProviderSecrets>,
    pub connections: Arc<dyn Connections>,
    pub sealer: Sealer,
    pub clock: Arc<dyn Clock>,
    pub rng: Arc<dyn Rng>,
}

/// What a node has of this room: what it fetched of providers lately, and who renews what.
#[derive(Debug)]
pub struct Federation {
    parts: Parts,
    documents: Documents,
    turns: Turns,
}

impl Federation {
    /// Puts it together.
    pub fn new(parts: Parts) -> Arc<Self> {
        Arc::new(Self { parts, documents: Documents::default(), turns: Turns::default() })
    }
}

/// The providers of one tenant: those of its settings, and the connections of its organisations, which are looked up.
#[derive(Debug)]
pub struct TenantProviders {
    federation: Arc<Federation>,
    tenant: TenantId,
    base_url: String,
    providers: Vec<Arc<Provider>>,
    offers: Vec<Offer>,
}

impl TenantProviders {
    /// Those that its settings name. Where the operator's file does (`by_operator`), their servers may be anywhere.
    pub fn new(
        federation: &Arc<Federation>,
        (tenant, base_url): (&TenantId, &str),
        settings: &Settings,
        by_operator: bool,
    ) -> Self {
        let known = settings.providers.iter().filter_map(|one| Provider::new(one, by_operator));
        let providers: Vec<Arc<Provider>> = known.map(Arc::new).collect();
        Self {
            federation: Arc::clone(federation),
            tenant: tenant.clone(),
            base_url: base_url.trim_end_matches('/').to_owned(),
            offers: providers.iter().map(|provider| provider.offer()).collect(),
            providers,
        }
    }

    pub(crate) fn asking(&self) -> Asking<'_> {
        Asking {
            federation: &self.federation,
            tenant: &self.tenant,
            base_url: &self.base_url,
            now: self.federation.parts.clock.now(),
        }
    }

    pub(crate) async fn find(&self, id: &str) -> Result<Arc<Provider>, Failure> {
        if !is_connection(id) {
            let known = self.providers.iter().find(|provider| provider.id() == id);
            return known.map(Arc::clone).ok_or(Failure::Unknown);
        }
        let connections = &self.federation.parts.connections;
        let found = connections.find_connection_by_provider(&self.tenant, id).await;
        let found = found.map_err(|error| Failure::Store(error.0))?;
        // A disabled one is not there, for whoever is on the way back from it neither.
        let found = found.filter(|found| found.enabled).ok_or(Failure::Unknown)?;
        // No operator's word, whoever owns the tenant.
        Provider::new(&found.settings, false).map(Arc::new).ok_or(Failure::Unknown)
    }

    /// The providers of the settings.
    pub(crate) fn declared(&self) -> impl Iterator<Item = &Provider> {
        self.providers.iter().map(|provider| &**provider)
    }

    /// A provider as forms would offer it, an organisation's connection among them; `None` if there is none of that name.
    pub async fn offer(&self, id: &str) -> Result<Option<Offer>, Failure> {
        match self.find(id).await {
            Ok(provider) => Ok(Some(provider.offer())),
            Err(Failure::Unknown) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// What people know a provider by.
    pub async fn label(&self, id: &str) -> String {
        self.find(id).await.map_or_else(|_| id.to_owned(), |provider| provider.label.clone())
    }

    /// The issuers of the providers of the settings, each with the provider's name. One whose people are linked by another name than
    /// `sub` is not among them.
    pub fn issuers(&self) -> Vec<(String, String)> {
        let by_sub = self.providers.iter().filter(|provider| provider.settings.subject_source.is_none());
        by_sub.filter_map(|provider| Some((provider.issuer()?, provider.id().to_owned()))).collect()
    }

    /// What is registered at a provider of the settings as the address of its answers.
    pub fn redirect_uri(&self, id: &str) -> Option<String> {
        let known = self.providers.iter().find(|provider| provider.id() == id);
        known.map(|provider| format!("{}{}", self.base_url, provider.callback()))
    }

    /// The same of a connection.
    pub fn redirect_uri_of(&self, connection: &Connection) -> Option<String> {
        let provider = Provider::new(&connection.settings, false)?;
        Some(format!("{}{}", self.base_url, provider.callback()))
    }

    /// Whether the provider behind a connection can be asked: its discovery document is read, if it has one, at a public
    /// address alone. Nothing else is done.
    pub async fn answers(&self, connection: &Connection) -> Result<(), Failure> {
        let provider = Provider::new(&connection.settings, false).ok_or(Failure::Unknown)?;
        self.asking().endpoints(&provider).await.map(drop)
    }

    /// Reads what a browser brings to the address of a provider, or to that of all.
    pub fn came_back(&self, response: Response, at: Option<&str>) -> Result<CameBack, CallbackError> {
        CameBack::open(self.asking(), response, at)
    }

    /// Who somebody is, by an answer of this browser that came for the first time: the caller has checked both.
    pub async fn redeem(&self, came: &CameBack) -> Result<ProvenElsewhere, Failure> {
        let provider = self.find(came.provider()).await?;
        callback::redeem(self.asking(), &provider, came).await
    }

    /// Waits until nobody else renews the tokens of a link. Whoever has the turn reads them again first.
    pub async fn turn(&self, link: &Link) -> OwnedMutexGuard<()> {
        let name = format!("{}/{}", self.tenant, link.identifier());
        self.federation.turns.of(&name).lock_owned().await
    }

    /// Newer tokens of a link.
    pub async fn renew(&self, provider: &str, tokens: &UpstreamTokens) -> Result<UpstreamTokens, Failure> {
        let provider = self.find(provider).await?;
        renew::renew(self.asking(), &provider, tokens).await
    }

    async fn check(&self, presented: PresentedIdToken<'_>) -> Result<ProvenElsewhere, Failure> {
        let provider = &*self.find(presented.provider).await?;
        let asking = self.asking();
        // A token without a nonce could be anybody's that was ever seen.
        let nonce = match presented.nonce.filter(|nonce| !nonce.is_empty()) {
            None if provider.kind.nonce => {
                return Err(Failure::Untrusted("the ID token: was presented without its nonce".to_owned()));
            }
            nonce => nonce,
        };
        let expected = Expected { nonce, access_token: None, from_application: true };
        let claims = id_token::verify(asking, provider, presented.id_token, expected).await?;
        let upstream = callback::upstream(provider, Some(&claims));
        let person = person::of_id_token(provider, claims)?;
        Ok(ProvenElsewhere {
            provider: provider.id().to_owned(),
            label: provider.label.clone(),
            subject: person.subject,
            organisation: provider.settings.organization_id,
            claims: person.claims,
            upstream,
            tokens: None,
            updates: provider.updates(),
        })
    }

    async fn ask_mappers(
        &self,
        context: &HookContext,
        who: &ProvenElsewhere,
        schema: &Schema,
        (identity, origin): (Option<&Identity>, Option<Origin>),
    ) -> Result<MappingDecision, FlowError> {
        let provider = &*self.find(&who.provider).await.map_err(|_| FlowError::Closed)?;
        let claims = HookDocument::check(&who.claims).map_err(|error| {
            FlowError::Hook(HookFailure {
                plugin: String::new(),
                kind: HookFailureKind::BadAnswer,
                detail: format!("what the provider {} says: {error}", who.provider),
            })
        })?;
        let upstream = Upstream {
            source: UpstreamSource::OpenId,
            provider: who.provider.clone(),
            provider_kind: provider.kind.name.to_owned(),
            subject: who.subject.clone(),
            claims,
            identity,
            origin,
        };
        match self.federation.parts.mapper.map_claims(context, &upstream).await? {
            MappingDecision::Unmapped => {
                Ok(MappingDecision::Mapped(Box::new(mapping::map(provider, &who.claims, schema))))
            }
            MappingDecision::Mapped(mut mapping) => {
                // A plugin chooses among what the provider has proven, and proves nothing itself.
                let proven = mapping::verified(provider, &who.claims);
                mapping.verified_addresses.retain(|address| proven.contains(address));
                Ok(MappingDecision::Mapped(mapping))
            }
            denied @ MappingDecision::Deny { .. } => Ok(denied),
        }
    }

    async fn failed(&self, id: &str, failure: Failure) -> ProviderFailure {
        failure.of(&self.label(id).await)
    }
}

impl Providers for TenantProviders {
    fn offers(&self) -> &[Offer] {
        &self.offers
    }

    fn find_connection(
        &self,
        organisation: OrganisationId,
    ) -> BoxFuture<'_, Result<Option<Offer>, StoreUnavailable>> {
        let declared = self.offers.iter().find(|offer| offer.organisation == Some(organisation)).cloned();
        Box::pin(async move {
            if declared.is_some() {
                return Ok(declared);
            }
            let connections = &self.federation.parts.connections;
            let found = connections.find_connection(&self.tenant, organisation).await;
            let found = found.map_err(|error| StoreUnavailable(error.0))?;
            let found = found.filter(|found| found.enabled);
            Ok(found.and_then(|found| Provider::new(&found.settings, false)).map(|provider| provider.offer()))
        })
    }

    fn begin<'a>(&'a self, beginning: Beginning<'a>) -> BoxFuture<'a, Result<Url, ProviderFailure>> {
        Box::pin(async move {
            let begun = async {
                let provider = self.find(beginning.provider).await?;
                begin::begin(self.asking(), &provider, beginning.flow, beginning.parameters).await
            };
            match begun.await {
                Ok(url) => Ok(url),
                Err(failure) => Err(self.failed(beginning.provider, failure).await),
            }
        })
    }

    fn check_id_token<'a>(
        &'a self,
        presented: PresentedIdToken<'a>,
    ) -> BoxFuture<'a, Result<ProvenElsewhere, ProviderFailure>> {
        Box::pin(async move {
            match self.check(presented).await {
                Ok(who) => Ok(who),
                Err(failure) => Err(self.failed(presented.provider, failure).await),
            }
        })
    }

    fn map<'a>(
        &'a self,
        context: &'a HookContext,
        who: &'a ProvenElsewhere,
        schema: &'a Schema,
        known: (Option<&'a Identity>, Option<Origin>),
    ) -> BoxFuture<'a, Result<MappingDecision, FlowError>> {
        Box::pin(self.ask_mappers(context, who, schema, known))
    }
}

/// Whoever asks a provider: a tenant, now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asking<'a> {
    federation: &'a Federation,
    pub(crate) tenant: &'a TenantId,
    pub(crate) base_url: &'a str,
    pub(crate) now: Timestamp,
}

impl<'a> Asking<'a> {
    pub(crate) fn sealer(&self) -> &'a Sealer {
        &self.federation.parts.sealer
    }

    pub(crate) fn rng(&self) -> &'a dyn Rng {
        self.federation.parts.rng.as_ref()
    }

    pub(crate) fn wire(&self, provider: &'a Provider) -> Wire<'a> {
        Wire { outbound: self.federation.parts.outbound.as_ref(), named: &provider.named }
    }

    pub(crate) async fn endpoints(&self, provider: &'a Provider) -> Result<Arc<Endpoints>, Failure> {
        provider.endpoints(self.wire(provider), &self.federation.documents, self.now).await
    }

    pub(crate) async fn keys(
        &self,
        provider: &'a Provider,
        url: &Url,
        again: bool,
    ) -> Result<Arc<VerifyingKeys>, Failure> {
        self.federation.documents.keys(self.wire(provider), url, (again, self.now)).await
    }

    pub(crate) async fn secret(&self, provider: &Provider) -> Result<Option<Secret<String>>, Failure> {
        let found = self.federation.parts.secrets.find_provider_secret(self.tenant, provider.id()).await;
        found.map_err(|error| Failure::Store(error.0))
    }
}
