"""What is known of how somebody signs in: devices and networks with the day they were last seen on, and hours."""

import hashlib
import ipaddress
import json
from dataclasses import dataclass

from wit_world.imports.people import Origin

HOUR = 3_600_000_000
# How many devices and networks are kept, the latest.
AT_MOST = 12
# From how many sign-ins on their hours are a habit, and what part of them makes an hour a usual one.
ENOUGH = 10
USUAL = 0.05


@dataclass
class Habits:
    """Somebody's habits. Devices and networks are kept as hashes: what is kept says nothing to who reads it."""

    devices: dict[str, int]
    networks: dict[str, int]
    hours: list[int]

    @staticmethod
    def read(kept: bytes | None) -> "Habits":
        """What `written` wrote, or those of somebody of whom nothing is known."""
        if kept is None:
            return Habits({}, {}, [0] * 24)
        said = json.loads(kept)
        return Habits(said["devices"], said["networks"], said["hours"])

    def written(self) -> bytes:
        said = {"devices": self.devices, "hours": self.hours, "networks": self.networks}
        return json.dumps(said, separators=(",", ":")).encode()

    def signs(self, now: int, origin: Origin) -> list[str]:
        """What is unusual about a sign-in, in the names of the settings."""
        if sum(self.hours) == 0:
            return ["first"]
        device, network = device_of(origin), network_of(origin)
        signs = {
            "new_device": device is None or device not in self.devices,
            "new_network": network not in self.networks,
            "unusual_hour": self.is_unusual(hour_of(now)),
        }
        return [sign for sign, there in signs.items() if there]

    def is_unusual(self, hour: int) -> bool:
        """Whether few of many sign-ins were within two hours of this one, around the clock."""
        around = sum(self.hours[(hour + by) % 24] for by in range(-2, 3))
        return sum(self.hours) >= ENOUGH and around < USUAL * sum(self.hours)

    def with_this(self, now: int, origin: Origin) -> "Habits":
        """The habits with one sign-in more."""
        day, device = now // (24 * HOUR), device_of(origin)
        hours = list(self.hours)
        hours[hour_of(now)] += 1
        if sum(hours) > 400:
            # What was long ago counts less and less.
            hours = [count // 2 for count in hours]
        devices = self.devices if device is None else latest(self.devices, device, day)
        return Habits(devices, latest(self.networks, network_of(origin), day), hours)


def latest(seen: dict[str, int], name: str, day: int) -> dict[str, int]:
    """The names seen last, with this one."""
    others = {other: when for other, when in seen.items() if other != name}
    kept = sorted(others.items(), key=lambda item: (-item[1], item[0]))[: AT_MOST - 1]
    return dict(sorted([*kept, (name, day)]))


def hour_of(now: int) -> int:
    return now // HOUR % 24


def device_of(origin: Origin) -> str | None:
    """A short name of a device. Who names none is on a new one each time."""
    return None if origin.user_agent is None else short(origin.user_agent)


def network_of(origin: Origin) -> str:
    """A short name of the network: addresses of one person change within a network."""
    address = ipaddress.ip_address(origin.address)
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    bits = 24 if address.version == 4 else 48
    return short(str(ipaddress.ip_network((address, bits), strict=False)))


def short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
