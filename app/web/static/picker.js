// The link picker: a combobox whose options htmx fetches from the server as one types.
function picker(form) {
  const field = (node) => node.closest?.('[data-rf-kind="picker"]');
  const filters = form.method === "get";

  form.addEventListener("keydown", (event) => {
    const place = field(event.target);
    if (!place || !event.target.matches("[role=combobox]")) return;
    const list = place.querySelector("[role=listbox]");
    const options = [...list.querySelectorAll("[role=option]")];
    const open = !list.hidden && options.length > 0;
    const at = options.findIndex((option) => option.getAttribute("aria-selected") === "true");
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!open) {
        list.hidden = false;
        event.target.dispatchEvent(new Event("rf:open"));
        return;
      }
      const step = event.key === "ArrowDown" ? 1 : -1;
      light(place, options, (at + step + options.length) % options.length);
    } else if (event.key === "Enter") {
      if (open && at >= 0) choose(place, options[at]);
      else if (event.target.value === (event.target.dataset.chosen ?? "")) return;
      event.preventDefault();
    } else if (event.key === "Escape" && open) {
      event.preventDefault();
      shut(place);
    }
  });
  // The mouse goes down before the input loses its focus.
  form.addEventListener("mousedown", (event) => {
    const option = event.target.closest("[role=option]");
    if (!option) return;
    event.preventDefault();
    choose(field(option), option);
  });
  form.addEventListener("click", (event) => {
    const place = field(event.target);
    if (event.target.closest("[data-rf-clear]")) {
      event.preventDefault();
      set(place, "", "");
      place.querySelector("[role=combobox]").focus();
    } else if (event.target.closest("[data-rf-unpick]")) {
      event.preventDefault();
      event.target.closest("li").remove();
      changed(place);
      place.querySelector("[role=combobox]").focus();
    }
  });
  form.addEventListener("input", (event) => {
    const place = field(event.target);
    if (!place || !event.target.matches("[role=combobox]")) return;
    // Typing over a chosen record lets go of it; the text itself stays until something is chosen.
    const hidden = place.querySelector("[data-rf-value]");
    if (hidden && hidden.value && event.target.value !== event.target.dataset.chosen) {
      hidden.value = "";
      place.querySelector(".rf-picker").classList.remove("rf-has-value");
    }
    // What the list shows belongs to the text before: Enter must not choose from it.
    for (const option of place.querySelectorAll("[role=option]")) option.setAttribute("aria-selected", "false");
    event.target.removeAttribute("aria-activedescendant");
    place.querySelector("[role=listbox]").hidden = false;
  });
  form.addEventListener("focusout", (event) => {
    const place = field(event.target);
    if (!place || place.contains(event.relatedTarget)) return;
    shut(place);
    // A filter is what was picked: half a word that nobody chose from is none.
    if (filters && event.target.matches("[role=combobox]")) event.target.value = "";
  });
  form.addEventListener(
    "change",
    (event) => {
      if (filters && event.target.matches("[role=combobox]")) event.stopPropagation();
    },
    true,
  );
  document.addEventListener("htmx:afterSwap", (event) => {
    const list = event.detail.target;
    if (!form.contains(list) || !list.matches("[role=listbox]")) return;
    const place = field(list);
    const input = place.querySelector("[role=combobox]");
    if (document.activeElement !== input) return shut(place);
    list.hidden = false;
    hang(list, input);
    const options = [...list.querySelectorAll("[role=option]")];
    options.forEach((option, index) => {
      option.id = `${list.id}-${index}`;
    });
    input.setAttribute("aria-expanded", "true");
    if (options.length && input.value && input.value !== input.dataset.chosen) light(place, options, 0);
  });
  // The list hangs at a place on the screen: it closes when what it hangs on moves.
  document.addEventListener(
    "scroll",
    (event) => {
      if (event.target.closest?.("[role=listbox]")) return;
      for (const list of form.querySelectorAll("[role=listbox]:not([hidden])")) shut(field(list));
    },
    { capture: true, passive: true },
  );
  // Set by a rule (fill, default) or copied with its row.
  form.addEventListener("rf:set", (event) => set(event.target, event.detail.value, event.detail.text, true), true);
  form.addEventListener(
    "rf:copy",
    (event) => {
      const model = event.detail;
      const value = model.querySelector("[data-rf-value]");
      const shown = model.querySelector("[role=combobox]");
      if (value) set(event.target, value.value, value.value ? shown.value : "", true);
      const chips = event.target.querySelector(".rf-chips");
      const row = event.target.closest("tr[data-rf-row]");
      if (chips && row) {
        const name = event.target.dataset.rfField;
        chips.innerHTML = model.querySelector(".rf-chips").innerHTML;
        for (const hidden of chips.querySelectorAll("input")) hidden.name = name;
      }
    },
    true,
  );
}

