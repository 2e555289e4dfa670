"""The tenant guard: whether a final SQL text reads shop rows of its own workspace only.

Pure, and closed by default: the text is cut into tokens by a lexer that refuses everything it does
not know (comments, semicolons, dollar quotes, typographic quotes, braces that are no parameter).
The exact guarded forms made by `guarded` become one token each, and after that nothing that could
name a table may be left. It trusts nothing the builder in `statements` said.
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple

from footfall.warehouse.schema import RELATIONS, REPLACING, SURVIVORS, VERSIONS, Relation

#: The parameter that carries the workspace; only the executor sets it.
WORKSPACE_PARAMETER: Final = "workspace_id"


class UnguardedStatement(Exception):
    """A statement that could read other rows than its workspace's; a mistake of ours."""


def guarded(relation: Relation) -> str:
    """Return the only form in which a statement may read `relation`.

    Where the newest row counts it comes with FINAL, so a reader cannot forget it. The planner folds
    the subquery away and the sort key still prunes.
    """
    final = " FINAL" if relation in REPLACING else ""
    own = f"{WORKSPACE_PARAMETER} = {{{WORKSPACE_PARAMETER}:UInt32}}"
    return f"(SELECT * FROM {relation}{final} WHERE {own})"  # noqa: S608 - constants only


class _Token(NamedTuple):
    kind: str  # word, quoted, text, number, parameter, sign, guarded
    value: str


_LEXER: Final = re.compile(
    r"""
      (?P<space>[ \t\r\n]+)
    | (?P<text>'(?:[^'\\]|\\.|'')*')
    | (?P<quoted>"[A-Za-z0-9_ ]+"|`[A-Za-z0-9_ ]+`)
    | (?P<parameter>\{[a-z_][a-z0-9_]*:[A-Za-z0-9_(), ']+\})
    | (?P<number>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![A-Za-z0-9_]))
    | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<comment>--|/\*|\*/|//|\#)
    | (?P<sign>[()\[\],.*+\-/%=<>!|?:])
    """,
    re.VERBOSE | re.DOTALL,
)

#: Words that name what no statement may touch, or change how it is run. Compared in lower case.
#: `workspace_id` too: an alias of that name might stand in for the column the guard compares.
_REFUSED_WORDS: Final = re.compile(
    "|".join((*RELATIONS, VERSIONS, SURVIVORS, WORKSPACE_PARAMETER))
    + "|system|information_schema|settings|format|into|outfile|infile|parallel|explain|describe"
    + "|insert|delete|alter|create|drop|truncate|attach|detach|recursive|apply"
)
#: Functions that read something else than their arguments, or stall the engine.
_REFUSED_FUNCTIONS: Final = re.compile(
    r"(?:dict\w*|joinget\w*|region\w*|file|filesystem\w*|hascolumnintable|evalmlmethod|naivebayes\w*"
    r"|assigncentroid|ai[a-z]+|sleep\w*|get\w*setting\w*|getmacro|getclienthttpheader|globalvariable"
    r"|addressto\w+|showcertificate|logtrace|fuzz\w*|__\w+"
    r"|(?:global)?(?:not)?(?:null)?in(?:ignoreset)?)"
)
_SURVIVOR: Final = ("(", f"'{SURVIVORS}'", ",", "'survivor_id'", ",")
#: Words that end the list of tables after FROM, at the same depth.
_AFTER_FROM: Final = re.compile(
    "where|prewhere|group|order|having|limit|offset|union|intersect|except|window|qualify|fetch"
)
_SUBQUERY: Final = frozenset(("select", "with"))


def _tokens(sql: str) -> list[_Token]:
    tokens: list[_Token] = []
    position = 0
    while position < len(sql):
        match = _LEXER.match(sql, position)
        if match is None or match.lastgroup == "comment":
            raise UnguardedStatement(
                f"cannot be read from here on: {sql[position : position + 40]!r}"
            )
        position = match.end()
        kind = match.lastgroup or ""
        if kind == "parameter" and "identifier" in match.group().lower():
            raise UnguardedStatement("a parameter may not name a table or column")
        if kind != "space":
            value = match.group()
            tokens.append(_Token(kind, value[1:-1] if kind == "quoted" else value))
    return tokens


_GUARDED_FORMS: Final = tuple(_tokens(guarded(relation)) for relation in RELATIONS)


def _fold_guarded(tokens: list[_Token]) -> list[_Token]:
    folded: list[_Token] = []
    position = 0
    while position < len(tokens):
        for form in _GUARDED_FORMS:
            if tokens[position : position + len(form)] == form:
                folded.append(_Token("guarded", ""))
                position += len(form)
                break
        else:
            folded.append(tokens[position])
            position += 1
    return folded


