//! An app of one side, and what a browser and it send: a pushed request, the authorization endpoint, the token endpoint.

use anyhow::{Context, ensure};
use std::sync::Arc;

use super::jar::Jar;
use super::wire::{Reply, Wire};
use crate::bench::scenario::text;
use crate::loopback::get_json;

/// Where the app is met. Nobody goes there: the code is read from the address.
pub(in crate::bench) const REDIRECT_URI: &str = "https://app.example/callback";
/// RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// What the ID token of a flow says; `tests/load/oidc-provider/verify.mjs` looks for it.
pub(in crate::bench) const NONCE: &str = "n-of-the-bench";

/// Where an app's requests go, and how it proves who it is.
#[derive(Debug, Clone)]
pub(in crate::bench) struct App {
    /// Address and port.
    pub(in crate::bench) authority: String,
    pushed: String,
    authorization: String,
    token: String,
    introspection: String,
    client_id: String,
    /// HTTP Basic.
    basic: String,
    /// What it asks for, as a form.
    asks: String,
}

impl App {
    /// Reads its endpoints from what the issuer publishes.
    pub(in crate::bench) fn of_issuer(
        issuer: &str,
        client_id: &str,
        basic: String,
        asks: &str,
    ) -> anyhow::Result<Arc<Self>> {
        let discovery = get_json(&format!("{issuer}/.well-known/openid-configuration"))?;
        let place = |name: &str| -> anyhow::Result<(String, String)> {
            let url = text(&discovery, name)?;
            let (authority, path) = split(&url).with_context(|| url.clone())?;
            Ok((authority.to_owned(), path.to_owned()))
        };
        let (authority, token) = place("token_endpoint")?;
        Ok(Arc::new(Self {
            authority,
            pushed: place("pushed_authorization_request_endpoint")?.1,
            authorization: place("authorization_endpoint")?.1,
            token,
            introspection: place("introspection_endpoint")?.1,
            client_id: client_id.to_owned(),
            basic,
            asks: asks.to_owned(),
        }))
    }

    /// Another app of the same issuer that asks for the same.
    pub(in crate::bench) fn of_client(&self, client_id: &str, basic: &str) -> Arc<Self> {
        let (client_id, basic) = (client_id.to_owned(), basic.to_owned());
        Arc::new(Self { client_id, basic, ..self.clone() })
    }

    /// Asks for a token for the app itself.
    pub(in crate::bench) fn client_credentials(&self) -> Vec<u8> {
        self.post(&self.token, "grant_type=client_credentials&scope=api:read")
    }

    /// Asks about a token.
    pub(in crate::bench) fn introspect(&self, token: &str) -> Vec<u8> {
        self.post(&self.introspection, &format!("token={token}"))
    }

    /// A form that the app posts itself.
    fn post(&self, path: &str, body: &str) -> Vec<u8> {
        let proof = format!("authorization: Basic {}\r\n", self.basic);
        form(&self.authority, path, &proof, body)
    }

    /// Asks for new tokens.
    pub(super) async fn refresh<'w>(&self, wire: &'w mut Wire, token: &str) -> anyhow::Result<Reply<'w>> {
        let body = format!("grant_type=refresh_token&refresh_token={token}");
        wire.exchange(&self.post(&self.token, &body)).await?.expect(200)
    }
}

/// A browser in which somebody signs in to an app.
#[derive(Debug)]
pub(in crate::bench) struct Browser {
    pub(in crate::bench) app: Arc<App>,
    jar: Jar,
    /// The request that is pushed, the same each time.
    push: Vec<u8>,
}

impl Browser {
    pub(in crate::bench) fn new(app: &Arc<App>, jar: Jar) -> Self {
        let body = format!(
            "response_type=code&client_id={}&redirect_uri={REDIRECT_URI}&state=s&nonce={NONCE}\
             &code_challenge={CHALLENGE}&code_challenge_method=S256&{}",
            app.client_id, app.asks
        );
        Self { app: app.clone(), jar, push: app.post(&app.pushed, &body) }
    }

