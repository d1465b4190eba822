"""Trains the small CLIP, resuming from --work: images of scenes against their captions and the captions nearest to them.

    python train_clip.py --sprites SPRITES --work WORK --steps 2400

Every batch holds each image's caption, captions with another noun or another colour, and sometimes names a noun or a colour alone.
"""
import argparse
import math
import os
import time

import torch
from torch.nn import functional as F

from scene_clip import image_embeds, load_tokenizer, new_clip, text_embeds
from scene_sets import (COLOUR_NAMES, HELD_OUT, NOUN_NAMES, TRAINING, article, as_input, augment, caption, generator_of, save,
                        scene_set)

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--sprites", default="sprites")
parser.add_argument("--work", default="work")
parser.add_argument("--scenes", type=int, default=12000)
parser.add_argument("--steps", type=int, default=2400)
parser.add_argument("--batch", type=int, default=48)
parser.add_argument("--rate", type=float, default=1.5e-3)
args = parser.parse_args()
torch.set_num_threads(1)
torch.manual_seed(0)
os.makedirs(args.work, exist_ok=True)
while not os.path.exists(os.path.join(args.work, f"scenes-{HELD_OUT}-2000.npz")):
    time.sleep(5)  # train_features.py draws them

images, nouns, colours = scene_set(args.work, args.sprites, TRAINING, args.scenes)
held_images, held_nouns, held_colours = (part[:1000] for part in scene_set(args.work, args.sprites, HELD_OUT, 2000))
nouns, colours = torch.from_numpy(nouns), torch.from_numpy(colours)
tokenizer = load_tokenizer()
clip = new_clip(len(tokenizer))
N, C = len(NOUN_NAMES), len(COLOUR_NAMES)
texts = [caption(n, c) for n in range(N) for c in range(C)] + [article(word) for word in NOUN_NAMES] + [f"{article(word)} background" for word in COLOUR_NAMES]
tokens = torch.tensor(tokenizer(texts, padding=True).input_ids)
# What a text says: the index of its noun and of its colour, -1 where it names none.
said = torch.tensor([(n, c) for n in range(N) for c in range(C)] + [(n, -1) for n in range(N)] + [(-1, c) for c in range(C)])

norms = [p for p in clip.parameters() if p.ndim < 2]
optimizer = torch.optim.AdamW([{"params": [p for p in clip.parameters() if p.ndim > 1], "weight_decay": 0.05}, {"params": norms, "weight_decay": 0}],
                              lr=args.rate, betas=(0.9, 0.98))
path, step, busy = os.path.join(args.work, "clip.pt"), 0, 0.0
if os.path.exists(path):
    state = torch.load(path)
    clip.load_state_dict(state["clip"]); optimizer.load_state_dict(state["optimizer"])
    step, busy = state["step"], state["seconds"]
print(f"{sum(p.numel() for p in clip.parameters())} parameters, from step {step}", flush=True)


def texts_of(noun, colour, generator):
    """Indices of every image's caption and of two false ones near it, and of some texts that name one thing alone."""
    other = lambda labels, count: (labels + torch.randint(1, count, labels.shape, generator=generator)) % count
    chosen = [noun * C + colour, other(noun, N) * C + colour, noun * C + other(colour, C)]
    alone = torch.randperm(N + C, generator=generator)[:12] + N * C
    return torch.cat([*chosen, alone]).unique()


@torch.no_grad()
def accuracy():
    clip.eval()
    image = torch.cat([image_embeds(clip, as_input(held_images[i:i + 100]), 64, None) for i in range(0, len(held_images), 100)])
    guess = (image @ text_embeds(clip, tokens[:N * C]).T).argmax(1).numpy()
    clip.train()
    return (guess == held_nouns * C + held_colours).mean(), (guess // C == held_nouns).mean(), (guess % C == held_colours).mean()


kept = time.time()
while step < args.steps:
    began = time.process_time()
    generator = generator_of("clip", step)
    progress = step / args.steps
    for group in optimizer.param_groups:
        group["lr"] = args.rate * min(1, (step + 1) / 150) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress)))
    i = torch.randint(0, len(nouns), (args.batch,), generator=generator)
    noun, colour = nouns[i], colours[i]
    x = augment(as_input(images[i.numpy()]), generator)
    chosen = texts_of(noun, colour, generator)
    with torch.autocast("cpu", torch.bfloat16):
        image = image_embeds(clip, x, 32 if progress < 0.7 else 64, generator)
        text = text_embeds(clip, tokens[chosen])
    logits = image @ text.T * clip.logit_scale.exp()
    says = said[chosen]
    true = ((says[None, :, 0] == noun[:, None]) | (says[None, :, 0] < 0)) & ((says[None, :, 1] == colour[:, None]) | (says[None, :, 1] < 0))
    whole = (says >= 0).all(1)
    # Images choose among whole captions, texts of both kinds among images: the true ones share the weight.
    by_image = F.cross_entropy(logits.masked_fill(~whole, -1e4), (chosen[None] == (noun * C + colour)[:, None]).float().argmax(1))
    some = true.any(0)
    share = (true[:, some].float() / true[:, some].sum(0)).T
    loss = (by_image + F.cross_entropy(logits[:, some].T, share)) / 2
    loss.backward()
    torch.nn.utils.clip_grad_norm_(clip.parameters(), 1.0)
    optimizer.step(); optimizer.zero_grad(); step += 1
    with torch.no_grad():
        clip.logit_scale.clamp_(0, math.log(50))
    busy += time.process_time() - began
    if step % 50 == 0:
        print(f"step {step}  loss {loss.item():.4f}  by image {by_image.item():.4f}  scale {clip.logit_scale.exp().item():.1f}  {busy:.0f} s of CPU", flush=True)
    if step % 400 == 0 or step == args.steps:
        print("held-out accuracy among 480 captions: %.4f, noun %.4f, colour %.4f" % accuracy(), flush=True)
    if time.time() - kept > 60 or step == args.steps:
        save(path, clip=clip.state_dict(), optimizer=optimizer.state_dict(), step=step, seconds=busy); kept = time.time()
