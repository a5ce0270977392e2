package httpapi

import "github.com/vectorizer-go/vectorizer/httpapi/openapi"

func statusRoutes() []route {
	get := func(path, id, summary string, reply openapi.Reply, h func(*call) error) route {
		return route{Operation: openapi.Operation{Method: "GET", Path: path, ID: id,
			Tag: "status", Summary: summary, Reply: reply}, handler: h}
	}
	text := openapi.Reply{Schema: "MetricsText", Text: true}
	degraded := func(schema string) openapi.Reply {
		return openapi.Reply{Schema: schema, Degraded: true}
	}
	return []route{
		get("/health", "health", "Health with its checks: 200 healthy, 503 degraded",
			degraded("Health"), (*call).health),
		get("/live", "live", "Whether the process answers", replies("Live"), (*call).live),
		get("/ready", "ready", "200 once every collection serves, else 503 with those that do not",
			degraded("Ready"), (*call).ready),
		get("/metrics", "metrics", "Metrics for Prometheus", text, (*call).prometheus),
		get("/prometheus/metrics", "prometheusMetrics", "Metrics for Prometheus", text,
			(*call).prometheus),
		get("/stats", "stats", "Measurements of the whole server", replies("Stats"),
			(*call).stats),
		get("/status", "status", "Version, uptime and number of collections", replies("Status"),
			(*call).status),
		get("/indexing/progress", "indexingProgress", "How far each collection's index is",
			replies("Progress"), (*call).progress),
		get("/slow_queries", "slowQueries", "The latest searches beyond the threshold",
			replies("SlowQueries"), (*call).slowQueries),
		{Operation: openapi.Operation{Method: "POST", Path: "/slow_queries/config",
			ID: "configureSlowQueries", Tag: "status",
			Summary: "Set the threshold, and how many searches are kept",
			Body:    body("SlowConfig", `{"threshold_ms": 50, "capacity": 500}`),
			Reply:   replies("SlowConfigured")}, handler: (*call).slowConfigure},
		get("/openapi.json", "openapi", "This description", replies("Document"), (*call).openAPI),
	}
}
