"""The order of a run is Kinema's, not that of the wires: between nodes of different kinds it does not matter."""

import json
import re
from dataclasses import fields, is_dataclass, replace
from itertools import count
from pathlib import Path
from random import Random

import pytest
import torch
from comfy.patcher_extension import WrappersMP

from kinema.sampling.run import seams
from kinema.sampling.run.animation import ANIMATION, animation_of
from tools.chains import generator, run

REPOSITORY = Path(__file__).resolve().parents[3]
PAGE = (REPOSITORY / "docs" / "architecture.md").read_text(encoding="utf-8")
LISTS = {"attn1_patch", "sampler_post_cfg_function"}
COMPARED = 40  # chains whose Animation is compared
DRAWN = 500  # chains of which some are sampled
FEWEST, MOST, LONGEST = 3, 4, 10  # nodes and frames of the chains that are sampled
SMALL, LARGE = 8, 12  # of the latents: at 8 perturbed-attention guidance changes next to nothing


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return run.prepare(tmp_path_factory.mktemp("models"))


def content(value):
    """What `value` holds, comparable by ==: tensors by their numbers, noise schedules by their sigmas."""
    if isinstance(value, torch.Tensor):
        return str(value.dtype), tuple(value.shape), value.tolist()
    if isinstance(value, torch.nn.Module):
        return [base.__name__ for base in type(value).__mro__], content(value.sigmas)
    if is_dataclass(value):
        return type(value).__name__, [(field.name, content(getattr(value, field.name))) for field in fields(value)]
    if isinstance(value, tuple | list):
        return [content(each) for each in value]
    return value


def kind(name):
    return "motion" if name in generator.MOTION else name


def shuffled(chain, random):
    """`chain` in another order, in which nodes of one kind keep theirs."""
    kinds = [kind(name) for name in chain.ids]
    queues = {each: [node for node in chain.nodes if kind(node.id) == each] for each in kinds}
    random.shuffle(kinds)
    return replace(chain, nodes=tuple(queues[each].pop(0) for each in kinds))


def test_nodes_of_different_kinds_may_come_in_any_order(models):
    different = 0
    for seed in range(COMPARED):
        chain = generator.chain(seed)
        other = shuffled(chain, Random(seed))
        built = animation_of(run.build(chain, models).model_options)
        assert content(animation_of(run.build(other, models).model_options)) == content(built), (chain.ids, other.ids)
        different += other.ids != chain.ids
    assert different > COMPARED / 2


def measured(chain):
    """The nodes whose change of the sample is measured: not a motion model that others need, without which they are
    refused."""
    needed = any(name in generator.NEED_MOTION for name in chain.ids)
    return [node for node in chain.nodes if not (needed and node.id in generator.MOTION)]


def is_sampled(chain):
    """Whether all nodes of `chain` act, each of another kind, and sampling takes little time. (What two of one kind do is
    tested below.)"""
    kinds = {kind(name) for name in chain.ids}
    small = FEWEST <= len(chain.ids) <= MOST and chain.frames <= LONGEST
    return small and len(kinds) == len(chain.ids) and not generator.idle(chain)


def share():
    """Of the drawn chains those that measure a node that none before them did, until all nodes are."""
    left = set(generator.INPUTS)
    for seed in range(DRAWN):
        chain = generator.chain(seed)
        new = left & {node.id for node in measured(chain)}
        if new and is_sampled(chain):
            left -= new
            size = LARGE if "AnimationGuidance" in chain.ids else SMALL
            run_of_3 = {"denoise": 1.0, "steps": 3, "sampler": "euler_ancestral", "scheduler": "normal"}
            control = chain.control if "MotionWindows" in chain.ids else None  # SparseCtrl in some of them will do
            yield replace(chain, height=size, width=size, control=control, **run_of_3)
        if not left:
            return
    raise AssertionError(f"not in a chain that is sampled: {left}")


def test_samples_are_the_same_in_any_order_and_every_node_changes_them(models):
    for chain in share():
        result = run.sample(chain, run.build(chain, models), models)
        orders = (shuffled(chain, Random(number)) for number in count())
        other = next(order for order in orders if order.ids != chain.ids)
        assert torch.equal(run.sample(chain, run.build(other, models), models), result), (chain.ids, other.ids)
        for node in measured(chain):
            without = replace(chain, nodes=tuple(each for each in chain.nodes if each is not node))
            changed = (run.sample(chain, run.build(without, models), models) - result).abs().max()
            assert changed > 1e-3, f"{node.id} changes the sample of chain {chain.seed} by {float(changed)} only"


