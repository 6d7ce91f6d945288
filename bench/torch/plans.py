"""The plans of jcs' networks, as network/plans.go has them."""

CLASSES = ["negative", "positive"]


def res2net(third):
    return {"blocks": [3, 4, third, 3], "stem": 32, "planes": 64, "base_width": 26, "scale": 4}


def decoder(widths):
    return {"widths": widths, "dilations": [1, 3, 6, 9], "last_dilations": [1, 2, 3, 4]}


def full_classifier(third):
    return {"kind": "classifier", "classes": CLASSES, "height": 224, "width": 224,
            "res2net": res2net(third)}


def full_segmenter():
    return {"kind": "segmenter", "height": 512, "width": 512,
            "vgg": {"depths": [2, 2, 3, 3, 3]}, "decoder": decoder([64, 128, 256, 512, 512])}


def compact_joint():
    return {"kind": "joint", "height": 256, "width": 256, "mobilenet": {"width": 1},
            "decoder": decoder([32, 64, 96, 128, 128])}


PLANS = {
    "full-classifier": full_classifier(23),
    "full-classifier-50": full_classifier(6),
    "full-segmenter": full_segmenter(),
    "full-joint": full_segmenter() | {"kind": "joint", "res2net": res2net(23)},
    "compact-classifier": {"kind": "classifier", "classes": CLASSES, "height": 256, "width": 256,
                           "mobilenet": {"width": 1}},
    "compact-joint": compact_joint(),
}
