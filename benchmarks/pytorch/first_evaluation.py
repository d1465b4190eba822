"""From the start of the process to the end of the first evaluation of Stable Diffusion 1.5's U-Net, from a float16 file.

    python first_evaluation.py weights.safetensors

The file is that of `deepcache bench --architecture stable-diffusion-v1-5`: the published names, random numbers. Prints one
line of JSON: seconds until the U-Net is loaded in float32 (what eager PyTorch computes in on a CPU), until its first
prediction, and the peak resident memory.
"""
import time

START = time.perf_counter()
import json
import resource
import sys

import torch
from diffusers import UNet2DConditionModel
from safetensors.torch import load_file

import evaluations


@torch.inference_mode()
def main():
    torch.set_num_threads(2)
    with torch.device("meta"):
        unet = UNet2DConditionModel(**evaluations.SD15)
    shapes = {name: value.shape for name, value in unet.state_dict().items()}
    weights = load_file(sys.argv[1])
    unet.load_state_dict({name: weights.pop(name).reshape(shape).float() for name, shape in shapes.items()}, assign=True)
    unet.eval()
    loaded = time.perf_counter() - START
    unet(torch.randn(1, 4, 64, 64), 500, encoder_hidden_states=torch.randn(1, 77, 768))
    print(json.dumps({"loaded": loaded, "first": time.perf_counter() - START, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))


main()
