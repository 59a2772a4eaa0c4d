import torch
from comfy_api.latest import io, ui

from ..sampling.camera.moved_picture import moved_picture
from ..sampling.camera.path import CameraPath, beyond_video, track_of
from ..sampling.camera.path_picture import draw_path
from ..sampling.pictures.encoding import in_colour
from .inputs.pictures import plotted
from .inputs.sockets import CATEGORY, CameraSocket
from .inputs.values import OpenInt, Told, reads_numbers
from .inputs.without_effect import Idle

WIDTH, HEIGHT = 768, 336


class PlotCameraPathNode(io.ComfyNode):
    IDLE = (Idle("distance", lambda values: values["image"] is None, ", because no image is connected."),)

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="KinemaPlotCameraPath",
            display_name="Plot Camera Path",
            category=f"{CATEGORY}/camera",
            is_output_node=True,
            description="Draws a camera path as seen from three sides. If an image is connected, this node shows the image "
            "instead, as the camera would see it in each frame.",
            search_aliases=["show camera", "preview camera", "camera poses plot", "debug", "homography", "ken burns"],
            inputs=[
                CameraSocket.Input("camera", tooltip="The camera path, from Camera Path."),
                OpenInt("frames", default=16, min=1, max=10000, tooltip="How many frames the video has."),
                io.Image.Input(
                    "image",
                    optional=True,
                    tooltip="An image that is placed in front of the camera at the first frame and fills its view. If an "
                    "image is connected, the output shows the image as the camera sees it in each frame, instead of the "
                    "plot.",
                ),
                io.Float.Input(
                    "distance",
                    default=4.0,
                    min=0.01,
                    max=1000.0,
                    step=0.1,
                    optional=True,
                    tooltip="How far the image is from the camera at the first frame, in the units of the path. The closer "
                    "it is, the more it moves.",
                ),
            ],
            outputs=[
                io.Image.Output(
                    display_name="images",
                    tooltip="The plot, or the connected image as the camera sees it in each frame, for Preview Image or "
                    "Create Video.",
                )
            ],
        )

    @classmethod
    @reads_numbers
    def execute(
        cls, camera: CameraPath, frames: int, image: torch.Tensor | None = None, distance: float = 4.0
    ) -> io.NodeOutput | Told:
        track = track_of(camera, frames)
        sentences = beyond_video(camera, frames)
        if image is None:
            picture = draw_path(track, WIDTH, HEIGHT)
            return Told(plotted(cls, picture, picture), sentences)
        moved = moved_picture(in_colour(image[:1].movedim(-1, 1))[0].movedim(0, -1), track, distance)
        if moved.behind:
            sentences.append(
                f"The camera reaches the image at frame {moved.behind[0]}; frames in which the camera is behind the image "
                "are black."
            )
        if len(image) > 1:
            sentences.append(f"Only the first of the {len(image)} images is shown.")
        return Told(io.NodeOutput(moved.frames, ui=ui.PreviewImage(moved.frames, cls=cls)), sentences)
