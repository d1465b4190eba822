"""Writes tests/fixtures/adapters/sd15/{vae/,decoded.safetensors}: pictures that other autoencoders make of a run's latents.

    pip install torch==2.13.0 diffusers==0.42.1 transformers==5.24 safetensors && python tools/reference/autoencoders.py

`vae/` is the autoencoder of pipelines/sd15/model with noise on its weights. `vae` and `tiny` are pictures of two steps of DDIM
(bytes, height by width by colour), decoded by it and by models/taesd; `from-image` starts from image.1 of
control.safetensors, which `vae/` encodes.
"""

import json
import pathlib

import diffusers
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file

FIXTURES = pathlib.Path(__file__).parents[2] / "tests/fixtures"
ADAPTERS = FIXTURES / "adapters/sd15"
MODEL = FIXTURES / "pipelines/sd15/model"

torch.manual_seed(0)
vae = diffusers.AutoencoderKL.from_pretrained(MODEL / "vae")
for parameter in vae.parameters():
    parameter.data += 0.2 * parameter.std() * torch.randn(parameter.shape) if parameter.numel() > 1 else 0
vae.save_pretrained(ADAPTERS / "vae")
config = ADAPTERS / "vae/config.json"
config.write_text(json.dumps({k: v for k, v in json.loads(config.read_text()).items() if k != "_name_or_path"}, indent=2) + "\n")
tiny = diffusers.AutoencoderTiny.from_pretrained(FIXTURES / "models/taesd")
with safe_open(ADAPTERS / "control.safetensors", "pt") as golden:
    metadata = golden.metadata()
    image = Image.fromarray(golden.get_tensor("image.1").numpy())


def picture(autoencoder, cls=diffusers.StableDiffusionPipeline, **more):
    pipe = cls.from_pretrained(MODEL, vae=autoencoder, safety_checker=None)
    pipe.scheduler = diffusers.DDIMScheduler.from_config(json.loads(metadata["scheduler"]))
    pipe.set_progress_bar_config(disable=True)
    call = {"num_inference_steps": 2, "guidance_scale": 7.5, "output_type": "np"} | more
    generator = torch.Generator("cpu").manual_seed(int(metadata["seed"]))
    made = pipe("a fox", negative_prompt="blurry", generator=generator, **call).images[0]
    return torch.from_numpy((made * 255).round().astype("uint8").copy())


save_file(
    {
        "vae": picture(vae, width=64, height=64),
        "tiny": picture(tiny, width=64, height=64),
        "from-image": picture(vae, diffusers.StableDiffusionImg2ImgPipeline, image=image, strength=0.5, num_inference_steps=4),
    },
    ADAPTERS / "decoded.safetensors",
    {"versions": f"diffusers {diffusers.__version__}, torch {torch.__version__}"},
)
