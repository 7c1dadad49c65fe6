//! `/oauth2`

mod accounts;
mod admin_errors;
pub(crate) mod code;
mod cors;
mod credentials;
mod described_host;
mod dpop;
mod encrypted;
mod endings;
mod exchange;
mod fallbacks;
mod floods;
mod global_revocation;
mod implvulns;
mod metadata_document;
mod mtls;
mod nginx;
mod own_login;
mod password;
mod registration;
mod request_object;
mod security_profile;
mod together;
mod token;
mod token_hook;
mod unverified;
