"""Looks up at once whether the internal ids of an event name anything.

Advice only (decision 6): between this look and the projector's, anything may happen, and the
projector decides. It saves most callers from finding their mistake among the failed events.
"""

import asyncio
from collections.abc import Sequence

from footfall.catalog.api import product_names
from footfall.contacts.api import contact_names
from footfall.ingest.types import Doing, EventRecord
from footfall.kernel.errors import Invalid, NotFound, UserError
from footfall.kernel.scope import Scope
from footfall.state.api import State


class StateAdvisor:
    """Asks the state store, in a thread."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def check(self, scope: Scope, records: Sequence[Doing]) -> list[UserError | None]:
        """Return for each record what is wrong with its internal ids, None if nothing is."""
        return await asyncio.to_thread(self._check, scope, records)

    def _check(self, scope: Scope, records: Sequence[Doing]) -> list[UserError | None]:
        events = [record for record in records if isinstance(record, EventRecord)]
        product_ids = {r.product_id for r in events if r.product_id is not None}
        contact_ids = {r.contact_id for r in records if r.contact_id is not None}
        with self._state.read() as conn:
            products = product_names(conn, scope, product_ids)
            contacts = contact_names(conn, scope, contact_ids)
        found: list[UserError | None] = []
        for record in records:
            wrong: UserError | None = None
            product_id = record.product_id if isinstance(record, EventRecord) else None
            if product_id is not None and product_id not in products:
                wrong = NotFound(
                    f"There is no product with the id {product_id}.",
                    code="product_not_found",
                )
            elif record.contact_id is not None:
                contact = contacts.get(record.contact_id)
                if contact is None:
                    wrong = NotFound(
                        f"There is no contact with the id {record.contact_id}.",
                        code="contact_not_found",
                    )
                elif None not in {record.user_custom_id, contact.custom_id} and (
                    record.user_custom_id != contact.custom_id
                ):
                    wrong = Invalid.at(
                        "/user_custom_id",
                        "contact_mismatch",
                        f"The contact with the id {record.contact_id} has another custom id.",
                    )
            found.append(wrong)
        return found
