"""Bodies of requests read into their types: JSON has numbers and truth values of its own, and no text stands for one."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec
from litestar import Request

from videovector_core.errors import Invalid, Malformed
from videovector_http.errors import broken

_EXACT: Final = 2.0**53


def _whole(text: str) -> int | float:
    """Read a number with a point: what is whole is an integer, as JSON Schema has it."""
    number = float(text)
    return int(number) if number.is_integer() and abs(number) <= _EXACT else number


_WHOLE: Final = msgspec.json.Decoder(float_hook=_whole)
_PLACE: Final = re.compile(r" - at `\$\.?(?P<place>.*)`$")


class JsonRequest(Request[Any, Any, Any]):
    """A request whose JSON is read straight into what its route asks for.

    The framework would read it as it reads a query, where everything is text: `"false"` and 0 for false, `"5"` for 5.
    """

    async def json(self) -> Any:
        """Return the body as the type of the route's `data`.

        Raises:
            Malformed: it is no JSON.
            Invalid: code `validation_error`, with the place of what is wrong in `details.errors`.
        """
        wanted = self.route_handler.parsed_data_field
        kind = wanted.annotation if wanted is not None else Any
        body = await self.body()
        try:
            return _read(body, kind)
        except msgspec.ValidationError as error:
            raise _broken(str(error)) from error
        except msgspec.DecodeError as error:
            raise Malformed(f"The body is no valid JSON: {error}.") from error


def _read(body: bytes, kind: Any) -> Any:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        if "got `float`" not in str(error):
            raise
        return msgspec.convert(_WHOLE.decode(body), kind)


def _broken(text: str) -> Invalid:
    found = _PLACE.search(text)
    place, rule = (found["place"], text[: found.start()]) if found else ("body", text)
    return broken([{"loc": place, "message": rule, "type": "value"}])
