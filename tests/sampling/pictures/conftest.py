"""Tiny motion models for pictures."""

import exact
import families
import pytest


@pytest.fixture(scope="module")
def pia(tmp_path_factory):
    """MOTION_MODEL in float64."""
    return exact.motion_model(families.pia(), tmp_path_factory.mktemp("pia") / "pia.safetensors")


@pytest.fixture(scope="module")
def i2v(tmp_path_factory):
    """MOTION_MODEL in float64."""
    return exact.motion_model(families.lcm_i2v(), tmp_path_factory.mktemp("i2v") / "AnimateLCM_sd15_i2v.safetensors")
