        (SELECT count(*) FROM tenants WHERE $tenant_is) AS tenants,
        count(*) FILTER (WHERE CAST(own.setting_key AS text) = names.copy_from
            AND trim(CAST(own.setting_value AS text)) <> '') AS sources,
        count(*) FILTER (WHERE CAST(own.setting_key AS text) = names.setting_key) AS targets,
        count(*) FILTER (WHERE CAST(own.setting_key AS text) = names.setting_key AND (
            $vacancy)) AS vacant,
        count(DISTINCT coalesce(CAST(own.setting_value AS text), '')) FILTER (
            WHERE CAST(own.setting_key AS text) IN (names.setting_key, names.copy_from)
        ) AS contents
