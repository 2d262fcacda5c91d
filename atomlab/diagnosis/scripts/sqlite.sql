-- Run it:  sqlite3 -bail DATABASE < FILE    (SQLite 3.30 or later)

DROP TABLE IF EXISTS temp.atomlab_fix;
CREATE TEMP TABLE atomlab_fix (tenant_id, setting_key, copy_from,
    tenants, sources, targets, vacant, contents, outcome);
CREATE TEMP TRIGGER atomlab_fix_run AFTER INSERT ON temp.atomlab_fix BEGIN
$stops_first
    SELECT RAISE(IGNORE) WHERE $done_when;
$stops_then
    $change;
$row_count
    UPDATE atomlab_fix SET outcome = 'atomlab: $outcome';
END;
BEGIN IMMEDIATE;
INSERT OR ROLLBACK INTO temp.atomlab_fix
    SELECT names.*,
$facts,
        'atomlab: $done'
    FROM (SELECT $tenant_sql AS tenant_id,
        $key_sql AS setting_key, $source_sql AS copy_from) AS names
    LEFT JOIN tenant_settings AS own ON CAST(own.tenant_id AS text) = names.tenant_id;
COMMIT;
SELECT outcome FROM temp.atomlab_fix;
DROP TABLE temp.atomlab_fix;
