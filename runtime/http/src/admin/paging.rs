//! Page tokens and `Link` headers of the compatible lists.
//!
//! Attack: a made-up token reads where its maker may not, or one list's token is used on another. A token
//! is sealed for its tenant and its list, filters included; whatever else is presented is no token.

use identity::Problem;
use primitives::{SealedKind, SealedPlace};

use crate::call::Call;
use crate::failure::Failure;
use crate::response::{Answer, set};

/// A page that was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) size: u32,
    /// The last entry of the page before.
    pub(crate) after: Option<String>,
}

/// Reads `page_size` and `page_token` (and `per_page`, their elder).
pub(crate) fn asked(call: &Call, largest: u32) -> Result<Asked, Problem> {
    let size = call.query_value("page_size").or_else(|| call.query_value("per_page"));
    let size = match size.filter(|size| !size.is_empty()) {
        None => 250,
        Some(size) => size
            .parse::<u32>()
            .map_err(|_| Problem::BadRequest("`page_size` must be a number.".to_owned()))?,
    };
    // Pages by their number are answered by none of our lists: whoever counts on would be shown the first for ever.
    if call.query_value("page").is_some_and(|page| !matches!(page.as_str(), "" | "0" | "1")) {
        return Err(Problem::BadRequest("Go on by `page_token`; pages have no numbers.".to_owned()));
    }
    let after = match call.query_value("page_token").filter(|token| !token.is_empty()) {
        None => None,
        Some(token) => Some(open(call, &token)?),
    };
    Ok(Asked { size: size.clamp(1, largest), after })
}

impl Asked {
    /// Whether a page with so many entries is full, so that there may be another.
    pub(crate) fn is_filled_by(&self, shown: usize) -> bool {
        u32::try_from(shown).is_ok_and(|shown| shown >= self.size)
    }
}

/// Adds `Link` (RFC 8288): the first page, and the next one if this was full.
pub(crate) fn link(call: &Call, answer: &mut Answer, page: &Asked, shown: usize, last: Option<String>) {
    link_to(call, answer, page, last.filter(|_| page.is_filled_by(shown)));
}

/// The same, where what was looked at says whether there is a next page, and behind what it begins.
pub(crate) fn link_to(call: &Call, answer: &mut Answer, page: &Asked, next: Option<String>) {
    let mut links = vec![format!("<{}>; rel=\"first\"", url(call, page.size, None))];
    if let Some(last) = next {
        let token = token(call, &last);
        links.push(format!("<{}>; rel=\"next\"", url(call, page.size, Some(&token))));
    }
    set(answer, "link", &links.join(","));
}

/// The token of the page behind `last`.
pub(super) fn token(call: &Call, last: &str) -> String {
    let row = list_of(call);
    let context = SealedPlace { tenant: &call.tenant.id, kind: SealedKind::PageToken, row: &row };
    call.node.sealer().seal_text(context, last.as_bytes())
}

/// Behind what a list of ours goes on: what the `page_token` of its last page stands for, as `read` reads it.
pub(super) fn behind<T>(call: &Call, read: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, Failure> {
    let Some(token) = call.query_value("page_token").filter(|token| !token.is_empty()) else {
        return Ok(None);
    };
    let last = open(call, &token).ok().and_then(|last| read(&last));
    let refused = || Failure::bad_request("`page_token` is not one that this list gave.");
    last.map(Some).ok_or_else(refused)
}

/// What a token of this list stands for.
pub(super) fn open(call: &Call, token: &str) -> Result<String, Problem> {
    let refused = || Problem::BadRequest("`page_token` is not one that this list gave.".to_owned());
    let row = list_of(call);
    let context = SealedPlace { tenant: &call.tenant.id, kind: SealedKind::PageToken, row: &row };
    let plain = call.node.sealer().open_text(context, token).map_err(|_| refused())?;
    String::from_utf8(plain.to_vec()).map_err(|_| refused())
}

/// The list: its path with its filters.
fn list_of(call: &Call) -> String {
    format!("{}?{}", call.path, filters(call))
}

fn filters(call: &Call) -> String {
    let paging = ["page_size", "page_token", "per_page", "page"];
    let pairs = url::form_urlencoded::parse(call.query.as_bytes());
    let kept = pairs.filter(|(name, _)| !paging.contains(&name.as_ref()));
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).finish()
}

/// Another page of the list that was asked for, as a path with its query.
pub(super) fn url(call: &Call, size: u32, token: Option<&str>) -> String {
    let filters = filters(call);
    let joint = if filters.is_empty() { "" } else { "&" };
    let token = token.map(|token| format!("&page_token={token}")).unwrap_or_default();
    format!("{}{}?{filters}{joint}page_size={size}{token}", call.tenant.base_path, call.path)
}
