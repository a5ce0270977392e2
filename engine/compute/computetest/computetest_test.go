package computetest

import (
	"testing"

	"github.com/vectorizer-go/vectorizer/engine/compute"
)

// TestReference runs the suite on the reference itself: a suite that its own
// reference fails is wrong.
func TestReference(t *testing.T) {
	Run(t, func(*testing.T) compute.Backend { return Reference{} })
}
