"""Planes through images: coordinates, polygons, boundaries known exactly. Run: pytest tests/test_plane.py"""

import numpy as np
import pytest
import torch
from conftest import Linear

from c2r.base.errors import InputError
from c2r.look import boundary
from c2r.look.plane import (
    LEVEL,
    Plane,
    Window,
    agreement,
    allowed,
    area,
    ball,
    cut,
    levels,
    outside,
    plane,
    through,
    window_around,
    window_of_ball,
)

SHAPE = (3, 4, 4)


@pytest.fixture
def draw():
    return np.random.default_rng(0)


def images(draw, count=3, low=0.3, high=0.7):
    return draw.uniform(low, high, (count, *SHAPE))


def in_polygon(places, corners):
    edges = np.roll(corners, -1, 0) - corners
    offsets = places[:, None] - corners
    return (edges[:, 0] * offsets[..., 1] - edges[:, 1] * offsets[..., 0] >= 0).all(1)


def test_the_three_images_lie_on_their_plane_and_distances_in_it_are_levels(draw):
    first, second, third = images(draw)
    found = through(first, second, third)
    places = [found.landing(image) for image in (first, second, third)]
    assert np.allclose([place.distance for place in places], 0, atol=1e-9)
    assert np.allclose(places[0][:2], (0, 0)) and np.isclose(places[1].across, levels(second - first))
    assert abs(places[1].up) < 1e-9 and places[2].up > 0
    between = np.hypot(places[2].across - places[1].across, places[2].up - places[1].up)
    assert np.isclose(between, levels(third - second))
    assert np.allclose(found.at(np.array([place[:2] for place in places])), [first, second, third])


def test_a_change_of_every_value_by_eight_255ths_is_eight_levels_long(draw):
    signs = np.where(draw.random(SHAPE) < 0.5, -1, 1)
    assert np.isclose(levels(8 / 255 * signs), 8)


def test_an_image_off_the_plane_lands_where_it_is_nearest(draw):
    first, second, third, other = images(draw, 4)
    found = through(first, second, third)
    place = found.landing(other)
    near = [levels(other - image) for image in found.at(np.array(place[:2]) + [[0, 0], [0.1, 0], [0, -0.1]])]
    assert np.isclose(place.distance, near[0]) and near[0] < min(near[1:])


def test_images_on_one_line_make_no_plane_unless_a_direction_is_drawn(draw):
    first, second, _ = images(draw)
    for third in (first, second, first + 0.4 * (second - first)):
        with pytest.raises(InputError, match="do not lie on one line"):
            through(first, second, third)
        with pytest.raises(InputError, match="do not lie on one line"):
            through(first, first, third)
        made = [plane(first, [second - first, third - first], np.random.default_rng(7)) for _ in range(2)]
        assert np.array_equal(made[0].up, made[1].up)
        for image in (second, third):
            assert made[0].landing(image).distance < 1e-9
        assert np.isclose((made[0].across * made[0].up).sum(), 0) and np.isclose(levels(made[0].up), 1)


@pytest.mark.parametrize("turned", [False, True])
def test_where_the_ball_cuts_a_plane_of_two_values_is_the_square_or_the_diamond_it_is(turned):
    unit = LEVEL * np.sqrt(2)
    across, up = ([1.0, 1.0], [-1.0, 1.0]) if turned else ([unit / LEVEL, 0.0], [0.0, unit / LEVEL])
    shape = (1, 1, 2)
    origin = np.full(shape, 0.5)
    found = Plane(origin, np.reshape(across, shape) * LEVEL, np.reshape(up, shape) * LEVEL)
    corners = ball(found, 16 / 255)
    reach = 16 if turned else 16 / np.sqrt(2)
    expected = {(reach, 0), (0, reach), (-reach, 0), (0, -reach)}
    expected = expected if turned else {(s * reach, t * reach) for s in (-1, 1) for t in (-1, 1)}
    assert {tuple(np.round(corner, 6) + 0.0) for corner in corners} == {tuple(np.round(c, 6)) for c in expected}
    assert np.isclose(area(corners), 2 * 16**2)


