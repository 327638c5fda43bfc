-- The database of the first release: what five migrations made, without a row of anybody's.
BEGIN TRANSACTION;
CREATE TABLE api_keys (
    id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, prefix TEXT NOT NULL UNIQUE, salt TEXT NOT NULL, hash TEXT NOT NULL,
    role TEXT NOT NULL, created_at BIGINT NOT NULL, last_used_at BIGINT, expires_at BIGINT);
CREATE TABLE audit_logs (
    id TEXT PRIMARY KEY, api_key_name TEXT, face TEXT NOT NULL, action TEXT NOT NULL, resource_type TEXT NOT NULL, resource_id TEXT,
    details TEXT NOT NULL, ip_address TEXT, request_id TEXT, created_at BIGINT NOT NULL);
CREATE TABLE builds (
    id TEXT PRIMARY KEY, version_id TEXT NOT NULL REFERENCES versions (id) ON DELETE CASCADE, image_tag TEXT NOT NULL,
    image_digest TEXT, build_type TEXT NOT NULL, template TEXT, dockerfile_content TEXT, build_args TEXT NOT NULL,
    no_cache BOOLEAN NOT NULL, status TEXT NOT NULL, server_type TEXT, error_message TEXT, operation_id TEXT NOT NULL,
    superseded_at BIGINT, created_at BIGINT NOT NULL, completed_at BIGINT);
CREATE TABLE counters (name TEXT PRIMARY KEY, n BIGINT NOT NULL);
INSERT INTO "counters" VALUES('models',0);
INSERT INTO "counters" VALUES('orphaned_models',0);
INSERT INTO "counters" VALUES('versions',0);
CREATE TABLE deployments (
    id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, version_id TEXT NOT NULL REFERENCES versions (id),
    environment TEXT NOT NULL, deployment_type TEXT NOT NULL, status TEXT NOT NULL, health_status TEXT NOT NULL,
    replicas BIGINT NOT NULL, generation BIGINT NOT NULL, wanted TEXT NOT NULL, revision BIGINT NOT NULL, endpoint_url TEXT,
    image_tag TEXT, image_digest TEXT, build_id TEXT, container_port BIGINT NOT NULL, health_path TEXT NOT NULL,
    start_grace_seconds BIGINT NOT NULL, stop_grace_seconds BIGINT NOT NULL, gpu_count BIGINT NOT NULL, memory_limit TEXT,
    cpu_limit DOUBLE PRECISION,
    environment_vars TEXT NOT NULL, volume_mounts TEXT NOT NULL, cluster TEXT, k8s_namespace TEXT, error TEXT, operation_id TEXT,
    metadata TEXT NOT NULL, deployed_by TEXT, deployed_at BIGINT NOT NULL, started_at BIGINT, stopped_at BIGINT);
CREATE TABLE environments (
    id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, type TEXT NOT NULL, cpu DOUBLE PRECISION, memory TEXT, gpu BIGINT, description TEXT,
    implied BOOLEAN NOT NULL, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL);
CREATE TABLE models (
    id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, storage_path TEXT NOT NULL, repository TEXT, company TEXT, base_model TEXT,
    parameter_count TEXT, description TEXT, tags TEXT NOT NULL, metadata TEXT NOT NULL, requires_gpu BOOLEAN NOT NULL,
    server_type TEXT, source TEXT NOT NULL, version_count BIGINT NOT NULL DEFAULT 0, created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL);
CREATE TABLE operations (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, state TEXT NOT NULL, subject_type TEXT NOT NULL, subject_id TEXT NOT NULL,
    input TEXT NOT NULL, progress DOUBLE PRECISION NOT NULL, message TEXT NOT NULL, result TEXT, error TEXT,
    attempts BIGINT NOT NULL, parent_id TEXT, cancel_requested BOOLEAN NOT NULL, created_by TEXT, lease_owner TEXT,
    lease_expires_at BIGINT, created_at BIGINT NOT NULL, started_at BIGINT, finished_at BIGINT);
CREATE TABLE ports (port BIGINT PRIMARY KEY, deployment_id TEXT NOT NULL UNIQUE REFERENCES deployments (id) ON DELETE CASCADE);
CREATE TABLE replicas (
    id TEXT PRIMARY KEY, deployment_id TEXT NOT NULL REFERENCES deployments (id) ON DELETE CASCADE, number BIGINT NOT NULL,
    generation BIGINT NOT NULL, state TEXT NOT NULL, container_id TEXT, port BIGINT, restarts BIGINT NOT NULL,
    crashes BIGINT NOT NULL, quick_exits BIGINT NOT NULL, exit_code BIGINT, error TEXT, next_start_at BIGINT, counted_end BIGINT,
    created_at BIGINT NOT NULL, started_at BIGINT, ready_at BIGINT);
