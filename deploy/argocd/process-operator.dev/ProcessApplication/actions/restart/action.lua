-- Every instance is started anew, even where nothing has changed; jobs do not run.
local made = {
  apiVersion = obj.apiVersion,
  kind = "ProcessRelease",
  metadata = {
    name = obj.metadata.name .. "-" .. os.date("!%Y%m%d%H%M%S"),
    namespace = obj.metadata.namespace,
  },
  spec = { applicationRef = { name = obj.metadata.name }, restart = true, jobs = "skip" },
}
return { { operation = "create", resource = made } }
