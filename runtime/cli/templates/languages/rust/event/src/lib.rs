//! Writes a line into the log for each event whose action the setting `actions` lists.

use portcullis_plugin::event::{CallContext, Event, Hook, HookError};
use portcullis_plugin::{config, log};

struct Plugin;

impl Hook for Plugin {
    /// An error here means that all of these events are offered again: whoever sends them somewhere tells by their `id`
    /// which it has sent already.
    fn consume(_call: CallContext, events: Vec<Event>) -> Result<(), HookError> {
        let actions = config::find::<Vec<String>>(&["actions"])?.unwrap_or_default();
        for event in events.into_iter().filter(|event| actions.contains(&event.action)) {
            let Event { action, actor, target_kind, target_id, .. } = event;
            log::info(format!("{action} by {actor}: {target_kind} {target_id}"));
        }
        Ok(())
    }
}

portcullis_plugin::export_event!(Plugin);
