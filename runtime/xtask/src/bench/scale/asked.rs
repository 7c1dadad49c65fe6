//! Clients, tokens and pages that are asked about: real ones, made over HTTP, and there in both databases.

use anyhow::Context;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;

use crate::bench::chains::{App, Browser, Chain, Jar, REDIRECT_URI, Wire, each_on_wires, runtime};
use crate::bench::ours::PERSON;
use crate::bench::scenario::basic;
use crate::bench::sessions::browser_login;
use crate::node::Node;

/// What is made comes over so many connections: they share commits.
const CONNECTIONS: u32 = 32;
const SCOPE: &str = "openid offline_access api:read";
/// Pages that are kept to be asked for, at most.
const PAGES: usize = 100;
/// Clients of a page that is walked over: as many as the API gives.
const LONG_PAGE: usize = 500;

/// A client, and what it has.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Asked {
    id: String,
    /// HTTP Basic.
    basic: String,
    /// What it has if its tokens are opaque: one for itself, and the newest refresh token of somebody.
    tokens: Option<(String, String)>,
}

/// What is asked for again and again, at which rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    ClientCredentials,
    OpaqueToken,
    Introspection,
    Refresh,
    Page,
}

impl Question {
    pub(super) const ALL: [Self; 5] =
        [Self::ClientCredentials, Self::OpaqueToken, Self::Introspection, Self::Refresh, Self::Page];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::ClientCredentials => "client_credentials, ES256 JWT",
            Self::OpaqueToken => "client_credentials, opaque token",
            Self::Introspection => "introspection of an opaque token",
            Self::Refresh => "refresh with rotation",
            Self::Page => "a page of 250 clients",
        }
    }

    /// Whether each answer is a change of the database.
    pub(super) const fn writes(self) -> bool {
        matches!(self, Self::OpaqueToken | Self::Refresh)
    }

    /// Requests a second: few enough that none waits for another, many enough for a p99.
    pub(super) const fn rate(self) -> f64 {
        match self {
            Self::ClientCredentials | Self::Introspection => 500.0,
            Self::OpaqueToken | Self::Refresh => 200.0,
            Self::Page => 20.0,
        }
    }
}

/// Makes clients. Every second has JWT access tokens, the others opaque ones.
pub(super) fn make_clients(node: &Node, count: usize) -> anyhow::Result<Vec<Asked>> {
    let document = |strategy: &str| {
        json!({
            "client_name": "an application among many",
            "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
            "response_types": ["code"],
            "redirect_uris": [REDIRECT_URI],
            "scope": SCOPE,
            "token_endpoint_auth_method": "client_secret_basic",
            "access_token_strategy": strategy,
            "skip_consent": true,
        })
        .to_string()
    };
    let authority = authority(&node.admin)?;
    let request = |body: &str| {
        format!(
            "POST /admin/clients HTTP/1.1\r\nhost: {authority}\r\nauthorization: {}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            node.authorization(),
            body.len()
        )
        .into_bytes()
    };
    let kinds = [request(&document("jwt")), request(&document("opaque"))];
    let make = async |number: usize, wire: &mut Wire| -> anyhow::Result<Asked> {
        let request = kinds.get(number % kinds.len()).context("a kind")?;
        let made = wire.exchange(request).await?.expect(201)?;
        let id = made.text("client_id")?;
        let basic = basic(id, made.text("client_secret")?);
        let tokens = (!number.is_multiple_of(kinds.len())).then(Default::default);
        Ok(Asked { id: id.to_owned(), basic, tokens })
    };
    each_on_wires(authority, (count, CONNECTIONS), make)
}

/// Gives each client with opaque tokens a refresh token, by a sign-in of the one person.
pub(super) fn give_refresh_tokens(node: &Node, clients: &mut [Asked]) -> anyhow::Result<()> {
    node.make_person("", PERSON.0, PERSON.1)?;
    let jar = Jar::of_header(&browser_login(&node.public, PERSON)?);
    let sign_in = async |app: Arc<App>, wire: &mut Wire| -> anyhow::Result<String> {
        let given = Browser::new(&app, jar.clone()).flow(wire).await?;
        Ok(given.text("refresh_token")?.to_owned())
    };
    give(node, clients, sign_in, |(_, refresh)| refresh)
}

/// Gives each client with opaque tokens one for itself, in the place of an earlier one, which has expired in a database that was kept.
pub(super) fn give_own_tokens(node: &Node, clients: &mut [Asked]) -> anyhow::Result<()> {
    let ask = async |app: Arc<App>, wire: &mut Wire| -> anyhow::Result<String> {
        let own = wire.exchange(&app.client_credentials()).await?.expect(200)?;
        Ok(own.text("access_token")?.to_owned())
    };
    give(node, clients, ask, |(own, _)| own)
}

