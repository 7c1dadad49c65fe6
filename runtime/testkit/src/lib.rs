//! Test servers and builders that several test suites share.
//!
//! Start at [`postgres::Postgres`] for a throwaway database server, at [`smtp::SmtpServer`] for a mail server, at
//! [`provider::FakeProvider`] for a provider of sign-ins, at [`prover::Prover`] for a client's key, at [`dns::NameServer`] for a name server, at [`https::HttpsHost`] for
//! whatever else a node asks by https. Nothing here is
//! part of the product: no room and no binary imports this crate outside `[dev-dependencies]`.

pub mod authenticator;
pub mod dns;
pub mod https;
pub mod postgres;
#[expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "it is made of a key of its own: what fails in it fails the test"
)]
pub mod prover;
pub mod provider;
pub mod smtp;
pub mod totp;
