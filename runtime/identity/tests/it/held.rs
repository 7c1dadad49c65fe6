//! Forms that browsers keep: opened by their own browser alone, once, and for as long as they may be.

use std::time::Duration;

use portcullis_identity::flow::csrf::CsrfCookie;
use portcullis_identity::flow::{
    Caller, FlowTrace, ForeignFlow, KEPT_AFTER_EXPIRY, MOST_SEALED, NotHeld, OwnFlow, StartRequest,
    SuccessorToldTo, Transport, begun_at, open_held, renew, start_login,
};
use portcullis_identity::{Flow, Write};
use primitives::rng::SeededRng;
use primitives::seal::{DataKey, Keyring};
use primitives::{ClientAddress, FlowId, SealContext, Sealer, Timestamp, base64url};

use crate::world::World;

const CALLER: Caller<'_> = Caller {
    address: ClientAddress(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST)),
    user_agent: None,
    session: None,
};

/// A form that a browser keeps, with its CSRF cookie and what it keeps.
async fn begun(world: &World, hint: &str) -> (OwnFlow, CsrfCookie, Vec<Write>) {
    let cookie = CsrfCookie::generate(&world.rng);
    let browser = cookie.hash(&world.sealer, &world.tenant);
    let request =
        StartRequest { browser: Some(&browser), ..StartRequest::new(Transport::Browser, &world.base, hint) };
    let (own, change) = start_login(world.room(), CALLER, request).await.unwrap();
    (own, cookie, change.writes)
}

fn sealed(world: &World, own: &OwnFlow) -> String {
    own.seal(&world.sealer, &world.tenant, &own.flow).unwrap()
}

#[tokio::test]
async fn a_beginning_writes_nothing_and_is_opened_by_its_cookie() {
    let world = World::new();
    let (own, cookie, writes) = begun(&world, "/self-service/login/browser").await;
    assert!(own.is_held() && writes.is_empty(), "{writes:?}");
    let kept = sealed(&world, &own);
    assert!(kept.len() < MOST_SEALED / 2, "an ordinary form is small: {}", kept.len());
    let opened = open_held(world.room(), own.flow.id, Some(&kept), Some(&cookie), None).unwrap();
    assert_eq!(opened.flow, own.flow);
    assert!(opened.is_held());
}

#[tokio::test]
async fn nothing_but_the_cookie_of_this_very_form_in_its_browser_opens_it() {
    let world = World::new();
    let (own, cookie, _) = begun(&world, "/self-service/login/browser").await;
    let (other, _, _) = begun(&world, "/self-service/login/browser").await;
    let (kept, others) = (sealed(&world, &own), sealed(&world, &other));
    let stranger = CsrfCookie::generate(&world.rng);
    let (shorter, longer) = (&kept[..kept.len() - 4], format!("{kept}AAAA"));
    let far = "A".repeat(MOST_SEALED + 1);
    let foreign = NotHeld::Foreign(ForeignFlow);
    for sealed in [None, Some(others.as_str()), Some(shorter), Some(&longer), Some(&far), Some("")] {
        for (csrf, expect) in [(Some(&cookie), NotHeld::Lost), (Some(&stranger), foreign), (None, foreign)] {
            let opened = open_held(world.room(), own.flow.id, sealed, csrf, None);
            assert_eq!(opened.unwrap_err(), expect, "{sealed:?} {csrf:?}");
        }
    }
    for csrf in [Some(&stranger), None] {
        let opened = open_held(world.room(), own.flow.id, Some(&kept), csrf, None);
        assert_eq!(opened.unwrap_err(), foreign, "{csrf:?}");
    }
    // Under another tenant's name neither the seal nor the id is known.
    let elsewhere = World { tenant: "other".parse().unwrap(), ..World::new() };
    for csrf in [Some(&cookie), None] {
        let opened = open_held(elsewhere.room(), own.flow.id, Some(&kept), csrf, None);
        assert_eq!(opened.unwrap_err(), NotHeld::Unknown);
    }
    // A row's document is sealed for rows.
    let row = own.flow.id.to_string();
    let context = SealContext { tenant: &world.tenant, purpose: "self_service_flows", row: &row };
    let of_row = base64url::encode(world.sealer.seal(context, &serde_json::to_vec(&own.flow).unwrap()));
    assert!(open_held(world.room(), own.flow.id, Some(&of_row), Some(&cookie), None).is_err());
}

