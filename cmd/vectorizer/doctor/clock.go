package doctor

import (
	"io/fs"
	"time"

	"github.com/vectorizer-go/vectorizer/cmd/vectorizer/machine"
)

// clockChecks looks at the time of day and at what it costs to read it.
func clockChecks(root fs.FS) []Check {
	out := []Check{timeCheck(time.Now())}
	const source = "sys/devices/system/clocksource/clocksource0/current_clocksource"
	if s, found := machine.Setting(root, source); found {
		out = append(out, sourceCheck(s))
	}
	return out
}

// timeCheck compares the clock with a time that has certainly passed and asks
// the system whether it is kept in step.
func timeCheck(now time.Time) Check {
	const name = "clock"
	found := now.UTC().Format(time.RFC3339)
	if now.Before(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)) {
		return Check{name, Fail, found + " has passed", "set the clock: records carry times"}
	}
	switch synced, known := clockSynchronised(); {
	case !known:
		return ok(name, found)
	case !synced:
		return Check{name, Info, found + ", which the system does not know to be synchronised",
			"run a time service such as chrony where several nodes are compared"}
	}
	return ok(name, found+", synchronised")
}

func sourceCheck(s string) Check {
	const name = "clock source"
	if s == "hpet" || s == "acpi_pm" || s == "jiffies" {
		return Check{name, Warn, s, "use tsc or the hypervisor's clock: this one is slow to read, " +
			"and every request reads it"}
	}
	return ok(name, s)
}
