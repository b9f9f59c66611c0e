"""A credential that shows itself to nobody by accident."""

from typing import Self


class Secret:
    """A key or a password; `repr`, `str` and formatting show stars, `reveal` the value.

    Raises ValueError for an empty value or one with characters that no header may carry.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        if not value or not all("\x21" <= char <= "\x7e" or char == " " for char in value):
            raise ValueError("a secret must be printable ASCII and not empty")
        self._value = value

    def reveal(self) -> str:
        """The value, for the header or the address that needs it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> str:
        raise TypeError("a secret is not pickled")

    @classmethod
    def of(cls, value: object) -> Self:
        """A secret from text, or the secret itself. Raises ValueError, which names no value."""
        if isinstance(value, cls):
            return value
        return cls(value if isinstance(value, str) else "")

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: object, _handler: object) -> dict[str, object]:
        """How settings read one from text, in the words of pydantic-core's schemas."""
        return {
            "type": "function-plain",
            "function": {"type": "no-info", "function": cls.of},
        }
