"""Writes tests/fixtures/pipelines/options.safetensors: final latents of diffusers' pipelines with options that few runs have, on
the stored tiny models.

    pip install torch==2.13.0 diffusers==0.42.1 transformers scipy torchsde==0.2.6 Pillow
    python tools/reference/pipeline_options.py
"""
import json
import pathlib

import diffusers
import torch
from diffusers import StableDiffusionImg2ImgPipeline, StableDiffusionPipeline
from diffusers import StableDiffusionXLImg2ImgPipeline, StableDiffusionXLPipeline
from diffusers.schedulers import AysSchedules
from PIL import Image
from safetensors.torch import load_file, save_file

SEED = 7
SAMPLERS = {
    "ddim": diffusers.DDIMScheduler,
    "euler": diffusers.EulerDiscreteScheduler,
    "dpmpp-2m": diffusers.DPMSolverMultistepScheduler,
    "sa": diffusers.SASolverScheduler,
    "dpmpp-sde": diffusers.DPMSolverSDEScheduler,
    "edm-euler": diffusers.EDMEulerScheduler,
    "edm-dpmpp-2m": diffusers.EDMDPMSolverMultistepScheduler,
    "cosine-dpmpp-2m-sde": diffusers.CosineDPMSolverMultistepScheduler,
}

torch.set_num_threads(1)
torch.set_grad_enabled(False)
root = pathlib.Path(__file__).parents[2] / "tests/fixtures"
picture = Image.fromarray(load_file(root / "pipelines/sd15/inpaint-ddim.safetensors")["input.image"].numpy())
results = {}


def run(name, pipe, given, seeds=(SEED,), **call):
    scheduler = SAMPLERS[name.split("/")[1]]
    own = {"noise_sampler_seed": SEED} if scheduler is diffusers.DPMSolverSDEScheduler else {}
    pipe.scheduler = scheduler.from_config(given, clip_sample=False, **own)
    pipe.set_progress_bar_config(disable=True)
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    call |= {"generator": generators if len(seeds) > 1 else generators[0], "num_images_per_prompt": len(seeds)}
    results[name] = pipe(prompt="a red car", output_type="latent", **call).images.contiguous()


sd = StableDiffusionPipeline.from_pretrained(root / "pipelines/sd15/model", safety_checker=None)
to_image = StableDiffusionImg2ImgPipeline(**sd.components, requires_safety_checker=False)
given = sd.scheduler.config
size = {"height": 64, "width": 64}
text = size | {"num_inference_steps": 6, "guidance_scale": 4.0}
part = {"image": picture, "num_inference_steps": 8, "strength": 0.55, "guidance_scale": 4.0}
listed = size | {"guidance_scale": 4.0}
ays = AysSchedules["StableDiffusionTimesteps"]
run("ays-timesteps/euler", sd, given, **listed, timesteps=ays)
run("ays-timesteps/dpmpp-2m", sd, given, **listed, timesteps=ays)
run("ays-sigmas/euler", sd, given, **listed, sigmas=AysSchedules["StableDiffusionSigmas"])
run("image-timesteps/euler", to_image, given, image=picture, strength=0.55, guidance_scale=4.0, timesteps=ays)
run("rescaled/ddim", sd, given, **text, guidance_rescale=1.4)
run("negative-rescale/ddim", sd, given, **text, guidance_rescale=-0.5)
run("negative-scale/ddim", sd, given, **text | {"guidance_scale": -3.0})
run("negative-eta/ddim", sd, given, **text, eta=-0.4)
for sampler in ("sa", "dpmpp-sde", "edm-euler", "edm-dpmpp-2m", "cosine-dpmpp-2m-sde"):
    run(f"text/{sampler}", sd, given, **text)
for sampler in ("sa", "dpmpp-sde", "edm-euler"):
    run(f"image/{sampler}", to_image, given, **part)
run("two/cosine-dpmpp-2m-sde", sd, given, seeds=(SEED, SEED + 1), **text)

xl = StableDiffusionXLPipeline.from_pretrained(root / "pipelines/sdxl/model", add_watermarker=False)
xl_to_image = StableDiffusionXLImg2ImgPipeline(**xl.components, add_watermarker=False)
given = xl.scheduler.config
sizes = {"original_size": (200, 100), "crops_coords_top_left": (3, 4), "target_size": (60, 50)}
negative = {"negative_original_size": (20, 10), "negative_crops_coords_top_left": (30, -40)}
both = sizes | negative | {"negative_target_size": (600, 500)}
run("xl-negative/euler", xl, given, **text, **both)
run("xl-one-negative/euler", xl, given, **text, **sizes, **negative)
run("xl-image-negative/euler", xl_to_image, given, **part, **both)
run("xl-image-one-negative/euler", xl_to_image, given, **part, **sizes, **negative)
run("xl-ays-timesteps/euler", xl, given, **listed, timesteps=AysSchedules["StableDiffusionXLTimesteps"])
run("xl-ays-sigmas/euler", xl, given, **listed, sigmas=AysSchedules["StableDiffusionXLSigmas"])

# A network that predicts its variance: the stored one with a random second half of output channels.
config = json.loads((root / "pipelines/ddpm/model/unet/config.json").read_text())
state = load_file(root / "pipelines/ddpm/model/unet/diffusion_pytorch_model.safetensors")
noise = torch.Generator().manual_seed(11)
for key in ("conv_out.weight", "conv_out.bias"):
    results[key] = torch.cat([state[key], 0.2 * torch.randn(state[key].shape, generator=noise)])
unet = diffusers.UNet2DModel.from_config(config, out_channels=6).eval()
unet.load_state_dict(state | {key: results[key] for key in ("conv_out.weight", "conv_out.bias")})
given = json.loads((root / "pipelines/ddpm/model/scheduler/scheduler_config.json").read_text())
for sampler, scheduler_class in (("ddpm", diffusers.DDPMScheduler), ("dpmpp-2m", SAMPLERS["dpmpp-2m"])):
    scheduler = scheduler_class.from_config(given, variance_type="learned_range")
    scheduler.set_timesteps(12)
    generator = torch.Generator().manual_seed(SEED)
    sample = torch.randn((2, 3, 16, 16), generator=generator)
    for t in scheduler.timesteps:
        sample = scheduler.step(unet(sample, t).sample, t, sample, generator=generator).prev_sample
    results[f"learned/{sampler}"] = sample
metadata = {"diffusers": diffusers.__version__, "torch": torch.__version__}
unfinite = [name for name, value in results.items() if not torch.isfinite(value).all()]
assert not unfinite, unfinite
save_file(results, root / "pipelines/options.safetensors", metadata)
