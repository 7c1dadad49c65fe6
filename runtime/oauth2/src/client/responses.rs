//! What a client has registered about what it is told: what signs it, and to which of its keys it is encrypted.
//!
//! Attacks: a client is told in clear what it has said that only it may read, because its key was not there, or not read (a
//! document without a usable key is refused, and where the key is gone later nothing is told: `protection.rs`); what is encrypted
//! and not signed is taken for ours, though anybody can encrypt (encryption alone is refused).

use jose::{ContentEncryption, KeyManagement, NoRecipient, RecipientKey, SigningAlgorithm};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::ClientDocument;
use crate::fetch;
use crate::server::AuthorizationServer;

/// The properties of the document that are only about this. `userinfo_signed_response_alg` and
/// `authorization_signed_response_alg` stand beside them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResponseProtection {
    /// What signs ID tokens and logout tokens (OpenID Connect Registration section 2); absent for the tenant's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token_signed_response_alg: Option<String>,
    /// How the content key of encrypted ID tokens reaches the client; absent for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token_encrypted_response_alg: Option<String>,
    /// What encrypts them; absent for `A128CBC-HS256`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token_encrypted_response_enc: Option<String>,
    /// The same for userinfo.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub userinfo_encrypted_response_alg: Option<String>,
    /// What encrypts it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub userinfo_encrypted_response_enc: Option<String>,
    /// What signs introspection for it where it asks for that (RFC 9701 section 6); absent for the tenant's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub introspection_signed_response_alg: Option<String>,
    /// How the content key of encrypted introspection reaches it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub introspection_encrypted_response_alg: Option<String>,
    /// What encrypts it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub introspection_encrypted_response_enc: Option<String>,
    /// The same for signed answers of the authorization endpoint (JARM section 3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_encrypted_response_alg: Option<String>,
    /// What encrypts them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_encrypted_response_enc: Option<String>,
}

/// What is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// ID tokens, and logout tokens, for which the same keys are used (Back-Channel Logout section 2.4).
    IdToken,
    Userinfo,
    Introspection,
    Authorization,
}

/// Why the properties make no sense. Always the fault of who wrote them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidResponses {
    /// An algorithm that is not one of ours.
    #[error("{property} {value:?} is not supported; it may be {supported}")]
    Unsupported {
        /// The property.
        property: &'static str,
        /// What it holds.
        value: String,
        /// What it may hold.
        supported: String,
    },
    /// What encrypts, and nothing that says how the key gets there.
    #[error("{property} needs the _alg that goes with it")]
    NoKeyManagement {
        /// The property.
        property: &'static str,
    },
    /// Encrypted and not signed.
    #[error("{property} needs userinfo_signed_response_alg: anybody can encrypt to a public key")]
    Unsigned {
        /// The property.
        property: &'static str,
    },
    /// Nothing to encrypt to.
    #[error("{property} needs a key of the client: {reason}")]
    NoRecipient {
        /// The property.
        property: &'static str,
        /// What is wrong with its keys.
        reason: String,
    },
}

impl InvalidResponses {
    /// The property that is wrong.
    pub const fn property(&self) -> &'static str {
        match self {
            Self::Unsupported { property, .. }
            | Self::NoKeyManagement { property }
            | Self::Unsigned { property }
            | Self::NoRecipient { property, .. } => property,
        }
    }
}

/// One row of what was registered, with the names of its properties.
struct Row<'a> {
    signed: (&'static str, Option<&'a str>),
    alg: (&'static str, Option<&'a str>),
    enc: (&'static str, Option<&'a str>),
}

/// What one kind of answers is signed with and encrypted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Registered {
    /// None for what the tenant has, or, of userinfo, for none.
    pub(crate) signed: Option<SigningAlgorithm>,
    pub(crate) encrypted: Option<(KeyManagement, ContentEncryption)>,
}

impl Told {
    const ALL: [Self; 4] = [Self::IdToken, Self::Userinfo, Self::Introspection, Self::Authorization];

