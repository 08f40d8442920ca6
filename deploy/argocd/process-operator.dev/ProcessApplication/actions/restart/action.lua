-- Every instance is started anew, even where nothing has changed; jobs do not run.
local made = {
  apiVersion = obj.apiVersion,
  kind = "ProcessRelease",
  metadata = {
    generateName = obj.metadata.name .. "-",
    namespace = obj.metadata.namespace,
  },
  spec = { applicationRef = { name = obj.metadata.name }, restart = true, jobs = "skip" },
}
return { { operation = "create", resource = made } }
