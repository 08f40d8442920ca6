-- One run with the release that serves.
local made = {
  apiVersion = obj.apiVersion,
  kind = "ProcessRun",
  metadata = {
    name = obj.metadata.name .. "-" .. os.date("!%Y%m%d%H%M%S"),
    namespace = obj.metadata.namespace,
  },
  spec = { processRef = { name = obj.metadata.name } },
}
return { { operation = "create", resource = made } }
