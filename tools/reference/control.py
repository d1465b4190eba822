"""Writes tests/fixtures/adapters/sd15/control-more.safetensors: final latents of steered runs beside those of control.safetensors.

    pip install torch==2.13.0 diffusers==0.42.1 transformers==5.24 safetensors && python tools/reference/control.py

`original` is steered by controlnet-0 rounded to float16, which is what controlnet-0-original.safetensors holds; `stretched` by
a picture of another size than the images; `image` starts from image.1 at a strength of 0.5, steered by image.0; `inpaint`
paints its left half anew, and `inpaint9` does so with a U-Net that sees the mask.
`pooled` and `bgr` are steered by controlnet-0 with these settings: means over the picture alone, and blue first.
"""

import json
import pathlib

import diffusers
import numpy as np
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file

FIXTURES = pathlib.Path(__file__).parents[2] / "tests/fixtures"
ADAPTERS = FIXTURES / "adapters/sd15"
MODEL = FIXTURES / "pipelines/sd15/model"

with safe_open(ADAPTERS / "control.safetensors", "pt") as golden:
    metadata = golden.metadata()
    images = [Image.fromarray(golden.get_tensor(f"image.{i}").numpy()) for i in range(2)]
network = diffusers.ControlNetModel.from_pretrained(ADAPTERS / "controlnet-0")
rounded = diffusers.ControlNetModel.from_pretrained(ADAPTERS / "controlnet-0").half().float()


def with_setting(**setting):
    made = diffusers.ControlNetModel.from_config(dict(network.config) | setting)
    made.load_state_dict(network.state_dict())
    return made.eval()


left = np.zeros((64, 64), np.uint8)
left[:, :32] = 255
mask = Image.fromarray(left)
inpaint9 = diffusers.UNet2DConditionModel.from_pretrained(FIXTURES / "models/unet-inpaint9")


def latents(name, net, unet=None, **call):
    more = {} if unet is None else {"unet": unet}
    pipe = getattr(diffusers, name).from_pretrained(MODEL, controlnet=net, safety_checker=None, **more)
    pipe.scheduler = diffusers.DDIMScheduler.from_config(json.loads(metadata["scheduler"]))
    pipe.set_progress_bar_config(disable=True)
    generator = torch.Generator("cpu").manual_seed(int(metadata["seed"]))
    call = json.loads(metadata["call"]) | {"num_inference_steps": 8, "controlnet_conditioning_scale": 0.8} | call
    return pipe(**call, generator=generator, output_type="latent")[0].contiguous()


TEXT, IMAGE, INPAINT = (f"StableDiffusionControlNet{mode}Pipeline" for mode in ("", "Img2Img", "Inpaint"))
started = {"image": images[1], "control_image": images[0], "strength": 0.5}
painted = {"image": images[1], "control_image": images[0], "mask_image": mask, "strength": 1.0}
save_file(
    {
        "original": latents(TEXT, rounded, image=images[0]),
        "pooled": latents(TEXT, with_setting(global_pool_conditions=True), image=images[0]),
        "bgr": latents(TEXT, with_setting(controlnet_conditioning_channel_order="bgr"), image=images[0]),
        "stretched": latents(TEXT, network, image=images[0].crop((3, 5, 50, 40))),
        "image": latents(IMAGE, network, **started),
        "inpaint": latents(INPAINT, network, **painted),
        "inpaint9": latents(INPAINT, network, unet=inpaint9, **painted),
    },
    ADAPTERS / "control-more.safetensors",
    {"versions": f"diffusers {diffusers.__version__}, torch {torch.__version__}"},
)
