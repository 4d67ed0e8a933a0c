import numpy as np

from fperank.ground.ranks import percentiles


def test_percentiles_run_from_0_to_1_with_ties_averaged_and_gaps_kept():
    result = percentiles(np.array([10.0, np.nan, 30, 20, 20]))
    np.testing.assert_allclose(result, [0, np.nan, 1, 0.5, 0.5])
    assert percentiles(np.array([np.nan, 7.0]))[1] == 0.5
    assert len(percentiles(np.array([]))) == 0
