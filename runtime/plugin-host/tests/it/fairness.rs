//! What a hostile tenant can take from the others.

use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{Either, join_all, select};
use futures_util::pin_mut;
use oauth2::hooks::TokenHook as _;
use portcullis_plugin_host::{Limits, Settings};
use primitives::hooks::{HookContext, HookFailure, HookFailureKind};
use primitives::{OrganisationId, TenantId};
use uuid::Uuid;

use crate::fixture::{Fixture, issued, request, run, spec};

/// Limits that no test lives to see.
const ENDLESS: Limits = Limits {
    cpu_ms: 1_000_000,
    wall_ms: Some(1_000_000),
    memory_bytes: 32 << 20,
    output_bytes: 64 << 10,
    host_calls: 64,
    kv_entries: 0,
    kv_bytes: 0,
    http_calls: 0,
    http_response_bytes: 0,
};

#[test]
fn other_tenants_go_on_while_one_holds_all_its_places_with_endless_guests() {
    let settings = Settings {
        concurrent_calls: 4,
        concurrent_calls_per_tenant: 3,
        tenant_cpu_ms_per_second: 1_000_000,
        ceiling: ENDLESS,
        ..Settings::default()
    };
    let fixture = Fixture::new(settings);
    let hostile: TenantId = "hostile".parse().unwrap();
    let mut looping = spec("token_loop");
    looping.limits = ENDLESS;
    run(fixture.host.install_plugin(&hostile, looping)).unwrap();
    let mut patient = spec("token_remembers");
    patient.limits = Limits { wall_ms: Some(1_000_000), ..Limits::default() };
    run(fixture.host.install_plugin(&fixture.tenant, patient)).unwrap();

    // One thread for all: the victims progress only as far as the hostile guests are made to yield.
    let hostile_context = HookContext { tenant: hostile, ..fixture.context(None) };
    let (context, request) = (fixture.context(None), request(""));
    let attack = join_all((0..16).map(|_| fixture.host.shape_tokens(&hostile_context, &request)));
    let victims = async {
        for _ in 0..20 {
            issued(fixture.host.shape_tokens(&context, &request).await);
        }
    };
    pin_mut!(attack, victims);
    match run(select(attack, victims)) {
        Either::Right(((), _)) => {}
        Either::Left((ended, _)) => panic!("endless guests ended: {ended:?}"),
    }
}

#[test]
fn tenant_that_waits_for_cpu_takes_no_place_from_others() {
    let fixture = Fixture::new(Settings {
        concurrent_calls: 1,
        tenant_cpu_ms_per_second: 1,
        ceiling: ENDLESS,
        ..Settings::default()
    });
    let hostile: TenantId = "hostile".parse().unwrap();
    let mut looping = spec("token_loop");
    looping.limits = Limits { cpu_ms: 20, ..ENDLESS };
    run(fixture.host.install_plugin(&hostile, looping)).unwrap();
    run(fixture.host.install_plugin(&fixture.tenant, spec("token_remembers"))).unwrap();
    let hostile_context = HookContext { tenant: hostile, ..fixture.context(None) };
    let (context, request) = (fixture.context(None), request(""));
    run(fixture.host.shape_tokens(&hostile_context, &request)).unwrap_err();

    let waiting = fixture.host.shape_tokens(&hostile_context, &request);
    match run(select(waiting, fixture.host.shape_tokens(&context, &request))) {
        Either::Right((answer, _)) => drop(issued(answer)),
        Either::Left((ended, _)) => panic!("it did not wait: {ended:?}"),
    }
}

#[test]
fn call_that_nobody_waits_for_any_more_is_paid() {
    let fixture = Fixture::new(Settings { tenant_cpu_ms_per_second: 1, ..Settings::default() });
    let mut looping = spec("token_loop");
    looping.limits = Limits { cpu_ms: 1_000, wall_ms: Some(200), ..Limits::default() };
    run(fixture.host.install_plugin(&fixture.tenant, looping)).unwrap();
    let (context, request) = (fixture.context(None), request(""));
    // Each runs for a slice at least before its client goes away; the tenant has saved 2 ms.
    for _ in 0..4 {
        run(async {
            let call = fixture.host.shape_tokens(&context, &request);
            let gone = tokio::time::timeout(Duration::from_millis(5), call).await;
            assert!(gone.is_err(), "{gone:?}");
        });
    }
    let refused = run(fixture.host.shape_tokens(&context, &request)).unwrap_err();
    assert_eq!(refused.kind, HookFailureKind::CpuLimit, "{refused}");
    assert!(refused.detail.contains("the tenant used up its guest CPU"), "{refused}");
}

