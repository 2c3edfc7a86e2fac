// The line grid: add, duplicate and remove rows. Enter goes to the next row and adds one at the end.
// Rows that are wider than their place become cards: no column hides behind a scroll bar.

let fresh = 0;

function lineGrid(form) {
  form.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-rf-line]");
    if (!button) return;
    event.preventDefault();
    const grid = button.closest("[data-rf-grid]");
    const row = button.closest("tr[data-rf-row]");
    if (button.dataset.rfLine === "add") focusFirst(add(grid));
    else if (button.dataset.rfLine === "copy") focusFirst(copy(grid, row));
    else remove(grid, row);
  });
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing || event.defaultPrevented) return;
    const row = event.target.closest("tr[data-rf-row]");
    if (!row || !event.target.matches("input:not([type=file]), select")) return;
    event.preventDefault();
    const place = event.target.closest("[data-rf-field]")?.dataset.rfColumn;
    const grid = row.closest("[data-rf-grid]");
    let next = row.nextElementSibling;
    if (!next?.matches("tr[data-rf-row]")) next = grid.querySelector("[data-rf-line=add]") && add(grid);
    if (next) focusFirst(next, place);
  });
}

function add(grid) {
  const key = `n${Date.now().toString(36)}${fresh++}`;
  const template = grid.querySelector(":scope > template"); // fields inside a row may have templates too
  const holder = document.createElement("tbody");
  holder.innerHTML = template.innerHTML.replaceAll("__row__", key);
  const row = holder.querySelector("tr");
  grid.querySelector("tbody").append(row);
  settle(grid, row);
  say(grid.dataset.rfAdded);
  return row;
}

function copy(grid, source) {
  const row = add(grid);
  source.after(row);
  offerAlike(row, source);
  const from = inputs(source);
  inputs(row).forEach((control, index) => {
    const model = from[index];
    if (!model || control.type === "file") return;
    if (control.type === "checkbox" || control.type === "radio") control.checked = model.checked;
    else if (!control.matches("[data-rf-marker]")) control.value = model.value;
  });
  // A copy is as deliberate as typing: the engine fills nothing in over it.
  for (const field of row.querySelectorAll("[data-rf-field]")) {
    field.dispatchEvent(new CustomEvent("rf:changed", { bubbles: true, detail: { typed: true } }));
  }
  for (const field of row.querySelectorAll('[data-rf-kind="picker"]')) {
    const model = source.querySelector(`[data-rf-column="${CSS.escape(field.dataset.rfColumn)}"]`);
    field.dispatchEvent(new CustomEvent("rf:copy", { detail: model }));
  }
  settle(grid, row);
  return row;
}

// The options of a choice may hang on another one of the row: the copy offers what its model does.
function offerAlike(row, source) {
  for (const field of row.querySelectorAll('[data-rf-kind="select"], [data-rf-kind="checks"]')) {
    const model = source.querySelector(`[data-rf-column="${CSS.escape(field.dataset.rfColumn)}"]`);
    const options = field.querySelector("select, .rf-choice-group");
    if (!model || !options) continue;
    options.replaceChildren(...[...model.querySelector("select, .rf-choice-group").childNodes].map((one) => one.cloneNode(true)));
    for (const input of options.querySelectorAll("input")) {
      input.name = field.dataset.rfField;
      input.removeAttribute("id");
    }
  }
}

// Chips (several links, uploaded files) are rows of their own inside a field: not copied one by one.
function inputs(row) {
  return [...row.querySelectorAll("input, select, textarea")].filter((item) => !item.closest(".rf-chips"));
}

function remove(grid, row) {
  const next = row.nextElementSibling || row.previousElementSibling;
  row.remove();
  if (next?.matches("tr[data-rf-row]")) focusFirst(next);
  else grid.querySelector("[data-rf-line=add]")?.focus();
  settle(grid, grid);
  say(grid.dataset.rfRemoved);
}

function settle(grid, changed) {
  [...grid.querySelectorAll("tr[data-rf-row]")].forEach((row, index) => {
    for (const place of row.querySelectorAll("[data-rf-position]")) place.textContent = index + 1;
  });
  window.htmx?.process(changed);
  grid.dispatchEvent(new CustomEvent("rf:changed", { bubbles: true }));
}

function focusFirst(row, column) {
  const field = column ? row.querySelector(`[data-rf-column="${CSS.escape(column)}"]`) : row;
  const control = field?.querySelector("input:not([type=hidden]):not([readonly]), select, textarea");
  control?.focus();
  control?.select?.();
}

function say(text) {
  document.dispatchEvent(new CustomEvent("rf:say", { detail: text }));
}

function fit(grid) {
  const place = grid.querySelector(".rf-lines-scroll");
  grid.classList.remove("rf-lines-cards");
  grid.classList.toggle("rf-lines-cards", place.scrollWidth > place.clientWidth + 1);
}

function keepFitting(grid) {
  if (grid.classList.contains("rf-lines-one")) return;
  let width = 0;
  new ResizeObserver(() => {
    if (grid.clientWidth === width) return; // cards change the height alone
    width = grid.clientWidth;
    fit(grid);
  }).observe(grid);
}

function start(form) {
  for (const grid of form.querySelectorAll("[data-rf-grid]")) keepFitting(grid);
  lineGrid(form);
}

document.addEventListener("rf:form", (event) => start(event.target)); // one that took the place of another
for (const form of document.querySelectorAll("form[data-rf-form]")) start(form);
