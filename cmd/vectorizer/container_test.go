package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/vectorizer-go/vectorizer/cmd/vectorizer/config"
)

// TestDockerfiles checks that the settings and the commands of the images exist.
func TestDockerfiles(t *testing.T) {
	for _, name := range []string{"Dockerfile", "Dockerfile.cuda"} {
		t.Run(name, func(t *testing.T) { checkDockerfile(t, name) })
	}
}

func checkDockerfile(t *testing.T, name string) {
	raw, err := os.ReadFile(filepath.Join("..", "..", "build", name))
	if err != nil {
		t.Fatal(err)
	}
	s := newSession(t)
	environ := regexp.MustCompile(`VECTORIZER_[A-Z_]+=\S+`).FindAllString(string(raw), -1)
	l, err := config.Load(config.Sources{Environ: environ})
	if err != nil || l.Config.DataDir != "/data" || len(environ) < 3 {
		t.Errorf("%v: %v", environ, err)
	}
	commands := regexp.MustCompile(`CMD \["(.*)"\]`).FindAllStringSubmatch(string(raw), -1)
	if len(commands) != 2 {
		t.Fatalf("commands %v", commands)
	}
	for _, m := range commands {
		args := strings.Split(m[1], `", "`)
		if strings.HasPrefix(args[0], "/") {
			args = args[1:]
		}
		cmd, rest, err := newRootCmd(s.app).Find(args)
		if err != nil || cmd.ParseFlags(rest) != nil {
			t.Errorf("%v: %v", args, err)
		}
	}
}
