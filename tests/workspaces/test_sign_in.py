"""Signing in, sessions and one-time links, on both state engines."""

import queue
import threading
from concurrent.futures import ThreadPoolExecutor
from secrets import token_bytes
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select

from footfall.kernel.errors import Conflict, Forbidden, Invalid, NotFound, UserError
from footfall.kernel.instants import DAY_MS, MINUTE_MS, SECOND_MS
from footfall.state.api import State
from footfall.state.schema import one_time_links, sessions, users
from footfall.workspaces.api import (
    LinkEnded,
    Passwords,
    TooManyAttempts,
    WrongCredentials,
    change_role,
    csrf_token,
    end_session,
    first_owner_link,
    invitations,
    invite,
    list_workspaces_of,
    mark_seen,
    members,
    open_link,
    password_reset_link,
    remove_member,
    sessions_of,
    sign_out,
    sign_out_everywhere,
    withdraw_invitation,
)
from tests.workspaces.people import ADDRESS, PASSWORD, CountingHasher, House, scope_in

OTHER_PASSWORD = "two red plates in a box"


@pytest.fixture
def house(state: State) -> House:
    return House(state)


@pytest.fixture
def quick_house(sqlite_state: State) -> House:
    return House(sqlite_state)


def test_the_first_owner_owns_every_workspace(house: House) -> None:
    house.workspace("second")
    owner = house.owner()
    with house.state.write() as conn:
        known = list_workspaces_of(conn, owner.id)
        assert [(m.workspace.name, m.role) for m in known] == [
            ("second", "owner"),
            ("shop", "owner"),
        ]
        assert first_owner_link(conn, house.clock(), token_bytes) is None


def test_a_new_owner_link_ends_the_earlier_one(house: House) -> None:
    with house.state.write() as conn:
        first = first_owner_link(conn, house.clock(), token_bytes)
        second = first_owner_link(conn, house.clock(), token_bytes)
        assert first is not None
        assert second is not None
        assert open_link(conn, first, house.clock()) is None
        assert open_link(conn, second, house.clock()) is not None
        assert open_link(conn, second + "x", house.clock()) is None
        assert open_link(conn, "", house.clock()) is None
    house.clock.move(DAY_MS)
    with house.state.read() as conn:
        assert open_link(conn, second, house.clock()) is None


def test_tokens_are_stored_as_hashes_only(house: House) -> None:
    owner = house.owner()
    invitation = house.invitation("ann@shop.example", "editor")
    session = house.sign_in(owner.email)
    with house.state.read() as conn:
        stored = " ".join(
            repr(tuple(row))
            for table in (users, sessions, one_time_links)
            for row in conn.execute(select(table))
        )
    for secret in (session, invitation, PASSWORD):
        assert secret not in stored


def test_an_invitation_lets_in_once_and_with_its_role(house: House) -> None:
    house.owner()
    token = house.invitation(" Ann@Shop.example ", "viewer")
    user = house.door.accept_link(token, name="Ann", password=PASSWORD, address=ADDRESS)
    with pytest.raises(LinkEnded):
        house.door.accept_link(token, name="Ann", password=PASSWORD, address=ADDRESS)
    with house.state.read() as conn:
        [viewer] = [m for m in members(conn, scope_in(conn)) if m.user.id == user.id]
    assert (viewer.user.email, viewer.role) == ("ann@shop.example", "viewer")
    access = house.access(user)
    assert (access.may_read, access.may_write, access.may_manage) == (True, False, False)


class MeetingHasher(CountingHasher):
    """Hashes when two are there, so that both have looked at the link before either uses it."""

    def __init__(self) -> None:
        super().__init__()
        self._both = threading.Barrier(2, timeout=30)

    def hash(self, password: Any, **options: Any) -> str:
        self._both.wait()
        return super().hash(password, **options)


def test_of_two_who_accept_at_once_one_comes_in(house: House) -> None:
    with house.state.write() as conn:
        token = first_owner_link(conn, house.clock(), token_bytes)
    assert token is not None
    house.door = house.another_door(MeetingHasher())

    def accept(name: str) -> str:
        email = f"{name}@shop.example"
        try:
            user = house.door.accept_link(
                token, name=name, email=email, password=PASSWORD, address=ADDRESS
            )
        except LinkEnded:
            return "ended"
        return user.email

    with ThreadPoolExecutor(2) as threads:
        outcomes = set(threads.map(accept, ("ann", "bea")))
    with house.state.read() as conn:
        [owner] = members(conn, scope_in(conn))
    assert outcomes == {owner.user.email, "ended"}


