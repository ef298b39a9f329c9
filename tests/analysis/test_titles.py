"""Workloads are called what their authors call them, and never two of them the same."""

from archsim.analysis.figures.titles import titles


def test_titles() -> None:
    assert titles(["resnet50_sd", "mobilenet_v2_sd@ideal", "deeplab_v3_plus_sd", "mine"]) == {
        "resnet50_sd": "ResNet50",
        "mobilenet_v2_sd@ideal": "MobileNetV2@ideal",
        "deeplab_v3_plus_sd": "DeepLabV3+",
        "mine": "mine",
    }
    names = ["efficientnet_b0_sd", "resnet164_channels_sd"]
    assert [*titles(names).values()] == ["EfficientNet-B0", "ResNet164 channels"]


def test_two_of_one_title_keep_their_names() -> None:
    names = ["resnet50", "resnet50_sd", "vgg11_sd"]
    assert [*titles(names).values()] == ["resnet50", "resnet50_sd", "VGG11"]
