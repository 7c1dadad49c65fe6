//! `GET /admin/identities`: who is listed, by filters that narrow each other.
//!
//! Attack: a question that walks through everybody. The filter that names the fewest leads, and the others are asked of
//! those whom it gives: at most [`MOST_IDS`] by their ids, one by an identifier, and of the others no more than a page, or
//! what the store looks at in one question.

use http::StatusCode;
use identity::administration::credentials;
use identity::ports::{Identities as _, StoreUnavailable};
use identity::search::{IdentitySearch as _, StartOfIdentifier};
use identity::{Identifier, Identity, Problem};
use primitives::{IdentityId, OrganisationId};
use serde_json::Value;

use super::{document, tokens};
use crate::admin::paging;
use crate::call::Call;
use crate::response::{Answer, json_no_store};
use crate::self_service::{failed, respond, room};

const LARGEST_PAGE: u32 = 1000;
/// Identities that can be asked for by id in one request.
const MOST_IDS: usize = 500;
/// The kinds of credentials that the API knows.
const CREDENTIALS: [&str; 13] = [
    "password",
    "oidc",
    "totp",
    "lookup_secret",
    "webauthn",
    "code",
    "passkey",
    "profile",
    "saml",
    "deviceauthn",
    "identifier_first",
    "link_recovery",
    "code_recovery",
];

/// What is asked for.
struct Filter {
    /// Empty: whoever it is.
    ids: Vec<IdentityId>,
    identifier: Option<Asked>,
    similar: Option<Asked>,
    organisation: Option<OrganisationId>,
}

/// An identifier that is asked for. One that nobody can have names nobody.
enum Asked {
    For(Identifier),
    Nobody,
}

/// Who is listed, and behind what the next page begins.
struct Listed {
    identities: Vec<Identity>,
    next: Option<String>,
}

/// `GET /admin/identities`
pub(crate) async fn get(call: Call) -> Answer {
    let listed = async {
        let page = paging::asked(&call, LARGEST_PAGE)?;
        let filter = Filter::of(&call)?;
        let found = filter.find(&call, &page).await?;
        let documents = documents(&call, &found.identities).await?;
        Ok::<_, Problem>((page, found.next, documents))
    };
    match listed.await {
        Ok((page, next, documents)) => {
            let mut answer = json_no_store(StatusCode::OK, &documents);
            paging::link_to(&call, &mut answer, &page, next);
            answer
        }
        Err(problem) => respond(&call, &problem),
    }
}

/// The documents of a list, with credentials where they are asked for.
async fn documents(call: &Call, identities: &[Identity]) -> Result<Vec<Value>, Problem> {
    let included = call.query_values("include_credential");
    if let Some(unknown) = included.iter().find(|one| !CREDENTIALS.contains(&one.as_str())) {
        return Err(Problem::BadRequest(format!("`include_credential` has no `{unknown}`.")));
    }
    let mut documents = Vec::with_capacity(identities.len());
    for identity in identities {
        let found = if included.is_empty() {
            None
        } else {
            let found = credentials(room(call), identity.id).await.map_err(|error| failed(call, error))?;
            Some(tokens::with_tokens(call, identity, found).await?)
        };
        documents.push(document(call, identity, found.as_ref()));
    }
    Ok(documents)
}

impl Filter {
    fn of(call: &Call) -> Result<Self, Problem> {
        let bad = |words: &str| Problem::BadRequest(words.to_owned());
        let value = |name: &str| call.query_value(name).filter(|value| !value.is_empty());
        // Every read is of the most recent data.
        if value("consistency").is_some_and(|asked| asked != "strong" && asked != "eventual") {
            return Err(bad("`consistency` is `strong` or `eventual`."));
        }
        let ids = call.query_values("ids");
        if ids.len() > MOST_IDS {
            return Err(Problem::BadRequest(format!("At most {MOST_IDS} `ids` can be asked for.")));
        }
        let ids: Result<Vec<IdentityId>, _> = ids.iter().map(|id| id.parse()).collect();
        let organisation = value("organization_id").map(|id| id.parse::<OrganisationId>()).transpose();
        let asked =
            |name: &str| value(name).map(|text| Identifier::parse(&text).map_or(Asked::Nobody, Asked::For));
        Ok(Self {
            ids: ids.map_err(|_| bad("One of `ids` is not a UUID."))?,
            identifier: asked("credentials_identifier"),
            similar: asked("preview_credentials_identifier_similar"),
            organisation: organisation.map_err(|_| bad("`organization_id` is not a UUID."))?,
        })
    }

    /// Those whom every filter leaves.
    async fn find(&self, call: &Call, page: &paging::Asked) -> Result<Listed, Problem> {
        let (storage, tenant) = (&call.node.storage, &call.tenant.id);
        let store = |error: StoreUnavailable| failed(call, error);
        if matches!(self.identifier, Some(Asked::Nobody)) || matches!(self.similar, Some(Asked::Nobody)) {
            return Ok(Listed { identities: Vec::new(), next: None });
        }
        if !self.ids.is_empty() {
            let found = storage.find_identities(tenant, &self.ids).await.map_err(store)?;
            return self.narrow(call, found).await;
        }
        if let Some(Asked::For(identifier)) = &self.identifier {
            let found = storage.find_by_identifier(tenant, identifier).await.map_err(store)?;
            return self.narrow(call, found.into_iter().map(|(identity, _)| identity).collect()).await;
        }
        if let Some(Asked::For(start)) = &self.similar {
            let start = start.as_str().to_owned();
            let asked =
                StartOfIdentifier { start, organisation: self.organisation, after: page.after.clone() };
            let found = storage.find_by_start_of_identifier(tenant, &asked, page.size).await;
            let found = found.map_err(store)?;
            return Ok(Listed { identities: found.identities, next: found.next });
        }
        let after = page.after.as_deref().and_then(|id| id.parse().ok());
        let identities = match self.organisation {
            None => storage.list_identities(tenant, after, page.size).await,
            Some(organisation) => storage.list_of_organisation(tenant, organisation, after, page.size).await,
        };
        let identities = identities.map_err(store)?;
        let last = identities.last().map(|identity| identity.id.to_string());
        Ok(Listed { next: last.filter(|_| page.is_filled_by(identities.len())), identities })
    }

    /// Of a few, those whom the filters leave that did not lead. All of them are one page.
    async fn narrow(&self, call: &Call, found: Vec<Identity>) -> Result<Listed, Problem> {
        let mut identities = Vec::with_capacity(found.len());
        for identity in found {
            if self.leaves(call, &identity).await? {
                identities.push(identity);
            }
        }
        Ok(Listed { identities, next: None })
    }

    async fn leaves(&self, call: &Call, identity: &Identity) -> Result<bool, Problem> {
        if self.organisation.is_some_and(|organisation| identity.organisation != Some(organisation)) {
            return Ok(false);
        }
        if self.identifier.is_none() && self.similar.is_none() {
            return Ok(true);
        }
        let held = call.node.storage.list_identifiers(&call.tenant.id, identity.id).await;
        let held = held.map_err(|error| failed(call, error))?;
        let has = |asked: Option<&Asked>, is: fn(&str, &str) -> bool| match asked {
            None => true,
            Some(Asked::Nobody) => false,
            Some(Asked::For(asked)) => held.iter().any(|one| is(one, asked.as_str())),
        };
        let is_held = has(self.identifier.as_ref(), |one, asked| one == asked);
        Ok(is_held && has(self.similar.as_ref(), |one, asked| one.starts_with(asked)))
    }
}
