"""Writes tests/fixtures/interpolate/interpolate.json: what torch's interpolate makes of a small tensor."""

import json
import sys

import torch
import torch.nn.functional as F

MODES = {"nearest": {}, "nearest-exact": {}, "bilinear": {"align_corners": False}, "bicubic": {"align_corners": False}}
SIZES = [(6, 8), (5, 7), (3, 4), (2, 9)]



def rounded(tensor: torch.Tensor) -> list[float]:
    """Nine digits tell every float32 from its neighbours."""
    return [float(f"{value:.9g}") for value in tensor.flatten().tolist()]


torch.manual_seed(0)
values = torch.randn(1, 2, 3, 4)
cases = [
    {"mode": mode, "size": size, "values": rounded(F.interpolate(values, size=size, mode=mode, **options))}
    for mode, options in MODES.items()
    for size in SIZES
]
document = {"torch": torch.__version__, "shape": list(values.shape), "values": rounded(values), "cases": cases}
json.dump(document, open(sys.argv[1] if len(sys.argv) > 1 else "tests/fixtures/interpolate/interpolate.json", "w"))
