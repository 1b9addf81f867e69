"""The config of network interfaces: what the kernel cannot know of them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from banksman_drivers.links.values import LinkRule
from banksman_drivers.settings.base import Settings

InterfaceName = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9_.:@-]{1,15}$",
        description="as `ip link` names it: eth0, wlan0, wwan0",
    ),
]


class LinkSettings(Settings):
    """A ``[[link]]`` table: a way to the network, with what using it costs."""

    interface: InterfaceName
    cost: float | None = Field(
        None,
        ge=0,
        le=1e6,
        description="the lowest usable one carries; default: 0 Ethernet, 10 Wi-Fi, 100 modem",
    )
    metered: bool | None = Field(
        None, description="its bytes cost money; default: true for a modem, else false"
    )

    def rule(self) -> LinkRule:
        """As the policy takes it."""
        return LinkRule(self.interface, self.cost, self.metered)
