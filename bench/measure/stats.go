package measure

import (
	"math"
	"slices"
)

// Median is the middle of the samples, the mean of the two middle ones of an
// even number, NaN of none.
func Median(samples []float64) float64 {
	if len(samples) == 0 {
		return math.NaN()
	}
	s := slices.Clone(samples)
	slices.Sort(s)
	mid := len(s) / 2
	if len(s)%2 == 1 {
		return s[mid]
	}
	return (s[mid-1] + s[mid]) / 2
}

// Ratio is how the level of one sample relates to that of another.
type Ratio struct {
	Value     float64 // b / a
	Low, High float64 // confidence interval at 95 %; both Value when not Interval
	Interval  bool    // the interval is known: two samples or more on each side
	Sure      bool    // the interval does not contain 1
}

// Compare returns the ratio of the geometric means of b and a with a confidence
// interval at 95 %: Welch's t interval on the logarithms (B. L. Welch, The
// generalization of Student's problem, 1947). All samples are positive.
func Compare(a, b []float64) Ratio {
	meanA, varA := logMoments(a)
	meanB, varB := logMoments(b)
	r := Ratio{Value: math.Exp(meanB - meanA)}
	r.Low, r.High = r.Value, r.Value
	if len(a) < 2 || len(b) < 2 {
		return r
	}
	r.Interval = true
	sa, sb := varA/float64(len(a)), varB/float64(len(b))
	se := math.Sqrt(sa + sb)
	if se == 0 {
		r.Sure = r.Value != 1
		return r
	}
	df := (sa + sb) * (sa + sb) /
		(sa*sa/float64(len(a)-1) + sb*sb/float64(len(b)-1))
	margin := studentT975(df) * se
	r.Low, r.High = r.Value*math.Exp(-margin), r.Value*math.Exp(margin)
	r.Sure = r.Low > 1 || r.High < 1
	return r
}

// logMoments is the mean and the unbiased variance of the logarithms.
func logMoments(s []float64) (mean, variance float64) {
	for _, x := range s {
		mean += math.Log(x)
	}
	mean /= float64(len(s))
	if len(s) < 2 {
		return mean, 0
	}
	for _, x := range s {
		d := math.Log(x) - mean
		variance += d * d
	}
	return mean, variance / float64(len(s)-1)
}

// studentT975 is the 0.975 quantile of Student's t distribution with df degrees
// of freedom, df >= 1: bisection on the distribution function, which is
// integrated by Simpson's rule.
func studentT975(df float64) float64 {
	lo, hi := 0.0, 700.0
	for range 60 {
		mid := (lo + hi) / 2
		if studentBelow(mid, df) < 0.975 {
			lo = mid
		} else {
			hi = mid
		}
	}
	return (lo + hi) / 2
}

// studentBelow is the probability of a value below t >= 0.
func studentBelow(t, df float64) float64 {
	lg1, _ := math.Lgamma((df + 1) / 2)
	lg2, _ := math.Lgamma(df / 2)
	scale := math.Exp(lg1-lg2) / math.Sqrt(df*math.Pi)
	// With x = sqrt(df)·tan(u) the integrand becomes cos(u)^(df-1), smooth on a
	// bounded interval.
	top := math.Atan(t / math.Sqrt(df))
	const steps = 400
	sum := 0.0
	for i := range steps + 1 {
		w := 2.0
		switch {
		case i == 0 || i == steps:
			w = 1
		case i%2 == 1:
			w = 4
		}
		sum += w * math.Pow(math.Cos(top*float64(i)/steps), df-1)
	}
	return 0.5 + scale*math.Sqrt(df)*sum*top/steps/3
}
