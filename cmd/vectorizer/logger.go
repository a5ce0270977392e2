package main

import (
	"io"
	"time"

	"github.com/rs/zerolog"

	"github.com/vectorizer-go/vectorizer/cmd/vectorizer/config"
)

// newLogger returns the logger of a server process. It writes to w, one line
// per message, safe for concurrent use.
func newLogger(w io.Writer, c config.Log) zerolog.Logger {
	level, err := zerolog.ParseLevel(c.Level)
	if err != nil {
		panic("BUG: log level " + c.Level + " passed the configuration")
	}
	if c.Format == "console" {
		w = zerolog.ConsoleWriter{Out: w, NoColor: true, TimeFormat: time.TimeOnly}
	}
	return zerolog.New(zerolog.SyncWriter(w)).Level(level).With().Timestamp().Logger()
}

// step logs how long a part of the start or the stop took.
func step(log zerolog.Logger, name string, begin time.Time, err error) {
	e := log.Info()
	if err != nil {
		e = log.Error().Err(err)
	}
	e.Dur("took_ms", time.Since(begin)).Msg(name)
}
