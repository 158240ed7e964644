import numpy as np
import pytest
from sklearn.decomposition import PCA

from skae._sklearn.validation import (
    column_names,
    validate_table,
)


def test_column_names_are_five_at_most():
    assert column_names([4], None) == "column 4"
    assert column_names(range(5), None) == "columns 0, 1, 2, 3, 4"
    assert column_names(range(7), None) == "columns 0, 1, 2, 3, 4 and 2 more"
    names = np.array(["x", "y"], dtype=object)
    assert column_names([0, 1], names) == "columns 'x', 'y'"


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16])
def test_validate_table_neither_copies_nor_casts(X, dtype):
    table = (10 * X).astype(dtype)
    found = validate_table(PCA(), table, reset=True, unit_interval_for=None)
    assert found is table or found.base is table
    assert found.dtype == dtype


def test_validate_table_names_the_parameter_for_the_unit_interval(X):
    options = {"reset": True, "unit_interval_for": "likelihood='bernoulli'"}
    with pytest.raises(ValueError, match="another likelihood"):
        validate_table(PCA(), X, **options)
    inside = np.clip(X, 0, 1)
    np.testing.assert_array_equal(validate_table(PCA(), inside, **options), inside)
