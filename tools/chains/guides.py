"""Draws what guides a motion model and is no node from MODEL to MODEL: a picture that it animates, a camera that it follows,
and SparseCtrl in the conditionings.

They have random numbers of their own, so that a seed gives the same nodes as without them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

from .chain import Chain, Control, Drawn, Node, Shared, Value

OFTEN = 0.25  # of the chains have a picture, as many a camera, as many SparseCtrl
PICTURE_FILES = {"v2": "tiny_i2v.safetensors", "v3": "tiny_pia.safetensors"}  # by the motion models' version
CAMERA_FILE, SPARSE_FILE = "tiny_cameractrl.safetensors", "tiny_sparsectrl.safetensors"
RAMP = "0: 0.4, -1: 1.2"
PIXELS = 8  # of a picture to one of its latent
LOADER, APPLY = "LoadMotionModel", "ApplyMotionModel"


def guided(chain: Chain, version: str) -> Chain:
    """`chain`, whose motion models are of `version`, with some of these."""
    random = Random(f"guides {chain.seed}")
    pictured = random.random() < OFTEN
    followed = random.random() < OFTEN
    controlled = random.random() < OFTEN
    if pictured and version in PICTURE_FILES:
        chain = with_picture(chain, version, random)
    if followed and not _loops(chain):
        chain = with_camera(chain, random)
    return with_sparsectrl(chain, random) if controlled else chain


def with_picture(chain: Chain, version: str, random: Random) -> Chain:
    """`chain` whose first motion model is for pictures, and has one or two."""
    image = Drawn("image", random.choice((1, 1, 2)), PIXELS * chain.height, PIXELS * 9, random.randrange(2**32))
    settings: tuple[tuple[str, Value], ...] = (("strength", _value(random)),)
    if version == "v3":
        motion = random.choice(("small", "large loop", "style moderate"))
        settings += (("motion", motion), ("frame", random.choice((0, -1)) if image.count == 1 else 0))
    else:
        settings += (("drift", round(random.uniform(0.0, 1.2), 2)),)

    def pictured(motion: Node) -> Node:
        loaded = _with_file(motion, PICTURE_FILES[version])
        return Node("AnimatePicture", (("motion_model", loaded), ("image", image), ("vae", Shared("vae")), *settings))

    return _with_motion(chain, pictured)


def with_camera(chain: Chain, random: Random) -> Chain:
    """`chain` whose first motion model follows a camera."""
    preset = random.choice(("move right", "move forward", "turn left", "roll clockwise"))
    path = Node("CameraPath", (("preset", preset), ("amount", round(random.uniform(0.5, 2.0), 1))))
    settings = (("cameractrl", CAMERA_FILE), ("camera", path), ("strength", _value(random)))
    return _with_motion(chain, lambda motion: Node("LoadCameraCtrl", (("motion_model", motion), *settings)))


def with_sparsectrl(chain: Chain, random: Random) -> Chain:
    """`chain` with SparseCtrl in its conditionings."""
    frames = random.choice(("0", "0, -1", "-1", "spread", "every 3"))
    load = Node(
        "LoadSparseCtrl",
        (
            ("sparsectrl", SPARSE_FILE),
            ("frames", frames),
            ("motion", random.choice((1.0, 1.0, 0.5, 0.0))),
            ("strength", _value(random)),
            ("empty_windows", random.choice(("nearest", "none"))),
        ),
    )
    picture = Drawn("image", 1, PIXELS * chain.height, PIXELS * chain.width, random.randrange(2**32))
    part = random.choice(((0.0, 1.0), (0.0, 0.7), (0.3, 1.0)))
    return replace(chain, control=Control(load, picture, round(random.uniform(0.4, 1.2), 2), *part))


def _value(random: Random) -> float | Node:
    if random.random() < 0.3:
        return Node("Curve", (("values", RAMP), ("easing", "linear")))
    return round(random.uniform(0.5, 1.2), 2)


def _with_motion(chain: Chain, change: Callable[[Node], Node]) -> Chain:
    """`chain` with `change` made to the motion model of its first Apply Motion Model, if it has one."""
    place = next((place for place, node in enumerate(chain.nodes) if node.id == APPLY), None)
    if place is None:
        return chain
    apply = chain.nodes[place]
    inputs = dict(apply.inputs) | {"motion_model": change(apply.get("motion_model"))}
    changed = replace(apply, inputs=tuple(inputs.items()))
    return replace(chain, nodes=(*chain.nodes[:place], changed, *chain.nodes[place + 1 :]))


def _with_file(motion: Node, file: str) -> Node:
    """`motion` whose loader, the first of two, loads `file`."""
    if motion.id == LOADER:
        return Node(LOADER, (("motion_model", file),))
    within = next(name for name in ("motion_model", "first") if isinstance(motion.get(name), Node))
    inputs = dict(motion.inputs) | {within: _with_file(motion.get(within), file)}
    return replace(motion, inputs=tuple(inputs.items()))


def _loops(chain: Chain) -> bool:
    """Whether windows go on from the end of the video to its start, where most cameras do not."""
    return any(node.get("schedule") == "looped" or node.get("closed_loop", False) for node in chain.nodes)
