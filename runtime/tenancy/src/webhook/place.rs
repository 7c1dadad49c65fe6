//! Where webhooks are called in the forms of the flow API.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::settings::Webhook;

/// A kind of form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "each name is the form's")]
pub enum FlowName {
    Login,
    Registration,
    Settings,
    Recovery,
    Verification,
}

impl FlowName {
    /// As it stands in paths, logs and audit records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Registration => "registration",
            Self::Settings => "settings",
            Self::Recovery => "recovery",
            Self::Verification => "verification",
        }
    }
}

/// When a webhook is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// When the form begins, before anything is typed.
    Before,
    /// When what was submitted is right: before it is written if the webhook has a say, and otherwise when it is.
    After,
}

/// A place at which a webhook is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The kind of form.
    pub flow: FlowName,
    /// When.
    pub when: Stage,
    /// The method that was used, e.g. `password`; without it, any. As with Kratos, webhooks of a method take the place of
    /// those of any: where one of them is called, the others are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
}

/// The webhooks of a place, in the order of the settings.
pub fn at_place<'a>(
    webhooks: &'a [Webhook],
    (flow, when): (FlowName, Stage),
    method: Option<&str>,
) -> Vec<&'a Webhook> {
    let of = |method: Option<&str>| {
        let is_there =
            |place: &Place| place.flow == flow && place.when == when && place.method.as_deref() == method;
        webhooks.iter().filter(|webhook| webhook.on.iter().any(is_there)).collect::<Vec<_>>()
    };
    let own = method.map(|method| of(Some(method))).unwrap_or_default();
    if own.is_empty() { of(None) } else { own }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// The names of those that are called.
    fn check(places: &[(&str, Value)], at: (FlowName, Stage, Option<&str>), expect: &[&str]) {
        let webhooks: Vec<Webhook> = places
            .iter()
            .map(|(name, on)| {
                serde_json::from_value(json!({"name": name, "url": "https://a.example/", "on": on})).unwrap()
            })
            .collect();
        let (flow, when, method) = at;
        let found: Vec<&str> =
            at_place(&webhooks, (flow, when), method).iter().map(|webhook| webhook.name.as_str()).collect();
        assert_eq!(found, expect, "{at:?}");
    }

    #[test]
    fn webhooks_of_a_method_take_the_place_of_those_of_any() {
        use FlowName::{Login, Registration};
        use Stage::{After, Before};
        let places = [
            ("any", json!([{"flow": "login", "when": "after"}])),
            ("password", json!([{"flow": "login", "when": "after", "method": "password"}])),
            ("two", json!([{"flow": "login", "when": "before"}, {"flow": "registration", "when": "after"}])),
        ];
        check(&places, (Login, After, Some("password")), &["password"]);
        check(&places, (Login, After, Some("code")), &["any"]);
        check(&places, (Login, After, None), &["any"]);
        check(&places, (Login, Before, None), &["two"]);
        check(&places, (Registration, After, Some("password")), &["two"]);
        check(&places, (Registration, Before, None), &[]);
    }
}
