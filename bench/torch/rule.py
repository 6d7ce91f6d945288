"""Weights that are not stored but made by a rule, for parity tests.

A tensor's name seeds a generator (FNV-1a, then splitmix64); kind and shape
scale what it gives. network/rule_test.go is the same in Go.
"""

import math

import numpy as np
import torch


def uniform(name, count):
    """The first numbers within [-1, 1) of a name, in float64."""
    seed = 0xcbf29ce484222325
    for byte in name.encode():
        seed = (seed ^ byte) * 0x100000001b3 % 2**64
    z = np.arange(1, count + 1, dtype=np.uint64)
    z *= np.uint64(0x9E3779B97F4A7C15)
    z += np.uint64(seed)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return (z >> np.uint64(40)) / 2.0**24 * 2 - 1


def values(name, shape, is_norm):
    u = uniform(name, math.prod(shape))
    if name.endswith(".num_batches_tracked"):
        return np.zeros(shape)
    if len(shape) > 1:
        return matrix(name, shape, u)
    kind = name.rsplit(".", 1)[-1]
    if kind == "running_mean" or kind == "bias" and is_norm:
        return 0.1 * u
    if kind == "running_var":
        return 1 + 0.3 * u
    if kind == "bias":
        return 0.05 * u
    if name.endswith("bn3.weight"):
        return 0.1 + 0.05 * u
    return 1 + 0.2 * u


def matrix(name, shape, u):
    """A convolution's or a linear layer's weight."""
    inputs = math.prod(shape) // shape[0]
    if len(shape) == 2 and shape[0] == 1:
        return np.abs(u) * 4 / inputs
    if name == "fc.weight":
        return u * math.sqrt(6 / inputs) * -0.25
    return u * math.sqrt(6 / inputs)


def fill(network):
    """Gives every tensor of a network its value by the rule."""
    state = network.state_dict()
    for name, tensor in state.items():
        is_norm = name.rsplit(".", 1)[0] + ".running_mean" in state
        made = values(name, tensor.shape, is_norm).reshape(tensor.shape)
        tensor.copy_(torch.from_numpy(made))
    return network


def image(name, scale, *shape):
    made = scale * uniform(name, math.prod(shape)).reshape(shape)
    return torch.from_numpy(made.astype(np.float32))
