"""One training step as jcs makes it, from a configuration under configs/."""

import math
import time
import tomllib
from dataclasses import dataclass, field

import torch
from torch.nn import functional as F

import networks
from plans import CLASSES, PLANS, compact_joint

DICE_EPS = 1e-5


@dataclass
class Recipe:
    """What a configuration says of a step."""

    plan: dict  # of the network in training
    batch: int
    masked: int  # the first items of a batch, which have masks
    height: int
    width: int
    heads: list = field(default_factory=lambda: [1.0] * networks.HEADS)
    whole_batch: bool = False  # one Dice over the batch
    probabilities: bool = False  # the loss of probabilities, and not of logits
    class_weight: float = 0.0
    smoothing: float = 0.0
    optimise: dict = field(default_factory=dict)


def read(path):
    with open(path, "rb") as file:
        config = tomllib.load(file)
    plan, loss, augment = trained_plan(config), config.get("loss", {}), config["augment"]
    sources = config["source"]
    return Recipe(
        plan=plan,
        batch=sum(s["per_batch"] for s in sources),
        masked=sum(s["per_batch"] for s in sources if "mask" in s or "masks" in s),
        height=augment["height"], width=augment["width"],
        heads=loss.get("heads", [1.0] * networks.HEADS),
        whole_batch=loss.get("whole_batch", False),
        probabilities=loss.get("probabilities", False),
        class_weight=1.0 if plan["kind"] == "classifier" else loss.get("class", 0.0),
        smoothing=loss.get("smoothing", 0.0),
        optimise=config["optimise"])


def trained_plan(config):
    """A classifier that learns lesions has the decoder of the compact segmenter."""
    plan = dict(PLANS[config["plan"]["base"]])
    if config["plan"].get("lesions"):
        plan = compact_joint()
    if config["plan"].get("lesions") or config["plan"].get("shared_head"):
        plan |= {"shared_head": True, "classes": config["plan"].get("classes", CLASSES)}
    return plan


def mask_loss(recipe, x, target):
    """Mean cross entropy plus 1 - Dice, of the batch or each item's."""
    if recipe.probabilities:
        p = torch.sigmoid(x)
        entropy = F.binary_cross_entropy(p, target)
    else:
        entropy = F.binary_cross_entropy_with_logits(x, target)
        p = torch.sigmoid(x)
    axes = (0, 1, 2, 3) if recipe.whole_batch else (1, 2, 3)
    overlap = (p * target).sum(axes)
    dice = (2 * overlap + DICE_EPS) / (p.sum(axes) + target.sum(axes) + DICE_EPS)
    return entropy + (1 - dice).mean()


def loss(recipe, outputs, masks, labels):
    """Of a network's outputs, for masks [M 1 H W] and one-hot labels [N C]."""
    if recipe.plan["kind"] == "classifier":
        return class_loss(recipe, outputs, labels)
    total = 0.0
    for weight, logits in zip(recipe.heads, outputs):
        total = total + weight * mask_loss(recipe, logits[:len(masks)].to(masks.dtype), masks)
    if recipe.plan.get("shared_head"):
        total = total + class_loss(recipe, outputs[networks.HEADS], labels)
    return total


def class_loss(recipe, logits, labels):
    return recipe.class_weight * F.cross_entropy(
        logits.to(labels.dtype), labels, label_smoothing=recipe.smoothing)


def optimiser(recipe, network, foreach):
    """Parameters alike in rate and decay make a group."""
    o = recipe.optimise
    groups = {}
    for name, p in network.named_parameters():
        factor = math.prod(f for prefix, f in o.get("rates", {}).items() if name.startswith(prefix))
        decay = o["weight_decay"] if p.dim() > 1 or o.get("decay_all") else 0.0
        groups.setdefault((factor * o["rate"], decay), []).append(p)
    made = [{"params": p, "lr": rate, "weight_decay": decay} for (rate, decay), p in groups.items()]
    if o["method"] == "sgd":
        return torch.optim.SGD(made, lr=o["rate"], momentum=o["momentum"], foreach=foreach)
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[o["method"]]
    return kind(made, foreach=foreach)


class Step:
    """A network in training, its optimiser and moving average."""

    def __init__(self, recipe, network, foreach=True):
        self.recipe = recipe
        self.network = network.train()
        self.parameters = list(network.parameters())
        self.optimiser = optimiser(recipe, network, foreach)
        self.decay = recipe.optimise.get("average", 0.0)
        self.average = None
        self.steps = 0

    def __call__(self, image, masks, labels, bf16=False):
        """Makes one step; returns its loss and the seconds of its parts."""
        clock = [time.perf_counter()]
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            outputs = self.network(image)
        value = loss(self.recipe, outputs, masks, labels)
        clock.append(time.perf_counter())
        self.optimiser.zero_grad(set_to_none=True)
        value.backward()
        clock.append(time.perf_counter())
        self.update()
        clock.append(time.perf_counter())
        names = ("forward", "backward", "update")
        return value.item(), {n: b - a for n, a, b in zip(names, clock, clock[1:])}

    def update(self):
        clip = self.recipe.optimise.get("clip", 0.0)
        if clip:
            torch.nn.utils.clip_grad_norm_(self.parameters, clip)
        self.optimiser.step()
        self.follow()

    @torch.no_grad()
    def follow(self):
        """Moves the average as nn.MovingAverage does; with decay 0 there is none."""
        if not self.decay:
            return
        share = 1 - min(self.decay, (1 + self.steps) / (10 + self.steps))
        self.steps += 1
        if self.average is None:
            self.average = [p.detach().clone() for p in self.parameters]
            return
        torch._foreach_mul_(self.average, 1 - share)
        torch._foreach_add_(self.average, self.parameters, alpha=share)
