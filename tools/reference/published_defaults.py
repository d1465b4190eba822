"""Writes tests/fixtures/published-defaults.json: what each diffusers pipeline takes where a caller says nothing, and what
its constructor does to a scheduler's config. Reads diffusers' source without running it: no torch is needed.

    pip install --no-deps diffusers==0.42.1 && python tools/reference/published_defaults.py
"""
import ast
import importlib.metadata
import importlib.util
import json
import pathlib
import re

CLASSES = {
    "StableDiffusionPipeline": "stable_diffusion/pipeline_stable_diffusion.py",
    "StableDiffusionImg2ImgPipeline": "stable_diffusion/pipeline_stable_diffusion_img2img.py",
    "StableDiffusionInpaintPipeline": "stable_diffusion/pipeline_stable_diffusion_inpaint.py",
    "StableDiffusionXLPipeline": "stable_diffusion_xl/pipeline_stable_diffusion_xl.py",
    "StableDiffusionXLImg2ImgPipeline": "stable_diffusion_xl/pipeline_stable_diffusion_xl_img2img.py",
    "StableDiffusionXLInpaintPipeline": "stable_diffusion_xl/pipeline_stable_diffusion_xl_inpaint.py",
    "LatentConsistencyModelPipeline": "latent_consistency_models/pipeline_latent_consistency_text2img.py",
    "LatentConsistencyModelImg2ImgPipeline": "latent_consistency_models/pipeline_latent_consistency_img2img.py",
    "DDPMPipeline": "ddpm/pipeline_ddpm.py",
    "DDIMPipeline": "ddim/pipeline_ddim.py",
}
TAKEN = ("num_inference_steps", "guidance_scale", "strength", "eta", "guidance_rescale", "original_inference_steps")


def method(tree: ast.Module, class_name: str, name: str) -> ast.FunctionDef:
    (found,) = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == class_name]
    (body,) = [node for node in found.body if isinstance(node, ast.FunctionDef) and node.name == name]
    return body


def defaults(call: ast.FunctionDef) -> dict:
    arguments = call.args.args
    values = zip(arguments[len(arguments) - len(call.args.defaults) :], call.args.defaults)
    return {a.arg: ast.literal_eval(v) for a, v in values if a.arg in TAKEN}


def overrides(source: str) -> dict:
    pairs = re.findall(r'new_config\["(\w+)"\] = (\w+)', source)
    kept = {key: ast.literal_eval(value) for key, value in pairs}
    kept.pop("sample_size", None)  # of the U-Net
    return kept


root = pathlib.Path(importlib.util.find_spec("diffusers").submodule_search_locations[0]) / "pipelines"
found = {}
for name, path in CLASSES.items():
    text = (root / path).read_text()
    tree = ast.parse(text)
    constructor = ast.get_source_segment(text, method(tree, name, "__init__"))
    found[name] = {"call": defaults(method(tree, name, "__call__")), "scheduler": overrides(constructor)}
target = pathlib.Path(__file__).parents[2] / "tests/fixtures/published-defaults.json"
target.write_text(json.dumps({"diffusers": importlib.metadata.version("diffusers"), "pipelines": found}, indent=2) + "\n")
