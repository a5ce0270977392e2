// Package budgets holds what a change may cost: counts that a machine's load does
// not move (distances and hops of a search, allocations, bytes of a row, the size
// of the program) and the times of kernels and searches on data in the cache, as
// multiples of a plain loop that is timed in turn with them. budgets.json has the
// values to keep; what is more than a tenth worse is a regression.
package budgets

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"text/tabwriter"

	"github.com/vectorizer-go/vectorizer/bench/result"
	"github.com/vectorizer-go/vectorizer/engine/errs"
)

// Tolerance is how much worse than its budget a value may be.
const Tolerance = 0.10

// Value is one measured value, or its budget.
type Value struct {
	Name   string        `json:"name"`
	Value  float64       `json:"value"`
	Unit   string        `json:"unit,omitempty"`
	Better result.Better `json:"better"`
	// Machine names the processor and instruction set of a ratio: another's differs,
	// so it has no budget there. "" = the value is the same everywhere.
	Machine string `json:"machine,omitempty"`
}

// Load reads a file of budgets. Errors: *errs.Error, *fs.PathError.
func Load(path string) ([]Value, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var out []Value
	if err := json.Unmarshal(text, &out); err != nil {
		return nil, errs.New(errs.Validation, "%s: expected a list of budgets", path).Wrap(err)
	}
	for _, v := range out {
		if v.Name == "" || v.Better != result.Higher && v.Better != result.Lower || v.Value < 0 {
			return nil, errs.Invalid(path, "budgets with name, value and better", fmt.Sprintf("%+v", v))
		}
	}
	return out, nil
}

// Save writes measured values as budgets. Budgets of old stay that are the same
// value on another machine.
func Save(path string, measured, old []Value) error {
	named := func(name string) bool {
		return slices.ContainsFunc(measured, func(v Value) bool { return v.Name == name })
	}
	for _, v := range old {
		if v.Machine != "" && named(v.Name) && find(measured, &v) == nil {
			measured = append(measured, v)
		}
	}
	text, err := json.MarshalIndent(measured, "", " ")
	if err != nil {
		return fmt.Errorf("encode budgets: %w", err)
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

// find returns the value of the name and machine of v, or nil.
func find(all []Value, v *Value) *Value {
	at := slices.IndexFunc(all, func(o Value) bool { return o.Name == v.Name && o.Machine == v.Machine })
	if at < 0 {
		return nil
	}
	return &all[at]
}

// worse reports whether v is beyond its budget.
func (v *Value) worse(budget float64) bool {
	if v.Better == result.Higher {
		return v.Value < budget*(1-Tolerance)
	}
	return v.Value > budget*(1+Tolerance)
}

// Check compares measured values with budgets and prints a table. It returns the
// names of those that are beyond their budget, that lack one, or that were not
// measured though they have one.
func Check(w io.Writer, measured, budgets []Value) (bad []string, err error) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "VALUE\tMEASURED\tBUDGET\t")
	for i := range measured {
		v := &measured[i]
		budget, text, verdict := find(budgets, v), "–", "kept"
		switch {
		case budget == nil && v.Machine != "":
			verdict = "no budget on " + v.Machine
		case budget == nil:
			verdict = "NO BUDGET"
			bad = append(bad, v.Name)
		default:
			text = result.Number(budget.Value, v.Unit)
			if v.worse(budget.Value) {
				verdict = "WORSE"
				bad = append(bad, v.Name)
			}
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", v.Name, result.Number(v.Value, v.Unit), text, verdict)
	}
	for i := range budgets {
		if budgets[i].Machine == "" && find(measured, &budgets[i]) == nil {
			fmt.Fprintf(t, "%s\t–\t%s\tNOT MEASURED\n", budgets[i].Name,
				result.Number(budgets[i].Value, budgets[i].Unit))
			bad = append(bad, budgets[i].Name)
		}
	}
	return bad, t.Flush()
}