def test_the_ball_holds_exactly_the_places_within_epsilon_and_reaches_no_farther(draw):
    found, eps = through(*images(draw)), 8 / 255
    corners = ball(found, eps)
    places = window_of_ball(eps).places(41)
    within = np.abs(found.at(places) - found.origin).reshape(len(places), -1).max(1) <= eps
    assert within.any() and not within.all() and np.array_equal(in_polygon(places, corners), within)
    assert np.hypot(*corners.T).max() <= 8 + 1e-6 and area(corners) > 0
    assert np.allclose(np.abs(found.at(corners) - found.origin).reshape(len(corners), -1).max(1), eps)


def test_what_leaves_the_pixel_box_is_told_point_by_point_and_as_a_polygon(draw):
    found = through(*images(draw, low=0.0, high=1.0))
    window = window_around(np.array([[0.0, 0.0], [60.0, 0.0], [30.0, 60.0]]), 1.0)
    places = window.places(41)
    values = found.at(places).reshape(len(places), -1)
    left = (values.min(1) < 0) | (values.max(1) > 1)
    assert left.any() and not left.all() and np.array_equal(outside(found, places), left)
    assert np.array_equal(in_polygon(places, allowed(found, window)), ~left)


def test_the_triangle_of_three_images_stays_within_the_pixel_box_also_where_values_are_0_or_1(draw):
    first, second, third = draw.integers(0, 2, (3, *SHAPE)).astype(float)
    found = through(first, second, third)
    corners = np.array([found.landing(image)[:2] for image in (first, second, third)])
    inside = draw.dirichlet(np.ones(3), 50) @ corners
    assert not outside(found, np.concatenate([corners, inside])).any()
    assert np.isclose(area(allowed(found, window_around(corners))), area(corners), rtol=1e-3)


def test_nothing_is_left_of_a_polygon_that_no_half_plane_meets():
    square = Window(0, 0, 2).corners
    assert len(cut(square, np.array([[1.0, 0.0]]), np.array([-1.0]))) == 0
    assert np.isclose(area(cut(square, np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([1.0, 0.5]))), 0.5)


def test_a_window_holds_its_places_with_room_around_them():
    window = window_around(np.array([[0.0, 0.0], [10.0, 4.0]]))
    assert (window.left, window.bottom, window.side) == (-2.5, -5.5, 15.0)
    places = window.places(5)
    assert places[0].tolist() == [-2.5, -5.5] and places[4].tolist() == [12.5, -5.5] and len(places) == 25
    assert window_around(np.zeros((3, 2))).side == 1


class Counted(Linear):
    """A linear network that counts the images it sees."""

    seen = 0

    def forward(self, x):
        self.seen += len(x)
        return super().forward(x)


def test_a_linear_network_has_its_exact_margins_on_the_plane_and_a_finer_grid_keeps_the_points_of_the_coarser(draw):
    network, found = Counted(2, SHAPE), through(*images(draw))
    window = Window(-20.0, -10.0, 40.0)
    grids = list(boundary.sweep(network, found, window, 1, 21))
    assert [len(grid.classes) for grid in grids] == [6, 11, 21] and network.seen == 21 * 21
    for grid, stride in zip(grids, (4, 2, 1), strict=True):
        for name in ("classes", "margin", "own"):
            assert np.array_equal(getattr(grid, name), getattr(grids[-1], name)[::stride, ::stride])
    weight, bias = network.weight.double().numpy(), network.bias.double().numpy()
    logits = found.at(window.places(21)).reshape(21 * 21, -1) @ weight.T + bias
    gap = (logits[:, 1] - logits[:, 0]).reshape(21, 21)
    fine = grids[-1]
    assert np.allclose(fine.own, gap, atol=1e-4) and np.allclose(fine.margin, np.abs(gap), atol=1e-4)
    clear = np.abs(gap) > 1e-3
    assert np.array_equal(fine.classes[clear], (gap > 0)[clear]) and fine.classes.dtype == np.uint8
    slopes = found.axes @ (weight[1] - weight[0])  # the margin is a plane over the plane, and the boundary a line
    assert np.allclose(np.diff(gap, axis=1), slopes[0] * 2) and np.allclose(np.diff(gap, axis=0), slopes[1] * 2)