#[tokio::test]
async fn a_form_is_forgotten_when_its_time_is_over_or_others_of_its_age_were_cut() {
    let mut world = World::new();
    let (own, cookie, _) = begun(&world, "/self-service/login/browser").await;
    let kept = sealed(&world, &own);
    let ends = own.flow.expires_at;
    let open = |world: &World, sealed: Option<&str>, cut: Option<Timestamp>| {
        open_held(world.room(), own.flow.id, sealed, Some(&cookie), cut)
            .map(|own| own.flow.is_expired(world.now))
    };
    let second = Duration::from_secs(1);
    assert_eq!(open(&world, Some(&kept), Some(ends.before(second))), Ok(false));
    for cut in [ends, ends.after(second)] {
        assert_eq!(open(&world, Some(&kept), Some(cut)), Err(NotHeld::Unknown));
    }
    world.now = ends;
    assert_eq!(open(&world, Some(&kept), None), Ok(true), "it still says that it expired");
    world.now = ends.after(KEPT_AFTER_EXPIRY);
    for sealed in [Some(kept.as_str()), None] {
        assert_eq!(open(&world, sealed, None), Err(NotHeld::Unknown), "an old address leads to a new form");
    }
}

#[tokio::test]
async fn what_comes_of_it_is_the_first_row() {
    let world = World::new();
    let (own, cookie, _) = begun(&world, "/self-service/login/browser").await;
    let id = own.flow.id;
    let Write::TakeInFlow { flow, bounds } = own.update(own.flow.clone()) else { panic!("no row") };
    assert_eq!(bounds.expired_before, world.now.before(KEPT_AFTER_EXPIRY));
    let row = flow.check_browser(&world.sealer, &world.tenant, Some(&cookie)).unwrap();
    assert!(!row.is_held());
    assert_eq!(row.seal(&world.sealer, &world.tenant, &row.flow), None, "what has a row is in no cookie");
    assert!(matches!(row.update(row.flow.clone()), Write::UpdateFlow(_)));
    let ends = own.flow.expires_at;
    let spent = own.remove();
    assert!(
        matches!(spent, Write::SpendHeldFlow { id: of, expires_at, .. } if of == id && expires_at == ends)
    );
    assert!(
        matches!(own.remove_once().as_slice(), [Write::SpendHeldFlow { .. }]),
        "it counts once by itself"
    );
    assert!(matches!(row.remove(), Write::SpendFlow(of) if of == id), "no cookie brings it back");
    let native = OwnFlow::begun(own.flow.clone(), None);
    assert!(matches!(native.remove(), Write::RemoveFlow(of) if of == id), "nobody has a cookie of it");
    assert!(matches!(native.remove_once().as_slice(), [Write::UpdateFlow(_), Write::RemoveFlow(_)]));
    assert_ne!(FlowTrace::Spent, FlowTrace::Nothing { cut_through: None });
}

#[tokio::test]
async fn what_is_too_large_for_a_cookie_is_a_row_from_the_beginning() {
    let world = World::new();
    let (own, _, writes) = begun(&world, &"x".repeat(MOST_SEALED)).await;
    assert!(!own.is_held());
    assert!(matches!(writes.as_slice(), [Write::InsertFlow { .. }]), "{writes:?}");
    let (small, _, _) = begun(&world, "/").await;
    let mut grown = small.flow.clone();
    grown.request = "x".repeat(MOST_SEALED);
    assert_eq!(small.seal(&world.sealer, &world.tenant, &grown), None, "it becomes one as it grows");
}

/// Whether a form fits is told before it is sealed, and to the byte.
#[tokio::test]
async fn what_fits_is_what_can_be_sealed() {
    let world = World::new();
    let (small, _, _) = begun(&world, "").await;
    let spare = (MOST_SEALED - sealed(&world, &small).len()) * 3 / 4;
    let mut seen = [false; 2];
    for length in spare - 4..spare + 4 {
        let (own, cookie, _) = begun(&world, &"x".repeat(length)).await;
        let (held, _, _) = begun(&world, "").await;
        let same = Flow { id: own.flow.id, request: own.flow.request.clone(), ..held.flow.clone() };
        let fits = held.seal(&world.sealer, &world.tenant, &same).is_some();
        assert_eq!(own.is_held(), fits, "{length} bytes more, of {}", cookie.as_str().len());
        seen[usize::from(fits)] = true;
    }
    assert_eq!(seen, [true, true], "both sides of the bound");
}

/// What a binary before it sealed is under the key of the tenant, and still opens.
#[tokio::test]
async fn a_form_has_a_key_of_its_own_and_one_from_before_that_opens() {
    let world = World::new();
    let (own, cookie, _) = begun(&world, "/self-service/login/browser").await;
    let row = own.flow.id.to_string();
    let context = SealContext { tenant: &world.tenant, purpose: "browser_flow", row: &row };
    let kept = sealed(&world, &own);
    let plain = world.sealer.open(context, &base64url::decode(&kept).unwrap()).unwrap();
    let before = base64url::encode(world.sealer.seal(context, &plain));
    let version = |sealed: &str| base64url::decode(sealed).unwrap()[0];
    assert_eq!((version(&kept), version(&before)), (2, 1), "a key of the form, and one of the tenant");
    let opened = open_held(world.room(), own.flow.id, Some(&before), Some(&cookie), None).unwrap();
    assert_eq!(opened.flow, own.flow);
    assert_eq!(version(&sealed(&world, &opened)), 2, "it goes on under its own");
}

