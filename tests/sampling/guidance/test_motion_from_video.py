"""Motion from Video: the loss and its gradient against formulas and differences written here, windows and other company, and
that nothing is left behind."""

from functools import partial

import comfy.samplers
import exact
import pytest
import tiny
import torch
from comfy.gligen import GatedSelfAttentionDense, Gligen, PositionNet
from comfy.model_patcher import ModelPatcher
from comfy_extras.nodes_hypernetwork import load_hypernetwork_patch
from compare import ONE_CALL, assert_alike, assert_other
from controls import control_net
from watching import Stop, assert_untouched, snapshot

from kinema.motion.load import load_motion_model
from kinema.nodes.motion_from_video import MotionFromVideoNode
from kinema.sampling.curves.curve import Listed
from kinema.sampling.guidance.attention_goal import distance, strongest, weights_of
from kinema.sampling.guidance.guidance_reuse import GuidanceReuse
from kinema.sampling.guidance.motion_from_video import AUTHORS_LATENT, SCALE, MotionFromVideo, prepared
from kinema.sampling.guidance.motion_guidance import MotionGuidance
from kinema.sampling.modules.applied import Applied
from kinema.sampling.noise.noise_schedules import KEEP
from kinema.sampling.run.attach import added, attach, changed
from kinema.sampling.windows.context_windows import ContextWindows
from kinema.sampling.windows.cut import WindowSpec

PLACES = [f"up_blocks.1.motion_modules.{i}" for i in range(3)]


@pytest.fixture(scope="module")
def pictures():
    """A reference of six pictures."""
    return torch.rand(6, 64, 64, 3, generator=tiny.generator(1))


def following(model, vae, pictures, strength=1.0, **more):
    return changed(model, from_video=MotionFromVideo(pictures, vae, strength, **more))


def map_of(q, k):
    """softmax of the scaled products of q and k, (n, f, e), row by row."""
    rows = []
    for head_q, head_k in zip(q, k, strict=True):
        for one in head_q:
            exponents = torch.stack([(one * other).sum() / len(one) ** 0.5 for other in head_k]).exp()
            rows.append(exponents / exponents.sum())
    return torch.stack(rows)  # (n*f, f)


def loss_by_hand(maps, references):
    """The sum over attentions of the mean over rows of (A at the place of the reference's largest - that largest)²."""
    total = torch.zeros((), dtype=torch.float64)
    for rows, wanted in zip(maps, references, strict=True):
        errors = [(row[goal.argmax()] - goal.max()) ** 2 for row, goal in zip(rows, wanted, strict=True)]
        total += torch.stack(errors).mean()
    return total


def test_the_loss_is_the_papers():
    random = tiny.generator(4)
    shape = (2, 3, 2, 5, 4)  # attentions, positions, heads, frames, width of a head
    q, k, q_wanted, k_wanted = (torch.randn(shape, generator=random, dtype=torch.float64) for _ in range(4))
    by_hand = loss_by_hand(
        [torch.cat([map_of(*pair) for pair in zip(*both, strict=True)]) for both in zip(q, k, strict=True)],
        [
            torch.cat([map_of(*pair) for pair in zip(*both, strict=True)])
            for both in zip(q_wanted, k_wanted, strict=True)
        ],
    )
    maps = {(0, place, 0): weights_of(q[i], k[i]) for i, place in enumerate(PLACES[:2])}
    goals = {(0, place, 0): strongest(weights_of(q_wanted[i], k_wanted[i])) for i, place in enumerate(PLACES[:2])}
    assert_alike(distance(maps, goals), by_hand, ONE_CALL)
    twice = {key: torch.cat([one, one]) for key, one in maps.items()}  # two videos in a batch
    assert_alike(distance(twice, goals), 2 * by_hand, ONE_CALL)


class MapsByHand:
    """Sees what the motion modules of up_blocks.1 project while the whole UNet is computed, and makes maps of it."""

    def __init__(self, motion):
        self.attentions = [
            attention for place in PLACES for attention in motion.model.at(place).transformer_blocks[0].attention_blocks
        ]

    def of(self, predict):
        seen = []
        hooks = [one.to_qkv.register_forward_hook(lambda *args: seen.append(args[2])) for one in self.attentions]
        try:
            predict()
        finally:
            for hook in hooks:
                hook.remove()
        maps = []
        for qkv in seen:  # (b, f, 3*c)
            q, k, _ = qkv.unflatten(2, (3, self.attentions[0].heads, -1)).permute(2, 0, 3, 1, 4)
            logits = torch.einsum("bnie,bnje->bnij", q, k) / q.shape[-1] ** 0.5
            maps.append(logits.softmax(-1).flatten(0, 2))
        return maps


