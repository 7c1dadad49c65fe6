//! A candidate is started once, under its limits, before it replaces anything.

use primitives::hooks::HookContext;
use primitives::{Actor, RequestId, TenantId};
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::component::Loaded;
use crate::meter::{SlowLane, metered};
use crate::plugin::Plugin;
use crate::state::CallState;
use crate::{HostError, PluginHost};

impl PluginHost {
    /// Instantiates the candidate and calls nothing: a hook's input cannot be made up.
    pub(crate) async fn smoke_test(&self, plugin: &Plugin, loaded: &Loaded) -> Result<(), HostError> {
        let Some(token) = &loaded.token else { return Ok(()) };
        let context = HookContext {
            tenant: TenantId::default_tenant(),
            organisation: None,
            client: None,
            actor: Actor::System,
            request: RequestId(Uuid::nil()),
        };
        self.ticker.call_starts();
        let state = CallState::new(plugin, &context);
        let meter = state.meter.clone();
        let mut store = state.into_store(&self.engine);
        let alone = Semaphore::new(1);
        let lane = SlowLane { tenant: &alone, node: &self.slow };
        let start = metered(&meter, lane, token.pre.instantiate_async(&mut store));
        match tokio::time::timeout(plugin.limits.wall(), start).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(HostError::Invalid(format!("it does not start: {error:#}"))),
            Err(_) => Err(HostError::Invalid("it does not start in its wall time".to_owned())),
        }
    }
}
