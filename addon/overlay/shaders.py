"""Lines, round dots and tinted areas on the graphics card. Shaders are made when they are first drawn with."""

from __future__ import annotations

from functools import cache
from typing import Any

import bpy
import gpu
import numpy as np
from gpu_extras.batch import batch_for_shader

from .shapes import Lines

# A square around each dot: two triangles, corners in units of its radius.
_SQUARE = np.array([(-1, -1), (1, -1), (1, 1), (-1, -1), (1, 1), (-1, 1)], np.float32)
_REACH = 1.6  # radii: room for the dark rim


@cache
def lines() -> Any:
    return gpu.shader.from_builtin("POLYLINE_FLAT_COLOR")


@cache
def _shade() -> Any:
    return gpu.shader.from_builtin("POLYLINE_UNIFORM_COLOR")


@cache
def area() -> Any:
    return gpu.shader.from_builtin("IMAGE_COLOR")


@cache
def _discs() -> Any | None:
    """Round dots with a dark rim; None where the graphics driver refuses."""
    interface = gpu.types.GPUStageInterfaceInfo("understudy_disc")
    interface.smooth("VEC2", "place")
    interface.flat("VEC4", "tone")
    info = gpu.types.GPUShaderCreateInfo()
    info.vertex_in(0, "VEC3", "pos")
    info.vertex_in(1, "VEC4", "color")
    info.vertex_in(2, "VEC2", "corner")
    info.vertex_out(interface)
    info.fragment_out(0, "VEC4", "fragColor")
    info.push_constant("MAT4", "ModelViewProjectionMatrix")
    info.push_constant("VEC2", "viewport")
    info.push_constant("FLOAT", "radius")
    info.push_constant("FLOAT", "reach")
    info.push_constant("BOOL", "srgbTarget")  # Blender sets it: whether the frame buffer turns linear values into sRGB
    info.vertex_source("""
void main()
{
  place = corner * reach;
  tone = color;
  gl_Position = ModelViewProjectionMatrix * vec4(pos, 1.0);
  gl_Position.xy += place * radius * 2.0 / viewport * gl_Position.w;
}
""")
    info.fragment_source("""
vec3 to_target(vec3 tint)
{
  vec3 linear = mix(pow((tint + 0.055) / 1.055, vec3(2.4)), tint / 12.92, step(tint, vec3(0.04045)));
  return srgbTarget ? linear : tint;
}

void main()
{
  float away = length(place) * radius;
  float inside = clamp(radius - away + 0.5, 0.0, 1.0);
  float whole = clamp(radius * reach - 0.5 - away, 0.0, 1.0);
  float alpha = tone.a * mix(0.55 * whole, 1.0, inside);
  fragColor = vec4(to_target(tone.rgb * inside), alpha);
}
""")
    try:
        return gpu.shader.create_from_info(info)
    except Exception as error:
        print(f"Understudy: landmarks are drawn as squares, since the graphics driver refused round ones ({error})")
        return None


@cache
def _squares() -> Any:
    # Since 4.5 points have shaders of their own.
    return gpu.shader.from_builtin("POINT_FLAT_COLOR" if bpy.app.version >= (4, 5) else "FLAT_COLOR")


def dots_batch(dots: Lines) -> Any | None:
    """A batch for `draw_dots`."""
    if not len(dots.points):
        return None
    if _discs() is None:
        return batch_for_shader(_squares(), "POINTS", {"pos": dots.points, "color": dots.colours})
    corners = len(_SQUARE)
    return batch_for_shader(_discs(), "TRIS", {
        "pos": np.repeat(dots.points, corners, axis=0), "color": np.repeat(dots.colours, corners, axis=0),
        "corner": np.tile(_SQUARE, (len(dots.points), 1))})


def draw_dots(batch: Any, radius: float) -> None:
    """Draw dots of a radius in pixels."""
    if batch is None:
        return
    shader = _discs()
    if shader is None:
        squares = _squares()
        squares.bind()
        if bpy.app.version >= (4, 5):
            squares.uniform_float("size", 2 * radius)
        else:
            gpu.state.point_size_set(2 * radius)
        batch.draw(squares)
        gpu.state.point_size_set(1.0)
        return
    shader.bind()
    shader.uniform_float("ModelViewProjectionMatrix",
                         gpu.matrix.get_projection_matrix() @ gpu.matrix.get_model_view_matrix())
    shader.uniform_float("viewport", gpu.state.viewport_get()[2:])
    shader.uniform_float("radius", radius)
    shader.uniform_float("reach", _REACH)
    batch.draw(shader)


def draw_lines(batch: Any, width: float, shade: float, opacity: float) -> None:
    """Draw lines of a width in pixels, on a wider dark ground, so that they show on any footage."""
    if batch is None:
        return
    for shader, wide in ((_shade(), width + shade), (lines(), width)):
        shader.bind()
        shader.uniform_float("viewportSize", gpu.state.viewport_get()[2:])
        shader.uniform_float("lineWidth", wide)
        if shader is _shade():
            shader.uniform_float("color", (0.0, 0.0, 0.0, 0.45 * opacity))
        batch.draw(shader)


def texture(pixels: np.ndarray) -> Any:
    """A mask, uint8 [S, S], as white of which it is the alpha."""
    white = np.ones((*pixels.shape, 4), np.float32)
    white[..., 3] = pixels / np.float32(255)
    buffer = gpu.types.Buffer("FLOAT", white.size, white.ravel())
    return gpu.types.GPUTexture((pixels.shape[1], pixels.shape[0]), format="RGBA8", data=buffer)


def draw_area(quad: Any, image: Any, colour: tuple[float, ...]) -> None:
    """Tint a mask."""
    shader = area()
    shader.bind()
    shader.uniform_sampler("image", image)
    shader.uniform_float("color", colour)
    quad.draw(shader)
