"""Convolutional networks for small devices: inverted residuals with gates."""

from __future__ import annotations

from torch import Tensor, nn

from benchmarks.networks_50.classic import Gate, conv_bn

# Kernel, widened channels, channels out, gate, hard-swish, stride: MobileNetV3-Large, table 1.
V3_LARGE = (
    (3, 16, 16, 0, 0, 1), (3, 64, 24, 0, 0, 2), (3, 72, 24, 0, 0, 1), (5, 72, 40, 1, 0, 2),
    (5, 120, 40, 1, 0, 1), (5, 120, 40, 1, 0, 1), (3, 240, 80, 0, 1, 2), (3, 200, 80, 0, 1, 1),
    (3, 184, 80, 0, 1, 1), (3, 184, 80, 0, 1, 1), (3, 480, 112, 1, 1, 1), (3, 672, 112, 1, 1, 1),
    (5, 672, 160, 1, 1, 2), (5, 960, 160, 1, 1, 1), (5, 960, 160, 1, 1, 1),
)  # fmt: skip
# Widening, kernel, channels out, stride, depth: EfficientNet-B0, table 1.
B0 = (
    (1, 3, 16, 1, 1), (6, 3, 24, 2, 2), (6, 5, 40, 2, 2), (6, 3, 80, 2, 3),
    (6, 5, 112, 1, 3), (6, 5, 192, 2, 4), (6, 3, 320, 1, 1),
)  # fmt: skip


class Inverted(nn.Module):
    """Widen, filter every channel, gate, narrow; plus the input where shapes are equal."""

    def __init__(  # noqa: PLR0913
        self, inputs: int, wide: int, outputs: int, *, kernel: int, stride: int,
        act: type[nn.Module], gate: nn.Module,
    ) -> None:  # fmt: skip
        super().__init__()
        self.adds = stride == 1 and inputs == outputs
        self.branch = nn.Sequential(
            nn.Identity() if wide == inputs else conv_bn(inputs, wide, 1, act=act),
            conv_bn(wide, wide, kernel, stride, groups=wide, act=act), gate,
            conv_bn(wide, outputs, 1, act=None),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return x + self.branch(x) if self.adds else self.branch(x)


def _narrow(channels: int) -> int:
    return max(8, channels // 4 // 4 * 4)


def mobilenet_v3_large() -> nn.Module:
    """Howard et al. 2019, at a quarter of its channels."""
    parts: list[nn.Module] = [conv_bn(3, 8, 3, 2, act=nn.Hardswish)]
    before = 8
    for kernel, wide, outputs, gated, hard, stride in V3_LARGE:
        inner, narrow = _narrow(wide), _narrow(outputs)
        gate = Gate(inner, max(4, inner // 4), nn.Hardsigmoid) if gated else nn.Identity()
        act = nn.Hardswish if hard else nn.ReLU
        parts.append(
            Inverted(before, inner, narrow, kernel=kernel, stride=stride, act=act, gate=gate)
        )
        before = narrow
    parts += [conv_bn(before, 240, 1, act=nn.Hardswish), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*parts, nn.Linear(240, 128), nn.Hardswish(), nn.Linear(128, 10))


class SwishGate(nn.Module):
    """EfficientNet's gate has a swish between its layers."""

    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.gate = nn.Sequential(
            nn.Conv2d(channels, inner, 1), nn.SiLU(), nn.Conv2d(inner, channels, 1), nn.Sigmoid()
        )

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gate(self.pool(x))


def efficientnet_b0() -> nn.Module:
    """Tan and Le 2019, at a quarter of its channels."""
    parts: list[nn.Module] = [conv_bn(3, 8, 3, 2, act=nn.SiLU)]
    before = 8
    for widening, kernel, outputs, first, depth in B0:
        for number in range(depth):
            wide, stride = before * widening, 1 if number else first
            gate = SwishGate(wide, max(2, before // 4))
            parts.append(
                Inverted(
                    before, wide, _narrow(outputs), kernel=kernel, stride=stride, act=nn.SiLU,
                    gate=gate,
                )
            )  # fmt: skip
            before = _narrow(outputs)
    parts += [conv_bn(before, 320, 1, act=nn.SiLU), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*parts, nn.Dropout(0.2), nn.Linear(320, 10))
