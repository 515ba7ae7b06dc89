import pytest
from simjob.core.children import childmetadata


@pytest.mark.parametrize(
    ("name", "label"),
    [
        pytest.param("sweep", "sweep", id="a short name stays"),
        pytest.param("a.b", "a.b", id="a name with a dot stays"),
        pytest.param("x" * 63, "x" * 63, id="a name of 63 characters stays"),
        pytest.param("x" * 64, "x" * 54 + "-7ce10097", id="a name of 64 characters is cut"),
    ],
)
def test_a_name_too_long_for_a_label_is_cut_and_gets_a_hash(name: str, label: str) -> None:
    assert childmetadata.name_label(name) == label


def test_a_cut_label_does_not_end_in_a_dash_before_the_hash() -> None:
    assert "--" not in childmetadata.name_label("x" * 53 + "-" * 4 + "y" * 100)
