package config

import "net/url"

func tracingSettings(c *Config) []*Setting {
	t := &c.Tracing
	return []*Setting{
		newSetting("tracing.endpoint", "",
			"Where spans of writes and of their application on replicas go: the URL of an OpenTelemetry receiver "+
				"(OTLP over HTTP), for example http://localhost:4318/v1/traces; nothing turns tracing off",
			text(&t.Endpoint, "an http or https URL, or nothing", validURL)),
		newSetting("tracing.sample_percent", "0",
			"Percent of the writes without a traceparent header that are traced; those with one do as it says",
			number(&t.Percent, 0, 100)),
	}
}

// validURL accepts http and https URLs with a host, and nothing.
func validURL(s string) bool {
	u, err := url.Parse(s)
	return s == "" || err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}
