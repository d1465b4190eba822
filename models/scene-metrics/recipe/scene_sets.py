"""The scenes that the metric networks are trained and measured on: 64 pixels, one thing on one colour, a set for every seed.

scenes.py is the embedded model's own recipe, one folder along; its training set is seed 1.
"""
import os
import sys

import numpy as np
import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "fluent-scenes", "recipe"))
from scenes import COLOURS, NOUNS, article, data_set, load_sprites  # noqa: E402

SIZE = 64
NOUN_NAMES, COLOUR_NAMES = list(NOUNS), list(COLOURS)
TRAINING, REFERENCE, HELD_OUT = 2, 3, 4  # seeds
MEAN = STD = 0.5  # pixels in 0 ... 1 become -1 ... 1


def caption(noun, colour):
    return f"{article(NOUN_NAMES[noun])} on {article(COLOUR_NAMES[colour])} background"


def scene_set(work, sprites, seed, count):
    """uint8 images [count, 64, 64, 3] and the indices of their nouns and colours; drawn once and kept in `work`."""
    path = os.path.join(work, f"scenes-{seed}-{count}.npz")
    if not os.path.exists(path):
        images, captions = data_set(load_sprites(sprites, NOUNS), count, SIZE, seed)
        labels = {caption(n, c): (n, c) for n in range(len(NOUN_NAMES)) for c in range(len(COLOUR_NAMES))}
        pairs = np.array([labels[text] for text in captions], np.int64)
        np.savez(path + ".part.npz", images=images, nouns=pairs[:, 0], colours=pairs[:, 1])
        os.replace(path + ".part.npz", path)
    data = np.load(path)
    return data["images"], data["nouns"], data["colours"]


def as_input(images):
    """Samples in -1 ... 1, shaped [N, 3, 64, 64], from uint8 images [N, 64, 64, 3]."""
    return (torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255 - MEAN) / STD


def augment(x, generator):
    """Moves every image by up to 3 pixels, softens half of them and adds a little noise: pictures of a model are soft."""
    n, _, height, width = x.shape
    room = 3
    padded = torch.nn.functional.pad(x, (room,) * 4, mode="replicate")
    dy, dx = torch.randint(0, 2 * room + 1, (2, n), generator=generator)
    x = torch.stack([padded[i, :, dy[i]:dy[i] + height, dx[i]:dx[i] + width] for i in range(n)])
    sigma = 0.4 + 0.8 * torch.rand(n, generator=generator)
    taps = torch.exp(-torch.arange(-2, 3)[None] ** 2 / (2 * sigma[:, None] ** 2))
    taps = taps / taps.sum(1, keepdim=True)
    taps[torch.rand(n, generator=generator) < 0.5] = torch.tensor([0.0, 0, 1, 0, 0])
    kernel = taps.repeat_interleave(3, 0)
    soft = torch.nn.functional.pad(x, (2,) * 4, mode="replicate").reshape(1, 3 * n, height + 4, width + 4)
    soft = torch.nn.functional.conv2d(soft, kernel[:, None, :, None], groups=3 * n)
    soft = torch.nn.functional.conv2d(soft, kernel[:, None, None, :], groups=3 * n).reshape(n, 3, height, width)
    level = 0.04 * torch.rand(n, 1, 1, 1, generator=generator)
    return soft + level * torch.randn(x.shape, generator=generator)


def generator_of(name, step):
    """Random numbers of one step, the same however often training was stopped and resumed."""
    return torch.Generator().manual_seed(sum(map(ord, name)) * 1_000_003 + step)


def save(path, **state):
    torch.save(state, path + ".part")
    os.replace(path + ".part", path)
