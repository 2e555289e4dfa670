"""Keeps who is in the segments of one workspace: writes an entry or exit when somebody's changes.

After events and changes only those who were touched are asked about, in one statement for all
segments that care. All of a segment is evaluated when it is new or changed, at a start, at local
midnight where days count, and where what changed is not a member's own: a product that fits a
filter now, a segment of products. The last kind waits so that it takes a twentieth of the time.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from footfall.conditions.api import (
    chosen_products,
    difference,
    few,
    local_day,
    shifted,
    start_of_day,
)
from footfall.conditions.types import ProductFilter, Vocabulary
from footfall.contacts.api import merge_groups
from footfall.kernel.errors import UserError
from footfall.kernel.instants import Instant
from footfall.kernel.scope import Scope
from footfall.segments import member_queries
from footfall.segments.api import list_segments, load_vocabulary
from footfall.segments.interest import Interest, Watch, interest_of
from footfall.segments.sources import OrderSources
from footfall.segments.touched import Touched
from footfall.segments.types import Change, Segment, Upkept
from footfall.state.api import State
from footfall.warehouse.api import Warehouse, WarehouseError
from footfall.warehouse.types import MemberRow

#: Asked about by one statement; past it, all of the segment is as cheap.
FEW: Final = 10_000
MAX_TOUCHED: Final = 2 * FEW
#: Segments of one statement; heavy ones take 3 KB each of the 256 KB that the engine reads.
SEGMENTS_PER_STATEMENT: Final = 50
STAYS_PER_INSERT: Final = 50_000
#: After an evaluation that was caused by what others did: its duration times this is waited.
PAUSE_FACTOR: Final = 20
#: How soon a segment that could not be evaluated is tried again.
RETRY_SECONDS: Final = 30.0

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Live:
    """A segment that is kept."""

    segment: Segment
    interest: Interest
    is_due: bool = True  #: all of it is to be evaluated
    may_wait: bool = False  #: until it is its turn: nothing of its own is new
    retry_at: float = 0.0
    size: int = 0
    evaluated_at: Instant | None = None
    problem: str | None = None


@dataclass(slots=True)
class _Watched:
    """How far one kind of times was looked at."""

    through: Instant
    next_at: Instant | None = None  #: the next time that passes; None: there is none
    is_stale: bool = True  #: whether there may be an earlier one by now


@dataclass(slots=True)
class _Matches:
    """Which products a filter chose, by the bits of their ids."""

    fits: bytearray = field(default_factory=bytearray)
    is_known: bool = False


class Upkeep:
    """The members of one workspace's segments. One thread at a time calls it."""

    def __init__(
        self,
        scope: Scope,
        state: State,
        warehouse: Warehouse,
        *,
        monotonic: Callable[[], float],
        sources: OrderSources,
    ) -> None:
        self._scope = scope
        self._state = state
        self._warehouse = warehouse
        self._monotonic = monotonic
        self._sources = sources
        self._live: dict[int, _Live] = {}
        self._watched: dict[Watch, _Watched] = {}
        self._matches: dict[ProductFilter, _Matches] = {}
        self._newest_product = 0  #: the highest id that was there at the last look
        self._fingerprint: dict[Any, Any] = {}
        self._midnight: Instant | None = None
        self._last_at: Instant | None = None
        self._turn_at = 0.0
        self._vocabulary: Vocabulary
        self._changes: list[Change] = []

    # --- what is kept --------------------------------------------------------------------------

    def upkept(self, segment_id: int) -> Upkept | None:
        """Return how a segment is kept, None for one that is not."""
        live = self._live.get(segment_id)
        if live is None:
            return None
        known = live.evaluated_at is not None
        return Upkept(live.size if known else None, live.evaluated_at, live.problem)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to keep."""
        return not self._live

    def next_at(self) -> tuple[Instant | None, float | None]:
        """Return (instant, monotonic seconds) at which there is something to do by itself."""
        instants = [
            one.next_at
            for watch, one in self._watched.items()
            if one.next_at is not None and self._keeps(watch)
        ]
        if self._midnight is not None and any(
            live.interest.at_midnight for live in self._live.values()
        ):
            instants.append(self._midnight)
        turns = [
            max(self._turn_at if live.may_wait else 0.0, live.retry_at)
            for live in self._live.values()
            if live.is_due
        ]
        stale = any(one.is_stale for watch, one in self._watched.items() if self._keeps(watch))
        if stale:
            turns.append(0.0)
        return min(instants, default=None), min(turns, default=None)

    def _keeps(self, watch: Watch) -> bool:
        return any(watch in live.interest.watches for live in self._live.values())

    # --- one round -----------------------------------------------------------------------------

    def round(self, touched: Touched, now: Instant, *, at_once: bool = False) -> list[Change]:
        """Bring everybody up to date who may have changed; return who entered and left.

        Args:
            touched: Taken since the last round.
            at_once: Whether segments whose turn has not come are evaluated too.

        Raises:
            WarehouseError: Nothing is lost: what was touched is evaluated as a whole then.
        """
        self._changes = []
        try:
            self._load(now)
            at = self._instant(now)
            self._pass_midnight(at)
            self._take_products(touched, at)
            asked = self._asked(touched)
            for watch, crossed in self._cross(touched, at).items():
                for live in self._live.values():
                    if watch in live.interest.watches:
                        if crossed is None or live.segment.subject == "product":
                            _put_off(live)
                        else:
                            asked.setdefault(live.segment.id, set()).update(crossed)
            self._ask(asked, at)
        except Exception:
            # What was touched is forgotten here, so everything has to be looked at.
            for live in self._live.values():
                live.is_due = True
                live.may_wait = False
            raise
        self._evaluate_due(now, at_once=at_once)
        return self._changes

    def _load(self, now: Instant) -> None:
        is_one = self._sources.is_one(self._scope)
        with self._state.read() as conn:
            segments = {one.id: one for one in list_segments(conn, self._scope)}
            self._vocabulary = load_vocabulary(conn, self._scope, has_one_order_source=is_one)
        if self._last_at is None:
            [(last,)] = self._warehouse.rows(member_queries.last_change(self._scope))
            [(newest,)] = self._warehouse.rows(member_queries.newest_product(self._scope))
            self._last_at, self._newest_product = Instant(last), newest
        known = self._live
        self._live = {}
        new = []
        for segment in segments.values():
            live = known.get(segment.id)
            interest = interest_of(segment.subject, segment.condition, self._vocabulary)
            if live is None:
                live = _Live(segment, interest)
                new.append(segment.id)
            elif live.segment.condition != segment.condition:
                live.is_due, live.may_wait, live.retry_at = True, False, 0.0
            live.segment, live.interest = segment, interest
            self._live[segment.id] = live
        if new:
            for segment_id, size in self._warehouse.rows(member_queries.sizes(self._scope, new)):
                self._live[segment_id].size = size
        self._notice_meanings()
        for live in self._live.values():
            for watch in live.interest.watches:
                self._watched.setdefault(watch, _Watched(through=now))

    def _notice_meanings(self) -> None:
        """Have those evaluated whose attributes, contained segments or days mean something else."""
        for live in self._live.values():
            vocabulary = self._vocabulary
            meaning = [
                str(vocabulary.zone),
                sorted(vocabulary.lists),
                [
                    (name, _meaning(vocabulary.attributes_of(subject).get(name)))
                    for subject, name in sorted(live.interest.attributes)
                ],
                live.interest,
            ]
            known = self._fingerprint.get(live.segment.id)
            if known is not None and known != meaning:
                live.is_due, live.may_wait, live.retry_at = True, False, 0.0
                self._midnight = None
            self._fingerprint[live.segment.id] = meaning

    def _instant(self, now: Instant) -> Instant:
        """Return the time of the next changes: no two of one member have the same."""
        assert self._last_at is not None
        self._last_at = Instant(max(now, self._last_at + 1))
        return self._last_at

    def _pass_midnight(self, now: Instant) -> None:
        if self._midnight is not None and now >= self._midnight:
            for live in self._live.values():
                if live.interest.at_midnight:
                    live.is_due = True
                    live.may_wait = False
        zone = self._vocabulary.zone
        self._midnight = start_of_day(shifted(local_day(now, zone), 1), zone)

    # --- products ------------------------------------------------------------------------------

    def _take_products(self, touched: Touched, now: Instant) -> None:
        """Have those evaluated whose filters choose other products than before."""
        for live in self._live.values():
            of_products = live.segment.subject == "product"
            if of_products and (
                touched.products
                or touched.is_history_changed
                or touched.overflowed
                or _cares(live.interest, touched)
            ):
                _put_off(live)
            if touched.overflowed:
                _put_off(live)
        wanted = {one for live in self._live.values() for one in live.interest.filters}
        self._matches = {one: self._matches.get(one) or _Matches() for one in wanted}
        old = [one for one, known in self._matches.items() if known.is_known]
        new = [one for one, known in self._matches.items() if not known.is_known]
        if touched.all_products:
            new, old = [*new, *old], []
        flipped: set[ProductFilter] = set()
        if old and touched.products:
            flipped = self._flipped(old, sorted(touched.products), now)
        for wanted_filter in new:
            self._read_matches(wanted_filter, now)
            flipped.add(wanted_filter)
        self._newest_product = max([self._newest_product, *touched.products])
        for live in self._live.values():
            if flipped.intersection(live.interest.filters):
                _put_off(live)

    def _flipped(
        self, filters: Sequence[ProductFilter], ids: Sequence[int], now: Instant
    ) -> set[ProductFilter]:
        try:
            rows = self._warehouse.rows(
                chosen_products(self._scope, filters, self._vocabulary, now, ids)
            )
        except UserError:
            return set(filters)  # its segments say what is wrong when they are evaluated
        chosen = {(filters[number], product_id) for number, product_id in rows}
        flipped = set()
        for wanted in filters:
            bits = self._matches[wanted].fits
            for product_id in ids:
                fits = (wanted, product_id) in chosen
                if fits != _bit(bits, product_id):
                    _set_bit(bits, product_id, is_set=fits)
                    # Nobody had to do with a product that was not there.
                    if product_id <= self._newest_product:
                        flipped.add(wanted)
        return flipped

    def _read_matches(self, wanted: ProductFilter, now: Instant) -> None:
        matches = self._matches[wanted] = _Matches(is_known=True)
        try:
            rows = self._warehouse.rows(
                chosen_products(self._scope, [wanted], self._vocabulary, now, ())
            )
        except UserError:
            return
        for _, product_id in rows:
            _set_bit(matches.fits, product_id, is_set=True)

    # --- those who were touched ----------------------------------------------------------------

    def _asked(self, touched: Touched) -> dict[int, set[int]]:
        """Return by segment the contacts that may fit it now and did not, or the reverse."""
        asked: dict[int, set[int]] = {}
        for live in self._live.values():
            is_broken = live.problem is not None
            if live.segment.subject == "contact" and not touched.overflowed and not is_broken:
                who = touched.by(live.interest)
                if who:
                    asked[live.segment.id] = who
        return asked

    def _cross(self, touched: Touched, now: Instant) -> dict[Watch, set[int] | None]:
        """Return who crossed the edge of a window since the last look; None: too many."""
        found: dict[Watch, set[int] | None] = {}
        for watch, known in list(self._watched.items()):
            if not self._keeps(watch):
                del self._watched[watch]
                continue
            touched.advance(watch, known)
            if not known.is_stale and (known.next_at is None or known.next_at > now):
                continue
            start = Instant(known.through - watch.amount_ms)
            end = Instant(now - watch.amount_ms)
            [(who, following)] = self._warehouse.rows(
                member_queries.crossing(self._scope, watch, start, end, MAX_TOUCHED + 1)
            )
            known.through, known.is_stale = now, False
            known.next_at = None
            if following:
                known.next_at = Instant(max(following + watch.amount_ms, now + 1))
            if who:
                found[watch] = None if len(who) > MAX_TOUCHED else set(who)
        return found

    def _ask(self, asked: dict[int, set[int]], at: Instant) -> None:
        """Ask about some, each of the segments that they may have come into or out of."""
        wanted: dict[int, set[int]] = {}
        for segment_id, who in asked.items():
            live = self._live[segment_id]
            if live.is_due and not live.may_wait:
                continue  # everybody is asked about anyway
            if len(who) > MAX_TOUCHED:
                _put_off(live)
            else:
                wanted[segment_id] = who
        if not wanted:
            return
        everybody = set[int]().union(*wanted.values())
        with self._state.read() as conn:
            whole, _ = merge_groups(conn, self._scope, everybody)
        ids = sorted(whole)
        segment_ids = sorted(wanted)
        for first in range(0, len(ids), FEW):
            for begin in range(0, len(segment_ids), SEGMENTS_PER_STATEMENT):
                self._ask_few(
                    segment_ids[begin : begin + SEGMENTS_PER_STATEMENT],
                    ids[first : first + FEW],
                    at,
                )

    def _ask_few(self, segment_ids: Sequence[int], ids: Sequence[int], at: Instant) -> None:
        with self._state.read() as conn:
            _, merged = merge_groups(conn, self._scope, ids)
        conditions = [self._live[one].segment.condition for one in segment_ids]
        try:
            rows = self._warehouse.rows(
                few(self._scope, "contact", conditions, self._vocabulary, at, ids, merged)
            )
        except (UserError, WarehouseError) as error:
            if isinstance(error, WarehouseError) and error.transient and len(segment_ids) == 1:
                raise
            # One of them is to blame: each says so when it is evaluated by itself.
            for segment_id in segment_ids:
                self._live[segment_id].is_due = True
            return
        stays = {
            (segment_id, member_id): Instant(entered)
            for segment_id, member_id, entered in self._warehouse.rows(
                member_queries.open_stays(self._scope, segment_ids, ids)
            )
        }
        fits = {
            (segment_id, row[0])
            for row in rows
            for segment_id, truth in zip(segment_ids, row[1:], strict=True)
            if truth
        }
        entered = sorted(fits - stays.keys())
        left = [(*pair, stays[pair]) for pair in sorted(stays.keys() - fits)]
        self._write(entered, left, at)
        for segment_id in segment_ids:
            live = self._live[segment_id]
            if not live.is_due:
                live.evaluated_at = at

    # --- everybody -----------------------------------------------------------------------------

    def _evaluate_due(self, now: Instant, *, at_once: bool) -> None:
        """Evaluate what is due; segments of products first, as others may name them."""
        while True:
            moment = self._monotonic()
            due = [
                live
                for live in self._live.values()
                if live.is_due
                and (
                    at_once
                    or (live.retry_at <= moment and (not live.may_wait or self._turn_at <= moment))
                )
            ]
            if not due:
                return
            due.sort(key=lambda live: (live.may_wait, live.segment.subject != "product"))
            live = due[0]
            may_wait = live.may_wait
            self._evaluate(live, self._instant(now))
            took = self._monotonic() - moment
            if may_wait:
                self._turn_at = moment + took * (1 + PAUSE_FACTOR)
            if at_once and live.is_due:
                return  # it failed

    def _evaluate(self, live: _Live, at: Instant) -> None:
        segment = live.segment
        try:
            rows = self._warehouse.rows(
                difference(
                    self._scope,
                    segment.subject,
                    segment.condition,
                    self._vocabulary,
                    at,
                    segment.id,
                )
            )
        except UserError as error:
            live.problem = error.message
            live.is_due = False
            return
        except WarehouseError as error:
            _log.warning("segment %d could not be evaluated: %s", segment.id, error)
            live.problem = "It could not be evaluated: it takes too long, or the warehouse is away."
            live.retry_at = self._monotonic() + RETRY_SECONDS
            return
        entered = [(segment.id, member_id) for member_id, since in rows if not since]
        left = [(segment.id, member_id, Instant(since)) for member_id, since in rows if since]
        self._write(entered, left, at)
        live.is_due = live.may_wait = False
        live.problem = None
        live.evaluated_at = at
        if rows and segment.subject == "product":
            for other in self._live.values():
                if segment.id in other.interest.segments:
                    _put_off(other)

    def _write(
        self,
        entered: Sequence[tuple[int, int]],
        left: Sequence[tuple[int, int, Instant]],
        at: Instant,
    ) -> None:
        number = self._scope.workspace_id
        rows = [MemberRow(number, one, member_id, at, 0, 1) for one, member_id in entered]
        rows += [MemberRow(number, one, member_id, since, at, 2) for one, member_id, since in left]
        for first in range(0, len(rows), STAYS_PER_INSERT):
            self._warehouse.insert(
                "segment_members", rows[first : first + STAYS_PER_INSERT], token=None
            )
        for segment_id, member_id in entered:
            self._live[segment_id].size += 1
            self._changes.append(Change(segment_id, member_id, "entered", at))
        for segment_id, member_id, _ in left:
            self._live[segment_id].size -= 1
            self._changes.append(Change(segment_id, member_id, "left", at))


def _put_off(live: _Live) -> None:
    """Have all of a segment evaluated when it is its turn."""
    if not live.is_due:
        live.is_due = live.may_wait = True


def _cares(interest: Interest, touched: Touched) -> bool:
    return bool(interest.event_types & touched.event_types)


def _meaning(definition: Any) -> Any:
    if definition is None:
        return None
    return definition.value_type, definition.multiple, tuple(definition.choices)


def _bit(bits: bytearray, number: int) -> bool:
    place = number >> 3
    return place < len(bits) and bool(bits[place] & (1 << (number & 7)))


def _set_bit(bits: bytearray, number: int, *, is_set: bool) -> None:
    place = number >> 3
    if place >= len(bits):
        bits.extend(bytes(place + 1 - len(bits)))
    if is_set:
        bits[place] |= 1 << (number & 7)
    else:
        bits[place] &= ~(1 << (number & 7))
