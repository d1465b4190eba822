"""Writes tests/fixtures/pipelines/cases.safetensors: what diffusers' own pipelines make of the cases in cases.json beside it,
models of tests/fixtures/pipelines with another scheduler file, other fields in their configs, another pipeline class.

    pip install torch==2.13.0 diffusers==0.42.1 transformers==5.24 scipy safetensors && python tools/reference/pipeline_cases.py
"""
import inspect
import json
import pathlib
import shutil
import tempfile

import diffusers
import numpy as np
import torch
import transformers
from PIL import Image
from safetensors.torch import load_file, save_file

FIXTURES = pathlib.Path(__file__).parents[2] / "tests/fixtures"
PIPELINES = {
    ("sd15", "text"): "StableDiffusionPipeline",
    ("sd15", "image"): "StableDiffusionImg2ImgPipeline",
    ("sd15", "inpaint"): "StableDiffusionInpaintPipeline",
    ("inpaint9", "inpaint"): "StableDiffusionInpaintPipeline",
    ("sdxl", "text"): "StableDiffusionXLPipeline",
    ("sdxl", "image"): "StableDiffusionXLImg2ImgPipeline",
    ("sdxl", "inpaint"): "StableDiffusionXLInpaintPipeline",
    ("lcm", "text"): "LatentConsistencyModelPipeline",
    ("lcm", "image"): "LatentConsistencyModelImg2ImgPipeline",
}
KARRAS = {"use_karras_sigmas": True, "use_exponential_sigmas": False, "use_beta_sigmas": False}
MULTISTEP = {"solver_order": 2, "algorithm_type": "dpmsolver++"}
# What the names of samplers stand for, without `-karras`.
SAMPLERS = {
    "ddpm": ("DDPM", {}),
    "ddim": ("DDIM", {}),
    "pndm": ("PNDM", {}),
    "plms": ("PNDM", {"skip_prk_steps": True}),
    "euler": ("EulerDiscrete", {}),
    "euler-a": ("EulerAncestralDiscrete", {}),
    "heun": ("HeunDiscrete", {}),
    "kdpm2": ("KDPM2Discrete", {}),
    "kdpm2-a": ("KDPM2AncestralDiscrete", {}),
    "lms": ("LMSDiscrete", {}),
    "dpmpp-2m": ("DPMSolverMultistep", MULTISTEP),
    "dpmpp-2m-sde": ("DPMSolverMultistep", MULTISTEP | {"algorithm_type": "sde-dpmsolver++"}),
    "dpmpp-3m": ("DPMSolverMultistep", MULTISTEP | {"solver_order": 3}),
    "dpm-single": ("DPMSolverSinglestep", {}),
    "deis": ("DEISMultistep", {}),
    "unipc": ("UniPCMultistep", {}),
    "lcm": ("LCM", {}),
    "tcd": ("TCD", {}),
}


def scheduler_of(folder: pathlib.Path, sampler: str | None):
    name = json.loads((folder / "scheduler/scheduler_config.json").read_text())["_class_name"]
    own = getattr(diffusers, name).from_pretrained(folder, subfolder="scheduler")
    if sampler is None:
        return own
    name, changes = SAMPLERS[sampler.removesuffix("-karras")]
    changes = changes | (KARRAS if sampler.endswith("-karras") else {})
    return getattr(diffusers, f"{name}Scheduler").from_config(own.config, **changes)


def folder_of(case: dict, scratch: str) -> pathlib.Path:
    model = {"inpaint9": "sd15", "lcm": "sd15"}.get(case["model"], case["model"])
    folder = pathlib.Path(scratch) / "model"
    shutil.copytree(FIXTURES / "pipelines" / model / "model", folder)
    if case["model"] == "inpaint9":
        shutil.rmtree(folder / "unet")
        shutil.copytree(FIXTURES / "models/unet-inpaint9", folder / "unet")
    if case["model"] == "lcm":
        distilled(folder / "unet")
    (folder / "scheduler/scheduler_config.json").write_text(json.dumps(case["scheduler"]))
    for component, changes in case.get("edits", {}).items():
        edit(folder / component / "config.json", changes)
    # Files of older versions mean other sizes.
    edit(folder / "unet/config.json", {"_diffusers_version": "0.30.0"})
    return folder


