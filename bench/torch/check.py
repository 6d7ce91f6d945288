#!/usr/bin/python3
"""Holds the PyTorch networks against fixtures, and gives their numbers to jcs.

    check.py taps FIXTURE.json [--input IMAGE.npy] [--output OUTPUT.npy]
    check.py first-step FIXTURE.json [--input IMAGE.npy --target MASKS.npy]
    check.py run --model MODEL.safetensors --input IN.safetensors --out OUT.safetensors
    check.py step --model MODEL.safetensors --config CONFIG.toml --input IN.safetensors --out OUT.safetensors

taps and first-step take the weights of rule.py and exit with 1 where PyTorch
is too far from the published code. run and step are for the Go tests, which
compare; run also prints a summary of each output.
"""

import argparse
import json
import sys

import numpy as np
import torch

import networks
import rule
import tensorfile
import training
from plans import PLANS

MODELS = {"joint": "full-joint", "single": "full-segmenter",
          "cls101": "full-classifier", "cls50": "full-classifier-50"}
TOLERANCE = 2e-5  # of a tensor's largest magnitude
NORM_TOLERANCE = 2e-4  # of a gradient's norm, which one fixture has in float32 only
LOSS_TOLERANCE = 1e-8


def deviation(summary, tensor):
    """The largest difference from a fixture's summary, by its magnitude."""
    if list(tensor.shape) != summary["shape"]:
        return float("inf")
    values = tensor.double().flatten()
    differences = [values.min() - summary["min"], values.max() - summary["max"],
                   values.mean() - summary["mean"]]
    differences += [values[int(i)] - v for i, v in summary["samples"].items()]
    return float(max(abs(d) for d in differences)) / summary["absmax"]


def record(network, names):
    """Keeps what modules of these names return, before anything in place."""
    taps = {}

    def hook(name):
        def keep(_module, _inputs, output):
            if isinstance(output, torch.Tensor):
                taps[name] = output.clone()
        return keep

    for name, module in network.named_modules():
        if name in names:
            module.register_forward_hook(hook(name))
    return taps


def output_taps(network, outputs):
    """The taps that belong to no module."""
    if isinstance(network, networks.Segmenter):
        logits = torch.cat(outputs[:networks.HEADS], 1)
        taps = {"logits": logits, "output": torch.sigmoid(logits)}
        for i in range(networks.HEADS):
            taps[f"head{i + 1}.resized"] = outputs[i]
            taps[f"head{i + 1}.sigmoid"] = torch.sigmoid(outputs[i])
        if getattr(network, "shared_head", False):
            taps["class.logits"] = outputs[networks.HEADS]
        return taps
    return {"logits": outputs, "softmax": torch.softmax(outputs, 1)}


def fixture_inputs(fixture, path):
    if path:
        return [torch.from_numpy(np.load(path))]
    if "input.vgg" in fixture["taps"]:
        return [stored_features(n, fixture["taps"][f"input.{n}"]["shape"]) for n in ("vgg", "res2net")]
    return [rule.image("input", 2, *fixture["taps"]["input"]["shape"])]


def stored_features(name, shape):
    codes = torch.floor((rule.image("feats." + name, 1, *shape).double() + 1) * 32)
    return (codes / 20).float()


def taps(options):
    """Every tap of a fixture against the published code's."""
    with open(options.fixture, encoding="utf-8") as file:
        fixture = json.load(file)
    model = fixture["meta"]["model"].split(",")[0]
    network = rule.fill(networks.build(PLANS[MODELS[model]])).eval()
    wanted = {n: s for n, s in fixture["taps"].items() if not n.startswith("cam.")}
    found = record(network, wanted)
    inputs = fixture_inputs(fixture, options.input)
    with torch.inference_mode():
        outputs = network.from_features(*inputs) if len(inputs) > 1 else network(*inputs)
        found |= output_taps(network, outputs)
    found |= dict(zip(("input.vgg", "input.res2net") if len(inputs) > 1 else ("input",), inputs))
    held = {n: deviation(s, found[n]) for n, s in wanted.items() if n in found}
    if options.output:
        want = torch.from_numpy(np.load(options.output))
        held["whole output"] = float((found["output"] - want).abs().max() / want.abs().max())
    worst = max(held, key=held.get)
    print(f"{model}: {len(held)} taps of {len(wanted)}, the worst is {worst} with {held[worst]:.2g}")
    left = sorted(set(wanted) - set(held))
    if left:
        print("not looked at:", ", ".join(left))
    return held[worst] <= TOLERANCE


