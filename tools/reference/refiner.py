"""Writes tests/fixtures/adapters/sdxl/{refiner/,refined.safetensors}: runs that a refiner ends.

    pip install torch==2.13.0 diffusers==0.42.1 transformers==5.24 safetensors && python tools/reference/refiner.py

`refiner/` has a U-Net of its own, random, in a refiner's layout; text encoder, tokenizer and autoencoder are those of
pipelines/sdxl/model, under the names with `_2`, and not stored twice. Values are final latents: `euler` hands over at 0.8,
`early` at 0.5, `heun` at 0.75 with Heun's sampler, whose steps have two evaluations, `plain` has no negative prompt,
`image` starts from image.1 of control.safetensors at a strength of 0.9. Every stage has a generator of its own with the seed.
"""

import json
import pathlib
import shutil
import tempfile

import diffusers
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file

FIXTURES = pathlib.Path(__file__).parents[2] / "tests/fixtures"
MODEL = FIXTURES / "pipelines/sdxl/model"
REFINER = FIXTURES / "adapters/sdxl/refiner"
PROMPT, NEGATIVE, STEPS, SEED = "a photo of an astronaut riding a horse on mars", "blurry, low quality", 10, 11

base = diffusers.StableDiffusionXLPipeline.from_pretrained(MODEL, add_watermarker=False)
torch.manual_seed(0)
width, projection = base.text_encoder_2.config.hidden_size, base.text_encoder_2.config.projection_dim
unet = diffusers.UNet2DConditionModel(
    **{k: v for k, v in base.unet.config.items() if not k.startswith("_")}
    | {
        "block_out_channels": (8, 8, 8, 8),
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        "transformer_layers_per_block": 1,
        "attention_head_dim": (1, 2, 2, 2),
        "cross_attention_dim": width,
        "projection_class_embeddings_input_dim": projection + 5 * base.unet.config.addition_time_embed_dim,
    }
)
for parameter in unet.parameters():
    parameter.data += 0.1 * torch.randn(parameter.shape) / max(1, parameter[0].numel()) ** 0.5
shutil.rmtree(REFINER, ignore_errors=True)
unet.save_pretrained(REFINER / "unet")
(REFINER / "scheduler").mkdir()
shutil.copy(MODEL / "scheduler/scheduler_config.json", REFINER / "scheduler")
index = json.loads((MODEL / "model_index.json").read_text()) | {
    "_class_name": "StableDiffusionXLImg2ImgPipeline",
    "force_zeros_for_empty_prompt": False,
    "requires_aesthetics_score": True,
    "text_encoder": [None, None],
    "tokenizer": [None, None],
}
(REFINER / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")
with safe_open(FIXTURES / "adapters/sdxl/control.safetensors", "pt") as golden:
    image = Image.fromarray(golden.get_tensor("image.1").numpy())


def whole_refiner(folder):
    for name in ("unet", "scheduler"):
        shutil.copytree(REFINER / name, folder / name)
    for name in ("text_encoder_2", "tokenizer_2", "vae"):
        shutil.copytree(MODEL / name, folder / name)
    shutil.copy(REFINER / "model_index.json", folder)
    pipe = diffusers.StableDiffusionXLImg2ImgPipeline.from_pretrained(folder, add_watermarker=False)
    return pipe


def refined(at, negative=NEGATIVE, sampler=None, start=None):
    def generator():
        return torch.Generator("cpu").manual_seed(SEED)

    first = base if start is None else diffusers.StableDiffusionXLImg2ImgPipeline(**base.components, add_watermarker=False)
    for pipe in (first, refiner):
        pipe.set_progress_bar_config(disable=True)
        scheduler = json.loads((MODEL / "scheduler/scheduler_config.json").read_text())
        pipe.scheduler = (sampler or diffusers.EulerDiscreteScheduler).from_config(scheduler)
    call = {"prompt": PROMPT, "negative_prompt": negative, "num_inference_steps": STEPS, "guidance_scale": 5.0}
    own = {"width": 64, "height": 64} if start is None else {"image": start, "strength": 0.9}
    latents = first(**call, **own, denoising_end=at, generator=generator(), output_type="latent").images
    return refiner(
        **call, image=latents, denoising_start=at, generator=generator(), output_type="latent"
    ).images.contiguous()


with tempfile.TemporaryDirectory() as folder:
    refiner = whole_refiner(pathlib.Path(folder))
    save_file(
        {
            "euler": refined(0.8),
            "early": refined(0.5),
            "heun": refined(0.75, sampler=diffusers.HeunDiscreteScheduler),
            "plain": refined(0.8, negative=None),
            "image": refined(0.8, start=image),
        },
        REFINER.parent / "refined.safetensors",
        {"versions": f"diffusers {diffusers.__version__}, torch {torch.__version__}"},
    )