/// Has each client with opaque tokens get one, and keeps it in its place.
fn give(
    node: &Node,
    clients: &mut [Asked],
    get: impl AsyncFn(Arc<App>, &mut Wire) -> anyhow::Result<String> + Sync,
    place: impl Fn(&mut (String, String)) -> &mut String,
) -> anyhow::Result<()> {
    let issuer = issuer(node)?;
    let opaque: Vec<&mut Asked> = clients.iter_mut().filter(|client| client.tokens.is_some()).collect();
    let get_one = async |number: usize, wire: &mut Wire| -> anyhow::Result<(usize, String)> {
        let client = opaque.get(number).context("a client")?;
        Ok((number, get(issuer.of_client(&client.id, &client.basic), wire).await?))
    };
    let given = each_on_wires(&issuer.authority, (opaque.len(), CONNECTIONS), get_one)?;
    let mut opaque = opaque;
    for (number, token) in given {
        if let Some(tokens) = opaque.get_mut(number).and_then(|client| client.tokens.as_mut()) {
            *place(tokens) = token;
        }
    }
    Ok(())
}

/// Makes what is asked, of a node that has just started, with what earlier ones left.
pub(super) fn chains(
    node: &Node,
    clients: &[Asked],
    pages: &[String],
    question: Question,
) -> anyhow::Result<Vec<Chain>> {
    let issuer = issuer(node)?;
    if question == Question::Page {
        let admin = authority(&node.admin)?;
        let ask = |page: &String| same(admin, page_request(node, admin, page), "\"client_id\"");
        return Ok(pages.iter().map(ask).collect());
    }
    let chain = |client: &Asked| {
        let app = issuer.of_client(&client.id, &client.basic);
        let at = &issuer.authority;
        match (question, &client.tokens) {
            (Question::ClientCredentials, None) | (Question::OpaqueToken, Some(_)) => {
                Some(same(at, app.client_credentials(), "\"access_token\""))
            }
            (Question::Introspection, Some((own, _))) => {
                Some(same(at, app.introspect(own), "\"active\":true"))
            }
            (Question::Refresh, Some((_, refresh))) => Some(Chain::Refresh { app, token: refresh.clone() }),
            _ => None,
        }
    };
    Ok(clients.iter().filter_map(chain).collect())
}

/// Remembers the refresh tokens that came of those of [`chains`].
pub(super) fn keep(clients: &mut [Asked], chains: Vec<Chain>) {
    let opaque = clients.iter_mut().filter_map(|client| client.tokens.as_mut());
    for ((_, refresh), chain) in opaque.zip(chains) {
        if let Chain::Refresh { token, .. } = chain {
            *refresh = token;
        }
    }
}

/// Walks over all clients, and returns where pages begin, from all parts of the list.
pub(super) fn pages(node: &Node) -> anyhow::Result<Vec<String>> {
    let admin = authority(&node.admin)?;
    let mut pages = runtime()?.block_on(async {
        let mut wire = Wire::open(admin).await?;
        let mut pages = vec!["?page_size=250".to_owned()];
        let mut page = format!("?page_size={LONG_PAGE}");
        loop {
            let reply = wire.exchange(&page_request(node, admin, &page)).await?.expect(200)?;
            let Some(link) = reply.header("link") else { return anyhow::Ok(pages) };
            let token = link.split_once("page_token=").context("a link without its token")?.1;
            let token = token.split(['&', '>']).next().unwrap_or_default();
            pages.push(format!("?page_size=250&page_token={token}"));
            page = format!("?page_size={LONG_PAGE}&page_token={token}");
        }
    })?;
    // The last may be a short one.
    if pages.len() > 1 {
        pages.pop();
    }
    let step = pages.len().div_ceil(PAGES).max(1);
    Ok(pages.into_iter().step_by(step).collect())
}

fn page_request(node: &Node, authority: &str, query: &str) -> Vec<u8> {
    format!(
        "GET /admin/clients{query} HTTP/1.1\r\nhost: {authority}\r\nauthorization: {}\r\n\r\n",
        node.authorization()
    )
    .into_bytes()
}

fn same(authority: &str, request: Vec<u8>, says: &'static str) -> Chain {
    Chain::Same { authority: authority.to_owned(), request, says }
}

/// What all apps of the node have in common.
fn issuer(node: &Node) -> anyhow::Result<Arc<App>> {
    let asks = format!("scope={}", SCOPE.replace(' ', "+"));
    App::of_issuer(&node.public, "", String::new(), &asks)
}

fn authority(url: &str) -> anyhow::Result<&str> {
    url.strip_prefix("http://").with_context(|| url.to_owned())
}
