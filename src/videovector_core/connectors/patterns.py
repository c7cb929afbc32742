"""Which objects a prefix and a pattern mean. Matching takes a time that grows with the lengths, whatever the pattern."""

from __future__ import annotations

from typing import Final

from attrs import field, frozen

from videovector_core.connectors.keys import checked, checked_prefix, refuse

MOST_ALTERNATIVES: Final = 64

MEDIA: Final = frozenset(
    {"3gp", "avi", "flv", "m2ts", "m4v", "mkv", "mov", "mp4", "mpeg", "mpg", "mts", "ogv", "ts", "webm", "wmv"}
    | {"aac", "ac3", "aif", "aiff", "amr", "flac", "m4a", "mka", "mp3", "oga", "ogg", "opus", "wav", "wma"}
    | {"avif", "bmp", "gif", "heic", "heif", "jpeg", "jpg", "png", "tif", "tiff", "webp"}
)
"""Extensions of files that are taken for media when a pattern names no extension."""


def _alternatives(pattern: str) -> tuple[str, ...]:
    """Write brace sets out: `*.{mp4,mov}` is `*.mp4` and `*.mov`. Sets may stand inside each other."""
    done: list[str] = []
    left = [pattern]
    while left:
        one = left.pop()
        end = one.find("}")
        start = one.rfind("{", 0, end)
        if end < 0 or start < 0:
            done.append(one)
        else:
            left += [one[:start] + inner + one[end + 1 :] for inner in one[start + 1 : end].split(",")]
        if len(done) + len(left) > MOST_ALTERNATIVES:
            raise refuse(f"the pattern has more than {MOST_ALTERNATIVES} alternatives")
    return tuple(reversed(done))


def _folded(name: str) -> str:
    """Return a name whose extension is in lower case."""
    stem, dot, extension = name.rpartition(".")
    return f"{stem}{dot}{extension.lower()}" if dot and "/" not in extension else name


@frozen
class Pattern:
    """A glob over keys: `*`, `?` and brace sets; `**` stands for any folders.

    Without a slash it matches the last segment of a key; with one, the whole key below the prefix, and `*` stays within
    a segment. Extensions match in either case.
    """

    text: str = "*"
    prefix: str = field(default="", converter=checked_prefix)
    parts: tuple[tuple[str, ...], ...] = field(init=False)

    @parts.default
    def _parts(self) -> tuple[tuple[str, ...], ...]:
        found = _alternatives(self.text)
        return tuple(tuple(_folded(checked(one)).split("/")) for one in found if one) or (("*",),)

    def matches(self, key: str) -> bool:
        """Say whether an object is meant."""
        return any(self._fits(parts, key) for parts in self.parts)

    def names_type(self, key: str) -> bool:
        """Say whether an alternative that fits names the extension: then it is taken at its word."""
        return any("." in parts[-1] and not _wild(parts[-1]) and self._fits(parts, key) for parts in self.parts)

    def _fits(self, parts: tuple[str, ...], key: str) -> bool:
        folded = _folded(key)
        if len(parts) == 1:
            return _like(folded.rsplit("/", 1)[-1], parts[0])
        return _path_like(folded[len(self.prefix) :].lstrip("/").split("/"), parts)


def _wild(segment: str) -> bool:
    return bool({"*", "?"} & set(segment.rpartition(".")[2]))


def _like(name: str, pattern: str) -> bool:
    """Match a name; after a failure only the last star tries again, so the work is bounded by the product of lengths."""
    at = on = 0
    star, resume = -1, 0
    while at < len(name):
        if on < len(pattern) and pattern[on] == "*":
            star, resume = on, at
            on += 1
        elif on < len(pattern) and pattern[on] in {"?", name[at]}:
            at, on = at + 1, on + 1
        elif star >= 0:
            resume += 1
            at, on = resume, star + 1
        else:
            return False
    return not pattern[on:].strip("*")


def _path_like(names: list[str], parts: tuple[str, ...]) -> bool:
    """Match segment by segment; `reached` holds how many parts can be used up so far."""
    reached = _skipping({0}, parts)
    for name in names:
        stay = {on for on in reached if on < len(parts) and parts[on] == "**"}
        step = {on + 1 for on in reached if on < len(parts) and parts[on] != "**" and _like(name, parts[on])}
        reached = _skipping(stay | step, parts)
    return len(parts) in reached


def _skipping(reached: set[int], parts: tuple[str, ...]) -> set[int]:
    found = set(reached)
    for on in sorted(reached):
        at = on
        while at < len(parts) and parts[at] == "**":
            at += 1
            found.add(at)
    return found
