-- Whether any group of a tenant is of a planner version (POST /v1/exports names one), without reading them all.

CREATE INDEX groups_by_tenant_policy ON groups (tenant, policy_version);
