import numpy as np

from skae._sklearn.validation import column_names


def test_column_names_are_five_at_most():
    assert column_names([4], None) == "column 4"
    assert column_names(range(5), None) == "columns 0, 1, 2, 3, 4"
    assert column_names(range(7), None) == "columns 0, 1, 2, 3, 4 and 2 more"
    names = np.array(["x", "y"], dtype=object)
    assert column_names([0, 1], names) == "columns 'x', 'y'"
