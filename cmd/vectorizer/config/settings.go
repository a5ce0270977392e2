package config

import "time"

const (
	kib = int64(1) << 10
	mib = int64(1) << 20
	gib = int64(1) << 30
)

func serverSettings(c *Config) []*Setting {
	return []*Setting{
		newSetting("server.host", "127.0.0.1",
			"Address or name to listen on; 0.0.0.0 or :: for every interface",
			text(&c.Server.Host, "a host name or an IP address", validHost)).as("host"),
		newSetting("server.port", "15002",
			"TCP port to listen on; 0 takes any free port, which the log names",
			number(&c.Server.Port, 0, 65535)).as("port"),
		newSetting("server.insecure_listen", "false",
			"Allow an address that other machines can reach, although nobody is asked for credentials",
			toggle(&c.Server.InsecureListen)).as("insecure-listen"),
		newSetting("server.shutdown_timeout", "30s",
			"Time that requests under way have to finish when the server stops",
			duration(&c.Server.ShutdownTimeout, 100*time.Millisecond, time.Hour)).
			as("shutdown-timeout"),
		newSetting("data_dir", "./data", "Directory of the data; made when it is missing",
			text(&c.DataDir, "a path", validPath)),
		newSetting("backend", "auto",
			"Device that computes distances; auto takes the best one that works, "+
				"naming one makes it a failure if that one does not work",
			choice(&c.Backend, "auto", "cpu", "cuda", "metal")),
		newSetting("device.host_memory", "1TiB",
			"Most memory of the host, locked, that collections which do not fit into the device's take, for "+
				"exact searches to copy from tile by tile where that is faster; half of the host's memory "+
				"stays free in any case, 0 takes none",
			size(&c.TilesBytes, 0, 1024*1024*gib)),
	}
}

func storageSettings(c *Config) []*Setting {
	return []*Setting{
		newSetting("storage.fsync", "always",
			"When a write is forced to disk: always before it is acknowledged, "+
				"interval every storage.fsync_interval, off when the system likes",
			choice(&c.Storage.Fsync, "always", "interval", "off")).as("fsync"),
		newSetting("storage.fsync_interval", "100ms",
			"Longest time that acknowledged writes may be lost for with storage.fsync interval",
			duration(&c.Storage.FsyncInterval, time.Millisecond, time.Minute)).
			as("fsync-interval"),
		newSetting("storage.cache", "64MiB", "Memory for blocks of the record store",
			size(&c.Storage.CacheBytes, mib, 1024*gib)),
		newSetting("storage.memtable", "16MiB",
			"Writes that the record store holds in memory before it writes a table",
			size(&c.Storage.MemtableBytes, 256*kib, 4*gib-1)),
		newSetting("storage.min_free", "256MiB",
			"Free space on the disk below which writes are refused while reads go on",
			size(&c.Storage.MinFreeBytes, 0, 1024*gib)),
		newSetting("index.link_workers", "0",
			"Goroutines that link the rows of a collection into its graph; 0 is one per processor",
			number(&c.Index.LinkWorkers, 0, 1024)),
		newSetting("index.link_share", "50",
			"Percent of the time that a linking goroutine works while searches run; 100 is without rests",
			number(&c.Index.LinkShare, 1, 100)),
		newSetting("index.load_workers", "0",
			"Collections that are loaded at once at the start; 0 is one per processor",
			number(&c.Index.LoadWorkers, 0, 1024)),
		newSetting("index.image_rows", "10000",
			"Changes of a collection after which its index image is written at the earliest",
			number(&c.Index.ImageRows, 1, 1<<30)),
	}
}

