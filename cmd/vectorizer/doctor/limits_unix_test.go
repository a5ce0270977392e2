//go:build unix

package doctor

import "testing"

func TestOpenFiles(t *testing.T) {
	want(t, openFilesCheck(1024), Warn, "1024", "ulimit")
	want(t, openFilesCheck(65536), OK, "65536")
	want(t, openFilesCheck(1<<63), OK, "unlimited")
	if len(limitChecks()) == 0 {
		t.Error("no limits found")
	}
}
