-- Books one place of the hot general-admission event with every request: another buyer's token and another key each time.
-- FIXTURE names the file that `boxoffice seed --scenario loadtest --out` wrote. Prints answers by status at the end.

local fixture = assert(io.open(os.getenv("FIXTURE"), "r"), "FIXTURE names no readable file"):read("*a")
local kind = os.getenv("KIND") or "hot-ga"

local tokens = {}
for token in fixture:gmatch('"accessToken":"([^"]+)"') do tokens[#tokens + 1] = token end
assert(#tokens > 0, "the fixture has no tokens")

local event = nil
for id, found in fixture:gmatch('"id":"([%x-]+)","slug":"[^"]*","kind":"([%w-]+)"') do
  if found == kind then event = id break end
end
assert(event, "the fixture has no event of kind " .. kind)
local ticket_type = fixture:match('"id":"' .. event:gsub("-", "%%-") .. '".-"ticketTypes":%[{"id":"([%x-]+)"')

local threads, statuses = {}, { [201] = 0 }

function setup(thread)
  thread:set("number", #threads)
  threads[#threads + 1] = thread
end

function init()
  local path = "/api/v1/events/" .. event .. "/bookings"
  local body = '{"items":[{"ticketTypeId":"' .. ticket_type .. '","quantity":1}]}'
  -- Unique over threads and runs.
  local prefix = string.format("%d-%d-", number, os.time())
  local next_request = 0
  answers = {}
  function request()
    next_request = next_request + 1
    return wrk.format("POST", path, {
      ["authorization"] = "Bearer " .. tokens[(next_request * 31 + number) % #tokens + 1],
      ["content-type"] = "application/json",
      ["idempotency-key"] = prefix .. next_request,
    }, body)
  end
end

function response(status)
  answers[status] = (answers[status] or 0) + 1
  local text = ""
  for code, count in pairs(answers) do text = text .. code .. "=" .. count .. " " end
  summary = text
end

function done()
  for number, thread in ipairs(threads) do
    print("thread " .. number .. " answers: " .. (thread:get("summary") or "none"))
  end
end
