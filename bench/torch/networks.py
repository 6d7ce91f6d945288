"""The networks of jcs in plain PyTorch, built from the plan in a model's file.

Modules are named so that a state dict has the tensors of jcs' safetensors
files, and so that a module's path is the name of its tap in jcs. Everything
that can be done in place is, as PyTorch is fastest that way.
"""

import torch
from torch import nn
from torch.nn import functional as F

HEADS = 5


class FrozenNorm(nn.Module):
    """A batch norm that never changes and has no eps; all of it is buffers."""

    def __init__(self, channels):
        super().__init__()
        self.register_buffer("weight", torch.ones(channels))
        self.register_buffer("bias", torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x):
        # The published code multiplies and adds. This is the same function,
        # faster, and torch.jit.freeze can fold it into the convolution.
        return F.batch_norm(x, self.running_mean, self.running_var,
                            self.weight, self.bias, training=False, eps=0.0)


class Resize(nn.Module):
    """Bilinear to a given size, without antialias."""

    def forward(self, x, size):
        if tuple(x.shape[2:]) == tuple(size):
            return x
        return F.interpolate(x, size=size, mode="bilinear", align_corners=False)


class ConvReLU(nn.Module):
    def __init__(self, inputs, outputs, kernel):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)

    def forward(self, x):
        return F.relu(self.conv(x), inplace=True)


class ConvNormReLU(nn.Module):
    def __init__(self, inputs, outputs, kernel, norm, bias):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=bias)
        self.bn = norm(outputs)

    def forward(self, x):
        return F.relu(self.bn(self.conv(x)), inplace=True)


class SqueezeExcite(nn.Module):
    def __init__(self, channels, hidden):
        super().__init__()
        self.linear1 = nn.Linear(channels, hidden)
        self.linear2 = nn.Linear(hidden, channels)

    def forward(self, x):
        s = F.relu(self.linear1(x.mean((2, 3))), inplace=True)
        return x * torch.sigmoid(self.linear2(s))[:, :, None, None]


