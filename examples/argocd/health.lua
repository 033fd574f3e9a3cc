-- The health of a BoxCustomApp or a BoxEnterprise, for Argo CD. docs/gitops.md has it as a table.
--
-- Argo CD runs this with the object in the global `obj` and takes `status` and `message` from the table that comes
-- back. Nothing is used but Lua's base library: useOpenLibs can stay off. argocd-cm.yaml carries this text for both
-- kinds.

local spec, status = obj.spec or {}, obj.status or {}

-- Why an app is not Ready while a person at Box must act before anything goes on.
local waits_for_people = {
  AwaitingClientID = true, -- create the app in the Developer Console
  AwaitingHuman = true, -- correct its CORS domains there
  Disabled = true, -- the admin enables it
  PendingApproval = true, -- the admin authorizes it
  SlotsOccupied = true, -- a person revokes a key of theirs
}

-- A person hands over a key, or must enable the app; or the operator is about to put a token into the Secret: the
-- steps for people tell.
local waits_for_a_key = { AwaitingToken = true, TokenExpired = true, TokenRejected = true }

-- The operator submits the app by itself, unless the spec leaves that to a person.
local waits_for_submission = { NotSubmitted = true, ReauthorizationRequired = true }

local function condition(type)
  for _, each in ipairs(status.conditions or {}) do
    if each.type == type then
      return each
    end
  end
  return {}
end

local function health(word, message)
  return { status = word, message = message }
end

local function is_for_people(reason)
  if waits_for_a_key[reason] then
    return status.nextSteps ~= nil and #status.nextSteps > 0
  end
  if waits_for_submission[reason] then
    return spec.authorization ~= nil and spec.authorization.submit == false
  end
  return waits_for_people[reason] == true
end

-- Every step for people, and where it is done. Ready says the first one already.
local function with_steps(message)
  for number, step in ipairs(status.nextSteps or {}) do
    if number > 1 then
      message = message .. " Then: " .. step.what
    end
    if step.where ~= nil then
      message = message .. " Where: " .. step.where
    end
  end
  return message
end

local ready, stalled, reconciling = condition("Ready"), condition("Stalled"), condition("Reconciling")

if obj.metadata.deletionTimestamp ~= nil then
  if ready.reason == "Deleting" then
    return health("Progressing", ready.message)
  end
  return health("Progressing", "It is being deleted.")
end

if spec.suspend == true then
  return health("Suspended", "spec.suspend is true: Box and the Secret stay as they are. Set it to false to resume.")
end

if status.observedGeneration ~= obj.metadata.generation then
  return health(
    "Progressing",
    "The operator has not worked upon this version of the spec yet. If it stays so: does it run, and does it watch "
      .. "this place?"
  )
end

if stalled.status == "True" then
  return health("Degraded", stalled.message)
end

local is_ready = ready.status == "True"
if is_ready and reconciling.status ~= "True" then
  return health("Healthy", ready.message)
end

-- The token in the Secret works, and is not yet the one that the spec asks for.
local waits = is_ready and reconciling or ready

-- What is not known is asked again, whatever it was about.
if ready.status ~= "Unknown" and is_for_people(waits.reason) then
  return health("Suspended", with_steps(waits.message))
end

return health("Progressing", waits.message)
