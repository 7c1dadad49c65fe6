//! What operations ask for, as the document has it.

use std::collections::BTreeSet;

use config::Router;
use serde_json::{Value, json};

use super::{EVERYTHING, operations};
use crate::openapi::{document, security};
use crate::routes::{self, Access};

#[test]
fn what_is_said_of_an_operation_is_of_one_that_everybody_may_call() {
    let routes = routes::all();
    let mut seen = BTreeSet::new();
    for (operation, asked) in security::PUBLIC {
        let route = routes.iter().find(|route| route.operation == operation);
        let route = route.unwrap_or_else(|| panic!("{operation} is not served"));
        assert!(matches!(route.access, Access::Public), "{operation}");
        assert!(seen.insert(operation), "{operation} is there twice");
        assert!(!asked.schemes.is_empty(), "{operation}");
    }
}

#[test]
fn every_scheme_of_a_listener_is_named_by_an_operation_of_it_and_no_other_is_named() {
    for routers in [&EVERYTHING[..], &[Router::Public], &[Router::Admin], &[Router::Metrics]] {
        let document = document(routers, "1");
        let named: BTreeSet<&String> = operations(&document)
            .flat_map(|(_, _, operation)| operation["security"].as_array().into_iter().flatten())
            .flat_map(|alternative| alternative.as_object().unwrap().keys())
            .collect();
        let known = document["components"]["securitySchemes"].as_object().unwrap();
        assert_eq!(named, known.keys().collect(), "{routers:?}");
        for (name, scheme) in known {
            assert!(scheme["description"].is_string(), "{name}");
            let has = |member: &str| scheme[member].is_string();
            assert!(
                match scheme["type"].as_str().unwrap() {
                    "http" => has("scheme"),
                    "apiKey" => has("name") && has("in"),
                    other => other == "mutualTLS",
                },
                "{name}: {scheme}"
            );
        }
    }
}

#[test]
fn operations_say_what_they_ask_for() {
    let document = document(&EVERYTHING, "1");
    let of = |operation: &str| -> Value {
        let mut all = operations(&document);
        all.find(|(_, _, one)| one["operationId"] == operation).unwrap().2.clone()
    };
    let any = json!([{ "clientSecretBasic": [] }, { "clientCertificate": [] }, {}]);
    let operators = json!([{ "adminKey": [] }, { "adminKeyAsPassword": [] }, { "adminCertificate": [] }]);
    for (operation, security) in [
        ("oauth2TokenExchange", &any),
        ("introspectOAuth2TokenAsClient", &any),
        ("getOidcUserInfo", &json!([{ "accessToken": [] }, { "dpopToken": [] }])),
        ("getOidcDynamicClient", &json!([{ "registrationAccessToken": [] }])),
        ("toSession", &json!([{ "sessionCookie": [] }, { "sessionToken": [] }, { "sessionBearer": [] }])),
        ("listOAuth2Clients", &operators),
        ("getMetrics", &operators),
        ("discoverJsonWebKeys", &Value::Null),
    ] {
        assert_eq!(&of(operation)["security"], security, "{operation}");
    }
    let in_body = |operation: &str| of(operation)["x-portcullis-client-authentication"].clone();
    assert_eq!(in_body("oauth2TokenExchange"), json!(["none", "client_secret_post", "private_key_jwt"]));
    assert_eq!(in_body("introspectOAuth2TokenAsClient"), json!(["client_secret_post", "private_key_jwt"]));
    assert_eq!(of("listOAuth2Clients")["x-portcullis-scope"], "clients:read");
}
