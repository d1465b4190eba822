"""Writes tests/fixtures/adapters/sdxl/{t2i-xl,t2i-light}/ and t2i.safetensors: T2I-Adapters beside the full one of sd15.

    pip install torch==2.13.0 diffusers==0.42.1 transformers==5.24 safetensors && python tools/reference/t2i_adapters.py

`xl` is final latents of a run of pipelines/sdxl/model that t2i-xl steers by image.0 of control.safetensors. `light.N` is what t2i-light,
which looks at grey, makes of `light.image`, whose levels have odd sizes.
"""

import pathlib

import diffusers
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file

FIXTURES = pathlib.Path(__file__).parents[2] / "tests/fixtures"
ADAPTERS = FIXTURES / "adapters/sdxl"
MODEL = FIXTURES / "pipelines/sdxl/model"

torch.manual_seed(0)
torch.set_grad_enabled(False)
with safe_open(ADAPTERS / "control.safetensors", "pt") as golden:
    image = Image.fromarray(golden.get_tensor("image.0").numpy())


def adapter(name, **config):
    made = diffusers.T2IAdapter(**config).eval()
    for parameter in made.parameters():
        scale = 0.1 if parameter.ndim < 2 else 1 / parameter[0].numel() ** 0.5
        parameter.data.copy_(torch.randn(parameter.shape) * scale)
    made.save_pretrained(ADAPTERS / name)
    return made


def latents(made, picture):
    pipe = diffusers.StableDiffusionXLAdapterPipeline.from_pretrained(MODEL, adapter=made, add_watermarker=False)
    pipe.set_progress_bar_config(disable=True)
    call = {"num_inference_steps": 6, "guidance_scale": 5.0, "width": 64, "height": 64, "adapter_conditioning_scale": 0.7}
    generator = torch.Generator("cpu").manual_seed(11)
    result = pipe("a fox", negative_prompt="blurry", image=picture, generator=generator, output_type="latent", **call)
    return result.images.contiguous()


xl = adapter("t2i-xl", adapter_type="full_adapter_xl", channels=[8, 8, 8, 8], num_res_blocks=2, downscale_factor=16)
light = adapter("t2i-light", adapter_type="light_adapter", channels=[8, 8], num_res_blocks=2, in_channels=1)
odd = torch.rand(1, 1, 72, 40)
save_file(
    {"xl": latents(xl, image), "light.image": odd, **{f"light.{i}": f.contiguous() for i, f in enumerate(light(odd))}},
    ADAPTERS / "t2i.safetensors",
    {"versions": f"diffusers {diffusers.__version__}, torch {torch.__version__}"},
)
