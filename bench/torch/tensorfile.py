"""Safetensors files, read and written with NumPy."""

import json

import numpy as np

TYPES = {"F32": "<f4", "F16": "<f2", "I64": "<i8"}


def read(path):
    """Returns a file's tensors by name, halves as float32, and its metadata."""
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = file.read()
    metadata = header.pop("__metadata__", {})
    return {name: decode(entry, data) for name, entry in header.items()}, metadata


def decode(entry, data):
    begin, end = entry["data_offsets"]
    if entry["dtype"] == "BF16":
        halves = np.frombuffer(data[begin:end], "<u2")
        values = (halves.astype(np.uint32) << 16).view(np.float32)
    else:
        values = np.frombuffer(data[begin:end], TYPES[entry["dtype"]])
        if values.dtype == np.float16:
            values = values.astype(np.float32)
    return values.reshape(entry["shape"]).copy()


def write(path, tensors):
    """Writes tensors, which become float32."""
    header, parts, at = {}, [], 0
    for name, values in tensors.items():
        part = np.ascontiguousarray(values, "<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(np.shape(values)),
                        "data_offsets": [at, at + len(part)]}
        parts.append(part)
        at += len(part)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text + b"".join(parts))
