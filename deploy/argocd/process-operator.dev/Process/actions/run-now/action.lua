-- One run with the release that serves.
local made = {
  apiVersion = obj.apiVersion,
  kind = "ProcessRun",
  metadata = {
    generateName = obj.metadata.name .. "-",
    namespace = obj.metadata.namespace,
  },
  spec = { processRef = { name = obj.metadata.name } },
}
return { { operation = "create", resource = made } }
