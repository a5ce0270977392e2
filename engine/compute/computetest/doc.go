// Package computetest is the conformance suite of compute.Backend: Run checks
// any implementation against Reference, plain scalar Go in float64.
//
// Storage types have one definition, which Reference applies too. F16 is IEEE
// binary16, rounded to nearest even. I8 is, per row, scale = max|x|/127 and
// code = x/scale rounded to nearest even; the stored component is code*scale.
package computetest