def test_each_seam_is_used_once(models):
    model = run.build(generator.chain_of(list(generator.INPUTS), 3), models)
    for seam in seams.WRAPPERS:
        assert model.get_wrappers(seam, ANIMATION) == [seams.WRAPPERS[seam]]
        others = model.model_options["transformer_options"].get("wrappers", {}).get(seam, {})
        assert list(others) in ([], [ANIMATION])
    ours = [f for f in model.model_options["sampler_post_cfg_function"] if "kinema" in f.__module__]
    assert ours == [seams._post_cfg]
    assert model.model_options["transformer_options"]["patches"]["attn1_patch"] == [seams._attn1]


def test_three_keys_tell_the_host_everything(models):
    chain = generator.chain_of(["ApplyMotionModel", "ContextWindows", "WindowReference", "AnimationGuidance"], 4)
    chain = replace(chain, height=SMALL, width=SMALL, steps=1)
    model = run.build(chain, models)
    seen = set()

    def watch(executor, x, t, *args, **kwargs):
        options = args[3] if len(args) > 3 else kwargs["transformer_options"]
        seen.update(key for key in options if "kinema" in key or key == "ad_params")
        return executor(x, t, *args, **kwargs)

    model.add_wrapper_with_key(WrappersMP.APPLY_MODEL, "test", watch)
    run.sample(chain, model, models)
    assert seen == {"kinema", "kinema_call", "ad_params"}


def rows(heading):
    """The first and second cells of the table of the architecture page whose head begins with `heading`."""
    lines = PAGE.partition(f"| {heading} |")[2].splitlines()[2:]
    cells = [line.strip("| ").split(" | ") for line in iter(lambda: lines.pop(0) if lines else "", "")]
    return dict(cells)


def test_the_page_names_every_seam():
    assert {name.strip("`") for name in rows("seam of the host")} == {*seams.WRAPPERS, *LISTS}


def test_help_pages_quote_the_law_of_two_nodes():
    ids = {name: node_id for node_id, name in json.loads((REPOSITORY / "node_list.json").read_text()).items()}
    for names, law in rows("node").items():
        for name in names.split(", "):
            node_id = ids.get(name, "Kinema" + re.sub(r"[ -]", "", name))  # a draft is not in the list
            page = (REPOSITORY / "web" / "docs" / f"{node_id}.md").read_text(encoding="utf-8")
            assert law in page.replace("\n  ", " "), f"{name}: {law}"


BOTH = {"motions": "ApplyMotionModel", "injections": "InjectImage", "windows": "ContextWindows"}


@pytest.mark.parametrize("name", [name for name in generator.INPUTS if name != "AnimateDiff"])
def test_two_of_one_kind_do_as_the_page_says(models, name):
    """The later one alone, both, or layers."""
    needs = ["ApplyMotionModel"] if name in generator.NEED_MOTION else []
    chain = generator.chain_of([*needs, name, name], 5)
    first, second = chain.nodes[-2:]
    two, later = (
        animation_of(run.build(replace(chain, nodes=nodes), models).model_options)
        for nodes in ((*chain.nodes[:-2], first, second), (*chain.nodes[:-2], second))
    )
    field = next((field for field, node in BOTH.items() if node == name), None)
    if field is not None:
        assert len(getattr(two, field)) == 2 and content(getattr(two, field)[-1:]) != content(getattr(two, field)[:1])
        assert "both take effect" in rows("node").get(
            "Apply Motion Model, AnimateDiff" if field == "motions" else "Inject Image"
        )
    elif name == "AnimationNoise":
        assert len(two.noise.layers) == len(later.noise.layers)  # it lies over the earlier one, or over plain noise
        assert content(two.noise) != content(later.noise)
    elif name == "WindowReference" and first.get("mode") != second.get("mode"):
        assert [one.mode for one in two.references] == [first.get("mode"), second.get("mode")]
    else:
        assert content(two) == content(later)
