"""The texts and CEL rules by which the API server refuses what a schema alone cannot.

The models say the same texts where they check the same thing, for objects stored before a rule existed.
https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-rules
"""

from typing import Any, Final

Rule = dict[str, Any]

ONE_CASE_SOURCE: Final = "`cases` must have exactly one of `count`, `matrix` and `list`"
AXES_UNIQUE: Final = "axis names in `matrix` must be unique, upper and lower case being the same"
PARAMETERS_UNIQUE: Final = "parameter names must be unique, upper and lower case being the same"
CASES_UNIQUE: Final = "case names in `list` must be unique"
CONTAINERS_UNIQUE: Final = "container names must be unique"
VOLUMES_UNIQUE: Final = "volume names must be unique"
ONE_VOLUME_SOURCE: Final = "a volume must have exactly one source, such as `emptyDir` or `configMap`"
QUANTITY: Final = "must be a quantity that is not negative, such as '500m', '2' or '16Gi'"
POSITIVE_QUANTITY: Final = "must be a quantity greater than zero, such as '500m', '2' or '16Gi'"


def too_many_cases(total: int, limit: int) -> str:
    """Say that the axes multiply to more cases than one SimulationJob may have."""
    return f"`matrix` must not make more than {limit} cases, but makes {total}"


_AMOUNT: Final = "(type(self) == int || isQuantity(self)) && quantity(string(self)).compareTo(quantity('0'))"
QUANTITY_RULE: Final[Rule] = {"rule": f"{_AMOUNT} >= 0", "message": QUANTITY}
POSITIVE_QUANTITY_RULE: Final[Rule] = {"rule": f"{_AMOUNT} > 0", "message": POSITIVE_QUANTITY}
