SELECT max(pg_catalog.format_type(atttypid, atttypmod)) FILTER (WHERE attname = 'id') AS type,
            bool_or(atthasdef OR attidentity <> '') FILTER (WHERE attname = 'id') AS made,
            max(typcategory::text) FILTER (WHERE attname = 'id') AS kind,
            max(pg_catalog.format_type(atttypid, atttypmod))
                FILTER (WHERE attname = 'setting_key') AS type_of_key,
            string_agg(format(', %I', attname), '' ORDER BY attnum) FILTER (WHERE attname NOT IN ('id', 'tenant_id', 'setting_key', 'setting_value')
                AND (attnotnull OR typnotnull) AND typdefault IS NULL
                AND NOT atthasdef AND attidentity = '') AS others,
            string_agg(CASE typcategory WHEN 'D' THEN ', now()'
                ELSE format(', source.%I', attname) END, '' ORDER BY attnum)
                FILTER (WHERE attname NOT IN ('id', 'tenant_id', 'setting_key', 'setting_value')
                AND (attnotnull OR typnotnull) AND typdefault IS NULL
                AND NOT atthasdef AND attidentity = '') AS contents
            INTO ids
            FROM pg_catalog.pg_attribute JOIN pg_catalog.pg_type ON pg_type.oid = atttypid
            WHERE attrelid = 'tenant_settings'::regclass AND attnum > 0 AND NOT attisdropped;
        IF NOT ids.made AND ids.kind = 'N' THEN
            LOCK TABLE tenant_settings IN SHARE ROW EXCLUSIVE MODE;
            EXECUTE 'SELECT coalesce(max(id), 0) + 1 FROM tenant_settings' INTO new_id;
        ELSIF NOT ids.made THEN
            new_id := gen_random_uuid();
        END IF;
        EXECUTE format('INSERT INTO tenant_settings'
            ' (%s tenant_id, setting_key, setting_value %s)'
            ' SELECT %s source.tenant_id, CAST($1 AS %s), source.setting_value %s'
            ' FROM tenant_settings AS source WHERE source.tenant_id = $2'
            ' AND CAST(source.setting_key AS text) = $3',
            CASE WHEN new_id IS NOT NULL THEN 'id,' END, ids.others,
            CASE WHEN new_id IS NOT NULL THEN format('CAST(%L AS %s),', new_id, ids.type) END,
            ids.type_of_key, ids.contents) USING names.setting_key, owner, names.copy_from
