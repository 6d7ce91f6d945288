// Package weights owns how a network's tensors are kept: it reads and writes
// safetensors files, reads PyTorch checkpoints without executing anything of
// them, writes ONNX and NumPy files, narrows and widens half precision, takes
// digests, and holds the models that are embedded in the program. What the
// tensors mean is the business of package network.
package weights
