"""Writes what the trainers left in --work as float16 weights, with the reference features and the tests' expected numbers.

    python export.py --sprites SPRITES --work WORK --out .. --fixtures ../../../tests/fixtures/scene-metrics

With --check the weights in --out are measured instead, and nothing but pictures is written.

Everything after the weights is computed with the float16 weights in float32 arithmetic, as the product does it.
"""
import argparse
import json
import os
import shutil

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import CLIPModel

from scene_clip import TOKENIZER, TOKENS, image_embeds, load_tokenizer, new_clip, text_embeds
from scene_network import CONFIG, SceneNetwork, short
from scene_sets import (COLOUR_NAMES, HELD_OUT, MEAN, NOUN_NAMES, REFERENCE, SIZE, STD, as_input, caption, scene_set)

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--sprites", default="sprites")
parser.add_argument("--work", default="work")
parser.add_argument("--out", default="..")
parser.add_argument("--fixtures")
parser.add_argument("--check", action="store_true", help="measure the weights that are in --out")
parser.add_argument("--pictures", help="folder for the reference and the held-out scenes as PNG files, for measure.ts")
parser.add_argument("--reference", type=int, default=6000, help="scenes of the reference statistics")
parser.add_argument("--kept", type=int, default=1000, help="scenes of which the features are kept")
args = parser.parse_args()
torch.set_num_threads(1)
torch.set_grad_enabled(False)
os.makedirs(args.work, exist_ok=True)
in_parts = lambda function, images, size=100: torch.cat([function(as_input(images[i:i + size])) for i in range(0, len(images), size)])


def write_json(path, value):
    with open(path, "w", encoding="utf-8") as out:
        out.write(json.dumps(value, indent=2) + "\n")


def half(state):
    return {key: value.to(torch.float16).contiguous() for key, value in state.items()}


def export_network():
    folder = os.path.join(args.out, "network")
    os.makedirs(folder, exist_ok=True)
    network = SceneNetwork(len(NOUN_NAMES), len(COLOUR_NAMES), **CONFIG)
    state = torch.load(os.path.join(args.work, "features.pt"))
    network.load_state_dict(state["network"])
    network.fold()
    for parameter in network.parameters():
        parameter.copy_(parameter.half().float())
    save_file(half(network.weights()), os.path.join(folder, "model.safetensors"), {"format": "pt"})
    write_json(os.path.join(folder, "config.json"), dict(model_type="scene-network", image_size=SIZE, **CONFIG, nouns=NOUN_NAMES, colours=COLOUR_NAMES))
    print(f"network: {sum(p.numel() for p in network.parameters())} parameters, {state['step']} steps, {state['seconds']:.0f} s of CPU")
    return network


def export_clip():
    folder = os.path.join(args.out, "clip")
    clip = new_clip(len(load_tokenizer()))
    state = torch.load(os.path.join(args.work, "clip.pt"))
    clip.load_state_dict(state["clip"])
    clip.half().save_pretrained(folder)
    clip.float().eval()
    for file in ("vocab.json", "merges.txt"):
        shutil.copy(os.path.join(TOKENIZER, file), os.path.join(folder, file))
    write_json(os.path.join(folder, "tokenizer_config.json"), dict(
        tokenizer_class="CLIPTokenizer", model_max_length=TOKENS, bos_token="<|startoftext|>", eos_token="<|endoftext|>",
        pad_token="<|endoftext|>", unk_token="<|endoftext|>"))
    write_json(os.path.join(folder, "preprocessor_config.json"), dict(
        image_processor_type="CLIPImageProcessor", do_resize=True, size={"shortest_edge": SIZE}, do_center_crop=True,
        crop_size={"height": SIZE, "width": SIZE}, resample=3, do_rescale=True, rescale_factor=1 / 255, do_normalize=True,
        image_mean=[MEAN] * 3, image_std=[STD] * 3))
    path = os.path.join(folder, "config.json")
    write_json(path, {key: value for key, value in json.load(open(path)).items() if key != "_name_or_path"})
    print(f"clip: {sum(p.numel() for p in clip.parameters())} parameters, {state['step']} steps, {state['seconds']:.0f} s of CPU")
    return clip


def exported():
    """The networks as they are shipped."""
    network = SceneNetwork(len(NOUN_NAMES), len(COLOUR_NAMES), **CONFIG).fold()
    shipped = load_file(os.path.join(args.out, "network", "model.safetensors"))
    for key, value in network.state_dict(keep_vars=True).items():
        value.copy_(shipped[short(key)].float())
    return network, CLIPModel.from_pretrained(os.path.join(args.out, "clip")).float().eval()


def reference_statistics(network):
    images, _, _ = scene_set(args.work, args.sprites, REFERENCE, args.reference)
    features = in_parts(network.features, images).numpy()
    exact = features.astype(np.float64)
    return features, exact.mean(0), np.cov(exact, rowvar=False)


def check_reference(network):
    _, mean, covariance = reference_statistics(network)
    shipped = load_file(os.path.join(args.out, "reference.safetensors"))
    off = lambda name, value: np.abs(shipped[name].numpy() - value).max() / np.abs(value).max()
    print(f"reference, off by parts of its largest value: mean {off('mean', mean):.2g}, covariance {off('covariance', covariance):.2g}")


def export_reference(network):
    features, mean, covariance = reference_statistics(network)
    save_file({"mean": torch.from_numpy(mean).float(), "covariance": torch.from_numpy(covariance).float(),
               "features": torch.from_numpy(features[:args.kept]).half()},
              os.path.join(args.out, "reference.safetensors"), {"count": str(len(features))})