    /// Pushes the request, goes where the app then sends the browser, and returns where that leads.
    pub(in crate::bench) async fn authorize(&mut self, wire: &mut Wire) -> anyhow::Result<String> {
        let pushed = wire.exchange(&self.push).await?.expect(201).context("the pushed request")?;
        let path = format!(
            "{}?client_id={}&request_uri={}",
            self.app.authorization,
            self.app.client_id,
            pushed.text("request_uri")?
        );
        self.get(wire, &path).await
    }

    /// Gets a page of the provider, by path or by address, and returns where it leads.
    pub(in crate::bench) async fn get(&mut self, wire: &mut Wire, page: &str) -> anyhow::Result<String> {
        let authority = &self.app.authority;
        let path = split(page).map_or(page, |(_, path)| path);
        let request = format!("GET {path} HTTP/1.1\r\nhost: {authority}\r\n{}\r\n", self.jar.line());
        let reply = wire.exchange(request.as_bytes()).await?;
        self.follow(reply)
    }

    /// Posts a form of the provider's, and returns where it leads.
    pub(in crate::bench) async fn post(
        &mut self,
        wire: &mut Wire,
        page: &str,
        body: &str,
    ) -> anyhow::Result<String> {
        let path = split(page).map_or(page, |(_, path)| path);
        let request = form(&self.app.authority, path, self.jar.line(), body);
        let reply = wire.exchange(&request).await?;
        self.follow(reply)
    }

    fn follow(&mut self, reply: Reply<'_>) -> anyhow::Result<String> {
        reply.headers("set-cookie").for_each(|cookie| self.jar.take(cookie));
        let location = reply.header("location").filter(|_| matches!(reply.status, 302 | 303));
        Ok(location
            .with_context(|| format!("{}: {}", reply.status, String::from_utf8_lossy(reply.body)))?
            .to_owned())
    }

    /// Goes the whole way to tokens: somebody who is signed in and need not be asked is sent straight back.
    pub(in crate::bench) async fn flow<'w>(&mut self, wire: &'w mut Wire) -> anyhow::Result<Reply<'w>> {
        let location = self.authorize(wire).await?;
        let answer = location.strip_prefix(REDIRECT_URI).and_then(|rest| rest.strip_prefix('?'));
        let answer = answer.with_context(|| format!("the browser is sent to {location}"))?;
        let code = answer.split('&').find_map(|pair| pair.strip_prefix("code="));
        let code = code.with_context(|| format!("no code: {answer}"))?;
        let body = format!(
            "grant_type=authorization_code&redirect_uri={REDIRECT_URI}&code_verifier={VERIFIER}&code={code}"
        );
        let reply = wire.exchange(&self.app.post(&self.app.token, &body)).await?.expect(200)?;
        ensure!(reply.text("id_token").is_ok(), "a sign-in without an ID token");
        Ok(reply)
    }
}

fn form(authority: &str, path: &str, more: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nhost: {authority}\r\ncontent-type: application/x-www-form-urlencoded\r\n\
         {more}content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// The authority and the path of an `http://` address.
fn split(url: &str) -> Option<(&str, &str)> {
    let rest = url.strip_prefix("http://")?;
    Some(rest.find('/').map_or((rest, "/"), |slash| rest.split_at(slash)))
}

#[cfg(test)]
mod tests {
    use super::{form, split};

    #[test]
    fn addresses_are_split_and_forms_have_their_length() {
        assert_eq!(split("http://127.0.0.1:1/a?b"), Some(("127.0.0.1:1", "/a?b")));
        assert_eq!(split("http://127.0.0.1:1"), Some(("127.0.0.1:1", "/")));
        assert_eq!(split("/a"), None);
        let form = String::from_utf8(form("h:1", "/p", "cookie: a=1\r\n", "b=2")).unwrap();
        assert!(form.ends_with("\r\ncookie: a=1\r\ncontent-length: 3\r\n\r\nb=2"), "{form}");
    }
}
