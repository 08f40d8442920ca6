-- A release of what this one froze.
local made = {
  apiVersion = obj.apiVersion,
  kind = "ProcessRelease",
  metadata = {
    generateName = obj.metadata.name .. "-",
    namespace = obj.metadata.namespace,
  },
  spec = { applicationRef = obj.spec.applicationRef, rollbackTo = obj.metadata.name },
}
return { { operation = "create", resource = made } }
