"""Trains the feature network, resuming from --work: nouns and colours of scenes.

    python train_features.py --sprites SPRITES --work WORK --steps 3000

The learning rate falls over --steps; a run that was stopped goes on where it kept its state.
"""
import argparse
import math
import os
import time

import torch
from torch.nn import functional as F

from scene_network import CONFIG, SceneNetwork
from scene_sets import COLOUR_NAMES, HELD_OUT, NOUN_NAMES, TRAINING, as_input, augment, generator_of, save, scene_set

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--sprites", default="sprites")
parser.add_argument("--work", default="work")
parser.add_argument("--scenes", type=int, default=12000)
parser.add_argument("--steps", type=int, default=3000)
parser.add_argument("--batch", type=int, default=32)
parser.add_argument("--rate", type=float, default=2e-3)
args = parser.parse_args()
torch.set_num_threads(1)
torch.manual_seed(0)
os.makedirs(args.work, exist_ok=True)

images, nouns, colours = scene_set(args.work, args.sprites, TRAINING, args.scenes)
held_images, held_nouns, held_colours = (part[:1000] for part in scene_set(args.work, args.sprites, HELD_OUT, 2000))
nouns, colours = torch.from_numpy(nouns), torch.from_numpy(colours)
network = SceneNetwork(len(NOUN_NAMES), len(COLOUR_NAMES), **CONFIG).to(memory_format=torch.channels_last)
optimizer = torch.optim.AdamW(network.parameters(), lr=args.rate, weight_decay=0.02, betas=(0.9, 0.99))
path, step, busy = os.path.join(args.work, "features.pt"), 0, 0.0
if os.path.exists(path):
    state = torch.load(path)
    network.load_state_dict(state["network"]); optimizer.load_state_dict(state["optimizer"])
    step, busy = state["step"], state["seconds"]
print(f"{sum(p.numel() for p in network.parameters())} parameters, from step {step}", flush=True)


@torch.no_grad()
def accuracy():
    network.eval()
    outputs = [network(as_input(held_images[i:i + 100])) for i in range(0, len(held_images), 100)]
    network.train()
    right = lambda index, labels: (torch.cat([o[index] for o in outputs]).argmax(1).numpy() == labels).mean()
    return right(1, held_nouns), right(2, held_colours)


kept = time.time()
while step < args.steps:
    began = time.process_time()
    generator = generator_of("features", step)
    for group in optimizer.param_groups:
        group["lr"] = args.rate * min(1, (step + 1) / 100) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / args.steps)))
    i = torch.randint(0, len(nouns), (args.batch,), generator=generator)
    x = augment(as_input(images[i.numpy()]), generator).to(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        features = network.features(x)
    loss = F.cross_entropy(network.noun(features), nouns[i], label_smoothing=0.05) + F.cross_entropy(network.colour(features), colours[i], label_smoothing=0.05)
    loss.backward()
    optimizer.step(); optimizer.zero_grad(); step += 1
    busy += time.process_time() - began
    if step % 50 == 0:
        print(f"step {step}  loss {loss.item():.4f}  {busy:.0f} s of CPU", flush=True)
    if step % 500 == 0 or step == args.steps:
        print("held-out accuracy: noun %.4f, colour %.4f" % accuracy(), flush=True)
    if time.time() - kept > 60 or step == args.steps:
        save(path, network=network.state_dict(), optimizer=optimizer.state_dict(), step=step, seconds=busy); kept = time.time()