func limitSettings(c *Config) []*Setting {
	l := &c.Limits
	return []*Setting{
		newSetting("limits.body", "64MiB", "Largest body of a request, also when decompressed",
			size(&l.BodyBytes, kib, 4*gib)),
		newSetting("limits.bulk", "4GiB", "Largest body of a bulk upsert in octets, which is streamed",
			size(&l.BulkBytes, kib, 1024*gib)),
		newSetting("limits.header", "16KiB", "Largest request line with header fields",
			size(&l.HeaderBytes, kib, mib)),
		newSetting("limits.inflight", "1GiB",
			"Bodies held in memory at once over all requests; at least limits.body",
			size(&l.InflightBytes, mib, 1024*gib)),
		newSetting("limits.reply", "256MiB", "Vectors in one reply",
			size(&l.ReplyBytes, mib, 4*gib)),
		newSetting("limits.batch_items", "10000", "Items of one batch request",
			number(&l.BatchItems, 1, 1_000_000)),
		newSetting("limits.writes", "1024",
			"Write requests of one collection at once; more are answered 429",
			number(&l.Writes, 1, 1<<20)),
		newSetting("limits.queue_ops", "65536",
			"Changes that wait to be committed; more are answered 429",
			number(&l.QueueOps, 1, 1<<30)),
		newSetting("limits.queue", "256MiB",
			"Bytes of the changes that wait to be committed; more are answered 429",
			size(&l.QueueBytes, mib, 1024*gib)),
		newSetting("limits.concurrency", "16384", "Connections at once",
			number(&l.Concurrency, 1, 1<<20)),
		newSetting("limits.conns_per_ip", "0",
			"Connections of one address at once; 0 is no limit of its own",
			number(&l.ConnsPerIP, 0, 1<<20)),
		newSetting("limits.read_timeout", "30s",
			"Time that a client has to send one request, or 1MiB of a large one",
			duration(&l.ReadTimeout, time.Millisecond, time.Hour)),
		newSetting("limits.write_timeout", "1m",
			"Time that a client has to take one reply",
			duration(&l.WriteTimeout, time.Millisecond, time.Hour)),
		newSetting("limits.idle_timeout", "2m",
			"Time that a connection may stay open between requests",
			duration(&l.IdleTimeout, time.Millisecond, 24*time.Hour)),
		newSetting("limits.request_timeout", "1m",
			"Time after which a search or a write is given up",
			duration(&l.RequestTimeout, time.Millisecond, 24*time.Hour)),
	}
}

func outputSettings(c *Config) []*Setting {
	return []*Setting{
		newSetting("log.level", "info", "Least important messages that are logged",
			choice(&c.Log.Level, "debug", "info", "warn", "error")),
		newSetting("log.format", "json",
			"json for one object per line, console for people",
			choice(&c.Log.Format, "json", "console")),
		newSetting("log.access", "false", "Log one line per request",
			toggle(&c.Log.Access)),
		newSetting("log.slow_query", "100ms",
			"Time from which a search is listed by /slow_queries; 0s lists none",
			duration(&c.Log.SlowQuery, 0, time.Hour)),
		newSetting("log.slow_queries", "1000", "Slow searches that are kept",
			number(&c.Log.SlowQueries, 1, 1_000_000)),
		newSetting("api.error_format", "standard",
			"Body of error answers; legacy is the deprecated {\"error\":\"text\"}",
			choice(&c.API.ErrorFormat, "standard", "legacy")),
		newSetting("api.cors_origins", "",
			"Origins that browsers may call from, separated by commas; * is every one, nothing is none",
			text(&c.API.CORSOrigins, "origins such as https://example.org, or *", validOrigins)),
	}
}

func collectionSettings(c *Config) []*Setting {
	return []*Setting{
		newSetting("collections.defaults.m", "16",
			"Links per row of a graph, for collections created without their own",
			number(&c.HNSW.M, 2, 128)),
		newSetting("collections.defaults.ef_construction", "200",
			"Candidates looked at when a row is linked, for collections created without their own",
			number(&c.HNSW.EfConstruction, 8, 4096)),
		newSetting("collections.defaults.ef_search", "64",
			"Candidates looked at by a search, for collections created without their own",
			number(&c.HNSW.EfSearch, 1, 10000)),
		newSetting("collections.defaults.quantization", "auto",
			"What searches of collections created without their own read: full vectors (none), "+
				"codes of eight (sq8), four (sq4) or one bit (binary), "+
				"or the narrowest codes that a test shows to find the same neighbours (auto)",
			choice(&c.Quantization, "auto", "sq8", "sq4", "binary", "none")),
	}
}
