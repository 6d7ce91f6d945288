"""The encoders: VGG, Res2Net and MobileNet, five features each."""

import torch
from torch import nn
from torch.nn import functional as F

from layers import HEADS, ConvNormReLU, FrozenNorm


class VGG(nn.Module):
    """VGG-16 with batch norm, without the pool before its fifth stage."""

    def __init__(self, depths, widths):
        super().__init__()
        self.stages = []
        inputs = 3
        for i, (depth, width) in enumerate(zip(depths, widths)):
            names = [f"conv{i + 1}_{k + 1}" for k in range(depth)]
            for name in names:
                self.add_module(name, ConvNormReLU(inputs, width, 3, FrozenNorm, True))
                inputs = width
            self.stages.append(names)

    def forward(self, x):
        return self.after(self.stage(0, x))

    def after(self, first):
        out = [first]
        for i in range(1, HEADS):
            x = F.max_pool2d(out[-1], 2) if i < 4 else out[-1]
            out.append(self.stage(i, x))
        return out

    def stage(self, i, x):
        for name in self.stages[i]:
            x = getattr(self, name)(x)
        return x


class Res2NetBlock(nn.Module):
    def __init__(self, inputs, group, scale, outputs, stride, first):
        super().__init__()
        self.group, self.first = group, first
        self.conv1 = nn.Conv2d(inputs, group * scale, 1, bias=False)
        self.bn1 = FrozenNorm(group * scale)
        self.convs = nn.ModuleList(
            nn.Conv2d(group, group, 3, stride, 1, bias=False) for _ in range(scale - 1))
        self.bns = nn.ModuleList(FrozenNorm(group) for _ in range(scale - 1))
        self.conv3 = nn.Conv2d(group * scale, outputs, 1, bias=False)
        self.bn3 = FrozenNorm(outputs)
        if first:
            self.pool = nn.AvgPool2d(3, stride, 1)
            halve = nn.AvgPool2d(stride, stride, ceil_mode=True) if stride > 1 else nn.Identity()
            self.downsample = nn.Sequential(
                halve, nn.Conv2d(inputs, outputs, 1, bias=False), FrozenNorm(outputs))

    def forward(self, x):
        shortcut = self.downsample(x) if self.first else x
        parts = F.relu(self.bn1(self.conv1(x)), inplace=True).split(self.group, 1)
        done = []
        for i, (conv, bn) in enumerate(zip(self.convs, self.bns)):
            part = parts[i]
            if i > 0 and not self.first:
                part = done[-1] + part
            done.append(F.relu(bn(conv(part)), inplace=True))
        done.append(self.pool(parts[-1]) if self.first else parts[-1])
        x = self.bn3(self.conv3(torch.cat(done, 1)))
        return F.relu(x.add_(shortcut), inplace=True)


class Res2Net(nn.Module):
    """Res2Net v1b: five features at strides 2 to 32."""

    def __init__(self, blocks, stem, planes, base_width, scale):
        super().__init__()
        self.conv1 = nn.Sequential(
            nn.Conv2d(3, stem, 3, 2, 1, bias=False), FrozenNorm(stem), nn.ReLU(True),
            nn.Conv2d(stem, stem, 3, 1, 1, bias=False), FrozenNorm(stem), nn.ReLU(True),
            nn.Conv2d(stem, planes, 3, 1, 1, bias=False))
        self.bn1 = FrozenNorm(planes)
        self.relu = nn.ReLU(True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        inputs = planes
        for layer, count in enumerate(blocks):
            group, outputs = (planes << layer) * base_width // 64, 4 * planes << layer
            made = []
            for i in range(count):
                stride = 2 if i == 0 and layer > 0 else 1
                made.append(Res2NetBlock(inputs, group, scale, outputs, stride, i == 0))
                inputs = outputs
            self.add_module(f"layer{layer + 1}", nn.Sequential(*made))
        self.outputs = inputs

    def forward(self, x):
        return self.after(self.relu(self.bn1(self.conv1(x))))

    def after(self, stem):
        out = [stem]
        x = self.maxpool(stem)
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = layer(x)
            out.append(x)
        return out


class MobileLayer(nn.Module):
    """Convolution with TensorFlow's "same" padding, batch norm, ReLU6."""

    def __init__(self, inputs, outputs, kernel, stride, groups):
        super().__init__()
        self.kernel, self.stride = kernel, stride
        # At stride 1 both sides are padded alike, and the convolution does it.
        padding = kernel // 2 if stride == 1 else 0
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=1e-3)

    def sides(self, size):
        size = int(size)
        places = -(-size // self.stride)
        total = max((places - 1) * self.stride + self.kernel - size, 0)
        return [total // 2, total - total // 2]

    def forward(self, x):
        if self.stride > 1:
            x = F.pad(x, self.sides(x.shape[3]) + self.sides(x.shape[2]))
        x = self.bn(self.conv(x))
        if x.dtype == torch.bfloat16 and self.training:
            return x.clamp(0, 6)  # PyTorch 1.13 has no gradient of relu6 in bf16
        return F.relu6(x, inplace=True)


class MobileNet(nn.Module):
    """MobileNetV1 without its thirteenth block: features at strides 2 to 32."""

    # Channels, stride, and whether the result is a feature.
    BLOCKS = ((64, 1, True), (128, 2, False), (128, 1, True), (256, 2, False), (256, 1, True),
              (512, 2, False), (512, 1, False), (512, 1, False), (512, 1, False),
              (512, 1, False), (512, 1, True), (1024, 2, True))

    def __init__(self, width):
        super().__init__()
        inputs = int(32 * width)
        self.conv1 = MobileLayer(3, inputs, 3, 2, 1)
        self.widths = []
        for i, (channels, stride, feature) in enumerate(self.BLOCKS):
            outputs = int(channels * width)
            self.add_module(f"dw{i + 1}", MobileLayer(inputs, inputs, 3, stride, inputs))
            self.add_module(f"pw{i + 1}", MobileLayer(inputs, outputs, 1, 1, 1))
            if feature:
                self.widths.append(outputs)
            inputs = outputs

    def forward(self, x):
        x = self.conv1(x)
        out = []
        for i, (_, _, feature) in enumerate(self.BLOCKS):
            x = getattr(self, f"pw{i + 1}")(getattr(self, f"dw{i + 1}")(x))
            if feature:
                out.append(x)
        return out
