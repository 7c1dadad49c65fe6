//! A candidate is started once, under its limits, before it replaces anything, and says whether it takes its settings.

use std::sync::Arc;

use primitives::hooks::HookContext;
use primitives::{Actor, RequestId};
use tokio::sync::Semaphore;
use uuid::Uuid;
use wasmtime::Store;
use wasmtime::component::TypedFunc;

use crate::capabilities::printable;
use crate::component::Loaded;
use crate::lanes::{Way, run};
use crate::meter::Meter;
use crate::plugin::Plugin;
use crate::state::CallState;
use crate::{HostError, PluginHost};

impl PluginHost {
    /// Instantiates the candidate, checks the types of its functions and calls none of a hook: their input cannot be made
    /// up. One that checks its settings does so.
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
        let store = CallState::new(plugin, &context, Arc::clone(&meter)).into_store(&self.engine);
        let loaded = Arc::clone(loaded);
        let start = Box::pin(async move {
            let _until_it_has_ended = running;
            started(&loaded, store).await
        });
        let turns = Arc::new(Semaphore::new(1));
        let way = Way { slow: &self.runner.slow, turns: &turns, at_once: false, usual: &plugin.usual };
        match tokio::time::timeout(plugin.longest_wall(), run(&meter, way, start)).await {
            Ok(Some(Ok(Ok(())))) => Ok(()),
            Ok(Some(Ok(Err(words)))) => Err(HostError::SettingsRefused(printable(&words))),
            Ok(Some(Err(error))) => Err(HostError::DoesNotStart(format!("it does not start: {error:#}"))),
            Ok(None) => Err(HostError::Internal("there is no thread to start it on".to_owned())),
            Err(_) => Err(HostError::DoesNotStart("it does not start in its wall time".to_owned())),
        }
    }
}

/// Starts an instance, checks the types of its functions, and asks it for its settings where it says something of them.
async fn started(loaded: &Loaded, mut store: Store<CallState>) -> wasmtime::Result<Result<(), String>> {
    let instance = loaded.pre.instantiate_async(&mut store).await?;
    loaded.exports.check_types(&mut store, &instance)?;
    let Some(check) = loaded.check else { return Ok(Ok(())) };
    let check: TypedFunc<(), (Result<(), String>,)> = instance.get_typed_func(&mut store, check)?;
    // What stops it when it is asked about them would stop its calls.
    let answer = check.call_async(&mut store, ()).await;
    Ok(answer.map_or_else(|error| Err(format!("it fails when it is asked: {error:#}")), |(answer,)| answer))
}
