//! The self-service endpoints and the pages over the real server: browsers, single-page applications and
//! native ones, and whoever attacks them.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test says by panicking that it failed")]
#![expect(clippy::indexing_slicing, reason = "documents are read by their members")]

mod admin;
mod aliases;
mod breached;
mod browser;
mod captcha;
mod client;
mod code_login;
mod connections;
mod credentials;
mod csrf;
mod deletion;
mod device;
mod encryption_keys;
mod enumeration;
mod exchange;
mod fed_cm;
mod held;
mod impersonation;
mod key_sets;
mod keys;
mod languages;
mod link;
mod native;
mod onward;
mod operators;
mod pages;
mod provider_faults;
mod provider_linking;
mod providers;
mod recovery;
mod register;
mod requests;
mod screens;
mod second_factor;
mod security_classes;
mod select_account;
mod sessions;
mod site;
mod sms;
mod successors;
mod test_login;
mod transient;
mod trusted_devices;
mod webhooks;
mod webhooks_say;
mod words;
