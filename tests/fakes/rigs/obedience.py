"""Stands where the service carries out orders, until a test says otherwise: it notes them and does nothing."""

from __future__ import annotations

from alertbot.errors import AlertbotError
from alertbot.incidents.orders import Order, Requester


class Obedience:
    """Obeys by writing down who ordered what; ``refusal`` is raised instead where there is one."""

    def __init__(self, answer: str = "done") -> None:
        self.answer = answer
        self.refusal: AlertbotError | None = None
        self.obeyed: list[tuple[Order, Requester]] = []

    async def carry_out(self, order: Order, requester: Requester) -> str:
        if self.refusal is not None:
            raise self.refusal
        self.obeyed.append((order, requester))
        return self.answer
