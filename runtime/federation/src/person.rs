//! Who somebody is, of all that a provider says: the ID token, the userinfo endpoint, and what some say elsewhere.

use jose::json::parse_object;
use ring::hmac;
use serde_json::{Map, Value};
use url::Url;

use crate::failure::Failure;
use crate::kind::{Bearer, Further, IdTokens};
use crate::provider::Provider;
use crate::room::Asking;
use crate::settings::SubjectSource;
use crate::token::Given;
use crate::wire::Ask;

const WHAT: &str = "the userinfo endpoint";
/// The longest name of a person.
const LONGEST_SUBJECT: usize = 255;

/// Somebody, as a provider names and describes them.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) subject: String,
    pub(crate) claims: Map<String, Value>,
}

/// Puts together what is said. `verified` are the claims of the ID token, where there is one.
pub(crate) async fn describe(
    asking: Asking<'_>,
    provider: &Provider,
    (given, verified): (&Given, Option<Map<String, Value>>),
    user: Option<&str>,
) -> Result<Person, Failure> {
    let kind = provider.kind;
    let mut person = match verified {
        Some(claims) if provider.asks_userinfo() => {
            let mut person = read(provider, &Value::Object(claims.clone()), "/sub")?;
            let said = userinfo(asking, provider, given.access_token()?).await?;
            // Attack (token substitution, OpenID Connect Core section 5.3.2): the answer is about somebody else.
            if said.get("sub").and_then(Value::as_str) != Some(person.subject.as_str()) {
                return Err(Failure::Untrusted(format!("{WHAT}: is about somebody else")));
            }
            let mut claims = claims;
            claims.extend(said);
            person.claims = claims;
            person
        }
        Some(claims) => read(provider, &Value::Object(claims), "/sub")?,
        None => {
            let said = userinfo(asking, provider, given.access_token()?).await?;
            read(provider, &Value::Object(said), kind.subject)?
        }
    };
    further(asking, provider, given, (&mut person, user)).await?;
    if let Some(source) = provider.settings.subject_source {
        person.subject = other_subject(asking, provider, given, (&person, source)).await?;
    }
    normalise(&mut person.claims);
    Ok(person)
}

/// The claims of an ID token alone, as applications present it.
pub(crate) fn of_id_token(provider: &Provider, claims: Map<String, Value>) -> Result<Person, Failure> {
    let mut person = read(provider, &Value::Object(claims), "/sub")?;
    if provider.settings.subject_source == Some(SubjectSource::Oid) {
        person.subject = oid(&person)?;
    }
    normalise(&mut person.claims);
    Ok(person)
}

async fn userinfo(
    asking: Asking<'_>,
    provider: &Provider,
    access_token: &str,
) -> Result<Map<String, Value>, Failure> {
    let endpoints = asking.endpoints(provider).await?;
    let url = endpoints.userinfo.clone().ok_or(Failure::Settings("no userinfo endpoint"))?;
    let ask = show(asking, provider, Ask::get(WHAT, url), access_token).await?;
    asking.wire(provider).object(ask).await
}

/// Shows the access token, in the provider's way.
async fn show(
    asking: Asking<'_>,
    provider: &Provider,
    mut ask: Ask,
    access_token: &str,
) -> Result<Ask, Failure> {
    Ok(match provider.kind.bearer {
        Bearer::Scheme(scheme) => ask.header("authorization", format!("{scheme} {access_token}")),
        Bearer::Header(name) => ask.header(name, access_token.to_owned()),
        Bearer::Query(name) => {
            ask.url.query_pairs_mut().append_pair(name, access_token);
            ask
        }
        Bearer::Proof => {
            let secret = asking.secret(provider).await?.ok_or(Failure::Settings("no client secret"))?;
            let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
            let proof = hex(hmac::sign(&key, access_token.as_bytes()).as_ref());
            ask.url
                .query_pairs_mut()
                .append_pair("access_token", access_token)
                .append_pair("appsecret_proof", &proof);
            ask
        }
    })
}

