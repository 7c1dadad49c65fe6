//! How a request ends that no handler answered: in its route's form, or as a page for a person.
//!
//! Attacks. A tenant that its operator stopped is not there, as far as the world knows; if its error pages had
//! its looks, they would tell it from one that never was: both have the looks that no tenant chose. And the
//! path of a request that matches nothing is its sender's choice: `//evil.example/` in a link of ours would
//! lead away, so that these pages link to themselves by their query alone.

use std::sync::Arc;

use http::{HeaderMap, StatusCode, Uri};
use primitives::RequestId;
use tenancy::TenantState;
use ui::{Branding, Locale, PageContext};

use crate::call::{Wish, wanted_locale, wish, without_locale};
use crate::failure::{ErrorForm, Failure};
use crate::node::Node;
use crate::response::{Answer, set};
use crate::routes::{Access, Route, Unmatched};
use crate::tenants::LoadedTenant;

/// What is known so far of a request on its way to its handler.
#[derive(Debug)]
pub(crate) struct Arriving<'a> {
    pub(crate) request: RequestId,
    pub(crate) route: Option<&'a Route>,
    pub(crate) tenant: Option<Arc<LoadedTenant>>,
    /// Only where somebody would read a page.
    reader: Option<Reader>,
}

/// Who reads a page.
#[derive(Debug)]
struct Reader {
    /// None where it names none of ours: then the tenant's own.
    locale: Option<Locale>,
    /// The address without its path and without the language that was chosen; empty, or begins with `?`.
    query: String,
}

impl Arriving<'_> {
    /// `has_pages`: whether the listener serves what pages load.
    pub(crate) fn new(request: RequestId, headers: &HeaderMap, uri: &Uri, has_pages: bool) -> Self {
        let reader = (has_pages && wish(headers) == Wish::Page).then(|| Reader::new(headers, uri));
        Self { request, route: None, tenant: None, reader }
    }

    /// The operation, for logs and metrics.
    pub(crate) fn operation(&self) -> &'static str {
        self.route.map_or("unmatched", |route| route.operation)
    }

    /// Ends it: as a page if a person reads it, else in its route's form.
    pub(crate) fn refuse(&self, node: &Node, failure: &Failure) -> Answer {
        let is_for_people = self.route.is_none_or(|route| {
            route.access == Access::Public && matches!(route.errors, ErrorForm::Page | ErrorForm::Api)
        });
        match &self.reader {
            Some(reader) if is_for_people => self.page(node, reader, failure),
            _ => match self.route.map(|route| route.errors) {
                Some(ErrorForm::OAuth) => failure.to_oauth(),
                Some(ErrorForm::Problem) => failure.to_problem(self.request),
                Some(ErrorForm::Page | ErrorForm::Api) | None => failure.to_api(self.request),
            },
        }
    }

    /// Ends a request that no route takes.
    pub(crate) fn refuse_unmatched(&self, node: &Node, unmatched: &Unmatched) -> Answer {
        match unmatched {
            Unmatched::Path => self.refuse(node, &Failure::not_found()),
            Unmatched::Method(known) => {
                let words = format!("This address takes {known}.");
                let failure = Failure::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", words);
                let mut response = self.refuse(node, &failure);
                set(&mut response, "allow", known);
                response
            }
        }
    }

    /// Whether a page would show the looks of the request's tenant.
    pub(crate) fn has_reader(&self) -> bool {
        self.reader.is_some()
    }

    fn page(&self, node: &Node, reader: &Reader, failure: &Failure) -> Answer {
        let now = node.clock.now();
        let there = self.tenant.as_ref().filter(|tenant| tenant.state == TenantState::Active);
        let no_ones = Branding::default();
        let context = match there {
            Some(tenant) => {
                let locale = reader.locale.unwrap_or(tenant.branding.default_language);
                tenant.page_context(&reader.query, locale, now)
            }
            None => PageContext {
                branding: &no_ones,
                locale: reader.locale.unwrap_or_default(),
                base_path: "",
                here: &reader.query,
                client_name: None,
                acting: false,
                registration: false,
                recovery: false,
                password_min_length: 0,
                now,
            },
        };
        failure.to_page_in(&node.pages, &context, self.request)
    }
}

impl Reader {
    fn new(headers: &HeaderMap, uri: &Uri) -> Self {
        let query = uri.query().unwrap_or_default();
        let rest = without_locale(query);
        Self {
            locale: wanted_locale(query, headers, &[]),
            query: if rest.is_empty() { rest } else { format!("?{rest}") },
        }
    }
}