@pytest.mark.parametrize("how", ["expired", "withdrawn", "renewed", "forged"])
def test_an_invitation_that_ended_lets_nobody_in(house: House, how: str) -> None:
    access = house.access(house.owner())
    token = house.invitation("ann@shop.example", "editor")
    with house.state.write() as conn:
        if how == "expired":
            house.clock.move(7 * DAY_MS)
        if how == "withdrawn":
            [link] = invitations(conn, access.scope, house.clock())
            withdraw_invitation(conn, access, link.id, house.clock())
            with pytest.raises(NotFound):
                withdraw_invitation(conn, access, link.id, house.clock())
        if how == "renewed":
            invite(conn, access, "ann@shop.example", "owner", house.clock(), token_bytes)
        if how == "forged":
            token = "A" * len(token)
    with pytest.raises(LinkEnded):
        house.door.accept_link(token, name="Ann", password=PASSWORD, address=ADDRESS)
    assert house.hasher.hashed == 1  # the owner's; a link that ended costs nothing


def test_who_has_an_account_joins_with_its_password(house: House) -> None:
    owner = house.owner()
    token = house.invitation(owner.email, "viewer", "second")
    with pytest.raises(Invalid) as refused:
        house.door.accept_link(token, name="X", password=OTHER_PASSWORD, address=ADDRESS)
    assert refused.value.code == "wrong_password"
    assert house.door.accept_link(token, password=PASSWORD, address=ADDRESS).name == "Olga"
    assert house.access(owner, "second").may_write is False
    assert house.access(owner).may_manage is True


def test_a_wrong_password_and_an_unknown_address_are_told_alike(quick_house: House) -> None:
    house = quick_house
    owner = house.owner()
    gone = house.joined("editor")
    access = house.access(owner)
    with house.state.write() as conn:
        remove_member(conn, access, gone.id, house.clock())
    seen = []
    for email in (owner.email, "nobody@shop.example", "no address", "a@b\0", gone.email):
        before = house.hasher.verified
        with pytest.raises(WrongCredentials) as refused:
            house.sign_in(email, OTHER_PASSWORD)
        seen.append((refused.value.message, refused.value.status, house.hasher.verified - before))
    assert set(seen) == {("The e-mail address or the password is wrong.", 400, 1)}


def test_nobodys_hash_costs_what_a_real_one_costs() -> None:
    hasher = PasswordHasher()
    real = hasher.hash("x").split("$")
    made_up = Passwords(hasher)._nobodys.split("$")
    assert made_up[:4] == real[:4]
    assert [len(part) for part in made_up] == [len(part) for part in real]


def test_a_password_may_be_typed_in_either_form_of_its_letters(quick_house: House) -> None:
    house = quick_house
    owner = house.owner()
    token = house.invitation("z@shop.example", "viewer")
    house.door.accept_link(token, name="Z", password="zażółć gęślą", address=ADDRESS)
    decomposed = "zaz\u0307o\u0301\u0142c\u0301 ge\u0328s\u0301la\u0328"
    assert house.sign_in("Z@shop.example", decomposed)
    assert owner


@pytest.mark.parametrize(
    "password",
    [
        "short",
        "x" * 201,
        "aaaaaaaaaaaa",
        "1212121212",
        "1234567890",
        "0987654321",
        "qwertyuiop",
        "Password123!",
        "ann@shop.example",
        "ann1234567",
    ],
)
def test_a_password_that_everybody_tries_is_refused(quick_house: House, password: str) -> None:
    quick_house.owner()
    token = quick_house.invitation("ann@shop.example", "editor")
    with pytest.raises(Invalid) as refused:
        quick_house.door.accept_link(token, name="Ann", password=password, address=ADDRESS)
    assert refused.value.problems[0].pointer == "/password"
    assert quick_house.hasher.hashed == 1


def test_each_sign_in_is_a_new_session(house: House) -> None:
    owner = house.owner()
    tokens = {house.sign_in(owner.email) for _ in range(3)}
    assert len(tokens) == 3
    assert len({csrf_token(token) for token in tokens}) == 3
    planted = "B" * 43  # a token that an attacker gave the browser stays nobody's
    house.sign_in(owner.email)
    assert house.session(planted) is None


