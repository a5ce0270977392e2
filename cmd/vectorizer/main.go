// Command vectorizer is the one binary of Vectorizer: the server and the tools
// around it. Every subcommand ends with one of the exit codes of exit.go and
// says what went wrong in one sentence on standard error.
package main

import (
	"context"
	"os"
	"time"

	"github.com/rs/zerolog"
)

func main() {
	zerolog.TimeFieldFormat = "2006-01-02T15:04:05.000Z07:00"
	zerolog.TimestampFunc = func() time.Time { return time.Now().UTC() }
	a := newApp()
	os.Exit(profiled(func() int { return a.run(context.Background(), os.Args[1:]) }))
}
