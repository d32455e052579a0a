"""Statistics of series, against their definitions written out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from understudy.core.training.watching import series

NUMBERS = st.floats(-1e3, 1e3, width=32)
SERIES = arrays(np.float64, st.integers(1, 60), elements=NUMBERS)


@settings(deadline=None)  # the first call imports scipy
@given(values=SERIES, weight=st.floats(0.001, 0.999))
def test_smoothing_is_exponential(values: np.ndarray, weight: float) -> None:
    expected = [values[0]]
    for value in values[1:]:
        expected.append(weight * expected[-1] + (1 - weight) * value)
    np.testing.assert_allclose(series.smooth(values, weight), expected, rtol=1e-9, atol=1e-6)


def test_smoothing_weights_are_held_to_their_range() -> None:
    values = np.array([1.0, 0.0, 0.0])
    assert series.smooth(values, 1.0).tolist() == pytest.approx([1, 0.999, 0.998001])
    assert series.smooth(values, 0.0).tolist() == pytest.approx([1, 0.001, 0.000001])
    assert series.smooth(np.array([]), 0.9).tolist() == []


def test_rolling_mean() -> None:
    values = np.arange(20.0) ** 2
    rolled = series.rolling(values, 5)
    assert np.isnan(rolled[:4]).all()
    np.testing.assert_allclose(rolled[4:], [values[i - 4: i + 1].mean() for i in range(4, 20)])
    assert np.isnan(series.rolling(values, 10)).all()  # no more than two windows
    assert not np.isnan(series.rolling(np.append(values, 1.0), 10)[9:]).any()


def test_the_trend_is_the_best_cubic() -> None:
    x = np.linspace(0, 5, 200)
    cubic = 2 - 3 * x + 0.5 * x**2 + 0.25 * x**3
    np.testing.assert_allclose(series.trend(cubic), cubic, atol=1e-9)
    wave = np.sin(4 * x)
    np.testing.assert_allclose(series.trend(wave), np.polyval(np.polyfit(x, wave, 3), x), atol=1e-9)
    assert np.isnan(series.trend(np.arange(9.0))).all()


def test_outliers_become_the_mean() -> None:
    values = np.array([1.0, 1, 1, 1, 9])
    mean, spread = values.mean(), values.std()
    assert abs(9 - mean) > spread > abs(1 - mean)
    np.testing.assert_allclose(series.without_outliers(values), [1, 1, 1, 1, mean])
    assert series.without_outliers(np.ones(3)).tolist() == [1, 1, 1]


def test_gaps_hold_the_figure_before_them() -> None:
    nan, inf = np.nan, np.inf
    assert series.filled(np.array([nan, 2, nan, inf, 5])).tolist() == [2, 2, 2, 2, 5]
    assert series.filled(np.array([nan, nan])).tolist() == [0, 0]


@given(values=arrays(np.float64, st.integers(1, 400), elements=NUMBERS), columns=st.integers(2, 50))
def test_thinning_keeps_every_extreme(values: np.ndarray, columns: int) -> None:
    x = np.arange(len(values)) + 7
    thin_x, thin_y = series.thinned(x, values, columns)
    assert len(thin_x) == len(thin_y) == min(len(values), 2 * columns)
    assert (thin_y.min(), thin_y.max()) == (values.min(), values.max())
    assert (np.diff(thin_x) >= 0).all()
    assert (thin_x[0], thin_x[-1]) == (x[0], x[-1])
    if len(values) > 2 * columns:
        starts = np.append(np.searchsorted(x, thin_x[::2]), len(x))
        for i in range(columns):
            part = values[starts[i]: starts[i + 1]]
            assert (part.min(), part.max()) == (thin_y[2 * i], thin_y[2 * i + 1])
