package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// value is one typed setting. set reports whether text was accepted; it leaves
// the value alone otherwise.
type value interface {
	set(text string) bool
	text() string
	kind() string
	expect() string
}

type textValue struct {
	p     *string
	want  string
	valid func(string) bool
}

func text(p *string, want string, valid func(string) bool) value {
	return &textValue{p, want, valid}
}

func (v *textValue) set(s string) bool {
	if !v.valid(s) {
		return false
	}
	*v.p = s
	return true
}
func (v *textValue) text() string   { return *v.p }
func (v *textValue) kind() string   { return "text" }
func (v *textValue) expect() string { return v.want }

// secretValue is text that is never shown.
type secretValue struct{ p *string }

func secret(p *string) value { return &secretValue{p} }

// hidden stands for a secret in what is printed; it is no secret itself.
const hidden = "(hidden)"

// minSecret is the least length of a secret: 16 random bytes in hexadecimal are
// 32 characters.
const minSecret = 16

func (v *secretValue) set(s string) bool {
	if s == hidden || s != "" && len(s) < minSecret {
		return false
	}
	*v.p = s
	return true
}

func (v *secretValue) text() string {
	if *v.p == "" {
		return ""
	}
	return hidden
}
func (v *secretValue) kind() string { return "secret" }
func (v *secretValue) expect() string {
	return fmt.Sprintf("at least %d characters, or nothing", minSecret)
}

type choiceValue struct {
	p       *string
	allowed []string
}

func choice(p *string, allowed ...string) value { return &choiceValue{p, allowed} }

func (v *choiceValue) set(s string) bool {
	for _, a := range v.allowed {
		if s == a {
			*v.p = s
			return true
		}
	}
	return false
}
func (v *choiceValue) text() string   { return *v.p }
func (v *choiceValue) kind() string   { return "choice" }
func (v *choiceValue) expect() string { return "one of " + strings.Join(v.allowed, ", ") }

type toggleValue struct{ p *bool }

func toggle(p *bool) value { return &toggleValue{p} }

func (v *toggleValue) set(s string) bool {
	switch strings.ToLower(s) {
	case "true", "yes", "on", "1":
		*v.p = true
	case "false", "no", "off", "0":
		*v.p = false
	default:
		return false
	}
	return true
}
func (v *toggleValue) text() string   { return strconv.FormatBool(*v.p) }
func (v *toggleValue) kind() string   { return "switch" }
func (v *toggleValue) expect() string { return "true or false" }

type numberValue struct {
	p        *int
	min, max int
}

func number(p *int, minimum, maximum int) value { return &numberValue{p, minimum, maximum} }

func (v *numberValue) set(s string) bool {
	n, err := strconv.Atoi(s)
	if err != nil || n < v.min || n > v.max {
		return false
	}
	*v.p = n
	return true
}
func (v *numberValue) text() string { return strconv.Itoa(*v.p) }
func (v *numberValue) kind() string { return "number" }
func (v *numberValue) expect() string {
	return fmt.Sprintf("a whole number from %d to %d", v.min, v.max)
}

type sizeValue struct {
	p        *int64
	min, max int64 // bytes
}

func size(p *int64, minimum, maximum int64) value { return &sizeValue{p, minimum, maximum} }

func (v *sizeValue) set(s string) bool {
	n, err := ParseSize(s)
	if err != nil || n < v.min || n > v.max {
		return false
	}
	*v.p = n
	return true
}
func (v *sizeValue) text() string { return FormatSize(*v.p) }
func (v *sizeValue) kind() string { return "size" }
func (v *sizeValue) expect() string {
	return fmt.Sprintf("a size with its unit from %s to %s", FormatSize(v.min), FormatSize(v.max))
}

type durationValue struct {
	p        *time.Duration
	min, max time.Duration
}

func duration(p *time.Duration, minimum, maximum time.Duration) value {
	return &durationValue{p, minimum, maximum}
}

func (v *durationValue) set(s string) bool {
	d, err := time.ParseDuration(s)
	if err != nil || d < v.min || d > v.max {
		return false
	}
	*v.p = d
	return true
}
func (v *durationValue) text() string { return FormatDuration(*v.p) }
func (v *durationValue) kind() string { return "duration" }
func (v *durationValue) expect() string {
	return fmt.Sprintf("a duration with its unit from %s to %s",
		FormatDuration(v.min), FormatDuration(v.max))
}

// validHost accepts an IP address, with a zone or in brackets, or a host name
// (RFC 1123, section 2.1).
func validHost(s string) bool {
	if _, err := netip.ParseAddr(unbracket(s)); err == nil {
		return true
	}
	if s == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(s, "."), ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, r := range label {
			letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
			if !letter && (r < '0' || r > '9') && r != '-' && r != '_' {
				return false
			}
		}
	}
	return true
}

// unbracket takes the brackets off a literal IPv6 address.
func unbracket(s string) string {
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		return s[1 : len(s)-1]
	}
	return s
}

func validPath(s string) bool { return s != "" && !strings.ContainsRune(s, 0) }

// validOrigins accepts a list of scheme://host[:port], or *, or nothing.
func validOrigins(s string) bool {
	if strings.TrimSpace(s) == "" {
		return true
	}
	for o := range strings.SplitSeq(s, ",") {
		o = strings.TrimSpace(o)
		u, err := url.Parse(o)
		if o != "*" && (err != nil || u.Scheme == "" || u.Host == "" || u.Path != "" ||
			u.RawQuery != "" || u.Fragment != "" || u.User != nil) {
			return false
		}
	}
	return true
}
