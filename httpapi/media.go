package httpapi

import (
	"bytes"

	"github.com/vectorizer-go/vectorizer/httpapi/codec"
)

// mediaFormat returns the format of a media type; parameters are ignored.
func mediaFormat(ct []byte) (codec.Format, bool) {
	switch string(ct) { // nearly every request has it in one of these spellings
	case "application/json":
		return codec.JSON, true
	case "application/msgpack":
		return codec.MsgPack, true
	case "application/octet-stream":
		return codec.Octets, true
	}
	if i := bytes.IndexByte(ct, ';'); i >= 0 {
		ct = ct[:i]
	}
	switch string(bytes.ToLower(bytes.TrimSpace(ct))) {
	case "application/json", "text/json":
		return codec.JSON, true
	case "application/msgpack", "application/x-msgpack", "application/vnd.msgpack":
		return codec.MsgPack, true
	case "application/octet-stream":
		return codec.Octets, true
	}
	return 0, false
}

// acceptFormat returns the first format in an Accept header that the server
// writes. It reports false if there is none, as for */*: then the reply has the
// form of the request.
func acceptFormat(accept []byte) (codec.Format, bool) {
	for len(accept) > 0 {
		item, rest, _ := bytes.Cut(accept, []byte(","))
		if f, ok := mediaFormat(bytes.TrimSpace(item)); ok {
			return f, true
		}
		accept = rest
	}
	return 0, false
}
