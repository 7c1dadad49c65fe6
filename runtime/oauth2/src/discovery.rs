//! The provider's metadata (OpenID Connect Discovery section 3, RFC 8414, RFC 9207).
//!
//! Its values are the constants by which the endpoints decide, so that what is advertised is what is
//! served.

use jose::{ContentEncryption, KeyManagement};
use primitives::subject::AssuranceLevel;
use serde_json::{Map, Value, json};

use crate::authorization::acr::LEVELS;
use crate::authorization::request::PROMPTS;
use crate::authorization::request_object::REQUEST_OBJECT_ALGORITHMS;
use crate::authorization::{DEFAULT_SIGNED, ResponseMode};
use crate::claims::CLAIMS_SUPPORTED;
use crate::client::{ASSERTION_ALGORITHMS, AuthenticationMethod, GrantType, SubjectType};
use crate::client_authentication::Proof;
use crate::dpop::PROOF_ALGORITHMS;
use crate::pkce;
use crate::ports::PortError;
use crate::registration::RegistrationMode;
use crate::security_profile;
use crate::server::{AuthorizationServer, signer};
use crate::token::id_jag::PROFILE;

impl AuthorizationServer {
    /// The document of both well-known addresses.
    pub async fn discovery(&self) -> Result<Value, PortError> {
        let keys = self.load_keys().await?;
        let algorithms: Vec<_> = keys.algorithms().map(jose::Algorithm::as_str).collect();
        let id_token = signer(&keys, self.settings.id_token_signing_algorithm)?.algorithm();
        let certificates = &self.settings.client_certificates;
        let methods = AuthenticationMethod::all();
        let methods: Vec<_> = methods.filter(|one| one.method().is_offered(&self.settings)).collect();
        let confidential = methods.iter().filter(|method| method.proof() != Proof::Nothing);
        let confidential: Vec<_> = confidential.map(|method| method.as_str()).collect();
        let methods: Vec<_> = methods.into_iter().map(AuthenticationMethod::as_str).collect();
        let assertion_algorithms = ASSERTION_ALGORITHMS.map(jose::Algorithm::as_str);
        let userinfo_algorithms: Vec<_> = std::iter::once("none").chain(algorithms.iter().copied()).collect();
        let modes = ResponseMode::ALL.map(ResponseMode::as_str);
        let modes: Vec<_> = modes.into_iter().chain([DEFAULT_SIGNED]).collect();
        let is_implicit = self.settings.response_types.iter().any(|one| one.is_front_channel());
        let grant_types = GrantType::ALL.into_iter().filter(|one| match one {
            GrantType::Implicit => is_implicit,
            GrantType::Password => self.settings.password_grant,
            _ => true,
        });
        let grant_types: Vec<_> = grant_types.map(GrantType::as_str).collect();
        let endpoints = &self.endpoints;
        let mut document = json!({
            "issuer": self.issuer.as_str(),
            "authorization_endpoint": endpoints.authorization,
            "pushed_authorization_request_endpoint": endpoints.pushed_authorization_request,
            "require_pushed_authorization_requests": self.settings.require_pushed_authorization_requests,
            "token_endpoint": endpoints.token,
            "userinfo_endpoint": endpoints.userinfo,
            "jwks_uri": endpoints.jwks,
            "end_session_endpoint": endpoints.end_session,
            "revocation_endpoint": endpoints.revocation,
            "introspection_endpoint": endpoints.introspection,
            "device_authorization_endpoint": endpoints.device_authorization,
            "scopes_supported": self.settings.scopes_supported,
            "response_types_supported": self.settings.response_types,
            "response_modes_supported": modes,
            "grant_types_supported": grant_types,
            "authorization_grant_profiles_supported": [PROFILE],
            "subject_types_supported": SubjectType::ALL,
            "claims_supported": CLAIMS_SUPPORTED,
            "code_challenge_methods_supported": pkce::offered(&self.settings),
            "prompt_values_supported": PROMPTS,
            "id_token_signing_alg_values_supported": algorithms,
            "id_token_signed_response_alg": [id_token.as_str()],
            "userinfo_signed_response_alg": ["none"],
            "userinfo_signing_alg_values_supported": userinfo_algorithms,
            "introspection_signing_alg_values_supported": algorithms,
            "token_endpoint_auth_methods_supported": methods,
            "token_endpoint_auth_signing_alg_values_supported": assertion_algorithms,
            "global_token_revocation_endpoint": endpoints.global_revocation,
            "revocation_endpoint_auth_methods_supported": methods,
            "revocation_endpoint_auth_signing_alg_values_supported": assertion_algorithms,
            "introspection_endpoint_auth_methods_supported": confidential,
            "introspection_endpoint_auth_signing_alg_values_supported": assertion_algorithms,
            "dpop_signing_alg_values_supported": PROOF_ALGORITHMS.map(jose::Algorithm::as_str),
            "authorization_signing_alg_values_supported": algorithms,
            "authorization_response_iss_parameter_supported": true,
            "claims_parameter_supported": true,
            "request_parameter_supported": true,
            "request_uri_parameter_supported": true,
            "require_request_uri_registration": true,
            "require_signed_request_object": self.settings.require_signed_request_object,
            "request_object_signing_alg_values_supported":
                REQUEST_OBJECT_ALGORITHMS.map(jose::Algorithm::as_str),
            "client_id_metadata_document_supported": !self.settings.registration.metadata_document_hosts.is_empty(),
            "backchannel_logout_supported": true,
            "backchannel_logout_session_supported": true,
            "frontchannel_logout_supported": true,
            "frontchannel_logout_session_supported": true,
        });
        if let Value::Object(members) = &mut document {
            // What is encrypted is so alike, whatever it is.
            for what in ["id_token", "userinfo", "introspection", "authorization"] {
                let alg = KeyManagement::ALL.map(KeyManagement::as_str);
                members.insert(format!("{what}_encryption_alg_values_supported"), json!(alg));
                let enc = ContentEncryption::ALL.map(ContentEncryption::as_str);
                members.insert(format!("{what}_encryption_enc_values_supported"), json!(enc));
            }
        }
        let apis: Vec<_> = self.settings.protected_resources.iter().map(|api| &api.resource).collect();
        if let (Value::Object(members), true) = (&mut document, !apis.is_empty()) {
            // RFC 9728 section 4.
            members.insert("protected_resources".to_owned(), json!(apis));
        }
        if let (Value::Object(members), true) =
            (&mut document, self.settings.registration.mode != RegistrationMode::Off)
        {
            members.insert("registration_endpoint".to_owned(), endpoints.registration.clone().into());
        }
        if let Value::Object(members) = &mut document {
            self.describe_requests(members);
            self.describe_credentials(members);
        }
        if let (Value::Object(members), true) = (&mut document, certificates.enabled) {
            members.insert("tls_client_certificate_bound_access_tokens".to_owned(), true.into());
            members.extend(self.certificate_aliases().map(|them| ("mtls_endpoint_aliases".to_owned(), them)));
        }
        if let Some(profile) = self.settings.security_profile {
            security_profile::narrow(&mut document, profile);
        }
        Ok(document)
    }

