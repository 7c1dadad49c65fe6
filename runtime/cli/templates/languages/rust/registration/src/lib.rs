//! Refuses people who sign up with an address of a domain that the setting `blocked` lists, and keeps the domain of
//! everybody else in their `metadata_admin`.

use portcullis_plugin::config;
use portcullis_plugin::registration::{
    Additions, CallContext, Decision, Hook, HookError, Person, RegistrationForm, Source,
};
use serde::Deserialize;

struct Plugin;

#[derive(Deserialize)]
struct Traits {
    email: Option<String>,
}

impl Traits {
    fn domain(self) -> Option<String> {
        let email = self.email?;
        let (_, domain) = email.rsplit_once('@')?;
        Some(domain.to_ascii_lowercase())
    }
}

impl Hook for Plugin {
    fn before(_call: CallContext, form: RegistrationForm) -> Result<Decision, HookError> {
        let Some(domain) = form.traits::<Traits>()?.domain() else { return Ok(Decision::Allow) };
        let blocked = config::find::<Vec<String>>(&["blocked"])?.unwrap_or_default();
        let is_below = |blocked: &String| {
            domain.strip_suffix(blocked.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        if form.source == Source::SelfService && blocked.iter().any(is_below) {
            return Ok(Decision::deny_field("traits.email", "Please use an address that lasts."));
        }
        Ok(Decision::Allow)
    }

    fn after(_call: CallContext, person: Person) -> Result<Additions, HookError> {
        match person.traits::<Traits>()?.domain() {
            Some(domain) => Additions::default().admin("domain", domain),
            None => Ok(Additions::default()),
        }
    }
}

portcullis_plugin::export_registration!(Plugin);