def edit(path: pathlib.Path, changes: dict) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def distilled(unet: pathlib.Path) -> None:
    """The stored model with the projection of the guidance that distilled.safetensors has."""
    name = "time_embedding.cond_proj.weight"
    projection = load_file(FIXTURES / "pipelines/distilled.safetensors")[name]
    edit(unet / "config.json", {"time_cond_proj_dim": projection.shape[1]})
    weights = unet / "diffusion_pytorch_model.safetensors"
    save_file(load_file(weights) | {name: projection}, weights)


def picture(name: str) -> Image.Image:
    stored = load_file(FIXTURES / "pipelines/sd15/inpaint-ddim.safetensors")
    return Image.fromarray(stored[f"input.{name}"].numpy())


def unconditional(folder: pathlib.Path, call: dict) -> torch.Tensor:
    unet = diffusers.UNet2DModel.from_pretrained(folder, subfolder="unet")
    scheduler = scheduler_of(folder, call.get("sampler"))
    generator = torch.Generator().manual_seed(call["seed"])
    size = unet.config.sample_size
    sample = torch.randn((call.get("count", 1), 3, size, size), generator=generator)
    scheduler.set_timesteps(call["steps"])
    sample = sample * scheduler.init_noise_sigma
    takes = inspect.signature(scheduler.step).parameters
    extra = {"generator": generator} if "generator" in takes else {}
    if "eta" in takes and "eta" in call:
        extra["eta"] = call["eta"]
    for t in scheduler.timesteps:
        output = unet(scheduler.scale_model_input(sample, t), t).sample
        sample = scheduler.step(output, t, sample, **extra).prev_sample
    return sample


def run(case: dict, folder: pathlib.Path, output_type: str) -> torch.Tensor:
    call = case["call"]
    if case["model"] == "ddpm":
        return unconditional(folder, call)
    cls = getattr(diffusers, PIPELINES[case["model"], case["mode"]])
    extra = {} if case["model"] == "sdxl" else {"safety_checker": None, "requires_safety_checker": False}
    pipe = cls.from_pretrained(folder, scheduler=scheduler_of(folder, call.get("sampler")), **extra)
    pipe.set_progress_bar_config(disable=True)
    if not hasattr(pipe.text_encoder, "text_model"):  # transformers 5 has none, which diffusers' clip_skip asks for
        pipe.text_encoder.__dict__["text_model"] = pipe.text_encoder
    names = {
        "steps": "num_inference_steps",
        "guidance": "guidance_scale",
        "rescale": "guidance_rescale",
        "clipSkip": "clip_skip",
        "strength": "strength",
        "eta": "eta",
        "count": "num_images_per_prompt",
        "width": "width",
        "height": "height",
    }
    arguments = {names[key]: value for key, value in call.items() if key in names}
    prompts = call["prompts"]
    arguments["prompt"] = prompts if len(prompts) > 1 else prompts[0]
    if "negative" in call:
        arguments["negative_prompt"] = [call["negative"]] * len(prompts) if len(prompts) > 1 else call["negative"]
    if case["mode"] != "text":
        arguments["image"] = picture("image")
    if case["mode"] == "inpaint":
        arguments["mask_image"] = picture("mask")
    if case["mode"] == "image":
        arguments = {key: value for key, value in arguments.items() if key not in ("width", "height")}
    generator = torch.Generator().manual_seed(call["seed"])
    return pipe(generator=generator, output_type=output_type, **arguments).images


torch.set_num_threads(1)
torch.set_grad_enabled(False)
results = {}
for case in json.loads((FIXTURES / "pipelines/cases.json").read_text()):
    with tempfile.TemporaryDirectory() as scratch:
        folder = folder_of(case, scratch)
        latents = run(case, folder, "latent").float()
        assert latents.isfinite().all(), case["name"]
        results[case["name"]] = latents.contiguous()
        if case.get("picture"):
            pixels = np.stack([np.asarray(image) for image in run(case, folder, "pil")])
            results[f"{case['name']}: picture"] = torch.from_numpy(pixels)
    print(case["name"], tuple(latents.shape), f"{float(latents.abs().max()):.3g}", flush=True)
versions = {name: package.__version__ for name, package in [("diffusers", diffusers), ("torch", torch), ("transformers", transformers)]}
save_file(results, FIXTURES / "pipelines/cases.safetensors", versions)
