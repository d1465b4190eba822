"""Writes tests/fixtures/scheduler-trajectories/: whole trajectories of a closed-form toy network through diffusers' schedulers.

    pip install torch==2.13.0 diffusers==0.42.1 scipy torchsde==0.2.6 && python tools/reference/scheduler_trajectories.py

Toy network, float32: 0.6 * sin(1.5 * x + t / 200) + 0.2 * x of the scaled input x and the timestep t. A network that
predicts its variance, too, gives a second half of channels: 0.5 * sin(3 * x), and 0.02 + 0.01 * sin(3 * x) where the
scheduler takes it for the variance itself.
"""
import contextlib
import importlib
import inspect
import json
import pathlib
import zlib

import diffusers
import torch
from diffusers.schedulers import AysSchedules
from safetensors.torch import save_file

torch.set_num_threads(1)
torch.set_grad_enabled(False)

SEED = 7  # of Brownian trees
SHAPE = (2, 3, 5, 5)
SD = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", num_train_timesteps=1000)
LIN = dict(beta_start=0.0001, beta_end=0.02, beta_schedule="linear", num_train_timesteps=1000)
AYS = AysSchedules["StableDiffusionTimesteps"]
AYS_SIGMAS = AysSchedules["StableDiffusionXLSigmas"]


def K(**k):
    return k


