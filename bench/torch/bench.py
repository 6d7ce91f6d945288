#!/usr/bin/python3
"""Times a network of jcs in PyTorch, on the CPU, and prints JSON.

    bench.py --network full-segmenter --what inference --size 512
    bench.py --network full-segmenter --what train --size 448
    bench.py --network compact-joint --what train

Several ways of running it are tried, and the fastest is "best"; reduced
precision is a row of its own. Weights are made by a rule and the input is
noise, unless --model gives a model's file. A training step is that of the
configuration in configs/: batch and size too, unless they are given.
"""

import argparse
import copy
import functools
import gc
import json
import os
import platform
import statistics
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import torch

import check
import networks
import rule
import training
from plans import PLANS

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
RECIPES = {"full-classifier": "classifier-published", "full-segmenter": "segmenter-published",
           "full-joint": "joint-published", "compact-classifier": "compact-classifier",
           "compact-joint": "compact-joint"}
WARM_UPS = 2  # after a first run: torch.jit is slower at the beginning

# glibc gives the memory of large tensors back after each use, and every page
# of it then costs a fault. PyTorch is faster where it is kept, in huge pages.
KEEP_MEMORY = ("glibc.malloc.hugetlb=1:glibc.malloc.mmap_max=0:"
               "glibc.malloc.trim_threshold=17179869184:glibc.malloc.top_pad=268435456")


def keep_memory():
    """Starts this program again with an allocator that keeps its memory."""
    if "GLIBC_TUNABLES" not in os.environ:
        os.environ["GLIBC_TUNABLES"] = KEEP_MEMORY
        os.execv(sys.executable, [sys.executable] + sys.argv)


def layout(channels_last):
    return torch.channels_last if channels_last else torch.contiguous_format


# How inference can be run. Each takes a network and an input, and returns a
# function of the input.

def eager(network, image):
    del image
    return network


def frozen(network, image):
    """torch.jit with batch norms folded into convolutions."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", torch.jit.TracerWarning)
        traced = torch.jit.trace(network, image, check_trace=False)
    return torch.jit.freeze(traced)


def optimised(network, image):
    """The same, with convolutions prepared for oneDNN."""
    return torch.jit.optimize_for_inference(frozen(network, image))


def bf16(make):
    """A way in bfloat16 by autocast."""
    def way(network, image):
        with torch.autocast("cpu", torch.bfloat16, cache_enabled=False):
            run = make(network, image)
        if make is not eager:
            return run

        def casting(image):
            with torch.autocast("cpu", torch.bfloat16):
                return run(image)
        return casting
    return way


INFERENCE = {  # name: way, channels last, precision
    "eager": (eager, False, "f32"),
    "eager, channels last": (eager, True, "f32"),
    "frozen": (frozen, False, "f32"),
    "frozen, channels last": (frozen, True, "f32"),
    "optimised": (optimised, False, "f32"),
    "bf16, eager, channels last": (bf16(eager), True, "bf16"),
    "bf16, frozen, channels last": (bf16(frozen), True, "bf16"),
}

# The optimiser's two ways, a loop or lists of tensors, take the same time here.
TRAINING = {  # name: channels last, precision
    "default": (False, "f32"),
    "channels last": (True, "f32"),
    "bf16, channels last": (True, "bf16"),
}


def timings(times, batch):
    """Seconds as milliseconds: of a run, and for each item of its batch."""
    ms = sorted(1000 * t for t in times)
    middle = statistics.median(ms)
    return {"runs": len(ms), "median_ms": round(middle, 3), "min_ms": round(ms[0], 3),
            "max_ms": round(ms[-1], 3), "median_ms_per_slice": round(middle / batch, 3),
            "min_ms_per_slice": round(ms[0] / batch, 3)}


def deviation(want, got):
    """The largest difference from the first way's output."""
    return float((want.float() - got.float()).abs().max())


def weighted(options, plan):
    if options.model:
        return check.load(options.model, plan)
    return rule.fill(networks.build(plan or PLANS[options.network]))


def time_inference(options):
    """Measures every way of inference; one that PyTorch refuses is noted."""
    height, width = sides(options, PLANS[options.network])
    network = networks.Inference(weighted(options, None)).eval()
    image = rule.image("input", 1, options.batch, 3, height, width)
    with torch.inference_mode():
        runs, refused = ready(network, image, options.only)
        times, outputs = rounds(runs, options.repeat)
    want = next(iter(outputs.values()))
    rows = [{"way": n, "precision": INFERENCE[n][2], "deviation": deviation(want, outputs[n])}
            | timings(t, options.batch) for n, t in times.items()]
    return rows + refused, height, width


def ready(network, image, only):
    """Functions that run the network, by their ways, and rows of those refused."""
    runs, refused = {}, []
    for name, (way, last, precision) in INFERENCE.items():
        if only and name not in only:
            continue
        moved = image.contiguous(memory_format=layout(last))
        try:
            run = way(copy.deepcopy(network).to(memory_format=layout(last)), moved)
            run(moved)
            runs[name] = functools.partial(run, moved)
        except RuntimeError as error:
            refused.append({"way": name, "precision": precision, "refused": last_line(error)})
    return runs, refused


