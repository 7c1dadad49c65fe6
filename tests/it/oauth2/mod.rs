//! `/oauth2`

mod accounts;
pub(crate) mod code;
mod dpop;
mod prover;
mod token;
