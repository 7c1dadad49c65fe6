//! Takes people of the providers in the setting `domains` by their e-mail address, if it is verified and of the domain
//! there, e.g. `corporate = "acme.example"`.

use portcullis_plugin::claim_mapper::{AddressKind, CallContext, Decision, Hook, HookError, Mapping, Upstream};
use portcullis_plugin::config;
use serde::Deserialize;

struct Plugin;

#[derive(Deserialize)]
struct Claims {
    email: Option<String>,
    #[serde(default)]
    email_verified: bool,
}

impl Hook for Plugin {
    fn map_claims(_call: CallContext, upstream: Upstream) -> Result<Decision, HookError> {
        let Some(domain) = config::find::<String>(&["domains", &upstream.provider])? else {
            return Ok(Decision::Pass);
        };
        let claims: Claims = upstream.claims()?;
        let Some(email) = claims.email.filter(|_| claims.email_verified) else {
            return Ok(Decision::deny("Your address is not verified there."));
        };
        if email.rsplit('@').next() != Some(&domain) {
            return Ok(Decision::deny(format!("Sign in with an address of {domain}.")));
        }
        Ok(Mapping::default().set("email", &email)?.verified(AddressKind::Email, email).into())
    }
}

portcullis_plugin::export_claim_mapper!(Plugin);
