//! A form's token fits one browser, one flow, one tenant.

use portcullis_identity::flow::csrf::CsrfCookie;
use primitives::rng::SeededRng;
use primitives::{FlowId, TenantId};

use crate::world::sealer;

#[test]
fn token_fits_its_own_browser_flow_and_tenant_only() {
    let (sealer, rng) = (sealer(), SeededRng::new(9));
    let (cookie, other) = (CsrfCookie::generate(&rng), CsrfCookie::generate(&rng));
    let (flow, another) = (FlowId::generate(&rng), FlowId::generate(&rng));
    let (tenant, elsewhere): (TenantId, TenantId) = ("a".parse().unwrap(), "b".parse().unwrap());
    let token = cookie.token(&sealer, &tenant, flow);
    for (what, cookie, tenant, flow, fits) in [
        ("own", &cookie, &tenant, flow, true),
        ("other browser", &other, &tenant, flow, false),
        ("other flow", &cookie, &tenant, another, false),
        ("other tenant", &cookie, &elsewhere, flow, false),
    ] {
        assert_eq!(cookie.check(&sealer, tenant, flow, &token), fits, "{what}");
    }
    for forged in ["", "AAAA", &token[1..], cookie.as_str()] {
        assert!(!cookie.check(&sealer, &tenant, flow, forged), "{forged}");
    }
}

#[test]
fn cookie_is_known_again_by_its_hash_in_its_tenant() {
    let (sealer, rng) = (sealer(), SeededRng::new(9));
    let (cookie, other) = (CsrfCookie::generate(&rng), CsrfCookie::generate(&rng));
    let (tenant, elsewhere): (TenantId, TenantId) = ("a".parse().unwrap(), "b".parse().unwrap());
    let hash = cookie.hash(&sealer, &tenant);
    assert!(cookie.is(&sealer, &tenant, &hash));
    assert!(!other.is(&sealer, &tenant, &hash));
    assert!(!cookie.is(&sealer, &elsewhere, &hash));
}

#[test]
fn only_cookies_of_our_form_are_taken() {
    let cookie = CsrfCookie::generate(&SeededRng::new(9));
    assert_eq!(CsrfCookie::parse(cookie.as_str()), Some(cookie));
    for value in ["", "x", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "<script>"] {
        assert_eq!(CsrfCookie::parse(value), None, "{value}");
    }
}
