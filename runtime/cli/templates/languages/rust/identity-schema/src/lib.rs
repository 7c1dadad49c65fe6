//! Takes spaces off first names, and refuses those that the setting `reserved` lists.

use portcullis_plugin::config;
use portcullis_plugin::identity_schema::{CallContext, Candidate, Hook, HookError, Verdict};
use serde_json::{Map, Value};

struct Plugin;

impl Hook for Plugin {
    fn validate(_call: CallContext, candidate: Candidate) -> Result<Verdict, HookError> {
        let mut traits: Map<String, Value> = candidate.traits()?;
        let Some(first) = traits.get_mut("name").and_then(|name| name.get_mut("first")) else {
            return Ok(Verdict::Valid);
        };
        let Some(typed) = first.as_str() else { return Ok(Verdict::Valid) };
        let trimmed = typed.trim().to_owned();
        let reserved = config::find::<Vec<String>>(&["reserved"])?.unwrap_or_default();
        if reserved.contains(&trimmed.to_lowercase()) {
            return Ok(Verdict::invalid("traits.name.first", "This name is reserved."));
        }
        if trimmed == typed {
            return Ok(Verdict::Valid);
        }
        *first = Value::from(trimmed);
        Ok(Verdict::Replace(traits))
    }
}

portcullis_plugin::export_identity_schema!(Plugin);