# name, class, constructor's keywords, step's keywords, {steps, set: keywords of set_timesteps, seeds: of a generator each}
CASES = [
    ("sa", "SASolverScheduler", K(**SD), {}, {}),
    ("sa-20", "SASolverScheduler", K(**SD), {}, K(steps=20)),
    ("sa-1-1", "SASolverScheduler", K(**SD, predictor_order=1, corrector_order=1), {}, {}),
    ("sa-3-4-karras", "SASolverScheduler", K(**SD, predictor_order=3, corrector_order=4, use_karras_sigmas=True), {}, {}),
    ("sa-4-1-higher", "SASolverScheduler", K(**SD, predictor_order=4, corrector_order=1, lower_order_final=False), {}, {}),
    ("sa-noise", "SASolverScheduler", K(**SD, algorithm_type="noise_prediction", timestep_spacing="trailing"), {}, {}),
    ("sa-noise-v-3", "SASolverScheduler", K(**SD, algorithm_type="noise_prediction", prediction_type="v_prediction", predictor_order=3, corrector_order=3), {}, {}),
    ("sa-v-exponential", "SASolverScheduler", K(**SD, prediction_type="v_prediction", use_exponential_sigmas=True), {}, {}),
    ("sa-sample-beta", "SASolverScheduler", K(**LIN, prediction_type="sample", use_beta_sigmas=True), {}, {}),
    ("sa-threshold-leading", "SASolverScheduler", K(**LIN, thresholding=True, sample_max_value=1.5, timestep_spacing="leading", steps_offset=1), {}, {}),
    ("sde", "DPMSolverSDEScheduler", K(**SD, noise_sampler_seed=SEED), {}, {}),
    ("sde-karras", "DPMSolverSDEScheduler", K(**SD, noise_sampler_seed=SEED, use_karras_sigmas=True), {}, {}),
    ("sde-exponential-trailing", "DPMSolverSDEScheduler", K(**SD, noise_sampler_seed=2**40 + 3, use_exponential_sigmas=True, timestep_spacing="trailing"), {}, {}),
    ("sde-beta-linear", "DPMSolverSDEScheduler", K(**LIN, noise_sampler_seed=0, use_beta_sigmas=True), {}, {}),
    ("sde-leading-v", "DPMSolverSDEScheduler", K(**SD, noise_sampler_seed=SEED, timestep_spacing="leading", steps_offset=1, prediction_type="v_prediction"), {}, {}),
    ("edm_euler", "EDMEulerScheduler", {}, {}, {}),
    ("edm_euler-exponential-v", "EDMEulerScheduler", K(sigma_schedule="exponential", prediction_type="v_prediction", sigma_max=120.0, sigma_data=1.0), {}, {}),
    ("edm_euler-sigmamin", "EDMEulerScheduler", K(final_sigmas_type="sigma_min", rho=5.0), {}, {}),
    ("edm_euler-churn", "EDMEulerScheduler", {}, K(s_churn=3.0, s_tmin=0.1, s_tmax=10.0, s_noise=1.003), {}),
    ("edm_dpm-2m", "EDMDPMSolverMultistepScheduler", {}, {}, {}),
    ("edm_dpm-20", "EDMDPMSolverMultistepScheduler", {}, {}, K(steps=20)),
    ("edm_dpm-1", "EDMDPMSolverMultistepScheduler", K(solver_order=1), {}, {}),
    ("edm_dpm-3m", "EDMDPMSolverMultistepScheduler", K(solver_order=3), {}, {}),
    ("edm_dpm-heun-v", "EDMDPMSolverMultistepScheduler", K(solver_type="heun", prediction_type="v_prediction", sigma_schedule="exponential", sigma_data=1.0, sigma_max=120.0), {}, {}),
    ("edm_dpm-sde", "EDMDPMSolverMultistepScheduler", K(algorithm_type="sde-dpmsolver++"), {}, {}),
    ("edm_dpm-sde-heun", "EDMDPMSolverMultistepScheduler", K(algorithm_type="sde-dpmsolver++", solver_type="heun", euler_at_final=True), {}, {}),
    ("edm_dpm-sigmamin", "EDMDPMSolverMultistepScheduler", K(final_sigmas_type="sigma_min", sigma_min=0.01, euler_at_final=True, lower_order_final=False), {}, {}),
    ("edm_dpm-threshold", "EDMDPMSolverMultistepScheduler", K(thresholding=True, dynamic_thresholding_ratio=0.9, sample_max_value=1.5), {}, {}),
    ("cosine_dpm", "CosineDPMSolverMultistepScheduler", {}, {}, K(seeds=[SEED])),
    ("cosine_dpm-20", "CosineDPMSolverMultistepScheduler", {}, {}, K(steps=20, seeds=[SEED, SEED + 1])),
    ("cosine_dpm-heun-karras", "CosineDPMSolverMultistepScheduler", K(solver_type="heun", sigma_schedule="karras", prediction_type="epsilon", sigma_max=80.0), {}, K(seeds=[SEED])),
    ("cosine_dpm-1", "CosineDPMSolverMultistepScheduler", K(solver_order=1), {}, K(seeds=[SEED])),
    ("ddim_parallel", "DDIMParallelScheduler", K(**SD, clip_sample=False, set_alpha_to_one=False, steps_offset=1), K(eta=0.5), {}),
    ("ddpm_parallel", "DDPMParallelScheduler", K(**LIN, timestep_spacing="trailing"), {}, {}),
    ("ddpm-learned", "DDPMScheduler", K(**LIN, variance_type="learned"), {}, {}),
    ("ddpm-learned_range", "DDPMScheduler", K(**LIN, variance_type="learned_range"), {}, {}),
    ("ddpm-learned_range-cosine", "DDPMScheduler", K(beta_schedule="squaredcos_cap_v2", num_train_timesteps=1000, variance_type="learned_range"), {}, {}),
    ("dpmpp_2m-learned_range", "DPMSolverMultistepScheduler", K(**LIN, variance_type="learned_range"), {}, {}),
    ("ddim-eta1.005", "DDIMScheduler", K(**SD, clip_sample=False, set_alpha_to_one=False, steps_offset=1), K(eta=1.005), {}),
    ("ddim-eta-negative", "DDIMScheduler", K(**SD, clip_sample=False, set_alpha_to_one=False, steps_offset=1), K(eta=-0.5), {}),
    ("ddpm-timesteps", "DDPMScheduler", K(**LIN), {}, K(set=K(timesteps=[960, 700, 401, 400, 33, 2]))),
    ("dpmpp_2m-timesteps", "DPMSolverMultistepScheduler", K(**SD), {}, K(set=K(timesteps=AYS))),
    ("dpmpp_sde-timesteps", "DPMSolverMultistepScheduler", K(**SD, algorithm_type="sde-dpmsolver++"), {}, K(set=K(timesteps=AYS))),
    ("dpm_single-timesteps", "DPMSolverSinglestepScheduler", K(**SD, lower_order_final=True), {}, K(set=K(timesteps=AYS))),
    ("heun-timesteps", "HeunDiscreteScheduler", K(**SD), {}, K(set=K(timesteps=AYS))),
    ("lcm-timesteps", "LCMScheduler", K(**SD), {}, K(set=K(timesteps=[999, 700, 419, 139]))),
    ("tcd-timesteps", "TCDScheduler", K(**SD), K(eta=0.3), K(set=K(timesteps=[999, 700, 419, 139]))),
    ("euler-karras-sigmas", "EulerDiscreteScheduler", K(**SD, use_karras_sigmas=True, prediction_type="v_prediction"), {}, K(set=K(sigmas=AYS_SIGMAS))),
]


def randn(*key, shape=SHAPE):
    return torch.randn(shape, generator=torch.Generator().manual_seed(zlib.crc32("/".join(map(str, key)).encode())))


def toy(scheduler, x, t):
    mean = 0.6 * torch.sin(1.5 * x + torch.as_tensor(t, dtype=torch.float32) / 200) + 0.2 * x
    learned = getattr(scheduler.config, "variance_type", None)
    if learned not in ("learned", "learned_range"):
        return mean
    wave = torch.sin(3 * x)
    return torch.cat([mean, 0.02 + 0.01 * wave if learned == "learned" else 0.5 * wave], dim=1)


