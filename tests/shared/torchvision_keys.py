"""Keys and shapes of torchvision's state dicts, written from its definitions, apart from the
networks of sdalgo."""

from functools import partial


def conv(name, outputs, inputs, kernel, bias=False):
    return {f"{name}.weight": (outputs, inputs, kernel, kernel)} | (
        {f"{name}.bias": (outputs,)} if bias else {}
    )


def norm(name, channels):
    each = dict.fromkeys(("weight", "bias", "running_mean", "running_var"), (channels,))
    return {f"{name}.{what}": shape for what, shape in (each | {"num_batches_tracked": ()}).items()}


def linear(name, outputs, inputs):
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def resnet50(head=True, before=""):
    keys = conv(f"{before}conv1", 64, 3, 7) | norm(f"{before}bn1", 64)
    inputs = 64
    for stage, (width, blocks) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3)), 1):
        for block in range(blocks):
            at = f"{before}layer{stage}.{block}"
            keys |= conv(f"{at}.conv1", width, inputs, 1) | norm(f"{at}.bn1", width)
            keys |= conv(f"{at}.conv2", width, width, 3) | norm(f"{at}.bn2", width)
            keys |= conv(f"{at}.conv3", 4 * width, width, 1) | norm(f"{at}.bn3", 4 * width)
            if block == 0:
                keys |= conv(f"{at}.downsample.0", 4 * width, inputs, 1)
                keys |= norm(f"{at}.downsample.1", 4 * width)
            inputs = 4 * width
    return keys | (linear("fc", 1000, 2048) if head else {})


def vgg(layers, norms):
    keys, at, inputs = {}, 0, 3
    for layer in layers:
        if layer == "M":
            at += 1
            continue
        keys |= conv(f"features.{at}", layer, inputs, 3, bias=True)
        if norms:
            keys |= norm(f"features.{at + 1}", layer)
        at, inputs = at + (3 if norms else 2), layer
    keys |= linear("classifier.0", 4096, 25088) | linear("classifier.3", 4096, 4096)
    return keys | linear("classifier.6", 1000, 4096)


VGG11 = (64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M")
VGG19 = (
    64, 64, "M", 128, 128, "M", 256, 256, 256, 256, "M", 512, 512, 512, 512, "M",
    512, 512, 512, 512, "M",
)  # fmt: skip


def deeplabv3_resnet50():
    keys = resnet50(head=False, before="backbone.")
    for index, kernel in enumerate((1, 3, 3, 3)):
        at = f"classifier.0.convs.{index}"
        keys |= conv(f"{at}.0", 256, 2048, kernel) | norm(f"{at}.1", 256)
    keys |= conv("classifier.0.convs.4.1", 256, 2048, 1) | norm("classifier.0.convs.4.2", 256)
    keys |= conv("classifier.0.project.0", 256, 1280, 1) | norm("classifier.0.project.1", 256)
    keys |= conv("classifier.1", 256, 256, 3) | norm("classifier.2", 256)
    keys |= conv("classifier.4", 21, 256, 1, bias=True)
    keys |= conv("aux_classifier.0", 256, 1024, 3) | norm("aux_classifier.1", 256)
    return keys | conv("aux_classifier.4", 21, 256, 1, bias=True)


def mobilenet_v2():
    keys = conv("features.0.0", 32, 3, 3) | norm("features.0.1", 32)
    at, inputs = 1, 32
    for times, outputs, blocks in ((1, 16, 1), (6, 24, 2), (6, 32, 3), (6, 64, 4), (6, 96, 3),
                                   (6, 160, 3), (6, 320, 1)):  # fmt: skip
        for _ in range(blocks):
            name, hidden = f"features.{at}.conv", times * inputs
            parts = [(inputs, hidden, 1)] if times > 1 else []
            for index, (ins, outs, kernel) in enumerate([*parts, (1, hidden, 3)]):
                keys |= conv(f"{name}.{index}.0", outs, ins, kernel)
                keys |= norm(f"{name}.{index}.1", outs)
            last = len(parts) + 1
            keys |= conv(f"{name}.{last}", outputs, hidden, 1) | norm(f"{name}.{last + 1}", outputs)
            at, inputs = at + 1, outputs
    keys |= conv("features.18.0", 1280, 320, 1) | norm("features.18.1", 1280)
    return keys | linear("classifier.1", 1000, 1280)


def efficientnet_b0():
    keys = conv("features.0.0", 32, 3, 3) | norm("features.0.1", 32)
    inputs = 32
    stages = ((1, 3, 16, 1), (6, 3, 24, 2), (6, 5, 40, 2), (6, 3, 80, 3), (6, 5, 112, 3),
              (6, 5, 192, 4), (6, 3, 320, 1))  # fmt: skip
    for stage, (times, kernel, outputs, blocks) in enumerate(stages, 1):
        for block in range(blocks):
            name, hidden = f"features.{stage}.{block}.block", times * inputs
            first = 0 if times == 1 else 1
            if first:
                keys |= conv(f"{name}.0.0", hidden, inputs, 1) | norm(f"{name}.0.1", hidden)
            keys |= conv(f"{name}.{first}.0", hidden, 1, kernel) | norm(f"{name}.{first}.1", hidden)
            squeezed = max(1, inputs // 4)
            keys |= conv(f"{name}.{first + 1}.fc1", squeezed, hidden, 1, bias=True)
            keys |= conv(f"{name}.{first + 1}.fc2", hidden, squeezed, 1, bias=True)
            keys |= conv(f"{name}.{first + 2}.0", outputs, hidden, 1)
            keys |= norm(f"{name}.{first + 2}.1", outputs)
            inputs = outputs
    keys |= conv("features.8.0", 1280, 320, 1) | norm("features.8.1", 1280)
    return keys | linear("classifier.1", 1000, 1280)


BY_NETWORK = {
    "resnet50": resnet50, "mobilenet_v2": mobilenet_v2, "efficientnet_b0": efficientnet_b0,
    "vgg11": partial(vgg, VGG11, norms=False), "vgg19": partial(vgg, VGG19, norms=True),
    "deeplab_v3_plus": deeplabv3_resnet50,
}  # fmt: skip
"""By the name of the network here that takes them."""

PARAMETERS = {
    "resnet50": 25_557_032, "mobilenet_v2": 3_504_872, "efficientnet_b0": 5_288_548,
    "vgg11": 132_863_336, "vgg19": 143_678_248, "deeplab_v3_plus": 42_004_074,
}  # fmt: skip
"""Of torchvision's tables of models."""
