package httpapi

import (
	"net/http"

	"github.com/vectorizer-go/vectorizer/engine"
	"github.com/vectorizer-go/vectorizer/httpapi/openapi"
	"github.com/vectorizer-go/vectorizer/replication"
)

func replicationRoutes() []route {
	const tag = "replication"
	bad := []int{http.StatusBadRequest}
	return []route{
		{Operation: openapi.Operation{Method: "GET", Path: "/replication/status",
			ID: "replicationStatus", Tag: tag, Summary: "Role, position, statistics and replicas of this node",
			Reply: replies("ReplicationStatus")}, handler: (*call).replicationStatus},
		{Operation: openapi.Operation{Method: "GET", Path: "/replication/stats",
			ID: "replicationStats", Tag: tag, Summary: "Statistics of this node",
			Reply: replies("ReplicationStats"), Errors: bad}, handler: (*call).replicationStats},
		{Operation: openapi.Operation{Method: "GET", Path: "/replication/replicas",
			ID: "listReplicas", Tag: tag, Summary: "The replicas of a master, those that are away too",
			Reply: replies("ReplicaList"), Errors: bad}, handler: (*call).replicationReplicas},
		{Operation: openapi.Operation{Method: "POST", Path: "/replication/configure",
			ID: "configureReplication", Tag: tag, Summary: "Change the role of this node, at once and durably",
			Body:  body("ReplicationSettings", `{"role": "replica", "master_address": "127.0.0.1:7001"}`),
			Reply: replies("ReplicationConfigured")}, handler: (*call).replicationConfigure},
		{Operation: openapi.Operation{Method: "POST", Path: "/replication/resync",
			ID: "resyncReplica", Tag: tag, Summary: "Replace what this replica holds by a full copy of its master",
			Reply: replies("Message"), Errors: bad}, handler: (*call).replicationResync},
		{Operation: openapi.Operation{Method: "DELETE", Path: "/replication/replicas/{id}",
			ID: "forgetReplica", Tag: tag,
			Summary: "Drop a replica that will not come back: \"all\" does not wait for it any more",
			Reply:   replies("Message"), Errors: []int{http.StatusBadRequest, http.StatusNotFound}},
			handler: (*call).forgetReplica},
		{Operation: openapi.Operation{Method: "POST", Path: "/cluster/failover",
			ID: "failover", Tag: tag,
			Summary: "Make a replica the master: asked of the master, or of the replica when the master is gone",
			Body:    body("Failover", `{"replica_id": "a", "max_lag_segments": 1000, "timeout_ms": 10000}`),
			Reply:   replies("FailedOver"), Errors: []int{http.StatusNotFound, http.StatusConflict}},
			handler: (*call).failover},
	}
}

// wirePosition translates a position of the engine.
func wirePosition(p engine.LogPosition) replication.Position {
	return replication.Position{Epoch: p.Epoch, Offset: p.Offset, Rolling: p.Rolling}
}
