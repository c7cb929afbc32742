"""What an instruction asks for: counts, tops, conditions, groups and orders over named fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from attrs import define, field, frozen

from videovector_core.sqlsearch.model import Column, Table
from videovector_core.sqlsearch.values import fitting, scalar
from videovector_core.sqlsearch.words import Is, Token, plural, tokens


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ROWS: Final = _words("scene scenes segment segments clip clips moment moments row rows result results shot shots")
VIDEOS: Final = frozenset(("video", "videos"))
_SKIP: Final = _words(
    "a an the of in on for to me my our please show list give find get display return fetch which what who where when "
    "that whose with have has having and all every any is are was were be do does did there their its it they i we "
    "can you want see from by field fields value values only just each per as at than then order contains"
)
_WHICH: Final = _words("a an the all any each every my our these those that this")
_OPERATORS: Final = {
    "does not contain": "not contains", "do not contain": "not contains", "not containing": "not contains",
    "without": "not contains", "is not": "!=", "are not": "!=", "isn't": "!=", "aren't": "!=", "not equal to": "!=",
    "does not equal": "!=", "is at least": ">=", "at least": ">=", "is at most": "<=", "at most": "<=",
    "is greater than": ">", "greater than": ">", "is more than": ">", "more than": ">", "is above": ">", "above": ">",
    "is over": ">", "over": ">", "is less than": "<", "less than": "<", "fewer than": "<", "is below": "<",
    "below": "<", "is under": "<", "under": "<", "is between": "between", "between": "between", "after": ">",
    "before": "<", "contains": "contains", "contain": "contains", "containing": "contains", "includes": "contains",
    "include": "contains", "including": "contains", "mentions": "contains", "mention": "contains",
    "mentioning": "contains", "like": "contains", "starts with": "starts", "start with": "starts",
    "starting with": "starts", "begins with": "starts", "ends with": "ends", "ending with": "ends",
    "is equal to": "=", "equal to": "=", "equals": "=", "is empty": "empty", "is missing": "empty", "is null": "empty",
    "is not empty": "filled", "is present": "filled", "is set": "filled", "exists": "filled", "is": "=", "are": "=",
    "was": "=", "were": "=", "of": "=", ":": "=", "=": "=", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">",
    ">=": ">=",
}  # fmt: skip
_BY_LENGTH: Final = sorted(_OPERATORS, key=lambda words: -len(words.split()))
_FUNCTIONS: Final = {
    "average": "avg", "avg": "avg", "mean": "avg", "median": "median", "sum": "sum", "total": "sum", "maximum": "max",
    "max": "max", "minimum": "min", "min": "min",
}  # fmt: skip
_NUMBERS: Final = frozenset(("BIGINT", "DOUBLE"))
_ORDERED: Final = _NUMBERS | {"VARCHAR", "TIMESTAMP WITH TIME ZONE"}
_OF_TEXT: Final = frozenset(("contains", "not contains", "starts", "ends"))
_GROUPS: Final = ("grouped by", "group by", "broken down by", "split by", "for each", "by each", "per", "by", "each")
_ORDERS: Final = ("ordered by", "order by", "sorted by", "sort by", "ranked by", "rank by")
_DOWN: Final = ("highest", "largest", "biggest", "greatest", "most", "descending", "desc", "latest", "newest")
_UP: Final = ("lowest", "smallest", "least", "fewest", "ascending", "asc", "earliest", "oldest")
_COMMON: Final = ("most common", "most frequent", "most often", "commonest")
_COUNTS: Final = ("how many", "how often", "number of", "count of", "count the", "count")
_DISTINCT: Final = ("distinct", "unique", "different")
_ENDS: Final = _words("and or by per order ordered sort sorted group grouped limit where with ranked for in")


@frozen
class Condition:
    """A field, what must hold of it, and the values given (several mean any of them)."""

    column: Column
    operator: str
    values: tuple[Any, ...] = ()


@define
class Request:
    """An instruction as it was understood against one table, and the words that were not."""

    table: Table
    conditions: list[Condition] = field(factory=list)
    groups: list[Column] = field(factory=list)
    aggregates: list[tuple[str, Column]] = field(factory=list)
    shown: list[Column] = field(factory=list)
    order: tuple[Column, bool] | None = None
    count: bool = False
    of_videos: bool = False
    items_named: str | None = None
    limit: int | None = None
    missed: list[str] = field(factory=list)

    @property
    def fields(self) -> int:
        """How many of the table's own fields were understood."""
        used = [c.column for c in self.conditions] + self.groups + self.shown + [c for _, c in self.aggregates]
        return sum(1 for column in used if column.path is not None)

    @property
    def sums(self) -> bool:
        """Whether rows are counted or computed over, not listed."""
        return bool(self.groups or self.aggregates or self.count)


