//! Hostile answers through every function of every hook.
//!
//! Attacks: strings that are no UTF-8, end outside of the memory or take all of it; lists that point at the same
//! bytes a million times; cases that there are not; JSON that nests, repeats, protects or is none; words with line ends.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use portcullis_plugin_host::{HookName, PluginSource, PluginSpec, Settings};
use primitives::hooks::HookFailureKind;

use crate::fixture::{Fixture, run};
use crate::fuzz::guest::{Says, component};
use crate::fuzz::hooks::{PLUGIN, one_line};
use crate::fuzz::image::Image;
use crate::fuzz::wit::Contract;
use crate::fuzz::{Repeat, cases};

/// So many at once fit into a component.
const IN_A_COMPONENT: u64 = 400;

/// What came of so many answers.
type Seen = BTreeMap<&'static str, u64>;

#[test]
fn hostile_answer_is_a_typed_failure_or_within_bounds() {
    let mut seen = Seen::new();
    for hook in HookName::ALL {
        let mut of_the_hook = Seen::new();
        let all = cases(IN_A_COMPONENT);
        for first in (0..all).step_by(usize::try_from(IN_A_COMPONENT).unwrap()) {
            answers(hook, first, &mut of_the_hook);
        }
        // A hook whose every answer is refused, or none, is not tested at all.
        for kind in ["answered", "bad_answer", "guest_error"] {
            assert!(
                of_the_hook.get(kind).is_some_and(|count| *count > 4),
                "{}: {of_the_hook:?}",
                hook.as_str()
            );
        }
        for (kind, count) in of_the_hook {
            *seen.entry(kind).or_default() += count;
        }
    }
    let all: u64 = seen.values().sum();
    assert!(seen["answered"] > all / 10 && seen["bad_answer"] > all / 10, "{seen:?}");
    assert!(seen["output_limit"] > 10, "{seen:?}");
}

/// Offers a component's worth of answers to each function of a hook.
fn answers(hook: HookName, first: u64, seen: &mut Seen) {
    let mut repeat = Repeat::new("hostile_answer_is_a_typed_failure_or_within_bounds");
    let contract = Contract::of(hook, false);
    let mut image = Image::new(&contract);
    let mut lists = Vec::new();
    for (_, function) in contract.exported() {
        let list = image.room(usize::try_from(IN_A_COMPONENT).unwrap() * 4, 4);
        for case in 0..IN_A_COMPONENT {
            let pointer = image.answer(&mut repeat.dice(first + case), &function.result.unwrap());
            image.put(list + usize::try_from(case).unwrap() * 4, &pointer.to_le_bytes());
        }
        lists.push(list);
    }
    let says = Says { image: image.into_bytes(), answers: lists, asks: None };
    let fixture = Fixture::new(Settings { tenant_cpu_ms_per_second: 1_000_000, ..Settings::default() });
    let component = PluginSource::Bytes(Arc::from(component(&contract, &says)));
    let mut spec = PluginSpec::new(PLUGIN, component, hook);
    spec.limits.wall_ms = Some(10_000);
    run(fixture.host.install_plugin(&fixture.tenant, spec)).unwrap();
    for case in 0..IN_A_COMPONENT {
        repeat.case = first + case;
        for (_, function) in contract.exported() {
            let came = match fixture.ask(hook, &function.name) {
                Ok(()) => "answered",
                Err(failure) => {
                    one_line(&failure.detail, 1_024);
                    let expected = [
                        HookFailureKind::BadAnswer,
                        HookFailureKind::GuestError,
                        HookFailureKind::OutputLimit,
                    ];
                    assert!(
                        expected.contains(&failure.kind),
                        "{} {}: {failure}",
                        hook.as_str(),
                        function.name
                    );
                    failure.kind.as_str()
                }
            };
            *seen.entry(came).or_default() += 1;
        }
        fixture.clock.advance(Duration::from_micros(1));
    }
}
