//! Hostile questions to everything that the host offers to guests.
//!
//! Attacks: strings and lists as in `answers`, of any length, where the host takes what a guest says to a database, a
//! server or the log. Whatever is asked, nothing reaches them that is not within the bounds of the contract.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use portcullis_plugin_host::{Capability, HookName, PluginSource, PluginSpec, Services, Settings};
use primitives::hooks::HookFailureKind;

use crate::capabilities::http::Outside;
use crate::capabilities::identities::People;
use crate::capabilities::kv::Kept;
use crate::capabilities::permissions::Handbook;
use crate::capabilities::secrets;
use crate::fixture::{Fixture, run};
use crate::fuzz::guest::{ARGUMENTS_SIZE, MOST_ARGUMENTS, Says, component};
use crate::fuzz::hooks::{PLUGIN, one_line};
use crate::fuzz::image::Image;
use crate::fuzz::wit::Contract;
use crate::fuzz::{Repeat, cases};

/// So many at once fit into a component.
const IN_A_COMPONENT: u64 = 1_200;

#[test]
fn hostile_question_is_answered_or_ends_the_call_and_reaches_nothing() {
    let all = cases(IN_A_COMPONENT);
    for first in (0..all).step_by(usize::try_from(IN_A_COMPONENT).unwrap()) {
        questions(first);
    }
}

fn questions(first: u64) {
    let mut repeat = Repeat::new("hostile_question_is_answered_or_ends_the_call_and_reaches_nothing");
    let contract = Contract::of(HookName::Token, true);
    let asked = contract.imported();
    let mut image = Image::new(&contract);
    let count = usize::try_from(IN_A_COMPONENT).unwrap();
    let asks = image.room(count * ARGUMENTS_SIZE, 8);
    for (case, (_, function)) in (0..count).zip(asked.iter().cycle()) {
        let types: Vec<_> = function.params.iter().map(|param| param.ty).collect();
        let dice = &mut repeat.dice(first + u64::try_from(case).unwrap());
        let mut arguments = image.arguments(dice, &types);
        assert!(arguments.len() < MOST_ARGUMENTS, "{} takes its arguments from memory", function.name);
        // The last one is where the host puts its answer.
        arguments.push(if dice.often(50) { dice.next() } else { 1_024 });
        for (slot, argument) in (0..).zip(arguments) {
            image.put(asks + case * ARGUMENTS_SIZE + slot * 8, &argument.to_le_bytes());
        }
    }
    // An answer of zeros: to issue, with nothing.
    let nothing = image.room(64, 8);
    let answers = image.room(count * 4, 4);
    for case in 0..count {
        image.put(answers + case * 4, &u32::try_from(nothing).unwrap().to_le_bytes());
    }
    let functions = contract.exported();
    let says = Says { image: image.into_bytes(), answers: vec![answers; functions.len()], asks: Some(asks) };

    let (kept, outside) = (Arc::new(Kept::default()), Arc::new(Outside::default()));
    let services = Services {
        secrets: Some(Arc::new(secrets::Kept::default())),
        values: Some(kept.clone()),
        outbound: Some(outside.clone()),
        profiles: Some(Arc::new(People)),
        components: None,
        permissions: Some(Arc::new(Handbook)),
    };
    let settings = Settings { tenant_cpu_ms_per_second: 1_000_000, ..Settings::default() };
    let fixture = Fixture::new(settings).offering(services);
    let component = PluginSource::Bytes(Arc::from(component(&contract, &says)));
    let mut spec = PluginSpec::new(PLUGIN, component, HookName::Token);
    spec.limits.wall_ms = Some(10_000);
    spec.grants = Capability::ALL.into();
    spec.http_origins = ["https://login.example".parse().unwrap()].into();
    run(fixture.host.install_plugin(&fixture.tenant, spec)).unwrap();
    let mut seen: BTreeMap<(&str, &str, &str), u32> = BTreeMap::new();
    for (case, (interface, function)) in (first..first + IN_A_COMPONENT).zip(asked.iter().cycle()) {
        repeat.case = case;
        let came = match fixture.ask(HookName::Token, "shape-tokens") {
            Ok(()) => "answered",
            Err(failure) => {
                one_line(&failure.detail, 1_024);
                let expected =
                    [HookFailureKind::BadAnswer, HookFailureKind::OutputLimit, HookFailureKind::Trap];
                assert!(expected.contains(&failure.kind), "{interface} {}: {failure}", function.name);
                "ended"
            }
        };
        *seen.entry((interface, &function.name, came)).or_default() += 1;
        fixture.clock.advance(Duration::from_micros(1));
    }
    for (interface, function) in &asked {
        let answered = seen.get(&(interface, &function.name, "answered"));
        assert!(answered.is_some_and(|count| *count > 2), "{interface} {}: {seen:?}", function.name);
    }
    let ended: u32 = seen.iter().filter(|((.., came), _)| *came == "ended").map(|(_, count)| count).sum();
    assert!(ended > 40, "{seen:?}");
    kept.check_places(|(tenant, plugin, key), value| {
        assert_eq!((tenant, &**plugin), (&fixture.tenant, PLUGIN));
        assert!((1..=256).contains(&key.len()) && value.len() <= 64 << 10, "{key:?}");
    });
    outside.check_requests(|request| {
        assert_eq!(request.url.origin().ascii_serialization(), "https://login.example");
        for (name, value) in &request.headers {
            one_line(name, 8 << 10);
            one_line(value, 64 << 10);
        }
    });
}
