"""Names for the integers that travel through the house, so that a type checker tells them apart."""

from typing import NewType

WorkspaceId = NewType("WorkspaceId", int)
ApiKeyId = NewType("ApiKeyId", int)
AppKeyId = NewType("AppKeyId", int)
UserId = NewType("UserId", int)
SessionId = NewType("SessionId", int)
LinkId = NewType("LinkId", int)
#: Never reused, also after a deletion. 0 stands for "no contact" in the warehouse.
ContactId = NewType("ContactId", int)
#: Never reused, also after a deletion.
ProductId = NewType("ProductId", int)
#: Place of a record in the journal, from 1, growing; the `id` of the event that stands there.
Position = NewType("Position", int)
