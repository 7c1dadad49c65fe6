//! A candidate is started once, under its limits, before it replaces anything.

use std::sync::Arc;

use primitives::hooks::HookContext;
use primitives::{Actor, RequestId};
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::component::Loaded;
use crate::lanes::{Way, run};
use crate::meter::Meter;
use crate::plugin::Plugin;
use crate::state::CallState;
use crate::{HostError, PluginHost};

impl PluginHost {
    /// Instantiates the candidate, checks the types of its functions and calls none: a hook's input cannot be
    /// made up.
    pub(crate) async fn smoke_test(&self, plugin: &Plugin, loaded: &Arc<Loaded>) -> Result<(), HostError> {
        let context = HookContext {
            tenant: plugin.granted.tenant.clone(),
            organisation: None,
            client: None,
            actor: Actor::System,
            request: RequestId(Uuid::nil()),
        };
        let running = self.runner.ticker.call_starts();
        let meter = Meter::new();
        let mut store = CallState::new(plugin, &context, Arc::clone(&meter)).into_store(&self.engine);
        let (pre, loaded) = (loaded.pre.clone(), Arc::clone(loaded));
        let start = Box::pin(async move {
            let _until_it_has_ended = running;
            let instance = pre.instantiate_async(&mut store).await?;
            loaded.exports.check_types(&mut store, &instance)
        });
        let turns = Arc::new(Semaphore::new(1));
        let way = Way { slow: &self.runner.slow, turns: &turns, at_once: false, usual: &plugin.usual };
        match tokio::time::timeout(plugin.longest_wall(), run(&meter, way, start)).await {
            Ok(Some(Ok(()))) => Ok(()),
            Ok(Some(Err(error))) => Err(HostError::DoesNotStart(format!("it does not start: {error:#}"))),
            Ok(None) => Err(HostError::Internal("there is no thread to start it on".to_owned())),
            Err(_) => Err(HostError::DoesNotStart("it does not start in its wall time".to_owned())),
        }
    }
}
