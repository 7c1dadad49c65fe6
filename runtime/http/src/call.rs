//! A request as handlers see it: complete, bounded, with its tenant and whoever was let in.

use std::sync::Arc;

use bytes::Bytes;
use config::Router;
use http::{HeaderMap, Method};
use primitives::{ClientAddress, RequestId, Timestamp};
use tenancy::AdminPrincipal;
use ui::Locale;

use crate::client_certificate::RequestCertificate;
use crate::node::Node;
use crate::patience::Patience;
use crate::self_service::FlowCookies;
use crate::tenants::LoadedTenant;

/// The language that a person chose on one of our pages.
pub(crate) const LOCALE_COOKIE: &str = "portcullis_locale";

/// The language that the app asked for which the person is signing in to: for the pages and messages on the way that do
/// not know of it, such as those of recovery. It ends with the browser.
pub(crate) const ASKED_LOCALE_COOKIE: &str = "portcullis_asked_locale";
/// That an operator acts in somebody's name in this browser: for the banner of our pages.
pub(crate) const ACTING_COOKIE: &str = "portcullis_acting";

/// A request on its way to its handler.
#[derive(Debug)]
pub(crate) struct Call {
    /// What every handler shares.
    pub(crate) node: Arc<Node>,
    /// Whose request it is.
    pub(crate) tenant: Arc<LoadedTenant>,
    /// Its name in logs and errors.
    pub(crate) request: RequestId,
    /// Where it came from.
    pub(crate) client: ClientAddress,
    pub(crate) method: Method,
    /// The path within the tenant: without `/t/{tenant}`.
    pub(crate) path: String,
    /// The query, still encoded; empty if there is none.
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    /// The body, read whole.
    pub(crate) body: Bytes,
    /// What the route's `{places}` stand for, decoded.
    pub(crate) places: Vec<(String, String)>,
    /// Who was let in; only on operators' routes.
    pub(crate) principal: Option<AdminPrincipal>,
    /// The certificate that an app came with.
    pub(crate) certificate: RequestCertificate,
    /// How long it may go on.
    pub(crate) patience: Arc<Patience>,
    /// What the answer does with the forms that the browser keeps.
    pub(crate) flow_cookies: FlowCookies,
    /// What its listener serves.
    pub(crate) routers: Arc<[Router]>,
}

impl Call {
    /// A header, if it is there once and is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let first = values.next()?;
        if values.next().is_some() { None } else { first.to_str().ok() }
    }

    /// The value of a cookie.
    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        cookie(&self.headers, name)
    }

    /// What a place of the route's path stands for; empty if the route has none of that name.
    pub(crate) fn place(&self, name: &str) -> &str {
        self.places.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value.as_str())
    }

    /// The first value of a query parameter, decoded.
    pub(crate) fn query_value(&self, name: &str) -> Option<String> {
        first_query_value(&self.query, name)
    }

    /// The values of a query parameter that may be repeated or a list, decoded.
    pub(crate) fn query_values(&self, name: &str) -> Vec<String> {
        let values = url::form_urlencoded::parse(self.query.as_bytes()).filter(|(found, _)| found == name);
        let values = values.flat_map(|(_, values)| values.split(',').map(str::to_owned).collect::<Vec<_>>());
        values.filter(|value| !value.is_empty()).collect()
    }

    /// The present.
    pub(crate) fn now(&self) -> Timestamp {
        self.node.clock.now()
    }

    /// Whether the caller prefers JSON to a page: a single-page application or a native one.
    pub(crate) fn wants_json(&self) -> bool {
        wish(&self.headers) == Wish::Json
    }

    /// Whether the body says that it is of a media type.
    pub(crate) fn has_media_type(&self, wanted: &str) -> bool {
        self.header("content-type")
            .and_then(|value| value.split(';').next())
            .is_some_and(|kind| kind.trim().eq_ignore_ascii_case(wanted))
    }

    /// Path and query as the browser asked for them, below the tenant's base URL.
    pub(crate) fn path_and_query(&self) -> String {
        if self.query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, self.query) }
    }

    /// This page's own address, without the language that was chosen: where its language links lead.
    pub(crate) fn page_path(&self) -> String {
        let query = without_locale(&self.query);
        let path = format!("{}{}", self.tenant.base_path, self.path);
        if query.is_empty() { path } else { format!("{path}?{query}") }
    }

    /// What surrounds a page of the tenant in this browser. `here` is the page's own path and query.
    pub(crate) fn page_context<'a>(&'a self, here: &'a str, locale: ui::Locale) -> ui::PageContext<'a> {
        let acting = self.cookie(ACTING_COOKIE).is_some();
        ui::PageContext { acting, ..self.tenant.page_context(here, locale, self.now()) }
    }

    /// The language of a page or message: what the person chose here or before, else what the app asks for, else the
    /// browser's, else the tenant's.
    ///
    /// `asked_for` is what the app behind this very page asks for; without it, what the last one in this browser asked
    /// for counts.
    pub(crate) fn locale(&self, asked_for: &[String]) -> Locale {
        wanted_locale(&self.query, &self.headers, asked_for).unwrap_or(self.tenant.branding.default_language)
    }
}