def read(instruction: str, table: Table) -> Request:
    """Understand an instruction as far as it goes."""
    return _Reader(tokens(instruction, table), Request(table)).read()


@define
class _Reader:
    tokens: Sequence[Token]
    request: Request
    at: int = 0

    def read(self) -> Request:
        steps = (
            self._common, self._order, self._group, self._count, self._distinct, self._aggregate, self._limit,
            self._extreme, self._condition, self._shown, self._enum, self._noun,
        )  # fmt: skip
        while self.at < len(self.tokens):
            if not any(step() for step in steps):
                token = self.tokens[self.at]
                if token.kind in {Is.VALUE, Is.NUMBER} or (token.kind is Is.WORD and token.low not in _SKIP):
                    self.request.missed.append(token.text)
                self.at += 1
        return self.request

    # Each step looks at the tokens ahead; it takes them and says yes, or leaves them.

    def _common(self) -> bool:
        return self._starts(_COMMON, self._by_count)

    def _by_count(self, column: Column) -> None:
        self.request.groups.append(column)
        self.request.count = True

    def _order(self) -> bool:
        def take(column: Column) -> None:
            down = bool(self._phrase(_DOWN))
            if not down:
                self._phrase(_UP)
            self.request.order = (column, down)

        return self._starts(_ORDERS, take)

    def _group(self) -> bool:
        if not self._starts(_GROUPS, self.request.groups.append):
            return False
        while self._starts(("and", ","), self.request.groups.append, ahead=_plain_field):
            pass
        return True

    def _count(self) -> bool:
        if self._phrase(_COUNTS) is None:
            return False
        self.request.count = True
        return True

    def _distinct(self) -> bool:
        def take(column: Column) -> None:
            if self.request.count and self.tokens[self.at - 1].low in VIDEOS:
                self.request.of_videos = True
            else:
                self.request.groups.append(column)

        return self._starts(_DISTINCT, take)

    def _aggregate(self) -> bool:
        start = self.at
        word = self._phrase(tuple(_FUNCTIONS))
        while word and self._phrase(("of", "the")):
            pass
        if word and (column := self._field()):
            if scalar(column) in (_NUMBERS if _FUNCTIONS[word] not in {"max", "min"} else _ORDERED):
                self.request.aggregates.append((_FUNCTIONS[word], column))
            else:
                self._miss(start)
            return True
        self.at = start
        return False

    def _miss(self, start: int) -> None:
        self.request.missed.append(" ".join(token.text for token in self.tokens[start : self.at]))

    def _limit(self) -> bool:
        start = self.at
        lead = self._phrase(("top", "first", "limit to", "limit", "up to", "best", "last"))
        number = self._peek()
        if number is None or number.kind is not Is.NUMBER or not number.text.isdigit():
            self.at = start
            return False
        after = self._peek(1)
        if not lead and not (after and after.low in ROWS | VIDEOS):
            return False
        self.at += 1
        self.request.limit = int(number.text)
        if lead in {"top", "best"} and after and after.kind is Is.FIELD and _plain_field(self.tokens, self.at):
            self._by_count(self._must())
        return True

    def _extreme(self) -> bool:
        for words, down in ((_DOWN, True), (_UP, False)):
            if self._starts(words, lambda column, down=down: setattr(self.request, "order", (column, down))):
                return True
        return False

    def _condition(self) -> bool:
        start = self.at
        column = self._field()
        operator = self._operator() if column else None
        if column and operator in {"empty", "filled"}:
            self.request.conditions.append(Condition(column, operator))
            return True
        values = self._values(operator) if column and operator else ()
        if column and operator and values:
            fitted = tuple(fitting(value, column) for value in values)
            if None in fitted or (operator in _OF_TEXT and scalar(column) != "VARCHAR"):
                self._miss(start)
            else:
                self.request.conditions.append(Condition(column, operator, fitted))
            return True
        self.at = start
        return False

    def _shown(self) -> bool:
        column = self._field()
        if column is None:
            return False
        self.request.of_videos |= self.tokens[self.at - 1].low in VIDEOS
        self.request.shown.append(column)
        return True

    def _enum(self) -> bool:
        token = self._must_token()
        for column in self.request.table.columns:
            value = next((v for v in column.enum or () if isinstance(v, str) and v.casefold() == token.low), None)
            if value is not None and token.kind in {Is.WORD, Is.VALUE}:
                self.request.conditions.append(Condition(column, "=", (value,)))
                self.at += 1
                return True
        return False

    def _noun(self) -> bool:
        """Take the word for what is asked for: scenes, videos, or the items of an array."""
        word = self._must_token().low
        whole = [
            c.path for c in self.request.table.columns if c.path and c.type.item is not None and c.type.item.fields
        ]
        arrays = {step.name.casefold() for path in whole for step in path.steps if step.many}
        item = next((name for name in arrays if word in {name, plural(name), name.removesuffix("s")}), None)
        if word in VIDEOS:
            self.request.of_videos = True
        elif item is not None:
            self.request.items_named = item
        elif word not in ROWS:
            return False
        self.at += 1
        return True

    # What the steps are made of.

    def _peek(self, ahead: int = 0) -> Token | None:
        return self.tokens[self.at + ahead] if self.at + ahead < len(self.tokens) else None

    def _must_token(self) -> Token:
        return self.tokens[self.at]

    def _must(self) -> Column:
        column = self._field()
        if column is None:
            raise LookupError("a field was seen here")
        return column

    def _phrase(self, phrases: Sequence[str]) -> str | None:
        """Take the longest of the phrases that stands here."""
        for phrase in sorted(phrases, key=lambda words: -len(words.split())):
            words = phrase.split()
            ahead = [token.low for token in self.tokens[self.at : self.at + len(words)]]
            if ahead == words:
                self.at += len(words)
                return phrase
        return None

    def _field(self) -> Column | None:
        token = self._peek()
        if token is None or token.column is None:
            return None
        self.at += 1
        return token.column

    def _starts(self, phrases: Sequence[str], take: Any, ahead: Any = None) -> bool:
        """Take one of the phrases and the field after it; both or neither."""
        start = self.at
        if self._phrase(phrases) is not None:
            self._phrase(("the",))
            if (ahead is None or ahead(self.tokens, self.at)) and (column := self._field()):
                take(column)
                return True
        self.at = start
        return False

    def _operator(self) -> str | None:
        start = self.at
        phrase = self._phrase(_BY_LENGTH)
        if phrase == "of" and self._owner():
            self.at = start
            return None
        return _OPERATORS[phrase] if phrase else None

    def _owner(self) -> bool:
        """Whether what a field is "of" stands here, as in "the summary of each video", and no value."""
        ahead = next((token for token in self.tokens[self.at :] if token.low not in _WHICH), None)
        return ahead is None or ahead.kind is Is.FIELD or ahead.low in ROWS | VIDEOS

    def _values(self, operator: str) -> tuple[str, ...]:
        found = [self._value()]
        joint = ("and",) if operator == "between" else ("or",)
        while found[-1] is not None:
            start = self.at
            if (operator == "between" and len(found) == 2) or not self._phrase(joint) or self._peek_field():
                self.at = start
                break
            found.append(self._value())
        return tuple(value for value in found if value is not None)

    def _peek_field(self) -> bool:
        token = self._peek()
        return token is not None and token.kind is Is.FIELD and _followed(self.tokens, self.at)

    def _value(self) -> str | None:
        token = self._peek()
        if token is None or token.kind is Is.STOP:
            return None
        if token.kind in {Is.VALUE, Is.NUMBER}:
            self.at += 1
            return token.text
        words: list[str] = []
        while (token := self._peek()) and token.kind in {Is.WORD, Is.FIELD} and token.low not in _ENDS:
            if token.kind is Is.FIELD and (words or "." in token.text or _followed(self.tokens, self.at)):
                break
            words.append(token.text)
            self.at += 1
        return " ".join(word for word in words if word.casefold() not in {"a", "an", "the"}) or None


def _followed(tokens_: Sequence[Token], at: int) -> bool:
    """Whether an operator follows the token at a place."""
    ahead = [token.low for token in tokens_[at + 1 : at + 5]]
    return any(ahead[: len(words)] == words for words in (phrase.split() for phrase in _BY_LENGTH))


def _plain_field(tokens_: Sequence[Token], at: int) -> bool:
    """Whether a field stands here that no condition follows."""
    return at < len(tokens_) and tokens_[at].kind is Is.FIELD and not _followed(tokens_, at)