@lru_cache(maxsize=1024)
def verify(sql: str) -> None:
    """Return if `sql` is one SELECT whose every table is a guarded relation or its own subquery.

    Raises:
        UnguardedStatement: Otherwise, saying which part.
    """
    _Check(_fold_guarded(_tokens(sql))).run()


class _Check:
    """One walk over the folded tokens of one statement."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._depth = 0
        #: Depths at which a list of tables is open.
        self._from: set[int] = set()
        #: Names of subqueries in the leading WITH, usable once they are closed.
        self._names: set[str] = set()

    def run(self) -> None:
        if self._keyword(0) not in _SUBQUERY:
            raise UnguardedStatement("only SELECT statements can be run")
        for index, token in enumerate(self._tokens):
            if token.kind == "sign":
                self._sign(index, token.value)
            elif token.kind in ("word", "quoted"):
                self._word(index, token)
        if self._depth != 0:
            raise UnguardedStatement("parentheses do not match")

    def _keyword(self, index: int) -> str:
        """Return the word at `index` in lower case, or "" if it is none or stands as a name."""
        if not 0 <= index < len(self._tokens) or self._tokens[index].kind != "word":
            return ""
        if index > 0:
            before = self._tokens[index - 1]
            if before == ("sign", ".") or (before.kind == "word" and before.value.lower() == "as"):
                return ""
        return self._tokens[index].value.lower()

    def _is(self, index: int, sign: str) -> bool:
        return 0 <= index < len(self._tokens) and self._tokens[index] == ("sign", sign)

    def _sign(self, index: int, sign: str) -> None:
        if sign == "(":
            self._depth += 1
        elif sign == ")":
            self._from.discard(self._depth)
            self._depth -= 1
            if self._depth < 0:
                raise UnguardedStatement("parentheses do not match")
            if self._depth == 0 and self._keyword(0) == "with":
                self._close_name(index)
        elif sign == "," and self._depth in self._from:
            raise UnguardedStatement("tables are joined with JOIN, not with a comma")

    def _close_name(self, end: int) -> None:
        """Learn the name of the subquery of the leading WITH that ends here, if one does."""
        depth = 0
        for start in range(end, -1, -1):
            depth += self._is(start, ")") - self._is(start, "(")
            if depth == 0:
                break
        named = start >= 3 and self._tokens[start - 2].kind == "word"
        if named and self._tokens[start - 1].value.lower() == "as" and self._opens_subquery(start):
            leads = self._is(start - 3, ",") or start == 3
            if leads:
                self._names.add(self._tokens[start - 2].value)

    def _word(self, index: int, token: _Token) -> None:
        word = token.value.lower()
        if _REFUSED_WORDS.fullmatch(word):
            raise UnguardedStatement(f"{token.value!r} cannot be named here; use the markers")
        called = self._is(index + 1, "(")
        # These three are never taken for a name, so that `AS as FROM t` hides nothing.
        if word == "in":
            self._after_in(index + 1)
        elif called and _REFUSED_FUNCTIONS.fullmatch(word):
            following = tuple(t.value for t in self._tokens[index + 1 : index + 6])
            if word != "dictgetordefault" or following != _SURVIVOR:
                raise UnguardedStatement(f"the function {token.value!r} is not allowed")
        if word == "from":
            self._from.add(self._depth)
            self._table(index + 1)
        elif word == "join" and self._keyword(index - 1) != "array":
            self._table(index + 1)
        elif _AFTER_FROM.fullmatch(self._keyword(index)):
            self._from.discard(self._depth)

    def _opens_subquery(self, index: int) -> bool:
        while self._is(index, "("):
            index += 1
            if self._keyword(index) in _SUBQUERY or self._guarded(index):
                return True
        return False

    def _guarded(self, index: int) -> bool:
        return index < len(self._tokens) and self._tokens[index].kind == "guarded"

    def _table(self, index: int) -> None:
        if self._guarded(index) or self._opens_subquery(index):
            return
        known = index < len(self._tokens) and self._tokens[index].value in self._names
        if not known or self._is(index + 1, ".") or self._is(index + 1, "("):
            raise UnguardedStatement("a table that is no guarded relation, subquery or WITH name")

    def _after_in(self, index: int) -> None:
        # Directly: in `in((SELECT 1), t)` the second argument would be a table.
        if self._guarded(index) or (self._is(index, "(") and self._keyword(index + 1) in _SUBQUERY):
            return
        if index < len(self._tokens) and self._tokens[index].kind == "parameter":
            return
        # A name here would be read as a table, so only written values are left.
        if not (self._is(index, "(") or self._is(index, "[")):
            raise UnguardedStatement("IN takes a parameter, values or a subquery")
        for token in self._tokens[index + 1 :]:
            if token.value in (")", "]"):
                return
            if token.kind not in ("text", "number", "parameter") and token.value not in ",-":
                raise UnguardedStatement("IN takes a parameter, values or a subquery")
        raise UnguardedStatement("parentheses do not match")
