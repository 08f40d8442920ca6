local status = obj.status or {}
local ended = status.finishedAt ~= nil
local actions = {}
actions["cancel"] = { disabled = ended or obj.spec.cancel == true }
actions["roll-back-to-this"] = { disabled = status.state ~= "success" }
return actions
