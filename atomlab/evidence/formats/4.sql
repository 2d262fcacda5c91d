-- A snapshot's tables. `tenant_settings` has no unique constraint: if a source holds a key twice,
-- the snapshot shows it twice.
-- `states` stands for the states of a tenant's settings by name: equal numbers, equal states.
CREATE TABLE manifest (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE tenants (id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL, subdomain TEXT, plan_type TEXT,
    ai_mode TEXT, unnamed_settings INTEGER NOT NULL DEFAULT 0,
    states INTEGER NOT NULL DEFAULT 0);
CREATE TABLE tenant_settings (id TEXT, tenant_id TEXT NOT NULL,
    setting_key TEXT NOT NULL, setting_value TEXT NOT NULL, created_at TEXT);
CREATE INDEX tenant_settings_by_tenant ON tenant_settings (tenant_id);
CREATE TABLE providers (position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
    api_key_env_var TEXT, is_active INTEGER, health_score REAL);
CREATE TABLE pricing (position INTEGER PRIMARY KEY, model_id TEXT NOT NULL UNIQUE,
    litellm_provider TEXT NOT NULL, mode TEXT, input_cost_per_token REAL,
    output_cost_per_token REAL, max_input_tokens REAL, max_tokens REAL, max_output_tokens REAL,
    supports_tools INTEGER, supports_cache INTEGER, supports_vision INTEGER, malformed TEXT,
    breaks TEXT);
CREATE TABLE model_catalog (model_id TEXT PRIMARY KEY, capabilities TEXT NOT NULL,
    exclude_from_general_routing INTEGER NOT NULL DEFAULT 0);
CREATE TABLE rules (name TEXT PRIMARY KEY, document TEXT NOT NULL);
CREATE TABLE environment (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE stored_keys (provider TEXT NOT NULL, key_name TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (provider, key_name));
