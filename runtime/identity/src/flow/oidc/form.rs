//! What a form knows of other providers: sealed with it, and gone with it.

use std::collections::BTreeSet;

use primitives::{IdentityId, OrganisationId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::flow::Room;
use crate::hooks::Mapping;
use crate::identity::AddressKind;
use crate::providers::ProvenElsewhere;
use crate::ways::Ways;

/// Answers that a form remembers to have had; nobody is sent away more often from one.
const MOST_ANSWERS: usize = 32;

/// What a form knows and shows of other providers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProviderForm {
    /// The answers of providers that came back to it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    used: Vec<String>,
    /// Somebody who is proven elsewhere and not yet anybody here.
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting: Option<Box<Waiting>>,
    /// The providers that the account of a settings form is linked to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) linked: Vec<String>,
    /// Whether one of them may go: something else is left to sign in with.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) may_unlink: bool,
}

/// Somebody who is proven elsewhere and not yet anybody here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Waiting {
    /// Who, as the provider says.
    pub(super) who: ProvenElsewhere,
    /// What of that is to be written.
    pub(super) mapped: Mapped,
    /// For what they wait.
    pub(super) until: Until,
}

/// For what somebody waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Until {
    /// For traits that the provider does not tell, or that do not fit the schema: these fields are asked for.
    Completed {
        /// Their names.
        open: Vec<String>,
    },
    /// For the proof that an account is theirs.
    Proven {
        /// Whose it is.
        holder: IdentityId,
        /// By what it was found.
        identifier: String,
        /// Whether they become a member of the organisation whose connection it was.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        joins: bool,
    },
}

/// [`Mapping`], as it is kept with a form.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Mapped {
    pub(super) traits: Map<String, Value>,
    pub(super) metadata_public: Option<Map<String, Value>>,
    pub(super) metadata_admin: Option<Map<String, Value>>,
    pub(super) verified: Vec<(AddressKind, String)>,
    pub(super) groups: Option<BTreeSet<String>>,
}

impl From<Mapping> for Mapped {
    fn from(mapping: Mapping) -> Self {
        Self {
            traits: mapping.traits,
            metadata_public: mapping.metadata_public,
            metadata_admin: mapping.metadata_admin,
            verified: mapping.verified_addresses,
            groups: mapping.groups,
        }
    }
}

impl ProviderForm {
    pub(in crate::flow) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What a form in the place of an expired one still knows. Nobody waits for longer than one form.
    pub(in crate::flow) fn renewed(&self) -> Self {
        Self { used: Vec::new(), waiting: None, ..self.clone() }
    }

    /// What a settings form shows of somebody's links.
    pub(in crate::flow) fn of_settings(room: Room<'_>, ways: &Ways) -> Self {
        let mut shown = Self::default();
        if !room.providers.offers().is_empty() {
            shown.linked = ways.links.iter().map(|link| link.provider.clone()).collect();
            shown.judge(ways);
        }
        shown
    }

    /// Says anew whether one of the links that it shows may go.
    pub(in crate::flow) fn judge(&mut self, ways: &Ways) {
        self.may_unlink = !self.linked.is_empty() && ways.outlast(1);
    }

    /// Whether the form asks for what a provider did not tell.
    pub(in crate::flow) fn is_completing(&self) -> bool {
        matches!(self.waiting.as_deref(), Some(Waiting { until: Until::Completed { .. }, .. }))
    }

    /// The organisation whose connection has proven somebody who proves now that an account is theirs.
    pub(crate) fn proves_account_for(&self) -> Option<OrganisationId> {
        let waiting = self.waiting().filter(|waiting| matches!(waiting.until, Until::Proven { .. }))?;
        waiting.who.organisation
    }

    pub(super) fn waiting(&self) -> Option<&Waiting> {
        self.waiting.as_deref()
    }

    pub(super) fn wait(&mut self, waiting: Waiting) {
        self.waiting = Some(Box::new(waiting));
    }

    /// Remembers an answer; false if it was there before, or too many were.
    pub(super) fn mark_used(&mut self, answer: &str) -> bool {
        let is_new = self.used.len() < MOST_ANSWERS && !self.used.iter().any(|known| known == answer);
        if is_new {
            self.used.push(answer.to_owned());
        }
        is_new
    }
}
