//! Whatever arrives is refused or understood, and never more than that.

use portcullis_identity::flow::csrf::CsrfCookie;
use portcullis_identity::flow::{TransientPayload, begun_at};
use portcullis_identity::schema::Schemas;
use portcullis_identity::session::SessionToken;
use portcullis_identity::settings::FlowSettings;
use portcullis_identity::{BrowserError, Identifier, Settings, Submission, return_to};
use primitives::{FlowId, TenantId};
use proptest::prelude::*;
use url::Url;
use uuid::Uuid;

use crate::world::{NOW, sealer};

proptest! {
    #[test]
    fn an_identifier_stays_what_it_is(typed in ".{0,80}") {
        if let Some(once) = Identifier::parse(&typed) {
            prop_assert_eq!(Identifier::parse(once.as_str()), Some(once.clone()));
            prop_assert!(!once.as_str().is_empty() && once.as_str().len() <= 320);
            prop_assert!(!once.as_str().chars().any(char::is_control));
        }
    }

    #[test]
    fn a_browser_is_never_sent_off_the_list(
        start in prop::sample::select(vec![
            "", "/", "//", "\\", "https:", "https://", "https://id.example", "https://app.example/app",
            "https://app.example", "http://app.example/app", "javascript:", "https://id.example@",
            "https://x.shop.example", "https://shop.example", "https://x.shop.example:", "https://",
        ]),
        rest in "[-a-zA-Z0-9./\\\\@:%?#&= \t]{0,30}",
    ) {
        let base = Url::parse("https://id.example/t/acme").unwrap();
        let allowed_return_urls =
            ["https://app.example/app", "https://*.shop.example"].map(str::to_owned).to_vec();
        let settings = FlowSettings { allowed_return_urls, ..FlowSettings::default() };
        if let Ok(target) = return_to::check(&format!("{start}{rest}"), &base, &settings) {
            let target = Url::parse(target.as_str()).unwrap();
            let place = (target.origin().ascii_serialization(), target.path().to_owned());
            let below = |prefix: &str| place.1 == prefix || place.1.starts_with(&format!("{prefix}/"));
            let own = place.0 == "https://id.example" && below("/t/acme");
            let listed = place.0 == "https://app.example" && below("/app");
            let below_domain = place.0.starts_with("https://") && place.0.ends_with(".shop.example");
            prop_assert!(own || listed || below_domain, "{target}");
            prop_assert!(target.username().is_empty() && target.password().is_none());
        }
    }

    #[test]
    fn bodies_are_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..200)) {
        Submission::from_json(&body).ok();
    }

    #[test]
    fn form_fields_outside_the_schema_are_nothing(name in "[a-z.]{0,20}", value in ".{0,40}") {
        let schemas = Schemas::compile(&Settings::default()).unwrap();
        let schema = schemas.default_schema();
        let submission = Submission::from_form([(name.clone(), value)], schema);
        let known = schema.fields().iter().any(|field| field.name == name);
        prop_assert!(known || submission.traits.is_none());
    }

    #[test]
    fn random_secrets_open_nothing(text in "[-_A-Za-z0-9]{0,60}", id in any::<u128>()) {
        let tenant = TenantId::default_tenant();
        prop_assert_eq!(BrowserError::find(&sealer(), &tenant, Uuid::from_u128(id), NOW), None);
        prop_assert_eq!(begun_at(&sealer(), &tenant, FlowId(Uuid::from_u128(id))), None);
        if let Some(token) = SessionToken::parse(&text) {
            prop_assert_eq!(token.expose(), text.as_str());
        }
        if let Some(cookie) = CsrfCookie::parse(&text) {
            prop_assert_eq!(cookie.as_str(), text.as_str());
        }
    }

    #[test]
    fn a_payload_stays_what_it_is(text in "[\\[\\]{}\",:a1 ]{0,60}", nested in 0_usize..3_000) {
        let deep = format!("{}{}", "{\"a\":".repeat(nested), text);
        for text in [text.as_str(), &deep, &format!("{{\"a\":\"{}\"}}", "x".repeat(nested * 4))] {
            if let Ok(Some(payload)) = TransientPayload::parse(text) {
                prop_assert_eq!(TransientPayload::check(payload.to_value()), Ok(Some(payload.clone())));
                prop_assert!(payload.to_value().to_string().len() <= 8 << 10);
            }
        }
    }
}
