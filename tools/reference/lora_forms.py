#!/usr/bin/env python3
"""Golden values for forms of LoRA that published files have and diffusers' own loader does not read in full.

  pip install torch==2.13.0 diffusers==0.42.1 transformers==5.24 safetensors
  python tools/reference/lora_forms.py

Random LoRAs for tests/fixtures/pipelines/sd15/model, merged by hand in float64 and run by diffusers: Tucker cores (LoCon,
LoKr), DoRA over inputs, DoRA in peft's names, and the original names of convolutions with bfloat16 factors. Writes
tests/fixtures/adapters/sd15/forms/.
"""

import json
import os
import re

import diffusers
import torch
from safetensors.torch import save_file

FIXTURES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tests/fixtures")
OUT = os.path.join(FIXTURES, "adapters/sd15/forms")
CALL = dict(prompt="mountains at sunset", negative_prompt="blurry", height=40, width=72, num_inference_steps=6, guidance_scale=6.0)
SEED, STRENGTH, RANK, ALPHA = 23, -0.6, 2, 3.0
SCALE = ALPHA / RANK
RESNET = {"conv1": "in_layers_2", "conv2": "out_layers_3", "time_emb_proj": "emb_layers_1", "conv_shortcut": "skip_connection"}

torch.manual_seed(5)
pipe = diffusers.StableDiffusionPipeline.from_pretrained(os.path.join(FIXTURES, "pipelines/sd15/model"), safety_checker=None)
pipe.scheduler = diffusers.DDIMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1, set_alpha_to_one=False, clip_sample=False)
pipe.set_progress_bar_config(disable=True)


def draw(*shape, gain=0.5):
    return torch.randn(shape) * gain


def run():
    generator = torch.Generator("cpu").manual_seed(SEED)
    with torch.no_grad():
        return pipe(**CALL, generator=generator, output_type="latent", return_dict=False)[0]


def modules(pattern):
    found = [(name, module) for name, module in pipe.unet.named_modules() if re.search(pattern, name)]
    assert found, pattern
    return found


def kohya(name):
    return "lora_unet_" + name.replace(".", "_")


def original(name):
    """The name of a convolution or time projection of a U-Net with two layers a level as CompVis counts blocks."""
    level, kind, index, leaf = re.match(r"\w+_blocks?(?:\.(\d))?\.(resnets|\w+samplers)\.(\d)\.(\w+)$", name).groups()
    if name.startswith("mid"):
        return f"lora_unet_middle_block_{2 * int(index)}_{RESNET[leaf]}"
    if kind == "downsamplers":
        return f"lora_unet_input_blocks_{3 * (int(level) + 1)}_0_op"
    if kind == "upsamplers":
        place = 2 if hasattr(pipe.unet.up_blocks[int(level)], "attentions") else 1
        return f"lora_unet_output_blocks_{3 * int(level) + 2}_{place}_conv"
    side, block = ("input", 3 * int(level) + int(index) + 1) if name.startswith("down") else ("output", 3 * int(level) + int(index))
    return f"lora_unet_{side}_blocks_{block}_0_{RESNET[leaf]}"


def locon_tucker(w):
    out, inner, *kernel = w.shape
    up, down, core = draw(out, RANK, 1, 1), draw(RANK, inner, 1, 1, gain=0.3), draw(RANK, RANK, *kernel)
    delta = torch.einsum("oa,abkl,bi->oikl", up[:, :, 0, 0].double(), core.double(), down[:, :, 0, 0].double())
    return {"lora_up.weight": up, "lora_down.weight": down, "lora_mid.weight": core, "alpha": torch.tensor(ALPHA)}, SCALE * delta


def lokr_tucker(w):
    out, inner, *kernel = w.shape
    left, a, b, core = draw(2, 2), draw(RANK, out // 2), draw(RANK, inner // 2), draw(RANK, RANK, *kernel)
    right = torch.einsum("ijkl,ip,jr->prkl", core.double(), a.double(), b.double())
    delta = torch.einsum("mn,prkl->mpnrkl", left.double(), right).reshape(w.shape)
    return {"lokr_w1": left, "lokr_w2_a": a, "lokr_w2_b": b, "lokr_t2": core, "alpha": torch.tensor(ALPHA)}, SCALE * delta


def dora(w, axis, scale):
    down, up = draw(RANK, w.shape[1], gain=0.3), draw(w.shape[0], RANK)
    turned = w.double() + scale * up.double() @ down.double()
    lengths = w.norm(dim=axis, keepdim=True)
    magnitude = lengths * (1 + 0.2 * torch.randn(lengths.shape))
    return down, up, magnitude, magnitude.double() * turned / turned.norm(dim=axis, keepdim=True) - w.double()


def dora_inputs(w):
    down, up, magnitude, delta = dora(w, 0, SCALE)
    return {"lora_up.weight": up, "lora_down.weight": down, "dora_scale": magnitude, "alpha": torch.tensor(ALPHA)}, delta


def dora_peft(w):
    down, up, magnitude, delta = dora(w, 1, 1.0)
    return {"lora_B.weight": up, "lora_A.weight": down, "lora_magnitude_vector": magnitude.flatten()}, delta


def bfloat16(w):
    down = draw(1, *w.shape[1:], gain=0.3).bfloat16()
    up = draw(w.shape[0], 1, *([1, 1] if w.ndim == 4 else [])).bfloat16()
    delta = ALPHA * (up.double().flatten(1) @ down.double().flatten(1)).reshape(w.shape)
    return {"lora_up.weight": up, "lora_down.weight": down, "alpha": torch.tensor(ALPHA).bfloat16()}, delta


FORMS = {
    "locon-tucker": (r"resnets\.\d\.conv1$", kohya, locon_tucker),
    "lokr-tucker": (r"resnets\.\d\.conv2$|samplers\.0\.conv$", kohya, lokr_tucker),
    "dora-inputs": (r"attn1\.to_q$|ff\.net\.0\.proj$", kohya, dora_inputs),
    "dora-peft": (r"attn2\.to_k$|ff\.net\.2$", lambda name: "unet." + name, dora_peft),
    "original-names": (r"resnets\.\d\.(conv[12]|conv_shortcut|time_emb_proj)$|samplers\.0\.conv$", original, bfloat16),
}

os.makedirs(OUT, exist_ok=True)
made = {"base": run()}
for form, (pattern, name_of, change) in FORMS.items():
    tensors, kept = {}, []
    for name, module in modules(pattern):
        weight = module.weight.data
        own, delta = change(weight)
        tensors |= {f"{name_of(name)}.{part}": value.contiguous() for part, value in own.items()}
        module.weight.data = (weight.double() + STRENGTH * delta).float()
        kept.append((module, weight))
    made[form] = run()
    for module, weight in kept:
        module.weight.data = weight
    save_file(tensors, os.path.join(OUT, f"{form}.safetensors"))
    print(form, len(kept), "modules, change", round(float((made[form] - made["base"]).abs().max()), 3))
versions = f"torch {torch.__version__}, diffusers {diffusers.__version__}"
save_file(made, os.path.join(OUT, "latents.safetensors"), {"call": json.dumps(CALL), "seed": str(SEED), "strength": str(STRENGTH), "versions": versions})
