//! How long a client that registered itself stays: until it leaves for want of a first token, and from then on of another one.

use primitives::{ClientId, Timestamp};

use super::{RegistrationSettings, SelfRegistered};
use crate::write::Write;

/// A token puts the end off when a tenth of the time is over, and writes nothing before: a client that gets a token each second
/// costs ten writes in all that time.
const STEPS: u32 = 10;

/// What a token that a client gets at `now` writes down about its stay, if anything.
pub(crate) fn kept(
    client: &ClientId,
    registration: Option<SelfRegistered>,
    settings: &RegistrationSettings,
    now: Timestamp,
) -> Option<Write> {
    let before = registration?.unused_until;
    let until = settings.idle_lifespan.map(|idle| now.after(idle.0));
    let is_due = match (before, settings.idle_lifespan) {
        (None, None) => false,
        (Some(_), None) | (None, Some(_)) => true,
        (Some(before), Some(idle)) => before <= now.after(idle.0 / STEPS * (STEPS - 1)),
    };
    is_due.then(|| Write::KeepClient { client: client.clone(), until })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::go_duration::GoDuration;

    #[test]
    fn token_puts_the_end_off_and_writes_seldom() {
        let client: ClientId = "app".parse().unwrap();
        let now = Timestamp::from_seconds(1_000_000);
        let check = |before: Option<u64>, idle: Option<u64>, expect: Option<Option<u64>>| {
            let in_hours = |hours: u64| now.after(Duration::from_hours(hours));
            let settings =
                RegistrationSettings { idle_lifespan: idle.map(GoDuration::hours), ..Default::default() };
            let registration = SelfRegistered { unused_until: before.map(in_hours) };
            let write = kept(&client, Some(registration), &settings, now);
            let expect =
                expect.map(|until| Write::KeepClient { client: client.clone(), until: until.map(in_hours) });
            assert_eq!(write, expect, "{before:?} {idle:?}");
        };
        // Its first token: it stays, for ever or for so long.
        check(Some(24), None, Some(None));
        check(Some(24), Some(100), Some(Some(100)));
        check(None, None, None);
        // One of before there was such a setting.
        check(None, Some(100), Some(Some(100)));
        check(Some(99), Some(100), None);
        check(Some(91), Some(100), None);
        check(Some(90), Some(100), Some(Some(100)));
        check(Some(1), Some(100), Some(Some(100)));
        // What an operator made is no matter of this.
        let settings =
            RegistrationSettings { idle_lifespan: Some(GoDuration::hours(1)), ..Default::default() };
        assert_eq!(kept(&client, None, &settings, now), None);
    }
}