/// Finds the person in a document, and gives their claims the usual names.
fn read(provider: &Provider, document: &Value, subject: &str) -> Result<Person, Failure> {
    let kind = provider.kind;
    let place = if kind.id_token == IdTokens::None { kind.person } else { "" };
    let person = document.pointer(place).and_then(Value::as_object);
    let Some(person) = person else { return Err(Failure::nonsense(WHAT, "describes nobody")) };
    let whole = Value::Object(person.clone());
    let subject = match whole.pointer(subject) {
        Some(Value::String(text)) if !text.is_empty() && text.len() <= LONGEST_SUBJECT => text.clone(),
        Some(Value::Number(number)) if number.is_u64() => number.to_string(),
        _ => return Err(Failure::nonsense(WHAT, "names nobody")),
    };
    let mut claims = person.clone();
    for (name, place) in kind.claims {
        if let Some(value) = whole.pointer(place).filter(|value| !value.is_null()) {
            claims.insert((*name).to_owned(), value.clone());
        }
    }
    claims.insert("sub".to_owned(), subject.clone().into());
    Ok(Person { subject, claims })
}

async fn further(
    asking: Asking<'_>,
    provider: &Provider,
    given: &Given,
    (person, user): (&mut Person, Option<&str>),
) -> Result<(), Failure> {
    match provider.kind.further {
        Further::None => {}
        Further::TokenMember(name) => {
            if let Some(value) = given.document.get(name) {
                person.claims.insert("email".to_owned(), value.clone());
            }
        }
        Further::Emails(url) => {
            // That of the profile is what its owner shows, which nobody has proven.
            person.claims.remove("email");
            person.claims.remove("email_verified");
            let url = Url::parse(url).map_err(|_| Failure::nonsense(WHAT, "its address is no URL"))?;
            let ask =
                show(asking, provider, Ask::get("the list of addresses", url), given.access_token()?).await?;
            let answered = asking.wire(provider).ask(ask).await?;
            // Without the permission there is no list, and no address.
            let list: Vec<Value> = match answered.status {
                200 => serde_json::from_slice(&answered.body).unwrap_or_default(),
                _ => Vec::new(),
            };
            let is = |entry: &&Value, name: &str| entry.get(name) == Some(&Value::Bool(true));
            if let Some(address) = list.iter().find(|entry| is(entry, "primary") && is(entry, "verified")) {
                person.claims.insert("email".to_owned(), address.get("email").cloned().unwrap_or_default());
                person.claims.insert("email_verified".to_owned(), true.into());
            }
        }
        Further::BrowserName => {
            // It came by the browser: good for a name that its owner may choose, for nothing else.
            let named = user.and_then(|text| parse_object(text.as_bytes()).ok());
            let name = named.as_ref().and_then(|user| user.get("name"));
            for (claim, member) in [("given_name", "firstName"), ("family_name", "lastName")] {
                let value = name.and_then(|name| name.get(member)).and_then(Value::as_str);
                if let Some(value) = value.filter(|value| value.len() <= 256) {
                    person.claims.entry(claim).or_insert_with(|| value.into());
                }
            }
        }
    }
    Ok(())
}

/// What names somebody at Microsoft, where `sub` does not.
async fn other_subject(
    asking: Asking<'_>,
    provider: &Provider,
    given: &Given,
    (person, source): (&Person, SubjectSource),
) -> Result<String, Failure> {
    const ME: &str = "https://graph.microsoft.com/v1.0/me";
    match source {
        SubjectSource::Userinfo => Ok(person.subject.clone()),
        SubjectSource::Oid => oid(person),
        SubjectSource::Me => {
            let url = Url::parse(ME).map_err(|_| Failure::nonsense(ME, "is no URL"))?;
            let ask = show(asking, provider, Ask::get(ME, url), given.access_token()?).await?;
            let me = asking.wire(provider).object(ask).await?;
            let id = me.get("id").and_then(Value::as_str).filter(|id| !id.is_empty());
            id.map(str::to_owned).ok_or_else(|| Failure::nonsense(ME, "names nobody"))
        }
    }
}

fn oid(person: &Person) -> Result<String, Failure> {
    let oid = person.claims.get("oid").and_then(Value::as_str).filter(|oid| !oid.is_empty());
    oid.map(str::to_owned).ok_or_else(|| Failure::nonsense("the ID token", "has no oid"))
}

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]);
    digits.filter_map(|digit| char::from_digit(u32::from(digit), 16)).collect()
}

/// Some write truth as text.
fn normalise(claims: &mut Map<String, Value>) {
    for name in ["email_verified", "phone_number_verified"] {
        if let Some(value) = claims.get_mut(name)
            && let Some(text) = value.as_str()
        {
            *value = Value::Bool(text == "true");
        }
    }
}
