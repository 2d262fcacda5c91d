-- What a page needs on paper: tables whose columns fit, and cells that links can lead to.
local LINE = 84 -- characters of a table's row that fit on a line of A4
local SHORT = 13 -- a column of cells no longer than this is never broken
local LONG = 26 -- longer words may break
local PADDING = 3 -- characters that the space between two columns takes

-- Call `visit` with each cell of the rows, the number of its column, and its text.
local function each_cell(rows, visit)
  for _, row in ipairs(rows) do
    local column = 1
    for _, cell in ipairs(row.cells) do
      visit(cell, column, pandoc.utils.stringify(cell.contents))
      column = column + cell.col_span
    end
  end
end

-- Give each column its text's width where all fit on a line, else room for its longest word, and
-- more the longer its text is. Headers may wrap.
local function set_widths(tbl, head, body)
  local words, texts, total = {}, {}, 0
  local function measure(cell, column, text)
    for word in (cell.col_span == 1 and text or ""):gmatch("%S+") do
      words[column] = math.max(words[column] or 1, math.min(utf8.len(word), LONG))
    end
  end
  each_cell(head, measure)
  each_cell(body, function(cell, column, text)
    measure(cell, column, text)
    if cell.col_span == 1 then texts[column] = math.max(texts[column] or 1, utf8.len(text)) end
  end)
  for column = 1, #tbl.colspecs do
    words[column] = words[column] or 1
    texts[column] = math.max(texts[column] or 1, words[column])
    total = total + texts[column]
  end
  local widths, line = texts, LINE
  if total > LINE then
    widths, line = {}, 0
    for column, word in ipairs(words) do
      local text = texts[column]
      widths[column] = text <= SHORT and text or word + (text - word) ^ 0.6
      line = line + widths[column]
    end
  end
  for column, width in ipairs(widths) do
    local share = (width + PADDING) / (line + PADDING * #widths)
    tbl.colspecs[column] = { tbl.colspecs[column][1], share }
  end
end

local function set_strong(cell)
  cell.contents = cell.contents:walk({
    Plain = function(block) return pandoc.Plain(pandoc.Strong(block.content)) end,
  })
end

function Table(tbl)
  local head, body, row_heads = tbl.head.rows, tbl.bodies[1].body, tbl.bodies[1].row_head_columns
  local names = ""
  set_widths(tbl, head, body)
  each_cell(head, function(cell, _, text)
    names = names .. text
    set_strong(cell)
  end)
  each_cell(body, function(cell, column, text)
    if column <= row_heads then set_strong(cell) end
    if cell.classes:includes("number") then cell.alignment = "AlignRight" end
    if cell.identifier ~= "" and text ~= "" then
      cell.contents[1].content = { pandoc.Span(cell.contents[1].content, { id = cell.identifier }) }
    end
  end)
  if names == "" then tbl.head.rows = {} end
  return tbl
end

-- A badge keeps its colour on paper.
local INK = { good = "#14633f", bad = "#9b1c14", open = "#7a4a00" }

function Span(span)
  if not span.classes:includes("badge") then return end
  local ink = INK[span.classes[2]]
  if FORMAT ~= "typst" or not ink then return pandoc.SmallCaps(span.content) end
  local open = pandoc.RawInline("typst", '#text(fill: rgb("' .. ink .. '"))[')
  return { open, pandoc.SmallCaps(span.content), pandoc.RawInline("typst", "]") }
end

local BREAK = {
  typst = "#pagebreak(weak: true)",
  openxml = '<w:p><w:r><w:br w:type="page"/></w:r></w:p>',
}

local function new_page()
  local format = FORMAT == "docx" and "openxml" or FORMAT
  return pandoc.RawBlock(format, BREAK[format])
end

-- Panels stand side by side. What only groups others is left out: typst reads some hundred nested
-- blocks and no more.
function Div(div)
  if div.classes:includes("panels") then
    local function narrow(image)
      image.attributes.width = "48%"
      return image
    end
    div = div:walk({ Image = narrow })
  end
  if div.classes:includes("divider") then div.content:insert(1, new_page()) end
  if div.identifier == "" then return div.content end
end

-- In Word the first heading is the document's title.
function Pandoc(doc)
  local first = doc.blocks[1]
  if FORMAT == "docx" and first and first.tag == "Header" and first.level == 1 then
    doc.meta.title = first.content
    doc.blocks:remove(1)
    return doc
  end
end
