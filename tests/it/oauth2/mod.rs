//! `/oauth2`

pub(crate) mod code;
mod token;
