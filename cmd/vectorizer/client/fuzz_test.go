package client

import (
	"net/http"
	"testing"
	"unicode/utf8"
)

// FuzzErrorBody reads arbitrary error answers.
func FuzzErrorBody(f *testing.F) {
	for _, s := range []string{"", "{}", `{"error":"text"}`, `{"error":{"type":"X"},"message":"m"}`,
		`{"details":[]}`, "null", "\xff", `{"message":1}`} {
		f.Add([]byte(s), "1")
	}
	f.Add([]byte("{}"), "9223372036854775807")
	f.Fuzz(func(t *testing.T, body []byte, after string) {
		resp := &http.Response{StatusCode: 500, Header: http.Header{"Retry-After": {after}}}
		e := parseError(resp, body)
		if e.Status != 500 || e.RetryAfter < 0 || !utf8.ValidString(e.Message) {
			t.Fatalf("%+v", e)
		}
	})
}
