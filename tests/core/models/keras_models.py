"""The field's networks in Keras, from their descriptions, to compare what is imported with what they compute.

Small building blocks, then one function per trainer; kernels are random, as nothing is trained here.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

os.environ["KERAS_BACKEND"] = "torch"

import keras
from keras import layers, ops

Tensor = Any


@keras.saving.register_keras_serializable("faceswap")
class PixelShuffler(layers.Layer):
    """Depth to space in TensorFlow's order of channels."""

    def __init__(self, size: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = size

    def call(self, x: Tensor) -> Tensor:
        _, height, width, channels = x.shape
        r = self.size
        x = ops.reshape(x, (-1, height, width, r, r, channels // r**2))
        return ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4, 5)), (-1, height * r, width * r, channels // r**2))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "size": self.size}


@keras.saving.register_keras_serializable("faceswap")
class ReflectionPadding2D(layers.Layer):
    def __init__(self, stride: int, kernel_size: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stride, self.kernel_size = stride, kernel_size

    def call(self, x: Tensor) -> Tensor:
        total = max(self.kernel_size - self.stride, 0)
        widths = (total // 2, total - total // 2)
        return ops.pad(x, ((0, 0), widths, widths, (0, 0)), mode="reflect")

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "stride": self.stride, "kernel_size": self.kernel_size}


@keras.saving.register_keras_serializable("faceswap")
class InstanceNormalization(layers.Layer):
    """Over all axes but the first, with a scalar scale and shift."""

    def build(self, shape: Any) -> None:
        self.gamma = self.add_weight(shape=(1,), initializer=keras.initializers.RandomUniform(0.5, 1.5), name="gamma")
        self.beta = self.add_weight(shape=(1,), initializer=keras.initializers.RandomUniform(-0.5, 0.5), name="beta")

    def call(self, x: Tensor) -> Tensor:
        mean, spread = ops.mean(x, (1, 2, 3), keepdims=True), ops.std(x, (1, 2, 3), keepdims=True)
        return (x - mean) / (spread + 1e-3) * self.gamma + self.beta


class Blocks:
    """The blocks that the descriptions name; `reflect` pads C, U and R by reflection."""

    def __init__(self, reflect: bool = False) -> None:
        self.reflect = reflect

    def conv(self, x: Tensor, filters: int, kernel: int, stride: int = 1, bias: bool = True, own: bool = True
             ) -> Tensor:
        padding = "same"
        if self.reflect and own:
            x, padding = ReflectionPadding2D(stride, kernel)(x), "valid"
        random = keras.initializers.RandomUniform(-0.1, 0.1)
        return layers.Conv2D(filters, kernel, stride, padding, use_bias=bias, bias_initializer=random)(x)

    def leaky(self, x: Tensor, slope: float) -> Tensor:
        return layers.LeakyReLU(slope)(x)

    def down(self, x: Tensor, filters: int) -> Tensor:
        return self.leaky(self.conv(x, filters, 5, 2), 0.1)

    def up(self, x: Tensor, filters: int, kernel: int = 3, factor: int = 2, slope: float = 0.1) -> Tensor:
        x = self.conv(x, filters * factor**2, kernel)
        return PixelShuffler(factor)(self.leaky(x, slope) if slope else x)

    def up0(self, x: Tensor, filters: int, kernel: int = 3) -> Tensor:
        return self.leaky(self.up(x, filters, kernel, slope=0), 0.2)

    def residual(self, x: Tensor, filters: int, bias: bool = True) -> Tensor:
        y = self.leaky(self.conv(x, filters, 3, bias=bias), 0.2)
        return self.leaky(layers.Add()([self.conv(y, filters, 3, bias=bias), x]), 0.2)

    def separable(self, x: Tensor, filters: int) -> Tensor:
        return layers.Activation("relu")(layers.SeparableConv2D(filters, 5, 2, "same")(x))

    def hybrid(self, x: Tensor, filters: int, factor: int = 2, slope: float = 0.1) -> Tensor:
        smooth = self.conv(x, filters // 2, 3, own=False)
        smooth = layers.UpSampling2D(factor, interpolation="bilinear")(smooth)
        return layers.Concatenate()([self.up(x, filters - filters // 2, factor=factor, slope=slope), smooth])

    def summed(self, x: Tensor, filters: int) -> Tensor:
        smooth = layers.UpSampling2D(2, interpolation="bilinear")(self.conv(x, filters, 3, own=False))
        return layers.Add()([self.up(x, filters), smooth])

    def output(self, x: Tensor, channels: int = 3) -> Tensor:
        return layers.Activation("sigmoid", dtype="float32")(self.conv(x, channels, 5, own=False))

    def dense(self, x: Tensor, units: int, side: int, channels: int) -> Tensor:
        random = keras.initializers.RandomUniform(-0.1, 0.1)
        x = layers.Dense(units, bias_initializer=random)(layers.Flatten()(x))
        x = layers.Dense(side * side * channels, bias_initializer=random)(x)
        return layers.Reshape((side, side, channels))(x)

    def plain(self, x: Tensor, *filters: int, kernel: int = 3, channels: int = 3) -> Tensor:
        for each in filters:
            x = self.up(x, each, kernel)
        return self.output(x, channels)


def part(name: str, shape: tuple[int, ...], make: Callable[[Tensor], Any]) -> keras.Model:
    x = layers.Input(shape)
    return keras.Model(x, make(x), name=name)


def joined(name: str, size: int, encode: Callable[[Tensor], Any], *decode: Callable[[Any], Any]) -> keras.Model:
    """A model with an input and outputs for A and for B."""
    inputs = [layers.Input((size, size, 3)) for _ in range(2)]
    return keras.Model(inputs, [side(encode(x)) for side, x in zip(decode, inputs, strict=True)], name=name)


def _both(encoder: keras.Model, make: Callable[[Tensor], Any], make_b: Callable[[Tensor], Any] | None = None
          ) -> list[keras.Model]:
    shape = encoder.output.shape[1:]
    return [part("decoder_a", shape, make), part("decoder_b", shape, make_b or make)]


def lightweight() -> keras.Model:
    b = Blocks()

    def encode(x: Tensor) -> Tensor:
        for filters in (128, 256, 512):
            x = b.down(x, filters)
        return b.up(b.dense(x, 512, 4, 512), 256)

    encoder = part("encoder", (64, 64, 3), encode)
    return joined("lightweight", 64, encoder, *_both(encoder, lambda x: b.plain(x, 512, 256, 128)))


def original(mask: bool = False, reflect: bool = False) -> keras.Model:
    """The small variant."""
    b = Blocks(reflect)

    def encode(x: Tensor) -> Tensor:
        for filters in (128, 256, 512):
            x = b.down(x, filters)
        return b.up(b.dense(x, 512, 4, 1024), 512)

    def decode(x: Tensor) -> Any:
        face = b.plain(x, 256, 128, 64)
        return [face, b.plain(x, 256, 128, 64, channels=1)] if mask else face

    encoder = part("encoder", (64, 64, 3), encode)
    return joined("original", 64, encoder, *_both(encoder, decode))


def iae() -> keras.Model:
    b = Blocks()

    def encode(x: Tensor) -> Tensor:
        for filters in (128, 256, 512, 1024):
            x = b.down(x, filters)
        return x

    encoder = part("encoder", (64, 64, 3), encode)
    inter = {name: part(f"inter_{name}", (4, 4, 1024), lambda x: b.dense(x, 1024, 4, 512)) for name in
             ("a", "b", "both")}
    decoder = part("decoder", (4, 4, 1024), lambda x: b.plain(x, 512, 256, 128, 64))

    def decode(side: str) -> Callable[[Tensor], Tensor]:
        return lambda x: decoder(layers.Concatenate()([inter[side](x), inter["both"](x)]))

    return joined("iae", 64, encoder, decode("a"), decode("b"))


def dfaker() -> keras.Model:
    b = Blocks()

    def encode(x: Tensor) -> Tensor:
        for filters in (128, 256, 512):
            x = b.down(x, filters)
        return b.up(b.dense(x, 1024, 4, 1024), 512)

    def decode(x: Tensor) -> Tensor:
        for filters in (512, 256, 128):
            x = b.residual(b.up0(x, filters), filters)
        return b.plain(x, 64)

    encoder = part("encoder", (64, 64, 3), encode)
    return joined("dfaker", 64, encoder, *_both(encoder, decode))


def dfl_h128() -> keras.Model:
    """The small variant."""
    b = Blocks()

    def encode(x: Tensor) -> Tensor:
        for filters in (128, 256, 512, 1024):
            x = b.down(x, filters)
        return b.up(b.dense(x, 256, 8, 256), 256)

    encoder = part("encoder", (128, 128, 3), encode)
    return joined("dfl_h128", 128, encoder, *_both(encoder, lambda x: b.plain(x, 256, 128, 64)))


def dfl_sae(architecture: str, size: int = 64, ae: int = 32, e: int = 21, d: int = 10,
            mask: bool = False) -> keras.Model:
    """With pictures at three sizes."""
    b, e, m = Blocks(), 3 * e, d
    d = 3 * d
    small = size // 16

    def downs(x: Tensor) -> Tensor:
        for factor in (1, 2, 4, 8):
            x = b.down(x, factor * e)
        return x

    def decode(x: Tensor) -> list[Tensor]:
        code, faces = x, []
        for factor in (8, 4, 2):
            x = b.up0(x, factor * d)
            x = b.residual(b.residual(x, factor * d), factor * d)
            faces.append(b.output(x))
        return [*faces, b.plain(code, 8 * m, 4 * m, 2 * m, channels=1)] if mask else faces

    if architecture == "df":
        encoder = part("encoder_df", (size, size, 3), lambda x: b.up(b.dense(downs(x), ae, small, ae), ae))
        return joined("dfl_sae_df", size, encoder, *_both(encoder, decode))
    encoder = part("encoder_liae", (size, size, 3), downs)
    own, both = (part(name, encoder.output.shape[1:], lambda x: b.up(b.dense(x, ae, small, 2 * ae), 2 * ae))
                 for name in ("intermediate_b", "intermediate_both"))
    decoder = part("decoder_both", (2 * small, 2 * small, 4 * ae), decode)

    def joint(first: keras.Model) -> Callable[[Tensor], Any]:
        def run(x: Tensor) -> Any:
            common = both(x)
            return decoder(layers.Concatenate()([common if first is both else first(x), common]))
        return run

    return joined("dfl_sae_liae", size, encoder, joint(both), joint(own))


def villain() -> keras.Model:
    """The small variant."""
    b = Blocks()

    def encode(x: Tensor) -> Tensor:
        x = entry = b.conv(x, 128, 5, 2)
        x = b.leaky(x, 0.2)
        for _ in range(8):
            x = b.residual(x, 128)
        x = layers.Add()([x, b.leaky(entry, 0.1)])
        x = PixelShuffler()(b.down(x, 128))
        x = PixelShuffler()(b.down(x, 128))
        x = b.down(b.separable(b.down(x, 128), 256), 512)
        return b.up(b.dense(x, 512, 8, 1024), 512)

    def decode(x: Tensor) -> Tensor:
        for filters in (512, 256, 128):
            x = b.residual(b.up0(x, filters), filters)
        return b.output(x)

    encoder = part("encoder", (128, 128, 3), encode)
    return joined("villain", 128, encoder, *_both(encoder, decode))


def unbalanced(size: int = 64, nodes: int = 512, e: int = 64, a: int = 64, width_b: int = 64) -> keras.Model:
    b = Blocks()

    def encode(x: Tensor) -> Tensor:
        for filters in (e, 2 * e):
            x = b.leaky(InstanceNormalization()(b.conv(x, filters, 5, 2)), 0.1)
        for factor in (4, 6, 8):
            x = b.down(x, factor * e)
        return b.dense(x, nodes, size // 16, 512)

    def decode_a(x: Tensor) -> Tensor:
        x = layers.SpatialDropout2D(0.25)(b.up(x, a, 5))
        x = layers.SpatialDropout2D(0.25)(b.up(x, a, 5))
        return b.plain(x, a // 2, a // 4, kernel=5)

    def decode_b(x: Tensor) -> Tensor:
        for filters in (width_b, width_b, width_b // 2):
            x = b.residual(b.up0(x, filters, 5), filters)
        return b.plain(x, width_b // 4, kernel=5)

    encoder = part("encoder", (size, size, 3), encode)
    return joined("unbalanced", size, encoder, *_both(encoder, decode_a, decode_b))


def realface(nodes: int = 768, c: int = 96, width: int = 512, mask: bool = False) -> keras.Model:
    """64 px in and out."""
    b = Blocks()

    def encode(x: Tensor) -> Tensor:
        for factor in (1, 2, 4):
            x = b.leaky(b.conv(x, factor * c, 5, 2), 0.2)
            x = b.residual(b.residual(x, factor * c), factor * c)
        return b.down(x, 8 * c)

    def masked(x: Tensor) -> list[Tensor]:
        return [b.plain(b.leaky(x, 0.1), 384, 192, 96, channels=1)] if mask else []

    def decode_a(x: Tensor) -> list[Tensor]:
        stem = b.up(b.dense(x, int(nodes / 1.5), 4, 682), 682, slope=0)
        a = int(width / 1.5)
        return [b.plain(b.residual(b.leaky(stem, 0.2), 682, bias=False), a, a // 2, a // 4), *masked(stem)]

    def decode_b(x: Tensor) -> list[Tensor]:
        stem = b.up(b.dense(x, nodes, 4, 1024), 1024, slope=0)
        y = b.residual(b.leaky(stem, 0.2), 1024, bias=False)
        for filters in (width, width // 2):
            y = b.residual(b.residual(b.up0(y, filters), filters, bias=False), filters)
        return [b.plain(y, width // 4), *masked(stem)]

    encoder = part("encoder", (64, 64, 3), encode)
    return joined("realface", 64, encoder, *_both(encoder, decode_a, decode_b))


def dlight(details: str = "good") -> keras.Model:
    """128 px in and out, the narrowest encoder, with learned masks."""
    b = Blocks()

    def encode(x: Tensor) -> Tensor:
        for stage in range(5):
            pooled = b.leaky(layers.AveragePooling2D(2)(x), 0.1)
            x = layers.Concatenate()([b.down(x, 24 * 2**stage), pooled])
        x = layers.Dropout(0.05)(layers.Dense(640)(layers.Flatten()(x)))
        return layers.Reshape((4, 4, 1024))(layers.Dropout(0.05)(layers.Dense(4 * 4 * 1024)(x)))

    def masked(x: Tensor) -> Tensor:
        for filters in (128, 64, 32, 16):
            x = b.hybrid(x, filters)
        return b.output(x, 1)

    def decode_a(x: Tensor) -> list[Tensor]:
        x = stem = layers.UpSampling2D(2, interpolation="bilinear")(x)
        for filters in (256, 128, 64, 32):
            x = b.hybrid(x, filters)
        return [b.output(x), masked(stem)]

    def normed(x: Tensor) -> Tensor:
        random = keras.initializers.RandomUniform(0.5, 1.5)
        return layers.BatchNormalization(moving_mean_initializer=random, moving_variance_initializer=random,
                                         gamma_initializer=random, beta_initializer=random)(x)

    def decode_good(x: Tensor) -> list[Tensor]:
        stem = b.hybrid(x, 512, slope=0)
        x = b.residual(b.residual(b.residual(b.leaky(stem, 0.2), 512), 512, False), 512, False)
        x = b.leaky(b.hybrid(x, 512, slope=0), 0.2)
        x = normed(b.residual(b.residual(x, 512), 512, False))
        x = b.residual(b.leaky(b.hybrid(x, 256, slope=0), 0.2), 256)
        x = normed(b.residual(b.leaky(b.hybrid(x, 128, slope=0), 0.2), 128, False))
        return [b.output(b.hybrid(x, 64)), masked(b.leaky(stem, 0.1))]

    def decode_fast(x: Tensor) -> list[Tensor]:
        x = stem = b.up(x, 512)
        for filters in (512, 256, 128, 64):
            x = b.summed(x, filters)
        return [b.output(x), masked(stem)]

    encoder = part("encoder", (128, 128, 3), encode)
    return joined("dlight", 128, encoder, *_both(encoder, decode_a, decode_good if details == "good" else decode_fast))
