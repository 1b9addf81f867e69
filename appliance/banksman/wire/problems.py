"""Errors of the APIs of box and endpoint, as problems (RFC 9457) with a remedy.

Both answer in the same words, so one program can read both. ``type`` is ``/api#KIND``: stable, and
the page that explains it.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

import msgspec

PROBLEM_TYPE = "application/problem+json"


class ProblemBody(msgspec.Struct, frozen=True):
    """An error for people and programs. ``type`` is stable; ``remedy`` says what to do."""

    type: str
    title: str
    status: int
    detail: str
    remedy: str = ""


class Refusal(Exception):
    """Ends a request with a problem. ``kind`` is the stable last part of its type."""

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        remedy: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.remedy = remedy
        self.headers = dict(headers or {})

    def body(self) -> ProblemBody:
        """The problem."""
        return ProblemBody(
            type=f"/api#{self.kind}",
            title=HTTPStatus(self.status).phrase,
            status=self.status,
            detail=self.detail,
            remedy=self.remedy,
        )