def test_the_push_is_the_gradient_of_the_loss(animated, motion, vae, pictures):
    """By the difference of the loss along a direction. The UNet computes in float64."""
    frames, size = 4, 8
    strength = 500.0  # with which the push is as large as the prediction, that the host rounds to float32
    video = MotionFromVideo(pictures[:frames], vae, strength)
    guided = changed(animated, from_video=video)
    by_hand = MapsByHand(motion)

    def sampler(model, x, sigmas, extra_args=None, callback=None, disable=None, **_):
        guider = model.inner_model
        level = sigmas[:1].expand(frames)
        options = extra_args["model_options"]
        known = prepared(video, guider, x.shape, 9)

        def maps(latents, sigma, prompt):
            arguments = (guider.inner_model, [guider.conds[prompt]], latents.double(), sigma, options)
            return by_hand.of(lambda: comfy.samplers.calc_cond_batch(*arguments))

        wanted = maps(known.noised, level.new_full((frames,), known.sigma), "negative")
        way = torch.randn(x.shape, generator=tiny.generator(7))
        step = 1e-7 * float(sigmas[0])
        ahead, behind = (
            loss_by_hand(maps(x.double() + sign * step * way, level, "positive"), wanted) for sign in (1, -1)
        )
        slope = (ahead - behind) / (2 * step)
        pushed = model(x, level, **extra_args)
        off = {**options, "transformer_options": {**options["transformer_options"], "kinema": animation}}
        push = model(x, level, **{**extra_args, "model_options": off}) - pushed
        per_pixel = frames * size * size / AUTHORS_LATENT
        expected = strength * SCALE * float(sigmas[0]) ** 2 * per_pixel * slope
        assert abs(expected) > 1e-2 * push.norm() * way.norm() / push.numel() ** 0.5
        assert_alike((push.double() * way).sum(), expected)
        return x

    animation = animated.model_options["transformer_options"]["kinema"]
    guider = comfy.samplers.CFGGuider(guided)
    guider.set_conds(tiny.conditioning(3), tiny.conditioning(4))
    guider.set_cfg(4.0)
    sigmas = torch.tensor([15**0.5, 0.0])  # the host scales latents by 1/sqrt(sigma² + 1), here without rounding
    noise = tiny.latents(frames, size, seed=5)
    guider.sample(noise, torch.zeros_like(noise), comfy.samplers.KSAMPLER(sampler), sigmas, disable_pbar=True, seed=9)


def test_it_acts_with_its_strength_in_its_part_of_the_run(animated, vae, pictures):
    run = partial(tiny.sample, frames=3, size=4)
    plain = run(animated)
    assert torch.equal(run(following(animated, vae, pictures, 0.0)), plain)
    assert torch.equal(run(following(animated, vae, pictures, start_percent=0.7, end_percent=0.8)), plain)
    results = [run(following(animated, vae, pictures, **more)) for more in ({}, {"level": "fine"}, {"noise": 0.8})]
    for result in results:
        assert_other(result, plain)
    assert torch.equal(run(following(animated, vae, pictures, Listed((1.0,) * 3))), results[0])
    assert_other(results[1], results[0])
    assert_other(results[2], results[0])


def test_a_reference_of_another_length_is_spread_and_the_node_says_so(animated, vae, pictures, screen):
    run = partial(tiny.sample, steps=1, size=4)
    out = run(following(animated, vae, pictures[:3]), 6)
    said = "Motion from Video: the 3 pictures of the reference are spread evenly over the 6 frames of the video."
    assert said in screen.text
    assert torch.equal(out, run(following(animated, vae, pictures[[0, 0, 1, 1, 2, 2]]), 6))
    out = run(following(animated, vae, pictures), 3)
    assert said.replace("3 pictures", "6 pictures").replace("6 frames", "3 frames") in screen.text
    assert torch.equal(out, run(following(animated, vae, pictures[[0, 2, 5]]), 3))
    late = following(animated, vae, pictures, start_percent=0.0, end_percent=0.1)
    tiny.sample(late, 2, steps=4, denoise=0.5, size=4)
    assert "Motion from Video has no effect: no step of this run is between 0% and 10%" in screen.text


def test_company(animated, motion, vae, pictures, tmp_path):
    """Windows, areas, ControlNets, other guidance, a patch of up blocks, and a motion model with joint norms."""
    hint = torch.rand(6, 3, 32, 32, generator=tiny.generator(1))
    control = control_net().set_cond_hint(hint, 1.0, (0.0, 1.0))
    area = [tiny.conditioning(7)[0][0], {"area": (4, 2, 0, 0), "strength": 1.0}]
    positive = [[tiny.conditioning(3)[0][0], {"control": control, "control_apply_to_uncond": True}], area]
    first = exact.motion_model(tiny.motion_weights(positions=24, seed=3), tmp_path / "mm_sd_v14.safetensors")
    both = attach(animated, first, Applied(0.5), KEEP)
    windowed = added(both, windows=ContextWindows(WindowSpec(3, 1, "uniform"), at_once=2))
    base = changed(windowed, motion_guidance=MotionGuidance(1.0), reuse=GuidanceReuse(2))
    base.set_model_output_block_patch(_as_freeu)
    run = partial(tiny.sample, frames=5, steps=2, size=4, positive=positive)
    assert_other(run(following(base, vae, pictures)), run(base), by=1e-3)