    /// What there is only where the tenant has set it up, or has no login app whose words it would be.
    fn describe_requests(&self, members: &mut Map<String, Value>) {
        let types = self.settings.authorization_details_types.iter().map(|one| one.name.as_str());
        let types: Vec<_> = types.collect();
        if !types.is_empty() {
            members.insert("authorization_details_types_supported".to_owned(), json!(types));
        }
        if self.settings.urls.login.is_none() {
            members.insert("acr_values_supported".to_owned(), json!(LEVELS.map(AssuranceLevel::as_str)));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::memory::{World, now};
    use crate::registration::RegistrationMode;

    #[test]
    fn document_names_what_is_served() {
        let document = now(World::new().server.discovery()).unwrap();
        // What the schema of the API that we are compatible with requires.
        for required in [
            "issuer",
            "authorization_endpoint",
            "device_authorization_endpoint",
            "token_endpoint",
            "jwks_uri",
            "subject_types_supported",
            "response_types_supported",
            "id_token_signing_alg_values_supported",
            "id_token_signed_response_alg",
            "userinfo_signed_response_alg",
        ] {
            assert!(document.get(required).is_some(), "{required}");
        }
        assert_eq!(document["issuer"], "https://id.example");
        assert_eq!(document["token_endpoint"], "https://id.example/oauth2/token");
        assert_eq!(document["authorization_response_iss_parameter_supported"], true);
        assert_eq!(document["code_challenge_methods_supported"], serde_json::json!(["S256"]));
        assert_eq!(document["id_token_signing_alg_values_supported"], serde_json::json!(["EdDSA"]));
        assert_eq!(document.get("registration_endpoint"), None, "it is off");
        let world = World::set(|settings| settings.registration.mode = RegistrationMode::Key);
        let open = now(world.server.discovery()).unwrap();
        assert_eq!(open["registration_endpoint"], "https://id.example/oauth2/register");
        let old = World::set(|settings| settings.pkce_plain = true);
        let old = now(old.server.discovery()).unwrap();
        assert_eq!(old["code_challenge_methods_supported"], serde_json::json!(["S256", "plain"]));
        let introspection = &document["introspection_endpoint_auth_methods_supported"];
        assert!(!introspection.as_array().unwrap().contains(&"none".into()));
    }
}
