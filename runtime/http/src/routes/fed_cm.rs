//! The routes of signing in by the browser's own dialog: their part of the table.

use http::Method;

use super::Access::Public;
use super::{BodySize, Route};
use crate::failure::ErrorForm;
use crate::self_service::fed_cm;

/// Their part of the table.
pub(super) fn routes() -> Vec<Route> {
    routes! {
        GET "/self-service/fed-cm/parameters" "createFedcmFlow", Public, Api, fed_cm::parameters, "Begins a sign-in by the browser's own dialog";
        POST "/self-service/fed-cm/token" "updateFedcmFlow", Public, Api, fed_cm::token, "Signs in with the token that the browser's dialog gave";
    }
}
