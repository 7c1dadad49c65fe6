//! `/oauth2`

mod accounts;
pub(crate) mod code;
mod cors;
mod dpop;
mod endings;
mod metadata_document;
mod exchange;
mod own_login;
mod password;
mod request_object;
mod token;
