//! The room as a whole: forms and operators' decisions over people kept in memory, and every document
//! against the API's own description.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test says by panicking that it failed")]
#![expect(clippy::indexing_slicing, reason = "documents are read by their members")]

mod address_choice;
mod administration;
#[path = "../../../testkit/src/authenticator.rs"]
#[expect(unreachable_pub, reason = "it is public in the room that it is of")]
mod authenticator;
mod captcha;
mod code_factor;
mod code_login;
mod credential_import;
mod csrf;
mod documents;
mod enumeration;
mod guesses;
mod held;
mod hooks;
mod key_policy;
mod keys;
mod limiter;
mod link;
mod named_keys;
mod openapi;
mod problems;
mod properties;
mod recovery;
mod refresh;
mod revoke;
mod schemas;
mod screens;
mod second_factor;
mod sms;
mod tokenize;
mod trusted_devices;
mod unproven;
mod ways;
mod world;
