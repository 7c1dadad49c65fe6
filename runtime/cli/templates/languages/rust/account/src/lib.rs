//! Writes a line into the log for what the setting `watched` lists: `profile`, `password`, `logout`.

use portcullis_plugin::account::{AccountEvent, CallContext, Happening, Hook, HookError};
use portcullis_plugin::{config, log};

struct Plugin;

impl Hook for Plugin {
    /// It has happened, and stays: an error here is for the operator to see.
    fn after(_call: CallContext, event: AccountEvent) -> Result<(), HookError> {
        let what = match event.what {
            Happening::Profile => "profile",
            Happening::Password => "password",
            Happening::Logout => "logout",
            Happening::Recovery => "recovery",
            Happening::Verification => "verification",
        };
        let watched = config::find::<Vec<String>>(&["watched"])?.unwrap_or_default();
        if watched.iter().any(|word| word == what) {
            log::info(format!("{what} of {} from {}", event.person.id, event.origin.address));
        }
        Ok(())
    }
}

portcullis_plugin::export_account!(Plugin);
