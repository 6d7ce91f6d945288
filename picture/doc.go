// Package picture owns 8-bit grey pictures: decoding them from hostile PNG and
// JPEG bytes within limits, resizing them exactly as Pillow and OpenCV do (the
// published networks were trained and run on the pixels that those two
// libraries yield, so the same rounding is part of the network), and the colour
// map that activation maps are painted with. It knows nothing of CT, of windows
// or of networks.
//
// Resizes take and return [image.Gray] values. A result never shares memory
// with its source, and its bounds begin at (0, 0). A size or source without
// pixels yields an empty picture.
package picture
