"""Settings that the tests of the stage share."""

import pytest

from nonverbal.speakers.settings import ActiveSpeaker, LightAsd, Tracks


@pytest.fixture
def tracking() -> Tracks:
    return Tracks(
        backend="mediapipe", lowest_score=0.6, detect_every=1, least_overlap=0.3, longest_gap=3, shortest_track=4,
        shot_change=0.1, shot_change_ratio=4, same_camera=0.8, descriptor="embedded",
    )  # fmt: skip


@pytest.fixture
def speaking() -> ActiveSpeaker:
    network = LightAsd(weights="light_asd_talkset", durations_s=(1, 2), batch=50)
    return ActiveSpeaker(backend="motion", window_s=0.6, light_asd=network, same_person=0.96)
