"""What the networks are made of, up to the decoder.

Everything that can be done in place is, as PyTorch is fastest that way.
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
