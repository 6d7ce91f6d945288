"""The networks of jcs in plain PyTorch, built from the plan in a model's file.

Modules are named so that a state dict has the tensors of jcs' safetensors
files, and so that a module's path is the name of its tap in jcs.
"""

import torch
from torch import nn

from encoders import VGG, MobileNet, Res2Net
from layers import HEADS, ConvNormReLU, Decoder, Enhance, Resize


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
