"""Trains the embedded text-to-image model and saves it as a Stable Diffusion pipeline folder (diffusers layout).

    python train.py vae    --preset cpu --minutes 40
    python train.py unet   --preset cpu --minutes 150
    python train.py export --preset cpu --out fluent-scenes

`vae --from FOLDER --minutes 0` takes an autoencoder that exists already. The sprites are Microsoft's Fluent Emoji, 3-D style
(MIT, github.com/microsoft/fluentui-emoji), cropped to their alpha box, reduced to 128 pixels and saved as --sprites/NAME.png;
names.json there maps each file to its CLDR name.

Stages keep their state in --work and resume from it; --minutes bounds one call. The schedule is Stable Diffusion's own
(scaled_linear betas, PNDM default) with v-prediction, which learns colours and shapes several times sooner than epsilon at this size;
the U-Net and the text encoder train together on latents. Needs torch, diffusers, transformers, tokenizers, pillow and numpy.
"""
import argparse
import json
import math
import os
import random
import shutil
import time

import numpy as np
import torch
from diffusers import AutoencoderKL, DDIMScheduler, PNDMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from PIL import Image
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from scenes import COLOURS, NOUNS, data_set, load_sprites

PRESETS = {
    # 64-pixel images, 40 nouns, latents 16x16x4: two CPU cores (bfloat16 where they have it), hours
    "cpu": dict(size=64, nouns=NOUNS, pairs=0.0, images=12000, vae=(16, 32, 64), vae_layers=1, vae_batch=4, vae_crop=32, vae_lr=2e-3,
                unet=(64, 128, 192), text=(128, 2), batch=64, lr=1e-3, groups=16),
    # 128-pixel images, every sprite, pairs of them, latents 32x32x4: one large GPU, tens of minutes
    "gpu": dict(size=128, nouns=None, pairs=0.35, images=60000, vae=(64, 128, 192), vae_layers=2, vae_batch=48, vae_crop=96, vae_lr=4e-4,
                unet=(96, 192, 288, 288), text=(256, 4), batch=384, lr=4e-4, groups=32),
}
TOKENS = 24  # of a prompt, start and end included
BETAS = dict(num_train_timesteps=1000, beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", prediction_type="v_prediction")
device = "cuda" if torch.cuda.is_available() else "cpu"


def train_tokenizer(captions, folder):
    """Byte-pair merges learnt on the captions, written as CLIP's vocab.json and merges.txt."""
    learner = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    learner.normalizer = normalizers.Lowercase()
    learner.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"), behavior="removed", invert=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False)])
    learner.train_from_iterator(captions, trainers.BpeTrainer(vocab_size=4000, end_of_word_suffix="</w>", show_progress=False))
    merges = json.loads(learner.to_str())["model"]["merges"]
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces = letters + [letter + "</w>" for letter in letters] + ["".join(pair) for pair in merges]
    pieces = list(dict.fromkeys(pieces)) + ["<|startoftext|>", "<|endoftext|>"]
    os.makedirs(folder, exist_ok=True)
    json.dump({piece: i for i, piece in enumerate(pieces)}, open(os.path.join(folder, "vocab.json"), "w", encoding="utf-8"), ensure_ascii=False)
    with open(os.path.join(folder, "merges.txt"), "w", encoding="utf-8") as out:
        out.write("#version: 0.2\n" + "\n".join(" ".join(pair) for pair in merges) + "\n")
    tokenizer = CLIPTokenizer(vocab=os.path.join(folder, "vocab.json"), merges=os.path.join(folder, "merges.txt"), model_max_length=TOKENS)
    tokenizer.save_pretrained(folder)
    return tokenizer


def load_tokenizer(work):
    return CLIPTokenizer.from_pretrained(os.path.join(work, "tokenizer"), model_max_length=TOKENS)


def scenes_of(args, preset):
    """The training scenes, drawn once and kept in --work."""
    path = os.path.join(args.work, "scenes.npz")
    if not os.path.exists(path):
        images, captions = data_set(load_sprites(args.sprites, preset["nouns"]), preset["images"], preset["size"], seed=1, pairs=preset["pairs"])
        np.savez(path, images=images, captions=np.array(captions))
        train_tokenizer(captions, os.path.join(args.work, "tokenizer"))
    data = np.load(path)
    return torch.from_numpy(data["images"]).permute(0, 3, 1, 2), [str(caption) for caption in data["captions"]]


def new_vae(preset):
    levels = len(preset["vae"])
    return AutoencoderKL(in_channels=3, out_channels=3, latent_channels=4, sample_size=preset["size"], block_out_channels=preset["vae"],
                         down_block_types=("DownEncoderBlock2D",) * levels, up_block_types=("UpDecoderBlock2D",) * levels,
                         layers_per_block=preset["vae_layers"], norm_num_groups=8, mid_block_add_attention=False)


def new_unet(preset):
    inner = len(preset["unet"]) - 1
    return UNet2DConditionModel(sample_size=preset["size"] // 4, in_channels=4, out_channels=4, block_out_channels=preset["unet"], layers_per_block=2,
                                down_block_types=("CrossAttnDownBlock2D",) * inner + ("DownBlock2D",),
                                up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * inner,
                                cross_attention_dim=preset["text"][0], attention_head_dim=4, norm_num_groups=preset["groups"])


def new_text_encoder(preset, vocabulary):
    width, layers = preset["text"]
    return CLIPTextModel(CLIPTextConfig(vocab_size=vocabulary, hidden_size=width, intermediate_size=4 * width, num_hidden_layers=layers,
                                        num_attention_heads=4, max_position_embeddings=TOKENS, hidden_act="quick_gelu", projection_dim=width,
                                        bos_token_id=vocabulary - 2, eos_token_id=vocabulary - 1, pad_token_id=vocabulary - 1))


class Average:
    """Exponential moving average of parameters, with warm-up."""

    def __init__(self, parameters, decay):
        self.live, self.decay, self.shadow = parameters, decay, [p.detach().clone() for p in parameters]

    @torch.no_grad()
    def update(self, step):
        torch._foreach_lerp_(self.shadow, [p.detach() for p in self.live], 1 - min(self.decay, (1 + step) / (10 + step)))

    @torch.no_grad()
    def install(self):
        for parameter, average in zip(self.live, self.shadow):
            parameter.copy_(average)


def save(path, **state):
    torch.save(state, path + ".part")
    os.replace(path + ".part", path)


def train_vae(args, preset):
    images, _ = scenes_of(args, preset)
    start_from = AutoencoderKL.from_pretrained(getattr(args, "from")) if getattr(args, "from") else new_vae(preset)
    vae = start_from.to(device, memory_format=torch.channels_last)
    parameters = list(vae.parameters())
    average = Average(parameters, 0.995)
    optimizer = torch.optim.AdamW(parameters, lr=preset["vae_lr"], weight_decay=1e-4, betas=(0.9, 0.98), fused=True)
    path, step = os.path.join(args.work, "vae.pt"), 0
    if os.path.exists(path):
        state = torch.load(path, map_location=device)
        vae.load_state_dict(state["vae"]); optimizer.load_state_dict(state["optimizer"]); average.shadow, step = state["average"], state["step"]
    start, running, held_out = time.time(), None, len(images) - 256
    while args.minutes > 0 and (passed := (time.time() - start) / 60 / args.minutes) < 1:
        whole = passed > 0.6 or step > 6000  # small crops first, whole images to finish
        rate = preset["vae_lr"] * min(1, (step + 1) / 50) * (0.5 * (1 + math.cos(math.pi * passed)) * 0.97 + 0.03)
        for group in optimizer.param_groups:
            group["lr"] = rate
        batch = preset["vae_batch"] * (1 if whole else 2)
        x = images[torch.randint(0, held_out, (batch,))].to(device).float() / 127.5 - 1
        if not whole:
            crop, room = preset["vae_crop"], preset["size"] - preset["vae_crop"]
            a, b = random.randint(0, room), random.randint(0, room)
            x = x[..., a:a + crop, b:b + crop]
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            posterior = vae.encode(x.contiguous(memory_format=torch.channels_last)).latent_dist
            difference = vae.decode(posterior.sample()).sample.float() - x
        edges = (difference[..., 1:] - difference[..., :-1]).abs().mean() + (difference[..., 1:, :] - difference[..., :-1, :]).abs().mean()
        kl = posterior.kl().mean() / (x.shape[-1] // 4) ** 2 / 4
        (difference.abs().mean() + 0.5 * edges + 3e-4 * kl).backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step(); optimizer.zero_grad(); step += 1
        average.update(step)
        psnr = -10 * math.log10((difference.detach() / 2).square().mean().item())
        running = psnr if running is None else 0.99 * running + 0.01 * psnr
        if step % 250 == 0:
            print(f"vae step {step}  {(time.time() - start) / 60:.1f} min  psnr {running:.2f}  kl {kl.item():.2f}", flush=True)
    save(path, vae=vae.state_dict(), optimizer=optimizer.state_dict(), average=average.shadow, step=step)
    average.install(); vae.eval()
    with torch.no_grad():
        x = images[held_out:].to(device).float() / 127.5 - 1
        y = torch.cat([vae.decode(vae.encode(part).latent_dist.mode()).sample for part in x.split(32)])
        error = ((y.clamp(-1, 1) - x) / 2).square().mean((1, 2, 3))
        print(f"held-out psnr {(-10 * error.log10()).mean().item():.2f} dB", flush=True)
        standardize(vae, images[:4096])
    vae.save_pretrained(os.path.join(args.work, "vae"))
    if os.path.exists(os.path.join(args.work, "latents.pt")):
        os.remove(os.path.join(args.work, "latents.pt"))


@torch.no_grad()
def standardize(vae, images):
    """Folds each latent channel's mean and deviation into the quant convolutions, so that latents are standard as they are."""
    latents = torch.cat([vae.encode(part.to(device).float() / 127.5 - 1).latent_dist.mode() for part in images.split(64)])
    mean, std = latents.mean((0, 2, 3)), latents.std((0, 2, 3))
    weight, bias, count = vae.quant_conv.weight, vae.quant_conv.bias, len(mean)
    weight[:count] /= std[:, None, None, None]
    bias[:count] = (bias[:count] - mean) / std
    bias[count:] -= 2 * std.log()
    vae.post_quant_conv.bias += vae.post_quant_conv.weight[:, :, 0, 0] @ mean
    vae.post_quant_conv.weight *= std[None, :, None, None]
    vae.register_to_config(scaling_factor=1.0)


def latents_of(args, images):
    """Scaled posterior means and deviations of every scene under the trained autoencoder."""
    path = os.path.join(args.work, "latents.pt")
    if not os.path.exists(path):
        vae = AutoencoderKL.from_pretrained(os.path.join(args.work, "vae")).to(device).eval()
        with torch.no_grad():
            parts = [vae.encode(part.to(device).float() / 127.5 - 1).latent_dist for part in images.split(64)]
            scale = vae.config.scaling_factor
            save(path, mean=torch.cat([p.mean for p in parts]).cpu() * scale, std=torch.cat([p.std for p in parts]).cpu() * scale)
    return torch.load(path)


def train_unet(args, preset):
    images, captions = scenes_of(args, preset)
    latents, tokenizer = latents_of(args, images), load_tokenizer(args.work)
    encode = lambda texts: torch.tensor(tokenizer(texts, padding="max_length", truncation=True, max_length=TOKENS).input_ids)
    tokens, empty = encode(captions), encode([""])[0]
    unet, text = new_unet(preset).to(device, memory_format=torch.channels_last), new_text_encoder(preset, len(tokenizer)).to(device)
    parameters = list(unet.parameters()) + [p for p in text.parameters() if p.requires_grad]
    print(f"U-Net {sum(p.numel() for p in unet.parameters()) / 1e6:.2f} M, text {sum(p.numel() for p in text.parameters()) / 1e6:.2f} M parameters", flush=True)
    average = Average(parameters, 0.9995 if device == "cuda" else 0.998)
    optimizer = torch.optim.AdamW(parameters, lr=preset["lr"], weight_decay=1e-3, betas=(0.9, 0.98), fused=True)
    path, step, spent = os.path.join(args.work, "unet.pt"), 0, 0.0
    if os.path.exists(path):
        state = torch.load(path, map_location=device)
        unet.load_state_dict(state["unet"]); text.load_state_dict(state["text"]); optimizer.load_state_dict(state["optimizer"])
        average.shadow, step, spent = state["average"], state["step"], state["minutes"]
    alphas = DDIMScheduler(**BETAS).alphas_cumprod.to(device)
    start, running, drawn, kept, total = time.time(), None, time.time(), time.time(), args.total or spent + args.minutes
    keep = lambda: save(path, unet=unet.state_dict(), text=text.state_dict(), optimizer=optimizer.state_dict(), average=average.shadow,
                        step=step, minutes=spent + (time.time() - start) / 60)
    while (passed := (time.time() - start) / 60) < args.minutes:
        progress = min(1.0, (spent + passed) / total)
        for group in optimizer.param_groups:
            group["lr"] = preset["lr"] * min(1, (step + 1) / 200) * max(0.03, 1 - progress)
        i = torch.randint(0, len(captions), (preset["batch"],))
        x = (latents["mean"][i] + latents["std"][i] * torch.randn_like(latents["std"][i])).to(device)
        prompt = tokens[i].clone()
        prompt[torch.rand(len(i)) < 0.1] = empty
        t = torch.randint(0, 1000, (len(i),), device=device)
        noise, alpha = torch.randn_like(x), alphas[t][:, None, None, None]
        with torch.autocast(device, torch.bfloat16):
            context = text(prompt.to(device)).last_hidden_state
            guess = unet(alpha.sqrt() * x + (1 - alpha).sqrt() * noise, t, context).sample
        velocity = alpha.sqrt() * noise - (1 - alpha).sqrt() * x
        loss = (guess.float() - velocity).square().mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step(); optimizer.zero_grad(); step += 1
        average.update(step)
        running = loss.item() if running is None else 0.98 * running + 0.02 * loss.item()
        if step % 50 == 0:
            print(f"unet step {step}  {passed:.1f} min  loss {running:.4f}  {step * preset['batch']} samples", flush=True)
        if time.time() - kept > 300:
            keep(); kept = time.time()
        if time.time() - drawn > 900:
            live = [p.detach().clone() for p in parameters]
            average.install()
            draw(args, preset, unet, text, tokenizer, f"samples-{step}.png")
            with torch.no_grad():
                for parameter, value in zip(parameters, live):
                    parameter.copy_(value)
            drawn = time.time()
    keep()
    average.install()
    draw(args, preset, unet, text, tokenizer, "samples-last.png")


@torch.no_grad()
def draw(args, preset, unet, text, tokenizer, name, guidance=4.0, steps=30):
    """A sheet of 24 fixed prompts from fixed noise."""
    unet.eval(); text.eval()
    vae = AutoencoderKL.from_pretrained(os.path.join(args.work, "vae")).to(device).eval()
    words, colours = list(load_sprites(args.sprites, preset["nouns"]))[:24], list(COLOURS)
    encode = lambda texts: text(torch.tensor(tokenizer(texts, padding="max_length", max_length=TOKENS, truncation=True).input_ids).to(device)).last_hidden_state
    context = torch.cat([encode([""] * 24), encode([f"a {word} on a {colours[i % 12]} background" for i, word in enumerate(words)])])
    scheduler = DDIMScheduler(**BETAS, clip_sample=False, set_alpha_to_one=False, steps_offset=1, timestep_spacing="trailing")
    scheduler.set_timesteps(steps)
    latent = preset["size"] // 4
    x = torch.randn(24, 4, latent, latent, generator=torch.Generator().manual_seed(0)).to(device)
    for t in scheduler.timesteps:
        without, with_prompt = unet(torch.cat([x, x]), t, context).sample.chunk(2)
        x = scheduler.step(without + guidance * (with_prompt - without), t, x).prev_sample
    pictures = ((vae.decode(x / vae.config.scaling_factor).sample.clamp(-1, 1) + 1) * 127.5).byte().permute(0, 2, 3, 1).cpu().numpy()
    size = preset["size"]
    sheet = Image.new("RGB", (8 * size, 3 * size))
    for i, picture in enumerate(pictures):
        sheet.paste(Image.fromarray(picture), ((i % 8) * size, (i // 8) * size))
    sheet.resize((8 * 128, 3 * 128), Image.LANCZOS).save(os.path.join(args.work, name))
    unet.train(); text.train()


def export(args, preset):
    """Saves the pipeline with the averaged weights of unet.pt, finished or not."""
    part, tokenizer = lambda name: os.path.join(args.work, name), load_tokenizer(args.work)
    unet, text = new_unet(preset), new_text_encoder(preset, len(tokenizer))
    state = torch.load(part("unet.pt"), map_location="cpu")
    unet.load_state_dict(state["unet"]); text.load_state_dict(state["text"])
    with torch.no_grad():
        live = list(unet.parameters()) + [p for p in text.parameters() if p.requires_grad]
        for parameter, average in zip(live, state["average"]):
            parameter.copy_(average)
    print(f"step {state['step']}, {state['step'] * preset['batch']} samples, {state['minutes']:.0f} minutes", flush=True)
    pipeline = StableDiffusionPipeline(
        vae=AutoencoderKL.from_pretrained(part("vae")), unet=unet, text_encoder=text, tokenizer=tokenizer,
        scheduler=PNDMScheduler(**BETAS, skip_prk_steps=True, set_alpha_to_one=False, steps_offset=1, timestep_spacing="leading"),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False)
    pipeline.to(torch.float16).save_pretrained(args.out)
    for file in ("vocab.json", "merges.txt"):  # transformers 5 writes tokenizer.json alone; published folders have these
        shutil.copy(os.path.join(args.work, "tokenizer", file), os.path.join(args.out, "tokenizer", file))
    for folder in ("unet", "vae", "text_encoder"):  # where the networks lay on the trainer's disk is nobody's business
        path = os.path.join(args.out, folder, "config.json")
        config = {key: value for key, value in json.load(open(path)).items() if key != "_name_or_path"}
        json.dump(config, open(path, "w"), indent=2)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", choices=["vae", "unet", "export"])
    parser.add_argument("--preset", choices=PRESETS, default="cpu")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--total", type=float, help="minutes that the U-Net's learning-rate schedule spans over all calls")
    parser.add_argument("--from", help="autoencoder to start from, in diffusers' layout")
    parser.add_argument("--work", default="work")
    parser.add_argument("--sprites", default="sprites")
    parser.add_argument("--out", default="fluent-scenes")
    arguments = parser.parse_args()
    os.makedirs(arguments.work, exist_ok=True)
    torch.manual_seed(int(time.time())); random.seed()
    {"vae": train_vae, "unet": train_unet, "export": export}[arguments.stage](arguments, PRESETS[arguments.preset])
