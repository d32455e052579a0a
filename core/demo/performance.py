"""What a performer does in a sample clip: turn, talk, blink, raise the brows, under a light that drifts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .head import Pose

YAW, PITCH, ROLL = 15.0, 8.0, 4.5  # degrees at most, both ways


@dataclass(frozen=True)
class Moment:
    """One frame of a performance.

    Attributes:
        pose: of the head.
        mouth: how far the jaw is down, 0..1; below 0 the lips close over the teeth.
        width: -1 rounded lips .. 1 spread lips.
        blink: 0 open .. 1 shut.
        brows: 0..1 raised.
        light: unit vector towards the key light, x right, y down, z to the camera.
        warmth: -1 cool .. 1 warm.
        exposure: factor on the light.
        sway: (x, y) of the shoulders, outer-eye distances.
    """

    pose: Pose
    mouth: float
    width: float
    blink: float
    brows: float
    light: tuple[float, float, float]
    warmth: float
    exposure: float
    sway: tuple[float, float]


KEY_LIGHT = (-0.35, -0.45, 0.82)  # where the portraits' own light comes from, near enough


def perform(frames: int, rate: float, seed: int) -> list[Moment]:
    """A performance of `frames` frames at `rate` frames per second; the same seed gives the same one."""
    random = np.random.default_rng(seed)
    time = np.arange(frames) / rate

    def drift(most: float, *periods: float) -> np.ndarray:
        """Sines of the given periods (seconds), the first the strongest, scaled to reach `most`."""
        wave = sum(0.55 ** i * np.sin(2 * np.pi * (time / p + random.uniform())) for i, p in enumerate(periods))
        return most * wave / max(np.abs(wave).max(), 1e-9)

    yaw, pitch, roll = drift(YAW, 4.7, 2.1), drift(PITCH, 3.6, 1.7, 0.9), drift(ROLL, 5.2, 2.3)
    x, y, lean = drift(0.06, 4.4, 2.6) + yaw / YAW * 0.07, drift(0.025, 3.1, 1.3), drift(0.02, 6.3, 3.9)
    mouth, width = _speech(time, random), drift(1.0, 0.83, 0.47, 1.7)
    blink, brows = _blinks(time, rate, random), np.clip(drift(1.3, 3.3, 1.4) - 0.3, 0, 1)
    azimuth, height = drift(0.45, 7.0, 3.7), drift(0.2, 5.3)
    warmth, exposure = drift(1.0, 8.0, 5.1), 1 + drift(0.05, 6.1, 2.9)
    sway_x, sway_y = drift(0.02, 4.9), drift(0.008, 3.4)
    moments = []
    for i in range(frames):
        light = np.array([KEY_LIGHT[0] + azimuth[i], KEY_LIGHT[1] + height[i], KEY_LIGHT[2]])
        light /= np.linalg.norm(light)
        moments.append(Moment(
            Pose(yaw[i], pitch[i], roll[i], x[i], y[i], lean[i]), float(mouth[i]), float(width[i]), float(blink[i]),
            float(brows[i]), tuple(light), float(warmth[i]), float(exposure[i]), (float(sway_x[i]), float(sway_y[i]))))
    return moments


def _speech(time: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Syllables of 0.14-0.28 s, each a smooth bump of the jaw, in phrases with pauses and now and then closed lips."""
    mouth = np.zeros_like(time)
    now, phrase_end = 0.15, random.uniform(1.6, 2.4)
    while time.size and now < time[-1]:
        length = random.uniform(0.14, 0.28)
        size = -random.uniform(0.5, 1.0) if random.uniform() < 0.2 else random.uniform(0.35, 1.0)
        mouth += size * np.exp(-((time - now - length / 2) / (0.42 * length)) ** 2)
        now += length
        if now > phrase_end:
            now += random.uniform(0.25, 0.5)
            phrase_end = now + random.uniform(1.4, 2.4)
    return np.clip(mouth, -1, 1)


def _blinks(time: np.ndarray, rate: float, random: np.random.Generator) -> np.ndarray:
    """A blink every 2-3.5 s: shut within 80 ms, open again within 160 ms."""
    blink = np.zeros_like(time)
    at = random.uniform(0.7, 1.4)
    while time.size and at < time[-1]:
        away = time - round(at * rate) / rate
        blink = np.maximum(blink, np.clip(np.where(away < 0, 1 + away / 0.08, 1.25 - away / 0.16), 0, 1))
        at += random.uniform(2.0, 3.5)
    return blink