CREATE TABLE schema_migrations (
    number BIGINT PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at BIGINT NOT NULL
);
INSERT INTO "schema_migrations" VALUES(1,'registry','d108e1da12ad6a21',1790000000000000);
INSERT INTO "schema_migrations" VALUES(2,'access','b46f9e52fb410c1d',1790000000000000);
INSERT INTO "schema_migrations" VALUES(3,'operations','7d26b73c399f1341',1790000000000000);
INSERT INTO "schema_migrations" VALUES(4,'builds','c0ab1d9986aab479',1790000000000000);
INSERT INTO "schema_migrations" VALUES(5,'deployments','2cecd167f3a1e674',1790000000000000);
CREATE TABLE version_files (
    version_id TEXT NOT NULL REFERENCES versions (id) ON DELETE CASCADE, path TEXT NOT NULL, size_bytes BIGINT NOT NULL,
    sha256 TEXT NOT NULL, stored BOOLEAN NOT NULL, PRIMARY KEY (version_id, path));
CREATE TABLE versions (
    id TEXT PRIMARY KEY, model_id TEXT NOT NULL REFERENCES models (id) ON DELETE CASCADE, version TEXT NOT NULL, tag TEXT NOT NULL,
    digest TEXT NOT NULL, quantization TEXT, size_bytes BIGINT, platform TEXT NOT NULL, architecture TEXT NOT NULL, os TEXT NOT NULL,
    release_notes TEXT, metadata TEXT NOT NULL, ceph_path TEXT, mlflow_url TEXT, is_release BOOLEAN NOT NULL, status TEXT NOT NULL,
    file_count BIGINT NOT NULL DEFAULT 0, missing_files BIGINT NOT NULL DEFAULT 0, created_at BIGINT NOT NULL);
CREATE INDEX models_by_age ON models (created_at DESC, id DESC);
CREATE UNIQUE INDEX versions_by_name ON versions (model_id, version, coalesce(quantization, ''));
CREATE INDEX versions_by_age ON versions (created_at DESC, id DESC);
CREATE INDEX versions_of_model ON versions (model_id, created_at DESC, id DESC);
CREATE TRIGGER models_inserted AFTER INSERT ON models BEGIN
    UPDATE counters SET n = n + 1 WHERE name = 'models';
    UPDATE counters SET n = n + 1 WHERE name = 'orphaned_models' AND NEW.source = 'orphaned';
END;
CREATE TRIGGER models_deleted AFTER DELETE ON models BEGIN
    UPDATE counters SET n = n - 1 WHERE name = 'models';
    UPDATE counters SET n = n - 1 WHERE name = 'orphaned_models' AND OLD.source = 'orphaned';
END;
CREATE TRIGGER versions_inserted AFTER INSERT ON versions BEGIN
    UPDATE counters SET n = n + 1 WHERE name = 'versions';
    UPDATE models SET version_count = version_count + 1 WHERE id = NEW.model_id;
END;
CREATE TRIGGER versions_deleted AFTER DELETE ON versions BEGIN
    UPDATE counters SET n = n - 1 WHERE name = 'versions';
    UPDATE models SET version_count = version_count - 1 WHERE id = OLD.model_id;
END;
CREATE INDEX audit_logs_by_age ON audit_logs (created_at DESC, id DESC);
CREATE INDEX audit_logs_by_action ON audit_logs (action, created_at DESC);
CREATE INDEX operations_by_age ON operations (created_at DESC, id DESC);
CREATE INDEX operations_of_subject ON operations (subject_id, created_at DESC);
CREATE INDEX operations_open ON operations (state, created_at) WHERE state IN ('pending', 'running');
CREATE INDEX builds_by_age ON builds (created_at DESC, id DESC);
CREATE INDEX builds_of_version ON builds (version_id, created_at DESC, id DESC);
CREATE INDEX deployments_by_age ON deployments (deployed_at DESC, id DESC);
CREATE INDEX deployments_of_version ON deployments (version_id);
CREATE INDEX deployments_in_environment ON deployments (environment);
CREATE UNIQUE INDEX replicas_of_deployment ON replicas (deployment_id, number, generation);
COMMIT;