function light(place, options, index) {
  options.forEach((option, at) => option.setAttribute("aria-selected", at === index ? "true" : "false"));
  const option = options[index];
  option.scrollIntoView({ block: "nearest" });
  place.querySelector("[role=combobox]").setAttribute("aria-activedescendant", option.id);
}

function choose(place, option) {
  const { value, text } = option.dataset;
  const chips = place.querySelector(".rf-chips");
  if (chips) {
    if (!chips.querySelector(`input[value="${CSS.escape(value)}"]`)) chips.append(chip(place, value, text));
    place.querySelector("[role=combobox]").value = "";
    changed(place);
  } else set(place, value, text);
  shut(place);
}

function chip(place, value, text) {
  const item = place.querySelector("template[data-rf-chip]").content.firstElementChild.cloneNode(true);
  item.querySelector("span").textContent = text;
  const hidden = item.querySelector("input");
  hidden.value = value;
  hidden.name = place.dataset.rfField;
  const button = item.querySelector("button");
  button.setAttribute("aria-label", `${button.getAttribute("aria-label")} ${text}`);
  return item;
}

function set(place, value, text, quiet = false) {
  const chips = place.querySelector(".rf-chips");
  if (chips) {
    const texts = Array.isArray(text) ? text : [text];
    const values = Array.isArray(value) ? value : value ? [value] : [];
    chips.replaceChildren(...values.map((one, index) => chip(place, one, texts[index] ?? "")));
    if (!quiet) changed(place);
    return;
  }
  const input = place.querySelector("[role=combobox]");
  const hidden = place.querySelector("[data-rf-value]");
  hidden.value = Array.isArray(value) ? (value[0] ?? "") : (value ?? "");
  input.value = Array.isArray(text) ? (text[0] ?? "") : (text ?? "");
  input.dataset.chosen = input.value;
  place.querySelector(".rf-picker").classList.toggle("rf-has-value", Boolean(hidden.value));
  if (!quiet) changed(place);
}

// Below the input, or above it where there is more room; the grid around it must not cut it off.
function hang(list, input) {
  const at = input.getBoundingClientRect();
  const below = window.innerHeight - at.bottom;
  const height = Math.min(272, Math.max(below, at.top) - 12);
  const style = list.style;
  style.position = "fixed";
  style.width = `${Math.max(at.width, 260)}px`;
  style.left = `${Math.max(4, Math.min(at.left, window.innerWidth - Math.max(at.width, 260) - 4))}px`;
  style.right = "auto";
  style.maxHeight = `${height}px`;
  style.top = below > 180 || below > at.top ? `${at.bottom + 2}px` : "auto";
  style.bottom = style.top === "auto" ? `${window.innerHeight - at.top + 2}px` : "auto";
}

function shut(place) {
  const list = place.querySelector("[role=listbox]");
  list.hidden = true;
  const input = place.querySelector("[role=combobox]");
  input.setAttribute("aria-expanded", "false");
  input.removeAttribute("aria-activedescendant");
}

function changed(place) {
  place.dispatchEvent(new CustomEvent("rf:changed", { bubbles: true, detail: { typed: true } }));
}

for (const form of document.querySelectorAll("form[data-rf-form]")) picker(form);