def rounds(runs, count):
    """Runs all in turn, so that what else the machine does hits all alike.

    What took more than twice the fastest's time in the warm-ups is not run
    again; its times are those of the warm-ups.
    """
    times, outputs = {n: [] for n in runs}, {}
    for _ in range(WARM_UPS):
        one_round(runs, times, outputs)
    fastest = {n: min(t) for n, t in times.items()}
    kept = {n: r for n, r in runs.items() if fastest[n] <= 2 * min(fastest.values())}
    for name in kept:
        times[name] = []
    for _ in range(count):
        one_round(kept, times, outputs)
    return times, outputs


def one_round(runs, times, outputs):
    for name, run in runs.items():
        start = time.perf_counter()
        outputs[name] = run()
        times[name].append(time.perf_counter() - start)


def last_line(error):
    return str(error).strip().splitlines()[-1]


def time_training(options):
    """Measures a training step in every way, its parts too."""
    recipe = training.read(CONFIGS / (RECIPES[options.network] + ".toml"))
    height, width = sides(options, {"height": recipe.height, "width": recipe.width})
    if options.batch:
        recipe.masked = recipe.masked * options.batch // recipe.batch
        recipe.batch = options.batch
    given = made_up_batch(recipe, height, width)
    options.batch = recipe.batch
    rows = []
    for name, (last, precision) in TRAINING.items():
        if options.only and name not in options.only:
            continue
        row = {"way": name, "precision": precision}
        network = weighted(options, recipe.plan).to(memory_format=layout(last))
        step = training.Step(recipe, network)
        image = given[0].contiguous(memory_format=layout(last))
        try:
            row["losses"], parts = steps(step, (image, *given[1:]), options.repeat, precision == "bf16")
            row |= timings([sum(p.values()) for p in parts], recipe.batch)
            row["median_parts_ms"] = {
                n: round(1000 * statistics.median(p[n] for p in parts), 3) for n in parts[0]}
        except RuntimeError as error:
            row["refused"] = last_line(error)
        rows.append(row)
        del network, step
        gc.collect()
    return rows, height, width


def steps(step, batch, count, reduced):
    """Makes one step to warm up and then those that count."""
    made = [step(*batch, bf16=reduced) for _ in range(count + 1)]
    losses = [value for value, _ in made]
    if not np.isfinite(losses).all():
        raise RuntimeError(f"the losses {losses} are not finite")
    return losses, [parts for _, parts in made[1:]]


def made_up_batch(recipe, height, width):
    image = rule.image("input", 1, recipe.batch, 3, height, width)
    masks = (rule.image("masks", 1, recipe.masked, 1, height, width) > 0.8).float()
    classes = len(recipe.plan.get("classes", ["none"]))
    labels = torch.eye(classes)[torch.arange(recipe.batch) % classes]
    return image, masks, labels


def sides(options, usual):
    return (options.size, options.size) if options.size else (usual["height"], usual["width"])


def processor():
    for line in Path("/proc/cpuinfo").read_text(encoding="ascii").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def blas():
    """The library behind libblas, which PyTorch's small layers depend on."""
    maps = Path("/proc/self/maps").read_text(encoding="utf-8").split()
    return sorted({os.path.realpath(m) for m in maps if "blas" in Path(m).name})


def best(rows, precision):
    done = [r for r in rows if r["precision"] == precision and "median_ms" in r]
    return min(done, key=lambda r: r["median_ms"], default=None)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", required=True, choices=PLANS)
    parser.add_argument("--what", choices=("inference", "train"), default="inference")
    parser.add_argument("--size", type=int, help="side of the input; the plan's or configuration's")
    parser.add_argument("--batch", type=int, help="1, or the configuration's")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--model", help="weights from a model's safetensors file")
    parser.add_argument("--only", action="append", metavar="WAY", help="of the ways; may be repeated")
    options = parser.parse_args()
    if options.what == "train" and options.network not in RECIPES:
        parser.error(f"there is no configuration to train {options.network}")
    keep_memory()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    if options.what == "inference":
        options.batch = options.batch or 1
        rows, height, width = time_inference(options)
    else:
        rows, height, width = time_training(options)
    print(json.dumps({
        "schema": "jcs.bench.torch/1", "network": options.network, "what": options.what,
        "height": height, "width": width, "batch": options.batch, "threads": options.threads,
        "processor": processor(), "torch": torch.__version__, "numpy": np.__version__,
        "onednn": torch.backends.mkldnn.is_available(), "python": platform.python_version(),
        "malloc": os.environ["GLIBC_TUNABLES"], "omp_wait_policy": os.environ.get("OMP_WAIT_POLICY", ""),
        "blas": blas(),
        "ways": rows, "best": best(rows, "f32"), "best_bf16": best(rows, "bf16")}, indent=1))


if __name__ == "__main__":
    main()
