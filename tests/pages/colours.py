"""How far apart colours are, as people with each kind of colour vision see them."""
import itertools
import math

# What protanopes, deuteranopes and tritanopes see of linear RGB: Machado, Oliveira and Fernandes,
# "A physiologically-based model for simulation of color vision deficiency", 2009, severity 1.
VISIONS = {
    "everybody": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopes": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopes": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopes": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}
# From linear sRGB to OKLab, by way of cone responses: Ottosson, "A perceptual color space for image
# processing", 2020.
CONES = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
OKLAB = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)


def _times(matrix, vector):
    return [sum(m * v for m, v in zip(row, vector)) for row in matrix]


def _linear(colour):
    """Of "#rrggbb"."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]


def contrast(one, other):
    """The contrast ratio of WCAG 2."""
    low, high = sorted(_times([(0.2126, 0.7152, 0.0722)], _linear(c))[0] for c in (one, other))
    return (high + 0.05) / (low + 0.05)


def nearest_pair(colours, vision):
    """(distance in OKLab, colour, colour) of the two that look most alike."""
    seen = {}
    for colour in colours:
        light = [min(max(v, 0), 1) for v in _times(VISIONS[vision], _linear(colour))]
        seen[colour] = _times(OKLAB, [v ** (1 / 3) for v in _times(CONES, light)])
    return min(
        (math.dist(seen[a], seen[b]), a, b) for a, b in itertools.combinations(colours, 2)
    )
