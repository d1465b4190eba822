"""From the start of the process to the end of the first evaluation of Stable Diffusion 1.5's U-Net, from a float16 file.

    python first_evaluation.py prepare weights.safetensors folder
    python first_evaluation.py folder

`prepare` makes a model folder of the file that `deepcache bench --architecture stable-diffusion-v1-5` keeps: the published
names, random numbers. Without it, the folder is loaded as users do, with `from_pretrained`, in float32, which is what eager
PyTorch computes in on a CPU. Prints one line of JSON: seconds until the U-Net is loaded and until its first prediction,
and the peak resident memory.
"""
import time

START = time.perf_counter()
import json
import resource
import sys

import torch
from diffusers import UNet2DConditionModel

import evaluations


def prepare(path, folder):
    from safetensors.torch import load_file, save_file

    with torch.device("meta"):
        unet = UNet2DConditionModel(**evaluations.SD15)
    unet.save_config(folder)
    weights = load_file(path)
    shaped = {name: weights[name].reshape(value.shape) for name, value in unet.state_dict().items()}
    save_file(shaped, f"{folder}/diffusion_pytorch_model.safetensors", metadata={"format": "pt"})


@torch.inference_mode()
def measure(folder):
    torch.set_num_threads(2)
    unet = UNet2DConditionModel.from_pretrained(folder, torch_dtype=torch.float32).eval()
    loaded = time.perf_counter() - START
    unet(torch.randn(1, 4, 64, 64), 500, encoder_hidden_states=torch.randn(1, 77, 768))
    print(json.dumps({"loaded": loaded, "first": time.perf_counter() - START, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))


if __name__ == "__main__":
    if sys.argv[1] == "prepare":
        prepare(*sys.argv[2:])
    else:
        measure(sys.argv[1])
