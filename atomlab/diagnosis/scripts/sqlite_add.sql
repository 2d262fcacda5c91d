INSERT INTO tenant_settings (id, tenant_id, setting_key, setting_value)
        SELECT CASE typeof(source.id)
            WHEN 'integer' THEN (SELECT max(id) + 1 FROM tenant_settings)
            ELSE lower(hex(randomblob(4)) || '-' || hex(randomblob(2))
            || '-4' || substr(hex(randomblob(2)), 2)
            || '-' || substr('89ab', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2)
            || '-' || hex(randomblob(6))) END,
            source.tenant_id, names.setting_key, source.setting_value
        FROM tenant_settings AS source
        WHERE source.tenant_id = names.tenant_id
            AND CAST(source.setting_key AS text) = names.copy_from
