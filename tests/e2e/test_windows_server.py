"""Long animations on a running server: windows, prompts and ControlNets over time, two samplers in one graph."""

import threading
from typing import Any

import comfy.cldm.cldm
import comfy.ops
import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image

from tools import random_models
from tools.client import Client, Event, PromptFailed, PromptRejected
from tools.server import Server

from .conftest import APPLY, JOB, SAMPLER, WEBP
from .long_animations import (
    DECODE,
    FRAMES,
    LATENT,
    NEGATIVE,
    POSITIVE,
    SIDE,
    frames_of,
    insert,
    long_animation,
    node,
)


@pytest.fixture(scope="module")
def automatic(comfy: Server, client: Client) -> np.ndarray:
    return frames_of(comfy, client, long_animation())


def test_windows_engage_by_themselves(comfy: Server, client: Client, automatic: np.ndarray) -> None:
    assert len(automatic) == FRAMES
    said = insert(long_animation(), "windows", "KinemaContextWindows", length=16, overlap=4, schedule="static")
    np.testing.assert_array_equal(frames_of(comfy, client, said), automatic)
    other = insert(long_animation(), "windows", "KinemaContextWindows", length=8, overlap=2, schedule="uniform")
    assert np.abs(frames_of(comfy, client, other) - automatic).max() > 8


