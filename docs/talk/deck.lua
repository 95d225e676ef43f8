-- Makes one language's deck of slides.md: a filter for pandoc, which is told the language (-M language=).
--
-- A heading, paragraph, list item, table cell or description of a picture is
--     Korean // English
-- or, where there is no //, for both. So neither language can be without the other's slides. A slide is
-- a heading of level 2; headings of level 1 are the talk's parts, named on each slide.
local language

-- What `make report` makes, and may not be there yet.
local function is_generated(name)
  return name:match("^performance[./]") ~= nil
end

local function fail(what)
  io.stderr:write("the talk's slides: " .. what .. "\n")
  os.exit(1)
end

local function has_hangul(inlines)
  return pandoc.utils.stringify(inlines):find("[\xEA-\xED][\x80-\xBF][\x80-\xBF]") ~= nil
end

local function is_space(x)
  return x.t == "Space" or x.t == "SoftBreak" or x.t == "LineBreak"
end

-- What is said in the deck's language.
local function pick(inlines)
  local picked, at = pandoc.Inlines {}, nil
  for i, x in ipairs(inlines) do
    if x.t == "Str" and x.text == "//" then at = i end
  end
  if at then
    local first, last = 1, at - 1
    if language == "en" then first, last = at + 1, #inlines end
    while first < last and is_space(inlines[first]) do first = first + 1 end
    while first < last and is_space(inlines[last]) do last = last - 1 end
    for i = first, last do picked:insert(inlines[i]) end
    inlines = picked
  end
  if language == "en" and has_hangul(inlines) then
    fail("no English for: " .. pandoc.utils.stringify(inlines))
  end
  if #inlines == 0 and at then fail("a side of // is empty") end
  return inlines
end

local function find(name)
  for _, folder in ipairs(PANDOC_STATE.resource_path) do
    local file = io.open(folder .. "/" .. name, "rb")
    if file then return file end
  end
end

local function missing(name)
  local text = language == "ko" and "측정이 먼저 필요합니다: " or "to be measured first: "
  return { pandoc.Str(text), pandoc.Code("make report"), pandoc.Str(" (" .. name .. ")") }
end

local function first_of(blocks, type)
  for _, x in ipairs(blocks) do
    if x.t == type then return x end
  end
  fail("nothing is a " .. type)
end

-- A sentence of the report as a slide says it: `lines` are "pattern => Korean // English", as string.gsub
-- takes them. One that no pattern fits is left as it is.
local function reword(x, lines)
  local text = pandoc.utils.stringify(x)
  for line in lines:gmatch("[^\n]+") do
    local pattern, korean, english = line:match("^(.-) => (.-) // (.*)$")
    local said, count = text:gsub("^" .. pattern .. "$", language == "ko" and korean or english)
    if count == 1 then
      x.content = pandoc.read(said, "markdown").blocks[1].content
      return x
    end
  end
end

local texts = {
  Plain = function(x) x.content = pick(x.content) return x end,
  Para = function(x) x.content = pick(x.content) return x end,
  Header = function(x) x.content = pick(x.content) return x end,
  Image = function(x)
    x.caption = pick(x.caption)
    local file = find(x.src)
    if file then file:close() return x end
    if is_generated(x.src) then
      return pandoc.Span(missing(x.src), { class = "missing" })
    end
    fail("there is no " .. x.src)
  end,
  -- ``` {.include from=FILE}: its text; of Markdown, the block which is the `first` of that type, whose
  -- sentences are reworded by the lines within.
  CodeBlock = function(x)
    local name = x.attributes.from
    if not name then return nil end
    local file = find(name)
    if not file then
      if not is_generated(name) then fail("there is no " .. name) end
      return pandoc.Div(pandoc.Para(missing(name)), { class = "missing" })
    end
    local text = file:read("a")
    file:close()
    if not name:match("%.md$") then return pandoc.CodeBlock(text) end
    local found = pandoc.Div(first_of(pandoc.read(text, "gfm").blocks, x.attributes.first))
    local function say(y) return reword(y, x.text) end
    return found:walk { Plain = say, Para = say }
  end,
}

-- Each slide has its number and the name of its part.
local function number(blocks)
  local slides, part, count = pandoc.Blocks {}, "", 1 -- the title is the first
  for _, x in ipairs(blocks) do
    if x.t == "Header" and x.level == 1 then
      part = pandoc.utils.stringify(x.content)
    else
      if x.t == "Header" and x.level == 2 then
        count = count + 1
        x.attributes.part, x.attributes.number = part, tostring(count)
      end
      slides:insert(x)
    end
  end
  return slides
end

function Pandoc(doc)
  language = pandoc.utils.stringify(doc.meta.language)
  for _, name in ipairs { "title", "subtitle" } do
    doc.meta[name] = pandoc.MetaInlines(pick(doc.meta[name]))
  end
  doc.meta.other = language == "ko" and "en" or "ko"
  doc.blocks = number(doc.blocks:walk(texts))
  return doc
end