@contextlib.contextmanager
def recorded_noise(scheduler, name, draws):
    module = importlib.import_module(type(scheduler).__module__)
    original = getattr(module, "randn_tensor", None)

    def drawn(shape, *_args, **_kwargs):
        draws.append(randn(name, "noise", len(draws), shape=tuple(shape)))
        return draws[-1]

    if original is not None:
        module.randn_tensor = drawn
    yield
    if original is not None:
        module.randn_tensor = original


def walk(name, scheduler, sample, timesteps, step_kwargs, seeds):
    kwargs = {k: v for k, v in step_kwargs.items() if k in inspect.signature(scheduler.step).parameters}
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    if generators:
        kwargs["generator"] = generators if len(generators) > 1 else generators[0]
    inputs, samples, clean, draws = [], [], [], []
    with recorded_noise(scheduler, name, draws):
        for t in timesteps:
            scaled = scheduler.scale_model_input(sample, t)
            result = scheduler.step(toy(scheduler, scaled, t), t, sample, **kwargs)
            sample = result.prev_sample
            inputs.append(scaled)
            samples.append(sample)
            denoised = getattr(result, "denoised", None)
            denoised = getattr(result, "pred_original_sample", None) if denoised is None else denoised
            clean += [] if denoised is None else [denoised]
    return [torch.stack(values) for values in (inputs, samples, clean, draws) if len(values)], len(clean) > 0, draws


def trajectory(name, class_name, arguments, step_kwargs, options):
    scheduler_class = getattr(diffusers, class_name)
    steps, settings, seeds = options.get("steps", 10), options.get("set", {}), options.get("seeds", [])

    def made():
        scheduler = scheduler_class(**arguments)
        scheduler.set_timesteps(**(settings or {"num_inference_steps": steps}))
        return scheduler

    scheduler = made()
    noise, image = randn(name, "start"), randn(name, "image").clamp(-1, 1)
    (inputs, samples, *rest), cleaned, draws = walk(
        name, scheduler, noise * scheduler.init_noise_sigma, scheduler.timesteps, step_kwargs, seeds
    )
    tensors = {
        "timesteps": scheduler.timesteps,
        "init_noise_sigma": torch.as_tensor(float(scheduler.init_noise_sigma), dtype=torch.float64),
        "initial_noise": noise,
        "image": image,
        "samples": samples,
    }
    if not torch.equal(inputs[1:], samples[:-1]):
        tensors["model_inputs"] = inputs  # left out where the network sees the sample as it is
    if cleaned:
        tensors["pred_original"] = rest[0]
    if draws:
        tensors["step_noise"] = torch.stack(draws)
    if getattr(scheduler, "sigmas", None) is not None:
        tensors["sigmas"] = torch.as_tensor(scheduler.sigmas)

    half = made()  # as StableDiffusionImg2ImgPipeline begins at strength 0.5
    count = len(half.timesteps) if half.order == 1 else (len(half.timesteps) + 1) // 2
    begin = (count - count // 2) * half.order
    if hasattr(half, "set_begin_index"):
        half.set_begin_index(begin)
    start = half.add_noise(image, noise, half.timesteps[begin : begin + 1].repeat(SHAPE[0]))
    (_, samples, *_), _, half_draws = walk(name, half, start, half.timesteps[begin:], step_kwargs, seeds)
    tensors |= {"img2img.initial": start, "img2img.samples": samples}
    if half_draws:
        tensors["img2img.step_noise"] = torch.stack(half_draws)
    entry = {
        "name": name,
        "file": f"{name}.safetensors",
        "class": class_name,
        "num_inference_steps": count,
        "set_timesteps": settings,
        "step_kwargs": step_kwargs,
        "seeds": seeds or [SEED],
        "draws": len(draws),
        "img2img_start": begin,
        "scheduler_config_json": scheduler.to_json_string(),
    }
    return entry, {key: value.contiguous().clone() for key, value in tensors.items()}


target = pathlib.Path(__file__).parents[2] / "tests/fixtures/scheduler-trajectories"
target.mkdir(parents=True, exist_ok=True)
index = []
for case in CASES:
    entry, tensors = trajectory(*case)
    unfinite = [key for key, value in tensors.items() if not torch.isfinite(value).all()]
    if unfinite:
        print(case[0], "is not finite:", unfinite)
    save_file(tensors, target / entry["file"])
    index.append(entry)
document = {"diffusers": diffusers.__version__, "torch": torch.__version__, "cases": index}
(target / "index.json").write_text(json.dumps(document, indent=1) + "\n")
