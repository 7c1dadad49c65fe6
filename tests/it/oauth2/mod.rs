//! `/oauth2`

mod accounts;
pub(crate) mod code;
mod cors;
mod credentials;
mod described_host;
mod dpop;
mod encrypted;
mod endings;
mod exchange;
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
mod token;
