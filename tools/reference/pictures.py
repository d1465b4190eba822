"""Writes tests/fixtures/pictures.json: small pictures of many kinds, what diffusers' load_image makes of them, and which pixels
its inpainting paints anew where they are masks.

    pip install torch==2.13.0 diffusers==0.42.1 transformers numpy Pillow==13.0.0 && python tools/reference/pictures.py
"""
import base64
import io
import json
import pathlib
import struct
import tempfile
import zlib

import diffusers
import numpy as np
import PIL
from diffusers.image_processor import VaeImageProcessor
from diffusers.utils import load_image
from PIL import Image

WIDTH, HEIGHT = 16, 8
PASSES = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]

random = np.random.default_rng(0)
y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
grey = random.integers(0, 256, (HEIGHT, WIDTH)).astype(np.uint8)
rgb = np.dstack([x * 17, y * 36, grey]).astype(np.uint8)
alpha = (x * 17).astype(np.uint8)
deep = random.integers(0, 65536, (HEIGHT, WIDTH, 4)).astype(">u2")
soft = np.clip(255 * (1 - (np.hypot(y - 4, x - 8) - 2) / 5), 0, 255).astype(np.uint8)
picture = Image.fromarray(rgb)


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(pixels, colour_type, depth=None, interlaced=False, extra=b""):
    """A PNG by hand: of more kinds than Pillow writes. `pixels` are packed already where they have less than 8 bits."""
    depth = depth or 8 * pixels.dtype.itemsize
    passes = PASSES if interlaced else [(0, 0, 1, 1)]
    parts = [pixels[top::down, left::across] for left, top, across, down in passes]
    rows = b"".join(b"\0" + row.tobytes() for part in parts if part.size for row in part)
    width = pixels.shape[1] * (8 // depth if depth < 8 else 1)
    header = struct.pack(">IIBBBBB", width, pixels.shape[0], depth, colour_type, 0, 0, int(interlaced))
    body = chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def packed(levels, depth):
    bits = np.unpackbits(levels[..., None], axis=2)[..., :depth]
    return np.packbits(bits.reshape(levels.shape[0], -1), axis=1)


def saved(image, form, **options):
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def turned(form, orientation, **options):
    exif = Image.Exif()
    exif[0x112] = orientation
    return saved(picture, form, exif=exif, **options)


layers = np.dstack
files = {
    "rgb-16.png": png(deep[..., :3], 2),
    "rgba-16.png": png(deep, 6),
    "grey-alpha-16.png": png(deep[..., :2], 4),
    "grey.png": png(grey, 0),
    "grey-alpha.png": png(layers([grey, alpha]), 4),
    "rgba.png": png(layers([rgb, alpha]), 6),
    "rgb-one-clear.png": png(rgb, 2, extra=chunk(b"tRNS", struct.pack(">HHH", *map(int, rgb[0, 0])))),
    **{f"grey-{depth}.png": png(packed(grey, depth), 0, depth) for depth in (1, 2, 4)},
    "grey-4-one-clear.png": png(packed(grey, 4), 0, 4, extra=chunk(b"tRNS", struct.pack(">H", 1))),
    **{f"palette-{bits}.png": saved(picture.quantize(2**bits), "PNG", bits=bits) for bits in (1, 2, 4, 8)},
    "palette-one-clear.png": saved(picture.quantize(16), "PNG", transparency=3),
    "palette-alpha.png": saved(picture.quantize(16), "PNG", transparency=bytes(range(0, 256, 16))),
    "black-white.png": saved(Image.fromarray(grey > 127), "PNG"),
    "interlaced-rgb.png": png(rgb, 2, interlaced=True),
    "interlaced-rgba-16.png": png(deep, 6, interlaced=True),
    "interlaced-grey-alpha.png": png(layers([grey, alpha]), 4, interlaced=True),
    "interlaced-2x3.png": png(rgb[:3, :2], 2, interlaced=True),
    "1x1.png": png(rgb[:1, :1], 2),
    "animated.png": saved(picture, "PNG", save_all=True, append_images=[picture.rotate(180)]),
    **{f"turned-{i}.png": turned("PNG", i) for i in (3, 5, 8)},
    **{f"turned-{i}.jpg": turned("JPEG", i, quality=95, subsampling=0) for i in (2, 6, 9)},
    "turned-7.webp": turned("WebP", 7, lossless=True),
    "cmyk.jpg": saved(picture.convert("CMYK"), "JPEG", quality=95),
    "grey.jpg": saved(Image.fromarray(grey), "JPEG", quality=95),
    "progressive.jpg": saved(picture, "JPEG", quality=90, progressive=True),
    "rgba.webp": saved(Image.fromarray(layers([rgb, alpha])), "WebP", lossless=True, exact=True),
    "mask-soft.png": png(soft, 0),
    "mask-soft-alpha.png": png(layers([soft, 255 - soft]), 4),
    "mask-alpha-alone.png": png(layers([np.full_like(soft, 255)] * 3 + [soft]), 6),
    "mask-colours.png": png(layers([soft, 255 - soft, soft // 2]), 2),
}
masks = VaeImageProcessor(vae_scale_factor=8, do_normalize=False, do_binarize=True, do_convert_grayscale=True)


def text(content):
    return base64.b64encode(bytes(content)).decode()


found = {}
with tempfile.TemporaryDirectory() as folder:
    for name, content in files.items():
        path = pathlib.Path(folder) / name
        path.write_bytes(content)
        image = load_image(str(path))
        found[name] = {"file": text(content), "width": image.width, "height": image.height, "rgb": text(image.tobytes())}
        if name.startswith("mask"):
            painted = masks.preprocess(image, height=HEIGHT, width=WIDTH).flatten()
            found[name]["painted"] = "".join(str(int(value)) for value in painted)
# Of grey in 16 bits, Pillow cuts off what is above 255, which leaves white; its upper byte is what the picture shows.
content, upper = png(deep[..., 0], 0), (deep[..., :1] >> 8).astype(np.uint8)
found["grey-16.png"] = {"file": text(content), "width": WIDTH, "height": HEIGHT, "rgb": text(np.repeat(upper, 3, 2).tobytes())}
target = pathlib.Path(__file__).parents[2] / "tests/fixtures/pictures.json"
document = {"diffusers": diffusers.__version__, "Pillow": PIL.__version__, "pictures": found}
target.write_text(json.dumps(document, indent=1) + "\n")
