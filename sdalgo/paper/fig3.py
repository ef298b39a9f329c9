"""Fig. 3: bit, Booth-digit and vector sparsity of MobileNetV2's activations, real weights.

Photographs are scikit-image's; the paper's images are ImageNet's. Its bars are lost; the text gives
79.8 % zero bits, 66.0 % zero Booth digits, and up to 27.1 % zero vectors in the last layers.
"""

from archsim.formats.progress import Progress
from sdalgo.activity import Activity, activity, weighted
from sdalgo.forward import activations
from sdalgo.graph import layer_graph
from sdalgo.networks import network
from sdalgo.paper import Row
from sdalgo.photos import NAMES, batch
from sdalgo.pretrained import mobilenet_v2_imagenet
from sdalgo.quantise import symmetric_scale, to_int8

_HOW = (
    f"signed symmetric int8, per-tensor maximum over {len(NAMES)} photographs, two's-complement "
    "bytes, all convolution inputs by element; unsigned 8-bit codes would give 59.7 % for Booth"
)


def layer_activity(progress: Progress | None = None) -> dict[str, Activity]:
    """Measure the input of every convolution of MobileNetV2."""
    module = network("mobilenet_v2")
    model = module.build()
    model.load_state_dict(mobilenet_v2_imagenet(model, 0).state)
    inputs = activations(model, batch(module.INPUT))
    names = [node.name for node in layer_graph(model, module.INPUT) if node.op == "conv"]
    found = {}
    for index, name in enumerate(names):
        if progress:
            progress(index, len(names), name)
        values = inputs[name]
        found[name] = activity(to_int8(values, symmetric_scale(values)))
    return found


def rows(progress: Progress | None) -> list[Row]:
    """Return the three numbers of the text, and every layer's shares."""
    layers = layer_activity(progress)
    mean = weighted(layers)
    # `features.9.conv.2` and the like: the last convolutions that read post-ReLU6 activations.
    tail = {name: layers[name].rows for name in layers if _block(name) >= 15}
    worst = max(tail, key=lambda name: tail[name])
    last = weighted({name: layers[name] for name in list(layers)[-5:]})["rows"]
    made = [
        _row("zero bits", 79.8, mean["bits"], _HOW),
        _row("zero Booth digits", 66.0, mean["booth"], _HOW),
        _row(
            "zero vectors, last layers", 27.1, last,
            f"rows of one channel, last five convolutions; highest single layer {worst} "
            f"{tail[worst]:.1%}; the paper names no layer",
        ),
        _row("zero values", None, mean["values"], _HOW),
    ]  # fmt: skip
    made += [
        _row(f"{name} zero {quantity}", None, getattr(layer, quantity), "one layer")
        for name, layer in layers.items()
        for quantity in ("bits", "booth", "rows", "values")
    ]
    return made


def _block(name: str) -> int:
    return int(name.split(".")[1])


def _row(quantity: str, paper: float | None, share: float, how: str) -> Row:
    ours = 100 * share
    meets = None if paper is None else abs(ours - paper) < 1.5
    return Row(
        row="mobilenet_v2", quantity=quantity, unit="%", paper=paper, ours=ours, how=how,
        meets=meets,
    )  # fmt: skip