def frechet(features):
    """Fréchet distance of features from the reference as it is shipped."""
    shipped = load_file(os.path.join(args.out, "reference.safetensors"))
    mean, covariance = (shipped[name].double().numpy() for name in ("mean", "covariance"))
    factor = np.linalg.cholesky(covariance)
    own = np.cov(features, rowvar=False)
    roots = np.sqrt(np.linalg.eigvalsh(factor.T @ own @ factor).clip(0))
    return ((features.mean(0) - mean) ** 2).sum() + np.trace(covariance) + np.trace(own) - 2 * roots.sum()


def distances(network, images):
    """Distances of sets of held-out scenes: what perfect images would have, by their number."""
    features = in_parts(network.features, images).double().numpy()
    for count in (24, 48, 80, 120, 240, 480, 1000, len(features)):
        found = [frechet(features[i:i + count]) for i in range(0, len(features) - count + 1, count)]
        print(f"Fréchet distance of {count} scenes: mean {np.mean(found):.3f}, {min(found):.3f} to {max(found):.3f} over {len(found)} sets")


def held_out(network, clip):
    """What the networks make of scenes that neither has seen, with their own captions and with others'."""
    images, nouns, colours = scene_set(args.work, args.sprites, HELD_OUT, 2000)
    _, noun, colour = (torch.cat(part) for part in zip(*(network(as_input(images[i:i + 100])) for i in range(0, len(images), 100))))
    noun_right, colour_right = noun.argmax(1).numpy() == nouns, colour.argmax(1).numpy() == colours
    image = in_parts(lambda x: image_embeds(clip, x, 64, None), images)
    tokens = load_tokenizer()([caption(n, c) for n in range(len(NOUN_NAMES)) for c in range(len(COLOUR_NAMES))], padding=True).input_ids
    texts = text_embeds(clip, torch.tensor(tokens))
    own = torch.from_numpy(nouns * len(COLOUR_NAMES) + colours)
    cosines = image @ texts.T
    score = lambda index: 100 * cosines.gather(1, index[:, None])[:, 0].clamp(min=0)
    other_noun = torch.from_numpy((nouns + 7) % len(NOUN_NAMES) * len(COLOUR_NAMES) + colours)
    other_colour = torch.from_numpy(nouns * len(COLOUR_NAMES) + (colours + 5) % len(COLOUR_NAMES))
    generator, retrieved = torch.Generator().manual_seed(0), 0
    for i, true in enumerate(own):
        rivals = torch.randperm(len(texts), generator=generator)
        among = torch.cat([true[None], rivals[rivals != true][:99]])
        retrieved += int(cosines[i, among].argmax() == 0)
    report = dict(scenes=len(images), noun=noun_right.mean(), colour=colour_right.mean(), both=(noun_right & colour_right).mean(),
                  among_100=retrieved / len(images), among_480=(cosines.argmax(1) == own).float().mean().item(),
                  score=score(own).mean().item(), score_shuffled=score(own.roll(1)).mean().item(),
                  score_other_noun=score(other_noun).mean().item(), score_other_colour=score(other_colour).mean().item())
    print(json.dumps({key: round(float(value), 4) for key, value in report.items()}, indent=1))
    distances(network, images)
    wrong = [i for i in range(len(images)) if not (noun_right[i] and colour_right[i])]
    for i in wrong[:40]:
        print(f"scene {i}: {caption(nouns[i], colours[i])}; read as {NOUN_NAMES[noun[i].argmax()]}, {COLOUR_NAMES[colour[i].argmax()]}")
    lost = [i for i in range(len(images)) if cosines[i].argmax() != own[i]]
    for name, some in (("wrong-network.png", wrong), ("wrong-clip.png", lost)):
        sheet = Image.new("RGB", (8 * 2 * SIZE, 5 * 2 * SIZE))
        for k, i in enumerate(some[:40]):
            sheet.paste(Image.fromarray(images[i]).resize((2 * SIZE, 2 * SIZE)), (k % 8 * 2 * SIZE, k // 8 * 2 * SIZE))
        sheet.save(os.path.join(args.work, name))
    return images, nouns, colours


def fixtures(network, clip, images, nouns, colours):
    """Eight held-out scenes in one column, their captions, and what both networks give for them."""
    os.makedirs(args.fixtures, exist_ok=True)
    images, captions = images[:8], [caption(n, c) for n, c in zip(nouns[:8], colours[:8])]
    Image.fromarray(np.concatenate(images)).save(os.path.join(args.fixtures, "scenes.png"), optimize=True)
    x = as_input(images)
    features, noun, colour = network(x)
    tokens = torch.tensor(load_tokenizer()(captions, padding="max_length", max_length=TOKENS).input_ids)
    output = clip(input_ids=tokens, pixel_values=x)
    write_json(os.path.join(args.fixtures, "captions.json"), captions)
    save_file({"features": features, "noun_logits": noun, "colour_logits": colour, "input_ids": tokens, "image_embeds": output.image_embeds,
               "text_embeds": output.text_embeds, "logits_per_image": output.logits_per_image.contiguous()},
              os.path.join(args.fixtures, "outputs.safetensors"))


def pictures(name, images, nouns, colours):
    folder = os.path.join(args.pictures, name)
    os.makedirs(folder, exist_ok=True)
    for i, image in enumerate(images):
        Image.fromarray(image).save(os.path.join(folder, f"{i:05d}.png"), compress_level=1)
    write_json(os.path.join(folder, "captions.json"), [caption(n, c) for n, c in zip(nouns, colours)])


if args.check:
    network, clip = exported()
    check_reference(network)
else:
    network, clip = export_network(), export_clip()
    export_reference(network)
scenes = held_out(network, clip)
if args.pictures:
    pictures("reference", *scene_set(args.work, args.sprites, REFERENCE, args.reference))
    pictures("held-out", *scenes)
if args.fixtures and not args.check:
    fixtures(network, clip, *scenes)