def test_margins_of_many_classes_are_those_of_the_asked_class_and_of_the_first_two(draw):
    network, found = Linear(5, SHAPE), through(*images(draw))
    window = Window(-50.0, -50.0, 100.0)
    *_, fine = boundary.sweep(network, found, window, 3, 25)
    logits = network(torch.from_numpy(found.at(window.places(25))).float()).numpy()
    ordered = np.sort(logits, 1)
    assert np.array_equal(fine.classes.ravel(), logits.argmax(1))
    assert np.allclose(fine.margin.ravel(), ordered[:, -1] - ordered[:, -2], atol=1e-4)
    others = np.delete(logits, 3, 1).max(1)
    assert np.allclose(fine.own.ravel(), logits[:, 3] - others, atol=1e-4)


def test_threads_of_a_pool_compute_the_same(draw):
    from concurrent.futures import ThreadPoolExecutor

    network, found, window = Linear(4, SHAPE), through(*images(draw)), Window(-50.0, -50.0, 100.0)
    with ThreadPoolExecutor(2) as pool:
        for one, two in zip(
            boundary.sweep(network, found, window, 0, 41),
            boundary.sweep(network, found, window, 0, 41, pool.map),
            strict=True,
        ):
            assert np.array_equal(one.own, two.own) and np.array_equal(one.classes, two.classes)


def test_a_grid_that_the_coarse_one_does_not_fit_into_is_refused(draw):
    with pytest.raises(InputError, match="a multiple of 4 and one points per side, found 100"):
        next(boundary.sweep(Linear(2, SHAPE), through(*images(draw)), Window(0, 0, 1), 0, 100))


def test_the_boundary_between_two_images_lies_where_the_margin_is_zero(draw):
    network = Linear(2, SHAPE)
    start, end, _ = images(draw)
    logits = network(torch.from_numpy(np.stack([start, end])).float())
    gaps = (logits[:, 1] - logits[:, 0]).tolist()
    start, end = (start, end) if gaps[0] > gaps[1] else (end, start)
    high, low = max(gaps), min(gaps)
    network.bias[0] += (high + low) / 2 + 0.2 * (high - low)  # class 1 ends 30 % of the way
    assert boundary.crossing(network, start, end, 1) == pytest.approx(0.3, abs=1e-4)
    assert boundary.crossing(network, start, end, 0) == 0.0
    assert boundary.crossing(network, end, start, 0) == pytest.approx(0.7, abs=1e-4)
    assert boundary.crossing(network, start, start, 1) is None


def test_the_gradient_of_a_linear_network_of_two_classes_points_along_its_weights(draw):
    network, image = Linear(2, SHAPE), images(draw)[0]
    slope = boundary.gradient(network, image, 1).ravel()
    across = (network.weight[0] - network.weight[1]).numpy()
    assert np.isclose(slope @ across / np.linalg.norm(slope) / np.linalg.norm(across), 1)


def test_agreement_is_counted_over_the_whole_plane_and_within_the_pixel_box():
    first, second = np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.uint8)
    second[:2] = 1
    left = np.zeros((4, 4), bool)
    left[2:, :2] = True
    assert agreement(first, second, left) == (0.5, 4 / 12, 16, 12)
    assert agreement(first, second, np.ones((4, 4), bool)) == (0.5, None, 16, 0)
