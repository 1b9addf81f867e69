"""Made products, unlike the two whose pictures lie aside: a way of learning is chosen by all.

What suits castings and tiles may not suit a cloth, a print or a nut. So nine products are made here
by code, of scikit-image's textures or from nothing, each with its own nuisances (light, place,
turn) and its own defects. The defects are drawn by other code than `banksman.vision.made_defects`,
from which a memory learns: by breaking the product's own structure where it has any.

    brick gravel grass      textures, any crop of them          crack, stain, foreign piece
    cloth                   woven, bends a little               lost thread, hole, knot
    sheet                   brushed metal, uneven light         dent, faint scratch, dull zone
    nut                     turned any way                      chipped corner, burr, scratch
    label                   printed, shifted                    lost letter, smear, ink spot
    board                   pads and tracks, always alike       lost pad, bridge, wrong pad
    coin                    photographed coins, turned a bit    bite, stain, crack

The same seed gives the same pictures.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.vision.drawing import (
    SIDE,
    Floats,
    Random,
    blend,
    blot,
    cut,
    grid,
    noise,
    point,
    walk,
)

Picture = npt.NDArray[np.uint8]
# A product draws itself from a seed for the part and says which kinds of defects it may have.
Draw = Callable[[Random, str], Floats]


def products() -> dict[str, tuple[Draw, tuple[str, ...]]]:
    """Each product's drawing and kinds of defects; the kind "" is a good part."""
    import skimage.data

    grounds = {
        name: np.asarray(getattr(skimage.data, name)(), np.float32)
        for name in ("brick", "gravel", "grass", "coins")
    }
    faults = ("crack", "stain", "foreign")
    found: dict[str, tuple[Draw, tuple[str, ...]]] = {}
    for name, other in (("brick", "gravel"), ("gravel", "grass"), ("grass", "brick")):
        found[name] = (_texture(grounds[name], grounds[other]), faults)
    found["cloth"] = (_cloth, ("thread", "hole", "knot"))
    found["sheet"] = (_sheet, ("dent", "scratch", "dull"))
    found["nut"] = (_nut, ("chipped", "burr", "scratch"))
    found["label"] = (_label, ("letter", "smear", "spot"))
    found["board"] = (_board, ("lost", "bridge", "wrong"))
    found["coin"] = (_coin(grounds["coins"]), ("bite", "stain", "crack"))
    return found


def parts(draw: Draw, kinds: tuple[str, ...], count: int, seed: int) -> list[Picture]:
    """``count`` pictures, BGR; ``kinds`` in turn."""
    found = []
    for number in range(count):
        random = np.random.default_rng((seed, number))
        grey = draw(random, kinds[number % len(kinds)])
        noisy = grey + random.normal(0, 1.5, grey.shape)
        whole = np.clip(noisy, 0, 255).astype(np.uint8)
        found.append(np.repeat(whole[:, :, None], 3, axis=2))
    return found


def _texture(ground: Floats, other: Floats) -> Draw:
    def draw(random: Random, kind: str) -> Floats:
        part = cut(ground, random) * random.uniform(0.85, 1.15)
        if kind == "foreign":
            return blend(part, cut(other, random), blot(random, random.uniform(8, 22)))
        return _spoilt(part, kind, random)

    return draw


def _spoilt(part: Floats, kind: str, random: Random) -> Floats:
    if kind == "crack":
        return part * (1 - walk(random) * random.uniform(0.4, 0.8))
    if kind == "stain":
        return part * (1 - blot(random, random.uniform(10, 30)) * random.uniform(0.25, 0.5))
    return part


