//go:build unix

package kernels_test

import (
	"fmt"
	"os/exec"
	"reflect"
	"strings"
	"testing"

	"github.com/vectorizer-go/vectorizer/gpu/emu"
	"github.com/vectorizer-go/vectorizer/kernels"
)

// TestArgsLayout compares the argument blocks with what a C++ compiler makes of
// args.h: the same fields, at the same places.
func TestArgsLayout(t *testing.T) {
	device, err := emu.Build("..")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(device, "--layout").Output()
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, block := range []any{
		kernels.StoreArgs{}, kernels.ScanArgs{}, kernels.LimitArgs{}, kernels.SelectArgs{},
		kernels.HalfArgs{}, kernels.RefineArgs{},
	} {
		typ := reflect.TypeOf(block)
		for i := range typ.NumField() {
			f := typ.Field(i)
			name := strings.ToLower(f.Name[:1]) + f.Name[1:]
			fmt.Fprintf(&got, "%s %s %d %d\n", typ.Name(), name, f.Offset, f.Type.Size())
		}
	}
	if got.String() != string(out) {
		t.Errorf("Go has\n%s\nC++ has\n%s", got.String(), out)
	}
}
