package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	var out bytes.Buffer
	if err := run([]string{"-seeds", "4", "-workers", "1"}, &out); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "4 seeds") || !strings.Contains(out.String(), "0 failed") {
		t.Error(out.String())
	}
	out.Reset()
	if err := run([]string{"-trace", "3"}, &out); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "seed 3:") {
		t.Error(out.String())
	}
	if run([]string{"-sedes", "4"}, &out) == nil {
		t.Error("an unknown flag is accepted")
	}
}
