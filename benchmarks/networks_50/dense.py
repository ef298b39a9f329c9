"""Convolutional networks whose output is a plane or boxes: upsampling, dilation, decoded heads."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from benchmarks.networks_50.classic import Residual, conv_bn


class UNet(nn.Module):
    """Ronneberger et al. 2015, with padding: down and up again, joined at every height."""

    def __init__(self, widths: tuple[int, ...] = (8, 16, 32, 64)) -> None:
        super().__init__()
        pairs = list(zip((1, *widths), widths, strict=False))
        self.down = nn.ModuleList(self._twice(a, b) for a, b in pairs)
        ups = [(b, a) for a, b in pairwise(widths)][::-1]
        self.wider = nn.ModuleList(nn.ConvTranspose2d(a, b, 2, 2) for a, b in ups)
        self.up = nn.ModuleList(self._twice(2 * b, b) for _, b in ups)
        self.last = nn.Conv2d(widths[0], 2, 1)

    @staticmethod
    def _twice(inputs: int, outputs: int) -> nn.Module:
        return nn.Sequential(conv_bn(inputs, outputs, 3), conv_bn(outputs, outputs, 3))

    def forward(self, x: Tensor) -> Tensor:
        kept = []
        for block in self.down:
            x = block(F.max_pool2d(x, 2) if kept else x)
            kept.append(x)
        for wider, block, beside in zip(self.wider, self.up, kept[-2::-1], strict=True):
            x = block(torch.cat([beside, wider(x)], 1))
        return self.last(x)


def unet() -> nn.Module:
    return UNet()


class DeepLab(nn.Module):
    """Chen et al. 2017: dilated convolutions beside each other, and a bilinear way back up."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        blocks = [
            Residual(
                nn.Sequential(conv_bn(a, b, 3, stride), conv_bn(b, b, 3, act=None)), (a, b), stride
            )
            for a, b, stride in ((8, 16, 2), (16, width, 2))
        ]
        self.body = nn.Sequential(conv_bn(3, 8, 3, 2), *blocks)
        self.rates = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(width, width, 3, padding=rate, dilation=rate, bias=False),
                nn.BatchNorm2d(width), nn.ReLU(),
            )
            for rate in (2, 4, 6)
        )  # fmt: skip
        self.one = conv_bn(width, width, 1)
        self.pooled = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(width, width, 1), nn.ReLU())
        self.joined = nn.Sequential(conv_bn(5 * width, width, 1), nn.Conv2d(width, 5, 1))

    def forward(self, x: Tensor) -> Tensor:
        size, y = x.shape[-2:], self.body(x)
        whole = F.interpolate(self.pooled(y), y.shape[-2:], mode="bilinear", align_corners=False)
        parts = [self.one(y), *(rate(y) for rate in self.rates), whole]
        return F.interpolate(
            self.joined(torch.cat(parts, 1)), size, mode="bilinear", align_corners=False
        )


def deeplab_v3() -> nn.Module:
    return DeepLab()


class CrossStage(nn.Module):
    """YOLOv8's C2f: half passes, half goes through bottlenecks, everything is joined."""

    def __init__(self, inputs: int, outputs: int, depth: int = 1) -> None:
        super().__init__()
        half = outputs // 2
        self.half = half
        self.first = conv_bn(inputs, outputs, 1, act=nn.SiLU)
        self.blocks = nn.ModuleList(
            nn.Sequential(conv_bn(half, half, 3, act=nn.SiLU), conv_bn(half, half, 3, act=nn.SiLU))
            for _ in range(depth)
        )
        self.last = conv_bn((2 + depth) * half, outputs, 1, act=nn.SiLU)

    def forward(self, x: Tensor) -> Tensor:
        kept = list(self.first(x).split(self.half, 1))
        for block in self.blocks:
            kept.append(kept[-1] + block(kept[-1]))
        return self.last(torch.cat(kept, 1))


class Pyramid(nn.Module):
    """Pools of one map in a row, joined (SPPF)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.pool = nn.MaxPool2d(5, 1, 2)
        self.last = conv_bn(4 * channels, channels, 1, act=nn.SiLU)

    def forward(self, x: Tensor) -> Tensor:
        one = self.pool(x)
        two = self.pool(one)
        return self.last(torch.cat([x, one, two, self.pool(two)], 1))


class Yolo(nn.Module):
    """YOLOv8 in small: two heights, boxes as an expectation over bins, decoded in the graph."""

    BINS, KINDS = 8, 4

    def __init__(self) -> None:
        super().__init__()
        self.early = nn.Sequential(
            conv_bn(3, 8, 3, 2, act=nn.SiLU), conv_bn(8, 16, 3, 2, act=nn.SiLU), CrossStage(16, 16),
            conv_bn(16, 32, 3, 2, act=nn.SiLU), CrossStage(32, 32, 2),
        )  # fmt: skip
        self.late = nn.Sequential(
            conv_bn(32, 64, 3, 2, act=nn.SiLU), CrossStage(64, 64), Pyramid(64)
        )
        self.up = CrossStage(96, 32)
        self.down, self.deep = conv_bn(32, 32, 3, 2, act=nn.SiLU), CrossStage(96, 64)
        self.heads = nn.ModuleList(
            nn.Conv2d(width, 4 * self.BINS + self.KINDS, 1) for width in (32, 64)
        )

    def forward(self, x: Tensor) -> Tensor:
        early = self.early(x)
        late = self.late(early)
        near = self.up(torch.cat([F.interpolate(late, scale_factor=2.0), early], 1))
        far = self.deep(torch.cat([self.down(near), late], 1))
        flat = [head(y).flatten(2) for head, y in zip(self.heads, (near, far), strict=True)]
        box, kind = torch.cat(flat, 2).split((4 * self.BINS, self.KINDS), 1)
        anchors = torch.cat([self._centres(y) for y in (near, far)], 1)
        strides = torch.cat([torch.full((1, y.shape[2] * y.shape[3]), s, dtype=torch.float32)
                             for y, s in ((near, 8), (far, 16))], 1)  # fmt: skip
        return torch.cat([self._boxes(box, anchors) * strides, kind.sigmoid()], 1)

    def _boxes(self, box: Tensor, anchors: Tensor) -> Tensor:
        bins = box.view(box.shape[0], 4, self.BINS, box.shape[2]).transpose(1, 2).softmax(1)
        side = F.conv2d(bins, torch.arange(self.BINS, dtype=torch.float32).view(1, -1, 1, 1))
        low, high = side.view(box.shape[0], 4, box.shape[2]).chunk(2, 1)
        low, high = anchors[None] - low, anchors[None] + high
        return torch.cat([(low + high) / 2, high - low], 1)

    @staticmethod
    def _centres(x: Tensor) -> Tensor:
        rows = torch.arange(x.shape[2], dtype=torch.float32) + 0.5
        columns = torch.arange(x.shape[3], dtype=torch.float32) + 0.5
        down, across = torch.meshgrid(rows, columns, indexing="ij")
        return torch.stack([across.flatten(), down.flatten()])


def yolo_csp() -> nn.Module:
    return Yolo()
