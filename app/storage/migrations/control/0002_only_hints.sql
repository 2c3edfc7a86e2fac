-- What a tenant is called and where it is reached stands in the configuration.
DROP INDEX rf_tenant_host
;;
ALTER TABLE rf_tenant DROP COLUMN host
;;
ALTER TABLE rf_tenant DROP COLUMN label
;;
ALTER TABLE rf_tenant DROP COLUMN closed_at
