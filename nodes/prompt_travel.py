from collections.abc import Mapping

from comfy_api.latest import io

from ..motion.host import HostCLIP, HostLatent
from ..sampling.curves.easings import EASINGS
from ..sampling.prompts.prompt_text import read_prompts
from ..sampling.prompts.prompt_travel import Travel, encode_travel, plan_travel
from .inputs.evolved_names import EVOLVED_NAMES
from .inputs.options import ExplainedCombo, words_of
from .inputs.pictures import LATENT_COUNTS, frame_count
from .inputs.sockets import CATEGORY
from .inputs.texts import check_text
from .inputs.values import OpenInt, Told, reads_numbers

PROMPT_EXAMPLE = "0: a calm sea\n24: a storm"


class PromptTravelNode(io.ComfyNode):
    IDLE = (LATENT_COUNTS,)

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaPromptTravel",
            display_name="Prompt Travel",
            category=CATEGORY,
            description="Changes the prompt over the frames. Write one line for each frame at which a new prompt "
            "is reached, e.g. 0: a calm sea, and on the next line 24: a storm. For the frames in between, the "
            "prompts are blended.",
            search_aliases=[
                "morph",
                "interpolate",
                "prompt schedule",
                "batch prompt schedule",
                "fizznodes",
                "keyframes",
                *EVOLVED_NAMES["Prompt Travel"],
            ],
            inputs=[
                io.Clip.Input("clip", tooltip="The text encoder of the checkpoint."),
                io.String.Input(
                    "prompts",
                    default=PROMPT_EXAMPLE,
                    multiline=True,
                    dynamic_prompts=False,
                    tooltip="On each line, write a frame number and the prompt to be reached at that frame, e.g. 0: a "
                    "calm sea. Negative frame numbers count from the end; 0.5 or 50% is the middle of the video. The "
                    'quoted syntax of other tools works too: "0": "a calm sea".',
                ),
                OpenInt(
                    "frames",
                    default=32,
                    min=1,
                    max=100000,
                    tooltip="How many frames the video has. Ignored if a latent is connected.",
                ),
                io.Latent.Input(
                    "latent", optional=True, tooltip="If connected, the number of frames is taken from this latent."
                ),
                *_blending_inputs(),
            ],
            outputs=[
                io.Conditioning.Output(
                    tooltip="One conditioning with an embedding for each frame, for the sampler's positive input."
                )
            ],
        )

    @classmethod
    def validate_inputs(cls, prompts: str | None = None) -> bool | str:
        return check_text(read_prompts, PROMPT_EXAMPLE if prompts is None else prompts)

    @classmethod
    @reads_numbers
    def execute(
        cls,
        clip: HostCLIP,
        prompts: str,
        frames: int,
        latent: HostLatent | None = None,
        text_before: str = "",
        text_after: str = "",
        closed_loop: bool = False,
        easing: str = "linear",
        blend: str = "linear",
    ) -> io.NodeOutput | Told:
        if clip is None:
            raise ValueError(
                "The checkpoint has no text encoder, so Prompt Travel cannot encode prompts. Connect a CLIP from "
                "Load CLIP."
            )
        travel = plan_travel(prompts, frame_count(frames, latent), easing, closed_loop)
        encoded = encode_travel(clip, travel, text_before, text_after, spherical=blend == "spherical")
        settings = {"closed_loop": closed_loop, "easing": easing != "linear", "blend": blend != "linear"}
        return Told(io.NodeOutput(encoded), _what_does_not_act(travel, settings))


def _what_does_not_act(travel: Travel, settings: Mapping[str, bool]) -> list[str]:
    """Sentences about prompts of `travel` that lie after the video, and `settings` that are made for several prompts."""
    last = len(travel.mixes) - 1
    sentences = [f"The prompt at frame {frame} is not reached: the last frame is {last}." for frame in travel.after_end]
    if len(travel.texts) == 1:
        sentences += [f"{name} has no effect, because there is only one prompt." for name in settings if settings[name]]
    return sentences


def _blending_inputs() -> list[io.Input]:
    return [
        io.String.Input(
            "text_before",
            default="",
            multiline=True,
            optional=True,
            tooltip="Text that is added before every prompt, e.g. the style.",
        ),
        io.String.Input(
            "text_after",
            default="",
            multiline=True,
            optional=True,
            tooltip="Text that is added after every prompt.",
        ),
        io.Boolean.Input(
            "closed_loop",
            default=False,
            optional=True,
            tooltip="After the last prompt, blends back to the first prompt, for videos that loop.",
        ),
        ExplainedCombo(
            "easing",
            words_of(EASINGS),
            default="linear",
            optional=True,
            tooltip="How one prompt changes into the next: evenly, or more slowly at the start or the end.",
        ),
        io.Combo.Input(
            "blend",
            options=["linear", "spherical"],
            default="linear",
            optional=True,
            advanced=True,
            tooltip="linear: the prompts are blended in a straight line between their embeddings. "
            "spherical: they are blended along an arc, which preserves the magnitude of the embeddings.",
        ),
    ]
