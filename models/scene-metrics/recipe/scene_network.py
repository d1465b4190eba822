"""The feature network: a small residual convolutional network with two heads, its batch norms folded for inference."""
import re

import torch
from torch import nn
from torch.nn import functional as F

CONFIG = dict(widths=[32, 64, 96, 128], blocks=[1, 1, 2, 2])


def short(key):
    """The name that a folded network's weight has in its file."""
    return re.sub(r"(stem|conv1|conv2|shortcut)\.conv\.", r"\1.", key)


class Unit(nn.Module):
    """Convolution and batch norm; once folded, a convolution with a bias."""

    def __init__(self, inner, outer, kernel, stride=1):
        super().__init__()
        self.conv = nn.Conv2d(inner, outer, kernel, stride, padding=kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(outer, momentum=0.05)

    def forward(self, x):
        return self.norm(self.conv(x))

    @torch.no_grad()
    def fold(self):
        scale = self.norm.weight / (self.norm.running_var + self.norm.eps).sqrt()
        self.conv.weight *= scale[:, None, None, None]
        self.conv.bias = nn.Parameter(self.norm.bias - self.norm.running_mean * scale)
        self.norm = nn.Identity()


class Block(nn.Module):
    def __init__(self, inner, outer, stride):
        super().__init__()
        self.conv1, self.conv2 = Unit(inner, outer, 3, stride), Unit(outer, outer, 3)
        self.shortcut = Unit(inner, outer, 1, stride) if stride > 1 or inner != outer else None

    def forward(self, x):
        h = self.conv2(F.relu(self.conv1(x)))
        return F.relu(h + (x if self.shortcut is None else self.shortcut(x)))


class SceneNetwork(nn.Module):
    def __init__(self, nouns, colours, widths, blocks):
        super().__init__()
        self.stem = Unit(3, widths[0], 3, 2)
        stages, inner = [], widths[0]
        for level, (width, count) in enumerate(zip(widths, blocks)):
            stages.append(nn.ModuleList(Block(inner if i == 0 else width, width, 2 if i == 0 and level > 0 else 1) for i in range(count)))
            inner = width
        self.stages = nn.ModuleList(stages)
        self.noun, self.colour = nn.Linear(inner, nouns), nn.Linear(inner, colours)

    def features(self, x):
        h = F.relu(self.stem(x))
        for stage in self.stages:
            for block in stage:
                h = block(h)
        return h.float().mean((2, 3))

    def forward(self, x):
        features = self.features(x)
        return features, self.noun(features), self.colour(features)

    def fold(self):
        """Makes every norm part of the convolution before it, for inference."""
        for module in self.modules():
            if isinstance(module, Unit):
                module.fold()
        return self.eval()

    def weights(self):
        """The weights of a folded network, by the names that its graph uses."""
        return {short(key): value.detach().contiguous() for key, value in self.state_dict().items()}
