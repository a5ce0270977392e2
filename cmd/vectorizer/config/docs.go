package config

import (
	"fmt"
	"strings"
)

const docsHead = `# Configuration

<!-- Written by "go test ./cmd/vectorizer/config -update" from the definition of the settings. -->

Every setting has a default, so ` + "`vectorizer serve`" + ` runs without any. What is set in a later place
of this list overrides the earlier ones:

1. the defaults below,
2. a YAML file: ` + "`--config FILE`" + `, else the one that ` + "`" + EnvConfig + "`" + ` names,
   else ` + "`" + DefaultFile + "`" + ` in the working directory if there is one,
3. the environment: ` + "`VECTORIZER_…`" + `; an empty variable counts as not set,
4. the flags of ` + "`vectorizer serve`" + `.

A key, variable or flag that does not exist is refused with the nearest one that does, and every problem
is told at once; the process then ends with exit code 2. ` + "`vectorizer serve --print-config`" + ` prints the
effective configuration as a file that can be used again, with the place each value came from.

Sizes carry a unit (B, KiB, MiB, GiB, TiB, or kB, MB, GB, TB), durations too (ms, s, m, h).

A host that other machines can reach is refused without ` + "`--insecure-listen`" + `: this version has no
authentication, so everyone who reaches the port could read and delete everything.

`

const docsTail = `
## Other variables

| variable | meaning |
|---|---|
| ` + "`" + EnvConfig + "`" + ` | path of the configuration file |
| ` + "`" + EnvURL + "`" + ` | server that ` + "`status`" + ` and the other client commands ask |
| ` + "`" + EnvLibCUDA + "`" + ` | the NVIDIA driver's library, where the system does not find libcuda.so.1 |
| ` + "`" + EnvSIMD + "`" + ` | caps the instruction set of the distance kernels: generic, avx2, avx512 or neon |
| ` + "`" + EnvData + "`" + ` | directory of the data sets that tests and the demo use |

| ` + "`REPLICATION_…`" + ` | the same as ` +
	"`VECTORIZER_REPLICATION_…`" + `, which goes before it; a bare number is seconds |

What Kubernetes and Docker links add for a service called vectorizer
(` + "`VECTORIZER_SERVICE_HOST`, `VECTORIZER_PORT=tcp://…`, `VECTORIZER_PORT_15002_TCP…`" + `) is ignored, and
the log says so at the start.
`

// Markdown is the reference of all settings.
func Markdown() string {
	c := Default()
	all := Settings(&c)
	var b strings.Builder
	b.WriteString(docsHead)
	b.WriteString("## Settings\n\n| key | flag | variable | default | accepts | meaning |\n")
	b.WriteString("|---|---|---|---|---|---|\n")
	for _, s := range all {
		fmt.Fprintf(&b, "| `%s` | `--%s` | `%s` | `%s` | %s | %s |\n",
			s.Key, s.Flag, s.Env(), s.Text(), s.Expect(), s.Help)
	}
	b.WriteString("\n## Sample file\n\nEvery setting with its default:\n\n```yaml\n")
	b.WriteString(Sample())
	b.WriteString("```\n")
	b.WriteString(docsTail)
	return b.String()
}

// Sample is a configuration file with every setting at its default.
func Sample() string {
	c := Default()
	var b strings.Builder
	for _, ln := range yamlLines(Settings(&c)) {
		if s := ln.setting; s != nil {
			pad := ln.text[:len(ln.text)-len(strings.TrimLeft(ln.text, " "))]
			fmt.Fprintf(&b, "%s# %s.\n", pad, s.Help)
		}
		b.WriteString(ln.text + "\n")
	}
	return b.String()
}
