"""SCNN by loops, for small layers: both cycle rules, one product, one bank and one cycle at a
time.
"""


def bank_of(k, x, y, banks):
    high = (k >> 2 & 1) ^ (x >> 1 & 1) ^ (y >> 1 & 1)
    low = 8 * (x & 1) + 4 * (y & 1) + k % 4
    top = (k >> 3 & 1) ^ (x >> 2 & 1) ^ (y >> 2 & 1)
    return (32 * top + 16 * high + low) % banks


def queue_cycles(operations, banks, depth):
    """Cycles of one element in one filter group; an operation is a list of banks, one a product."""
    queues, cycles = [0] * banks, 0
    for products in operations:
        while True:
            blocked = any(
                queues[b] > 0 and queues[b] + products.count(b) > depth for b in set(products)
            )
            if not blocked:
                for b in products:
                    queues[b] += 1
            queues = [max(0, q - 1) for q in queues]
            cycles += 1
            if not blocked:
                break
    return cycles


def chunks(items, size):
    return [items[i : i + size] for i in range(0, len(items), size)]


class Walk:
    """A layer's filter groups, elements and operations under one tiling."""

    def __init__(self, case, array, padded):
        self.case, self.array = case, array
        self.top, self.left, bottom, right = case.geometry.padding
        self.H, self.W = case.activations.shape[1:]
        self.P, self.Q = case.out_size
        self.border = (self.top, self.left) if padded else (0, 0)
        height = self.H + (self.top + bottom if padded else 0)
        width = self.W + (self.left + right if padded else 0)
        self.th, self.tw = -(-height // array.rows), -(-width // array.columns)
        self.window = (0, height), (0, width)
        self.R, self.S = case.kernel
        self.reach = case.geometry.reach
        self.macs = self.products = self.operations = 0

    def look_at(self, rows, columns):
        """Put a part of the plane on the whole grid: (first, end) of its rows and columns."""
        self.window = rows, columns
        self.th = -(-(rows[1] - rows[0]) // self.array.rows)
        self.tw = -(-(columns[1] - columns[0]) // self.array.columns)

    def filters_at_once(self, padded):
        stride = self.case.geometry.stride
        if padded:
            outputs = -(-self.P // self.array.rows) * -(-self.Q // self.array.columns)
        else:
            down = -(-(self.th + self.reach[0]) // stride[0])
            outputs = down * -(-(self.tw + self.reach[1]) // stride[1])
        most = self.array.most_filters or self.case.weights.shape[0]
        return max(1, min(most, self.array.accumulators // outputs))

    def groups(self, size):
        """Convolution group and filters of each filter group."""
        each = len(self.case.weights) // self.case.geometry.groups
        for g in range(self.case.geometry.groups):
            for filters in chunks(list(range(g * each, (g + 1) * each)), size):
                yield g, filters

    def live_activations(self, c, i, j, phase):
        """Padded coordinates of the non-zero activations of tile (i, j), row by row."""
        found = []
        (top, bottom), (left, right) = self.window
        for y in range(top + i * self.th, min(bottom, top + (i + 1) * self.th)):
            for x in range(left + j * self.tw, min(right, left + (j + 1) * self.tw)):
                row, column = y - self.border[0], x - self.border[1]
                if not (0 <= row < self.H and 0 <= column < self.W):
                    continue
                at = row + self.top, column + self.left
                if self.case.activations[c, row, column] and self.phase_of(at) == phase:
                    found.append(at)
        return found

    def phase_of(self, at):
        return at[0] % self.case.geometry.stride[0], at[1] % self.case.geometry.stride[1]

    def live_weights(self, c, filters, phase):
        dilation = self.case.geometry.dilation
        found = []
        for r in range(self.R):
            for s in range(self.S):
                at = r * dilation[0], s * dilation[1]
                if self.phase_of(at) == phase:
                    found += [(at, k) for k in filters if self.case.weights[k, c, r, s]]
        return found

    def channel(self, g, c, filters, element):
        """Operations of one channel: each a list of the banks of its products."""
        (sh, sw), each = self.case.geometry.stride, self.case.weights.shape[1]
        operations = []
        for phase in [(a, b) for a in range(sh) for b in range(sw)]:
            live = self.live_activations(g * each + c, *element, phase)
            for vector in chunks(live, self.array.activations):
                for weights in chunks(self.live_weights(c, filters, phase), self.array.weights):
                    banks = []
                    for y, x in vector:
                        for (r, s), k in weights:
                            row, column = (y - r) // sh, (x - s) // sw
                            if 0 <= row < self.P and 0 <= column < self.Q:
                                banks.append(bank_of(k, row, column, self.array.banks))
                    self.products += len(vector) * len(weights)
                    self.macs += len(banks)
                    self.operations += 1
                    operations.append(banks)
        return operations

    def elements(self):
        return [(i, j) for i in range(self.array.rows) for j in range(self.array.columns)]


def queued(case, array):
    """Cycles of each filter group by the recommended rule, and the walk's counts."""
    walk = Walk(case, array, padded=False)
    return pass_cycles(walk, walk.filters_at_once(padded=False)), walk


def pass_cycles(walk, size):
    """Cycles of each group of `size` filters, on what the walk looks at."""
    case, array, cycles = walk.case, walk.array, []
    for g, filters in walk.groups(size):
        times = []
        for element in walk.elements():
            operations = []
            for c in range(case.weights.shape[1]):
                operations += walk.channel(g, c, filters, element)
            times.append(queue_cycles(operations, array.banks, array.queue_depth))
        cycles.append(max(times))
    return cycles


def dnnsim(case, array):
    """Cycles of each filter group by DNNsim's rule, and the walk's counts."""
    walk = Walk(case, array, padded=True)
    top, left, bottom, right = case.geometry.padding
    down = (walk.reach[0] - top, walk.th, bottom)
    across = (walk.reach[1] - left, walk.tw, right)
    halo = max(down[i] * across[j] for i in range(3) for j in range(3) if (i, j) != (1, 1))
    cycles = []
    for g, filters in walk.groups(walk.filters_at_once(padded=True)):
        total = len(filters) * halo
        for c in range(case.weights.shape[1]):
            times = [
                sum(
                    max([1] + [banks.count(b) for b in banks])
                    for banks in walk.channel(g, c, filters, element)
                )
                for element in walk.elements()
            ]
            total += max(times)
        cycles.append(total)
    return cycles, walk
