package filter

import "time"

// ParseTime reads a time of RFC 3339, or one of its shorter forms: without zone
// (then UTC), without seconds, with a space instead of the T, or the date alone.
// It returns microseconds since 1970 UTC, rounded down.
func ParseTime(s []byte) (micros int64, ok bool) {
	p := timeReader{s: s}
	year := p.number(4, 0, 9999)
	p.literal('-')
	month := p.number(2, 1, 12)
	p.literal('-')
	day := p.number(2, 1, daysIn(year, month))
	if len(p.s) == 0 || p.bad {
		return time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC).UnixMicro(), !p.bad
	}
	if !p.skip('T') && !p.skip('t') {
		p.literal(' ')
	}
	hour := p.number(2, 0, 23)
	p.literal(':')
	minute := p.number(2, 0, 59)
	second, frac := 0, 0
	if p.skip(':') {
		second = p.number(2, 0, 59)
		if p.skip('.') {
			frac = p.micros()
		}
	}
	offset := p.zone()
	if p.bad || len(p.s) > 0 {
		return 0, false
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC)
	unix := t.Unix() - int64(offset)*60
	return unix*1e6 + int64(frac), unix >= firstSecond && unix <= lastSecond
}

// The seconds that the years 0 to 9999 of UTC begin and end with: what appendTime
// can write again. A zone may carry a time beyond them.
const (
	firstSecond = -62167219200
	lastSecond  = 253402300799
)

// appendTime appends micros as RFC 3339 text that ParseTime reads back.
func appendTime(dst []byte, micros int64) []byte {
	return time.UnixMicro(micros).UTC().AppendFormat(dst, "2006-01-02T15:04:05.999999Z07:00")
}

// timeReader consumes the parts of a time from the front of s.
type timeReader struct {
	s   []byte
	bad bool
}

func (p *timeReader) skip(c byte) bool {
	if len(p.s) > 0 && p.s[0] == c {
		p.s = p.s[1:]
		return true
	}
	return false
}

func (p *timeReader) literal(c byte) {
	if !p.skip(c) {
		p.bad = true
	}
}

// number reads exactly n digits.
func (p *timeReader) number(n, low, high int) int {
	if p.bad || len(p.s) < n {
		p.bad = true
		return low
	}
	v := 0
	for _, c := range p.s[:n] {
		if c < '0' || c > '9' {
			p.bad = true
			return low
		}
		v = v*10 + int(c-'0')
	}
	p.s = p.s[n:]
	if v < low || v > high {
		p.bad = true
		return low
	}
	return v
}

// micros reads one digit or more of a fraction; those behind the sixth are cut.
func (p *timeReader) micros() int {
	v, n := 0, 0
	for len(p.s) > 0 && p.s[0] >= '0' && p.s[0] <= '9' {
		if n < 6 {
			v = v*10 + int(p.s[0]-'0')
		}
		n++
		p.s = p.s[1:]
	}
	p.bad = p.bad || n == 0
	for ; n < 6; n++ {
		v *= 10
	}
	return v
}

// zone reads Z, an offset, or nothing, and returns minutes east of UTC.
func (p *timeReader) zone() int {
	sign := 1
	switch {
	case len(p.s) == 0 || p.skip('Z') || p.skip('z') || p.bad:
		return 0
	case p.skip('-'):
		sign = -1
	default:
		p.literal('+')
	}
	hours := p.number(2, 0, 23)
	p.skip(':')
	return sign * (hours*60 + p.number(2, 0, 59))
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}