class Enhance(nn.Module):
    """The enhanced feature module: four dilated groups and a squeeze-excite."""

    def __init__(self, channels, dilations):
        super().__init__()
        self.part = channels // 2
        self.expand_conv = ConvReLU(channels, 2 * channels, 1)
        self.dilation_convs = nn.ModuleList(
            nn.Conv2d(self.part, self.part, 3, padding=d, dilation=d) for d in dilations)
        self.se_block = SqueezeExcite(2 * channels, channels // 2)
        self.reduce_conv = ConvReLU(2 * channels, channels, 1)
        self.end_conv = ConvReLU(channels, channels, 3)

    def forward(self, x):
        parts = self.expand_conv(x).split(self.part, 1)
        x = torch.cat([conv(p) for conv, p in zip(self.dilation_convs, parts)], 1)
        x = self.se_block(F.relu(x, inplace=True))
        return self.end_conv(self.reduce_conv(x))


class Attend(nn.Module):
    """One attentive fusion; its squeezes have a single unit, as published."""

    def __init__(self, channels):
        super().__init__()
        wide = channels + channels // 2
        self.se1 = SqueezeExcite(channels, 1)
        self.conv1 = ConvReLU(channels, channels, 3)
        self.se2 = SqueezeExcite(wide, 1)
        self.reduce_conv = ConvReLU(wide, channels, 1)
        self.conv2 = ConvReLU(channels, channels, 3)

    def forward(self, lateral, down):
        x = self.conv1(self.se1(torch.cat([lateral, down], 1)))
        x = self.reduce_conv(self.se2(torch.cat([x, down], 1)))
        return self.conv2(x)


class Decoder(nn.Module):
    """From six scales to five features, the finest first."""

    def __init__(self, widths):
        super().__init__()
        last = widths[-1]
        above = list(widths[1:]) + [last]
        self.inners_a = nn.ModuleList(
            [ConvReLU(w, w // 2, 1) for w in widths] + [ConvReLU(last, last, 1)])
        self.inners_b = nn.ModuleList(
            ConvReLU(a, w // 2, 1) for a, w in zip(above, widths))
        self.fuse = nn.ModuleList(
            [Attend(w) for w in widths] + [ConvReLU(last, last, 3)])
        self.topdown = nn.ModuleList(Resize() for _ in widths)

    def forward(self, features):
        x = self.fuse[HEADS](self.inners_a[HEADS](features[HEADS]))
        out = []
        for i in reversed(range(HEADS)):
            lateral = self.inners_a[i](features[i])
            down = self.topdown[i](self.inners_b[i](x), lateral.shape[2:])
            x = self.fuse[i](lateral, down)
            out.insert(0, x)
        return out


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


class Res2NetClassifier(Res2Net):
    """The published classifier: its encoder's names have no prefix."""

    def __init__(self, plan):
        super().__init__(**plan["res2net"])
        self.fc = nn.Linear(self.outputs, len(plan["classes"]), bias=False)

    def forward(self, x):
        return self.fc(super().forward(x)[-1].mean((2, 3)))


class MobileClassifier(nn.Module):
    def __init__(self, plan):
        super().__init__()
        self.encoder = MobileNet(plan["mobilenet"]["width"])
        self.fc = nn.Linear(self.encoder.widths[-1], len(plan["classes"]), bias=False)

    def forward(self, x):
        return self.fc(self.encoder(x)[-1].mean((2, 3)))


class Fuse(nn.Module):
    """Joins the features of both encoders, scale by scale."""

    def __init__(self, widths, others):
        super().__init__()

        def module(inputs, outputs):
            return ConvNormReLU(inputs, outputs, 3, nn.BatchNorm2d, True)

        self.cat_modules = nn.ModuleList(module(w + o, w) for w, o in zip(widths, others))
        self.se_modules = nn.ModuleList(module(w, w) for w in widths)
        self.fuse_modules = nn.ModuleList(module(w, w) for w in widths)
        self.resized_vgg = nn.ModuleList(Resize() for _ in widths)

    def forward(self, vgg, others):
        out = []
        for i, (v, o) in enumerate(zip(vgg, others)):
            x = torch.cat([self.resized_vgg[i](v, o.shape[2:]), o], 1)
            out.append(self.fuse_modules[i](self.se_modules[i](self.cat_modules[i](x))))
        return out


class Segmenter(nn.Module):
    """What all segmenting networks share: the sixth scale, decoder and heads."""

    def __init__(self, decoder):
        super().__init__()
        widths = decoder["widths"]
        self.gpd = Enhance(widths[4], decoder["dilations"])
        self.gpd1 = Enhance(widths[4], decoder["last_dilations"])
        self.pool = nn.MaxPool2d(2)
        self.fpn = Decoder(widths)
        for i, width in enumerate(widths):
            self.add_module(f"cls{i + 1}", nn.Conv2d(width, 1, 1))

    def decode(self, features, size, heads):
        """The first heads' logits at the size of the input."""
        scales = self.fpn(features)
        logits = [getattr(self, f"cls{i + 1}")(scales[i]) for i in range(heads)]
        return [Resize()(x, size) for x in logits]


class PublishedSegmenter(Segmenter):
    """The published segmenter on VGG-16, or the joint one with Res2Net beside it."""

    def __init__(self, plan):
        super().__init__(plan["decoder"])
        widths = plan["decoder"]["widths"]
        self.vgg16 = VGG(plan["vgg"]["depths"], widths)
        self.joint = "res2net" in plan
        if self.joint:
            planes = plan["res2net"]["planes"]
            self.res2net = Res2Net(**plan["res2net"])
            self.fuse = Fuse(widths, [planes] + [4 * planes << i for i in range(4)])

    def forward(self, x, heads=HEADS):
        others = self.res2net(x) if self.joint else None
        return self.fused(self.vgg16(x), others, x.shape[2:], heads)

    def from_features(self, vgg, res2net, heads=HEADS):
        """The joint network from the features of both first stages."""
        stages, others = self.vgg16.after(vgg), self.res2net.after(res2net)
        return self.fused(stages, others, vgg.shape[2:], heads)

    def fused(self, stages, others, size, heads):
        stages[4] = self.gpd(stages[4])
        sixth = self.gpd1(self.pool(stages[4]))
        if self.joint:
            stages = self.fuse(stages, others)
        return self.decode(stages + [sixth], size, heads)


class SharedSegmenter(Segmenter):
    """The compact segmenter on MobileNet, with a classifier's head if planned."""

    def __init__(self, plan):
        super().__init__(plan["decoder"])
        self.encoder = MobileNet(plan["mobilenet"]["width"])
        self.reduce = nn.ModuleList(
            ConvNormReLU(e, w, 1, nn.BatchNorm2d, False)
            for e, w in zip(self.encoder.widths, plan["decoder"]["widths"]))
        self.shared_head = plan.get("shared_head", False)
        if self.shared_head:
            self.fc = nn.Linear(self.encoder.widths[-1], len(plan["classes"]), bias=False)

    def forward(self, x, heads=HEADS):
        """The heads' logits, and the classes' where all heads are asked for."""
        stages = self.encoder(x)
        logits = []
        if self.shared_head and heads == HEADS:
            logits = [self.fc(stages[4].mean((2, 3)))]
        stages = [reduce(s) for reduce, s in zip(self.reduce, stages)]
        stages[4] = self.gpd(stages[4])
        sixth = self.gpd1(self.pool(stages[4]))
        return self.decode(stages + [sixth], x.shape[2:], heads) + logits


class Inference(nn.Module):
    """What jcs computes of a slice: a classifier's probabilities or the mask."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x):
        if isinstance(self.network, Segmenter):
            return torch.sigmoid(self.network(x, heads=1)[0])
        return torch.softmax(self.network(x), 1)


def build(plan):
    """The network of a plan, as jcs keeps it in a model's file."""
    if plan["kind"] == "classifier":
        return MobileClassifier(plan) if "mobilenet" in plan else Res2NetClassifier(plan)
    return SharedSegmenter(plan) if "mobilenet" in plan else PublishedSegmenter(plan)
