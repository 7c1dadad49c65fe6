//! `identities`: who somebody of the plugin's own tenant is. No credential and no session is within reach of the
//! port behind it.

use identity::ports::StoreUnavailable;
use identity::profile::{Profile, ProfileKey};
use identity::{Identifier, IdentityState};
use primitives::IdentityId;
use serde_json::Value;
use tenancy::plugin::Capability;

use super::HostCall;
use super::wit::identities::{Host, Identity, State};
use crate::state::CallState;

impl Host for CallState {
    async fn find(&mut self, id: String) -> wasmtime::Result<Result<Option<Identity>, String>> {
        let call = self.host_call(Capability::Identities, "find");
        let answer = call.answer(async {
            // What is no id is nobody's.
            match id.parse::<IdentityId>() {
                Ok(id) => find(&call, ProfileKey::Id(id)).await,
                Err(_) => Ok(None),
            }
        });
        Ok(answer.await)
    }

    async fn find_by_identifier(
        &mut self,
        identifier: String,
    ) -> wasmtime::Result<Result<Option<Identity>, String>> {
        let call = self.host_call(Capability::Identities, "find-by-identifier");
        let answer = call.answer(async {
            match Identifier::parse(&identifier) {
                Some(identifier) => find(&call, ProfileKey::Identifier(&identifier)).await,
                None => Ok(None),
            }
        });
        Ok(answer.await)
    }
}

async fn find(call: &HostCall, key: ProfileKey<'_>) -> Result<Option<Identity>, String> {
    let profiles = call.granted.profiles.as_deref().ok_or_else(super::not_granted)?;
    match profiles.find_profile(&call.granted.tenant, key).await {
        Ok(found) => Ok(found.map(shown)),
        Err(StoreUnavailable(detail)) => {
            tracing::warn!(detail, "identities are unavailable to plugins");
            Err("unavailable".to_owned())
        }
    }
}

fn shown(profile: Profile) -> Identity {
    Identity {
        id: profile.id.to_string(),
        external_id: profile.external_id,
        schema_id: profile.schema_id,
        state: match profile.state {
            IdentityState::Active => State::Active,
            IdentityState::Inactive => State::Inactive,
        },
        organisation: profile.organisation.map(|organisation| organisation.to_string()),
        traits: Value::Object(profile.traits).to_string(),
        metadata: profile.metadata_public.as_ref().map(Value::to_string),
        extensions: Vec::new(),
    }
}
