import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simjob.api.schema import PARAMETER_NAME
from simjob.core.usertables import columns
from simjob.core.usertables.columns import Column
from simjob.core.usertables.problems import LineError


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("mesh", "mesh"),
        ("a__b_", "a__b_"),
        (" mesh ", "mesh"),
        ("Wall thickness [mm]", "Wall_thickness_mm"),
        ("batt_bank_size (kWh)", "batt_bank_size_kWh"),
        ("inlet.velocity", "inlet_velocity"),
        ("der(tank[1].level)", "der_tank_1_level"),
        ("2nd angle", "x2nd_angle"),
        ("_hidden", "hidden"),
        ("non\u00a0breaking", "non_breaking"),
        ("Länge", "Lange"),
        ("Größe", "Grosse"),
        ("Øresund", "Oresund"),
        ("æ", "ae"),
        ("ω", "omega"),
        ("Ωₘ", "Omegam"),
        ("µ", "mu"),
        ("ς", "sigma"),
        ("m²/s", "m2_s"),
        ("T [°C]", "T_C"),
    ],
)
def test_a_header_gives_a_name(header: str, name: str) -> None:
    assert columns.parameter_name(header) == name


@given(st.text(max_size=80))
def test_a_derived_name_is_legal_and_stable_or_missing(header: str) -> None:
    try:
        name = columns.parameter_name(header)
    except LineError:
        return
    assert re.fullmatch(PARAMETER_NAME, name)
    assert columns.parameter_name(name) == name


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("", "column '' has no letter or digit to make a parameter's name from"),
        ("[%]", "column '[%]' has no letter or digit"),
        ("温度", "column '温度': the letter '温' cannot be part of a parameter's name; use a to z, 0 to 9 and _"),
        ("й", "the letter"),
        ("a b" * 40, "gives a name of 120 characters; the limit is 63"),
    ],
)
def test_a_header_without_a_legal_name_is_refused(header: str, message: str) -> None:
    with pytest.raises(LineError) as refusal:
        columns.parameter_name(header)
    assert message in str(refusal.value)


def of(headers: Sequence[str], *rows: Sequence[str]) -> Sequence[Column]:
    return columns.of(headers, lambda at: [row[at] for row in rows])


@pytest.mark.parametrize(
    ("headers", "rows", "left_out"),
    [
        pytest.param(["", "a"], [["0", "x"], ["1", "y"]], 0, id="numbers from 0"),
        pytest.param(["", "a"], [["17", "x"], ["3", "y"]], 0, id="numbers with gaps"),
        pytest.param(["Unnamed: 0", "a"], [["0", "x"]], 0, id="the name that pandas writes to CSV"),
        pytest.param(
            ["a", "__index_level_0__"], [["x", "5"], ["y", "6"]], 1, id="the name that pandas writes to Parquet"
        ),
        pytest.param(["a", "", "b"], [["x", "", "y"], ["x", " ", "y"]], 1, id="an empty column"),
    ],
)
def test_a_row_number_or_empty_column_without_a_name_is_skipped(
    headers: list[str], rows: list[list[str]], left_out: int
) -> None:
    found = of(headers, *rows)
    assert [at for at, column in enumerate(found) if column.parameter is None] == [left_out]
    assert columns.renamed(found) == {headers[left_out]: None}


@pytest.mark.parametrize(
    ("headers", "rows"),
    [
        pytest.param(["", "a"], [["1", "x"], ["1", "y"]], id="numbers that repeat"),
        pytest.param(["", "a"], [["w1", "x"]], id="texts"),
        pytest.param(["", "a"], [["0.5", "x"]], id="fractions"),
        pytest.param(["a", ""], [["x", "1"]], id="numbers in another column than the first"),
    ],
)
def test_any_other_column_without_a_name_is_refused(headers: list[str], rows: list[list[str]]) -> None:
    with pytest.raises(LineError, match="has no name"):
        of(headers, *rows)


def test_a_named_row_number_column_is_kept() -> None:
    assert of(["case", "Unnamed: 0"], ["0", "5"]) == [Column("case", "case"), Column("Unnamed: 0", "Unnamed_0")]


def test_a_line_of_numbers_is_not_a_header() -> None:
    with pytest.raises(LineError, match="add a header line"):
        of(["", "0", "1e5"], ["0", "1", "2"])
    assert of(["mesh", "2030"], ["x", "1"])[1] == Column("2030", "x2030")


def test_at_most_sixty_four_parameters_are_accepted() -> None:
    names = [f"p{number}" for number in range(65)]
    assert len(of(["", *names[:64]], ["0"] * 65)) == 65
    with pytest.raises(LineError, match="has 65 parameters; the limit is 64"):
        of(names, ["0"] * 65)
