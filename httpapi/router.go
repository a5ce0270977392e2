package httpapi

import (
	"bytes"
	"slices"
	"strings"
)

// maxParams is the largest number of parameters in one path.
const maxParams = 2

// params are the decoded parameters of a path, in order of appearance. They may
// alias the request.
type params [maxParams][]byte

// node is one segment of the tree of routes. Literal segments win over
// parameters, if the literal has the method; so DELETE reaches a vector that is
// called "move", though POST …/vectors/move is a route.
type node struct {
	literal map[string]*node
	param   *node
	routes  []*route // by method; few
}

// add puts a route at its path below n.
func (n *node) add(path string, r *route) {
	for _, s := range segments(path) {
		n = n.child(s)
	}
	if n.route(r.Method) != nil {
		panic("BUG: route given twice: " + r.Method + " " + path)
	}
	n.routes = append(n.routes, r)
}

func (n *node) child(segment string) *node {
	if strings.HasPrefix(segment, "{") {
		if n.param == nil {
			n.param = &node{}
		}
		return n.param
	}
	if n.literal == nil {
		n.literal = make(map[string]*node)
	}
	c := n.literal[segment]
	if c == nil {
		c = &node{}
		n.literal[segment] = c
	}
	return c
}

func (n *node) route(method string) *route {
	for _, r := range n.routes {
		if r.Method == method {
			return r
		}
	}
	return nil
}

// segments splits a path pattern.
func segments(path string) []string {
	return strings.Split(strings.Trim(path, "/"), "/")
}

// match finds the route for method and path, the path as sent: parameters are
// percent-decoded after splitting, so an id may hold a slash. It returns nil if
// there is none.
func (n *node) match(method, path []byte, p *params) *route {
	path = trimSlash(path)
	return n.walk(path, 0, p, func(at *node) *route {
		for _, r := range at.routes {
			if string(method) == r.Method {
				return r
			}
		}
		return nil
	})
}

// methods lists the methods that have a route at path, sorted.
func (n *node) methods(path []byte) []string {
	var p params
	var found []string
	n.walk(trimSlash(path), 0, &p, func(at *node) *route {
		for _, r := range at.routes {
			if !slices.Contains(found, r.Method) {
				found = append(found, r.Method)
			}
		}
		return nil
	})
	slices.Sort(found)
	return found
}

// trimSlash drops the leading slash and one trailing slash.
func trimSlash(path []byte) []byte {
	path = bytes.TrimPrefix(path, []byte("/"))
	return bytes.TrimSuffix(path, []byte("/"))
}

// walk tries every node that path fits, literals first, until at returns a route.
func (n *node) walk(path []byte, depth int, p *params, at func(*node) *route) *route {
	head, rest, more := bytes.Cut(path, []byte("/"))
	if c := n.literal[string(head)]; c != nil {
		if r := c.descend(rest, more, depth, p, at); r != nil {
			return r
		}
	}
	if n.param == nil || depth == maxParams || len(head) == 0 {
		return nil
	}
	value, ok := unescapePath(head)
	if !ok {
		return nil
	}
	r := n.param.descend(rest, more, depth+1, p, at)
	if r != nil {
		p[depth] = value
	}
	return r
}

func (n *node) descend(rest []byte, more bool, depth int, p *params,
	at func(*node) *route) *route {
	if more {
		return n.walk(rest, depth, p, at)
	}
	return at(n)
}

// unescapePath decodes the percent escapes of one segment. Without any, the
// result aliases s.
func unescapePath(s []byte) ([]byte, bool) {
	i := bytes.IndexByte(s, '%')
	if i < 0 {
		return s, true
	}
	out := append(make([]byte, 0, len(s)), s[:i]...)
	for ; i < len(s); i++ {
		if s[i] != '%' {
			out = append(out, s[i])
			continue
		}
		if i+2 >= len(s) {
			return nil, false
		}
		high, low := unhex(s[i+1]), unhex(s[i+2])
		if high > 15 || low > 15 {
			return nil, false
		}
		out = append(out, high<<4|low)
		i += 2
	}
	return out, true
}

// unhex returns the value of a hexadecimal digit, or 255.
func unhex(c byte) byte {
	switch {
	case c-'0' <= 9:
		return c - '0'
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 255
}
