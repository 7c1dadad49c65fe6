//! Finding identities by what is known of them: the terms by which each is indexed, and what asks for them.
//!
//! Every filter is a range of terms. Equality is a range of one; a word of `text` is the range of the terms that begin
//! with it. Attack: a question whose filters are each common and together met by nobody would be a walk through
//! everybody. So whoever answers looks at a bounded number of identities, and says where to go on.

mod terms;

use futures_util::future::BoxFuture;
use primitives::{IdentityId, OrganisationId, TenantId};

pub use terms::terms;

use crate::identity::{Identity, IdentityState};
use crate::ports::StoreUnavailable;
use terms::{folded, words};

/// Filters of one question.
pub const MOST_FILTERS: usize = 6;

/// Terms between two, both included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TermRange {
    /// The first.
    pub from: String,
    /// The last.
    pub to: String,
}

/// What is asked for: those who have a term in each range, and none in `without`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SearchQuery {
    /// At most [`MOST_FILTERS`].
    pub with: Vec<TermRange>,
    /// A term that they do not have.
    pub without: Option<String>,
}

/// A question that cannot be asked. The client's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SearchError {
    /// There is no such filter.
    #[error(
        "there is no filter `{0}`: they are `address`, `schema`, `state`, `organisation`, `text` and `trait.<path>`"
    )]
    UnknownFilter(String),
    /// A value that a filter does not take.
    #[error("`{0}` has a value that it does not take")]
    BadValue(String),
    /// Too many filters.
    #[error("at most 6 filters, each word of `text` being one")]
    TooMany,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// Those who are meant; fewer than asked for does not say that there are no more.
    pub identities: Vec<Identity>,
    /// Where to go on, if there may be more.
    pub next: Option<SearchPosition>,
}

/// Where a search stands: behind this identity, in the order of the term that leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchPosition {
    /// The filter that leads; it stays the same from page to page.
    pub leader: usize,
    /// The term of the last identity.
    pub term: String,
    /// The last identity.
    pub identity: IdentityId,
}

/// Who has an identifier that begins so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartOfIdentifier {
    /// With what it begins, in normalised form.
    pub start: String,
    /// Only those of an organisation.
    pub organisation: Option<OrganisationId>,
    /// Behind this identifier.
    pub after: Option<String>,
}

/// What was found by the start of an identifier.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FoundByStart {
    /// Those who are meant; fewer than asked for does not say that there are no more.
    pub identities: Vec<Identity>,
    /// The identifier behind which to go on, if there may be more.
    pub next: Option<String>,
}

impl SearchPosition {
    /// As a text, for a token.
    pub fn to_text(&self) -> String {
        format!("{} {} {}", self.leader, self.identity, self.term)
    }

    /// From its text.
    pub fn from_text(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, ' ');
        let leader = parts.next()?.parse().ok()?;
        let identity = parts.next()?.parse().ok()?;
        Some(Self { leader, identity, term: parts.next()?.to_owned() })
    }
}

impl TermRange {
    fn exactly(term: String) -> Self {
        Self { from: term.clone(), to: term }
    }

    fn beginning_with(term: String) -> Self {
        Self { to: format!("{term}\u{10FFFF}"), from: term }
    }
}

impl SearchQuery {
    /// Adds a filter by its name in the API.
    pub fn filter(&mut self, name: &str, value: &str) -> Result<(), SearchError> {
        let bad = || SearchError::BadValue(name.to_owned());
        match name {
            "address" => {
                let address = crate::Identifier::parse(value).ok_or_else(bad)?;
                self.with.push(TermRange::exactly(terms::address(address.as_str())));
            }
            "schema" => self.with.push(TermRange::exactly(terms::schema(value))),
            "organisation" => {
                let organisation: OrganisationId = value.parse().map_err(|_| bad())?;
                self.with.push(TermRange::exactly(terms::organisation(organisation)));
            }
            "state" => match value {
                "active" => self.without = Some(terms::INACTIVE.to_owned()),
                "inactive" => self.with.push(TermRange::exactly(terms::INACTIVE.to_owned())),
                _ => return Err(bad()),
            },
            "text" => {
                let found = words(value);
                if found.is_empty() {
                    return Err(bad());
                }
                let ranges = found.into_iter().map(|word| TermRange::beginning_with(terms::word(&word)));
                self.with.extend(ranges);
            }
            _ => {
                let path = name.strip_prefix("trait.").filter(|path| !path.is_empty());
                let path = path.ok_or_else(|| SearchError::UnknownFilter(name.to_owned()))?;
                let value = folded(value).ok_or_else(bad)?;
                self.with.push(TermRange::exactly(terms::of_trait(path, &value)));
            }
        }
        if self.with.len() > MOST_FILTERS { Err(SearchError::TooMany) } else { Ok(()) }
    }
}

/// Finds identities by their terms.
pub trait IdentitySearch: Send + Sync {
    /// Finds those who are meant, after a position, at most `limit`.
    fn search<'a>(
        &'a self,
        tenant: &'a TenantId,
        query: &'a SearchQuery,
        after: Option<SearchPosition>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Found, StoreUnavailable>>;

    /// Finds several by their ids, in the order of these; those that are not there are left out.
    fn find_identities<'a>(
        &'a self,
        tenant: &'a TenantId,
        ids: &'a [IdentityId],
    ) -> BoxFuture<'a, Result<Vec<Identity>, StoreUnavailable>>;

    /// Finds those who have an identifier that begins as asked, in the order of the first that does, at most `limit`.
    fn find_by_start_of_identifier<'a>(
        &'a self,
        tenant: &'a TenantId,
        asked: &'a StartOfIdentifier,
        limit: u32,
    ) -> BoxFuture<'a, Result<FoundByStart, StoreUnavailable>>;
}

/// The term that an identity of this organisation has.
pub fn organisation_term(id: OrganisationId) -> String {
    terms::organisation(id)
}

/// The term that an identity of this state has.
pub const fn state_term(state: IdentityState) -> Option<&'static str> {
    match state {
        IdentityState::Active => None,
        IdentityState::Inactive => Some(terms::INACTIVE),
    }
}