@pytest.mark.parametrize("storage", [torch.float32, torch.float16])
def test_models_that_nodes_load_in_inference_mode(vae, pictures, tmp_path, storage):
    file = tiny.save(tiny.motion_weights(seed=8), tmp_path / "v3_mm.safetensors")

    def out():
        model = attach(tiny.image_model(storage=storage), load_motion_model(file), Applied(), KEEP)
        return tiny.sample(following(model, vae, pictures[:3]), 3, steps=1, scheduler="simple", size=4)

    with torch.inference_mode():
        inside = out()
    assert torch.equal(inside, out())


def hypernetwork(model, folder):
    """As Load Hypernetwork, for the prompts."""
    random = tiny.generator(4)
    one = {"linear.0.weight": torch.randn(32, 32, generator=random) / 6, "linear.0.bias": torch.zeros(32)}
    torch.save({32: [one, one], "activation_func": "linear"}, folder / "hypernetwork.pt")
    patched = model.clone()
    patched.set_model_attn2_patch(load_hypernetwork_patch(str(folder / "hypernetwork.pt"), 0.5))
    return patched, tiny.conditioning(3)


def gligen(model, folder):
    """As GLIGEN Textbox Apply."""
    random = tiny.generator(4)
    widths = (32, 32, *[64] * 11, 32, 32, 32)  # of the UNet's transformers
    modules = [GatedSelfAttentionDense(width, 32, 8, width // 8) for width in widths]
    network = Gligen(modules, PositionNet(in_dim=32, out_dim=32), 32)
    shapes = {key: tuple(weight.shape) for key, weight in network.state_dict().items()}
    network.load_state_dict(
        {key: tiny.randomise(shape or (1,), key, random).view(shape) for key, shape in shapes.items()}
    )
    patcher = ModelPatcher(network, torch.device("cpu"), torch.device("cpu"))
    box = (torch.randn(1, 32, generator=random), 2, 2, 1, 1)
    return model, [[tiny.conditioning(3)[0][0], {"gligen": ("position", patcher, [box])}]]


@pytest.mark.parametrize("node", [hypernetwork, gligen])
def test_weights_that_other_nodes_load_in_inference_mode(node, vae, pictures, tmp_path):
    file = tiny.save(tiny.motion_weights(seed=8), tmp_path / "v3_mm.safetensors")

    def out():
        model, positive = node(attach(tiny.image_model(), load_motion_model(file), Applied(), KEEP), tmp_path)
        run = partial(tiny.sample, frames=2, steps=1, scheduler="simple", size=4, positive=positive)
        return run(following(model, vae, pictures[:2]))

    with torch.inference_mode():
        inside = out()
    assert_alike(inside, out(), within=1e-4)  # in float32


def test_what_cannot_work_is_said(model, animated, vae, pictures):
    with pytest.raises(ValueError, match="Motion from Video acts on the motion modules of a motion model"):
        tiny.sample(following(model, vae, pictures), 6)
    with pytest.raises(ValueError, match="connected MODEL is SDXL. Use an SD1.5"):
        following(tiny.image_model("sdxl"), vae, pictures)
    with pytest.raises(ValueError, match="needs 2 pictures or more, but it has 1"):
        MotionFromVideoNode.execute(animated, pictures[:1], vae)


def test_an_end_in_the_middle_of_the_pass_leaves_nothing(model, motion, animated, vae, pictures):
    """On the way there, and on the way back."""
    before = snapshot(model)
    modules = [vars(module).copy() for module in motion.model.modules()]
    guided = following(animated, vae, pictures[:3])
    expected = tiny.sample(guided, 3, size=4)

    def stop_there(queries, keys, values, options):
        if queries.requires_grad:
            raise Stop
        return queries, keys, values

    def stop_on_the_way_back(queries, keys, values, options):
        if queries.requires_grad:
            queries.register_hook(_stop)
        return queries, keys, values

    for stop in (stop_there, stop_on_the_way_back):
        stopped = guided.clone()
        stopped.set_model_attn1_patch(stop)
        with pytest.raises(Stop):
            tiny.sample(stopped, 3, size=4)
        assert_untouched(model, before)
        assert [vars(module) for module in motion.model.modules()] == modules
        assert torch.equal(tiny.sample(guided, 3, size=4), expected)


def _stop(_gradient):
    raise Stop


def _as_freeu(h, skip, _options):
    h[:, :8] = h[:, :8] * (1 + h.mean(1, keepdim=True).sigmoid())
    return h, skip
