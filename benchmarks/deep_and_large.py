"""Workloads that ask much of a simulator: networks of thousands of layers, and single layers of up
to 120 GMAC, whose arrays fill a computer if they are worked on whole.
"""

from pathlib import Path

HEAD = (
    "format: archsim-workload/1\nname: {name}\ntask: {task}\nbatch: {batch}\n"
    "source: {{made_by: a benchmark}}\nlayers:\n"
)
CONV = (
    "  - {{name: l{number}, op: conv, inputs: [{inputs}], in_channels: {channels}, out_channels: "
    "{filters}, in_size: [{side}, {side}], kernel: [{kernel}, {kernel}], padding: [{padding}, "
    "{padding}], groups: {groups}, profile: {profile}}}\n"
)
LINEAR = (
    "  - {{name: l0, op: linear, inputs: [], in_channels: {channels}, out_channels: {filters}, "
    "positions: {positions}, profile: {profile}}}\n"
)
VALUES = "values: [44, 34, 25, 37, 57, 50, 79], negative: [14, 13, 13, 26]"
PROFILE = (
    "{{input: {{classes: [{{channels: {channels}, zero: 0.5, values: [44, 34, 25]}}], "
    "local: [{{share: 0.5, x: 0.9, y: 0.9}}, {{share: 0.1, x: 0.5, y: 0.5}}], "
    "shared: {{share: 0.2, x: 0.8, y: 0.8, levels: [-2, -1, 0, 1, 2]}}}}, "
    "weight: {{live: 0.99, {values}}}, pruned: {{live: 0.55, counted: true, {values}}}, "
    "coef: {{group: 32, rows: {{live: 0.6}}, nonzeros: [59, 999, 8943], positive: [69, 241, 490], "
    "negative: [76, 262, 533]}}}}"
)


def profile(channels: int) -> str:
    """What every array of a layer of so many input channels is drawn from."""
    return PROFILE.format(channels=channels, values=VALUES)


def conv(
    number: int, channels: tuple[int, int], side: int, kernel: int = 3, groups: int = 1
) -> str:
    """A convolution of `channels` in and out that keeps its plane, and reads the layer before it
    where there is one."""
    return CONV.format(
        number=number, inputs=f"l{number - 1}" if number else "", channels=channels[0],
        filters=channels[1], side=side, kernel=kernel, padding=kernel // 2, groups=groups,
        profile=profile(channels[0]),
    )  # fmt: skip


def chain(folder: Path, layers: int) -> Path:
    """A network of equal small layers, each on the one before."""
    return _written(folder, f"chain{layers}", "".join(conv(k, (8, 8), 8) for k in range(layers)))


def large(folder: Path) -> dict[str, Path]:
    """Layers of which each makes another array large: steps, weights, inputs, groups."""
    return {
        "512 -> 512, 3x3 at 224 x 224": _written(folder, "conv", conv(0, (512, 512), 224)),
        "2048 -> 2048, 3x3 at 56 x 56": _written(folder, "deep", conv(0, (2048, 2048), 56)),
        "64 -> 64, 3x3 at 1728 x 1728": _written(folder, "plane", conv(0, (64, 64), 1728)),
        "960 depthwise, 3x3 at 500 x 500": _written(
            folder, "depthwise", conv(0, (960, 960), 500, groups=960)
        ),
        "2048 -> 2048, 1x1 at 168 x 168": _written(
            folder, "pointwise", conv(0, (2048, 2048), 168, kernel=1)
        ),
        "4096 -> 4096, linear, 4096 positions": _written(
            folder, "linear", linear(4096, 4096, 4096)
        ),
        "16384 -> 16384, linear, 448 positions": _written(
            folder, "wide", linear(16384, 16384, 448)
        ),
        "16 -> 16, 3x3 at 32 x 32, batch 65,536": _written(
            folder, "batch", conv(0, (16, 16), 32), batch=65_536
        ),
    }


def trained(folder: Path) -> dict[str, Path]:
    """The same for a step of training."""
    return {
        "512 -> 512, 3x3 at 224 x 224": _trained(folder, "conv_trained", conv(0, (512, 512), 224)),
        "16384 -> 16384, linear, 448 positions": _trained(
            folder, "wide_trained", linear(16384, 16384, 448)
        ),
        "16 -> 16, 3x3 at 32 x 32, batch 65,536": _trained(
            folder, "batch_trained", conv(0, (16, 16), 32), batch=65_536
        ),
    }


def planes(folder: Path) -> dict[str, Path]:
    """Layers whose plane is larger than that of any network here."""
    return {"3 -> 16, 3x3 at 8192 x 8192": _written(folder, "square", conv(0, (3, 16), 8192))}


def linear(channels: int, filters: int, positions: int) -> str:
    """A matrix times `positions` vectors, which is fed from outside."""
    return LINEAR.format(
        channels=channels, filters=filters, positions=positions, profile=profile(channels)
    )


def _trained(folder: Path, name: str, layers: str, batch: int = 1) -> Path:
    return _written(folder, name, layers, batch, task="training")


def _written(folder: Path, name: str, layers: str, batch: int = 1, task: str = "inference") -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(HEAD.format(name=name, task=task, batch=batch) + layers)
    return path
