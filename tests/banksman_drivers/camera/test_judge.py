"""Frozen and black, told from still and dim."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from banksman_drivers.camera.judge import Judge, Look, look, sharpness

S = 1_000_000_000
FRAME = S // 25
NOISE = np.random.default_rng(3)


def grey(level, noise=0, size=(120, 160)):
    image = np.full((*size, 3), level, np.int16)
    if noise:
        image += NOISE.integers(-noise, noise + 1, (*size, 1), np.int16)
    return image.clip(0, 255).astype(np.uint8)


def watch(judge, images, start_ns=0):
    for number, image in enumerate(images):
        judge.take(look(image), start_ns + number * FRAME)
    return judge


def test_the_same_picture_over_and_over_is_frozen_after_its_time():
    image = grey(120, 5)
    judge = watch(Judge(2.0, 0), [image] * 50)
    assert not judge.frozen  # 49 frames are 1.96 s
    judge.take(look(image), 50 * FRAME)
    assert judge.frozen


def test_a_still_scene_with_a_sensors_noise_is_not_frozen():
    assert not watch(Judge(1.0, 0), [grey(120, 1) for _ in range(200)]).frozen


def test_the_least_noise_tells_a_still_scene_from_a_frozen_picture():
    images = [grey(120) for _ in range(100)]
    for number, image in enumerate(images):
        image[8 * (number % 10), number % 160, 1] += 1  # one grey level, in one pixel
    assert not watch(Judge(1.0, 0), images).frozen


def test_a_decoder_that_repeats_its_last_pictures_in_turn_is_frozen():
    images = [grey(120, 5) for _ in range(4)]
    assert watch(Judge(1.0, 0), images * 20).frozen


def test_a_slow_camera_is_not_frozen_before_some_frames_were_the_same():
    judge, image = Judge(1.0, 0), grey(120, 5)
    for number in range(5):
        judge.take(look(image), number * 10 * S)
    assert not judge.frozen
    judge.take(look(image), 50 * S)
    assert judge.frozen


def test_one_new_picture_thaws_it():
    judge = watch(Judge(1.0, 0), [grey(120, 5)] * 50)
    judge.take(look(grey(120, 5)), 50 * FRAME)
    assert not judge.frozen


def test_without_a_time_nothing_freezes():
    assert not watch(Judge(None, 0), [grey(120)] * 500).frozen


def test_a_lens_cap_is_black_after_a_second():
    judge = watch(Judge(None, 6.0), [grey(3, 3) for _ in range(25)])
    assert not judge.dark
    judge.take(look(grey(3, 3)), 25 * FRAME)
    assert judge.dark


def test_a_dark_hall_with_one_lamp_is_not_black():
    image = grey(3)
    image[40:80, 60:100] = 250
    assert not watch(Judge(None, 6.0), [image] * 100).dark


def test_a_strobes_black_frames_are_not_black():
    assert not watch(Judge(None, 6.0), [grey(2), grey(2), grey(150)] * 50).dark


def test_light_ends_the_black_at_once():
    judge = watch(Judge(None, 6.0), [grey(2)] * 100)
    judge.take(look(grey(100)), 100 * FRAME)
    assert not judge.dark


def test_zero_switches_the_black_test_off():
    assert not watch(Judge(None, 0), [grey(0)] * 100).dark


@pytest.mark.parametrize(("level", "percent"), [(0, 0), (51, 20), (255, 100)])
def test_brightness_is_in_percent_of_full_scale(level, percent):
    assert look(grey(level)).brightness_pct == pytest.approx(percent)


def test_a_picture_out_of_focus_is_less_sharp():
    stripes = np.zeros((300, 400, 3), np.uint8)
    stripes[:, ::2] = 200
    soft = ((stripes.astype(np.int16) + np.roll(stripes, 1, axis=1)) // 2).astype(np.uint8)
    assert sharpness(soft) < sharpness(stripes) / 100
    assert sharpness(grey(90)) == 0


@given(st.integers(3, 40), st.integers(3, 40))
def test_pictures_of_any_size_can_be_looked_at(height, width):
    image = NOISE.integers(0, 256, (height, width, 3), np.uint8)
    assert 0 <= look(image).brightness_pct <= 100
    assert sharpness(image) >= 0


@given(st.lists(st.integers(0, 3), max_size=80), st.floats(0.1, 3))
def test_frozen_means_no_picture_that_is_news_for_that_long(prints, frozen_s):
    judge, news_ns, known = Judge(frozen_s, 0), 0, set()
    for number, each in enumerate(prints):
        now_ns = number * S // 10
        if each not in known:
            known.add(each)  # four kinds fit into what it remembers
            news_ns = now_ns
        judge.take(Look(each, 50, 50), now_ns)
        if judge.frozen:
            assert now_ns - news_ns >= round(frozen_s * 1e9)
