"""Habits, without the plugin around them: `PYTHONPATH=src python3 -m unittest discover --start-directory tests`."""

import sys
import types
import unittest
from dataclasses import dataclass


@dataclass
class Origin:
    """As the contract has it, which the tools for Python write at a build only."""

    address: str
    user_agent: str | None = None


PEOPLE = types.ModuleType("wit_world.imports.people")
PEOPLE.Origin = Origin
sys.modules.update({name: types.ModuleType(name) for name in ("wit_world", "wit_world.imports")})
sys.modules[PEOPLE.__name__] = PEOPLE

from habits import AT_MOST, HOUR, Habits, network_of  # noqa: E402: the modules that it imports are made above

HOME = Origin("192.0.2.1", "Firefox")
DAY = 24 * HOUR
NOBODY = Habits.read(None)


def after(times: list[int], origin: Origin = HOME) -> Habits:
    habits = NOBODY
    for now in times:
        habits = habits.with_this(now, origin)
    return habits


class Signs(unittest.TestCase):
    def check(self, habits: Habits, now: int, origin: Origin, expect: list[str]) -> None:
        self.assertEqual(habits.signs(now, origin), expect)
        # What is kept says the same as what was kept.
        self.assertEqual(Habits.read(habits.written()).signs(now, origin), expect)

    def test_what_is_new_is_a_sign_and_what_is_known_is_none(self) -> None:
        known = after([9 * HOUR])
        self.check(NOBODY, 9 * HOUR, HOME, ["first"])
        self.check(known, 9 * HOUR, HOME, [])
        self.check(known, 9 * HOUR, Origin("192.0.2.200", "Firefox"), [])
        self.check(known, 9 * HOUR, Origin("198.51.100.1", "Firefox"), ["new_network"])
        self.check(known, 9 * HOUR, Origin("192.0.2.1", "curl"), ["new_device"])
        # Who names no device is on a new one each time.
        self.check(after([9 * HOUR], Origin("192.0.2.1")), 9 * HOUR, Origin("192.0.2.1"), ["new_device"])

    def test_hours_are_a_habit_after_some_sign_ins_and_around_the_clock(self) -> None:
        few = after([day * DAY + 23 * HOUR for day in range(9)])
        self.check(few, 12 * HOUR, HOME, [])
        many = after([day * DAY + 23 * HOUR for day in range(10)])
        self.check(many, 12 * HOUR, HOME, ["unusual_hour"])
        self.check(many, 1 * HOUR, HOME, [])
        self.check(many, 2 * HOUR, HOME, ["unusual_hour"])

    def test_networks_are_those_that_people_move_within(self) -> None:
        for one, other, are_same in [
            ("192.0.2.1", "192.0.2.254", True),
            ("192.0.2.1", "192.0.3.1", False),
            ("::ffff:192.0.2.1", "192.0.2.9", True),
            ("2001:db8:1:2::1", "2001:db8:1:ffff::1", True),
            ("2001:db8:1::1", "2001:db8:2::1", False),
        ]:
            same = network_of(Origin(one)) == network_of(Origin(other))
            self.assertEqual(same, are_same, f"{one} {other}")


class Kept(unittest.TestCase):
    def test_what_is_kept_is_bounded_and_names_nobody(self) -> None:
        habits = NOBODY
        for day in range(500):
            habits = habits.with_this(day * DAY, Origin(f"10.{day // 256}.{day % 256}.1", f"Device {day}"))
        self.assertEqual((len(habits.devices), len(habits.networks)), (AT_MOST, AT_MOST))
        self.assertLessEqual(sum(habits.hours), 400)
        self.assertEqual(habits.signs(500 * DAY, Origin("10.1.243.9", "Device 499")), [], "the latest are known")
        kept = habits.written().decode()
        self.assertLess(len(kept), 2_000)
        self.assertNotIn("Device", kept)
        self.assertNotIn("10.1", kept)


if __name__ == "__main__":
    unittest.main()