def first_step(options):
    """The published training step: loss, gradients, loss after the step."""
    with open(options.fixture, encoding="utf-8") as file:
        fixture = json.load(file)
    image, masks = first_batch(options)
    recipe = training.Recipe(
        plan=PLANS["full-segmenter"], batch=2, masked=2, height=image.shape[2], width=image.shape[3],
        whole_batch=True, probabilities=True,
        optimise={"method": "adam", "rate": 1e-4, "weight_decay": 1e-4, "decay_all": True})
    # In float64, as a ReLU that flips on float32's last bit moves a gradient.
    # Adam over lists of tensors adds the decay to the gradients themselves.
    image, masks = image.double(), masks.double()
    step = training.Step(recipe, rule.fill(networks.build(recipe.plan)).double(), foreach=False)
    before, _ = step(image, masks, None)
    worst = 0.0
    for name, p in step.network.named_parameters():
        want = fixture["grads"][name].get("l2_f64", fixture["grads"][name]["l2"])
        worst = max(worst, abs(float(p.grad.double().norm()) - want) / want)
    after, _ = step(image, masks, None)
    off = [abs(before / fixture["loss_f64"] - 1), abs(after / fixture["loss_after_step_f64"] - 1)]
    print(f"loss {before:.9g} (off by {off[0]:.2g}), after the step {after:.9g} (off by {off[1]:.2g}); "
          f"norms of {len(fixture['grads'])} gradients, the worst off by {worst:.2g}")
    same = len(fixture["grads"]) == len(step.parameters)
    return same and off[0] <= LOSS_TOLERANCE and off[1] <= LOSS_TOLERANCE and worst <= NORM_TOLERANCE


def first_batch(options):
    if options.input:
        masks = torch.from_numpy(np.load(options.target)).float()
        return torch.from_numpy(np.load(options.input)), masks.reshape(len(masks), 1, *masks.shape[-2:])
    target = rule.image("target.train", 1, 2, 1, 96, 96)
    return rule.image("input.train", 2, 2, 3, 96, 96), (target > 0.5).float()


def load(path, plan=None):
    """The network of a model's file, with its weights; all must fit."""
    tensors, metadata = tensorfile.read(path)
    network = networks.build(plan or json.loads(metadata["jcs.plan"]))
    state = {n: torch.from_numpy(v) for n, v in tensors.items()}
    network.load_state_dict(state, strict=True)
    return network


def read_tensors(path):
    return {n: torch.from_numpy(v) for n, v in tensorfile.read(path)[0].items()}


def run(options):
    """The outputs of a model for an input."""
    network = load(options.model).eval()
    image = read_tensors(options.input)["input"]
    with torch.inference_mode():
        found = output_taps(network, network(image))
    for name, x in found.items():
        print(f"{name} {list(x.shape)}: {x.min():.6g} to {x.max():.6g}, mean {x.mean():.6g}")
    tensorfile.write(options.out, {n: x.numpy() for n, x in found.items()})
    return True


def step(options):
    """One training step of a model: loss, gradients, and all tensors after it."""
    recipe = training.read(options.config)
    made = training.Step(recipe, load(options.model, recipe.plan))
    given = read_tensors(options.input)
    value, _ = made(given["input"], given["masks"], given["labels"])
    out = {"loss": np.array([value])}
    for name, p in made.network.named_parameters():
        out["grad." + name] = p.grad.numpy()
    for name, x in made.network.state_dict().items():
        out["after." + name] = x.numpy()
    tensorfile.write(options.out, out)
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    for name, do in (("taps", taps), ("first-step", first_step)):
        command = commands.add_parser(name)
        command.set_defaults(do=do)
        command.add_argument("fixture")
        command.add_argument("--input")
        command.add_argument("--output" if do is taps else "--target")
    for name, do in (("run", run), ("step", step)):
        command = commands.add_parser(name)
        command.set_defaults(do=do)
        for flag in ("--model", "--input", "--out"):
            command.add_argument(flag, required=True)
        if do is step:
            command.add_argument("--config", required=True)
    options = parser.parse_args()
    sys.exit(0 if options.do(options) else 1)


if __name__ == "__main__":
    main()
