"""When is what we asked done? The vehicle's newest state against the message that we sent. Pure.

    startPause, actionId a  ->  actionStates: a RUNNING … a FINISHED   done
                                              a FAILED                 refused, with its words
                                paused: true and a not listed          done
    order update 5          ->  orderUpdateId >= 5                     done
                                errors: about this message             refused, with its words

Rules of this file
- A listed action is done when it is FINISHED, whatever else the state says: while it is RUNNING
  the vehicle may still roll. Where a vehicle lists none, its ``paused`` flag counts.
- An error is about our message when its references name the message (topic and headerId), the
  action, or the order update. The last may stand from an earlier try: one that stood already
  when we sent does not count.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from banksman_drivers.vda5050_messages import State, VehicleError

WORDS_MAX = 200  # characters of a vehicle's own text that go into our messages


class Refused(Exception):
    """The vehicle said no; the text is its own."""


class PauseSent(msgspec.Struct, frozen=True):
    """A ``startPause`` (``wanted``) or ``stopPause`` on its way."""

    wanted: bool
    action_id: str
    header_id: int

    def done(self, state: State) -> bool:
        """Whether the vehicle has done it. Raises Refused."""
        for action in state.action_states:
            if action.action_id != self.action_id:
                continue
            if action.action_status == "FAILED":
                raise Refused(_cut(action.result_description) or "no reason given")
            return action.action_status == "FINISHED"
        for error in state.errors:
            about = _about(error)
            if about.get("actionId") == self.action_id or _names(
                about, "instantActions", self.header_id
            ):
                raise Refused(_words(error))
        return state.paused is self.wanted

    def progress(self, state: State | None) -> str:
        """What the vehicle said of it last."""
        for action in state.action_states if state is not None else ():
            if action.action_id == self.action_id:
                return f"it is {action.action_status}"
        return "it was never heard of"


class OrderSent(msgspec.Struct, frozen=True):
    """An order update on its way; ``stood``: the errors that stood before."""

    order_id: str
    update_id: int
    header_id: int
    stood: Sequence[VehicleError]

    def done(self, state: State) -> bool:
        """Whether the vehicle has taken it. Raises Refused."""
        for error in state.errors:
            about = _about(error)
            if "headerId" in about:
                ours = _names(about, "order", self.header_id)
            else:
                ours = error not in self.stood and (
                    about.get("orderId"),
                    about.get("orderUpdateId"),
                ) == (self.order_id, str(self.update_id))
            if ours:
                raise Refused(_words(error))
        return state.order_id == self.order_id and state.order_update_id >= self.update_id

    def progress(self, state: State | None) -> str:
        """What the vehicle said of it last."""
        if state is None or state.order_id != self.order_id:
            return "it has not taken the order"
        return f"it is at update {state.order_update_id}"


def _about(error: VehicleError) -> dict[str, str]:
    return {one.reference_key: str(one.reference_value) for one in error.error_references}


def _names(about: dict[str, str], topic: str, header_id: int) -> bool:
    """Whether the references name our message; vehicles write the topic as they like."""
    named = (about.get("topic") or about.get("Topic") or "").rpartition("/")[2]
    return named.lower() == topic.lower() and about.get("headerId") == str(header_id)


def _words(error: VehicleError) -> str:
    return _cut(error.error_description or error.error_type)


def _cut(text: str) -> str:
    return text[:WORDS_MAX]
