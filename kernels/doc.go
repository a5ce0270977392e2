// Package kernels holds the device code, its compiled images and the layouts of
// its argument blocks.
//
// The sources in kernels/cuda are one text for three compilers: nvcc makes the
// images that are embedded here (build/cuda.sh), clang can, and the host's C++
// compiler makes kernels/emu, a program that runs the same kernels thread by
// thread without a device. NOTES.md holds each kernel's two bounds and what was
// predicted and measured.
package kernels
