import torch
from comfy_api.latest import io

from ..sampling.camera.moved_picture import moved_picture
from ..sampling.camera.path import CameraPath, track_of
from ..sampling.camera.path_picture import draw_path
from .inputs.on_node import say
from .inputs.pictures import image_of
from .inputs.sockets import CATEGORY, CameraSocket
from .inputs.values import OpenInt, reads_numbers

WIDTH, HEIGHT = 768, 336


class PlotCameraPathNode(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaPlotCameraPath",
            display_name="Plot Camera Path",
            category=f"{CATEGORY}/camera",
            description="Draws a camera path from three sides. If an image is connected, this node shows the image "
            "instead, as the camera would see it in each frame.",
            search_aliases=["show camera", "preview camera", "camera poses plot", "debug", "homography", "ken burns"],
            inputs=[
                CameraSocket.Input("camera", tooltip="The camera path, from Camera Path."),
                OpenInt("frames", default=16, min=1, max=10000, tooltip="How many frames the video has."),
                io.Image.Input(
                    "image",
                    optional=True,
                    tooltip="An image that is placed in front of the first camera and fills its view. If it is "
                    "connected, the output is this image in all frames, instead of the plot.",
                ),
                io.Float.Input(
                    "distance",
                    default=4.0,
                    min=0.01,
                    max=1000.0,
                    step=0.1,
                    optional=True,
                    tooltip="How far the image is from the first camera, in the units of the path. The closer it is, the more "
                    "it moves.",
                ),
            ],
            outputs=[
                io.Image.Output(
                    display_name="images",
                    tooltip="The plot, or the connected image in all frames, for Preview Image or Create Video.",
                )
            ],
        )

    @classmethod
    @reads_numbers
    def execute(
        cls, camera: CameraPath, frames: int, image: torch.Tensor | None = None, distance: float = 4.0
    ) -> io.NodeOutput:
        track = track_of(camera, frames)
        if image is None:
            return io.NodeOutput(image_of(draw_path(track, WIDTH, HEIGHT)))
        moved = moved_picture(image[0, :, :, :3], track, distance)
        if moved.behind:
            say(
                f"The camera reaches the image at frame {moved.behind[0]}; frames where it is behind the image are black."
            )
        if len(image) > 1:
            say(f"Only the first of the {len(image)} images is shown.")
        return io.NodeOutput(moved.frames)
