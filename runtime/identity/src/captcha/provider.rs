//! What differs between the services: one table.

use url::Url;

use crate::settings::{CaptchaProvider, CaptchaSettings};

/// What a page's policy must let a widget load (CSP level 3), by directive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sources {
    /// `script-src`
    pub scripts: &'static [&'static str],
    /// `frame-src`
    pub frames: &'static [&'static str],
    /// `connect-src`
    pub connections: &'static [&'static str],
    /// `style-src`
    pub styles: &'static [&'static str],
}

/// A service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// Its word in names of nodes.
    pub name: &'static str,
    /// Its widget's script.
    pub script: &'static str,
    /// The class of the element that the script makes a widget of.
    pub class: &'static str,
    /// The field that the widget adds to the form around it.
    pub field: &'static str,
    /// The node of our documents whose value is the same, for pages that draw the widget themselves. The service with
    /// which Ory's own pages work has their names.
    pub node: &'static str,
    /// The node that says with what the widget is drawn.
    pub options_node: &'static str,
    /// Where proofs are shown.
    pub verify: &'static str,
    /// Whether the service can be told for which site key a proof must be.
    pub takes_site_key: bool,
    /// The member of its answer that names what the page asked the widget to prove; absent where there is none.
    pub action: Option<&'static str>,
    /// What its widget loads.
    pub sources: Sources,
}

/// <https://developers.cloudflare.com/turnstile/> ("Server-side validation", "Content Security Policy")
const TURNSTILE: Facts = Facts {
    name: "turnstile",
    script: "https://challenges.cloudflare.com/turnstile/v0/api.js",
    class: "cf-turnstile",
    field: "cf-turnstile-response",
    node: "transient_payload.captcha_turnstile_response",
    options_node: "captcha_turnstile_options",
    verify: "https://challenges.cloudflare.com/turnstile/v0/siteverify",
    takes_site_key: false,
    action: Some("action"),
    sources: Sources {
        scripts: &["https://challenges.cloudflare.com"],
        frames: &["https://challenges.cloudflare.com"],
        connections: &[],
        styles: &[],
    },
};

/// <https://docs.hcaptcha.com/> ("Verify the User Response Server Side", "Content-Security-Policy Settings")
const HCAPTCHA: Facts = Facts {
    name: "hcaptcha",
    script: "https://js.hcaptcha.com/1/api.js",
    class: "h-captcha",
    field: "h-captcha-response",
    node: "transient_payload.captcha_hcaptcha_response",
    options_node: "captcha_hcaptcha_options",
    verify: "https://api.hcaptcha.com/siteverify",
    takes_site_key: true,
    action: None,
    sources: Sources {
        scripts: &["https://hcaptcha.com", "https://*.hcaptcha.com"],
        frames: &["https://hcaptcha.com", "https://*.hcaptcha.com"],
        connections: &["https://hcaptcha.com", "https://*.hcaptcha.com"],
        styles: &["https://hcaptcha.com", "https://*.hcaptcha.com"],
    },
};

/// <https://developers.google.com/recaptcha/docs/verify>, and its FAQ on Content-Security-Policy. With paths: other scripts of
/// that origin would run whatever they are told to.
const RECAPTCHA: Facts = Facts {
    name: "recaptcha",
    script: "https://www.google.com/recaptcha/api.js",
    class: "g-recaptcha",
    field: "g-recaptcha-response",
    node: "transient_payload.captcha_recaptcha_response",
    options_node: "captcha_recaptcha_options",
    verify: "https://www.google.com/recaptcha/api/siteverify",
    takes_site_key: false,
    action: None,
    sources: Sources {
        scripts: &["https://www.google.com/recaptcha/", "https://www.gstatic.com/recaptcha/"],
        frames: &["https://www.google.com/recaptcha/", "https://recaptcha.google.com/recaptcha/"],
        connections: &[],
        styles: &[],
    },
};

const ALL: [Facts; 3] = [TURNSTILE, HCAPTCHA, RECAPTCHA];

impl CaptchaProvider {
    /// What is known of it.
    pub const fn facts(self) -> Facts {
        match self {
            Self::Turnstile => TURNSTILE,
            Self::Hcaptcha => HCAPTCHA,
            Self::Recaptcha => RECAPTCHA,
        }
    }
}

impl CaptchaSettings {
    /// The script of the widget.
    pub fn effective_script(&self) -> &str {
        self.script_url.as_ref().map_or(self.provider.facts().script, Url::as_str)
    }

    /// Where proofs are shown.
    pub fn effective_verify(&self) -> Option<Url> {
        self.verify_url.clone().or_else(|| Url::parse(self.provider.facts().verify).ok())
    }

    /// What a page lets the widget load, as directives with their sources. A script from elsewhere may load what is where it
    /// is, and nothing of the service whose form it has.
    pub fn page_sources(&self) -> Vec<(&'static str, String)> {
        const DIRECTIVES: [&str; 3] = ["script-src", "frame-src", "connect-src"];
        if let Some(script) = &self.script_url {
            let origin = script.origin().ascii_serialization();
            return DIRECTIVES.iter().map(|directive| (*directive, origin.clone())).collect();
        }
        let Sources { scripts, frames, connections, styles } = self.provider.facts().sources;
        let of = [
            ("script-src", scripts),
            ("frame-src", frames),
            ("connect-src", connections),
            ("style-src", styles),
        ];
        of.into_iter()
            .flat_map(|(directive, sources)| {
                sources.iter().map(move |source| (directive, (*source).to_owned()))
            })
            .collect()
    }
}

/// Whether a form's field brings a proof: the one that a widget adds by itself, or the node of our documents.
pub fn is_response_field(name: &str) -> bool {
    ALL.iter().any(|facts| facts.field == name || facts.node == name)
}

/// The names under which `transient_payload` brings a proof.
pub(crate) fn payload_names() -> impl Iterator<Item = &'static str> {
    ALL.iter().filter_map(|facts| facts.node.strip_prefix("transient_payload."))
}

/// The names of the fields that widgets add.
pub(crate) fn field_names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|facts| facts.field)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn settings(more: &serde_json::Value) -> CaptchaSettings {
        let mut settings = json!({"provider": "hcaptcha", "site_key": "k", "secret": "s"});
        settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(settings).unwrap()
    }

    #[test]
    fn a_page_lets_in_what_its_widget_needs_and_nothing_of_another_service() {
        let own = settings(&json!({})).page_sources();
        assert!(own.contains(&("style-src", "https://*.hcaptcha.com".to_owned())), "{own:?}");
        assert!(own.iter().all(|(_, source)| source.contains("hcaptcha.com")), "{own:?}");
        let script = json!({"script_url": "https://widget.example:8443/a/b.js?x=1"});
        let elsewhere = settings(&script).page_sources();
        let of = |directive| (directive, "https://widget.example:8443".to_owned());
        assert_eq!(elsewhere, ["script-src", "frame-src", "connect-src"].map(of));
    }

    #[test]
    fn what_is_written_of_a_service_is_where_it_is() {
        for facts in ALL {
            assert!(Url::parse(facts.verify).is_ok_and(|url| url.scheme() == "https"), "{}", facts.name);
            let is_covered = |source: &&str| {
                let host = source.trim_start_matches("https://").trim_start_matches("*.");
                facts.script.contains(host)
            };
            assert!(facts.sources.scripts.iter().any(is_covered), "{}", facts.name);
            assert!(is_response_field(facts.field) && is_response_field(facts.node), "{}", facts.name);
            assert_eq!(facts.options_node, format!("captcha_{}_options", facts.name));
        }
    }
}
