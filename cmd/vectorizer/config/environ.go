package config

import (
	"regexp"
	"slices"
	"strings"

	"github.com/knadh/koanf/providers/env/v2"
)

// Variables with the prefix that are not settings.
const (
	EnvConfig = "VECTORIZER_CONFIG" // path of the configuration file
	EnvURL    = "VECTORIZER_URL"    // server that the client commands ask
	EnvSIMD   = "VECTORIZER_SIMD"   // caps the instruction set of the kernels
	// EnvLibCUDA names the NVIDIA driver's library, where it is not found by itself.
	EnvLibCUDA = "VECTORIZER_LIBCUDA"
	EnvData    = "VECTORIZER_DATA" // data sets of the tests and the demo
)

// serviceVars matches what Kubernetes and Docker links add to the environment
// of every container beside a service called vectorizer.
var serviceVars = regexp.MustCompile(
	`^VECTORIZER_(SERVICE_(HOST|PORT(_.+)?)|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$`)

// environ takes the settings among the variables and refuses unknown ones. An
// empty variable counts as not set.
func (l *loader) environ(environ []string) layer {
	ly := layer{values: make(map[string]any), names: make(map[string]string)}
	byEnv := make(map[string]*Setting, len(l.all))
	for _, s := range l.all {
		byEnv[s.Env()] = s
	}
	p := env.Provider("", env.Opt{
		Prefix:      EnvPrefix,
		EnvironFunc: func() []string { return environ },
	})
	read, err := p.Read()
	if err != nil {
		panic("BUG: reading the environment: " + err.Error())
	}
	names := make([]string, 0, len(read))
	for name := range read {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		value, _ := read[name].(string)
		s := byEnv[name]
		switch {
		case isServiceVar(name, value):
			l.ignored = append(l.ignored, name)
		case s != nil && value != "":
			ly.values[s.Key], ly.names[s.Key] = value, "variable "+name
		case s == nil && !isReserved(name):
			l.problems = append(l.problems, Problem{Field: name, Source: "variable",
				Expected: "a setting that exists", Given: "an unknown one",
				Hint: "did you mean " + nearestEnv(name, l.all) + "?"})
		}
	}
	l.replicationVars(environ, byEnv, &ly)
	return ly
}

// replicationVars takes REPLICATION_… for VECTORIZER_REPLICATION_…, which goes
// before it: the names of older installations. A bare number is seconds there.
func (l *loader) replicationVars(environ []string, byEnv map[string]*Setting, ly *layer) {
	for _, e := range environ {
		name, value, _ := strings.Cut(e, "=")
		s := byEnv[EnvPrefix+name]
		if s == nil || value == "" || !strings.HasPrefix(name, "REPLICATION_") {
			continue
		}
		if _, set := ly.values[s.Key]; set {
			continue
		}
		if s.Type() == "duration" && strings.Trim(value, "0123456789") == "" {
			value += "s"
		}
		ly.values[s.Key], ly.names[s.Key] = value, "variable "+name
	}
}

func isReserved(name string) bool {
	return name == EnvConfig || name == EnvURL || name == EnvSIMD || name == EnvLibCUDA || name == EnvData
}

// isServiceVar reports whether the variable describes a service of the same
// name rather than a setting.
func isServiceVar(name, value string) bool {
	if name == EnvPrefix+"PORT" {
		return strings.HasPrefix(value, "tcp://") || strings.HasPrefix(value, "udp://")
	}
	return serviceVars.MatchString(name)
}

// nearestEnv returns the variable most like name, which may have been made from
// the key instead of the flag.
func nearestEnv(name string, all []*Setting) string {
	best, bestScore := EnvConfig, distance(clip(name), EnvConfig)
	for _, s := range all {
		fromKey := EnvPrefix + strings.ToUpper(strings.ReplaceAll(s.Key, ".", "_"))
		score := min(distance(clip(name), s.Env()), distance(clip(name), fromKey))
		if score < bestScore {
			best, bestScore = s.Env(), score
		}
	}
	return best
}
