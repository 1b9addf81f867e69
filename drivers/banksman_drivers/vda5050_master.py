"""What we ask of one vehicle, and waiting until its own state says that it is done.

    pause    -> instantActions, startPause or stopPause   HARD: nothing else runs beside it
    release  -> order, an update from the stitching node  base grows, the horizon is told anew

Rules of this file
- A command is done when the vehicle's own state says so, not when the broker took it.
- A vehicle that is not heard is asked to pause all the same, for that is the safe side; it is
  never asked to go on, nor sent an order made from what it said long ago.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable

import msgspec

from banksman_drivers.condition import Condition
from banksman_drivers.mqtt_link import MqttLink
from banksman_drivers.ports import CommandFailed, Ticks, Unsupported, Value
from banksman_drivers.settings.vda5050 import Vda5050Settings
from banksman_drivers.vda5050_confirm import OrderSent, PauseSent, Refused
from banksman_drivers.vda5050_messages import Sender, State
from banksman_drivers.vda5050_order import OrderPlan
from banksman_drivers.vda5050_vehicle import Vehicle


class Clocks(msgspec.Struct, frozen=True):
    """Monotonic time for waiting, wall time for what the vehicle reads."""

    ticks: Ticks
    wall_ns: Callable[[], int]


class _Wait(msgspec.Struct):
    """A command that waits for a state that says it is done."""

    sent: PauseSent | OrderSent
    done: asyncio.Future[None]


class Master:
    """The master control of one vehicle. Control loop's thread only."""

    def __init__(
        self,
        name: str,
        base: str,
        settings: Vda5050Settings,
        clocks: Clocks,
        vehicle: Vehicle,
        plan: OrderPlan | None,
        link: MqttLink,
        condition: Condition,
    ) -> None:
        self._name = name
        self._base = base
        self._id = settings.id
        self._stale_ms = settings.stale_ms
        self._clocks = clocks
        self._vehicle = vehicle
        self._plan = plan
        self._link = link
        self._condition = condition
        self._sender = Sender(settings.manufacturer, settings.serial_number)
        self._waits: list[_Wait] = []

    async def pause(self, wanted: bool) -> None:
        """Pause it, or let it go on. Raises CommandFailed."""
        action_type = "startPause" if wanted else "stopPause"
        if not wanted and not self._heard():
            raise CommandFailed(
                f"{self._id}.pause: {self._name} is not heard now; {action_type} was not sent"
            )
        action_id = str(uuid.uuid4())
        payload = self._sender.instant_action(action_type, action_id, self._clocks.wall_ns())
        sent = PauseSent(wanted, action_id, self._sender.last_header_id("instantActions"))
        await self._ask("pause", "instantActions", payload, action_type, sent)

    async def release(self, value: Value) -> None:
        """Make the first ``value`` nodes of the order its base.

        Raises CommandFailed, and Unsupported without an order.
        """
        plan = self._plan
        if plan is None:
            raise Unsupported(f"{self._id}.released_nodes needs order_file in the config")
        if value not in range(len(plan.nodes) + 1):
            raise CommandFailed(
                f"{self._id}.released_nodes: {value!r} of an order of {len(plan.nodes)} nodes"
            )
        wanted = int(value)
        if wanted == 0:
            return
        state, base = self._vehicle.state, self._vehicle.released_nodes()
        if state is None or not self._heard():
            raise CommandFailed(
                f"{self._id}.released_nodes: {self._name} is not heard now; no order was sent"
            )
        if wanted == base:
            return
        if wanted < base:
            raise CommandFailed(
                f"{self._id}.released_nodes: {self._name} holds a base of {base} nodes, which"
                f" cannot shrink to {wanted}; pause it instead"
            )
        known = state.order_id == plan.order_id
        update_id = state.order_update_id + 1 if known else 0
        first = max(0, base - 1) if known else 0
        payload = self._sender.order(plan, update_id, first, wanted, self._clocks.wall_ns())
        header_id = self._sender.last_header_id("order")
        sent = OrderSent(plan.order_id, update_id, header_id, state.errors)
        await self._ask("released_nodes", "order", payload, f"order update {update_id}", sent)

    def confirm(self, state: State) -> None:
        """Take the newest state: who waits for it goes on."""
        for wait in self._waits:
            if wait.done.done():
                continue
            try:
                if wait.sent.done(state):
                    wait.done.set_result(None)
            except Refused as refusal:
                wait.done.set_exception(refusal)

    def _heard(self) -> bool:
        return self._link.up and self._vehicle.connected(self._clocks.ticks.mono_ns())

    async def _ask(
        self, output: str, topic: str, payload: bytes, what: str, sent: PauseSent | OrderSent
    ) -> None:
        output = f"{self._id}.{output}"
        if self._vehicle.online is False:
            raise CommandFailed(f"{output}: {self._name} is offline; {what} was not sent")
        if not self._link.publish(f"{self._base}/{topic}", payload):
            raise CommandFailed(
                f"{output}: {what} was not sent to {self._name}: {self._link.report().message}"
            )
        sent_ns = self._clocks.ticks.mono_ns()
        self._condition.requests += 1
        wait = _Wait(sent, asyncio.get_running_loop().create_future())
        self._waits.append(wait)
        try:
            async with asyncio.timeout(self._stale_ms / 1000):
                await wait.done
            self._condition.round_trip_us = (self._clocks.ticks.mono_ns() - sent_ns) / 1e3
        except TimeoutError:
            self._condition.errors += 1
            raise CommandFailed(
                f"{output}: {self._name} did not confirm {what} within {self._stale_ms:g} ms"
                f" ({sent.progress(self._vehicle.state)}); whether it acts is unknown"
            ) from None
        except Refused as refusal:
            self._condition.errors += 1
            raise CommandFailed(f"{output}: {self._name} refused {what}: {refusal}") from refusal
        finally:
            self._waits.remove(wait)
