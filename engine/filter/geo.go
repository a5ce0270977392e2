package filter

import (
	"math"

	"github.com/vectorizer-go/vectorizer/engine/filter/rawjson"
)

// earthRadius is the mean radius of the earth in meters (IUGG).
const earthRadius = 6371008.8

// geoTest returns the test of a geographic condition and its key.
func geoTest(n Node) (Path, func(Point) bool) {
	switch n := n.(type) {
	case *GeoBox:
		return n.Key, n.Contains
	case *GeoRadius:
		return n.Key, n.Contains
	case *GeoPolygon:
		return n.Key, n.Contains
	}
	panic("BUG: filter: not a geographic condition")
}

// Contains reports whether p lies in the box.
func (n *GeoBox) Contains(p Point) bool {
	if p.Lat > n.TopLeft.Lat || p.Lat < n.BottomRight.Lat {
		return false
	}
	west, east := n.TopLeft.Lon, n.BottomRight.Lon
	if west <= east {
		return p.Lon >= west && p.Lon <= east
	}
	return p.Lon >= west || p.Lon <= east
}

// Contains reports whether p lies in the circle.
func (n *GeoRadius) Contains(p Point) bool { return Distance(n.Center, p) <= n.Meters }

// Distance is the great-circle distance in meters by the haversine formula.
func Distance(a, b Point) float64 {
	const rad = math.Pi / 180
	sinLat := math.Sin((b.Lat - a.Lat) * rad / 2)
	sinLon := math.Sin((b.Lon - a.Lon) * rad / 2)
	h := sinLat*sinLat + math.Cos(a.Lat*rad)*math.Cos(b.Lat*rad)*sinLon*sinLon
	return 2 * earthRadius * math.Asin(math.Sqrt(min(h, 1)))
}

// Contains reports whether p lies in the exterior and in no interior.
func (n *GeoPolygon) Contains(p Point) bool {
	if !inRing(n.Exterior, p) {
		return false
	}
	for _, r := range n.Interiors {
		if inRing(r, p) {
			return false
		}
	}
	return true
}

// inRing counts the edges that a ray to the east crosses (even-odd rule).
func inRing(ring []Point, p Point) bool {
	in := false
	for i := 1; i < len(ring); i++ {
		a, b := ring[i-1], ring[i]
		if (a.Lat > p.Lat) == (b.Lat > p.Lat) {
			continue
		}
		if p.Lon < a.Lon+(p.Lat-a.Lat)/(b.Lat-a.Lat)*(b.Lon-a.Lon) {
			in = !in
		}
	}
	return in
}

// Bounds returns the key of a geographic condition and ranges, on the keys "lat"
// and "lon" below it, that hold for every point in the area; lon is nil when
// every longitude may be in it.
func Bounds(n Node) (key Path, lat, lon *Range) {
	switch n := n.(type) {
	case *GeoBox:
		lat = degreeRange("lat", n.BottomRight.Lat, n.TopLeft.Lat)
		if n.TopLeft.Lon <= n.BottomRight.Lon {
			lon = degreeRange("lon", n.TopLeft.Lon, n.BottomRight.Lon)
		}
		return n.Key, lat, lon
	case *GeoRadius:
		lat, lon = n.bounds()
		return n.Key, lat, lon
	case *GeoPolygon:
		low, high := n.Exterior[0], n.Exterior[0]
		for _, p := range n.Exterior {
			low.Lat, high.Lat = min(low.Lat, p.Lat), max(high.Lat, p.Lat)
			low.Lon, high.Lon = min(low.Lon, p.Lon), max(high.Lon, p.Lon)
		}
		const slack = 1e-9 // for the rounding of inRing
		return n.Key, degreeRange("lat", low.Lat-slack, high.Lat+slack),
			degreeRange("lon", low.Lon-slack, high.Lon+slack)
	}
	panic("BUG: filter: not a geographic condition")
}

// bounds widens by a little, so that rounding leaves nothing out.
func (n *GeoRadius) bounds() (lat, lon *Range) {
	const deg = 180 / math.Pi
	angle := n.Meters/earthRadius*1.0001 + 1e-9
	low, high := n.Center.Lat-angle*deg, n.Center.Lat+angle*deg
	lat = degreeRange("lat", low, high)
	if low <= -90 || high >= 90 {
		return lat, nil // a pole is inside: every longitude
	}
	// The widest longitude of a circle on a sphere.
	half := math.Asin(min(1, math.Sin(angle)/math.Cos(n.Center.Lat/deg)))*deg*1.0001 + 1e-6
	west, east := n.Center.Lon-half, n.Center.Lon+half
	if west < -180 || east > 180 {
		return lat, nil
	}
	return lat, degreeRange("lon", west, east)
}

func degreeRange(name string, low, high float64) *Range {
	a, b := rawjson.Float(low), rawjson.Float(high)
	key := Path{steps: []Step{{Kind: StepName, Name: name}}, text: name}
	return &Range{Key: key, Gte: &a, Lte: &b}
}