def test_two_windows_nodes_two_samplers_and_an_upscale_in_one_graph(comfy: Server, client: Client) -> None:
    prompt = insert(
        long_animation(), "w1", "KinemaContextWindows", length=8, overlap=2, schedule="uniform", end_percent=0.5
    )
    insert(
        prompt,
        "w2",
        "KinemaContextWindows",
        length=12,
        overlap=3,
        schedule="looped",
        start_percent=0.5,
        closed_loop=True,
    )
    first_only = frames_of(comfy, client, prompt)
    prompt["up"] = node(
        "LatentUpscaleBy", samples=[SAMPLER, 0], upscale_method="nearest-exact", scale_by=1.5
    )  # fmt: skip
    prompt["motion"] = node("KinemaMotionWindows", model=[APPLY, 0], length=8, overlap=2, freenoise=True)
    inputs = prompt[SAMPLER]["inputs"]
    prompt["second"] = node("KSampler", **inputs | {"model": ["motion", 0], "latent_image": ["up", 0], "denoise": 0.5})
    prompt["decode"] = node("VAEDecode", samples=["second", 0], vae=["1", 2])
    prompt["save"] = node("SaveAnimatedWEBP", **prompt[WEBP]["inputs"] | {"images": ["decode", 0]})
    second = frames_of(comfy, client, prompt, "save")
    assert second.shape == (FRAMES, SIDE * 3 // 2, SIDE * 3 // 2, 3)
    prompt[SAMPLER]["inputs"]["seed"] = 9  # both run anew
    client.run(prompt)
    prompt[SAMPLER]["inputs"]["seed"] = JOB.seed
    np.testing.assert_array_equal(frames_of(comfy, client, prompt, "save"), second)
    np.testing.assert_array_equal(frames_of(comfy, client, prompt), first_only)


def test_prompts_over_time(comfy: Server, client: Client, automatic: np.ndarray) -> None:
    travel = node(
        "KinemaPromptTravel", clip=["1", 1], prompts="0: a goldfish\n19: (a storm:1.2)", frames=1, latent=[LATENT, 0]
    )
    prompt = long_animation(travel=travel)
    prompt[SAMPLER]["inputs"]["positive"] = ["travel", 0]
    assert np.abs(frames_of(comfy, client, prompt) - automatic).max() > 0
    prompt["travel"]["inputs"]["prompts"] = "0: a goldfish\na storm\n8:"
    with pytest.raises(PromptRejected, match="Prompt Travel, line 3, column 1: the prompt for 8 is empty"):
        client.run(prompt)


def test_regional_prompts_masks_and_hooks(comfy: Server, client: Client, automatic: np.ndarray) -> None:
    weights = {"up": (320, 4), "down": (4, 320)}
    name = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_v"
    folder = comfy.base / "models" / "loras"
    folder.mkdir(exist_ok=True)
    lora = {f"{name}.lora_{side}.weight": torch.randn(shape) * 0.1 for side, shape in weights.items()}
    safetensors.torch.save_file(lora, folder / "random_lora.safetensors")
    prompt = long_animation(
        mask=node("SolidMask", value=1.0, width=SIDE, height=SIDE),
        masked=node(
            "ConditioningSetMask", conditioning=[POSITIVE, 0], mask=["mask", 0], strength=0.7, set_cond_area="default"
        ),
        area=node(
            "ConditioningSetAreaPercentage",
            conditioning=["travel", 0],
            width=0.5,
            height=1.0,
            x=0.5,
            y=0.0,
            strength=1.0,
        ),
        travel=node("KinemaPromptTravel", clip=["1", 1], prompts="0: a reef\n-1: a storm", frames=FRAMES),
        hook=node("CreateHookLora", lora_name="random_lora.safetensors", strength_model=1.0, strength_clip=0.0),
        hooked=node(
            "ConditioningSetProperties", cond_NEW=["area", 0], strength=1.0, set_cond_area="default", hooks=["hook", 0]
        ),
        both=node("ConditioningCombine", conditioning_1=["masked", 0], conditioning_2=["hooked", 0]),
        noise_mask=node("SolidMask", value=0.5, width=SIDE, height=SIDE),
        masked_latent=node("SetLatentNoiseMask", samples=[LATENT, 0], mask=["noise_mask", 0]),
    )
    prompt[SAMPLER]["inputs"] |= {"positive": ["both", 0], "latent_image": ["masked_latent", 0]}
    together = frames_of(comfy, client, prompt)
    assert len(together) == FRAMES and np.abs(together - automatic).max() > 8
    prompt["both"] = node("ConditioningCombine", conditioning_1=["masked", 0], conditioning_2=["area", 0])
    assert np.abs(frames_of(comfy, client, prompt) - together).max() > 0  # the LoRA of the hook did something


@pytest.fixture(scope="module")
def control_net(comfy: Server) -> str:
    """A ControlNet with random weights, of the shape of the random checkpoint."""
    config = random_models.UNET | {"hint_channels": 3, "dtype": torch.float32, "device": "cpu"}
    for key in ("out_channels", "transformer_depth_output"):
        config.pop(key)
    network = comfy_control_net(config)
    folder = comfy.base / "models" / "controlnet"
    folder.mkdir(exist_ok=True)
    safetensors.torch.save_file(network, folder / "random_controlnet.safetensors")
    return "random_controlnet.safetensors"


def comfy_control_net(config: dict[str, Any]) -> dict[str, torch.Tensor]:
    network = comfy.cldm.cldm.ControlNet(**config, operations=comfy.ops.disable_weight_init)
    random = torch.Generator().manual_seed(3)
    state = network.state_dict()
    return {
        f"control_model.{key}": torch.randn(w.shape, generator=random)
        / max(1, w[0].numel() if w.ndim > 1 else 4) ** 0.5
        for key, w in state.items()
    }


def test_a_control_net_follows_the_windows(comfy: Server, client: Client, control_net: str) -> None:
    """Hints that turn from dark to light: frames behind the first window must see their own."""

    def controlled(light_from: int) -> np.ndarray:
        hints = {
            "dark": node("EmptyImage", width=SIDE, height=SIDE, batch_size=light_from, color=0x000000),
            "light": node("EmptyImage", width=SIDE, height=SIDE, batch_size=FRAMES - light_from, color=0xFFFFFF),
            "hints": node("ImageBatch", image1=["dark", 0], image2=["light", 0]),
            "net": node("ControlNetLoader", control_net_name=control_net),
            "apply": node(
                "ControlNetApplyAdvanced", positive=[POSITIVE, 0], negative=[NEGATIVE, 0], control_net=["net", 0],
                image=["hints", 0], strength=3.0, start_percent=0.0, end_percent=1.0,
            ),
        }  # fmt: skip
        prompt = long_animation(**hints)
        prompt[SAMPLER]["inputs"] |= {"positive": ["apply", 0], "negative": ["apply", 1]}
        prompt[APPLY]["inputs"]["strength"] = 0.0  # so that frames do not know each other
        return frames_of(
            comfy, client, insert(prompt, "w", "KinemaContextWindows", length=8, overlap=2, schedule="static")
        )

    early, late = controlled(4), controlled(18)
    changed = np.abs(early - late).reshape(FRAMES, -1).max(axis=1) > 0
    assert list(np.flatnonzero(changed)) == list(range(4, 18))


def test_the_plan_is_drawn(comfy: Server, client: Client) -> None:
    prompt = insert(
        long_animation(), "w", "KinemaContextWindows", length=8, overlap=2, schedule="looped", closed_loop=True
    )
    prompt |= {
        "plan": node("KinemaWindowPlan", model=["w", 0], frames=1, latent=[LATENT, 0], steps=JOB.steps),
        "picture": node("SaveImage", images=["plan", 0], filename_prefix="plan"),
    }
    result = client.run({key: prompt[key] for key in ("1", "2", "3", LATENT, "w", "plan", "picture")})
    with Image.open(comfy.path(result.outputs["picture"][0])) as picture:
        assert picture.width == 1280 and picture.height > 100


def test_an_interrupt_ends_between_windows(client: Client, automatic: np.ndarray) -> None:
    prompt = long_animation(frames=120)
    prompt[SAMPLER]["inputs"] |= {"steps": 1, "seed": 77}
    prompt_id = client.submit(prompt)

    def soon(event: Event) -> None:
        if event.kind == "executing" and event.data["node"] == SAMPLER:
            threading.Timer(0.5, client_interrupt, [client.url, prompt_id]).start()

    result = client.follow(prompt_id, soon)
    assert result.status == "interrupted" and DECODE not in result.executed
    np.testing.assert_equal(client.run(long_animation()).status, "success")


def client_interrupt(url: str, prompt_id: str) -> None:
    """From another thread than the client's own."""
    with Client(url) as other:
        other.interrupt(prompt_id)


@pytest.mark.parametrize("overlap", [8, 40])
def test_an_overlap_that_cannot_be_is_refused_before_anything_runs(client: Client, overlap: int) -> None:
    prompt = insert(long_animation(), "w", "KinemaContextWindows", length=8, overlap=overlap, schedule="static")
    with pytest.raises(PromptRejected, match=f"An overlap of {overlap} is not smaller than the window of 8 frames"):
        client.run(prompt)


def test_windows_of_another_node_are_respected(comfy: Server, client: Client, automatic: np.ndarray) -> None:
    manual = {
        "context_length": 8, "context_overlap": 2, "context_schedule": "standard_static", "context_stride": 1,
        "closed_loop": False, "fuse_method": "pyramid", "dim": 0, "freenoise": False, "cond_retain_index_list": "",
        "split_conds_to_windows": False, "latent_retain_index_list": "", "causal_window_fix": False,
    }  # fmt: skip
    theirs = frames_of(comfy, client, insert(long_animation(), "host", "ContextWindowsManual", **manual))
    ours = insert(long_animation(), "w", "KinemaContextWindows", length=8, overlap=2, schedule="static")
    assert np.abs(frames_of(comfy, client, ours) - theirs).max() <= 2  # rounding, seen through the codec
    both = insert(long_animation(), "host", "ContextWindowsManual", **manual)
    insert(both, "w", "KinemaContextWindows", length=8, overlap=2, schedule="static")
    with pytest.raises(PromptFailed, match="already has context windows of another node"):
        client.run(both)
