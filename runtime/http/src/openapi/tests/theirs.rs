//! Members of bodies and answers, by their names: ours has what the description of a compatible operation has.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::resolved;

/// Members that a description has and ours has not, by the description's schema, with why.
const ABSENT: [(&str, &str, &str); 21] = [
    ("Provider", "domain_hint", "no setting says it"),
    ("Provider", "login_hint", "no setting says it"),
    ("continueWithDeviceAuthnPinEntryUi", "data", "there are no PINs of devices"),
    ("identity", "region", "there are no regions"),
    (
        "identityCredentialsWebAuthn",
        "attestation",
        "passed over: what it proved is the word of whoever brings it",
    ),
    ("identityCredentialsWebAuthnAuthenticator", "clone_warning", "passed over"),
    ("identityWithCredentials", "saml", "there is no SAML"),
    ("identityWithCredentialsOidcConfigProvider", "use_auto_link", "passed over: a link is made or not"),
    ("introspectedOAuth2Token", "obfuscated_subject", "`sub` is what the client knows"),
    ("introspectedOAuth2Token", "username", "never given"),
    ("loginFlow", "identity_schema", "who signs in has one already"),
    ("loginFlow", "oauth2_login_request", "never given: the challenge is"),
    ("loginFlowTestDebugPayload", "jsonnet_mapper_url", "mappers are plugins"),
    ("loginFlowTestDebugPayload", "jsonnet_stderr", "mappers are plugins"),
    ("oAuth2ConsentRequest", "login_challenge", "it is answered before there is a consent"),
    ("recoveryIdentityAddress", "break_glass_for_organization", "there is none"),
    ("registrationFlow", "oauth2_login_request", "never given: the challenge is"),
    ("uiNodeDivisionAttributes", "class", "no form has one"),
    ("uiNodeDivisionAttributes", "data", "no form has one"),
    ("uiNodeInputAttributes", "label", "labels are in `meta`"),
    ("uiNodeInputAttributes", "options", "no field has a list"),
];

/// What was found missing.
#[derive(Debug, Default)]
pub(super) struct Missing(BTreeSet<(String, String)>);

impl Missing {
    /// Fails with what is missing and not listed, and with what is listed and not missing.
    pub(super) fn check(&self) {
        let listed: BTreeSet<_> =
            ABSENT.iter().map(|(schema, name, _)| ((*schema).to_owned(), (*name).to_owned())).collect();
        assert_eq!(self.0, listed);
    }
}

/// A schema of theirs, and the name of the one that it stands in.
type Named<'a> = (&'a str, &'a Value);

/// Holds a body or an answer of theirs against ours.
pub(super) struct Comparison<'a> {
    pub(super) theirs: &'a Value,
    pub(super) ours: &'a Value,
    pub(super) missing: &'a mut Missing,
    seen: BTreeSet<String>,
}

impl<'a> Comparison<'a> {
    pub(super) fn new(theirs: &'a Value, ours: &'a Value, missing: &'a mut Missing) -> Self {
        Self { theirs, ours, missing, seen: BTreeSet::new() }
    }

    /// `theirs` and `ours` are objects of media types (`content`). What has several media types has the same in each.
    pub(super) fn check(&mut self, operation: &'a str, theirs: &'a Value, ours: &'a Value) {
        let schemas = |content: &'a Value| -> Vec<&'a Value> {
            content.as_object().into_iter().flat_map(Map::values).map(|one| &one["schema"]).collect()
        };
        let theirs = schemas(theirs).into_iter().map(|schema| (operation, schema)).collect();
        self.walk(theirs, &schemas(ours));
    }

    fn walk(&mut self, theirs: Vec<Named<'a>>, ours: &[&'a Value]) {
        if !self.seen.insert(format!("{theirs:?} {ours:?}")) {
            return;
        }
        let mut of_theirs: BTreeMap<&str, Vec<Named<'a>>> = BTreeMap::new();
        for (name, schema) in theirs {
            members(self.theirs, (name, schema), &mut BTreeSet::new(), &mut of_theirs);
        }
        let mut of_ours: BTreeMap<&str, Vec<Named<'a>>> = BTreeMap::new();
        for schema in ours {
            members(self.ours, ("", schema), &mut BTreeSet::new(), &mut of_ours);
        }
        for (name, schemas) in of_theirs {
            if let Some(ours) = of_ours.get(name) {
                let ours: Vec<&Value> = ours.iter().map(|(_, schema)| *schema).collect();
                self.walk(schemas, &ours);
            } else {
                let schema = schemas.first().map_or("", |(schema, _)| schema);
                self.missing.0.insert((schema.to_owned(), name.to_owned()));
            }
        }
    }
}

/// The members of what a schema says, whichever of its alternatives, and whether one or many.
fn members<'a>(
    document: &'a Value,
    (name, schema): Named<'a>,
    seen: &mut BTreeSet<&'a str>,
    found: &mut BTreeMap<&'a str, Vec<Named<'a>>>,
) {
    if let Some(place) = schema["$ref"].as_str() {
        let name = place.rsplit('/').next().unwrap();
        if seen.insert(name) {
            members(document, (name, resolved(document, schema)), seen, found);
        }
        return;
    }
    for keyword in ["allOf", "oneOf", "anyOf"] {
        for one in schema[keyword].as_array().into_iter().flatten() {
            members(document, (name, one), seen, found);
        }
    }
    for keyword in ["items", "additionalProperties"] {
        if let Some(inner) = schema.get(keyword).filter(|inner| inner.is_object()) {
            members(document, (name, inner), seen, found);
        }
    }
    for (member, schema) in schema["properties"].as_object().into_iter().flatten() {
        found.entry(member).or_default().push((name, schema));
    }
}
