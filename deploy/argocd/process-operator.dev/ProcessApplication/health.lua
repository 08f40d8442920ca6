-- The status follows kstatus: observedGeneration, Ready, and Reconciling or Stalled while true.
-- Ready is True of what waits for a release that nobody has asked for (Staged, AwaitingRelease), and of
-- what is suspended: that is what Git asks for, and a sync that waits for it would never end. A release
-- that waits for processes of its revision (AwaitingRevision) may wait for the wave that brings them.
local health = { status = "Progressing", message = "waits for the operator" }
local status = obj.status
if status == nil or status.conditions == nil then
  return health
end
if status.observedGeneration ~= obj.metadata.generation then
  health.message = "waits for the operator to see the newest spec"
  return health
end
local ready = nil
for _, condition in ipairs(status.conditions) do
  if condition.type == "Stalled" and condition.status == "True" then
    return { status = "Degraded", message = condition.reason .. ": " .. condition.message }
  end
  if condition.type == "Ready" then
    ready = condition
  end
end
if ready == nil then
  return health
end
health.message = ready.reason .. ": " .. ready.message
if ready.status == "True" or ready.reason == "AwaitingRevision" then
  health.status = "Healthy"
end
return health
