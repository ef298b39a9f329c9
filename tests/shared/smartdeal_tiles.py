"""The tiles and jobs of a layer on SmartDeal's array, pixel by pixel (see smartdeal_loops)."""

from math import ceil

from smartdeal_loops import Group, Job


def pixel_runs(count, macs):
    return [list(range(first, min(first + macs, count))) for first in range(0, count, macs)]


def span(layer, pixels, width):
    """How many existing inputs lie from the first to the last that a run of output pixels reads."""
    first = pixels[0] * layer.stride[1] - layer.padding[1]
    last = (
        pixels[-1] * layer.stride[1] + (layer.kernel[1] - 1) * layer.dilation[1] - layer.padding[1]
    )
    return sum(0 <= column < width for column in range(first, last + 1))


def row_job(layer, plane, place, pixels, line):
    """Kernel row `place[1]` of one channel for output row `place[0]`: each weight's inputs."""
    (row, r), height, width = place, len(plane), len(plane[0])
    y = row * layer.stride[0] + r * layer.dilation[0] - layer.padding[0]

    def value(q, s):
        x = q * layer.stride[1] + s * layer.dilation[1] - layer.padding[1]
        return plane[y][x] if 0 <= y < height and 0 <= x < width else 0

    weights = [[value(q, s) for q in pixels] for s in range(layer.kernel[1])]
    return weights, span(layer, pixels, width) if 0 <= y < height else 0, line


def spatial(layer, planes, chip):
    tiles, counts = [], []
    for row in range(layer.out_size[0]):
        for pixels in pixel_runs(layer.out_size[1], chip.macs):
            tile = []
            for c, plane in enumerate(planes):
                for r in range(layer.kernel[0]):
                    weights, inputs, line = row_job(layer, plane, (row, r), pixels, c % chip.lines)
                    tile.append(Job(c * layer.kernel[0] + r, line, weights, inputs))
            tiles.append(tile)
            counts.append(len(pixels))
    return tiles, counts


def pointwise(layer, planes, chip):
    """Tiles of the flattened output plane; a job has one weight a channel of its triple."""
    places = [(p, q) for p in range(layer.out_size[0]) for q in range(layer.out_size[1])]
    tiles, counts = [], []
    for run in pixel_runs(len(places), chip.macs):
        tile = []
        for t in range(ceil(len(planes) / 3)):
            own = planes[3 * t : 3 * t + 3]
            weights = [
                [row_job(layer, plane, (places[i][0], 0), [places[i][1]], 0)[0][0][0] for i in run]
                for plane in own
            ]
            tile.append(Job(t, t % chip.lines, weights, len(own) * len(run)))
        tiles.append(tile)
        counts.append(len(run))
    return tiles, counts


def linear(vectors, chip):
    tiles = []
    for vector in vectors:
        triples = [vector[i : i + 3] for i in range(0, len(vector), 3)]
        tiles.append(
            [
                Job(t, t % chip.lines, [[value] for value in own], len(own), side_by_side=True)
                for t, own in enumerate(triples)
            ]
        )
    return tiles, [1] * len(vectors)


def depthwise(layer, planes, chip):
    """[tile][channel] jobs: `block` output rows at a time, each with lines of its own."""
    kernel = layer.kernel[0]
    block = max(1, chip.lines // kernel)
    block = min(block, chip.depthwise_rows or block)
    tiles, counts = [], []
    for first in range(0, layer.out_size[0], block):
        rows = range(first, min(first + block, layer.out_size[0]))
        for pixels in pixel_runs(layer.out_size[1], chip.macs):
            tile = []
            for plane in planes:
                jobs = []
                for j, row in enumerate(rows):
                    for r in range(kernel):
                        line = j * kernel + r if kernel <= chip.lines else r % chip.lines
                        weights, inputs, line = row_job(layer, plane, (row, r), pixels, line)
                        jobs.append(Job(r, line, weights, inputs))
                tile.append(jobs)
            tiles.append(tile)
            counts.append(len(rows) * len(pixels))
    return tiles, counts


def block_inputs(layer, chip):
    """[tile] bytes of one depthwise channel: of each row that is read, first to last column."""
    kernel, (height, width) = layer.kernel[0], layer.in_size
    block = max(1, chip.lines // kernel)
    block = min(block, chip.depthwise_rows or block)
    sizes = []
    for first in range(0, layer.out_size[0], block):
        rows = {
            row * layer.stride[0] + r * layer.dilation[0] - layer.padding[0]
            for row in range(first, min(first + block, layer.out_size[0]))
            for r in range(kernel)
        }
        high = sum(0 <= row < height for row in rows)
        sizes += [
            high * span(layer, run, width) for run in pixel_runs(layer.out_size[1], chip.macs)
        ]
    return sizes


def filter_rows(layer, codes, raw):
    """[k][u] the codes of each coefficient row; of a raw layer the weights."""
    flat = codes.reshape(len(codes), -1).tolist()
    width = codes.shape[-1]
    if raw:
        width = 3 if layer.kernel == (1, 1) else layer.kernel[1]
    return [[own[i : i + width] for i in range(0, len(own), width)] for own in flat]


def layer_groups(layer, inputs, codes, raw, chip):
    """The convolution groups of a layer; one for an ungrouped and a depthwise layer."""
    rows = filter_rows(layer, codes, raw)
    width = 3 if layer.kernel == (1, 1) else layer.kernel[1]
    if layer.kind == "linear":
        tiles, pixels = linear(inputs.reshape(-1, layer.in_channels).tolist(), chip)
        clusters = min(2, chip.per_line)
        return [Group(chip, rows, tiles, pixels, raw, width, clusters, side_by_side=True)]
    planes = inputs.tolist()
    if layer.kind == "depthwise":
        tiles, pixels = depthwise(layer, planes, chip)
        return [Group(chip, rows, tiles, pixels, raw, width, own_inputs=True)]
    build = pointwise if layer.kernel == (1, 1) else spatial
    channels, filters = layer.in_channels // layer.groups, layer.out_channels // layer.groups
    made = []
    for g in range(layer.groups):
        tiles, pixels = build(layer, planes[g * channels : (g + 1) * channels], chip)
        made.append(Group(chip, rows[g * filters : (g + 1) * filters], tiles, pixels, raw, width))
    return made
