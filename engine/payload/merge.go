package payload

import (
	"github.com/vectorizer-go/vectorizer/engine/filter/rawjson"
)

// MergePatch applies patch to target as a JSON merge patch (RFC 7396) and
// appends the result to dst, without white space between its parts. Members of
// patch that are null remove, objects merge, everything else replaces. Members
// of target keep their place and the text of their numbers; new ones follow in
// the order of patch.
//
// target is a stored payload or empty, which counts as {}. patch is what
// Validate accepts: since a payload stays an object, so must it be. The result
// obeys the limits of Validate too. On an error, which is as Validate's, dst is
// returned as it was.
func MergePatch(dst, target, patch []byte) ([]byte, error) {
	if err := Validate(patch); err != nil {
		return dst, err
	}
	if rawjson.SkipSpace(target, 0) == len(target) {
		target = []byte("{}")
	}
	if err := Validate(target); err != nil {
		return dst, err
	}
	start := len(dst)
	out := mergeObjects(dst, trim(target), trim(patch))
	if n := len(out) - start; n > MaxBytes {
		return dst, tooLarge(n)
	}
	return out, nil
}

func trim(b []byte) []byte { return b[rawjson.SkipSpace(b, 0):] }

// member is one member of an object.
type member struct {
	raw   []byte // key as written, with its quotes
	key   []byte // without, escapes resolved
	value []byte // exactly the value
}

// members returns those of the object at the front of b. b is valid.
func members(b []byte) []member {
	var list []member
	it := rawjson.Iter(b, 0)
	for {
		key, escaped, at, ok := it.Next()
		if !ok {
			return list
		}
		end := rawjson.Skip(b, at)
		it.After(end)
		open := offsetOf(b, key) - 1
		m := member{raw: b[open : open+len(key)+2], key: key, value: b[at:end]}
		if escaped {
			m.key = rawjson.AppendUnquoted(nil, key)
		}
		list = append(list, m)
	}
}

// offsetOf returns where sub, a part of b, begins.
func offsetOf(b, sub []byte) int { return cap(b) - cap(sub) }

// mergeObjects appends target with patch applied. Both are valid objects; the
// depth of the result is at most that of the deeper one.
func mergeObjects(dst, target, patch []byte) []byte {
	changes := members(patch)
	byKey := make(map[string]int, len(changes))
	for i, m := range changes {
		byKey[string(m.key)] = i
	}
	dst = append(dst, '{')
	open := len(dst)
	for _, m := range members(target) {
		i, ok := byKey[string(m.key)]
		if !ok {
			dst = appendCompact(appendMember(dst, open, m), m.value)
			continue
		}
		change := changes[i].value
		changes[i].raw = nil // done
		switch rawjson.KindOf(change, 0) {
		case rawjson.Null:
		case rawjson.Object:
			if rawjson.KindOf(m.value, 0) != rawjson.Object {
				m.value = emptyObject()
			}
			dst = mergeObjects(appendMember(dst, open, m), m.value, change)
		default:
			dst = appendCompact(appendMember(dst, open, m), change)
		}
	}
	for _, m := range changes {
		switch kind := rawjson.KindOf(m.value, 0); {
		case m.raw == nil || kind == rawjson.Null:
		case kind == rawjson.Object:
			dst = mergeObjects(appendMember(dst, open, m), emptyObject(), m.value)
		default:
			dst = appendCompact(appendMember(dst, open, m), m.value)
		}
	}
	return append(dst, '}')
}

func emptyObject() []byte { return []byte("{}") }

// appendMember appends the comma, if members stand before, and the key.
func appendMember(dst []byte, open int, m member) []byte {
	if len(dst) > open {
		dst = append(dst, ',')
	}
	return append(append(dst, m.raw...), ':')
}
