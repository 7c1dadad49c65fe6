//! Adds what a customer bought (`plan`, `seats`) to its people's tokens, and lets nobody of a suspended
//! customer in.
//!
//! Its settings say who the customers are. A request belongs to a customer by its organisation or, where
//! it has none, by the domain of the subject's e-mail address:
//!
//! ```toml
//! [plugin.settings.organisations."9f0c7a52-5f0f-4f4c-8f70-6d7a2b2f8a11"]
//! plan = "enterprise"
//! seats = 250
//!
//! [plugin.settings.domains."acme.example"]
//! plan = "team"
//! seats = 12
//!
//! [plugin.settings.domains."late.example"]
//! plan = "team"
//! seats = 3
//! suspended = true
//! ```

use portcullis_plugin::token::{CallContext, Decision, Hook, HookError, TokenRequest, UserinfoDecision};
use portcullis_plugin::{config, log};
use serde::Deserialize;

struct EnrichToken;

impl Hook for EnrichToken {
    fn shape_tokens(call: CallContext, request: TokenRequest) -> Result<Decision, HookError> {
        let Some(customer) = find_customer(&call, &request)? else { return Ok(Decision::issue()) };
        if customer.suspended {
            log::info("denied a token: the customer is suspended");
            return Ok(Decision::deny("This account is suspended. Please contact your administrator."));
        }
        Decision::issue().claim("plan", customer.plan)?.claim("seats", customer.seats)
    }

    fn shape_userinfo(call: CallContext, request: TokenRequest) -> Result<UserinfoDecision, HookError> {
        let Some(customer) = find_customer(&call, &request)? else { return Ok(UserinfoDecision::answer()) };
        if customer.suspended {
            return Ok(UserinfoDecision::deny("This account is suspended."));
        }
        UserinfoDecision::answer().claim("plan", customer.plan)?.claim("seats", customer.seats)
    }
}

/// One customer, as the settings describe it.
#[derive(Deserialize)]
struct Customer {
    plan: String,
    seats: u32,
    #[serde(default)]
    suspended: bool,
}

/// The trait that the plugin looks at; the others are skipped unparsed.
#[derive(Deserialize)]
struct Traits {
    email: Option<String>,
}

fn find_customer(call: &CallContext, request: &TokenRequest) -> Result<Option<Customer>, HookError> {
    if let Some(organisation) = &call.organisation {
        return config::find(&["organisations", organisation]);
    }
    let Some(subject) = &request.subject else { return Ok(None) };
    let email = subject.traits::<Traits>()?.email.unwrap_or_default();
    match email.rsplit_once('@') {
        Some((_, domain)) => config::find(&["domains", &domain.to_ascii_lowercase()]),
        None => Ok(None),
    }
}

portcullis_plugin::export_token!(EnrichToken);
