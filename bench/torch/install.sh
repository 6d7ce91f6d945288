#!/bin/sh
# Installs what bench/torch needs, from Debian (tried on 12: PyTorch 1.13.1).
# Without OpenBLAS, Debian's PyTorch multiplies matrices by the reference BLAS:
# the full classifier, eager, took 592 ms without it and 191 ms with it.
set -e
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
$sudo apt-get install -y --no-install-recommends python3-torch python3-numpy libopenblas0-openmp
