// Package filteredtest holds black-box tests of filtered search: recall, and that
// a reply is never short, at several selectivities, with filters that go with the
// vectors, against them, and regardless of them. It has no code of its own.
package filteredtest
