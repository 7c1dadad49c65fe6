//! Webhooks: a tenant's own servers, which are asked where forms begin and end, or told what happened.
//!
//! [`hooks`] asks them at the places of the plugin hooks where an answer may change what is written (signing up, changing
//! one's profile); [`gate`] asks them before anything else of a form is written, and tells the others when it is. [`ask`]
//! makes one call, with what [`context`] says of the request and [`answer`] makes of the response. [`events`] and
//! [`sender`] tell of what happened, at least once. [`token`] asks before tokens are made.
//!
//! Failure policy: a webhook that has a say (`response.parse`, `can_interrupt`) fails **closed**, with the errors of the flow
//! API for it (502, 504); any other fails **open**. Either is in the tenant's audit records.

mod answer;
mod ask;
mod channel;
mod context;
mod events;
mod gate;
mod hooks;
mod request;
mod sender;
mod token;

pub(crate) use context::Submitted;
pub(crate) use events::queue;
pub(crate) use gate::{Gate, begins, passes, signed_up};
pub(crate) use hooks::FormHooks;
pub(crate) use token::TokenHookServer;
