//! A browser without scripts: keeps cookies, follows redirects, submits forms.

use http::{HeaderMap, Method, StatusCode, header};
use url::{Url, form_urlencoded};

use crate::html_form::{Button, Field, HtmlForm};
use crate::http_client::{HttpClient, HttpError};

/// No sign-in has more hops between two pages.
const MOST_REDIRECTS: usize = 20;
const MOST_COOKIES: usize = 100;

/// The browser, and the cookies that it keeps.
#[derive(Debug)]
pub(crate) struct Browser {
    http: HttpClient,
    cookies: Vec<Kept>,
}

/// A page, where it was found in the end.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) url: Url,
    pub(crate) status: StatusCode,
    pub(crate) text: String,
}

/// A cookie of a host; like a browser's, it does not heed the port.
#[derive(Debug)]
struct Kept {
    host: String,
    path: String,
    name: String,
    value: String,
}

/// Why a page was not reached.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BrowserError {
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error("a redirect leads to what is no address: {0}")]
    Url(#[from] url::ParseError),
    #[error("the request cannot be made: {0}")]
    Request(#[from] http::Error),
    #[error("more than {MOST_REDIRECTS} redirects, the last to {0}")]
    TooManyRedirects(Url),
}

impl Browser {
    pub(crate) fn new(http: HttpClient) -> Self {
        Self { http, cookies: Vec::new() }
    }

    /// Opens a page and follows where it leads.
    pub(crate) async fn open(&mut self, url: Url) -> Result<Page, BrowserError> {
        self.follow(Method::GET, url, Vec::new()).await
    }

    /// Fills in a form of `page` and presses a button.
    pub(crate) async fn submit<'a>(
        &mut self,
        page: &Page,
        form: &'a HtmlForm,
        button: Option<&'a Button>,
        fill: impl Fn(&Field) -> Option<&'a str>,
    ) -> Result<Page, BrowserError> {
        let mut url = if form.action.is_empty() { page.url.clone() } else { page.url.join(&form.action)? };
        let fields = form.submit(button, fill);
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        if form.is_post {
            return self.follow(Method::POST, url, body.into_bytes()).await;
        }
        url.set_query(Some(&body));
        self.open(url).await
    }

    async fn follow(&mut self, method: Method, url: Url, body: Vec<u8>) -> Result<Page, BrowserError> {
        let (mut method, mut url, mut body) = (method, url, body);
        for _ in 0..MOST_REDIRECTS {
            let mut request = http::Request::builder().method(method.clone()).uri(url.as_str());
            request = request.header(header::ACCEPT, "text/html,application/xhtml+xml,*/*;q=0.8");
            if let Some(cookies) = self.cookies_for(&url) {
                request = request.header(header::COOKIE, cookies);
            }
            if method == Method::POST {
                request = request
                    .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                    .header(header::ORIGIN, url.origin().ascii_serialization());
            }
            let answer = self.http.send(request.body(body)?).await?;
            self.keep(&url, answer.headers());
            let place = answer.headers().get(header::LOCATION).and_then(|place| place.to_str().ok());
            let Some(place) = place.filter(|_| answer.status().is_redirection()) else {
                let text = String::from_utf8_lossy(answer.body()).into_owned();
                return Ok(Page { url, status: answer.status(), text });
            };
            url = url.join(place)?;
            // As browsers do after a form; none of the pages here answers one with 307 or 308.
            method = Method::GET;
            body = Vec::new();
        }
        Err(BrowserError::TooManyRedirects(url))
    }

    fn cookies_for(&self, url: &Url) -> Option<String> {
        let host = url.host_str()?;
        let fitting = self.cookies.iter().filter(|kept| kept.host == host && covers(&kept.path, url.path()));
        let pairs: Vec<String> = fitting.map(|kept| format!("{}={}", kept.name, kept.value)).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    fn keep(&mut self, url: &Url, headers: &HeaderMap) {
        let Some(host) = url.host_str() else { return };
        for line in headers.get_all(header::SET_COOKIE).iter().filter_map(|line| line.to_str().ok()) {
            let mut parts = line.split(';').map(str::trim);
            let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { continue };
            let (mut path, mut over) = (default_path(url.path()), false);
            for (key, setting) in parts.filter_map(|part| part.split_once('=')) {
                match key.to_ascii_lowercase().as_str() {
                    "path" if setting.starts_with('/') => setting.clone_into(&mut path),
                    "max-age" => over |= setting.parse::<i64>().is_ok_and(|seconds| seconds <= 0),
                    "expires" => over |= setting.contains(" 1970 "),
                    _ => {}
                }
            }
            self.cookies.retain(|kept| kept.host != host || kept.name != name || kept.path != path);
            if !over && self.cookies.len() < MOST_COOKIES {
                let (host, name, value) = (host.to_owned(), name.to_owned(), value.to_owned());
                self.cookies.push(Kept { host, path, name, value });
            }
        }
    }
}

/// RFC 6265, section 5.1.4: a cookie without a path belongs to the directory of the page that set it.
fn default_path(path: &str) -> String {
    match path.rfind('/') {
        None | Some(0) => "/".to_owned(),
        Some(end) => path.get(..end).unwrap_or("/").to_owned(),
    }
}

fn covers(cookie: &str, page: &str) -> bool {
    page.strip_prefix(cookie)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || cookie.ends_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    /// Sets cookies on one page and says what another gets.
    fn check(set_at: &str, lines: &[&'static str], sent_to: &str, expected: Option<&str>) {
        let mut browser = Browser::new(HttpClient::new().unwrap());
        for line in lines {
            let headers = HeaderMap::from_iter([(header::SET_COOKIE, HeaderValue::from_static(line))]);
            browser.keep(&set_at.parse().unwrap(), &headers);
        }
        assert_eq!(browser.cookies_for(&sent_to.parse().unwrap()).as_deref(), expected, "{lines:?}");
    }

    #[test]
    fn a_cookie_goes_to_its_host_and_path() {
        check("http://a/x/y", &["k=v; Path=/"], "http://a:1/z", Some("k=v"));
        check("http://a/x/y", &["k=v; Path=/"], "http://b/z", None);
        check("http://a/x/y", &["k=v; Path=/t/acme"], "http://a/t/acme/oauth2", Some("k=v"));
        check("http://a/x/y", &["k=v; Path=/t/acme"], "http://a/t/acme2", None);
        check("http://a/x/y", &["k=v"], "http://a/x/z", Some("k=v"));
        check("http://a/x/y", &["k=v"], "http://a/z", None);
    }

    #[test]
    fn a_cookie_is_replaced_and_forgotten() {
        check("http://a/", &["k=v", "k=w"], "http://a/", Some("k=w"));
        check("http://a/", &["k=v", "k=; Max-Age=0"], "http://a/", None);
        check("http://a/", &["k=v", "k=; expires=Thu, 01 Jan 1970 00:00:00 GMT"], "http://a/", None);
    }
}
