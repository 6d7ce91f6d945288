// Package network owns the networks: the classifier, the segmenter and the
// joint segmenter, at their published size and at ours. A [Plan] says which
// network, with which widths, depths, input size, preprocessing and classes;
// from it come the graph, the parameters in their published names and order,
// first weights, and the preparation of a picture. A [Model] is a plan with its
// weights, from its own file or a PyTorch checkpoint; [Classifier] and [Segmenter] run one.
//
// The networks are those of Wu, Gao, Mei, Xu, Fan, Zhang and Cheng, "JCS: An
// Explainable COVID-19 Diagnosis System by Joint Classification and
// Segmentation", IEEE Transactions on Image Processing 30, 2021, and of its
// published code, whose module paths name parameters and taps.
package network
