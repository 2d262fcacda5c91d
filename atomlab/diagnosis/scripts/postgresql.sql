-- Run it:  psql -X -v ON_ERROR_STOP=1 -d DATABASE -f FILE    (PostgreSQL 13 or later)

BEGIN;
DO $$atomlab$$
<<atomlab>>
DECLARE
    names record;
    fact record;
    tenant tenants.id%TYPE := (SELECT id FROM tenants LIMIT 1);
    owner tenant_settings.tenant_id%TYPE := (SELECT tenant_id FROM tenant_settings LIMIT 1);
    ids record;
    new_id text;
    changed bigint;
    in_column text; in_constraint text;
BEGIN
    SELECT $tenant_sql AS tenant_id,
        $key_sql AS setting_key, $source_sql AS copy_from INTO names;
    BEGIN
        tenant := names.tenant_id;
        owner := names.tenant_id;
    EXCEPTION WHEN data_exception OR check_violation THEN
        RAISE EXCEPTION 'atomlab stopped: $no_tenant';
    END;
    PERFORM 1 FROM tenant_settings AS own
        WHERE own.tenant_id = atomlab.owner
            AND CAST(own.setting_key AS text) IN (names.setting_key, names.copy_from)
        ORDER BY own.setting_key FOR UPDATE;
    SELECT
$facts
        INTO fact FROM tenant_settings AS own WHERE own.tenant_id = atomlab.owner;
$stops_first
    IF $done_when THEN
        RAISE NOTICE 'atomlab: $done';
        RETURN;
    END IF;
$stops_then
    BEGIN
        $change;
        GET DIAGNOSTICS changed = ROW_COUNT;
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS in_column = COLUMN_NAME, in_constraint = CONSTRAINT_NAME;
        RAISE EXCEPTION 'atomlab stopped: change refused (SQLSTATE %, column "%", constraint "%")',
            SQLSTATE, in_column, in_constraint USING ERRCODE = SQLSTATE;
    END;
$row_count
    RAISE NOTICE 'atomlab: $outcome';
END
$$atomlab$$;
COMMIT;
