"""The table of motion models: one row for each family of files that people have."""

from .spec import (
    IMAGE_SCHEDULE,
    LCM_I2V_SCHEDULE,
    LCM_SCHEDULE,
    PAPER_SCHEDULE,
    SDXL_SCHEDULE,
    Family,
    KeyLayout,
    NormPolicy,
    Preset,
    Sign,
)

_NOT_STORED = range(0, 1)  # lengths of position tables
_24_FRAMES = range(24, 25)
_32_FRAMES = range(32, 33)
_33_TO_64_FRAMES = range(33, 65)
_UP_TO_63_FRAMES = range(0, 64)
_FROM_64_FRAMES = range(64, 1 << 20)
_FROM_65_FRAMES = range(65, 1 << 20)
_NEITHER_V1_NOR_V3 = (_NOT_STORED, range(2, 24), range(25, 32), range(33, 1 << 20))

_WITHOUT_POSITIONS = KeyLayout(positions=None)
_HOTSHOT_KEYS = KeyLayout(container="temporal_attentions", inside="", positions="pos_encoder.positional_encoding")
_JOINT = NormPolicy(resnet="joint")
_LCM_PRESET = Preset(steps=6, sampler="lcm", scheduler="simple", cfg=1.5)
_V1_OR_V3 = (
    "it could be AnimateDiff v1 or v3, because it has neither a position table for 24 frames (v1) nor one for 32 frames "
    "(v3). It is used as v3. "
    'If it was trained from v1 or with the authors\' train.py, set kind of Load Motion Model to "AnimateDiff v1".'
)
_IMAGE_NOTE = (
    "it is an image-to-video model. Give it a picture with Animate Picture; without one, it runs as text-to-video."
)

_ROWS = (
    Family(
        name="v1", label="AnimateDiff v1", base="sd15", native_frames=16, max_frames=24, schedule=PAPER_SCHEDULE,
        words="The first AnimateDiff for SD1.5: mm_sd_v14, mm_sd_v15 and models trained from them or with the authors' "
        "train.py.",
        signs=(
            Sign(mid=False, positions=_24_FRAMES),
            *(Sign(mid=False, positions=lengths, name="mm_sd_v1") for lengths in _NEITHER_V1_NOR_V3),
        ),
        norms=_JOINT, evolved="joint",
    ),
    Family(
        name="v2", label="AnimateDiff v2", base="sd15", native_frames=16, max_frames=32, schedule=PAPER_SCHEDULE,
        words="AnimateDiff for SD1.5 that also has a motion module in the mid block: mm_sd15_v2 and models trained from it.",
        signs=(Sign(mid=True), Sign(mid=True, positions=_NOT_STORED, name="_v2")), mid=True,
    ),
    Family(
        name="v3", label="AnimateDiff v3", base="sd15", native_frames=16, max_frames=32, schedule=PAPER_SCHEDULE,
        words="The latest AnimateDiff for SD1.5, which suits most videos: mm_sd15_v3 and models trained from it.",
        signs=(
            Sign(mid=False, positions=_32_FRAMES),
            *(Sign(mid=False, positions=lengths, name="v3_sd15") for lengths in _NEITHER_V1_NOR_V3),
            *(Sign(mid=False, positions=lengths, doubt=_V1_OR_V3) for lengths in _NEITHER_V1_NOR_V3),
        ),
    ),
    Family(
        name="long", label="LongAnimateDiff", base="sd15", native_frames=64, max_frames=128, schedule=PAPER_SCHEDULE,
        words="A model for SD1.5 that makes up to 64 frames without windows: lt_long_mm_16_64_frames.",
        signs=(Sign(mid=True, positions=_FROM_65_FRAMES),), mid=True,
    ),
    Family(
        name="long32", label="LongAnimateDiff 32", base="sd15", native_frames=32, max_frames=64, schedule=PAPER_SCHEDULE,
        words="A model for SD1.5 that makes 32 frames without windows: lt_long_mm_32_frames.",
        signs=(Sign(mid=True, positions=_33_TO_64_FRAMES), Sign(positions=_32_FRAMES, name="lt_long")), mid=True,
    ),
    Family(
        name="lightning", label="AnimateDiff-Lightning", base="sd15", native_frames=16, max_frames=32,
        words='A model for SD1.5 that samples in 1 to 8 steps at cfg 1. Choose it if the file name does not contain '
        '"lightning".',
        schedule=PAPER_SCHEDULE, signs=(Sign(mid=True, positions=_UP_TO_63_FRAMES, name="lightning"),), mid=True,
        preset=Preset(steps=4, sampler="euler", scheduler="simple", cfg=1.0),
    ),
    Family(
        name="animatelcm", label="AnimateLCM", base="sd15", native_frames=16, max_frames=64, schedule=LCM_SCHEDULE,
        words="A model for SD1.5 that samples in about 6 steps at cfg 1.5, with the sampler lcm. Its files store no "
        "positional encoding.",
        signs=(
            Sign(mid=True, positions=_NOT_STORED),
            Sign(positions=_NOT_STORED, name="lcm"),
            Sign(positions=_FROM_64_FRAMES, name="lcm"),
        ),
        layout=_WITHOUT_POSITIONS, mid=True, preset=_LCM_PRESET,
    ),
    Family(
        name="animatelcm_i2v", label="AnimateLCM-I2V", base="sd15", native_frames=16, max_frames=64,
        words="AnimateLCM with an image encoder: animates the picture from Animate Picture.",
        schedule=LCM_I2V_SCHEDULE, layout=_WITHOUT_POSITIONS, picture="encoder", mid=True, preset=_LCM_PRESET,
        note=_IMAGE_NOTE,
    ),
    Family(
        name="pia", label="PIA", base="sd15", native_frames=16, max_frames=32, schedule=PAPER_SCHEDULE,
        words="A model for SD1.5 that animates the picture from Animate Picture, which it takes as extra input channels.",
        picture="mask+picture", norms=_JOINT, evolved="joint", note=_IMAGE_NOTE,
    ),
    Family(
        name="sdxl", label="AnimateDiff SDXL beta", base="sdxl", native_frames=16, max_frames=32, schedule=SDXL_SCHEDULE,
        words="The AnimateDiff authors' model for SDXL: mm_sdxl_v10_beta and models trained from it.",
        signs=(Sign(),), norms=NormPolicy(module="joint"), evolved="joint",
    ),
    Family(
        name="hotshotxl", label="HotshotXL", base="sdxl", native_frames=8, max_frames=24, schedule=IMAGE_SCHEDULE,
        words="A model for SDXL that was trained on clips of 8 frames: hsxl_temporal_layers.",
        layout=_HOTSHOT_KEYS, norms=_JOINT, evolved="joint",
    ),
)  # fmt: skip

FAMILIES: dict[str, Family] = {family.name: family for family in _ROWS}