def _cloth(random: Random, kind: str) -> Floats:
    rows, columns = grid()
    bend = 2.0 * np.sin(columns / 60 + random.uniform(0, 6))
    warp = np.sin((columns + random.uniform(0, 9)) * 2 * np.pi / 7)
    weft = np.sin((rows + bend + random.uniform(0, 9)) * 2 * np.pi / 7)
    part = 120 + 28 * np.maximum(warp, weft) + 8 * noise(random, 1.0)
    if kind == "thread":
        lost = int(random.integers(10, SIDE - 10))
        part[lost : lost + 4, random.integers(SIDE // 2) :] -= 35
    if kind == "hole":
        part = blend(part, np.full_like(part, 40), blot(random, random.uniform(3, 8)))
    if kind == "knot":
        part = part + 60 * blot(random, random.uniform(3, 7))
    return np.asarray(part * random.uniform(0.85, 1.15), np.float32)


def _sheet(random: Random, kind: str) -> Floats:
    grain = cv2.GaussianBlur(noise(random, 0.0), (0, 0), sigmaX=12, sigmaY=0.7)
    light = cv2.resize(random.normal(0, 1, (3, 3)).astype(np.float32), (SIDE, SIDE),
                       interpolation=cv2.INTER_CUBIC)  # fmt: skip
    part = 130 + 14 * grain / grain.std() + 14 * light
    if kind == "dent":
        rows, columns = grid()
        at, size = random.uniform(30, SIDE - 30, 2), random.uniform(5, 10)
        near = np.exp(-((rows - at[0]) ** 2 + (columns - at[1]) ** 2) / (2 * size**2))
        part = part + 45 * near * (columns - at[1]) / size
    if kind == "scratch":
        part = part + walk(random, branches=1) * random.choice([-45, 45])
    if kind == "dull":
        cover = blot(random, random.uniform(18, 35))
        part = blend(part, 118 + 3 * noise(random, 1.0), 0.8 * cover)
    return np.asarray(part * random.uniform(0.8, 1.2), np.float32)


def _nut(random: Random, kind: str) -> Floats:
    turn = random.uniform(0, 2 * np.pi)
    centre = SIDE / 2 + random.uniform(-5, 5, 2)
    angles = turn + np.arange(6) * np.pi / 3
    radius = np.full(6, SIDE * 0.36)
    if kind == "chipped":
        radius[random.integers(6)] *= random.uniform(0.8, 0.9)
    corners = centre + np.stack([np.cos(angles), np.sin(angles)], 1) * radius[:, None]
    cover = np.zeros((SIDE, SIDE), np.uint8)
    cv2.fillPoly(cover, [np.round(corners * 8).astype(np.int32)], 255, cv2.LINE_AA, 3)
    cv2.circle(cover, point(centre), int(SIDE * 0.17), 0, -1, cv2.LINE_AA)
    if kind == "burr":
        at = turn + random.uniform(0, 2 * np.pi)
        edge = centre + SIDE * 0.17 * np.array([np.cos(at), np.sin(at)])
        cv2.circle(cover, point(edge), int(random.integers(4, 8)), 255, -1, cv2.LINE_AA)
    metal = 165 + 9 * noise(random, 1.2) + 15 * np.cos(turn + grid()[0] / 50)
    if kind == "scratch":
        metal = metal - 70 * walk(random, at=centre + SIDE * 0.26 * np.array(
            [np.cos(turn), np.sin(turn)]), branches=1)  # fmt: skip
    ground = 45 + 4 * noise(random, 2.0)
    return blend(ground, np.asarray(metal, np.float32), cover.astype(np.float32) / 255)


def _label(random: Random, kind: str) -> Floats:
    paper = np.full((SIDE, SIDE), 225, np.uint8)
    shift = random.integers(-4, 5, 2)
    lost = int(random.integers(3)), int(random.integers(7))
    for row, text in enumerate(("LOT 482", "EXP 09X", "KW 37 B")):
        for place, letter in enumerate(text):
            if kind == "letter" and letter != " " and (row, place) == lost:
                letter = "O" if letter == "4" else "-"
            at = (int(14 + 24 * place + shift[0]), int(60 + 45 * row + shift[1]))
            cv2.putText(paper, letter, at, cv2.FONT_HERSHEY_SIMPLEX, 0.9, 40, 3, cv2.LINE_AA)
    part = paper.astype(np.float32)
    if kind == "smear":
        cover = blot(random, random.uniform(12, 25))
        part = blend(part, cv2.blur(part, (15, 3)) - 25, cover)
    if kind == "spot":
        part = blend(part, np.full_like(part, 60), blot(random, random.uniform(2.5, 6)))
    return np.asarray(part * random.uniform(0.9, 1.05), np.float32)


def _board(random: Random, kind: str) -> Floats:
    part = 70 + 3 * noise(random, 1.0)
    shift = random.integers(-2, 3, 2)
    changed = int(random.integers(20))
    for number in range(20):
        row, column = divmod(number, 5)
        at = np.array([28 + 34 * column, 30 + 42 * row]) + shift
        below = at + np.array([0, 42])
        if row < 3 and (number * 7) % 3:
            cv2.line(part, point(at), point(below), 140, 3, cv2.LINE_AA)
        if kind == "lost" and number == changed:
            continue
        size = 6 if kind == "wrong" and number == changed else 9
        cv2.circle(part, point(at), size, 200, -1, cv2.LINE_AA)
    if kind == "bridge":
        row, column = divmod(changed, 5)
        at = np.array([28 + 34 * min(column, 3), 30 + 42 * row]) + shift
        cv2.line(part, point(at), point(at + np.array([34, 0])), 185, 2, cv2.LINE_AA)
    return np.asarray(part * random.uniform(0.85, 1.15), np.float32)


def _coin(coins: Floats) -> Draw:
    whole = coins[10:80, 170:240]  # one of them, with its ground

    def draw(random: Random, kind: str) -> Floats:
        large = np.asarray(cv2.resize(whole, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC))
        turn = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), random.uniform(-15, 15), 1.0)
        moved = np.asarray(turn) + np.array([[0, 0, 1]]) * random.uniform(-4, 4, (2, 1))
        placed = cv2.warpAffine(large, moved, (SIDE, SIDE), borderMode=cv2.BORDER_REFLECT)
        part = np.asarray(placed * random.uniform(0.85, 1.15) + 3 * noise(random, 0.8), np.float32)
        if kind == "bite":
            angle = random.uniform(0, 2 * np.pi)
            at = SIDE / 2 + SIDE * 0.33 * np.array([np.cos(angle), np.sin(angle)])
            return blend(part, np.full_like(part, 45), blot(random, random.uniform(8, 14), at))
        return _spoilt(part, kind, random)

    return draw
