-- A release of what is declared now, staged changes included.
local made = {
  apiVersion = obj.apiVersion,
  kind = "ProcessRelease",
  metadata = {
    generateName = obj.metadata.name .. "-",
    namespace = obj.metadata.namespace,
  },
  spec = { applicationRef = { name = obj.metadata.name } },
}
return { { operation = "create", resource = made } }