def test_a_session_ends_by_disuse_and_by_age(quick_house: House) -> None:
    house = quick_house
    owner = house.owner()
    idle, used = house.sign_in(owner.email), house.sign_in(owner.email)
    for _ in range(8):
        house.clock.move(11 * DAY_MS)
        session = house.session(used)
        assert session is not None
        mark_seen(house.state, session, house.clock())
    assert house.session(idle) is None
    house.clock.move(2 * DAY_MS)
    assert house.session(used) is None
    fresh = house.sign_in(owner.email)  # clears away what is over
    with house.state.read() as conn:
        assert len(conn.execute(select(sessions)).all()) == 1
        assert [s.id for s in sessions_of(conn, owner.id, house.clock())] == [
            getattr(house.session(fresh), "id", None)
        ]


def test_being_seen_is_written_once_a_minute(house: House) -> None:
    owner = house.owner()
    token = house.sign_in(owner.email)
    seen = []
    for _ in range(4):
        house.clock.move(MINUTE_MS // 2)
        session = house.session(token)
        assert session is not None
        mark_seen(house.state, session, house.clock())
        after = house.session(token)
        assert after is not None
        assert after.user.last_seen_at == after.last_seen_at
        seen.append(house.clock() - after.last_seen_at)
    assert seen == [MINUTE_MS // 2, 0, MINUTE_MS // 2, 0]


def test_signing_out_ends_what_it_says(house: House) -> None:
    owner, other = house.owner(), house.joined("viewer")
    first, second, third = (house.sign_in(owner.email) for _ in range(3))
    theirs = house.sign_in(other.email)
    foreign = house.session(theirs)
    kept = house.session(second)
    assert foreign is not None
    assert kept is not None
    with house.state.write() as conn:
        sign_out(conn, first)
        with pytest.raises(NotFound):
            end_session(conn, owner.id, foreign.id)
    assert [house.session(t) is not None for t in (first, second, third, theirs)] == [
        *(False, True, True, True)
    ]
    with house.state.write() as conn:
        sign_out_everywhere(conn, owner.id, keep=kept.id)
    assert [house.session(t) is not None for t in (second, third, theirs)] == [True, False, True]
    with house.state.write() as conn:
        end_session(conn, owner.id, kept.id)
    assert house.session(second) is None


def test_a_changed_password_ends_the_other_sessions(house: House) -> None:
    owner = house.owner()
    kept, other = house.sign_in(owner.email), house.sign_in(owner.email)
    session = house.session(kept)
    assert session is not None
    with pytest.raises(Invalid) as refused:
        house.door.change_password(
            owner.id, OTHER_PASSWORD, OTHER_PASSWORD, keep=session.id, address=ADDRESS
        )
    assert refused.value.problems[0].pointer == "/current_password"
    house.door.change_password(owner.id, PASSWORD, OTHER_PASSWORD, keep=session.id, address=ADDRESS)
    assert house.session(kept) is not None
    assert house.session(other) is None
    with pytest.raises(WrongCredentials):
        house.sign_in(owner.email)
    assert house.sign_in(owner.email, OTHER_PASSWORD)


def test_a_reset_sets_the_password_and_ends_all_sessions(house: House) -> None:
    owner = house.owner()
    other = house.joined("editor")
    token = house.sign_in(other.email)
    access = house.access(owner)
    with house.state.write() as conn:
        _, earlier = password_reset_link(conn, access, other.id, house.clock(), token_bytes)
        _, reset = password_reset_link(conn, access, other.id, house.clock(), token_bytes)
    with pytest.raises(LinkEnded):
        house.door.accept_link(earlier, password=OTHER_PASSWORD, address=ADDRESS)
    assert house.sign_in(other.email)  # the old one stays good until then
    user = house.door.accept_link(reset, password=OTHER_PASSWORD, address=ADDRESS)
    assert user.id == other.id
    assert house.session(token) is None
    with pytest.raises(LinkEnded):
        house.door.accept_link(reset, password=PASSWORD, address=ADDRESS)
    assert house.sign_in(other.email, OTHER_PASSWORD)


def test_a_reset_opens_no_workspace_that_its_maker_does_not_own(house: House) -> None:
    owner = house.owner()
    rival = house.joined("owner", "second", "rival@second.example")
    house.member_of(owner, "second", "viewer")
    access, own = house.access(rival, "second"), house.access(owner)
    with house.state.write() as conn, pytest.raises(Forbidden):
        password_reset_link(conn, access, owner.id, house.clock(), token_bytes)
    with house.state.write() as conn, pytest.raises(NotFound):
        password_reset_link(conn, own, rival.id, house.clock(), token_bytes)


def test_a_workspace_keeps_an_owner(house: House) -> None:
    owner = house.owner()
    access = house.access(owner)
    with house.state.write() as conn:
        for change in (
            lambda: change_role(conn, access, owner.id, "editor", house.clock()),
            lambda: remove_member(conn, access, owner.id, house.clock()),
        ):
            with pytest.raises(Conflict) as refused:
                change()
            assert refused.value.code == "last_owner"
    second = house.joined("owner")
    with house.state.write() as conn:
        assert change_role(conn, access, owner.id, "editor", house.clock()).role == "editor"
        with pytest.raises(Conflict):
            remove_member(conn, access, second.id, house.clock())
        remove_member(conn, access, owner.id, house.clock())


def test_who_was_removed_sees_nothing_and_comes_back_by_invitation_only(house: House) -> None:
    owner = house.owner()
    other = house.joined("editor")
    token = house.sign_in(other.email)
    access = house.access(owner)
    with house.state.write() as conn:
        remove_member(conn, access, other.id, house.clock())
    assert house.session(token) is None
    with pytest.raises(WrongCredentials):
        house.sign_in(other.email)
    again = house.door.accept_link(
        house.invitation(other.email, "viewer"),
        name="Again",
        password=OTHER_PASSWORD,
        address=ADDRESS,
    )
    assert (again.id, again.name) == (other.id, "Again")
    assert house.sign_in(other.email, OTHER_PASSWORD)


@pytest.mark.parametrize("how", ["removed", "demoted"])
def test_what_an_owner_made_lets_nobody_in_once_they_are_none(house: House, how: str) -> None:
    access = house.access(owner := house.owner())
    former = house.joined("owner")
    theirs = house.access(former)
    kept = house.invitation("kept@shop.example", "viewer")
    with house.state.write() as conn:
        now = house.clock()
        _, own = invite(conn, theirs, "again@shop.example", "owner", now, token_bytes)
        _, reset = password_reset_link(conn, theirs, owner.id, now, token_bytes)
        if how == "removed":
            remove_member(conn, access, former.id, now)
        else:
            change_role(conn, access, former.id, "editor", now)
        assert [open_link(conn, token, now) is None for token in (own, reset, kept)] == [
            *(True, True, False)
        ]


def test_who_is_in_another_workspace_stays_there(house: House) -> None:
    house.owner()
    other = house.joined("editor")
    house.member_of(other, "second", "viewer")
    token = house.sign_in(other.email)
    access = house.access(house.joined("owner"))
    with house.state.write() as conn:
        remove_member(conn, access, other.id, house.clock())
    session = house.session(token)
    assert session is not None
    assert session.access(house.workspace("shop").id) is None
    assert session.access(house.workspace("second").id) is not None


class WaitingHasher(CountingHasher):
    """Hashes when it is told to, and knows how many at once it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = threading.Event()
        self.begun = threading.Semaphore(0)

    def hash(self, password: Any, **options: Any) -> str:
        self.begun.release()
        self.go_on.wait()
        return super().hash(password, **options)


def test_two_hash_at_once_two_wait_and_more_are_sent_away() -> None:
    hasher = WaitingHasher()
    passwords = Passwords(hasher)
    outcomes: queue.Queue[str] = queue.Queue()

    def ask() -> None:
        try:
            outcomes.put(passwords.hash(PASSWORD)[:9])
        except TooManyAttempts:
            outcomes.put("sent away")

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    # Four have places, so two are told at once.
    assert [outcomes.get(timeout=30), outcomes.get(timeout=30)] == ["sent away", "sent away"]
    assert hasher.begun.acquire(timeout=30)
    assert hasher.begun.acquire(timeout=30)
    assert not hasher.begun.acquire(blocking=False)
    hasher.go_on.set()
    assert [outcomes.get(timeout=30) for _ in range(4)] == ["$argon2id"] * 4
    for thread in threads:
        thread.join()


def test_guessing_at_one_account_is_slowed_down(quick_house: House) -> None:
    house = quick_house
    owner = house.owner()
    for number in range(10):
        with pytest.raises(WrongCredentials):
            house.sign_in(owner.email, OTHER_PASSWORD, f"198.51.100.{number}")
    hashed = house.hasher.verified
    with pytest.raises(TooManyAttempts) as refused:
        house.sign_in(owner.email, PASSWORD, "198.51.100.99")
    assert (refused.value.status, refused.value.retry_after_seconds) == (429, 60)
    assert house.hasher.verified == hashed
    house.clock.move(59 * SECOND_MS)
    with pytest.raises(TooManyAttempts) as refused:
        house.sign_in(owner.email)
    assert refused.value.retry_after_seconds == 1
    house.clock.move(SECOND_MS)
    assert house.sign_in(owner.email)
    assert house.sign_in(owner.email)  # who knows the password has all attempts again


def test_who_was_removed_is_slowed_down_as_if_they_had_never_been(quick_house: House) -> None:
    house = quick_house
    access = house.access(house.owner())
    gone = house.joined("editor")
    with house.state.write() as conn:
        remove_member(conn, access, gone.id, house.clock())
    for _ in range(10):
        with pytest.raises(WrongCredentials):
            house.sign_in(gone.email)
    with pytest.raises(TooManyAttempts):
        house.sign_in(gone.email)


def test_guessing_from_one_place_is_slowed_down(quick_house: House) -> None:
    house = quick_house
    owner = house.owner()
    for number in range(30):
        with pytest.raises(WrongCredentials):
            house.sign_in(f"{number}@shop.example", PASSWORD, f"2001:db8:1:2::{number:x}")
    hashed = house.hasher.verified
    with pytest.raises(TooManyAttempts) as refused:
        house.sign_in("another@shop.example", PASSWORD, "2001:db8:1:2:ffff::1")
    assert refused.value.retry_after_seconds == 10
    assert house.hasher.verified == hashed
    assert house.sign_in(owner.email, PASSWORD, "2001:db8:1:3::1")


def test_a_clock_set_back_lets_nobody_guess_more(quick_house: House) -> None:
    house = quick_house
    owner = house.owner()
    for _ in range(10):
        with pytest.raises(WrongCredentials):
            house.sign_in(owner.email, OTHER_PASSWORD)
    house.clock.move(-DAY_MS)
    with pytest.raises(TooManyAttempts):
        house.sign_in(owner.email)


def test_a_hash_of_older_parameters_is_renewed_at_sign_in(house: House) -> None:
    owner = house.owner()
    house.door = house.another_door(stronger := CountingHasher(time_cost=2))
    house.sign_in(owner.email)
    house.sign_in(owner.email)
    assert stronger.hashed == 1
    with house.state.read() as conn:
        assert "t=2" in conn.execute(select(users.c.password_hash)).scalar_one()


def test_a_role_or_address_that_cannot_be_is_refused(quick_house: House) -> None:
    access = quick_house.access(owner := quick_house.owner())
    for email, role, error in (
        ("no address", "viewer", Invalid),
        ("ann@shop.example", "king", Invalid),
        (owner.email, "viewer", Conflict),
    ):
        with quick_house.state.write() as conn, pytest.raises(UserError) as refused:
            invite(conn, access, email, role, quick_house.clock(), token_bytes)
        assert type(refused.value) is error


def test_a_reset_ends_when_its_person_enters_a_workspace_of_somebody_elses(house: House) -> None:
    owner = house.owner()
    other = house.joined("editor")
    house.workspace("second")
    access = house.access(owner)

    def reset() -> str:
        with house.state.write() as conn:
            return password_reset_link(conn, access, other.id, house.clock(), token_bytes)[1]

    invitation = house.invitation(other.email, "owner", "second")
    by_invitation = reset()
    house.door.accept_link(invitation, password=PASSWORD, address=ADDRESS)
    with pytest.raises(LinkEnded):
        house.door.accept_link(by_invitation, password=OTHER_PASSWORD, address=ADDRESS)
    house.workspace("third")
    house.member_of(owner, "third", "owner")
    house.member_of(owner, "second", "owner")
    by_adding = reset()
    house.member_of(other, "third", "viewer")
    with pytest.raises(LinkEnded):
        house.door.accept_link(by_adding, password=OTHER_PASSWORD, address=ADDRESS)


def test_a_reset_ends_when_its_maker_owns_one_of_the_workspaces_no_more(house: House) -> None:
    owner = house.owner()
    other = house.joined("editor")
    rival = house.joined("owner", "second")
    house.member_of(owner, "second", "owner")
    house.member_of(other, "second", "editor")
    access, rivals = house.access(owner), house.access(rival, "second")
    with house.state.write() as conn:
        _, token = password_reset_link(conn, access, other.id, house.clock(), token_bytes)
        change_role(conn, rivals, owner.id, "viewer", house.clock())
    with pytest.raises(LinkEnded):
        house.door.accept_link(token, password=OTHER_PASSWORD, address=ADDRESS)
