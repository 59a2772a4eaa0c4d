from comfy_api.latest import io

from ..motion.host import HostModel
from ..sampling.run.animation import Animation, animation_of
from ..sampling.run.remove import without_motion
from .inputs.evolved_names import EVOLVED_NAMES
from .inputs.sockets import CATEGORY
from .inputs.values import Told, reads_numbers

NOTHING = "Kinema's nodes have added nothing to the connected model, so nothing was removed."


class RemoveMotionNode(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaRemoveMotion",
            display_name="Remove Motion",
            category=CATEGORY,
            description="Removes what Kinema's nodes have added to a model: motion models, windows, noise, guidance "
            "and everything else except the noise schedule. The model then makes single images again. LoRAs and "
            "patches of other nodes stay.",
            search_aliases=["unload animatediff", "without motion", "still images", *EVOLVED_NAMES["Remove Motion"]],
            inputs=[io.Model.Input("model", tooltip="A model that was set up for animation.")],
            outputs=[
                io.Model.Output(
                    tooltip="The model without motion, with its noise schedule and with the patches of other nodes."
                )
            ],
        )

    @classmethod
    @reads_numbers
    def execute(cls, model: HostModel) -> io.NodeOutput | Told:
        has_none = animation_of(model.model_options) == Animation()
        return Told(io.NodeOutput(without_motion(model)), [NOTHING] if has_none else [])
