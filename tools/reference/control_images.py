"""Writes tests/fixtures/adapters/control-images.safetensors: pictures as control networks are shown them.

    pip install opencv-python-headless==5.0.0.* pillow==12.* numpy torch==2.13.0 safetensors && python tools/reference/control_images.py

`picture` has shapes, slopes and noise. `canny.LOW.HIGH` is OpenCV's `Canny` of it, one level a pixel; `lanczos.WIDTHxHEIGHT`
is Pillow's `resize` with Lanczos' filter; where height shrinks and width grows, Pillow 13 begins with columns, which is left out.
"""

import pathlib

import cv2
import numpy as np
import PIL
import torch
from PIL import Image, ImageDraw
from safetensors.torch import save_file

FIXTURES = pathlib.Path(__file__).parents[2] / "tests/fixtures"
random = np.random.default_rng(0)
width, height = 61, 47
slope = np.linspace(0, 90, width)[None, :, None] + np.linspace(0, 60, height)[:, None, None] + np.zeros((1, 1, 3))
image = Image.fromarray(slope.astype(np.uint8))
draw = ImageDraw.Draw(image)
draw.ellipse((5, 4, 33, 30), fill=(220, 40, 60))
draw.polygon([(30, 44), (58, 40), (44, 12)], fill=(30, 200, 170))
draw.line((2, 45, 57, 3), fill=(250, 250, 20), width=2)
noisy = np.clip(np.asarray(image).astype(int) + random.integers(-20, 21, (height, width, 3)), 0, 255).astype(np.uint8)
picture = Image.fromarray(noisy)
tensors = {"picture": torch.from_numpy(noisy)}
for low, high in [(100, 200), (40, 90), (150.5, 300.5)]:
    tensors[f"canny.{low}.{high}".replace("0.5", "0_5")] = torch.from_numpy(cv2.Canny(noisy, low, high))
for size in [(64, 64), (24, 40), (20, 70)]:
    resized = np.asarray(picture.resize(size, PIL.Image.Resampling.LANCZOS)).copy()
    tensors[f"lanczos.{size[0]}x{size[1]}"] = torch.from_numpy(resized)
versions = f"opencv {cv2.__version__}, pillow {PIL.__version__}, numpy {np.__version__}"
save_file(tensors, FIXTURES / "adapters/control-images.safetensors", {"versions": versions})
