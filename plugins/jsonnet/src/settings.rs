//! The settings: every program in them can be run.

use std::collections::BTreeMap;

use portcullis_plugin::config;
use portcullis_plugin::policy::HookError;
use portcullis_plugin::settings::Settings;

use crate::evaluate::check;

pub(crate) struct Programs;

impl Settings for Programs {
    fn check() -> Result<(), HookError> {
        if let Some(program) = config::find::<String>(&["mapper"])? {
            check("mapper", &program)?;
        }
        for key in ["mappers", "templates"] {
            let programs: BTreeMap<String, String> = config::find(&[key])?.unwrap_or_default();
            for (name, program) in programs {
                check(&format!("{key}/{name}"), &program)?;
            }
        }
        Ok(())
    }
}
