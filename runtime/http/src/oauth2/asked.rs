//! What a client asks for, or was granted, in the words of its tenant and the language of the page.

use oauth2::details::{AuthorizationDetails, Part, in_language};
use ui::{DetailView, Locale, PartView, ScopeView};

use crate::call::Call;

/// The scopes, as the tenant describes them.
pub(crate) fn scopes(call: &Call, scopes: Vec<String>, locale: Locale) -> Vec<ScopeView> {
    let described = &call.tenant.oauth2.settings.scope_descriptions;
    let one = |scope: String| {
        let words = described.get(&scope).and_then(|words| in_language(words, &[locale.tag()]));
        ScopeView { description: words.map(str::to_owned), scope }
    };
    scopes.into_iter().map(one).collect()
}

/// The details (RFC 9396), each in the words of its type.
pub(crate) fn details(call: &Call, details: &AuthorizationDetails, locale: Locale) -> Vec<DetailView> {
    let types = &call.tenant.oauth2.settings.authorization_details_types;
    let part = |part| match part {
        Part::Words(text) => PartView { text, is_value: false },
        Part::Value(text) => PartView { text, is_value: true },
    };
    let described = details.in_words(types, &[locale.tag()]).into_iter();
    described
        .map(|one| DetailView {
            name: one.name,
            sentence: one.sentence.into_iter().map(part).collect(),
            rest: one.rest,
        })
        .collect()
}
