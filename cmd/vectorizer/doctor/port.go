package doctor

import (
	"context"
	"errors"
	"time"

	"github.com/vectorizer-go/vectorizer/cmd/vectorizer/listen"
)

// portCheck listens on the configured address for a moment.
func portCheck(ctx context.Context, o Options) Check {
	const name = "port"
	address := o.Config.Server.Address()
	l, err := listen.TCP(ctx, o.Config.Server.Host, o.Config.Server.Port)
	if err == nil {
		if err = l.Close(); err == nil {
			return ok(name, address+" is free")
		}
	}
	var e *listen.Error
	if !errors.As(err, &e) || !e.InUse {
		return Check{name, Fail, err.Error(), "set server.host and server.port"}
	}
	ask, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if version, aerr := o.Ask(ask, address); aerr == nil {
		return Check{name, Info, address + " is served by vectorizer " + version,
			"nothing to do, or stop that server before another is started"}
	}
	return Check{name, Fail, address + " is used by another program",
		"stop that program, or choose another port with --port"}
}
