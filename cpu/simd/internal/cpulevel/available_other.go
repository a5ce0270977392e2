//go:build noasm || !gc || !(amd64 || arm64)

package cpulevel

func available() []Level { return []Level{Generic} }
