"""Amounts of CPU, memory and storage: one type, bounded alike by the API server and when read."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from process_operator.kube import quantities
from process_operator.models.base import rule, validations


def _within_the_form(given: int | str) -> int | str:
    quantities.text(given)
    return given


Quantity = Annotated[
    int | Annotated[str, Field(max_length=quantities.MAX_LENGTH)], AfterValidator(_within_the_form)
]
"""A quantity that takes no time to read, written as a number or as a text.

Its schema bounds only the length: a rule has to say the rest, see `Between`.
"""

QuantityText = Annotated[str, AfterValidator(quantities.text)]
"""The same as a text, as records of the operator's own have it."""


@dataclass(frozen=True, slots=True)
class Between:
    """The bounds of a quantity, both included.

    The rule keeps the API server from reading a number that has no end; the model says the same of
    objects that were stored before there was the rule.
    """

    low: str
    high: str
    message: str
    """Names the field, the bounds and an example."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return handler(schema) | validations(
            rule(
                f"string(self).matches('{quantities.FORM}') && isQuantity(string(self)) && "
                f"quantity(string(self)).compareTo(quantity('{self.low}')) >= 0 && "
                f"quantity(string(self)).compareTo(quantity('{self.high}')) <= 0",
                self.message,
            )
        )

    def _checked(self, given: int | str) -> int | str:
        amount = quantities.value(quantities.text(given))
        if not quantities.value(self.low) <= amount <= quantities.value(self.high):
            raise quantities.InvalidQuantity(self.message)
        return given


def not_above(field: str) -> str:
    """Return the rule that a field of `requests` is not above the field of its name beside it.

    What is no quantity is refused where it stands, and not compared.
    """
    asked, given = f"string(self.requests.{field})", f"string(self.{field})"
    are_quantities = " && ".join(
        f"{one}.matches('{quantities.FORM}') && isQuantity({one})" for one in (asked, given)
    )
    return (
        f"!has(self.requests) || !has(self.requests.{field}) || !({are_quantities}) || "
        f"quantity({asked}).compareTo(quantity({given})) <= 0"
    )
