package simd

import "fmt"

// Fetch says how far ahead of their use rows are fetched into the cache. It
// changes the speed of a search and nothing else. The zero value is the table that
// was measured on a Zen 3 (cpu/NOTES.md); package tune measures others.
type Fetch struct {
	// Ahead is how many rows early a gather kernel fetches a row, for each class of
	// sizes (see FetchClass); 0 = as in the table.
	Ahead [FetchClasses]uint8 `json:"rows_ahead"`
	// CodeLines is how many cache lines of a row of codes are fetched as soon as the
	// row is met; 0 = as in the table.
	CodeLines uint8 `json:"code_lines"`
}

const (
	// FetchClasses is how many sizes of rows are told apart.
	FetchClasses = 5
	// MinAhead is the least that kernels take: the rows that they compute at once.
	MinAhead = 4
	// maxFetch bounds rows and lines: what is fetched earlier is gone when it is used.
	maxFetch = 64
	// usualCodeLines is CodeLines of the table; more than some hundred lines on the
	// way wait for one another.
	usualCodeLines = 8
)

// FetchClass is the class of rows of rowBytes, and FetchBytes the largest of a class
// but for the last, which has no bound.
func FetchClass(rowBytes int) int {
	c := 0
	for c < FetchClasses-1 && rowBytes > FetchBytes(c) {
		c++
	}
	return c
}

// FetchBytes is how large the rows of a class are at most, and where the last class
// begins to be measured.
func FetchBytes(class int) int {
	return [FetchClasses]int{192, 384, 768, 2048, 4096}[class]
}

// Rows is how many rows early a gather kernel fetches rows of rowBytes.
func (f Fetch) Rows(rowBytes int) int {
	if n := f.Ahead[FetchClass(rowBytes)]; n > 0 {
		return int(n)
	}
	return aheadRows(rowBytes)
}

// Lines is how many lines of a row of codes are fetched when it is met.
func (f Fetch) Lines(rowBytes int) int {
	most := usualCodeLines
	if f.CodeLines > 0 {
		most = int(f.CodeLines)
	}
	return min(rowBytes/codeLine, most)
}

// Check returns an error if f holds what no measurement finds.
func (f Fetch) Check() error {
	for class, n := range f.Ahead {
		if n != 0 && (n < MinAhead || n > maxFetch) {
			return fmt.Errorf("rows_ahead[%d] is %d, expected 0 or %d..%d", class, n, MinAhead, maxFetch)
		}
	}
	if f.CodeLines > maxFetch {
		return fmt.Errorf("code_lines is %d, expected 0..%d", f.CodeLines, maxFetch)
	}
	return nil
}

// Resolved is f with the table's values where it has none.
func (f Fetch) Resolved() Fetch {
	for class := range f.Ahead {
		f.Ahead[class] = uint8(f.Rows(FetchBytes(class))) //nolint:gosec // checked, or from the table
	}
	f.CodeLines = uint8(f.Lines(maxFetch * codeLine)) //nolint:gosec // bounded
	return f
}

// aheadRows is how many rows early a gather kernel fetches a row of rowBytes.
// Measured on a Zen 3 (NOTES.md): some 2 to 3 KiB on the way hide the memory;
// more rows of a kilobyte push each other out of the queue of misses.
func aheadRows(rowBytes int) int {
	switch {
	case rowBytes > 384:
		return 4
	case rowBytes > 192:
		return 12
	default:
		return 16
	}
}

// Fetches reports whether the kernels of the level in use fetch rows at all.
func Fetches() bool { return gathersAhead() }
