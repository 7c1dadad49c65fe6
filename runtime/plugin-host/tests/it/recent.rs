//! What is kept of what guests say, for the tenant to read.

use portcullis_plugin_host::Settings;
use serde_json::json;
use tenancy::TenantPlugins as _;
use tenancy::plugin::{LineLevel, PluginLines};

use crate::fixture::{Fixture, run, spec};

impl Fixture {
    fn lines(&self, after: u64) -> PluginLines {
        self.host.lines(&self.tenant, "enrich-token-rust", after).unwrap()
    }
}

/// Attack: a guest says something in each call, to fill the node's memory.
#[test]
fn words_of_a_guest_are_kept_up_to_a_bound() {
    let fixture = Fixture::new(Settings::default());
    let mut spec = spec("enrich_token_rust");
    let settings =
        json!({ "domains": { "late.example": { "plan": "team", "seats": 3, "suspended": true } } });
    spec.settings = settings.as_object().unwrap().clone();
    run(fixture.host.install_plugin(&fixture.tenant, spec)).unwrap();
    assert_eq!(fixture.lines(0), PluginLines::default());
    fixture.shape(None, "ada@late.example").unwrap();
    let first = fixture.lines(0);
    assert_eq!(first.lines.len(), 1);
    assert_eq!((first.lines[0].level, first.missed), (LineLevel::Info, false));
    assert_eq!(first.lines[0].message, "denied a token: the customer is suspended");
    for _ in 0..300 {
        fixture.shape(None, "ada@late.example").unwrap();
    }
    let all = fixture.lines(0);
    assert_eq!((all.lines.len(), all.missed), (256, true));
    assert_eq!(fixture.lines(all.next).lines, []);
    fixture.host.forget(&fixture.tenant);
    assert_eq!(fixture.host.lines(&fixture.tenant, "enrich-token-rust", 0), None);
}
