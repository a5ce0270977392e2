//go:build noasm || !gc || !(amd64 || arm64)

package cpulevel

func available() []Level { return []Level{Generic} }

// wide does not apply.
func wide() bool { return false }
