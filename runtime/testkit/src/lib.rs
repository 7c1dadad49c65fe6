//! Test servers and builders that several test suites share.
//!
//! Start at [`postgres::Postgres`] for a throwaway database server, at [`smtp::SmtpServer`] for a mail server, at
//! [`provider::FakeProvider`] for a provider of sign-ins, at [`dns::NameServer`] for a name server. Nothing here is
//! part of the product: no room and no binary imports this crate outside `[dev-dependencies]`.

pub mod authenticator;
pub mod dns;
pub mod postgres;
pub mod provider;
pub mod smtp;
pub mod totp;