    fn row(self, document: &ClientDocument) -> Row<'_> {
        let own = &document.responses;
        match self {
            Self::IdToken => Row {
                signed: ("id_token_signed_response_alg", given(own.id_token_signed_response_alg.as_deref())),
                alg: (
                    "id_token_encrypted_response_alg",
                    given(own.id_token_encrypted_response_alg.as_deref()),
                ),
                enc: (
                    "id_token_encrypted_response_enc",
                    given(own.id_token_encrypted_response_enc.as_deref()),
                ),
            },
            Self::Userinfo => {
                let signed = Some(document.userinfo_signed_response_alg.as_str());
                Row {
                    // `none` is how the API that we are compatible with says that it is plain JSON.
                    signed: (
                        "userinfo_signed_response_alg",
                        signed.filter(|alg| !alg.is_empty() && *alg != "none"),
                    ),
                    alg: (
                        "userinfo_encrypted_response_alg",
                        given(own.userinfo_encrypted_response_alg.as_deref()),
                    ),
                    enc: (
                        "userinfo_encrypted_response_enc",
                        given(own.userinfo_encrypted_response_enc.as_deref()),
                    ),
                }
            }
            Self::Introspection => Row {
                signed: (
                    "introspection_signed_response_alg",
                    given(own.introspection_signed_response_alg.as_deref()),
                ),
                alg: (
                    "introspection_encrypted_response_alg",
                    given(own.introspection_encrypted_response_alg.as_deref()),
                ),
                enc: (
                    "introspection_encrypted_response_enc",
                    given(own.introspection_encrypted_response_enc.as_deref()),
                ),
            },
            Self::Authorization => Row {
                signed: (
                    "authorization_signed_response_alg",
                    given(document.authorization_signed_response_alg.as_deref()),
                ),
                alg: (
                    "authorization_encrypted_response_alg",
                    given(own.authorization_encrypted_response_alg.as_deref()),
                ),
                enc: (
                    "authorization_encrypted_response_enc",
                    given(own.authorization_encrypted_response_enc.as_deref()),
                ),
            },
        }
    }

    /// What a document has registered.
    pub(crate) fn registered(self, document: &ClientDocument) -> Result<Registered, InvalidResponses> {
        let Row { signed, alg, enc } = self.row(document);
        let signed = known(signed, &SigningAlgorithm::ALL.map(SigningAlgorithm::as_str))?;
        let key = known(alg, &KeyManagement::ALL.map(KeyManagement::as_str))?;
        let content = known(enc, &ContentEncryption::ALL.map(ContentEncryption::as_str))?;
        let encrypted = match (key, content) {
            (None, None) => None,
            (None, Some(_)) => return Err(InvalidResponses::NoKeyManagement { property: enc.0 }),
            (Some(key), content) => Some((key, content.unwrap_or_default())),
        };
        if self == Self::Userinfo && encrypted.is_some() && signed.is_none() {
            return Err(InvalidResponses::Unsigned { property: alg.0 });
        }
        Ok(Registered { signed, encrypted })
    }
}

/// An empty text says nothing.
fn given(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

fn known<T: std::str::FromStr>(
    (property, value): (&'static str, Option<&str>),
    names: &[&str],
) -> Result<Option<T>, InvalidResponses> {
    let Some(value) = value else { return Ok(None) };
    value.parse().map(Some).map_err(|_| InvalidResponses::Unsupported {
        property,
        value: value.chars().take(64).collect(),
        supported: names.join(", "),
    })
}

/// Checks what a document says by itself; keys at an address of the client's are not known here.
pub(super) fn check(document: &ClientDocument) -> Result<(), InvalidResponses> {
    for told in Told::ALL {
        let Some((key, _)) = told.registered(document)?.encrypted else { continue };
        if document.jwks_uri.as_deref().is_none_or(str::is_empty) {
            let empty = Map::from_iter([("keys".to_owned(), Value::Array(Vec::new()))]);
            let set = document.jwks.as_ref().and_then(Value::as_object).filter(|set| !set.is_empty());
            RecipientKey::find_in(set.unwrap_or(&empty), key)
                .map_err(|none| no_recipient(told, document, none))?;
        }
    }
    Ok(())
}

fn no_recipient(told: Told, document: &ClientDocument, reason: NoRecipient) -> InvalidResponses {
    InvalidResponses::NoRecipient { property: told.row(document).alg.0, reason: reason.to_string() }
}

impl AuthorizationServer {
    /// Asks the address at which a document says that its keys are whether there is one for each kind of answers that it wants
    /// encrypted. What was found there for the same properties before stands, so that a client can be changed while its server
    /// is down.
    pub(super) async fn check_recipients(
        &self,
        document: &ClientDocument,
        before: Option<&ClientDocument>,
    ) -> Result<(), InvalidResponses> {
        let Some(uri) = document.jwks_uri.as_deref().filter(|uri| !uri.is_empty()) else { return Ok(()) };
        let mut wanted = Vec::new();
        for told in Told::ALL {
            wanted.extend(told.registered(document)?.encrypted.map(|(key, _)| (told, key)));
        }
        let asks_the_same = |before: &ClientDocument| {
            before.jwks_uri.as_deref() == Some(uri) && before.responses == document.responses
        };
        if wanted.is_empty() || before.is_some_and(asks_the_same) {
            return Ok(());
        }
        let set = fetch::key_set(self, uri).await.map(|fetched| fetched.set);
        for (told, key) in wanted {
            // One answer for whatever went wrong: what can be reached from here is not told.
            let found = set.as_ref().map(|set| RecipientKey::find_in(set, key));
            if found.is_none_or(|found| found.is_err()) {
                let property = told.row(document).alg.0;
                let reason = format!("nothing that encrypts by {key} was found at jwks_uri");
                return Err(InvalidResponses::NoRecipient { property, reason });
            }
        }
        Ok(())
    }
}
