"""Writes tests/fixtures/config-fields.json: every field of every config class of diffusers and transformers that is read
here, with its default. Reads their source without running it: no torch is needed.

    pip install --no-deps diffusers==0.42.1 transformers==5.24 && python tools/reference/config_fields.py
"""
import ast
import importlib.metadata
import importlib.util
import json
import pathlib
import re

# Classes whose fields are the arguments of __init__, by module.
DIFFUSERS = {
    "UNet2DConditionModel": "models/unets/unet_2d_condition.py",
    "UNet2DModel": "models/unets/unet_2d.py",
    "AutoencoderKL": "models/autoencoders/autoencoder_kl.py",
    "VQModel": "models/autoencoders/vq_model.py",
    "AutoencoderTiny": "models/autoencoders/autoencoder_tiny.py",
    "ControlNetModel": "models/controlnets/controlnet.py",
    "T2IAdapter": "models/adapter.py",
    "DDPMScheduler": "schedulers/scheduling_ddpm.py",
    "DDIMScheduler": "schedulers/scheduling_ddim.py",
    "PNDMScheduler": "schedulers/scheduling_pndm.py",
    "EulerDiscreteScheduler": "schedulers/scheduling_euler_discrete.py",
    "EulerAncestralDiscreteScheduler": "schedulers/scheduling_euler_ancestral_discrete.py",
    "HeunDiscreteScheduler": "schedulers/scheduling_heun_discrete.py",
    "KDPM2DiscreteScheduler": "schedulers/scheduling_k_dpm_2_discrete.py",
    "KDPM2AncestralDiscreteScheduler": "schedulers/scheduling_k_dpm_2_ancestral_discrete.py",
    "LMSDiscreteScheduler": "schedulers/scheduling_lms_discrete.py",
    "DPMSolverMultistepScheduler": "schedulers/scheduling_dpmsolver_multistep.py",
    "DPMSolverSinglestepScheduler": "schedulers/scheduling_dpmsolver_singlestep.py",
    "DEISMultistepScheduler": "schedulers/scheduling_deis_multistep.py",
    "UniPCMultistepScheduler": "schedulers/scheduling_unipc_multistep.py",
    "LCMScheduler": "schedulers/scheduling_lcm.py",
    "TCDScheduler": "schedulers/scheduling_tcd.py",
    "IPNDMScheduler": "schedulers/scheduling_ipndm.py",
    "DPMSolverSDEScheduler": "schedulers/scheduling_dpmsolver_sde.py",
    "SASolverScheduler": "schedulers/scheduling_sasolver.py",
    "EDMEulerScheduler": "schedulers/scheduling_edm_euler.py",
    "EDMDPMSolverMultistepScheduler": "schedulers/scheduling_edm_dpmsolver_multistep.py",
    "CosineDPMSolverMultistepScheduler": "schedulers/scheduling_cosine_dpmsolver_multistep.py",
    "DDIMParallelScheduler": "schedulers/scheduling_ddim_parallel.py",
    "DDPMParallelScheduler": "schedulers/scheduling_ddpm_parallel.py",
}
# Classes whose fields are annotated attributes.
TRANSFORMERS = {
    "CLIPTextConfig": "models/clip/configuration_clip.py",
    "CLIPVisionConfig": "models/clip/configuration_clip.py",
    "CLIPConfig": "models/clip/configuration_clip.py",
    "PreTrainedConfig": "configuration_utils.py",
}
TOKENIZER = {"CLIPTokenizer": "models/clip/tokenization_clip.py"}
# What all tokenizers take is not declared but read from keyword arguments, here.
TOKENIZER_BASES = {"TokenizersBackend": "tokenization_utils_tokenizers.py", "PreTrainedTokenizerBase": "tokenization_utils_base.py"}
# Pipelines ask for fields that their models' classes need not declare.
PIPELINES = [
    "stable_diffusion/pipeline_stable_diffusion.py",
    "stable_diffusion/pipeline_stable_diffusion_img2img.py",
    "stable_diffusion/pipeline_stable_diffusion_inpaint.py",
    "stable_diffusion_xl/pipeline_stable_diffusion_xl.py",
    "stable_diffusion_xl/pipeline_stable_diffusion_xl_img2img.py",
    "stable_diffusion_xl/pipeline_stable_diffusion_xl_inpaint.py",
    "latent_consistency_models/pipeline_latent_consistency_text2img.py",
    "latent_consistency_models/pipeline_latent_consistency_img2img.py",
]


def class_of(root: pathlib.Path, path: str, name: str) -> ast.ClassDef:
    tree = ast.parse((root / path).read_text())
    (found,) = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name]
    return found


def value(node: ast.expr | None) -> object:
    if node is None:
        return {"required": True}
    try:
        return ast.literal_eval(node)
    except ValueError:
        return {"python": ast.unparse(node)}


def arguments(found: ast.ClassDef) -> dict:
    (init,) = [node for node in found.body if isinstance(node, ast.FunctionDef) and node.name == "__init__"]
    names = [a.arg for a in init.args.args][1:]
    defaults = [None] * (len(names) - len(init.args.defaults)) + init.args.defaults
    return {name: value(default) for name, default in zip(names, defaults)}


def attributes(found: ast.ClassDef) -> dict:
    return {
        node.target.id: value(node.value)
        for node in found.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and "ClassVar" not in ast.unparse(node.annotation)
    }


def root_of(package: str) -> pathlib.Path:
    return pathlib.Path(importlib.util.find_spec(package).submodule_search_locations[0])


def asked(text: str, component: str) -> set[str]:
    return set(re.findall(rf'self\.{component}\.config(?:\.|, ")(\w+)', text))


def keywords(path: str, name: str) -> set[str]:
    (init,) = [
        node
        for node in class_of(transformers, path, name).body
        if isinstance(node, ast.FunctionDef) and node.name == "__init__"
    ]
    found = re.findall(r"kwargs(?:\.(?:get|pop|setdefault)\(|\[)'(\w+)'", ast.unparse(init))
    return {field for field in found if field[0] != "_"}


diffusers, transformers = root_of("diffusers"), root_of("transformers")
classes = {name: arguments(class_of(diffusers, path, name)) for name, path in DIFFUSERS.items()}
classes |= {name: attributes(class_of(transformers, path, name)) for name, path in TRANSFORMERS.items()}
classes |= {name: arguments(class_of(transformers, path, name)) for name, path in TOKENIZER.items()}
pipelines = "".join((diffusers / "pipelines" / path).read_text() for path in PIPELINES)
asks = {
    "UNet2DConditionModel": sorted(asked(pipelines, "unet")),
    "AutoencoderKL": sorted(asked(pipelines, "vae")),
    "CLIPTextConfig": sorted(asked(pipelines, "text_encoder(?:_2)?")),
    "CLIPTokenizer": sorted(set().union(*(keywords(path, name) for name, path in TOKENIZER_BASES.items()))),
}
versions = {name: importlib.metadata.version(name) for name in ("diffusers", "transformers")}
target = pathlib.Path(__file__).parents[2] / "tests/fixtures/config-fields.json"
target.write_text(json.dumps({**versions, "classes": classes, "asked": asks}, indent=1) + "\n")
