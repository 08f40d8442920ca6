local actions = {}
local kind = obj.spec.type
if kind == "cron" or kind == "job" then
  actions["run-now"] = { disabled = false }
end
if kind == "cron" then
  local suspended = obj.spec.suspend == true
  actions["suspend"] = { disabled = suspended }
  actions["resume"] = { disabled = not suspended }
end
return actions
