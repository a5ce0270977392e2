package codec

import "slices"

// Select returns the members of a JSON object whose names are in fields, in the
// order of the object. The object is valid JSON; an absent one stays absent.
func Select(object []byte, fields []string) []byte {
	if len(object) == 0 {
		return nil
	}
	var d Decoder
	d.Reset(object, JSON)
	if d.Object() != nil {
		return nil
	}
	out := []byte{'{'}
	for {
		key, more, err := d.Key()
		if err != nil || !more {
			return append(out, '}')
		}
		wanted := slices.Contains(fields, string(key))
		if wanted {
			if len(out) > 1 {
				out = append(out, ',')
			}
			out = append(AppendJSONString(out, key), ':')
		}
		raw, err := d.Raw()
		if err != nil {
			return append(out, "null}"...)
		}
		if wanted {
			out = append(out, raw...)
		}
	}
}
