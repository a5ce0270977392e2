package main

import (
	"errors"
)

// Exit codes. Scripts rely on them: a code never changes its meaning.
const (
	exitOK          = 0
	exitFailure     = 1 // the command failed
	exitUsage       = 2 // the command line or the configuration is wrong
	exitDataDir     = 3 // the data directory is refused: locked, foreign, newer
	exitListen      = 4 // the address cannot be listened on
	exitVerify      = 5 // verify found damage
	exitUnreachable = 6 // no server answers
)

const exitCodeHelp = `Exit codes: 0 done, 1 failed, 2 wrong command line or configuration,
3 data directory refused (in use, foreign, or of a newer version),
4 cannot listen on the address, 5 verification found damage,
6 no server answers.`

// codedError is an error that decides the exit code.
type codedError struct {
	code int
	err  error
}

func (e *codedError) Error() string { return e.err.Error() }
func (e *codedError) Unwrap() error { return e.err }

// withCode makes err end the process with code. A nil err stays nil.
func withCode(code int, err error) error {
	if err == nil {
		return nil
	}
	return &codedError{code: code, err: err}
}

// exitCode returns the code that err asks for, exitFailure if none.
func exitCode(err error) int {
	var coded *codedError
	if errors.As(err, &coded) {
		return coded.code
	}
	return exitFailure
}