#[test]
fn call_beyond_the_tenants_places_fails_when_its_wall_time_is_over() {
    let fixture = Fixture::new(Settings {
        concurrent_calls_per_tenant: 1,
        tenant_cpu_ms_per_second: 1_000_000,
        ceiling: ENDLESS,
        ..Settings::default()
    });
    let [endless, brief] = [5, 6].map(|number| OrganisationId(Uuid::from_u128(number)));
    for (guest, organisation, wall_ms) in
        [("token_loop", endless, ENDLESS.wall_ms), ("token_remembers", brief, Some(20))]
    {
        let mut plugin = spec(guest);
        plugin.limits = Limits { wall_ms, ..ENDLESS };
        plugin.bindings[0].organisation = Some(organisation);
        run(fixture.host.install_plugin(&fixture.tenant, plugin)).unwrap();
    }
    let (endless, brief) = (fixture.context(Some(endless)), fixture.context(Some(brief)));
    let request = request("");
    let holding = fixture.host.shape_tokens(&endless, &request);
    let waiting = fixture.host.shape_tokens(&brief, &request);
    match run(select(holding, waiting)) {
        Either::Right((refused, _)) => assert_eq!(refused.unwrap_err().kind, HookFailureKind::Concurrency),
        Either::Left((ended, _)) => panic!("endless guest ended: {ended:?}"),
    }
}

#[test]
fn calls_that_wait_for_a_tenants_places_are_four_for_each_and_the_next_is_refused_at_once() {
    let fixture = Fixture::new(Settings {
        concurrent_calls_per_tenant: 2,
        tenant_cpu_ms_per_second: 1_000_000,
        ceiling: ENDLESS,
        ..Settings::default()
    });
    let mut looping = spec("token_loop");
    looping.limits = ENDLESS;
    run(fixture.host.install_plugin(&fixture.tenant, looping)).unwrap();
    let other: TenantId = "other".parse().unwrap();
    run(fixture.host.install_plugin(&other, spec("token_remembers"))).unwrap();
    let (context, request) = (fixture.context(None), request(""));
    let ask = || fixture.host.shape_tokens(&context, &request);
    run(async {
        let mut calls: Vec<_> = (0..2 + 4 * 2).map(|_| ask()).collect();
        for call in &mut calls {
            assert!(call.now_or_never().is_none(), "it runs or waits");
        }
        let refused = |next: Option<Result<_, HookFailure>>| {
            let failure = next.expect("an answer at once").unwrap_err();
            assert_eq!(failure.kind, HookFailureKind::Concurrency);
            assert!(failure.detail.contains("too many calls of the tenant wait"), "{failure}");
        };
        refused(ask().now_or_never());
        // One that goes away makes way for another.
        drop(calls.pop());
        calls.push(ask());
        assert!(calls.last_mut().unwrap().now_or_never().is_none());
        refused(ask().now_or_never());
        let of_another = HookContext { tenant: other, ..context.clone() };
        issued(fixture.host.shape_tokens(&of_another, &request).await);
    });
}

#[test]
fn guest_that_needs_long_comes_to_its_end_beside_another_tenants_endless_ones() {
    let fixture = Fixture::new(Settings {
        tenant_cpu_ms_per_second: 1_000_000,
        ceiling: ENDLESS,
        ..Settings::default()
    });
    let hostile: TenantId = "hostile".parse().unwrap();
    for (tenant, cpu_ms) in [(&hostile, ENDLESS.cpu_ms), (&fixture.tenant, 20)] {
        let mut looping = spec("token_loop");
        looping.limits = Limits { cpu_ms, ..ENDLESS };
        run(fixture.host.install_plugin(tenant, looping)).unwrap();
    }
    let hostile_context = HookContext { tenant: hostile, ..fixture.context(None) };
    let (context, request) = (fixture.context(None), request(""));
    let attack = join_all((0..8).map(|_| fixture.host.shape_tokens(&hostile_context, &request)));
    let needs_long = fixture.host.shape_tokens(&context, &request);
    pin_mut!(attack);
    match run(select(attack, needs_long)) {
        Either::Right((ended, _)) => assert_eq!(ended.unwrap_err().kind, HookFailureKind::CpuLimit),
        Either::Left((ended, _)) => panic!("endless guests ended: {ended:?}"),
    }
}
