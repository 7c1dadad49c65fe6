//! The route by which a wallet gets credentials: its part of the table.

use http::Method;

use super::Access::Public;
use super::{BodySize, Route};
use crate::failure::ErrorForm;
use crate::oauth2::credentials;

/// Its part of the table.
pub(super) fn routes() -> Vec<Route> {
    routes! {
        POST "/credentials" "createVerifiableCredential", Public, OAuth, credentials::post, "Makes a credential about the person behind a token, for a wallet's key";
    }
}
