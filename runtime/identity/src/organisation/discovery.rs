//! Where a form to sign in leads: to the connection of an organisation, or to the methods that it takes.
//!
//! Attack: somebody learns at the first step who has an account, and with what. So nobody is looked up here: what an
//! address leads to depends on its domain alone, and a domain counts once an organisation has proven it.

use primitives::OrganisationId;
use serde::{Deserialize, Serialize};

use super::{Domain, Organisation, OrganisationState};
use crate::flow::Room;
use crate::identifier::Identifier;
use crate::ports::StoreUnavailable;
use crate::providers::Offer;
use crate::session::Method;

/// What a form knows of the organisation in whose name somebody is about to sign in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discovered {
    /// Which.
    pub organisation: OrganisationId,
    /// The provider with which its people sign in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<Offer>,
    /// Whether the people of its domains come by that provider and no other way.
    #[serde(default)]
    pub enforced: bool,
    /// The methods that it takes; all of the tenant's where it says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub methods: Option<Vec<Method>>,
}

impl Discovered {
    /// What the domain of an address leads to.
    pub(crate) async fn by_address(room: Room<'_>, typed: &str) -> Result<Option<Self>, StoreUnavailable> {
        let domain = Identifier::parse(typed).and_then(|identifier| Domain::of(&identifier));
        let Some(domain) = domain else { return Ok(None) };
        let found = room.organisations.find_by_domain(room.tenant, &domain).await?;
        match found.filter(|found| found.state == OrganisationState::Active) {
            Some(organisation) => Self::of(room, organisation).await.map(Some),
            None => Ok(None),
        }
    }

    /// What an organisation that was named leads to.
    pub(crate) async fn of(room: Room<'_>, organisation: Organisation) -> Result<Self, StoreUnavailable> {
        Ok(Self {
            organisation: organisation.id,
            connection: room.providers.find_connection(organisation.id).await?,
            enforced: organisation.policy.enforce_connection,
            methods: organisation.policy.allowed_methods,
        })
    }

    /// The provider to which a browser is sent on at once: one beside which there is no choice.
    pub(crate) fn leads_to(&self) -> Option<&Offer> {
        self.connection.as_ref().filter(|_| self.enforced)
    }

    /// Whether a form offers a method.
    pub(crate) fn offers(&self, method: Method) -> bool {
        self.methods.as_ref().is_none_or(|methods| methods.contains(&method))
    }
}
