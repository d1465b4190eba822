"""Writes tests/fixtures/adapters/{sd15,sdxl}/adapters-more.safetensors and sdxl/embedding-xl.safetensors: final latents of runs
with LoRA, embeddings and prompt weights beside those of lora.safetensors.

    pip install torch==2.13.0 diffusers==0.42.1 transformers==5.24 safetensors && python tools/reference/adapters.py

sd15: `lcm` is four steps of the LCM sampler without guidance, `negative` takes a LoRA away, `unet` leaves the text encoder alone,
`embedding` has one in the negative prompt; `weights` are prompts of two chunks and of one, which an empty chunk fills up, read as
AUTOMATIC1111 does. sdxl: `embedding` has vectors for both text encoders; the prompt is summed up at its end, which transformers
misses where a config of before 4.31 meets tokens beyond the end's.
"""

import json
import pathlib

import diffusers
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

FIXTURES = pathlib.Path(__file__).parents[2] / "tests/fixtures"


def golden(kind):
    with safe_open(FIXTURES / f"adapters/{kind}/lora.safetensors", "pt") as file:
        return file.metadata()


def open_pipe(kind):
    name = {"sd15": "StableDiffusionPipeline", "sdxl": "StableDiffusionXLPipeline"}[kind]
    more = {"safety_checker": None} if kind == "sd15" else {"add_watermarker": False}
    pipe = getattr(diffusers, name).from_pretrained(FIXTURES / f"pipelines/{kind}/model", **more)
    if kind == "sd15":
        pipe.scheduler = diffusers.DDIMScheduler.from_config(json.loads(golden(kind)["scheduler"]))
    pipe.set_progress_bar_config(disable=True)
    return pipe


def latents(pipe, kind, **more):
    metadata = golden(kind)
    call = json.loads(metadata["call"]) | more
    generator = torch.Generator("cpu").manual_seed(int(metadata["seed"]))
    return pipe(**call, generator=generator, output_type="latent", return_dict=False)[0]


def with_lora(strength, only=""):
    """kohya.safetensors merged by hand, as far as its names begin with `only`."""
    pipe = open_pipe("sd15")
    state = load_file(FIXTURES / "adapters/sd15/kohya.safetensors")
    networks = {"lora_unet_": pipe.unet, "lora_te_": pipe.text_encoder}
    modules = {
        prefix + ("" if prefix == "lora_unet_" or name.startswith("text_model.") else "text_model_") + name.replace(".", "_"): module
        for prefix, network in networks.items()
        for name, module in network.named_modules()
    }
    for key, down in state.items():
        if key.startswith(only) and key.endswith(".lora_down.weight"):
            name = key.removesuffix(".lora_down.weight")
            up, weight = state[name + ".lora_up.weight"].double(), modules[name].weight
            scale = strength * state[name + ".alpha"].item() / down.shape[0]
            change = (up.flatten(1) @ down.double().flatten(1)).reshape(weight.shape)
            weight.data = (weight.data.double() + scale * change).float()
    return pipe


def weighted(pipe, pieces):
    """Chunks, each a list of (text, weight), as AUTOMATIC1111 encodes them."""
    rows = []
    for chunk in pieces:
        ids, weights = [], []
        for text, weight in chunk:
            own = pipe.tokenizer(text, add_special_tokens=False).input_ids
            ids, weights = ids + own, weights + [weight] * len(own)
        row = [pipe.tokenizer.bos_token_id, *ids, pipe.tokenizer.eos_token_id]
        row += [pipe.tokenizer.pad_token_id] * (77 - len(row))
        weight = torch.tensor([1.0, *weights] + [1.0] * (76 - len(weights)))
        states = pipe.text_encoder(torch.tensor([row]))[0]
        mean = states.mean()
        states = states * weight[None, :, None]
        rows.append(states * (mean / states.mean()))
    return torch.cat(rows, 1)


with torch.no_grad():
    made = {"negative": latents(with_lora(-0.6), "sd15"), "unet": latents(with_lora(0.8, "lora_unet_"), "sd15")}
    pipe = with_lora(0.8)
    pipe.scheduler = diffusers.LCMScheduler.from_config(pipe.scheduler.config)
    made["lcm"] = latents(pipe, "sd15", num_inference_steps=4, guidance_scale=1.0)
    pipe = open_pipe("sd15")
    pipe.load_textual_inversion(FIXTURES / "adapters/sd15/embedding-a1111.safetensors", token="mystyle")
    made["embedding"] = latents(pipe, "sd15", negative_prompt="blurry, mystyle")
    pipe = open_pipe("sd15")
    prompt = weighted(pipe, [[("a ", 1.0), ("red", 1.3), (" fox", 1.0)], [("on a hill", 0.5)]])
    negative = weighted(pipe, [[("blurry", 1.1)], []])
    made["weights"] = latents(pipe, "sd15", prompt=None, negative_prompt=None, prompt_embeds=prompt, negative_prompt_embeds=negative)
    save_file({k: v.contiguous() for k, v in made.items()}, FIXTURES / "adapters/sd15/adapters-more.safetensors")

    pipe = open_pipe("sdxl")
    random = torch.Generator("cpu").manual_seed(7)
    widths = (pipe.text_encoder.config.hidden_size, pipe.text_encoder_2.config.hidden_size)
    vectors = {key: 0.5 * torch.randn((2, width), generator=random) for key, width in zip(("clip_l", "clip_g"), widths)}
    save_file(vectors, FIXTURES / "adapters/sdxl/embedding-xl.safetensors")
    pipe.load_textual_inversion({"mystyle": vectors["clip_l"]}, token="mystyle", text_encoder=pipe.text_encoder, tokenizer=pipe.tokenizer)
    pipe.load_textual_inversion({"mystyle": vectors["clip_g"]}, token="mystyle", text_encoder=pipe.text_encoder_2, tokenizer=pipe.tokenizer_2)
    for module in pipe.text_encoder_2.modules():
        if hasattr(module, "eos_token_id"):
            module.eos_token_id = pipe.tokenizer_2.eos_token_id
    made = {"embedding": latents(pipe, "sdxl", prompt="a fox, mystyle, on a hill")}
    save_file(made, FIXTURES / "adapters/sdxl/adapters-more.safetensors")
