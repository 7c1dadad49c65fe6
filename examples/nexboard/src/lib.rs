//! Nexboard: the small B2B dashboard of a fictional customer, an OpenID Connect relying party that checks everything.
//!
//! It is built on a published client library (`openidconnect`) and knows nothing of the provider but its issuer. Start
//! at [`router`], which lists the pages. A sign-in is `login.rs`, then `callback.rs`, whose header lists the
//! checks of what the browser brings, then `person.rs`, whose header lists the checks of the tokens. `check.rs`
//! drives a sign-in as a browser would.

mod app;
mod attempts;
mod browser;
mod callback;
mod check;
mod claim_row;
mod clock;
mod cookies;
mod dashboard;
mod expiring;
mod html_form;
mod http_client;
mod issuer_name;
mod login;
mod logout;
mod pages;
mod person;
mod provider;
mod random;
mod sessions;
mod settings;
mod sign_in_error;

pub use app::router;
pub use check::{Account, CheckFailed, check};
pub use clock::Clock;
pub use http_client::{HttpClient, HttpError};
pub use provider::{Provider, ProviderError};
pub use settings::{BadPublicUrl, PublicUrl, Settings};