#[tokio::test]
async fn the_successor_of_an_expired_form_is_a_row_only_where_its_browser_may_get_no_cookie() {
    let mut world = World::new();
    let (own, cookie, _) = begun(&world, "/self-service/login/browser").await;
    world.now = own.flow.expires_at;
    let (next, change) = renew(world.room(), CALLER, &own, SuccessorToldTo::Anybody).await.unwrap();
    assert!(!next.is_held());
    assert!(matches!(change.writes.as_slice(), [Write::InsertFlow { .. }]));
    let (next, change) = renew(world.room(), CALLER, &own, SuccessorToldTo::Browser).await.unwrap();
    assert!(next.is_held() && change.writes.is_empty(), "{:?}", change.writes);
    assert_eq!(begun_at(&world.sealer, &world.tenant, next.flow.id), Some(world.now));
    assert_eq!((&next.flow.request, next.flow.messages[0].id), (&own.flow.request, 4_010_001));
    let kept = sealed(&world, &next);
    let opened = open_held(world.room(), next.flow.id, Some(&kept), Some(&cookie), None).unwrap();
    assert_eq!(opened.flow, next.flow);
    let native = OwnFlow::begun(own.flow.clone(), None);
    let (next, change) = renew(world.room(), CALLER, &native, SuccessorToldTo::Browser).await.unwrap();
    assert!(!next.is_held() && change.writes.len() == 1, "a native application keeps none");
}

/// Attack: whoever has read the id of somebody's form asks for it, and is given a form in their name.
#[tokio::test]
async fn a_form_that_its_browser_lost_is_known_to_that_browser_alone() {
    let mut world = World::new();
    let (own, cookie, _) = begun(&world, "/self-service/login/browser").await;
    let (others, other, _) = begun(&world, "/self-service/login/browser").await;
    let asked = |world: &World, id: FlowId, csrf: &CsrfCookie| {
        open_held(world.room(), id, None, Some(csrf), None).unwrap_err()
    };
    assert_eq!(asked(&world, own.flow.id, &cookie), NotHeld::Lost);
    assert_eq!(asked(&world, own.flow.id, &other), NotHeld::Foreign(ForeignFlow));
    assert_eq!(asked(&world, others.flow.id, &cookie), NotHeld::Foreign(ForeignFlow));
    assert_eq!(asked(&world, FlowId::generate(&world.rng), &cookie), NotHeld::Unknown);
    // A key that is younger than the form.
    let key = |id, byte: u8| DataKey { id, material: [byte; 32].into() };
    let rng = std::sync::Arc::new(SeededRng::new(4));
    world.sealer = Sealer::new(Keyring::new(key(2, 8), [key(1, 7)]), rng);
    assert_eq!(asked(&world, own.flow.id, &cookie), NotHeld::Lost);
    world.now = own.flow.expires_at.after(KEPT_AFTER_EXPIRY);
    assert_eq!(asked(&world, own.flow.id, &cookie), NotHeld::Unknown, "by then it is forgotten anyway");
}

/// Attack: a browser that keeps no such cookie is led from one lost form to the next for ever.
#[tokio::test]
async fn what_takes_the_place_of_a_lost_form_is_a_row() {
    let world = World::new();
    let browser = CsrfCookie::generate(&world.rng).hash(&world.sealer, &world.tenant);
    let usual = StartRequest::new(Transport::Browser, &world.base, "/self-service/login/browser");
    let request = StartRequest { browser: Some(&browser), lost: true, ..usual };
    let (own, change) = start_login(world.room(), CALLER, request).await.unwrap();
    assert!(!own.is_held());
    let [Write::InsertFlow { flow, .. }] = change.writes.as_slice() else { panic!("{:?}", change.writes) };
    assert_eq!(flow.browser(), Some(&browser), "of the same browser");
    assert_eq!(own.flow.messages[0].id, 4_010_001, "it says why there is another");
}

#[tokio::test]
async fn an_id_says_when_a_browser_of_this_tenant_began_it() {
    let mut world = World::new();
    world.now = world.now.after(Duration::from_millis(1_234));
    let (own, _, _) = begun(&world, "/").await;
    assert_eq!(begun_at(&world.sealer, &world.tenant, own.flow.id), Some(world.now));
    assert_eq!(begun_at(&world.sealer, &"other".parse().unwrap(), own.flow.id), None);
    world.now = world.now.after(Duration::from_secs(1));
    let (later, _, _) = begun(&world, "/").await;
    assert!(own.flow.id < later.flow.id);
    for byte in 0..16 {
        let mut bytes = own.flow.id.0.into_bytes();
        bytes[byte] ^= 1;
        let forged = FlowId(uuid::Uuid::from_bytes(bytes));
        assert_eq!(begun_at(&world.sealer, &world.tenant, forged), None, "byte {byte}");
    }
    assert_eq!(begun_at(&world.sealer, &world.tenant, FlowId::generate(&world.rng)), None);
}
