package filter

import (
	"fmt"
	"math"
	"slices"

	"github.com/vectorizer-go/vectorizer/engine/filter/rawjson"
)

// isWhole reports whether n is a whole number that is kept exactly.
func isWhole(n Number) bool {
	_, form := n.Bits()
	return form != 2
}

func sortStrings(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}

// point reads {"lat", "lon"} in degrees.
func (v value) point() (Point, error) {
	o, err := v.object()
	if err != nil {
		return Point{}, err
	}
	if err := o.only("lat", "lon"); err != nil {
		return Point{}, err
	}
	lat, err := o.degrees("lat", 90)
	if err != nil {
		return Point{}, err
	}
	lon, err := o.degrees("lon", 180)
	return Point{Lat: lat, Lon: lon}, err
}

func (o object) degrees(key string, limit float64) (float64, error) {
	m, err := o.need(key)
	if err != nil {
		return 0, err
	}
	n, err := m.number()
	if err != nil {
		return 0, err
	}
	f := n.Float64()
	if math.Abs(f) > limit {
		return 0, m.wrong(fmt.Sprintf("degrees from %g to %g", -limit, limit))
	}
	return f, nil
}

func (o object) point(key string) (Point, error) {
	m, err := o.need(key)
	if err != nil {
		return Point{}, err
	}
	return m.point()
}

// geoBox reads two opposite corners: top_left and bottom_right (Qdrant), or
// top_right and bottom_left (the original).
func geoBox(key Path, v value) (Node, error) {
	o, err := v.object()
	if err != nil {
		return nil, err
	}
	if err := o.only("top_left", "bottom_right", "top_right", "bottom_left"); err != nil {
		return nil, err
	}
	left, right, mixed := "top_left", "bottom_right", o.hasAny("top_right", "bottom_left")
	if mixed && o.hasAny("top_left", "bottom_right") {
		return nil, fault(v.path, "two opposite corners", o.keyList())
	}
	if mixed {
		left, right = "bottom_left", "top_right"
	}
	l, err := o.point(left)
	if err != nil {
		return nil, err
	}
	r, err := o.point(right)
	if err != nil {
		return nil, err
	}
	if mixed {
		l.Lat, r.Lat = r.Lat, l.Lat
	}
	if l.Lat < r.Lat {
		return nil, fault(v.path, "a top not below the bottom", fmt.Sprintf("top %g, bottom %g", l.Lat, r.Lat))
	}
	return &GeoBox{Key: key, TopLeft: l, BottomRight: r}, nil
}

func geoRadius(key Path, v value) (Node, error) {
	o, err := v.object()
	if err != nil {
		return nil, err
	}
	if err := o.only("center", "radius"); err != nil {
		return nil, err
	}
	c, err := o.point("center")
	if err != nil {
		return nil, err
	}
	m, err := o.need("radius")
	if err != nil {
		return nil, err
	}
	n, err := m.number()
	if err != nil {
		return nil, err
	}
	r := n.Float64()
	if r < 0 || math.IsInf(r, 0) {
		return nil, m.wrong("meters, 0 or more")
	}
	return &GeoRadius{Key: key, Center: c, Meters: r}, nil
}

// geoPolygon reads {"exterior": {"points"}, "interiors": [{"points"}]}.
func geoPolygon(key Path, v value) (Node, error) {
	o, err := v.object()
	if err != nil {
		return nil, err
	}
	if err := o.only("exterior", "interiors"); err != nil {
		return nil, err
	}
	m, err := o.need("exterior")
	if err != nil {
		return nil, err
	}
	g := &GeoPolygon{Key: key}
	if g.Exterior, err = m.ring(); err != nil {
		return nil, err
	}
	holes, ok := o.get("interiors")
	if !ok || holes.kind() == rawjson.Null {
		return g, nil
	}
	items, err := holes.array("an array of rings", MaxNodes)
	if err != nil {
		return nil, err
	}
	for _, it := range items {
		r, err := it.ring()
		if err != nil {
			return nil, err
		}
		g.Interiors = append(g.Interiors, r)
	}
	return g, nil
}

func (v value) ring() ([]Point, error) {
	o, err := v.object()
	if err != nil {
		return nil, err
	}
	if err := o.only("points"); err != nil {
		return nil, err
	}
	m, err := o.need("points")
	if err != nil {
		return nil, err
	}
	items, err := m.array("an array of points", MaxValues)
	if err != nil {
		return nil, err
	}
	ring := make([]Point, 0, len(items))
	for _, it := range items {
		p, err := it.point()
		if err != nil {
			return nil, err
		}
		ring = append(ring, p)
	}
	if len(ring) < 4 || ring[0] != ring[len(ring)-1] {
		return nil, fault(m.path, "at least 4 points, the last one equal to the first",
			fmt.Sprintf("%d points", len(ring)))
	}
	return ring, nil
}
