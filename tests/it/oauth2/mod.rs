//! `/oauth2`

mod accounts;
pub(crate) mod code;
mod token;