/// The language that a request wants ([`Call::locale`]), whoever's it is; none where it names none of ours.
pub(crate) fn wanted_locale(query: &str, headers: &HeaderMap, asked_for: &[String]) -> Option<Locale> {
    let remembered = |name| cookie(headers, name).and_then(Locale::from_tags);
    let languages = || headers.get(http::header::ACCEPT_LANGUAGE)?.to_str().ok();
    first_query_value(query, "ui_locales")
        .as_deref()
        .and_then(Locale::from_tags)
        .or_else(|| remembered(LOCALE_COOKIE))
        .or_else(|| Locale::from_tags(&asked_for.join(" ")))
        .or_else(|| remembered(ASKED_LOCALE_COOKIE))
        .or_else(|| Locale::choose(None, languages()))
}

/// What a caller would rather have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    Page,
    Json,
    /// It names neither.
    Either,
}

/// What the header `Accept` asks for: of a page and JSON the one that is named first. Who names neither and sends JSON is
/// a program: scripts and native applications often say no more.
pub(crate) fn wish(headers: &HeaderMap) -> Wish {
    let mut values = headers.get_all(http::header::ACCEPT).iter();
    let only = values.next().filter(|_| values.next().is_none());
    let accept = only.and_then(|value| value.to_str().ok()).unwrap_or_default();
    match (accept.find("application/json"), accept.find("text/html")) {
        (Some(json), Some(html)) if html < json => Wish::Page,
        (Some(_), _) => Wish::Json,
        (None, Some(_)) => Wish::Page,
        (None, None) if sends_json(headers) => Wish::Json,
        (None, None) => Wish::Either,
    }
}

fn sends_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.and_then(|kind| kind.split(';').next())
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

/// The value of a cookie. Of several with one name the first counts, which browsers send for the most
/// specific path.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    cookies(headers).find(|(found, _)| *found == name).map(|(_, value)| value)
}

/// The cookies of a request by name and value, in the order in which they were sent.
pub(crate) fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    headers
        .get_all(http::header::COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(primitives::cookie::pairs)
}

pub(crate) fn first_query_value(query: &str, name: &str) -> Option<String> {
    url::form_urlencoded::parse(query.as_bytes())
        .find(|(found, _)| found == name)
        .map(|(_, value)| value.into_owned())
}

/// A query without the language that was chosen.
pub(crate) fn without_locale(query: &str) -> String {
    let kept = url::form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != "ui_locales");
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_speaks_where_accept_does_not() {
        let check = |accept: Option<&'static str>, sent: Option<&'static str>, expected: Wish| {
            let mut headers = HeaderMap::new();
            for (name, value) in [(http::header::ACCEPT, accept), (http::header::CONTENT_TYPE, sent)] {
                if let Some(value) = value {
                    headers.insert(name, http::HeaderValue::from_static(value));
                }
            }
            assert_eq!(wish(&headers), expected, "{accept:?} {sent:?}");
        };
        check(None, None, Wish::Either);
        check(Some("*/*"), None, Wish::Either);
        check(Some("*/*"), Some("application/x-www-form-urlencoded"), Wish::Either);
        check(Some("*/*"), Some("application/json; charset=utf-8"), Wish::Json);
        check(None, Some("application/json"), Wish::Json);
        check(Some("text/html"), Some("application/json"), Wish::Page);
        check(Some("application/json, text/html"), None, Wish::Json);
        check(Some("text/html, application/json"), None, Wish::Page);
    }
}
