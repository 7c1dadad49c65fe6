//! `/oauth2`

mod accounts;
pub(crate) mod code;
mod cors;
mod dpop;
mod endings;
mod metadata_document;
mod own_login;
mod request_object;
mod token;
