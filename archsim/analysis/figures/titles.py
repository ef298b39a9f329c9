"""What figures call workloads: ResNet50, not resnet50_sd."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping

NETWORKS: Mapping[str, str] = {
    "deeplab_v3_plus": "DeepLabV3+", "efficientnet_b0": "EfficientNet-B0",
    "efficientnet_lite0": "EfficientNet-Lite0", "mobilenet_v2": "MobileNetV2",
    "resnet": "ResNet", "vgg": "VGG",
}  # fmt: skip
"""The authors' names by the beginnings of ours."""


def titles(groups: Collection[str]) -> dict[str, str]:
    """What each workload (`<workload>` or `<workload>@<scenario>`, and settings after a space) is
    called; two that would be called the same keep their names."""
    wanted = {group: _title(group) for group in groups}
    count = Counter(wanted.values())
    return {group: title if count[title] == 1 else group for group, title in wanted.items()}


def _title(group: str) -> str:
    start = next((start for start in NETWORKS if group.startswith(start)), "")
    name = re.split("[@ ]", group)[0]
    rest = name[len(start) :].removesuffix("_sd").replace("_", " ")
    return f"{NETWORKS[start]}{rest}{group[len(name) :]}" if start else group
