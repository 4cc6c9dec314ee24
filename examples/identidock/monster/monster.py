"""Draws the monster of a name.

The bytes of the name's hash choose colours and shapes. A shape is a function from a point to whether it covers it;
the picture is the colour of the topmost shape at each point, averaged over a few points per pixel. Points go from -1
to 1 in both directions, y downwards; shapes are asked for |x| only, which makes every monster symmetric.
"""

import colorsys
import hashlib
import math

SAMPLES = (0.25, 0.75)  # where in a pixel to look, in each direction

WHITE = (255, 255, 255)
BLACK = (30, 28, 40)
RED = (200, 60, 80)


def draw(name, size):
    layers, background = monster(name)
    half = [row(y, size, layers, background) for y in range(size)]
    return [left + left[::-1][size % 2 :] for left in half]


def row(y, size, layers, background):
    """The left half of a row, the middle included."""
    return [pixel(x, y, size, layers, background) for x in range((size + 1) // 2)]


def pixel(x, y, size, layers, background):
    points = [(abs((x + dx) / size * 2 - 1), (y + dy) / size * 2 - 1) for dx in SAMPLES for dy in SAMPLES]
    colours = [colour_at(point, layers, background) for point in points]
    return tuple(sum(channel) // len(colours) for channel in zip(*colours))


def colour_at(point, layers, background):
    return next((colour for covers, colour in layers if covers(*point)), background)


def monster(name):
    """Its layers, topmost first, and the colour behind it."""
    dice = iter(hashlib.sha256(name.encode()).digest())

    def roll(low, high):
        return low + (high - low) * next(dice) / 255

    def choose(*choices):
        return choices[next(dice) % len(choices)]

    hue = roll(0, 1)
    skin = colour(hue, roll(0.45, 0.6), roll(0.6, 0.8))
    dark = colour(hue, 0.35, 0.6)
    belly = colour(hue + 0.08, 0.8, 0.7)
    background = colour(hue + 0.5, 0.93, 0.5)

    width, height = roll(0.48, 0.66), roll(0.48, 0.6)
    body = blob(width, height, roll(2, 4))
    layers = []
    layers += choose(one_eye, two_eyes, three_eyes)(roll(0.13, 0.2), roll(-0.02, 0.02), choose(-0.05, 0, 0.05))
    layers += choose(smile, fangs, surprise)(roll(0.16, 0.26))
    layers.append((ellipse(0, 0.42, width * 0.55, 0.24), belly))
    layers.append((lambda x, y: body(x, y - 0.08), skin))
    layers += choose(horns, ears, antennae)(width, dark, skin)
    layers += feet(roll(0.18, 0.3), roll(0.13, 0.18), dark)
    layers += choose(arms_up, arms_down)(width, dark)
    return layers, background


def one_eye(size, look, height):
    return eye(0, -0.12 + height, size * 1.5, look * 0)


def two_eyes(size, look, height):
    return eye(size + 0.04, -0.12 + height, size, look)


def three_eyes(size, look, height):
    return eye(0, -0.25 + height, size * 0.8, 0) + eye(size * 1.5, -0.08 + height, size * 0.8, look)


def eye(x, y, size, look):
    return [
        (ellipse(x - size * 0.15, y - size * 0.2, size * 0.15, size * 0.15), WHITE),
        (ellipse(x + look, y, size * 0.5, size * 0.5), BLACK),
        (ellipse(x, y, size, size), WHITE),
    ]


def smile(width):
    return [(lambda x, y: ellipse(0, 0.2, width, 0.14)(x, y) and y > 0.2, BLACK)]


def fangs(width):
    tooth = (lambda x, y: 0.2 < y < 0.32 and abs(x - width * 0.55) < (0.32 - y) * 0.5, WHITE)
    return [tooth] + smile(width)


def surprise(width):
    return [(ellipse(0, 0.32, width * 0.3, 0.06), RED), (ellipse(0, 0.27, width * 0.45, 0.12), BLACK)]


def horns(width, dark, skin):
    tip, foot = (width * 0.9, -0.85), (width * 0.55, -0.3)
    return [(cone(*foot, *tip, 0.17), dark)]


def ears(width, dark, skin):
    x = width * 0.7
    return [(ellipse(x, -0.5, 0.09, 0.13), dark), (ellipse(x, -0.48, 0.18, 0.24), skin)]


def antennae(width, dark, skin):
    x, y = width * 0.6, -0.78
    return [(ellipse(x, y, 0.1, 0.1), dark), (line(width * 0.3, -0.3, x, y, 0.03), skin)]


def feet(x, size, dark):
    return [(lambda px, py: ellipse(x, 0.72, size * 1.2, size)(px, py) and py < 0.76, dark)]


def arms_up(width, dark):
    return [(line(width * 0.7, 0.2, width + 0.2, -0.15, 0.07), dark)]


def arms_down(width, dark):
    return [(line(width * 0.7, 0.1, width + 0.18, 0.42, 0.07), dark)]


def ellipse(cx, cy, rx, ry):
    return lambda x, y: ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 <= 1


def blob(rx, ry, power):
    """An ellipse at power 2, nearly a box at 4."""
    return lambda x, y: abs(x / rx) ** power + abs(y / ry) ** power <= 1


def line(x1, y1, x2, y2, radius):
    return cone(x1, y1, x2, y2, radius, radius)


def cone(x1, y1, x2, y2, radius, end=0.0):
    """A line with round ends, as thick as radius at its start and as end at its end."""
    length = (x2 - x1) ** 2 + (y2 - y1) ** 2

    def covers(x, y):
        along = max(0, min(1, ((x - x1) * (x2 - x1) + (y - y1) * (y2 - y1)) / length))
        distance = math.hypot(x - x1 - along * (x2 - x1), y - y1 - along * (y2 - y1))
        return distance <= radius + (end - radius) * along

    return covers


def colour(hue, lightness, saturation):
    return tuple(round(channel * 255) for channel in colorsys.hls_to_rgb(hue % 1, lightness, saturation))
